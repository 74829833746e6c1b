// SPDX-License-Identifier: Apache-2.0
/* Schema ids by subject and text; see schemas.h. */
#include "relay/schemas.h"

#include <stdlib.h>

#include "base/mem.h"

struct schemas_entry {
    struct schemas_entry *next;
    int32_t id;
    struct str subject, json; /* in the same allocation */
};

/* FNV-1a: few and long keys, so how well it spreads does not matter. */
static size_t bucket(struct str json)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < json.len; i++)
        h = (h ^ (unsigned char)json.data[i]) * 16777619u;
    return h % 64;
}

bool schemas_id(struct schemas *s, struct bus_writer *writer, struct str subject, struct str json, int32_t *ret,
                struct err *err)
{
    struct schemas_entry **head = &s->buckets[bucket(json)];
    for (struct schemas_entry *e = *head; e; e = e->next) {
        if (str_eq(e->json, json) && str_eq(e->subject, subject)) {
            *ret = e->id;
            return true;
        }
    }
    int32_t id;
    if (!bus_schema_register(writer, subject, json, &id, err))
        return false;
    struct schemas_entry *e = xmalloc(sizeof *e + subject.len + json.len);
    char *text = (char *)(e + 1);
    memcpy(text, subject.data, subject.len);
    memcpy(text + subject.len, json.data, json.len);
    *e = (struct schemas_entry){*head, id, str_n(text, subject.len), str_n(text + subject.len, json.len)};
    *head = e;
    *ret = id;
    return true;
}

void schemas_free(struct schemas *s)
{
    for (size_t i = 0; i < COUNT(s->buckets); i++) {
        while (s->buckets[i]) {
            struct schemas_entry *e = s->buckets[i];
            s->buckets[i] = e->next;
            free(e);
        }
    }
}
