/* Sealing to a P-256 key: points of the standard curve, blobs made by an independent implementation
 * (so that a change of the format shows), and every byte of a sealed key. */
#include "crypt/seal.h"

#include <stdlib.h>

#include "base/num.h"
#include "tap.h"

/* The public key of the secret 00 01 02 .. 1f. */
#define PUB                                                                                        \
	"0419c75bf95bb113301e19b86f44713101ccdab90d699967a4242310cecfca9d32"                       \
	"aa453525193ee9d4cb14d4c46ec55d61c4d2ddd31a436760461317508ea93a16"
/* The key 40 41 .. 5f sealed to it for LABEL with the ephemeral scalar 112233445566778899. */
#define SEALED                                                                                     \
	"04339150844ec15234807fe862a86be77977dbfb3ae3d96f4c22795513aeaab82f"                       \
	"b1c14ddfdc8ec1b2583f51e85a5eb3a155840f2034730e9b5ada38b674336a21"                         \
	"662c7b7d9d25ee388b770d5614475500aa0270df816536dd76911f47fa79945f"                         \
	"c2b44927e09b24022a45ec3a76ca6687"
#define LABEL "髙橋 𠮷野"

static void
unhex(uint8_t *out, size_t n, const char *s)
{
	if (hex_get(out, n, s) < 0)
		abort();
}

static struct seal_key *
fixed_key(void)
{
	struct seal_key *k = NULL;
	uint8_t secret[32];

	for (int i = 0; i < 32; i++)
		secret[i] = (uint8_t)i;
	if (seal_key_new(secret, &k, NULL) < 0)
		abort();
	return k;
}

static void
golden(void)
{
	struct seal_key *k = fixed_key();
	uint8_t want[SEAL_PUB_LEN], in[SEAL_LEN], out[SEAL_KEY_LEN], key[SEAL_KEY_LEN];
	struct err e;

	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t)(0x40 + i);
	unhex(want, sizeof(want), PUB);
	EQ_M(seal_key_pub(k), want, SEAL_PUB_LEN, "the public key of a fixed secret");
	unhex(in, sizeof(in), SEALED);
	EQ_I(seal_open(k, LABEL, strlen(LABEL), in, out, &e), 0,
	    "opens what another implementation sealed");
	EQ_M(out, key, SEAL_KEY_LEN, "the sealed key");
	seal_key_free(k);
	seal_key_free(NULL);
}

static void
points(void)
{
	/* G, 2G, 112233445566778899 G */
	static const char *const good[] = {
		"046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
		"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
		"047cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978"
		"07775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1",
		"04339150844ec15234807fe862a86be77977dbfb3ae3d96f4c22795513aeaab82f"
		"b1c14ddfdc8ec1b2583f51e85a5eb3a155840f2034730e9b5ada38b674336a21",
	};
	uint8_t p[SEAL_PUB_LEN], zero[SEAL_PUB_LEN] = {4};
	struct seal_pub *pub = NULL;
	bool none = true;
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		unhex(p, sizeof(p), good[i]);
		EQ_I(seal_pub_new(p, &pub, &e), 0, "a point of the curve");
		seal_pub_free(pub);
	}
	for (size_t bit = 0; bit < sizeof(p) * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		none = none && seal_pub_new(p, &pub, &e) == E_INVAL;
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	OK(none, "a point with a flipped bit is not on the curve");
	EQ_I(seal_pub_new(zero, &pub, &e), E_INVAL, "nor is zero");
	p[0] = 0x06 | (p[64] & 1);
	EQ_I(seal_pub_new(p, &pub, &e), E_INVAL, "the hybrid encoding is not taken");
	(void)memset(p + 1, 0xff, 64);
	p[0] = 4;
	EQ_I(seal_pub_new(p, &pub, &e), E_INVAL, "coordinates beyond the field");
	seal_pub_free(NULL);
}

static void
tamper(void)
{
	struct seal_key *k = fixed_key(), *other = NULL;
	struct seal_pub *pub = NULL;
	uint8_t key[SEAL_KEY_LEN] = {9}, in[SEAL_LEN], two[SEAL_LEN], out[SEAL_KEY_LEN];
	uint8_t secret[32] = {1};
	bool none = true;
	struct err e;

	EQ_I(seal_pub_new(seal_key_pub(k), &pub, &e), 0, "the public half");
	EQ_I(seal_to(pub, "a", 1, key, in, &e), 0, "seal");
	EQ_I(seal_to(pub, "a", 1, key, two, &e), 0, "seal again");
	OK(memcmp(in, two, SEAL_LEN) != 0, "each sealing has its own ephemeral key");
	EQ_I(seal_open(k, "a", 1, in, out, &e), 0, "open");
	EQ_M(out, key, SEAL_KEY_LEN, "the key");
	for (size_t bit = 0; bit < SEAL_LEN * 8; bit++) {
		in[bit / 8] ^= (uint8_t)(1 << bit % 8);
		none = none && seal_open(k, "a", 1, in, out, &e) == E_AUTH;
		in[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	OK(none, "each flipped bit is refused");
	EQ_I(seal_open(k, "b", 1, in, out, &e), E_AUTH, "another label");
	EQ_I(seal_open(k, "", 0, in, out, &e), E_AUTH, "no label");
	EQ_I(seal_open(k, "aa", 2, in, out, &e), E_AUTH, "a longer label");
	EQ_I(seal_key_new(secret, &other, &e), 0, "another key");
	EQ_I(seal_open(other, "a", 1, in, out, &e), E_AUTH, "another key does not open it");
	(void)memcpy(two, in, SEAL_PUB_LEN);
	EQ_I(seal_open(k, "a", 1, two, out, &e), E_AUTH, "parts of two sealings do not mix");
	seal_key_free(other);
	seal_pub_free(pub);
	seal_key_free(k);
}

int
main(void)
{
	golden();
	points();
	tamper();
	return tap_done();
}
