// SPDX-License-Identifier: Apache-2.0
/*
 * Memory by lifetime: arenas for process, connection and batch, reset at the top of the loop.
 * Out of memory ends the process (exit 9 with one line), so no call checks for it.
 * Invariant: everything handed out by an arena is aligned to 16 bytes and lives until reset or free.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

void *xmalloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((alloc_size(2), returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

struct arena_block;
struct arena {
    struct arena_block *head; /* newest block */
    size_t used;              /* bytes used in head */
};

void arena_init(struct arena *a);
/* Keeps the largest block for reuse; everything handed out before is gone (poisoned under ASan). */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, alloc_size(2), returns_nonnull));
void *arena_calloc(struct arena *a, size_t count, size_t size)
    __attribute__((malloc, alloc_size(2, 3), returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
/* Copies len bytes and adds a NUL. */
char *arena_memdup(struct arena *a, const void *p, size_t len) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((returns_nonnull, format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((returns_nonnull, format(printf, 2, 0)));

/* Scoped clean-up: `CLEANUP(free_ptr) char *p = NULL;`. Ownership leaves a scope by TAKE(p). */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define TAKE(p)                    \
    ({                             \
        __typeof__(p) take_ = (p); \
        (p) = NULL;                \
        take_;                     \
    })
static inline void free_ptr(void *pp)
{
    void **p = pp;
    free(*p);
    *p = NULL;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Grows a malloc'ed array so that index `count` is usable; capacity doubles. */
#define GROW(array, count, capacity)                                   \
    do {                                                               \
        if ((count) == (capacity)) {                                   \
            (capacity) = (capacity) ? (capacity)*2 : 8;                \
            (array) = xrealloc((array), (capacity) * sizeof *(array)); \
        }                                                              \
    } while (0)
