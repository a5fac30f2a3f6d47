// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What this process takes on for the moment in which it makes another one, which inherits it.
struct Birth {
    private var processors: ProcessorSet?
    private var adjustment: String?
    /// Opened once: written to again when nobody may look into us any more.
    private var adjustmentFile: SharedDescriptor?

    init(_ plan: BirthPlan) throws(ContainerError) {
        if let asked = plan.processors {
            let property = "process.execCPUAffinity.initial"
            processors = try during(property) { () throws(SystemCallError) in
                try Process.processors()
            }
            do throws(ContainerError) {
                try Scheduling.apply(asked)
            } catch {
                throw ContainerError(error.kind, "\(property): \(error.reason)")
            }
        }
        guard let asked = plan.oomScoreAdjustment else { return }
        let path = "/proc/self/oom_score_adj"
        do throws(SystemCallError) {
            let now = try File.readText(path, limit: 16).prefix { $0 != "\n" }
            if now == "\(asked)" { return }
            let file = SharedDescriptor(try File.open(path, [.writeOnly, .noFollow]))
            try File.writeOnce("\(asked)", to: file.descriptor, subject: path)
            adjustment = String(now)
            adjustmentFile = file
        } catch {
            let hint = error.errno == .accessDenied ? "; lowering it needs CAP_SYS_RESOURCE" : ""
            throw ContainerError(
                .failed, "set oom_score_adj to \(asked): \(error.errno)\(hint)")
        }
    }

    /// Those that are nothing to the new process.
    var descriptors: [CInt] {
        adjustmentFile.map { [$0.number] } ?? []
    }

    /// Takes it off again.
    func end() throws(ContainerError) {
        try during("take on what we had") { () throws(SystemCallError) in
            if let processors { try Process.setProcessors(processors) }
            if let adjustmentFile, let adjustment {
                try File.writeOnce(
                    adjustment, to: adjustmentFile.descriptor,
                    subject: "/proc/self/oom_score_adj")
            }
        }
    }
}
