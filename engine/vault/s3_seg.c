/* Segments in an object store: which version of the name is the segment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "vault/s3_int.h"

enum { COMPARE = 1 << 20, MAX_VERSIONS = 10000, ONE_BY_ONE = 48 };

static struct s3_store *
of(struct store *st)
{
	return (struct s3_store *)(void *)((char *)st - offsetof(struct s3_store, st));
}

void
s3_seg_name(const struct s3_store *s, char out[S3L_NAME], const uint8_t id[FMT_ID_LEN])
{
	char hex[2 * FMT_ID_LEN + 1];

	hex_put(hex, id, FMT_ID_LEN);
	(void)snprintf(out, S3L_NAME, "%sseg/%s", s->prefix, hex);
}

/* ---- what is known ---- */

static bool
known(struct s3_store *s, const uint8_t id[FMT_ID_LEN], struct s3_seg *ret)
{
	const struct s3_seg *at;

	(void)pthread_mutex_lock(&s->mu);
	at = map_get(&s->segs, id, FMT_ID_LEN);
	if (at)
		*ret = *at;
	(void)pthread_mutex_unlock(&s->mu);
	return at != NULL;
}

static int
note(struct s3_store *s, const uint8_t id[FMT_ID_LEN], const struct s3_seg *at, struct err *e)
{
	struct s3_seg *old, *own = malloc(sizeof(*own));
	int r;

	if (!own)
		return err_set(e, E_NOMEM, "no memory");
	*own = *at;
	(void)pthread_mutex_lock(&s->mu);
	old = map_get(&s->segs, id, FMT_ID_LEN);
	r = map_put(&s->segs, id, FMT_ID_LEN, own, e);
	(void)pthread_mutex_unlock(&s->mu);
	free(r < 0 ? own : old);
	return r;
}

static void
forget(struct s3_store *s, struct map *m)
{
	size_t pos = 0;
	void *p;

	(void)s;
	while ((p = map_each(m, &pos, NULL, NULL)))
		free(p);
	map_free(m);
}

void
s3_seg_forget_all(struct s3_store *s)
{
	forget(s, &s->segs);
	forget(s, &s->roots);
}

int
s3_seg_learn(struct s3_store *s, const struct ledger_fmt_rec *rec, struct err *e)
{
	struct fmt_segment_rec sr;
	struct s3_root *root;
	int r = 0;

	/* what makes no sense here is for the reader of the log to judge */
	if (rec->type != FMT_LOG_SEGMENT ||
	    fmt_segment_rec_get(rec->payload, rec->payload_len, &sr, NULL) < 0)
		return 0;
	(void)pthread_mutex_lock(&s->mu);
	if (!map_get(&s->roots, sr.seg, FMT_ID_LEN)) {
		root = malloc(sizeof(*root));
		r = root ? 0 : err_set(e, E_NOMEM, "no memory");
		if (r == 0) {
			root->npages = sr.npages;
			(void)memcpy(root->root, sr.root, FMT_HASH_LEN);
			r = map_put(&s->roots, sr.seg, FMT_ID_LEN, root, e);
			if (r < 0)
				free(root);
		}
	}
	(void)pthread_mutex_unlock(&s->mu);
	return r;
}

/* ---- finding the version ---- */

struct versions {
	const char *name;
	struct vec v; /* struct s3_seg, newest first */
};

static int
on_version(const struct s3_entry *en, void *cookie, struct err *e)
{
	struct versions *vs = cookie;
	struct s3_seg *one;

	if (en->delete_marker || strcmp(en->key, vs->name) != 0)
		return 0;
	one = vec_add(&vs->v);
	if (!one)
		return err_set(e, E_LIMIT, "%s: too many versions", vs->name);
	one->size = en->size;
	(void)memcpy(one->version, en->version, sizeof(one->version));
	return 0;
}

/* claims(s, name, at, id): Whether this version says that it is what the log lists: by its size and
 * the root in its footer. (That its bytes are true to the root is for the scrub to find.) */
static int
claims(struct s3_store *s, const char *name, const struct s3_seg *at, const uint8_t id[FMT_ID_LEN],
    const struct s3_root *want, struct err *e)
{
	uint8_t b[FMT_HEADER_LEN];
	struct fmt_footer f;
	int r;

	if (at->size != fmt_seg_size(want->npages))
		return 0;
	r = s3_read(s->s3, name, at->version, at->size - FMT_HEADER_LEN, b, sizeof(b), e);
	if (r == E_NOENT || r == E_CORRUPT)
		return 0;
	if (r < 0)
		return r;
	return fmt_footer_get(b, &f, NULL) == 0 && memcmp(f.seg, id, FMT_ID_LEN) == 0 &&
	    memcmp(f.root, want->root, FMT_HASH_LEN) == 0;
}

/* choose(s, id, vs, ret, e): Of several versions the oldest one that claims to be the segment, else
 * the oldest: whoever came later overwrote. */
static int
choose(struct s3_store *s, const uint8_t id[FMT_ID_LEN], const struct versions *vs,
    struct s3_seg *ret, struct err *e)
{
	struct s3_root want = {0};
	const struct s3_root *root;

	*ret = *VEC_AT(&vs->v, struct s3_seg, vs->v.len - 1);
	(void)pthread_mutex_lock(&s->mu);
	root = map_get(&s->roots, id, FMT_ID_LEN);
	if (root)
		want = *root;
	(void)pthread_mutex_unlock(&s->mu);
	if (vs->v.len == 1 || !root)
		return 0;
	for (size_t k = vs->v.len; k > 0; k--) {
		const struct s3_seg *one = VEC_AT(&vs->v, struct s3_seg, k - 1);
		int r = claims(s, vs->name, one, id, &want, e);

		if (r < 0)
			return r;
		if (r > 0) {
			*ret = *one;
			return 0;
		}
	}
	return 0;
}

/* seg_find(s, id, ret, e): E_NOENT. */
static int
seg_find(struct s3_store *s, const uint8_t id[FMT_ID_LEN], struct s3_seg *ret, struct err *e)
{
	char name[S3L_NAME];
	struct versions vs = {.name = name};
	int r;

	if (known(s, id, ret))
		return 0;
	vec_init(&vs.v, sizeof(struct s3_seg), MAX_VERSIONS);
	s3_seg_name(s, name, id);
	r = s3_versions(s->s3, name, NULL, on_version, &vs, e);
	if (r == 0 && vs.v.len == 0)
		r = err_set(e, E_NOENT, "%s: the segment is not in the store", name);
	if (r == 0)
		r = choose(s, id, &vs, ret, e);
	if (r == 0)
		r = note(s, id, ret, e);
	vec_free(&vs.v);
	return r;
}

/* ---- the operations ---- */

/* same(s, name, at, fd, size, e): Whether the store holds exactly the file. */
static int
same(struct s3_store *s, const char *name, const struct s3_seg *at, int fd, uint64_t size,
    struct err *e)
{
	uint8_t *a, *b;
	int r = 1;

	if (at->size != size)
		return 0;
	a = malloc(2 * COMPARE);
	if (!a)
		return err_set(e, E_NOMEM, "no memory");
	b = a + COMPARE;
	for (uint64_t off = 0; off < size && r > 0; off += COMPARE) {
		size_t n = size - off < COMPARE ? (size_t)(size - off) : COMPARE;
		int x = s3_read(s->s3, name, at->version, off, a, n, e);

		if (x < 0)
			r = x;
		else if (pread(fd, b, n, (off_t)off) != (ssize_t)n)
			r = err_sys(e, "reading a finished segment");
		else if (memcmp(a, b, n) != 0)
			r = 0;
	}
	free(a);
	return r;
}

int
s3_seg_put(struct store *st, const struct fmt_segment_rec *rec, int fd, int64_t retain_until,
    struct err *e)
{
	struct s3_store *s = of(st);
	uint64_t size = fmt_seg_size(rec->npages);
	struct s3_put o = {.fresh = true};
	struct s3_meta m = {0};
	struct s3_seg at = {.size = size};
	char name[S3L_NAME];
	int r;

	s3_seg_name(s, name, rec->seg);
	o.until = s3_lock_target(s, name, s3_until(s, retain_until));
	r = seg_find(s, rec->seg, &at, NULL);
	if (r == E_NOENT) {
		r = s3_put_file(s->s3, name, fd, size, &o, &m, e);
		if (r == 0 && m.version[0]) {
			at.size = size;
			(void)memcpy(at.version, m.version, sizeof(at.version));
			s3_lock_note(s, name, m.version, o.until);
			return note(s, rec->seg, &at, e);
		}
		if (r == 0 || r == E_EXIST)
			r = seg_find(s, rec->seg, &at, e);
	} else if (r < 0) {
		r = seg_find(s, rec->seg, &at, e); /* once more, with words */
	}
	if (r == 0)
		r = same(s, name, &at, fd, size, e);
	if (r == 0)
		return err_set(e, E_EXIST, "%s: something else has this name", name);
	if (r > 0)
		r = s3_retain(s->s3, name, at.version, o.until, e);
	if (r == 0)
		s3_lock_note(s, name, at.version, o.until);
	return r;
}

int
s3_seg_stat(struct store *st, const uint8_t id[FMT_ID_LEN], uint64_t *ret_size, struct err *e)
{
	struct s3_seg at;
	int r = seg_find(of(st), id, &at, e);

	if (r == 0)
		*ret_size = at.size;
	return r;
}

int
s3_seg_read(struct store *st, const uint8_t id[FMT_ID_LEN], uint64_t off, void *p, size_t n,
    struct err *e)
{
	struct s3_store *s = of(st);
	struct s3_seg at;
	char name[S3L_NAME];
	uint64_t end;
	int r = seg_find(s, id, &at, e);

	if (r < 0)
		return r;
	s3_seg_name(s, name, id);
	if (__builtin_add_overflow(off, n, &end) || end > at.size)
		return err_set(e, E_CORRUPT, "%s: the segment ends before", name);
	return s3_read(s->s3, name, at.version, off, p, n, e);
}

/* ---- all of them ---- */

struct all {
	struct s3_store *s;
	size_t skip;
	char name[S3L_NAME];
	uint8_t id[FMT_ID_LEN];
	struct versions vs;
	store_list_fn *fn;
	void *cookie;
};

static int
flush(struct all *a, struct err *e)
{
	struct s3_seg at;
	int r = 0;

	if (a->vs.v.len > 0) {
		a->vs.name = a->name;
		r = choose(a->s, a->id, &a->vs, &at, e);
		if (r == 0)
			r = note(a->s, a->id, &at, e);
		if (r == 0 && a->fn)
			r = a->fn(a->id, at.size, a->cookie, e);
	}
	a->vs.v.len = 0;
	return r;
}

static int
on_any(const struct s3_entry *en, void *cookie, struct err *e)
{
	struct all *a = cookie;
	uint8_t id[FMT_ID_LEN];
	int r = 0;

	if (strlen(en->key) != a->skip + 2 * FMT_ID_LEN ||
	    hex_get(id, FMT_ID_LEN, en->key + a->skip) < 0)
		return 0;
	if (strcmp(a->name, en->key) != 0) {
		r = flush(a, e);
		(void)snprintf(a->name, sizeof(a->name), "%.*s", S3L_NAME - 1, en->key);
		(void)memcpy(a->id, id, sizeof(id));
	}
	a->vs.name = a->name;
	return r < 0 ? r : on_version(en, &a->vs, e);
}

int
s3_seg_list(struct store *st, store_list_fn *fn, void *cookie, struct err *e)
{
	struct s3_store *s = of(st);
	struct all a = {.s = s, .fn = fn, .cookie = cookie};
	char prefix[S3L_NAME];
	int r;

	a.skip = (size_t)snprintf(prefix, sizeof(prefix), "%sseg/", s->prefix);
	vec_init(&a.vs.v, sizeof(struct s3_seg), MAX_VERSIONS);
	r = s3_versions(s->s3, prefix, NULL, on_any, &a, e);
	if (r == 0)
		r = flush(&a, e);
	vec_free(&a.vs.v);
	return r;
}

/* ---- locks ---- */

int
s3_seg_retain(struct store *st, const uint8_t (*ids)[FMT_ID_LEN], size_t n, int64_t until,
    struct err *e)
{
	struct s3_store *s = of(st);
	struct s3_retain_one *v = calloc(n ? n : 1, sizeof(*v));
	char (*names)[S3L_NAME] = calloc(n ? n : 1, sizeof(*names));
	struct s3_seg *at = calloc(n ? n : 1, sizeof(*at));
	int r = v && names && at ? 0 : err_set(e, E_NOMEM, "no memory");

	until = s3_until(s, until);
	if (r == 0 && n > ONE_BY_ONE)
		r = s3_seg_list(st, NULL, NULL, e);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = seg_find(s, ids[i], &at[i], e);
		s3_seg_name(s, names[i], ids[i]);
		v[i] = (struct s3_retain_one){.key = names[i], .version = at[i].version};
	}
	if (r == 0)
		r = s3_lock_all(s, v, n, until, e);
	if (r == 0)
		r = s3_log_retain(s, until, e);
	if (r == 0)
		s3_lock_save(s);
	free(v);
	free(names);
	free(at);
	return r;
}
