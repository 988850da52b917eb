#include "crypt/sign.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "crypt/ossl_int.h"

struct signer {
	EVP_PKEY *key;
	uint8_t pub[SIGN_PUB_LEN];
};

int
signer_new(const uint8_t seed[SIGN_SEED_LEN], struct signer **ret, struct err *e)
{
	struct signer *s = calloc(1, sizeof(*s));
	size_t n = SIGN_PUB_LEN;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for a signing key");
	s->key = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, SIGN_SEED_LEN);
	if (!s->key || !EVP_PKEY_get_raw_public_key(s->key, s->pub, &n) || n != SIGN_PUB_LEN) {
		signer_free(s);
		return ossl_fail(e, "cannot prepare a signing key");
	}
	*ret = s;
	return 0;
}

void
signer_free(struct signer *s)
{
	if (!s)
		return;
	EVP_PKEY_free(s->key);
	free(s);
}

const uint8_t *
signer_pub(const struct signer *s)
{
	return s->pub;
}

int
signer_sign(struct signer *s, const void *p, size_t n, uint8_t out[SIGN_LEN], struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = SIGN_LEN;
	int r = 0;

	if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, s->key, NULL) != 1 ||
	    EVP_DigestSign(ctx, out, &len, p, n) != 1 || len != SIGN_LEN)
		r = ossl_fail(e, "cannot sign");
	EVP_MD_CTX_free(ctx);
	return r;
}

bool
sign_ok(const uint8_t pub[SIGN_PUB_LEN], const void *p, size_t n, const uint8_t sig[SIGN_LEN])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, pub, SIGN_PUB_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = key && ctx &&
	    EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
	    EVP_DigestVerify(ctx, sig, SIGN_LEN, p, n) == 1;

	if (!ok)
		(void)ossl_drop();
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}
