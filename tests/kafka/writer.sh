# SPDX-License-Identifier: Apache-2.0
# Sourced: kafka_writer.c with $BUS_DELIVERY: paused twins, parts, limits, drift, settings.
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/kafka.sh"

kafka_create k 1 "$KAFKA_VERSION" transaction.max.timeout.ms=8000 \
    transaction.abort.timed.out.transaction.cleanup.interval.ms=500 auto.create.topics.enable=true
export BUS_DSN BUS_DELIVERY
BUS_DSN=$(kafka_brokers k)
"$UNDAM_BUILD/tests/kafka/kafka_writer" >"$T/out.tap" 2>"$T/writer.log"
status=$?
tap_from "$T/out.tap" "$BUS_DELIVERY: "
is $status 0 "$BUS_DELIVERY: the program ran to its end"
done_testing
