#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# alone
# Brokers and Undam are in two network namespaces, and the link between them is slow, uneven and loses packets; then it is cut
# altogether for a while. Needs network namespaces: root, or user namespaces, or sudo without a password.
if [ "$(id -u)" != 0 ] && ! unshare -rn true 2>/dev/null; then
    exec sudo -n env "PATH=$PATH" UNDAM="${UNDAM:-}" UNDAM_BUILD="${UNDAM_BUILD:-}" UNDAM_SOURCE="${UNDAM_SOURCE:-}" \
        UNDAM_CACHE="${UNDAM_CACHE:-/var/tmp/undam-$(id -un)}" FAULT_STOP_SECONDS="${FAULT_STOP_SECONDS:-}" "$0" "$@"
fi
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/../flow/project_lib.sh"
. "$(dirname "$0")/kafka.sh"
. "$(dirname "$0")/fault.sh"

DELAY=${LINK_DELAY_MS:-10} JITTER=${LINK_JITTER_MS:-20} LOSS=${LINK_LOSS_PERCENT:-2}
link_create "$DELAY" "$JITTER" "$LOSS" "$SEED"
kafka_create k 3
fault_setup
goes_on 60 "over a link with $DELAY to $((DELAY + JITTER)) ms delay and $LOSS % loss, events arrive"
sleep "$STOP"
goes_on 60 "and go on arriving"
kept "a bad link"

link_cut
sleep "$STOP"
kept "no link for $STOP s"
link_mend
goes_on 90 "after $STOP s without a link, events arrive"
for i in 1 2 3; do # short ones
    link_cut
    sleep 0.$((RANDOM % 9 + 1))
    link_mend
    sleep 0.5
done
goes_on 60 "after short breaks, too"
kept "the link is back"
fault_end
stop link
note "$(tail -n 2 "$T/link.log")"
like "$(tail -n 2 "$T/link.log")" 'lost [1-9]' "the link did lose packets"
done_testing
