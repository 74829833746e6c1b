// SPDX-License-Identifier: Apache-2.0
/* Values of logical types as people write them; the forms are those of avro_json.h. */
#pragma once
#include "codec/avro_codec.h"

/* Appends the JSON of a leaf in AVRO_PLAIN when its logical type (or that it is bytes) asks for another form than
 * AVRO_JSON has; false when not. */
bool avro_plain_leaf(const struct avro_schema *schema, const struct avro_item *item, struct buf *out) MUST_USE;
