# SPDX-License-Identifier: Apache-2.0
# Sourced by benchmarks: clusters and clean-up from the flow tests' library, the example from scripts/lib.
. "$UNDAM_SOURCE/tests/flow/lib.sh"
. "$UNDAM_SOURCE/scripts/lib/fintech.sh"
SCALE=${SCALE:-1}
bail() { echo "${0##*/}: $*" >&2; local f; for f in "$T"/*.log; do [ -s "$f" ] && { echo "--- $f" >&2; tail -n 5 "$f" >&2; }; done; exit 8; }
result() { printf '%s\t%s %s\n' "$1" "$2" "${3:-}"; } # NAME VALUE [UNIT]
calc() { awk "BEGIN {printf \"%.${2:-2}f\", $1}"; } # EXPRESSION [DIGITS]
# CPU of one process in microseconds, from the scheduler's own count.
cpu_us() { local p s=0; for p in "$@"; do s=$((s + $(cut -d' ' -f1 "/proc/$p/schedstat" 2>/dev/null || echo 0))); done; echo $((s / 1000)); }
# All processes of a cluster.
cluster_pids() { local p; p=$(head -n 1 "$T/$1/data/postmaster.pid"); echo "$p" $(pgrep -P "$p"); }
backend_pid() { sql "$1" postgres "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walsender'"; } # CLUSTER
bench_cleanup() {
    local status=$?
    exec 2>/dev/null # what went wrong was said; how processes ended is of no interest
    trap - EXIT
    supervise_end
    (true; flow_cleanup)
    exit $status
}
trap bench_cleanup EXIT
