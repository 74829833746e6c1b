// SPDX-License-Identifier: Apache-2.0
/* Option parsing: each way to write an option, and each way to get it wrong. */
#include "cmd/table.h"
#include "test.h"

static int run_nothing(struct invocation *inv) { return inv ? 0 : 1; }

static const struct option rows[] = {
    {"once", 'o', OPTION_FLAG, NULL, "Once."},
    {"limit", 'n', OPTION_INT, "N", "Limit."},
    {"file", 'f', OPTION_STRING, "FILE", "File."},
    {"json", 0, OPTION_FLAG, NULL, "JSON."},
};
static const struct command command = {.name = "thing",
                                       .operands = "[A...]",
                                       .summary = "Thing",
                                       .options = rows,
                                       .option_count = COUNT(rows),
                                       .operand_max = -1,
                                       .needs_config = true,
                                       .run = run_nothing};

static struct parsed p;
static struct err err;
static int next;

static bool parses(int argc, const char **argv, const struct command *c)
{
    parsed_free(&p);
    memset(&p, 0, sizeof p);
    err_clear(&err);
    char *words[16];
    for (int i = 0; i < argc; i++)
        memcpy(&words[i], &argv[i], sizeof words[i]);
    return parsed_read(&p, c, argc, words, &next, &err);
}
#define PARSE(...) parses((int)COUNT(((const char *[]){__VA_ARGS__})), (const char *[]){__VA_ARGS__}, &command)

TEST(every_way_to_write_an_option)
{
    CHECK(PARSE("a", "--limit=5", "-f", "x", "--once", "b"));
    CHECK_STR(str_of(p.values[1]), "5");
    CHECK_STR(str_of(p.values[2]), "x");
    CHECK(p.values[0] && p.values[3] == NULL);
    CHECK_INT(p.operand_count, 2);
    CHECK(PARSE("-on5", "-fx", "-c", "/c"));
    CHECK_STR(str_of(p.values[1]), "5");
    CHECK_STR(str_of(p.values[2]), "x");
    CHECK_STR(str_of(p.config), "/c");
    CHECK(PARSE("--limit", "-5", "--file=", "--", "--once", "-"));
    CHECK_STR(str_of(p.values[1]), "-5");
    CHECK_STR(str_of(p.values[2]), "");
    CHECK(p.values[0] == NULL && p.operand_count == 2);
    CHECK(PARSE("-vh", "--log-json", "--json") && p.verbose && p.help && p.log_json && p.json);
}

TEST(every_way_to_get_it_wrong)
{
    CHECK(!PARSE("--limt=5"));
    CHECK_STR(str_of(err.text), "no such option: --limt");
    CHECK_STR(str_of(err.hint), "did you mean --limit?");
    CHECK(!PARSE("-x") && strstr(err.text, "no such option: -x"));
    CHECK(!PARSE("--once=1") && strstr(err.text, "--once takes no value"));
    CHECK(!PARSE("--limit") && strstr(err.text, "--limit wants a value: N"));
    CHECK(!PARSE("-f") && strstr(err.text, "--file wants a value: FILE"));
    CHECK(!PARSE("--limit=5x") && strstr(err.text, "must be a whole number, not '5x'"));
    CHECK(!PARSE("--nonsense", "--json") && p.json);
    CHECK_INT(err.class, ERR_USAGE);
}

TEST(common_options_stop_at_the_command)
{
    const char *argv[] = {"-v", "--config", "/c", "relay", "--json"};
    CHECK(parses(5, argv, NULL));
    CHECK_INT(next, 3);
    CHECK(p.verbose && p.config && strcmp(p.config, "/c") == 0);
    const char *version[] = {"--version"};
    CHECK(parses(1, version, NULL) && p.version);
    CHECK(!PARSE("--version"));
    parsed_free(&p);
}

TEST_MAIN
