// SPDX-License-Identifier: Apache-2.0
/* MurmurHash3 x86 32 bit (Austin Appleby, public domain algorithm), as flagd's `fractional` uses it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint32_t murmur3_32(const void *data, size_t len, uint32_t seed);
/* The hash of a's bytes followed by b's, without joining them. */
uint32_t murmur3_32_pair(const void *a, size_t a_len, const void *b, size_t b_len, uint32_t seed);
