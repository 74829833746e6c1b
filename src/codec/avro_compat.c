// SPDX-License-Identifier: Apache-2.0
/*
 * Whether one schema can read what another wrote; see avro_schema.h. Types may contain themselves, so a pair of records
 * that is being compared is taken to match while it is: if it turns out not to, every yes that was found meanwhile may
 * have leaned on it and is forgotten (a no stays a no, with fewer assumptions all the more).
 * Invariants: recursion ends at AVRO_DEPTH_MAX levels of references, work at WORK_MAX comparisons; both say no.
 */
#include "codec/avro_match.h"

enum { WORK_MAX = 50 * 1000 * 1000 }; /* half a second; two tables of 1,600 columns, all renamed, are 3 million */

struct pair {
    const struct avro_schema *reader, *writer;
    bool no; /* otherwise yes, so far */
};

struct avro_compat {
    struct arena *arena;
    struct pair *table; /* by hash, open addressing; reader NULL: free */
    size_t table_size;
    struct pair *trail; /* yeses in the order they were found; keys only */
    size_t trail_count, trail_capacity, used;
    uint64_t work;
    bool partly; /* see avro_match.h */
    bool quiet;  /* reasons are not wanted: a branch that does not fit is no failure yet */
    const char *why;
};

/* Where we are, outermost last. */
struct place {
    const struct place *up;
    struct str label; /* a field's name, or "[]", "{}" */
    unsigned depth;
};

/* --- one level -----------------------------------------------------------------------------------------------------
 */

static bool names_match(const struct avro_schema *reader, const struct avro_schema *writer)
{
    if (str_eq(avro_name_last(reader->name), avro_name_last(writer->name)))
        return true;
    for (size_t i = 0; i < reader->alias_count; i++)
        if (str_eq(reader->aliases[i], writer->name))
            return true;
    return false;
}

static bool promotes(enum avro_type writer, enum avro_type reader)
{
    switch (writer) {
    case AVRO_INT: return reader == AVRO_LONG || reader == AVRO_FLOAT || reader == AVRO_DOUBLE;
    case AVRO_LONG: return reader == AVRO_FLOAT || reader == AVRO_DOUBLE;
    case AVRO_FLOAT: return reader == AVRO_DOUBLE;
    case AVRO_STRING: return reader == AVRO_BYTES;
    case AVRO_BYTES: return reader == AVRO_STRING;
    case AVRO_NULL:
    case AVRO_BOOLEAN:
    case AVRO_DOUBLE:
    case AVRO_RECORD:
    case AVRO_ENUM:
    case AVRO_ARRAY:
    case AVRO_MAP:
    case AVRO_UNION:
    case AVRO_FIXED: break;
    }
    return false;
}

enum avro_match avro_match(const struct avro_schema *reader, const struct avro_schema *writer)
{
    bool decimal = reader->logical == AVRO_DECIMAL || writer->logical == AVRO_DECIMAL;
    if (reader->type != writer->type && promotes(writer->type, reader->type))
        return decimal ? AVRO_MATCH_TEXT : AVRO_MATCH_YES;
    if (reader->type != writer->type)
        return AVRO_MATCH_NO;
    if (reader->number && !names_match(reader, writer))
        return AVRO_MATCH_NAME;
    if (reader->type == AVRO_FIXED && reader->size != writer->size)
        return AVRO_MATCH_SIZE;
    if (reader->logical == AVRO_DECIMAL && writer->logical == AVRO_DECIMAL && reader->scale != writer->scale)
        return AVRO_MATCH_SCALE;
    return AVRO_MATCH_YES;
}

static const struct avro_field *field_named(const struct avro_schema *s, struct str name)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (str_eq(s->fields[i].name, name))
            return &s->fields[i];
    return NULL;
}

/* Whether an alias of a field is free to be used: no field of that name, and no field before it with that alias. */
static bool alias_free(const struct avro_schema *s, const struct avro_field *field, struct str alias)
{
    if (field_named(s, alias))
        return false;
    for (const struct avro_field *f = s->fields; f < field; f++)
        for (size_t i = 0; i < f->alias_count; i++)
            if (str_eq(f->aliases[i], alias))
                return false;
    return true;
}

const struct avro_field *avro_match_field(const struct avro_schema *reader, const struct avro_field *field,
                                          const struct avro_schema *writer)
{
    const struct avro_field *found = field_named(writer, field->name);
    for (size_t i = 0; !found && i < field->alias_count; i++)
        if (alias_free(reader, field, field->aliases[i]))
            found = field_named(writer, field->aliases[i]);
    return found;
}

int64_t avro_match_symbol(const struct avro_schema *reader, struct str symbol)
{
    int64_t fallback = -1;
    for (size_t i = 0; i < reader->symbol_count; i++) {
        if (str_eq(reader->symbols[i], symbol))
            return (int64_t)i;
        if (reader->default_symbol.data && str_eq(reader->symbols[i], reader->default_symbol))
            fallback = (int64_t)i;
    }
    return fallback;
}

/* --- reasons -------------------------------------------------------------------------------------------------------
 */

static void print_path(const struct place *at, struct buf *out)
{
    const struct place *places[AVRO_DEPTH_MAX + 1];
    size_t n = 0;
    for (; at && n < COUNT(places); at = at->up)
        places[n++] = at;
    while (n-- > 0) {
        bool field = places[n]->label.data[0] != '[' && places[n]->label.data[0] != '{';
        if (field)
            buf_addc(out, '/');
        buf_add_str(out, places[n]->label);
    }
    if (!out->len)
        buf_addc(out, '/');
}

static void print_type(const struct avro_schema *s, struct buf *out)
{
    buf_adds(out, avro_type_word(s->type));
    if (s->number)
        buf_printf(out, " " STR_FMT, STR_ARG(s->name));
    if (s->type == AVRO_FIXED)
        buf_printf(out, "(%u)", s->size);
    if (s->logical == AVRO_DECIMAL)
        buf_printf(out, " decimal(%d,%d)", s->precision, s->scale);
    if (s->type != AVRO_UNION)
        return;
    buf_adds(out, " of ");
    for (size_t i = 0; i < s->branch_count; i++)
        buf_printf(out, "%s" STR_FMT, i ? ", " : "", STR_ARG(avro_branch_name(s->branches[i])));
    if (!s->branch_count)
        buf_adds(out, "nothing");
}

static bool __attribute__((format(printf, 3, 4)))
refuse(struct avro_compat *c, const struct place *at, const char *fmt, ...)
{
    if (c->quiet)
        return false;
    struct buf out;
    va_list ap;
    buf_init(&out, 4096);
    print_path(at, &out);
    buf_adds(&out, ": ");
    va_start(ap, fmt);
    buf_vprintf(&out, fmt, ap);
    va_end(ap);
    c->why = arena_memdup(c->arena, out.data, out.len);
    buf_free(&out);
    return false;
}

static bool refuse_types(struct avro_compat *c, const struct place *at, const struct avro_schema *reader,
                         const struct avro_schema *writer)
{
    struct buf r, w;
    if (c->quiet)
        return false;
    buf_init(&r, 1000);
    buf_init(&w, 1000);
    print_type(reader, &r);
    print_type(writer, &w);
    refuse(c, at, "writer has %s, reader wants %s", w.data ? w.data : "?", r.data ? r.data : "?");
    buf_free(&r);
    buf_free(&w);
    return false;
}

/* --- what is known about pairs of records ---------------------------------------------------------------------------
 */

static struct pair *pair_slot(const struct avro_compat *c, const struct avro_schema *reader,
                              const struct avro_schema *writer)
{
    uint64_t h = ((uint64_t)(uintptr_t)reader >> 4) * 0x9e3779b97f4a7c15u ^
                 ((uint64_t)(uintptr_t)writer >> 4) * 0xc2b2ae3d27d4eb4fu;
    size_t i = (size_t)(h ^ h >> 29) & (c->table_size - 1);
    while (c->table[i].reader && (c->table[i].reader != reader || c->table[i].writer != writer))
        i = (i + 1) & (c->table_size - 1);
    return &c->table[i];
}

static void grow_pairs(struct avro_compat *c)
{
    struct pair *old = c->table;
    size_t old_size = c->table_size;
    c->table_size = old_size ? old_size * 2 : 64;
    c->table = xcalloc(c->table_size, sizeof *c->table);
    c->used = 0;
    for (size_t i = 0; i < old_size; i++) {
        struct pair *slot = old[i].reader ? pair_slot(c, old[i].reader, old[i].writer) : NULL;
        if (!slot)
            continue;
        c->used += !slot->reader;
        *slot = old[i];
    }
    free(old);
}

/* Assumed to match from now on; the place in the trail to go back to when it does not. */
static size_t pair_assume(struct avro_compat *c, const struct avro_schema *reader, const struct avro_schema *writer)
{
    if ((c->used + 1) * 2 > c->table_size)
        grow_pairs(c);
    struct pair *slot = pair_slot(c, reader, writer);
    c->used += !slot->reader;
    *slot = (struct pair){reader, writer, false};
    GROW(c->trail, c->trail_count, c->trail_capacity);
    c->trail[c->trail_count] = *slot;
    return c->trail_count++;
}

/* The yeses since then are unknown again. A slot cannot be emptied (others were placed behind it): it gets the key of a
 * pair that nobody asks for. */
static void pair_refute(struct avro_compat *c, size_t mark)
{
    static const struct avro_schema forgotten = {.type = AVRO_NULL};
    struct pair first = c->trail[mark];
    for (size_t i = mark + 1; i < c->trail_count; i++) {
        struct pair *slot = pair_slot(c, c->trail[i].reader, c->trail[i].writer);
        if (slot->reader && !slot->no)
            *slot = (struct pair){&forgotten, &forgotten, false};
    }
    c->trail_count = mark;
    pair_slot(c, first.reader, first.writer)->no = true;
}

/* --- all levels ----------------------------------------------------------------------------------------------------
 */

static bool compare(struct avro_compat *c, const struct place *up, struct str label, const struct avro_schema *reader,
                    const struct avro_schema *writer);

static bool compare_fields(struct avro_compat *c, const struct place *at, const struct avro_schema *reader,
                           const struct avro_schema *writer)
{
    for (size_t i = 0; i < reader->field_count; i++) {
        const struct avro_field *f = &reader->fields[i], *from = avro_match_field(reader, f, writer);
        c->work += writer->field_count + f->alias_count * (writer->field_count + 2 * reader->field_count);
        if (from && !compare(c, at, f->name, f->type, from->type))
            return false;
        if (!from && !f->default_json.data) {
            struct place here = {at, f->name, 0};
            return refuse(c, &here, "writer has no such field, and the reader's has no default");
        }
    }
    return true;
}

static bool compare_records(struct avro_compat *c, const struct place *at, const struct avro_schema *reader,
                            const struct avro_schema *writer)
{
    struct pair *known = c->table ? pair_slot(c, reader, writer) : NULL;
    if (known && known->reader && !known->no)
        return true;
    if (known && known->reader && c->quiet)
        return false;
    size_t mark = pair_assume(c, reader, writer);
    bool good = compare_fields(c, at, reader, writer);
    if (!good)
        pair_refute(c, mark);
    return good;
}

static bool compare_enums(struct avro_compat *c, const struct place *at, const struct avro_schema *reader,
                          const struct avro_schema *writer)
{
    for (size_t i = 0; i < writer->symbol_count && !c->partly; i++) {
        c->work += reader->symbol_count;
        if (avro_match_symbol(reader, writer->symbols[i]) < 0)
            return refuse(c, at, "writer has symbol " STR_FMT ", reader's enum has neither it nor a default",
                          STR_ARG(writer->symbols[i]));
    }
    return true;
}

/* A writer that is no union against a reader's union: any branch. */
static bool compare_branches(struct avro_compat *c, const struct place *at, const struct avro_schema *reader,
                             const struct avro_schema *writer)
{
    const struct avro_schema *near = NULL;
    bool quiet = c->quiet;
    c->quiet = true;
    for (size_t i = 0; i < reader->branch_count; i++) {
        if (compare(c, at, STR(""), reader->branches[i], writer)) {
            c->quiet = quiet;
            return true;
        }
        if (avro_match(reader->branches[i], writer) == AVRO_MATCH_YES ||
            (!near && reader->branches[i]->type == writer->type))
            near = reader->branches[i];
    }
    c->quiet = quiet;
    /* Asked again aloud, the branch that was meant says what it misses. */
    return near && !quiet ? compare(c, at, STR(""), near, writer) : refuse_types(c, at, reader, writer);
}

static bool compare_plain(struct avro_compat *c, const struct place *at, const struct avro_schema *reader,
                          const struct avro_schema *writer)
{
    switch (avro_match(reader, writer)) {
    case AVRO_MATCH_YES: break;
    case AVRO_MATCH_SCALE:
        return refuse(c, at,
                      "writer has decimal(%d,%d), reader wants decimal(%d,%d): with another scale the same bytes are "
                      "another number",
                      writer->precision, writer->scale, reader->precision, reader->scale);
    case AVRO_MATCH_TEXT:
    case AVRO_MATCH_NO:
    case AVRO_MATCH_NAME:
    case AVRO_MATCH_SIZE: return refuse_types(c, at, reader, writer);
    }
    if (reader->type != writer->type)
        return true;
    if (reader->type == AVRO_RECORD)
        return compare_records(c, at, reader, writer);
    if (reader->type == AVRO_ENUM)
        return compare_enums(c, at, reader, writer);
    if (reader->type == AVRO_ARRAY || reader->type == AVRO_MAP)
        return compare(c, at, reader->type == AVRO_ARRAY ? STR("[]") : STR("{}"), reader->branches[0],
                       writer->branches[0]);
    return true;
}

/* A writer's union: all of its branches; partly: one of them. */
static bool compare_written(struct avro_compat *c, const struct place *at, const struct avro_schema *reader,
                            const struct avro_schema *writer)
{
    for (size_t i = 0; i < writer->branch_count; i++)
        if (compare(c, at, STR(""), reader, writer->branches[i]) == c->partly)
            return c->partly;
    return !c->partly || !writer->branch_count;
}

static bool compare(struct avro_compat *c, const struct place *up, struct str label, const struct avro_schema *reader,
                    const struct avro_schema *writer)
{
    struct place here = {up, label, up ? up->depth + 1 : 0};
    const struct place *at = label.len ? &here : up;
    if (here.depth >= AVRO_DEPTH_MAX)
        return refuse(c, at, "types are nested more than %d deep", AVRO_DEPTH_MAX);
    if (c->work++ > WORK_MAX)
        return refuse(c, at, "the schemas are too large to be compared");
    if (writer->type == AVRO_UNION)
        return compare_written(c, at, reader, writer);
    if (reader->type == AVRO_UNION)
        return compare_branches(c, at, reader, writer);
    return compare_plain(c, at, reader, writer);
}

struct avro_compat *avro_compat_new(struct arena *arena, bool partly)
{
    struct avro_compat *c = xcalloc(1, sizeof *c);
    c->arena = arena;
    c->partly = partly;
    return c;
}

bool avro_compat_ask(struct avro_compat *c, const struct avro_schema *reader, const struct avro_schema *writer,
                     const char **ret_why)
{
    c->why = "/: the schemas are too large to be compared";
    c->quiet = !ret_why;
    bool good = compare(c, NULL, STR(""), reader, writer);
    if (!good && ret_why)
        *ret_why = c->why;
    return good;
}

void avro_compat_free(struct avro_compat *c)
{
    free(c->table);
    free(c->trail);
    free(c);
}

bool avro_can_read(const struct avro_schema *reader, const struct avro_schema *writer, struct arena *arena,
                   const char **ret_why)
{
    struct avro_compat *c = avro_compat_new(arena, false);
    bool good = avro_compat_ask(c, reader, writer, ret_why);
    avro_compat_free(c);
    return good;
}
