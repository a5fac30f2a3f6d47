// SPDX-License-Identifier: Apache-2.0
// json-c, as installed by the distribution.
#define _GNU_SOURCE 1  // The same view of libc as CLinux has.
#include <json-c/json.h>
