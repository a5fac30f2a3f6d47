// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Linux

/// Pipes between an engine and its monitor, whose numbers are in the environment.
enum EnginePipe {
    /// One that we have been given; it does not live on in other programs.
    static func take(_ variable: String) throws(SupervisionError) -> OpenFile? {
        guard let text = Process.environmentVariable(variable) else { return nil }
        guard let number = Int32(text), number > 2, Descriptors.isOpen(number) else {
            throw SupervisionError("\(variable)=\(text): there is no such descriptor")
        }
        return OpenFile(FileDescriptor(owning: number))
    }

    /// Waits for a message or the end.
    static func waitForMessage(on pipe: OpenFile) {
        var buffer = [UInt8](repeating: 0, count: 8192)
        // What cannot be read will never come.
        _ = try? File.read(pipe.number, into: &buffer)
    }
}

/// Answers to an engine: lines of JSON, each with a number.
final class SyncPipe {
    private var pipe: OpenFile?
    private let key: String

    /// - Parameters:
    ///   - pipe: nil when nobody asks.
    ///   - key: the number's name.
    init(_ pipe: OpenFile?, key: String) {
        self.pipe = pipe
        self.key = key
    }

    /// Tells a number, and in words what there is to say. When nobody listens any more, it is silent.
    func tell(_ number: Int64, message: String? = nil) {
        guard let pipe else { return }
        var json = JSONWriter()
        json.object { json in
            json.key(key)
            json.int(number)
            if let message { json.member("message", message) }
        }
        do throws(SystemCallError) {
            try File.write(json.bytes + [UInt8(ascii: "\n")], to: pipe.number)
        } catch {
            self.pipe = nil
        }
    }

    func close() { pipe = nil }
}
