/* Ed25519 against RFC 8032 section 7.1, and every byte of a signature. */
#include "crypt/sign.h"

#include <stdlib.h>

#include "base/num.h"
#include "tap.h"

static const struct {
	const char *seed, *pub, *msg, *sig;
} vecs[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void
vectors(void)
{
	for (size_t i = 0; i < ARRAY_LEN(vecs); i++) {
		uint8_t seed[32], pub[32], msg[8], want[64], sig[64];
		size_t n = strlen(vecs[i].msg) / 2;
		struct signer *s = NULL;

		if (hex_get(seed, 32, vecs[i].seed) < 0 || hex_get(pub, 32, vecs[i].pub) < 0 ||
		    hex_get(msg, n, vecs[i].msg) < 0 || hex_get(want, 64, vecs[i].sig) < 0)
			abort();
		EQ_I(signer_new(seed, &s, NULL), 0, "a key");
		EQ_M(signer_pub(s), pub, 32, "its public key");
		EQ_I(signer_sign(s, msg, n, sig, NULL), 0, "signed");
		OK(memcmp(sig, want, 64) == 0, "RFC 8032 test %zu", i + 1);
		OK(sign_ok(pub, msg, n, sig), "and it holds");
		signer_free(s);
	}
	signer_free(NULL);
}

static void
tamper(void)
{
	static const char text[] = "追加 髙橋 﨑 𠮷野";
	uint8_t seed[32] = {7}, sig[64], pub[32], msg[sizeof(text)];
	struct signer *s = NULL;
	bool none = true;

	(void)memcpy(msg, text, sizeof(text));
	EQ_I(signer_new(seed, &s, NULL), 0, "a key");
	(void)memcpy(pub, signer_pub(s), 32);
	EQ_I(signer_sign(s, msg, sizeof(msg), sig, NULL), 0, "signed");
	for (size_t bit = 0; bit < 64 * 8; bit++) {
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
		none = none && !sign_ok(pub, msg, sizeof(msg), sig);
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	OK(none, "no flipped bit of the signature passes");
	none = true;
	for (size_t bit = 0; bit < sizeof(msg) * 8; bit++) {
		msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
		none = none && !sign_ok(pub, msg, sizeof(msg), sig);
		msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	OK(none, "no flipped bit of the message");
	none = true;
	for (size_t bit = 0; bit < 32 * 8; bit++) {
		pub[bit / 8] ^= (uint8_t)(1 << bit % 8);
		none = none && !sign_ok(pub, msg, sizeof(msg), sig);
		pub[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	OK(none, "no flipped bit of the public key");
	OK(!sign_ok(pub, msg, sizeof(msg) - 1, sig), "no shorter message");
	OK(sign_ok(pub, msg, sizeof(msg), sig), "the untouched one passes");
	signer_free(s);
}

int
main(void)
{
	vectors();
	tamper();
	return tap_done();
}
