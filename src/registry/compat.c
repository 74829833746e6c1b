// SPDX-License-Identifier: Apache-2.0
/* See compat.h. */
#include "registry/compat.h"

#include "codec/avro_schema.h"

static const struct compat_rule {
    const char *name;
    bool backward, forward, transitive;
} rules[] = {
    {"NONE", false, false, false},
    {"BACKWARD", true, false, false},
    {"BACKWARD_TRANSITIVE", true, false, true},
    {"FORWARD", false, true, false},
    {"FORWARD_TRANSITIVE", false, true, true},
    {"FULL", true, true, false},
    {"FULL_TRANSITIVE", true, true, true},
};

static const struct compat_rule *find(struct str name)
{
    for (size_t i = 0; i < COUNT(rules); i++)
        if (str_is(name, rules[i].name))
            return &rules[i];
    return NULL;
}

bool compat_rule_valid(struct str rule) { return find(rule) != NULL; }

bool compat_rule_transitive(struct str name)
{
    const struct compat_rule *rule = find(name);
    return rule && rule->transitive;
}

/* NULL: they go together. */
static const char *clash(const struct compat_rule *rule, const struct avro_schema *offered, struct str registered,
                         struct arena *arena)
{
    const struct avro_schema *other;
    const char *why;
    struct err err = {0};
    if (!avro_schema_parse(registered, arena, &other, &err))
        return arena_printf(arena, "the registered schema cannot be read: %s", err.text);
    if (rule->backward && !avro_can_read(offered, other, arena, &why))
        return arena_printf(arena, "the new schema cannot read what the registered one wrote: %s", why);
    if (rule->forward && !avro_can_read(other, offered, arena, &why))
        return arena_printf(arena, "the registered schema cannot read what the new one writes: %s", why);
    return NULL;
}

bool compat_check(struct str name, struct str offered, const struct str *versions, size_t count, struct arena *arena,
                  bool *ret_compatible, size_t *ret_index, const char **ret_why, struct err *err)
{
    const struct compat_rule *rule = find(name);
    const struct avro_schema *schema;
    if (!rule)
        return err_set(err, ERR_CONFIG, "registry: there is no rule \"" STR_FMT "\"", STR_ARG(name));
    if (!avro_schema_parse(offered, arena, &schema, err))
        return false;
    bool any = rule->backward || rule->forward;
    size_t first = rule->transitive || count == 0 ? 0 : count - 1;
    for (size_t i = count; any && i > first; i--) {
        const char *why = clash(rule, schema, versions[i - 1], arena);
        if (!why)
            continue;
        *ret_compatible = false;
        *ret_index = i - 1;
        *ret_why = why;
        return true;
    }
    *ret_compatible = true;
    return true;
}
