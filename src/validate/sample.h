// SPDX-License-Identifier: Apache-2.0
/* One comparison of a request's two answers, from start to verdict; sample.c has the argument. Private to validate. */
#pragma once
#include "codec/endpoint.h"
#include "codec/json_compare.h"
#include "link/http/http_client.h"
#include "validate/freshness.h"
#include "validate/results.h"

enum {
    SAMPLE_BODY_MAX = JSON_TEXT_MAX,
    SAMPLE_TARGET_MAX = 8192,
    SAMPLE_ROUNDS_MAX = 24,  /* then it is unstable */
    SAMPLE_CONFIRMATIONS = 8 /* agreeing rounds in a row that make a mismatch */
};

struct sample_endpoint {
    const struct endpoint *endpoint;
    const char *name; /* "GET /users/{user_id}" */
    struct json_rules rules;
    uint64_t compared; /* for the every-Nth look at the old side's noise */
};

/* What to ask; everything is copied by sample_start(). */
struct sample_request {
    struct sample_endpoint *endpoint;
    bool head;
    struct str target;         /* path and query as sent */
    const struct str *headers; /* "Name: value" lines for both sides */
    size_t header_count;
};

enum sample_state {
    SAMPLE_FREE,
    SAMPLE_FIRST_OLD,
    SAMPLE_FIRST_NEW,
    SAMPLE_NOISE_OLD, /* every Nth: the old side again, although the two were equal */
    SAMPLE_PAUSED,    /* between rounds */
    SAMPLE_OLD,
    SAMPLE_WAITING, /* for the read model */
    SAMPLE_NEW,
    SAMPLE_OLD_AGAIN,
};

struct sample;
/* What samples share. */
struct sample_context {
    const struct config *config;
    struct http_pool *http;
    struct freshness *freshness;
    struct results *results;
    bool stopping; /* ends running samples as skipped (stopped) */
    /* The sample is finished: verdict and comparison are in it, and everything it holds stays until this returns. */
    void (*done)(void *arg, struct sample *s);
    void *arg;
};

struct sample {
    struct sample_context *context;
    enum sample_state state;
    struct arena arena;   /* request: until the verdict */
    struct arena scratch; /* one comparison */
    struct sample_endpoint *endpoint;
    bool head;
    char *target;
    struct str *old_lines, *new_lines; /* headers to send */
    size_t line_count;                 /* of old_lines; new_lines has one more */
    struct http_call old, again, new;
    struct freshness_mark mark;
    uint64_t proven_lsn; /* the read model's position when the wait ended */
    unsigned rounds, confirmations;
    uint64_t agreed_old, agreed_new; /* hashes of the answers of the last agreeing round */
    int64_t start_us, differed_us, due_us, deadline_us;
    bool contradicted; /* a round agreed on a mismatch */
    bool reached;      /* the read model came far enough at least once */

    enum verdict verdict;
    char reason[64];
    struct json_comparison comparison; /* old and new of the last round; for a match, what rules excused */
};

/* s is zeroed memory or a finished sample. */
void sample_start(struct sample *s, struct sample_context *context, const struct sample_request *request);
/* To be called every few milliseconds and whenever a read model reports. */
void sample_tick(struct sample *s);
static inline bool sample_running(const struct sample *s) { return s->state != SAMPLE_FREE; }
/* The sample must not be running (see sample_context.stopping). */
void sample_free(struct sample *s);
