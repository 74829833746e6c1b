// SPDX-License-Identifier: Apache-2.0
/* Any text as a view's SELECT: a plan or a refusal with a place, never a crash. What libpg_query's own parser does with
 * the text is its business; what is ours starts with its tree. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "../unit/project/plan_catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"id", "k"};
    struct arena arena;
    struct view_plan plan;
    struct err err = {0};
    if (size > 8192)
        return 0;
    arena_init(&arena);
    char *text = arena_memdup(&arena, data, size);
    for (size_t count = 1; count <= 2; count++) {
        if (view_plan_build(text, keys, count, &plan_catalog, &arena, &plan, &err)) {
            assert(plan.table_count > 0 && plan.keymap_count > 0 && plan.key_count > 0);
            assert(plan.select && plan.restricted && strstr(plan.restricted, "ANY"));
        } else {
            assert(err.class == ERR_CONFIG && err.text[0]);
        }
    }
    arena_free(&arena);
    return 0;
}
