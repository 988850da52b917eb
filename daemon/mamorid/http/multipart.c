/* multipart/form-data (RFC 7578) as it comes in: nothing but the field names and a boundary's
 * length of bytes is held. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "mamorid/http/form.h"

enum { PREAMBLE, AFTER_MARK, HEAD, DATA, DONE };

/* boundary(s, out, size): The boundary parameter of a Content-Type. */
static bool
boundary(const char *s, char *out, size_t size)
{
	const char *p = strcasestr(s, "boundary=");
	size_t n;

	if (strncasecmp(s, "multipart/form-data", 19) != 0 || !p)
		return false;
	p += 9;
	if (*p == '"') {
		p++;
		n = strcspn(p, "\"");
		if (!p[n])
			return false;
	} else {
		n = strcspn(p, "; \t");
	}
	if (n < 1 || n > 70 || n >= size)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] <= 0x20 || (unsigned char)p[i] >= 0x7f)
			return false;
	(void)memcpy(out, p, n);
	out[n] = 0;
	return true;
}

int
multipart_init(struct multipart *m, const char *content_type, const struct multipart_ops *ops,
    struct err *e)
{
	char b[72];

	*m = (struct multipart){.ops = *ops};
	buf_init(&m->held, 256 << 10);
	if (!boundary(content_type, b, sizeof(b)))
		return err_set(e, E_INVAL, "multipart without a usable boundary");
	m->nmark = (size_t)snprintf(m->mark, sizeof(m->mark), "\r\n--%s", b);
	/* the first boundary may come without a line before it */
	return buf_str(&m->held, "\r\n", e);
}

void
multipart_free(struct multipart *m)
{
	buf_free(&m->held);
}

/* --- heads ---------------------------------------------------------------------------------- */

/* param(s, n, name, out, size): name="value" of a Content-Disposition; browsers write %22 for a
 * quote and leave everything else as it is. 1 found, 0 not there, -1 unusable. */
static int
param(const char *s, size_t n, const char *name, char *out, size_t size)
{
	size_t k = strlen(name);

	for (size_t i = 0; i + k + 2 < n; i++) {
		const char *q = s + i + k + 2, *end;

		if ((s[i] != ' ' && s[i] != ';') || memcmp(s + i + 1, name, k) != 0 ||
		    s[i + 1 + k] != '=')
			continue;
		if (*q != '"')
			return -1;
		q++;
		end = memchr(q, '"', (size_t)(s + n - q));
		if (!end || (size_t)(end - q) >= size || !utf8_ok(q, (size_t)(end - q)))
			return -1;
		for (const char *c = q; c < end; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				return -1;
		(void)memcpy(out, q, (size_t)(end - q));
		out[end - q] = 0;
		return 1;
	}
	return 0;
}

static int
head_line(struct part *p, const char *s, size_t n)
{
	static const char cd[] = "content-disposition:", ct[] = "content-type:";
	char path[1024];
	const char *base;
	int r;

	if (n > sizeof(ct) && strncasecmp(s, ct, sizeof(ct) - 1) == 0) {
		s += sizeof(ct) - 1;
		n -= sizeof(ct) - 1;
		while (n > 0 && *s == ' ')
			s++, n--;
		(void)snprintf(p->type, sizeof(p->type), "%.*s", (int)(n > 60 ? 60 : n), s);
		return 0;
	}
	if (n < sizeof(cd) || strncasecmp(s, cd, sizeof(cd) - 1) != 0)
		return 0;
	if (param(s, n, "name", p->name, sizeof(p->name)) != 1)
		return -1;
	r = param(s, n, "filename", path, sizeof(path));
	if (r < 1)
		return r;
	p->file = true;
	base = path; /* some send a whole path */
	for (const char *c = path; *c; c++)
		if (*c == '/' || *c == '\\')
			base = c + 1;
	if (strlen(base) >= sizeof(p->filename))
		return -1;
	(void)memcpy(p->filename, base, strlen(base) + 1);
	return 0;
}

static int
head(struct multipart *m, size_t n, struct err *e)
{
	const char *s = (const char *)m->held.p;
	struct part p = {0};
	size_t at = 0;

	while (at < n) {
		const char *end = memmem(s + at, n - at, "\r\n", 2);
		size_t k = end ? (size_t)(end - s) - at : n - at;

		if (head_line(&p, s + at, k) < 0)
			return err_set(e, E_INVAL, "a part of the upload has a broken head");
		at += k + 2;
	}
	if (!p.name[0])
		return err_set(e, E_INVAL, "a part of the upload has no name");
	if (++m->parts > MULTIPART_PARTS)
		return err_set(e, E_LIMIT, "too many parts in the upload");
	return m->ops.begin(m->ops.ctx, &p, e);
}

/* --- the walk ------------------------------------------------------------------------------- */

static void
drop(struct multipart *m, size_t n)
{
	(void)memmove(m->held.p, m->held.p + n, m->held.len - n);
	m->held.len -= n;
}

/* data(m, e): Bytes of a part up to the boundary, or up to where one might begin. 1: go on. */
static int
data(struct multipart *m, struct err *e)
{
	const unsigned char *at = m->held.len >= m->nmark
	    ? memmem(m->held.p, m->held.len, m->mark, m->nmark)
	    : NULL;
	size_t n = at ? (size_t)(at - m->held.p)
	    : m->held.len >= m->nmark ? m->held.len - m->nmark + 1 : 0;
	int r = n > 0 && m->state == DATA ? m->ops.data(m->ops.ctx, m->held.p, n, e) : 0;

	if (r < 0)
		return r;
	drop(m, at ? n + m->nmark : n);
	if (!at)
		return 0;
	if (m->state == DATA)
		r = m->ops.end(m->ops.ctx, e);
	m->state = AFTER_MARK;
	return r < 0 ? r : 1;
}

/* step(m, e): 1: something was decided, look again; 0: more bytes are needed. */
static int
step(struct multipart *m, struct err *e)
{
	const unsigned char *end;
	size_t n;
	int r;

	switch (m->state) {
	case PREAMBLE:
	case DATA:
		return data(m, e);
	case AFTER_MARK:
		if (m->held.len < 2)
			return 0;
		if (memcmp(m->held.p, "--", 2) == 0)
			m->state = DONE;
		else if (memcmp(m->held.p, "\r\n", 2) == 0)
			m->state = HEAD;
		else
			return err_set(e, E_INVAL, "the upload is malformed after a boundary");
		drop(m, 2);
		return 1;
	case HEAD:
		end = m->held.len >= 4 ? memmem(m->held.p, m->held.len, "\r\n\r\n", 4) : NULL;
		if (!end && m->held.len > MULTIPART_HEAD)
			return err_set(e, E_LIMIT, "a part of the upload has too long a head");
		if (!end)
			return 0;
		n = (size_t)(end - m->held.p);
		r = n > MULTIPART_HEAD ? err_set(e, E_LIMIT, "too long a head") : head(m, n, e);
		if (r < 0)
			return r;
		drop(m, n + 4);
		m->state = DATA;
		return 1;
	default: /* the epilogue means nothing */
		buf_clear(&m->held);
		return 0;
	}
}

int
multipart_feed(struct multipart *m, const void *p, size_t n, struct err *e)
{
	const unsigned char *s = p;
	int r = 0;

	while (r == 0 && n > 0) {
		size_t k = n > 65536 ? 65536 : n;

		r = buf_put(&m->held, s, k, e);
		s += k;
		n -= k;
		do {
			if (r >= 0)
				r = step(m, e);
		} while (r > 0);
	}
	return r;
}

int
multipart_end(struct multipart *m, struct err *e)
{
	return m->state == DONE ? 0 : err_set(e, E_INVAL, "the upload ends early");
}
