/* Large objects go up in parts: begun, or taken up where an earlier try stopped. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/vec.h"
#include "s3/s3_int.h"

enum { PARTS = 10000 };

struct part {
	char etag[S3_ETAG_MAX]; /* of the part in the store */
	char there[S3_ETAG_MAX]; /* of a part that an earlier try left there */
	uint64_t there_size;
};

struct up {
	struct s3 *s;
	const char *key;
	int fd;
	uint64_t n;
	char id[S3_ID_MAX];
	int64_t begun;
	struct part *parts;
	unsigned count;
};

static uint64_t
part_len(const struct up *u, unsigned i)
{
	uint64_t off = (uint64_t)i * S3_PART;

	return u->n - off < S3_PART ? u->n - off : S3_PART;
}

/* ---- what an earlier try left ---- */

static int
on_upload(const struct s3_entry *en, void *cookie, struct err *e)
{
	struct up *u = cookie;

	(void)e;
	if (strcmp(en->key, u->key) == 0 && en->modified >= u->begun) {
		u->begun = en->modified;
		(void)memcpy(u->id, en->version, sizeof(u->id));
	}
	return 0;
}

static int
on_part(const struct s3_entry *en, void *cookie, struct err *e)
{
	struct up *u = cookie;

	(void)e;
	if (en->part >= 1 && en->part <= u->count) {
		struct part *p = &u->parts[en->part - 1];

		(void)memcpy(p->there, en->etag, sizeof(p->there));
		p->there_size = en->size;
	}
	return 0;
}

static int
ask_list(struct up *u, struct s3_call *c, s3_entry_fn *fn, struct s3_page *page, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, S3_XML_MAX);
	c->into = &b;
	r = s3_call_run(u->s, c, e);
	return r < 0 ? r : s3_xml_list(b.p, b.len, page, fn, u, e);
}

static int
find_parts(struct up *u, struct err *e)
{
	struct s3_page page = {0};
	char last[16] = "";
	int r, pages = 0;

	do {
		struct s3_call AUTO(s3_call_free) c = {0};

		s3_call_init(&c, "GET", u->key);
		s3_call_query(&c, "uploadId", u->id);
		if (page.more)
			s3_call_query(&c, "part-number-marker", last);
		r = ask_list(u, &c, on_part, &page, e);
		(void)snprintf(last, sizeof(last), "%.15s", page.key);
	} while (r == 0 && page.more && ++pages < 20);
	return r;
}

/* begin(u, o, e): An upload to add parts to. One that was begun before and not finished is taken up
 * only when the new one asks for no other lock: the lock was said when it was begun. */
static int
begin(struct up *u, const struct s3_put *o, struct err *e)
{
	struct s3_call AUTO(s3_call_free) c = {0};
	struct buf AUTO(buf_free) b = {0};
	char until[S3_TIME_TEXT];
	int r;

	buf_init(&b, 1 << 16);
	s3_call_init(&c, "POST", u->key);
	s3_call_query(&c, "uploads", "");
	if (o->until)
		s3_call_lock(&c, o->until, until);
	c.into = &b;
	r = s3_call_run(u->s, &c, e);
	return r < 0 ? r : s3_xml_upload(b.p, b.len, u->id, e);
}

static void
take_up(struct up *u)
{
	struct s3_call AUTO(s3_call_free) c = {0};
	struct s3_page page;

	s3_call_init(&c, "GET", NULL);
	s3_call_query(&c, "uploads", "");
	s3_call_query(&c, "encoding-type", "url");
	s3_call_query(&c, "prefix", u->key);
	if (ask_list(u, &c, on_upload, &page, NULL) < 0 || !u->id[0] || find_parts(u, NULL) < 0)
		u->id[0] = 0; /* then it begins anew */
}

/* ---- sending ---- */

struct sending {
	struct s3_call c;
	char no[16];
	bool skipped;
};

static int
part_start(struct up *u, struct sending *t, unsigned i, struct err *e)
{
	struct part *p = &u->parts[i];
	char hex[33];
	uint8_t md5[16];
	int r;

	s3_call_init(&t->c, "PUT", u->key);
	(void)snprintf(t->no, sizeof(t->no), "%u", i + 1);
	s3_call_query(&t->c, "partNumber", t->no);
	s3_call_query(&t->c, "uploadId", u->id);
	t->c.fd = u->fd;
	t->c.fd_off = (uint64_t)i * S3_PART;
	t->c.body_len = part_len(u, i);
	t->c.md5 = true;
	t->skipped = false;
	if (p->there[0] && p->there_size == t->c.body_len) {
		r = s3_call_digest(&t->c, md5, e);
		if (r < 0)
			return r;
		hex_put(hex, md5, sizeof(md5));
		if (strcmp(hex, p->there) == 0) {
			(void)memcpy(p->etag, p->there, sizeof(p->etag));
			t->skipped = true;
			return 0;
		}
	}
	return s3_call_start(u->s, &t->c, e);
}

static int
part_end(struct up *u, struct sending *t, unsigned i, struct err *e)
{
	int r = 0;

	if (!t->skipped) {
		r = s3_call_wait(u->s, &t->c, e);
		if (r == 0)
			(void)memcpy(u->parts[i].etag, t->c.meta.etag, S3_ETAG_MAX);
	}
	s3_call_free(&t->c);
	return r;
}

static int
send_parts(struct up *u, struct err *e)
{
	struct sending *w = calloc(u->count, sizeof(*w));
	unsigned begun = 0;
	int first = 0;

	if (!w)
		return err_set(e, E_NOMEM, "no memory");
	for (; begun < u->count && first == 0; begun++) {
		first = part_start(u, &w[begun], begun, e);
		if (first < 0) {
			s3_call_free(&w[begun].c);
			break;
		}
		if (begun >= u->s->parallel)
			first = part_end(u, &w[begun - u->s->parallel], begun - u->s->parallel, e);
	}
	for (unsigned i = begun > u->s->parallel ? begun - u->s->parallel : 0; i < begun; i++) {
		int r = w[i].c.method && w[i].c.s3 ? part_end(u, &w[i], i, first ? NULL : e) : 0;

		first = first ? first : r;
	}
	free(w);
	return first;
}

static int
complete(struct up *u, const struct s3_put *o, struct s3_meta *ret, struct err *e)
{
	struct s3_call AUTO(s3_call_free) c = {0};
	struct buf AUTO(buf_free) body = {0};
	struct buf AUTO(buf_free) b = {0};
	struct s3_xml_error why;
	int r;

	buf_init(&body, 4 << 20);
	buf_init(&b, 1 << 16);
	r = buf_str(&body, "<CompleteMultipartUpload>", e);
	for (unsigned i = 0; i < u->count && r == 0; i++)
		r = buf_fmt(&body, e, "<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag></Part>",
		    i + 1, u->parts[i].etag);
	if (r == 0)
		r = buf_str(&body, "</CompleteMultipartUpload>", e);
	if (r < 0)
		return r;
	s3_call_init(&c, "POST", u->key);
	s3_call_query(&c, "uploadId", u->id);
	c.body = body.p;
	c.body_len = body.len;
	if (o->fresh)
		s3_call_header(&c, "if-none-match", "*");
	c.into = &b;
	r = s3_call_run(u->s, &c, e);
	if (r == 0)
		r = s3_xml_done(b.p, b.len, &why, e);
	if (r == 0 && ret)
		*ret = c.meta;
	return r;
}

int
s3_put_file(struct s3 *s, const char *key, int fd, uint64_t n, const struct s3_put *o,
    struct s3_meta *ret, struct err *e)
{
	struct up u = {.s = s, .key = key, .fd = fd, .n = n};
	int r = 0;

	if (n <= S3_PART) {
		struct s3_call AUTO(s3_call_free) c = {0};
		char until[S3_TIME_TEXT];

		s3_call_init(&c, "PUT", key);
		c.fd = fd;
		c.body_len = n;
		c.md5 = true;
		if (o->until)
			s3_call_lock(&c, o->until, until);
		if (o->fresh)
			s3_call_header(&c, "if-none-match", "*");
		r = s3_call_run(s, &c, e);
		if (r == 0 && ret)
			*ret = c.meta;
		return r;
	}
	if (n > (uint64_t)PARTS * S3_PART)
		return err_set(e, E_LIMIT, "an object of more than %d parts", PARTS);
	u.count = (unsigned)((n + S3_PART - 1) / S3_PART);
	u.parts = calloc(u.count, sizeof(*u.parts));
	if (!u.parts)
		return err_set(e, E_NOMEM, "no memory");
	take_up(&u);
	if (!u.id[0])
		r = begin(&u, o, e);
	if (r == 0)
		r = send_parts(&u, e);
	if (r == 0)
		r = complete(&u, o, ret, e);
	/* an upload that was taken up was begun with an older lock */
	if (r == 0 && o->until && u.begun)
		r = s3_retain(s, key, ret ? ret->version : NULL, o->until, e);
	free(u.parts);
	return r;
}
