/* netproxy HOST:PORT [--port N] [--delay MS] [--cut BYTES] [--stall BYTES] [--times N] [--down 1]
 *
 * A TCP line as bad as one wants, on port N (0: a free one) of the loopback, which it prints. Every
 * byte takes MS milliseconds each way. --cut: the line is torn when BYTES went to the server;
 * --stall: nothing goes on from there, and nobody is told. Both only for the first N connections
 * (default 1). --down 1: the bytes from the server are counted instead. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "net/dial.h"

enum { MAX_CONN = 512, PIECE = 64 << 10, QUEUE = 32 << 20 };

struct piece {
	struct piece *next;
	int64_t due;
	size_t n, at;
	char p[];
};

struct way { /* one direction */
	int from, to;
	struct piece *first, **last;
	size_t held;
	bool end; /* nothing more comes */
	bool told;
};

struct conn {
	bool used, stalled;
	int a, b; /* client, server */
	struct way up, down;
	uint64_t sent;
	bool bad; /* it is one of those that fail */
};

static struct conn conns[MAX_CONN];
static int64_t delay;
static uint64_t cut, stall;
static uint64_t times = 1;
static bool down;

static int64_t
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
set_up(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void
drop(struct conn *c)
{
	struct linger hard = {.l_onoff = 1};

	(void)setsockopt(c->a, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	(void)setsockopt(c->b, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	(void)close(c->a);
	(void)close(c->b);
	for (int i = 0; i < 2; i++) {
		struct way *w = i ? &c->up : &c->down;

		while (w->first) {
			struct piece *p = w->first;

			w->first = p->next;
			free(p);
		}
	}
	c->used = false;
}

static void
take(int lfd, const struct net_addr *to)
{
	int a = accept4(lfd, NULL, NULL, SOCK_CLOEXEC), b;
	struct conn *c = conns;

	if (a < 0)
		return;
	while (c < conns + MAX_CONN && c->used)
		c++;
	b = c < conns + MAX_CONN ? net_dial(to, 5000, NULL) : -1;
	if (b < 0) {
		(void)close(a);
		return;
	}
	set_up(a);
	set_up(b);
	*c = (struct conn){.used = true, .a = a, .b = b};
	c->up = (struct way){.from = a, .to = b};
	c->down = (struct way){.from = b, .to = a};
	c->up.last = &c->up.first;
	c->down.last = &c->down.first;
	c->bad = times > 0;
	times -= times > 0;
}

/* fill(w): Read what is there. False: the line is broken. */
static bool
fill(struct way *w)
{
	while (!w->end && w->held < QUEUE) {
		struct piece *p = malloc(sizeof(*p) + PIECE);
		ssize_t n = p ? recv(w->from, p->p, PIECE, 0) : -1;

		if (n <= 0) {
			free(p);
			if (n == 0)
				w->end = true;
			return n == 0 || errno == EAGAIN || errno == EINTR;
		}
		p->next = NULL;
		p->due = now() + delay;
		p->n = (size_t)n;
		p->at = 0;
		*w->last = p;
		w->last = &p->next;
		w->held += (size_t)n;
	}
	return true;
}

/* drain(c, w, counted): Send what is due. False: the line is broken, or is to be. */
static bool
drain(struct conn *c, struct way *w, bool counted)
{
	while (w->first && w->first->due <= now()) {
		struct piece *p = w->first;
		size_t n = p->n - p->at;
		uint64_t stop = c->bad ? (cut ? cut : stall) : 0;
		ssize_t k;

		if (counted && stop && c->sent + n > stop)
			n = (size_t)(stop - c->sent);
		k = n ? send(w->to, p->p + p->at, n, MSG_NOSIGNAL) : 0;
		if (k < 0)
			return errno == EAGAIN || errno == EINTR;
		p->at += (size_t)k;
		w->held -= (size_t)k;
		if (counted)
			c->sent += (uint64_t)k;
		if (counted && stop && c->sent >= stop) {
			c->stalled = stall != 0;
			return stall != 0;
		}
		if (p->at == p->n) {
			w->first = p->next;
			if (!w->first)
				w->last = &w->first;
			free(p);
		}
	}
	if (!w->first && w->end && !w->told) {
		w->told = true;
		(void)shutdown(w->to, SHUT_WR);
	}
	return true;
}

static void
serve_one(struct conn *c)
{
	if (c->stalled)
		return;
	if (!fill(&c->up) || !fill(&c->down) || !drain(c, &c->up, !down) ||
	    (!c->stalled && !drain(c, &c->down, down)) || (c->up.told && c->down.told))
		drop(c);
}

static int
wait_ms(void)
{
	int64_t first = INT64_MAX, t = now();

	for (struct conn *c = conns; c < conns + MAX_CONN; c++) {
		if (!c->used || c->stalled)
			continue;
		if (c->up.first && c->up.first->due < first)
			first = c->up.first->due;
		if (c->down.first && c->down.first->due < first)
			first = c->down.first->due;
	}
	if (first == INT64_MAX)
		return 1000;
	return first <= t ? 1 : (int)((first - t + 999) / 1000);
}

static void
run(int lfd, const struct net_addr *to)
{
	static struct pollfd p[MAX_CONN * 2 + 1];

	for (;;) {
		nfds_t n = 1;

		p[0] = (struct pollfd){.fd = lfd, .events = POLLIN};
		for (struct conn *c = conns; c < conns + MAX_CONN; c++) {
			if (!c->used || c->stalled)
				continue;
			if (!c->up.end && c->up.held < QUEUE)
				p[n++] = (struct pollfd){.fd = c->a, .events = POLLIN};
			if (!c->down.end && c->down.held < QUEUE)
				p[n++] = (struct pollfd){.fd = c->b, .events = POLLIN};
		}
		if (poll(p, n, wait_ms()) < 0 && errno != EINTR)
			exit(3);
		if (p[0].revents & POLLIN)
			take(lfd, to);
		for (struct conn *c = conns; c < conns + MAX_CONN; c++)
			if (c->used)
				serve_one(c);
	}
}

int
main(int argc, char **argv)
{
	static const struct option opts[] = {
		{"delay", required_argument, NULL, 'd'}, {"cut", required_argument, NULL, 'c'},
		{"stall", required_argument, NULL, 's'}, {"times", required_argument, NULL, 't'},
		{"port", required_argument, NULL, 'p'}, {"down", required_argument, NULL, 'D'},
		{NULL, 0, NULL, 0},
	};
	struct net_addr to, here;
	char at[32] = "127.0.0.1:0";
	uint64_t n = 0;
	int o, fd;

	while ((o = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (o == '?' || num_parse_u64(optarg, UINT32_MAX, &n, NULL) < 0)
			return 2;
		if (o == 'p')
			(void)snprintf(at, sizeof(at), "127.0.0.1:%u", (unsigned)n & 65535);
		else if (o == 'D')
			down = n != 0;
		else if (o == 'd')
			delay = (int64_t)n * 1000;
		else if (o == 'c')
			cut = n;
		else if (o == 's')
			stall = n;
		else
			times = n;
	}
	if (optind + 1 != argc || net_addr_get(argv[optind], strlen(argv[optind]), &to, NULL) < 0 ||
	    net_addr_get(at, strlen(at), &here, NULL) < 0)
		return 2;
	if (!cut && !stall)
		times = 0;
	(void)signal(SIGPIPE, SIG_IGN);
	fd = net_listen(&here, NULL);
	if (fd < 0)
		return 3;
	(void)printf("%u\n", net_port(fd));
	(void)fflush(stdout);
	run(fd, &to);
	return 0;
}
