// SPDX-License-Identifier: Apache-2.0
/* What is read from a block and written anew reads the same: writing is then a fixed point. */
#include <assert.h>

#include "bus/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool rewrite(struct str in, struct block *out)
{
    struct block_reader r;
    struct block_item item;
    struct err err;
    block_reader_init(&r, in);
    for (;;) {
        enum block_record peeked = r.at ? block_peek(&r) : BLOCK_ERROR, got = block_next(&r, &item, &err);
        assert(r.at <= r.size && (peeked == got || got == BLOCK_ERROR || peeked == BLOCK_ERROR));
        switch (got) {
        case BLOCK_ERROR: return false;
        case BLOCK_DONE: return true;
        case BLOCK_TXN: block_txn(out, &item.txn, item.begins); break;
        case BLOCK_EVENT: block_event(out, &item.event, item.topic_id); break;
        case BLOCK_END: block_end(out, item.txn.events); break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct block once, twice;
    block_init(&once);
    block_init(&twice);
    if (rewrite((struct str){(const char *)data, size}, &once) && !block_empty(&once)) {
        bool again = rewrite(buf_str(&once.data), &twice);
        assert(again && str_eq(buf_str(&once.data), buf_str(&twice.data)));
    }
    block_free(&once);
    block_free(&twice);
    return 0;
}
