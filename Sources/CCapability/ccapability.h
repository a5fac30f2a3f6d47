// SPDX-License-Identifier: Apache-2.0
// libcap, as installed by the distribution.
#define _GNU_SOURCE 1  // The same view of libc as CLinux has.
#include <sys/capability.h>
