// SPDX-License-Identifier: Apache-2.0
/* undam control: the daemon beside nginx. */
#include "control/control.h"

#include "base/log.h"
#include "cmd/commands.h"

static int control_command(struct invocation *inv)
{
    struct err err = {0};
    if (control_run(inv->config, &err))
        return ERR_NONE;
    log_err(LOG_ERROR, "stopped", &err);
    return (int)err.class;
}

const struct command cmd_control[] = {
    {.name = "control",
     .operands = "",
     .summary = "Publish the flags to nginx and follow the read models",
     .help =
         "Runs beside nginx. Writes the flags snapshot (control.snapshot) whenever a flag changes, within "
         "milliseconds; "
         "carries the time up to which each read model is applied into it every control.poll_ms; beats once a second. "
         "When it stops, each flag decides legacy after its validity. Databases that are away are waited for.",
     .needs_config = true,
     .daemon = true,
     .run = control_command},
    {.name = NULL},
};
