// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "codec/murmur2.h"

/* Vectors of Kafka's own UtilsTest#testMurmur2. */
TEST(kafka_vectors)
{
    static const struct {
        const char *key;
        int32_t hash;
    } vectors[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        CHECK_INT((int32_t)murmur2(str_of(vectors[i].key)), vectors[i].hash);
}

TEST_MAIN
