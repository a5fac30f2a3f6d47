// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Linux
import OCI
import Testing

/// Rules on devices, in both forms.
@Suite struct DeviceTests {
    static func rule(
        _ allow: Bool, _ kind: Resources.DeviceRule.Kind = .all, _ major: Int64? = nil,
        _ minor: Int64? = nil, _ access: String = "rwm"
    ) -> Resources.DeviceRule {
        var rule = Resources.DeviceRule(allow: allow)
        rule.kind = kind
        rule.major = major
        rule.minor = minor
        rule.access = access
        return rule
    }

    static func allows(
        _ rules: DeviceRules, _ kind: DeviceSet.Kind, _ major: UInt32, _ minor: UInt32,
        _ access: DeviceAccess
    ) -> Bool {
        DeviceProgram.evaluate(
            DeviceProgram.assemble(rules), kind: kind, access: access, major: major, minor: minor)
            == 1
    }

    @Test("the last rule that speaks of an access decides")
    func order() {
        let rules = DeviceRules(
            [
                Self.rule(false), Self.rule(true, .character, 10, nil, "rw"),
                Self.rule(false, .character, 10, 5, "w"), Self.rule(true, .block, 8, 0, "r"),
                Self.rule(true, .all, 7, 7, "m"),
            ], defaults: [])
        #expect(Self.allows(rules, .character, 10, 4, [.read, .write]))
        #expect(!Self.allows(rules, .character, 10, 4, [.read, .makeNode]))
        #expect(Self.allows(rules, .character, 10, 5, .read))
        #expect(!Self.allows(rules, .character, 10, 5, .write))
        #expect(!Self.allows(rules, .character, 10, 5, [.read, .write]))
        #expect(Self.allows(rules, .block, 8, 0, .read))
        #expect(!Self.allows(rules, .block, 8, 0, .write))
        #expect(!Self.allows(rules, .character, 8, 0, .read))
        #expect(Self.allows(rules, .block, 7, 7, .makeNode))
        #expect(Self.allows(rules, .character, 7, 7, .makeNode))
    }

    @Test("two rules can allow an access together")
    func together() {
        let rules = DeviceRules(
            [Self.rule(true, .character, 1, 1, "r"), Self.rule(true, .character, nil, 1, "w")],
            defaults: [])
        #expect(Self.allows(rules, .character, 1, 1, [.read, .write]))
        #expect(!Self.allows(rules, .character, 2, 1, [.read, .write]))
    }

    @Test("nothing is allowed that no rule allows; everything is with one for all")
    func ends() {
        #expect(!Self.allows(DeviceRules(rules: []), .character, 1, 3, .read))
        let all = DeviceRules([Self.rule(false), Self.rule(true)], defaults: .standard)
        #expect(Self.allows(all, .block, 8, 0, .all))
        #expect(Self.allows(all, .character, 4_000_000_000, 4_294_967_295, .all))
    }

    @Test("the defaults can be chosen, and tun is not one of them")
    func defaults() {
        let deny = [Self.rule(false)]
        let standard = DeviceRules(deny, defaults: .standard)
        for (major, minor) in [
            (1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, 9),
        ] {
            #expect(Self.allows(standard, .character, UInt32(major), UInt32(minor), .all))
        }
        #expect(Self.allows(standard, .block, 8, 0, .makeNode))
        #expect(!Self.allows(standard, .block, 8, 0, .read))
        #expect(!Self.allows(standard, .character, 10, 200, .read))
        let tun = DeviceRules(deny, defaults: [.tun])
        #expect(Self.allows(tun, .character, 10, 200, .all))
        #expect(!Self.allows(tun, .character, 1, 3, .read))
        #expect(!Self.allows(tun, .block, 8, 0, .makeNode))
    }

    @Test("the list of v1 says what the rules say")
    func accessList() throws {
        let rules = DeviceRules(
            [
                Self.rule(true, .character, 1, 3), Self.rule(false),
                Self.rule(true, .character, 10, nil, "rw"),
                Self.rule(true, .character, 10, 229, "r"),
                Self.rule(true, .block, 8, 0, "rw"), Self.rule(false, .block, 8, nil, "w"),
            ], defaults: [])
        let list = try rules.accessList()
        #expect(!list.allowsByDefault)
        #expect(
            list.exceptions == [
                DeviceSet(.character, 10, nil): [.read, .write], DeviceSet(.block, 8, 0): .read,
            ])
        let open = try DeviceRules(
            [Self.rule(true), Self.rule(false, .block, 8, 0, "w")], defaults: .standard
        ).accessList()
        #expect(open.allowsByDefault)
        #expect(open.exceptions == [DeviceSet(.block, 8, 0): .write])
    }

    @Test("what v1 cannot say is refused, and not left allowed")
    func hole() {
        let rules = DeviceRules(
            [
                Self.rule(false), Self.rule(true, .character, 10, nil, "rw"),
                Self.rule(false, .character, 10, 5, "w"),
            ], defaults: [])
        #expect(throws: CgroupError.self) { try rules.accessList() }
    }

    @Test("an update of a v1 list takes nothing away in between")
    func changes() throws {
        func changes(_ from: DeviceAccessList, _ to: DeviceAccessList) -> [String] {
            to.changes(from: from).map(\.description)
        }
        let null = DeviceSet(.character, 1, 3)
        let disk = DeviceSet(.block, 8, nil)
        let closed = DeviceAccessList(allowsByDefault: false, exceptions: [null: .all])
        let other = DeviceAccessList(
            allowsByDefault: false, exceptions: [null: .read, disk: [.read]])
        let all = DeviceAccessList(allowsByDefault: true)
        #expect(changes(all, closed) == ["devices.deny = a", "devices.allow = c 1:3 rwm"])
        #expect(
            changes(closed, other) == ["devices.allow = b 8:* r", "devices.deny = c 1:3 wm"])
        #expect(
            other.changes(from: all, listed: [null, disk]).map(\.description)
                == ["devices.deny = a", "devices.allow = c 1:3 r", "devices.allow = b 8:* r"])
        #expect(changes(closed, closed).isEmpty)
        #expect(changes(closed, all) == ["devices.allow = a"])
        #expect(changes(all, all).isEmpty)
        #expect(DeviceAccessList(list: "a *:* rwm\n") == all)
        #expect(DeviceAccessList(list: "c 1:3 rwm\n") == closed)
        #expect(DeviceAccessList(list: "") == DeviceAccessList(allowsByDefault: false))
        #expect(DeviceAccessList(list: "x 1:3 rwm\n") == nil)
        #expect(DeviceAccessList(list: "c 1:y rwm\n") == nil)
    }

    @Test("the program and the list agree wherever the list can be made", arguments: 0..<400)
    func agreement(_ seed: Int) throws {
        var random = SmallRandom(state: UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1)
        var rules: [Resources.DeviceRule] = []
        for _ in 0..<random.next(6) {
            let kinds: [Resources.DeviceRule.Kind] = [.all, .character, .block]
            let accesses = ["rwm", "r", "w", "m", "rw", ""]
            rules.append(
                Self.rule(
                    random.next(2) == 0, kinds[random.next(3)],
                    random.next(3) == 0 ? nil : Int64(random.next(2)),
                    random.next(3) == 0 ? nil : Int64(random.next(2)),
                    accesses[random.next(6)]))
        }
        let all = DeviceRules(rules, defaults: [])
        guard let list = try? all.accessList() else { return }
        for kind in DeviceSet.Kind.allCases {
            for (major, minor) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)] {
                for access in [DeviceAccess.read, .write, .makeNode] {
                    let isException = list.exceptions.contains { entry in
                        entry.key.kind == kind
                            && (entry.key.major ?? UInt32(major)) == UInt32(major)
                            && (entry.key.minor ?? UInt32(minor)) == UInt32(minor)
                            && entry.value.contains(access)
                    }
                    #expect(
                        Self.allows(all, kind, UInt32(major), UInt32(minor), access)
                            == (isException != list.allowsByDefault), "\(rules)")
                }
            }
        }
    }
}

/// The same numbers every time.
struct SmallRandom {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state >> 33) % bound
    }
}
