// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Linux
internal import OCI

extension Invocation {
    /// `spec`: writes a new config.json.
    func spec() throws(ContainerError) {
        let path = GlobalOptions.normalized(
            "\(options[.bundle] ?? ".")/config.json",
            from: (try? Process.currentDirectory()) ?? "/")
        let text =
            Specification.defaultConfiguration(
                rootless: options.isSet(.rootless), uid: Process.effectiveUserID,
                gid: Process.effectiveGroupID) + [UInt8(ascii: "\n")]
        do throws(SystemCallError) {
            let file = try File.open(
                path, [.writeOnly, .create, .exclusive], permissions: 0o666)
            do throws(SystemCallError) {
                try File.write(text, to: file.number)
            } catch {
                try? File.remove(path)
                throw error
            }
        } catch where error.errno == .exists {
            throw ContainerError(
                .exists, doing: "spec", "\"\(path)\" exists; remove it to have a new one")
        } catch {
            var error = ContainerError(step: "write the configuration", error)
            error.doing = "spec"
            throw error
        }
    }
}
