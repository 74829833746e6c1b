// SPDX-License-Identifier: Apache-2.0
/* The command table as a whole: names, options and texts are complete and do not collide. */
#include "cmd/table.h"
#include "test.h"

TEST(names_are_unique_and_runnable)
{
    const struct command *c, *other;
    for (unsigned i = 0; (c = command_at(i)); i++) {
        CHECK(c->run && c->summary && c->summary[0] && c->help);
        CHECK(c->operand_max < 0 || c->operand_min <= c->operand_max);
        CHECK((c->operands && c->operands[0]) == (c->operand_max != 0));
        if (!c->run || !c->help || (c->operands && c->operands[0]) != (c->operand_max != 0))
            printf("# %s\n", c->name);
        for (unsigned k = 0; k < i && (other = command_at(k)); k++)
            CHECK(strcmp(c->name, other->name) != 0);
    }
}

TEST(options_do_not_collide)
{
    const struct command *c;
    const struct option *a, *b;
    for (unsigned i = 0; (c = command_at(i)); i++)
        for (unsigned k = 0; (a = command_option(c, k)); k++) {
            bool good = a->name[0] && a->help && a->help[0] && (a->kind == OPTION_FLAG) == (a->arg == NULL);
            for (unsigned m = 0; m < k && (b = command_option(c, m)); m++)
                good = good && strcmp(a->name, b->name) != 0 && (!a->letter || a->letter != b->letter);
            CHECK(good);
            if (!good)
                printf("# undam %s --%s\n", c->name, a->name);
        }
}

TEST(words_find_their_command)
{
    char config[] = "config", sample[] = "sample", nonsense[] = "nonsense";
    char *two[] = {config, sample}, *none[] = {nonsense};
    int used = 0;
    const struct command *c = command_find(two, 2, &used);
    CHECK(c && strcmp(c->name, "config sample") == 0 && used == 2);
    CHECK(command_find(two, 1, &used) == NULL && command_is_group("config"));
    CHECK(command_find(none, 1, &used) == NULL && !command_is_group("nonsense"));
    CHECK(command_find(none, 0, &used) == NULL);
}

TEST(wrapping)
{
    struct buf out;
    buf_init(&out, 0);
    help_wrap(&out, "aaa bbb ccc\n\n  kept   as it is\nxxxxxxxxxxxxxxxx y", 2, 10);
    CHECK_STR(buf_str(&out), "  aaa bbb\n  ccc\n\n    kept   as it is\n  xxxxxxxxxxxxxxxx\n  y\n");
    buf_free(&out);
}

TEST_MAIN
