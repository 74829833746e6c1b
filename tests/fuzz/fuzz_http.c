// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a request head: what is accepted is a GET or HEAD of a path, and a prefix never says otherwise. */
#include <assert.h>

#include "base/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request r = {0};
    struct str bytes = str_n((const char *)data, size);
    enum http_parsed got = http_parse(bytes, &r);
    if (got == HTTP_OK) {
        assert(r.path.len && r.path.data[0] == '/' && !memchr(r.path.data, '?', r.path.len));
        assert(r.head ? str_is(r.method, "HEAD") : str_is(r.method, "GET"));
        assert(r.path.data >= bytes.data && r.path.data + r.path.len <= bytes.data + size);
    }
    if (size && size < HTTP_REQUEST_MAX) {
        enum http_parsed before = http_parse(str_n(bytes.data, size - 1), &r);
        assert(before == HTTP_MORE || before == got); /* more bytes do not change an answer */
    }
    return 0;
}
