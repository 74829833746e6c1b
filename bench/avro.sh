#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Avro, a record encoded and decoded, in nanoseconds, beside libavro's generic codec.
set -eu
"$UNDAM_BUILD/bench/avro_bench"
