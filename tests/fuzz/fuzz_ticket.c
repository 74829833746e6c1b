// SPDX-License-Identifier: Apache-2.0
/* Ticket decoder: any bytes are refused, or encode to the same bytes again. */
#include <stdlib.h>
#include <string.h>

#include "codec/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ticket t;
    struct err err;
    static unsigned char again[TICKET_MAX];
    if (!ticket_decode(data, size, &t, &err))
        return 0;
    for (unsigned i = 0; i < t.header_count; i++)
        t.headers[i].listed = true;
    if (ticket_encode(&t, again, sizeof again) != size || memcmp(again, data, size) != 0)
        abort();
    return 0;
}
