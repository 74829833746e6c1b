// SPDX-License-Identifier: Apache-2.0
/* A line of a mix with its placeholders filled: see services.h. A value lives in an arena until the request is put
 * together. */
#include <ctype.h>
#include <stdio.h>

#include "services_state.h"

enum { WORD_MAX = 12 };

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

/* Up to WORD_MAX letters are one word. */
static struct str words(struct services *s, int64_t letters)
{
    static const char *const some[] = {"refund",  "monthly", "für",    "order", "café",     "invoice", "Straße",
                                       "please",  "check",   "the",    "after", "customer", "called",  "naïve",
                                       "payment", "über",    "travel", "of",    "insured",  "Łódź",    "twice"};
    struct buf b;
    buf_init(&b, 0);
    for (int64_t left = letters; left > 0;) {
        if (b.len && left > 1 && letters > WORD_MAX) {
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
