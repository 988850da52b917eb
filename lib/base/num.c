#include "base/num.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the codecs assume little-endian");

int
num_parse_u64(const char *s, uint64_t max, uint64_t *ret, struct err *e)
{
	uint64_t v = 0;

	if (!s || !*s)
		return err_set(e, E_INVAL, "a number is missing");
	for (const char *p = s; *p; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return err_set(e, E_INVAL, "\"%.40s\" is not a number", s);
	}
	if (v > max)
		return err_set(e, E_INVAL, "%.40s is more than %llu", s, (unsigned long long)max);
	*ret = v;
	return 0;
}

int
num_parse_size(const char *s, uint64_t *ret, struct err *e)
{
	static const char suffix[] = "KMGT";
	char digits[24];
	size_t n = s ? strlen(s) : 0;
	const char *at = NULL;
	uint64_t v;
	int r;

	if (n == 0 || n >= sizeof(digits))
		return err_set(e, E_INVAL, "a size such as 50M is expected");
	if (s[n - 1] < '0' || s[n - 1] > '9') {
		at = memchr(suffix, s[n - 1] & ~0x20, 4);
		if (!at)
			return err_set(e, E_INVAL, "\"%.20s\": the unit must be K, M, G or T", s);
		n--;
	}
	(void)memcpy(digits, s, n);
	digits[n] = 0;
	r = num_parse_u64(digits, UINT64_MAX, &v, e);
	if (r < 0)
		return r;
	for (int i = at ? (int)(at - suffix) + 1 : 0; i > 0; i--) {
		if (__builtin_mul_overflow(v, 1024, &v))
			return err_set(e, E_INVAL, "\"%.20s\" is too large", s);
	}
	*ret = v;
	return 0;
}

void
hex_put(char *out, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[b[i] >> 4];
		out[2 * i + 1] = digits[b[i] & 15];
	}
	out[2 * n] = 0;
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
hex_get(void *out, size_t n, const char *s)
{
	unsigned char *b = out;

	for (size_t i = 0; i < n; i++) {
		int hi = nibble(s[2 * i]);
		int lo = hi < 0 ? -1 : nibble(s[2 * i + 1]);

		if (lo < 0)
			return E_INVAL;
		b[i] = (unsigned char)(hi << 4 | lo);
	}
	return s[2 * n] ? E_INVAL : 0;
}
