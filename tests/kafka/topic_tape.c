// SPDX-License-Identifier: Apache-2.0
/*
 * For tests of what a check finds: a topic is saved into a file and written again, with its keys, values, headers,
 * partitions and times, whole or damaged in one place, so that the log is otherwise what the relay wrote. topic_tape
 * save BROKERS TOPIC FILE             prints the number of messages topic_tape restore BROKERS TOPIC FILE DAMAGE   into
 * a new, empty topic of that name. DAMAGE, with N the message (from 0, partition by partition): whole | drop:N |
 * double:N | swap:N (with the next of its partition) | move:N (to the next partition) | value:N (its last byte is
 * another) | key:N | header:N (the last one is left out)
 */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "topic_tape: %s\n", what);
    exit(1);
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers)
{
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof text) ||
        (type == RD_KAFKA_CONSUMER && (rd_kafka_conf_set(conf, "group.id", "tape", text, sizeof text) ||
                                       rd_kafka_conf_set(conf, "enable.partition.eof", "true", text, sizeof text) ||
                                       rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", text, sizeof text))) ||
        (type == RD_KAFKA_PRODUCER && rd_kafka_conf_set(conf, "enable.idempotence", "true", text, sizeof text)))
        fail(text);
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
    if (!rk)
        fail(text);
    return rk;
}

static int partitions(rd_kafka_t *rk, const char *topic)
{
    const struct rd_kafka_metadata *m;
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
    if (rd_kafka_metadata(rk, 0, t, &m, 10000) || m->topic_cnt != 1 || m->topics[0].partition_cnt < 1)
        fail("the topic is not there");
    int n = m->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(m);
    rd_kafka_topic_destroy(t);
    return n;
}

/* ---- the file: for each message partition, time, key, value, header count, headers; lengths of -1 are nulls ---- */

static void put_number(FILE *f, int64_t n) { fwrite(&n, sizeof n, 1, f); }

static void put_bytes(FILE *f, const void *data, size_t len)
{
    put_number(f, data ? (int64_t)len : -1);
    if (data)
        fwrite(data, 1, len, f);
}

static bool get_number(FILE *f, int64_t *ret) { return fread(ret, sizeof *ret, 1, f) == 1; }

static char *get_bytes(FILE *f, size_t *ret_len)
{
    int64_t len;
    if (!get_number(f, &len))
        fail("the file is cut off");
    *ret_len = 0;
    if (len < 0)
        return NULL;
    char *data = malloc((size_t)len + 1);
    if (!data || fread(data, 1, (size_t)len, f) != (size_t)len)
        fail("the file is cut off");
    *ret_len = (size_t)len;
    return data;
}

static void put_message(FILE *f, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers;
    size_t count = 0;
    put_number(f, m->partition);
    put_number(f, rd_kafka_message_timestamp(m, NULL));
    put_bytes(f, m->key, m->key_len);
    put_bytes(f, m->payload, m->len);
    if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        count = rd_kafka_header_cnt(headers);
    put_number(f, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t size;
        rd_kafka_header_get_all(headers, i, &name, &value, &size);
        put_bytes(f, name, strlen(name));
        put_bytes(f, value, size);
    }
}

static void save(const char *brokers, const char *topic, const char *path)
{
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, brokers);
    FILE *f = fopen(path, "w");
    long count = 0;
    int n = partitions(rk, topic);
    if (!f)
        fail("cannot write the file");
    rd_kafka_poll_set_consumer(rk);
    for (int p = 0; p < n; p++) { /* one after the other: the file is in each partition's order */
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
        rd_kafka_assign(rk, list);
        for (bool end = false; !end;) {
            rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 20000);
            if (!m)
                fail("the topic cannot be read");
            end = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && m->partition == p;
            if (!m->err) {
                put_message(f, m);
                count++;
            }
            rd_kafka_message_destroy(m);
        }
        rd_kafka_topic_partition_list_destroy(list);
    }
    fclose(f);
    rd_kafka_destroy(rk);
    printf("%ld\n", count);
}

/* ---- restore ---- */

struct message {
    int64_t partition, time, header_count;
    char *key, *value;
    size_t key_len, value_len;
    rd_kafka_headers_t *headers;
};

static bool get_message(FILE *f, struct message *m)
{
    if (!get_number(f, &m->partition))
        return false;
    if (!get_number(f, &m->time))
        fail("the file is cut off");
    m->key = get_bytes(f, &m->key_len);
    m->value = get_bytes(f, &m->value_len);
    if (!get_number(f, &m->header_count))
        fail("the file is cut off");
    m->headers = rd_kafka_headers_new((size_t)m->header_count);
    for (int64_t i = 0; i < m->header_count; i++) {
        size_t name_len, len;
        char *name = get_bytes(f, &name_len), *value = get_bytes(f, &len);
        rd_kafka_header_add(m->headers, name, (ssize_t)name_len, value, (ssize_t)len);
        free(name);
        free(value);
    }
    return true;
}

static void release(struct message *m)
{
    rd_kafka_headers_destroy(m->headers);
    free(m->key);
    free(m->value);
}

static void produce(rd_kafka_t *rk, const char *topic, const struct message *m)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_copy(m->headers);
    rd_kafka_resp_err_t code;
    while ((code = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION((int32_t)m->partition),
                                     RD_KAFKA_V_KEY(m->key, m->key_len), RD_KAFKA_V_VALUE(m->value, m->value_len),
                                     RD_KAFKA_V_TIMESTAMP(m->time), RD_KAFKA_V_HEADERS(headers),
                                     RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END)) ==
           RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(rk, 100);
    if (code)
        fail(rd_kafka_err2str(code));
}

static void without_last_header(struct message *m)
{
    rd_kafka_headers_t *fewer = rd_kafka_headers_new((size_t)m->header_count);
    for (int64_t i = 0; i + 1 < m->header_count; i++) {
        const char *name;
        const void *value;
        size_t size;
        rd_kafka_header_get_all(m->headers, (size_t)i, &name, &value, &size);
        rd_kafka_header_add(fewer, name, -1, value, (ssize_t)size);
    }
    rd_kafka_headers_destroy(m->headers);
    m->headers = fewer;
}

static bool is(const char *damage, const char *what)
{
    size_t n = strlen(what);
    return strncmp(damage, what, n) == 0 && (damage[n] == ':' || !damage[n]);
}

static void damaged(rd_kafka_t *rk, const char *topic, const char *damage, struct message *m, struct message *next,
                    int partition_count)
{
    if (is(damage, "double")) {
        produce(rk, topic, m);
    } else if (is(damage, "swap")) {
        if (!next || next->partition != m->partition)
            fail("there is no next message in that partition");
        struct message first = *m;
        *m = *next;
        *next = first;
    } else if (is(damage, "move")) {
        m->partition = (m->partition + 1) % partition_count;
    } else if (is(damage, "value")) {
        m->value[m->value_len - 1] ^= 1;
    } else if (is(damage, "key")) {
        m->key[m->key_len - 1] ^= 1;
    } else if (is(damage, "header")) {
        without_last_header(m);
    } else if (!is(damage, "drop")) {
        fail("no such damage");
    }
    if (!is(damage, "drop"))
        produce(rk, topic, m);
}

static void restore(const char *brokers, const char *topic, const char *path, const char *damage)
{
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, brokers);
    FILE *f = fopen(path, "r");
    const char *colon = strchr(damage, ':');
    long at = colon ? strtol(colon + 1, NULL, 10) : -1, n = 0;
    int count = partitions(rk, topic);
    struct message m, next;
    if (!f)
        fail("cannot read the file");
    bool more = get_message(f, &m);
    for (; more; n++) {
        more = get_message(f, &next);
        if (n == at)
            damaged(rk, topic, damage, &m, more ? &next : NULL, count);
        else
            produce(rk, topic, &m);
        release(&m);
        m = next;
        rd_kafka_poll(rk, 0);
    }
    if (at >= n)
        fail("there is no such message");
    if (rd_kafka_flush(rk, 30000))
        fail("not everything was written");
    rd_kafka_destroy(rk);
    fclose(f);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "save") == 0)
        save(argv[2], argv[3], argv[4]);
    else if (argc == 6 && strcmp(argv[1], "restore") == 0)
        restore(argv[2], argv[3], argv[4], argv[5]);
    else
        fail("usage: topic_tape save BROKERS TOPIC FILE | restore BROKERS TOPIC FILE DAMAGE");
    return 0;
}
