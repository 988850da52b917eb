/* One request: its address, headers and signature, and where its answer goes. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/secret.h"
#include "s3/s3_int.h"

enum { REFUSAL = 64 << 10, URL = 16 << 10 };

void
s3_call_init(struct s3_call *c, const char *method, const char *key)
{
	*c = (struct s3_call){.method = method, .key = key, .fd = -1};
	buf_init(&c->own, REFUSAL);
	buf_init(&c->url, URL);
	buf_init(&c->auth, URL);
}

void
s3_call_free(struct s3_call *c)
{
	buf_free(&c->own);
	buf_free(&c->url);
	buf_free(&c->auth);
	curl_slist_free_all(c->sent);
	c->sent = NULL;
}

void
s3_call_query(struct s3_call *c, const char *name, const char *value)
{
	if (c->nquery < S3_PAIRS)
		c->query[c->nquery++] = (struct sigv4_pair){name, value};
}

void
s3_call_header(struct s3_call *c, const char *name, const char *value)
{
	if (c->nheaders < S3_PAIRS)
		c->headers[c->nheaders++] = (struct sigv4_pair){name, value};
}

void
s3_call_lock(struct s3_call *c, int64_t until, char text[S3_TIME_TEXT])
{
	char full[TIME_TEXT];

	/* whole seconds, upwards: 2026-11-22T03:10:00Z */
	time_put_utc(full, until + TIME_SEC - 1);
	(void)snprintf(text, S3_TIME_TEXT, "%.19sZ", full);
	s3_call_header(c, "x-amz-object-lock-mode", "COMPLIANCE");
	s3_call_header(c, "x-amz-object-lock-retain-until-date", text);
	c->md5 = true;
}

/* ---- the body ---- */

int
s3_call_digest(struct s3_call *c, uint8_t md5[16], struct err *e)
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	struct digest *d = NULL;
	uint8_t sum[DIGEST_LEN], *block = NULL;
	uint64_t done = 0;
	int r = digest_new(&d, e);

	if (r == 0 && c->fd >= 0 && !(block = malloc(1 << 18)))
		r = err_set(e, E_NOMEM, "no memory");
	if (r == 0 && (!m || EVP_DigestInit_ex(m, EVP_md5(), NULL) != 1))
		r = err_set(e, E_SYS, "MD5 is not to be had; object stores ask for it with locks");
	while (r == 0 && done < c->body_len) {
		const uint8_t *p = c->body;
		size_t n = (size_t)c->body_len;

		if (c->fd >= 0) {
			size_t want = c->body_len - done < 1 << 18 ? (size_t)(c->body_len - done) :
			    1 << 18;
			ssize_t got = pread(c->fd, block, want, (off_t)(c->fd_off + done));

			if (got <= 0) {
				r = got < 0 ? err_sys(e, "reading what is to be sent") :
				    err_set(e, E_CORRUPT, "what is to be sent is too short");
				break;
			}
			p = block;
			n = (size_t)got;
		}
		digest_add(d, p, n);
		if (EVP_DigestUpdate(m, p, n) != 1)
			r = err_set(e, E_SYS, "MD5 failed");
		done += n;
	}
	if (r == 0 && EVP_DigestFinal_ex(m, md5, NULL) != 1)
		r = err_set(e, E_SYS, "MD5 failed");
	if (r == 0) {
		digest_end(d, sum);
		hex_put(c->sha, sum, sizeof(sum));
		(void)EVP_EncodeBlock((unsigned char *)c->md5_text, md5, 16);
	}
	free(block);
	digest_free(d);
	EVP_MD_CTX_free(m);
	return r;
}

static size_t
on_send(char *p, size_t size, size_t n, void *cookie)
{
	struct s3_call *c = cookie;
	uint64_t left = c->body_len - c->sent_body;
	ssize_t got;

	n *= size;
	if (n > left)
		n = (size_t)left;
	if (n == 0)
		return 0;
	if (c->fd < 0) {
		(void)memcpy(p, (const char *)c->body + c->sent_body, n);
		got = (ssize_t)n;
	} else {
		got = pread(c->fd, p, n, (off_t)(c->fd_off + c->sent_body));
	}
	if (got <= 0) {
		c->read_failed = true;
		return CURL_READFUNC_ABORT;
	}
	c->sent_body += (uint64_t)got;
	return (size_t)got;
}

static int
on_seek(void *cookie, curl_off_t off, int whence)
{
	struct s3_call *c = cookie;

	if (whence != SEEK_SET || off < 0 || (uint64_t)off > c->body_len)
		return CURL_SEEKFUNC_FAIL;
	c->sent_body = (uint64_t)off;
	return CURL_SEEKFUNC_OK;
}

/* ---- the answer ---- */

static size_t
on_body(char *p, size_t size, size_t n, void *cookie)
{
	struct s3_call *c = cookie;
	long st = 0;

	n *= size;
	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &st);
	if (st >= 300) { /* a refusal that goes on and on is cut */
		size_t room = c->own.max - c->own.len;

		return buf_put(&c->own, p, n < room ? n : room, NULL) < 0 ? 0 : n;
	}
	if (c->p) {
		if (n > c->n - c->got) {
			c->too_long = true;
			return 0;
		}
		(void)memcpy((char *)c->p + c->got, p, n);
		c->got += n;
		return n;
	}
	if (buf_put(c->into ? c->into : &c->own, p, n, NULL) < 0) {
		c->too_long = true;
		return 0;
	}
	return n;
}

/* value(line, n, name, out, size): The header's value, if it is ${name}. */
static bool
value(const char *line, size_t n, const char *name, char *out, size_t size)
{
	size_t m = strlen(name);

	if (n <= m || line[m] != ':' || strncasecmp(line, name, m) != 0)
		return false;
	line += m + 1;
	n -= m + 1;
	while (n > 0 && (*line == ' ' || *line == '\t'))
		line++, n--;
	while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
		n--;
	if (n >= size || memchr(line, 0, n))
		return false;
	(void)memcpy(out, line, n);
	out[n] = 0;
	return true;
}

static size_t
on_header(char *p, size_t size, size_t n, void *cookie)
{
	struct s3_call *c = cookie;
	struct s3_meta *m = &c->meta;
	char v[S3_ID_MAX];
	uint64_t num;

	n *= size;
	if (value(p, n, "etag", v, sizeof(v))) {
		size_t len = strlen(v);

		if (len >= 2 && len < sizeof(m->etag) + 2 && v[0] == '"')
			(void)snprintf(m->etag, sizeof(m->etag), "%.*s", (int)len - 2, v + 1);
	} else if (value(p, n, "x-amz-version-id", v, sizeof(v))) {
		(void)memcpy(m->version, v, sizeof(v));
	} else if (value(p, n, "content-length", v, sizeof(v))) {
		if (num_parse_u64(v, INT64_MAX, &num, NULL) == 0)
			m->size = num;
	} else if (value(p, n, "last-modified", v, sizeof(v))) {
		time_t t = curl_getdate(v, NULL);

		m->modified = t > 0 ? (int64_t)t * TIME_SEC : 0;
	} else if (value(p, n, "date", v, sizeof(v))) {
		time_t t = curl_getdate(v, NULL);

		c->date = t > 0 ? (int64_t)t * TIME_SEC : 0;
	} else if (value(p, n, "x-amz-object-lock-retain-until-date", v, sizeof(v))) {
		if (time_get(v, &m->until, NULL) < 0)
			m->until = 0;
	} else if (value(p, n, "x-amz-object-lock-mode", v, sizeof(v))) {
		m->compliance = strcmp(v, "COMPLIANCE") == 0;
	} else if (value(p, n, "retry-after", v, sizeof(v))) {
		if (num_parse_u64(v, 60, &num, NULL) == 0)
			c->wait_s = (unsigned)num;
	}
	return n;
}

/* ---- putting it together ---- */

static int
address(struct s3_call *c, struct buf *path, struct err *e)
{
	const struct s3_where *w = &c->s3->where;
	int r = buf_fmt(path, e, "/%s%s%s", w->bucket, c->key ? "/" : "", c->key ? c->key : "");

	if (r == 0 && !buf_cstr(path, e))
		r = E_NOMEM;
	buf_clear(&c->url);
	if (r == 0)
		r = buf_str(&c->url, c->s3->base, e);
	if (r == 0)
		r = sigv4_encode(&c->url, (const char *)path->p, path->len, true, e);
	if (r == 0 && c->nquery)
		r = buf_u8(&c->url, '?', e);
	if (r == 0)
		r = sigv4_query(&c->url, c->query, c->nquery, e);
	return r < 0 ? r : buf_cstr(&c->url, e) ? 0 : E_NOMEM;
}

static int
send_header(struct s3_call *c, const char *name, const char *v, struct err *e)
{
	struct buf AUTO(buf_free) line = {0};
	struct curl_slist *l;
	int r;

	buf_init(&line, URL);
	r = buf_fmt(&line, e, "%s: %s", name, v);
	if (r < 0 || !buf_cstr(&line, e))
		return E_NOMEM;
	l = curl_slist_append(c->sent, (const char *)line.p);
	explicit_bzero(line.p, line.len);
	if (!l)
		return err_set(e, E_NOMEM, "no memory");
	c->sent = l;
	return 0;
}

static int
sign(struct s3_call *c, const char *path, struct err *e)
{
	struct sigv4_pair h[S3_PAIRS + 6];
	const struct s3_login *lg = c->s3->login;
	struct sigv4 v = {.access = lg->access, .secret = lg->secret, .region = lg->region,
	    .service = "s3", .at = s3_now(c->s3), .method = c->method, .path = path,
	    .plain_path = true, .query = c->query, .nquery = c->nquery, .headers = h,
	    .payload = c->sha};
	int r = 0;

	sigv4_stamp(v.at, c->stamp);
	h[v.nheaders++] = (struct sigv4_pair){"host", c->s3->where.host};
	h[v.nheaders++] = (struct sigv4_pair){"x-amz-date", c->stamp};
	h[v.nheaders++] = (struct sigv4_pair){"x-amz-content-sha256", c->sha};
	if (lg->token[0])
		h[v.nheaders++] = (struct sigv4_pair){"x-amz-security-token", lg->token};
	if (c->md5)
		h[v.nheaders++] = (struct sigv4_pair){"content-md5", c->md5_text};
	for (size_t i = 0; i < c->nheaders; i++)
		h[v.nheaders++] = c->headers[i];
	buf_clear(&c->auth);
	r = sigv4_sign(&v, &c->auth, e);
	if (r == 0 && !buf_cstr(&c->auth, e))
		r = E_NOMEM;
	curl_slist_free_all(c->sent);
	c->sent = NULL;
	for (size_t i = 1; i < v.nheaders && r == 0; i++)
		r = send_header(c, h[i].name, h[i].value, e);
	if (r == 0)
		r = send_header(c, "authorization", (const char *)c->auth.p, e);
	if (r == 0 && c->body_len > 0)
		r = send_header(c, "content-type", "application/octet-stream", e);
	if (r == 0)
		r = send_header(c, "expect", "", e);
	return r;
}

static void
options(struct s3_call *c)
{
	CURL *h = c->easy;
	const struct s3 *s = c->s3;

#define SET(o, v) (void)curl_easy_setopt(h, o, v)
	SET(CURLOPT_URL, (const char *)c->url.p);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_PROTOCOLS_STR, s->where.tls ? "https" : "http");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (s->login->ca[0])
		SET(CURLOPT_CAINFO, s->login->ca);
	if (s->loopback)
		SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_CONNECTTIMEOUT, (long)s->connect_s);
	SET(CURLOPT_LOW_SPEED_LIMIT, 256L);
	SET(CURLOPT_LOW_SPEED_TIME, (long)s->stall_s);
	SET(CURLOPT_TIMEOUT, 1800L);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_BUFFERSIZE, 256L << 10);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
	SET(CURLOPT_USERAGENT, "mamori/" MAMORI_VERSION);
	SET(CURLOPT_ERRORBUFFER, c->why);
	SET(CURLOPT_PRIVATE, (void *)c);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, (void *)c);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, (void *)c);
	SET(CURLOPT_HTTPHEADER, c->sent);
	if (strcmp(c->method, "HEAD") == 0) {
		SET(CURLOPT_NOBODY, 1L);
	} else if (strcmp(c->method, "GET") == 0) {
		SET(CURLOPT_HTTPGET, 1L);
	} else {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)c->body_len);
		SET(CURLOPT_CUSTOMREQUEST, c->method);
		SET(CURLOPT_READFUNCTION, on_send);
		SET(CURLOPT_READDATA, (void *)c);
		SET(CURLOPT_SEEKFUNCTION, on_seek);
		SET(CURLOPT_SEEKDATA, (void *)c);
	}
#undef SET
}

int
s3_call_prepare(struct s3_call *c, struct err *e)
{
	struct buf AUTO(buf_free) path = {0};
	int r;

	buf_init(&path, URL);
	c->status = 0;
	c->code = 0;
	c->why[0] = 0;
	c->date = 0;
	c->wait_s = 0;
	c->no_host = false;
	c->got = 0;
	c->sent_body = 0;
	c->meta = (struct s3_meta){0};
	c->refused = (struct s3_xml_error){0};
	buf_clear(&c->own);
	if (c->into)
		c->into->len = c->into_start;
	r = address(c, &path, e);
	if (r == 0)
		r = sign(c, (const char *)path.p, e);
	if (r == 0)
		options(c);
	return r;
}
