// SPDX-License-Identifier: Apache-2.0

package import Protobuf

/// What is said between containerd and a shim outside of tasks.
package enum ShimMessages {
    /// `containerd.runc.v1.Options`: what a caller may choose of the runtime.
    package struct Options: Message {
        package var noPivotRoot = false
        package var noNewKeyring = false
        /// A cgroup for the shim itself.
        package var shimCgroup = ""
        /// The owner of the pipes that a container writes to.
        package var ioUID: UInt32 = 0
        package var ioGID: UInt32 = 0
        /// The runtime; empty for the usual one.
        package var binaryName = ""
        /// Of the runtime's state directories.
        package var root = ""
        package var systemdCgroup = false
        package var criuImagePath = ""
        package var criuWorkPath = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &noPivotRoot)
            fields.visit(2, &noNewKeyring)
            fields.visit(3, &shimCgroup)
            fields.visit(4, &ioUID)
            fields.visit(5, &ioGID)
            fields.visit(6, &binaryName)
            fields.visit(7, &root)
            fields.visit(9, &systemdCgroup)
            fields.visit(10, &criuImagePath)
            fields.visit(11, &criuWorkPath)
        }
    }

    /// `containerd.runc.v1.CheckpointOptions`.
    package struct CheckpointOptions: Message {
        package var exit = false
        package var openTCP = false
        package var externalUnixSockets = false
        package var terminal = false
        package var fileLocks = false
        package var emptyNamespaces: [String] = []
        package var cgroupsMode = ""
        package var imagePath = ""
        package var workPath = ""
        package var parentPath = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &exit)
            fields.visit(2, &openTCP)
            fields.visit(3, &externalUnixSockets)
            fields.visit(4, &terminal)
            fields.visit(5, &fileLocks)
            fields.visit(6, &emptyNamespaces)
            fields.visit(7, &cgroupsMode)
            fields.visit(8, &imagePath)
            fields.visit(9, &workPath)
            fields.visit(10, &parentPath)
        }
    }

    /// `runtimeoptions.v1.Options`: what containerd says to a runtime whose options it does not know.
    package struct GenericOptions: Message {
        package var typeURL = ""
        /// A file with options.
        package var configPath = ""
        /// The same at once.
        package var configBody: [UInt8] = []

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &typeURL)
            fields.visit(2, &configPath)
            fields.visit(3, &configBody)
        }
    }

    /// `containerd.types.RuntimeVersion`.
    package struct RuntimeVersion: Message {
        package var version = ""
        package var revision = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &version)
            fields.visit(2, &revision)
        }
    }

    /// `containerd.types.RuntimeInfo`: what the flag `-info` prints.
    package struct RuntimeInfo: Message {
        package var name = ""
        package var version: RuntimeVersion?
        package var options: AnyMessage?
        package var features: AnyMessage?
        package var annotations: [String: String] = [:]

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &name)
            fields.visit(2, &version)
            fields.visit(3, &options)
            fields.visit(4, &features)
            fields.visit(5, &annotations)
        }
    }

    /// `containerd.runtime.bootstrap.v1.Extension`.
    package struct Extension: Message {
        package var value: AnyMessage?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &value)
        }
    }

    /// `containerd.runtime.bootstrap.v1.BootstrapParams`: what `start` is given since containerd 2.3.
    package struct BootstrapParameters: Message {
        package var instanceID = ""
        package var namespace = ""
        package var logLevel: Int32 = 0
        package var containerdVersion = ""
        package var ttrpcAddress = ""
        package var grpcAddress = ""
        package var containerdBinary = ""
        package var extensions: [Extension] = []
        package var socketDirectory: String?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &instanceID)
            fields.visit(2, &namespace)
            fields.visit(3, &logLevel)
            fields.visit(4, &containerdVersion)
            fields.visit(5, &ttrpcAddress)
            fields.visit(6, &grpcAddress)
            fields.visit(7, &containerdBinary)
            fields.visit(8, &extensions)
            fields.visit(9, &socketDirectory)
        }
    }

    /// `containerd.runtime.bootstrap.v1.BootstrapResult`: what `start` answers then.
    package struct BootstrapResult: Message {
        package var version: Int32 = 0
        package var address = ""
        package var protocolName = ""
        package var metadata: [String: String] = [:]

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &version)
            fields.visit(2, &address)
            fields.visit(3, &protocolName)
            fields.visit(5, &metadata)
        }
    }
}
