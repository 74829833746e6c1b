// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "codec/ticket.h"

static struct ticket sample(void)
{
    struct ticket t = {.time_us = 1700000000123456,
                       .status = 200,
                       .stream = true,
                       .has_user = true,
                       .method = STR("GET"),
                       .target = STR("/users/7/transactions?page=2"),
                       .endpoint = STR("GET /users/{user_id}/transactions"),
                       .user = STR("7"),
                       .reason = STR("percentage"),
                       .header_count = 4};
    t.headers[0] = (struct ticket_header){STR("Accept"), STR("application/json"), false};
    t.headers[1] = (struct ticket_header){STR("COOKIE"), STR("session=secret"), false};
    t.headers[2] = (struct ticket_header){STR("Authorization"), STR("Bearer x"), true};
    t.headers[3] = (struct ticket_header){STR("X-Empty"), STR(""), false};
    return t;
}

TEST(round_trip_without_unlisted_secrets)
{
    static unsigned char wire[TICKET_MAX], again[TICKET_MAX];
    struct ticket t = sample(), got;
    struct err err;
    size_t n = ticket_encode(&t, wire, sizeof wire);
    CHECK(n > 0);
    CHECK(!memmem(wire, n, "session", 7));
    CHECK(ticket_decode(wire, n, &got, &err));
    CHECK(got.time_us == t.time_us && got.status == 200 && got.stream && got.has_user);
    CHECK_STR(got.method, "GET");
    CHECK_STR(got.target, "/users/7/transactions?page=2");
    CHECK_STR(got.endpoint, "GET /users/{user_id}/transactions");
    CHECK_STR(got.user, "7");
    CHECK_STR(got.reason, "percentage");
    CHECK_INT(got.header_count, 3);
    CHECK_STR(got.headers[1].name, "Authorization");
    CHECK_STR(got.headers[2].value, "");
    got.headers[1].listed = true;
    CHECK_INT(ticket_encode(&got, again, sizeof again), n);
    CHECK(memcmp(wire, again, n) == 0);
}

TEST(every_cut_and_every_extra_byte_is_refused)
{
    static unsigned char wire[TICKET_MAX];
    struct ticket t = sample(), got;
    size_t n = ticket_encode(&t, wire, sizeof wire);
    unsigned accepted = 0;
    for (size_t i = 0; i < n; i++)
        accepted += ticket_decode(wire, i, &got, NULL);
    CHECK_INT(accepted, 0);
    wire[n] = 0;
    CHECK(!ticket_decode(wire, n + 1, &got, NULL));
    wire[2] = 2;
    struct err err;
    CHECK(!ticket_decode(wire, n, &got, &err) && strstr(err.text, "version 2"));
}

TEST(what_does_not_fit_is_not_sent)
{
    static unsigned char wire[TICKET_MAX + 100];
    static char long_target[TICKET_MAX];
    memset(long_target, 'x', sizeof long_target);
    struct ticket t = sample();
    size_t n = ticket_encode(&t, wire, sizeof wire);
    for (size_t size = 0; size < n; size++)
        CHECK_INT(ticket_encode(&t, wire, size), 0);
    t.target = str_n(long_target, sizeof long_target);
    CHECK_INT(ticket_encode(&t, wire, sizeof wire), 0);
    t.header_count = TICKET_HEADERS_MAX + 1;
    t.target = STR("/");
    CHECK_INT(ticket_encode(&t, wire, sizeof wire), 0);
}

TEST_MAIN
