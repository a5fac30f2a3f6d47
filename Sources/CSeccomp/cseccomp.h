// SPDX-License-Identifier: Apache-2.0
// libseccomp, as installed by the distribution.
#include <seccomp.h>

// Function-like macros.
static inline uint32_t cseccomp_errno(uint16_t number) { return SCMP_ACT_ERRNO(number); }
static inline uint32_t cseccomp_trace(uint16_t message) { return SCMP_ACT_TRACE(message); }

// Sums of words that Swift does not add up.
static inline uint32_t cseccomp_arch_x86_64(void) { return SCMP_ARCH_X86_64; }
static inline uint32_t cseccomp_arch_x32(void) { return SCMP_ARCH_X32; }

// The bit that tells x32 calls from the others of the same machine (asm/unistd.h of x86).
static inline uint32_t cseccomp_x32_bit(void) { return 0x40000000U; }
