/* FIPS 180-4, RFC 4231 and RFC 5869 vectors, and every way of cutting a message into pieces. */
#include "crypt/digest.h"

#include <stdlib.h>

#include "base/num.h"
#include "tap.h"

static bool
is_hex(const uint8_t *p, size_t n, const char *want)
{
	char got[2 * 128 + 1];

	hex_put(got, p, n);
	if (strcmp(got, want) == 0)
		return true;
	printf("#   got %s\n", got);
	return false;
}

static void
sha256(void)
{
	static const struct {
		const char *in, *out;
	} v[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	uint8_t d[DIGEST_LEN], again[DIGEST_LEN];
	struct digest *s = NULL;
	char *a = malloc(1000000);

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		digest_sha256(v[i].in, strlen(v[i].in), d);
		OK(is_hex(d, sizeof(d), v[i].out), "FIPS 180 vector %zu", i);
	}
	(void)memset(a, 'a', 1000000);
	digest_sha256(a, 1000000, d);
	OK(is_hex(d, sizeof(d), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
	    "a million times a");
	EQ_I(digest_new(&s, NULL), 0, "an incremental digest");
	for (size_t cut = 0; cut <= 1000000; cut += 333333) {
		digest_add(s, a, cut);
		digest_add(s, a + cut, 1000000 - cut);
		digest_end(s, again);
		digest_reset(s);
		OK(memcmp(d, again, sizeof(d)) == 0, "the same in two parts cut at %zu", cut);
	}
	digest_add(s, NULL, 0);
	digest_end(s, again);
	OK(is_hex(again, sizeof(again), v[0].out), "nothing added is the empty message");
	digest_free(s);
	digest_free(NULL);
	free(a);
}

static void
pieces(void)
{
	const char *text = "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～";
	size_t n = strlen(text);
	uint8_t whole[DIGEST_LEN], d[DIGEST_LEN];
	bool good = true;

	digest_sha256(text, n, whole);
	for (size_t i = 0; i <= n; i++) {
		struct iovec iov[3] = {
			{.iov_base = (void *)(uintptr_t)text, .iov_len = i},
			{.iov_base = NULL, .iov_len = 0},
			{.iov_base = (void *)(uintptr_t)(text + i), .iov_len = n - i},
		};

		digest_sha256v(iov, ARRAY_LEN(iov), d);
		good = good && memcmp(d, whole, sizeof(d)) == 0;
	}
	OK(good, "a list of pieces digests as their concatenation, wherever it is cut");
	digest_sha256v(NULL, 0, d);
	digest_sha256("", 0, whole);
	EQ_M(d, whole, DIGEST_LEN, "no pieces at all");
}

static void
hmac(void)
{
	static const struct {
		uint8_t key_byte, data_byte;
		size_t key_len, data_len;
		const char *key, *data, *out;
	} v[] = {
		{0x0b, 0, 20, 0, NULL, "Hi There",
		    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{0, 0, 0, 0, "Jefe", "what do ya want for nothing?",
		    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{0xaa, 0xdd, 20, 50, NULL, NULL,
		    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{0xaa, 0, 131, 0, NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
		    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{0xaa, 0, 131, 0, NULL,
		    "This is a test using a larger than block-size key and a larger than "
		    "block-size data. The key needs to be hashed before being used by the "
		    "HMAC algorithm.",
		    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		uint8_t key[200], data[200], out[DIGEST_LEN], again[DIGEST_LEN];
		size_t kn = v[i].key ? strlen(v[i].key) : v[i].key_len;
		size_t dn = v[i].data ? strlen(v[i].data) : v[i].data_len;
		struct hmac *h = NULL;

		(void)memset(key, v[i].key_byte, sizeof(key));
		(void)memset(data, v[i].data_byte, sizeof(data));
		if (v[i].key)
			(void)memcpy(key, v[i].key, kn);
		if (v[i].data)
			(void)memcpy(data, v[i].data, dn);
		EQ_I(hmac_new(key, kn, &h, NULL), 0, "a key");
		hmac_of(h, data, dn, out);
		OK(is_hex(out, sizeof(out), v[i].out), "RFC 4231 vector %zu", i);
		hmac_of(h, data, dn, again);
		EQ_M(out, again, DIGEST_LEN, "a prepared key is not used up");
		hmac_free(h);
	}
	hmac_free(NULL);
}

static void
hkdf(void)
{
	uint8_t ikm[80], salt[80], info[81] = {0}, out[128];
	struct err e;
	uint8_t *big = malloc(255 * 32 + 1);

	(void)memset(ikm, 0x0b, sizeof(ikm));
	for (int i = 0; i < 13; i++)
		salt[i] = (uint8_t)i;
	for (int i = 0; i < 10; i++)
		info[i] = (uint8_t)(0xf0 + i);
	EQ_I(kdf_hkdf(ikm, 22, salt, 13, (const char *)info, out, 42, &e), 0, "RFC 5869 case 1");
	OK(is_hex(out, 42,
	       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	       "34007208d5b887185865"),
	    "case 1 output");
	for (int i = 0; i < 80; i++) {
		ikm[i] = (uint8_t)i;
		salt[i] = (uint8_t)(0x60 + i);
		info[i] = (uint8_t)(0xb0 + i);
	}
	EQ_I(kdf_hkdf(ikm, 80, salt, 80, (const char *)info, out, 82, &e), 0, "RFC 5869 case 2");
	OK(is_hex(out, 82,
	       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	       "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	       "cc30c58179ec3e87c14c01d5c1f3434f1d87"),
	    "case 2 output");
	(void)memset(ikm, 0x0b, sizeof(ikm));
	EQ_I(kdf_hkdf(ikm, 22, NULL, 0, "", out, 42, &e), 0, "RFC 5869 case 3");
	OK(is_hex(out, 42,
	       "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	       "9d201395faa4b61a96c8"),
	    "case 3 output");
	EQ_I(kdf_hkdf(ikm, 22, NULL, 0, "x", big, 255 * 32, &e), 0, "the longest output");
	EQ_I(kdf_hkdf(ikm, 22, NULL, 0, "x", big, 255 * 32 + 1, &e), E_INVAL, "one byte more");
	free(big);
}

int
main(void)
{
	sha256();
	pieces();
	hmac();
	hkdf();
	return tap_done();
}
