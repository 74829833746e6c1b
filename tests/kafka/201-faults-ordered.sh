#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# alone
# The same faults with delivery "ordered": the idempotent producer without transactions. One broker is killed, for time's sake.
FAULT_BROKERS=${FAULT_BROKERS:-3} FAULT_STOP_SECONDS=${FAULT_STOP_SECONDS:-8} DELIVERY=ordered exec "$(dirname "$0")/200-faults.sh"
