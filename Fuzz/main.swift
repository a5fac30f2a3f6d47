// SPDX-License-Identifier: Apache-2.0
//
// Feeds broken configurations to everything that reads and plans them. See docs/fuzzing.md.

import Linux

let usage = """
    usage: martlet-fuzz [--corpus DIR] [--seed N] [--count N] [--only N] [FILE]…
      --corpus DIR  the fixtures to begin with (default: spec-fixtures)
      --seed N      makes the same inputs again (default: the time)
      --count N     how many (default: 100000)
      --only N      the input with this number alone, in this process
      --provoke trap|hang|memory|complaint
                    does that at the fourth input, which must be noticed
      FILE          these texts instead, in this process
    """

var corpusDirectory = "spec-fixtures"
var seed = UInt64(Clock.timestamp.utf8.reduce(5381) { ($0 &* 33 &+ UInt64($1)) & 0xffff_ffff })
var count: UInt64 = 100_000
var only: UInt64?
var files: [String] = []

var provocation: Harness.Provocation?

var words = CommandLine.arguments.dropFirst()
while let word = words.popFirst() {
    let number = words.first.flatMap { UInt64($0) }
    switch (word, number) {
    case ("--corpus", _): corpusDirectory = words.popFirst() ?? corpusDirectory
    case ("--seed", let number?):
        seed = number
        words.removeFirst()
    case ("--count", let number?):
        count = number
        words.removeFirst()
    case ("--only", let number?):
        only = number
        words.removeFirst()
    case ("--provoke", _): provocation = words.popFirst().flatMap { .init(rawValue: $0) }
    case _ where !word.hasPrefix("-"): files.append(word)
    default:
        say(usage)
        Process.exitNow(2)
    }
}

/// Puts a text through a trial in this process, where a debugger can see it.
func tryOut(_ text: [UInt8]) -> Bool {
    let outcome = Trial.run(text)
    say(outcome.complaint ?? (outcome.isAccepted ? "accepted" : "refused"))
    return outcome.complaint == nil
}

do throws(SystemCallError) {
    // The caller may have blocked SIGALRM, which ends what hangs.
    try Signal.resetAll()
    if !files.isEmpty {
        var isGood = true
        for file in files {
            isGood = tryOut(try File.readAll(file, limit: 64 << 20)) && isGood
        }
        Process.exitNow(isGood ? 0 : 1)
    }
    let corpus = try Corpus(directory: corpusDirectory)
    let mutator = Mutator(corpus: corpus, seed: seed)
    if let only { Process.exitNow(tryOut(mutator.input(only)) ? 0 : 1) }
    if corpus.accepted.isEmpty {
        say("no fixtures in \(corpusDirectory)")
        Process.exitNow(2)
    }
    say("seed \(seed): \(count) inputs from \(corpus.texts.count) fixtures")
    let harness = Harness(
        mutator: mutator, command: CommandLine.arguments.first ?? "martlet-fuzz",
        provocation: provocation)
    Process.exitNow(try harness.run(0..<count) ? 0 : 1)
} catch {
    say("martlet-fuzz: \(error)")
    Process.exitNow(2)
}
