// SPDX-License-Identifier: Apache-2.0
/* JSON arrays of strings: what is accepted, printed again, gives the same strings. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "codec/json_strings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct str *first, *second;
    size_t first_count, second_count;
    struct err err;
    arena_init(&a);
    if (json_strings_parse(str_n((const char *)data, size), &a, &first, &first_count, &err)) {
        struct buf b;
        buf_init(&b, 0);
        buf_addc(&b, '[');
        for (size_t i = 0; i < first_count; i++) {
            buf_adds(&b, i ? "," : "");
            buf_add_json(&b, first[i]);
        }
        buf_addc(&b, ']');
        bool again = json_strings_parse(buf_str(&b), &a, &second, &second_count, &err);
        assert(again && first_count == second_count);
        for (size_t i = 0; i < first_count; i++)
            assert(str_eq(first[i], second[i]));
        buf_free(&b);
    }
    arena_free(&a);
    return 0;
}
