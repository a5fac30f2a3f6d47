// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import JSON
internal import Linux

/// The file of `--trace`, in the trace event format that Chrome and Perfetto show.
struct TraceFile {
    let trace: Trace
    private let path: String
    private let begin = Trace.now

    /// - Throws: when there is no memory for it.
    init(_ path: String) throws(ContainerError) {
        self.path = path
        do throws(SystemCallError) {
            trace = try Trace()
        } catch {
            throw ContainerError(step: "--trace", error)
        }
    }

    /// Writes what was done so far by a command; a file that is there is replaced. That it cannot be
    /// written does not make the command fail.
    func write(of command: CommandName, warn: (String) -> Void) {
        trace.add("martlet \(command.rawValue)", since: begin)
        if trace.dropped > 0 {
            warn("--trace: \(trace.dropped) events after the first \(Trace.capacity) are left out")
        }
        do throws(SystemCallError) {
            try File.replace(
                path, at: Directory.current, with: Self.encode(trace.events), permissions: 0o644)
        } catch {
            warn("--trace: \(error)")
        }
    }

    /// An object with the events, their times in microseconds from the first one.
    static func encode(_ events: [Trace.Event]) -> [UInt8] {
        let origin = events.first?.begin ?? 0
        var json = JSONWriter()
        json.object { json in
            json.member("displayTimeUnit", "ns")
            json.key("traceEvents")
            json.array { json in
                for (track, name) in [(1, "martlet"), (2, "the container's first process")] {
                    json.object { json in
                        json.member("name", "thread_name")
                        json.member("ph", "M")
                        json.member("pid", 1)
                        json.member("tid", track)
                        json.member("args", ["name": name])
                    }
                }
                for event in events {
                    json.object { json in
                        json.member("name", event.name)
                        json.member("ph", "X")
                        json.member("pid", 1)
                        json.member("tid", event.track)
                        json.key("ts")
                        json.hundredths((event.begin &- origin) / 10)
                        json.key("dur")
                        json.hundredths((event.end &- event.begin) / 10)
                    }
                }
            }
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }
}
