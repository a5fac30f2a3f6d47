// SPDX-License-Identifier: Apache-2.0

/// The commands that write a container into images, and make one of them again.
extension CommandTable {
    private static var images: [OptionGrammar] {
        [
            OptionGrammar(
                .imagePath, .text("DIR"), "the directory of the images (default: ./checkpoint)"),
            OptionGrammar(
                .workPath, .text("DIR"), "where the log is written (default: with the images)"),
            OptionGrammar(.tcpEstablished, .boolean, "also with open TCP connections"),
            OptionGrammar(.extUnixSk, .boolean, "also with Unix sockets that lead outside"),
            OptionGrammar(.shellJob, .boolean, "also as a job of a shell outside"),
            OptionGrammar(.fileLocks, .boolean, "also with locked files"),
            OptionGrammar(
                .manageCgroupsMode, .choice(["soft", "full", "strict", "ignore"]),
                "what is done about cgroups"),
            OptionGrammar(
                .emptyNs, .choice(["network"]), "leave this namespace empty; others fill it"),
            OptionGrammar(.autoDedup, .boolean, "drop what the images have twice"),
            OptionGrammar(.lazyPages, .boolean, "leave memory behind until it is needed"),
        ]
    }

    static var checkpoint: CommandGrammar {
        CommandGrammar(
            name: .checkpoint, summary: "write a running container into images, and end it",
            options: images + [
                OptionGrammar(
                    .parentPath, .text("DIR"),
                    "the images of a --pre-dump, as seen from the directory of these"),
                OptionGrammar(.leaveRunning, .boolean, "let it go on afterwards"),
                OptionGrammar(
                    .preDump, .boolean, "write only memory, and let it go on: the rest is faster"),
                OptionGrammar(
                    .tcpSkipInFlight, .boolean, "leave out connections that are being made"),
                OptionGrammar(
                    .linkRemap, .boolean, "give files that have been removed a name again"),
                OptionGrammar(
                    .statusFd, .number("N"), "CRIU writes to this when it listens for lazy pages"),
                OptionGrammar(
                    .pageServer, .text("ADDRESS:PORT"), "send memory to a page server"),
                help,
            ], operands: [OperandGrammar("ID")],
            discussion: "CRIU does it, which must be installed (criu in PATH).")
    }

    static var restore: CommandGrammar {
        CommandGrammar(
            name: .restore, summary: "make a container of images, which goes on where it was",
            options: [
                bundle,
                OptionGrammar(
                    .consoleSocket, .text("SOCKET"),
                    "send the terminal's master to this Unix socket"),
                OptionGrammar(.pidFile, .text("FILE"), "write the process's pid to this file"),
                OptionGrammar(.detach, short: "d", .boolean, "do not wait: leave it running"),
                OptionGrammar(
                    .noSubreaper, .boolean, "leave orphans of the container to others to reap"),
                OptionGrammar(.noPivot, .boolean, "ignored: CRIU enters the root filesystem"),
                OptionGrammar(.lsmProfile, .text("TYPE:NAME"), "another label than in the images"),
                OptionGrammar(
                    .lsmMountContext, .text("CONTEXT"), "another label for mounts"),
            ] + images + [help], operands: [OperandGrammar("ID")],
            discussion: """
                CRIU does it, which must be installed (criu in PATH). In the foreground it is as with \
                run.
                """)
    }
}
