// SPDX-License-Identifier: Apache-2.0

package import OCI

/// What this build does not do yet. It is refused by name, never ignored: a limit or a filter that
/// was asked for and is not there would be worse than no container.
package enum Support {
    /// Refuses a configuration that asks for something this build cannot apply.
    package static func check(_ configuration: Configuration) throws(ContainerError) {
        let asked = unsupported(in: configuration)
        guard let first = asked.first else { return }
        throw ContainerError(
            .unsupported, "\(first): not supported by this version of martlet",
            details: asked.map { "\($0): not supported by this version of martlet" })
    }

    /// JSON paths of all that is asked for and cannot be applied. Today there is nothing in a
    /// configuration that is refused as a whole.
    package static func unsupported(in configuration: Configuration) -> [String] { [] }
}
