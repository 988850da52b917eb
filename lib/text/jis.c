#include "text/jis.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

struct jis {
	iconv_t to, from; /* to UTF-8, from UTF-8 */
};

int
jis_new(struct jis **ret, struct err *e)
{
	struct jis *j = calloc(1, sizeof(*j));

	if (!j)
		return err_set(e, E_NOMEM, "no memory for a converter");
	j->to = iconv_open("UTF-8", "CP932");
	j->from = iconv_open("CP932", "UTF-8");
	if (j->to == (iconv_t)-1 || j->from == (iconv_t)-1) {
		int r = err_sys(e, "this system does not know CP932");

		jis_free(j);
		return r;
	}
	*ret = j;
	return 0;
}

void
jis_free(struct jis *j)
{
	if (!j)
		return;
	if (j->to != (iconv_t)-1)
		(void)iconv_close(j->to);
	if (j->from != (iconv_t)-1)
		(void)iconv_close(j->from);
	free(j);
}

/* convert(cd, p, n, grow, out, ret_at, e): ${grow}: bytes out for a byte in, at most. */
static int
convert(iconv_t cd, const void *p, size_t n, size_t grow, struct buf *out, size_t *ret_at,
    struct err *e)
{
	/* iconv's input is not const by an accident of its history */
	union {
		const void *c;
		char *p;
	} in = {.c = p};
	size_t left = n, room = n * grow + 8;
	char *to;
	int r = buf_reserve(out, room, e);

	if (r < 0)
		return r;
	to = (char *)out->p + out->len;
	(void)iconv(cd, NULL, NULL, NULL, NULL);
	if (iconv(cd, &in.p, &left, &to, &room) == (size_t)-1) {
		*ret_at = n - left;
		return errno == EILSEQ || errno == EINVAL
		    ? err_set(e, E_INVAL, "byte %zu is not in this encoding", n - left)
		    : err_sys(e, "cannot convert a text");
	}
	out->len = (size_t)(to - (char *)out->p);
	return 0;
}

int
jis_decode(struct jis *j, const void *p, size_t n, struct buf *out, size_t *ret_at, struct err *e)
{
	return convert(j->to, p, n, 4, out, ret_at, e);
}

static size_t
char_len(const char *s, size_t left)
{
	size_t n = 1;

	while (n < left && ((unsigned char)s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* same(j, s, n, enc): Whether the encoded form comes back as what it was made from. */
static int
same(struct jis *j, const char *s, size_t n, const void *enc, size_t len, struct err *e)
{
	struct buf back;
	size_t at;
	int r;

	buf_init(&back, 4 * n + 64);
	r = jis_decode(j, enc, len, &back, &at, e);
	if (r == 0)
		r = back.len == n && (n == 0 || memcmp(back.p, s, n) == 0);
	buf_free(&back);
	return r;
}

int
jis_encode(struct jis *j, const char *s, size_t n, struct buf *out, size_t *ret_at, struct err *e)
{
	size_t was = out->len;
	int r = convert(j->from, s, n, 2, out, ret_at, e);

	if (r == 0)
		r = same(j, s, n, out->p + was, out->len - was, e);
	if (r > 0)
		return 0;
	out->len = was;
	if (r < 0)
		return r;
	/* a wave dash would come back as a full-width tilde: which character is it? */
	for (size_t i = 0; i < n;) {
		size_t k = char_len(s + i, n - i);

		r = convert(j->from, s + i, k, 2, out, ret_at, e);
		if (r == 0)
			r = same(j, s + i, k, out->p + was, out->len - was, e);
		out->len = was;
		if (r <= 0) {
			*ret_at = i;
			break;
		}
		i += k;
	}
	return err_set(e, E_INVAL, "byte %zu cannot be written in CP932", *ret_at);
}
