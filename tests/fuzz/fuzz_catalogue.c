// SPDX-License-Identifier: Apache-2.0
/* The compiled catalogue: with its hash put right, so that the fuzzer gets past it; encode(decode(x)) == x. */
#include <assert.h>
#include <stdlib.h>

#include "codec/catalogue.h"

static struct str no_header(void *arg, struct str name, bool *ret_repeated)
{
    (void)arg;
    (void)name;
    (void)ret_repeated;
    return (struct str){NULL, 0};
}

static void use(const struct catalogue *c)
{
    static const char path[] = "/a/b/c", query[] = "page=1&x=%41";
    struct str values[ENDPOINT_PARAMS_MAX];
    char scratch[sizeof path + sizeof query];
    const struct endpoint *e = catalogue_match(c, STR(path));
    if (e)
        (void)endpoint_bind(e, STR(path), STR(query), no_header, NULL, scratch, values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct catalogue c;
    arena_init(&arena);
    char *copy = malloc(size + 1);
    assert(copy);
    memcpy(copy, data, size);
    if (size >= CATALOGUE_HEADER) {
        uint64_t hash = endpoint_hash(ENDPOINT_HASH_START, copy + CATALOGUE_HEADER, size - CATALOGUE_HEADER);
        uint64_t length = size - CATALOGUE_HEADER;
        memcpy(copy + 16, &length, sizeof length);
        memcpy(copy + 24, &hash, sizeof hash);
    }
    if (catalogue_decode(str_n(copy, size), &arena, &c, NULL)) {
        struct buf again;
        buf_init(&again, 0);
        catalogue_encode(c.endpoints, c.count, &again);
        assert(str_eq(buf_str(&again), str_n(copy, size)));
        use(&c);
        buf_free(&again);
    }
    free(copy);
    arena_free(&arena);
    return 0;
}
