#include "crypt/otp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <string.h>

#include "crypt/secret.h"

uint32_t
otp_hotp(const uint8_t *seed, size_t n, uint64_t counter, unsigned digits)
{
	uint8_t text[8], mac[EVP_MAX_MD_SIZE] = {0};
	uint32_t v, mod = 1;
	unsigned len = 0, at;

	for (int i = 0; i < 8; i++)
		text[i] = (uint8_t)(counter >> (56 - 8 * i));
	if (!HMAC(EVP_sha1(), seed, (int)n, text, sizeof(text), mac, &len) || len != 20)
		return UINT32_MAX; /* no code has this value */
	at = mac[19] & 15;
	v = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 |
	    (uint32_t)mac[at + 2] << 8 | mac[at + 3];
	for (unsigned i = 0; i < digits && i < 9; i++)
		mod *= 10;
	return v % mod;
}

/* Exactly six digits; spaces between them are how people copy them. */
static bool
digits(const char *code, uint32_t *ret)
{
	uint32_t v = 0;
	int n = 0;

	for (size_t i = 0; i < 16 && code[i]; i++) {
		if (code[i] == ' ')
			continue;
		if (code[i] < '0' || code[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(code[i] - '0');
		if (++n > 6)
			return false;
	}
	*ret = v;
	return n == 6;
}

int
otp_check(const uint8_t seed[OTP_SEED_LEN], int64_t now_s, int64_t last, const char *code,
    int64_t *ret)
{
	int64_t step = now_s / OTP_STEP_S, hit = -1;
	uint32_t v;

	if (now_s < OTP_STEP_S * (OTP_DRIFT + 1) || !digits(code, &v))
		return E_AUTH;
	for (int64_t s = step - OTP_DRIFT; s <= step + OTP_DRIFT; s++) {
		uint32_t want = otp_hotp(seed, OTP_SEED_LEN, (uint64_t)s, 6);
		bool same = secret_eq(&want, &v, sizeof(v));

		if (same && s > last && hit < 0)
			hit = s;
	}
	if (hit < 0)
		return E_AUTH;
	*ret = hit;
	return 0;
}

void
otp_base32(const uint8_t seed[OTP_SEED_LEN], char out[OTP_BASE32])
{
	static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t len = 0;

	for (size_t i = 0; i < OTP_SEED_LEN; i++) {
		acc = acc << 8 | seed[i];
		for (bits += 8; bits >= 5; bits -= 5)
			out[len++] = abc[acc >> (bits - 5) & 31];
	}
	out[len] = 0;
}
