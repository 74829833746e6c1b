// SPDX-License-Identifier: Apache-2.0
/*
 * The inside of view_plan: a view's SELECT as levels (one SELECT each) with their FROM items, every column reference
 * resolved, every equality that joins two items noted. Private to the view_plan*.c and view_*.c files.
 *
 * What always holds after view_scope_build(): the tree holds only constructs listed in view_expr.c; no WITH and no `*`
 * is left; tables carry their mirror's name; ColumnRef.location is an index into `refs`, SubLink.sub_link_id one into
 * `queries` (plus one).
 */
#pragma once
#include "link/sql/sql.h"
#include "project/view_plan.h"

/* The bounds of a view, far above what people write; they keep the analysis quadratic steps cheap. */
enum { VIEW_TABLES_MAX = 64, VIEW_LEVELS_MAX = 128, VIEW_COLUMNS_MAX = 1600, VIEW_KEYS_MAX = 8 };

struct query;
struct item;

/* A column of an item, as seen at the item's level; index WHOLE_ROW is the item itself as a value. */
struct column {
    struct item *item;
    size_t index;
};
enum { WHOLE_ROW = INT32_MAX };

/* One JOIN. LEFT: the right argument is nullable; RIGHT joins are turned round by `nullable_left`. */
struct join {
    PgQuery__JoinExpr *node;
    struct join *parent;
    bool in_left;       /* this join is its parent's left argument */
    bool outer;         /* LEFT or RIGHT */
    bool nullable_left; /* RIGHT JOIN */
    bool null_rejected; /* the rows it adds for want of a match cannot matter: as good as an inner join for links */
};

struct item {
    struct query *home;
    const char *name; /* what references call it; NULL: cannot be named */
    struct join *join;
    bool in_left;
    bool lateral;
    int location;
    const struct catalog_table *table; /* a base table's occurrence, or ... */
    struct query *sub;                 /* ... a subquery */
    const char **columns;
    size_t column_count;
    bool *used;    /* table: columns referenced */
    size_t number; /* table: index into view_state.occurrences */
};

struct output {
    const char *name; /* "?column?" when it has none */
    PgQuery__Node *expr;
    int location;
};

/* x = y as a condition: in WHERE (join NULL), in the ON of `join`, or `x IN (subquery)` in WHERE. */
struct equality {
    struct column a, b;
    struct join *join;
};

/* GROUP BY, DISTINCT ON, PARTITION BY: the plain columns among its expressions, and outputs named by place or alias. */
struct column_list {
    struct column *columns;
    size_t count;
    bool complete; /* every expression of it was a plain column */
    int location;
    const char *what; /* "GROUP BY", ... for messages */
};

enum query_role { ROLE_TOP, ROLE_BRANCH, ROLE_FROM, ROLE_LATERAL, ROLE_EXISTS, ROLE_IN, ROLE_SCALAR };

struct query {
    PgQuery__SelectStmt *stmt;
    struct query *outer;  /* where names not found here are looked up */
    struct query *parent; /* the level it stands in (differs from outer for an inlined WITH query) */
    struct item *as;      /* its item in the parent's FROM */
    enum query_role role;
    struct query *left, *right; /* set operation */
    struct item **items;
    size_t item_count, item_capacity;
    struct output *outputs;
    size_t output_count;
    struct equality *equalities;
    size_t equality_count, equality_capacity;
    bool aggregated, grouped, distinct, limited, values;
    int aggregate_location;
    struct column_list group, distinct_on;
    struct column_list *partitions; /* one a window */
    size_t partition_count, partition_capacity;
};

struct reference {
    struct column column;
    struct query *at; /* level of the reference */
    int location;
};

struct cte {
    const char *name;
    PgQuery__SelectStmt *body;
    PgQuery__Alias *alias;
    struct query *outer;
    struct cte *before; /* the names visible in its body */
};

/* A place where order decides the result: checked once the level's equalities are known. */
struct order_check {
    struct query *at;
    PgQuery__Node **sort;
    size_t sort_count;
    bool sort_is_outer;               /* ORDER BY of the level itself: names and places of outputs count */
    size_t refs_from, refs_to;        /* what must not vary among ties: these references, or ... */
    bool whole_rows;                  /* ... whole rows */
    const struct column_list *within; /* constant inside the unit (PARTITION BY), or NULL */
    bool groups;                      /* the unit's rows are the level's groups */
    const char *what;
    int location;
};

struct view_state {
    const char *text;
    const struct catalog *catalog;
    struct arena *arena;
    struct err *err;
    struct query **queries;
    size_t query_count, query_capacity;
    struct item **occurrences;
    size_t occurrence_count, occurrence_capacity;
    struct reference *refs;
    size_t ref_count, ref_capacity;
    struct order_check *orders;
    size_t order_count, order_capacity;
    unsigned depth;
    int text_expected; /* inside an argument that takes text: a literal 'now' is a word */
};

/* Arena arrays. */
#define VIEW_GROW(s, array, count, capacity)                                \
    do {                                                                    \
        if ((count) == (capacity)) {                                        \
            size_t grown_ = (capacity) ? (capacity)*2 : 8;                  \
            void *new_ = arena_calloc((s)->arena, grown_, sizeof *(array)); \
            if (count)                                                      \
                memcpy(new_, (array), (count) * sizeof *(array));           \
            (array) = new_;                                                 \
            (capacity) = grown_;                                            \
        }                                                                   \
    } while (0)

/* view_refuse.c: every refusal. "line:column: construct: why", with what to do. location: a byte offset; 0: where the
 * construct's first word stands in the text; -1: none. Always false. */
bool view_refuse(struct view_state *s, int location, const char *construct, const char *why, const char *hint, ...)
    __attribute__((format(printf, 5, 6)));

/* view_name.c */
bool view_resolve(struct view_state *s, struct query *q, PgQuery__ColumnRef *ref) MUST_USE;
struct column view_column(const struct view_state *s, const PgQuery__Node *node); /* item NULL: not a plain column */
const char *view_output_name(const PgQuery__Node *expr);              /* as PostgreSQL names an output that has no AS */
size_t view_item_column(const struct item *item, const char *name);   /* SIZE_MAX: none */
struct item *view_find_item(const struct query *q, const char *name); /* of this level; or NULL */
/* The one column of that plain name in this level: 0 none, 1 found, 2 ambiguous. */
int view_find_plain(const struct query *q, const char *name, struct column *ret);
/* Whether the item's column of that name is the right-hand twin of a USING column, which plain names do not mean; only
 * joins below the given one count (NULL: all). */
bool view_hidden_by_using(const struct item *item, const char *column, const struct join *below);

/* view_from.c */
bool view_from_add(struct view_state *s, struct query *q, PgQuery__Node *node, struct cte *ctes) MUST_USE;
/* The level's WITH queries become names visible below; the clause is taken off the statement. */
bool view_with_add(struct view_state *s, PgQuery__SelectStmt *stmt, struct query *outer, struct cte **ctes) MUST_USE;
struct item *view_item_new(struct view_state *s, struct query *q, struct join *join, bool in_left);

/* view_scope.c */
bool view_scope_build(struct view_state *s, PgQuery__SelectStmt *stmt, struct query **ret) MUST_USE;
bool view_query_build(struct view_state *s, PgQuery__SelectStmt *stmt, enum query_role role, struct query *outer,
                      struct query *parent, struct cte *ctes, struct query **ret) MUST_USE;

/* view_expr.c: checks an expression and everything in it, resolving as it goes. ctes: names visible to its subqueries.
 * aggregates: whether the clause may hold them. */
bool view_expr_check(struct view_state *s, struct query *q, PgQuery__Node *node, struct cte *ctes) MUST_USE;

/* view_order.c */
bool view_orders_check(struct view_state *s) MUST_USE;

/* view_type.c: what an expression's values are, as far as it can be told without the server. */
enum value_class { VALUE_UNKNOWN, VALUE_INTEGER, VALUE_NUMERIC, VALUE_FLOAT, VALUE_TEXT, VALUE_TIME, VALUE_OTHER };
enum value_class view_type_class(const char *type);
enum value_class view_value_class(const struct view_state *s, const PgQuery__Node *node);
const char *view_column_type(const struct view_state *s, struct column c); /* of a base column; else NULL */
/* Whether x = y of these types may carry values from one side to the other. */
bool view_types_link(const char *from, const char *to);
/* Integer width in bytes, 0 for other types. */
int view_integer_width(const char *type);

/* view_functions.c */
struct view_function {
    const char *name;
    char kind;       /* f, a, w */
    char volatility; /* i, s, v */
    bool returns_set;
};
const struct view_function *view_function_find(const char *name);
bool view_function_settings_only(const char *name); /* stable only through settings that every session pins */
enum aggregate_kind { AGG_FREE, AGG_SUM, AGG_FLOAT, AGG_ORDERED, AGG_SORTED_SET, AGG_REFUSED };
enum aggregate_kind view_aggregate_kind(const char *name);

/* view_link.c: from columns to base columns, and which equalities carry relevance from one occurrence to another. */
struct base_column {
    struct item *item; /* a table */
    size_t index;
};
struct link { /* rows of `from` matter only where from = to has a partner that matters */
    struct base_column from, to;
    struct query *at;
};
struct view_links {
    struct link *links;
    size_t count, capacity;
};
void view_links_build(struct view_state *s, struct view_links *ret);
/* Base columns to which a selection on output `index` of q can be pushed; none when something is in the way, which is
 * then said in *ret_why (construct) and *ret_location. */
struct base_columns {
    struct base_column *columns;
    size_t count, capacity;
    const char *why;
    int location;
};
void view_push_down(struct view_state *s, struct query *q, size_t index, struct base_columns *ret);
/* Whether the column's value may be the NULL of a missing match at its level or below. */
bool view_may_be_unmatched(const struct view_state *s, const struct query *q, size_t index);
/* Joins whose unmatched rows cannot matter because this output must not be NULL. */
bool view_reject_nulls(struct view_state *s, struct query *q, size_t index);
bool view_same_value(const struct query *q, struct column a, struct column b);

/* view_path.c */
struct view_paths {
    size_t *distance; /* an occurrence's hops to the key; SIZE_MAX: none */
    const struct link **via;
    struct base_columns key_local[VIEW_KEYS_MAX]; /* base columns equal to each key column; the first are its roots */
    size_t root_count[VIEW_KEYS_MAX];
    size_t keys[VIEW_KEYS_MAX]; /* declared key columns that make the slice */
    const char *types[VIEW_KEYS_MAX];
    bool nullable[VIEW_KEYS_MAX];
    bool unmatched; /* the key is on the nullable side of a join: every change also touches the NULL slice */
    size_t key_count;
};
bool view_paths_find(struct view_state *s, struct query *top, const char *const *keys, size_t key_count,
                     struct view_links *links, struct view_paths *ret) MUST_USE;

/* view_keymap.c: the plan's tables, key maps and indexes. */
void view_tables_emit(struct view_state *s, struct view_plan *plan);
void view_keymaps_emit(struct view_state *s, const struct view_links *links, const struct view_paths *paths,
                       struct view_plan *plan);
/* " JOIN mirror.x AS m2 ON ... JOIN ..." from *item, which is m1, along its path; *item is then the path's end. */
void view_path_joins(struct view_state *s, const struct view_links *links, const struct view_paths *paths,
                     const struct item **item, struct buf *sql);
/* Unless the primary key or an index of the plan begins with these columns already. */
void view_index_add(struct view_state *s, struct view_plan *plan, const struct catalog_table *table,
                    const size_t *columns, size_t count);
const char *view_mirror_name(struct arena *arena, const struct catalog_table *table); /* mirror."t", quoted */
const char *view_ident(struct arena *arena, const char *name);

/* view_restrict.c: adds the key conditions to the tree, and the indexes they need to the plan. */
void view_restrict(struct view_state *s, struct query *top, const struct view_links *links,
                   const struct view_paths *paths, struct view_plan *plan);
