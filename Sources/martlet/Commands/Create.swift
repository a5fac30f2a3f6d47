// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Linux

extension Invocation {
    /// `create`.
    func create() throws(ContainerError) {
        _ = try runtime.create(
            request(), protecting: ProtectedBinary.prepare(), warn: log.warning)
    }

    /// The request that the flags make.
    func request() -> CreateRequest {
        var request = CreateRequest(id: id)
        if let bundle = options[.bundle] { request.bundle = bundle }
        if let path = options[.consoleSocket] { request.console = .socket(path: path) }
        request.pidfdSocket = options[.pidfdSocket]
        request.pidFile = options[.pidFile]
        request.managesCgroups = globals.managesCgroups
        request.usesSystemd = globals.usesSystemd
        request.isStrict = globals.isStrict
        request.noPivot = options.isSet(.noPivot)
        if options.isSet(.noNewKeyring) { request.keyring = nil }
        request.preservedDescriptors = descriptors.preserved
        request.listenDescriptors = descriptors.listening
        request.notifySocket = notifySocket
        return request
    }

    /// What `start` is to do with it.
    var notifyRequest: NotifyRequest? { notifySocket.map { NotifyRequest(socket: $0) } }

    /// The socket where readiness is told to the caller's service manager (sd_notify(3)).
    var notifySocket: String? {
        guard let path = Process.environmentVariable("NOTIFY_SOCKET"), !path.isEmpty else {
            return nil
        }
        return path
    }
}
