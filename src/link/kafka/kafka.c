// SPDX-License-Identifier: Apache-2.0
/* Opening clients of Kafka; see kafka.h. Errors are in errors.c, the properties file in properties.c. */
#include "link/kafka/kafka.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"

void kafka_idle(const struct kafka_idle *idle)
{
    if (idle && idle->fn)
        idle->fn(idle->arg);
}

/* librdkafka's threads call this: what it says is for whoever looks for a fault. It names brokers and topics, never
 * what is in them, and prints no settings. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    log_event(LOG_DEBUG, "librdkafka", "facility=%s text=%s", facility, text);
}

/* Informational by nature: the client goes on trying. Kept to tell why a call found nobody. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka *k = opaque;
    (void)rk;
    /* "all brokers down" says less than what it follows. */
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && k->trouble)
        return;
    k->trouble = (rd_kafka_resp_err_t)code;
    snprintf(k->trouble_text, sizeof k->trouble_text, "%s", reason ? reason : "");
}

void kafka_trouble_clear(struct kafka *k)
{
    k->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
    k->trouble_text[0] = '\0';
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return true;
    return err_set(err, ERR_INTERNAL, "kafka: librdkafka refuses %s: %s", name, text);
}

static bool set_all(rd_kafka_conf_t *conf, const struct kafka_setting *settings, bool soft, struct err *err)
{
    for (const struct kafka_setting *s = settings; s && s->name; s++)
        if (s->soft == soft && !set(conf, s->name, s->value, err))
            return false;
    return true;
}

struct applying {
    rd_kafka_conf_t *conf;
    const char *path;
};

static bool apply(void *arg, struct str name, struct str value, unsigned line, struct err *err)
{
    struct applying *a = arg;
    char text[256];
    CLEANUP(free_ptr)
    char *n = xasprintf(STR_FMT, STR_ARG(name));
    CLEANUP(free_ptr)
    char *v = xasprintf(STR_FMT, STR_ARG(value));
    switch (rd_kafka_conf_set(a->conf, n, v, text, sizeof text)) {
    case RD_KAFKA_CONF_OK: return true;
    case RD_KAFKA_CONF_UNKNOWN:
        err_set(err, ERR_CONFIG, "%s:%u: librdkafka knows no setting \"%s\"", a->path, line, n);
        return err_hint(err, "names are those of librdkafka's CONFIGURATION.md, which are not always those of Java "
                             "clients");
    case RD_KAFKA_CONF_INVALID: break;
    }
    /* librdkafka's text repeats the value, which may be a secret. */
    err_set(err, ERR_CONFIG, "%s:%u: librdkafka refuses the value of \"%s\"", a->path, line, n);
    return err_hint(err, "see librdkafka's CONFIGURATION.md for what it may be");
}

static bool conf_fill(rd_kafka_conf_t *conf, struct kafka *k, const struct kafka_config *config,
                      const struct kafka_setting *settings, struct err *err)
{
    struct applying applying = {conf, config->properties};
    if (!config->brokers || !*config->brokers) {
        err_set(err, ERR_CONFIG, "bus.brokers: not set");
        return err_hint(err, "write Kafka's bootstrap servers there: host:port, separated by commas");
    }
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    /* A first connection should be tried again soon: a relay's start is often a broker's. */
    return set(conf, "client.id", "undam", err) && set(conf, "reconnect.backoff.ms", "50", err) &&
           /* Looking up offsets waits as long for a broker that has just gone, whatever time-out is given. */
           set(conf, "socket.timeout.ms", "10000", err) && set(conf, "reconnect.backoff.max.ms", "1000", err) &&
           set(conf, "log.connection.close", "false", err) && set(conf, "socket.nagle.disable", "true", err) &&
           set(conf, "allow.auto.create.topics", "false", err) && set_all(conf, settings, true, err) &&
           kafka_properties(config->properties, apply, &applying, err) &&
           set(conf, "bootstrap.servers", config->brokers, err) && set_all(conf, settings, false, err);
}

bool kafka_open_with(struct kafka *k, rd_kafka_type_t type, rd_kafka_conf_t *conf, const struct kafka_config *config,
                     const struct kafka_setting *settings, struct err *err)
{
    char text[512];
    *k = (struct kafka){.rk = NULL};
    if (!conf_fill(conf, k, config, settings, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    k->rk = rd_kafka_new(type, conf, text, sizeof text);
    if (k->rk)
        return true;
    rd_kafka_conf_destroy(conf);
    err_set(err, ERR_CONFIG, "kafka: cannot make a client: %s", text);
    return err_hint(err, "look at bus.brokers and the file that bus.properties names");
}

bool kafka_open(struct kafka *k, rd_kafka_type_t type, const struct kafka_config *config,
                const struct kafka_setting *settings, struct err *err)
{
    return kafka_open_with(k, type, rd_kafka_conf_new(), config, settings, err);
}

void kafka_close(struct kafka *k)
{
    if (k->rk)
        rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    k->rk = NULL;
}
