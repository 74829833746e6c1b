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

TEST(a_pair_hashes_as_its_join)
{
    static const char text[] = "transactions-read/user-4711-with-a-long-key";
    for (size_t len = 0; len < sizeof text; len++)
        for (size_t cut = 0; cut <= len; cut++)
            CHECK_INT(murmur3_32_pair(text, cut, text + cut, len - cut, 0), murmur3_32(text, len, 0));
}

TEST_MAIN
