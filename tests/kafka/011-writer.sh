#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kafka driver's writer where it differs from others, delivery exactly-once.
BUS_DELIVERY=exactly-once
. "$(dirname "$0")/writer.sh"
