#include "base/b64.h"

#include <stdint.h>
#include <string.h>

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
put(char *out, const unsigned char *p, size_t n, const char *abc, bool pad)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		acc = acc << 8 | p[i];
		for (bits += 8; bits >= 6; bits -= 6)
			out[len++] = abc[acc >> (bits - 6) & 63];
	}
	if (bits > 0)
		out[len++] = abc[acc << (6 - bits) & 63];
	while (pad && len % 4 != 0)
		out[len++] = '=';
	out[len] = 0;
}

void
b64_put(char *out, const void *p, size_t n)
{
	put(out, p, n, plain, true);
}

void
b64_put_url(char *out, const void *p, size_t n)
{
	put(out, p, n, url, false);
}

static int
get(unsigned char *out, size_t max, const char *s, size_t n, const char *abc, size_t *ret_n)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		const char *at = memchr(abc, s[i], 64);

		if (!at)
			return E_INVAL;
		acc = acc << 6 | (uint32_t)(at - abc);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			if (len == max)
				return E_LIMIT;
			out[len++] = (unsigned char)(acc >> bits);
		}
	}
	if (bits >= 6 || (acc & ((1U << bits) - 1)) != 0)
		return E_INVAL;
	*ret_n = len;
	return 0;
}

int
b64_get(void *out, size_t max, const char *s, size_t n, size_t *ret_n)
{
	size_t pad = 0;

	if (n % 4 != 0)
		return E_INVAL;
	while (pad < 2 && pad < n && s[n - 1 - pad] == '=')
		pad++;
	return get(out, max, s, n - pad, plain, ret_n);
}

int
b64_get_url(void *out, size_t max, const char *s, size_t n, size_t *ret_n)
{
	return get(out, max, s, n, url, ret_n);
}
