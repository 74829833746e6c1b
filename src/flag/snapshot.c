// SPDX-License-Identifier: Apache-2.0
/*
 * The reader of the snapshot file; format.h has the layout.
 *
 * The immutable part is read into private memory before it is checked, so nothing that happens to the file
 * afterwards can break what the check established. Only the words stay mapped: they are what has to be seen
 * the moment it changes. The publisher replaces the file by rename and never shortens one that is mapped.
 */
#include "flag/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flag/murmur3.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the snapshot file is little-endian");

__attribute__((format(printf, 3, 4))) static bool refuse(char *why, size_t why_size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (why_size)
        vsnprintf(why, why_size, fmt, ap);
    va_end(ap);
    return false;
}

uint64_t flag_checksum(const void *immutable, uint64_t size)
{
    uint64_t low = murmur3_32(immutable, size, 0x756e6461u), high = murmur3_32(immutable, size, 0x6d666c67u);
    return high << 32 | low;
}

int flag_text_cmp(const struct flag_snapshot *s, struct flag_text a, const char *b, size_t b_len)
{
    size_t n = a.length < b_len ? a.length : b_len;
    int c = n ? memcmp(s->data + a.offset, b, n) : 0;
    if (c)
        return c;
    return (a.length > b_len) - (a.length < b_len);
}

static bool table_fits(const struct flag_head *h, struct flag_table t, size_t row)
{
    return t.offset % 4 == 0 && t.offset >= sizeof *h && t.offset <= h->words_offset &&
           t.count <= (h->words_offset - t.offset) / row;
}

static bool text_fits(const struct flag_snapshot *s, struct flag_text t)
{
    return t.offset <= s->head->words_offset && t.length <= s->head->words_offset - t.offset;
}

static bool range_fits(struct flag_range r, struct flag_table t)
{
    return r.first <= t.count && r.count <= t.count - r.first;
}

static bool head_fits(const struct flag_head *h, size_t size, char *why, size_t why_size)
{
    if (memcmp(h->magic, FLAG_MAGIC, sizeof h->magic) != 0)
        return refuse(why, why_size, "not a flags snapshot");
    if (h->format != FLAG_FORMAT || h->head_size != sizeof *h)
        return refuse(why, why_size, "format %u, this program reads %d", h->format, FLAG_FORMAT);
    if (h->algorithm != FLAG_ALGORITHM)
        return refuse(why, why_size, "bucketing algorithm %u is unknown", h->algorithm);
    if (h->length != size)
        return refuse(why, why_size, "%zu bytes, its head says %llu", size, (unsigned long long)h->length);
    uint64_t words = FLAG_WORDS_FIXED + (uint64_t)h->services.count + h->flags.count;
    if (h->words_offset % 8 != 0 || h->words_offset < sizeof *h || h->words_offset > size ||
        words != (size - h->words_offset) / 8 || (size - h->words_offset) % 8 != 0)
        return refuse(why, why_size, "the mutable part is not where it should be");
    if (!table_fits(h, h->flags, sizeof(struct flag_record)) || !table_fits(h, h->services, sizeof(struct flag_text)) ||
        !table_fits(h, h->forced, sizeof(struct flag_forced_record)) ||
        !table_fits(h, h->segments, sizeof(struct flag_segment_record)) ||
        !table_fits(h, h->members, sizeof(struct flag_text)) || !table_fits(h, h->uses, sizeof(struct flag_use_record)))
        return refuse(why, why_size, "a table lies outside the file");
    return true;
}

static bool flag_fits(const struct flag_snapshot *s, const struct flag_record *f)
{
    const struct flag_head *h = s->head;
    bool service_ok = f->service >= -1 && f->service < (int64_t)h->services.count;
    if (!text_fits(s, f->name) || !text_fits(s, f->salt) || !service_ok || f->percentage > FLAG_WHOLE ||
        f->validity_s == 0 || !range_fits(f->forced, h->forced) || !range_fits(f->uses, h->uses))
        return false;
    for (uint32_t i = 1; i < f->forced.count; i++) {
        struct flag_text b = s->forced[f->forced.first + i].user, a = s->forced[f->forced.first + i - 1].user;
        if (flag_text_cmp(s, a, (const char *)s->data + b.offset, b.length) >= 0)
            return false;
    }
    return true;
}

static bool segment_fits(const struct flag_snapshot *s, const struct flag_segment_record *g)
{
    if (!text_fits(s, g->name) || !range_fits(g->members, s->head->members))
        return false;
    for (uint32_t i = 1; i < g->members.count; i++) {
        struct flag_text a = s->members[g->members.first + i - 1], b = s->members[g->members.first + i];
        if (flag_text_cmp(s, a, (const char *)s->data + b.offset, b.length) >= 0)
            return false;
    }
    return true;
}

static bool tables_fit(const struct flag_snapshot *s, char *why, size_t why_size)
{
    const struct flag_head *h = s->head;
    for (uint32_t i = 0; i < h->services.count; i++)
        if (!text_fits(s, s->services[i]))
            return refuse(why, why_size, "service %u is broken", i);
    for (uint32_t i = 0; i < h->forced.count; i++)
        if (!text_fits(s, s->forced[i].user) || s->forced[i].route > FLAG_STREAM)
            return refuse(why, why_size, "forced user %u is broken", i);
    for (uint32_t i = 0; i < h->members.count; i++)
        if (!text_fits(s, s->members[i]))
            return refuse(why, why_size, "segment member %u is broken", i);
    for (uint32_t i = 0; i < h->segments.count; i++)
        if (!segment_fits(s, &s->segments[i]))
            return refuse(why, why_size, "segment %u is broken", i);
    for (uint32_t i = 0; i < h->uses.count; i++)
        if (s->uses[i].segment >= h->segments.count || s->uses[i].percentage > FLAG_WHOLE)
            return refuse(why, why_size, "segment use %u is broken", i);
    for (uint32_t i = 0; i < h->flags.count; i++)
        if (!flag_fits(s, &s->flags[i]))
            return refuse(why, why_size, "flag %u is broken", i);
    return true;
}

/* Tables begin at multiples of 4 in 8-byte aligned memory and hold 32-bit fields only. */
#define TABLE(s, name) ((const void *)((s)->data + (s)->head->name.offset))

bool flag_snapshot_parse(struct flag_snapshot *s, unsigned char *data, size_t size, char *why, size_t why_size)
{
    memset(s, 0, sizeof *s);
    if (size < sizeof(struct flag_head))
        return refuse(why, why_size, "%zu bytes are too few for a flags snapshot", size);
    struct flag_head *head = (void *)data;
    if (!head_fits(head, size, why, why_size))
        return false;
    uint64_t checksum = head->checksum;
    head->checksum = 0;
    if (flag_checksum(data, head->words_offset) != checksum)
        return refuse(why, why_size, "wrong checksum: the file is damaged");
    s->data = data;
    s->head = head;
    s->flags = TABLE(s, flags);
    s->services = TABLE(s, services);
    s->forced = TABLE(s, forced);
    s->segments = TABLE(s, segments);
    s->members = TABLE(s, members);
    s->uses = TABLE(s, uses);
    s->words = (const void *)(data + head->words_offset);
    return tables_fit(s, why, why_size);
}

static bool read_whole(int fd, unsigned char *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(fd, data + done, size - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* The file behind fd into s; false with why. What was taken before a failure is in s for flag_snapshot_close(). */
static bool snapshot_load(struct flag_snapshot *s, int fd, char *why, size_t why_size)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return refuse(why, why_size, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size > FLAG_FILE_MAX)
        return refuse(why, why_size, "not a regular file of at most %d bytes", FLAG_FILE_MAX);
    size_t size = (size_t)st.st_size;
    unsigned char *data = malloc(size + 1);
    if (!data)
        return refuse(why, why_size, "out of memory");
    if (!read_whole(fd, data, size) || !flag_snapshot_parse(s, data, size, why, why_size)) {
        if (why_size && !why[0])
            refuse(why, why_size, "cannot be read: %s", strerror(errno));
        free(data);
        s->data = NULL;
        return false;
    }
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return refuse(why, why_size, "cannot be mapped: %s", strerror(errno));
    s->map = map;
    s->map_size = size;
    s->words = (const void *)((const unsigned char *)map + s->head->words_offset);
    return true;
}

struct flag_snapshot *flag_snapshot_open(const char *path, char *why, size_t why_size)
{
    if (why_size)
        why[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return (void)refuse(why, why_size, "%s: %s", path, strerror(errno)), NULL;
    struct flag_snapshot *s = calloc(1, sizeof *s);
    bool good = s ? snapshot_load(s, fd, why, why_size) : refuse(why, why_size, "out of memory");
    close(fd);
    if (good)
        return s;
    flag_snapshot_close(s);
    return NULL;
}

void flag_snapshot_close(struct flag_snapshot *s)
{
    if (!s)
        return;
    if (s->map)
        munmap(s->map, s->map_size);
    free(s->data);
    free(s);
}

bool flag_snapshot_superseded(const struct flag_snapshot *s) { return flag_word(s, FLAG_WORD_SUPERSEDED) != 0; }

uint64_t flag_snapshot_version(const struct flag_snapshot *s) { return s->head->version; }

uint64_t flag_snapshot_catalogue(const struct flag_snapshot *s) { return s->head->catalogue; }

int64_t flag_snapshot_heartbeat_us(const struct flag_snapshot *s) { return (int64_t)flag_word(s, FLAG_WORD_HEARTBEAT); }

/* Linear: asked once per flag when a snapshot is opened, never in a decision. */
int flag_find(const struct flag_snapshot *s, const char *name, size_t len)
{
    for (uint32_t i = 0; s && i < s->head->flags.count; i++)
        if (flag_text_cmp(s, s->flags[i].name, name, len) == 0)
            return (int)i;
    return -1;
}

int flag_service_find(const struct flag_snapshot *s, const char *name, size_t len)
{
    for (uint32_t i = 0; s && i < s->head->services.count; i++)
        if (flag_text_cmp(s, s->services[i], name, len) == 0)
            return (int)i;
    return -1;
}

int64_t flag_applied_us(const struct flag_snapshot *s, int service)
{
    if (!s || service < 0 || (uint32_t)service >= s->head->services.count)
        return 0;
    return (int64_t)flag_word(s, flag_word_applied((size_t)service));
}

int flag_service_of(const struct flag_snapshot *s, int flag)
{
    return s && flag >= 0 && (uint32_t)flag < s->head->flags.count ? s->flags[flag].service : -1;
}
