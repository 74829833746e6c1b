// SPDX-License-Identifier: Apache-2.0
/* The life of a request's context, and how it ends badly. */
#include "ctx.h"

#include <stdio.h>
#include <stdlib.h>

enum { TRIES = 3, ANSWER_MAX = 16 << 20 };

void ctx_reset(struct ctx *c)
{
    for (size_t i = 0; i < c->result_count; i++)
        PQclear(c->results[i]);
    c->result_count = 0;
    arena_reset(&c->arena);
    c->out.max = ANSWER_MAX;
    buf_clear(&c->out);
    c->status = 200;
    c->content_type = "application/json";
    c->header_count = c->depth = 0;
    c->stopped = c->again = c->comma = false;
    c->elements_of = NULL;
}

void ctx_free(struct ctx *c)
{
    ctx_reset(c);
    free(c->results);
    arena_free(&c->arena);
    buf_free(&c->out);
}

void ctx_handle(struct ctx *c, handler_fn *handle)
{
    for (int left = TRIES; left > 0; left--) {
        ctx_reset(c);
        handle(c);
        bool again = c->again && left > 1;
        if (c->db->conn && PQtransactionStatus(c->db->conn) != PQTRANS_IDLE)
            PQclear(db_run(c->db, "ROLLBACK", 0, NULL));
        if (!again)
            break;
    }
    while (!c->stopped && c->depth > 0)
        end(c);
    if (c->out.overflow && !c->stopped)
        stop(c, 500, "too_large", "answer is too large");
}

bool stopped(const struct ctx *c) { return c->stopped; }

static void error_members(struct ctx *c, const char *code_name, const char *code, const char *text_name,
                          const char *text)
{
    put_text(c, code_name, code);
    put_text(c, text_name, text);
}

void stop(struct ctx *c, unsigned status, const char *code, const char *text)
{
    if (c->stopped)
        return;
    buf_clear(&c->out);
    c->depth = 0;
    c->comma = false;
    c->header_count = 0;
    c->status = status;
    enum errors shape = c->service ? c->service->errors : ERRORS_TEXT;
    object(c, NULL);
    if (shape == ERRORS_TEXT) {
        put_text(c, "error", text);
    } else if (shape == ERRORS_CODE) {
        object(c, "error");
        error_members(c, "code", code, "message", text);
        end(c);
    } else if (shape == ERRORS_PROBLEM) {
        c->content_type = "application/problem+json";
        put_text(c, "type", "about:blank");
        put_text(c, "title", code);
        put_int(c, "status", status);
        put_text(c, "detail", text);
    } else {
        array(c, "errors");
        object(c, NULL);
        error_members(c, "code", code, "detail", text);
        end(c);
        end(c);
    }
    end(c);
    c->stopped = true;
}
