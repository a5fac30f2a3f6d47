// SPDX-License-Identifier: Apache-2.0
// json-c, as installed by the distribution.
#include <json-c/json.h>
