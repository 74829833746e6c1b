// SPDX-License-Identifier: Apache-2.0
/* See trace.h. */
#include "trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "hash.h"

struct entry {
    struct entry *next; /* of the bucket */
    const struct site *site;
    char *route, *sql;
    uint64_t calls, rows, us;
};

enum { BUCKETS = 4096 };
static const char *path;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct entry *buckets[BUCKETS];

/* Bounds of the section that SITE_() fills, made by the linker. */
extern const struct site *const __start_fintech_sites[], *const __stop_fintech_sites[];

void trace_open(const char *file) { path = file; }

static size_t bucket(const char *route, const char *sql_text)
{
    return hash_bytes(hash_bytes(HASH_SEED, route, strlen(route)), sql_text, strlen(sql_text)) % BUCKETS;
}

void trace_statement(const char *route, const struct site *site, const char *sql_text, int64_t us, int row_count)
{
    if (!path)
        return;
    size_t i = bucket(route, sql_text);
    pthread_mutex_lock(&mutex);
    struct entry *e = buckets[i];
    while (e && (e->site != site || strcmp(e->sql, sql_text) != 0 || strcmp(e->route, route) != 0))
        e = e->next;
    if (!e) {
        e = xcalloc(1, sizeof *e);
        *e = (struct entry){buckets[i], site, xstrdup(route), xstrdup(sql_text), 0, 0, 0};
        buckets[i] = e;
    }
    e->calls++;
    e->rows += (uint64_t)row_count;
    e->us += (uint64_t)us;
    pthread_mutex_unlock(&mutex);
}

static void line(struct buf *b, const char *route, const struct site *s, const char *sql_text)
{
    const char *file = strstr(s->file, "services/");
    buf_adds(b, "{\"route\":");
    if (route)
        buf_add_json(b, str_of(route));
    else
        buf_adds(b, "null");
    buf_printf(b, ",\"site\":\"%s:%d %s\",\"sql\":", file ? file + strlen("services/") : s->file, s->line, s->function);
    if (sql_text)
        buf_add_json(b, str_of(sql_text));
    else
        buf_adds(b, "null");
}

bool trace_write(void)
{
    if (!path)
        return true;
    struct buf b;
    buf_init(&b, 0);
    size_t sites = (size_t)(__stop_fintech_sites - __start_fintech_sites);
    bool *seen = xcalloc(sites ? sites : 1, sizeof *seen);
    pthread_mutex_lock(&mutex);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct entry *e = buckets[i]; e; e = e->next) {
            line(&b, e->route, e->site, e->sql);
            buf_printf(&b, ",\"calls\":%llu,\"rows\":%llu,\"us\":%llu}\n", (unsigned long long)e->calls,
                       (unsigned long long)e->rows, (unsigned long long)e->us);
            for (size_t k = 0; k < sites; k++)
                seen[k] = seen[k] || __start_fintech_sites[k] == e->site;
        }
    pthread_mutex_unlock(&mutex);
    for (size_t k = 0; k < sites; k++)
        if (!seen[k]) {
            line(&b, NULL, __start_fintech_sites[k], __start_fintech_sites[k]->text);
            buf_adds(&b, ",\"calls\":0,\"rows\":0,\"us\":0}\n");
        }
    char *part = xasprintf("%s.part", path);
    FILE *f = fopen(part, "w");
    bool good = f && fwrite(b.data ? b.data : "", 1, b.len, f) == b.len;
    good = f && fclose(f) == 0 && good && rename(part, path) == 0;
    if (!good)
        fprintf(stderr, "fintech-app: cannot write %s: %s\n", path, strerror(errno));
    free(part);
    free(seen);
    buf_free(&b);
    return good;
}
