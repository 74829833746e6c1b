// SPDX-License-Identifier: Apache-2.0
/*
 * What every registry driver must do, whatever it is made of (src/registry/registry.h). Driver and place come from the
 * environment: REGISTRY_DRIVER, REGISTRY_DSN, REGISTRY_URLS, REGISTRY_CREDENTIALS, REGISTRY_CA, and commands that do to
 * it what the interface cannot: REGISTRY_STOP, REGISTRY_START, REGISTRY_STALL (nothing is answered for two seconds).
 * The registry may hold other subjects already.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/json_normal.h"
#include "registry/registry.h"
#include "test.h"

static char run[40]; /* makes subjects this run's own */

static bool good(bool result, const struct err *err, const char *what)
{
    if (!result)
        printf("# %s: %s (%s)\n", what, err->text, err_class_name(err->class));
    return result;
}
#define GOOD(call) CHECK(good((call), &err, #call))

static bool hook(const char *name)
{
    const char *command = getenv(name);
    int status;
    if (!command)
        return false;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execl(command, command, (char *)NULL);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- idle: how long a call leaves its caller alone ---- */

struct idle {
    int64_t last_us, gap_us, calls;
};

static void on_idle(void *arg)
{
    struct idle *i = arg;
    int64_t now = mono_us();
    if (i->last_us && now - i->last_us > i->gap_us)
        i->gap_us = now - i->last_us;
    i->last_us = now;
    i->calls++;
}

static struct registry_config config_of(void)
{
    return (struct registry_config){.driver = getenv("REGISTRY_DRIVER"),
                                    .dsn = getenv("REGISTRY_DSN"),
                                    .urls = getenv("REGISTRY_URLS"),
                                    .credentials = getenv("REGISTRY_CREDENTIALS"),
                                    .ca = getenv("REGISTRY_CA"),
                                    .compatibility = "BACKWARD"};
}

static struct registry *registry_new(struct idle *idle)
{
    struct registry_config config = config_of();
    struct registry *r = NULL;
    struct err err = {0};
    if (!good(registry_open(&config, idle ? on_idle : NULL, idle, &r, &err), &err, "registry_open")) {
        printf("Bail out! no registry\n");
        exit(1);
    }
    return r;
}

static struct str subject_of(struct arena *a, const char *name) { return str_of(arena_printf(a, "%s-%s", run, name)); }

/* Whether the two are one schema but for the layout. */
static bool same(struct str a, struct str b)
{
    struct arena arena;
    struct buf x, y;
    arena_init(&arena);
    buf_init(&x, 0);
    buf_init(&y, 0);
    bool equal =
        json_normal(a, &arena, &x, NULL) && json_normal(b, &arena, &y, NULL) && str_eq(buf_str(&x), buf_str(&y));
    buf_free(&x);
    buf_free(&y);
    arena_free(&arena);
    return equal;
}

/* As the relay writes them: fields are unions with null, so that each is compatible with every other. */
static struct str table_schema(struct arena *a, const char *name, unsigned fields)
{
    struct buf b;
    buf_init(&b, 0);
    buf_printf(
        &b, "{\"type\":\"record\",\"name\":\"%s\",\"namespace\":\"app.t\",\"undam.entity\":\"public.t\",\"fields\":[",
        name);
    for (unsigned i = 0; i < fields; i++)
        buf_printf(&b,
                   "%s{\"name\":\"c%u\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}],"
                   "\"default\":null,\"doc\":\"column \\\"%u\\\" \xc3\xa9\",\"undam.oid\":%u}",
                   i ? "," : "", i, i, i);
    buf_adds(&b, "]}");
    struct str s = str_n(arena_memdup(a, b.data, b.len), b.len);
    buf_free(&b);
    return s;
}

TEST(a_schema_is_registered_once)
{
    struct err err = {0};
    struct arena a;
    struct str text, again;
    int32_t x, y, z, other;
    arena_init(&a);
    struct registry *r = registry_new(NULL), *second = registry_new(NULL);
    struct str subject = subject_of(&a, "once"), one = table_schema(&a, "One", 3), two = table_schema(&a, "One", 4);
    GOOD(registry_register(r, subject, one, &x, &err));
    GOOD(registry_register(r, subject, one, &y, &err));
    GOOD(registry_register(second, subject, one, &z, &err));
    GOOD(registry_register(r, subject, two, &other, &err));
    CHECK(x > 0 && x == y && x == z && other != x);
    GOOD(registry_register(second, subject, one, &z, &err)); /* an older version keeps its id */
    CHECK_INT(z, x);
    GOOD(registry_get(r, x, &text, &err) && registry_get(r, x, &again, &err));
    CHECK(text.data == again.data && same(text, one));
    GOOD(registry_get(r, other, &text, &err));
    CHECK(same(text, two));
    registry_close(r);
    GOOD(registry_get(second, other, &text, &err));
    CHECK(same(text, two));
    registry_close(second);
    arena_free(&a);
}

/* What Avro's canonical form drops is kept all the same. */
TEST(attributes_make_a_version)
{
    static const char *const texts[] = {
        "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"long\"],\"default\":null}"
        "]}",
        "{\"type\":\"record\",\"name\":\"A\",\"doc\":\"why\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"long\"],"
        "\"default\":null}]}",
        "{\"type\":\"record\",\"name\":\"A\",\"undam.verb\":\"created\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\","
        "\"long\"],\"default\":null}]}",
        "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",{\"type\":\"long\","
        "\"logicalType\":\"timestamp-micros\"}],\"default\":null}]}",
        "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"long\"],\"default\":null,"
        "\"undam.key\":1}]}",
    };
    struct err err = {0};
    struct arena a;
    struct str text;
    int32_t ids[COUNT(texts)];
    arena_init(&a);
    struct registry *r = registry_new(NULL);
    for (size_t i = 0; i < COUNT(texts); i++) {
        GOOD(registry_register(r, subject_of(&a, "attributes"), str_of(texts[i]), &ids[i], &err));
        for (size_t k = 0; k < i; k++)
            CHECK(ids[k] != ids[i]);
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        GOOD(registry_get(r, ids[i], &text, &err));
        CHECK(same(text, str_of(texts[i])));
    }
    registry_close(r);
    arena_free(&a);
}

TEST(unknown_ids_are_refused)
{
    struct err err = {0};
    struct str text = STR("untouched");
    struct registry *r = registry_new(NULL);
    CHECK(!registry_get(r, 1 << 30, &text, &err));
    CHECK_INT(err.class, ERR_DATA);
    CHECK(!err.retriable);
    CHECK_STR(text, "untouched");
    registry_close(r);
}

TEST(what_is_no_schema_is_refused)
{
    struct err err = {0};
    struct arena a;
    int32_t id = -7;
    arena_init(&a);
    struct registry *r = registry_new(NULL);
    CHECK(!registry_register(r, subject_of(&a, "bad"), STR("{\"type\":"), &id, &err));
    CHECK_INT(err.class, ERR_DATA);
    CHECK(!err.retriable);
    CHECK_INT(id, -7);
    registry_close(r);
    arena_free(&a);
}

TEST(wide_schemas_and_odd_subjects)
{
    static const char *const names[] = {"a.b-c.D",     "with space", "sl/ash", "per%cent",
                                        "caf\xc3\xa9", "q?a=b&c#d",  "..",     "a+b"};
    struct err err = {0};
    struct arena a;
    struct str text;
    int32_t id;
    arena_init(&a);
    struct registry *r = registry_new(NULL);
    struct str wide = table_schema(&a, "Wide", 1600);
    GOOD(registry_register(r, subject_of(&a, "wide"), wide, &id, &err));
    GOOD(registry_get(r, id, &text, &err));
    CHECK(same(text, wide));
    for (size_t i = 0; i < COUNT(names); i++) {
        struct str schema = table_schema(&a, arena_printf(&a, "Odd%zu", i), 2);
        GOOD(registry_register(r, subject_of(&a, names[i]), schema, &id, &err));
        GOOD(registry_get(r, id, &text, &err));
        CHECK(same(text, schema));
    }
    registry_close(r);
    arena_free(&a);
}

/* Several relays that start at once: each schema gets one id, whoever comes first. */
TEST(registrations_side_by_side)
{
    enum { CHILDREN = 4, SCHEMAS = 8 };
    struct err err = {0};
    struct arena a;
    int pipes[CHILDREN][2], status;
    int32_t ids[CHILDREN][SCHEMAS];
    arena_init(&a);
    struct str subject = subject_of(&a, "race");
    fflush(stdout);
    for (int c = 0; c < CHILDREN; c++) {
        CHECK(pipe(pipes[c]) == 0);
        if (fork() != 0) {
            close(pipes[c][1]);
            continue;
        }
        struct registry *r = registry_new(NULL);
        bool ok = true;
        for (unsigned i = 0; i < SCHEMAS; i++) {
            unsigned n = (i + (unsigned)c) % SCHEMAS;
            ok =
                good(registry_register(r, subject, table_schema(&a, "Race", n + 1), &ids[c][n], &err), &err, "child") &&
                ok;
        }
        ok = write(pipes[c][1], ids[c], sizeof ids[c]) == (ssize_t)sizeof ids[c] && ok;
        fflush(stdout);
        _exit(!ok);
    }
    for (int c = 0; c < CHILDREN; c++) {
        CHECK_INT(read(pipes[c][0], ids[c], sizeof ids[c]), (ssize_t)sizeof ids[c]);
        close(pipes[c][0]);
    }
    while (wait(&status) > 0)
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int i = 0; i < SCHEMAS; i++)
        for (int c = 1; c < CHILDREN; c++)
            CHECK_INT(ids[c][i], ids[0][i]);
    arena_free(&a);
}

TEST(a_registry_that_hangs_leaves_time_to_the_caller)
{
    struct err err = {0};
    struct arena a;
    struct idle idle = {0};
    int32_t id;
    arena_init(&a);
    struct registry *r = registry_new(&idle);
    GOOD(registry_register(r, subject_of(&a, "stall"), table_schema(&a, "Stall", 1), &id, &err));
    CHECK(hook("REGISTRY_STALL"));
    idle = (struct idle){.last_us = mono_us()};
    int64_t start = mono_us();
    GOOD(registry_register(r, subject_of(&a, "stall"), table_schema(&a, "Stall", 2), &id, &err));
    on_idle(&idle);
    CHECK(mono_us() - start > 500000);
    CHECK(idle.calls > 2);
    CHECK(idle.gap_us < 900000); /* 500 ms are promised, the machine may be slow */
    registry_close(r);
    arena_free(&a);
}

TEST(an_outage_is_told_and_ends)
{
    struct err err = {0};
    struct arena a;
    struct idle idle = {0};
    struct str text, one;
    int32_t id, other = -1;
    arena_init(&a);
    struct registry *r = registry_new(&idle);
    one = table_schema(&a, "Outage", 1);
    GOOD(registry_register(r, subject_of(&a, "outage"), one, &id, &err));
    GOOD(registry_get(r, id, &text, &err));
    CHECK(hook("REGISTRY_STOP"));
    idle = (struct idle){.last_us = mono_us()};
    int64_t start = mono_us();
    CHECK(!registry_register(r, subject_of(&a, "outage"), table_schema(&a, "Outage", 2), &other, &err));
    CHECK(mono_us() - start < 20000000);
    CHECK_INT(err.class, ERR_TARGET);
    CHECK(err.retriable && other == -1);
    CHECK(idle.calls > 2 && idle.gap_us < 900000);
    GOOD(registry_register(r, subject_of(&a, "outage"), one, &other, &err)); /* what is known needs nobody */
    CHECK_INT(other, id);
    GOOD(registry_get(r, id, &text, &err));
    CHECK(hook("REGISTRY_START"));
    GOOD(registry_register(r, subject_of(&a, "outage"), table_schema(&a, "Outage", 2), &other, &err));
    CHECK(other != id);
    registry_close(r);
    r = registry_new(NULL); /* nothing was lost */
    GOOD(registry_get(r, id, &text, &err));
    CHECK(same(text, one));
    registry_close(r);
    arena_free(&a);
}

__attribute__((constructor)) static void begin(void)
{
    snprintf(run, sizeof run, "t%lld", (long long)now_us());
    if (!getenv("REGISTRY_DRIVER")) {
        printf("Bail out! REGISTRY_DRIVER is not set\n");
        exit(1);
    }
}

TEST_MAIN
