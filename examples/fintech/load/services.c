// SPDX-License-Identifier: Apache-2.0
/* See services.h. A placeholder's value lives in an arena until the request is put together. */
#include "services.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "files.h"

/* Lines to choose from: sums[i] is the weight of lines[0] to lines[i]. */
struct choice {
    unsigned *lines;
    double *sums;
    unsigned count;
};

struct services {
    struct source source;
    struct arena arena, request;
    struct pools pools;
    struct lines lines;
    struct endpoint *endpoints;
    struct choice reads, others;
    const struct pool *partners;
    uint32_t *base; /* who may call, ascending; NULL: 1 to users */
    size_t base_count;
    bool *seen; /* users that fresh requests have had, by their place among those who may call */
    uint64_t state, users, transactions, sequence;
    unsigned writes_percent;
};

/* What one request is made of. */
struct making {
    struct services *s;
    const struct line *line;
    uint64_t user;
    bool nobody, fresh; /* nobody: ids that nobody owns */
    struct str slots[SLOTS_MAX];
    const struct pool_entry *taken[SLOTS_MAX];
    unsigned taken_count;
};

/* ---- which ids ---- */

static bool is_taken(const struct making *m, const struct pool_entry *e)
{
    for (unsigned i = 0; i < m->taken_count; i++)
        if (m->taken[i] == e)
            return true;
    return false;
}

static struct pool_entry *pick_entry(struct making *m, const struct pool *pool)
{
    size_t count = 0;
    struct pool_entry *from = NULL, *e = NULL;
    bool popular = pool->owner_count == 0;
    if (pool->owner_count && !m->nobody)
        from = pool_of(pool, m->user, &count);
    if (count == 0 && m->line->caller != CALLER_USER)
        from = pool_of(pool, 0, &count);
    if (count == 0) {
        from = pool->entries;
        count = pool->count;
    }
    for (size_t i = 0; m->fresh && i < count && !e; i++)
        if (!from[i].used && !is_taken(m, &from[i]))
            e = &from[i];
    if (!e) {
        size_t at = popular ? draw_popular(&m->s->state, count, 2) - 1 : draw_below(&m->s->state, count);
        for (size_t i = 0; i < count && is_taken(m, &from[at]); i++)
            at = (at + 1) % count;
        e = &from[at];
    }
    e->used = e->used || m->fresh;
    m->taken[m->taken_count++] = e;
    return e;
}

static bool has_fresh(const struct pool *pool, uint64_t user)
{
    size_t count;
    const struct pool_entry *e = pool_of(pool, user, &count);
    for (size_t i = 0; i < count; i++)
        if (!e[i].used)
            return true;
    return false;
}

/* Whether a fresh request of this line may have this user. */
static bool is_fresh(const struct services *s, const struct line *l, uint64_t user)
{
    if (l->owned_count == 0)
        return !s->seen[user % (s->users + 1)];
    for (unsigned i = 0; i < l->owned_count; i++)
        if (!has_fresh(l->owned[i], user))
            return false;
    return true;
}

static void pick_user(struct making *m)
{
    struct services *s = m->s;
    const struct line *l = m->line;
    const uint32_t *callers = l->callers ? l->callers : s->base;
    uint64_t count = l->callers ? l->caller_count : s->base ? s->base_count : s->users;
    uint64_t at = draw_popular(&s->state, count, 3) - 1;
    for (uint64_t i = 0; m->fresh && i < count; i++) {
        uint64_t next = (at + i) % count;
        if (is_fresh(s, l, callers ? callers[next] : next + 1)) {
            at = next;
            break;
        }
    }
    m->user = callers ? callers[at] : at + 1;
    s->seen[m->user % (s->users + 1)] = s->seen[m->user % (s->users + 1)] || m->fresh;
    m->nobody = l->owned_count == 1 && l->caller != CALLER_USER && !l->names_user && l->owned[0]->unowned &&
                draw(&s->state) * (double)l->owned[0]->count < (double)l->owned[0]->unowned;
}

static uint64_t other_user(struct making *m)
{
    struct services *s = m->s;
    uint64_t count = s->base ? s->base_count : s->users, user = 0;
    for (int tries = 0; tries < 8 && (user == 0 || user == m->user); tries++) {
        uint64_t at = draw_popular(&s->state, count, 2);
        user = s->base ? s->base[at - 1] : at;
    }
    return user;
}

/* ---- values ---- */

static struct str words(struct services *s, int64_t letters)
{
    static const char *const some[] = {"refund",  "monthly", "für",    "order", "café",     "invoice", "Straße",
                                       "please",  "check",   "the",    "after", "customer", "called",  "naïve",
                                       "payment", "über",    "travel", "of",    "insured",  "Łódź",    "twice"};
    struct buf b;
    buf_init(&b, 0);
    for (int64_t left = letters; left > 0;) {
        if (b.len && left > 1) {
            buf_addc(&b, ' ');
            left--;
        }
        for (const char *w = some[draw_below(&s->state, COUNT(some))]; *w && left > 0; left--) {
            size_t bytes = 1;
            while (((unsigned char)w[bytes] & 0xc0) == 0x80)
                bytes++;
            buf_add(&b, w, bytes);
            w += bytes;
        }
    }
    struct str text = str_n(arena_memdup(&s->request, b.data, b.len), b.len);
    buf_free(&b);
    return text;
}

static const char *uuid(struct services *s)
{
    char hex[33];
    for (int i = 0; i < 32; i++)
        hex[i] = "0123456789abcdef"[draw_below(&s->state, 16)];
    hex[12] = '4';
    hex[16] = "89ab"[draw_below(&s->state, 4)];
    return arena_printf(&s->request, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static const char *new_value(struct making *m, const struct part *part)
{
    struct services *s = m->s;
    struct arena *a = &s->request;
    unsigned long long n = 0;
    switch (part->kind) {
    case PART_POOL: return pick_entry(m, part->pool)->value;
    case PART_USER: n = m->user; break;
    case PART_OTHER_USER: n = other_user(m); break;
    case PART_ACCOUNT: n = 100 + 3 * m->user + draw_below(&s->state, 3); break;
    case PART_TRANSACTION: n = 110 + 3 * s->users + 1 + draw_below(&s->state, s->transactions); break;
    case PART_MERCHANT: n = draw_popular(&s->state, 400, 2); break;
    case PART_PARTNER: return s->partners ? pick_entry(m, s->partners)->value : "1";
    case PART_AMOUNT: {
        unsigned whole = 1 + (unsigned)draw_below(&s->state, 60);
        return arena_printf(a, "%u.%02u", whole, (unsigned)draw_below(&s->state, 100));
    }
    case PART_INT:
        return arena_printf(
            a, "%lld", (long long)(part->min + (int64_t)draw_below(&s->state, (uint64_t)(part->max - part->min) + 1)));
    case PART_PAGE: n = draw(&s->state) < 0.7 ? 1 : 2 + draw_below(&s->state, 4); break;
    case PART_MONTH: n = draw_month(&s->state, 37); break;
    case PART_DATE: {
        unsigned month = draw_month(&s->state, 42);
        return arena_printf(a, "%u-%02u-%02u", month / 100, month % 100, 1 + (unsigned)draw_below(&s->state, 28));
    }
    case PART_SEQ: n = ++s->sequence; break;
    case PART_UUID: return uuid(s);
    case PART_TEXT:
    case PART_PICK:
    case PART_WORDS:
    default: return "";
    }
    return arena_printf(a, "%llu", n);
}

static struct str value_of(struct making *m, const struct part *part)
{
    if (part->kind == PART_TEXT)
        return part->text;
    if (part->kind == PART_PICK)
        return part->choices[draw_below(&m->s->state, part->choice_count)];
    if (part->kind == PART_WORDS)
        return words(m->s, part->max);
    if (part->slot == NO_SLOT)
        return str_of(new_value(m, part));
    if (!m->slots[part->slot].data)
        m->slots[part->slot] = str_of(new_value(m, part));
    return m->slots[part->slot];
}

/* ---- putting it together ---- */

/* literal: text of the mix, which may hold what has a meaning in a URL. */
static void add_url(struct buf *b, struct str v, bool literal)
{
    for (size_t i = 0; i < v.len; i++) {
        unsigned char c = (unsigned char)v.data[i];
        bool plain = isalnum(c) || strchr("-._~", c) || (literal && c > ' ' && c < 0x7f);
        if (plain && c)
            buf_addc(b, (char)c);
        else
            buf_printf(b, "%%%02X", c);
    }
}

static void add_json(struct buf *b, struct str v)
{
    size_t from = b->len;
    buf_add_json(b, v);
    if (b->overflow)
        return;
    memmove(b->data + from, b->data + from + 1, b->len - from - 1); /* without the quotes, which the mix has */
    b->len -= 2;
    b->data[b->len] = '\0';
}

enum place { IN_PATH, IN_HEADER, IN_BODY };
static void fill(struct making *m, const struct template *t, enum place place, struct buf *ret)
{
    for (unsigned i = 0; i < t->count; i++) {
        const struct part *part = &t->parts[i];
        bool literal = part->kind == PART_TEXT || part->kind == PART_PICK;
        struct str v = value_of(m, part);
        if (place == IN_PATH)
            add_url(ret, v, literal);
        else if (place == IN_BODY && part->quoted && !literal)
            add_json(ret, v);
        else
            buf_add_str(ret, v);
    }
}

void services_request(struct services *s, const struct line *l, bool fresh, struct job *ret)
{
    struct making m = {.s = s, .line = l, .fresh = fresh};
    arena_reset(&s->request);
    pick_user(&m);
    ret->endpoint = l->endpoint;
    ret->method = l->method;
    ret->caller = l->caller;
    memcpy(ret->expect, l->expect, sizeof ret->expect);
    ret->expect_count = l->expect_count;
    fill(&m, &l->path, IN_PATH, &ret->path);
    fill(&m, &l->headers, IN_HEADER, &ret->headers);
    fill(&m, &l->body, IN_BODY, &ret->body);
    if (l->caller == CALLER_USER)
        ret->caller_id = ret->user = m.user;
    else if (l->caller == CALLER_STAFF)
        ret->caller_id = 1 + draw_below(&s->state, 20);
    else if (l->caller == CALLER_PARTNER) {
        struct part partner = {.kind = PART_PARTNER, .slot = NO_SLOT};
        for (unsigned i = 0; i < l->path.count + l->body.count; i++) {
            const struct part *p = i < l->path.count ? &l->path.parts[i] : &l->body.parts[i - l->path.count];
            if (p->kind == PART_PARTNER)
                partner = *p;
        }
        ret->caller_id = strtoull(value_of(&m, &partner).data, NULL, 10);
    }
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

static bool set_base(struct services *s, struct err *err)
{
    const struct pool *p = pools_find(&s->pools, STR("user"));
    s->partners = pools_find(&s->pools, STR("partner"));
    if (s->partners && !s->partners->numbers)
        return err_set(err, ERR_CONFIG, "pool partner: a value is no number");
    if (!p)
        return true;
    s->base = arena_calloc(&s->arena, p->count, sizeof *s->base);
    for (uint64_t user = 1; user <= s->users && s->base_count < p->count; user++) {
        char text[24];
        snprintf(text, sizeof text, "%llu", (unsigned long long)user);
        for (size_t i = 0; i < p->count; i++) { /* a pool in order of its ids is found at its start */
            size_t place = (s->base_count + i) % p->count;
            if (strcmp(p->entries[place].value, text) == 0) {
                s->base[s->base_count++] = (uint32_t)user;
                break;
            }
        }
    }
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
