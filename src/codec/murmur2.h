// SPDX-License-Identifier: Apache-2.0
/* MurmurHash2 as org.apache.kafka.common.utils.Utils#murmur2 computes it (seed 0x9747b28c), and its partitioner. */
#pragma once
#include <stdint.h>

#include "base/str.h"

uint32_t murmur2(struct str key);
/* Java's default for a keyed record: (murmur2 & 0x7fffffff) % partitions. partitions > 0. */
int32_t murmur2_partition(struct str key, int32_t partitions);
