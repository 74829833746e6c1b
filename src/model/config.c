// SPDX-License-Identifier: Apache-2.0
/*
 * From file to struct config: read YAML, set every field to its default, go through the file's nodes in
 * order, then check what must be there. The first wrong thing ends it, with file and line.
 */
#include "model/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/outbox.h"
#include "codec/yaml.h"
#include "model/config_value.h"

enum { CONFIG_BYTES_MAX = 1 << 20, SERVICES_MAX = 1000, TABLES_MAX = 100000 };

struct loading {
    struct config *c;
    const char *folder; /* of the file; "" for the working folder */
    struct arena *arena;
    size_t service_capacity, table_capacity, warning_capacity;
    int *service_lines; /* parallel to c->services */
    struct dynamic {    /* may stand before the tables that it is about */
        size_t service;
        const struct yaml_node *node;
    } * dynamic;
    size_t dynamic_count, dynamic_capacity;
    bool batch_given, linger_given;
};

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->service_count; i++)
        free(c->services[i].tables);
    free(c->services);
    free(c->warnings);
    arena_free(&c->arena);
    free(c);
}

static bool fail(const struct loading *l, int line, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static bool fail(const struct loading *l, int line, struct err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = arena_vprintf(l->arena, fmt, ap);
    va_end(ap);
    return err_set(err, ERR_CONFIG, "%s:%d: %s", l->c->path, line, text);
}

static void warn(struct loading *l, int line, const char *what)
{
    GROW(l->c->warnings, l->c->warning_count, l->warning_capacity);
    l->c->warnings[l->c->warning_count++] = arena_printf(l->arena, "%s:%d: %s", l->c->path, line, what);
}

static const struct config_setting *find_setting(const struct config_setting *rows, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static bool is_section(const char *name)
{
    size_t len = strlen(name);
    for (unsigned i = 0; i < config_setting_count; i++)
        if (strncmp(config_settings[i].name, name, len) == 0 && config_settings[i].name[len] == '.')
            return true;
    return false;
}

/* The known name that is nearest to an unknown one, or NULL. */
static const char *nearest_setting(const char *name)
{
    const char *best = NULL;
    for (unsigned i = 0, d, best_d = 0; i < config_setting_count; i++)
        if (str_near(str_of(name), str_of(config_settings[i].name), &d) && (!best || d < best_d)) {
            best = config_settings[i].name;
            best_d = d;
        }
    return best;
}

static bool unknown_setting(const struct loading *l, const struct yaml_node *n, struct err *err)
{
    fail(l, n->line, err, "unknown setting %s", n->path);
    const char *near = nearest_setting(n->path);
    if (near)
        return err_hint(err, "did you mean %s? `undam config sample` prints every setting", near);
    return err_hint(err, "`undam config sample` prints every setting");
}

/* A file that holds a password or token and that others may read. */
static bool open_secret(const struct config_setting *s, const void *base)
{
    struct stat st;
    const char *path;
    if (strcmp(s->name, "registry.credentials") != 0 && strcmp(s->name, "bus.properties") != 0)
        return false;
    memcpy(&path, (const char *)base + s->offset, sizeof path);
    return path[0] && stat(path, &st) == 0 && (st.st_mode & S_IROTH);
}

static bool set_value(struct loading *l, const struct config_setting *s, void *base, const struct yaml_node *n,
                      struct err *err)
{
    const char *why;
    if (n->kind == YAML_MAP || n->kind == YAML_SEQ)
        return fail(l, n->line, err, "%s wants one value (%s)", n->path, config_type_name(s->type));
    if (n->kind == YAML_NULL || !n->value[0]) {
        if (!s->fallback)
            return fail(l, n->line, err, "%s must not be empty", n->path);
        if (n->kind == YAML_NULL)
            return true; /* "name:" with nothing is the default */
    }
    if (!config_set(s, base, l->arena, l->folder, n->value, &why))
        return fail(l, n->line, err, "%s must be %s", n->path, why);
    if (s->type == CONFIG_DSN && config_dsn_has_password(n->value))
        warn(l, n->line,
             arena_printf(l->arena,
                          "%s holds a password; put it into a password file (PGPASSFILE, ~/.pgpass) or a "
                          "connection service file instead",
                          n->path));
    if (open_secret(s, base))
        warn(l, n->line, arena_printf(l->arena, "%s names a file that every user can read: chmod 600 it", n->path));
    return true;
}

static struct config_service *service_of(struct loading *l, const struct yaml_node *n, struct err *err)
{
    struct config *c = l->c;
    const char *name = n->keys[1];
    for (size_t i = 0; i < c->service_count; i++)
        if (strcmp(c->services[i].name, name) == 0)
            return &c->services[i];
    bool good = islower((unsigned char)name[0]) && strlen(name) < 64;
    for (const char *p = name; *p; p++)
        good = good && (islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '_');
    if (!good) {
        fail(l, n->line, err, "service name '%.64s' is not of the form [a-z][a-z0-9_]*", name);
        err_hint(err, "it names the topic and appears in metrics: lower-case letters, digits and '_'");
        return NULL;
    }
    if (c->service_count == SERVICES_MAX) {
        fail(l, n->line, err, "more than %d services", SERVICES_MAX);
        return NULL;
    }
    if (c->service_count == l->service_capacity) {
        l->service_capacity = l->service_capacity ? l->service_capacity * 2 : 8;
        c->services = xrealloc(c->services, l->service_capacity * sizeof *c->services);
        l->service_lines = xrealloc(l->service_lines, l->service_capacity * sizeof *l->service_lines);
    }
    l->table_capacity = 0;
    l->service_lines[c->service_count] = n->line;
    struct config_service *s = &c->services[c->service_count++];
    *s = (struct config_service){.name = name, .dsn = "", .listen = ""};
    return s;
}

static bool add_table(struct loading *l, struct config_service *s, const struct yaml_node *n, struct err *err)
{
    const char *table = n->keys[3];
    const char *dot = strchr(table, '.');
    if (!dot || dot == table || !dot[1]) {
        fail(l, n->line, err, "table '%.128s' has no schema", table);
        return err_hint(err, "write it as schema.table, for instance public.%.128s", table);
    }
    if (n->kind != YAML_SCALAR || !str_trim(str_of(n->value)).len) {
        fail(l, n->line, err, "%s wants a partition key", n->path);
        return err_hint(err, "name the column by which events stay in order, as in `%s: user_id`", table);
    }
    const struct config_service *owner = config_owner(l->c, str_of(table));
    if (owner)
        return fail(l, n->line, err, "table %s belongs to service %s already: a table has one owner", table,
                    owner->name);
    for (struct str rest = str_of(n->value); rest.data;)
        if (!str_trim(str_cut(rest, ',', &rest)).len)
            return fail(l, n->line, err, "the partition key of %s has an empty column name", table);
    if (s->table_count == TABLES_MAX)
        return fail(l, n->line, err, "more than %d tables", TABLES_MAX);
    GROW(s->tables, s->table_count, l->table_capacity);
    s->tables[s->table_count++] = (struct config_table){.name = table, .key = n->value, .dynamic = ""};
    return true;
}

static bool add_dynamic(struct loading *l, const struct config_service *s, const struct yaml_node *n, struct err *err)
{
    if (n->kind != YAML_SCALAR || !str_trim(str_of(n->value)).len) {
        fail(l, n->line, err, "%s wants names of columns", n->path);
        return err_hint(err,
                        "separate them by commas; `*` at the end of a name stands for any, as in `compliance_*, note`");
    }
    for (struct str rest = str_of(n->value); rest.data;) {
        struct str name = str_trim(str_cut(rest, ',', &rest));
        const char *star = name.len ? memchr(name.data, '*', name.len) : NULL;
        if (!name.len)
            return fail(l, n->line, err, "%s has an empty column name", n->path);
        if (star && star != name.data + name.len - 1)
            return fail(l, n->line, err, "%s: `*` stands at the end of a name only", n->path);
    }
    GROW(l->dynamic, l->dynamic_count, l->dynamic_capacity);
    l->dynamic[l->dynamic_count++] = (struct dynamic){(size_t)(s - l->c->services), n};
    return true;
}

/* Once all tables are known. */
static bool set_dynamic(const struct loading *l, struct err *err)
{
    for (size_t i = 0; i < l->dynamic_count; i++) {
        const struct config_service *s = &l->c->services[l->dynamic[i].service];
        const struct yaml_node *n = l->dynamic[i].node;
        struct config_table *table = NULL;
        for (size_t k = 0; k < s->table_count; k++)
            if (strcmp(s->tables[k].name, n->keys[3]) == 0)
                table = &s->tables[k];
        if (!table)
            return fail(l, n->line, err, "service %s has dynamic columns of table %.128s, which is none of its tables",
                        s->name, n->keys[3]);
        table->dynamic = n->value;
    }
    return true;
}

/* services, services.NAME, services.NAME.SETTING, services.NAME.tables, services.NAME.tables.TABLE, and the same with
 * `dynamic` */
static bool read_service(struct loading *l, const struct yaml_node *n, struct err *err)
{
    bool container = n->kind == YAML_MAP || n->kind == YAML_NULL;
    if (n->depth == 1)
        return container || fail(l, n->line, err, "services must be a mapping of names");
    struct config_service *s = service_of(l, n, err);
    if (!s)
        return false;
    if (n->depth == 2)
        return container || fail(l, n->line, err, "%s must be a mapping with dsn, listen and tables", n->path);
    bool tables = strcmp(n->keys[2], "tables") == 0, dynamic = strcmp(n->keys[2], "dynamic") == 0;
    if (n->depth == 3 && tables)
        return container || fail(l, n->line, err, "%s must be a mapping of tables to partition keys", n->path);
    if (n->depth == 3 && dynamic)
        return container || fail(l, n->line, err, "%s must be a mapping of tables to columns", n->path);
    if (n->depth == 4 && tables)
        return add_table(l, s, n, err);
    if (n->depth == 4 && dynamic)
        return add_dynamic(l, s, n, err);
    const struct config_setting *row =
        n->depth == 3 ? find_setting(config_service_settings, config_service_setting_count, n->keys[2]) : NULL;
    if (row)
        return set_value(l, row, s, n, err);
    fail(l, n->line, err, "unknown setting %s", n->path);
    return err_hint(err, "a service has dsn, listen, tables (a mapping of schema.table to its partition key) and "
                         "dynamic (a mapping of schema.table to columns)");
}

static bool read_node(struct loading *l, const struct yaml_node *n, struct err *err)
{
    if (n->depth == 0)
        return n->kind == YAML_MAP || n->kind == YAML_NULL ||
               fail(l, n->line, err, "the file must be a mapping of settings");
    if (strcmp(n->keys[0], "services") == 0)
        return read_service(l, n, err);
    /* A key with a dot in it would pass for a nested one. */
    const struct config_setting *row = NULL;
    if (n->depth <= 2 && !strchr(n->keys[n->depth - 1], '.'))
        row = find_setting(config_settings, config_setting_count, n->path);
    if (row) {
        l->batch_given = l->batch_given || strcmp(row->name, "relay.batch_max_events") == 0;
        l->linger_given = l->linger_given || strcmp(row->name, "relay.linger_us") == 0;
        return set_value(l, row, l->c, n, err);
    }
    if (n->depth == 1 && is_section(n->path))
        return n->kind == YAML_MAP || n->kind == YAML_NULL ||
               fail(l, n->line, err, "%s must be a mapping of settings", n->path);
    return unknown_setting(l, n, err);
}

static void set_defaults(struct loading *l)
{
    for (unsigned i = 0; i < config_setting_count; i++) {
        const char *why;
        const struct config_setting *s = &config_settings[i];
        bool ok = config_set(s, l->c, l->arena, l->folder, s->fallback ? s->fallback : "", &why);
        (void)ok; /* required ones have no default to be right; a test loads every default through the file */
    }
}

static bool check_required(const struct loading *l, struct err *err)
{
    for (unsigned i = 0; i < config_setting_count; i++) {
        const struct config_setting *s = &config_settings[i];
        const char *value;
        if (s->fallback)
            continue;
        memcpy(&value, (const char *)l->c + s->offset, sizeof value);
        if (!value || !value[0]) {
            err_set(err, ERR_CONFIG, "%s: %s is missing", l->c->path, s->name);
            return err_hint(err, "%s", s->help);
        }
    }
    return true;
}

/* Two projectors in one database would write each other's mirrors and positions. */
static bool check_services(const struct loading *l, struct err *err)
{
    const struct config *c = l->c;
    for (size_t i = 0; i < c->service_count; i++) {
        for (size_t j = 0; j < i; j++)
            if (c->services[i].dsn[0] && strcmp(c->services[i].dsn, c->services[j].dsn) == 0) {
                fail(l, l->service_lines[i], err, "services %s and %s have the same read-model database",
                     c->services[j].name, c->services[i].name);
                return err_hint(err, "give each service a database of its own");
            }
        if (!c->services[i].dsn[0] && !c->services[i].table_count)
            return fail(l, l->service_lines[i], err, "service %s has neither tables nor a dsn", c->services[i].name);
    }
    return true;
}

/* Settings that only make sense together. */
static bool check_kafka(struct loading *l, struct err *err)
{
    const struct config *c = l->c;
    if (strcmp(c->bus.driver, "kafka") == 0 && !c->bus.brokers[0]) {
        err_set(err, ERR_CONFIG, "%s: bus.driver is kafka, but bus.brokers names none", c->path);
        return err_hint(err, "write bus.brokers: host:9092");
    }
    if (c->bus.min_insync > c->bus.replication) {
        err_set(err, ERR_CONFIG, "%s: bus.min_insync (%d) is more than bus.replication (%d)", c->path,
                c->bus.min_insync, c->bus.replication);
        return err_hint(err, "no event could ever be acknowledged; three replicas with two in sync is usual");
    }
    if (strcmp(c->registry.driver, "confluent") == 0 && !c->registry.urls[0]) {
        err_set(err, ERR_CONFIG, "%s: registry.driver is confluent, but registry.urls names none", c->path);
        return err_hint(err, "write registry.urls: http://host:8081");
    }
    return true;
}

static bool check_outbox(const struct config *c, struct err *err)
{
    struct outbox_field fields[OUTBOX_FIELDS_MAX];
    size_t count;
    if (!outbox_fields_parse(str_of(c->source.outbox_fields), fields, &count, err))
        return err_wrap(err, "%s: source.outbox_fields", c->path);
    if (count && !config_debezium(c)) {
        err_set(err, ERR_CONFIG, "%s: source.outbox_fields only counts with source.outbox_mode: debezium", c->path);
        return err_hint(err, "without it, type is in the header ce_type and the column headers holds further ones");
    }
    size_t partitions = 0;
    for (size_t i = 0; i < count; i++)
        partitions += fields[i].place == OUTBOX_IN_PARTITION;
    if (partitions > 1)
        return err_set(err, ERR_CONFIG, "%s: source.outbox_fields: several columns choose the partition", c->path);
    if (!outbox_columns_check(str_of(c->source.outbox_columns),
                              "id|aggregatetype|aggregateid|type|payload|headers|traceparent", err))
        return err_wrap(err, "%s: source.outbox_columns", c->path);
    return true;
}

/* A Kafka transaction costs as much as thousands of events do: a relay that is behind gathers more. */
static void set_batches(struct loading *l)
{
    if (strcmp(l->c->bus.driver, "kafka") != 0)
        return;
    if (!l->batch_given)
        l->c->relay.batch_max_events = 20000;
    if (!l->linger_given)
        l->c->relay.linger_us = 200 * 1000;
}

static bool load(struct loading *l, struct str bytes, struct err *err)
{
    struct yaml_node *nodes;
    size_t count;
    if (bytes.len > CONFIG_BYTES_MAX)
        return err_set(err, ERR_CONFIG, "%s: larger than 1 MB", l->c->path);
    if (!yaml_read(bytes, l->c->path, l->arena, &nodes, &count, err))
        return false;
    set_defaults(l);
    for (size_t i = 0; i < count; i++)
        if (!read_node(l, &nodes[i], err))
            return false;
    if (!check_required(l, err) || !check_services(l, err) || !set_dynamic(l, err) || !check_kafka(l, err) ||
        !check_outbox(l->c, err))
        return false;
    set_batches(l);
    if (!l->c->bus.dsn[0])
        l->c->bus.dsn = l->c->control.dsn;
    if (!l->c->registry.dsn[0])
        l->c->registry.dsn = l->c->control.dsn;
    if (!l->c->bus.prefix[0])
        l->c->bus.prefix = l->c->source.name;
    return true;
}

bool config_parse(const char *path, struct str bytes, struct config **ret, struct err *err)
{
    struct config *c = xcalloc(1, sizeof *c);
    arena_init(&c->arena);
    c->path = arena_strdup(&c->arena, path);
    struct loading l = {.c = c, .arena = &c->arena, .folder = ""};
    const char *slash = strrchr(path, '/');
    if (slash)
        l.folder = slash == path ? "" : arena_memdup(&c->arena, path, (size_t)(slash - path));
    bool ok = load(&l, bytes, err);
    free(l.service_lines);
    free(l.dynamic);
    if (!ok) {
        config_free(c);
        return false;
    }
    *ret = c;
    return true;
}

static bool read_file(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int why = errno;
        err_set(err, ERR_CONFIG, "configuration file %s: %s", path, strerror(why));
        if (why == ENOENT)
            err_hint(err, "write one with `undam config sample > undam.yaml`, or name yours with -c or UNDAM_CONFIG");
        return false;
    }
    ssize_t n = 0;
    for (char *at; (at = buf_reserve(out, 16384)) && (n = read(fd, at, 16384)) > 0;)
        out->len += (size_t)n;
    int why = errno;
    close(fd);
    if (n < 0)
        return err_set(err, ERR_CONFIG, "configuration file %s: %s", path, strerror(why));
    if (out->overflow)
        return err_set(err, ERR_CONFIG, "%s: larger than 1 MB", path);
    return true;
}

bool config_load(const char *path, struct config **ret, struct err *err)
{
    struct buf bytes;
    buf_init(&bytes, CONFIG_BYTES_MAX + 32768);
    bool ok = read_file(path, &bytes, err) && config_parse(path, buf_str(&bytes), ret, err);
    buf_free(&bytes);
    return ok;
}

bool config_debezium(const struct config *c) { return strcmp(c->source.outbox_mode, "debezium") == 0; }

const struct config_service *config_service(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->service_count; i++)
        if (strcmp(c->services[i].name, name) == 0)
            return &c->services[i];
    return NULL;
}

const struct config_service *config_owner(const struct config *c, struct str table)
{
    for (size_t i = 0; i < c->service_count; i++)
        for (size_t j = 0; j < c->services[i].table_count; j++)
            if (str_is(table, c->services[i].tables[j].name))
                return &c->services[i];
    return NULL;
}
