#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The conformance suite of bus drivers on the kafka driver, delivery ordered: an idempotent producer without transactions.
DELIVERY=ordered
export BUS_UNFENCED=1 BUS_EAGER=1
. "$(dirname "$0")/conformance.sh"
