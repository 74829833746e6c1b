// SPDX-License-Identifier: Apache-2.0
/* A header of a message, as producer, consumer and the driver's records see it. */
#pragma once
#include "base/str.h"

struct kafka_header {
    struct str name, value; /* value.data NULL: a null value */
};
