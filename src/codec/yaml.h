// SPDX-License-Identifier: Apache-2.0
/*
 * YAML as a flat list: every mapping, sequence and scalar of one document, in the order of the file,
 * each with its keys from the root, its dotted path and its line. Pure: bytes in, list out. Values stay
 * text; what they mean is the reader's business (YAML's own typing turns "no" into false and 1.10 into 1.1).
 * Refused, each with its line: aliases and anchors, several documents, keys that are no scalars, the same
 * key twice in a mapping, NUL characters, more than YAML_DEPTH_MAX levels, YAML_BYTES_MAX or YAML_NODES_MAX.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    YAML_DEPTH_MAX = 32,        /* nobody nests deeper by hand; bounds the stack of open containers */
    YAML_BYTES_MAX = 16 << 20,  /* an OpenAPI document of 15,000 paths */
    YAML_NODES_MAX = 1 << 20,   /* bounds memory: 1M nodes of a few dozen bytes */
    YAML_PATHS_MAX = 256 << 20, /* bytes of all dotted paths together: long keys times many children */
};

enum yaml_kind {
    YAML_SCALAR,
    YAML_NULL, /* a plain scalar that is empty, ~ or null */
    YAML_MAP,
    YAML_SEQ,
};

struct yaml_node {
    enum yaml_kind kind;
    unsigned depth;    /* number of keys; 0 for the root */
    const char **keys; /* from the root; an item of a sequence has its index, from 0, as key */
    const char *path;  /* the keys joined by dots, for messages: keys may hold dots themselves */
    const char *value; /* of a scalar, else "" */
    int line;          /* from 1: of the key where there is one */
};

/* Everything returned lives in arena. An empty document gives no node. ERR_CONFIG with "<name>:<line>: ". */
bool yaml_read(struct str bytes, const char *name, struct arena *arena, struct yaml_node **ret, size_t *ret_count,
               struct err *err) MUST_USE;
