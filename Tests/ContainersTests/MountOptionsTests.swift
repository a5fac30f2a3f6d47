// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@testable import Containers

@Suite struct `Mount options` {
    @Test(arguments: [
        ("ro", MountAttributes.readOnly), ("nosuid", .noSetID), ("nodev", .noDevices),
        ("noexec", .noExecution), ("nosymfollow", .noSymbolicLinks),
        ("nodiratime", .noDirectoryAccessTime), ("noatime", .noAccessTime),
        ("strictatime", .strictAccessTime),
    ])
    func `set an attribute, on the mount or with an r in front on all below`(
        word: String, attribute: MountAttributes
    ) {
        let plain = MountOptions(words: [word])
        #expect(plain.set == attribute && plain.clear.isEmpty)
        #expect(plain.recursiveSet.isEmpty && plain.recursiveClear.isEmpty)
        let recursive = MountOptions(words: ["r" + word])
        #expect(recursive.recursiveSet == attribute && recursive.recursiveClear.isEmpty)
        #expect(recursive.set.isEmpty && recursive.clear.isEmpty && recursive.data.isEmpty)
    }

    @Test(arguments: [
        ("rw", MountAttributes.readOnly), ("suid", .noSetID), ("dev", .noDevices),
        ("exec", .noExecution), ("symfollow", .noSymbolicLinks),
        ("diratime", .noDirectoryAccessTime), ("relatime", .accessTimeMask),
        ("atime", .accessTimeMask), ("nostrictatime", .accessTimeMask),
    ])
    func `clear an attribute, on the mount or with an r in front on all below`(
        word: String, attribute: MountAttributes
    ) {
        let plain = MountOptions(words: [word])
        #expect(plain.clear == attribute && plain.set.isEmpty)
        let recursive = MountOptions(words: ["r" + word])
        #expect(recursive.recursiveClear == attribute && recursive.recursiveSet.isEmpty)
        #expect(recursive.clear.isEmpty && recursive.data.isEmpty)
    }

    @Test(arguments: [
        ("ro", "rw"), ("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec"),
        ("nosymfollow", "symfollow"), ("nodiratime", "diratime"), ("noatime", "relatime"),
        ("noatime", "atime"), ("strictatime", "nostrictatime"), ("strictatime", "relatime"),
    ])
    func `contradict each other: the later one wins`(set: String, clear: String) {
        #expect(MountOptions(words: [set, clear]) == MountOptions(words: [clear]))
        #expect(MountOptions(words: [clear, set]) == MountOptions(words: [set]))
        #expect(MountOptions(words: [set, clear, set]) == MountOptions(words: [set]))
        let (recursiveSet, recursiveClear) = ("r" + set, "r" + clear)
        #expect(
            MountOptions(words: [recursiveSet, recursiveClear])
                == MountOptions(words: [recursiveClear]))
        #expect(
            MountOptions(words: [recursiveClear, recursiveSet])
                == MountOptions(words: [recursiveSet]))
    }

    @Test(arguments: ["", "r"]) func `choose one kind of access time`(prefix: String) {
        let words = ["noatime", "strictatime", "relatime", "atime", "norelatime", "nostrictatime"]
        for first in words {
            for second in words {
                let both = MountOptions(words: [prefix + first, prefix + second])
                #expect(both == MountOptions(words: [prefix + second]), "\(first), \(second)")
            }
        }
        let both = MountOptions(words: ["nodiratime", "noatime"])
        #expect(both.set == [.noDirectoryAccessTime, .noAccessTime])
    }

    @Test func `of one mount and of all below stand beside each other`() {
        let options = MountOptions(words: ["rro", "rw", "nosuid", "rsuid"])
        #expect(options.recursiveSet == .readOnly && options.clear == .readOnly)
        #expect(options.set == .noSetID && options.recursiveClear == .noSetID)
    }

    @Test(arguments: [
        ("shared", MountOptions.Propagation.shared, false), ("rshared", .shared, true),
        ("slave", .slave, false), ("rslave", .slave, true), ("private", .private, false),
        ("rprivate", .private, true), ("unbindable", .unbindable, false),
        ("runbindable", .unbindable, true),
    ])
    func `name a propagation`(word: String, kind: MountOptions.Propagation, recursively: Bool) {
        let change = MountOptions(words: [word]).propagation
        #expect(
            change == [MountOptions.PropagationChange(kind: kind, recursively: recursively)])
        let two = MountOptions(words: ["rprivate", word]).propagation
        #expect(two.count == 2 && two.last?.kind == kind)
    }

    @Test func `make a bind mount`() {
        #expect(MountOptions(words: []).source == .fileSystem)
        #expect(MountOptions(words: ["bind"]).source == .bind(recursively: false))
        #expect(MountOptions(words: ["rbind", "ro"]).source == .bind(recursively: true))
        #expect(MountOptions(words: ["remount", "bind"]).isRemount)
        #expect(!MountOptions(words: ["bind"]).isRemount)
    }

    @Test(arguments: [
        (["sync"], ["sync"]), (["sync", "async"], []), (["async"], []), (["dirsync"], ["dirsync"]),
        (["lazytime", "lazytime"], ["lazytime"]), (["lazytime", "nolazytime"], []),
        (["nomand", "mand"], ["mand"]), (["sync", "dirsync"], ["sync", "dirsync"]),
    ])
    func `concern the filesystem as a whole`(words: [String], flags: [String]) {
        let options = MountOptions(words: words)
        #expect(options.superblockFlags == flags)
        #expect(options.clearedSuperblockFlags.allSatisfy { !flags.contains($0) })
        #expect(options.data.isEmpty)
    }

    @Test func `switch off what the filesystem has`() {
        let options = MountOptions(words: ["async", "nolazytime", "nomand", "sync"])
        #expect(options.clearedSuperblockFlags == ["lazytime", "mand"])
    }

    @Test func `map ids`() {
        #expect(MountOptions(words: ["idmap"]).idMapping == .single)
        #expect(MountOptions(words: ["idmap", "ridmap"]).idMapping == .recursive)
        #expect(MountOptions(words: ["bind"]).idMapping == nil)
    }

    @Test func `keep the kernel from logging`() {
        #expect(MountOptions(words: ["silent"]).isSilent)
        #expect(!MountOptions(words: ["silent", "loud"]).isSilent)
    }

    @Test func `ask for copies and inode versions`() {
        #expect(MountOptions(words: ["tmpcopyup"]).copiesUp)
        #expect(MountOptions(words: ["iversion"]).inodeVersion == true)
        #expect(MountOptions(words: ["iversion", "noiversion"]).inodeVersion == false)
        #expect(MountOptions(words: []).inodeVersion == nil)
    }

    @Test(arguments: [
        "mode=755", "size=65536k", "gid=5", "newinstance", "lowerdir=/a:/b", "rsize=4096", "r",
        "rbogus", "rsync", "RO", "nosuid ", "rrro", "rremount", "defaults=1", "hidepid=2",
    ])
    func `that are unknown are the filesystem's`(word: String) {
        var expected = MountOptions()
        expected.data = [word]
        #expect(MountOptions(words: [word]) == expected)
    }

    @Test(arguments: [["defaults"], ["loud"], [""], ["defaults", "silent", "loud", ""]])
    func `may change nothing`(words: [String]) {
        #expect(MountOptions(words: words) == MountOptions())
    }

    @Test func `of the filesystem keep their order`() {
        let options = MountOptions(words: ["b=1", "ro", "a", "nosuid", "b=2"])
        #expect(options.data == ["b=1", "a", "b=2"])
    }

    /// The table of config.md#linux-mount-options.
    @Test(arguments: [
        "async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "idmap",
        "iversion",
        "lazytime", "loud", "mand", "noatime", "nodev", "nodiratime", "noexec", "noiversion",
        "nolazytime", "nomand", "norelatime", "nostrictatime", "nosuid", "nosymfollow", "private",
        "ratime", "rbind", "rdev", "rdiratime", "relatime", "remount", "rexec", "ridmap",
        "rnoatime",
        "rnodev", "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime", "rnosuid",
        "rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave",
        "rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw", "shared", "silent", "slave",
        "strictatime", "suid", "symfollow", "sync", "tmpcopyup", "unbindable",
    ])
    func `of the specification are all understood`(word: String) {
        #expect(MountOptions(words: [word]).data.isEmpty)
        #expect(MountOptions.recognizedNames.contains(word))
    }
}
