// SPDX-License-Identifier: Apache-2.0
/* Publishing under the lock; see publish.h. */
#include "control/publish.h"

#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "codec/catalogue.h"
#include "flag/snapshot.h"

enum { LOCK_MS = 3000, LOCK_STEP_MS = 10 };

uint64_t control_catalogue_hash(const char *path)
{
    uint64_t hash = 0;
    return path && path[0] && catalogue_file_hash(path, &hash, NULL) ? hash : 0;
}

static bool lock_file(const char *path, int *ret, struct err *err)
{
    char why[300];
    int64_t end = mono_us() + LOCK_MS * 1000;
    for (;;) {
        *ret = flag_publish_lock(path, false, why, sizeof why);
        if (*ret >= 0)
            return true;
        if (mono_us() >= end)
            break;
        nanosleep(&(struct timespec){0, LOCK_STEP_MS * 1000000L}, NULL);
    }
    err_again(err, ERR_SYSTEM, "flags snapshot cannot be locked: %s", why);
    return err_hint(err, "the folder of control.snapshot must exist and be writable for undam control and undam flags");
}

static bool has_services(const struct flag_snapshot *s, const struct flag_set *set)
{
    for (size_t i = 0; i < set->service_count; i++)
        if (flag_service_find(s, set->services[i], strlen(set->services[i])) < 0)
            return false;
    return true;
}

/* Nothing to do: the file shows all that this set would. */
static bool is_current(const char *path, const struct flag_set *set)
{
    struct flag_snapshot *s = flag_snapshot_open(path, NULL, 0);
    if (!s)
        return false;
    uint64_t version = flag_snapshot_version(s);
    bool same = flag_snapshot_catalogue(s) == set->catalogue && has_services(s, set);
    flag_snapshot_close(s);
    return version > set->version || (version == set->version && same);
}

bool control_publish(const char *path, const struct flag_set *set, bool *ret_published, struct err *err)
{
    int lock;
    char why[300] = "";
    if (!lock_file(path, &lock, err))
        return false;
    bool current = is_current(path, set);
    bool good = current || flag_publish(path, set, now_us(), why, sizeof why);
    flag_publish_unlock(lock);
    *ret_published = good && !current;
    return good || err_set(err, ERR_SYSTEM, "flags snapshot cannot be published: %s", why);
}

bool control_kill_now(const char *path, const char *flag, enum flag_kill kill, struct err *err)
{
    int lock = -1;
    char why[300] = "";
    /* A lock that cannot be had must not stop a kill; only a publication in this very moment could overlook it, and
     * what follows (recording and publishing) repairs that. */
    bool locked = lock_file(path, &lock, err);
    struct flag_words *w = flag_words_open(path, why, sizeof why);
    bool good = w != NULL;
    if (good) {
        int index = flag[0] ? flag_find(flag_words_snapshot(w), flag, strlen(flag)) : -1;
        good = !flag[0] || index >= 0;
        if (good)
            flag_words_kill(w, index, kill);
        else
            snprintf(why, sizeof why, "no flag %s in it", flag);
    }
    flag_words_close(w);
    if (locked)
        flag_publish_unlock(lock);
    return good || err_set(err, ERR_SYSTEM, "flags snapshot: %s", why);
}

void control_file_look(const char *path, struct control_file *ret)
{
    *ret = (struct control_file){0};
    struct flag_snapshot *s = flag_snapshot_open(path, ret->why, sizeof ret->why);
    if (!s)
        return;
    ret->there = true;
    ret->version = flag_snapshot_version(s);
    ret->heartbeat_us = flag_snapshot_heartbeat_us(s);
    flag_snapshot_close(s);
}
