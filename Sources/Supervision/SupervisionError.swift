// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Why something could not be supervised, in one line for whoever asked.
package struct SupervisionError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    /// A call of the kernel that failed while something was being done.
    package init(_ doing: String, _ cause: SystemCallError) { description = "\(doing): \(cause)" }

    /// Does something of the kernel's, and says what for when it fails.
    package static func doing<Value: ~Copyable>(
        _ name: String, _ body: () throws(SystemCallError) -> Value
    ) throws(SupervisionError) -> Value {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw SupervisionError(name, error)
        }
    }
}
