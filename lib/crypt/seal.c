#include "crypt/seal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include "crypt/aead.h"
#include "crypt/digest.h"
#include "crypt/ossl_int.h"

enum { SHARED_LEN = 32, WIDE_LEN = 48 };

struct seal_pub {
	EVP_PKEY *key;
	uint8_t point[SEAL_PUB_LEN];
};

struct seal_key {
	EVP_PKEY *key;
	uint8_t point[SEAL_PUB_LEN];
};

/* A P-256 key from its point and, when it is a private key, its scalar. NULL when OpenSSL does not
 * take it (the point is not on the curve). */
static EVP_PKEY *
pkey_new(const uint8_t point[SEAL_PUB_LEN], const BIGNUM *scalar)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	int what = scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;

	if (bld && ctx &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, SEAL_PUB_LEN) &&
	    (!scalar || OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, scalar)))
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, what, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params); /* wipes what came from a secure number */
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* After pkey_new gave NULL: whether OpenSSL says that it is the point. Anything else is trouble of
 * our own (no memory) and must not be taken for a foreign key. Empties the queue. */
static bool
bad_point(void)
{
	unsigned long code;
	bool bad = false, nomem = false;

	while ((code = ERR_get_error()) != 0) {
		int why = ERR_GET_REASON(code);

		nomem = nomem || why == ERR_R_MALLOC_FAILURE;
		bad = bad || (ERR_GET_LIB(code) == ERR_LIB_EC &&
		    (why == EC_R_POINT_IS_NOT_ON_CURVE || why == EC_R_INVALID_ENCODING ||
		        why == EC_R_COORDINATES_OUT_OF_RANGE));
	}
	return bad && !nomem;
}

int
seal_pub_new(const uint8_t point[SEAL_PUB_LEN], struct seal_pub **ret, struct err *e)
{
	struct seal_pub *p;

	/* Only the uncompressed form: one point has one encoding. */
	if (point[0] != 4)
		return err_set(e, E_INVAL, "not a public key");
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(e, E_NOMEM, "no memory for a public key");
	(void)memcpy(p->point, point, SEAL_PUB_LEN);
	p->key = pkey_new(point, NULL);
	if (!p->key) {
		free(p);
		if (!bad_point())
			return err_set(e, E_NOMEM, "no memory for a public key");
		return err_set(e, E_INVAL, "not a public key: the point is not on the curve");
	}
	*ret = p;
	return 0;
}

void
seal_pub_free(struct seal_pub *p)
{
	if (!p)
		return;
	EVP_PKEY_free(p->key);
	free(p);
}

/* The scalar of FIPS 186-5 A.2.1: 384 derived bits, modulo (order - 1), plus 1. The 128 bits beyond
 * the order's length make the bias negligible; the result is in [1, order - 1]. */
static int
scalar_derive(const uint8_t secret[SEAL_SECRET_LEN], const EC_GROUP *group, BN_CTX *bn, BIGNUM *d,
    struct err *e)
{
	BIGNUM *m = BN_dup(EC_GROUP_get0_order(group)), *wide = BN_secure_new();
	uint8_t okm[WIDE_LEN];
	int r = kdf_hkdf(secret, SEAL_SECRET_LEN, NULL, 0, "mamori seal p256 v1", okm,
	    sizeof(okm), e);

	if (r == 0) {
		if (wide)
			BN_set_flags(wide, BN_FLG_CONSTTIME);
		if (!m || !wide || !BN_bin2bn(okm, sizeof(okm), wide) || !BN_sub_word(m, 1) ||
		    !BN_mod(d, wide, m, bn) || !BN_add_word(d, 1))
			r = ossl_fail(e, "cannot derive a private key");
	}
	OPENSSL_cleanse(okm, sizeof(okm));
	BN_clear_free(wide);
	BN_free(m);
	return r;
}

static int
key_fill(struct seal_key *k, const uint8_t secret[SEAL_SECRET_LEN], struct err *e)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	BN_CTX *bn = BN_CTX_secure_new();
	BIGNUM *d = BN_secure_new();
	int r;

	if (!point || !bn || !d) {
		r = ossl_fail(e, "cannot prepare a private key");
		goto out;
	}
	BN_set_flags(d, BN_FLG_CONSTTIME);
	r = scalar_derive(secret, group, bn, d, e);
	if (r < 0)
		goto out;
	if (!EC_POINT_mul(group, point, d, NULL, NULL, bn) ||
	    EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, k->point,
	        SEAL_PUB_LEN, bn) != SEAL_PUB_LEN ||
	    !(k->key = pkey_new(k->point, d)))
		r = ossl_fail(e, "cannot prepare a private key");
out:
	BN_clear_free(d);
	BN_CTX_free(bn);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return r;
}

int
seal_key_new(const uint8_t secret[SEAL_SECRET_LEN], struct seal_key **ret, struct err *e)
{
	struct seal_key *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_set(e, E_NOMEM, "no memory for a private key");
	r = key_fill(k, secret, e);
	if (r < 0) {
		seal_key_free(k);
		return r;
	}
	*ret = k;
	return 0;
}

void
seal_key_free(struct seal_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key); /* wipes the scalar */
	free(k);
}

const uint8_t *
seal_key_pub(const struct seal_key *k)
{
	return k->point;
}

/* The sealing key: ECDH, then HKDF salted with both points, so that the key is bound to who sealed
 * (the ephemeral point) and to whom. */
static int
agree(EVP_PKEY *own, EVP_PKEY *peer, const uint8_t eph[SEAL_PUB_LEN],
    const uint8_t pub[SEAL_PUB_LEN], uint8_t out[AEAD_KEY_LEN], struct err *e)
{
	uint8_t shared[SHARED_LEN], salt[2 * SEAL_PUB_LEN];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t n = sizeof(shared);
	int r;

	(void)memcpy(salt, eph, SEAL_PUB_LEN);
	(void)memcpy(salt + SEAL_PUB_LEN, pub, SEAL_PUB_LEN);
	if (!ctx || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, peer) != 1 ||
	    EVP_PKEY_derive(ctx, shared, &n) != 1 || n != sizeof(shared))
		r = ossl_fail(e, "cannot agree on a key");
	else
		r = kdf_hkdf(shared, sizeof(shared), salt, sizeof(salt), "mamori seal v1", out,
		    AEAD_KEY_LEN, e);
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_cleanse(shared, sizeof(shared));
	return r;
}

/* The nonce is constant: each sealing key exists for one message only. */
static const uint8_t nonce[AEAD_NONCE_LEN];

/* An ephemeral key and its point. */
static EVP_PKEY *
ephemeral_new(uint8_t point[SEAL_PUB_LEN])
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	unsigned char *enc = NULL;
	size_t n = key ? EVP_PKEY_get1_encoded_public_key(key, &enc) : 0;

	if (n == SEAL_PUB_LEN && enc[0] == 4) {
		(void)memcpy(point, enc, n);
	} else {
		EVP_PKEY_free(key);
		key = NULL;
	}
	OPENSSL_free(enc);
	return key;
}

int
seal_to(const struct seal_pub *pub, const void *aad, size_t n, const uint8_t key[SEAL_KEY_LEN],
    uint8_t out[SEAL_LEN], struct err *e)
{
	uint8_t kek[AEAD_KEY_LEN];
	struct aead *a = NULL;
	EVP_PKEY *eph = ephemeral_new(out);
	int r;

	if (!eph)
		return ossl_fail(e, "cannot make an ephemeral key");
	r = agree(eph, pub->key, out, pub->point, kek, e);
	if (r == 0)
		r = aead_new(kek, &a, e);
	if (r == 0)
		r = aead_seal(a, nonce, aad, n, key, SEAL_KEY_LEN, out + SEAL_PUB_LEN, e);
	aead_free(a);
	EVP_PKEY_free(eph);
	OPENSSL_cleanse(kek, sizeof(kek));
	return r;
}

int
seal_open(const struct seal_key *k, const void *aad, size_t n, const uint8_t in[SEAL_LEN],
    uint8_t out[SEAL_KEY_LEN], struct err *e)
{
	uint8_t kek[AEAD_KEY_LEN];
	struct aead *a = NULL;
	EVP_PKEY *eph = in[0] == 4 ? pkey_new(in, NULL) : NULL;
	int r;

	if (!eph && in[0] == 4 && !bad_point())
		return err_set(e, E_NOMEM, "no memory to open a sealed key");
	if (!eph)
		return err_set(e, E_AUTH, "not sealed to this key");
	r = agree(k->key, eph, in, k->point, kek, e);
	if (r == 0)
		r = aead_new(kek, &a, e);
	if (r == 0)
		r = aead_open(a, nonce, aad, n, in + SEAL_PUB_LEN, SEAL_KEY_LEN + AEAD_TAG_LEN, out,
		    e);
	if (r == E_CORRUPT)
		r = err_set(e, E_AUTH, "not sealed to this key");
	aead_free(a);
	EVP_PKEY_free(eph);
	OPENSSL_cleanse(kek, sizeof(kek));
	return r;
}
