// SPDX-License-Identifier: Apache-2.0
/* The ticket socket; see tickets.h. */
#include "validate/tickets.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

static void receive(void *arg, unsigned events)
{
    struct tickets *t = arg;
    (void)events;
    for (int i = 0; i < 256; i++) { /* then others have their turn */
        ssize_t n = recv(t->fd, t->datagram, sizeof t->datagram, MSG_DONTWAIT);
        if (n < 0)
            return;
        t->received++;
        if (t->count == TICKETS_QUEUE) {
            t->dropped++;
            continue;
        }
        unsigned at = (t->head + t->count++) % TICKETS_QUEUE;
        t->queue[at].data = xmalloc((size_t)n + 1);
        memcpy(t->queue[at].data, t->datagram, (size_t)n);
        t->queue[at].len = (size_t)n;
    }
}

/* A socket file stays when its process dies; one that answers belongs to somebody. */
static bool remove_dead(const char *path, const struct sockaddr_un *address, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return true;
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, ERR_CONFIG, "%s: is there and is no socket", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    if (fd >= 0)
        close(fd);
    if (alive) {
        err_set(err, ERR_STATE, "%s: another process receives tickets there", path);
        return err_hint(err, "stop the other undam validate, or set validate.ticket_socket");
    }
    return unlink(path) == 0 || err_errno(err, "%s", path);
}

bool tickets_open(struct tickets *t, struct loop *loop, const char *path, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    t->loop = loop;
    t->path = path;
    t->fd = -1;
    if (strlen(path) >= sizeof address.sun_path)
        return err_set(err, ERR_CONFIG, "validate.ticket_socket: longer than %zu bytes: %s",
                       sizeof address.sun_path - 1, path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (!remove_dead(path, &address, err))
        return false;
    t->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int room = 1 << 20;
    if (t->fd < 0 || bind(t->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return err_errno(err, "%s", path);
    (void)setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (chmod(path, 0622) != 0)
        return err_errno(err, "%s", path);
    return loop_fd(loop, t->fd, LOOP_READ, receive, t, err);
}

void tickets_close(struct tickets *t)
{
    if (t->fd >= 0) {
        loop_fd_remove(t->loop, t->fd);
        close(t->fd);
        unlink(t->path);
    }
    t->fd = -1;
    for (; t->count; t->count--, t->head = (t->head + 1) % TICKETS_QUEUE)
        free(t->queue[t->head].data);
}

bool tickets_next(struct tickets *t, struct ticket *ret)
{
    while (t->count) {
        unsigned char *data = t->queue[t->head].data;
        size_t len = t->queue[t->head].len;
        memcpy(t->datagram, data, len); /* where the views of the result point */
        free(data);
        t->head = (t->head + 1) % TICKETS_QUEUE;
        t->count--;
        if (ticket_decode(t->datagram, len, ret, NULL))
            return true;
        t->broken++;
    }
    return false;
}
