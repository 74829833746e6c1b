// SPDX-License-Identifier: Apache-2.0
/* View files: any bytes give a view or an error; what is accepted keeps the header's promises. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "project/view_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct view_file f;
    struct err err;
    arena_init(&a);
    if (view_file_parse(str_n((const char *)data, size), "fuzz.sql", &a, &f, &err)) {
        assert(*f.name && *f.service && *f.select && f.select_line > 0);
        assert(f.key_count > 0 && f.key_count <= VIEW_KEY_MAX && f.row_count > 0 && f.row_count <= VIEW_KEY_MAX);
        assert(strlen(f.text) == size);
    } else {
        assert(err.class == ERR_CONFIG && *err.text);
    }
    arena_free(&a);
    return 0;
}
