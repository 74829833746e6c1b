// SPDX-License-Identifier: Apache-2.0
/*
 * Who wrote lately: a table in shared memory, user key to the time when the monolith's answer came. A read of such a
 * user goes to the legacy side until the read model holds everything committed up to then.
 *
 * What always holds: forgetting is safe. Before an entry is given to another user its time goes into `floor`, and a
 * user without an entry counts as having written at `floor`; so a full table sends more requests to the legacy side and
 * never serves a stale read. A new table starts with floor = now: writes before it are unknown. An entry with a write
 * under way is never given away.
 *
 * Writers hold the zone's mutex (nginx frees it when a worker dies); readers take no lock: an entry's key is stored
 * after its time, floor before both.
 */
#include "undam.h"

enum { WAYS = 8 };

struct entry {
    uint64_t key;     /* 0 = free */
    int64_t time_us;  /* last write answered */
    int64_t since_us; /* start of the newest write under way */
    uint64_t under_way;
};

struct undam_writers {
    int64_t floor_us;
    uint64_t set_count;
    struct entry entries[]; /* set_count sets of WAYS */
};

static ngx_slab_pool_t *zone_of(struct undam_main_conf *mcf) { return (ngx_slab_pool_t *)mcf->writers_zone->shm.addr; }
static struct undam_writers *table_of(struct undam_main_conf *mcf) { return zone_of(mcf)->data; }
static int64_t load(const int64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static void store(int64_t *p, int64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }

ngx_int_t undam_writers_init(ngx_shm_zone_t *zone, void *old)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)zone->shm.addr;
    struct undam_main_conf *mcf = zone->data;
    if (old)
        return NGX_OK; /* a reload: the table stays */
    size_t sets = (mcf->writers_size - sizeof(struct undam_writers)) / (WAYS * sizeof(struct entry));
    struct undam_writers *t = ngx_slab_calloc(pool, sizeof *t + sets * WAYS * sizeof(struct entry));
    if (!t)
        return NGX_ERROR;
    t->set_count = sets;
    t->floor_us = undam_now_us();
    pool->data = t;
    return NGX_OK;
}

uint64_t undam_writer_key(struct str user)
{
    uint64_t h = endpoint_hash(ENDPOINT_HASH_START, user.data, user.len);
    h ^= h >> 32;
    return user.data && h ? h : 0;
}

static struct entry *set_of(struct undam_writers *t, uint64_t key)
{
    return &t->entries[key * 0x9e3779b97f4a7c15u % t->set_count * WAYS];
}

static void raise_floor(struct undam_writers *t, int64_t us)
{
    if (us > t->floor_us)
        store(&t->floor_us, us);
}

/* A worker that died leaves its writes counted: past `hold` they are over. */
static void expire(struct entry *e, int64_t now_us, int64_t hold_us)
{
    if (e->under_way && now_us - e->since_us > hold_us) {
        if (e->since_us + hold_us > e->time_us)
            store(&e->time_us, e->since_us + hold_us);
        __atomic_store_n(&e->under_way, 0, __ATOMIC_RELEASE);
    }
}

/* The user's entry, made when there is none; NULL when every entry of the set has a write under way. */
static struct entry *find_or_make(struct undam_main_conf *mcf, uint64_t key, int64_t now_us)
{
    struct undam_writers *t = table_of(mcf);
    struct entry *set = set_of(t, key), *victim = NULL;
    for (int i = 0; i < WAYS; i++) {
        expire(&set[i], now_us, (int64_t)mcf->write_hold * 1000);
        if (set[i].key == key)
            return &set[i];
        if (!set[i].under_way && (!victim || set[i].key == 0 || (victim->key && set[i].time_us < victim->time_us)))
            victim = &set[i];
    }
    if (victim && victim->key) {
        raise_floor(t, victim->time_us);
        undam_count(mcf, UNDAM_WRITERS_EVICTED, 1);
    }
    if (victim) {
        /* A reader that still sees the old key sees a later time, or reads the floor afterwards. */
        store(&victim->time_us, load(&t->floor_us));
        __atomic_store_n(&victim->key, key, __ATOMIC_RELEASE);
    }
    return victim;
}

void undam_writers_begin(struct undam_main_conf *mcf, uint64_t key)
{
    int64_t now = undam_now_us();
    if (key == 0)
        return;
    ngx_shmtx_lock(&zone_of(mcf)->mutex);
    struct entry *e = find_or_make(mcf, key, now);
    if (e) {
        store(&e->since_us, now);
        __atomic_add_fetch(&e->under_way, 1, __ATOMIC_ACQ_REL);
    } else {
        raise_floor(table_of(mcf), now + (int64_t)mcf->write_hold * 1000);
    }
    ngx_shmtx_unlock(&zone_of(mcf)->mutex);
}

static void note(struct undam_main_conf *mcf, uint64_t key, int64_t when_us, bool ended)
{
    if (key == 0)
        return;
    ngx_shmtx_lock(&zone_of(mcf)->mutex);
    struct entry *e = find_or_make(mcf, key, undam_now_us());
    if (e) {
        if (when_us > e->time_us)
            store(&e->time_us, when_us);
        if (ended && e->under_way)
            __atomic_sub_fetch(&e->under_way, 1, __ATOMIC_ACQ_REL);
    } else {
        raise_floor(table_of(mcf), when_us);
    }
    ngx_shmtx_unlock(&zone_of(mcf)->mutex);
}

void undam_writers_end(struct undam_main_conf *mcf, uint64_t key, int64_t when_us) { note(mcf, key, when_us, true); }
void undam_writers_stamp(struct undam_main_conf *mcf, uint64_t key, int64_t when_us) { note(mcf, key, when_us, false); }

int64_t undam_writers_last(struct undam_main_conf *mcf, uint64_t key)
{
    struct undam_writers *t = table_of(mcf);
    struct entry *set = set_of(t, key);
    int64_t last = 0, hold_us = (int64_t)mcf->write_hold * 1000;
    for (int i = 0; i < WAYS && key; i++) {
        if (__atomic_load_n(&set[i].key, __ATOMIC_ACQUIRE) != key)
            continue;
        last = load(&set[i].time_us);
        if (__atomic_load_n(&set[i].under_way, __ATOMIC_ACQUIRE)) {
            int64_t since = load(&set[i].since_us);
            if (undam_now_us() - since <= hold_us)
                return INT64_MAX;
            last = since + hold_us > last ? since + hold_us : last;
        }
    }
    int64_t floor = load(&t->floor_us);
    return last > floor ? last : floor;
}
