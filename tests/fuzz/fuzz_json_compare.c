// SPDX-License-Identifier: Apache-2.0
/* JSON comparison: rules, a zero byte, a text, a zero byte, another text. A text equals itself; equality holds both
 * ways (with `closed`, so that additive members count); nothing is read outside the texts. */
#include <stdlib.h>
#include <string.h>

#include "codec/json_compare.h"

static struct json_rules rules;
static struct json_comparison result;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str rest, text, lines = str_cut(str_n((const char *)data, size), '\0', &rest);
    struct err err;
    arena_init(&arena);
    text = str_cut(rest, '\0', &rest);
    rules.count = 0;
    bool good = json_rules_add(&rules, STR("closed"), &arena, &err);
    while (good && lines.len) {
        struct str line = str_cut(lines, '\n', &lines);
        bool added = json_rules_add(&rules, line, &arena, &err);
        (void)added;
    }
    json_compare(text, text, &rules, &arena, &result);
    if (!result.equal)
        abort();
    char *spaced = arena_alloc(&arena, text.len + 1); /* the same text, other bytes: the short cut is not taken */
    if (text.len)
        memcpy(spaced, text.data, text.len);
    spaced[text.len] = ' ';
    json_compare(text, (struct str){spaced, text.len + 1}, &rules, &arena, &result);
    if (!result.equal && !result.too_large && !result.broken_old)
        abort();
    json_compare(text, rest, &rules, &arena, &result);
    bool forth = result.equal;
    json_compare(rest, text, &rules, &arena, &result);
    if (forth != result.equal)
        abort();
    arena_free(&arena);
    return 0;
}
