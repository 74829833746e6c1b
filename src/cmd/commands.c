// SPDX-License-Identifier: Apache-2.0
/* The table of commands; see commands.h. */
#include "cmd/commands.h"

int commands_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ERR_USAGE;
}
