// SPDX-License-Identifier: Apache-2.0
/* The ticket socket: bounded, replaced when dead, refused when alive. */
#include "test.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "validate/tickets.h"

static struct tickets first, second;
static char folder[] = "/tmp/undam-unit.XXXXXX", path[100];
static unsigned char wire[TICKET_MAX];

static void send_bytes(const void *data, size_t len)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    CHECK(sendto(fd, data, len, 0, (struct sockaddr *)&a, sizeof a) == (ssize_t)len);
    close(fd);
}

TEST(tickets_are_queued_and_what_is_too_much_is_dropped)
{
    struct loop *loop;
    struct err err;
    static struct ticket in, out;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/t.sock", folder);
    CHECK(loop_new(&loop, &err));
    CHECK(tickets_open(&first, loop, path, &err));
    CHECK(!tickets_open(&second, loop, path, &err) && err.class == ERR_STATE);
    in = (struct ticket){.method = STR("GET"), .target = STR("/x"), .status = 200};
    size_t n = ticket_encode(&in, wire, sizeof wire);
    send_bytes("garbage", 7);
    for (int i = 0; i < TICKETS_QUEUE + 10; i++) {
        send_bytes(wire, n);
        CHECK(loop_once(loop, 0, &err));
    }
    CHECK(loop_once(loop, 0, &err));
    CHECK_INT(first.received, TICKETS_QUEUE + 11);
    CHECK_INT(first.dropped, 11); /* the garbage takes a place until it is looked at */
    int taken = 0;
    while (tickets_next(&first, &out))
        taken += str_is(out.target, "/x");
    CHECK_INT(taken, TICKETS_QUEUE - 1);
    CHECK_INT(first.broken, 1);
    tickets_close(&first);
    CHECK(access(path, F_OK) != 0);
    loop_free(loop);
}

TEST(a_dead_socket_is_replaced_and_a_file_is_not)
{
    struct loop *loop;
    struct err err;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    CHECK(loop_new(&loop, &err));
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    close(fd); /* its file stays */
    CHECK(tickets_open(&first, loop, path, &err));
    tickets_close(&first);
    FILE *f = fopen(path, "w");
    CHECK(f && fclose(f) == 0);
    CHECK(!tickets_open(&first, loop, path, &err) && strstr(err.text, "no socket"));
    unlink(path);
    rmdir(folder);
    loop_free(loop);
}

TEST_MAIN
