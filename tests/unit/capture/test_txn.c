// SPDX-License-Identifier: Apache-2.0
#include "capture/txn.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "test.h"

static char directory[64];

static void fresh(void)
{
    snprintf(directory, sizeof directory, "/tmp/undam-txn.XXXXXX");
    if (!mkdtemp(directory))
        abort();
}

static int spool_files(void)
{
    int n = 0;
    DIR *dir = opendir(directory);
    for (struct dirent *e; dir && (e = readdir(dir));)
        n += strstr(e->d_name, ".spool") != NULL;
    closedir(dir);
    return n;
}

static void add(struct txn_store *s, struct txn *t, uint32_t subxid, const char *text)
{
    struct err err = {0};
    CHECK(txn_add(s, t, subxid, str_of(text), &err));
    if (err.class)
        printf("# %s\n", err.text);
}

/* Everything that reads back, joined with commas. */
static void reads(struct txn_store *s, struct txn *t, const char *want)
{
    struct buf got = {0};
    struct err err = {0};
    struct str m;
    CHECK(txn_rewind(s, t, &err));
    while (txn_next(t, &m, &err) && m.data) {
        if (got.len)
            buf_addc(&got, ',');
        buf_add_str(&got, m);
    }
    CHECK_INT(err.class, 0);
    CHECK_STR(buf_str(&got), want);
    buf_free(&got);
}

static struct txn_store open_store(uint64_t memory, uint64_t spool)
{
    struct txn_store s;
    struct err err = {0};
    CHECK(txn_store_open(&s, directory, "slot", memory, spool, &err));
    return s;
}

TEST(in_memory)
{
    fresh();
    struct txn_store s = open_store(1 << 20, 0);
    struct txn *a = txn_begin(&s, 1), *b = txn_begin(&s, 2);
    add(&s, a, 0, "one");
    add(&s, b, 0, "two");
    add(&s, a, 0, "");
    add(&s, a, 0, "three");
    CHECK(txn_find(&s, 1) == a && txn_find(&s, 2) == b && !txn_find(&s, 3));
    reads(&s, a, "one,,three");
    txn_drop(&s, a);
    reads(&s, b, "two");
    txn_drop(&s, b);
    CHECK_INT(s.memory, 0);
    struct txn *c = txn_begin(&s, 3); /* the spare one is clean */
    reads(&s, c, "");
    CHECK_INT(spool_files(), 0);
    txn_store_close(&s);
    rmdir(directory);
}

TEST(aborted_parts_are_cut)
{
    for (int spool = 0; spool < 2; spool++) {
        fresh();
        struct txn_store s = open_store(spool ? 10 : 1 << 20, 0);
        struct txn *t = txn_begin(&s, 10);
        add(&s, t, 10, "a");
        add(&s, t, 12, "b");
        add(&s, t, 13, "c");
        add(&s, t, 10, "d");
        txn_abort(t, 13);
        add(&s, t, 11, "e"); /* ids are not ordered by use */
        add(&s, t, 14, "f");
        txn_abort(t, 11);
        txn_abort(t, 99); /* had no changes of ours */
        CHECK_INT(t->spool >= 0, spool);
        reads(&s, t, "a,b,d,f");
        txn_store_close(&s);
        CHECK_INT(rmdir(directory), 0);
    }
}

TEST(large_go_to_disk_and_come_back)
{
    fresh();
    struct txn_store s = open_store(100000, 0);
    struct txn *small = txn_begin(&s, 1), *large = txn_begin(&s, 2);
    char *text = xcalloc(1, 300001);
    add(&s, small, 0, "small");
    uint64_t sum = 0;
    for (unsigned i = 0; i < 2000; i++) {
        size_t len = i % 97 == 0 ? 300000 : i % 500; /* also records larger than the window */
        memset(text, 'a' + (int)(i % 26), len);
        text[len] = '\0';
        add(&s, large, 0, text);
        sum += len;
    }
    CHECK(large->spool >= 0 && small->spool < 0);
    CHECK(s.memory < 100);
    CHECK_INT(spool_files(), 1);
    struct err err = {0};
    struct str m;
    unsigned n = 0;
    CHECK(txn_rewind(&s, large, &err));
    for (; txn_next(large, &m, &err) && m.data; n++) {
        size_t len = n % 97 == 0 ? 300000 : n % 500;
        CHECK_INT(m.len, len);
        CHECK(len == 0 || (m.data[0] == 'a' + (int)(n % 26) && m.data[len - 1] == m.data[0]));
        sum -= m.len;
    }
    CHECK_INT(n, 2000);
    CHECK_INT(sum, 0);
    reads(&s, small, "small");
    txn_drop(&s, large);
    CHECK_INT(s.spooled, 0);
    CHECK_INT(spool_files(), 0);
    txn_store_close(&s);
    free(text);
    rmdir(directory);
}

TEST(memory_limit_is_over_all)
{
    fresh();
    struct txn_store s = open_store(1000, 0);
    struct txn *t[4];
    for (uint32_t i = 0; i < 4; i++)
        t[i] = txn_begin(&s, i + 1);
    for (int round = 0; round < 50; round++)
        for (int i = 0; i < 4; i++)
            add(&s, t[i], 0, "0123456789");
    CHECK(s.memory <= 1000);
    for (int i = 0; i < 4; i++)
        CHECK_INT(t[i]->messages, 50);
    txn_store_close(&s);
    CHECK_INT(rmdir(directory), 0);
}

TEST(spool_limit_is_an_error_that_says_what_to_do)
{
    fresh();
    struct txn_store s = open_store(10, 1000);
    struct txn *t = txn_begin(&s, 77);
    struct err err = {0};
    char text[2000] = {0};
    memset(text, 'x', sizeof text - 1);
    CHECK(!txn_add(&s, t, 0, str_of(text), &err));
    CHECK_INT(err.class, ERR_SYSTEM);
    CHECK(strstr(err.text, "77") && strstr(err.hint, "spool_max_bytes"));
    txn_store_close(&s);
    CHECK_INT(rmdir(directory), 0);
}

TEST(full_disk_is_an_error_that_says_what_to_do)
{
    fresh();
    struct txn_store s = open_store(10, 0);
    struct txn *t = txn_begin(&s, 5);
    struct err err = {0};
    add(&s, t, 0, "goes to the spool"); /* creates the file */
    close(t->spool);
    t->spool = open("/dev/full", O_RDWR | O_CLOEXEC);
    char *text = xcalloc(1, 1 << 20);
    memset(text, 'x', (1 << 20) - 1);
    CHECK(!txn_add(&s, t, 0, str_of(text), &err));
    CHECK_INT(err.class, ERR_SYSTEM);
    CHECK(err.retriable && strstr(err.hint, "free space"));
    free(text);
    txn_store_close(&s);
    CHECK_INT(rmdir(directory), 0);
}

TEST(leftovers_of_this_slot_only_are_removed)
{
    static const char *const names[] = {"slot-12.spool", "slot-x.spool", "other-12.spool", "slot-1.spool.keep"};
    fresh();
    char path[200];
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    struct txn_store s = open_store(10, 0);
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        CHECK_INT(access(path, F_OK) == 0, i != 0);
        unlink(path);
    }
    txn_store_close(&s);
    rmdir(directory);
}

TEST(a_directory_that_cannot_be_used)
{
    struct txn_store s;
    struct err err = {0};
    CHECK(!txn_store_open(&s, "/dev/null/spool", "slot", 1, 0, &err));
    CHECK_INT(err.class, ERR_SYSTEM);
    CHECK(strstr(err.hint, "spool_directory") != NULL);
}

TEST_MAIN
