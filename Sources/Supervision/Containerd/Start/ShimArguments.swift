// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The command line of a shim of containerd's.
package struct ShimArguments: Equatable {
    package var namespace = ""
    package var id = ""
    /// The path of containerd's gRPC socket.
    package var address = ""
    package var publishBinary = ""
    package var bundle = ""
    /// The path of the shim's own socket, which it has as a descriptor.
    package var socket = ""
    package var isDebug = false
    package var tellsVersion = false
    package var tellsInformation = false
    /// `start` or `delete`; empty for the shim itself.
    package var action = ""

    /// - Parameter words: what follows the program's name.
    /// - Throws: when something of that fails.
    package init(_ words: [String]) throws(CallError) {
        var rest = words[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("-") else {
                action = word
                // What follows is the action's, and none has anything.
                break
            }
            var name = word.dropFirst(word.hasPrefix("--") ? 2 : 1)
            var value: String?
            if let sign = name.firstIndex(of: "=") {
                value = String(name[name.index(after: sign)...])
                name = name[..<sign]
            }
            switch name {
            case "debug": isDebug = try Self.truth(value, word)
            case "v", "version": tellsVersion = try Self.truth(value, word)
            case "info": tellsInformation = try Self.truth(value, word)
            case "namespace", "id", "address", "publish-binary", "bundle", "socket",
                "debug-socket":
                guard let given = value ?? rest.popFirst() else {
                    throw CallError(.invalidArgument, "\(word) needs a value")
                }
                set(name, given)
            default: throw CallError(.invalidArgument, "unknown flag \(word)")
            }
        }
    }

    private mutating func set(_ name: Substring, _ value: String) {
        switch name {
        case "namespace": namespace = value
        case "id": id = value
        case "address": address = value
        case "publish-binary": publishBinary = value
        case "bundle": bundle = value
        case "socket": socket = value
        // There is none.
        default: break
        }
    }

    private static func truth(_ value: String?, _ word: String) throws(CallError) -> Bool {
        switch value {
        case nil, "1", "t", "true": return true
        case "0", "f", "false": return false
        default: throw CallError(.invalidArgument, "\(word) is neither true nor false")
        }
    }
}
