// SPDX-License-Identifier: Apache-2.0
/*
 * Requests of Confluent's REST API: which of them a method, path and query are. Pure: what is not one is told by the
 * status and Confluent's error code that the client gets.
 */
#pragma once
#include "base/mem.h"
#include "base/str.h"

enum rest_endpoint {
    REST_ROOT,             /* GET / */
    REST_SUBJECTS,         /* GET /subjects */
    REST_LOOKUP,           /* POST /subjects/{s} */
    REST_SUBJECT_DELETE,   /* DELETE /subjects/{s} */
    REST_VERSIONS,         /* GET /subjects/{s}/versions */
    REST_REGISTER,         /* POST /subjects/{s}/versions */
    REST_VERSION,          /* GET /subjects/{s}/versions/{v} */
    REST_VERSION_DELETE,   /* DELETE /subjects/{s}/versions/{v} */
    REST_VERSION_SCHEMA,   /* GET /subjects/{s}/versions/{v}/schema */
    REST_REFERENCED_BY,    /* GET /subjects/{s}/versions/{v}/referencedby */
    REST_ID,               /* GET /schemas/ids/{id} */
    REST_ID_SCHEMA,        /* GET /schemas/ids/{id}/schema */
    REST_ID_SUBJECTS,      /* GET /schemas/ids/{id}/subjects */
    REST_ID_VERSIONS,      /* GET /schemas/ids/{id}/versions */
    REST_TYPES,            /* GET /schemas/types */
    REST_COMPATIBLE,       /* POST /compatibility/subjects/{s}/versions[/{v}] */
    REST_CONFIG_GET,       /* GET /config[/{s}] */
    REST_CONFIG_PUT,       /* PUT /config[/{s}] */
    REST_CONFIG_DELETE,    /* DELETE /config[/{s}] */
    REST_MODE_GET,         /* GET /mode[/{s}] */
    REST_MODE_PUT,         /* PUT /mode[/{s}] */
    REST_MODE_DELETE,      /* DELETE /mode/{s} */
    REST_CONTEXTS,         /* GET /contexts */
    REST_METADATA_VERSION, /* GET /v1/metadata/version */
};

struct rest_route {
    enum rest_endpoint endpoint;
    struct str subject; /* decoded; data NULL: none */
    int32_t version;    /* STORE_LATEST; STORE_ALL where the path has none */
    int32_t id;
    /* of the query */
    bool deleted, deleted_only, permanent, verbose, default_to_global;
    struct str prefix;
    int32_t offset, limit; /* limit -1: none */
};

struct rest_problem {
    int code; /* Confluent's: 404, 405, 40402, 42202, 400 */
    const char *text;
};

/* Decoded texts live in the arena. */
bool rest_route(struct str method, struct str path, struct str query, struct arena *arena, struct rest_route *ret,
                struct rest_problem *ret_problem);
