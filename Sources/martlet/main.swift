// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Linux

// Before anything is set up: engines and health checks ask for the version often.
if CommandLine.argc == 2, let word = unsafe CommandLine.unsafeArgv[1],
    unsafe Version.isAsked(word)
{
    Process.exitNow(Version.print())
}

// The commands that enter a container run again from a protected copy of this file: at once, so
// that nothing is set up twice. A failure is told later, where it is asked for again; a word that
// only looks like one of these commands costs a moment.
for index in 1..<max(1, CommandLine.argc) {
    if let word = unsafe CommandLine.unsafeArgv[Int(index)],
        unsafe RawArgument.isEnteringCommand(word)
    {
        try? ProtectedBinary.ensure()
        break
    }
}

// No buffers of the C library are in use, and no handlers wait for the end: it is immediate.
Process.exitNow(Program.run(RawArgument.all()))
