#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# alone
# The demo in small (tests/flow/099-demo.sh) with a Kafka broker as the bus.
BUS=kafka exec "$(dirname "$0")/../flow/099-demo.sh"
