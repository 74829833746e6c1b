// SPDX-License-Identifier: Apache-2.0
/*
 * Flags snapshots for edge tests, without a control database:
 *   edge_flags FILE publish VERSION CATALOGUE FLAG:SERVICE:PERCENT[:USER=SIDE,...]...
 *   edge_flags FILE applied SERVICE MS   (from now; may be negative)
 *   edge_flags FILE beat MS | kill | revive
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "flag/snapshot_write.h"

enum { FLAGS_MAX = 64, USERS_MAX = 64 };

static char why[256];

static int fail(const char *what)
{
    fprintf(stderr, "edge_flags: %s: %s\n", what, why);
    return 1;
}

static void parse_users(char *text, struct flag_spec *spec)
{
    struct flag_forced_spec *users = xcalloc(USERS_MAX, sizeof *users);
    for (char *save = NULL, *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
        char *side = strchr(p, '=');
        if (!side || spec->forced_count == USERS_MAX)
            continue;
        *side++ = '\0';
        users[spec->forced_count++] =
            (struct flag_forced_spec){.user = p, .route = strcmp(side, "stream") == 0 ? FLAG_STREAM : FLAG_LEGACY};
    }
    spec->forced = users;
}

static int publish(const char *file, int argc, char **argv)
{
    static struct flag_spec specs[FLAGS_MAX];
    static const char *services[FLAGS_MAX];
    struct flag_set set = {.version = strtoull(argv[0], NULL, 10), .catalogue = strtoull(argv[1], NULL, 16)};
    for (int i = 2; i < argc && set.flag_count < FLAGS_MAX; i++) {
        char *save = NULL;
        struct flag_spec *spec = &specs[set.flag_count++];
        spec->name = strtok_r(argv[i], ":", &save);
        spec->service = strtok_r(NULL, ":", &save);
        spec->percentage = (uint32_t)strtoul(strtok_r(NULL, ":", &save), NULL, 10) * (FLAG_WHOLE / 100);
        spec->validity_s = 3600;
        char *users = strtok_r(NULL, ":", &save);
        if (users)
            parse_users(users, spec);
        size_t k = 0;
        while (k < set.service_count && strcmp(services[k], spec->service) != 0)
            k++;
        if (k == set.service_count)
            services[set.service_count++] = spec->service;
    }
    set.flags = specs;
    set.services = services;
    int lock = flag_publish_lock(file, true, why, sizeof why);
    if (lock < 0)
        return fail("lock");
    bool ok = flag_publish(file, &set, now_us(), why, sizeof why);
    flag_publish_unlock(lock);
    struct flag_words *w = ok ? flag_words_open(file, why, sizeof why) : NULL;
    if (!w)
        return fail("publish");
    flag_words_beat(w, now_us());
    flag_words_close(w);
    return 0;
}

static int change(const char *file, int argc, char **argv)
{
    struct flag_words *w = flag_words_open(file, why, sizeof why);
    if (!w)
        return fail("open");
    if (strcmp(argv[0], "applied") == 0 && argc == 3)
        flag_words_applied(w, flag_service_find(flag_words_snapshot(w), argv[1], strlen(argv[1])),
                           now_us() + strtoll(argv[2], NULL, 10) * 1000);
    else if (strcmp(argv[0], "beat") == 0 && argc == 2)
        flag_words_beat(w, now_us() + strtoll(argv[1], NULL, 10) * 1000);
    else
        flag_words_kill(w, -1, strcmp(argv[0], "kill") == 0 ? FLAG_KILL_RECORDED : FLAG_KILL_NONE);
    flag_words_close(w);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 5 && strcmp(argv[2], "publish") == 0)
        return publish(argv[1], argc - 3, argv + 3);
    if (argc >= 3)
        return change(argv[1], argc - 2, argv + 2);
    fprintf(stderr, "usage: edge_flags FILE publish|applied|beat|kill|revive ...\n");
    return 2;
}
