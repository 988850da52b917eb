/* One connection, from the handshake to its end. What is asked is looked up in one table of verbs;
 * there is none that deletes, overwrites, renames, shortens, or sets a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "mamori-vaultd/vaultd.h"

enum { KEEP_BUF = 320 << 10 };

struct talk {
	struct vaultd *v;
	struct tls *t;
	const char *from;
	struct book_client client;
	bool entered;
	struct hold *hold; /* NULL: the repository is not there yet */
	unsigned refused;  /* requests */
	uint8_t *in;       /* body of the request */
	size_t in_cap;
	struct buf out;
};

/* ---- answers ---- */

static int
send_msg(struct talk *k, const struct wire_msg *m, struct err *e)
{
	int r;

	buf_clear(&k->out);
	r = wire_put(&k->out, m, e);
	return r == 0 ? tls_write(k->t, k->out.p, k->out.len, (int)k->v->stall_ms, e) : r;
}

static int
send_ok(struct talk *k, struct err *e)
{
	return send_msg(k, &(struct wire_msg){.kind = WIRE_OK}, e);
}

/* note_refusal(k, why): For the log, unless it is everyday business. The first ones of a connection
 * one by one, the rest are counted. */
static void
note_refusal(struct talk *k, const struct err *why)
{
	if (why->code == E_BUSY || why->code == E_NOENT || k->refused++ >= VAULTD_TELL_REFUSED)
		return;
	vaultd_log(VAULTD_WARN, "%s (%s): refused: %s", k->entered ? k->client.name : "?", k->from,
	    why->msg);
}

/* say_no(k, why): Say why not. The connection goes on, unless that cannot be said. */
static int
say_no(struct talk *k, const struct err *why, struct err *e)
{
	struct wire_msg m = {.kind = WIRE_ERR, .code = why->code < 0 ? why->code : E_SYS};

	(void)snprintf(m.text, sizeof(m.text), "%.*s", WIRE_MAX_TEXT, why->msg);
	for (char *p = m.text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = ' ';
	return send_msg(k, &m, e);
}

/* refuse(k, why): The same, and note it. */
static int
refuse(struct talk *k, const struct err *why, struct err *e)
{
	note_refusal(k, why);
	return say_no(k, why, e);
}

/* ---- requests ---- */

/* room(k, n, e): The buffer for a body. */
static int
room(struct talk *k, size_t n, struct err *e)
{
	void *p;

	if (n <= k->in_cap && (k->in_cap <= KEEP_BUF || n > KEEP_BUF))
		return 0;
	p = realloc(k->in, n > 4096 ? n : 4096);
	if (!p)
		return err_set(e, E_NOMEM, "no memory");
	k->in = p;
	k->in_cap = n > 4096 ? n : 4096;
	return 0;
}

/* next(k, wait, max, kind, n, e): Read a frame: 1, or 0 when the other side is done. */
static int
next(struct talk *k, int wait, uint32_t max, uint8_t *ret_kind, uint32_t *ret_n, struct err *e)
{
	uint8_t head[WIRE_HEAD];
	int r = tls_read(k->t, head, sizeof(head), wait, e);

	if (r <= 0)
		return r;
	r = wire_head(head, max, ret_kind, ret_n, e);
	if (r == 0)
		r = room(k, *ret_n, e);
	if (r == 0 && *ret_n > 0)
		r = tls_read(k->t, k->in, *ret_n, (int)k->v->stall_ms, e);
	else if (r == 0)
		r = 1;
	return r == 0 ? err_set(e, E_NET, "the line was cut") : r;
}

static bool
may(const struct talk *k, uint8_t right)
{
	return (k->client.may & right) != 0;
}

static int
no_right(struct err *e, uint8_t right)
{
	return err_set(e, E_AUTH, right == WIRE_MAY_READ ?
	    "this machine may add to this vault, not read from it" :
	    "this machine may read this vault, not add to it");
}

static int
need_hold(struct talk *k, struct err *e)
{
	int r;

	if (k->hold)
		return 0;
	r = vaultd_repo(k->v, k->client.vault, &k->hold, e);
	return r == E_NOENT ? err_set(e, E_NOENT, "there is no vault \"%s\" yet", k->client.vault) :
	    r;
}

/* ---- the verbs ---- */

static int
do_create(struct talk *k, const struct wire_msg *m, struct err *e)
{
	static const uint8_t none[1];
	int r;

	if (k->client.quota && m->bn > k->client.quota)
		return err_set(e, E_NOSPC, "the quota of this vault is used up");
	(void)pthread_mutex_lock(&k->v->make);
	r = hold_create(fio_os(), k->client.vault, m->a ? m->a : none, m->an, m->b ? m->b : none,
	    m->bn, e);
	(void)pthread_mutex_unlock(&k->v->make);
	if (r == 0)
		vaultd_log(VAULTD_SAY, "%s (%s): made the vault %s", k->client.name, k->from,
		    k->client.vault);
	return r;
}

/* stamp(k): The box's own word on a generation that arrived: its time, its lock. */
static void
stamp(struct talk *k)
{
	struct vault_place pl = {.statefd = k->v->book.fd};
	struct keep_time now;
	struct err e = {0};
	int r;

	keep_time_now(&now);
	(void)pthread_mutex_lock(&k->v->make);
	r = hold_stamp(fio_os(), k->client.vault, &pl, &now, &e);
	if (r == 1)
		vaultd_log(VAULTD_WARN,
		    "%s (%s): a generation in doubt in %s: far more of it changed than "
		    "is usual; look at that machine",
		    k->client.name, k->from, k->client.vault);
	if (r < 0)
		vaultd_log(VAULTD_WARN,
		    "%s: the arrival of a generation could not be noted (it will "
		    "be with the next one): %s%s",
		    k->client.vault, e.msg, r == E_AUTH ? VAULTD_ADOPT : "");
	(void)pthread_mutex_unlock(&k->v->make);
}

static int
do_commit(struct talk *k, const struct wire_msg *m, struct err *e)
{
	uint16_t kind = 0;
	int r = need_hold(k, e);

	if (r == 0)
		r = vaultd_spend(k->v, &k->client, m->an, time_now_us(), e);
	if (r == 0)
		r = hold_commit(k->hold, m->seq, m->prev, m->a ? m->a : (const void *)"", m->an,
		    &kind, e);
	if (r == 0 && kind == FMT_LOG_SNAPSHOT) {
		stamp(k);
		vaultd_log(VAULTD_SAY, "%s (%s): a generation in %s", k->client.name, k->from,
		    k->client.vault);
	}
	return r;
}

/* pieces(k, put, e): Take what follows a PUT up to its END; what goes wrong is told at once and the
 * rest is thrown away, up to the size of a segment. Negative: the connection ends. */
static int
pieces(struct talk *k, struct hold_put **put, uint64_t size, bool *told, struct err *e)
{
	uint64_t got = 0;

	for (;;) {
		struct err why;
		uint8_t kind = 0;
		uint32_t n = 0;
		int r = next(k, (int)k->v->stall_ms, WIRE_MAX_PIECE, &kind, &n, e);

		if (r <= 0)
			return r < 0 ? r : err_set(e, E_NET, "the line was cut");
		if (kind == WIRE_END && n == 0)
			return 0;
		got += n;
		if (kind != WIRE_PIECE || got > size)
			return err_set(e, E_PROTO, "a segment that does not end");
		if (!*put)
			continue;
		r = hold_put_data(*put, k->in, n, &why);
		if (r == 0)
			continue;
		hold_put_drop(*put);
		*put = NULL;
		*told = true;
		r = refuse(k, &why, e);
		if (r < 0)
			return r;
	}
}

/* do_put(k, m, e): Answers itself. */
static int
do_put(struct talk *k, const struct wire_msg *m, struct err *e)
{
	struct hold_put *put = NULL;
	bool told = false;
	struct err why;
	int r = may(k, WIRE_MAY_WRITE) ? need_hold(k, &why) : no_right(&why, WIRE_MAY_WRITE);
	uint64_t size = fmt_seg_size(m->seg.npages);
	int begun;

	if (r == 0)
		r = vaultd_spend(k->v, &k->client, size, time_now_us(), &why);
	begun = r == 0 ? hold_put_begin(k->hold, &m->seg, k->client.quota, &put, &why) : r;
	if (begun != 0) { /* here already, or refused: the sender need not go on */
		told = true;
		r = begun == 1 ? send_ok(k, e) : refuse(k, &why, e);
	}
	if (r == 0)
		r = pieces(k, &put, size, &told, e);
	if (r < 0 || told) {
		hold_put_drop(put);
		return r;
	}
	r = hold_put_end(put, &why);
	return r == 0 ? send_ok(k, e) : refuse(k, &why, e);
}

/* do_log: Answers itself. */
static int
do_log(struct talk *k, const struct wire_msg *m, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	struct err why;
	int r = need_hold(k, &why);

	buf_init(&b, WIRE_MAX_BODY);
	if (r == 0)
		r = hold_log(k->hold, m->seq, WIRE_MAX_BODY - (128 << 10), &b, &why);
	return r == 0 ? send_msg(k, &(struct wire_msg){.kind = WIRE_DATA, .a = b.p, .an = b.len}, e)
		      : refuse(k, &why, e);
}

struct listing {
	struct buf *b;
	uint32_t next, n;
};

static int
on_item(uint32_t no, const struct fmt_segment_rec *rec, void *cookie)
{
	struct listing *l = cookie;

	if (l->n == WIRE_LIST_MAX || buf_put(l->b, rec->seg, FMT_ID_LEN, NULL) < 0 ||
	    buf_u32(l->b, rec->npages, NULL) < 0)
		return 1;
	l->n++;
	l->next = no + 1;
	return 0;
}

static int
do_list(struct talk *k, const struct wire_msg *m, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	struct listing l = {.b = &b, .next = (uint32_t)m->seq};
	struct err why;
	int r = need_hold(k, &why);

	buf_init(&b, 4 + WIRE_LIST_MAX * WIRE_LIST_ITEM);
	if (r == 0 && m->seq > UINT32_MAX)
		r = err_set(&why, E_INVAL, "there is no such segment");
	if (r == 0)
		r = buf_u32(&b, 0, &why);
	if (r == 0)
		r = hold_list(k->hold, (uint32_t)m->seq, on_item, &l, &why);
	if (r < 0)
		return refuse(k, &why, e);
	le32_put(b.p, l.next);
	return send_msg(k, &(struct wire_msg){.kind = WIRE_DATA, .a = b.p, .an = b.len}, e);
}

static int
do_get(struct talk *k, const struct wire_msg *m, struct err *e)
{
	struct err why;
	int r = may(k, WIRE_MAY_READ) ? need_hold(k, &why) : no_right(&why, WIRE_MAY_READ);

	if (r == 0 && m->n > STORE_MAX_READ)
		r = err_set(&why, E_LIMIT, "too much at once");
	/* into the buffer of requests: exactly as long as needed, and kept for the next one */
	if (r == 0)
		r = room(k, WIRE_HEAD + m->n, &why);
	if (r == 0)
		r = hold_get(k->hold, m->id, m->seq, k->in + WIRE_HEAD, m->n, &why);
	if (r < 0)
		return refuse(k, &why, e);
	le32_put(k->in, m->n + 1);
	k->in[4] = WIRE_DATA;
	return tls_write(k->t, k->in, WIRE_HEAD + m->n, (int)k->v->stall_ms, e);
}

static int
do_stat(struct talk *k, const struct wire_msg *m, struct err *e)
{
	struct wire_msg ok = {.kind = WIRE_OK};
	struct err why;
	int r = need_hold(k, &why);

	if (r == 0)
		r = hold_stat(k->hold, m->id, &ok.seq, &why);
	return r == 0 ? send_msg(k, &ok, e) : refuse(k, &why, e);
}

static int
do_renew(struct talk *k, const struct wire_msg *m, struct err *e)
{
	struct buf AUTO(buf_free) cert = {0};
	struct err why;
	int r;

	buf_init(&cert, 8192);
	r = book_renew(&k->v->book, &k->client, m, time_now_us(), &cert, &why);
	return r == 0
	    ? send_msg(k, &(struct wire_msg){.kind = WIRE_OK, .a = cert.p, .an = cert.len}, e)
	    : refuse(k, &why, e);
}

/* write_verb(k, m, fn, e): What needs the right to add, and is answered by a plain OK. */
static int
write_verb(struct talk *k, const struct wire_msg *m,
    int (*fn)(struct talk *k, const struct wire_msg *m, struct err *e), struct err *e)
{
	struct err why;
	int r = may(k, WIRE_MAY_WRITE) ? fn(k, m, &why) : no_right(&why, WIRE_MAY_WRITE);

	return r == 0 ? send_ok(k, e) : refuse(k, &why, e);
}

/* handle(k, m, e): One request and its answer. Negative: the connection ends. */
static int
handle(struct talk *k, const struct wire_msg *m, struct err *e)
{
	switch (m->kind) {
	case WIRE_CREATE:
		return write_verb(k, m, do_create, e);
	case WIRE_COMMIT:
		return write_verb(k, m, do_commit, e);
	case WIRE_PUT:
		return do_put(k, m, e);
	case WIRE_LOG:
		return do_log(k, m, e);
	case WIRE_LIST:
		return do_list(k, m, e);
	case WIRE_STAT:
		return do_stat(k, m, e);
	case WIRE_GET:
		return do_get(k, m, e);
	case WIRE_RENEW:
		return do_renew(k, m, e);
	default:
		return err_set(e, E_PROTO, "a request that is not known here");
	}
}

/* ---- beginning ---- */

static int
version_ok(const struct wire_msg *m, struct err *e)
{
	if (m->vmin <= WIRE_VERSION && WIRE_VERSION <= m->vmax)
		return 0;
	return err_set(e, E_PROTO,
	    "this server speaks version %d of the protocol, the other side %u "
	    "to %u: bring the older of the two up to date",
	    WIRE_VERSION, m->vmin, m->vmax);
}

static int
enrol(struct talk *k, const char *id, const struct wire_msg *m, struct err *e)
{
	struct buf AUTO(buf_free) cert = {0}, ca = {0}, own = {0}, key = {0};
	struct wire_msg ok = {.kind = WIRE_OK};
	struct book_client c;
	struct err why;
	int r = m->kind == WIRE_ENROL ? version_ok(m, &why) :
	    err_set(&why, E_PROTO, "a code is for enrolling only");

	buf_init(&cert, 8192);
	buf_init(&ca, 16384);
	buf_init(&own, 16384);
	buf_init(&key, 16384);
	(void)pthread_mutex_lock(&k->v->make);
	if (r == 0)
		r = book_enrol(&k->v->book, id, m, time_now_us(), &cert, &c, &why);
	if (r == 0)
		r = book_identity(&k->v->book, time_now_us(), &own, &key, &ca, &why);
	(void)pthread_mutex_unlock(&k->v->make);
	if (key.p)
		explicit_bzero(key.p, key.cap);
	if (own.p)
		explicit_bzero(own.p, own.cap);
	if (r < 0) {
		vaultd_log(
		    VAULTD_WARN, "%s: enrolment with code %s refused: %s", k->from, id, why.msg);
		return say_no(k, &why, e);
	}
	vaultd_log(VAULTD_SAY, "%s (%s): enrolled for the vault %s", c.name, k->from, c.vault);
	ok.may = c.may;
	ok.a = cert.p;
	ok.an = cert.len;
	ok.b = ca.p;
	ok.bn = ca.len;
	return send_msg(k, &ok, e);
}

/* known(k, m, e): Whether the other side is enrolled for the repository it names. */
static int
known(struct talk *k, const struct wire_msg *m, struct err *e)
{
	uint8_t print[TLS_PRINT];
	int r = tls_peer(k->t, print, e);

	if (r == 0 && m->kind != WIRE_HELLO)
		r = err_set(e, E_PROTO, "the first request must be a greeting");
	if (r == 0)
		r = version_ok(m, e);
	if (r == 0) {
		r = book_client(&k->v->book, print, &k->client, e);
		if (r == E_NOENT)
			r = err_set(e, E_AUTH, "this machine is not enrolled here");
	}
	if (r == 0 && k->client.revoked)
		r = err_set(e, E_AUTH, "this machine was shut out");
	if (r == 0 && strcmp(k->client.vault, m->name) != 0)
		r = err_set(e, E_AUTH, "this machine is enrolled for another vault");
	if (r == 0) {
		r = vaultd_enter(k->v, print, e);
		k->entered = r == 0;
	}
	return r;
}

static int
greet(struct talk *k, const struct wire_msg *m, struct err *e)
{
	struct buf AUTO(buf_free) ident = {0};
	struct wire_msg ok = {
		.kind = WIRE_OK, .vmin = WIRE_VERSION, .vmax = WIRE_VERSION, .time = time_now_us(),
	};
	struct err why;
	int r = known(k, m, &why);

	buf_init(&ident, STORE_MAX_IDENT);
	if (r == 0) {
		r = need_hold(k, &why);
		if (r == 0)
			r = hold_ident(k->hold, &ident, &why);
		else if (r == E_NOENT)
			r = 0;
	}
	if (r < 0) {
		(void)(refuse(k, &why, e) < 0);
		return err_set(e, r, "%s", why.msg);
	}
	ok.may = k->client.may;
	ok.a = ident.p;
	ok.an = ident.len;
	return send_msg(k, &ok, e);
}

static int
one(struct talk *k, struct err *e)
{
	struct wire_msg m;
	uint8_t kind = 0;
	uint32_t n = 0;
	int r = next(k, (int)k->v->idle_ms, WIRE_MAX_BODY, &kind, &n, e);

	if (r <= 0)
		return r < 0 ? r : 1;
	r = wire_get(kind, k->in, n, &m, e);
	if (r == 0)
		r = handle(k, &m, e);
	if (k->out.cap > KEEP_BUF)
		buf_free(&k->out);
	return r;
}

static int
begin(struct talk *k, struct err *e)
{
	char id[TLS_CODE_ID + 1];
	struct wire_msg m;
	uint8_t kind = 0;
	uint32_t n = 0;
	int r;

	/* a stranger's trickle of bytes holds no place */
	tls_until(k->t, VAULTD_FIRST_MS);
	r = next(k, VAULTD_FIRST_MS, WIRE_MAX_FIRST, &kind, &n, e);
	tls_until(k->t, 0);
	if (r <= 0)
		return r < 0 ? r : 1;
	r = wire_get(kind, k->in, n, &m, e);
	if (r < 0)
		return r;
	if (tls_by_code(k->t, id)) {
		r = enrol(k, id, &m, e);
		return r < 0 ? r : 1;
	}
	return greet(k, &m, e);
}

void
vaultd_talk(struct start *s, struct tls *t)
{
	struct vaultd *v = s->v;
	const char *from = s->from;
	struct talk k = {.v = v, .t = t, .from = from};
	struct err e = {0};
	int r;

	buf_init(&k.out, WIRE_MAX_BODY + 64);
	r = begin(&k, &e);
	if (k.entered) {
		vaultd_settle(v, s->addr);
		s->settled = true;
	}
	while (r == 0 && !atomic_load(&v->stop))
		r = one(&k, &e);
	if (r == E_PROTO) /* say it if that can still be said */
		(void)(refuse(&k, &e, NULL) < 0);
	if (k.refused > VAULTD_TELL_REFUSED)
		vaultd_log(VAULTD_WARN, "%s (%s): %u more requests refused", k.client.name, from,
		    k.refused - VAULTD_TELL_REFUSED);
	if (k.entered)
		vaultd_leave(v, k.client.print);
	vaultd_repo_put(v, k.hold);
	buf_free(&k.out);
	free(k.in);
}
