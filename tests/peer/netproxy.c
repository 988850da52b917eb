/* netproxy HOST:PORT [--port N] [--delay MS] [--cut BYTES] [--stall BYTES] [--times N] [--down 1]
 *
 * A TCP line as bad as one wants, on port N (0: a free one) of the loopback, which it prints. Every
 * byte takes MS milliseconds each way. The bytes wait in pipes and are moved without being copied,
 * so that the line costs next to nothing and does not take part in what is measured. --cut: the
 * line is torn when BYTES went to the server; --stall: nothing goes on from there, and nobody is
 * told. Both only for the first N connections (default 1). --down 1: the bytes from the server are
 * counted instead. */
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
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "net/dial.h"

enum { MAX_CONN = 512, PIECE = 1 << 20, PIPE = 16 << 20, PIPE_PLAIN = 1 << 20, MARKS = 4096 };

enum { HOW = SPLICE_F_NONBLOCK | SPLICE_F_MOVE };

struct mark { /* so many bytes go on at this time */
	int64_t due;
	size_t n;
};

struct way { /* one direction */
	int from, to;
	int in, out; /* ends of the pipe in which bytes wait */
	struct mark marks[MARKS];
	size_t first, count;
	bool full; /* the pipe takes no more now */
	bool end;  /* nothing more comes */
	bool told;
};

struct conn {
	bool used, stalled;
	int a, b; /* client, server */
	struct way *up, *down;
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
way_free(struct way *w)
{
	if (!w)
		return;
	(void)close(w->in);
	(void)close(w->out);
	free(w);
}

static struct way *
way_new(int from, int to)
{
	struct way *w = calloc(1, sizeof(*w));
	int p[2];

	if (!w || pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(w);
		return NULL;
	}
	/* a long line with a wide pipe needs root; else it holds less */
	if (fcntl(p[1], F_SETPIPE_SZ, PIPE) < 0)
		(void)fcntl(p[1], F_SETPIPE_SZ, PIPE_PLAIN);
	w->from = from;
	w->to = to;
	w->out = p[0];
	w->in = p[1];
	return w;
}

static void
drop(struct conn *c)
{
	struct linger hard = {.l_onoff = 1};

	(void)setsockopt(c->a, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	(void)setsockopt(c->b, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	(void)close(c->a);
	(void)close(c->b);
	way_free(c->up);
	way_free(c->down);
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
	c->up = way_new(a, b);
	c->down = way_new(b, a);
	if (!c->up || !c->down) {
		drop(c);
		return;
	}
	c->bad = times > 0;
	times -= times > 0;
}

/* fill(w): Take what is there. False: the line is broken. */
static bool
fill(struct way *w)
{
	while (!w->end && !w->full && w->count < MARKS) {
		ssize_t n = splice(w->from, NULL, w->in, NULL, PIECE, HOW);
		int more = 0;

		if (n == 0)
			w->end = true;
		if (n < 0 && errno == EAGAIN)
			w->full = w->count > 0 && ioctl(w->from, FIONREAD, &more) == 0 && more > 0;
		if (n <= 0)
			return n == 0 || errno == EAGAIN || errno == EINTR;
		w->marks[(w->first + w->count++) % MARKS] = (struct mark){now() + delay, (size_t)n};
	}
	return true;
}

/* drain(c, w, counted): Send what is due. False: the line is broken, or is to be. */
static bool
drain(struct conn *c, struct way *w, bool counted)
{
	while (w->count > 0 && w->marks[w->first].due <= now()) {
		struct mark *m = &w->marks[w->first];
		uint64_t stop = counted && c->bad ? (cut ? cut : stall) : 0;
		size_t n = stop && c->sent + m->n > stop ? (size_t)(stop - c->sent) : m->n;
		ssize_t k = n ? splice(w->out, NULL, w->to, NULL, n, HOW) : 0;

		if (k < 0)
			return errno == EAGAIN || errno == EINTR;
		m->n -= (size_t)k;
		w->full = false;
		if (counted)
			c->sent += (uint64_t)k;
		if (stop && c->sent >= stop) {
			c->stalled = stall != 0;
			return stall != 0;
		}
		if (m->n == 0) {
			w->first = (w->first + 1) % MARKS;
			w->count--;
		}
	}
	if (w->count == 0 && w->end && !w->told) {
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
	if (!fill(c->up) || !fill(c->down) || !drain(c, c->up, !down) ||
	    (!c->stalled && !drain(c, c->down, down)) || (c->up->told && c->down->told))
		drop(c);
}

/* due(): When something is to go on, at most a second from now. */
static struct timespec
due(void)
{
	int64_t t = now(), first = t + 1000000;

	for (struct conn *c = conns; c < conns + MAX_CONN; c++) {
		if (!c->used || c->stalled)
			continue;
		if (c->up->count && c->up->marks[c->up->first].due < first)
			first = c->up->marks[c->up->first].due;
		if (c->down->count && c->down->marks[c->down->first].due < first)
			first = c->down->marks[c->down->first].due;
	}
	first = first > t ? first - t : 0;
	return (struct timespec){.tv_sec = first / 1000000, .tv_nsec = first % 1000000 * 1000};
}

/* watch(p, n, w): A way waits for its source, and for its target when that is late. */
static nfds_t
watch(struct pollfd *p, nfds_t n, const struct way *w)
{
	if (!w->end && !w->full && w->count < MARKS)
		p[n++] = (struct pollfd){.fd = w->from, .events = POLLIN};
	if (w->count && w->marks[w->first].due <= now())
		p[n++] = (struct pollfd){.fd = w->to, .events = POLLOUT};
	return n;
}

static void
run(int lfd, const struct net_addr *to)
{
	static struct pollfd p[MAX_CONN * 4 + 1];

	for (;;) {
		struct timespec wait;
		nfds_t n = 1;

		p[0] = (struct pollfd){.fd = lfd, .events = POLLIN};
		for (struct conn *c = conns; c < conns + MAX_CONN; c++) {
			if (!c->used || c->stalled)
				continue;
			n = watch(p, n, c->up);
			n = watch(p, n, c->down);
		}
		wait = due();
		if (n > 1 && wait.tv_sec == 0 && wait.tv_nsec == 0)
			wait.tv_nsec = 1000000; /* what is due waits for its target */
		if (ppoll(p, n, &wait, NULL) < 0 && errno != EINTR)
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
