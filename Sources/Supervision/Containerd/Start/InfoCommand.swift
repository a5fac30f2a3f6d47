// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Protobuf

/// `-info`: what this shim is, and what the runtime behind it can do.
enum InfoCommand {
    /// How long the runtime may think about its features.
    private static let patience = 10_000

    /// - Parameters:
    ///   - input: the options, as `google.protobuf.Any`; empty for none.
    ///   - version: of this program.
    /// - Returns: a `containerd.types.RuntimeInfo`.
    /// - Throws: when something of that fails.
    static func run(_ input: [UInt8], version: String) throws(CallError) -> [UInt8] {
        var information = ShimMessages.RuntimeInfo()
        information.name = ContainerdShim.runtimeName
        var own = ShimMessages.RuntimeVersion()
        own.version = version
        information.version = own
        var options = RuntimeOptions()
        if !input.isEmpty {
            do throws(WireError) {
                let any = try AnyMessage(decoding: input)
                information.options = any
            } catch {
                throw CallError(.invalidArgument, "the options cannot be read: \(error)")
            }
            options = try RuntimeOptions(information.options)
        }
        information.features = try features(try options.program())
        return information.encoded
    }

    /// nil from a runtime that does not tell.
    private static func features(_ program: String) throws(CallError) -> AnyMessage? {
        let work = try CommandLoop()
        var features: AnyMessage?
        try work.run { done in
            let command = RuntimeCommand(program, ["features"], in: work.loop, work.reaper)
            command.milliseconds = patience
            // One that cannot be started tells nothing.
            do {
                try command.start { outcome in
                    if outcome.succeeded,
                        (try? JSONDocument(parsing: outcome.output).root.kind) == .object
                    {
                        features = AnyMessage(
                            typeURL: "types.containerd.io/opencontainers/runtime-spec/1"
                                + "/features/Features",
                            value: outcome.output)
                    }
                    done()
                }
            } catch {
                work.loop.after(milliseconds: 0) { done() }
            }
        }
        return features
    }
}
