// SPDX-License-Identifier: Apache-2.0
/* Table look-up, nothing else: the commands are rows of cmd/commands.c. */
#include "cmd/commands.h"

int main(int argc, char **argv) { return commands_main(argc, argv); }
