// SPDX-License-Identifier: Apache-2.0
/* UTF-8 validity as PostgreSQL and RFC 3629 have it: shortest form, no surrogates, at most U+10FFFF. */
#pragma once
#include "base/str.h"

bool utf8_valid(struct str s);
