// SPDX-License-Identifier: Apache-2.0
/*
 * From the control database to the file that nginx maps. The daemon and `undam flags` both publish; the newest version
 * wins, and a file never goes back to an older one.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "flag/snapshot_write.h"
#include "link/pg/pg.h"

/* Publishes unless the file already shows this version (or a newer one), catalogue and services. ERR_SYSTEM. */
bool control_publish(const char *path, const struct flag_set *set, bool *ret_published, struct err *err) MUST_USE;
/* Hash of the compiled catalogue, 0 when there is none or it is broken. */
uint64_t control_catalogue_hash(const char *path);

/* Kill word of a flag ("" = everything) in the published file, at once, with no database. ERR_SYSTEM. */
bool control_kill_now(const char *path, const char *flag, enum flag_kill kill, struct err *err) MUST_USE;

struct control_file {
    bool there;
    uint64_t version;
    int64_t heartbeat_us;
    char why[200]; /* when it is not there */
};
void control_file_look(const char *path, struct control_file *ret);
