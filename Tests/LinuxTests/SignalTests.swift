// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Testing

@Suite struct `A signal` {
    @Test(arguments: [
        ("15", Int32(15)), ("TERM", 15), ("SIGTERM", 15), ("sigterm", 15), ("SigTerm", 15),
        ("1", 1),
        ("KILL", 9), ("SIGHUP", 1), ("USR1", 10), ("SIGUSR2", 12), ("SIGCHLD", 17), ("CLD", 17),
        ("SIGIOT", 6), ("ABRT", 6), ("POLL", 29), ("IO", 29), ("WINCH", 28), ("SYS", 31),
        ("STKFLT", 16), ("PWR", 30), ("64", 64), ("RTMIN", 34), ("SIGRTMIN", 34), ("RTMIN+0", 34),
        ("SIGRTMIN+3", 37), ("rtmin+30", 64), ("RTMAX", 64), ("SIGRTMAX-1", 63), ("RTMAX-30", 34),
    ])
    func `is known by number and by name`(text: String, number: Int32) {
        #expect(Signal.number(from: text) == number)
    }

    @Test(arguments: [
        "", " ", "0", "65", "-1", "-15", "+15", "015x", "SIG", "SIGSIGTERM", "TERMX", " TERM",
        "TERM ", "RTMIN+31", "RTMIN-1", "RTMIN+", "RTMIN+-1", "RTMIN++3", "RTMAX+1", "RTMAX-31",
        "RTMAX-", "RTMAX-+1", "4294967305", "99999999999999999999", "0x9", "9.0", "é", "KI\u{0}LL",
    ])
    func `is nothing else`(text: String) {
        #expect(Signal.number(from: text) == nil)
    }

    @Test(arguments: [
        (Int32(9), "SIGKILL"), (6, "SIGABRT"), (17, "SIGCHLD"), (29, "SIGIO"), (34, "SIGRTMIN"),
        (35, "SIGRTMIN+1"), (63, "SIGRTMIN+29"), (64, "SIGRTMAX"), (32, "32"), (33, "33"),
        (0, "0"), (65, "65"), (-1, "-1"),
    ])
    func `has a name where it has one`(number: Int32, name: String) {
        #expect(Signal.name(of: number) == name)
    }

    @Test func `is found again by its name`() {
        for number in 1...Signal.last {
            #expect(Signal.number(from: Signal.name(of: number)) == number)
        }
    }

    @Test func `that was ignored and blocked by a caller is neither any more`() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            Signal.ignore(Signal.terminate)
            try Signal.setBlocked([Signal.terminate])
            kill(getpid(), SIGTERM)
            try Signal.resetAll()
            #expect(!contents("/proc/thread-self/status").contains("SigBlk:\t0000000000004000"))
            kill(getpid(), SIGTERM)
            Clock.sleep(milliseconds: 5000)
        }
    }

    @Test func `that is held back can be read, once`() async {
        await #expect(processExitsWith: .success) {
            try Signal.setBlocked([10, 12])
            let descriptor = try Signal.descriptor(for: [10, 12])
            #expect(try Signal.next(from: descriptor) == nil)
            #expect(try Poll.readable([descriptor.number], milliseconds: 0) == [false])
            pthread_kill(pthread_self(), 12)
            #expect(try Poll.readable([descriptor.number], milliseconds: 1000) == [true])
            #expect(try Signal.next(from: descriptor) == 12)
            #expect(try Signal.next(from: descriptor) == nil)
        }
    }
}
