// SPDX-License-Identifier: Apache-2.0
/*
 * The types of PostgreSQL 13 to 18 with fixed oids that a column can have, as rows; see pgtypes.h. The names are
 * those that format_type() prints without a modifier; a flow test compares the whole table with a server.
 */
#include "codec/pgtypes.h"

struct builtin {
    uint32_t oid, array_oid; /* array_oid 0: there is no array of it */
    const char *name;
};

/* Sorted by oid, for the binary search. */
static const struct builtin builtins[] = {
    /* clang-format off */
    {16, 1000, "boolean"}, {17, 1001, "bytea"}, {18, 1002, "\"char\""}, {19, 1003, "name"}, {20, 1016, "bigint"},
    {21, 1005, "smallint"}, {22, 1006, "int2vector"}, {23, 1007, "integer"}, {24, 1008, "regproc"},
    {25, 1009, "text"}, {26, 1028, "oid"}, {27, 1010, "tid"}, {28, 1011, "xid"}, {29, 1012, "cid"},
    {30, 1013, "oidvector"}, {114, 199, "json"}, {142, 143, "xml"}, {194, 0, "pg_node_tree"}, {600, 1017, "point"},
    {601, 1018, "lseg"}, {602, 1019, "path"}, {603, 1020, "box"}, {604, 1027, "polygon"}, {628, 629, "line"},
    {650, 651, "cidr"}, {700, 1021, "real"}, {701, 1022, "double precision"}, {718, 719, "circle"},
    {774, 775, "macaddr8"}, {790, 791, "money"}, {829, 1040, "macaddr"}, {869, 1041, "inet"}, {1033, 1034, "aclitem"},
    {1042, 1014, "character"}, {1043, 1015, "character varying"}, {1082, 1182, "date"},
    {1083, 1183, "time without time zone"}, {1114, 1115, "timestamp without time zone"},
    {1184, 1185, "timestamp with time zone"}, {1186, 1187, "interval"}, {1266, 1270, "time with time zone"},
    {1560, 1561, "bit"}, {1562, 1563, "bit varying"}, {1700, 1231, "numeric"}, {1790, 2201, "refcursor"},
    {2202, 2207, "regprocedure"}, {2203, 2208, "regoper"}, {2204, 2209, "regoperator"}, {2205, 2210, "regclass"},
    {2206, 2211, "regtype"}, {2950, 2951, "uuid"}, {2970, 2949, "txid_snapshot"}, {3220, 3221, "pg_lsn"},
    {3361, 0, "pg_ndistinct"}, {3402, 0, "pg_dependencies"}, {3614, 3643, "tsvector"}, {3615, 3645, "tsquery"},
    {3642, 3644, "gtsvector"}, {3734, 3735, "regconfig"}, {3769, 3770, "regdictionary"}, {3802, 3807, "jsonb"},
    {3904, 3905, "int4range"}, {3906, 3907, "numrange"}, {3908, 3909, "tsrange"}, {3910, 3911, "tstzrange"},
    {3912, 3913, "daterange"}, {3926, 3927, "int8range"}, {4072, 4073, "jsonpath"}, {4089, 4090, "regnamespace"},
    {4096, 4097, "regrole"}, {4191, 4192, "regcollation"}, {4451, 6150, "int4multirange"},
    {4532, 6151, "nummultirange"}, {4533, 6152, "tsmultirange"}, {4534, 6153, "tstzmultirange"},
    {4535, 6155, "datemultirange"}, {4536, 6157, "int8multirange"}, {4600, 0, "pg_brin_bloom_summary"},
    {4601, 0, "pg_brin_minmax_multi_summary"}, {5017, 0, "pg_mcv_list"}, {5038, 5039, "pg_snapshot"},
    {5069, 271, "xid8"},
    /* clang-format on */
};

enum {
    TYPE_BPCHAR = 1042,
    TYPE_VARCHAR = 1043,
    TYPE_TIME = 1083,
    TYPE_TIMESTAMP = 1114,
    TYPE_TIMESTAMPTZ = 1184,
    TYPE_INTERVAL = 1186,
    TYPE_TIMETZ = 1266,
    TYPE_BIT = 1560,
    TYPE_VARBIT = 1562,
    TYPE_NUMERIC = 1700,
    VARHDRSZ = 4, /* part of the modifiers of varchar, char and numeric, for reasons of history */
};

static const struct builtin *find(uint32_t oid)
{
    size_t low = 0, high = sizeof builtins / sizeof builtins[0];
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (builtins[mid].oid == oid)
            return &builtins[mid];
        if (builtins[mid].oid < oid)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static const struct builtin *find_element(uint32_t array_oid)
{
    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++)
        if (builtins[i].array_oid == array_oid && array_oid)
            return &builtins[i];
    return NULL;
}

/* The fields of an interval's modifier are bits; only these sets are types. */
static const char *interval_fields(unsigned bits)
{
    enum { MONTH = 1 << 1, YEAR = 1 << 2, DAY = 1 << 3, HOUR = 1 << 10, MINUTE = 1 << 11, SECOND = 1 << 12 };
    static const struct {
        unsigned bits;
        const char *name;
    } rows[] = {
        {YEAR, " year"},
        {MONTH, " month"},
        {DAY, " day"},
        {HOUR, " hour"},
        {MINUTE, " minute"},
        {SECOND, " second"},
        {YEAR | MONTH, " year to month"},
        {DAY | HOUR, " day to hour"},
        {DAY | HOUR | MINUTE, " day to minute"},
        {DAY | HOUR | MINUTE | SECOND, " day to second"},
        {HOUR | MINUTE, " hour to minute"},
        {HOUR | MINUTE | SECOND, " hour to second"},
        {MINUTE | SECOND, " minute to second"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].bits == bits)
            return rows[i].name;
    return "";
}

static void add_interval(int32_t typmod, struct buf *out)
{
    unsigned fields = (unsigned)typmod >> 16 & 0x7fff, precision = (unsigned)typmod & 0xffff;
    buf_printf(out, "interval%s", interval_fields(fields));
    if (precision != 0xffff)
        buf_printf(out, "(%u)", precision);
}

/* Negative scales exist since PostgreSQL 15: 11 bits, signed. */
static void add_numeric(int32_t typmod, struct buf *out)
{
    unsigned v = (unsigned)typmod - VARHDRSZ;
    int scale = (int)((v & 0x7ff) ^ 1024) - 1024;
    buf_printf(out, "numeric(%u,%d)", v >> 16 & 0xffff, scale);
}

static void add_name(const struct builtin *type, int32_t typmod, struct buf *out)
{
    unsigned v = (unsigned)typmod;
    if (typmod < 0 ||
        (typmod < VARHDRSZ && (type->oid == TYPE_BPCHAR || type->oid == TYPE_VARCHAR || type->oid == TYPE_NUMERIC))) {
        /* Without a length these two are not the SQL types char and bit, which mean a length of 1. */
        buf_adds(out, type->oid == TYPE_BPCHAR ? "bpchar" : type->oid == TYPE_BIT ? "\"bit\"" : type->name);
        return;
    }
    switch (type->oid) {
    case TYPE_BPCHAR:
    case TYPE_VARCHAR: buf_printf(out, "%s(%u)", type->name, v - VARHDRSZ); return;
    case TYPE_BIT:
    case TYPE_VARBIT: buf_printf(out, "%s(%u)", type->name, v); return;
    case TYPE_TIME: buf_printf(out, "time(%u) without time zone", v); return;
    case TYPE_TIMETZ: buf_printf(out, "time(%u) with time zone", v); return;
    case TYPE_TIMESTAMP: buf_printf(out, "timestamp(%u) without time zone", v); return;
    case TYPE_TIMESTAMPTZ: buf_printf(out, "timestamp(%u) with time zone", v); return;
    case TYPE_INTERVAL: add_interval(typmod, out); return;
    case TYPE_NUMERIC: add_numeric(typmod, out); return;
    default: buf_adds(out, type->name);
    }
}

bool pgtypes_name(uint32_t oid, int32_t typmod, struct buf *out)
{
    const struct builtin *type = find(oid);
    const struct builtin *element = type ? NULL : find_element(oid);
    if (!type && !element)
        return false;
    add_name(type ? type : element, typmod, out);
    if (element)
        buf_adds(out, "[]");
    return true;
}

uint32_t pgtypes_element(uint32_t oid)
{
    const struct builtin *element = find_element(oid);
    return element ? element->oid : 0;
}

uint32_t pgtypes_array(uint32_t oid)
{
    const struct builtin *type = find(oid);
    return type ? type->array_oid : 0;
}
