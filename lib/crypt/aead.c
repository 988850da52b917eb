#include "crypt/aead.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/num.h"
#include "crypt/digest.h"
#include "crypt/ossl_int.h"

/* One call of EVP takes an int; longer inputs go in steps of this many bytes. */
enum { STEP = 1 << 30 };

struct aead {
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *ctx; /* holds the expanded key; a call changes only the nonce */
};

int
aead_new(const uint8_t key[AEAD_KEY_LEN], struct aead **ret, struct err *e)
{
	struct aead *a = calloc(1, sizeof(*a));

	if (!a)
		return err_set(e, E_NOMEM, "no memory for a key");
	a->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	a->ctx = EVP_CIPHER_CTX_new();
	if (!a->cipher || !a->ctx || !EVP_EncryptInit_ex2(a->ctx, a->cipher, key, NULL, NULL)) {
		aead_free(a);
		return ossl_fail(e, "cannot prepare AES-256-GCM");
	}
	*ret = a;
	return 0;
}

void
aead_free(struct aead *a)
{
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->ctx); /* wipes the key schedule */
	EVP_CIPHER_free(a->cipher);
	free(a);
}

/* Feed ${n} bytes; ${out} NULL for data that is only authenticated. */
static bool
feed(EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t n, uint8_t *out)
{
	while (n > 0) {
		int step = n > STEP ? STEP : (int)n, got = 0;

		if (!EVP_CipherUpdate(ctx, out, &got, in, step) || got != step)
			return false;
		in += step;
		if (out)
			out += step;
		n -= (size_t)step;
	}
	return true;
}

int
aead_seal(struct aead *a, const uint8_t nonce[AEAD_NONCE_LEN], const void *aad, size_t aad_len,
    const void *in, size_t n, void *out, struct err *e)
{
	uint8_t none[AEAD_TAG_LEN];
	int got = 0;

	if (!EVP_CipherInit_ex2(a->ctx, NULL, NULL, nonce, 1, NULL) ||
	    !feed(a->ctx, aad, aad_len, NULL) || !feed(a->ctx, in, n, out) ||
	    !EVP_CipherFinal_ex(a->ctx, none, &got) ||
	    EVP_CIPHER_CTX_ctrl(
	        a->ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, (uint8_t *)out + n) != 1)
		return ossl_fail(e, "cannot encrypt");
	return 0;
}

int
aead_open(struct aead *a, const uint8_t nonce[AEAD_NONCE_LEN], const void *aad, size_t aad_len,
    const void *in, size_t n, void *out, struct err *e)
{
	uint8_t tag[AEAD_TAG_LEN], none[AEAD_TAG_LEN];
	int got = 0;

	if (n < AEAD_TAG_LEN)
		return err_set(e, E_CORRUPT, "sealed data is too short");
	n -= AEAD_TAG_LEN;
	(void)memcpy(tag, (const uint8_t *)in + n, sizeof(tag));
	if (!EVP_CipherInit_ex2(a->ctx, NULL, NULL, nonce, 0, NULL) ||
	    !feed(a->ctx, aad, aad_len, NULL) || !feed(a->ctx, in, n, out) ||
	    EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, tag) != 1) {
		OPENSSL_cleanse(out, n); /* never hand out what was not authenticated */
		return ossl_fail(e, "cannot decrypt");
	}
	if (EVP_CipherFinal_ex(a->ctx, none, &got) <= 0) {
		OPENSSL_cleanse(out, n);
		(void)ossl_drop(); /* this step allocates nothing: it is the tag */
		return err_set(e, E_CORRUPT, "sealed data does not fit its seal");
	}
	return 0;
}

void
aead_nonce(uint8_t out[AEAD_NONCE_LEN], uint64_t counter)
{
	(void)memset(out, 0, 4);
	le64_put(out + 4, counter);
}

int
aead_commit(const uint8_t key[AEAD_KEY_LEN], uint8_t out[32], struct err *e)
{
	return kdf_hkdf(key, AEAD_KEY_LEN, NULL, 0, "mamori commit v1", out, 32, e);
}
