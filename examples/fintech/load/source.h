// SPDX-License-Identifier: Apache-2.0
/*
 * What the driver knows of the traffic: endpoints, and "the next request". Two things make requests: mix.c, the quick
 * demo's few endpoints compiled in, and services.c, what the services' folders say. The same seed and settings give the
 * same requests in the same order.
 */
#pragma once
#include "base/str.h"

/* Synchronous ones need the truth of this moment; own reads are a payer's look at the payment just made. */
enum group { GROUP_READ, GROUP_SYNC, GROUP_WRITE, GROUP_OWN_READ, GROUP_COUNT };
extern const char *const group_names[GROUP_COUNT];

enum caller { CALLER_NONE, CALLER_USER, CALLER_STAFF, CALLER_PARTNER };

struct endpoint {
    const char *name;    /* "GET /v1/cards/{}" */
    const char *service; /* NULL: none */
    enum group group;
};

enum { EXPECT_MAX = 6 };

/* A request. Its buffers are its own: job_free(). */
struct job {
    unsigned endpoint;
    const char *method;
    struct buf path, headers, body; /* headers: whole lines of its own; body empty: none */
    enum caller caller;             /* what the token says; CALLER_NONE: no token */
    uint64_t caller_id;
    uint64_t user;               /* X-User-Id; 0: none */
    unsigned expect[EXPECT_MAX]; /* HTTP statuses that are right */
    unsigned expect_count;
    bool verify; /* a payment: source.own_read can look for it */
};

struct source {
    const struct endpoint *endpoints;
    unsigned endpoint_count;
    uint64_t seed; /* of the times between requests */
    void (*next)(struct source *s, struct job *ret);
    void (*writes)(struct source *s, unsigned percent);
    /* The list that must contain a payment just made by `user`; NULL where no job is to be verified. */
    void (*own_read)(struct source *s, uint64_t user, struct job *ret);
};

void job_init(struct job *j);
void job_free(struct job *j);
bool job_expects(const struct job *j, unsigned status);
/* The request as it goes over the wire; etag NULL: without If-None-Match. */
void job_http(const struct job *j, const char *host, const char *etag, struct buf *ret);
/* One line about it: method, path, caller, expected statuses, body. */
void job_text(const struct job *j, struct buf *out);

/* In [0, 1); moves the generator. */
double draw(uint64_t *state);
uint64_t draw_below(uint64_t *state, uint64_t n);
/* Rank 1 to n by a power law: the greater the power, the more often the first. */
uint64_t draw_popular(uint64_t *state, uint64_t n, double power);
/* A month as 202306, up to June 2026 where seeded data ends, recent ones more often; `months` of them. */
unsigned draw_month(uint64_t *state, unsigned months);
