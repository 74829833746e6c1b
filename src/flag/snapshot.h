// SPDX-License-Identifier: Apache-2.0
/* What the reader (snapshot.c), the evaluation (eval.c) and the writer (snapshot_write.c) share. Private to src/flag.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "flag/flag.h"
#include "flag/format.h"

struct flag_snapshot {
    unsigned char *data; /* private, checked copy of the immutable part: what nobody can change under us */
    const struct flag_head *head;
    const struct flag_record *flags;
    const struct flag_text *services;
    const struct flag_forced_record *forced;
    const struct flag_segment_record *segments;
    const struct flag_text *members;
    const struct flag_use_record *uses;
    const uint64_t *words; /* in the mapped file */
    void *map;             /* NULL when the words are the caller's memory */
    size_t map_size;
};

/* Words, in file order. */
enum { FLAG_WORD_KILL = 0, FLAG_WORD_SUPERSEDED = 1, FLAG_WORD_HEARTBEAT = 2 };

static inline uint64_t flag_word(const struct flag_snapshot *s, size_t index)
{
    return __atomic_load_n(&s->words[index], __ATOMIC_ACQUIRE);
}
static inline size_t flag_word_applied(size_t service) { return FLAG_WORDS_FIXED + service; }
static inline size_t flag_word_killed(const struct flag_snapshot *s, size_t flag)
{
    return FLAG_WORDS_FIXED + s->head->services.count + flag;
}

/* Checks `size` bytes (a whole file) and fills s with pointers into them. data must be 8-byte aligned and is not
 * owned; the checksum field in it is overwritten. The words are those in data. */
bool flag_snapshot_parse(struct flag_snapshot *s, unsigned char *data, size_t size, char *why, size_t why_size);
/* memcmp order, shorter first on a tie. */
int flag_text_cmp(const struct flag_snapshot *s, struct flag_text a, const char *b, size_t b_len);
