/* AES-256-GCM against the vectors of the GCM submission, and every byte of a sealed message. */
#include "crypt/aead.h"

#include <stdlib.h>

#include "base/num.h"
#include "tap.h"

struct vec {
	const char *key, *nonce, *aad, *plain, *sealed;
};

/* Test cases 13 to 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega), the source of NIST
 * SP 800-38D's validation vectors. */
#define K15 "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define P16                                                                                        \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                         \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define C16                                                                                        \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"                         \
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
static const struct vec vecs[] = {
	{"0000000000000000000000000000000000000000000000000000000000000000",
	    "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
	{"0000000000000000000000000000000000000000000000000000000000000000",
	    "000000000000000000000000", "", "00000000000000000000000000000000",
	    "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
	{K15, "cafebabefacedbaddecaf888", "", P16 "1aafd255",
	    C16 "898015ad" "b094dac5d93471bdec1a502270e3cc6c"},
	{K15, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", P16,
	    C16 "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static size_t
unhex(uint8_t *out, const char *s)
{
	size_t n = strlen(s) / 2;

	if (hex_get(out, n, s) < 0)
		abort();
	return n;
}

static void
vectors(void)
{
	for (size_t i = 0; i < ARRAY_LEN(vecs); i++) {
		uint8_t key[32], nonce[12], aad[64], plain[128], want[128], got[128];
		size_t an = unhex(aad, vecs[i].aad), pn = unhex(plain, vecs[i].plain);
		struct aead *a = NULL;
		struct err e;

		(void)unhex(key, vecs[i].key);
		(void)unhex(nonce, vecs[i].nonce);
		EQ_I(unhex(want, vecs[i].sealed), pn + 16, "vector is complete");
		EQ_I(aead_new(key, &a, &e), 0, "a key");
		for (int again = 0; again < 2; again++) {
			(void)memset(got, 0, sizeof(got));
			EQ_I(aead_seal(a, nonce, aad, an, plain, pn, got, &e), 0, "seal");
			OK(memcmp(got, want, pn + 16) == 0, "GCM test case %zu", i + 13);
			EQ_I(aead_open(a, nonce, aad, an, want, pn + 16, got, &e), 0, "open");
			EQ_M(got, plain, pn, "opens to what was sealed");
		}
		aead_free(a);
	}
	aead_free(NULL);
}

/* Our own use of it: a counted nonce, a bound label, the commitment. A change here would make every
 * existing vault unreadable. */
static void
golden(void)
{
	static const char text[] = "葛󠄀 ① ㈱ ｶﾅ ～";
	uint8_t key[32], nonce[12], out[64], want[64];
	struct aead *a = NULL;
	size_t n = strlen(text);

	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t)i;
	aead_nonce(nonce, 0x0102030405060708);
	EQ_M(nonce, "\0\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01", 12, "the nonce of a counter");
	EQ_I(aead_new(key, &a, NULL), 0, "a key");
	EQ_I(aead_seal(a, nonce, "page", 4, text, n, out, NULL), 0, "seal");
	EQ_I(unhex(want, "f46964b6c2ab486e77e25e137da68b8a52488127e63109a714fa"
	                 "c1af6e96b07e556058db7e485ed175d1"),
	    n + 16, "length");
	EQ_M(out, want, n + 16, "a sealed page of a fixed key");
	aead_free(a);
	EQ_I(aead_commit(key, out, NULL), 0, "commit");
	(void)unhex(want, "0b08aaf33a0c7b5ccf84250c5fae8c971030fc6089860cec8574508957044f62");
	EQ_M(out, want, 32, "the commitment to a fixed key");
}

static void
tamper(void)
{
	enum { N = 100 };
	uint8_t key[32] = {1}, nonce[12] = {2}, plain[N], sealed[N + 16], out[N + 16],
		zero[N] = {0};
	char aad[] = "segment 7";
	struct aead *a = NULL;
	bool all = true, wiped = true;
	struct err e;

	for (int i = 0; i < N; i++)
		plain[i] = (uint8_t)(i + 1);
	EQ_I(aead_new(key, &a, &e), 0, "a key");
	EQ_I(aead_seal(a, nonce, aad, 9, plain, N, sealed, &e), 0, "seal");
	for (size_t bit = 0; bit < sizeof(sealed) * 8; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		all = all && aead_open(a, nonce, aad, 9, sealed, N + 16, out, &e) == E_CORRUPT;
		wiped = wiped && memcmp(out, zero, N) == 0;
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	OK(all, "each flipped bit of the message or its tag is refused");
	OK(wiped, "and nothing of it is handed out");
	all = true;
	for (size_t bit = 0; bit < 12 * 8; bit++) {
		nonce[bit / 8] ^= (uint8_t)(1 << bit % 8);
		all = all && aead_open(a, nonce, aad, 9, sealed, N + 16, out, &e) == E_CORRUPT;
		nonce[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	OK(all, "each flipped bit of the nonce");
	all = true;
	for (size_t bit = 0; bit < 9 * 8; bit++) {
		aad[bit / 8] = (char)(aad[bit / 8] ^ 1 << bit % 8);
		all = all && aead_open(a, nonce, aad, 9, sealed, N + 16, out, &e) == E_CORRUPT;
		aad[bit / 8] = (char)(aad[bit / 8] ^ 1 << bit % 8);
	}
	OK(all, "each flipped bit of the label");
	all = true;
	for (size_t n = 0; n < N + 16; n++)
		all = all && aead_open(a, nonce, aad, 9, sealed, n, out, &e) == E_CORRUPT;
	OK(all, "each shorter length");
	EQ_I(aead_open(a, nonce, aad, 9, sealed, N + 16, sealed, &e), 0, "opened in place");
	EQ_M(sealed, plain, N, "and whole, after all those failures on the same key");
	EQ_I(aead_seal(a, nonce, aad, 9, sealed, N, sealed, &e), 0, "sealed in place");
	EQ_I(aead_open(a, nonce, aad, 9, sealed, N + 16, out, &e), 0, "opens");
	EQ_M(out, plain, N, "the same");
	aead_free(a);
}

int
main(void)
{
	vectors();
	golden();
	tamper();
	return tap_done();
}
