// SPDX-License-Identifier: Apache-2.0

internal import Containers

extension Invocation {
    /// `events`.
    func events() throws(ContainerError) {
        if options.isSet(.stats) {
            let statistics = try runtime.statistics(id)
            return try Output.write(EventReport.line(.statistics(statistics), id: id))
        }
        let interval = options[.interval].flatMap { Quantity.milliseconds($0) } ?? 5000
        let id = id
        try runtime.watch(id, interval: interval) { (event) throws(ContainerError) in
            try Output.write(EventReport.line(event, id: id))
        }
    }
}
