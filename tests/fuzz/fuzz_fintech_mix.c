// SPDX-License-Identifier: Apache-2.0
/* The example's load driver reads any requests.mix and any pools: an error with a place, or lines that are whole. The
 * input is a mix, then, after a NUL, pools. */
#include "load/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str pools_text, mix = str_cut(str_n((const char *)data, size), '\0', &pools_text);
    struct err err = {0};
    struct pools pools;
    struct lines lines = {0};
    struct arena arena;
    if (!pools_parse("pools", pools_text, &pools, &err))
        return 0;
    arena_init(&arena);
    if (lines_parse(&lines, "service", "requests.mix", mix, &pools, &arena, &err)) {
        for (size_t i = 0; i < lines.count; i++) {
            const struct line *l = &lines.lines[i];
            bool whole = l->method && l->pattern && *l->pattern == '/' && l->expect_count > 0 && l->path.count > 0 &&
                         (l->kind == LINE_CASE) == (l->weight == 0);
            for (unsigned k = 0; k < l->body.count; k++)
                whole = whole && l->body.parts[k].slot <= NO_SLOT &&
                        (l->body.parts[k].kind != PART_POOL || l->body.parts[k].pool->count > 0);
            if (!whole)
                __builtin_trap();
        }
    } else if (!err.text[0]) {
        __builtin_trap();
    }
    free(lines.lines);
    arena_free(&arena);
    pools_free(&pools);
    return 0;
}
