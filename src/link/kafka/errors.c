// SPDX-License-Identifier: Apache-2.0
/* What librdkafka's and Kafka's error codes mean to us: class, whether trying again makes sense, what to do. */
#include <stdio.h>

#include "base/mem.h"
#include "link/kafka/kafka.h"

/* Everything that is not here is of brokers and networks: ERR_TARGET, to be tried again. */
static const struct {
    rd_kafka_resp_err_t code;
    enum err_class class;
    bool retriable;
    const char *hint;
} meanings[] = {
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, ERR_CONFIG, false,
     "the broker refuses these credentials, or wants another security.protocol; see the file bus.properties names"},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, ERR_CONFIG, false,
     "the broker refuses these credentials; see sasl.* in the file that bus.properties names"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, ERR_CONFIG, false,
     "set sasl.mechanism to one that the broker offers, in the file that bus.properties names"},
    {RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, ERR_CONFIG, false,
     "the listener does not expect SASL: look at security.protocol and the port in bus.brokers"},
    {RD_KAFKA_RESP_ERR__SSL, ERR_CONFIG, false,
     "look at ssl.* (ssl.ca.location, host names in certificates) in the file that bus.properties names"},
    {RD_KAFKA_RESP_ERR_SECURITY_DISABLED, ERR_CONFIG, false, "the broker has no authorizer; it needs none for Undam"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERR_CONFIG, false,
     "the relay needs Describe, Write and Create on its topics, Read, Delete and DescribeConfigs on the commits topic; "
     "readers need Describe and Read"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ERR_CONFIG, false, "readers need Read on group <prefix>.<service>"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ERR_CONFIG, false,
     "an idempotent producer needs IdempotentWrite on the cluster, or Write on its topics; creating topics needs "
     "Create"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, ERR_CONFIG, false,
     "the relay needs Describe and Write on transactional id <prefix>.<source>"},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ERR_CONFIG, false, "the cluster's policy refuses it"},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, ERR_CONFIG, false,
     "there are fewer brokers than bus.replication: start more, or lower it"},
    {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, ERR_CONFIG, false, "look at bus.partitions"},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, ERR_CONFIG, false, NULL},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, ERR_DATA, false,
     "a topic's name has 1 to 249 of the characters A-Z a-z 0-9 . _ -"},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, ERR_CONFIG, false,
     "the brokers' transaction.max.timeout.ms is smaller than what was asked for"},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, ERR_CONFIG, false, "Undam needs Apache Kafka 3.6 or later"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, ERR_CONFIG, false, "Undam needs Apache Kafka 3.6 or later"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, ERR_CONFIG, false,
     "the topic keeps an old message format: remove message.format.version from its settings"},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, ERR_INTERNAL, false, NULL},
    {RD_KAFKA_RESP_ERR__CONFLICT, ERR_INTERNAL, false, NULL},
    {RD_KAFKA_RESP_ERR__NOT_CONFIGURED, ERR_INTERNAL, false, NULL},
    {RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED, ERR_INTERNAL, false, NULL},
    {RD_KAFKA_RESP_ERR__FS, ERR_SYSTEM, false, NULL},
    {RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, ERR_SYSTEM, false, NULL},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ERR_DATA, false,
     "raise max.message.bytes of the topic (message.max.bytes of the brokers)"},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, ERR_DATA, false,
     "raise segment.bytes of the topic (log.segment.bytes of the brokers)"},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, ERR_CONFIG, false,
     "the topic's message.timestamp.before.max.ms or message.timestamp.after.max.ms refuses this clock: correct the "
     "clock or the setting"},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, ERR_CONFIG, false,
     "the topic refuses messages as they are: it must not be compacted (events may have no key), and the clock must "
     "be right"},
    {RD_KAFKA_RESP_ERR__FENCED, ERR_STATE, false, "only one relay may run for a source"},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, ERR_STATE, false, "only one relay may run for a source"},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, ERR_STATE, false, "only one relay may run for a source"},
};

bool kafka_code_fenced(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

static size_t meaning_of(rd_kafka_resp_err_t code)
{
    size_t i = 0;
    while (i < COUNT(meanings) && meanings[i].code != code)
        i++;
    return i;
}

enum err_class kafka_class(rd_kafka_resp_err_t code, bool *ret_retriable)
{
    size_t i = meaning_of(code);
    *ret_retriable = i == COUNT(meanings) || meanings[i].retriable;
    return i == COUNT(meanings) ? ERR_TARGET : meanings[i].class;
}

/* Nobody answered in time: the connection's trouble is the reason, if there is one. */
static bool unanswered(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
           code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE ||
           code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
}

bool kafka_fail(const struct kafka *k, const char *doing, rd_kafka_resp_err_t code, const char *detail, struct err *err)
{
    char reason[320];
    rd_kafka_resp_err_t fatal = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code == RD_KAFKA_RESP_ERR__FATAL && k && k->rk &&
        (fatal = rd_kafka_fatal_error(k->rk, reason, sizeof reason)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = fatal;
        detail = reason;
    }
    if (unanswered(code) && k && k->trouble) {
        code = k->trouble;
        detail = k->trouble_text;
    }
    size_t i = meaning_of(code);
    bool retriable;
    enum err_class class = kafka_class(code, &retriable);
    const char *name = rd_kafka_err2str(code);
    if (retriable)
        err_again(err, class, "kafka: %s: %s%s%s", doing, name, detail && *detail ? ": " : "", detail ? detail : "");
    else
        err_set(err, class, "kafka: %s: %s%s%s", doing, name, detail && *detail ? ": " : "", detail ? detail : "");
    if (i < COUNT(meanings) && meanings[i].hint)
        return err_hint(err, "%s", meanings[i].hint);
    if (unanswered(code) || code == RD_KAFKA_RESP_ERR__RESOLVE)
        return err_hint(err, "is Kafka running, and reachable at bus.brokers?");
    if (code == RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS || code == RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND)
        return err_hint(err, "fewer replicas are in sync than min.insync.replicas asks for: start the missing brokers");
    return false;
}

bool kafka_fail_error(const struct kafka *k, const char *doing, rd_kafka_error_t *error, struct err *err)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    char detail[320];
    snprintf(detail, sizeof detail, "%s", rd_kafka_error_string(error));
    if (rd_kafka_error_is_fatal(error))
        code = RD_KAFKA_RESP_ERR__FATAL;
    rd_kafka_error_destroy(error);
    return kafka_fail(k, doing, code, detail, err);
}
