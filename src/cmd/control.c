// SPDX-License-Identifier: Apache-2.0
#include "cmd/commands.h"

const struct command cmd_control[] = {{.name = NULL}};
