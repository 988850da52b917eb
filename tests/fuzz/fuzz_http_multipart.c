/* deps: base mamorid */
/* An upload: the first byte says in how large pieces it comes; however it is cut, the same comes
 * out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mamorid/http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct sum {
	size_t parts, bytes, open;
	uint32_t hash;
};

static int
begin(void *ctx, const struct part *p, struct err *e)
{
	struct sum *s = ctx;

	(void)e;
	if (!p->name[0] || strchr(p->filename, '/') || strchr(p->filename, '\\') || s->open)
		abort();
	s->parts++;
	s->open = 1;
	return 0;
}

static int
data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct sum *s = ctx;

	(void)e;
	if (!s->open)
		abort();
	for (size_t i = 0; i < n; i++)
		s->hash = s->hash * 31 + ((const unsigned char *)p)[i];
	s->bytes += n;
	return 0;
}

static int
end(void *ctx, struct err *e)
{
	struct sum *s = ctx;

	(void)e;
	s->open = 0;
	return 0;
}

static int
feed(const uint8_t *p, size_t n, size_t step, struct sum *s)
{
	struct multipart_ops ops = {.ctx = s, .begin = begin, .data = data, .end = end};
	struct multipart m;
	int r = multipart_init(&m, "multipart/form-data; boundary=xx", &ops, NULL);

	for (size_t at = 0; r == 0 && at < n; at += step)
		r = multipart_feed(&m, p + at, n - at < step ? n - at : step, NULL);
	if (r == 0)
		r = multipart_end(&m, NULL);
	multipart_free(&m);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sum a = {0}, b = {0};
	int r, q;

	if (n < 1)
		return 0;
	r = feed(p + 1, n - 1, (size_t)p[0] + 1, &a);
	q = feed(p + 1, n - 1, n, &b);
	if ((r == 0) != (q == 0) || (r == 0 && memcmp(&a, &b, sizeof(a)) != 0))
		abort();
	return 0;
}
