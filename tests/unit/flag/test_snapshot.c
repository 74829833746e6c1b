// SPDX-License-Identifier: Apache-2.0
/* Snapshot file: written, read, evaluated, damaged, replaced. */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flag/flag.h"
#include "flag/snapshot.h"
#include "flag/snapshot_write.h"

static const int64_t now = 1700000000000000;
static char path[256], why[256];

static const char *const services[] = {"users", "transactions"};
static const char *const staff[] = {"u-9", "u-1", "u-5"};
static const struct flag_segment_spec segments[] = {{"staff", staff, 3}, {"nobody", NULL, 0}};
static const struct flag_forced_spec forced[] = {{"vip", FLAG_STREAM}, {"angry", FLAG_LEGACY}};
static const struct flag_use_spec uses[] = {{"nobody", 0}, {"staff", FLAG_WHOLE}};

static struct flag_spec flags[] = {
    {.name = "orders-read",
     .service = "transactions",
     .percentage = 50000,
     .validity_s = 10,
     .forced = forced,
     .forced_count = 2,
     .uses = uses,
     .use_count = 2},
    {.name = "profile", .salt = "orders-read", .service = "users", .percentage = 50000, .validity_s = 10},
    {.name = "all", .percentage = FLAG_WHOLE, .validity_s = 10},
    {.name = "off", .percentage = FLAG_WHOLE, .validity_s = 10, .killed = true},
};
static struct flag_set set = {.version = 7,
                              .catalogue = 99,
                              .flags = flags,
                              .flag_count = 4,
                              .segments = segments,
                              .segment_count = 2,
                              .services = services,
                              .service_count = 2};

static void fresh_path(void)
{
    char folder[] = "/tmp/undam-unit.XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/flags.snapshot", folder);
}

static void remove_path(void)
{
    unlink(path);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    rmdir(path);
}

static struct flag_snapshot *publish_and_open(void)
{
    CHECK(flag_publish(path, &set, now, why, sizeof why));
    struct flag_words *w = flag_words_open(path, why, sizeof why);
    CHECK(w != NULL);
    flag_words_beat(w, now);
    flag_words_close(w);
    struct flag_snapshot *s = flag_snapshot_open(path, why, sizeof why);
    CHECK(s != NULL);
    return s;
}

static struct flag_decision decide_at(const struct flag_snapshot *s, const char *flag, const char *user, int64_t at)
{
    struct flag_request r = {.user = user, .user_len = user ? strlen(user) : 0, .now_us = at};
    int index = flag_find(s, flag, strlen(flag));
    return flag_decide(s, index, flag_service_of(s, index), &r);
}

static void check_decision(const struct flag_snapshot *s, const char *flag, const char *user, enum flag_route route,
                           enum flag_reason reason)
{
    struct flag_decision d = decide_at(s, flag, user, now);
    CHECK_INT(d.route, route);
    CHECK_STR(str_of(flag_reason_name(d.reason)), flag_reason_name(reason));
}

TEST(flagd_vectors)
{
    CHECK_INT(flag_bucket("orders-read", 11, "user-1", 6), 38765);
    CHECK_INT((uint64_t)0x807e7336 * FLAG_WHOLE >> 32, flag_bucket("orders-read", 11, "user-2", 6));
    CHECK_INT((uint64_t)0x6bf99dc9 * FLAG_WHOLE >> 32, flag_bucket("orders-read", 11, "user-3", 6));
}

TEST(decisions_in_their_order)
{
    fresh_path();
    struct flag_snapshot *s = publish_and_open();
    CHECK_INT(flag_snapshot_version(s), 7);
    CHECK_INT(flag_snapshot_catalogue(s), 99);
    check_decision(s, "orders-read", "user-1", FLAG_STREAM, FLAG_PERCENTAGE); /* 38765 < 50000 */
    check_decision(s, "orders-read", "user-2", FLAG_LEGACY, FLAG_PERCENTAGE); /* 50193 */
    check_decision(s, "profile", "user-1", FLAG_STREAM, FLAG_PERCENTAGE);     /* the shared salt */
    check_decision(s, "orders-read", "vip", FLAG_STREAM, FLAG_FORCED);
    check_decision(s, "orders-read", "angry", FLAG_LEGACY, FLAG_FORCED);
    check_decision(s, "orders-read", "u-5", FLAG_STREAM, FLAG_SEGMENT);
    check_decision(s, "orders-read", NULL, FLAG_LEGACY, FLAG_NO_USER);
    check_decision(s, "orders-read", "", FLAG_LEGACY, FLAG_NO_USER);
    check_decision(s, "all", NULL, FLAG_STREAM, FLAG_NO_USER);
    check_decision(s, "off", "user-1", FLAG_LEGACY, FLAG_KILLED);
    check_decision(s, "missing", "user-1", FLAG_LEGACY, FLAG_NO_SNAPSHOT);
    check_decision(NULL, "all", "user-1", FLAG_LEGACY, FLAG_NO_SNAPSHOT);
    CHECK_INT(decide_at(s, "all", "x", now + 10000000).reason, FLAG_PERCENTAGE);
    CHECK_INT(decide_at(s, "all", "x", now + 10000001).reason, FLAG_STALE);
    CHECK_INT(decide_at(s, "all", "x", now - 10000001).reason, FLAG_STALE);
    flag_snapshot_close(s);
    remove_path();
}

TEST(recent_writer_waits_for_the_watermark)
{
    fresh_path();
    struct flag_snapshot *s = publish_and_open();
    struct flag_words *w = flag_words_open(path, why, sizeof why);
    int flag = flag_find(s, "orders-read", 11), service = flag_service_find(s, "transactions", 12);
    CHECK_INT(service, flag_service_of(s, flag));
    struct flag_request r = {.user = "user-1", .user_len = 6, .now_us = now, .last_write_us = now - 500};
    CHECK_INT(flag_decide(s, flag, service, &r).reason, FLAG_RECENT_WRITER); /* nothing known */
    flag_words_applied(w, service, now - 500);
    CHECK_INT(flag_decide(s, flag, service, &r).reason, FLAG_RECENT_WRITER); /* before, not at, the watermark */
    flag_words_applied(w, service, now - 499);
    CHECK_INT(flag_decide(s, flag, service, &r).reason, FLAG_PERCENTAGE);
    flag_words_applied(w, service, now - 1000);
    CHECK_INT(flag_applied_us(s, service), now - 499);                  /* never back */
    CHECK_INT(flag_decide(s, flag, -1, &r).reason, FLAG_RECENT_WRITER); /* a service nobody reports */
    flag_words_close(w);
    flag_snapshot_close(s);
    remove_path();
}

TEST(a_new_file_keeps_what_the_old_one_knew)
{
    fresh_path();
    struct flag_snapshot *old = publish_and_open();
    struct flag_words *w = flag_words_open(path, why, sizeof why);
    flag_words_applied(w, 1, now - 5);
    flag_words_kill(w, flag_find(old, "all", 3), FLAG_KILL_EMERGENCY);
    CHECK_INT(decide_at(old, "all", "x", now).reason, FLAG_KILLED); /* seen through the other mapping at once */
    CHECK(!flag_snapshot_superseded(old));
    set.version = 8;
    CHECK(flag_publish(path, &set, now, why, sizeof why));
    CHECK(flag_snapshot_superseded(old));
    struct flag_snapshot *s = flag_snapshot_open(path, why, sizeof why);
    CHECK_INT(flag_snapshot_version(s), 8);
    CHECK_INT(flag_applied_us(s, 1), now - 5);
    CHECK_INT(flag_snapshot_heartbeat_us(s), now);
    CHECK_INT(decide_at(s, "all", "x", now).reason, FLAG_KILLED);
    CHECK_INT(decide_at(s, "off", "x", now).reason, FLAG_KILLED);
    flag_words_close(w);
    w = flag_words_open(path, why, sizeof why);
    CHECK_INT(flag_words_killed(w, flag_find(s, "all", 3)), FLAG_KILL_EMERGENCY);
    flag_words_kill(w, -1, FLAG_KILL_RECORDED);
    CHECK_INT(decide_at(s, "profile", "user-1", now).reason, FLAG_KILLED);
    flag_words_close(w);
    flag_snapshot_close(old);
    flag_snapshot_close(s);
    remove_path();
}

TEST(a_cohort_only_grows)
{
    fresh_path();
    static const uint32_t steps[] = {10, 1000, 5000, 5010, 50000, 99999, FLAG_WHOLE};
    static bool in[20000];
    for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
        flags[1].percentage = steps[k];
        struct flag_snapshot *s = publish_and_open();
        unsigned count = 0, lost = 0;
        for (int i = 0; i < 20000; i++) {
            char user[32];
            snprintf(user, sizeof user, "user-%d", i);
            bool stream = decide_at(s, "profile", user, now).route == FLAG_STREAM;
            count += stream;
            lost += in[i] && !stream;
            in[i] = stream;
        }
        CHECK_INT(lost, 0);
        double want = 20000.0 * steps[k] / FLAG_WHOLE;
        CHECK((double)count > want * 0.93 - 20 && (double)count < want * 1.07 + 20);
        flag_snapshot_close(s);
    }
    flags[1].percentage = 50000;
    remove_path();
}

TEST(every_flipped_bit_and_every_cut_is_refused)
{
    unsigned char *data;
    size_t size;
    CHECK(flag_set_encode(&set, now, &data, &size, why, sizeof why));
    size_t immutable = size - 8 * (FLAG_WORDS_FIXED + 2 + 4);
    struct flag_snapshot s;
    unsigned char *copy = malloc(size);
    memcpy(copy, data, size);
    CHECK(flag_snapshot_parse(&s, copy, size, why, sizeof why));
    unsigned accepted = 0;
    for (size_t i = 0; i < immutable * 8; i++) {
        memcpy(copy, data, size);
        copy[i / 8] ^= (unsigned char)(1u << i % 8);
        accepted += flag_snapshot_parse(&s, copy, size, why, sizeof why);
    }
    for (size_t n = 0; n < size; n++) {
        memcpy(copy, data, size);
        accepted += flag_snapshot_parse(&s, copy, n, why, sizeof why);
    }
    CHECK_INT(accepted, 0);
    free(copy);
    free(data);
}

TEST(bad_files_and_sets_say_why)
{
    fresh_path();
    CHECK(!flag_snapshot_open(path, why, sizeof why));
    CHECK(strstr(why, "No such file"));
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    CHECK(write(fd, "hello", 5) == 5);
    close(fd);
    CHECK(!flag_snapshot_open(path, why, sizeof why));
    CHECK(strstr(why, "too few"));
    CHECK(flag_publish(path, &set, now, why, sizeof why)); /* a damaged file does not stop a publication */
    remove_path();
    static const struct flag_forced_spec twice[] = {{"a", FLAG_STREAM}, {"a", FLAG_LEGACY}};
    struct flag_spec bad = {.name = "x", .validity_s = 1, .forced = twice, .forced_count = 2};
    struct flag_set one = {.flags = &bad, .flag_count = 1};
    unsigned char *data;
    size_t size;
    CHECK(!flag_set_encode(&one, now, &data, &size, why, sizeof why));
    bad = (struct flag_spec){.name = "x", .validity_s = 1, .service = "nowhere"};
    CHECK(!flag_set_encode(&one, now, &data, &size, why, sizeof why) && strstr(why, "nowhere"));
    bad = (struct flag_spec){.name = "x", .validity_s = 1, .percentage = FLAG_WHOLE + 1};
    CHECK(!flag_set_encode(&one, now, &data, &size, why, sizeof why));
}

TEST(publishers_exclude_each_other)
{
    fresh_path();
    int a = flag_publish_lock(path, false, why, sizeof why);
    CHECK(a >= 0);
    CHECK(flag_publish_lock(path, false, why, sizeof why) < 0 && strstr(why, "another process"));
    flag_publish_unlock(a);
    a = flag_publish_lock(path, false, why, sizeof why);
    CHECK(a >= 0);
    flag_publish_unlock(a);
    char lock[300];
    snprintf(lock, sizeof lock, "%s.lock", path);
    unlink(lock);
    remove_path();
}

TEST_MAIN
