// SPDX-License-Identifier: Apache-2.0
/* `undam control`: publishes the flags snapshot and carries each read model's applied time into it. */
#pragma once
#include "base/daemon.h"
#include "model/config.h"

/* Runs until a signal asks for the end. ERR_CONFIG, ERR_STATE; what may come back is waited for. */
bool control_run(const struct config *config, struct err *err) MUST_USE;
