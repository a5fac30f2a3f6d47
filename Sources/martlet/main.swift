// SPDX-License-Identifier: Apache-2.0

internal import Linux

// Before anything is set up: engines and health checks ask for the version often.
if CommandLine.argc == 2, let argument = unsafe CommandLine.unsafeArgv[1],
    Version.isAsked(unsafe String(cString: argument))
{
    do throws(SystemCallError) {
        try File.write(Array(Version.text.utf8), to: 1)
    } catch {
        Process.exitNow(Program.ExitCode.failure)
    }
    Process.exitNow(Program.ExitCode.success)
}

// No buffers of the C library are in use, and no handlers wait for the end: it is immediate.
Process.exitNow(Program.run(Array(CommandLine.arguments.dropFirst())))
