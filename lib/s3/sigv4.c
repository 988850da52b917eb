#include "s3/sigv4.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/digest.h"

static const char algorithm[] = "AWS4-HMAC-SHA256";

void
sigv4_stamp(int64_t us, char out[SIGV4_STAMP])
{
	time_t t = (time_t)(us / TIME_SEC);
	struct tm tm = {0};

	(void)gmtime_r(&t, &tm);
	if (strftime(out, SIGV4_STAMP, "%Y%m%dT%H%M%SZ", &tm) == 0)
		(void)memcpy(out, "00000000T000000Z", SIGV4_STAMP);
}

/* ---- encoding ---- */

static bool
unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    c == '-' || c == '_' || c == '.' || c == '~';
}

int
sigv4_encode(struct buf *b, const char *s, size_t n, bool slash, struct err *e)
{
	static const char digit[] = "0123456789ABCDEF";
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		unsigned char c = (unsigned char)s[i];

		if (unreserved(c) || (slash && c == '/')) {
			r = buf_u8(b, c, e);
		} else {
			char x[3] = {'%', digit[c >> 4], digit[c & 15]};

			r = buf_put(b, x, 3, e);
		}
	}
	return r;
}

/* One pair of a query or of the headers, in the form that is signed. */
struct item {
	struct buf name, value;
	size_t order; /* where it stood; equal headers keep their order */
};

struct items {
	struct item v[SIGV4_MAX_PAIRS];
	size_t n;
};

static void
items_free(struct items *t)
{
	for (size_t i = 0; i < t->n; i++) {
		buf_free(&t->v[i].name);
		buf_free(&t->v[i].value);
	}
}

static struct item *
items_add(struct items *t)
{
	struct item *it = &t->v[t->n];

	buf_init(&it->name, 8192);
	buf_init(&it->value, 32768);
	it->order = t->n++;
	return it;
}

static int
bytes_cmp(const struct buf *a, const struct buf *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c = n ? memcmp(a->p, b->p, n) : 0;

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

/* sort(t, by_value): By name; then by value (a query) or as they stood (headers). Few items. */
static void
sort(struct items *t, bool by_value)
{
	for (size_t i = 1; i < t->n; i++) {
		struct item it = t->v[i];
		size_t k = i;

		for (; k > 0; k--) {
			int c = bytes_cmp(&t->v[k - 1].name, &it.name);

			if (c == 0 && by_value)
				c = bytes_cmp(&t->v[k - 1].value, &it.value);
			if (c <= 0)
				break;
			t->v[k] = t->v[k - 1];
		}
		t->v[k] = it;
	}
}

int
sigv4_query(struct buf *b, const struct sigv4_pair *query, size_t n, struct err *e)
{
	struct items AUTO(items_free) t = {.n = 0};
	int r = 0;

	if (n > SIGV4_MAX_PAIRS)
		return err_set(e, E_LIMIT, "more than %d parameters", SIGV4_MAX_PAIRS);
	for (size_t i = 0; i < n && r == 0; i++) {
		struct item *it = items_add(&t);

		r = sigv4_encode(&it->name, query[i].name, strlen(query[i].name), false, e);
		if (r == 0)
			r = sigv4_encode(&it->value, query[i].value, strlen(query[i].value), false,
			    e);
	}
	sort(&t, true);
	for (size_t i = 0; i < t.n && r == 0; i++) {
		if (i > 0)
			r = buf_u8(b, '&', e);
		if (r == 0)
			r = buf_put(b, t.v[i].name.p, t.v[i].name.len, e);
		if (r == 0)
			r = buf_u8(b, '=', e);
		if (r == 0)
			r = buf_put(b, t.v[i].value.p, t.v[i].value.len, e);
	}
	return r;
}

/* ---- the path ---- */

/* normal(path, out, e): Without empty, "." and ".." parts (RFC 3986 6.2.2.3). */
static int
normal(const char *path, struct buf *out, struct err *e)
{
	size_t n = strlen(path);
	int r = 0;

	for (size_t i = 0; i < n && r == 0;) {
		const char *part;
		size_t len;

		while (i < n && path[i] == '/')
			i++;
		part = path + i;
		len = strcspn(part, "/");
		i += len;
		if (len == 0 || (len == 1 && part[0] == '.'))
			continue;
		if (len == 2 && part[0] == '.' && part[1] == '.') {
			while (out->len > 0 && out->p[--out->len] != '/')
				;
			continue;
		}
		r = buf_u8(out, '/', e);
		if (r == 0)
			r = buf_put(out, part, len, e);
	}
	if (r == 0 && (out->len == 0 || (n > 1 && path[n - 1] == '/')))
		r = buf_u8(out, '/', e);
	return r;
}

static int
canonical_path(const struct sigv4 *s, struct buf *b, struct err *e)
{
	struct buf AUTO(buf_free) norm = {0};
	struct buf AUTO(buf_free) once = {0};
	int r;

	if (s->plain_path)
		return sigv4_encode(b, s->path, strlen(s->path), true, e);
	buf_init(&norm, 8192);
	buf_init(&once, 32768);
	r = normal(s->path, &norm, e);
	if (r == 0)
		r = sigv4_encode(&once, (const char *)norm.p, norm.len, true, e);
	/* encoded twice: here for the address, there for the signature */
	return r < 0 ? r : sigv4_encode(b, (const char *)once.p, once.len, true, e);
}

/* ---- headers ---- */

static int
trimmed(struct buf *b, const char *v, struct err *e)
{
	int r = 0;
	bool gap = false;

	for (; *v && r == 0; v++) {
		if (*v == ' ' || *v == '\t' || *v == '\n' || *v == '\r') {
			gap = b->len > 0;
			continue;
		}
		if (gap)
			r = buf_u8(b, ' ', e);
		gap = false;
		if (r == 0)
			r = buf_u8(b, (uint8_t)*v, e);
	}
	return r;
}

static int
headers(const struct sigv4 *s, struct items *t, struct err *e)
{
	bool host = false;
	int r = 0;

	if (s->nheaders > SIGV4_MAX_PAIRS)
		return err_set(e, E_LIMIT, "more than %d headers", SIGV4_MAX_PAIRS);
	for (size_t i = 0; i < s->nheaders && r == 0; i++) {
		struct item *it = items_add(t);

		for (const char *c = s->headers[i].name; *c && r == 0; c++)
			r = buf_u8(&it->name,
			    (uint8_t)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c), e);
		if (r == 0)
			r = trimmed(&it->value, s->headers[i].value, e);
		if (strcasecmp(s->headers[i].name, "host") == 0)
			host = true;
	}
	if (r == 0 && !host)
		return err_set(e, E_INVAL, "a request without host cannot be signed");
	sort(t, false);
	return r;
}

/* put_headers(t, b, e): "name:value" lines; several of one name are one line. */
static int
put_headers(const struct items *t, struct buf *b, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++) {
		bool more = i > 0 && bytes_cmp(&t->v[i - 1].name, &t->v[i].name) == 0;

		if (!more)
			r = buf_put(b, t->v[i].name.p, t->v[i].name.len, e);
		if (r == 0)
			r = buf_u8(b, more ? ',' : ':', e);
		if (r == 0)
			r = buf_put(b, t->v[i].value.p, t->v[i].value.len, e);
		if (r == 0 && (i + 1 == t->n || bytes_cmp(&t->v[i].name, &t->v[i + 1].name) != 0))
			r = buf_u8(b, '\n', e);
	}
	return r;
}

static int
put_names(const struct items *t, struct buf *b, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++) {
		if (i > 0 && bytes_cmp(&t->v[i - 1].name, &t->v[i].name) == 0)
			continue;
		if (i > 0)
			r = buf_u8(b, ';', e);
		if (r == 0)
			r = buf_put(b, t->v[i].name.p, t->v[i].name.len, e);
	}
	return r;
}

/* ---- the three steps ---- */

int
sigv4_canonical(const struct sigv4 *s, struct buf *b, struct err *e)
{
	struct items AUTO(items_free) t = {.n = 0};
	int r = headers(s, &t, e);

	if (r == 0)
		r = buf_fmt(b, e, "%s\n", s->method);
	if (r == 0)
		r = canonical_path(s, b, e);
	if (r == 0)
		r = buf_u8(b, '\n', e);
	if (r == 0)
		r = sigv4_query(b, s->query, s->nquery, e);
	if (r == 0)
		r = buf_u8(b, '\n', e);
	if (r == 0)
		r = put_headers(&t, b, e);
	if (r == 0)
		r = buf_u8(b, '\n', e);
	if (r == 0)
		r = put_names(&t, b, e);
	return r < 0 ? r : buf_fmt(b, e, "\n%s", s->payload);
}

int
sigv4_to_sign(const struct sigv4 *s, struct buf *b, struct err *e)
{
	struct buf AUTO(buf_free) c = {0};
	uint8_t sum[DIGEST_LEN];
	char stamp[SIGV4_STAMP], hex[2 * DIGEST_LEN + 1];
	int r;

	buf_init(&c, 1 << 20);
	r = sigv4_canonical(s, &c, e);
	if (r < 0)
		return r;
	digest_sha256(c.p, c.len, sum);
	hex_put(hex, sum, sizeof(sum));
	sigv4_stamp(s->at, stamp);
	return buf_fmt(b, e, "%s\n%s\n%.8s/%s/%s/aws4_request\n%s", algorithm, stamp, stamp,
	    s->region, s->service, hex);
}

static int
hmac(const void *key, size_t nkey, const void *p, size_t n, uint8_t out[DIGEST_LEN], struct err *e)
{
	struct hmac *h = NULL;
	int r = hmac_new(key, nkey, &h, e);

	if (r < 0)
		return r;
	hmac_of(h, p, n, out);
	hmac_free(h);
	return 0;
}

static int
signing_key(const struct sigv4 *s, const char *stamp, uint8_t out[DIGEST_LEN], struct err *e)
{
	struct buf AUTO(buf_free) first = {0};
	int r;

	buf_init(&first, 4096);
	r = buf_fmt(&first, e, "AWS4%s", s->secret);
	if (r == 0)
		r = hmac(first.p, first.len, stamp, 8, out, e);
	if (r == 0)
		r = hmac(out, DIGEST_LEN, s->region, strlen(s->region), out, e);
	if (r == 0)
		r = hmac(out, DIGEST_LEN, s->service, strlen(s->service), out, e);
	if (r == 0)
		r = hmac(out, DIGEST_LEN, "aws4_request", 12, out, e);
	if (first.p)
		explicit_bzero(first.p, first.len);
	return r;
}

int
sigv4_sign(const struct sigv4 *s, struct buf *b, struct err *e)
{
	struct buf AUTO(buf_free) text = {0};
	struct items AUTO(items_free) t = {.n = 0};
	uint8_t key[DIGEST_LEN], sig[DIGEST_LEN];
	char stamp[SIGV4_STAMP], hex[2 * DIGEST_LEN + 1];
	int r;

	buf_init(&text, 8192);
	sigv4_stamp(s->at, stamp);
	r = sigv4_to_sign(s, &text, e);
	if (r == 0)
		r = signing_key(s, stamp, key, e);
	if (r == 0)
		r = hmac(key, sizeof(key), text.p, text.len, sig, e);
	explicit_bzero(key, sizeof(key));
	if (r == 0)
		r = headers(s, &t, e);
	if (r == 0)
		r = buf_fmt(b, e, "%s Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=",
		    algorithm, s->access, stamp, s->region, s->service);
	if (r == 0)
		r = put_names(&t, b, e);
	if (r < 0)
		return r;
	hex_put(hex, sig, sizeof(sig));
	return buf_fmt(b, e, ", Signature=%s", hex);
}
