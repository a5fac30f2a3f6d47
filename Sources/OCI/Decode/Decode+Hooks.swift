// SPDX-License-Identifier: Apache-2.0

internal import JSON

extension Reader {
    /// `hooks`.
    mutating func hooks(_ node: JSONNode) -> Hooks {
        section = "config.md#posix-platform-hooks"
        var hooks = Hooks()
        hooks.prestart = hookList(node, "prestart")
        hooks.createRuntime = hookList(node, "createRuntime")
        hooks.createContainer = hookList(node, "createContainer")
        hooks.startContainer = hookList(node, "startContainer")
        hooks.poststart = hookList(node, "poststart")
        hooks.poststop = hookList(node, "poststop")
        return hooks
    }

    private mutating func hookList(_ object: JSONNode, _ key: StaticString) -> [Hook] {
        var hooks: [Hook] = []
        for node in objects(object, key) {
            var hook = Hook(path: requiredAbsolutePath(node, "path") ?? "")
            hook.args = strings(node, "args")
            hook.env = environment(node)
            hook.timeout = integer(node, "timeout")
            if let timeout = hook.timeout, timeout <= 0 {
                refuse("timeout", of: node, "more than 0 seconds", found: "\(timeout)")
            }
            hooks.append(hook)
        }
        return hooks
    }
}
