// SPDX-License-Identifier: Apache-2.0
/*
 * When a comparison says wrong, it is wrong. The argument:
 *
 * The first pass asks old, then new. Equal answers are a match. Different ones prove nothing yet: the new side may be
 * behind, and the data may have changed in between. So there are rounds, each of this shape:
 *
 *   old₁ → mark (the source's WAL position and clock) → wait until the read model has passed the mark → new → old₂
 *
 * (1) The wait proves that new is not stale with regard to old₁: all that old₁ could see is applied (freshness.h).
 * (2) A read model never runs ahead of the source, so what new could see is visible to old₂, which is asked after it.
 *     (But for an instant: a commit is in the WAL a moment before other sessions see it.)
 * (3) So new shows a state between those of old₁ and old₂. If new equals either, the new side is right and was merely
 *     behind at first: *stale*. If old₁ and old₂ differ, the data moved and the round says nothing.
 * (4) If old₁ = old₂ ≠ new, the round *agrees* on a mismatch. One such round is no proof yet: the data may have gone
 * from A to B and back to A with new falling on B (and there is the instant of (2)). Therefore SAMPLE_CONFIRMATIONS
 * rounds in a row must agree on the same two answers, with growing, random pauses between them. A single equal answer
 *     acquits: not to *stale* then, which this round has ruled out, but to *unstable*. For data that toggles at random
 * a round comes out like this with a chance of at most 4/27 (A, B, A with the best odds), and in the same direction
 * eight times in a row with 3 in ten million; data that moves slower than a round is caught by (3). Data that moves so
 * fast that no eight rounds in a row hold still ends as *unstable*, which is counted and never passed off as a match.
 *
 * A wrong answer of the new side for data at rest agrees in every round, so it is always found. Where the read
 * model does not reach the mark within validate.wait_ms, nothing is proven either way: *timeout*.
 */
#include "validate/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "codec/json_scalar.h"
#include "model/position.h"

static const char *const wanted[] = {"content-type", "undam-route", "undam-reason", "undam-position", "etag"};
enum { WANTED_TYPE, WANTED_ROUTE, WANTED_REASON, WANTED_POSITION, WANTED_ETAG };

static void on_done(struct http_call *call);

static void finish(struct sample *s, enum verdict v, const char *reason)
{
    s->verdict = v;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
    s->state = SAMPLE_FREE;
    s->context->done(s->context->arg, s);
    http_call_clear(&s->old);
    http_call_clear(&s->again);
    http_call_clear(&s->new);
    arena_reset(&s->arena);
    arena_reset(&s->scratch);
}

static void ask(struct sample *s, enum sample_state state, struct http_call *call)
{
    bool new = call == &s->new;
    const struct config *c = s->context->config;
    const char *base = new ? c->validate.stream_url : c->validate.legacy_url;
    size_t n = strlen(base);
    struct buf body = call->body; /* keeps its memory from one round to the next */
    while (n && base[n - 1] == '/')
        n--;
    *call = (struct http_call){.url = arena_printf(&s->arena, "%.*s%s", (int)n, base, s->target),
                               .head = s->head,
                               .headers = new ? s->new_lines : s->old_lines,
                               .header_count = s->line_count + new,
                               .agent = "undam-validate/" UNDAM_VERSION,
                               .timeout_ms = (int)c->validate.timeout_ms,
                               .body_max = SAMPLE_BODY_MAX,
                               .wanted = wanted,
                               .wanted_count = COUNT(wanted),
                               .on_done = on_done,
                               .arg = s,
                               .body = body};
    s->state = state;
    http_call_start(s->context->http, call);
}

/* Headers that change what an answer is about or that belong to one connection stay behind; Undam-* are ours alone. */
static bool is_passed_on(struct str line)
{
    static const char *const dropped[] = {
        "host",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "expect",
        "range",
        "if-range",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "accept-encoding",
        "proxy-connection",
    };
    struct str rest, name = str_trim(str_cut(line, ':', &rest));
    if (name.len == 0 || (name.len >= 6 && strncasecmp(name.data, "undam-", 6) == 0))
        return false;
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.data[i] < 0x20 && line.data[i] != '\t')
            return false;
    for (size_t i = 0; i < COUNT(dropped); i++)
        if (strlen(dropped[i]) == name.len && strncasecmp(dropped[i], name.data, name.len) == 0)
            return false;
    return true;
}

static bool is_plain_target(struct str t)
{
    if (t.len == 0 || t.len > SAMPLE_TARGET_MAX || t.data[0] != '/')
        return false;
    for (size_t i = 0; i < t.len; i++)
        if ((unsigned char)t.data[i] <= 0x20 || (unsigned char)t.data[i] >= 0x7f || t.data[i] == '#')
            return false;
    return true;
}

static void copy_headers(struct sample *s, const struct sample_request *r)
{
    s->old_lines = arena_calloc(&s->arena, r->header_count + 1, sizeof *s->old_lines);
    s->new_lines = arena_calloc(&s->arena, r->header_count + 1, sizeof *s->new_lines);
    s->line_count = 0;
    for (size_t i = 0; i < r->header_count; i++) {
        if (!is_passed_on(r->headers[i]))
            continue;
        struct str copy = {arena_memdup(&s->arena, r->headers[i].data, r->headers[i].len), r->headers[i].len};
        s->old_lines[s->line_count] = s->new_lines[s->line_count] = copy;
        s->line_count++;
    }
    s->new_lines[s->line_count] = STR("Undam-Force: stream");
}

void sample_start(struct sample *s, struct sample_context *context, const struct sample_request *r)
{
    s->context = context;
    s->endpoint = r->endpoint;
    s->head = r->head;
    s->target = arena_memdup(&s->arena, r->target.data ? r->target.data : "", r->target.len);
    s->rounds = s->confirmations = 0;
    s->reached = s->contradicted = false;
    s->start_us = mono_us();
    s->differed_us = 0;
    s->proven_lsn = 0;
    s->mark = (struct freshness_mark){0};
    s->comparison = (struct json_comparison){0};
    copy_headers(s, r);
    if (!is_plain_target(r->target)) {
        finish(s, VERDICT_SKIPPED, "target");
        return;
    }
    ask(s, SAMPLE_FIRST_OLD, &s->old);
}

/* "application/json" of "application/json; charset=utf-8". */
static struct str media_type(const struct http_call *c)
{
    struct str rest, type = str_cut(str_of(c->values[WANTED_TYPE]), ';', &rest);
    return str_trim(type);
}

static bool same_type(const struct http_call *a, const struct http_call *b)
{
    struct str x = media_type(a), y = media_type(b);
    return x.len == y.len && (x.len == 0 || strncasecmp(x.data, y.data, x.len) == 0);
}

static bool head_differs(struct json_comparison *c, const char *what)
{
    c->equal = false;
    c->difference_count = 1;
    c->difference_total = 1;
    c->differences[0] = (struct json_difference){JSON_DIFF_VALUE, str_of(what)};
    return false;
}

/* Status strictly, media type, then the bodies under the endpoint's rules. */
static bool answers_equal(struct sample *s, const struct http_call *a, const struct http_call *b,
                          struct json_comparison *c)
{
    *c = (struct json_comparison){.equal = true};
    if (a->status != b->status)
        return head_differs(c, "(status)");
    if (!same_type(a, b))
        return head_differs(c, "(content type)");
    json_compare(buf_str(&a->body), buf_str(&b->body), &s->endpoint->rules, &s->scratch, c);
    return c->equal;
}

static uint64_t answer_hash(const struct http_call *c)
{
    return json_hash_mix(json_hash_bytes((uint64_t)c->status + 1, c->body.data, c->body.len));
}

static bool is_usable(const struct http_call *c) { return !c->failed && c->status < 500; }

static void fail_old(struct sample *s, const struct http_call *c)
{
    char reason[64];
    snprintf(reason, sizeof reason, "status %d", c->status);
    finish(s, VERDICT_ERROR_OLD, c->timed_out ? "timeout" : c->failed ? "no answer" : reason);
}

static void fail_new(struct sample *s, const struct http_call *c)
{
    char reason[64];
    snprintf(reason, sizeof reason, "status %d", c->status);
    finish(s, VERDICT_ERROR_NEW, c->timed_out ? "timeout" : c->failed ? "no answer" : reason);
}

static void pause_round(struct sample *s)
{
    /* 1, 2, 4 ... 64 ms, each with as much again at random. */
    int64_t base_us = 1000 << (s->confirmations < 6 ? s->confirmations : 6);
    s->state = SAMPLE_PAUSED;
    s->due_us = mono_us() + base_us + (int64_t)(random() % base_us);
    if (s->rounds++ >= SAMPLE_ROUNDS_MAX)
        finish(s, s->reached ? VERDICT_UNSTABLE : VERDICT_TIMEOUT, s->reached ? "data in motion" : "position");
}

static void match(struct sample *s)
{
    if (s->contradicted)
        finish(s, VERDICT_UNSTABLE, "differed while fresh, then matched");
    else if (s->differed_us)
        finish(s, VERDICT_STALE, "");
    else
        finish(s, VERDICT_MATCH, "");
}

static void first_compared(struct sample *s)
{
    unsigned every = (unsigned)s->context->config->validate.unstable_every;
    bool noise = every && ++s->endpoint->compared % every == 0;
    if (answers_equal(s, &s->old, &s->new, &s->comparison)) {
        if (noise)
            ask(s, SAMPLE_NOISE_OLD, &s->again);
        else
            match(s);
        return;
    }
    if (s->comparison.too_large) {
        finish(s, VERDICT_SKIPPED, "body too large");
        return;
    }
    s->differed_us = mono_us();
    pause_round(s);
}

/* The old side against itself, data at rest or not: the noise that any comparison of this endpoint has. */
static void noise_compared(struct sample *s)
{
    struct json_comparison c;
    s->context->results->noise_checks++;
    s->context->results->noise_differs += !answers_equal(s, &s->old, &s->again, &c);
    match(s);
}

static void begin_wait(struct sample *s)
{
    struct err err;
    if (!freshness_mark(s->context->freshness, &s->mark, &err)) {
        finish(s, VERDICT_SKIPPED, "source away");
        return;
    }
    s->state = SAMPLE_WAITING;
    s->deadline_us = mono_us() + s->context->config->validate.wait_ms * 1000;
    freshness_hurry(s->context->freshness, s->endpoint->endpoint->service);
    sample_tick(s);
}

static void waited(struct sample *s)
{
    if (freshness_reached(s->context->freshness, s->endpoint->endpoint->service, &s->mark, &s->proven_lsn)) {
        s->reached = true;
        ask(s, SAMPLE_NEW, &s->new);
    } else if (mono_us() >= s->deadline_us) {
        finish(s, VERDICT_TIMEOUT, "position");
    }
}

/* An answer made before the wait ended (two requests may share one look at the read model) proves nothing. */
static bool is_fresh(const struct sample *s)
{
    uint64_t lsn;
    return !lsn_parse(str_of(s->new.values[WANTED_POSITION]), &lsn) || lsn >= s->proven_lsn;
}

static void round_compared(struct sample *s)
{
    struct json_comparison c;
    if (answers_equal(s, &s->again, &s->new, &c)) {
        s->comparison = c;
        match(s);
        return;
    }
    bool still = answers_equal(s, &s->old, &s->again, &c);
    uint64_t old = answer_hash(&s->again), new = answer_hash(&s->new);
    bool same = s->confirmations == 0 || (s->agreed_old == old && s->agreed_new == new);
    s->confirmations = !still ? 0 : same ? s->confirmations + 1 : 1;
    s->contradicted |= still;
    s->agreed_old = old;
    s->agreed_new = new;
    if (s->confirmations == SAMPLE_CONFIRMATIONS) {
        answers_equal(s, &s->again, &s->new, &s->comparison);
        finish(s, VERDICT_MISMATCH, "");
        return;
    }
    arena_reset(&s->scratch);
    pause_round(s);
}

static void new_came(struct sample *s)
{
    const char *route = s->new.values[WANTED_ROUTE];
    if (!is_usable(&s->new)) {
        fail_new(s, &s->new);
    } else if (route[0] && strcmp(route, "stream") != 0) {
        char reason[64];
        snprintf(reason, sizeof reason, "legacy answered: %.40s", s->new.values[WANTED_REASON]);
        finish(s, VERDICT_ERROR_NEW, reason);
    } else if (s->state == SAMPLE_FIRST_NEW) {
        first_compared(s);
    } else if (!is_fresh(s)) {
        pause_round(s);
    } else if (answers_equal(s, &s->old, &s->new, &s->comparison)) {
        match(s);
    } else {
        ask(s, SAMPLE_OLD_AGAIN, &s->again);
    }
}

static void on_done(struct http_call *call)
{
    struct sample *s = call->arg;
    if (s->context->stopping) {
        finish(s, VERDICT_SKIPPED, "stopped");
        return;
    }
    if (call == &s->new) {
        new_came(s);
        return;
    }
    if (!is_usable(call)) {
        fail_old(s, call);
        return;
    }
    if (s->state == SAMPLE_FIRST_OLD)
        ask(s, SAMPLE_FIRST_NEW, &s->new);
    else if (s->state == SAMPLE_NOISE_OLD)
        noise_compared(s);
    else if (s->state == SAMPLE_OLD)
        begin_wait(s);
    else
        round_compared(s);
}

void sample_tick(struct sample *s)
{
    if (s->state != SAMPLE_PAUSED && s->state != SAMPLE_WAITING)
        return;
    if (s->context->stopping)
        finish(s, VERDICT_SKIPPED, "stopped");
    else if (s->state == SAMPLE_WAITING)
        waited(s);
    else if (mono_us() >= s->due_us)
        ask(s, SAMPLE_OLD, &s->old);
}

void sample_free(struct sample *s)
{
    http_call_clear(&s->old);
    http_call_clear(&s->again);
    http_call_clear(&s->new);
    arena_free(&s->arena);
    arena_free(&s->scratch);
}
