// SPDX-License-Identifier: Apache-2.0

/// Words of the command line where the kernel has put them, for what is decided before anything is
/// set up: every page that the standard library touches costs as much as a system call.
enum RawArgument {
    /// All words after the program's name. Bytes that are not UTF-8 become U+FFFD.
    static func all() -> [String] {
        var words: [String] = []
        for index in 1..<max(1, Int(CommandLine.argc)) {
            if let word = unsafe CommandLine.unsafeArgv[index] {
                unsafe words.append(String(cString: word))
            }
        }
        return words
    }

    /// Whether a word is exactly this text.
    static func isSame(_ word: UnsafePointer<CChar>, _ other: StaticString) -> Bool {
        for index in 0..<other.utf8CodeUnitCount {
            // The end mark, 0, is in no word.
            if unsafe UInt8(bitPattern: word[index]) != other.utf8Start[index] { return false }
        }
        return unsafe word[other.utf8CodeUnitCount] == 0
    }
}
