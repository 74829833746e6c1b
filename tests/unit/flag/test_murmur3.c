// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "flag/murmur3.h"

static uint32_t bucket(const char *key, uint32_t total)
{
    return (uint32_t)((uint64_t)murmur3_32(key, strlen(key), 0) * total >> 32);
}

TEST(flagd_vectors)
{
    CHECK_INT(murmur3_32("orders-readuser-1", 17, 0), 0x633daf69);
    CHECK_INT(bucket("orders-readuser-1", 100), 38);
    CHECK_INT(bucket("orders-readuser-1", 100000), 38765);
    CHECK_INT(murmur3_32("orders-readuser-2", 17, 0), 0x807e7336);
    CHECK_INT(murmur3_32("orders-readuser-3", 17, 0), 0x6bf99dc9);
}

TEST_MAIN
