// SPDX-License-Identifier: Apache-2.0
/* Snapshot reader: any bytes are refused or evaluate without reading outside them. The checksum is repaired, so that
 * mutations reach the checks behind it. */
#include <stdlib.h>
#include <string.h>

#include "flag/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy = malloc(size + 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    struct flag_head *head = (void *)copy;
    if (size >= sizeof *head && head->words_offset <= size) {
        head->checksum = 0;
        head->checksum = flag_checksum(copy, head->words_offset);
    }
    struct flag_snapshot s;
    char why[128];
    if (flag_snapshot_parse(&s, copy, size, why, sizeof why)) {
        static const char *const users[] = {"", "a", "user-1", "vip"};
        for (int f = -1; f <= (int)s.head->flags.count && f < 64; f++)
            for (size_t u = 0; u < 4; u++) {
                struct flag_request r = {users[u], strlen(users[u]), flag_snapshot_heartbeat_us(&s), (int64_t)u};
                flag_decide(&s, f, flag_service_of(&s, f), &r);
            }
        flag_find(&s, "x", 1);
        flag_service_find(&s, "x", 1);
        flag_snapshot_superseded(&s);
    }
    free(copy);
    return 0;
}
