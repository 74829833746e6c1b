# SPDX-License-Identifier: Apache-2.0
# What the quick demo has of its own: the core of the example, and requests that mostly move. demo-full.sh has the same names.

RATE=${RATE:-300} TRANSACTIONS=${TRANSACTIONS:-200000} SAMPLE=${SAMPLE:-3%} WRITES=10 WRITE_RATE=80 MEASURE=10
WHAT='a monolith on one PostgreSQL database' TABLES='' LOGS='' OPTIONS=()

choose_servers() { :; } # both clusters with the PostgreSQL that is installed
load_monolith() {
    fintech_seed mono fintech "$USERS" "$TRANSACTIONS" "$SEED"
    TRAFFIC=(--cases "$(sql mono fintech 'SELECT max(id) FROM compliance_cases')" --writes $WRITES --rate "$RATE")
}
# Nothing but writes, and the whole mix again.
writes_only() { traffic writes 100; traffic verify 0; traffic rate $WRITE_RATE; }
whole_mix() { traffic rate "$RATE"; traffic writes $WRITES; traffic verify 10; }
# A phase of writes of so many seconds.
writes_for() { # PHASE SECONDS
    traffic phase "$1"
    sleep "$2"
}
say_system() { :; }
say_capture() { :; }
measure_moved() { :; }
own_reads_begin() { :; } # the traffic has them
own_reads_end() { :; }
more_figures() { :; }
more_json() { :; }
show_check() { tail -n 12 "$T/check.log"; }
