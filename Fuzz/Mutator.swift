// SPDX-License-Identifier: Apache-2.0

/// Makes inputs out of fixtures: first by changing what a text says, then, now and then, its bytes.
struct Mutator {
    let corpus: Corpus
    let seed: UInt64

    /// The input with a number: always the same one.
    func input(_ number: UInt64) -> [UInt8] {
        var random = Random(seed: seed, input: number)
        // Some as they are: what holds for all must hold for them.
        if random.once(in: 64) { return random.pick(corpus.texts) ?? [] }
        if random.once(in: 8) {
            return changeBytes(random.pick(corpus.texts) ?? [], &random)
        }
        let values = random.once(in: 5) ? corpus.refused : corpus.accepted
        guard var value = random.pick(values) else { return [] }
        // One half goes on from values that are right by themselves.
        let isGentle = random.once(in: 2)
        repeat {
            if isGentle { transplant(&value, &random) } else { change(&value, &random) }
        } while !random.once(in: 3)
        if isGentle, random.once(in: 3) { change(&value, &random) }
        let bytes = value.bytes
        return random.once(in: 8) ? changeBytes(bytes, &random) : bytes
    }

    // MARK: What a text says

    private func change(_ value: inout Value, _ random: inout Random) {
        var number = random.below(value.count)
        var own = random
        value.change(&number) { node in self.changeNode(&node, &own) }
        random = own
    }

    /// Gives a member the value that its name has elsewhere, or takes one away.
    private func transplant(_ value: inout Value, _ random: inout Random) {
        var number = random.below(value.count)
        var own = random
        value.change(&number) { node in
            guard case .object(var members) = node, !members.isEmpty else { return }
            let index = own.below(members.count)
            if own.once(in: 5) {
                members.remove(at: index)
            } else if own.once(in: 5), let name = own.pick(corpus.names),
                let other = own.pick(corpus.known[name] ?? [])
            {
                members.append((name, other))
            } else if let other = own.pick(corpus.known[members[index].name] ?? []) {
                members[index].value = other
            }
            node = .object(members)
        }
        random = own
    }

    private func changeNode(_ node: inout Value, _ random: inout Random) {
        switch random.below(8) {
        case 0: node = random.pick(Self.oddValues) ?? node
        case 1: node = number(&random)
        case 2: node = random.pick(corpus.parts) ?? node
        case 3: node = nested(node, &random)
        default: changeInside(&node, &random)
        }
    }

    private func changeInside(_ node: inout Value, _ random: inout Random) {
        switch node {
        case .raw: node = random.once(in: 2) ? number(&random) : random.pick(Self.oddValues) ?? node
        case .string(let text): node = .string(string(text, &random))
        case .array(var values):
            switch random.below(4) {
            case 0: values = Array(values.dropFirst(random.below(values.count + 1)))
            case 1: values.append(random.pick(Self.oddValues) ?? .raw("0"))
            case 2:
                // The same again, and up to far too often.
                if let value = random.pick(values) {
                    let times = random.once(in: 40) ? 3000 : random.below(4)
                    values += Array(repeating: value, count: times)
                }
            default: values.shuffle(using: &random)
            }
            node = .array(values)
        case .object(var members):
            changeMembers(&members, &random)
            node = .object(members)
        }
    }

    private func changeMembers(
        _ members: inout [(name: [UInt8], value: Value)], _ random: inout Random
    ) {
        let name = random.pick(corpus.names) ?? []
        let index = random.below(members.count)
        switch random.below(6) {
        case 0: if !members.isEmpty { members.remove(at: index) }
        case 1: if !members.isEmpty { members[index].name = name }
        case 2: members.append((name, random.pick(Self.oddValues) ?? .raw("0")))
        case 3: members.append((name, random.pick(corpus.parts) ?? .raw("0")))
        case 4:
            // A name twice, with two values.
            if !members.isEmpty {
                members.append((members[index].name, random.pick(Self.oddValues) ?? .raw("0")))
            }
        default:
            if !members.isEmpty {
                members[index].name = string(members[index].name, &random)
            }
        }
    }

    private static let oddValues: [Value] = [
        .raw("null"), .raw("true"), .raw("false"), .raw("0"), .raw("-1"), .raw("1.5"),
        .raw("1e400"), .raw("-0"), .string(""), .array([]), .object([]), .string("/"),
        .string("a"), .array([.raw("null")]), .object([([], .raw("null"))]), .string("\\u0000"),
    ]

    private static let numbers: [String] = [
        "0", "-0", "1", "-1", "127", "128", "255", "256", "511", "512", "1000", "1001", "-1000",
        "-1001", "4095", "4096", "65535", "65536", "262144", "999999999", "1000000000",
        "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967294", "4294967295",
        "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "-9223372036854775809", "18446744073709551615", "18446744073709551616",
        "340282366920938463463374607431768211456", "1e3", "1.0", "0.1", "1E-2", "9007199254740993",
    ]

    private func number(_ random: inout Random) -> Value {
        if random.once(in: 3) { return .raw("\(Int64(bitPattern: random.next()))") }
        return .raw(random.pick(Self.numbers) ?? "0")
    }

    private func nested(_ node: Value, _ random: inout Random) -> Value {
        let depth = random.once(in: 10) ? 100 + random.below(60) : 1 + random.below(3)
        var value = node
        for _ in 0..<depth {
            value = random.once(in: 2) ? .array([value]) : .object([(Array("a".utf8), value)])
        }
        return value
    }

    private static let snippets: [[UInt8]] =
        [
            "/", "..", "/../", ".", "//", "=", "%d", "%s", ":", ",", "-", " ", "\\u0000", "\\n",
            "\\\"", "\\\\", "\\ud800", "\\udc00\\ud800", "\\u", "0-", "0-4294967295", "0-3,7",
            "é", "𝄞", "\u{200b}", "\u{202e}", "net.", "kernel.", "bind", "rbind", "idmap", "remount",
            "CAP_", "SCMP_ACT_", "RLIMIT_", "1.", "1.0.0", "+", "99999999999999999999", "KB", "a",
        ].map { Array($0.utf8) } + [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0], [0x0a], [0x7f]]

    private func string(_ text: [UInt8], _ random: inout Random) -> [UInt8] {
        switch random.below(6) {
        case 0: return Array(text.prefix(random.below(text.count + 1)))
        case 1: return random.pick(Self.snippets) ?? []
        case 2: return text + text
        case 3:
            let length = random.once(in: 6) ? 20_000 : random.below(300)
            return text + [UInt8](repeating: UInt8(ascii: "a"), count: length)
        case 4: return random.pick(corpus.names) ?? []
        default:
            let place = random.below(text.count + 1)
            return Array(text[..<place]) + (random.pick(Self.snippets) ?? []) + text[place...]
        }
    }

    // MARK: Bytes

    /// Changes bytes without a look at what they say.
    func changeBytes(_ text: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = text
        for _ in 0...random.below(5) {
            let place = random.below(bytes.count + 1)
            let end = min(bytes.count, place + random.below(20))
            switch random.below(7) {
            case 0: if place < bytes.count { bytes[place] ^= 1 << UInt8(random.below(8)) }
            case 1: if place < bytes.count { bytes[place] = UInt8(random.below(256)) }
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.removeSubrange(place...)
            case 4: bytes.insert(contentsOf: random.pick(Self.snippets) ?? [], at: place)
            case 5: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
            default:
                let bracket = UInt8(ascii: random.once(in: 2) ? "[" : "{")
                let count = random.once(in: 4) ? 50_000 : random.below(200)
                bytes.insert(contentsOf: [UInt8](repeating: bracket, count: count), at: place)
            }
        }
        return bytes
    }
}
