// SPDX-License-Identifier: Apache-2.0
/*
 * undam flags set, force, segment, kill, unkill, sync: one recorded change each, then the wait until the snapshot on
 * this machine shows it. Where control does not publish in time this command does it itself, so that no change, and
 * least of all a kill, depends on a daemon.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/flags.h"
#include "codec/endpoint.h"
#include "control/publish.h"

enum { CONTROL_ALIVE_US = 3000000, CONTROL_TURN_MS = 1000, LOOK_MS = 5 };

/* "5", "0.01", "12.345" as thousandths of a per cent. */
static bool parse_percent(const char *text, uint32_t *ret, struct err *err)
{
    struct str part, whole = str_cut(str_of(text), '.', &part);
    uint64_t w = 0, p = 0;
    char digits[4] = "000";
    bool good = str_to_u64(whole, &w) && w <= 100 && part.len <= 3 && (part.len > 0 || !strchr(text, '.'));
    if (good && part.len) {
        memcpy(digits, part.data, part.len);
        good = str_to_u64(str_of(digits), &p);
    }
    if (good && w * 1000 + p <= FLAG_WHOLE) {
        *ret = (uint32_t)(w * 1000 + p);
        return true;
    }
    err_set(err, ERR_USAGE, "'%s' is no percentage", text);
    return err_hint(err, "write a number from 0 to 100 with up to three decimals, without a per cent sign");
}

static const char *who_am_i(struct flags *f)
{
    const char *who = option_value(f->inv, "who"), *user = getenv("USER");
    char host[256] = "";
    if (who && who[0])
        return who;
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    return user && user[0] ? arena_printf(&f->arena, "%s@%s", user, host)
                           : arena_printf(&f->arena, "uid %u@%s", (unsigned)getuid(), host);
}

static bool check_why(struct invocation *inv, struct err *err)
{
    const char *why = option_value(inv, "why");
    if (why && str_trim(str_of(why)).len)
        return true;
    err_set(err, ERR_USAGE, "--why is missing");
    return err_hint(
        err, "every change of a flag is recorded with its reason: --why \"5 %% after a week without a mismatch\"");
}

static bool file_shows(const char *path, uint64_t version, struct control_file *file)
{
    control_file_look(path, file);
    return file->there && file->version >= version;
}

static bool wait_for_file(const char *path, uint64_t version, int64_t ms, struct control_file *file)
{
    int64_t end = mono_us() + ms * 1000;
    while (!file_shows(path, version, file)) {
        if (mono_us() >= end)
            return false;
        nanosleep(&(struct timespec){0, LOOK_MS * 1000000L}, NULL);
    }
    return true;
}

static bool publish_here(struct flags *f, struct err *err)
{
    struct flag_set set;
    bool published;
    return flags_load(f, &set, err) && control_publish(f->inv->config->control.snapshot, &set, &published, err);
}

/* The change of `version` is in effect on this machine; control's turn first where it is alive. */
static bool take_effect(struct flags *f, uint64_t version, struct err *err)
{
    const char *path = f->inv->config->control.snapshot;
    int64_t timeout_ms = option_int(f->inv, "timeout", 5000, 1, 3600000);
    struct control_file file;
    struct err why = {0};
    control_file_look(path, &file);
    bool alive = file.there && now_us() - file.heartbeat_us < CONTROL_ALIVE_US;
    int64_t turn_ms = timeout_ms < CONTROL_TURN_MS ? timeout_ms : CONTROL_TURN_MS;
    if (alive && wait_for_file(path, version, turn_ms, &file))
        return true;
    if (publish_here(f, &why) && file_shows(path, version, &file))
        return true;
    if (wait_for_file(path, version, timeout_ms, &file))
        return true;
    err_again(err, ERR_TARGET, "recorded as version %llu but not in effect: %s", (unsigned long long)version,
              why.text[0]  ? why.text
              : file.there ? "the snapshot shows an older version"
                           : file.why);
    return err_hint(err, "start undam control on the machine that nginx runs on, or check %s", path);
}

static void print_change(struct flags *f, const struct flag_change *c, const char *effect)
{
    struct buf out;
    buf_init(&out, 0);
    if (f->json) {
        buf_printf(&out,
                   "{\"changed\":%s,\"dry_run\":%s,\"version\":%llu,\"effect\":\"%s\",\"before\":%s,\"after\":%s}\n",
                   c->changed ? "true" : "false", c->dry_run ? "true" : "false", (unsigned long long)c->version, effect,
                   c->before ? c->before : "null", c->after ? c->after : "null");
    } else if (!c->changed) {
        buf_printf(&out, "nothing to change: it is so already (version %llu)\n", (unsigned long long)c->version);
    } else {
        buf_printf(&out, "before  %s\nafter   %s\n%s", c->before ? c->before : "(none)", c->after ? c->after : "(none)",
                   c->dry_run ? "dry run: nothing was changed\n" : "");
        if (!c->dry_run)
            buf_printf(&out, "in effect at version %llu\n", (unsigned long long)c->version);
    }
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
}

/* The common end of every verb. kill: how the kill word of c->name is to stand once the change is recorded. */
static bool change(struct flags *f, struct flag_change *c, const enum flag_kill *kill, struct err *err)
{
    const char *path = f->inv->config->control.snapshot;
    c->who = who_am_i(f);
    c->why = option_value(f->inv, "why");
    c->dry_run = option_given(f->inv, "dry-run");
    c->shrink |= option_given(f->inv, "shrink");
    if (!flag_store_change(&f->pg, c, &f->arena, err))
        return false;
    struct err ignored;
    if (kill && !c->dry_run && !control_kill_now(path, c->name, *kill, &ignored))
        log_event(LOG_DEBUG, "no_kill_word", "why=%s", ignored.text); /* no file here yet: publishing makes one */
    if (!c->dry_run && !take_effect(f, c->version, err))
        return false;
    print_change(f, c, c->dry_run ? "none" : "snapshot");
    return true;
}

static int finish(struct flags *f, bool good, const struct err *err)
{
    struct invocation *inv = f->inv;
    flags_close(f);
    return good ? ERR_NONE : commands_fail(inv, err);
}

static bool begin(struct flags *f, struct invocation *inv, struct err *err)
{
    *f = (struct flags){.inv = inv};
    return check_why(inv, err) && flags_open(f, inv, err);
}

static bool exec(struct pg *pg, const char *sql, int count, const char *const *values, int *ret_rows, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query_params(pg, sql, count, values, &r, err))
        return false;
    int64_t rows = 0;
    bool counted = str_to_i64(str_of(PQcmdTuples(r)), &rows);
    if (ret_rows)
        *ret_rows = counted ? (int)rows : 0;
    return true;
}

static bool no_flag(const char *name, struct err *err)
{
    err_set(err, ERR_USAGE, "no flag %s", name);
    return err_hint(
        err, "`undam flags list` shows the flags; --create makes one, `undam flags sync` those of the endpoint files");
}

static bool good_name(const char *name, const char *what, struct err *err)
{
    size_t n = strlen(name);
    if (n > 0 && n <= 200 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n)
        return true;
    return err_set(err, ERR_USAGE, "'%s' is no name for a %s: letters, digits, _ . - only, at most 200", name, what);
}

struct set_args {
    const char *name, *service, *salt;
    char percentage[16], validity[16]; /* empty: unchanged */
    bool create;
};

static bool set_apply(struct pg *pg, void *arg, struct err *err)
{
    const struct set_args *a = arg;
    int rows;
    if (a->create) {
        const char *values[] = {a->name, a->salt ? a->salt : a->name, a->service ? a->service : ""};
        if (!exec(pg, "INSERT INTO undam_flags.flag (name, salt, service) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                  3, values, NULL, err))
            return false;
    }
    const char *values[] = {a->name, a->percentage[0] ? a->percentage : NULL, a->validity[0] ? a->validity : NULL,
                            a->service, a->salt};
    if (!exec(pg,
              "UPDATE undam_flags.flag SET percentage = coalesce($2::int, percentage),"
              " validity_s = coalesce($3::int, validity_s), service = coalesce($4, service), salt = coalesce($5, salt)"
              " WHERE name = $1",
              5, values, &rows, err))
        return false;
    return rows == 1 || no_flag(a->name, err);
}

static bool check_service(const struct config *c, const char *service, struct err *err)
{
    if (!service || config_service(c, service))
        return true;
    err_set(err, ERR_USAGE, "no service %s in %s", service, c->path);
    return err_hint(err, "the names under `services:` are what a flag can have");
}

int flags_set_run(struct invocation *inv)
{
    struct flags f;
    struct err err = {0};
    uint32_t percentage = 0;
    const char *percent = option_value(inv, "percent");
    struct set_args a = {.name = inv->operands[0],
                         .service = option_value(inv, "service"),
                         .salt = option_value(inv, "salt"),
                         .create = option_given(inv, "create")};
    bool good = begin(&f, inv, &err) && good_name(a.name, "flag", &err) &&
                check_service(inv->config, a.service, &err) && (!percent || parse_percent(percent, &percentage, &err));
    if (good && percent)
        snprintf(a.percentage, sizeof a.percentage, "%u", percentage);
    if (good && option_given(inv, "validity"))
        snprintf(a.validity, sizeof a.validity, "%lld", (long long)option_int(inv, "validity", 10, 1, 86400));
    struct flag_change c = {
        .action = "set", .subject = FLAG_SUBJECT_FLAG, .name = a.name, .apply = set_apply, .arg = &a};
    good = good && change(&f, &c, NULL, &err);
    return finish(&f, good, &err);
}

struct force_args {
    const char *flag, *user, *route;
};

static bool force_apply(struct pg *pg, void *arg, struct err *err)
{
    const struct force_args *a = arg;
    const char *values[] = {a->flag, a->user, a->route};
    PG_RESULT r = NULL;
    if (!pg_query_params(pg, "SELECT FROM undam_flags.flag WHERE name = $1", 1, values, &r, err))
        return false;
    if (PQntuples(r) == 0)
        return no_flag(a->flag, err);
    if (strcmp(a->route, "none") == 0)
        return exec(pg, "DELETE FROM undam_flags.forced WHERE flag = $1 AND targeting_key = $2", 2, values, NULL, err);
    return exec(pg,
                "INSERT INTO undam_flags.forced VALUES ($1, $2, $3) ON CONFLICT (flag, targeting_key)"
                " DO UPDATE SET route = excluded.route",
                3, values, NULL, err);
}

int flags_force_run(struct invocation *inv)
{
    struct flags f;
    struct err err = {0};
    struct force_args a = {inv->operands[0], inv->operands[1], inv->operands[2]};
    bool good = begin(&f, inv, &err);
    if (good && strcmp(a.route, "stream") != 0 && strcmp(a.route, "legacy") != 0 && strcmp(a.route, "none") != 0)
        good = err_set(&err, ERR_USAGE, "'%s' is no side: stream, legacy or none", a.route);
    if (good && !a.user[0])
        good = err_set(&err, ERR_USAGE, "the user is empty");
    struct flag_change c = {
        .action = "force", .subject = FLAG_SUBJECT_FLAG, .name = a.flag, .apply = force_apply, .arg = &a};
    good = good && change(&f, &c, NULL, &err);
    return finish(&f, good, &err);
}

struct segment_args {
    const char *name, *flag;
    char percentage[16];
    bool drop;
    struct buf add, remove; /* keys, one a line */
};

static bool member_apply(struct pg *pg, struct segment_args *a, struct err *err)
{
    const char *add[] = {a->name, a->add.data ? a->add.data : ""};
    const char *remove[] = {a->name, a->remove.data ? a->remove.data : ""};
    return exec(pg, "INSERT INTO undam_flags.segment VALUES ($1) ON CONFLICT DO NOTHING", 1, add, NULL, err) &&
           exec(pg,
                "DELETE FROM undam_flags.member WHERE segment = $1 AND targeting_key = ANY (string_to_array($2, "
                "E'\\n'))",
                2, remove, NULL, err) &&
           exec(pg,
                "INSERT INTO undam_flags.member SELECT $1, k FROM unnest(string_to_array($2, E'\\n')) k WHERE k <> ''"
                " ON CONFLICT DO NOTHING",
                2, add, NULL, err);
}

static bool use_apply(struct pg *pg, void *arg, struct err *err)
{
    const struct segment_args *a = arg;
    const char *values[] = {a->flag, a->name, a->percentage};
    PG_RESULT r = NULL;
    if (!pg_query_params(pg,
                         "SELECT (SELECT count(*) FROM undam_flags.flag WHERE name = $1),"
                         " (SELECT count(*) FROM undam_flags.segment WHERE name = $2)",
                         2, values, &r, err))
        return false;
    if (PQgetvalue(r, 0, 0)[0] == '0')
        return no_flag(a->flag, err);
    if (PQgetvalue(r, 0, 1)[0] == '0') {
        err_set(err, ERR_USAGE, "no segment %s", a->name);
        return err_hint(err, "make it first: undam flags segment %s --add KEY,KEY", a->name);
    }
    if (a->drop)
        return exec(pg, "DELETE FROM undam_flags.use WHERE flag = $1 AND segment = $2", 2, values, NULL, err);
    return exec(pg,
                "INSERT INTO undam_flags.use SELECT $1, $2, coalesce(max(place), 0) + 1, $3::int FROM undam_flags.use"
                " WHERE flag = $1 ON CONFLICT (flag, segment) DO UPDATE SET percentage = excluded.percentage",
                3, values, NULL, err);
}

static bool members_apply(struct pg *pg, void *arg, struct err *err) { return member_apply(pg, arg, err); }

static void add_keys(struct buf *out, const char *list)
{
    for (struct str rest = str_of(list), key; rest.len;) {
        key = str_trim(str_cut(rest, ',', &rest));
        buf_add_str(out, key);
        buf_addc(out, '\n');
    }
}

static bool add_file(struct buf *out, const char *path, struct err *err)
{
    char line[4096];
    FILE *in = fopen(path, "re");
    if (!in)
        return err_errno(err, "%s", path);
    while (fgets(line, sizeof line, in)) {
        buf_add_str(out, str_trim(str_of(line)));
        buf_addc(out, '\n');
    }
    bool good = !ferror(in) && !out->overflow;
    (void)fclose(in);
    return good || err_set(err, ERR_SYSTEM, "%s: cannot be read", path);
}

static bool segment_args(struct invocation *inv, struct segment_args *a, struct err *err)
{
    uint32_t percentage = 0;
    const char *percent = option_value(inv, "percent"), *file = option_value(inv, "file");
    buf_init(&a->add, 64 << 20);
    buf_init(&a->remove, 64 << 20);
    if (option_given(inv, "add"))
        add_keys(&a->add, option_value(inv, "add"));
    if (option_given(inv, "remove"))
        add_keys(&a->remove, option_value(inv, "remove"));
    if (file && !add_file(&a->add, file, err))
        return false;
    if (a->flag && !percent == !a->drop)
        return err_set(err, ERR_USAGE, "--flag wants either --percent or --drop");
    if (percent && !parse_percent(percent, &percentage, err))
        return false;
    if (percent)
        snprintf(a->percentage, sizeof a->percentage, "%u", percentage);
    return good_name(a->name, "segment", err);
}

int flags_segment_run(struct invocation *inv)
{
    struct flags f;
    struct err err = {0};
    struct segment_args a = {
        .name = inv->operands[0], .flag = option_value(inv, "flag"), .drop = option_given(inv, "drop")};
    bool good = begin(&f, inv, &err) && segment_args(inv, &a, &err);
    /* Members and their use in a flag are two changes, each with its own record. */
    struct flag_change members = {
        .action = "segment", .subject = FLAG_SUBJECT_SEGMENT, .name = a.name, .apply = members_apply, .arg = &a};
    struct flag_change use = {
        .action = "segment", .subject = FLAG_SUBJECT_FLAG, .name = a.flag, .apply = use_apply, .arg = &a};
    if (good && (!a.flag || a.add.len || a.remove.len))
        good = change(&f, &members, NULL, &err);
    if (good && a.flag)
        good = change(&f, &use, NULL, &err);
    buf_free(&a.add);
    buf_free(&a.remove);
    return finish(&f, good, &err);
}

struct kill_args {
    const char *flag; /* "" all */
    const char *killed;
};

static bool kill_apply(struct pg *pg, void *arg, struct err *err)
{
    const struct kill_args *a = arg;
    const char *values[] = {a->killed, a->flag};
    int rows = 0;
    if (!a->flag[0])
        return exec(pg, "UPDATE undam_flags.state SET killed = $1::boolean", 1, values, NULL, err);
    return exec(pg, "UPDATE undam_flags.flag SET killed = $1::boolean WHERE name = $2", 2, values, &rows, err) &&
           (rows == 1 || no_flag(a->flag, err));
}

static struct flag_change kill_change(struct kill_args *a, const char *action)
{
    return (struct flag_change){.action = action,
                                .subject = a->flag[0] ? FLAG_SUBJECT_FLAG : FLAG_SUBJECT_ALL,
                                .name = a->flag,
                                .shrink = true,
                                .apply = kill_apply,
                                .arg = a};
}

/* First the word, then the record. */
int flags_kill_run(struct invocation *inv)
{
    struct flags f = {.inv = inv};
    struct err err = {0}, file_err = {0};
    struct kill_args a = {inv->operand_count ? inv->operands[0] : "", "true"};
    const enum flag_kill after = FLAG_KILL_RECORDED;
    if (!check_why(inv, &err))
        return commands_fail(inv, &err);
    bool at_once = !option_given(inv, "dry-run") &&
                   control_kill_now(inv->config->control.snapshot, a.flag, FLAG_KILL_EMERGENCY, &file_err);
    struct flag_change c = kill_change(&a, "kill");
    bool good = begin(&f, inv, &err) && change(&f, &c, &after, &err);
    if (!good && at_once && err.class == ERR_TARGET) {
        err_wrap(&err, "killed on this machine, but not recorded");
        err_hint(&err, "the kill is in effect and stays; undam control records it when the control database is back");
    }
    return finish(&f, good, &err);
}

int flags_unkill_run(struct invocation *inv)
{
    struct flags f;
    struct err err = {0};
    struct kill_args a = {inv->operand_count ? inv->operands[0] : "", "false"};
    const enum flag_kill after = FLAG_KILL_NONE;
    struct flag_change c = kill_change(&a, "unkill");
    bool good = begin(&f, inv, &err) && change(&f, &c, &after, &err);
    return finish(&f, good, &err);
}

static bool sync_one(struct flags *f, const struct endpoint *e, unsigned *ret_created, struct err *err)
{
    struct flag_set set;
    char *name = arena_memdup(&f->arena, e->flag.data ? e->flag.data : "", e->flag.len);
    if (!name[0])
        return true;
    if (!good_name(name, "flag", err))
        return err_wrap(err, STR_FMT, STR_ARG(e->file));
    if (!flag_store_load(&f->pg, NULL, 0, &f->arena, &set, err))
        return false;
    if (flag_set_find(&set, name))
        return true;
    struct set_args a = {
        .name = name, .service = arena_memdup(&f->arena, e->service.data, e->service.len), .create = true};
    struct flag_change c = {.action = "create",
                            .subject = FLAG_SUBJECT_FLAG,
                            .name = name,
                            .who = who_am_i(f),
                            .why = option_value(f->inv, "why"),
                            .dry_run = option_given(f->inv, "dry-run"),
                            .apply = set_apply,
                            .arg = &a};
    if (!c.why || !c.why[0])
        c.why = "named by an endpoint file";
    if (!flag_store_change(&f->pg, &c, &f->arena, err))
        return false;
    ++*ret_created;
    if (!f->json)
        printf("%s flag %s of service %s at 0 %%\n", c.dry_run ? "would create" : "created", name, a.service);
    return true;
}

static int is_sql(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 4 && d->d_name[0] != '.' && strcmp(d->d_name + n - 4, ".sql") == 0;
}

static bool sync_file(struct flags *f, const char *folder, const char *file, unsigned *ret_created, struct err *err)
{
    struct endpoint *e = arena_calloc(&f->arena, 1, sizeof *e); /* too large for the stack */
    struct buf text;
    char *path = arena_printf(&f->arena, "%s/%s", folder, file), block[4096];
    buf_init(&text, ENDPOINT_FILE_MAX + 1);
    FILE *in = fopen(path, "re");
    if (!in)
        return err_errno(err, "%s", path);
    for (size_t n; (n = fread(block, 1, sizeof block, in)) > 0;)
        buf_add(&text, block, n);
    (void)fclose(in);
    bool good = endpoint_parse(str_of(file), buf_str(&text), &f->arena, e, err) && sync_one(f, e, ret_created, err);
    buf_free(&text);
    return good;
}

static bool sync_files(struct flags *f, unsigned *ret_created, struct err *err)
{
    struct dirent **files;
    char *folder = arena_printf(&f->arena, "%s/endpoints", f->inv->config->directory);
    int n = scandir(folder, &files, is_sql, alphasort);
    if (n < 0)
        return err_errno(err, "%s", folder);
    bool good = true;
    for (int i = 0; i < n; i++) {
        good = good && sync_file(f, folder, files[i]->d_name, ret_created, err);
        free(files[i]);
    }
    free(files);
    return good;
}

int flags_sync_run(struct invocation *inv)
{
    struct flags f;
    struct err err = {0};
    struct flag_set set;
    unsigned created = 0;
    bool good = flags_open(&f, inv, &err) && sync_files(&f, &created, &err) && flags_load(&f, &set, &err) &&
                (option_given(inv, "dry-run") || take_effect(&f, set.version, &err));
    if (good && f.json)
        printf("{\"created\":%u,\"version\":%llu}\n", created, (unsigned long long)set.version);
    else if (good)
        printf("%u created; version %llu\n", created, (unsigned long long)set.version);
    return finish(&f, good, &err);
}
