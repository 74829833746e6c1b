// SPDX-License-Identifier: Apache-2.0
/* Requests to the registry: method, path and query up to the first line feed, then the body as JSON. */
#include <stddef.h>
#include <stdlib.h>

#include "registry/rest_json.h"
#include "registry/rest_route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body, query, all = str_n((const char *)data, size), head = str_cut(all, '\n', &body);
    struct str target, method = str_cut(head, ' ', &target), path = str_cut(target, '?', &query);
    struct arena arena;
    struct rest_route route;
    struct rest_problem problem = {0, NULL};
    struct json_tree tree;
    struct str text, *texts;
    struct err err;
    int32_t number, *numbers;
    size_t count;
    bool flag;
    arena_init(&arena);
    if (!rest_route(method, path, query, &arena, &route, &problem) && (problem.code < 400 || !problem.text))
        abort();
    if (rest_parse(body, &arena, &tree, &err)) {
        (void)rest_text(&tree, "schema", &text);
        (void)rest_int(&tree, "id", &number);
        (void)rest_bool(&tree, "is_compatible", &flag);
        (void)rest_count(&tree, "references");
        (void)rest_texts(&tree, &arena, &texts, &count);
        (void)rest_ints(&tree, &arena, &numbers, &count);
        (void)rest_joined(&tree, "messages", &arena);
    }
    arena_free(&arena);
    return 0;
}
