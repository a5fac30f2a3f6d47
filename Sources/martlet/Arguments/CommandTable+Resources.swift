// SPDX-License-Identifier: Apache-2.0

/// The commands on what a running container uses and may use.
extension CommandTable {
    static var ps: CommandGrammar {
        CommandGrammar(
            name: .ps, summary: "list a container's processes",
            options: [
                OptionGrammar(.format, short: "f", .choice(["table", "json"]), "(default: table)"),
                help,
            ], operands: [OperandGrammar("ID")], rest: "PS-ARGUMENT",
            discussion: """
                The table is made by ps(1), with the arguments after ID (default: -ef), which must \
                have a column PID. As JSON it is an array of pids.
                """)
    }

    static var events: CommandGrammar {
        CommandGrammar(
            name: .events, summary: "tell what a container uses, and when memory runs out",
            options: [
                OptionGrammar(
                    .interval, .duration, "how often it is told what it uses (default: 5s)"),
                OptionGrammar(.stats, .boolean, "tell what it uses once, now"), help,
            ], operands: [OperandGrammar("ID")],
            discussion: "Every event is one line of JSON. Ends when the container has stopped.")
    }

    static var update: CommandGrammar {
        CommandGrammar(
            name: .update, summary: "change what a container may use",
            options: [
                OptionGrammar(
                    .resources, short: "r", .text("FILE"),
                    "take everything from this file of linux.resources; - is standard input"),
                OptionGrammar(.blkioWeight, .integer("N"), "share of disk time, 10 to 1000"),
                OptionGrammar(.cpuPeriod, .integer("US"), "the period of the quota"),
                OptionGrammar(
                    .cpuQuota, .integer("US"), "processor time in each period; -1 is no limit"),
                OptionGrammar(.cpuBurst, .integer("US"), "what may be saved up for one period"),
                OptionGrammar(.cpuShare, .integer("N"), "share of processor time"),
                OptionGrammar(.cpuRealtimePeriod, .integer("US"), "period of real-time processes"),
                OptionGrammar(.cpuRealtimeRuntime, .integer("US"), "their time in each period"),
                OptionGrammar(.cpuIdle, .integer("0|1"), "run only when nothing else does"),
                OptionGrammar(.cpusetCpus, .text("LIST"), "processors, such as 0-2,7"),
                OptionGrammar(.cpusetMems, .text("LIST"), "memory nodes"),
                OptionGrammar(.memory, .size, "limit of memory; -1 is no limit"),
                OptionGrammar(.memoryReservation, .size, "what is kept for it"),
                OptionGrammar(.memorySwap, .size, "limit of memory and swap together"),
                OptionGrammar(.kernelMemory, .size, "ignored: kernels have no such limit now"),
                OptionGrammar(.kernelMemoryTCP, .size, "limit of TCP buffers (cgroup v1)"),
                OptionGrammar(
                    .pidsLimit, .integer("N"), "number of processes; -1 is no limit"),
                OptionGrammar(.l3CacheSchema, .text("SCHEMA"), "not supported yet"),
                OptionGrammar(.memoryBandwidthSchema, .text("SCHEMA"), "not supported yet"),
                help,
            ], operands: [OperandGrammar("ID")],
            discussion: """
                What is not given stays as it is. When one value cannot be set, none is. Sizes are \
                in bytes, or end in k, m, g or t.
                """)
    }
}
