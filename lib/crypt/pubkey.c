#include "crypt/pubkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <string.h>

#include "crypt/ossl_int.h"

static EVP_PKEY *
make(const char *kind, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool
holds(EVP_PKEY *key, const void *p, size_t n, const uint8_t *sig, size_t sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
	    EVP_DigestVerify(ctx, sig, sig_len, p, n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

static EVP_PKEY *
p256(const uint8_t point[65])
{
	char group[] = "P-256";
	uint8_t copy[65]; /* the interface takes pointers to non-const */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof(copy)),
		OSSL_PARAM_construct_end(),
	};

	(void)memcpy(copy, point, sizeof(copy));
	return point[0] == 4 ? make("EC", params) : NULL;
}

bool
pubkey_p256_ok(const uint8_t point[65], const void *p, size_t n, const uint8_t *sig, size_t sig_len)
{
	EVP_PKEY *key = p256(point);
	bool ok = key && holds(key, p, n, sig, sig_len);

	EVP_PKEY_free(key);
	(void)ossl_drop();
	return ok;
}

bool
pubkey_p256_valid(const uint8_t point[65])
{
	EVP_PKEY *key = p256(point);
	bool ok = key != NULL;

	EVP_PKEY_free(key);
	(void)ossl_drop();
	return ok;
}

static bool
rsa_form(const uint8_t *mod, size_t mod_len, const uint8_t *exp, size_t exp_len)
{
	if (mod_len < PUBKEY_RSA_MIN || mod_len > PUBKEY_RSA_MAX || mod[0] < 0x80)
		return false;
	if (exp_len < 1 || exp_len > PUBKEY_EXP_MAX || exp[0] == 0 || exp[exp_len - 1] % 2 == 0)
		return false;
	return exp_len > 1 || exp[0] > 2;
}

bool
pubkey_rsa_ok(const uint8_t *mod, size_t mod_len, const uint8_t *exp, size_t exp_len,
    const void *p, size_t n, const uint8_t *sig, size_t sig_len)
{
	OSSL_PARAM_BLD *bld = NULL;
	OSSL_PARAM *params = NULL;
	BIGNUM *bn = NULL, *be = NULL;
	EVP_PKEY *key = NULL;
	bool ok = false;

	if (!rsa_form(mod, mod_len, exp, exp_len))
		return false;
	bld = OSSL_PARAM_BLD_new();
	bn = BN_bin2bn(mod, (int)mod_len, NULL);
	be = BN_bin2bn(exp, (int)exp_len, NULL);
	if (bld && bn && be && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be) == 1)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params)
		key = make("RSA", params);
	ok = key && holds(key, p, n, sig, sig_len);
	EVP_PKEY_free(key);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(bn);
	BN_free(be);
	(void)ossl_drop();
	return ok;
}
