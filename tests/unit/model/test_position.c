// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "model/position.h"

TEST(order_is_lsn_then_sequence)
{
    CHECK(position_cmp((struct position){1, 9}, (struct position){2, 1}) < 0);
    CHECK(position_cmp((struct position){2, 2}, (struct position){2, 1}) > 0);
    CHECK(position_cmp((struct position){2, 2}, (struct position){2, 2}) == 0);
}

TEST_MAIN
