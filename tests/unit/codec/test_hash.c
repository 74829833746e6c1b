// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "codec/hash.h"

/* Records on the bus hold these values: a change here is a change of the bus's format. */
TEST(values_are_pinned)
{
    static const struct {
        const char *text;
        uint64_t seed, hash;
    } cases[] = {
        {"", 0, 0xc96f21ebf6290549u},
        {"a", 0, 0x57418385339d49b7u},
        {"abc", 1, 0x82fdd775e1498f63u},
        {"abcd", 0, 0xac5b474e99b0e990u},
        {"12345678", 7, 0x42f1fa69ac0fe720u},
        {"0123456789abcdef", 0, 0x2705c096c41bcd3cu},
        {"0123456789abcdefg", 0, 0x6e934addb32bf48du},
        {"the length of this text is more than thirty-two bytes", 0xffffffffffffffffu, 0x257b66a7416bf413u},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t h = hash_bytes(str_of(cases[i].text), cases[i].seed);
        if (h != cases[i].hash)
            printf("# %zu: 0x%016llxu\n", i, (unsigned long long)h);
        CHECK(h == cases[i].hash);
    }
}

/* Every length up to 64, every single bit flipped: no two equal, and about half of the result's bits change. */
TEST(each_bit_counts)
{
    char text[64];
    uint64_t flips = 0, count = 0;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 37);
    for (size_t len = 1; len <= sizeof text; len++) {
        uint64_t h = hash_bytes(str_n(text, len), 5);
        CHECK(h != hash_bytes(str_n(text, len - 1), 5));
        CHECK(h != hash_bytes(str_n(text, len), 6));
        for (size_t bit = 0; bit < len * 8; bit++) {
            text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
            uint64_t other = hash_bytes(str_n(text, len), 5);
            text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
            CHECK(h != other);
            flips += (uint64_t)__builtin_popcountll(h ^ other);
            count++;
        }
    }
    CHECK(flips / count >= 31 && flips / count <= 32);
}

TEST(nothing_moves_between_two_texts)
{
    uint64_t a = hash_bytes(STR("bc"), hash_bytes(STR("a"), 0)), b = hash_bytes(STR("c"), hash_bytes(STR("ab"), 0));
    CHECK(a != b);
    CHECK(hash_bytes(STR(""), hash_bytes(STR("x"), 0)) != hash_bytes(STR("x"), hash_bytes(STR(""), 0)));
}

TEST_MAIN
