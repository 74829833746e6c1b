// SPDX-License-Identifier: Apache-2.0
/* `undam project SERVICE`: the projector as a daemon, with health, metrics and back-off. */
#pragma once
#include "model/config.h"

struct project_options {
    const char *listen; /* overrides the service's, NULL = as configured */
};

/* Runs until a signal or a final error. */
bool project_run(const struct config *config, const struct config_service *service,
                 const struct project_options *options, struct err *err) MUST_USE;
