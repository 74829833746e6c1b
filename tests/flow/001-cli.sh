#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command line as people and programs meet it: help, wrong words, wrong options, wrong configurations, exit codes.
. "$(dirname "$0")/lib.sh"

# run COMMAND...: its output in $out, its errors in $errors, its status in $status.
run() { out=$("$@" 2>"$T/errors"); status=$?; errors=$(tr '\n' ' ' <"$T/errors"); }
cd "$T" || bail "no folder"
unset UNDAM_CONFIG

run "$UNDAM" --version
is "$status:$out" "0:undam $(sed -n "s/.*version: '\([0-9.]*\)'.*/\1/p" "$UNDAM_SOURCE/meson.build" | head -n 1)" "--version"
run "$UNDAM" --help
is "$status:$errors" "0:" "--help is on stdout and succeeds"
like "$out" '^  config check ' "--help lists the commands"
run "$UNDAM"
is "$status:$out" "2:" "no command is a usage error, help on stderr"
mapfile -t commands < <("$UNDAM" help | sed -nE '/^Commands:/,/^$/s/^  ([a-z]+( [a-z]+)?)  .*/\1/p')
bad=
for c in "${commands[@]}"; do
    # shellcheck disable=SC2086
    run "$UNDAM" $c --help
    [ "$status:$errors" = "0:" ] && [[ $out == "Usage: undam $c"* ]] || bad+=" [$c]"
    # shellcheck disable=SC2086
    run "$UNDAM" $c --no-such-option
    [ $status = 2 ] && [[ $errors == *"undam $c: no such option: --no-such-option"* ]] || bad+=" [$c wrong option]"
done
is "$((${#commands[@]} > 10)):$bad" "1:" "each of ${#commands[@]} commands has --help and refuses an unknown option with exit 2"

run "$UNDAM" confg check
is "$status" 2 "an unknown command is a usage error"
like "$errors" 'no such command: confg' "it is named"
like "$errors" 'did you mean .undam config' "and the nearest one suggested"
run "$UNDAM" config chek
like "$status $errors" '^2 .*config chek.*undam config check' "the second word too"
run "$UNDAM" config
like "$status $errors" '^2 .*one more word' "a group alone says that it wants a word"
run "$UNDAM" config check --jsn
like "$status $errors" '^2 .*--jsn.*did you mean --json' "an unknown option is named, the nearest suggested"
unlike "$errors" 'Usage:' "and the help is not dumped"
run "$UNDAM" config check surplus
like "$status $errors" "^2 .*one operand too many: 'surplus'" "an operand too many"

run "$UNDAM" config check
is "$status" 3 "a missing configuration is a configuration error"
like "$errors" 'undam.yaml: No such file.*hint: .*config sample' "it says which and what to do"
run "$UNDAM" config check --json
is "$(python3 -c 'import json,sys; e=json.loads(sys.argv[1])["error"]; print(e["class"], e["exit"])' "$errors")" "config 3" "errors are JSON with --json"
"$UNDAM" config sample >undam.yaml
run "$UNDAM" config check
like "$status $errors" '^3 .*migration is not there' "the migration folder must be there"
mkdir migration
run "$UNDAM" config check
is "$status:$errors" "0:" "the sample configuration is right"
UNDAM_CONFIG=undam.yaml run "$UNDAM" config show --json
is "$(python3 -c 'import json,sys; print(json.loads(sys.argv[1])["settings"]["bus.partitions"])' "$out")" 8 "config show --json by UNDAM_CONFIG"

sed -i 's/^  #partitions: 8/  partitions: many/' undam.yaml
run "$UNDAM" -c undam.yaml config check
line=$(grep -n 'partitions: many' undam.yaml | cut -d: -f1)
like "$status $errors" "^3 .*undam.yaml:$line: bus.partitions must be a whole number" "a wrong value has file and line"
sed -i "s/^  partitions: many/  partions: 8/" undam.yaml
run "$UNDAM" config check
like "$status $errors" "^3 .*undam.yaml:$line: unknown setting bus.partions.*did you mean bus.partitions" "an unknown name too"

cat >undam.yaml <<'YAML'
source: {name: shop, dsn: "host=/tmp dbname=shop password=hunter2"}
control: {dsn: "postgresql://undam:hunter2@localhost/undam"}
YAML
run "$UNDAM" config check
like "$errors" 'undam.yaml:1: source.dsn holds a password' "a password is warned about"
run sh -c '"$UNDAM" config show; "$UNDAM" config show --json; "$UNDAM" config check --json; "$UNDAM" -v config check 2>&1'
unlike "$out$errors" hunter2 "and never printed"
like "$out" 'dbname=shop' "while the rest is"
echo 'source: {name: s, dsn: "nonsense hunter2"}' >undam.yaml
echo 'control: {dsn: dbname=x}' >>undam.yaml
run "$UNDAM" config check
like "$status $errors" '^3 .*source.dsn is not a connection string' "a connection string that cannot be read"
unlike "$errors" hunter2 "is not printed either"

run sh -c '"$UNDAM" config sample >/dev/full'
like "$status $errors" '^8 .*No space left' "output that cannot be written is an error"
run "$UNDAM" completion nonsense
like "$status $errors" "^2 .*no completion for the shell 'nonsense'" "an unknown shell"
run "$UNDAM" man nonsense
is "$status" 2 "an unknown manual page"
done_testing
