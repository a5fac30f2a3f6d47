#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""born-as.py PID: becomes the parent of a process with this pid, which sleeps, and says so.

The kernel gives a number that is free to whoever asks for it (clone3(2), set_tid) with
CAP_CHECKPOINT_RESTORE: so a test need not wait until all numbers have had their turn.
"""

import ctypes
import os
import signal
import sys
import time

CLONE3 = 435  # On every architecture.
libc = ctypes.CDLL(None, use_errno=True)

wanted = (ctypes.c_int * 1)(int(sys.argv[1]))
# struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
# set_tid_size.
arguments = (ctypes.c_uint64 * 10)(0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(wanted), 1)
pid = libc.syscall(CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments))
if pid < 0:
    sys.exit(f"clone3: {os.strerror(ctypes.get_errno())}")
if pid == 0:
    # With its parent, however that ends.
    libc.prctl(1, signal.SIGKILL)
    time.sleep(1000)
    os._exit(0)
print("born", flush=True)
_, status = os.waitpid(pid, 0)
print(f"ended {status}", flush=True)
