// SPDX-License-Identifier: Apache-2.0
/*
 * A bad network between two network namespaces, for kernels without netem and users without /dev/net/tun: each gets one
 * end of a veth pair ("wire", 10.77.0.1 and 10.77.0.2), and this program carries the frames between the other ends,
 * late and not all of them. Frames stay in order. Losses and delays come from a seed.
 *
 *   unshare -n lossy_link DELAY-MS JITTER-MS LOSS-PERCENT SEED      (unshare -rn as an ordinary user)
 *
 * Prints "PID-A PID-B" when the link works: nsenter -n -t PID (with -U --preserve-credentials after -rn) enters an end.
 * SIGUSR1 cuts the link, SIGUSR2 mends it, SIGTERM ends it and prints what was carried and lost; the namespaces go with
 * it. The wires hand over whole segments with their checksums in place: their offloads are turned off.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 2048, QUEUE = 1 << 14 }; /* more frames than that on the way are lost, as in any router */

struct frame {
    int64_t due_ns;
    size_t len;
    unsigned char bytes[FRAME_MAX];
};

struct end {
    pid_t holder; /* lives in the namespace and does nothing else */
    int to_holder, from_holder, wire;
};

struct direction {
    struct frame *queue; /* ring */
    size_t first, count;
    uint64_t carried, lost;
};

static volatile sig_atomic_t cut, over;
static uint64_t state;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        cut = 1;
    else if (number == SIGUSR2)
        cut = 0;
    else
        over = 1;
}

static void die(const char *what)
{
    fprintf(stderr, "lossy_link: %s: %s\n", what, strerror(errno));
    exit(8);
}

static double pick(void) /* 0 <= .. < 1 */
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / (double)(1ull << 53);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A program, run to its end. */
static void run(const char *words[], const char *of)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        die(words[0]);
    if (status == 0)
        return;
    fprintf(stderr, "lossy_link: %s %s %s (%s) failed\n", words[0], words[1], words[2], of);
    exit(8);
}

static void offload_off(int s, uint32_t what)
{
    struct ethtool_value value = {.cmd = what, .data = 0};
    struct ifreq request = {.ifr_name = "wire"};
    request.ifr_data = (void *)&value;
    if (ioctl(s, SIOCETHTOOL, &request) != 0 && errno != EOPNOTSUPP)
        die("SIOCETHTOOL");
}

/* A namespace of its own; then, when the parent has put the wire into it, brings that up. */
static void hold(int number, int in, int out)
{
    char byte = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWNET) != 0)
        die("unshare");
    if (write(out, &byte, 1) != 1 || read(in, &byte, 1) != 1)
        _exit(8);
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        die("socket");
    offload_off(s, ETHTOOL_STXCSUM);
    offload_off(s, ETHTOOL_STSO);
    offload_off(s, ETHTOOL_SGSO);
    close(s);
    const char *address = number == 1 ? "10.77.0.1/24" : "10.77.0.2/24";
    run((const char *[]){"ip", "link", "set", "lo", "up", NULL}, "lo");
    run((const char *[]){"ip", "addr", "add", address, "dev", "wire", NULL}, address);
    run((const char *[]){"ip", "link", "set", "wire", "up", NULL}, "wire");
    if (write(out, &byte, 1) != 1)
        _exit(8);
    for (;;)
        pause();
}

static void end_make(struct end *end, int number)
{
    int down[2], up[2];
    if (pipe(down) != 0 || pipe(up) != 0)
        die("pipe");
    end->to_holder = down[1];
    end->from_holder = up[0];
    end->holder = fork();
    if (end->holder < 0)
        die("fork");
    if (end->holder == 0)
        hold(number, down[0], up[1]);
    close(down[0]);
    close(up[1]);
    char byte;
    if (read(end->from_holder, &byte, 1) != 1)
        exit(8);
    char name[IFNAMSIZ], holder[16];
    snprintf(name, sizeof name, "end%d", number);
    snprintf(holder, sizeof holder, "%d", (int)end->holder);
    run((const char *[]){"ip", "link", "add", name, "type", "veth", "peer", "name", "wire", "netns", holder, NULL},
        name);
    run((const char *[]){"ip", "link", "set", name, "up", NULL}, name);
    if (write(end->to_holder, "", 1) != 1 || read(end->from_holder, &byte, 1) != 1)
        exit(8);
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(name)};
    end->wire = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons((uint16_t)ETH_P_ALL));
    if (end->wire < 0 || bind(end->wire, (struct sockaddr *)&address, sizeof address) != 0)
        die("packet socket");
}

/* Takes what has come, and loses some of it. */
static void take(int wire, struct direction *d, double delay_ms, double jitter_ms, double loss)
{
    for (;;) {
        unsigned char bytes[FRAME_MAX];
        struct sockaddr_ll from;
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(wire, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
        if (n < 0)
            return;
        if (from.sll_pkttype == PACKET_OUTGOING) /* what we sent ourselves */
            continue;
        bool ip = from.sll_protocol == htons((uint16_t)ETH_P_IP); /* addresses are resolved for sure */
        if (cut || (ip && pick() < loss) || d->count == QUEUE) {
            d->lost++;
            continue;
        }
        int64_t due = now_ns() + (int64_t)((delay_ms + jitter_ms * pick()) * 1e6);
        if (d->count) {
            int64_t last = d->queue[(d->first + d->count - 1) % QUEUE].due_ns;
            due = due > last ? due : last;
        }
        struct frame *f = &d->queue[(d->first + d->count++) % QUEUE];
        f->due_ns = due;
        f->len = (size_t)n;
        memcpy(f->bytes, bytes, (size_t)n);
    }
}

/* Hands on what is due; when the next one is. */
static int64_t hand_on(int wire, struct direction *d)
{
    while (d->count) {
        struct frame *f = &d->queue[d->first];
        if (f->due_ns > now_ns())
            return f->due_ns;
        if (!cut && send(wire, f->bytes, f->len, 0) == (ssize_t)f->len)
            d->carried++;
        else
            d->lost++;
        d->first = (d->first + 1) % QUEUE;
        d->count--;
    }
    return INT64_MAX;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: lossy_link DELAY-MS JITTER-MS LOSS-PERCENT SEED\n");
        return 2;
    }
    double delay = strtod(argv[1], NULL), jitter = strtod(argv[2], NULL), loss = strtod(argv[3], NULL) / 100;
    state = strtoull(argv[4], NULL, 10) * 2 + 1;
    struct end ends[2] = {0};
    end_make(&ends[0], 1);
    end_make(&ends[1], 2);
    struct direction directions[2] = {0}; /* from end 0, from end 1 */
    for (int i = 0; i < 2; i++) {
        directions[i].queue = calloc(QUEUE, sizeof *directions[i].queue);
        if (!directions[i].queue)
            die("calloc");
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    printf("%d %d\n", (int)ends[0].holder, (int)ends[1].holder);
    fflush(stdout);
    while (!over) {
        int64_t next = INT64_MAX;
        for (int i = 0; i < 2; i++) {
            int64_t due = hand_on(ends[!i].wire, &directions[i]);
            next = due < next ? due : next;
        }
        int64_t wait = next == INT64_MAX ? 1000000000 : next - now_ns();
        wait = wait < 0 ? 0 : wait;
        struct timespec limit = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
        struct pollfd fds[2] = {{.fd = ends[0].wire, .events = POLLIN}, {.fd = ends[1].wire, .events = POLLIN}};
        ppoll(fds, 2, &limit, NULL);
        for (int i = 0; i < 2; i++)
            take(ends[i].wire, &directions[i], delay, jitter, loss);
    }
    for (int i = 0; i < 2; i++)
        printf("from %d: carried %llu, lost %llu\n", i + 1, (unsigned long long)directions[i].carried,
               (unsigned long long)directions[i].lost);
    for (int i = 0; i < 2; i++) {
        kill(ends[i].holder, SIGKILL);
        waitpid(ends[i].holder, NULL, 0);
        free(directions[i].queue);
    }
    return 0;
}
