#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The documentation against the program, in TAP: pages that are printed from tables are equal to what the tables print
# now, links lead somewhere, every command and setting is documented, completion scripts can be parsed.
set -u
undam=$(realpath "$1") source=$2
cd "$source" || exit 1
tests=0 failures=0
report() { # NAME, findings on stdin
    local found; found=$(cat)
    tests=$((tests + 1))
    if [ -z "$found" ]; then echo "ok $tests - $1"; return; fi
    failures=$((failures + 1))
    echo "not ok $tests - $1"
    head -n 40 <<<"$found" | sed 's/^/# /'
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

printed() {
    local f
    "$undam" man --output "$tmp" || echo "undam man fails"
    (cd "$tmp" && find . -type f) | while read -r f; do
        diff -q "$tmp/$f" "docs/$f" >/dev/null 2>&1 || echo "docs/${f#./} is not what the tables print: run 'make docs'"
    done
    for f in docs/man/*; do [ -e "$tmp/man/${f##*/}" ] || echo "$f: no command prints it"; done
}
report "printed pages are up to date" < <(printed)

links() {
    local f link
    for f in *.md docs/*.md examples/*/*.md; do
        [ -f "$f" ] || continue
        grep -oE '\]\([^)# ]+' "$f" | sed 's/^](//' | grep -vE '^(https?|mailto):' | while read -r link; do
            [ -e "$(dirname "$f")/$link" ] || echo "$f: $link is not there"
        done
    done
}
report "links lead somewhere" < <(links)

# Every `undam ...` that the documentation, a hint or a help text names: command and options exist.
named() {
    python3 - "$undam" <<'PY'
import glob, re, subprocess, sys
undam, helps = sys.argv[1], {}
def help_of(words):
    key = " ".join(words)
    if key not in helps:
        r = subprocess.run([undam, *words, "--help"], capture_output=True, text=True)
        helps[key] = r.stdout if r.returncode == 0 and r.stdout.startswith("Usage: undam " + key + " [") else None
    return helps[key]
groups = {l.split()[0] for l in subprocess.run([undam, "help"], capture_output=True, text=True).stdout.splitlines() if re.match(r"  [a-z]", l)}
files = glob.glob("*.md") + glob.glob("docs/*.md") + glob.glob("src/**/*.[ch]", recursive=True) + glob.glob("units/*")
for path in files:
    fenced = False
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        if path.endswith(".md") and line.startswith("```"):
            fenced = not fenced
            continue
        texts = re.findall(r"`(undam [^`]*)", line)
        if path.endswith(".c"):
            texts += re.findall(r"\b(undam (?:%s) [^`\"]*)" % "|".join(groups), line) if "err_hint" in line or '"' in line else []
        if fenced and line.startswith("undam "):
            texts.append(line)
        for text in texts:
            words = re.split(r"[#|;&,.()\"]|\s-\s", text)[0].split()[1:]
            if not words or not re.fullmatch(r"[a-z]+", words[0]) or words[0] not in groups:
                if path.endswith(".md") and words and re.fullmatch(r"[a-z]+", words[0]) and not (fenced and line.startswith("undam on")):
                    if words[0] not in ("on", "off", "man"):
                        print(f"{path}:{number}: no command: {text.strip()}")
                continue
            two = words[:2] if len(words) > 1 and help_of(words[:2]) else None
            found = help_of(two or words[:1])
            if found is None:
                if len(words) > 1 and re.fullmatch(r"[a-z]+", words[1]):
                    print(f"{path}:{number}: no command: {text.strip()}")
                continue
            for option in re.findall(r"(?<!\S)(--[a-z][a-z-]*|-[a-z](?= |$))", text):
                if not re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(option), found):
                    print(f"{path}:{number}: no option {option}: {text.strip()}")
PY
}
report "commands and options that texts name exist" < <(named)

completions() {
    "$undam" completion bash >"$tmp/bash" && bash -n "$tmp/bash" || echo "bash"
    for shell in zsh fish; do "$undam" completion $shell | grep -q undam || echo "$shell"; done
    # What bash would offer after "undam config ".
    (
        . "$tmp/bash"
        COMP_WORDS=(undam config "") COMP_CWORD=2
        _undam 2>/dev/null
        [[ " ${COMPREPLY[*]} " == *" sample "* ]] || echo "bash does not offer 'undam config sample': ${COMPREPLY[*]}"
    )
}
report "completion scripts" < <(completions)

samples() {
    "$undam" config sample >"$tmp/undam.yaml"
    mkdir -p "$tmp/migration"
    "$undam" config check -c "$tmp/undam.yaml" >/dev/null || echo "the sample file is not accepted"
    sed -E 's/^( *)#([a-z_]+: )/\1\2/' "$tmp/undam.yaml" >"$tmp/all.yaml"
    "$undam" config show -c "$tmp/undam.yaml" >"$tmp/a"
    "$undam" config show -c "$tmp/all.yaml" >"$tmp/b" || echo "the sample file with every default written out is not accepted"
    diff "$tmp/a" "$tmp/b" || echo "a default in the sample file is not the default"
}
report "the sample configuration" < <(samples 2>&1)

man_pages() {
    command -v groff >/dev/null || return 0
    local f
    for f in docs/man/*; do groff -man -Tascii -ww "$f" 2>&1 >/dev/null | head -n 3; done
}
report "manual pages can be set" < <(man_pages)
echo "1..$tests"
[ $failures = 0 ]
