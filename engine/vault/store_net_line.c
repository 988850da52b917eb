/* A connection to a server: many requests on their way, answered in their order. A thread of its
 * own reads the answers. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "vault/store_net_int.h"

enum {
	DIAL_MS = 10000,
	SHAKE_MS = 15000,
	WAIT_MS = 60000,
	IDLE_MS = 24 * 3600 * 1000,
	ANSWER_S = 120,
	PIECE = 128 << 10,
};

struct waiting {
	struct waiting *next;
	struct answer *a;
	uint8_t want;
	bool done;
	int r;
	struct err e;
	pthread_cond_t cond; /* one for each: an answer wakes nobody else */
};

struct line {
	struct tls *t;
	atomic_uint refs;
	pthread_mutex_t send;
	pthread_mutex_t lock; /* of the rest */
	struct waiting *first, **last;
	bool dead, started, late; /* late: no answer came */
	int wait_ms; /* for bytes within an answer, and for room to send */
	int answer_s;
	struct err why;
	pthread_t reader;
};

void
answer_init(struct answer *a)
{
	*a = (struct answer){.into = NULL};
	buf_init(&a->body, WIRE_MAX_BODY);
}

void
answer_free(struct answer *a)
{
	buf_free(&a->body);
}

/* ---- answers ---- */

/* deliver(w, kind, p, n): The answer's bytes lie in w->a->body, or where it wants them. */
static void
deliver(struct waiting *w, uint8_t kind, const uint8_t *p, size_t n)
{
	struct answer *a = w->a;

	w->r = wire_get(kind, p, n, &a->m, &w->e);
	if (w->r == 0 && kind == WIRE_ERR)
		w->r = err_set(&w->e, a->m.code, "%s", a->m.text);
	else if (w->r == 0 && kind != w->want)
		w->r = err_set(&w->e, E_PROTO, "the server answered something else");
}

/* one_answer(l, e): Read a frame for the request that waits longest. */
static int
one_answer(struct line *l, struct err *e)
{
	uint8_t head[WIRE_HEAD], kind = 0;
	struct waiting *w;
	uint8_t *p;
	uint32_t n = 0;
	int r = tls_read(l->t, head, sizeof(head), IDLE_MS, e);

	if (r == 0)
		return err_set(e, E_NET, "the server closed the line");
	if (r == 1)
		r = wire_head(head, WIRE_MAX_BODY, &kind, &n, e);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&l->lock);
	w = l->first;
	(void)pthread_mutex_unlock(&l->lock);
	if (!w)
		return err_set(e, E_PROTO, "the server answered what nobody asked");
	/* nobody else touches w->a before w->done */
	buf_clear(&w->a->body);
	if (kind == WIRE_DATA && w->a->into && w->a->into_n == n) {
		p = w->a->into;
		r = 0;
	} else {
		r = buf_reserve(&w->a->body, n ? n : 1, e);
		p = w->a->body.p;
	}
	if (r == 0 && n)
		r = tls_read(l->t, p, n, l->wait_ms, e);
	if (r < 0)
		return r;
	w->a->body.len = p == w->a->body.p ? n : 0;
	(void)pthread_mutex_lock(&l->lock);
	l->first = w->next;
	if (!l->first)
		l->last = &l->first;
	deliver(w, kind, p, n);
	w->done = true;
	(void)pthread_cond_signal(&w->cond);
	(void)pthread_mutex_unlock(&l->lock);
	return 0;
}

static void *
reader(void *arg)
{
	struct line *l = arg;
	struct err e = {0};

	while (one_answer(l, &e) == 0)
		;
	if (e.code != E_PROTO) /* what was on its way may be asked again */
		e.code = E_NET;
	(void)pthread_mutex_lock(&l->lock);
	if (l->late)
		(void)err_set(&e, E_NET, "no answer in time");
	l->dead = true;
	l->why = e;
	for (struct waiting *w = l->first; w; w = w->next) {
		w->r = e.code;
		w->e = e;
		w->done = true;
		(void)pthread_cond_signal(&w->cond);
	}
	l->first = NULL;
	l->last = &l->first;
	(void)pthread_mutex_unlock(&l->lock);
	tls_cut(l->t);
	return NULL;
}

/* ---- life ---- */

int
line_over(struct tls *t, unsigned wait_ms, struct line **ret, struct err *e)
{
	struct line *l = calloc(1, sizeof(*l));

	if (!l) {
		tls_close(t);
		return err_set(e, E_NOMEM, "no memory");
	}
	l->t = t;
	atomic_init(&l->refs, 1);
	l->last = &l->first;
	l->wait_ms = wait_ms ? (int)wait_ms : WAIT_MS;
	l->answer_s = wait_ms ? (int)(wait_ms + 999) / 1000 : ANSWER_S;
	(void)pthread_mutex_init(&l->send, NULL);
	(void)pthread_mutex_init(&l->lock, NULL);
	l->started = pthread_create(&l->reader, NULL, reader, l) == 0;
	if (!l->started) {
		line_put(l);
		return err_set(e, E_NOMEM, "cannot start a thread");
	}
	*ret = l;
	return 0;
}

int
line_new(const struct net_login *login, struct line **ret, struct err *e)
{
	struct tls *t = NULL;
	int fd = net_dial(&login->where.addr, DIAL_MS, e), r;

	if (fd < 0)
		return fd;
	r = tls_open(login->side, fd, SHAKE_MS, &t, e);
	return r == 0 ? line_over(t, login->wait_ms, ret, e) : r;
}

struct line *
line_get(struct line *l)
{
	(void)atomic_fetch_add(&l->refs, 1);
	return l;
}

void
line_put(struct line *l)
{
	if (atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	tls_cut(l->t);
	if (l->started)
		(void)pthread_join(l->reader, NULL);
	tls_close(l->t);
	(void)pthread_mutex_destroy(&l->lock);
	(void)pthread_mutex_destroy(&l->send);
	free(l);
}

bool
line_dead(struct line *l)
{
	bool dead;

	(void)pthread_mutex_lock(&l->lock);
	dead = l->dead;
	(void)pthread_mutex_unlock(&l->lock);
	return dead;
}

/* ---- requests ---- */

static void
waiting_init(struct waiting *w)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&w->cond, &attr);
	(void)pthread_condattr_destroy(&attr);
}

/* enter(l, w, e): Into the row of those who wait. With l->send, so that the row is in the order of
 * sending. */
static int
enter(struct line *l, struct waiting *w, struct err *e)
{
	int r = 0;

	(void)pthread_mutex_lock(&l->lock);
	if (l->dead) {
		if (e)
			*e = l->why;
		r = l->why.code;
	} else {
		*l->last = w;
		l->last = &w->next;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return r;
}

/* wait_for(l, w, e): Until the answer is there; the line is given up when none comes. */
static int
wait_for(struct line *l, struct waiting *w, struct err *e)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += l->answer_s;
	(void)pthread_mutex_lock(&l->lock);
	while (!w->done) {
		if (pthread_cond_timedwait(&w->cond, &l->lock, &until) == ETIMEDOUT && !w->done) {
			l->late = true;
			tls_cut(l->t); /* the reader then ends everybody's waiting */
			until.tv_sec += l->answer_s;
		}
	}
	(void)pthread_mutex_unlock(&l->lock);
	if (w->r < 0 && e)
		*e = w->e;
	return w->r;
}

int
line_ask(struct line *l, const struct wire_msg *m, uint8_t want, struct answer *a, struct err *e)
{
	struct waiting w = {.a = a, .want = want};
	struct buf AUTO(buf_free) b = {0};
	struct err lost;
	int r;

	buf_init(&b, WIRE_MAX_BODY + 64);
	r = wire_put(&b, m, e);
	if (r < 0)
		return r;
	waiting_init(&w);
	(void)pthread_mutex_lock(&l->send);
	r = enter(l, &w, e);
	if (r == 0 && tls_write(l->t, b.p, b.len, l->wait_ms, &lost) < 0)
		tls_cut(l->t); /* the reader tells us */
	(void)pthread_mutex_unlock(&l->send);
	if (r == 0)
		r = wait_for(l, &w, e);
	(void)pthread_cond_destroy(&w.cond);
	return r;
}

/* Several pieces of a segment, asked for at once. */
struct fetch {
	struct waiting w[LINE_PIECES];
	struct answer a[LINE_PIECES];
	unsigned n, entered;
};

static int
fetch_plan(struct fetch *f, const uint8_t id[FMT_ID_LEN], uint64_t off, uint8_t *p, size_t n,
    struct buf *b, struct err *e)
{
	int r = 0;

	for (size_t at = 0; r == 0 && at < n; at += f->a[f->n++].into_n) {
		struct wire_msg m = {.kind = WIRE_GET, .seq = off + at};

		m.n = n - at < LINE_PIECE ? (uint32_t)(n - at) : LINE_PIECE;
		(void)memcpy(m.id, id, FMT_ID_LEN);
		answer_init(&f->a[f->n]);
		f->a[f->n].into = p + at;
		f->a[f->n].into_n = m.n;
		f->w[f->n] = (struct waiting){.a = &f->a[f->n], .want = WIRE_DATA};
		waiting_init(&f->w[f->n]);
		r = wire_put(b, &m, e);
	}
	return r;
}

/* fetch_end(f, i, e): The answer to piece ${i}. */
static int
fetch_end(struct line *l, struct fetch *f, unsigned i, struct err *e)
{
	int r = wait_for(l, &f->w[i], e);

	if (r == 0 && f->a[i].m.an != f->a[i].into_n)
		r = err_set(e, E_PROTO, "the server sent %zu bytes instead of %zu", f->a[i].m.an,
		    f->a[i].into_n);
	return r;
}

int
line_fetch(struct line *l, const uint8_t id[FMT_ID_LEN], uint64_t off, uint8_t *p, size_t n,
    struct err *e)
{
	struct fetch f = {.n = 0};
	struct buf AUTO(buf_free) b = {0};
	struct err lost;
	int r = n <= STORE_MAX_READ ? 0 : err_set(e, E_INVAL, "too much at once");

	buf_init(&b, 1024);
	if (r == 0)
		r = fetch_plan(&f, id, off, p, n, &b, e);
	(void)pthread_mutex_lock(&l->send);
	while (r == 0 && f.entered < f.n) {
		r = enter(l, &f.w[f.entered], e);
		f.entered += r == 0;
	}
	if (f.entered > 0 && (r < 0 || tls_write(l->t, b.p, b.len, l->wait_ms, &lost) < 0))
		tls_cut(l->t); /* the reader tells us */
	(void)pthread_mutex_unlock(&l->send);
	for (unsigned i = 0; i < f.n; i++) {
		int x = i < f.entered ? fetch_end(l, &f, i, r == 0 ? e : NULL) : 0;

		r = r < 0 ? r : x;
		(void)pthread_cond_destroy(&f.w[i].cond);
		answer_free(&f.a[i]);
	}
	return r;
}

static bool
answered(struct line *l, const struct waiting *w)
{
	bool done;

	(void)pthread_mutex_lock(&l->lock);
	done = w->done;
	(void)pthread_mutex_unlock(&l->lock);
	return done;
}

/* pieces(l, w, f, fd, size, e): The segment's bytes, then END; ends early when it was refused. */
static int
pieces(struct line *l, const struct waiting *w, const struct fio *f, int fd, uint64_t size,
    struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	struct wire_msg end = {.kind = WIRE_END};
	uint8_t *p = malloc(WIRE_HEAD + PIECE);
	int r = p ? 0 : err_set(e, E_NOMEM, "no memory");

	buf_init(&b, 64);
	for (uint64_t off = 0; r == 0 && off < size && !answered(l, w);) {
		size_t n = size - off < PIECE ? (size_t)(size - off) : PIECE;

		r = fio_pread_all(f, fd, p + WIRE_HEAD, n, off, e);
		if (r < 0)
			break;
		le32_put(p, (uint32_t)n + 1);
		p[4] = WIRE_PIECE;
		r = tls_write(l->t, p, WIRE_HEAD + n, l->wait_ms, e);
		off += n;
	}
	free(p);
	if (r == 0)
		r = wire_put(&b, &end, e);
	return r == 0 ? tls_write(l->t, b.p, b.len, l->wait_ms, e) : r;
}

int
line_send_segment(struct line *l, const struct wire_msg *m, const struct fio *f, int fd,
    uint64_t size, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	struct answer a;
	struct waiting w = {.a = &a, .want = WIRE_OK};
	struct err lost = {0};
	int r;

	answer_init(&a);
	waiting_init(&w);
	buf_init(&b, 4096);
	r = wire_put(&b, m, e);
	(void)pthread_mutex_lock(&l->send);
	if (r == 0)
		r = enter(l, &w, e);
	if (r == 0) {
		int x = tls_write(l->t, b.p, b.len, l->wait_ms, &lost);

		if (x == 0)
			x = pieces(l, &w, f, fd, size, &lost);
		if (x < 0)
			tls_cut(l->t); /* a half segment is none */
		(void)pthread_mutex_unlock(&l->send);
		r = wait_for(l, &w, e);
		if (r == E_NET && x < 0 && x != E_NET && e) { /* our own disk was the cause */
			*e = lost;
			r = x;
		}
	} else {
		(void)pthread_mutex_unlock(&l->send);
	}
	(void)pthread_cond_destroy(&w.cond);
	answer_free(&a);
	return r;
}
