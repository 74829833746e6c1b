// SPDX-License-Identifier: Apache-2.0
/* A schema's logicalType. What is not exactly as the specification has it is ignored, as the specification says. */
#include "codec/avro_parse.h"

/* Digits that every number of `size` bytes in two's complement can hold: floor(log10(2^(8 size - 1) - 1)). */
static int64_t fixed_digits(uint32_t size) { return size ? (int64_t)((8.0L * size - 1) * 0.30102999566398119521L) : 0; }

static void set_decimal(struct avro_schema *s, struct str precision_json, struct str scale_json)
{
    int64_t precision, scale = 0;
    if (!precision_json.data || !str_to_i64(precision_json, &precision))
        return;
    if (scale_json.data && !str_to_i64(scale_json, &scale))
        return;
    if (precision < 1 || precision > INT32_MAX || scale < 0 || scale > precision)
        return;
    if (s->type == AVRO_FIXED && precision > fixed_digits(s->size))
        return;
    s->logical = AVRO_DECIMAL;
    s->precision = (int32_t)precision;
    s->scale = (int32_t)scale;
}

void avro_logical_set(struct avro_parser *p, struct avro_schema *s, struct str word, struct str precision,
                      struct str scale)
{
    static const struct {
        const char *name;
        enum avro_type type;
        enum avro_logical logical;
    } rows[] = {
        {"uuid", AVRO_STRING, AVRO_UUID},
        {"date", AVRO_INT, AVRO_DATE},
        {"time-millis", AVRO_INT, AVRO_TIME_MILLIS},
        {"time-micros", AVRO_LONG, AVRO_TIME_MICROS},
        {"timestamp-millis", AVRO_LONG, AVRO_TIMESTAMP_MILLIS},
        {"timestamp-micros", AVRO_LONG, AVRO_TIMESTAMP_MICROS},
        {"local-timestamp-millis", AVRO_LONG, AVRO_LOCAL_TIMESTAMP_MILLIS},
        {"local-timestamp-micros", AVRO_LONG, AVRO_LOCAL_TIMESTAMP_MICROS},
        {"duration", AVRO_FIXED, AVRO_DURATION},
    };
    struct json_reader r;
    json_reader_init(&r, word, &p->scratch);
    if (!word.data || json_next(&r) != JSON_STRING)
        return;
    if (str_is(r.value, "decimal") && (s->type == AVRO_BYTES || s->type == AVRO_FIXED))
        set_decimal(s, precision, scale);
    for (size_t i = 0; i < COUNT(rows); i++)
        if (s->type == rows[i].type && str_is(r.value, rows[i].name))
            if (rows[i].logical != AVRO_DURATION || s->size == 12)
                s->logical = rows[i].logical;
}
