# SPDX-License-Identifier: Apache-2.0
"""idmap-probe.py DIRECTORY: exit 0 if the kernel can map the ids of a mount of it."""

import ctypes
import os
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
OPEN_TREE, MOUNT_SETATTR = 428, 442
AT_FDCWD, AT_EMPTY_PATH, OPEN_TREE_CLONE, MOUNT_ATTR_IDMAP = -100, 0x1000, 1, 0x100000
CLONE_NEWUSER = 0x10000000

ready, done = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    libc.unshare(CLONE_NEWUSER)
    os.write(ready[1], b"x")
    os.close(done[1])
    os.read(done[0], 1)
    os._exit(0)
os.read(ready[0], 1)
for kind in "gid", "uid":
    with open(f"/proc/{child}/{kind}_map", "w") as file:
        file.write("0 1000 100\n")
space = os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
os.write(done[1], b"x")
os.waitpid(child, 0)
tree = libc.syscall(OPEN_TREE, AT_FDCWD, sys.argv[1].encode(), OPEN_TREE_CLONE)
attributes = struct.pack("QQQQ", MOUNT_ATTR_IDMAP, 0, 0, space)
sys.exit(libc.syscall(MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH, attributes, len(attributes)) != 0)
