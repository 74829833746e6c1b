// SPDX-License-Identifier: Apache-2.0
/*
 * For the flow tests: texts of a real server through the typed mapping. Standard input is COPY's text format, a line
 * each: oid, typmod, "typed" or "text", value. Each must be taken by that branch and come back as it was.
 * Prints what does not, at most ten lines, and the counts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/row.h"
#include "codec/row_value.h"

enum { BRANCH_AT = ROW_FRAME_SIZE };

/* COPY's escapes, in place. */
static struct str unescape(char *s)
{
    char *out = s;
    for (const char *p = s; *p; p++) {
        if (*p == '\\' && p[1]) {
            static const char names[] = "bfnrtv", bytes[] = "\b\f\n\r\t\v";
            const char *at = strchr(names, *++p);
            *out++ = at ? bytes[at - names] : *p;
        } else {
            *out++ = *p;
        }
    }
    return str_n(s, (size_t)(out - s));
}

static const char *wrong(uint32_t oid, int32_t typmod, bool typed, struct str text, struct arena *a, struct buf *out)
{
    struct row_column column = {.name = STR("c"), .type = STR("t"), .type_oid = oid, .typmod = typmod};
    struct row_schema schema = {.columns = &column, .column_count = 1};
    struct row_value value = {.text = text};
    struct row_plan plan;
    struct row_texts got;
    struct err err;
    row_plan_make(&schema, a, &plan);
    buf_clear(out);
    if (!row_encode(&plan, 1, &value, NULL, 0, out, &err) || !row_decode(&plan, buf_str(out), a, &got, &err))
        return arena_strdup(a, err.text);
    if (got.values[0].null || !str_eq(got.values[0].text, text))
        return arena_printf(a, "came back as " STR_FMT, STR_ARG(got.values[0].text));
    if ((out->data[BRANCH_AT] == ROW_BRANCH_TYPED) != typed)
        return typed ? "kept as text" : "not kept as text";
    return NULL;
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    unsigned long count = 0, bad = 0;
    ssize_t len;
    struct buf out;
    buf_init(&out, 0);
    while ((len = getline(&line, &size, stdin)) > 0) {
        struct str rest = {line, (size_t)len - 1};
        struct arena a;
        int64_t oid = 0, typmod = 0;
        line[len - 1] = '\0';
        arena_init(&a);
        bool good = str_to_i64(str_cut(rest, '\t', &rest), &oid) && str_to_i64(str_cut(rest, '\t', &rest), &typmod);
        bool typed = str_is(str_cut(rest, '\t', &rest), "typed");
        struct str text = unescape(line + (len - 1) - rest.len);
        const char *why = good ? wrong((uint32_t)oid, (int32_t)typmod, typed, text, &a, &out) : "no oid";
        count++;
        if (why && bad++ < 10)
            printf("type %lld modifier %lld: " STR_FMT ": %s\n", (long long)oid, (long long)typmod, STR_ARG(text), why);
        arena_free(&a);
    }
    printf("%lu texts, %lu wrong\n", count, bad);
    buf_free(&out);
    free(line);
    return bad ? 1 : 0;
}
