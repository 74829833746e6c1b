// SPDX-License-Identifier: Apache-2.0
/* What encoder and decoder of values share; only for row*.c. */
#pragma once
#include "codec/row_type.h"

enum {
    ROW_FRAME_SIZE = 5, /* byte 0, schema id */
    /* Branches of a field's union, in the order in which row_type_print() writes them, zigzag. */
    ROW_BRANCH_NULL = 0,
    ROW_BRANCH_TYPED = 2,
    ROW_BRANCH_TEXT = 4,
};

static inline uint64_t row_zigzag(int64_t n) { return (uint64_t)n << 1 ^ (uint64_t)(n >> 63); }
static inline int64_t row_unzigzag(uint64_t n) { return (int64_t)(n >> 1 ^ (0 - (n & 1))); }
