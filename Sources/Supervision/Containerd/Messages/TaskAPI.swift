// SPDX-License-Identifier: Apache-2.0

package import Protobuf

/// The messages of `containerd.task.v2.Task` and `containerd.task.v3.Task`, which are the same.
package enum TaskAPI {
    /// A mount that makes a part of the root filesystem.
    package struct Mount: Message {
        package var type = ""
        package var source = ""
        /// Below the root filesystem; empty for its root.
        package var target = ""
        package var options: [String] = []

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &type)
            fields.visit(2, &source)
            fields.visit(3, &target)
            fields.visit(4, &options)
        }
    }

    /// Of `Create`.
    package struct CreateRequest: Message {
        package var id = ""
        package var bundle = ""
        package var rootfs: [Mount] = []
        package var terminal = false
        package var stdin = ""
        package var stdout = ""
        package var stderr = ""
        /// A directory with an image to restore from; empty for none.
        package var checkpoint = ""
        package var parentCheckpoint = ""
        package var options: AnyMessage?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &id)
            fields.visit(2, &bundle)
            fields.visit(3, &rootfs)
            fields.visit(4, &terminal)
            fields.visit(5, &stdin)
            fields.visit(6, &stdout)
            fields.visit(7, &stderr)
            fields.visit(8, &checkpoint)
            fields.visit(9, &parentCheckpoint)
            fields.visit(10, &options)
        }
    }

    /// Of `Create` and `Start`.
    package struct PidResponse: Message {
        package var pid: UInt32 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &pid)
        }
    }

    /// Of `State`, `Start`, `Delete` and `Wait`.
    package struct ProcessRequest: Message {
        package var id = ""
        /// Empty for the container's first process.
        package var execID = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &id)
            fields.visit(2, &execID)
        }
    }

    /// Of `Pids`, `Pause`, `Resume`, `Stats` and `Connect`.
    package struct ContainerRequest: Message {
        package var id = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &id)
        }
    }

    /// Of `Delete`, and what the command `delete` prints.
    package struct DeleteResponse: Message {
        package var pid: UInt32 = 0
        package var exitStatus: UInt32 = 0
        package var exitedAt: Timestamp?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &pid)
            fields.visit(2, &exitStatus)
            fields.visit(3, &exitedAt)
        }
    }

    /// Of `Exec`.
    package struct ExecRequest: Message {
        package var id = ""
        package var execID = ""
        package var terminal = false
        package var stdin = ""
        package var stdout = ""
        package var stderr = ""
        /// The process, as JSON.
        package var spec: AnyMessage?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &id)
            fields.visit(2, &execID)
            fields.visit(3, &terminal)
            fields.visit(4, &stdin)
            fields.visit(5, &stdout)
            fields.visit(6, &stderr)
            fields.visit(7, &spec)
        }
    }

    /// Of `ResizePty`.
    package struct ResizeRequest: Message {
        package var id = ""
        package var execID = ""
        package var width: UInt32 = 0
        package var height: UInt32 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &id)
            fields.visit(2, &execID)
            fields.visit(3, &width)
            fields.visit(4, &height)
        }
    }

    /// Of `State`.
    package struct StateResponse: Message {
        package var id = ""
        package var bundle = ""
        package var pid: UInt32 = 0
        /// A ``Status``.
        package var status: UInt32 = 0
        package var stdin = ""
        package var stdout = ""
        package var stderr = ""
        package var terminal = false
        package var exitStatus: UInt32 = 0
        package var exitedAt: Timestamp?
        package var execID = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &id)
            fields.visit(2, &bundle)
            fields.visit(3, &pid)
            fields.visit(4, &status)
            fields.visit(5, &stdin)
            fields.visit(6, &stdout)
            fields.visit(7, &stderr)
            fields.visit(8, &terminal)
            fields.visit(9, &exitStatus)
            fields.visit(10, &exitedAt)
            fields.visit(11, &execID)
        }
    }

    /// Of `Kill`.
    package struct KillRequest: Message {
        package var id = ""
        package var execID = ""
        package var signal: UInt32 = 0
        package var all = false

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &id)
            fields.visit(2, &execID)
            fields.visit(3, &signal)
            fields.visit(4, &all)
        }
    }

    /// Of `CloseIO`.
    package struct CloseIORequest: Message {
        package var id = ""
        package var execID = ""
        package var stdin = false

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &id)
            fields.visit(2, &execID)
            fields.visit(3, &stdin)
        }
    }

    /// One process of `Pids`.
    package struct ProcessInfo: Message {
        package var pid: UInt32 = 0
        package var info: AnyMessage?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &pid)
            fields.visit(2, &info)
        }
    }

    /// Of `Pids`.
    package struct PidsResponse: Message {
        package var processes: [ProcessInfo] = []

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &processes)
        }
    }

    /// What `Pids` says of a process that `Exec` has made: `containerd.runc.v1.ProcessDetails`.
    package struct ProcessDetails: Message {
        package var execID = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &execID)
        }
    }

    /// Of `Checkpoint`.
    package struct CheckpointRequest: Message {
        package var id = ""
        package var path = ""
        package var options: AnyMessage?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &id)
            fields.visit(2, &path)
            fields.visit(3, &options)
        }
    }

    /// Of `Update`.
    package struct UpdateRequest: Message {
        package var id = ""
        /// As JSON.
        package var resources: AnyMessage?
        package var annotations: [String: String] = [:]

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &id)
            fields.visit(2, &resources)
            fields.visit(3, &annotations)
        }
    }

    /// Of `Wait`.
    package struct WaitResponse: Message {
        package var exitStatus: UInt32 = 0
        package var exitedAt: Timestamp?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &exitStatus)
            fields.visit(2, &exitedAt)
        }
    }

    /// Of `Stats`.
    package struct StatsResponse: Message {
        package var stats: AnyMessage?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &stats)
        }
    }

    /// Of `Connect`.
    package struct ConnectResponse: Message {
        package var shimPid: UInt32 = 0
        package var taskPid: UInt32 = 0
        package var version = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &shimPid)
            fields.visit(2, &taskPid)
            fields.visit(3, &version)
        }
    }

    /// Of `Shutdown`.
    package struct ShutdownRequest: Message {
        package var id = ""
        package var now = false

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &id)
            fields.visit(2, &now)
        }
    }

    /// What `State` says of a process.
    package enum Status: UInt32, Sendable {
        case unknown = 0
        case created = 1
        case running = 2
        case stopped = 3
        case paused = 4
        case pausing = 5
    }
}
