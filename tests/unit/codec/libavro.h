// SPDX-License-Identifier: Apache-2.0
/* libavro beside our own Avro: its constants have the same names as ours and get others here. */
#pragma once
#define AVRO_STRING  LIBAVRO_STRING
#define AVRO_BYTES   LIBAVRO_BYTES
#define AVRO_FLOAT   LIBAVRO_FLOAT
#define AVRO_DOUBLE  LIBAVRO_DOUBLE
#define AVRO_BOOLEAN LIBAVRO_BOOLEAN
#define AVRO_NULL    LIBAVRO_NULL
#define AVRO_RECORD  LIBAVRO_RECORD
#define AVRO_ENUM    LIBAVRO_ENUM
#define AVRO_FIXED   LIBAVRO_FIXED
#define AVRO_MAP     LIBAVRO_MAP
#define AVRO_ARRAY   LIBAVRO_ARRAY
#define AVRO_UNION   LIBAVRO_UNION
#include <avro.h>
#undef AVRO_STRING
#undef AVRO_BYTES
#undef AVRO_FLOAT
#undef AVRO_DOUBLE
#undef AVRO_BOOLEAN
#undef AVRO_NULL
#undef AVRO_RECORD
#undef AVRO_ENUM
#undef AVRO_FIXED
#undef AVRO_MAP
#undef AVRO_ARRAY
#undef AVRO_UNION

#include "codec/avro_codec.h"

/* A tape into a value of libavro's; the item behind. 0 in *rc while all is well. */
static __attribute__((unused)) const struct avro_item *libavro_fill(avro_value_t *v, const struct avro_schema *s,
                                                                    const struct avro_item *item, int *rc)
{
    avro_value_t child;
    if (s->type == AVRO_UNION) {
        *rc |= avro_value_set_branch(v, (int)item->branch, &child);
        return libavro_fill(&child, s->branches[item->branch], item, rc);
    }
    const struct avro_item *at = item + 1;
    switch (s->type) {
    case AVRO_NULL: *rc |= avro_value_set_null(v); break;
    case AVRO_BOOLEAN: *rc |= avro_value_set_boolean(v, item->boolean); break;
    case AVRO_INT: *rc |= avro_value_set_int(v, (int32_t)item->number); break;
    case AVRO_LONG: *rc |= avro_value_set_long(v, item->number); break;
    case AVRO_FLOAT: *rc |= avro_value_set_float(v, item->single); break;
    case AVRO_DOUBLE: *rc |= avro_value_set_double(v, item->real); break;
    case AVRO_ENUM: *rc |= avro_value_set_enum(v, (int)item->number); break;
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_FIXED: {
        char *copy = calloc(1, item->text.len + 1); /* its setters want the NUL of strings counted, and no const */
        if (item->text.len)
            memcpy(copy, item->text.data, item->text.len);
        *rc |= s->type == AVRO_BYTES    ? avro_value_set_bytes(v, copy, item->text.len)
               : s->type == AVRO_STRING ? avro_value_set_string_len(v, copy, item->text.len + 1)
                                        : avro_value_set_fixed(v, copy, item->text.len);
        free(copy);
        break;
    }
    case AVRO_RECORD:
        for (size_t i = 0; i < s->field_count; i++) {
            *rc |= avro_value_get_by_index(v, i, &child, NULL);
            at = libavro_fill(&child, s->fields[i].type, at, rc);
        }
        break;
    case AVRO_ARRAY:
        for (uint32_t i = 0; i < item->count; i++) {
            *rc |= avro_value_append(v, &child, NULL);
            at = libavro_fill(&child, s->branches[0], at, rc);
        }
        break;
    case AVRO_MAP:
        for (uint32_t i = 0; i < item->count; i++) {
            char key[64];
            snprintf(key, sizeof key, STR_FMT, STR_ARG(at->text));
            *rc |= avro_value_add(v, key, &child, NULL, NULL);
            at = libavro_fill(&child, s->branches[0], at + 1, rc);
        }
        break;
    case AVRO_UNION: break;
    }
    return at;
}

/* A value of libavro's as a tape, appended. Texts are views into the value. */
static __attribute__((unused)) void libavro_tape(const avro_value_t *v, const struct avro_schema *s,
                                                 struct avro_tape *tape, int *rc)
{
    avro_value_t child;
    int branch = 0, symbol = 0, flag = 0;
    int32_t small = 0;
    const void *data = NULL;
    const char *text = NULL;
    size_t size = 0, own = tape->count;
    if (s->type == AVRO_UNION) {
        *rc |= avro_value_get_discriminant(v, &branch) | avro_value_get_current_branch(v, &child);
        if (*rc)
            return;
        libavro_tape(&child, s->branches[branch], tape, rc);
        tape->items[own].branch = (uint32_t)branch;
        return;
    }
    struct avro_item *item = avro_tape_add(tape);
    *item = (struct avro_item){.type = (uint8_t)s->type};
    switch (s->type) {
    case AVRO_NULL: *rc |= avro_value_get_null(v); break;
    case AVRO_BOOLEAN:
        *rc |= avro_value_get_boolean(v, &flag);
        item->boolean = flag;
        break;
    case AVRO_INT:
        *rc |= avro_value_get_int(v, &small);
        item->number = small;
        break;
    case AVRO_LONG: *rc |= avro_value_get_long(v, &item->number); break;
    case AVRO_FLOAT: *rc |= avro_value_get_float(v, &item->single); break;
    case AVRO_DOUBLE: *rc |= avro_value_get_double(v, &item->real); break;
    case AVRO_ENUM:
        *rc |= avro_value_get_enum(v, &symbol);
        item->number = symbol;
        break;
    case AVRO_BYTES:
        *rc |= avro_value_get_bytes(v, &data, &size);
        item->text = str_n(data, size);
        break;
    case AVRO_FIXED:
        *rc |= avro_value_get_fixed(v, &data, &size);
        item->text = str_n(data, size);
        break;
    case AVRO_STRING:
        *rc |= avro_value_get_string(v, &text, &size);
        item->text = str_n(text, size ? size - 1 : 0);
        break;
    case AVRO_RECORD:
    case AVRO_ARRAY:
    case AVRO_MAP:
        *rc |= avro_value_get_size(v, &size);
        item->count = (uint32_t)size;
        for (size_t i = 0; i < size && !*rc; i++) {
            *rc |= avro_value_get_by_index(v, i, &child, &text);
            if (s->type == AVRO_MAP) {
                struct avro_item *key = avro_tape_add(tape);
                *key = (struct avro_item){.type = AVRO_STRING};
                key->text = str_of(text);
            }
            libavro_tape(&child, s->type == AVRO_RECORD ? s->fields[i].type : s->branches[0], tape, rc);
        }
        tape->items[own].inside = (uint32_t)(tape->count - own - 1);
        break;
    case AVRO_UNION: break;
    }
}
