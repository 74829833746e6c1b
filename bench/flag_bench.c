// SPDX-License-Identifier: Apache-2.0
/*
 * One flag decision, in nanoseconds: the whole of flag_decide() on a published snapshot (kill, freshness, recent
 * writer, forced users, a segment of 100,000 users, percentage), beside the bare hash of the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flag/flag.h"
#include "flag/murmur3.h"
#include "flag/snapshot_write.h"

enum { MEMBERS = 100000, USERS = 1 << 16, ROUNDS = 64 };

static char users[USERS][16];
static size_t lengths[USERS];

static int fail(const char *why)
{
    fprintf(stderr, "%s\n", why);
    return 8;
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double decide_ns(const struct flag_snapshot *s, const char *flag, int64_t now_us, unsigned *sum)
{
    int index = flag_find(s, flag, strlen(flag));
    double start = now_ns();
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < USERS; i++) {
            struct flag_request r = {users[i], lengths[i], now_us, 0};
            *sum += flag_decide(s, index, -1, &r).route;
        }
    return (now_ns() - start) / ROUNDS / USERS;
}

int main(int argc, char **argv)
{
    static char names[MEMBERS][16];
    static const char *members[MEMBERS];
    static const struct flag_forced_spec forced[] = {{"vip", FLAG_STREAM}};
    static const struct flag_use_spec uses[] = {{"staff", FLAG_WHOLE}};
    const char *path = argc > 1 ? argv[1] : "/tmp/undam-flag-bench.snapshot";
    char why[200] = "";
    unsigned sum = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        snprintf(names[i], sizeof names[i], "staff-%u", i);
        members[i] = names[i];
    }
    for (unsigned i = 0; i < USERS; i++)
        lengths[i] = (size_t)snprintf(users[i], sizeof users[i], "user-%u", i * 7919);
    struct flag_segment_spec segment = {"staff", members, MEMBERS};
    struct flag_spec flags[] = {
        {.name = "transactions-read", .percentage = 50000, .validity_s = 10},
        {.name = "everything",
         .percentage = 50000,
         .validity_s = 10,
         .forced = forced,
         .forced_count = 1,
         .uses = uses,
         .use_count = 1},
    };
    struct flag_set set = {.version = 1, .flags = flags, .flag_count = 2, .segments = &segment, .segment_count = 1};
    int64_t now_us = (int64_t)time(NULL) * 1000000;
    if (!flag_publish(path, &set, now_us, why, sizeof why))
        return fail(why);
    struct flag_words *w = flag_words_open(path, why, sizeof why);
    if (!w)
        return fail(why);
    flag_words_beat(w, now_us);
    const struct flag_snapshot *s = flag_words_snapshot(w);
    double plain = decide_ns(s, flags[0].name, now_us, &sum), full = decide_ns(s, flags[1].name, now_us, &sum);
    double start = now_ns();
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < USERS; i++)
            sum += murmur3_32(users[i], lengths[i], (uint32_t)round);
    double hash = (now_ns() - start) / ROUNDS / USERS;
    printf("decision_ns %.1f percentage only\ndecision_full_ns %.1f forced user, segment of 100,000, percentage\n",
           plain, full);
    printf("hash_ns %.1f the bare hash\nratio %.2f decision / hash\n", hash, plain / hash);
    flag_words_close(w);
    remove(path);
    return sum == 0;
}
