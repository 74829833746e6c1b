// SPDX-License-Identifier: Apache-2.0
/* edge_tickets SOCKET: binds it and prints one line a ticket. */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "codec/ticket.h"

static void print(const struct ticket *t)
{
    printf(STR_FMT " " STR_FMT " " STR_FMT " user=" STR_FMT " %s " STR_FMT " %u", STR_ARG(t->method),
           STR_ARG(t->target), STR_ARG(t->endpoint), STR_ARG(t->user), t->stream ? "stream" : "legacy",
           STR_ARG(t->reason), t->status);
    for (unsigned i = 0; i < t->header_count; i++)
        printf(" " STR_FMT "=" STR_FMT, STR_ARG(t->headers[i].name), STR_ARG(t->headers[i].value));
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (argc != 2 || fd < 0)
        return 2;
    snprintf(name.sun_path, sizeof name.sun_path, "%s", argv[1]);
    if (bind(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        perror(argv[1]);
        return 1;
    }
    for (;;) {
        static char bytes[65536];
        struct ticket t;
        struct err err = {0};
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n < 0)
            return 1;
        if (ticket_decode(bytes, (size_t)n, &t, &err))
            print(&t);
        else
            printf("broken ticket: %s\n", err.text);
    }
}
