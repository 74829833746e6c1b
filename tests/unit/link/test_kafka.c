// SPDX-License-Identifier: Apache-2.0
#include "link/kafka/kafka.h"

#include <unistd.h>

#include "base/mem.h"
#include "test.h"

static char properties[64];

static void write_properties(const char *text)
{
    snprintf(properties, sizeof properties, "kafka-test-%d.properties", (int)getpid());
    FILE *f = fopen(properties, "w");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static bool open_with(const char *text, struct err *err)
{
    static const struct kafka_setting settings[] = {{"acks", "all", false}, {"linger.ms", "1", true}, {NULL, NULL, 0}};
    write_properties(text);
    const struct kafka_config config = {"127.0.0.1:1", properties};
    struct kafka k;
    bool good = kafka_open(&k, RD_KAFKA_PRODUCER, &config, settings, err);
    if (good)
        kafka_close(&k);
    unlink(properties);
    return good;
}

TEST(settings_of_the_user)
{
    struct err err = {0};
    CHECK(open_with("# a comment\n\n  linger.ms = 7\r\n!another\nsocket.keepalive.enable=true", &err));
    CHECK(!open_with("linger.ms=3\nlinger.msec=7\n", &err));
    CHECK(err.class == ERR_CONFIG && strstr(err.text, ":2: ") && strstr(err.text, "linger.msec"));
    CHECK(!open_with("sasl.username=x\nnonsense\n", &err));
    CHECK(err.class == ERR_CONFIG && strstr(err.text, ":2: ") && !strstr(err.text, "nonsense"));
    CHECK(!open_with("security.protocol=hush\n", &err));
    CHECK(err.class == ERR_CONFIG && strstr(err.text, "security.protocol") && !strstr(err.text, "hush"));
    CHECK(!open_with("=x\n", &err) && err.class == ERR_CONFIG);
    CHECK(!open_with("a b=x\n", &err) && err.class == ERR_CONFIG);
    /* Only librdkafka itself sees it: an error of the whole. */
    CHECK(!open_with("security.protocol=ssl\nssl.ca.location=/nowhere/ca.pem\n", &err));
    CHECK(err.class == ERR_CONFIG && strstr(err.text, "ssl.ca.location"));
}

TEST(settings_of_undam)
{
    static const char *const names[] = {"acks",         "enable.idempotence", "transactional.id",  "isolation.level",
                                        "partitioner",  "message.timeout.ms", "bootstrap.servers", "group.id",
                                        "max.in.flight"};
    char line[64];
    struct err err = {0};
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(line, sizeof line, "%s=1\n", names[i]);
        CHECK(!open_with(line, &err));
        CHECK(err.class == ERR_CONFIG && strstr(err.text, names[i]) && strstr(err.text, "Undam's own: ") &&
              err.hint[0]);
        CHECK(kafka_setting_owned(str_of(names[i])) != NULL);
    }
    CHECK(kafka_setting_owned(STR("linger.ms")) == NULL);
}

TEST(a_file_that_is_not_there)
{
    const struct kafka_config config = {"127.0.0.1:1", "/nowhere/kafka.properties"}, none = {"", NULL};
    struct kafka k;
    struct err err = {0};
    CHECK(!kafka_open(&k, RD_KAFKA_PRODUCER, &config, NULL, &err));
    CHECK(err.class == ERR_CONFIG && strstr(err.text, "/nowhere/kafka.properties") && err.hint[0]);
    CHECK(!kafka_open(&k, RD_KAFKA_PRODUCER, &none, NULL, &err));
    CHECK(err.class == ERR_CONFIG && strstr(err.text, "bus.brokers"));
}

TEST(classes_of_errors)
{
    static const struct {
        rd_kafka_resp_err_t code;
        enum err_class class;
        bool retriable;
    } want[] = {
        {RD_KAFKA_RESP_ERR__TRANSPORT, ERR_TARGET, true},
        {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, ERR_TARGET, true},
        {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, ERR_TARGET, true},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, ERR_TARGET, true},
        {RD_KAFKA_RESP_ERR__FENCED, ERR_STATE, false},
        {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, ERR_STATE, false},
        {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, ERR_CONFIG, false},
        {RD_KAFKA_RESP_ERR__SSL, ERR_CONFIG, false},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERR_CONFIG, false},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ERR_DATA, false},
    };
    struct err err = {0};
    for (size_t i = 0; i < COUNT(want); i++) {
        CHECK(!kafka_fail(NULL, "cannot try", want[i].code, "because", &err));
        CHECK_INT(err.class, want[i].class);
        CHECK(err.retriable == want[i].retriable);
        CHECK(strstr(err.text, "kafka: cannot try: ") == err.text && strstr(err.text, ": because"));
    }
}

/* Nothing listens: the reason is the connection's, not only that time passed. */
TEST(what_a_timeout_says)
{
    const struct kafka_config config = {"127.0.0.1:1", NULL};
    const struct rd_kafka_metadata *metadata;
    struct kafka k;
    struct err err = {0};
    CHECK(kafka_open(&k, RD_KAFKA_PRODUCER, &config, NULL, &err));
    rd_kafka_resp_err_t code = rd_kafka_metadata(k.rk, 0, NULL, &metadata, 2000);
    for (int i = 0; i < 100 && !k.trouble; i++)
        rd_kafka_poll(k.rk, 100);
    CHECK(!kafka_fail(&k, "cannot read the metadata", code, NULL, &err));
    CHECK(err.class == ERR_TARGET && err.retriable && strstr(err.text, "refused"));
    CHECK(strstr(err.hint, "bus.brokers"));
    kafka_close(&k);
    kafka_close(&k);
}

TEST_MAIN
