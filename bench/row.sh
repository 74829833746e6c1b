#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A row's texts to Avro and back in nanoseconds, beside the same row as bare strings, and type by type.
set -eu
"$UNDAM_BUILD/bench/row_bench"
