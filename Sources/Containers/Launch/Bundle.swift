// SPDX-License-Identifier: Apache-2.0

internal import Linux
package import OCI

/// A bundle: a directory with `config.json` (bundle.md).
package struct Bundle: Equatable, Sendable {
    /// Absolute.
    package let path: String
    package let configuration: Configuration
    /// `config.json` as it was read.
    package let text: [UInt8]

    /// The largest configuration that is read, in bytes.
    static let sizeLimit = 16 << 20

    /// Reads and checks the configuration.
    package init(path: String) throws(ContainerError) {
        self.path = try Self.absolute(path)
        text = try Self.read("\(self.path)/config.json")
        do {
            configuration = try Configuration.decode(from: text)
        } catch {
            throw Self.refusal(error, of: "config.json")
        }
    }

    /// The root filesystem's path on the host (config.md#root).
    package var rootfs: String {
        guard let root = configuration.root?.path else { return "" }
        return root.hasPrefix("/") ? root : "\(path)/\(root)"
    }

    static func refusal(_ error: InvalidConfiguration, of file: String) -> ContainerError {
        let first = error.violations.first?.description ?? "invalid"
        let more = error.violations.count - 1
        let hint = more > 0 ? " (and \(more) more; --debug lists all)" : ""
        return ContainerError(
            .invalidConfiguration, "\(file): \(first)\(hint)",
            details: error.violations.map { "\(file): \($0) (\($0.section))" },
            violations: error.violations)
    }

    private static func absolute(_ path: String) throws(ContainerError) -> String {
        if path.hasPrefix("/") { return trimmed(path) }
        let current = try during("bundle \"\(path)\"") { () throws(SystemCallError) in
            try Process.currentDirectory()
        }
        guard current.hasPrefix("/") else {
            throw ContainerError(
                .failed, "bundle \"\(path)\": the current directory no longer exists")
        }
        let inner = trimmed(path)
        return inner == "." || inner.isEmpty ? current : trimmed("\(current)/\(inner)")
    }

    /// Without "." steps and doubled slashes, which state would show.
    private static func trimmed(_ path: String) -> String {
        if isPlainPath(path) { return path }
        let names = path.split(separator: "/").filter { $0 != "." }
        return (path.hasPrefix("/") ? "/" : "") + joinedPath(names.map(String.init))
    }

    private static func read(_ path: String) throws(ContainerError) -> [UInt8] {
        do throws(SystemCallError) {
            // Not blocking: a fifo with this name must not stop us.
            let file = try File.open(path, .readOnlyAtOnce)
            let status = try File.status(of: file)
            guard status.type == .regular else {
                throw SystemCallError(
                    "open", path, status.type == .directory ? .isDirectory : .invalid)
            }
            if status.size > sizeLimit {
                throw SystemCallError("read", path, .fileTooBig)
            }
            return try File.readAll(file, limit: sizeLimit, subject: path)
        } catch where error.errno == .noEntry {
            throw ContainerError(
                .invalidConfiguration,
                "\(path): no such file or directory (ENOENT); a bundle is a directory with "
                    + "config.json, which martlet spec writes")
        } catch where error.errno == .isDirectory {
            throw ContainerError(
                .invalidConfiguration, "\(path): is a directory (EISDIR), and should be a file")
        } catch where error.errno == .invalid {
            throw ContainerError(.invalidConfiguration, "\(path): is no regular file")
        } catch where error.errno == .fileTooBig {
            throw ContainerError(
                .invalidConfiguration, "\(path): larger than \(sizeLimit >> 20) MiB")
        } catch {
            throw ContainerError(.invalidConfiguration, "\(path): \(error.errno)")
        }
    }
}
