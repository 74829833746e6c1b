#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kafka driver's writer where it differs from others, delivery ordered.
BUS_DELIVERY=ordered
. "$(dirname "$0")/writer.sh"
