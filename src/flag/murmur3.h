// SPDX-License-Identifier: Apache-2.0
/* MurmurHash3 x86 32 bit (Austin Appleby, public domain algorithm), as flagd's `fractional` uses it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint32_t murmur3_32(const void *data, size_t len, uint32_t seed);
