// SPDX-License-Identifier: Apache-2.0
/*
 * What every registry driver must do, whatever it is made of (src/registry/registry.h). Driver and place come from the
 * environment: REGISTRY_DRIVER, REGISTRY_DSN, REGISTRY_URLS, REGISTRY_CREDENTIALS, REGISTRY_CA, and commands that do to
 * it what the interface cannot: REGISTRY_STOP, REGISTRY_START, REGISTRY_STALL (nothing is answered for two seconds).
 * The registry may hold other subjects already.
 */
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/json_normal.h"
#include "conformance.h"
#include "registry/registry.h"

static char run[40];          /* makes subjects this run's own */
static bool tells_own = true; /* whether a rule is the subject's own; Apicurio says so of every one */

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

/* ---- rules ---- */

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":[" fields "]}"
#define INT_A          "{\"name\":\"a\",\"type\":\"int\"}"
static const char plain[] = RECORD(INT_A);
static const char with_default[] = RECORD(INT_A ",{\"name\":\"b\",\"type\":\"string\",\"default\":\"\"}");
static const char without[] = RECORD(INT_A ",{\"name\":\"b\",\"type\":\"string\"}");
static const char wider[] = RECORD("{\"name\":\"a\",\"type\":\"long\"}");
static const char textual[] = RECORD("{\"name\":\"a\",\"type\":\"string\"}");

static const struct rule_case {
    const char *rule, *first, *second, *third; /* third NULL: the second is the one in question */
    bool accepted;
} rule_cases[] = {
    {"BACKWARD", plain, with_default, NULL, true},
    {"BACKWARD", plain, without, NULL, false},
    {"BACKWARD", without, plain, NULL, true},
    {"BACKWARD", plain, wider, NULL, true},
    {"BACKWARD", wider, plain, NULL, false},
    {"BACKWARD", plain, textual, NULL, false},
    {"BACKWARD", plain, with_default, without, true},
    {"BACKWARD_TRANSITIVE", plain, with_default, without, false},
    {"FORWARD", plain, without, NULL, true},
    {"FORWARD", without, plain, NULL, false},
    {"FORWARD", with_default, plain, NULL, true},
    {"FORWARD", plain, wider, NULL, false},
    {"FORWARD", wider, plain, NULL, true},
    {"FORWARD", without, with_default, plain, true},
    {"FORWARD_TRANSITIVE", without, with_default, plain, false},
    {"FULL", plain, with_default, NULL, true},
    {"FULL", with_default, plain, NULL, true},
    {"FULL", plain, without, NULL, false},
    {"FULL", without, plain, NULL, false},
    {"FULL", without, with_default, plain, true},
    {"FULL_TRANSITIVE", without, with_default, plain, false},
    {"NONE", plain, textual, NULL, true},
};

static void check_refusal(struct registry *r, const struct rule_case *c, struct str subject, const char *offered)
{
    const struct registry_refusal *refusal = registry_refused(r);
    CHECK(refusal != NULL);
    if (!refusal)
        return;
    CHECK(str_eq(refusal->subject, subject) && str_is(refusal->rule, c->rule) && refusal->reason.len > 0);
    CHECK(same(refusal->offered, str_of(offered)));
    CHECK(c->third || same(refusal->registered, str_of(c->first)));
}

static void check_rule(struct registry *r, struct arena *a, const struct rule_case *c)
{
    struct err err = {0};
    int32_t id, *versions;
    size_t count;
    bool compatible = !c->accepted;
    struct str subject = subject_of(a, arena_printf(a, "rule%zu", (size_t)(c - rule_cases)));
    const char *asked = c->third ? c->third : c->second;
    GOOD(registry_register(r, subject, str_of(c->first), &id, &err));
    GOOD(registry_rule_set(r, subject, str_of(c->rule), &err)); /* Apicurio wants the subject to be there */
    CHECK(!registry_refused(r));
    if (c->third)
        GOOD(registry_register(r, subject, str_of(c->second), &id, &err));
    GOOD(registry_check(r, subject, str_of(asked), &compatible, &err));
    if (compatible != c->accepted)
        printf("# case %zu: %s, accepted %d\n", (size_t)(c - rule_cases), c->rule, compatible);
    CHECK_INT(compatible, c->accepted);
    if (!compatible)
        check_refusal(r, c, subject, asked);
    bool registered = registry_register(r, subject, str_of(asked), &id, &err);
    CHECK_INT(registered, c->accepted);
    if (!registered) {
        CHECK_INT(err.class, ERR_DATA);
        CHECK(!err.retriable && strstr(err.text, arena_memdup(a, subject.data, subject.len)) &&
              strstr(err.text, c->rule));
        check_refusal(r, c, subject, asked);
    }
    GOOD(registry_versions(r, subject, a, &versions, &count, &err));
    CHECK_INT(count, 1 + (c->third != NULL) + c->accepted);
}

TEST(rules_refuse_what_breaks_them)
{
    struct arena a;
    arena_init(&a);
    struct registry *r = registry_new(NULL);
    for (size_t i = 0; i < COUNT(rule_cases); i++)
        check_rule(r, &a, &rule_cases[i]);
    registry_close(r);
    arena_free(&a);
}

static bool has_subject(struct registry *r, struct arena *a, struct str subject)
{
    struct err err = {0};
    struct str *subjects;
    size_t count;
    if (!good(registry_subjects(r, a, &subjects, &count, &err), &err, "registry_subjects"))
        return false;
    for (size_t i = 0; i < count; i++)
        if (str_eq(subjects[i], subject))
            return true;
    return false;
}

TEST(operators_see_and_change)
{
    struct err err = {0};
    struct arena a;
    struct registry_version v;
    struct str rule, global, schema;
    int32_t *versions, first, second;
    size_t count;
    bool own;
    arena_init(&a);
    struct registry *r = registry_new(NULL);
    struct str subject = subject_of(&a, "operated on");
    CHECK(!has_subject(r, &a, subject));
    CHECK(!registry_versions(r, subject, &a, &versions, &count, &err));
    CHECK_INT(err.class, ERR_DATA);
    GOOD(registry_rule(r, STR(""), &a, &global, &own, &err));
    GOOD(registry_register(r, subject, str_of(plain), &first, &err));
    GOOD(registry_register(r, subject, str_of(with_default), &second, &err));
    CHECK(has_subject(r, &a, subject));
    GOOD(registry_versions(r, subject, &a, &versions, &count, &err));
    CHECK(count == 2 && versions[0] == 1 && versions[1] == 2);
    GOOD(registry_version(r, subject, 0, &a, &v, &err));
    CHECK(v.version == 2 && v.id == second && str_eq(v.subject, subject) && same(v.schema, str_of(with_default)));
    GOOD(registry_version(r, subject, 1, &a, &v, &err));
    CHECK(v.version == 1 && v.id == first && same(v.schema, str_of(plain)));
    CHECK(!registry_version(r, subject, 3, &a, &v, &err));
    CHECK_INT(err.class, ERR_DATA);
    GOOD(registry_rule(r, subject, &a, &rule, &own, &err));
    CHECK(str_eq(rule, global) && (!own || !tells_own));
    GOOD(registry_rule_set(r, subject, STR("FULL"), &err));
    GOOD(registry_rule(r, subject, &a, &rule, &own, &err));
    CHECK(own && str_is(rule, "FULL"));
    GOOD(registry_rule_set(r, subject, STR(""), &err));
    GOOD(registry_rule(r, subject, &a, &rule, &own, &err));
    CHECK(str_eq(rule, global) && (!own || !tells_own));
    CHECK(!registry_rule_set(r, subject, STR("SIDEWAYS"), &err));
    CHECK_INT(err.class, ERR_DATA);
    GOOD(registry_delete(r, subject, 1, &err));
    GOOD(registry_versions(r, subject, &a, &versions, &count, &err));
    CHECK(count == 1 && versions[0] == 2);
    GOOD(registry_delete(r, subject, 0, &err));
    CHECK(!has_subject(r, &a, subject));
    CHECK(!registry_delete(r, subject, 0, &err));
    CHECK_INT(err.class, ERR_DATA);
    GOOD(registry_get(r, first, &schema, &err)); /* what lies on the bus can still be read */
    CHECK(same(schema, str_of(plain)));
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
    CHECK(hook("REGISTRY_STALL", NULL));
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

/* It takes connections and says nothing: the worst that a network does. */
TEST(a_server_that_is_silent_leaves_time_too)
{
    struct registry_config config = config_of();
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    struct err err = {0};
    struct arena a;
    struct idle idle = {.last_us = mono_us()};
    struct registry *r = NULL;
    int32_t id;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    arena_init(&a);
    CHECK(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 16) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&at, &size) == 0);
    config.urls = arena_printf(&a, "http://127.0.0.1:%d", ntohs(at.sin_port));
    config.dsn = arena_printf(&a,
                              "host=127.0.0.1 port=%d user=x dbname=x sslmode=disable gssencmode=disable"
                              " connect_timeout=2",
                              ntohs(at.sin_port));
    int64_t start = mono_us();
    CHECK(!registry_open(&config, on_idle, &idle, &r, &err) ||
          !registry_register(r, subject_of(&a, "silent"), table_schema(&a, "Silent", 1), &id, &err));
    on_idle(&idle);
    CHECK_INT(err.class, ERR_TARGET);
    CHECK(err.retriable && mono_us() - start < 30000000);
    CHECK(idle.calls > 4 && idle.gap_us < 900000);
    registry_close(r);
    close(fd);
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
    CHECK(hook("REGISTRY_STOP", NULL));
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
    CHECK(hook("REGISTRY_START", NULL));
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
    tells_own = !getenv("REGISTRY_OWN_UNTOLD");
    snprintf(run, sizeof run, "t%lld", (long long)now_us());
    if (!getenv("REGISTRY_DRIVER")) {
        printf("Bail out! REGISTRY_DRIVER is not set\n");
        exit(1);
    }
}

TEST_MAIN
