// SPDX-License-Identifier: Apache-2.0
/*
 * Strings: `struct str` is a view (pointer and length, not owned, not NUL-terminated, data may be
 * NULL when len is 0), `struct buf` an owned growing buffer with a declared maximum.
 * Invariant of buf: data is NUL-terminated whenever it is not NULL; once a write would pass the
 * maximum, `overflow` is set and further writes are dropped, so a writer checks once, at the end.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *data;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_FMT      "%.*s"
#define STR_ARG(s)   (int)(s).len, (s).data ? (s).data : ""

static inline struct str str_of(const char *s) { return (struct str){s, s ? strlen(s) : 0}; }
static inline struct str str_n(const char *s, size_t n) { return (struct str){s, n}; }
static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}
static inline bool str_is(struct str a, const char *s) { return str_eq(a, str_of(s)); }
/* memcmp order, shorter first on a tie. */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
/* Without leading and trailing ASCII white space. */
struct str str_trim(struct str s);
/* Cuts s at the first `sep`: the part before is returned, *rest is what follows (len 0, data NULL when no sep). */
struct str str_cut(struct str s, char sep, struct str *rest);
/* A hexadecimal digit's value; -1 for what is none. */
static inline int str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
/* %XX of URLs, and with `plus` + for a space, as in queries. `out` has room for s.len bytes, *ret is what is there.
 * False for a broken escape. */
bool str_unpercent(struct str s, bool plus, char *out, struct str *ret);
/* The whole of s as a decimal number; false when it is empty, has other characters or does not fit. */
bool str_to_i64(struct str s, int64_t *ret);
bool str_to_u64(struct str s, uint64_t *ret);

/* Edits (insert, delete, replace, swap of neighbours) that turn a into b; for "did you mean". Only the first 64 bytes
 * count. */
unsigned str_distance(struct str a, struct str b);
/* Near enough to be a slip of the finger: at most one edit in three letters. */
bool str_near(struct str a, struct str b, unsigned *ret_distance);

struct buf {
    char *data;
    size_t len, cap;
    size_t max; /* 0: BUF_MAX_DEFAULT */
    bool overflow;
};

enum { BUF_MAX_DEFAULT = 1 << 30 };

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
static inline void buf_clear(struct buf *b)
{
    b->len = 0;
    b->overflow = false;
    if (b->data)
        b->data[0] = '\0';
}
/* Room for n more bytes; returns where to write, or NULL on overflow. The caller then adds to len. */
char *buf_reserve(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_str(struct buf *b, struct str s);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* As a JSON string with its quotes; control characters escaped, bytes over 0x7f passed through. */
void buf_add_json(struct buf *b, struct str s);
/* As a double-quoted SQL identifier. */
void buf_add_ident(struct buf *b, struct str s);
/* As a single-quoted SQL literal (standard_conforming_strings on; E'' when it holds a backslash). */
void buf_add_literal(struct buf *b, struct str s);
static inline struct str buf_str(const struct buf *b) { return (struct str){b->data, b->len}; }
