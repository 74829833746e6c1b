#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The conformance suite of bus drivers on the kafka driver, delivery exactly-once: Kafka transactions.
DELIVERY=exactly-once
. "$(dirname "$0")/conformance.sh"
