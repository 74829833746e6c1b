// SPDX-License-Identifier: Apache-2.0
/*
 * Comparison rules of an endpoint, one `compare:` line each: a rule word and the path it holds for.
 *
 *   unordered PATH        the array's order does not matter
 *   key=FIELD PATH        the array's elements (objects) are paired by this member
 *   ignore PATH           not compared; counted
 *   decimal-string PATH   "1.10" and 1.1 are equal
 *   null-missing PATH     null and absent are equal
 *   exact PATH            timestamps as written, not as instants
 *   closed [PATH]         members that only the new side has are differences, in the value at PATH and below
 *                         (elsewhere they are counted as additive)
 *
 * PATH: `$`, then `.name`, `["name"]`, `[3]`, `[*]` (any element) or `.*` (any member).
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum json_rule_kind {
    JSON_RULE_UNORDERED,
    JSON_RULE_KEY,
    JSON_RULE_IGNORE,
    JSON_RULE_DECIMAL_STRING,
    JSON_RULE_NULL_MISSING,
    JSON_RULE_EXACT,
    JSON_RULE_CLOSED,
    JSON_RULE_KINDS
};

struct json_path_part {
    enum { JSON_PART_NAME, JSON_PART_INDEX, JSON_PART_ANY_NAME, JSON_PART_ANY_INDEX } kind;
    struct str name;
    uint32_t index;
};

struct json_rule {
    enum json_rule_kind kind;
    struct str field; /* of key=FIELD */
    struct json_path_part *parts;
    unsigned part_count;
};

enum { JSON_RULES_MAX = 64 };

struct json_rules {
    struct json_rule rules[JSON_RULES_MAX];
    unsigned count;
};

/* The rule's word as users write it ("unordered", "key", ...). */
const char *json_rule_name(enum json_rule_kind kind);
/* Adds the rule of one line; texts are copied into the arena. ERR_CONFIG naming the line's fault. */
bool json_rules_add(struct json_rules *rules, struct str line, struct arena *arena, struct err *err) MUST_USE;
