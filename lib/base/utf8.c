#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#include "base/num.h"

/* seq(p, n): Length of the well-formed sequence at ${p}, or 0. */
static size_t
seq(const unsigned char *p, size_t n)
{
	unsigned char c = p[0];

	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return n >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if (c >= 0xe0 && c <= 0xef) {
		if (n < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
			return 0;
		if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		if (n < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 ||
		    (p[3] & 0xc0) != 0x80)
			return 0;
		if ((c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

/* quiet(p, k): Whether a terminal or a reader could be misled by this character: C0 and C1
 * controls, DEL, and the marks that turn the direction of writing (a file "exe.fdp" must not look
 * like a PDF). The backslash is in it because it starts an escape. */
static bool
quiet(const unsigned char *p, size_t k)
{
	if (k == 1)
		return p[0] < 0x20 || p[0] == 0x7f || p[0] == '\\';
	if (k == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (k != 3 || p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae))) ||
	    (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

bool
utf8_ok(const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0, k; i < n; i += k) {
		k = seq(b + i, n - i);
		if (k == 0)
			return false;
	}
	return true;
}

int
utf8_cut(const char *s, size_t max)
{
	size_t n = strnlen(s, max);

	while (n == max && max > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
		max = --n;
	return (int)n;
}

size_t
utf8_whole(const char *s, size_t n)
{
	size_t back = 0;
	unsigned char c;

	while (back < 3 && back + 1 < n && ((unsigned char)s[n - 1 - back] & 0xc0) == 0x80)
		back++;
	c = n ? (unsigned char)s[n - 1 - back] : 0;
	return c >= 0xc0 && back < (c >= 0xf0 ? 3U : c >= 0xe0 ? 2U : 1U) ? n - 1 - back : n;
}

int
utf8_show(struct buf *b, const void *p, size_t n, struct err *e)
{
	const unsigned char *s = p;
	int r = 0;

	for (size_t i = 0, k; i < n && r == 0; i += k) {
		k = seq(s + i, n - i);
		if (k == 0 || quiet(s + i, k)) {
			k = 1;
			r = buf_fmt(b, e, "\\x%02x", s[i]);
		} else {
			r = buf_put(b, s + i, k, e);
		}
	}
	return r;
}

int
utf8_unshow(struct buf *b, const char *s, struct err *e)
{
	int r = 0;

	while (*s && r == 0) {
		unsigned char v;
		char two[3];

		if (*s != '\\') {
			r = buf_u8(b, (uint8_t)*s++, e);
			continue;
		}
		if (s[1] != 'x' || !s[2] || !s[3])
			return err_set(
			    e, E_INVAL, "\\x and two digits are expected after a backslash");
		two[0] = s[2];
		two[1] = s[3];
		two[2] = 0;
		if (hex_get(&v, 1, two) < 0)
			return err_set(
			    e, E_INVAL, "\\x and two digits are expected after a backslash");
		r = buf_u8(b, v, e);
		s += 4;
	}
	return r;
}
