// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Startup

// No buffers of the C library are in use, and no handlers wait for the end: it is immediate.
Process.exitNow(ShimProgram.run(CommandLine.arguments))
