// SPDX-License-Identifier: Apache-2.0
/*
 * A record of 8 fields (54 bytes: two longs, a decimal, two strings, an int, a nullable string, a timestamp) through
 * our Avro and through libavro's generic one, in turns in one run: the ratio means something on any machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/libavro.h"

enum { RECORDS = 200000, ROUNDS = 5, FIELDS = 8 };

static const char schema_text[] =
    "{\"type\":\"record\",\"name\":\"Payment\",\"namespace\":\"bench\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"account\",\"type\":\"long\"},"
    "{\"name\":\"amount\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":12,\"scale\":2}},"
    "{\"name\":\"currency\",\"type\":\"string\"},{\"name\":\"status\",\"type\":\"string\"},"
    "{\"name\":\"version\",\"type\":\"int\"},{\"name\":\"note\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}]}";
/* Drops two fields, reorders, widens, renames and adds one. */
static const char reader_text[] =
    "{\"type\":\"record\",\"name\":\"Payment\",\"namespace\":\"bench\",\"fields\":["
    "{\"name\":\"at\",\"type\":\"long\"},{\"name\":\"payment_id\",\"type\":\"long\",\"aliases\":[\"id\"]},"
    "{\"name\":\"amount\",\"type\":\"bytes\"},{\"name\":\"currency\",\"type\":\"string\"},"
    "{\"name\":\"version\",\"type\":\"long\"},{\"name\":\"note\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"fee\",\"type\":[\"null\",\"long\"],\"default\":null}]}";

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static _Noreturn void die(const char *what, const struct err *err)
{
    fprintf(stderr, "avro_bench: %s %s\n", what, err ? err->text : "");
    exit(8);
}

/* The tape of record n: the record itself and its fields. */
static void fill(struct avro_item *items, int64_t n)
{
    static const char amount[] = {0x01, 0x2a, 0x5f, 0x10};
    items[0] = (struct avro_item){.type = AVRO_RECORD, .count = FIELDS};
    items[1] = (struct avro_item){.type = AVRO_LONG, .number = 1000000000 + n};
    items[2] = (struct avro_item){.type = AVRO_LONG, .number = 7000000 + n % 1000};
    items[3] = (struct avro_item){.type = AVRO_BYTES, .text = {amount, sizeof amount}};
    items[4] = (struct avro_item){.type = AVRO_STRING, .text = STR("EUR")};
    items[5] = (struct avro_item){.type = AVRO_STRING, .text = STR("completed")};
    items[6] = (struct avro_item){.type = AVRO_INT, .number = n & 63};
    items[7] = (struct avro_item){.type = AVRO_STRING, .branch = 1, .text = STR("rent, March 2026")};
    items[8] = (struct avro_item){.type = AVRO_LONG, .number = 1767323045678901 + n};
}

static void libavro_set(avro_value_t *v, int64_t n)
{
    static char amount[] = {0x01, 0x2a, 0x5f, 0x10}, eur[] = "EUR", completed[] = "completed",
                note[] = "rent, March 2026";
    avro_value_t f, branch;
    avro_value_get_by_index(v, 0, &f, NULL);
    avro_value_set_long(&f, 1000000000 + n);
    avro_value_get_by_index(v, 1, &f, NULL);
    avro_value_set_long(&f, 7000000 + n % 1000);
    avro_value_get_by_index(v, 2, &f, NULL);
    avro_value_set_bytes(&f, amount, sizeof amount);
    avro_value_get_by_index(v, 3, &f, NULL);
    avro_value_set_string_len(&f, eur, sizeof eur);
    avro_value_get_by_index(v, 4, &f, NULL);
    avro_value_set_string_len(&f, completed, sizeof completed);
    avro_value_get_by_index(v, 5, &f, NULL);
    avro_value_set_int(&f, (int32_t)(n & 63));
    avro_value_get_by_index(v, 6, &f, NULL);
    avro_value_set_branch(&f, 1, &branch);
    avro_value_set_string_len(&branch, note, sizeof note);
    avro_value_get_by_index(v, 7, &f, NULL);
    avro_value_set_long(&f, 1767323045678901 + n);
}

static const struct avro_schema *parse(const char *text, struct arena *arena)
{
    const struct avro_schema *s = NULL;
    struct err err;
    if (!avro_schema_parse(str_of(text), arena, &s, &err))
        die("schema", &err);
    return s;
}

static const struct avro_program *program, *view;
static avro_value_t value;
static avro_reader_t in;
static avro_writer_t to;
static char theirs[256];

static double encode_ns(bool filling, struct buf *out)
{
    struct avro_item items[FIELDS + 1];
    struct err err;
    double start = now_ns();
    fill(items, 0);
    for (int64_t i = 0; i < RECORDS; i++) {
        if (filling)
            fill(items, i);
        buf_clear(out);
        if (!avro_encode(program, items, FIELDS + 1, out, &err))
            die("encode", &err);
    }
    return (now_ns() - start) / RECORDS;
}

static double libavro_encode_ns(bool filling)
{
    double start = now_ns();
    libavro_set(&value, 0);
    for (int64_t i = 0; i < RECORDS; i++) {
        if (filling) {
            avro_value_reset(&value);
            libavro_set(&value, i);
        }
        avro_writer_reset(to);
        if (avro_value_write(to, &value))
            die(avro_strerror(), NULL);
    }
    return (now_ns() - start) / RECORDS;
}

static double decode_ns(const struct avro_program *p, struct str bytes, struct avro_tape *tape)
{
    struct err err;
    double start = now_ns();
    for (int i = 0; i < RECORDS; i++)
        if (!avro_decode(p, bytes, tape, &err))
            die("decode", &err);
    return (now_ns() - start) / RECORDS;
}

static double libavro_decode_ns(struct str bytes)
{
    double start = now_ns();
    for (int i = 0; i < RECORDS; i++) {
        avro_reader_memory_set_source(in, bytes.data, (int64_t)bytes.len);
        avro_value_reset(&value);
        if (avro_value_read(in, &value))
            die(avro_strerror(), NULL);
    }
    return (now_ns() - start) / RECORDS;
}

static void least(double *best, double now)
{
    if (*best == 0 || now < *best)
        *best = now;
}

int main(void)
{
    struct arena arena;
    struct avro_tape tape;
    struct buf out;
    struct err err;
    avro_schema_t schema;
    double own[2] = {0}, lib[2] = {0}, dec = 0, lib_dec = 0, resolved = 0;
    arena_init(&arena);
    avro_tape_init(&tape);
    buf_init(&out, 0);
    const struct avro_schema *s = parse(schema_text, &arena);
    if (!avro_compile(s, &arena, &program, &err) || !avro_resolve(s, parse(reader_text, &arena), &arena, &view, &err))
        die("schema", &err);
    if (avro_schema_from_json_length(schema_text, sizeof schema_text - 1, &schema))
        die(avro_strerror(), NULL);
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    avro_generic_value_new(iface, &value);
    to = avro_writer_memory(theirs, sizeof theirs);
    in = avro_reader_memory(theirs, sizeof theirs);
    for (int round = 0; round < ROUNDS; round++) {
        for (int filling = 0; filling < 2; filling++) {
            least(&own[filling], encode_ns(filling, &out));
            least(&lib[filling], libavro_encode_ns(filling));
        }
        if (out.len != (size_t)avro_writer_tell(to) || memcmp(out.data, theirs, out.len) != 0)
            die("the two encoders differ", NULL);
        least(&dec, decode_ns(program, buf_str(&out), &tape));
        least(&lib_dec, libavro_decode_ns(buf_str(&out)));
        least(&resolved, decode_ns(view, buf_str(&out), &tape));
    }
    printf("bytes %zu of the record\n", out.len);
    printf("encode_ns %.1f\nlibavro_encode_ns %.1f\nencode_ratio %.1f libavro / own\n", own[0], lib[0],
           lib[0] / own[0]);
    printf("fill_encode_ns %.1f with the values set anew\nlibavro_fill_encode_ns %.1f\nfill_encode_ratio %.1f libavro "
           "/ own\n",
           own[1], lib[1], lib[1] / own[1]);
    printf("decode_ns %.1f\nlibavro_decode_ns %.1f\ndecode_ratio %.1f libavro / own\n", dec, lib_dec, lib_dec / dec);
    printf("resolve_ns %.1f decoding with fields dropped, reordered, widened, renamed and added\n", resolved);
    avro_reader_free(in);
    avro_writer_free(to);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
    avro_tape_free(&tape);
    buf_free(&out);
    arena_free(&arena);
    return 0;
}
