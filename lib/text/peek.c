#include "text/peek.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

static const struct {
	const char *magic;
	size_t n;
	enum peek_kind kind;
	const char *type;
} magics[] = {
	{"\x89PNG\r\n\x1a\n", 8, PEEK_IMAGE, "image/png"},
	{"\xff\xd8\xff", 3, PEEK_IMAGE, "image/jpeg"},
	{"GIF87a", 6, PEEK_IMAGE, "image/gif"},
	{"GIF89a", 6, PEEK_IMAGE, "image/gif"},
	{"%PDF-", 5, PEEK_OTHER, "application/pdf"},
	{"PK\x03\x04", 4, PEEK_OTHER, "application/zip"},
};

const char *
peek_kind_name(enum peek_kind k)
{
	static const char *const names[] = {"text", "hl7", "image", "other"};

	return names[k];
}

/* What cannot be in a text of any of the three encodings. */
static bool
binary(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 && !strchr("\t\n\v\f\r\x1b\x1c\x0b", p[i] ? p[i] : 'x'))
			return true;
	return false;
}

/* decode(from, p, n, whole, out, e): 1 decoded, 0 it is not in this encoding. */
static int
decode(const char *from, const unsigned char *p, size_t n, bool whole, struct buf *out,
    struct err *e)
{
	iconv_t cd = iconv_open("UTF-8", from);
	/* iconv's signature predates const; it does not write there */
	union {
		const unsigned char *c;
		char *v;
	} in = {.c = p};
	size_t left = n, was = out->len;
	int r = 1;

	if (cd == (iconv_t)-1)
		return 0;
	while (left > 0 && r == 1) {
		char tmp[4096], *to = tmp;
		size_t room = sizeof(tmp), k = iconv(cd, &in.v, &left, &to, &room);
		int err = errno;

		if (buf_put(out, tmp, sizeof(tmp) - room, e) < 0)
			r = E_LIMIT;
		else if (k == (size_t)-1 && err == EINVAL && !whole)
			break; /* cut off at the end */
		else if (k == (size_t)-1 && err != E2BIG)
			r = 0;
	}
	(void)iconv_close(cd);
	if (r != 1)
		out->len = was;
	return r;
}

/* The bytes at the end that begin a character of UTF-8 and do not end it. */
static size_t
whole_utf8(const unsigned char *p, size_t n)
{
	size_t k = n;

	for (size_t i = 0; i < 3 && k > 0; i++) {
		unsigned char c = p[--k];

		if (c < 0x80)
			return n;
		if (c >= 0xc0)
			return (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u) > n - k ? k : n;
	}
	return n;
}

/* In place: "\r\n" and "\r" become "\n", other control characters become spaces. */
static void
tidy(struct buf *b)
{
	size_t k = 0;

	for (size_t i = 0; i < b->len; i++) {
		unsigned char c = b->p[i];

		if (c == '\r') {
			if (i + 1 < b->len && b->p[i + 1] == '\n')
				continue;
			c = '\n';
		}
		b->p[k++] = c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f) ? c : ' ';
	}
	b->len = k;
}

static int
decode_any(const unsigned char *p, size_t n, bool whole, const char **ret_name, struct buf *out,
    struct err *e)
{
	size_t cut = whole ? n : whole_utf8(p, n);
	int r;

	/* escape sequences first: such a text is also well-formed UTF-8 */
	if (memmem(p, n, "\x1b$", 2) || memmem(p, n, "\x1b(J", 3)) {
		*ret_name = "ISO-2022-JP";
		r = decode("ISO-2022-JP-2", p, n, whole, out, e);
		if (r != 0)
			return r;
	}
	*ret_name = "UTF-8";
	if (utf8_ok(p, cut)) {
		size_t bom = cut >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

		r = buf_put(out, p + bom, cut - bom, e);
		return r < 0 ? r : 1;
	}
	*ret_name = "CP932";
	return decode("CP932", p, n, whole, out, e);
}

int
peek(const void *p, size_t n, bool whole, struct peek *ret, struct buf *out, struct err *e)
{
	struct peek k = {.kind = PEEK_OTHER, .type = "", .encoding = ""};
	size_t from = out->len;
	const char *name;
	int r;

	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if (n >= magics[i].n && memcmp(p, magics[i].magic, magics[i].n) == 0) {
			k.kind = magics[i].kind;
			k.type = magics[i].type;
			*ret = k;
			return 0;
		}
	if (n > 0 && binary(p, n)) {
		*ret = k;
		return 0;
	}
	r = n ? decode_any(p, n, whole, &name, out, e) : 1;
	if (r < 0)
		return r;
	if (r > 0) {
		tidy(out);
		k.encoding = n ? name : "UTF-8";
		k.kind = out->len - from >= 4 && memcmp(out->p + from, "MSH|", 4) == 0 ? PEEK_HL7
										     : PEEK_TEXT;
	}
	*ret = k;
	return 0;
}
