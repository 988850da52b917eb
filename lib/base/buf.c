#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void
buf_free(struct buf *b)
{
	if (!b)
		return;
	free(b->p);
	b->p = NULL;
	b->len = b->cap = 0;
}

int
buf_reserve(struct buf *b, size_t n, struct err *e)
{
	size_t need, cap;
	void *p;

	if (__builtin_add_overflow(b->len, n, &need) || need > b->max)
		return err_set(e, E_LIMIT, "more than %zu bytes", b->max);
	if (need <= b->cap)
		return 0;
	cap = b->cap ? b->cap : 256;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (cap > b->max)
		cap = b->max;
	p = realloc(b->p, cap);
	if (!p)
		return err_set(e, E_NOMEM, "no memory for %zu bytes", cap);
	b->p = p;
	b->cap = cap;
	return 0;
}

int
buf_put(struct buf *b, const void *p, size_t n, struct err *e)
{
	int r;

	if (n == 0)
		return 0;
	r = buf_reserve(b, n, e);
	if (r < 0)
		return r;
	(void)memcpy(b->p + b->len, p, n);
	b->len += n;
	return 0;
}

int
buf_u8(struct buf *b, uint8_t v, struct err *e)
{
	return buf_put(b, &v, 1, e);
}

int
buf_u16(struct buf *b, uint16_t v, struct err *e)
{
	unsigned char t[2];

	le16_put(t, v);
	return buf_put(b, t, sizeof(t), e);
}

int
buf_u32(struct buf *b, uint32_t v, struct err *e)
{
	unsigned char t[4];

	le32_put(t, v);
	return buf_put(b, t, sizeof(t), e);
}

int
buf_u64(struct buf *b, uint64_t v, struct err *e)
{
	unsigned char t[8];

	le64_put(t, v);
	return buf_put(b, t, sizeof(t), e);
}

int
buf_var(struct buf *b, uint64_t v, struct err *e)
{
	unsigned char t[10];
	size_t n = 0;

	while (v >= 0x80) {
		t[n++] = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	t[n++] = (unsigned char)v;
	return buf_put(b, t, n, e);
}

int
buf_blob(struct buf *b, const void *p, size_t n, struct err *e)
{
	size_t old = b->len;
	int r = buf_var(b, n, e);

	if (r == 0)
		r = buf_put(b, p, n, e);
	if (r < 0)
		b->len = old;
	return r;
}

int
buf_str(struct buf *b, const char *s, struct err *e)
{
	return buf_put(b, s, strlen(s), e);
}

int
buf_vfmt(struct buf *b, struct err *e, const char *fmt, va_list ap)
{
	va_list again;
	int n, r;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return err_set(e, E_INVAL, "cannot format");
	r = buf_reserve(b, (size_t)n + 1, e);
	if (r < 0)
		return r;
	(void)vsnprintf((char *)b->p + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

int
buf_fmt(struct buf *b, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = buf_vfmt(b, e, fmt, ap);
	va_end(ap);
	return r;
}

const char *
buf_cstr(struct buf *b, struct err *e)
{
	if (buf_reserve(b, 1, e) < 0)
		return NULL;
	b->p[b->len] = 0;
	return (const char *)b->p;
}

const unsigned char *
rd_bytes(struct rd *r, size_t n)
{
	const unsigned char *p;

	if (r->bad || n > r->len - r->pos) {
		r->bad = true;
		return NULL;
	}
	if (n == 0)
		return r->p ? r->p + r->pos : (const unsigned char *)"";
	p = r->p + r->pos;
	r->pos += n;
	return p;
}

uint8_t
rd_u8(struct rd *r)
{
	const unsigned char *p = rd_bytes(r, 1);

	return p ? *p : 0;
}

uint16_t
rd_u16(struct rd *r)
{
	const unsigned char *p = rd_bytes(r, 2);

	return p ? le16_get(p) : 0;
}

uint32_t
rd_u32(struct rd *r)
{
	const unsigned char *p = rd_bytes(r, 4);

	return p ? le32_get(p) : 0;
}

uint64_t
rd_u64(struct rd *r)
{
	const unsigned char *p = rd_bytes(r, 8);

	return p ? le64_get(p) : 0;
}

uint64_t
rd_var(struct rd *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = rd_u8(r);

		if (r->bad || (shift == 63 && b > 1))
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			/* one encoding per number: no trailing zero byte */
			if (b == 0 && shift > 0)
				break;
			return v;
		}
	}
	r->bad = true;
	return 0;
}

const unsigned char *
rd_blob(struct rd *r, size_t max, size_t *ret_len)
{
	uint64_t n = rd_var(r);
	const unsigned char *p;

	if (r->bad || n > max) {
		r->bad = true;
		return NULL;
	}
	p = rd_bytes(r, (size_t)n);
	if (p)
		*ret_len = (size_t)n;
	return p;
}
