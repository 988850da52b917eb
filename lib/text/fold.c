#include "text/fold.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* kana(p): Hiragana to katakana, in place; both have three bytes. */
static void
kana(unsigned char *p)
{
	for (; *p; p++) {
		unsigned v;

		if (p[0] != 0xe3 || (p[1] != 0x81 && p[1] != 0x82))
			continue;
		v = (unsigned)(p[1] & 0x3f) << 6 | (p[2] & 0x3f); /* U+3000 + v */
		if (v < 0x41 || v > 0x96)
			continue;
		v += 0x60;
		p[1] = (unsigned char)(0x80 | v >> 6);
		p[2] = (unsigned char)(0x80 | (v & 0x3f));
	}
}

int
text_fold(struct buf *b, const char *s, struct err *e)
{
	utf8proc_uint8_t *out = NULL;
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)s, 0, &out,
	    UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
	        UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
	int r;

	if (n < 0)
		return n == UTF8PROC_ERROR_NOMEM ? err_set(e, E_NOMEM, "no memory for a text")
						 : err_set(e, E_INVAL, "the text is not UTF-8");
	kana(out);
	r = buf_put(b, out, (size_t)n, e);
	free(out);
	return r;
}

bool
text_same(const char *a, const char *b)
{
	struct buf x, y;
	bool same;

	if (strcmp(a, b) == 0)
		return true;
	buf_init(&x, 1 << 16);
	buf_init(&y, 1 << 16);
	same = text_fold(&x, a, NULL) == 0 && text_fold(&y, b, NULL) == 0 && x.len == y.len &&
	    (x.len == 0 || memcmp(x.p, y.p, x.len) == 0);
	buf_free(&x);
	buf_free(&y);
	return same;
}
