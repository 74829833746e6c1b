#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# alone
# The crash flow on Kafka, a few kills of it: tests/flow/090-crash.sh says what is killed and what must hold.
BUS=kafka CRASH_KILLS=${CRASH_KILLS:-8} CRASH_CLIENTS=${CRASH_CLIENTS:-1} exec "$(dirname "$0")/../flow/090-crash.sh"
