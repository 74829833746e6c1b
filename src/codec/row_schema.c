// SPDX-License-Identifier: Apache-2.0
/* The schema as JSON, and Avro names of columns; see row.h. */
#include "codec/row_type.h"

static bool name_char(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

void row_name_escape(struct str column, struct buf *out)
{
    for (size_t i = 0; i < column.len; i++) {
        char c = column.data[i];
        bool looks_escaped = c == '_' && i + 1 < column.len && column.data[i + 1] == 'x';
        if (name_char(c, i == 0) && !looks_escaped)
            buf_addc(out, c);
        else
            buf_printf(out, "_x%02X_", (unsigned)(unsigned char)c);
    }
}

static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

bool row_name_unescape(struct str name, struct buf *out)
{
    size_t before = out->len;
    struct buf again;
    for (size_t i = 0; i < name.len; i++) {
        bool escape = name.len - i >= 5 && name.data[i] == '_' && name.data[i + 1] == 'x' &&
                      hex(name.data[i + 2]) >= 0 && hex(name.data[i + 3]) >= 0 && name.data[i + 4] == '_';
        int byte = escape ? hex(name.data[i + 2]) * 16 + hex(name.data[i + 3]) : name.data[i];
        buf_addc(out, (char)byte);
        i += escape ? 4 : 0;
    }
    if (out->overflow)
        return false;
    /* One spelling a name: "_x41_" would be an "A", which is written as it is. */
    buf_init(&again, 0);
    row_name_escape(str_n(out->data ? out->data + before : "", out->len - before), &again);
    bool same = str_eq(buf_str(&again), name);
    buf_free(&again);
    if (!same && out->data) {
        out->len = before;
        out->data[before] = '\0';
    }
    return same;
}

static void print_member(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, ",\"%s\":", name);
    buf_add_json(out, value);
}

static void print_column(const struct row_column *c, struct buf *out)
{
    struct row_type type = row_type_of(c);
    buf_adds(out, "{\"name\":\"");
    row_name_escape(c->name, out);
    buf_adds(out, "\",\"type\":");
    row_type_print(&type, out);
    buf_adds(out, ",\"default\":null");
    if (c->doc.len)
        print_member(out, "doc", c->doc);
    print_member(out, "undam.column", c->name);
    print_member(out, "undam.type", c->type);
    buf_printf(out, ",\"undam.oid\":%u,\"undam.typmod\":%d", c->type_oid, c->typmod);
    if (c->base_oid)
        buf_printf(out, ",\"undam.base_oid\":%u,\"undam.base_typmod\":%d", c->base_oid, c->base_typmod);
    if (c->preset.len)
        print_member(out, "undam.default", c->preset);
    if (c->key)
        buf_printf(out, ",\"undam.key\":%d", c->key);
    buf_addc(out, '}');
}

void row_schema_print(const struct row_schema *schema, struct buf *out)
{
    buf_adds(out, "{\"type\":\"record\"");
    print_member(out, "name", schema->name);
    print_member(out, "namespace", schema->namespace);
    if (schema->doc.len)
        print_member(out, "doc", schema->doc);
    print_member(out, "undam.entity", schema->entity);
    print_member(out, "undam.verb", schema->verb);
    buf_adds(out, ",\"fields\":[");
    for (size_t i = 0; i < schema->column_count; i++) {
        if (i)
            buf_addc(out, ',');
        print_column(&schema->columns[i], out);
    }
    if (schema->dynamic)
        buf_printf(out,
                   "%s{\"name\":\"" ROW_DYNAMIC_FIELD
                   "\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"string\"]},\"default\":{}}",
                   schema->column_count ? "," : "");
    buf_adds(out, "]}");
}
