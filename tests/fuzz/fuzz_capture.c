// SPDX-License-Identifier: Apache-2.0
/*
 * The stream's state machine: the input is a run of messages, each after a 16-bit length. No catalog is there, so rows
 * end at the first table. Oracles: commits reach the sink in growing order, begin and end in pairs.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "capture/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t last_lsn;
static bool open_txn;

static bool on_begin(void *arg, const struct event_txn *txn, struct err *err)
{
    (void)arg, (void)err;
    if (open_txn || txn->lsn <= last_lsn)
        abort();
    open_txn = true;
    last_lsn = txn->lsn;
    return true;
}

static bool on_change(void *arg, const struct capture_change *change, struct err *err)
{
    (void)arg, (void)err;
    if (!open_txn || (change->content.len && !change->content.data))
        abort();
    return true;
}

static bool on_end(void *arg, struct err *err)
{
    (void)arg, (void)err;
    if (!open_txn)
        abort();
    open_txn = false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct capture_config config = {
        .dsn = "host=/nonexistent", .slot = "fuzz", .spool_directory = "/tmp/undam-fuzz-spool", .memory_max = 200};
    struct capture_sink sink = {NULL, on_begin, on_change, on_end};
    struct capture *c = capture_new(&config, &sink);
    struct err err;
    last_lsn = 0;
    open_txn = false;
    bool ok = capture_open_offline(c, &err);
    while (ok && size >= 2) {
        size_t len = get_be16(data);
        data += 2;
        size -= 2;
        if (len > size)
            len = size;
        ok = capture_feed(c, (struct str){(const char *)data, len}, &err);
        data += len;
        size -= len;
    }
    capture_free(c);
    return 0;
}
