// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Startup

// Before anything is set up: engines and health checks ask for the version often.
if CommandLine.argc == 2, let word = unsafe CommandLine.unsafeArgv[1],
    unsafe Version.isAsked(word)
{
    Process.exitNow(Version.print())
}

// No buffers of the C library are in use, and no handlers wait for the end: it is immediate.
Process.exitNow(Program.run(RawArgument.all()))
