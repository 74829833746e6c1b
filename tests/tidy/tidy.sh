#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tree itself as a test, in TAP: the include rule of ARCHITECTURE.md part 3, banned calls, what every file begins
# with, dead files, words that must not be here. Long files and functions are listed, not refused.
set -u
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}" || exit 1
export LC_ALL=C

tests=0 failures=0
report() { # NAME, findings on stdin, one a line
    local found; found=$(cat)
    tests=$((tests + 1))
    if [ -z "$found" ]; then echo "ok $tests - $1"; return; fi
    failures=$((failures + 1))
    echo "not ok $tests - $1"
    sed 's/^/# /' <<<"$found"
}
existing() { local d; for d in "$@"; do [ ! -d "$d" ] || echo "$d"; done; }
mapfile -t code_dirs < <(existing src nginx examples bench tests)
c_files() { find "$@" -name '*.[ch]' -not -path 'tests/data/*' | sort; }

# --- includes -------------------------------------------------------------------------------------------------------
# Folder: the folders of ours that its files may include, besides its own.
declare -A may=(
    [base]="" [flag]="" [codec]="base" [model]="base codec" [link]="base codec"
    [bus]="base codec model link" [registry]="base codec model link" [capture]="base codec model link bus"
    [relay]="base codec model link bus registry capture/capture.h" [project]="base codec model link bus registry"
    [validate]="base flag codec model link bus" [control]="base flag codec model link bus registry"
    [check]="base codec model link bus registry" [nginx]="base flag codec"
)
# Headers of others, by the folders that may include them.
third_party='libpq-fe\.h|postgres_ext\.h|yaml\.h|curl/|pg_query|protobuf-c|avro|yajl|librdkafka|microhttpd|zlib\.h|zstd\.h|xxhash\.h|openssl/|ngx_|libnghttp|systemd/'
third_party_allowed() { # FOLDER HEADER
    case $1:$2 in
        link/pg:libpq-fe.h | link/pg:postgres_ext.h | nginx:libpq-fe.h) ;;
        codec:yaml.h | codec:yajl/* | codec:zlib.h | codec:zstd.h | codec:xxhash.h) ;;
        link/http:curl/* | link/http:microhttpd.h | link/kafka:librdkafka/* | link/sql:pg_query* | link/sql:protobuf-c/*) ;;
        nginx:ngx_*) ;;
        *) return 1 ;;
    esac
}
include_rule() {
    local file line header folder rest allowed a ok
    while IFS=: read -r file line rest; do
        folder=${file#src/}; folder=${folder%/*}
        case $file in nginx/*) folder=nginx ;; esac
        header=$(sed -E 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]([^>"]*)[>"].*/\1/' <<<"$rest")
        if [[ $rest == *\<* ]]; then
            grep -qE "^($third_party)" <<<"$header" || continue
            third_party_allowed "$folder" "$header" || echo "$file:$line: $folder may not include <$header>"
            continue
        fi
        folder=${folder%%/*}
        [ "$folder" = cmd ] || [ "$file" = src/main.c ] && continue
        [ "$folder" = "${header%%/*}" ] && continue
        [ "$folder" = nginx ] && [[ $header != */* ]] && continue
        if [ -z "${may[$folder]+known}" ]; then echo "$file:$line: folder $folder is not in ARCHITECTURE.md part 3"; continue; fi
        ok=no
        for a in ${may[$folder]}; do
            if [ "$a" = "$header" ] || [ "$a" = "${header%%/*}" ]; then ok=yes; fi
        done
        [ $ok = yes ] || echo "$file:$line: $folder may not include \"$header\""
    done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' $(c_files $(existing src nginx)) /dev/null)
}
report "the include rule is held" < <(include_rule)

# --- code -----------------------------------------------------------------------------------------------------------
# Every line as "file:line:code" with comments and the insides of strings taken out.
strip() {
    awk 'FNR == 1 { comment = 0 }
    {
        out = ""; n = length($0); quote = ""
        for (i = 1; i <= n; i++) {
            c = substr($0, i, 1); two = substr($0, i, 2)
            if (comment) { if (two == "*/") { comment = 0; i++ } continue }
            if (quote != "") { if (c == "\\") i++; else if (c == quote) { quote = ""; out = out c } continue }
            if (two == "/*") { comment = 1; i++; continue }
            if (two == "//") break
            if (c == "\"" || c == "\047") quote = c
            out = out c
        }
        if (out ~ /[^ \t]/) print FILENAME ":" FNR ":" out
    }' "$@"
}
code=$(strip $(c_files "${code_dirs[@]}"))
calls() { grep -E "(^|[^A-Za-z0-9_>.])($1)[[:space:]]*\(" <<<"$code"; }

report "no banned call (style: bounded buffers, str.h, numbers that are checked)" < <(
    calls 'strcpy|strncpy|strcat|strncat|stpcpy|sprintf|vsprintf|gets|atoi|atol|atoll|atof|strtok|system|popen|tmpnam|mktemp|alloca|localtime|gmtime|asctime|ctime|rand|srand|setjmp|longjmp')
# flag/ stands alone (libc only); tests take buffers of the exact size, so that the sanitiser sees a read past the end.
report "memory comes from base/mem.h" < <(
    calls 'malloc|calloc|realloc|strdup|strndup|asprintf|vasprintf|reallocarray' |
        grep -vE '^(src/base/mem\.c|src/flag/|tests/|nginx/|examples/|bench/)')
report "layers below the commands neither print nor log" < <(
    grep -E '^src/(base|codec|link|model|bus|registry|flag)/' <<<"$code" |
        grep -E '[^A-Za-z0-9_](printf|puts|putchar|perror|log_event|log_err)[[:space:]]*\(' |
        grep -vE '^src/base/(log|progress|daemon)\.[ch]:|log_event\(LOG_DEBUG')

# --- what a file begins with ----------------------------------------------------------------------------------------
beginnings() {
    local f
    while read -r f; do
        [ "$(head -n 1 "$f")" = "// SPDX-License-Identifier: Apache-2.0" ] || echo "$f:1: no SPDX line"
        case $f in tests/unit/*) continue ;; esac
        [ "$(wc -l <"$f")" -gt 5 ] || continue
        sed -n 2p "$f" | grep -qE '^/[*/]' || echo "$f:2: no comment that says why the file exists"
    done < <(c_files "${code_dirs[@]}")
    while read -r f; do
        head -n 3 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$f: no SPDX line in the first three"
    done < <({ find "${code_dirs[@]}" -name '*.sh'; find scripts -type f 2>/dev/null; } | sort)
}
report "every file has its licence and says why it exists" < <(beginnings)

# --- the whole ------------------------------------------------------------------------------------------------------
dead() {
    local f
    while read -r f; do
        grep -q "'\([^']*/\)\{0,1\}$(basename "$f")'" "$(dirname "$f")"/meson.build "$(dirname "$f")"/../meson.build 2>/dev/null ||
            echo "$f: in no meson.build"
    done < <(find src -name '*.c' | sort)
}
report "no source file is left out of the build" < <(dead)

scripts_broken() {
    local f
    while read -r f; do
        head -n 1 "$f" | grep -q 'sh$' || continue
        bash -n "$f" 2>&1 | head -n 3
        [ -x "$f" ] || echo "$f: not executable"
    done < <({ find tests -name '*.sh'; find scripts .ci examples bench -type f 2>/dev/null; } | sort)
}
report "scripts are executable and can be parsed" < <(scripts_broken)

# Names of one machine or of a package registry have no place here. The letters are split so that this file passes.
report "no path of one machine, no registry's host name" < <(
    grep -rnIE "(^|[^[:alnum:]_.])/wor[k]/|/hom[e]/[a-z]+/|npmj[s]\.org|de[b]\.debian\.org|pyp[i]\.org|repo1?\.mave[n]" \
        --exclude=.git --exclude-dir=.git --exclude-dir='build*' --exclude-dir=.cache . | cut -c1-200)

echo "# files over 500 lines:"
wc -l $(c_files "${code_dirs[@]}") | awk '$1 > 500 && $2 != "total" { print "#   " $2 " " $1 }'
echo "# functions over 70 lines:"
awk 'FNR == 1 { start = 0 }
     /^\{/ { start = FNR; name = prev }
     /^\}/ { if (start && FNR - start > 70) print "#   " FILENAME ":" start " " FNR - start " " name; start = 0 }
     /^[A-Za-z]/ { prev = $0 }' $(c_files "${code_dirs[@]}")
echo "1..$tests"
[ $failures = 0 ]
