// SPDX-License-Identifier: Apache-2.0
// libcap, as installed by the distribution.
#include <sys/capability.h>
