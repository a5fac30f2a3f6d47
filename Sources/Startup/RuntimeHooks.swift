// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CStartup

// What the Swift runtime would do before `main`, and a program that is started some thousand times a minute
// does without. The linker takes a part of the runtime's library only for a name that is still to be found:
// with the two functions and the variable here, the parts that have them stay out, and so do
//
// - reading /proc/self/maps to find the stack, and on it the arguments;
// - the search for `swift-backtrace` around the program's own file, which ends the program where there is no
//   /proc; and starting it for a crash, if the environment says so: a program of the environment's choice
//   with the rights of the runtime.
//
// `scripts/check-binary` sees to it that they are not there. The executables need no word of this module
// but its name in an `import`.

/// The standard library's question for what `CommandLine` shows.
///
/// The kernel puts the number of words, the words, a null pointer and the environment on the stack, in this
/// order (System V ABI, AMD64 supplement, 3.4.1, "Initial Stack and Register State"; other machines alike).
/// So they are found from the environment, as long as nobody has put another one in its place.
///
/// - Parameter count: becomes the number of words; 0 if the environment is another one.
/// - Returns: the words, the program's name first, and a null pointer at the end.
@c(_swift_stdlib_getUnsafeArgvArgc)
public func argumentsForStandardLibrary(_ count: UnsafeMutablePointer<CInt>)
    -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
{
    guard let environment = unsafe clinux_environ(), unsafe isFromKernel(environment) else {
        unsafe count.pointee = 0
        return unsafe noWords
    }
    // Down from the null pointer between the two, until a word is the number of those above it. No pointer
    // to a string is as small as that.
    let end = unsafe environment - 1
    var words = 0
    while unsafe UInt(bitPattern: end[-words - 1]) != UInt(words) { words += 1 }
    unsafe count.pointee = CInt(truncatingIfNeeded: words)
    return unsafe end - words
}

/// Whether this is where the kernel has put the environment: below the random bytes that it gives to each
/// program, with nothing but strings and the auxiliary vector between them.
private func isFromKernel(_ environment: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Bool
{
    let (random, place) = (getauxval(UInt(AT_RANDOM)), UInt(bitPattern: environment))
    // All arguments, all variables and the pointers to them take 6 MiB at the most (execve(2), "Limits on
    // size of arguments and environment").
    return random > place && random - place <= 6 << 20
}

/// An empty list of words, for as long as the program runs.
private nonisolated(unsafe) let noWords = {
    let words = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: 1)
    unsafe words.initialize(to: nil)
    return unsafe words
}()

/// The crash handler's question whether a function is to be left out of a backtrace. There is no crash
/// handler, so nobody asks; but the runtime's start-up code has the name, to get a crash handler linked.
@c(_swift_backtrace_isThunkFunction)
public func isThunkForCrashHandler(_ name: UnsafePointer<CChar>?) -> CBool {
    cstartup_has_crash_handler()
}
