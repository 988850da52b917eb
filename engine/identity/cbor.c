#include "identity/cbor.h"

#include <string.h>

static struct cbor
bad(struct rd *r)
{
	r->bad = true;
	return (struct cbor){.kind = CBOR_BAD};
}

/* argument(r, low, ret): The number behind the first byte, big-endian; the shortest form only. */
static bool
argument(struct rd *r, unsigned low, uint64_t *ret)
{
	size_t n = low < 24 ? 0 : (size_t)1 << (low - 24);
	const unsigned char *p;
	uint64_t v = 0;

	if (low > 27)
		return false;
	if (n == 0) {
		*ret = low;
		return true;
	}
	p = rd_bytes(r, n);
	if (!p)
		return false;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	*ret = v;
	return n == 1 ? v >= 24 : v >> (4 * n) != 0;
}

struct cbor
cbor_next(struct rd *r)
{
	unsigned head = rd_u8(r), major = head >> 5, low = head & 31;
	struct cbor c = {.kind = (enum cbor_kind)major};

	if (r->bad || major == 6)
		return bad(r);
	if (major == 7) {
		c.value = low;
		return low >= 20 && low <= 22 ? c : bad(r);
	}
	if (!argument(r, low, &c.value))
		return bad(r);
	/* every item takes a byte, every pair two: nobody makes us count to 2^64 */
	if ((c.kind == CBOR_ARRAY && c.value > rd_left(r)) ||
	    (c.kind == CBOR_MAP && c.value > rd_left(r) / 2))
		return bad(r);
	if (c.kind == CBOR_BYTES || c.kind == CBOR_TEXT) {
		if (c.value > rd_left(r))
			return bad(r);
		c.p = rd_bytes(r, (size_t)c.value);
		if (!c.p)
			return bad(r);
	}
	return c;
}

bool
cbor_skip(struct rd *r)
{
	uint64_t left[CBOR_DEPTH];
	int depth = 0;

	left[0] = 1;
	for (;;) {
		struct cbor c;

		while (depth >= 0 && left[depth] == 0)
			depth--;
		if (depth < 0)
			return true;
		left[depth]--;
		c = cbor_next(r);
		if (c.kind == CBOR_BAD)
			return false;
		if (c.kind != CBOR_ARRAY && c.kind != CBOR_MAP)
			continue;
		if (depth + 1 == CBOR_DEPTH) {
			r->bad = true;
			return false;
		}
		left[++depth] = c.kind == CBOR_MAP ? 2 * c.value : c.value;
	}
}

bool
cbor_int(const struct cbor *c, int64_t *ret)
{
	if ((c->kind != CBOR_UINT && c->kind != CBOR_NINT) || c->value > INT64_MAX)
		return false;
	*ret = c->kind == CBOR_UINT ? (int64_t)c->value : -1 - (int64_t)c->value;
	return true;
}

bool
cbor_is_text(const struct cbor *c, const char *s)
{
	return c->kind == CBOR_TEXT && c->value == strlen(s) && memcmp(c->p, s, strlen(s)) == 0;
}
