// SPDX-License-Identifier: Apache-2.0
/* Open transactions in memory and on disk; see txn.h. A record is: length, subxid (both 32 bits, host order: a spool
 * never outlives its process), message. */
#include "capture/txn.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    RECORD_HEAD = 8,
    SPOOL_WRITE = 256 * 1024, /* bytes gathered before a write, and read at a time */
    SPARE_MAX = 4 << 20,      /* a buffer above this is given back rather than kept for the next transaction */
};

static void spool_path(const struct txn_store *s, uint32_t xid, char *out, size_t size)
{
    snprintf(out, size, "%s/%s-%u.spool", s->directory, s->slot, xid);
}

/* "<slot>-<digits>.spool" */
static bool is_spool(const char *name, const char *slot)
{
    size_t n = strlen(slot);
    if (strncmp(name, slot, n) != 0 || name[n] != '-')
        return false;
    const char *digits = name + n + 1;
    size_t count = strspn(digits, "0123456789");
    return count > 0 && strcmp(digits + count, ".spool") == 0;
}

static bool make_directory(const char *path, struct err *err)
{
    char part[4096];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return err_set(err, ERR_CONFIG, "relay.spool_directory is empty or too long");
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            err_errno(err, "spool directory %s cannot be created", part);
            return err_hint(err, "set relay.spool_directory to a folder that this user can write");
        }
    }
    return true;
}

bool txn_store_open(struct txn_store *s, const char *directory, const char *slot, uint64_t memory_max,
                    uint64_t spool_max, struct err *err)
{
    *s = (struct txn_store){.directory = directory, .slot = slot, .memory_max = memory_max, .spool_max = spool_max};
    if (!make_directory(directory, err))
        return false;
    if (access(directory, W_OK | X_OK) != 0) {
        err_errno(err, "spool directory %s", directory);
        return err_hint(err, "set relay.spool_directory to a folder that this user can write");
    }
    DIR *dir = opendir(directory);
    if (!dir)
        return err_errno(err, "spool directory %s", directory);
    for (struct dirent *e; (e = readdir(dir));)
        if (is_spool(e->d_name, slot))
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
    return true;
}

static void txn_free(struct txn *t)
{
    buf_free(&t->bytes);
    free(t->aborted);
    free(t);
}

void txn_store_close(struct txn_store *s)
{
    while (s->open)
        txn_drop(s, s->open);
    if (s->spare)
        txn_free(TAKE(s->spare));
}

struct txn *txn_begin(struct txn_store *s, uint32_t xid)
{
    assert(!txn_find(s, xid));
    struct txn *t = s->spare ? TAKE(s->spare) : xcalloc(1, sizeof *t);
    if (!t->bytes.max)
        buf_init(&t->bytes, SIZE_MAX / 4);
    t->xid = xid;
    t->spool = -1;
    t->next = s->open;
    s->open = t;
    return t;
}

struct txn *txn_find(const struct txn_store *s, uint32_t xid)
{
    for (struct txn *t = s->open; t; t = t->next)
        if (t->xid == xid)
            return t;
    return NULL;
}

void txn_drop(struct txn_store *s, struct txn *t)
{
    struct txn **link = &s->open;
    while (*link != t)
        link = &(*link)->next;
    *link = t->next;
    if (t->spool >= 0) {
        char path[4096];
        spool_path(s, t->xid, path, sizeof path);
        close(t->spool);
        (void)unlink(path);
        s->spooled -= t->spooled;
    } else {
        s->memory -= t->bytes.len;
    }
    if (s->spare || t->bytes.cap > SPARE_MAX) {
        txn_free(t);
        return;
    }
    buf_clear(&t->bytes);
    t->messages = t->spooled = t->read_at = t->at = t->aborted_count = 0;
    s->spare = t;
}

/* ---- the spool ---- */

static bool spool_write(struct txn_store *s, struct txn *t, struct err *err)
{
    if (s->spool_max && s->spooled + t->bytes.len > s->spool_max) {
        err_set(err, ERR_SYSTEM,
                "transaction %u does not fit into the spool: %llu bytes are in use and relay.spool_max_bytes is %llu",
                t->xid, (unsigned long long)(s->spooled + t->bytes.len), (unsigned long long)s->spool_max);
        return err_hint(err,
                        "raise relay.spool_max_bytes; nothing was lost, the source keeps the transaction and sends "
                        "it again");
    }
    size_t done = 0;
    while (done < t->bytes.len) {
        ssize_t n = pwrite(t->spool, t->bytes.data + done, t->bytes.len - done, (off_t)(t->spooled + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = ENOSPC;
            bool full = errno == ENOSPC || errno == EDQUOT;
            err_errno(err, "spool file of transaction %u in %s", t->xid, s->directory);
            if (full)
                err_hint(err, "free space in relay.spool_directory; nothing was lost, the source keeps the transaction "
                              "and sends it again");
            if (err)
                err->retriable = true;
            return false;
        }
        done += (size_t)n;
    }
    t->spooled += done;
    s->spooled += done;
    buf_clear(&t->bytes);
    return true;
}

static bool spool_start(struct txn_store *s, struct txn *t, struct err *err)
{
    char path[4096];
    spool_path(s, t->xid, path, sizeof path);
    t->spool = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (t->spool < 0)
        return err_errno(err, "spool file %s cannot be created", path);
    s->memory -= t->bytes.len;
    return spool_write(s, t, err);
}

static struct txn *largest_in_memory(const struct txn_store *s)
{
    struct txn *best = NULL;
    for (struct txn *t = s->open; t; t = t->next)
        if (t->spool < 0 && (!best || t->bytes.len > best->bytes.len))
            best = t;
    return best;
}

bool txn_add(struct txn_store *s, struct txn *t, uint32_t subxid, struct str message, struct err *err)
{
    uint32_t head[2] = {(uint32_t)message.len, subxid};
    assert(message.len <= UINT32_MAX && !t->read_at);
    char *at = buf_reserve(&t->bytes, RECORD_HEAD + message.len);
    assert(at); /* the maximum is out of reach */
    memcpy(at, head, RECORD_HEAD);
    if (message.len)
        memcpy(at + RECORD_HEAD, message.data, message.len);
    t->bytes.len += RECORD_HEAD + message.len;
    t->messages++;
    if (t->spool >= 0)
        return t->bytes.len < SPOOL_WRITE || spool_write(s, t, err);
    s->memory += RECORD_HEAD + message.len;
    if (s->memory <= s->memory_max)
        return true;
    struct txn *big = largest_in_memory(s);
    return spool_start(s, big, err);
}

/* ---- subtransactions ---- */

void txn_abort(struct txn *t, uint32_t subxid)
{
    GROW(t->aborted, t->aborted_count, t->aborted_cap);
    t->aborted[t->aborted_count++] = subxid;
}

static int compare_xid(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool is_aborted(const struct txn *t, uint32_t subxid)
{
    return t->aborted_count && bsearch(&subxid, t->aborted, t->aborted_count, sizeof subxid, compare_xid);
}

/* ---- reading ---- */

bool txn_rewind(struct txn_store *s, struct txn *t, struct err *err)
{
    assert(t->at == 0 && t->read_at == 0);
    if (t->aborted_count)
        qsort(t->aborted, t->aborted_count, sizeof *t->aborted, compare_xid);
    if (t->spool < 0)
        return true;
    return t->bytes.len == 0 || spool_write(s, t, err);
}

/* Makes `need` bytes from t->at on readable in t->bytes; false at the end of the file or on an error. */
static bool window(struct txn *t, size_t need, struct err *err)
{
    if (t->bytes.len - t->at >= need)
        return true;
    size_t left = t->bytes.len - t->at;
    if (left)
        memmove(t->bytes.data, t->bytes.data + t->at, left);
    t->bytes.len = left;
    t->at = 0;
    size_t want = need > SPOOL_WRITE ? need : SPOOL_WRITE;
    while (t->bytes.len < need) {
        char *to = buf_reserve(&t->bytes, want - t->bytes.len);
        assert(to);
        ssize_t n = pread(t->spool, to, want - t->bytes.len, (off_t)t->read_at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, "spool file of transaction %u cannot be read", t->xid);
        if (n == 0)
            return err_set(err, ERR_SYSTEM, "spool file of transaction %u is shorter than what was written to it",
                           t->xid);
        t->bytes.len += (size_t)n;
        t->read_at += (uint64_t)n;
    }
    return true;
}

static bool at_end(const struct txn *t) { return t->at == t->bytes.len && (t->spool < 0 || t->read_at == t->spooled); }

bool txn_next(struct txn *t, struct str *ret_message, struct err *err)
{
    for (;;) {
        if (at_end(t)) {
            *ret_message = (struct str){NULL, 0};
            return true;
        }
        uint32_t head[2];
        if (!window(t, RECORD_HEAD, err))
            return false;
        memcpy(head, t->bytes.data + t->at, RECORD_HEAD);
        if (!window(t, RECORD_HEAD + (size_t)head[0], err))
            return false;
        struct str message = {t->bytes.data + t->at + RECORD_HEAD, head[0]};
        t->at += RECORD_HEAD + (size_t)head[0];
        if (is_aborted(t, head[1]))
            continue;
        *ret_message = message;
        return true;
    }
}
