// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// One set of rules for every target: Swift 6, memory safety spelled out, no warning left standing.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // One view of libc's headers for every Clang module, Swift's own Glibc and Dispatch included:
    // with two, a struct that has more fields under _GNU_SOURCE is refused as two different ones.
    .unsafeFlags(["-Xcc", "-D_GNU_SOURCE=1"]),
]

/// Dependencies point down only (docs/design.md); the Makefile builds with
/// `--explicit-target-dependency-import-check error`, so an import that is not listed here fails.
let package = Package(
    name: "martlet",
    products: [
        .executable(name: "martlet", targets: ["martlet"]),
        .executable(name: "martlet-shim", targets: ["martlet-shim"]),
    ],
    targets: [
        // C that Swift cannot import by itself, and the two C libraries.
        .systemLibrary(name: "CLinux"),
        .systemLibrary(
            name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CCapability", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),

        // Libraries, lowest first.
        .target(name: "Linux", dependencies: ["CLinux", "CCapability"], swiftSettings: strict),
        .target(name: "JSON", dependencies: [], swiftSettings: strict),
        .target(name: "OCI", dependencies: ["JSON"], swiftSettings: strict),
        .target(
            name: "Seccomp", dependencies: ["CLinux", "CSeccomp", "Digest", "Linux", "OCI"],
            swiftSettings: strict),
        .target(name: "Cgroups", dependencies: ["Linux", "OCI"], swiftSettings: strict),
        .target(
            name: "Containers",
            dependencies: ["Linux", "JSON", "OCI", "Seccomp", "Cgroups", "Protobuf"],
            swiftSettings: strict),
        .target(name: "Protobuf", dependencies: [], swiftSettings: strict),
        .target(name: "Digest", dependencies: [], swiftSettings: strict),
        .target(name: "Foreground", dependencies: ["Linux"], swiftSettings: strict),
        .target(
            name: "Supervision",
            dependencies: ["Digest", "Foreground", "Linux", "JSON", "Protobuf"],
            swiftSettings: strict),

        // What the executables have in place of parts of the Swift runtime.
        .systemLibrary(name: "CStartup"),
        .target(name: "Startup", dependencies: ["CLinux", "CStartup"], swiftSettings: strict),

        // The runtime.
        .executableTarget(
            name: "martlet",
            dependencies: [
                "Linux", "JSON", "OCI", "Seccomp", "Cgroups", "Containers", "Foreground",
                "Startup",
            ],
            swiftSettings: strict),

        // What stays beside a container.
        .executableTarget(
            name: "martlet-shim", dependencies: ["Linux", "Startup", "Supervision"],
            swiftSettings: strict),

        // Broken inputs for all that reads and plans (docs/fuzzing.md).
        .executableTarget(
            name: "martlet-fuzz",
            dependencies: ["Linux", "JSON", "OCI", "Cgroups", "Containers"],
            path: "Fuzz", swiftSettings: strict),

        // What tests share: what they need of the machine, and numbers.
        .target(name: "Requirements", path: "Tests/Requirements", swiftSettings: strict),

        .testTarget(
            name: "LinuxTests", dependencies: ["Linux", "CLinux", "Requirements"],
            swiftSettings: strict),
        .testTarget(
            name: "JSONTests", dependencies: ["JSON", "Requirements"], swiftSettings: strict),
        .testTarget(name: "OCITests", dependencies: ["OCI", "JSON"], swiftSettings: strict),
        .testTarget(
            name: "SeccompTests",
            dependencies: ["Seccomp", "CSeccomp", "Digest", "OCI", "Linux", "Requirements"],
            swiftSettings: strict),
        .testTarget(
            name: "CgroupsTests", dependencies: ["Cgroups", "OCI", "Linux"],
            swiftSettings: strict),
        .testTarget(
            name: "ContainersTests",
            dependencies: [
                "Containers", "Cgroups", "Seccomp", "OCI", "JSON", "Linux", "Protobuf",
                "Requirements",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ProtobufTests", dependencies: ["Protobuf", "Requirements"],
            swiftSettings: strict),
        .testTarget(
            name: "SupervisionTests",
            dependencies: ["Supervision", "Foreground", "Linux", "Protobuf", "Requirements"],
            swiftSettings: strict),
        .testTarget(
            name: "MartletTests",
            dependencies: ["martlet", "Containers", "Cgroups", "OCI", "Linux"],
            swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests", dependencies: ["Requirements"], swiftSettings: strict),
    ]
)
