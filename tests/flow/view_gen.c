// SPDX-License-Identifier: Apache-2.0
/* Random schemas, views and changes; see view_gen.h. */
#include "view_gen.h"

#include <assert.h>
#include <string.h>

const char *const gen_tag_names[GEN_TAG_COUNT] = {
#define X(name, text) text,
    GEN_TAGS(X)
#undef X
};

void gen_init(struct gen *g, uint64_t seed, struct arena *arena)
{
    *g = (struct gen){.state = seed * 0x9E3779B97F4A7C15u + 1, .arena = arena};
    gen_below(g, 2);
}

uint32_t gen_below(struct gen *g, uint32_t n)
{
    uint64_t z = g->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static bool one_in(struct gen *g, uint32_t n) { return gen_below(g, n) == 0; }

/* ---- schema ---- */

static const char *const integer_types[] = {"integer", "integer", "bigint", "smallint"};

static const char *integer_type(struct gen *g) { return integer_types[gen_below(g, COUNT(integer_types))]; }

static void add_column(struct catalog_table *t, const char *name, const char *type, bool not_null)
{
    t->columns[t->column_count++] = (struct catalog_column){name, type, not_null};
}

static void make_table(struct gen *g, struct catalog_table *t, size_t number)
{
    *t = (struct catalog_table){.schema = "public", .name = arena_printf(g->arena, "t%zu", number)};
    t->columns = arena_calloc(g->arena, 10, sizeof *t->columns);
    t->key = arena_calloc(g->arena, 2, sizeof *t->key);
    if (one_in(g, 3)) {
        add_column(t, "p", integer_type(g), true);
        add_column(t, "q", integer_type(g), true);
        t->key[t->key_count++] = "p";
        t->key[t->key_count++] = "q";
    } else {
        add_column(t, "id", integer_type(g), true);
        t->key[t->key_count++] = "id";
    }
    add_column(t, "f", integer_type(g), one_in(g, 3));
    add_column(t, "h", integer_type(g), one_in(g, 3));
    add_column(t, "a", "integer", false);
    add_column(t, "b", "integer", true);
    add_column(t, "s", "text", false);
    add_column(t, "n", "numeric(6,2)", false);
}

void gen_catalog(struct gen *g, struct catalog *ret)
{
    ret->table_count = 2 + gen_below(g, 4);
    ret->tables = arena_calloc(g->arena, ret->table_count, sizeof *ret->tables);
    for (size_t i = 0; i < ret->table_count; i++)
        make_table(g, &ret->tables[i], i);
}

static const char *finish(struct gen *g, struct buf *b)
{
    const char *text = arena_strdup(g->arena, b->data ? b->data : "");
    buf_free(b);
    return text;
}

const char *gen_ddl(struct gen *g, const struct catalog *catalog, const char *prefix)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < catalog->table_count; i++) {
        const struct catalog_table *t = &catalog->tables[i];
        buf_printf(&b, "CREATE TABLE %s%s (", prefix, t->name);
        for (size_t c = 0; c < t->column_count; c++)
            buf_printf(&b, "%s %s%s, ", t->columns[c].name, t->columns[c].type,
                       t->columns[c].not_null ? " NOT NULL" : "");
        buf_printf(&b, "PRIMARY KEY (%s%s%s));\n", t->key[0], t->key_count > 1 ? ", " : "",
                   t->key_count > 1 ? t->key[1] : "");
    }
    return finish(g, &b);
}

/* ---- rows ---- */

static void add_value(struct gen *g, struct buf *b, const struct catalog_column *c)
{
    if (!c->not_null && one_in(g, 5))
        buf_adds(b, "NULL");
    else if (strcmp(c->type, "text") == 0)
        buf_printf(b, "'x%u'", gen_below(g, 4));
    else if (strcmp(c->type, "numeric(6,2)") == 0)
        buf_printf(b, "%u.%02u", gen_below(g, 10), gen_below(g, 100));
    else
        buf_printf(b, "%u", gen_below(g, 8));
}

static void add_insert(struct gen *g, struct buf *b, const struct catalog_table *t, const char *prefix)
{
    buf_printf(b, "INSERT INTO %s%s VALUES (", prefix, t->name);
    for (size_t c = 0; c < t->column_count; c++) {
        buf_adds(b, c ? ", " : "");
        add_value(g, b, &t->columns[c]);
    }
    buf_adds(b, ") ON CONFLICT DO NOTHING;\n");
}

static void add_where(struct gen *g, struct buf *b, const struct catalog_table *t)
{
    const struct catalog_column *c = &t->columns[gen_below(g, one_in(g, 2) ? (uint32_t)t->key_count : 4)];
    buf_printf(b, " WHERE %s = %u", c->name, gen_below(g, 8));
}

static void add_update(struct gen *g, struct buf *b, const struct catalog_table *t, const char *prefix)
{
    size_t first = gen_below(g, (uint32_t)t->column_count), count = 1 + gen_below(g, 2);
    bool moves_key = false;
    struct buf set;
    buf_init(&set, 1 << 16);
    for (size_t i = 0; i < count && first + i < t->column_count; i++) {
        const struct catalog_column *c = &t->columns[first + i];
        buf_printf(&set, "%s%s = ", i ? ", " : "", c->name);
        if (first + i < t->key_count) {
            /* To a key beyond those there are, or back: never a collision inside one statement of one row. */
            moves_key = true;
            buf_printf(&set, "%u", gen_below(g, 8));
        } else {
            add_value(g, &set, c);
        }
    }
    if (!moves_key) {
        buf_printf(b, "UPDATE %s%s SET %s", prefix, t->name, set.data);
        add_where(g, b, t);
        buf_adds(b, ";\n");
    } else { /* one row, and only when the new key is free: decided by the server */
        buf_printf(b, "DO $$ BEGIN UPDATE %s%s SET %s WHERE %s = %u", prefix, t->name, set.data, t->key[0],
                   gen_below(g, 8));
        if (t->key_count > 1)
            buf_printf(b, " AND %s = %u", t->key[1], gen_below(g, 8));
        buf_adds(b, "; EXCEPTION WHEN unique_violation THEN NULL; END $$;\n");
    }
    buf_free(&set);
}

const char *gen_fill(struct gen *g, const struct catalog *catalog, const char *prefix)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < catalog->table_count; i++)
        for (uint32_t n = 4 + gen_below(g, 8); n > 0; n--)
            add_insert(g, &b, &catalog->tables[i], prefix);
    return finish(g, &b);
}

const char *gen_batch(struct gen *g, const struct catalog *catalog, const char *prefix)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (uint32_t n = 1 + gen_below(g, 9); n > 0; n--) {
        const struct catalog_table *t = &catalog->tables[gen_below(g, (uint32_t)catalog->table_count)];
        switch (gen_below(g, 5)) {
        case 0:
        case 1: add_insert(g, &b, t, prefix); break;
        case 2:
            buf_printf(&b, "DELETE FROM %s%s", prefix, t->name);
            add_where(g, &b, t);
            buf_adds(&b, ";\n");
            break;
        default: add_update(g, &b, t, prefix); break;
        }
    }
    return finish(g, &b);
}

/* ---- views ---- */

/* A relation that expressions may name: columns by kind, and which of them are unique together. */
enum { REL_COLUMNS = 12, REL_MAX = 24 };
struct rel {
    const char *alias;
    const char *table; /* base table's name, or NULL */
    struct {
        const char *name;
        char kind; /* i integer, n numeric, s text */
    } columns[REL_COLUMNS];
    size_t column_count;
    size_t unique[4], unique_count;
    bool nullable;
};
struct scope {
    struct rel rels[REL_MAX];
    size_t count;
    const struct scope *outer;
};

struct view_gen {
    struct gen *g;
    const struct catalog *catalog;
    uint64_t tags;
    unsigned aliases;
    unsigned budget; /* subqueries left */
    struct rel ctes[2];
    size_t cte_count;
};

#define TAG(v, name) ((v)->tags |= UINT64_C(1) << GEN_##name)

static const char *fresh(struct view_gen *v) { return arena_printf(v->g->arena, "r%u", v->aliases++); }

static char kind_of(const char *type) { return strcmp(type, "text") == 0 ? 's' : *type == 'n' ? 'n' : 'i'; }

static void rel_of_table(struct view_gen *v, struct rel *r)
{
    const struct catalog_table *t = &v->catalog->tables[gen_below(v->g, (uint32_t)v->catalog->table_count)];
    *r = (struct rel){.alias = fresh(v), .table = t->name, .column_count = t->column_count};
    for (size_t c = 0; c < t->column_count; c++) {
        r->columns[c].name = t->columns[c].name;
        r->columns[c].kind = kind_of(t->columns[c].type);
    }
    for (size_t k = 0; k < t->key_count; k++)
        r->unique[r->unique_count++] = k;
}

static size_t pick(struct gen *g, const struct rel *r, char kind)
{
    for (;;) {
        size_t c = gen_below(g, (uint32_t)r->column_count);
        if (r->columns[c].kind == kind)
            return c;
    }
}

static const char *column_text(struct view_gen *v, const struct rel *r, size_t c)
{
    return arena_printf(v->g->arena, "%s.%s", r->alias, r->columns[c].name);
}

static const struct rel *any_rel(struct view_gen *v, const struct scope *s)
{
    return &s->rels[gen_below(v->g, (uint32_t)s->count)];
}

static const char *any_column(struct view_gen *v, const struct scope *s, char kind)
{
    for (unsigned tries = 0; tries < 50; tries++) {
        const struct rel *r = any_rel(v, s);
        for (size_t c = 0; c < r->column_count; c++)
            if (r->columns[c].kind == kind)
                return column_text(v, r, pick(v->g, r, kind));
    }
    return kind == 's' ? "'x1'::text" : "1";
}

/* Joins like to meet on keys, but not always. */
static size_t link_column(struct view_gen *v, const struct rel *r)
{
    if (r->unique_count && gen_below(v->g, 3))
        return r->unique[gen_below(v->g, (uint32_t)r->unique_count)];
    return pick(v->g, r, 'i');
}

static void add_predicate(struct view_gen *v, struct buf *b, const struct scope *s, unsigned depth);
static void add_from(struct view_gen *v, struct buf *from, struct buf *where, struct scope *s, unsigned depth);
static const char *aggregate(struct view_gen *v, const struct scope *s, bool json);

static void add_equality(struct view_gen *v, struct buf *b, const struct rel *x, const struct rel *y)
{
    if (one_in(v->g, 12)) {
        buf_printf(b, "(%s, %s) = (%s, %s)", column_text(v, x, link_column(v, x)),
                   column_text(v, x, pick(v->g, x, 'i')), column_text(v, y, link_column(v, y)),
                   column_text(v, y, pick(v->g, y, 'i')));
        return;
    }
    const char *l = column_text(v, x, link_column(v, x)), *r = column_text(v, y, link_column(v, y));
    if (one_in(v->g, 2))
        buf_printf(b, "%s = %s", l, r);
    else
        buf_printf(b, "%s = %s", r, l);
}

/* A subquery over one or two tables, correlated to the scope by an equality (nearly always). */
static void add_correlated(struct view_gen *v, struct buf *b, const char *list_kind, const struct scope *outer,
                           unsigned depth)
{
    struct scope s = {.outer = outer};
    struct buf from, where;
    buf_init(&from, 1 << 20);
    buf_init(&where, 1 << 20);
    add_from(v, &from, &where, &s, depth + 2);
    if (gen_below(v->g, 12)) {
        buf_adds(&where, where.len ? " AND " : "");
        add_equality(v, &where, any_rel(v, &s),
                     any_rel(v, outer->outer && outer->outer->count && one_in(v->g, 3) ? outer->outer : outer));
    }
    if (one_in(v->g, 3)) {
        buf_adds(&where, where.len ? " AND (" : "(");
        add_predicate(v, &where, &s, depth + 1);
        buf_adds(&where, ")");
    }
    if (strcmp(list_kind, "row") == 0 && s.rels[0].table && one_in(v->g, 8)) { /* rows compared whole */
        static const char *const operators[] = {"EXCEPT", "INTERSECT", "UNION"};
        struct rel twin = s.rels[0];
        TAG(v, SETOP);
        twin.alias = fresh(v);
        buf_printf(b, "(SELECT * FROM %s %s WHERE ", s.rels[0].table, s.rels[0].alias);
        add_equality(v, b, &s.rels[0], any_rel(v, outer));
        buf_printf(b, " %s SELECT * FROM %s %s WHERE ", operators[gen_below(v->g, 3)], twin.table, twin.alias);
        add_equality(v, b, &twin, any_rel(v, outer));
        buf_addc(b, ')');
        buf_free(&from);
        buf_free(&where);
        return;
    }
    const char *list = "1";
    if (strcmp(list_kind, "aggregate") == 0)
        list = aggregate(v, &s, one_in(v->g, 3));
    else if (strcmp(list_kind, "column") == 0)
        list = column_text(v, &s.rels[0], link_column(v, &s.rels[0]));
    else if (one_in(v->g, 3))
        list = "*";
    buf_printf(b, "(SELECT %s FROM %s%s%s)", list, from.data, where.len ? " WHERE " : "", where.len ? where.data : "");
    buf_free(&from);
    buf_free(&where);
}

static void add_predicate(struct view_gen *v, struct buf *b, const struct scope *s, unsigned depth)
{
    struct gen *g = v->g;
    uint32_t kind = gen_below(g, depth > 2 || v->budget == 0 ? 8 : 12);
    if (kind >= 8)
        v->budget--;
    switch (kind) {
    case 0: buf_printf(b, "%s > %u", any_column(v, s, 'i'), gen_below(g, 6)); break;
    case 1: buf_printf(b, "%s IS NOT NULL", any_column(v, s, 'i')); break;
    case 2: buf_printf(b, "%s IS NULL", any_column(v, s, 'i')); break;
    case 3: buf_printf(b, "%s IN (1, 2, 3, 4)", any_column(v, s, 'i')); break;
    case 4: buf_printf(b, "(%s = 'x1' OR %s < 5)", any_column(v, s, 's'), any_column(v, s, 'i')); break;
    case 5: buf_printf(b, "%s = %s", any_column(v, s, 'i'), any_column(v, s, 'i')); break;
    case 6: buf_printf(b, "coalesce(%s, 3) <> 2", any_column(v, s, 'i')); break;
    case 7: buf_printf(b, "NOT (%s = 3)", any_column(v, s, 'i')); break;
    case 8:
        TAG(v, EXISTS);
        buf_adds(b, one_in(g, 4) ? "false OR EXISTS " : "EXISTS ");
        add_correlated(v, b, "row", s, depth);
        break;
    case 9:
    case 10:
        TAG(v, NOT_EXISTS);
        buf_adds(b, "NOT EXISTS ");
        add_correlated(v, b, "row", s, depth);
        break;
    default:
        TAG(v, IN);
        buf_printf(b, "%s%s %sIN ", one_in(g, 8) ? "1 = 2 OR " : "", any_column(v, s, 'i'), one_in(g, 8) ? "NOT " : "");
        add_correlated(v, b, "column", s, depth);
        break;
    }
}

/* Everything that tells the scope's rows apart, for ORDER BY. */
static const char *unique_order(struct view_gen *v, const struct scope *s)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    if (one_in(v->g, 2))
        buf_printf(&b, "%s%s", any_column(v, s, 'i'), one_in(v->g, 2) ? " DESC" : "");
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < s->rels[i].unique_count; k++)
            buf_printf(&b, "%s%s", b.len ? ", " : "", column_text(v, &s->rels[i], s->rels[i].unique[k]));
    return b.len ? finish(v->g, &b) : "1";
}

static const char *aggregate(struct view_gen *v, const struct scope *s, bool json)
{
    struct gen *g = v->g;
    TAG(v, AGGREGATE);
    const char *filter = "";
    if (one_in(g, 4)) {
        TAG(v, FILTER);
        filter = arena_printf(g->arena, " FILTER (WHERE %s > %u)", any_column(v, s, 'i'), gen_below(g, 5));
    }
    if (json) {
        TAG(v, JSON);
        const char *x = any_column(v, s, one_in(g, 2) ? 's' : 'i'), *y = any_column(v, s, 'n');
        switch (gen_below(g, 3)) {
        case 0:
            return arena_printf(g->arena, "json_agg(json_build_object('x', %s, 'y', %s) ORDER BY %s)%s::text", x, y,
                                unique_order(v, s), filter);
        case 1: return arena_printf(g->arena, "string_agg(%s::text, ',' ORDER BY %s)%s", x, unique_order(v, s), filter);
        default: return arena_printf(g->arena, "array_agg(%s ORDER BY %s)%s::text", y, unique_order(v, s), filter);
        }
    }
    switch (gen_below(g, 7)) {
    case 0: return arena_printf(g->arena, "count(*)%s", filter);
    case 1: return arena_printf(g->arena, "count(DISTINCT %s)%s", any_column(v, s, 'i'), filter);
    case 2: return arena_printf(g->arena, "sum(%s)%s", any_column(v, s, 'n'), filter);
    case 3: return arena_printf(g->arena, "max(%s)%s", any_column(v, s, 's'), filter);
    case 4: return arena_printf(g->arena, "avg(%s)%s", any_column(v, s, 'i'), filter);
    case 5: return arena_printf(g->arena, "bool_or(%s > 3)%s", any_column(v, s, 'i'), filter);
    default: return arena_printf(g->arena, "min(%s)%s", any_column(v, s, 'i'), filter);
    }
}

static void out_column(struct rel *r, const char *name, char kind)
{
    r->columns[r->column_count].name = name;
    r->columns[r->column_count++].kind = kind;
}

/* SELECT g AS c0[, g2 AS c1], aggregates ... GROUP BY */
static void add_grouped(struct view_gen *v, struct buf *b, struct rel *r, unsigned depth, const struct scope *outer,
                        bool lateral)
{
    struct scope s = {.outer = outer};
    struct buf from, where;
    buf_init(&from, 1 << 20);
    buf_init(&where, 1 << 20);
    add_from(v, &from, &where, &s, depth + 1);
    const char *g0 = any_column(v, &s, 'i'), *g1 = one_in(v->g, 3) ? any_column(v, &s, 'i') : NULL;
    if (lateral) {
        buf_adds(&where, where.len ? " AND " : "");
        add_equality(v, &where, any_rel(v, &s), any_rel(v, outer));
    }
    bool grouped = !lateral || one_in(v->g, 2);
    buf_adds(b, "SELECT ");
    if (grouped) {
        buf_printf(b, "%s AS c0, ", g0);
        out_column(r, "c0", 'i');
        r->unique[r->unique_count++] = 0;
        if (g1) {
            buf_printf(b, "%s AS c1, ", g1);
            out_column(r, "c1", 'i');
            r->unique[r->unique_count++] = 1;
        }
    }
    buf_printf(b, "count(*) AS cn, %s AS cm", aggregate(v, &s, one_in(v->g, 3)));
    out_column(r, "cn", 'i');
    buf_printf(b, " FROM %s%s%s", from.data, where.len ? " WHERE " : "", where.len ? where.data : "");
    if (grouped)
        buf_printf(b, " GROUP BY %s%s%s", g0, g1 ? ", " : "", g1 ? g1 : "");
    if (grouped && one_in(v->g, 4)) {
        TAG(v, HAVING);
        buf_adds(b, " HAVING count(*) > 1");
    }
    buf_free(&from);
    buf_free(&where);
}

/* SELECT columns, perhaps DISTINCT or with a window, over joins. */
static void add_plain(struct view_gen *v, struct buf *b, struct rel *r, unsigned depth, const struct scope *outer,
                      bool lateral)
{
    struct scope s = {.outer = outer};
    struct buf from, where;
    buf_init(&from, 1 << 20);
    buf_init(&where, 1 << 20);
    add_from(v, &from, &where, &s, depth + 1);
    if (lateral) {
        buf_adds(&where, where.len ? " AND " : "");
        add_equality(v, &where, any_rel(v, &s), any_rel(v, outer));
    }
    bool distinct = one_in(v->g, 4);
    buf_printf(b, "SELECT %s", distinct ? "DISTINCT " : "");
    if (distinct)
        TAG(v, DISTINCT);
    const char *c0 = column_text(v, &s.rels[0], link_column(v, &s.rels[0]));
    buf_printf(b, "%s AS c0, %s AS c1, %s AS c2", c0, any_column(v, &s, 'i'), any_column(v, &s, 's'));
    out_column(r, "c0", 'i');
    out_column(r, "c1", 'i');
    out_column(r, "c2", 's');
    if (!distinct && one_in(v->g, 3)) {
        TAG(v, WINDOW);
        buf_printf(b, ", sum(%s) OVER (PARTITION BY %s ORDER BY %s) AS w", any_column(v, &s, 'n'), c0,
                   unique_order(v, &s));
        out_column(r, "w", 'n');
    }
    buf_printf(b, " FROM %s%s%s", from.data, where.len ? " WHERE " : "", where.len ? where.data : "");
    if (lateral && one_in(v->g, 2)) {
        TAG(v, TOP_N);
        buf_printf(b, " ORDER BY %s LIMIT %u", distinct ? "1, 2, 3" : unique_order(v, &s), 1 + gen_below(v->g, 2));
    }
    if (distinct)
        for (size_t i = 0; i < 3; i++)
            r->unique[r->unique_count++] = i;
    buf_free(&from);
    buf_free(&where);
}

/* One FROM item; returns its text, fills the relation. */
static const char *item(struct view_gen *v, struct rel *r, unsigned depth, const struct scope *left)
{
    struct gen *g = v->g;
    struct buf b;
    if (v->cte_count && one_in(g, 3)) {
        *r = v->ctes[gen_below(g, (uint32_t)v->cte_count)];
        const char *name = r->alias;
        r->alias = fresh(v);
        return arena_printf(g->arena, "%s %s", name, r->alias);
    }
    if (depth >= 2 || v->budget == 0 || gen_below(g, 10) < 7) {
        rel_of_table(v, r);
        for (size_t i = 0; i < left->count; i++)
            if (left->rels[i].table && strcmp(left->rels[i].table, r->table) == 0)
                TAG(v, SELF);
        return arena_printf(g->arena, "%s %s", r->table, r->alias);
    }
    v->budget--;
    buf_init(&b, 1 << 20);
    *r = (struct rel){.alias = fresh(v)};
    bool lateral = left->count && one_in(g, 2);
    buf_adds(&b, lateral ? "LATERAL (" : "(");
    if (lateral)
        TAG(v, LATERAL);
    if (one_in(g, 2)) {
        TAG(v, GROUPED_SUBQUERY);
        add_grouped(v, &b, r, depth, left, lateral);
    } else {
        TAG(v, SUBQUERY);
        add_plain(v, &b, r, depth, left, lateral);
    }
    if (!lateral && r->columns[0].kind == 'i' && !strstr(b.data, "ORDER BY") && one_in(g, 5)) {
        /* The same again: a set operation over columns that fit. */
        static const char *const operators[] = {" UNION ALL ", " UNION ", " EXCEPT ", " INTERSECT "};
        const char *first = arena_strdup(g->arena, b.data + 1);
        TAG(v, SETOP);
        struct rel other;
        rel_of_table(v, &other);
        buf_clear(&b);
        buf_printf(&b, "(SELECT u.c0 FROM (%s) u%sSELECT %s FROM %s %s", first, operators[gen_below(g, 4)],
                   column_text(v, &other, link_column(v, &other)), other.table, other.alias);
        r->column_count = 1;
        r->unique_count = 0;
    }
    buf_printf(&b, ") %s", r->alias);
    return finish(g, &b);
}

static void add_on(struct view_gen *v, struct buf *b, const struct scope *s, const struct rel *r)
{
    if (r->column_count && gen_below(v->g, 30))
        add_equality(v, b, r, &s->rels[gen_below(v->g, (uint32_t)s->count)]);
    else
        buf_adds(b, "true");
    if (one_in(v->g, 6)) {
        struct scope both = *s;
        both.rels[both.count++] = *r;
        buf_adds(b, " AND ");
        if (one_in(v->g, 2))
            buf_printf(b, "%s > %u", any_column(v, &both, 'i'), gen_below(v->g, 5));
        else
            buf_printf(b, "%s = %s", any_column(v, &both, 'i'), any_column(v, &both, 'i'));
    }
}

/* Whether it was a comma. */
static bool add_join(struct view_gen *v, struct buf *from, struct buf *where, struct scope *s, unsigned depth)
{
    struct gen *g = v->g;
    struct rel r;
    const char *text = item(v, &r, depth, s);
    bool lateral = strncmp(text, "LATERAL", 7) == 0;
    uint32_t kind = gen_below(g, 10);
    if (kind == 9 && !lateral && r.table && s->count == 1 && s->rels[0].table) {
        TAG(v, USING);
        uint32_t side = gen_below(g, 4);
        buf_printf(from, " %sJOIN %s USING (%s)",
                   side == 3 ? "RIGHT "
                   : side    ? "LEFT "
                             : "",
                   text, one_in(g, 2) ? "f" : "a");
        r.nullable = side == 1 || side == 2;
        s->rels[0].nullable |= side == 3;
    } else if (kind >= 8 && !lateral) {
        TAG(v, COMMA);
        buf_printf(from, ", %s", text);
        buf_adds(where, where->len ? " AND " : "");
        add_equality(v, where, &r, any_rel(v, s));
    } else if (kind == 7 && !lateral) {
        TAG(v, RIGHT);
        buf_printf(from, " RIGHT JOIN %s ON ", text);
        add_on(v, from, s, &r);
        for (size_t i = 0; i < s->count; i++)
            s->rels[i].nullable = true;
    } else if (kind >= 3) {
        TAG(v, LEFT);
        r.nullable = true;
        buf_printf(from, " LEFT JOIN %s ON ", text);
        add_on(v, from, s, &r);
    } else {
        TAG(v, INNER);
        buf_printf(from, " JOIN %s ON ", text);
        add_on(v, from, s, &r);
    }
    s->rels[s->count++] = r;
    return kind == 8 || (kind == 9 && from->data[from->len - 1] != ')');
}

/* a LEFT JOIN (b JOIN c ON ...) ON ... */
static void add_nested_join(struct view_gen *v, struct buf *from, struct scope *s)
{
    struct scope inner = {0};
    struct buf b, nowhere;
    buf_init(&b, 1 << 20);
    buf_init(&nowhere, 1 << 20);
    rel_of_table(v, &inner.rels[inner.count++]);
    struct rel c;
    rel_of_table(v, &c);
    buf_printf(&b, "(%s %s %sJOIN %s %s ON ", inner.rels[0].table, inner.rels[0].alias, one_in(v->g, 2) ? "LEFT " : "",
               c.table, c.alias);
    add_on(v, &b, &inner, &c);
    inner.rels[inner.count++] = c;
    buf_printf(from, " LEFT JOIN %s) ON ", b.data);
    TAG(v, LEFT);
    add_equality(v, from, &inner.rels[gen_below(v->g, 2)], any_rel(v, s));
    for (size_t i = 0; i < 2; i++) {
        inner.rels[i].nullable = true;
        s->rels[s->count++] = inner.rels[i];
    }
    buf_free(&b);
    buf_free(&nowhere);
}

static void add_from(struct view_gen *v, struct buf *from, struct buf *where, struct scope *s, unsigned depth)
{
    buf_adds(from, item(v, &s->rels[0], depth, s));
    s->count = 1;
    /* A comma binds weaker than JOIN: what follows it may not name what stands before, so no JOIN comes after one. */
    bool comma = false;
    for (uint32_t n = gen_below(v->g, depth ? 2 : 4); n > 0 && !comma; n--) {
        if (one_in(v->g, 8))
            add_nested_join(v, from, s);
        else
            comma = add_join(v, from, where, s, depth);
    }
    if (one_in(v->g, depth ? 4 : 2)) {
        buf_adds(where, where->len ? " AND (" : "(");
        add_predicate(v, where, s, depth);
        buf_adds(where, ")");
    }
}

/* ---- the top level ---- */

static const char *value(struct view_gen *v, const struct scope *s, const char *key)
{
    struct gen *g = v->g;
    struct buf b;
    switch (gen_below(g, v->budget ? 8 : 6)) {
    case 0: return any_column(v, s, 'i');
    case 1: return any_column(v, s, 's');
    case 2: return arena_printf(g->arena, "coalesce(%s, -1)", any_column(v, s, 'i'));
    case 3: return arena_printf(g->arena, "CASE WHEN %s > 3 THEN 'big' ELSE 'small' END", any_column(v, s, 'i'));
    case 4:
        TAG(v, WINDOW);
        return arena_printf(g->arena, "row_number() OVER (PARTITION BY %s ORDER BY %s)", key, unique_order(v, s));
    case 5:
        TAG(v, WINDOW);
        return arena_printf(g->arena, "sum(%s) OVER (PARTITION BY %s%s)", any_column(v, s, 'n'), key,
                            one_in(g, 2) ? "" : arena_printf(g->arena, " ORDER BY %s", any_column(v, s, 'i')));
    default:
        v->budget--;
        TAG(v, SCALAR);
        buf_init(&b, 1 << 20);
        if (one_in(g, 4)) {
            TAG(v, JSON);
            struct rel r;
            rel_of_table(v, &r);
            buf_printf(&b, "(SELECT json_agg(j ORDER BY j.%s%s%s) FROM (SELECT %s.* FROM %s %s WHERE ",
                       r.columns[0].name, r.unique_count > 1 ? ", j." : "", r.unique_count > 1 ? r.columns[1].name : "",
                       r.alias, r.table, r.alias);
            add_equality(v, &b, &r, any_rel(v, s));
            buf_adds(&b, ") j)");
        } else {
            add_correlated(v, &b, "aggregate", s, 1);
        }
        return finish(g, &b);
    }
}

/* One SELECT with outputs k[, k2], v0, v1, v2, the latter as text, so that set operations fit. */
static const char *branch(struct view_gen *v, bool composite)
{
    struct gen *g = v->g;
    struct scope s = {0};
    struct buf from, where, b;
    buf_init(&from, 1 << 20);
    buf_init(&where, 1 << 20);
    buf_init(&b, 1 << 20);
    add_from(v, &from, &where, &s, 0);
    const struct rel *home = gen_below(g, 4) ? &s.rels[0] : any_rel(v, &s);
    const char *key = column_text(v, home, link_column(v, home));
    const char *key2 = column_text(v, one_in(g, 2) ? home : any_rel(v, &s), 0);
    if (home->nullable)
        TAG(v, NULLABLE_SIDE);
    uint32_t shape = gen_below(g, 8);
    buf_adds(&b, "SELECT ");
    if (shape == 0) {
        TAG(v, DISTINCT);
        buf_adds(&b, "DISTINCT ");
    } else if (shape == 1) {
        TAG(v, DISTINCT_ON);
        buf_printf(&b, "DISTINCT ON (%s%s%s) ", key, composite ? ", " : "", composite ? key2 : "");
    }
    buf_printf(&b, "%s AS k", key);
    if (composite)
        buf_printf(&b, ", %s AS k2", key2);
    bool grouped = shape >= 5, windowed = grouped && one_in(g, 4);
    const char *extra = any_column(v, &s, 'i');
    if (windowed) {
        TAG(v, WINDOW);
        buf_printf(&b, ", (rank() OVER (PARTITION BY %s ORDER BY count(*)))::text AS v9", key);
    }
    for (unsigned i = 0; i < (windowed ? 2 : 3); i++)
        buf_printf(&b, ", (%s)::text AS v%u", grouped ? aggregate(v, &s, i == 0) : value(v, &s, key), i);
    buf_printf(&b, " FROM %s%s%s", from.data, where.len ? " WHERE " : "", where.len ? where.data : "");
    if (grouped) {
        TAG(v, GROUP);
        buf_printf(&b, " GROUP BY %s%s%s%s", key, composite ? ", " : "", composite ? key2 : "", windowed ? ", " : "");
        if (windowed)
            buf_adds(&b, extra);
        if (one_in(g, 3)) {
            TAG(v, HAVING);
            buf_printf(&b, " HAVING count(*) > %u", gen_below(g, 3));
        }
    }
    if (shape == 1)
        buf_printf(&b, " ORDER BY %s, %s%s%s", key, composite ? key2 : "", composite ? ", " : "", unique_order(v, &s));
    buf_free(&from);
    buf_free(&where);
    return finish(g, &b);
}

void gen_view(struct gen *g, const struct catalog *catalog, struct gen_view *ret)
{
    struct view_gen v = {.g = g, .catalog = catalog, .budget = 4};
    struct buf b;
    buf_init(&b, 1 << 20);
    if (one_in(g, 6)) {
        struct rel r = {.alias = "w0"};
        const struct scope nothing = {0};
        TAG(&v, CTE);
        buf_adds(&b, "WITH w0 AS (");
        if (one_in(g, 2))
            add_grouped(&v, &b, &r, 1, &nothing, false);
        else
            add_plain(&v, &b, &r, 1, &nothing, false);
        buf_adds(&b, ") ");
        v.ctes[v.cte_count++] = r;
    }
    bool composite = one_in(g, 6);
    *ret = (struct gen_view){.keys = {"k", "k2"}, .key_count = composite ? 2 : 1};
    buf_adds(&b, branch(&v, composite));
    if (!strstr(b.data, "ORDER BY k") && !(v.tags & (UINT64_C(1) << GEN_DISTINCT_ON)) && one_in(g, 4)) {
        static const char *const operators[] = {"UNION ALL", "UNION ALL", "UNION", "EXCEPT", "INTERSECT"};
        uint32_t op = gen_below(g, COUNT(operators));
        uint64_t before = v.tags;
        const char *other = branch(&v, composite);
        if (v.tags & (UINT64_C(1) << GEN_DISTINCT_ON)) {
            v.tags = before; /* its ORDER BY would need parentheses: leave the branch out */
        } else {
            op < 2 ? TAG(&v, UNION) : TAG(&v, SETOP);
            buf_printf(&b, " %s %s", operators[op], other);
        }
    }
    if (composite)
        TAG(&v, COMPOSITE);
    ret->tags = v.tags;
    ret->select = finish(g, &b);
}
