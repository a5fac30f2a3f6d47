// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@Suite struct `An errno` {
    @Test(arguments: [
        (Errno.notPermitted, "EPERM", "operation not permitted (EPERM)"),
        (.noEntry, "ENOENT", "no such file or directory (ENOENT)"),
        (.accessDenied, "EACCES", "permission denied (EACCES)"),
        (.exists, "EEXIST", "file exists (EEXIST)"),
        (.invalid, "EINVAL", "invalid argument (EINVAL)"),
        (.symbolicLinkLoop, "ELOOP", "too many levels of symbolic links (ELOOP)"),
        (.protocolViolation, "EPROTO", "protocol error (EPROTO)"),
        (.fileTooBig, "EFBIG", "file too large (EFBIG)"),
        (.crossDevice, "EXDEV", "invalid cross-device link (EXDEV)"),
    ])
    func `has the kernel's symbol, and words in lower case`(
        errno: Errno, name: String, description: String
    ) {
        #expect(errno.name == name)
        #expect("\(errno)" == description)
    }

    @Test func `that nobody knows is a number`() {
        #expect(Errno(rawValue: 4000).name == "E4000")
        #expect("\(Errno(rawValue: 4000))" == "error 4000")
    }

    @Test func `names differ from each other`() {
        let all: [Errno] = [
            .notPermitted, .noEntry, .noProcess, .interrupted, .inputOutput, .tooBig,
            .notExecutable, .badDescriptor, .noChild, .again, .noMemory, .accessDenied, .busy,
            .exists, .crossDevice, .noDevice, .notDirectory, .isDirectory, .invalid,
            .notATerminal, .textBusy, .noSpace, .readOnly, .brokenPipe, .outOfRange, .nameTooLong,
            .unsupportedCall, .notEmpty, .symbolicLinkLoop, .unsupported, .connectionRefused,
            .connectionReset, .timedOut, .keyRevoked, .protocolViolation, .fileTooBig, .badLibrary,
        ]
        #expect(Set(all.map(\.name)).count == all.count)
        #expect(all.allSatisfy { $0.name.hasPrefix("E") && !"\($0)".hasPrefix("error") })
    }
}

@Suite struct `A failed system call` {
    @Test func `says what was done to what, and why not`() {
        #expect(
            "\(SystemCallError("open", "/run/x", .accessDenied))"
                == "open \"/run/x\": permission denied (EACCES)")
        #expect(
            "\(SystemCallError("fork", "", .noMemory))" == "fork: cannot allocate memory (ENOMEM)")
    }

    @Test func `names its path and the kernel's reason`() {
        let error = failure { () throws(SystemCallError) in
            try File.open("/nowhere/at all", .readOnly)
        }
        #expect(error == SystemCallError("open", "/nowhere/at all", .noEntry))
    }
}
