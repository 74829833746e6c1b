// SPDX-License-Identifier: Apache-2.0
/* See rest_client.h. */
#include "registry/rest_client.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define MEDIA "application/vnd.schemaregistry.v1+json"

enum { IDLE_MS = 200, SECRET_MAX = 16384, RETRY_AFTER_MAX_MS = 60000 };

void rest_escape(struct buf *out, struct str segment)
{
    /* "." and ".." as a whole segment would be resolved away by proxies. */
    bool dots = str_is(segment, ".") || str_is(segment, "..");
    for (size_t i = 0; i < segment.len; i++) {
        unsigned char ch = (unsigned char)segment.data[i];
        if (ch < 0x80 && (isalnum(ch) || ch == '-' || ch == '_' || ch == '~' || (ch == '.' && !dots)))
            buf_addc(out, (char)ch);
        else
            buf_printf(out, "%%%02X", ch);
    }
}

/* ---- what it is made of ---- */

static bool add_url(struct rest_client *c, struct str url, struct err *err)
{
    while (url.len && url.data[url.len - 1] == '/')
        url.len--;
    struct str rest = url;
    if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://"))) {
        err_set(err, ERR_CONFIG, "registry.urls: \"" STR_FMT "\" does not begin with http:// or https://",
                STR_ARG(url));
        return err_hint(err, "write base URLs, separated by commas: https://registry1:8081,https://registry2:8081");
    }
    rest = str_n(url.data + (url.data[4] == 's' ? 8 : 7), url.len - (url.data[4] == 's' ? 8 : 7));
    struct str after, host = str_cut(rest, '/', &after);
    if (memchr(host.data, '@', host.len)) {
        err_set(err, ERR_CONFIG, "registry.urls: a URL holds credentials");
        return err_hint(err, "put user:password into the file that registry.credentials names");
    }
    if (host.len == 0 || memchr(url.data, '?', url.len) || memchr(url.data, '#', url.len))
        return err_set(err, ERR_CONFIG, "registry.urls: \"" STR_FMT "\" is not the base URL of a registry",
                       STR_ARG(url));
    if (c->url_count == REST_URLS_MAX)
        return err_set(err, ERR_CONFIG, "registry.urls: more than %d URLs", REST_URLS_MAX);
    c->urls[c->url_count++] = xasprintf(STR_FMT, STR_ARG(url));
    return true;
}

static bool add_urls(struct rest_client *c, const char *urls, struct err *err)
{
    for (struct str left = str_of(urls), next; left.data; left = next) {
        struct str url = str_trim(str_cut(left, ',', &next));
        if (url.len && !add_url(c, url, err))
            return false;
    }
    return c->url_count || err_set(err, ERR_CONFIG, "registry.urls names no URL");
}

static bool read_secret(const char *path, char *out, size_t size, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    ssize_t n = -1;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        n = read(fd, out, size - 1);
    else if (fd >= 0)
        errno = EINVAL;
    if (n < 0)
        err_set(err, ERR_CONFIG, "registry.credentials: %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return err_hint(err, "the file must be there and readable by the user that runs Undam");
    out[n] = '\0';
    return true;
}

static bool control_in(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.data[i] < 0x20 || s.data[i] == 0x7f)
            return true;
    return false;
}

static bool add_credentials(struct rest_client *c, const char *path, struct err *err)
{
    CLEANUP(free_ptr) char *text = xcalloc(1, SECRET_MAX);
    struct str rest;
    if (!read_secret(path, text, SECRET_MAX, err))
        return false;
    struct str line = str_trim(str_cut(str_of(text), '\n', &rest));
    bool bearer = str_starts(line, STR("bearer ")) || str_starts(line, STR("Bearer "));
    struct str token = bearer ? str_trim(str_n(line.data + 7, line.len - 7)) : line;
    bool good = token.len && !control_in(token) && (bearer || memchr(token.data, ':', token.len));
    if (good) {
        c->auth = bearer ? HTTP_AUTH_BEARER : HTTP_AUTH_BASIC;
        c->secret = xasprintf(STR_FMT, STR_ARG(token));
    }
    explicit_bzero(text, SECRET_MAX);
    if (good)
        return true;
    err_set(err, ERR_CONFIG, "registry.credentials: %s:1: neither user:password nor bearer and a token", path);
    return err_hint(err, "the first line is the whole of it");
}

bool rest_client_open(struct rest_client *c, const char *urls, const char *credentials, const char *ca, struct err *err)
{
    *c = (struct rest_client){.auth = HTTP_AUTH_NONE};
    if (ca && *ca)
        c->ca = xstrdup(ca);
    c->credentials = xstrdup(credentials ? credentials : "");
    bool good = add_urls(c, urls ? urls : "", err) && (!*c->credentials || add_credentials(c, c->credentials, err));
    if (good && c->ca && access(c->ca, R_OK) != 0)
        good = err_set(err, ERR_CONFIG, "registry.ca: %s: %s", c->ca, strerror(errno));
    good = good && loop_new(&c->loop, err) && http_pool_new(&c->pool, c->loop, 2, err);
    if (!good)
        rest_client_close(c);
    return good;
}

void rest_client_close(struct rest_client *c)
{
    http_pool_free(TAKE(c->pool));
    if (c->loop)
        loop_free(TAKE(c->loop));
    for (size_t i = 0; i < c->url_count; i++)
        free(TAKE(c->urls[i]));
    if (c->secret)
        explicit_bzero(c->secret, strlen(c->secret));
    free(TAKE(c->secret));
    free(TAKE(c->ca));
    free(TAKE(c->credentials));
}

/* ---- one request ---- */

static void on_done(struct http_call *call) { *(bool *)call->arg = true; }

/* Until the call ends, which its time-out sees to. */
static bool run(struct rest_client *c, struct http_call *call, struct err *err)
{
    static const char *const wanted[] = {"retry-after"};
    bool done = false;
    if (!c->pool && !http_pool_new(&c->pool, c->loop, 2, err))
        return false;
    call->wanted = wanted;
    call->wanted_count = 1;
    call->on_done = on_done;
    call->arg = &done;
    http_call_start(c->pool, call);
    for (int64_t due = mono_us() + IDLE_MS * 1000; !done;) {
        int64_t left_ms = (due - mono_us()) / 1000;
        if (!loop_once(c->loop, left_ms > 0 ? (int)left_ms : 0, err)) {
            http_pool_free(TAKE(c->pool)); /* ends the call, which lives no longer than this */
            return false;
        }
        if (mono_us() < due)
            continue;
        if (c->idle)
            c->idle(c->idle_arg);
        due = mono_us() + IDLE_MS * 1000;
    }
    return true;
}

/* Seconds; a date is not worth understanding, the back-off does as well. */
static void heed_retry_after(struct rest_client *c, const struct http_call *call)
{
    int64_t seconds;
    if (!str_to_i64(str_of(call->values[0]), &seconds) || seconds <= 0)
        return;
    int64_t ms = seconds < RETRY_AFTER_MAX_MS / 1000 ? seconds * 1000 : RETRY_AFTER_MAX_MS;
    if (ms > c->wait_ms)
        c->wait_ms = ms;
}

static bool read_body(const struct http_call *call, struct arena *arena, struct rest_answer *a)
{
    struct err ignored;
    struct str body =
        str_n(arena_memdup(arena, call->body.data ? call->body.data : "", call->body.len), call->body.len);
    a->status = call->status;
    if (!rest_parse(body, arena, &a->tree, &ignored))
        return false;
    if (a->tree.nodes[0].type == JSON_T_OBJECT) {
        int32_t code;
        a->code = rest_int(&a->tree, "error_code", &code) ? code : 0;
        if (!rest_text(&a->tree, "message", &a->message))
            a->message = (struct str){NULL, 0};
    }
    return true;
}

static bool refuse_status(const struct http_call *call, const char *url, struct err *err)
{
    if (call->status == 401 || call->status == 403) {
        err_set(err, ERR_CONFIG, "registry: %s refuses %s (HTTP %d)", url,
                call->auth == HTTP_AUTH_NONE ? "requests without credentials" : "the credentials given", call->status);
        return err_hint(err, "registry.credentials names a file whose first line is user:password, or bearer and a "
                             "token");
    }
    if (call->status >= 300 && call->status < 400) {
        err_set(err, ERR_CONFIG, "registry: %s answers with a redirect (HTTP %d), which is not followed", url,
                call->status);
        return err_hint(err, "write the final URL into registry.urls");
    }
    /* A proxy says such things while what is behind it starts anew, so this may pass. */
    err_again(err, ERR_TARGET, "registry: %s does not answer as a schema registry does (HTTP %d)", url, call->status);
    return err_hint(err, "registry.urls takes the base of Confluent's REST API: http://host:8081, of Apicurio "
                         "http://host:8080/apis/ccompat/v7");
}

enum outcome { ANSWERED, TRANSIENT, FATAL };

static enum outcome judge(struct rest_client *c, const struct http_call *call, const char *url, struct arena *arena,
                          struct rest_answer *ret, struct err *err)
{
    if (call->failed) {
        bool large = !call->timed_out && call->status;
        err_again(err, ERR_TARGET, "registry: %s: %s", url, call->error);
        err_hint(err, "check that the registry runs and that registry.urls names it");
        if (!call->misconfigured && !large)
            return TRANSIENT;
        err->class = ERR_CONFIG;
        err->retriable = false;
        if (call->misconfigured)
            err_hint(err, "check registry.urls, and registry.ca when the registry's certificate is of an authority of "
                          "your own");
        return FATAL;
    }
    if (call->status >= 500 || call->status == 429 || call->status == 408) {
        heed_retry_after(c, call);
        err_again(err, ERR_TARGET, "registry: %s answers with HTTP %d", url, call->status);
        return TRANSIENT;
    }
    bool json = call->status >= 200 && read_body(call, arena, ret);
    if (json && call->status < 300)
        return ANSWERED;
    bool refusal = call->status == 400 || call->status == 409 || call->status == 422;
    if (json && (ret->code || refusal) && call->status >= 400 && call->status != 401 && call->status != 403)
        return ANSWERED;
    refuse_status(call, url, err);
    return err->retriable ? TRANSIENT : FATAL;
}

/* Tokens are renewed in their file while we run. Whether there is another one now. */
static bool renew_credentials(struct rest_client *c)
{
    struct err ignored;
    char *old = c->secret;
    enum http_auth auth = c->auth;
    if (!old)
        return false;
    c->secret = NULL;
    if (!add_credentials(c, c->credentials, &ignored)) {
        c->secret = old;
        c->auth = auth;
        return false;
    }
    bool renewed = strcmp(old, c->secret) != 0;
    explicit_bzero(old, strlen(old));
    free(old);
    return renewed;
}

/* One request to one URL. */
static enum outcome ask_one(struct rest_client *c, const char *url, const char *method, const char *path,
                            struct str body, struct arena *arena, struct rest_answer *ret, int *ret_status,
                            struct err *err)
{
    static const struct str lines[] = {
        {"Accept: " MEDIA ", application/json", sizeof "Accept: " MEDIA ", application/json" - 1},
        {"Expect:", 7},
        {"Content-Type: " MEDIA, sizeof "Content-Type: " MEDIA - 1}};
    struct http_call call = {.url = arena_printf(arena, "%s%s", url, path),
                             .method = method,
                             .send = body,
                             .ca = c->ca,
                             .auth = c->auth,
                             .secret = c->secret,
                             .headers = lines,
                             .header_count = body.len ? 3 : 2,
                             .timeout_ms = REST_TIMEOUT_MS,
                             .connect_ms = REST_CONNECT_MS,
                             .body_max = REST_BODY_MAX};
    if (!run(c, &call, err))
        return FATAL;
    enum outcome outcome = judge(c, &call, url, arena, ret, err);
    *ret_status = call.status;
    http_call_clear(&call);
    return outcome;
}

bool rest_ask(struct rest_client *c, const char *method, const char *path, struct str body, struct arena *arena,
              struct rest_answer *ret, struct err *err)
{
    enum outcome outcome = TRANSIENT;
    c->wait_ms = 0;
    for (size_t i = 0; i < c->url_count && outcome == TRANSIENT; i++) {
        size_t at = (c->current + i) % c->url_count;
        struct rest_answer answer = {0};
        int status = 0;
        outcome = ask_one(c, c->urls[at], method, path, body, arena, &answer, &status, err);
        if (outcome == FATAL && status == 401 && renew_credentials(c))
            outcome = ask_one(c, c->urls[at], method, path, body, arena, &answer, &status, err);
        if (outcome != ANSWERED)
            continue;
        c->current = at;
        c->wait_ms = 0;
        *ret = answer;
    }
    return outcome == ANSWERED;
}
