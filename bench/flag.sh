#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A flag decision in nanoseconds, beside the bare hash of the same bytes.
set -eu
file=$(mktemp -u /tmp/undam-flag-bench.XXXXXX)
"$UNDAM_BUILD/bench/flag_bench" "$file"
rm -f "$file.lock"
