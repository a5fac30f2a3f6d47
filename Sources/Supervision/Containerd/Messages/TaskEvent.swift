// SPDX-License-Identifier: Apache-2.0

package import Protobuf

/// What happens to a task, as containerd wants to be told.
package enum TaskEvent {
    /// Where the standard streams of a container are.
    package struct StandardStreams: Message {
        package var stdin = ""
        package var stdout = ""
        package var stderr = ""
        package var terminal = false

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &stdin)
            fields.visit(2, &stdout)
            fields.visit(3, &stderr)
            fields.visit(4, &terminal)
        }
    }

    /// `containerd.events.TaskCreate`.
    package struct Create: Message {
        package var containerID = ""
        package var bundle = ""
        package var rootfs: [TaskAPI.Mount] = []
        package var streams: StandardStreams?
        package var checkpoint = ""
        package var pid: UInt32 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &containerID)
            fields.visit(2, &bundle)
            fields.visit(3, &rootfs)
            fields.visit(4, &streams)
            fields.visit(5, &checkpoint)
            fields.visit(6, &pid)
        }
    }

    /// `containerd.events.TaskStart`.
    package struct Start: Message {
        package var containerID = ""
        package var pid: UInt32 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &containerID)
            fields.visit(2, &pid)
        }
    }

    /// `containerd.events.TaskDelete`.
    package struct Delete: Message {
        package var containerID = ""
        package var pid: UInt32 = 0
        package var exitStatus: UInt32 = 0
        package var exitedAt: Timestamp?
        /// The container's or the exec's.
        package var id = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &containerID)
            fields.visit(2, &pid)
            fields.visit(3, &exitStatus)
            fields.visit(4, &exitedAt)
            fields.visit(5, &id)
        }
    }

    /// `containerd.events.TaskExit`.
    package struct Exit: Message {
        package var containerID = ""
        /// The container's or the exec's.
        package var id = ""
        package var pid: UInt32 = 0
        package var exitStatus: UInt32 = 0
        package var exitedAt: Timestamp?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &containerID)
            fields.visit(2, &id)
            fields.visit(3, &pid)
            fields.visit(4, &exitStatus)
            fields.visit(5, &exitedAt)
        }
    }

    /// `containerd.events.TaskOOM`, `TaskPaused` and `TaskResumed`.
    package struct Container: Message {
        package var containerID = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &containerID)
        }
    }

    /// `containerd.events.TaskExecAdded`.
    package struct ExecAdded: Message {
        package var containerID = ""
        package var execID = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &containerID)
            fields.visit(2, &execID)
        }
    }

    /// `containerd.events.TaskExecStarted`.
    package struct ExecStarted: Message {
        package var containerID = ""
        package var execID = ""
        package var pid: UInt32 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &containerID)
            fields.visit(2, &execID)
            fields.visit(3, &pid)
        }
    }

    /// `containerd.events.TaskCheckpointed`.
    package struct Checkpointed: Message {
        package var containerID = ""
        package var checkpoint = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &containerID)
            fields.visit(2, &checkpoint)
        }
    }

    /// `containerd.types.Envelope`: an event on its way.
    package struct Envelope: Message {
        package var timestamp: Timestamp?
        package var namespace = ""
        package var topic = ""
        package var event: AnyMessage?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &timestamp)
            fields.visit(2, &namespace)
            fields.visit(3, &topic)
            fields.visit(4, &event)
        }
    }

    /// Of `containerd.services.events.ttrpc.v1.Events/Forward`.
    package struct ForwardRequest: Message {
        package var envelope: Envelope?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &envelope)
        }
    }
}
