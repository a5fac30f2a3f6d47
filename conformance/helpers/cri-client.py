#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cri-client.py SOCKET METHOD [FIELD]…: one call of containerd's CRI plugin, as the kubelet makes it.

Fields are written as for shim-client.py; those of the answer are printed. Without METHOD it says
whether the plugin is ready.
"""
import os
import runpy
import sys

import grpc

shim = runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim-client.py"))


def main(path, method="Version", *words):
    with grpc.insecure_channel(f"unix://{path}") as channel:
        call = channel.unary_unary(f"/runtime.v1.RuntimeService/{method}")
        try:
            answer = call(b"".join(map(shim["parse"], words)), timeout=60)
        except grpc.RpcError as error:
            print(error.code().name, error.details(), file=sys.stderr)
            sys.exit(1)
    shim["show"](answer)


main(*sys.argv[1:])
