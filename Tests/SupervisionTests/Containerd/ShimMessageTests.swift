// SPDX-License-Identifier: Apache-2.0

import Foundation
import Protobuf
import Requirements
import Supervision
import Testing

/// What protoc makes of the shim's messages; the numbers are those of containerd's .proto files.
@Suite struct ShimMessageTests {
    @Test("events stand in their envelope as containerd reads them")
    func event() throws {
        var exit = TaskEvent.Exit()
        exit.containerID = "c"
        exit.id = "e"
        exit.pid = 7
        exit.exitStatus = 137
        exit.exitedAt = Timestamp(seconds: 1, nanoseconds: 2)
        var request = TaskEvent.ForwardRequest()
        var envelope = TaskEvent.Envelope()
        envelope.timestamp = Timestamp(seconds: 3, nanoseconds: 4)
        envelope.namespace = "n"
        envelope.topic = "/tasks/exit"
        envelope.event = AnyMessage(typeURL: "containerd.events.TaskExit", value: exit.encoded)
        request.envelope = envelope
        #expect(
            try decodedRaw(request.encoded) == """
                1 {
                  1 {
                    1: 3
                    2: 4
                  }
                  2: "n"
                  3: "/tasks/exit"
                  4 {
                    1: "containerd.events.TaskExit"
                    2 {
                      1: "c"
                      2: "e"
                      3: 7
                      4: 137
                      5 {
                        1: 1
                        2: 2
                      }
                    }
                  }
                }

                """)
    }

    @Test("a state has each field at its number")
    func state() throws {
        var state = TaskAPI.StateResponse()
        state.id = "i"
        state.bundle = "b"
        state.pid = 1
        state.status = TaskAPI.Status.paused.rawValue
        state.stdin = "0"
        state.stdout = "1"
        state.stderr = "2"
        state.terminal = true
        state.exitStatus = 5
        state.exitedAt = Timestamp(seconds: 6, nanoseconds: 0)
        state.execID = "e"
        #expect(
            try decodedRaw(state.encoded) == """
                1: "i"
                2: "b"
                3: 1
                4: 4
                5: "0"
                6: "1"
                7: "2"
                8: 1
                9: 5
                10 {
                  1: 6
                }
                11: "e"

                """)
        #expect(try TaskAPI.StateResponse(decoding: state.encoded) == state)
    }

    @Test("statistics have the kernel's numbers at their places")
    func statistics() throws {
        var legacy = LegacyMetrics.Metrics()
        var memory = LegacyMetrics.Memory()
        memory.counters[0] = 100
        memory.counters[31] = 132
        var usage = LegacyMetrics.MemoryEntry()
        usage.usage = 5
        memory.usage = usage
        legacy.memory = memory
        #expect(
            try decodedRaw(legacy.encoded)
                == "4 {\n  1: 100\n  32: 132\n  33 {\n    2: 5\n  }\n}\n")
        var unified = UnifiedMetrics.Metrics()
        var other = UnifiedMetrics.Memory()
        other.counters[30] = 31
        other.usage = 32
        other.laterCounters[3] = 42
        unified.memory = other
        #expect(
            try decodedRaw(unified.encoded) == "4 {\n  31: 31\n  32: 32\n  42: 42\n}\n")
        #expect(LegacyMetrics.Memory.keys.count == 32)
        #expect(UnifiedMetrics.Memory.keys.count == 31)
    }

    @Test("what containerd sends is read: a Create with mounts and options")
    func create() throws {
        var options = ShimMessages.Options()
        options.binaryName = "/usr/bin/runc"
        options.systemdCgroup = true
        var request = TaskAPI.CreateRequest()
        request.id = "i"
        var mount = TaskAPI.Mount()
        mount.type = "overlay"
        mount.options = ["lowerdir=/a:/b", "ro"]
        request.rootfs = [mount, mount]
        request.options = AnyMessage(
            typeURL: "containerd.runc.v1.Options", value: options.encoded)
        let read = try TaskAPI.CreateRequest(decoding: request.encoded)
        #expect(read == request)
        #expect(try RuntimeOptions(read.options).message == options)
    }

    @Test("options of other kinds are read or refused by their kind")
    func options() throws {
        var generic = ShimMessages.GenericOptions()
        generic.configBody = Array(#"{"binary_name": "runc", "root": "/r"}"#.utf8)
        let any = AnyMessage(typeURL: "runtimeoptions.v1.Options", value: generic.encoded)
        let options = try RuntimeOptions(any)
        #expect(options.message.binaryName == "runc")
        #expect(options.root(ofNamespace: "n") == "/r/n")
        #expect(try RuntimeOptions(nil).root(ofNamespace: "n") == "/run/containerd/martlet/n")
        #expect(throws: CallError.self) {
            try RuntimeOptions(AnyMessage(typeURL: "a.B", value: []))
        }
        #expect(throws: CallError.self) {
            try RuntimeOptions(
                AnyMessage(typeURL: "containerd.runc.v1.Options", value: [0xff]))
        }
        generic.configBody = Array("{\"root\": 5}".utf8)
        #expect(throws: CallError.self) {
            try RuntimeOptions(
                AnyMessage(typeURL: "runtimeoptions.v1.Options", value: generic.encoded))
        }
    }

    @Test("options in a bundle are those that were kept there")
    func kept() throws {
        let bundle = NSTemporaryDirectory() + "options-\(UUID())"
        try FileManager.default.createDirectory(
            atPath: bundle, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: bundle) }
        #expect(try RuntimeOptions(ofBundle: bundle) == nil)
        var options = RuntimeOptions()
        options.message.binaryName = "a \"b\""
        options.message.ioUID = 7
        try options.keep(inBundle: bundle)
        #expect(try RuntimeOptions(ofBundle: bundle) == options)
    }

    @Test("broken messages are read or refused, whichever they are")
    func fuzz() throws {
        var random = SeededNumbers(seed: 3)
        var request = TaskAPI.CreateRequest()
        request.id = "some-id"
        request.bundle = "/some/bundle"
        request.rootfs = [TaskAPI.Mount()]
        request.options = AnyMessage(typeURL: "containerd.runc.v1.Options", value: [1, 2, 3])
        let call = TtrpcRequest(service: "s", method: "m", payload: request.encoded).encoded
        for _ in 0..<20000 {
            var bytes = call
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] =
                    .random(in: 0...255, using: &random)
            }
            guard let read = try? TtrpcRequest(decoding: bytes) else { continue }
            _ = try? TaskAPI.CreateRequest(decoding: read.payload)
            _ = try? ShimMessages.BootstrapParameters(decoding: read.payload)
        }
    }
}

/// What `protoc --decode_raw` makes of a message.
func decodedRaw(_ bytes: [UInt8]) throws -> String {
    let process = Foundation.Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["protoc", "--decode_raw"]
    let input = Foundation.Pipe()
    let output = Foundation.Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data(bytes))
    try input.fileHandleForWriting.close()
    let text = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: text, as: UTF8.self)
}
