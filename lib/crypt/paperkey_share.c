/* Shamir's scheme, threshold 2 of 3: byte by byte a line f(x) = key + slope * x over GF(2^8), with
 * a fresh random slope; share i is f(i). One share leaves every key equally likely. */
#include <string.h>

#include <openssl/crypto.h>

#include "crypt/paperkey.h"
#include "crypt/secret.h"

/* Product modulo x^8 + x^4 + x^3 + x + 1, without a branch or table index that depends on a
 * secret. */
static uint8_t
mul(uint8_t a, uint8_t b)
{
	unsigned x = a, r = 0;

	for (unsigned i = 0; i < 8; i++) {
		r ^= x & -((b >> i) & 1U);
		x = x << 1 ^ (0x11bU & -(x >> 7 & 1U));
	}
	return (uint8_t)r;
}

/* 1 / a = a^254. */
static uint8_t
inverse(uint8_t a)
{
	uint8_t r = a;

	for (int i = 0; i < 6; i++)
		r = mul(mul(r, r), a);
	return mul(r, r);
}

int
paperkey_split(const uint8_t key[PAPERKEY_LEN], uint8_t out[PAPERKEY_SHARES][PAPERKEY_LEN],
    struct err *e)
{
	uint8_t slope[PAPERKEY_LEN];

	(void)e; /* reserved: the random generator of today cannot fail */
	random_fill(slope, sizeof(slope));
	for (unsigned x = 1; x <= PAPERKEY_SHARES; x++) {
		for (size_t i = 0; i < PAPERKEY_LEN; i++)
			out[x - 1][i] = key[i] ^ mul(slope[i], (uint8_t)x);
	}
	OPENSSL_cleanse(slope, sizeof(slope));
	return 0;
}

int
paperkey_join(int i, const uint8_t a[PAPERKEY_LEN], int j, const uint8_t b[PAPERKEY_LEN],
    uint8_t key[PAPERKEY_LEN], struct err *e)
{
	uint8_t d, wa, wb;

	if (i < 1 || i > PAPERKEY_SHARES || j < 1 || j > PAPERKEY_SHARES)
		return err_set(e, E_INVAL,
		    "分けた鍵の番号は1から%dまでです (shares are numbered 1 to %d)", PAPERKEY_SHARES,
		    PAPERKEY_SHARES);
	if (i == j)
		return err_set(e, E_INVAL,
		    "同じ%d番の紙が二枚です。別の番号の紙が要ります"
		    " (both are share %d; two different ones are needed)",
		    i, i);
	/* Lagrange at 0: key = a * j / (i + j) + b * i / (i + j). */
	d = inverse((uint8_t)(i ^ j));
	wa = mul((uint8_t)j, d);
	wb = mul((uint8_t)i, d);
	for (size_t k = 0; k < PAPERKEY_LEN; k++)
		key[k] = mul(a[k], wa) ^ mul(b[k], wb);
	return 0;
}
