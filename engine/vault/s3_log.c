/* The log and the identity in an object store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "vault/s3_int.h"

enum { WINDOW = 2000, BATCH = 64 };

static struct s3_store *
of(struct store *st)
{
	return (struct s3_store *)(void *)((char *)st - offsetof(struct s3_store, st));
}

void
s3_name(const struct s3_store *s, char out[S3L_NAME], const char *dir, uint64_t no)
{
	(void)snprintf(out, S3L_NAME, "%s%s/%020llu", s->prefix, dir, (unsigned long long)no);
}

int64_t
s3_until(struct s3_store *s, int64_t wish)
{
	int64_t least, r;

	(void)pthread_mutex_lock(&s->mu);
	least = s3_now(s->s3) + (int64_t)(s->lock_days ? s->lock_days : 1) * TIME_DAY;
	if (wish > s->until)
		s->until = wish;
	r = s->until > least ? s->until : least;
	(void)pthread_mutex_unlock(&s->mu);
	return r;
}

/* ---- versions of log objects ---- */

struct cands {
	struct vec v; /* struct s3_cand, by number, newest first */
	size_t skip;  /* bytes of the name before the number */
	uint64_t
	    from; /* smaller numbers are passed over: some stores list the marker itself, too */
	size_t max;
	bool full;
};

static void
cands_free(struct cands *c)
{
	for (size_t i = 0; i < c->v.len; i++)
		free(VEC_AT(&c->v, struct s3_cand, i)->version);
	vec_free(&c->v);
}

static int
on_cand(const struct s3_entry *en, void *cookie, struct err *e)
{
	struct cands *c = cookie;
	struct s3_cand *one;
	uint64_t no;

	if (strlen(en->key) != c->skip + 20 ||
	    num_parse_u64(en->key + c->skip, UINT64_MAX, &no, NULL) < 0)
		return 0; /* a name that is none of ours */
	if (no < c->from)
		return 0;
	/* only at a number's first line, so that no number is seen in part */
	if (c->v.len >= c->max && VEC_AT(&c->v, struct s3_cand, c->v.len - 1)->no != no) {
		c->full = true;
		return E_CANCEL;
	}
	one = vec_add(&c->v);
	if (!one)
		return err_set(e, E_LIMIT, "too many versions of log objects");
	one->no = no;
	one->size = en->size;
	one->marker = en->delete_marker;
	one->version = strdup(en->version);
	return one->version ? 0 : err_set(e, E_NOMEM, "no memory");
}

/* find(s, dir, from, max, ret, e): The versions of ${dir}'s objects from number ${from} on; about
 * ${max} lines. ${ret} is cands_free'd by the caller. */
static int
find(struct s3_store *s, const char *dir, uint64_t from, size_t max, struct cands *ret,
    struct err *e)
{
	char prefix[S3L_NAME], after[S3L_NAME];
	int r;

	*ret = (struct cands){.max = max, .from = from};
	vec_init(&ret->v, sizeof(struct s3_cand), S3L_MAX_CAND);
	ret->skip = (size_t)snprintf(prefix, sizeof(prefix), "%s%s/", s->prefix, dir);
	if (from > 0)
		s3_name(s, after, dir, from - 1);
	r = s3_versions(s->s3, prefix, from > 0 ? after : NULL, on_cand, ret, e);
	return r == E_CANCEL && ret->full ? 0 : r;
}

/* ---- taking records ---- */

/* write_ckp(s): The last S3L_CKP records as one object. Nothing depends on it: where it is missing
 * or something else has its name, the records are read, and their locks lengthened, one by one. */
static void
write_ckp(struct s3_store *s)
{
	struct s3_put o = {.fresh = true};
	struct s3_meta m = {0};
	char name[S3L_NAME];

	if (!s->writing || s->in_ckp || s->walk.next % S3L_CKP != 0 || !s->walk.recent_whole ||
	    s->walk.recent_from + S3L_CKP != s->walk.next || s->walk.next <= s->ckp_upto)
		return;
	s3_name(s, name, "ckp", s->walk.recent_from);
	o.until = s3_lock_target(s, name, s3_until(s, 0));
	if (s3_put(s->s3, name, s->walk.recent.p, s->walk.recent.len, &o, &m, NULL) < 0)
		return;
	s3_lock_note(s, name, m.version, o.until);
	if (s->ckp_upto == s->walk.recent_from)
		s->ckp_upto = s->walk.next;
}

static int
learn(struct s3_store *s, const uint8_t *p, size_t n, struct err *e)
{
	size_t head = s->walk.next == 0 ? LEDGER_FMT_HEADER : 0;
	struct ledger_fmt_rec rec;
	struct fmt_genesis g;
	int r;

	r = s3_walk_take(&s->walk, p, n, e);
	if (r == 0)
		r = ledger_fmt_rec_get(p + head, n - head, &rec);
	if (r < 0)
		return r;
	if (rec.type == LEDGER_T_GENESIS &&
	    fmt_genesis_get(rec.payload + SIGN_PUB_LEN, rec.payload_len - SIGN_PUB_LEN, &g, NULL) ==
	        0) {
		(void)pthread_mutex_lock(&s->mu);
		s->lock_days = g.lock_days;
		(void)memcpy(s->repo, g.repo, FMT_ID_LEN);
		(void)pthread_mutex_unlock(&s->mu);
	}
	r = s3_seg_learn(s, &rec, e);
	if (r == 0)
		write_ckp(s);
	return r;
}

/* deliver(s, p, n, from, ret, e): Take one record that fits, and hand it on when it was asked for.
 */
static int
deliver(struct s3_store *s, const uint8_t *p, size_t n, uint64_t from, struct buf *ret,
    struct err *e)
{
	bool wanted = s->walk.next >= from;
	int r = learn(s, p, n, e);

	return r == 0 && wanted ? buf_put(ret, p, n, e) : r;
}

/* take_ckp(s, b, from, ret, e): Take the records in ${b} as far as they hold. */
static int
take_ckp(struct s3_store *s, const struct buf *b, uint64_t from, struct buf *ret, struct err *e)
{
	size_t at = 0;
	uint64_t end = s->walk.next + S3L_CKP;
	int r = 0;

	s->in_ckp = true;
	while (r == 0 && s->walk.next < end) {
		size_t n = s3_walk_len(&s->walk, b->p + at, b->len - at);

		if (n == 0 || !s3_walk_fits(&s->walk, b->p + at, n))
			break; /* the rest is looked for one by one */
		r = deliver(s, b->p + at, n, from, ret, e);
		at += n;
	}
	s->in_ckp = false;
	if (s->walk.next == end && s->ckp_upto + S3L_CKP == end)
		s->ckp_upto = end;
	return r;
}

/* by_ckp(s, from, ret, e): Go on by the objects of ckp/ as far as there are any. Of each the oldest
 * version that holds; when none does, the records are read one by one. */
static int
by_ckp(struct s3_store *s, uint64_t from, struct buf *ret, struct err *e)
{
	struct cands AUTO(cands_free) c = {.max = 0};
	size_t i = 0;
	int r;

	if (s->walk.next % S3L_CKP != 0)
		return 0;
	r = find(s, "ckp", s->walk.next, WINDOW, &c, e);
	while (r == 0 && i < c.v.len && ret->len < STORE_LOG_BATCH) {
		uint64_t no = VEC_AT(&c.v, struct s3_cand, i)->no, before = s->walk.next;
		size_t end = i;

		if (no != before)
			return 0;
		while (end < c.v.len && VEC_AT(&c.v, struct s3_cand, end)->no == no)
			end++;
		for (size_t k = end; r == 0 && k > i && s->walk.next < before + S3L_CKP; k--) {
			const struct s3_cand *one = VEC_AT(&c.v, struct s3_cand, k - 1);
			struct buf AUTO(buf_free) b = {0};
			char name[S3L_NAME];

			buf_init(&b, S3L_MAX_CKP);
			s3_name(s, name, "ckp", no);
			if (one->marker || s->walk.next != before)
				continue;
			r = s3_get(s->s3, name, one->version, &b, NULL, e);
			if (r == E_NOENT || r == E_LIMIT)
				r = 0;
			else if (r == 0)
				r = take_ckp(s, &b, from, ret, e);
		}
		if (s->walk.next != before + S3L_CKP)
			return r;
		i = end;
	}
	return r;
}

/* right(s, c, i, end, got, from, ret, e): Of the versions i..end of one number take the oldest that
 * fits. ${got}: the oldest one's bytes, fetched already. 1: taken, 0: none fits. */
static int
right(struct s3_store *s, const struct cands *c, size_t i, size_t end, const struct s3_get_one *got,
    uint64_t from, struct buf *ret, struct err *e)
{
	char name[S3L_NAME];
	int r;

	if (got->code < 0 && got->code != E_NOENT && got->code != E_LIMIT)
		return err_set(e, got->code, "an entry of the log could not be read");
	if (got->code == 0 && s3_walk_fits(&s->walk, got->b->p, got->b->len)) {
		r = deliver(s, got->b->p, got->b->len, from, ret, e);
		return r < 0 ? r : 1;
	}
	s3_name(s, name, "log", VEC_AT(&c->v, struct s3_cand, i)->no);
	for (size_t k = end; k > i; k--) {
		const struct s3_cand *one = VEC_AT(&c->v, struct s3_cand, k - 1);
		struct buf AUTO(buf_free) b = {0};

		if (one->marker)
			continue;
		buf_init(&b, LEDGER_FMT_HEADER + LEDGER_FMT_REC_MAX);
		r = s3_get(s->s3, name, one->version, &b, NULL, e);
		if (r < 0 && r != E_NOENT && r != E_LIMIT)
			return r;
		if (r == 0 && s3_walk_fits(&s->walk, b.p, b.len)) {
			r = deliver(s, b.p, b.len, from, ret, e);
			return r < 0 ? r : 1;
		}
	}
	return 0;
}

/* Several numbers, fetched together. */
struct group {
	struct {
		size_t i, end;
		struct buf b;
		char name[S3L_NAME];
	} v[BATCH];
	struct s3_get_one get[BATCH];
	size_t n;
};

static size_t
fetch(struct s3_store *s, const struct cands *c, size_t i, struct group *g)
{
	for (g->n = 0; g->n < BATCH && i < c->v.len; g->n++) {
		const struct s3_cand *oldest;
		size_t end = i;

		while (end < c->v.len && VEC_AT(&c->v, struct s3_cand, end)->no ==
		    VEC_AT(&c->v, struct s3_cand, i)->no)
			end++;
		g->v[g->n].i = i;
		g->v[g->n].end = end;
		buf_init(&g->v[g->n].b, LEDGER_FMT_HEADER + LEDGER_FMT_REC_MAX);
		oldest = VEC_AT(&c->v, struct s3_cand, end - 1);
		s3_name(s, g->v[g->n].name, "log", oldest->no);
		g->get[g->n] = (struct s3_get_one){.key = g->v[g->n].name,
		    .version = oldest->version, .b = &g->v[g->n].b};
		i = end;
	}
	return i;
}

/* one_by_one(s, from, ret, more, e): Go on by the objects of log/. */
static int
one_by_one(struct s3_store *s, uint64_t from, struct buf *ret, bool *more, struct err *e)
{
	struct cands AUTO(cands_free) c = {.max = 0};
	struct group *g = calloc(1, sizeof(*g));
	bool end = false;
	size_t i = 0;
	int r = g ? find(s, "log", s->walk.next, WINDOW, &c, e) :
	    err_set(e, E_NOMEM, "no memory");

	*more = r == 0 && c.full;
	while (r == 0 && i < c.v.len && ret->len < STORE_LOG_BATCH) {
		i = fetch(s, &c, i, g);
		r = s3_get_all(s->s3, g->get, g->n, e);
		for (size_t k = 0; k < g->n; k++) {
			uint64_t no = VEC_AT(&c.v, struct s3_cand, g->v[k].i)->no;

			/* a gap, or a name that holds nothing that fits: the log ends there */
			if (r == 0 && !end && no == s->walk.next)
				r = right(s, &c, g->v[k].i, g->v[k].end, &g->get[k], from, ret, e);
			end |= r == 0;
			r = r > 0 ? 0 : r;
			buf_free(&g->v[k].b);
		}
		if (end) {
			*more = false;
			break;
		}
	}
	free(g);
	return r;
}

/* ---- identity ---- */

/* oldest(s, name, ret, e): The oldest version of an object. E_NOENT: there is none. */
struct oldest {
	const char *name;
	char *version;
	int n;
};

static int
on_oldest(const struct s3_entry *en, void *cookie, struct err *e)
{
	struct oldest *o = cookie;

	if (strcmp(en->key, o->name) != 0 || en->delete_marker)
		return 0;
	free(o->version);
	o->version = strdup(en->version);
	o->n++;
	return o->version ? 0 : err_set(e, E_NOMEM, "no memory");
}

int
s3_log_ident(struct store *st, struct buf *ret, struct err *e)
{
	struct s3_store *s = of(st);
	char name[S3L_NAME];
	struct oldest o = {.name = name};
	int r;

	(void)snprintf(name, sizeof(name), "%smamori-vault", s->prefix);
	r = s3_versions(s->s3, name, NULL, on_oldest, &o, e);
	if (r == 0 && o.n == 0)
		r = err_set(e, E_NOENT, "there is no vault in this place");
	if (r == 0)
		r = s3_get(s->s3, name, o.version, ret, NULL, e);
	free(o.version);
	return r;
}

static int
pin_of(const void *ident, size_t n, uint8_t pin[SIGN_PUB_LEN], struct err *e)
{
	const char *p = memmem(ident, n, "\nlog: ", 6);
	char hex[2 * SIGN_PUB_LEN + 1];

	if (!p || (size_t)((const char *)ident + n - p) < 6 + 2 * SIGN_PUB_LEN)
		return err_set(e, E_PROTO, "this is not the identity of a Mamori vault");
	(void)memcpy(hex, p + 6, 2 * SIGN_PUB_LEN);
	hex[2 * SIGN_PUB_LEN] = 0;
	return hex_get(pin, SIGN_PUB_LEN, hex) < 0 ?
	    err_set(e, E_PROTO, "this is not the identity of a Mamori vault") : 0;
}

static int
ready(struct s3_store *s, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	int r;

	if (s->walk.begun)
		return 0;
	buf_init(&b, STORE_MAX_IDENT);
	r = s3_log_ident(&s->st, &b, e);
	if (r == 0)
		r = pin_of(b.p, b.len, s->walk.pin, e);
	if (r == 0 && !s->walk.digest)
		r = digest_new(&s->walk.digest, e);
	if (r == 0)
		s3_walk_init(&s->walk);
	return r;
}

/* ---- the operations ---- */

int
s3_log_read(struct store *st, uint64_t from, struct buf *ret, struct err *e)
{
	struct s3_store *s = of(st);
	size_t start = ret->len;
	bool more = true;
	int r = ready(s, e);

	if (r == 0 && from < s->walk.next) {
		s3_walk_init(&s->walk);
		s->ckp_upto = 0;
	}
	if (r == 0)
		r = by_ckp(s, from, ret, e);
	while (r == 0 && more && ret->len - start < STORE_LOG_BATCH)
		r = one_by_one(s, from, ret, &more, e);
	return r;
}

/* whose(s, seq, rec, n, e): Of whom the oldest version that fits is. */
enum { NOBODYS, OURS, OTHERS };

static int
whose(struct s3_store *s, uint64_t seq, const void *rec, size_t n, struct err *e)
{
	struct cands AUTO(cands_free) c = {.max = 0};
	char name[S3L_NAME];
	int r = find(s, "log", seq, 1, &c, e);

	s3_name(s, name, "log", seq);
	for (size_t k = c.v.len; r == 0 && k > 0; k--) {
		const struct s3_cand *one = VEC_AT(&c.v, struct s3_cand, k - 1);
		struct buf AUTO(buf_free) b = {0};

		if (one->no != seq || one->marker)
			continue;
		buf_init(&b, LEDGER_FMT_HEADER + LEDGER_FMT_REC_MAX);
		r = s3_get(s->s3, name, one->version, &b, NULL, e);
		if (r == E_NOENT || r == E_LIMIT) {
			r = 0;
			continue;
		}
		if (r == 0 && b.len == n && memcmp(b.p, rec, n) == 0)
			return OURS;
		if (r == 0 && s3_walk_fits(&s->walk, b.p, b.len))
			return OTHERS;
	}
	return r < 0 ? r : NOBODYS;
}

int
s3_log_commit(struct store *st, uint64_t seq, const uint8_t prev[32], const void *rec, size_t n,
    struct err *e)
{
	struct s3_store *s = of(st);
	struct s3_put o = {.fresh = true};
	struct s3_meta m = {0};
	struct buf AUTO(buf_free) skip = {0};
	char name[S3L_NAME];
	int r = ready(s, e);

	buf_init(&skip, 2 * STORE_LOG_BATCH);
	while (r == 0 && s->walk.next < seq) {
		uint64_t before = s->walk.next;

		r = s3_log_read(st, UINT64_MAX, &skip, e);
		if (r == 0 && s->walk.next == before)
			return err_set(e, E_CORRUPT, "the store's log ends before entry %llu",
			    (unsigned long long)seq);
	}
	if (r < 0)
		return r;
	if (s->walk.next > seq || memcmp(s->walk.hash, prev, LEDGER_HASH_LEN) != 0)
		return err_set(e, E_BUSY, "somebody else added to the log");
	if (!s3_walk_fits(&s->walk, rec, n))
		return err_set(e, E_CORRUPT, "the new entry does not continue the log");
	s3_name(s, name, "log", seq);
	o.until = s3_lock_target(s, name, s3_until(s, 0));
	r = s3_put(s->s3, name, rec, n, &o, &m, e);
	if (r == E_EXIST) { /* another writer, or somebody who took the name for something else */
		r = whose(s, seq, rec, n, e);
		o.fresh = false;
		if (r == NOBODYS)
			r = s3_put(s->s3, name, rec, n, &o, &m, e);
	}
	if (r == 0)
		s3_lock_note(s, name, m.version, o.until);
	if (r >= 0)
		r = whose(s, seq, rec, n, e);
	if (r == OTHERS || r == NOBODYS)
		return err_set(e, E_BUSY, "somebody else added to the log");
	return r < 0 ? r : learn(s, rec, n, e);
}

int
s3_log_create(struct store *st, const void *ident, size_t ident_n, const void *log, size_t log_n,
    struct err *e)
{
	struct s3_store *s = of(st);
	struct s3_put o = {.until = 0};
	struct buf AUTO(buf_free) there = {0};
	char name[S3L_NAME];
	size_t at = 0;
	int r;

	buf_init(&there, STORE_MAX_IDENT);
	r = s3_log_ident(st, &there, NULL);
	if (r == 0 || r == E_LIMIT)
		return err_set(e, E_EXIST, "there already is a vault in this place");
	if (r != E_NOENT)
		return s3_log_ident(st, &there, e);
	r = pin_of(ident, ident_n, s->walk.pin, e);
	if (r == 0 && !s->walk.digest)
		r = digest_new(&s->walk.digest, e);
	if (r < 0)
		return r;
	s3_walk_init(&s->walk);
	while (r == 0 && at < log_n) {
		size_t n = s3_walk_len(&s->walk, (const uint8_t *)log + at, log_n - at);

		s3_name(s, name, "log", s->walk.next);
		r = n == 0 ? E_CORRUPT : learn(s, (const uint8_t *)log + at, n, e);
		if (r == 0 && s->lock_days == 0)
			r = err_set(e, E_INVAL, "a vault in an object store needs a lock of at "
			    "least one day (--lock-days)");
		o.until = s3_until(s, 0);
		if (r == 0)
			r = s3_put(s->s3, name, (const uint8_t *)log + at, n, &o, NULL, e);
		at += n;
	}
	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%smamori-vault", s->prefix);
	o.fresh = true;
	r = s3_put(s->s3, name, ident, ident_n, &o, NULL, e);
	return r == E_EXIST ? err_set(e, E_EXIST, "there already is a vault in this place") : r;
}

/* ---- locks ---- */

struct keep {
	struct vec names; /* struct s3_retain_one; key and version owned */
};

static int
on_keep(const struct s3_entry *en, void *cookie, struct err *e)
{
	struct keep *k = cookie;
	struct s3_retain_one *one;

	if (en->delete_marker)
		return 0;
	one = vec_add(&k->names);
	if (!one)
		return err_set(e, E_LIMIT, "too many objects");
	one->key = strdup(en->key);
	one->version = strdup(en->version);
	return one->key && one->version ? 0 : err_set(e, E_NOMEM, "no memory");
}

int
s3_log_retain(struct s3_store *s, int64_t until, struct err *e)
{
	struct keep k;
	char prefix[S3L_NAME], after[S3L_NAME];
	uint64_t tail;
	int r = ready(s, e);

	vec_init(&k.names, sizeof(struct s3_retain_one), S3L_MAX_CAND);
	(void)snprintf(prefix, sizeof(prefix), "%smamori-vault", s->prefix);
	if (r == 0)
		r = s3_versions(s->s3, prefix, NULL, on_keep, &k, e);
	(void)snprintf(prefix, sizeof(prefix), "%sckp/", s->prefix);
	if (r == 0)
		r = s3_versions(s->s3, prefix, NULL, on_keep, &k, e);
	/* and the records that no object of ckp/ surely holds */
	tail = s->ckp_upto;
	(void)snprintf(prefix, sizeof(prefix), "%slog/", s->prefix);
	s3_name(s, after, "log", tail ? tail - 1 : 0);
	if (r == 0)
		r = s3_versions(s->s3, prefix, tail ? after : NULL, on_keep, &k, e);
	if (r == 0)
		r = s3_lock_all(s, k.names.p, k.names.len, until, e);
	for (size_t i = 0; i < k.names.len; i++) {
		const struct s3_retain_one *one = VEC_AT(&k.names, struct s3_retain_one, i);

		free((void *)(uintptr_t)one->key);
		free((void *)(uintptr_t)one->version);
	}
	vec_free(&k.names);
	return r;
}
