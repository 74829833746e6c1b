// SPDX-License-Identifier: Apache-2.0
/* See services.h: reads the files, and says which line comes next. */
#include <stdio.h>
#include <unistd.h>

#include "files.h"
#include "services_state.h"

void services_begin(struct services *s, const struct line *l)
{
    uint64_t h = s->source.seed ^ 14695981039346656037u;
    for (const char *c = l->service; *c; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
    s->state = (h ^ l->number) * 1099511628211u;
}

static void services_next(struct source *source, struct job *ret)
{
    struct services *s = (struct services *)source;
    bool write = draw(&s->state) * 100 < s->writes_percent;
    const struct choice *c = (write && s->others.count) || !s->reads.count ? &s->others : &s->reads;
    double at = draw(&s->state) * c->sums[c->count - 1];
    unsigned low = 0, high = c->count - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (at < c->sums[middle])
            high = middle;
        else
            low = middle + 1;
    }
    services_request(s, &s->lines.lines[c->lines[low]], false, ret);
}

static void services_writes(struct source *s, unsigned percent) { ((struct services *)s)->writes_percent = percent; }

/* ---- making ready ---- */

static bool same_owned(const struct line *a, const struct line *b)
{
    return a->owned_count == b->owned_count && memcmp(a->owned, b->owned, a->owned_count * sizeof *a->owned) == 0;
}

static bool among(const uint32_t *ids, size_t count, uint32_t id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && ids[low] == id;
}

/* Who may send a line that has owned pools: who owns something in each of them. */
static void set_callers(struct services *s, size_t at)
{
    struct line *l = &s->lines.lines[at];
    if (l->owned_count == 0)
        return;
    for (size_t i = 0; i < at; i++)
        if (same_owned(l, &s->lines.lines[i])) {
            l->callers = s->lines.lines[i].callers;
            l->caller_count = s->lines.lines[i].caller_count;
            return;
        }
    const struct pool *first = l->owned[0];
    uint32_t *ids = arena_calloc(&s->arena, first->owner_count, sizeof *ids);
    for (size_t i = 0; i < first->owner_count; i++) {
        bool all = first->owners[i] <= s->users && (!s->base || among(s->base, s->base_count, first->owners[i]));
        for (unsigned p = 1; p < l->owned_count; p++)
            all = all && among(l->owned[p]->owners, l->owned[p]->owner_count, first->owners[i]);
        if (all)
            ids[l->caller_count++] = first->owners[i];
    }
    l->callers = l->caller_count ? ids : NULL; /* else anybody, and the ids are of several */
}

unsigned services_unmatched(const struct services *s, const struct line **ret_first)
{
    unsigned count = 0;
    for (size_t i = 0; i < s->lines.count; i++)
        if (s->lines.lines[i].owned_count && !s->lines.lines[i].callers && count++ == 0)
            *ret_first = &s->lines.lines[i];
    return count;
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Who may call at all: the pool `user`, ascending. */
static bool set_base(struct services *s, struct err *err)
{
    const struct pool *p = pools_find(&s->pools, STR("user"));
    s->partners = pools_find(&s->pools, STR("partner"));
    if (s->partners && !s->partners->numbers)
        return err_set(err, ERR_CONFIG, "pool partner: a value is no number");
    if (!p)
        return true;
    s->base = arena_calloc(&s->arena, p->count, sizeof *s->base);
    for (size_t i = 0; i < p->count; i++) {
        uint64_t id;
        if (!str_to_u64(str_of(p->entries[i].value), &id))
            return err_set(err, ERR_CONFIG, "pool user: a value is no user's id");
        if (id >= 1 && id <= s->users)
            s->base[s->base_count++] = (uint32_t)id;
    }
    qsort(s->base, s->base_count, sizeof *s->base, by_id);
    return s->base_count > 0 ||
           err_set(err, ERR_CONFIG, "pool user: none of it is a user from 1 to %llu", (unsigned long long)s->users);
}

static void set_endpoint(struct services *s, struct line *l)
{
    static const enum group groups[] = {GROUP_READ, GROUP_SYNC, GROUP_WRITE};
    if (l->kind == LINE_CASE)
        return;
    char *name = arena_printf(&s->arena, "%s %s", l->method, l->pattern);
    for (unsigned i = 0; i < s->source.endpoint_count; i++)
        if (strcmp(s->endpoints[i].name, name) == 0 && s->endpoints[i].group == groups[l->kind]) {
            l->endpoint = i;
            return;
        }
    l->endpoint = s->source.endpoint_count++;
    s->endpoints[l->endpoint] = (struct endpoint){name, l->service, groups[l->kind]};
}

/* Weights of a service's lines of one half, brought to the service's share. */
static void add_choices(struct services *s, size_t from, size_t to, double share, bool reads, struct choice *c)
{
    double total = 0, sum = c->count ? c->sums[c->count - 1] : 0;
    for (size_t i = from; i < to; i++)
        if (s->lines.lines[i].kind != LINE_CASE && (s->lines.lines[i].kind == LINE_READ) == reads)
            total += s->lines.lines[i].weight;
    for (size_t i = from; i < to; i++) {
        const struct line *l = &s->lines.lines[i];
        if (l->kind == LINE_CASE || (l->kind == LINE_READ) != reads)
            continue;
        sum += share * l->weight / total;
        c->lines[c->count] = (unsigned)i;
        c->sums[c->count++] = sum;
    }
}

/* Lines "service number" of the file shares; a service that it does not name has 1. */
static bool read_shares(const char *folder, char **names, size_t count, double *shares, struct err *err)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/shares", folder);
    CLEANUP(buf_free) struct buf text;
    buf_init(&text, 0);
    for (size_t i = 0; i < count; i++)
        shares[i] = 1;
    if (access(path, F_OK) != 0)
        return true;
    if (!file_read(path, &text, err))
        return false;
    unsigned number = 0;
    for (struct str rest = buf_str(&text); rest.len;) {
        struct str line = str_trim(str_cut(rest, '\n', &rest)), value, name = str_cut(line, ' ', &value);
        char digits[32], *end;
        bool known = false;
        number++;
        if (line.len == 0 || *line.data == '#')
            continue;
        snprintf(digits, sizeof digits, STR_FMT, STR_ARG(str_trim(value)));
        double share = strtod(digits, &end);
        if (!*digits || *end || !(share > 0 && share <= 1e6))
            return err_set(err, ERR_CONFIG, "%s:%u: want a service and a number greater than 0", path, number);
        for (size_t i = 0; i < count; i++)
            if (str_is(name, names[i])) {
                shares[i] = share;
                known = true;
            }
        if (!known)
            return err_set(err, ERR_CONFIG, "%s:%u: no service " STR_FMT " here", path, number, STR_ARG(name));
    }
    return true;
}

static bool is_wanted(const char *only, const char *name)
{
    if (!only)
        return true;
    for (struct str rest = str_of(only); rest.data;)
        if (str_is(str_cut(rest, ',', &rest), name))
            return true;
    return false;
}

static bool read_services(struct services *s, const struct services_settings *settings, char **names, size_t count,
                          size_t *ends, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s/requests.mix", settings->folder, names[i]);
        if (is_wanted(settings->only, names[i]) && !lines_read(&s->lines, names[i], path, &s->pools, &s->arena, err))
            return false;
        ends[i] = s->lines.count;
    }
    return s->lines.count > 0 || err_set(err, ERR_CONFIG, "%s: no service%s has a requests.mix with lines",
                                         settings->folder, settings->only ? " asked for" : "");
}

static bool prepare(struct services *s, const struct services_settings *settings, char **names, size_t count,
                    struct err *err)
{
    size_t *ends = arena_calloc(&s->arena, count, sizeof *ends);
    double *shares = arena_calloc(&s->arena, count, sizeof *shares);
    if (!set_base(s, err) || !read_shares(settings->folder, names, count, shares, err) ||
        !read_services(s, settings, names, count, ends, err))
        return false;
    size_t n = s->lines.count;
    s->endpoints = arena_calloc(&s->arena, n, sizeof *s->endpoints);
    for (size_t i = 0; i < n; i++) {
        set_callers(s, i);
        set_endpoint(s, &s->lines.lines[i]);
    }
    struct choice *choices[] = {&s->reads, &s->others};
    for (int c = 0; c < 2; c++) {
        choices[c]->lines = arena_calloc(&s->arena, n, sizeof *choices[c]->lines);
        choices[c]->sums = arena_calloc(&s->arena, n, sizeof *choices[c]->sums);
        for (size_t i = 0; i < count; i++)
            add_choices(s, i ? ends[i - 1] : 0, ends[i], shares[i], c == 0, choices[c]);
    }
    s->source.endpoints = s->endpoints;
    return true;
}

bool services_new(const struct services_settings *settings, struct services **ret, struct err *err)
{
    struct services *s = xcalloc(1, sizeof *s);
    char **names = NULL;
    size_t count = 0;
    s->source = (struct source){.seed = settings->seed, .next = services_next, .writes = services_writes};
    s->state = settings->seed;
    s->sequence = settings->seed * 1000000000u;
    s->users = settings->users;
    s->transactions = settings->transactions;
    s->writes_percent = settings->writes_percent;
    s->seen = xcalloc(settings->users + 1, sizeof *s->seen);
    arena_init(&s->arena);
    arena_init(&s->request);
    bool good = (!settings->pools || pools_read(settings->pools, &s->pools, err)) &&
                folders_with(settings->folder, "requests.mix", &names, &count, err) &&
                prepare(s, settings, names, count, err);
    names_free(names, count);
    if (!good) {
        services_free(s);
        return false;
    }
    *ret = s;
    return true;
}

void services_free(struct services *s)
{
    pools_free(&s->pools);
    arena_free(&s->arena);
    arena_free(&s->request);
    free(s->lines.lines);
    free(s->seen);
    free(s);
}

struct source *services_source(struct services *s) { return &s->source; }
const struct lines *services_lines(const struct services *s) { return &s->lines; }
