// SPDX-License-Identifier: Apache-2.0

internal import Protobuf

/// What CRIU is asked (its images/rpc.proto, which is version 2 of Protocol Buffers: there it counts
/// whether a field is there, also when it says 0).
struct CriuRequest: Protobuf.Message {
    enum Kind: UInt32 {
        case dump = 1
        case restore = 2
        case preDump = 4
        case notify = 6
    }

    private var type: UInt32 = 0
    var options: CriuOptions?
    private var notifySuccess: Bool = false

    init() {}

    init(_ kind: Kind, _ options: CriuOptions? = nil) {
        type = kind.rawValue
        self.options = options
        // What was told by a notification has been done.
        notifySuccess = kind == .notify
    }

    mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &type)
        fields.visit(2, &options)
        fields.visit(3, &notifySuccess)
    }
}

/// How CRIU is to do it. Descriptors are those of the process that has made the socket.
struct CriuOptions: Protobuf.Message {
    /// What is done about cgroups.
    enum CgroupMode: UInt32 {
        case ignore = 0
        case soft = 3
        case full = 4
        case strict = 5
    }

    var imagesDirectory: Int32 = 0
    var pid: Int32 = 0
    var leavesRunning = false
    var allowsExternalSockets = false
    var allowsConnections = false
    var isShellJob = false
    var allowsFileLocks = false
    var logLevel: Int32 = 4
    var logFile = ""
    var pageServer: CriuPageServer?
    var notifies = true
    var root = ""
    var parentImage = ""
    var tracksMemory = false
    var deduplicates = false
    var workDirectory: Int32 = 0
    var remapsLinks = false
    var externalMounts: [CriuPair] = []
    var managesCgroups = false
    var cgroupRoots: [CriuPair] = []
    var restoresSibling = false
    var inherited: [CriuInherited] = []
    var cgroupMode: UInt64?
    var external: [String] = []
    var emptyNamespaces: UInt32 = 0
    var frozenCgroup = ""
    var skipsConnectionsInFlight = false
    var hasLazyPages = false
    var statusDescriptor: Int32 = 0
    var hasOrphanTerminal = true
    var labelProfile = ""
    var mountLabel = ""

    init() {}

    mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &imagesDirectory)
        fields.visit(2, &pid)
        fields.visit(3, &leavesRunning)
        fields.visit(4, &allowsExternalSockets)
        fields.visit(5, &allowsConnections)
        fields.visit(7, &isShellJob)
        fields.visit(8, &allowsFileLocks)
        fields.visit(9, &logLevel)
        fields.visit(10, &logFile)
        fields.visit(11, &pageServer)
        fields.visit(12, &notifies)
        fields.visit(13, &root)
        fields.visit(14, &parentImage)
        fields.visit(15, &tracksMemory)
        fields.visit(16, &deduplicates)
        fields.visit(17, &workDirectory)
        fields.visit(18, &remapsLinks)
        fields.visit(23, &externalMounts)
        fields.visit(24, &managesCgroups)
        fields.visit(25, &cgroupRoots)
        fields.visit(26, &restoresSibling)
        fields.visit(27, &inherited)
        fields.visit(34, &cgroupMode)
        fields.visit(37, &external)
        fields.visit(38, &emptyNamespaces)
        fields.visit(44, &frozenCgroup)
        fields.visit(46, &skipsConnectionsInFlight)
        fields.visit(48, &hasLazyPages)
        fields.visit(49, &statusDescriptor)
        fields.visit(50, &hasOrphanTerminal)
        fields.visit(53, &labelProfile)
        fields.visit(64, &mountLabel)
    }
}

/// Where memory is sent to.
struct CriuPageServer: Protobuf.Message {
    var address = ""
    var port: Int32 = 0

    init() {}

    mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &address)
        fields.visit(2, &port)
    }
}

/// Two texts: a mount and where it comes from, or a hierarchy and a cgroup in it.
struct CriuPair: Protobuf.Message {
    var key: String? = ""
    var value: String? = ""

    init() {}

    init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }

    mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &key)
        fields.visit(2, &value)
    }
}

/// A descriptor of CRIU's own process that takes the place of one in the images.
struct CriuInherited: Protobuf.Message {
    var key = ""
    var descriptor: UInt64? = 0

    init() {}

    init(_ key: String, _ descriptor: CInt) {
        self.key = key
        self.descriptor = UInt64(max(0, descriptor))
    }

    mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &key)
        fields.visit(2, &descriptor)
    }
}

/// What CRIU answers, or tells on the way.
struct CriuResponse: Protobuf.Message {
    var type: UInt32 = 0
    var hasSucceeded = false
    var restored: CriuRestored?
    var notification: CriuNotification?
    var errno: Int32 = 0
    var message = ""

    init() {}

    var kind: CriuRequest.Kind? { CriuRequest.Kind(rawValue: type) }

    mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &type)
        fields.visit(2, &hasSucceeded)
        fields.visit(4, &restored)
        fields.visit(5, &notification)
        fields.visit(7, &errno)
        fields.visit(9, &message)
    }
}

/// The first process of what was restored.
struct CriuRestored: Protobuf.Message {
    var pid: Int32 = 0

    init() {}

    mutating func visit(_ fields: inout Fields) { fields.visit(1, &pid) }
}

/// How far CRIU has come.
struct CriuNotification: Protobuf.Message {
    var name = ""
    var pid: Int32 = 0

    init() {}

    mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &name)
        fields.visit(2, &pid)
    }
}
