// SPDX-License-Identifier: Apache-2.0
/* LSNs as text; see lsn.h. */
#include "codec/lsn.h"

#include <stdio.h>

char *lsn_format(uint64_t lsn, char *out)
{
    snprintf(out, LSN_TEXT_SIZE, "%X/%X", (unsigned)(lsn >> 32), (unsigned)lsn);
    return out;
}

static bool hex32(struct str s, uint32_t *ret)
{
    uint32_t v = 0;
    if (s.len == 0 || s.len > 8)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        unsigned d;
        if (c >= '0' && c <= '9')
            d = (unsigned)(c - '0');
        else if (c >= 'A' && c <= 'F')
            d = (unsigned)(c - 'A') + 10;
        else if (c >= 'a' && c <= 'f')
            d = (unsigned)(c - 'a') + 10;
        else
            return false;
        v = v << 4 | d;
    }
    *ret = v;
    return true;
}

bool lsn_parse(struct str s, uint64_t *ret)
{
    struct str low;
    struct str high = str_cut(s, '/', &low);
    uint32_t h, l;
    if (!low.data || !hex32(high, &h) || !hex32(low, &l))
        return false;
    *ret = (uint64_t)h << 32 | l;
    return true;
}
