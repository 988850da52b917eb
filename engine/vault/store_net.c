#include "vault/store_net.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "vault/store_net_int.h"

enum {
	TRIES = 5,
	FIRST_TRIES = 3, /* a server that is being started again is not noticed */
	PUT_LINES = 3,
	READS = 24,
};

struct net {
	struct store s; /* first */
	struct net_login login;
	struct store_env env;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct line *main;
	struct line *put[PUT_LINES];
	bool put_busy[PUT_LINES];
	struct buf ident;
	bool greeted;
};

static struct net *
net_of(struct store *s)
{
	return (struct net *)s;
}

/* ---- lines ---- */

/* greet(n, l, e): HELLO; what the server says about itself. With n->lock. */
static int
greet(struct net *n, struct line *l, struct err *e)
{
	struct wire_msg m = {.kind = WIRE_HELLO, .vmin = WIRE_VERSION, .vmax = WIRE_VERSION};
	struct answer a;
	int r;

	(void)memcpy(m.name, n->login.where.name, sizeof(m.name));
	answer_init(&a);
	r = line_ask(l, &m, WIRE_OK, &a, e);
	if (r == 0 && (a.m.vmin > WIRE_VERSION || a.m.vmax < WIRE_VERSION))
		r = err_set(e, E_PROTO,
		    "that server speaks version %u of the protocol, this machine %d: bring the "
		    "older of the two up to date",
		    a.m.vmin, WIRE_VERSION);
	if (r == 0) {
		buf_clear(&n->ident);
		r = buf_put(&n->ident, a.m.a, a.m.an, e);
		n->s.may_read = a.m.may & WIRE_MAY_READ;
		if (n->env.now)
			n->s.clock_off = a.m.time - n->env.now();
	}
	if (r == 0 && n->env.writing && !(a.m.may & WIRE_MAY_WRITE))
		r = err_set(e, E_AUTH, "this machine may read that vault, not add to it");
	answer_free(&a);
	n->greeted = r == 0;
	return r;
}

/* line_of(n, at, ret, e): The line in a place, made anew when it is gone; held for the caller. */
static int
line_of(struct net *n, struct line **at, struct line **ret, struct err *e)
{
	struct line *l = NULL;
	int r = 0;

	(void)pthread_mutex_lock(&n->lock);
	if (*at && line_dead(*at)) {
		line_put(*at);
		*at = NULL;
	}
	if (!*at) {
		r = line_new(&n->login, &l, e);
		if (r == 0)
			r = greet(n, l, e);
		if (r == 0)
			*at = l;
		else if (l)
			line_put(l);
	}
	if (r == 0)
		*ret = line_get(*at);
	(void)pthread_mutex_unlock(&n->lock);
	return r;
}

static void
pause_before(unsigned try)
{
	static const long ms[TRIES] = {0, 200, 1000, 3000, 8000};
	struct timespec t = {.tv_sec = ms[try] / 1000, .tv_nsec = ms[try] % 1000 * 1000000};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* ask(n, m, want, a, tries, e): A request and its answer, again when the line breaks. */
static int
ask(struct net *n, const struct wire_msg *m, uint8_t want, struct answer *a, unsigned tries,
    struct err *e)
{
	int r = E_NET;

	for (unsigned i = 0; i < tries && r == E_NET; i++) {
		struct line *l;

		pause_before(i);
		r = line_of(n, &n->main, &l, e);
		if (r < 0)
			continue;
		r = line_ask(l, m, want, a, e);
		line_put(l);
	}
	return r;
}

/* ---- operations ---- */

static int
op_ident(struct store *s, struct buf *ret, struct err *e)
{
	struct net *n = net_of(s);
	struct line *l;
	int r = line_of(n, &n->main, &l, e);

	if (r < 0)
		return r;
	line_put(l);
	(void)pthread_mutex_lock(&n->lock);
	r = n->ident.len ? buf_put(ret, n->ident.p, n->ident.len, e) :
	    err_set(e, E_NOENT, "there is no vault yet");
	(void)pthread_mutex_unlock(&n->lock);
	return r;
}

static int
op_create(struct store *s, const void *ident, size_t ident_n, const void *log, size_t log_n,
    struct err *e)
{
	struct wire_msg m = {
		.kind = WIRE_CREATE, .a = ident, .an = ident_n, .b = log, .bn = log_n,
	};
	struct answer a;
	int r;

	answer_init(&a);
	r = ask(net_of(s), &m, WIRE_OK, &a, TRIES, e);
	answer_free(&a);
	return r;
}

static int
op_log_read(struct store *s, uint64_t from, struct buf *ret, struct err *e)
{
	struct wire_msg m = {.kind = WIRE_LOG, .seq = from};
	struct answer a;
	int r;

	answer_init(&a);
	r = ask(net_of(s), &m, WIRE_DATA, &a, TRIES, e);
	if (r == 0)
		r = buf_put(ret, a.m.a, a.m.an, e);
	answer_free(&a);
	return r;
}

static int
op_commit(struct store *s, uint64_t seq, const uint8_t prev[32], const void *rec, size_t n,
    struct err *e)
{
	struct wire_msg m = {.kind = WIRE_COMMIT, .seq = seq, .a = rec, .an = n};
	struct answer a;
	int r;

	(void)memcpy(m.prev, prev, sizeof(m.prev));
	answer_init(&a);
	r = ask(net_of(s), &m, WIRE_OK, &a, 1, e);
	answer_free(&a);
	return r;
}

static int
op_stat(struct store *s, const uint8_t id[FMT_ID_LEN], uint64_t *ret_size, struct err *e)
{
	struct wire_msg m = {.kind = WIRE_STAT};
	struct answer a;
	int r;

	(void)memcpy(m.id, id, FMT_ID_LEN);
	answer_init(&a);
	r = ask(net_of(s), &m, WIRE_OK, &a, TRIES, e);
	if (r == 0)
		*ret_size = a.m.seq;
	answer_free(&a);
	return r;
}

/* items(a, fn, cookie, ret_next, e): One answer to LIST; the number after its last one. */
static int
items(const struct answer *a, store_list_fn *fn, void *cookie, uint64_t *ret_next, struct err *e)
{
	struct rd r = rd_init(a->m.a, a->m.an);
	int x = 0;

	*ret_next = rd_u32(&r);
	while (x == 0 && rd_left(&r) >= WIRE_LIST_ITEM) {
		const unsigned char *id = rd_bytes(&r, FMT_ID_LEN);
		uint32_t pages = rd_u32(&r);

		if (!id || pages < 1 || pages > FMT_MAX_PAGES)
			return err_set(e, E_PROTO, "the server's list makes no sense");
		x = fn(id, fmt_seg_size(pages), cookie, e);
	}
	if (x == 0 && !rd_end(&r))
		return err_set(e, E_PROTO, "the server's list makes no sense");
	return x;
}

static int
op_list(struct store *s, store_list_fn *fn, void *cookie, struct err *e)
{
	struct wire_msg m = {.kind = WIRE_LIST};
	int r;

	do {
		uint64_t next = 0;
		struct answer a;

		answer_init(&a);
		r = ask(net_of(s), &m, WIRE_DATA, &a, TRIES, e);
		if (r == 0)
			r = items(&a, fn, cookie, &next, e);
		answer_free(&a);
		if (r != 0 || next <= m.seq)
			break;
		m.seq = next;
	} while (r == 0);
	return r;
}

static int
op_read(struct store *s, const uint8_t id[FMT_ID_LEN], uint64_t off, void *p, size_t n,
    struct err *e)
{
	struct net *net = net_of(s);
	int r = E_NET;

	for (unsigned i = 0; i < TRIES && r == E_NET; i++) {
		struct line *l;

		pause_before(i);
		r = line_of(net, &net->main, &l, e);
		if (r < 0)
			continue;
		r = line_fetch(l, id, off, p, n, e);
		line_put(l);
	}
	return r;
}

static unsigned
take_put_line(struct net *n)
{
	unsigned i = PUT_LINES;

	(void)pthread_mutex_lock(&n->lock);
	while (i == PUT_LINES) {
		for (i = 0; i < PUT_LINES && n->put_busy[i]; i++)
			;
		if (i == PUT_LINES)
			(void)pthread_cond_wait(&n->freed, &n->lock);
	}
	n->put_busy[i] = true;
	(void)pthread_mutex_unlock(&n->lock);
	return i;
}

static int
op_put(struct store *s, const struct fmt_segment_rec *rec, int fd, int64_t retain_until,
    struct err *e)
{
	struct net *n = net_of(s);
	struct wire_msg m = {.kind = WIRE_PUT, .seg = *rec, .time = retain_until};
	unsigned k = take_put_line(n);
	int r = E_NET;

	for (unsigned i = 0; i < TRIES && r == E_NET; i++) {
		struct line *l;

		pause_before(i);
		r = line_of(n, &n->put[k], &l, e);
		if (r < 0)
			continue;
		r = line_send_segment(l, &m, n->env.f, fd, fmt_seg_size(rec->npages), e);
		line_put(l);
	}
	(void)pthread_mutex_lock(&n->lock);
	n->put_busy[k] = false;
	(void)pthread_cond_signal(&n->freed);
	(void)pthread_mutex_unlock(&n->lock);
	return r;
}

static void
op_close(struct store *s)
{
	struct net *n = net_of(s);

	if (n->main)
		line_put(n->main);
	for (unsigned i = 0; i < PUT_LINES; i++)
		if (n->put[i])
			line_put(n->put[i]);
	net_login_free(&n->login);
	buf_free(&n->ident);
	(void)pthread_cond_destroy(&n->freed);
	(void)pthread_mutex_destroy(&n->lock);
	free(n);
}

static const struct store_ops ops = {
	.ident = op_ident, .create = op_create, .log_read = op_log_read, .commit = op_commit,
	.put = op_put, .stat = op_stat, .list = op_list, .read = op_read, .close = op_close,
};

int
store_net_open(const char *url, const struct store_env *env, struct store **ret, struct err *e)
{
	struct net *n = calloc(1, sizeof(*n));
	struct line *l;
	int r;

	if (!n)
		return err_set(e, E_NOMEM, "no memory");
	n->s = (struct store){.ops = &ops, .parallel = READS};
	n->env = *env;
	buf_init(&n->ident, STORE_MAX_IDENT);
	(void)pthread_mutex_init(&n->lock, NULL);
	(void)pthread_cond_init(&n->freed, NULL);
	r = net_login_load(url, env, &n->login, e);
	if (r == 0)
		r = E_NET;
	for (unsigned i = 0; i < FIRST_TRIES && r == E_NET; i++) {
		pause_before(i);
		r = line_of(n, &n->main, &l, e);
	}
	if (r < 0) {
		op_close(&n->s);
		return r;
	}
	/* before it ends, so that nobody has to enrol again; not now is no harm, there are years */
	(void)!net_login_renew(&n->login, env, l, NULL);
	line_put(l);
	*ret = &n->s;
	return 0;
}
