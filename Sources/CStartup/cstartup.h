// SPDX-License-Identifier: Apache-2.0
//
// A variable that the Swift runtime's code looks for by its name, which a variable of Swift cannot have.

#ifndef CSTARTUP_H
#define CSTARTUP_H

/// The settings of the runtime's crash handler, as long as its own: all off. Weak, so that it does not matter how
/// many files of the program see this.
struct cstartup_settings {
    unsigned long off[11];
};
__attribute__((weak)) struct cstartup_settings _swift_backtraceSettings = {{0}};

/// Never true; that it is asked puts the variable into the program.
static inline _Bool cstartup_has_crash_handler(void) { return _swift_backtraceSettings.off[0] != 0; }

#endif
