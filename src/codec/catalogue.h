// SPDX-License-Identifier: Apache-2.0
/*
 * The compiled endpoint catalogue: what `undam endpoint compile` writes and nginx loads at (re)start. One file:
 *
 *   "UNDAMCAT"  u32 version  u32 endpoints  u64 payload bytes  u64 hash of the payload   (little-endian)
 *   payload: the endpoints in look-up order, strings with a u32 length before them
 *
 * What always holds: a file that is cut off, longer than it says, of another version, with a wrong hash, with values
 * out of bounds or out of order is refused as a whole; encode(decode(x)) == x; equal endpoints give equal bytes.
 */
#pragma once
#include "codec/endpoint.h"

enum { CATALOGUE_VERSION = 1, CATALOGUE_ENDPOINTS_MAX = 4096, CATALOGUE_FILE_MAX = 64 << 20, CATALOGUE_HEADER = 32 };

struct catalogue {
    uint64_t hash;              /* names this content; bound into the flags snapshot */
    struct endpoint *endpoints; /* in look-up order */
    size_t count;
};

/* Sorts in look-up order and refuses two endpoints that answer the same requests. ERR_CONFIG. */
bool catalogue_sort(struct endpoint *endpoints, size_t count, struct err *err) MUST_USE;
/* endpoints as catalogue_sort() left them. */
void catalogue_encode(const struct endpoint *endpoints, size_t count, struct buf *out);
/* Everything in the result lives in the arena; strings end in a NUL behind their length. ERR_CONFIG. */
bool catalogue_decode(struct str bytes, struct arena *arena, struct catalogue *ret, struct err *err) MUST_USE;
/* Reads the whole file into the arena (so a later truncation cannot hurt) and decodes it. ERR_SYSTEM, ERR_CONFIG. */
bool catalogue_load(const char *path, struct arena *arena, struct catalogue *ret, struct err *err) MUST_USE;
/* Its hash, after the same checks; for whoever publishes it with the flags. */
bool catalogue_file_hash(const char *path, uint64_t *ret, struct err *err) MUST_USE;
/* The endpoint a raw request path belongs to, or NULL. path: as sent, without the query string. */
const struct endpoint *catalogue_match(const struct catalogue *c, struct str path);
