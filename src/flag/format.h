// SPDX-License-Identifier: Apache-2.0
/*
 * The flags snapshot file, as bytes. Private to src/flag.
 *
 *   head | strings, tables (immutable, under the checksum) | words (mutable, outside it)
 *   0                                                       words_offset           length
 *
 * What always holds of a file that flag_snapshot_open() accepted: every offset and count lies inside the
 * immutable part, indexes point into their tables, percentages are 0..FLAG_WHOLE, forced users and members are
 * sorted by their bytes. Numbers are little-endian (the file never leaves the machine that nginx runs on).
 * The words are 8 bytes each, aligned, read and written with atomic loads and stores only.
 */
#pragma once
#include <stdint.h>

#define FLAG_MAGIC "UNDAMFLG"
#define FLAG_MAGIC_BYTES                       \
    {                                          \
        'U', 'N', 'D', 'A', 'M', 'F', 'L', 'G' \
    }

enum {
    FLAG_FORMAT = 1,
    FLAG_ALGORITHM = 1,       /* murmur3 x86 32, seed 0, of salt + targeting key, scaled by multiplication */
    FLAG_FILE_MAX = 64 << 20, /* a million targeting keys; more belong in a percentage */
    FLAG_WORDS_FIXED = 3,     /* kill, superseded, heartbeat; then one a service, then one a flag */
};

/* A string: offset from the start of the file, length. */
struct flag_text {
    uint32_t offset, length;
};
struct flag_table {
    uint32_t offset, count;
};

struct flag_head {
    char magic[8];
    uint32_t format, head_size;
    uint64_t checksum; /* of the immutable part with this field 0 */
    uint64_t length;   /* of the whole file */
    uint64_t version, catalogue;
    int64_t created_us;
    uint32_t words_offset, algorithm;
    struct flag_table flags, services, forced, segments, members, uses;
};

struct flag_record {
    struct flag_text name, salt;
    int32_t service; /* index, -1 none */
    uint32_t percentage;
    uint32_t validity_s; /* > 0 */
    struct flag_range {
        uint32_t first, count;
    } forced, uses; /* into the tables of those names */
    uint32_t pad;
};
struct flag_forced_record {
    struct flag_text user;
    uint32_t route, pad;
};
struct flag_segment_record {
    struct flag_text name;
    struct flag_range members;
};
/* A flag's use of a segment, in order of evaluation. */
struct flag_use_record {
    uint32_t segment, percentage;
};

_Static_assert(sizeof(struct flag_head) == 112, "the head has no padding");
_Static_assert(sizeof(struct flag_record) == 48, "records have no padding");

/* 64 bits from two murmur3 passes: corruption is what it guards against, not forgery. */
uint64_t flag_checksum(const void *immutable, uint64_t size);
