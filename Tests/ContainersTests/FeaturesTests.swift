// SPDX-License-Identifier: Apache-2.0

import Containers
import Foundation
import OCI
import Testing

@Suite struct `Features of this build` {
    private let features = Features.ofThisBuild

    @Test func `agree with what is refused`() {
        func isRefused(_ change: (inout Configuration) -> Void) -> Bool {
            var configuration = Configuration(ociVersion: "1.3.0")
            configuration.process = ProcessSpec(cwd: "/")
            change(&configuration)
            return !Support.unsupported(in: configuration).isEmpty
        }
        let linux = features.linux
        #expect(
            features.hooks?.contains("poststop")
                == !isRefused { $0.hooks.poststop = [Hook(path: "/x")] })
        #expect(linux?.apparmor == !isRefused { $0.process?.apparmorProfile = "x" })
        #expect(linux?.selinux == !isRefused { $0.process?.selinuxLabel = "x" })
        #expect(linux?.netDevices == !isRefused { $0.linux.netDevices = ["x": NetDevice()] })
        #expect(linux?.intelRdt?.enabled == !isRefused { $0.linux.intelRdt = IntelRdt() })
        #expect(
            (linux?.memoryPolicy != nil)
                == !isRefused { $0.linux.memoryPolicy = MemoryPolicy(mode: .default) })
        #expect(
            linux?.seccomp?.enabled
                == !isRefused { $0.linux.seccomp = SeccompProfile(defaultAction: .allow) })
        #expect(
            features.mountOptions?.contains("idmap") == linux?.idmap,
            "an option that is refused is not listed")
    }

    @Test func `know every key of the specification`() throws {
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(features.encode(pretty: false)))
                as? [String: Any])
        for key in [
            "ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux",
            "potentiallyUnsafeConfigAnnotations",
        ] {
            #expect(object[key] != nil, "\(key)")
        }
        let linux = try #require(object["linux"] as? [String: Any])
        for key in [
            "namespaces", "capabilities", "cgroup", "seccomp", "apparmor", "selinux", "intelRdt",
            "mountExtensions", "netDevices",
        ] {
            #expect(linux[key] != nil, "linux.\(key)")
        }
    }

    @Test func `list versions that the decoder accepts`() throws {
        for version in [features.ociVersionMin, features.ociVersionMax] {
            let text = "{\"ociVersion\":\"\(version)\",\"root\":{\"path\":\"r\"}}"
            _ = try Configuration.decode(from: Array(text.utf8))
        }
    }
}
