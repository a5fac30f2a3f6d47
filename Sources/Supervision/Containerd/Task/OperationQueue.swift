// SPDX-License-Identifier: Apache-2.0

/// Lets one operation begin when the one before has ended.
final class OperationQueue {
    /// Begins something, and is to call what it is given once when that has ended.
    typealias Operation = (_ done: @escaping () -> Void) -> Void

    private var waiting: [Operation] = []
    private var isBusy = false

    /// Does something now, or after what was asked for before.
    func add(_ operation: @escaping Operation) {
        waiting.append(operation)
        if !isBusy { next() }
    }

    private func next() {
        // In a loop, not by calling itself: operations may end at once.
        while !isBusy && !waiting.isEmpty {
            isBusy = true
            let operation = waiting.removeFirst()
            if waiting.isEmpty { waiting = [] }
            var isDone = false
            operation { [self] in
                precondition(!isDone, "an operation has ended twice")
                isDone = true
                isBusy = false
                next()
            }
        }
    }
}
