// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import OCI

/// Hooks in a container's record: those that are to run after `create`, as they were then, whatever
/// becomes of the bundle (runtime.md#lifecycle, 2).
extension Hooks {
    /// Those of a configuration that go on record.
    static func onRecord(_ configured: Hooks) -> Hooks {
        var hooks = Hooks()
        hooks.poststart = configured.poststart
        hooks.poststop = configured.poststop
        return hooks
    }

    /// Reads what `encode` wrote.
    init(record node: JSONNode) throws(JSONError) {
        self.init()
        poststart = try Self.list(node.required("poststart", "an array"))
        poststop = try Self.list(node.required("poststop", "an array"))
    }

    private static func list(_ node: JSONNode) throws(JSONError) -> [Hook] {
        var hooks: [Hook] = []
        for element in try node.elements() {
            var hook = Hook(path: try element.required("path", "a string").string())
            hook.args = try strings(element.required("args", "an array"))
            hook.env = try strings(element.required("env", "an array"))
            hook.timeout = try element["timeout"]?.integer()
            hooks.append(hook)
        }
        return hooks
    }

    private static func strings(_ node: JSONNode) throws(JSONError) -> [String] {
        var strings: [String] = []
        for element in try node.elements() { strings.append(try element.string()) }
        return strings
    }

    func encode(into json: inout JSONWriter) {
        json.object { json in
            json.key("poststart")
            Self.encode(poststart, into: &json)
            json.key("poststop")
            Self.encode(poststop, into: &json)
        }
    }

    private static func encode(_ hooks: [Hook], into json: inout JSONWriter) {
        json.array { json in
            for hook in hooks {
                json.object { json in
                    json.member("path", hook.path)
                    json.member("args", hook.args)
                    json.member("env", hook.env)
                    if let timeout = hook.timeout { json.member("timeout", timeout) }
                }
            }
        }
    }
}
