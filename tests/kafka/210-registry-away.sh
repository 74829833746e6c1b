#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The schema registry is away while a table changes: events of the schemas that are known go on; the first event that needs
# the new one waits, the source hears of the relay meanwhile, nothing is skipped, and all goes on when it is back.
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/../flow/project_lib.sh"
. "$(dirname "$0")/kafka.sh"
. "$(dirname "$0")/fault.sh"

kafka_create k 1
apicurio_create registry
REGISTRY="{driver: confluent, urls: \"$(apicurio_url registry)\"}"
fault_setup
subjects() { curl -s -m 5 "$(apicurio_url registry)/subjects"; }
stop load # with pauses, so that it is known which schemas the relay has
settle 30
sql src source "UPDATE accounts SET note = 'before' WHERE id = 1"
settle
like "$(subjects)" 'shop.app-.*AccountsUpdated' "schemas are in the registry"

apicurio_down registry
sql src source "UPDATE accounts SET note = 'meanwhile' WHERE id = 1"
goes_on 30 "without the registry, events of known schemas arrive"
sql src source "ALTER TABLE tags ADD COLUMN colour text DEFAULT 'red'; INSERT INTO tags VALUES (1, 'colour', 1, 'blue')"
lsn=$(source_lsn)
start load "$LOAD" write "$(dsn src source)" "$CLIENTS" "$SEED"
sleep "$STOP"
ok "$(! reached "$lsn"; echo $?)" "the new schema's events wait"
ok "$(sql src source "SELECT confirmed_flush_lsn < '$lsn' FROM pg_replication_slots WHERE slot_name = 'undam'" | grep -qx t; echo $?)" \
    "the source still holds them"
kept "registry away for $STOP s"
apicurio_up registry
goes_on 60 "with the registry back, everything arrives"
like "$(curl -s -m 5 "$(apicurio_url registry)/subjects/shop.app-shop.app.TagsCreated/versions/latest")" 'colour' "the new schema is registered"
reader java k "$(apicurio_url registry)" shop.app - >"$T/decoded"; is $? 0 "Kafka's own consumer decodes every event with the registry's schemas"
like "$(grep '"ce_type": "tags.created"' "$T/decoded")" '"colour": "blue"' "also those of the new schema"
fault_end
done_testing
