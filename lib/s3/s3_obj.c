/* Objects, lists and locks: what each call says and expects. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "s3/s3_int.h"

enum { ANSWER = S3_XML_MAX };

static void
take_meta(const struct s3_call *c, struct s3_meta *ret)
{
	if (ret)
		*ret = c->meta;
}

int
s3_put(struct s3 *s, const char *key, const void *p, size_t n, const struct s3_put *o,
    struct s3_meta *ret, struct err *e)
{
	struct s3_call AUTO(s3_call_free) c = {0};
	char until[S3_TIME_TEXT];
	int r;

	s3_call_init(&c, "PUT", key);
	c.body = p;
	c.body_len = n;
	c.md5 = true;
	if (o->until)
		s3_call_lock(&c, o->until, until);
	if (o->fresh)
		s3_call_header(&c, "if-none-match", "*");
	r = s3_call_run(s, &c, e);
	if (r == 0)
		take_meta(&c, ret);
	return r;
}

static void
version(struct s3_call *c, const char *v)
{
	if (v && *v)
		s3_call_query(c, "versionId", v);
}

int
s3_get(struct s3 *s, const char *key, const char *v, struct buf *b, struct s3_meta *ret,
    struct err *e)
{
	struct s3_call AUTO(s3_call_free) c = {0};
	int r;

	s3_call_init(&c, "GET", key);
	version(&c, v);
	c.into = b;
	r = s3_call_run(s, &c, e);
	if (r == 0)
		take_meta(&c, ret);
	return r;
}

int
s3_get_all(struct s3 *s, struct s3_get_one *v, size_t n, struct err *e)
{
	struct s3_call *w = calloc(s->parallel, sizeof(*w));
	size_t begun = 0;

	if (!w)
		return err_set(e, E_NOMEM, "no memory");
	for (size_t i = 0; i < n; i++) {
		struct s3_call *c = &w[i % s->parallel];

		for (; begun < n && begun < i + s->parallel; begun++) {
			struct s3_call *b = &w[begun % s->parallel];

			s3_call_init(b, "GET", v[begun].key);
			version(b, v[begun].version);
			b->into = v[begun].b;
			v[begun].code = s3_call_start(s, b, NULL);
		}
		if (v[i].code == 0)
			v[i].code = s3_call_wait(s, c, NULL);
		s3_call_free(c);
	}
	free(w);
	return 0;
}

int
s3_read(struct s3 *s, const char *key, const char *v, uint64_t off, void *p, size_t n,
    struct err *e)
{
	struct s3_call AUTO(s3_call_free) c = {0};
	char range[64];

	if (n == 0)
		return 0;
	s3_call_init(&c, "GET", key);
	version(&c, v);
	(void)snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)off,
	    (unsigned long long)(off + n - 1));
	s3_call_header(&c, "range", range);
	c.p = p;
	c.n = n;
	return s3_call_run(s, &c, e);
}

int
s3_head(struct s3 *s, const char *key, const char *v, struct s3_meta *ret, struct err *e)
{
	struct s3_call AUTO(s3_call_free) c = {0};
	int r;

	s3_call_init(&c, "HEAD", key);
	version(&c, v);
	r = s3_call_run(s, &c, e);
	if (r == 0)
		take_meta(&c, ret);
	return r;
}

int
s3_head_all(struct s3 *s, struct s3_head_one *v, size_t n, struct err *e)
{
	struct s3_call *w = calloc(s->parallel, sizeof(*w));
	size_t begun = 0;

	if (!w)
		return err_set(e, E_NOMEM, "no memory");
	for (size_t i = 0; i < n; i++) {
		struct s3_call *c = &w[i % s->parallel];

		for (; begun < n && begun < i + s->parallel; begun++) {
			struct s3_call *b = &w[begun % s->parallel];

			s3_call_init(b, "HEAD", v[begun].key);
			version(b, v[begun].version);
			v[begun].code = s3_call_start(s, b, NULL);
		}
		if (v[i].code == 0)
			v[i].code = s3_call_wait(s, c, NULL);
		if (v[i].code == 0)
			take_meta(c, &v[i].meta);
		s3_call_free(c);
	}
	free(w);
	return 0;
}

/* ---- lists ---- */

/* A walk must go forward: a store that sends the same page for ever is stopped. */
struct forward {
	s3_entry_fn *fn;
	void *cookie;
	char last[S3_KEY_MAX];
	uint64_t lines;
};

static int
forward(const struct s3_entry *en, void *cookie, struct err *e)
{
	struct forward *f = cookie;

	if (strcmp(en->key, f->last) < 0)
		return err_set(e, E_PROTO, "the store's list is not in order");
	(void)memcpy(f->last, en->key, sizeof(f->last));
	f->lines++;
	return f->fn(en, f->cookie, e);
}

static int
one_page(struct s3 *s, struct s3_call *c, struct s3_page *page, s3_entry_fn *fn, void *cookie,
    struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, ANSWER);
	c->into = &b;
	r = s3_call_run(s, c, e);
	return r < 0 ? r : s3_xml_list(b.p, b.len, page, fn, cookie, e);
}

int
s3_list(struct s3 *s, const char *prefix, const char *after, s3_entry_fn *fn, void *cookie,
    struct err *e)
{
	struct forward f = {.fn = fn, .cookie = cookie};
	struct s3_page page = {0}, next;
	int r;

	do {
		struct s3_call AUTO(s3_call_free) c = {0};
		uint64_t before = f.lines;

		s3_call_init(&c, "GET", NULL);
		s3_call_query(&c, "list-type", "2");
		s3_call_query(&c, "encoding-type", "url");
		s3_call_query(&c, "prefix", prefix);
		if (page.token[0])
			s3_call_query(&c, "continuation-token", page.token);
		else if (after)
			s3_call_query(&c, "start-after", after);
		r = one_page(s, &c, &next, forward, &f, e);
		if (r == 0 && next.more && (f.lines == before || !next.token[0]))
			r = err_set(e, E_PROTO, "the store's list does not go on");
		page = next;
	} while (r == 0 && page.more);
	return r;
}

int
s3_versions(struct s3 *s, const char *prefix, const char *after, s3_entry_fn *fn, void *cookie,
    struct err *e)
{
	struct forward f = {.fn = fn, .cookie = cookie};
	struct s3_page page = {0}, next;
	int r;

	if (after)
		(void)snprintf(page.key, sizeof(page.key), "%s", after);
	do {
		struct s3_call AUTO(s3_call_free) c = {0};
		uint64_t before = f.lines;

		s3_call_init(&c, "GET", NULL);
		s3_call_query(&c, "versions", "");
		s3_call_query(&c, "encoding-type", "url");
		s3_call_query(&c, "prefix", prefix);
		if (page.key[0])
			s3_call_query(&c, "key-marker", page.key);
		if (page.version[0])
			s3_call_query(&c, "version-id-marker", page.version);
		r = one_page(s, &c, &next, forward, &f, e);
		if (r == 0 && next.more && (f.lines == before || !next.key[0]))
			r = err_set(e, E_PROTO, "the store's list does not go on");
		page = next;
	} while (r == 0 && page.more);
	return r;
}

/* ---- locks ---- */

struct retain {
	struct s3_call c;
	char body[160];
	struct s3_retain_one *one;
};

static void
until_text(int64_t until, char out[S3_TIME_TEXT])
{
	char full[TIME_TEXT];

	time_put_utc(full, until + TIME_SEC - 1);
	(void)snprintf(out, S3_TIME_TEXT, "%.19sZ", full);
}

static int
retain_start(struct s3 *s, struct retain *t, int64_t until, struct err *e)
{
	char text[S3_TIME_TEXT];
	int n;

	until_text(t->one->until ? t->one->until : until, text);
	n = snprintf(t->body, sizeof(t->body), "<Retention xmlns=\"http://s3.amazonaws.com/doc/"
	    "2006-03-01/\"><Mode>COMPLIANCE</Mode><RetainUntilDate>%s</RetainUntilDate>"
	    "</Retention>", text);

	s3_call_init(&t->c, "PUT", t->one->key);
	s3_call_query(&t->c, "retention", "");
	version(&t->c, t->one->version);
	t->c.body = t->body;
	t->c.body_len = (uint64_t)n;
	t->c.md5 = true;
	return s3_call_start(s, &t->c, e);
}

/* longer(s, one, until): Whether the object is locked for as long already: then the store refused
 * to shorten it, which is what a lock is for. */
static bool
longer(struct s3 *s, const struct s3_retain_one *one, int64_t until)
{
	struct s3_call AUTO(s3_call_free) c = {0};
	struct buf AUTO(buf_free) b = {0};
	struct s3_xml_lock l;

	buf_init(&b, 1 << 16);
	s3_call_init(&c, "GET", one->key);
	s3_call_query(&c, "retention", "");
	version(&c, one->version);
	c.into = &b;
	return s3_call_run(s, &c, NULL) == 0 && s3_xml_lock(b.p, b.len, &l, NULL) == 0 &&
	    l.compliance && l.until >= until;
}

static int
retain_end(struct s3 *s, struct retain *t, int64_t until, struct err *e)
{
	struct err mine = {0};
	int r = s3_call_wait(s, &t->c, &mine);

	s3_call_free(&t->c);
	if (r < 0 && r != E_NOENT && longer(s, t->one, t->one->until ? t->one->until : until))
		r = 0;
	if (r < 0 && e)
		*e = mine;
	t->one->code = r;
	return r;
}

int
s3_retain_all(struct s3 *s, struct s3_retain_one *v, size_t n, int64_t until, struct err *e)
{
	struct retain *window = calloc(s->parallel, sizeof(*window));
	size_t begun = 0;
	int first = 0;

	if (!window)
		return err_set(e, E_NOMEM, "no memory");
	for (size_t i = 0; i < n; i++) {
		int r = 0;

		for (; begun < n && begun < i + s->parallel && r == 0; begun++) {
			struct retain *t = &window[begun % s->parallel];

			t->one = &v[begun];
			r = retain_start(s, t, until, first == 0 ? e : NULL);
		}
		if (r < 0) { /* no memory: what was begun is waited for, the rest is not done */
			s3_call_free(&window[--begun % s->parallel].c);
			for (size_t k = begun; k < n; k++)
				v[k].code = r;
			first = first ? first : r;
			n = begun;
			if (i >= n)
				break;
		}
		r = retain_end(s, &window[i % s->parallel], until, first == 0 ? e : NULL);
		first = first ? first : r;
	}
	free(window);
	return first;
}

int
s3_retain(struct s3 *s, const char *key, const char *v, int64_t until, struct err *e)
{
	struct s3_retain_one one = {.key = key, .version = v};

	return s3_retain_all(s, &one, 1, until, e);
}

static int
bucket_ask(struct s3 *s, const char *what, struct s3_xml_lock *ret, struct err *e)
{
	struct s3_call AUTO(s3_call_free) c = {0};
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, 1 << 16);
	s3_call_init(&c, "GET", NULL);
	s3_call_query(&c, what, "");
	c.into = &b;
	r = s3_call_run(s, &c, e);
	if (r == E_NOENT && strcmp(c.refused.code, "NoSuchBucket") != 0) {
		*ret = (struct s3_xml_lock){0}; /* no such setting */
		return 0;
	}
	return r < 0 ? r : s3_xml_lock(b.p, b.len, ret, e);
}

int
s3_bucket(struct s3 *s, struct s3_bucket *ret, struct err *e)
{
	struct s3_xml_lock ver, lock;
	int r = bucket_ask(s, "versioning", &ver, e);

	if (r == 0)
		r = bucket_ask(s, "object-lock", &lock, e);
	if (r == 0)
		*ret = (struct s3_bucket){.versions = ver.versions, .locks = lock.enabled,
			.default_days = lock.days};
	return r;
}
