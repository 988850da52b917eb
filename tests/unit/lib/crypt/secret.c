#include "crypt/secret.h"

#include <stdint.h>

#include "tap.h"

int
main(void)
{
	static const uint8_t zero[5000];
	uint8_t a[64], b[64];
	struct err e;
	unsigned char *p = secret_new(sizeof(zero), &e);
	bool ok = true;
	unsigned seen = 0;

	OK(p != NULL, "a secret larger than a page");
	EQ_M(p, zero, sizeof(zero), "is zero");
	random_fill(p, sizeof(zero));
	for (size_t i = 0; i + 16 <= sizeof(zero); i += 16)
		ok = ok && memcmp(p + i, zero, 16) != 0;
	OK(ok, "filled to its end");
	for (size_t i = 0; i < sizeof(zero); i++)
		seen |= p[i];
	EQ_I(seen, 0xff, "every bit occurs");
	secret_free(p, sizeof(zero));
	secret_free(NULL, 3);
	p = secret_new(0, &e);
	OK(p != NULL, "an empty secret");
	secret_free(p, 0);
	OK(secret_new(SIZE_MAX / 2, &e) == NULL && e.code == E_NOMEM, "one that cannot be had");
	random_fill(a, sizeof(a));
	(void)memcpy(b, a, sizeof(a));
	OK(secret_eq(a, b, sizeof(a)), "equal");
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] ^= 0x10;
		ok = ok && !secret_eq(a, b, sizeof(a));
		b[i] ^= 0x10;
	}
	OK(ok, "a difference at any place");
	OK(secret_eq(a, NULL, 0), "nothing equals nothing");
	random_fill(b, sizeof(b));
	OK(!secret_eq(a, b, sizeof(a)), "two draws differ");
	return tap_done();
}
