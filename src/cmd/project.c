// SPDX-License-Identifier: Apache-2.0
/* undam project: the projector of one service, a daemon. */
#include "project/project.h"
#include "cmd/commands.h"

static int project_command(struct invocation *inv)
{
    struct err err = {0};
    const struct config_service *service = config_service(inv->config, inv->operands[0]);
    if (!service) {
        err_set(&err, ERR_USAGE, "there is no service %s", inv->operands[0]);
        err_hint(&err, "services are listed under services: in %s", inv->config->path);
        return commands_fail(inv, &err);
    }
    struct project_options options = {.listen = option_value(inv, "listen")};
    return project_run(inv->config, service, &options, &err) ? 0 : commands_fail(inv, &err);
}

static const struct option project_options[] = {
    {"listen", 0, OPTION_STRING, "HOST:PORT",
     "Where to answer /metrics, /healthz and /readyz, instead of the setting."},
};

const struct command cmd_project[] = {
    {.name = "project",
     .operands = "SERVICE",
     .summary = "Keep a service's read model equal to the source",
     .help =
         "Reads the service's topics from the bus and applies whole source transactions to the read model: rows to the"
         " mirrors, then the slices of every view that they touch, then the position, all in one transaction.\n"
         "Runs until it is stopped. Views are registered with `undam view add`, before or while it runs. A second"
         " projector of the same service takes over and the first one stops with exit code 4.\n"
         "An event that cannot be applied stops the service with its position, table and reason; nothing is skipped.",
     .options = project_options,
     .option_count = COUNT(project_options),
     .operand_min = 1,
     .operand_max = 1,
     .needs_config = true,
     .daemon = true,
     .run = project_command},
    {.name = NULL},
};
