#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The conformance suite of registry drivers (registry_conformance.c) on Confluent's REST API as Apicurio Registry has it.
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/kafka.sh"

apicurio_create api
export REGISTRY_OWN_UNTOLD=1 REGISTRY_DRIVER=confluent REGISTRY_URLS REGISTRY_STOP="$T/stop" REGISTRY_START="$T/start" REGISTRY_STALL="$T/stall"
# The first URL is nobody's: the next one is tried, and kept.
REGISTRY_URLS="http://127.0.0.1:1,$(apicurio_url api)"

# Apicurio is this shell's child: what the suite wants done to it is asked for through a pipe.
mkfifo "$T/wishes"
for wish in stop start stall; do
    printf '#!/bin/bash\nrm -f %q\necho %s >%q\nfor i in $(seq 1200); do [ -e %q ] && exit 0; sleep 0.1; done; exit 1\n' \
        "$T/granted" $wish "$T/wishes" "$T/granted" >"$T/$wish"
    chmod +x "$T/$wish"
done
("$UNDAM_BUILD/tests/flow/registry_conformance" >"$T/out.tap" 2>"$T/conformance.log"; echo "end $?" >"$T/wishes") &
status=none
exec 8<>"$T/wishes"
while read -r -t 300 wish rest <&8; do
    case $wish in
    stop) apicurio_down api ;;
    start) apicurio_up api ;;
    stall) apicurio_pause api; (sleep 2; apicurio_resume api) & ;;
    end) status=$rest; break ;;
    esac
    touch "$T/granted"
done
exec 8>&-
tap_from "$T/out.tap"
is "$status" 0 "the suite ran to its end"
done_testing
