// SPDX-License-Identifier: Apache-2.0
/*
 * Completion scripts, printed from the table. A name in the table is ours (letters, digits, '-', ' '), and help
 * texts are quoted for each shell, so nothing here can be taken for code.
 */
#include "cmd/table.h"

/* The second words of a group, or its options: "a b c ". */
static void add_second_words(struct buf *out, const char *group)
{
    const struct command *c;
    for (unsigned i = 0; (c = command_at(i)); i++) {
        size_t len = command_group_len(c);
        if (!c->hidden && c->name[len] && str_is(str_n(c->name, len), group))
            buf_printf(out, "%s ", c->name + len + 1);
    }
}

static void add_options(struct buf *out, const struct command *c)
{
    const struct option *o;
    for (unsigned i = 0; (o = command_option(c, i)); i++) {
        buf_printf(out, "--%s%s ", o->name, o->kind == OPTION_FLAG ? "" : "=");
        if (o->letter)
            buf_printf(out, "-%c ", o->letter);
    }
}

/* Whether no earlier command that a reader sees has the same first word. */
static bool first_of_group(unsigned index)
{
    const struct command *c = command_at(index), *before;
    for (unsigned i = 0; i < index && (before = command_at(i)); i++)
        if (!before->hidden && command_group_len(before) == command_group_len(c) &&
            strncmp(before->name, c->name, command_group_len(c)) == 0)
            return false;
    return !c->hidden;
}

static void bash(struct buf *out)
{
    const struct command *c;
    buf_adds(out, "# bash completion for undam, printed by `undam completion bash`\n"
                  "_undam() {\n"
                  "    local cur=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]-} words=\n"
                  "    COMPREPLY=()\n"
                  "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"");
    for (unsigned i = 0; (c = command_at(i)); i++)
        if (first_of_group(i))
            buf_printf(out, STR_FMT " ", STR_ARG(str_n(c->name, command_group_len(c))));
    buf_adds(out, "--help --version\"\n    else\n        case \"$first ${COMP_WORDS[2]-}\" in\n");
    for (unsigned i = 0; (c = command_at(i)); i++)
        if (!c->hidden && c->name[command_group_len(c)]) {
            buf_printf(out, "            \"%s\") [ \"$COMP_CWORD\" -gt 2 ] && words=\"", c->name);
            add_options(out, c);
            buf_adds(out, "\" ;;\n");
        }
    buf_adds(out, "        esac\n        if [ -z \"$words\" ]; then\n            case $first in\n");
    for (unsigned i = 0; (c = command_at(i)); i++) {
        if (!first_of_group(i))
            continue;
        size_t len = command_group_len(c);
        CLEANUP(free_ptr) char *group = xasprintf(STR_FMT, STR_ARG(str_n(c->name, len)));
        char *const words[] = {group};
        int used;
        const struct command *alone = command_find(words, 1, &used);
        buf_printf(out, "                %s) words=\"", group);
        if (alone)
            add_options(out, alone);
        buf_adds(out, "\"\n");
        buf_adds(out, "                    [ \"$COMP_CWORD\" -ne 2 ] || words=\"");
        add_second_words(out, group);
        buf_adds(out, "$words\" ;;\n");
    }
    buf_adds(out, "            esac\n        fi\n    fi\n"
                  "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                  "    [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                  "    case ${COMPREPLY[0]-} in *=) compopt -o nospace ;; esac\n"
                  "}\ncomplete -F _undam undam\n");
}

/* In single quotes for zsh and fish. */
static void add_quoted(struct buf *out, const char *text)
{
    buf_addc(out, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            buf_adds(out, "'\\''");
        else
            buf_addc(out, *p);
    }
    buf_addc(out, '\'');
}

static void zsh_options(struct buf *out, const struct command *c)
{
    const struct option *o;
    for (unsigned i = 0; (o = command_option(c, i)); i++) {
        bool flag = o->kind == OPTION_FLAG;
        struct buf text;
        buf_init(&text, 0);
        buf_printf(&text, "--%s%s[", o->name, flag ? "" : "=");
        for (const char *p = o->help; *p; p++)
            buf_addc(&text, strchr("[]:", *p) ? ' ' : *p);
        buf_printf(&text, "]%s%s%s", flag ? "" : ":", flag ? "" : o->arg, flag ? "" : ":_files");
        buf_addc(out, ' ');
        add_quoted(out, text.data);
        buf_free(&text);
    }
    buf_adds(out, " '*:file:_files'");
}

static void zsh(struct buf *out)
{
    const struct command *c;
    buf_adds(out, "#compdef undam\n# zsh completion for undam, printed by `undam completion zsh`\n"
                  "_undam() {\n    local -a commands\n    commands=(\n");
    for (unsigned i = 0; (c = command_at(i)); i++)
        if (!c->hidden) {
            CLEANUP(free_ptr) char *row = xasprintf("%s:%s", c->name, c->summary);
            buf_adds(out, "        ");
            add_quoted(out, row);
            buf_addc(out, '\n');
        }
    buf_adds(out, "    )\n    if (( CURRENT == 2 )); then\n"
                  "        local -a first; first=(${(u)${commands%%[ :]*}})\n"
                  "        _describe command first; return\n    fi\n"
                  "    local name=$words[2] used=1\n"
                  "    if (( ${#${(M)commands:#$words[2] *}} )); then\n"
                  "        if (( CURRENT == 3 )); then\n"
                  "            local -a second; second=(${${(M)commands:#$words[2] *}#$words[2] })\n"
                  "            _describe command second; return\n        fi\n"
                  "        name=\"$words[2] $words[3]\" used=2\n    fi\n"
                  "    words=(\"$words[1]\" \"${(@)words[used+2,-1]}\"); (( CURRENT -= used ))\n"
                  "    case $name in\n");
    for (unsigned i = 0; (c = command_at(i)); i++)
        if (!c->hidden) {
            buf_printf(out, "        \"%s\") _arguments -s", c->name);
            zsh_options(out, c);
            buf_adds(out, " ;;\n");
        }
    buf_adds(out, "    esac\n}\n_undam \"$@\"\n");
}

static void fish(struct buf *out)
{
    const struct command *c;
    const struct option *o;
    buf_adds(out, "# fish completion for undam, printed by `undam completion fish`\ncomplete -c undam -f\n");
    for (unsigned i = 0; (c = command_at(i)); i++) {
        if (c->hidden)
            continue;
        size_t len = command_group_len(c);
        struct str first = str_n(c->name, len);
        if (first_of_group(i))
            buf_printf(out, "complete -c undam -n __fish_use_subcommand -a " STR_FMT "\n", STR_ARG(first));
        CLEANUP(free_ptr) char *seen = xasprintf("__fish_seen_subcommand_from " STR_FMT, STR_ARG(first));
        if (c->name[len]) {
            buf_printf(out, "complete -c undam -n '%s' -a %s -d ", seen, c->name + len + 1);
            add_quoted(out, c->summary);
            buf_addc(out, '\n');
        }
        const char *second = c->name[len] ? c->name + len + 1 : NULL;
        for (unsigned k = 0; (o = command_option(c, k)); k++) {
            buf_printf(out, "complete -c undam -n '%s%s%s' -l %s", seen,
                       second ? "; and __fish_seen_subcommand_from " : "", second ? second : "", o->name);
            if (o->letter)
                buf_printf(out, " -s %c", o->letter);
            buf_adds(out, o->kind == OPTION_FLAG ? " -d " : " -r -F -d ");
            add_quoted(out, o->help);
            buf_addc(out, '\n');
        }
    }
}

int completion_run(struct invocation *inv)
{
    static const struct {
        const char *shell;
        void (*print)(struct buf *out);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    struct err err = {0};
    for (size_t i = 0; i < COUNT(shells); i++) {
        if (strcmp(shells[i].shell, inv->operands[0]) != 0)
            continue;
        struct buf out;
        buf_init(&out, 0);
        shells[i].print(&out);
        fwrite(out.data, 1, out.len, stdout);
        buf_free(&out);
        return ERR_NONE;
    }
    err_set(&err, ERR_USAGE, "no completion for the shell '%s'", inv->operands[0]);
    err_hint(&err, "there is bash, zsh and fish");
    return commands_fail(inv, &err);
}
