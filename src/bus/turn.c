// SPDX-License-Identifier: Apache-2.0
/* What writers of all drivers do alike: the order of calls, and how far the log will be; see driver.h. */
#include "bus/driver.h"

bool bus_turn_begin(struct bus_writer *w, const struct event_txn *txn, struct err *err)
{
    char a[LSN_TEXT_SIZE], b[LSN_TEXT_SIZE];
    if (w->in_txn || txn->lsn <= w->lsn_max)
        return err_set(err, ERR_INTERNAL, "bus: transaction %s comes after %s", lsn_format(txn->lsn, a),
                       lsn_format(w->lsn_max, b));
    w->txn = *txn;
    w->txn.events = 0;
    w->lsn_max = txn->lsn;
    w->in_txn = true;
    return true;
}

bool bus_turn_put(const struct bus_writer *w, const struct event *event, struct err *err)
{
    if (w->in_txn && event->pos.lsn == w->txn.lsn && event->pos.seq == w->txn.events + 1)
        return true;
    return err_set(err, ERR_INTERNAL, "bus: event %u does not follow event %u of its transaction", event->pos.seq,
                   w->txn.events);
}

bool bus_turn_end(const struct bus_writer *w, struct err *err)
{
    return w->in_txn || err_set(err, ERR_INTERNAL, "bus: end without begin");
}

void bus_turn_ended(struct bus_writer *w)
{
    w->in_txn = false;
    if (w->txn.lsn > w->next.lsn)
        w->next.lsn = w->txn.lsn;
    w->next.commit_time_us = w->txn.commit_time_us;
}

bool bus_turn_flush(const struct bus_writer *w, struct err *err)
{
    return !w->in_txn || err_set(err, ERR_INTERNAL, "bus: flush inside a transaction");
}

void bus_turn_quiet(struct bus_writer *w, uint64_t lsn, int64_t watermark_us)
{
    if (lsn > w->next.lsn)
        w->next.lsn = lsn;
    if (lsn > w->lsn_max)
        w->lsn_max = lsn;
    if (watermark_us > w->next.watermark_us)
        w->next.watermark_us = watermark_us;
}

bool bus_turn_news(const struct bus_writer *w)
{
    return w->next.lsn != w->done.lsn || w->next.watermark_us != w->done.watermark_us;
}
