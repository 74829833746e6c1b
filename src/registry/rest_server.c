// SPDX-License-Identifier: Apache-2.0
/* See rest_server.h. One function an endpoint, in a table. */
#include "registry/rest_server.h"

#include "registry/rest_json.h"
#include "registry/rest_route.h"

enum { STATUS_OK = 200, CODE_STORE = 50001 };

/* What an endpoint works with. Each returns 0 when the body is filled, else an error code with its text in err. */
struct rest_turn {
    struct store *store;
    const struct rest_route *route;
    struct str body;
    struct arena *arena;
    struct buf *out;
    struct err err;
};

static int refuse(struct rest_turn *t, int code, const char *text)
{
    err_set(&t->err, ERR_DATA, "%s", text);
    return code;
}

/* Of a failure of the store. */
static int failed(const struct rest_turn *t)
{
    return t->err.class == ERR_DATA && t->store->code ? t->store->code : CODE_STORE;
}

static enum store_show show(const struct rest_route *r)
{
    return r->deleted_only ? STORE_ONLY_DELETED : r->deleted ? STORE_WITH_DELETED : STORE_LIVE;
}

/* offset and limit of the query: element i of a list is to be given. */
static bool on_page(const struct rest_route *r, size_t i)
{
    return i >= (size_t)r->offset && (r->limit < 0 || i - (size_t)r->offset < (size_t)r->limit);
}

static void add_number(struct buf *out, const char *name, int32_t value) { buf_printf(out, "\"%s\":%d", name, value); }

static void add_text(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, "\"%s\":", name);
    buf_add_json(out, value);
}

static void separate(struct buf *out)
{
    if (out->data[out->len - 1] != '[')
        buf_addc(out, ',');
}

static int give_texts(struct rest_turn *t, const struct str *texts, size_t count)
{
    buf_addc(t->out, '[');
    for (size_t i = 0; i < count; i++) {
        if (!on_page(t->route, i))
            continue;
        separate(t->out);
        buf_add_json(t->out, texts[i]);
    }
    buf_addc(t->out, ']');
    return 0;
}

static void begin_list(struct buf *out) { buf_addc(out, '['); }

static int give_numbers(struct rest_turn *t, const int32_t *numbers, size_t count)
{
    begin_list(t->out);
    for (size_t i = 0; i < count; i++) {
        if (!on_page(t->route, i))
            continue;
        separate(t->out);
        buf_printf(t->out, "%d", numbers[i]);
    }
    buf_addc(t->out, ']');
    return 0;
}

static int give_version(struct rest_turn *t, const struct registry_version *v)
{
    buf_addc(t->out, '{');
    add_text(t->out, "subject", v->subject);
    buf_addc(t->out, ',');
    add_number(t->out, "version", v->version);
    buf_addc(t->out, ',');
    add_number(t->out, "id", v->id);
    buf_addc(t->out, ',');
    add_text(t->out, "schema", v->schema);
    buf_adds(t->out, v->deleted ? ",\"deleted\":true}" : "}");
    return 0;
}

/* ---- the body of a request ---- */

static bool is_null(const struct json_tree *tree, const char *name)
{
    int32_t i = json_tree_member(tree, 0, str_of(name));
    return i == JSON_NONE || tree->nodes[i].type == JSON_T_NULL;
}

static int read_object(struct rest_turn *t, struct json_tree *tree)
{
    struct err why;
    if (t->body.len == 0)
        return refuse(t, 422, "the request has no body");
    if (!rest_parse(t->body, t->arena, tree, &why))
        return refuse(t, 400, why.text);
    if (tree->nodes[0].type != JSON_T_OBJECT)
        return refuse(t, 400, "the request's body is no JSON object");
    return 0;
}

/* What cannot be kept is refused, so that nobody relies on it. */
static int read_schema(struct rest_turn *t, struct str *ret)
{
    struct json_tree tree;
    struct str type;
    int32_t number;
    int code = read_object(t, &tree);
    if (code)
        return code;
    if (rest_text(&tree, "schemaType", &type) && !str_is(type, "AVRO"))
        return refuse(t, STORE_SCHEMA_BAD, "only schemas of type AVRO are kept here");
    if (rest_count(&tree, "references"))
        return refuse(t, STORE_SCHEMA_BAD,
                      "schema references are not supported: write the definitions into the schema itself");
    if (!is_null(&tree, "metadata") || !is_null(&tree, "ruleSet"))
        return refuse(t, STORE_SCHEMA_BAD, "metadata and rule sets are not supported");
    if ((rest_int(&tree, "id", &number) && number > 0) || (rest_int(&tree, "version", &number) && number > 0))
        return refuse(t, STORE_NOT_PERMITTED,
                      "ids and versions are given by the registry: mode IMPORT is not supported");
    if (!rest_text(&tree, "schema", ret))
        return refuse(t, STORE_SCHEMA_BAD, "the request has no schema, which is a JSON text in a string");
    return 0;
}

/* ---- subjects and versions ---- */

static int serve_root(struct rest_turn *t)
{
    buf_adds(t->out, "{}");
    return 0;
}

static int serve_subjects(struct rest_turn *t)
{
    struct str *subjects;
    size_t count;
    if (!store_subjects(t->store, t->route->prefix, show(t->route), t->arena, &subjects, &count, &t->err))
        return failed(t);
    return give_texts(t, subjects, count);
}

static int serve_lookup(struct rest_turn *t)
{
    struct registry_version v;
    struct str schema;
    int code = read_schema(t, &schema);
    if (code)
        return code;
    if (!store_lookup(t->store, t->route->subject, schema, t->route->deleted, t->arena, &v, &t->err))
        return failed(t);
    return give_version(t, &v);
}

static int serve_versions(struct rest_turn *t)
{
    struct registry_version *versions;
    size_t count;
    if (!store_versions(t->store, t->route->subject, show(t->route), t->arena, &versions, &count, &t->err))
        return failed(t);
    int32_t *numbers = arena_calloc(t->arena, count + 1, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = versions[i].version;
    return give_numbers(t, numbers, count);
}

static int serve_register(struct rest_turn *t)
{
    struct registry_version v;
    struct registry_refusal refusal;
    struct str schema;
    int code = read_schema(t, &schema);
    if (code)
        return code;
    if (!store_register(t->store, t->route->subject, schema, t->arena, &v, &refusal, &t->err))
        return failed(t);
    buf_addc(t->out, '{');
    add_number(t->out, "id", v.id);
    buf_addc(t->out, '}');
    return 0;
}

static int find_version(struct rest_turn *t, struct registry_version *ret)
{
    const struct rest_route *r = t->route;
    return store_version(t->store, r->subject, r->version, show(r), t->arena, ret, &t->err) ? 0 : failed(t);
}

static int serve_version(struct rest_turn *t)
{
    struct registry_version v;
    int code = find_version(t, &v);
    return code ? code : give_version(t, &v);
}

static int serve_version_schema(struct rest_turn *t)
{
    struct registry_version v;
    int code = find_version(t, &v);
    if (!code)
        buf_add_str(t->out, v.schema);
    return code;
}

static int serve_referenced_by(struct rest_turn *t)
{
    struct registry_version v;
    int code = find_version(t, &v);
    if (!code)
        buf_adds(t->out, "[]");
    return code;
}

static int serve_delete(struct rest_turn *t)
{
    const struct rest_route *r = t->route;
    int32_t *versions;
    size_t count;
    if (!store_delete(t->store, r->subject, r->version, r->permanent, t->arena, &versions, &count, &t->err))
        return failed(t);
    if (r->endpoint == REST_SUBJECT_DELETE)
        return give_numbers(t, versions, count);
    buf_printf(t->out, "%d", versions[0]);
    return 0;
}

/* ---- schemas by id ---- */

static int serve_id(struct rest_turn *t)
{
    struct str schema;
    if (!store_schema(t->store, t->route->id, t->arena, &schema, &t->err))
        return failed(t);
    if (t->route->endpoint == REST_ID_SCHEMA) {
        buf_add_str(t->out, schema);
        return 0;
    }
    buf_addc(t->out, '{');
    add_text(t->out, "schema", schema);
    buf_addc(t->out, '}');
    return 0;
}

static int serve_id_subjects(struct rest_turn *t)
{
    struct registry_version *uses;
    size_t count, n = 0;
    if (!store_uses(t->store, t->route->id, show(t->route), t->arena, &uses, &count, &t->err))
        return failed(t);
    struct str *subjects = arena_calloc(t->arena, count + 1, sizeof *subjects);
    for (size_t i = 0; i < count; i++) /* they come by subject */
        if (n == 0 || !str_eq(subjects[n - 1], uses[i].subject))
            subjects[n++] = uses[i].subject;
    return give_texts(t, subjects, n);
}

static int serve_id_versions(struct rest_turn *t)
{
    struct registry_version *uses;
    size_t count;
    if (!store_uses(t->store, t->route->id, show(t->route), t->arena, &uses, &count, &t->err))
        return failed(t);
    begin_list(t->out);
    for (size_t i = 0; i < count; i++) {
        if (!on_page(t->route, i))
            continue;
        separate(t->out);
        buf_addc(t->out, '{');
        add_text(t->out, "subject", uses[i].subject);
        buf_addc(t->out, ',');
        add_number(t->out, "version", uses[i].version);
        buf_addc(t->out, '}');
    }
    buf_addc(t->out, ']');
    return 0;
}

static int serve_types(struct rest_turn *t)
{
    buf_adds(t->out, "[\"AVRO\"]");
    return 0;
}

/* ---- compatibility, config, mode ---- */

static int serve_compatible(struct rest_turn *t)
{
    struct registry_refusal refusal;
    struct str schema;
    bool compatible;
    int code = read_schema(t, &schema);
    if (code)
        return code;
    if (!store_check(t->store, t->route->subject, t->route->version, schema, t->arena, &compatible, &refusal, &t->err))
        return failed(t);
    buf_printf(t->out, "{\"is_compatible\":%s", compatible ? "true" : "false");
    if (t->route->verbose) {
        buf_adds(t->out, ",\"messages\":[");
        if (!compatible) {
            buf_add_json(t->out, refusal.reason);
            buf_addc(t->out, ',');
            buf_add_json(t->out, str_of(arena_printf(t->arena, "rule " STR_FMT, STR_ARG(refusal.rule))));
        }
        buf_addc(t->out, ']');
    }
    buf_addc(t->out, '}');
    return 0;
}

static bool about_mode(const struct rest_route *r)
{
    return r->endpoint == REST_MODE_GET || r->endpoint == REST_MODE_PUT || r->endpoint == REST_MODE_DELETE;
}

static int give_setting(struct rest_turn *t, const char *name, struct str value)
{
    buf_addc(t->out, '{');
    add_text(t->out, name, value);
    buf_addc(t->out, '}');
    return 0;
}

/* A subject without one of its own is told so, unless the query asks for what holds. */
static int serve_setting_get(struct rest_turn *t)
{
    const struct rest_route *r = t->route;
    bool mode = about_mode(r), own;
    struct str value;
    if (!store_setting_get(t->store, mode ? STORE_MODE : STORE_RULE, r->subject, t->arena, &value, &own, &t->err))
        return failed(t);
    if (r->subject.len && !own && !r->default_to_global)
        return refuse(t, mode ? STORE_MODE_NOT_SET : STORE_RULE_NOT_SET,
                      mode ? "the subject has no mode of its own"
                           : "the subject has no compatibility level of its own");
    return give_setting(t, mode ? "mode" : "compatibilityLevel", value);
}

static int serve_setting_put(struct rest_turn *t)
{
    const struct rest_route *r = t->route;
    bool mode = about_mode(r);
    const char *name = mode ? "mode" : "compatibility";
    struct json_tree tree;
    struct str value;
    int code = read_object(t, &tree);
    if (code)
        return code;
    if (!rest_text(&tree, name, &value) || value.len == 0)
        return refuse(t, mode ? STORE_MODE_BAD : STORE_RULE_BAD,
                      mode ? "the request has no mode" : "the request has no compatibility");
    if (!store_setting_set(t->store, mode ? STORE_MODE : STORE_RULE, r->subject, value, t->arena, &t->err))
        return failed(t);
    return give_setting(t, name, value);
}

static int serve_setting_delete(struct rest_turn *t)
{
    const struct rest_route *r = t->route;
    enum store_setting what = about_mode(r) ? STORE_MODE : STORE_RULE;
    struct str value;
    bool own;
    if (!store_setting_get(t->store, what, r->subject, t->arena, &value, &own, &t->err))
        return failed(t);
    if (r->subject.len && !own)
        return refuse(t, STORE_SUBJECT_UNKNOWN, "the subject has none of its own");
    if (!store_setting_set(t->store, what, r->subject, (struct str){"", 0}, t->arena, &t->err))
        return failed(t);
    return give_setting(t, what == STORE_MODE ? "mode" : "compatibilityLevel", value);
}

static int serve_contexts(struct rest_turn *t)
{
    buf_adds(t->out, "[\".\"]");
    return 0;
}

static int serve_metadata_version(struct rest_turn *t)
{
    buf_adds(t->out, "{\"version\":\"undam-" UNDAM_VERSION "\",\"commitId\":\"\"}");
    return 0;
}

/* ---- the table ---- */

static int (*const serve[])(struct rest_turn *t) = {
    [REST_ROOT] = serve_root,
    [REST_SUBJECTS] = serve_subjects,
    [REST_LOOKUP] = serve_lookup,
    [REST_SUBJECT_DELETE] = serve_delete,
    [REST_VERSIONS] = serve_versions,
    [REST_REGISTER] = serve_register,
    [REST_VERSION] = serve_version,
    [REST_VERSION_DELETE] = serve_delete,
    [REST_VERSION_SCHEMA] = serve_version_schema,
    [REST_REFERENCED_BY] = serve_referenced_by,
    [REST_ID] = serve_id,
    [REST_ID_SCHEMA] = serve_id,
    [REST_ID_SUBJECTS] = serve_id_subjects,
    [REST_ID_VERSIONS] = serve_id_versions,
    [REST_TYPES] = serve_types,
    [REST_COMPATIBLE] = serve_compatible,
    [REST_CONFIG_GET] = serve_setting_get,
    [REST_CONFIG_PUT] = serve_setting_put,
    [REST_CONFIG_DELETE] = serve_setting_delete,
    [REST_MODE_GET] = serve_setting_get,
    [REST_MODE_PUT] = serve_setting_put,
    [REST_MODE_DELETE] = serve_setting_delete,
    [REST_CONTEXTS] = serve_contexts,
    [REST_METADATA_VERSION] = serve_metadata_version,
};

/* 40401 is HTTP 404; Confluent's 409 and HTTP's own are themselves. */
static int status_of(int code) { return code >= 1000 ? code / 100 : code; }

static void give_error(struct buf *out, int code, const char *text)
{
    static const struct str ours = {"registry: ", 10};
    struct str message = str_of(text);
    if (str_starts(message, ours))
        message = str_n(message.data + ours.len, message.len - ours.len);
    buf_clear(out);
    buf_printf(out, "{\"error_code\":%d,\"message\":", code);
    buf_add_json(out, message);
    buf_addc(out, '}');
}

int rest_serve(struct store *store, const struct rest_request *request, struct arena *arena, struct buf *body,
               struct err *ret_err)
{
    struct rest_route route;
    struct rest_problem problem;
    err_clear(ret_err);
    if (!rest_route(request->method, request->path, request->query, arena, &route, &problem)) {
        give_error(body, problem.code, problem.text);
        return status_of(problem.code);
    }
    struct rest_turn t = {.store = store, .route = &route, .body = request->body, .arena = arena, .out = body};
    int code = serve[route.endpoint](&t);
    if (code == CODE_STORE) {
        *ret_err = t.err;
        give_error(body, code, "the registry's database cannot be used now");
    } else if (code) {
        give_error(body, code, t.err.text);
    }
    return code ? status_of(code) : STATUS_OK;
}
