// SPDX-License-Identifier: Apache-2.0
/* Any bytes as YAML: a list or an error with a line, never anything else. */
#include <assert.h>

#include "codec/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct yaml_node *nodes = NULL;
    size_t count = 0;
    struct err err = {0};
    arena_init(&arena);
    if (yaml_read(str_n((const char *)data, size), "fuzz.yaml", &arena, &nodes, &count, &err)) {
        for (size_t i = 0; i < count; i++) {
            assert(nodes[i].depth <= YAML_DEPTH_MAX && nodes[i].line > 0);
            assert(strlen(nodes[i].path) < YAML_PATHS_MAX && nodes[i].value);
        }
    } else {
        assert(err.class == ERR_CONFIG && strncmp(err.text, "fuzz.yaml:", 10) == 0);
    }
    arena_free(&arena);
    return 0;
}
