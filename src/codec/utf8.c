// SPDX-License-Identifier: Apache-2.0
/* See utf8.h. */
#include "codec/utf8.h"

/* Length of the sequence that starts with c, and the range its second byte must lie in; 0 when c starts none. */
static size_t sequence(unsigned char c, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    *ret_high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4)
        return 0;
    return c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

bool utf8_valid(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    for (size_t i = 0; i < s.len;) {
        unsigned char low, high;
        size_t n = sequence(p[i], &low, &high);
        if (n == 0 || n > s.len - i || (n > 1 && (p[i + 1] < low || p[i + 1] > high)))
            return false;
        for (size_t k = 2; k < n; k++)
            if ((p[i + k] & 0xC0) != 0x80)
                return false;
        i += n;
    }
    return true;
}
