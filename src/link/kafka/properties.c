// SPDX-License-Identifier: Apache-2.0
/* The properties file: `name=value` lines, comments with # or !; and the names that it may not have. */
#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "link/kafka/kafka.h"

enum { PROPERTIES_BYTES_MAX = 1 << 20, PROPERTY_MAX = 64 * 1024 };

/* What Undam's promises rest on, and what would come of another value. */
static const struct {
    const char *name, *why;
} owned[] = {
    {"acks", "with fewer than all, an event that was confirmed to PostgreSQL is lost when a broker fails"},
    {"request.required.acks",
     "with fewer than all, an event that was confirmed to PostgreSQL is lost when a broker fails"},
    {"enable.idempotence", "without it a repeated request stores events twice or out of order"},
    {"enable.gapless.guarantee", "a gap must end the writer, and does"},
    {"transactional.id", "it is <prefix>.<source>: under another one a second relay would not be fenced"},
    {"transaction.timeout.ms", "it is as long as the brokers allow, so that large transactions fit"},
    {"isolation.level", "readers would see what was aborted, and so events twice"},
    {"partitioner", "keys would move to other partitions than Java's clients look in; Undam places them itself"},
    {"message.timeout.ms", "events that expire would leave a gap"},
    {"delivery.timeout.ms", "events that expire would leave a gap"},
    {"retries", "giving up would leave a gap"},
    {"message.send.max.retries", "giving up would leave a gap"},
    {"max.in.flight", "with more than five, repeated requests store events out of order"},
    {"max.in.flight.requests.per.connection", "with more than five, repeated requests store events out of order"},
    {"message.max.bytes", "the limit is that of each topic, which Undam checks"},
    {"delivery.report.only.error", "the writer counts what was stored"},
    {"allow.auto.create.topics", "a topic that a broker makes has its own number of partitions and retention"},
    {"bootstrap.servers", "it is bus.brokers"},
    {"metadata.broker.list", "it is bus.brokers"},
    {"group.id", "it is <prefix>.<service>"},
    {"group.instance.id", "readers take their partitions themselves, without a group"},
    {"partition.assignment.strategy", "readers take their partitions themselves, without a group"},
    {"enable.auto.commit", "positions are kept in the read model, with the rows they belong to"},
    {"enable.auto.offset.store", "positions are kept in the read model, with the rows they belong to"},
    {"auto.commit.enable", "positions are kept in the read model, with the rows they belong to"},
    {"auto.offset.reset", "a reader whose position is gone must say so, not start elsewhere"},
    {"enable.partition.eof", "readers rely on it"},
    {"log.queue", "Undam's log needs it as it is"},
    {"test.mock.num.brokers", "a mock cluster keeps nothing"},
    {"test.mock.broker.rtt", "a mock cluster keeps nothing"},
    {"plugin.library.paths", "code of others in the relay could do anything to events"},
};

const char *kafka_setting_owned(struct str name)
{
    for (size_t i = 0; i < COUNT(owned); i++)
        if (str_is(name, owned[i].name))
            return owned[i].why;
    return NULL;
}

static bool line_parse(const char *path, struct str line, unsigned number, kafka_property_fn *fn, void *arg,
                       struct err *err)
{
    struct str value, name = str_trim(str_cut(line, '=', &value));
    if (!value.data) {
        err_set(err, ERR_CONFIG, "%s:%u: a line without \"=\"", path, number);
        return err_hint(err, "write name=value, one a line; # begins a comment");
    }
    if (name.len == 0 || name.len > 100 || memchr(line.data, 0, line.len) || line.len > PROPERTY_MAX)
        return err_set(err, ERR_CONFIG, "%s:%u: not a setting", path, number);
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= ' ' || name.data[i] >= 127)
            return err_set(err, ERR_CONFIG, "%s:%u: not the name of a setting", path, number);
    const char *why = kafka_setting_owned(name);
    if (!why)
        return fn(arg, name, str_trim(value), number, err);
    err_set(err, ERR_CONFIG, "%s:%u: " STR_FMT " is Undam's own: %s", path, number, STR_ARG(name), why);
    return err_hint(err, "take the line out");
}

bool kafka_properties_parse(const char *path, struct str text, kafka_property_fn *fn, void *arg, struct err *err)
{
    unsigned number = 0;
    for (struct str rest = text; rest.len;) {
        struct str line = str_trim(str_cut(rest, '\n', &rest));
        number++;
        if (line.len == 0 || line.data[0] == '#' || line.data[0] == '!')
            continue;
        if (!line_parse(path, line, number, fn, arg, err))
            return false;
    }
    return true;
}

static void close_file(FILE **f)
{
    if (*f)
        fclose(*f);
}

bool kafka_properties(const char *path, kafka_property_fn *fn, void *arg, struct err *err)
{
    if (!path || !*path)
        return true;
    CLEANUP(close_file)
    FILE *f = fopen(path, "re");
    CLEANUP(free_ptr)
    char *text = NULL;
    if (!f) {
        err_set(err, ERR_CONFIG, "bus.properties: cannot open %s: %s", path, strerrordesc_np(errno));
        return err_hint(err, "the file must be there and readable by the user that runs Undam");
    }
    text = xmalloc(PROPERTIES_BYTES_MAX + 1);
    size_t len = fread(text, 1, PROPERTIES_BYTES_MAX + 1, f);
    if (ferror(f))
        return err_set(err, ERR_CONFIG, "bus.properties: cannot read %s", path);
    if (len > PROPERTIES_BYTES_MAX)
        return err_set(err, ERR_CONFIG, "bus.properties: %s is larger than 1 MB", path);
    bool good = kafka_properties_parse(path, str_n(text, len), fn, arg, err);
    explicit_bzero(text, len);
    return good;
}
