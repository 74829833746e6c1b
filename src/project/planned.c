// SPDX-License-Identifier: Apache-2.0
/* What a registration will do; see planned.h. */
#include "project/planned.h"

void planned_free(struct planned *p)
{
    arena_free(&p->arena);
    *p = (struct planned){0};
}

static const char *topic_of(const struct planned_input *in, struct arena *a, const struct catalog_table *t,
                            struct err *err)
{
    const char *name = arena_printf(a, "%s.%s", t->schema, t->name);
    const struct config_service *owner = config_owner(in->config, str_of(name));
    if (owner)
        return arena_printf(a, "%s.%s", in->config->bus.prefix, owner->name);
    err_set(err, ERR_CONFIG, "table %s belongs to no service", name);
    err_hint(err, "add it under services.<name>.tables in %s, restart the relay, then register the view",
             in->config->path);
    return NULL;
}

static struct planned_mirror *mirror_for(struct planned *p, const struct catalog_table *t)
{
    for (size_t i = 0; i < p->mirror_count; i++)
        if (p->mirrors[i].table == t)
            return &p->mirrors[i];
    struct planned_mirror *m = &p->mirrors[p->mirror_count++];
    *m = (struct planned_mirror){.table = t};
    return m;
}

static bool uses_column(const struct planned *p, const struct catalog_table *t, const char *column)
{
    for (size_t v = 0; v < p->view_count; v++)
        for (size_t i = 0; i < p->views[v].plan.table_count; i++) {
            const struct view_table *used = &p->views[v].plan.tables[i];
            for (size_t c = 0; used->table == t && c < used->column_count; c++)
                if (strcmp(used->columns[c], column) == 0)
                    return true;
        }
    return false;
}

static int key_place(const struct catalog_table *t, const char *column)
{
    for (size_t i = 0; i < t->key_count; i++)
        if (strcmp(t->key[i], column) == 0)
            return (int)i + 1;
    return 0;
}

/* The columns that the new views use, the key, and whatever the mirror of today has. */
static void choose_columns(const struct planned_input *in, struct planned *p, struct planned_mirror *m,
                           const struct mirror *today)
{
    const struct catalog_table *t = m->table;
    const struct source_table *s = source_table_of(in->catalog, t);
    m->mirror.columns = arena_calloc(&p->arena, t->column_count, sizeof *m->mirror.columns);
    for (size_t i = 0; i < t->column_count; i++) {
        int at = today ? mirror_column_index(today, str_of(t->columns[i].name)) : -1;
        int key = key_place(t, t->columns[i].name);
        if (at < 0 && key == 0 && !uses_column(p, t, t->columns[i].name))
            continue;
        m->mirror.columns[m->mirror.column_count++] = (struct mirror_column){
            .name = t->columns[i].name,
            .type = t->columns[i].type,
            .collation = s->columns[i].collation,
            .type_oid = s->columns[i].type_oid,
            .typmod = s->columns[i].typmod,
            .not_null = t->columns[i].not_null,
            .key = key,
        };
        m->copy |= at < 0 || today->columns[at].type_oid != s->columns[i].type_oid ||
                   today->columns[at].typmod != s->columns[i].typmod;
    }
}

static bool plan_mirror(const struct planned_input *in, struct planned *p, struct planned_mirror *m, struct err *err)
{
    const struct catalog_table *t = m->table;
    const struct mirror *today = readmodel_mirror(in->readmodel, t->schema, t->name);
    m->existing = today != NULL;
    m->kind = source_table_of(in->catalog, t)->kind;
    m->copy = in->copy_all || !today;
    m->mirror.source_schema = t->schema;
    m->mirror.source_table = t->name;
    m->mirror.entity = arena_printf(&p->arena, "%s.%s", t->schema, t->name);
    m->mirror.name = mirror_name(&p->arena, t->schema, t->name);
    m->mirror.number = (size_t)(m - p->mirrors);
    m->mirror.topic = topic_of(in, &p->arena, t, err);
    if (!m->mirror.topic)
        return false;
    choose_columns(in, p, m, today);
    m->mirror.home = m->copy ? "undam_load" : "mirror";
    mirror_index_keys(&m->mirror, &p->arena);
    mirror_prepare(&m->mirror, &p->arena);
    return true;
}

static bool plan_view(const struct planned_input *in, struct planned *p, const struct view_file *file, struct err *err)
{
    struct planned_view *v = &p->views[p->view_count];
    *v = (struct planned_view){.file = *file, .version = 1};
    const struct view *today = readmodel_view(in->readmodel, file->name);
    if (today) {
        v->version = today->version + 1;
        v->change = strcmp(today->definition, file->text) == 0 && !in->copy_all ? PLANNED_SAME : PLANNED_REPLACE;
    }
    if (!view_plan_build(file->select, file->keys, file->key_count, &in->catalog->catalog, &p->arena, &v->plan, err))
        return err_wrap(err, "%s (SELECT begins at line %d)", file->path, file->select_line);
    p->view_count++;
    for (size_t i = 0; i < v->plan.table_count; i++) {
        if (!source_table_check(in->catalog, &v->plan.tables[i], in->config->source.publication, err))
            return err_wrap(err, "%s", file->path);
        (void)mirror_for(p, v->plan.tables[i].table);
    }
    return true;
}

bool planned_build(const struct planned_input *in, const struct view_file *files, size_t count, struct planned *ret,
                   struct err *err)
{
    struct planned p = {0};
    arena_init(&p.arena);
    p.views = arena_calloc(&p.arena, count + 1, sizeof *p.views);
    p.mirrors = arena_calloc(&p.arena, in->catalog->catalog.table_count + 1, sizeof *p.mirrors);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        for (size_t k = 0; ok && k < i; k++)
            if (strcmp(files[i].name, files[k].name) == 0)
                ok = err_set(err, ERR_CONFIG, "%s and %s both define view %s", files[k].path, files[i].path,
                             files[i].name);
        ok = ok && plan_view(in, &p, &files[i], err);
    }
    for (size_t i = 0; ok && i < p.mirror_count; i++)
        ok = plan_mirror(in, &p, &p.mirrors[i], err);
    if (!ok) {
        planned_free(&p);
        return false;
    }
    *ret = p;
    return true;
}

size_t planned_copies(const struct planned *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->mirror_count; i++)
        n += p->mirrors[i].copy;
    return n;
}

static void add_names(struct buf *b, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(b, "%s%s", i ? ", " : "", names[i]);
}

static const char *change_word(enum planned_change c)
{
    switch (c) {
    case PLANNED_NEW: return "new";
    case PLANNED_REPLACE: return "replaces the registered version";
    case PLANNED_SAME: return "registered and ready, nothing to do";
    default: return "?";
    }
}

static void print_view(const struct planned_view *v, struct buf *b)
{
    buf_printf(b, "view %s (%s)\n  key ", v->file.name, change_word(v->change));
    add_names(b, v->plan.keys, v->plan.key_count);
    buf_adds(b, "; row key ");
    add_names(b, v->file.rows, v->file.row_count);
    buf_adds(b, "\n");
    for (size_t i = 0; i < v->plan.table_count; i++) {
        const struct view_table *t = &v->plan.tables[i];
        buf_printf(b, "  reads %s.%s (", t->table->schema, t->table->name);
        add_names(b, t->columns, t->column_count);
        buf_adds(b, ")\n");
    }
    for (size_t i = 0; i < v->plan.keymap_count; i++) {
        const struct view_keymap *k = &v->plan.keymaps[i];
        buf_printf(b, "  a write to %s.%s (", k->table->table->schema, k->table->table->name);
        add_names(b, k->columns, k->column_count);
        buf_printf(b, ") touches the keys of:\n    %s\n", k->sql);
    }
    for (size_t i = 0; i < v->plan.index_count; i++) {
        const struct view_index *x = &v->plan.indexes[i];
        buf_printf(b, "  needs an index on %s.%s (", x->table->schema, x->table->name);
        add_names(b, x->columns, x->column_count);
        buf_adds(b, ")\n");
    }
}

void planned_print(const struct planned *p, struct buf *b)
{
    for (size_t i = 0; i < p->view_count; i++)
        print_view(&p->views[i], b);
    for (size_t i = 0; i < p->mirror_count; i++) {
        const struct planned_mirror *m = &p->mirrors[i];
        buf_printf(b, "mirror %s: %zu of %zu columns, topic %s, %s\n", m->mirror.entity, m->mirror.column_count,
                   m->table->column_count, m->mirror.topic,
                   !m->copy      ? "already there"
                   : m->existing ? "to be copied again from the source, with what is new"
                                 : "to be copied from the source");
    }
}

static void json_names(struct buf *b, const char *key, const char *const *names, size_t count)
{
    buf_printf(b, "\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        buf_adds(b, i ? "," : "");
        buf_add_json(b, str_of(names[i]));
    }
    buf_adds(b, "]");
}

static void json_table(struct buf *b, const struct catalog_table *t)
{
    buf_adds(b, "\"table\":");
    CLEANUP(free_ptr) char *name = xasprintf("%s.%s", t->schema, t->name);
    buf_add_json(b, str_of(name));
    buf_addc(b, ',');
}

static void json_view(const struct planned_view *v, struct buf *b)
{
    static const char *const changes[] = {"new", "replace", "same"};
    buf_adds(b, "{\"view\":");
    buf_add_json(b, str_of(v->file.name));
    buf_printf(b, ",\"change\":\"%s\",\"version\":%d,", changes[v->change], v->version);
    json_names(b, "key", v->plan.keys, v->plan.key_count);
    buf_addc(b, ',');
    json_names(b, "row", v->file.rows, v->file.row_count);
    buf_adds(b, ",\"tables\":[");
    for (size_t i = 0; i < v->plan.table_count; i++) {
        buf_adds(b, i ? ",{" : "{");
        json_table(b, v->plan.tables[i].table);
        json_names(b, "columns", v->plan.tables[i].columns, v->plan.tables[i].column_count);
        buf_addc(b, '}');
    }
    buf_adds(b, "],\"keymaps\":[");
    for (size_t i = 0; i < v->plan.keymap_count; i++) {
        const struct view_keymap *k = &v->plan.keymaps[i];
        buf_adds(b, i ? ",{" : "{");
        json_table(b, k->table->table);
        json_names(b, "columns", k->columns, k->column_count);
        buf_adds(b, ",\"sql\":");
        buf_add_json(b, str_of(k->sql));
        buf_addc(b, '}');
    }
    buf_adds(b, "],\"indexes\":[");
    for (size_t i = 0; i < v->plan.index_count; i++) {
        buf_adds(b, i ? ",{" : "{");
        json_table(b, v->plan.indexes[i].table);
        json_names(b, "columns", v->plan.indexes[i].columns, v->plan.indexes[i].column_count);
        buf_addc(b, '}');
    }
    buf_adds(b, "],\"restricted\":");
    buf_add_json(b, str_of(v->plan.restricted));
    buf_addc(b, '}');
}

void planned_print_json(const struct planned *p, struct buf *b)
{
    buf_adds(b, "{\"views\":[");
    for (size_t i = 0; i < p->view_count; i++) {
        buf_adds(b, i ? "," : "");
        json_view(&p->views[i], b);
    }
    buf_adds(b, "],\"mirrors\":[");
    for (size_t i = 0; i < p->mirror_count; i++) {
        const struct planned_mirror *m = &p->mirrors[i];
        buf_adds(b, i ? ",{\"table\":" : "{\"table\":");
        buf_add_json(b, str_of(m->mirror.entity));
        buf_adds(b, ",\"topic\":");
        buf_add_json(b, str_of(m->mirror.topic));
        buf_printf(b, ",\"columns\":%zu,\"copy\":%s}", m->mirror.column_count, m->copy ? "true" : "false");
    }
    buf_adds(b, "]}\n");
}
