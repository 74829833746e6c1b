// SPDX-License-Identifier: Apache-2.0
/*
 * Errors are values. A function that can fail returns bool and takes a `struct err *` last; on
 * failure it fills the error, touches none of its `ret_` outputs, and prints nothing: only the top
 * (a command or a daemon's loop) logs. Context grows on the way up with err_wrap().
 * The caller decides by class and flags, never by matching text. Texts never hold secrets,
 * passwords or row values.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Also the exit code of a command that ends with it (docs/exit-codes.md is printed from err_classes[]). */
enum err_class {
    ERR_NONE = 0,
    ERR_NEGATIVE = 1, /* the answer is no: views differ, hazards found, mismatches seen */
    ERR_USAGE = 2,    /* wrong command line */
    ERR_CONFIG = 3,   /* configuration, view, endpoint or flag file is wrong */
    ERR_STATE = 4,    /* fenced, lost slot, foreign position: restarting will not help */
    ERR_SOURCE = 5,   /* the monolith's database cannot be used now */
    ERR_TARGET = 6,   /* bus, control database or read model cannot be used now */
    ERR_DATA = 7,     /* data that cannot be processed: unknown type, broken message, poison event */
    ERR_SYSTEM = 8,   /* the operating system: disk full, file missing, no memory map */
    ERR_INTERNAL = 9, /* a defect in Undam */
};

struct err {
    enum err_class class;
    bool retriable;  /* the same call may succeed later with nothing changed by people */
    char text[1024]; /* what and where, one line, no full stop */
    char hint[512];  /* what to do, or empty */
};

struct err_class_info {
    enum err_class class;
    const char *name;    /* stable word for logs and --json: "config", "source", ... */
    const char *meaning; /* one sentence for the manual */
    bool fatal;          /* a supervisor should not restart on it */
};
extern const struct err_class_info err_classes[];
extern const unsigned err_classes_count;

#define MUST_USE __attribute__((warn_unused_result))

/* Each returns false, so that `return err_set(...)` ends a function. err may be NULL (the error is dropped). */
bool err_set(struct err *err, enum err_class class, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* As err_set, retriable = true. */
bool err_again(struct err *err, enum err_class class, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* ERR_SYSTEM with ": <strerror(errno)>" appended. */
bool err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts "<context>: " before the text. */
bool err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Sets the hint (what the user should do), replacing an earlier one. */
bool err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void err_clear(struct err *err);
const char *err_class_name(enum err_class class);

/* The same functions, with what they return known to the compiler: after `return err_set(...)` it need not think that
 * an output was left unset and the call succeeded. */
#define err_set(...)                  \
    ({                                \
        (void)(err_set)(__VA_ARGS__); \
        false;                        \
    })
#define err_again(...)                  \
    ({                                  \
        (void)(err_again)(__VA_ARGS__); \
        false;                          \
    })
#define err_errno(...)                  \
    ({                                  \
        (void)(err_errno)(__VA_ARGS__); \
        false;                          \
    })
#define err_wrap(...)                  \
    ({                                 \
        (void)(err_wrap)(__VA_ARGS__); \
        false;                         \
    })
#define err_hint(...)                  \
    ({                                 \
        (void)(err_hint)(__VA_ARGS__); \
        false;                         \
    })
