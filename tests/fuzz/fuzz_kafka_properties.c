// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a properties file of the kafka bus: refused with a reason, or settings that are views into it. */
#include <assert.h>
#include <stdint.h>

#include "link/kafka/kafka.h"

struct seen {
    struct str text;
    unsigned line;
};

static bool see(void *arg, struct str name, struct str value, unsigned line, struct err *err)
{
    struct seen *s = arg;
    (void)err;
    assert(line > s->line);
    s->line = line;
    assert(name.len > 0 && !kafka_setting_owned(name));
    assert(name.data >= s->text.data && name.data + name.len < s->text.data + s->text.len);
    assert(value.len == 0 || value.data + value.len <= s->text.data + s->text.len);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen s = {.text = {(const char *)data, size}};
    struct err err = {0};
    if (!kafka_properties_parse("fuzz", s.text, see, &s, &err))
        assert(err.class == ERR_CONFIG && err.text[0]);
    return 0;
}
