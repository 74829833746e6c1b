// SPDX-License-Identifier: Apache-2.0
/*
 * A row of eight columns from PostgreSQL's texts to Avro and back, in nanoseconds: two bigint, numeric(12,2), two
 * texts, an integer, a text that is null, a timestamptz; beside the same row as bare strings (what a value cost before
 * it had types, and close to a copy), and rows of eight columns of one type. The least of many rounds: other load on
 * the machine only ever adds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/pgtext.h"
#include "codec/row.h"

enum { COLUMNS = 8, ROWS = 1024, ROUNDS = 300, TEXT_MAX = 96 };

struct sample {
    struct row_schema schema;
    struct row_column columns[COLUMNS];
    char texts[ROWS][COLUMNS][TEXT_MAX];
    struct row_value values[ROWS][COLUMNS];
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void fill(struct sample *s, uint32_t oid, int32_t typmod, int column, const char *fmt, int row)
{
    unsigned long long r = (unsigned long long)row * 2654435761u;
    char *text = s->texts[row][column];
    s->columns[column] = (struct row_column){.name = STR("c"), .type = STR("t"), .type_oid = oid, .typmod = typmod};
    switch (fmt[0]) {
    case 'd': snprintf(text, TEXT_MAX, "%llu", r % 1000000000); break;
    case 'n': snprintf(text, TEXT_MAX, "%llu.%02llu", r % 100000, r % 100); break;
    case 't':
        snprintf(text, TEXT_MAX, "2024-%02llu-%02llu %02llu:%02llu:%02llu.%06llu+00", r % 12 + 1, r % 28 + 1, r % 24,
                 r % 60, r / 7 % 60, r % 999999 / 10 * 10 + 1);
        break;
    case 'f': snprintf(text, TEXT_MAX, "%llu.%llu", r % 100000, r % 99 + 1); break;
    case 'F': *pgtext_put_float8(text, (double)(r % 1000000) / 7 + 0.1) = '\0'; break;
    case 'u': snprintf(text, TEXT_MAX, "%08llx-1111-2222-3333-%012llx", r % 0xffffffff, r); break;
    case 'a': snprintf(text, TEXT_MAX, "{%llu,NULL,\"two words\",x}", r % 1000); break;
    case 'i': snprintf(text, TEXT_MAX, "{%llu,%llu,%llu}", r % 1000, r % 77, r % 1000000); break;
    default: snprintf(text, TEXT_MAX, "%s", fmt); break;
    }
    size_t len = strlen(text);
    if (fmt[0] == 'f' && text[len - 1] == '0') /* the server prints no zero at the end */
        text[len - 1] = '1';
    s->values[row][column] = (struct row_value){str_of(text), fmt[0] == '-'};
}

static double encode_ns(const struct sample *s, const struct row_plan *plan, struct buf *out)
{
    double least = 1e9;
    struct err err;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < ROWS; i++) {
            buf_clear(out);
            if (!row_encode(plan, 1, s->values[i], NULL, 0, out, &err)) {
                fprintf(stderr, "%s: %s\n", err.text, s->texts[i][0]);
                exit(7);
            }
        }
        double ns = (now_ns() - start) / ROWS;
        least = ns < least ? ns : least;
    }
    return least;
}

static double decode_ns(const struct sample *s, const struct row_plan *plan)
{
    static struct buf bytes[ROWS];
    double least = 1e9;
    struct arena a;
    struct err err;
    struct row_texts row;
    arena_init(&a);
    for (int i = 0; i < ROWS; i++) {
        buf_clear(&bytes[i]);
        if (!row_encode(plan, 1, s->values[i], NULL, 0, &bytes[i], &err))
            exit(7);
    }
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < ROWS; i++)
            if (!row_decode(plan, buf_str(&bytes[i]), &a, &row, &err))
                exit(7);
        double ns = (now_ns() - start) / ROWS;
        least = ns < least ? ns : least;
        arena_reset(&a);
    }
    arena_free(&a);
    return least;
}

static void measure(struct sample *s, const char *name)
{
    struct row_plan plan;
    struct arena a;
    struct buf out = {.data = NULL};
    arena_init(&a);
    s->schema = (struct row_schema){.columns = s->columns, .column_count = COLUMNS};
    row_plan_make(&s->schema, &a, &plan);
    printf("encode_%s %.0f ns/row\n", name, encode_ns(s, &plan, &out));
    printf("decode_%s %.0f ns/row\n", name, decode_ns(s, &plan));
    buf_free(&out);
    arena_free(&a);
}

int main(void)
{
    static const struct {
        const char *name, *fmt;
        uint32_t oid;
        int32_t typmod;
    } kinds[] = {{"8_bigint", "d", 20, -1},        {"8_numeric", "n", 1700, 786438}, {"8_timestamptz", "t", 1184, -1},
                 {"8_float8_short", "f", 701, -1}, {"8_float8_long", "F", 701, -1},  {"8_uuid", "u", 2950, -1},
                 {"8_text_array", "a", 1009, -1},  {"8_int_array", "i", 1007, -1}};
    static const struct {
        const char *fmt;
        uint32_t oid;
        int32_t typmod;
    } mixed[COLUMNS] = {{"d", 20, -1},   {"d", 20, -1}, {"n", 1700, 786438}, {"some text", 25, -1},
                        {"EUR", 25, -1}, {"d", 23, -1}, {"-", 25, -1},       {"t", 1184, -1}};
    static struct sample s;
    for (int as_text = 1; as_text >= 0; as_text--) {
        for (int i = 0; i < ROWS; i++)
            for (int c = 0; c < COLUMNS; c++)
                fill(&s, as_text ? 25 : mixed[c].oid, as_text ? -1 : mixed[c].typmod, c, mixed[c].fmt, i);
        measure(&s, as_text ? "strings" : "typed");
    }
    for (size_t k = 0; k < COUNT(kinds); k++) {
        for (int i = 0; i < ROWS; i++)
            for (int c = 0; c < COLUMNS; c++)
                fill(&s, kinds[k].oid, kinds[k].typmod, c, kinds[k].fmt, i);
        measure(&s, kinds[k].name);
    }
    return 0;
}
