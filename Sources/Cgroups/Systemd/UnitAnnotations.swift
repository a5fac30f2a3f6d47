// SPDX-License-Identifier: Apache-2.0

/// Properties of a container's unit that its annotations ask for:
/// `org.systemd.property.TimeoutStopUSec: uint64 5000000`.
package enum UnitAnnotations {
    package static let prefix = "org.systemd.property."

    /// The properties that may be set so, with their types. A property could start other units,
    /// stop them, or switch the machine off (CVE-2024-3154): only what concerns the scope itself
    /// is taken.
    private static func type(of name: String) -> String? {
        switch name {
        case "Description", "CollectMode", "KillMode", "OOMPolicy", "ManagedOOMSwap",
            "ManagedOOMMemoryPressure", "ManagedOOMPreference":
            "s"
        case "After", "Before", "Documentation": "as"
        case "DefaultDependencies", "SendSIGKILL", "SendSIGHUP", "CPUAccounting",
            "MemoryAccounting", "IOAccounting", "TasksAccounting":
            "b"
        case "KillSignal", "FinalKillSignal", "RestartKillSignal": "i"
        case "ManagedOOMMemoryPressureLimit": "u"
        case "TimeoutStopUSec", "RuntimeMaxUSec", "CPUWeight", "StartupCPUWeight",
            "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec", "IOWeight", "StartupIOWeight", "MemoryMin",
            "MemoryLow", "MemoryHigh", "MemoryMax", "MemorySwapMax", "TasksMax":
            "t"
        case "AllowedCPUs", "AllowedMemoryNodes": "ay"
        default: nil
        }
    }

    /// The properties, in the order of their names.
    package static func properties(_ annotations: [String: String]) throws(CgroupError)
        -> [UnitProperty]
    {
        var properties: [UnitProperty] = []
        for (key, text) in annotations.sorted(by: { $0.key < $1.key })
        where key.hasPrefix(prefix) {
            properties.append(try property(String(key.dropFirst(prefix.count)), text, key))
        }
        return properties
    }

    private static func property(_ name: String, _ text: String, _ key: String)
        throws(CgroupError) -> UnitProperty
    {
        // A time in seconds is one in microseconds under another name.
        var target = name
        var isSeconds = false
        if name.hasSuffix("Sec"), !name.hasSuffix("USec") {
            target = "\(name.dropLast(3))USec"
            isSeconds = true
        }
        guard let type = type(of: target) else {
            throw CgroupError(
                .invalid, "annotation \"\(key)\": this property cannot be set by an annotation")
        }
        var reader = VariantText(text)
        guard var value = reader.value(as: type) else {
            throw CgroupError(
                .invalid,
                "annotation \"\(key)\": expected \(Self.words(type)), found \"\(text)\"")
        }
        if isSeconds, case .uint64(let seconds) = value {
            let (product, isOver) = seconds.multipliedReportingOverflow(by: 1_000_000)
            value = .uint64(isOver ? .max : product)
        }
        return UnitProperty(target, value)
    }

    private static func words(_ type: String) -> String {
        switch type {
        case "s": "a text in quotes, such as 'word'"
        case "as": "a list of texts, such as ['one.service', 'two.service']"
        case "b": "true or false"
        case "ay": "a list of bytes, such as [byte 0x01, 0x80]"
        case "i": "a number of 32 bits, such as 15"
        case "u": "a number of 32 bits, such as uint32 15"
        default: "a number of 64 bits, such as uint64 5000000"
        }
    }
}

/// Reads one value of GVariant's text form, of a type that is known (GLib, "GVariant Text Format").
struct VariantText {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = Substring(text).utf8 }

    /// nil when the text is anything else than one value of the type.
    mutating func value(as type: String) -> BusValue? {
        guard let value = element(type) else { return nil }
        skipSpace()
        return rest.isEmpty ? value : nil
    }

    private mutating func element(_ type: String) -> BusValue? {
        skipSpace()
        if take("@") {
            guard word() == type else { return nil }
            skipSpace()
        }
        if type.utf8.first == UInt8(ascii: "a") { return list(of: String(type.dropFirst())) }
        if type == "s" { return text().map { .string($0) } }
        guard var token = word() else { return nil }
        if type == "b" { return ["true": .boolean(true), "false": .boolean(false)][token] }
        if let named = Self.letters[token] {
            guard named == type else { return nil }
            skipSpace()
            guard let number = word() else { return nil }
            token = number
        }
        return Self.number(token, type)
    }

    private static let letters = [
        "byte": "y", "int16": "n", "uint16": "q", "int32": "i", "uint32": "u", "int64": "x",
        "uint64": "t", "handle": "h", "double": "d",
    ]

    /// Decimal, hexadecimal with 0x, or octal with a 0 before it.
    private static func number(_ token: String, _ type: String) -> BusValue? {
        var digits = Substring(token)
        let isNegative = digits.hasPrefix("-")
        if isNegative || digits.hasPrefix("+") { digits = digits.dropFirst() }
        var radix = 10
        if digits.hasPrefix("0x") {
            radix = 16
            digits = digits.dropFirst(2)
        } else if digits.hasPrefix("0"), digits.count > 1 {
            radix = 8
            digits = digits.dropFirst()
        }
        guard let first = digits.first, first != "-", first != "+",
            let magnitude = UInt64(digits, radix: radix)
        else { return nil }
        if type == "i" {
            guard let number = Int64(exactly: magnitude),
                let value = Int32(exactly: isNegative ? -number : number)
            else { return nil }
            return .int32(value)
        }
        if isNegative, magnitude != 0 { return nil }
        switch type {
        case "y": return UInt8(exactly: magnitude).map { .byte($0) }
        case "u": return UInt32(exactly: magnitude).map { .uint32($0) }
        case "t": return .uint64(magnitude)
        default: return nil
        }
    }

    private mutating func list(of type: String) -> BusValue? {
        guard take("[") else { return nil }
        var values: [BusValue] = []
        skipSpace()
        if take("]") { return .array(of: type, []) }
        while true {
            guard let value = element(type) else { return nil }
            values.append(value)
            skipSpace()
            if take("]") { return .array(of: type, values) }
            guard take(",") else { return nil }
        }
    }

    private mutating func text() -> String? {
        guard let quote = rest.popFirst(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
        else { return nil }
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == quote { return String(validating: bytes, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                // A line break or a zero byte could be taken for something else.
                if byte < 0x20 { return nil }
                bytes.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "\\")?: bytes.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "'")?: bytes.append(UInt8(ascii: "'"))
            case UInt8(ascii: "\"")?: bytes.append(UInt8(ascii: "\""))
            case UInt8(ascii: "t")?: bytes.append(UInt8(ascii: "\t"))
            default: return nil
            }
        }
        return nil
    }

    private mutating func word() -> String? {
        let token = rest.prefix {
            $0 > 0x20 && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "]")
                && $0 != UInt8(ascii: "[")
        }
        rest = rest.dropFirst(token.count)
        return token.isEmpty ? nil : String(decoding: token, as: UTF8.self)
    }

    private mutating func take(_ letter: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: letter) else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func skipSpace() {
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }
}
