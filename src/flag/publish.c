// SPDX-License-Identifier: Apache-2.0
/*
 * Publishing a snapshot and writing the words of a published one; see snapshot_write.h.
 *
 * Order of a publication: new file complete and durable -> words carried over -> rename -> folder durable -> the old
 * file's superseded word. Kill words change under the lock only, so none is lost between carrying over and the rename;
 * a heartbeat or an applied time that control writes in that moment is lost with the old file, and control
 * writes it again into the new one at its next tick.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flag/snapshot.h"
#include "flag/snapshot_write.h"

enum { PATH_SIZE = 1024 };

struct flag_words {
    struct flag_snapshot *snapshot;
    uint64_t *words; /* the same file's, writable */
    void *map;
    size_t map_size;
};

__attribute__((format(printf, 3, 4))) static bool refuse(char *why, size_t why_size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (why_size)
        vsnprintf(why, why_size, fmt, ap);
    va_end(ap);
    return false;
}

int flag_publish_lock(const char *path, bool wait, char *why, size_t why_size)
{
    char name[PATH_SIZE];
    if (snprintf(name, sizeof name, "%s.lock", path) >= (int)sizeof name)
        return (void)refuse(why, why_size, "%s: path too long", path), -1;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return (void)refuse(why, why_size, "%s: %s", name, strerror(errno)), -1;
    int rc;
    do
        rc = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
    while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return fd;
    refuse(why, why_size, "%s: %s", name, errno == EWOULDBLOCK ? "another process is publishing" : strerror(errno));
    close(fd);
    return -1;
}

void flag_publish_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

struct flag_words *flag_words_open(const char *path, char *why, size_t why_size)
{
    struct flag_words *w = calloc(1, sizeof *w);
    if (!w)
        return (void)refuse(why, why_size, "out of memory"), NULL;
    w->map = MAP_FAILED;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        refuse(why, why_size, "%s: %s", path, strerror(errno));
        goto fail;
    }
    /* Through /proc the very file behind fd is opened, also when another takes its name in this moment. */
    char same[64];
    snprintf(same, sizeof same, "/proc/self/fd/%d", fd);
    w->snapshot = flag_snapshot_open(same, why, why_size);
    if (!w->snapshot)
        goto fail;
    w->map_size = w->snapshot->map_size;
    w->map = mmap(NULL, w->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (w->map == MAP_FAILED) {
        refuse(why, why_size, "%s: cannot be mapped: %s", path, strerror(errno));
        goto fail;
    }
    w->words = (void *)((unsigned char *)w->map + w->snapshot->head->words_offset);
    close(fd);
    return w;
fail:
    if (fd >= 0)
        close(fd);
    flag_words_close(w);
    return NULL;
}

void flag_words_close(struct flag_words *w)
{
    if (!w)
        return;
    if (w->map != MAP_FAILED)
        munmap(w->map, w->map_size);
    flag_snapshot_close(w->snapshot);
    free(w);
}

const struct flag_snapshot *flag_words_snapshot(const struct flag_words *w) { return w->snapshot; }

static void word_set(struct flag_words *w, size_t index, uint64_t value)
{
    __atomic_store_n(&w->words[index], value, __ATOMIC_RELEASE);
}

void flag_words_beat(struct flag_words *w, int64_t now_us) { word_set(w, FLAG_WORD_HEARTBEAT, (uint64_t)now_us); }

void flag_words_applied(struct flag_words *w, int service, int64_t applied_us)
{
    if (service < 0 || (uint32_t)service >= w->snapshot->head->services.count)
        return;
    if (applied_us > flag_applied_us(w->snapshot, service))
        word_set(w, flag_word_applied((size_t)service), (uint64_t)applied_us);
}

static size_t kill_word(const struct flag_words *w, int flag)
{
    return flag < 0 ? FLAG_WORD_KILL : flag_word_killed(w->snapshot, (size_t)flag);
}

void flag_words_kill(struct flag_words *w, int flag, enum flag_kill kill)
{
    if (flag < (int)w->snapshot->head->flags.count)
        word_set(w, kill_word(w, flag), kill);
}

enum flag_kill flag_words_killed(const struct flag_words *w, int flag)
{
    if (flag >= (int)w->snapshot->head->flags.count)
        return FLAG_KILL_NONE;
    return (enum flag_kill)flag_word(w->snapshot, kill_word(w, flag));
}

/* Into the words of a file that is not yet visible: what the old file knows and the set does not. */
static void carry_over(struct flag_snapshot *fresh, uint64_t *words, const struct flag_words *old)
{
    const struct flag_snapshot *was = old->snapshot;
    words[FLAG_WORD_HEARTBEAT] = flag_word(was, FLAG_WORD_HEARTBEAT);
    if (flag_word(was, FLAG_WORD_KILL) == FLAG_KILL_EMERGENCY)
        words[FLAG_WORD_KILL] = FLAG_KILL_EMERGENCY;
    for (uint32_t i = 0; i < fresh->head->services.count; i++) {
        struct flag_text name = fresh->services[i];
        int at = flag_service_find(was, (const char *)fresh->data + name.offset, name.length);
        words[flag_word_applied(i)] = (uint64_t)flag_applied_us(was, at);
    }
    for (uint32_t i = 0; i < fresh->head->flags.count; i++) {
        struct flag_text name = fresh->flags[i].name;
        int at = flag_find(was, (const char *)fresh->data + name.offset, name.length);
        if (at >= 0 && flag_word(was, flag_word_killed(was, (size_t)at)) == FLAG_KILL_EMERGENCY)
            words[flag_word_killed(fresh, i)] = FLAG_KILL_EMERGENCY;
    }
}

static bool write_whole(int fd, const unsigned char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static bool sync_folder(const char *path)
{
    char folder[PATH_SIZE];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = fsync(fd) == 0;
    close(fd);
    return good;
}

/* Readable by nginx's workers, writable by the publisher only: whoever can write it decides where traffic goes. */
static bool write_beside(const char *path, const char *beside, const unsigned char *data, size_t size, char *why,
                         size_t why_size)
{
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return refuse(why, why_size, "%s: %s", beside, strerror(errno));
    bool good = write_whole(fd, data, size) && fchmod(fd, 0644) == 0 && fsync(fd) == 0;
    int saved = errno;
    close(fd);
    if (good && rename(beside, path) == 0 && sync_folder(path))
        return true;
    refuse(why, why_size, "%s: cannot be published: %s", path, strerror(good ? errno : saved));
    unlink(beside);
    return false;
}

/* The file to be replaced, NULL when there is none or a damaged one: those have nothing to carry over. A good one that
 * cannot be written is an error: its readers would never learn that it was replaced. */
static bool open_old(const char *path, struct flag_words **ret, char *why, size_t why_size)
{
    *ret = flag_words_open(path, why, why_size);
    if (*ret)
        return true;
    struct flag_snapshot *good = flag_snapshot_open(path, NULL, 0);
    flag_snapshot_close(good);
    return !good;
}

bool flag_publish(const char *path, const struct flag_set *set, int64_t now_us, char *why, size_t why_size)
{
    char beside[PATH_SIZE];
    unsigned char *data;
    size_t size;
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return refuse(why, why_size, "%s: path too long", path);
    if (!flag_set_encode(set, now_us, &data, &size, why, why_size))
        return false;
    struct flag_words *old;
    if (!open_old(path, &old, why, why_size)) {
        free(data);
        return false;
    }
    struct flag_snapshot fresh;
    uint64_t checksum = ((struct flag_head *)(void *)data)->checksum;
    bool good = flag_snapshot_parse(&fresh, data, size, why, why_size);
    ((struct flag_head *)(void *)data)->checksum = checksum;
    if (good && old)
        carry_over(&fresh, (void *)(data + fresh.head->words_offset), old);
    good = good && write_beside(path, beside, data, size, why, why_size);
    if (good && old)
        word_set(old, FLAG_WORD_SUPERSEDED, 1);
    flag_words_close(old);
    free(data);
    return good;
}
