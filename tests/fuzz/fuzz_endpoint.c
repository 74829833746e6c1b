// SPDX-License-Identifier: Apache-2.0
/* Endpoint files: what the parser accepts survives the catalogue unchanged, and binding a request made of the same
 * bytes never reads out of bounds. */
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

static void bind(const struct endpoint *e, struct str text)
{
    struct str values[ENDPOINT_PARAMS_MAX], query, path = str_cut(text, '?', &query);
    char *scratch = malloc(text.len + 1);
    assert(scratch);
    if (path.len && endpoint_path_matches(e, path) &&
        endpoint_bind(e, path, query, no_header, NULL, scratch, values) == ENDPOINT_BOUND) {
        for (uint32_t i = 0; i < e->param_count; i++)
            assert(!values[i].data || endpoint_value_ok(&e->params[i], values[i]));
        struct buf target;
        buf_init(&target, 0);
        endpoint_target(e, values, &target);
        buf_free(&target);
    }
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct endpoint *e = calloc(1, sizeof *e);
    struct str rest, request = str_cut(str_n((const char *)data, size), '\0', &rest);
    arena_init(&arena);
    assert(e);
    if (endpoint_parse(STR("fuzz.sql"), rest.data ? rest : request, &arena, e, NULL)) {
        struct buf once, twice;
        struct catalogue c;
        buf_init(&once, 0);
        buf_init(&twice, 0);
        catalogue_encode(e, 1, &once);
        if (!catalogue_decode(buf_str(&once), &arena, &c, NULL))
            abort();
        catalogue_encode(c.endpoints, c.count, &twice);
        assert(str_eq(buf_str(&once), buf_str(&twice)));
        bind(e, request);
        buf_free(&once);
        buf_free(&twice);
    }
    arena_free(&arena);
    free(e);
    return 0;
}
