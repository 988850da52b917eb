/* P-256 against RFC 6979 A.2.5; RSA against keys made here; every byte of a signature. */
#include "crypt/pubkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "base/num.h"
#include "tap.h"

static void
test_p256(void)
{
	/* r and s have their top bit set: a zero byte goes before each */
	static const char der[] =
	    "3046022100"
	    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
	    "022100"
	    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
	uint8_t point[65], sig[72], zero[65] = {4};
	int missed = 0;

	if (hex_get(sig, sizeof(sig), der) < 0 ||
	    hex_get(point, sizeof(point),
	        "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
	        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299") < 0)
		abort();
	OK(pubkey_p256_ok(point, "sample", 6, sig, sizeof(sig)), "RFC 6979 A.2.5, SHA-256");
	OK(!pubkey_p256_ok(point, "simple", 6, sig, sizeof(sig)), "another message");
	for (size_t i = 0; i < sizeof(sig); i++) {
		sig[i] ^= 1;
		missed += pubkey_p256_ok(point, "sample", 6, sig, sizeof(sig));
		sig[i] ^= 1;
		missed += pubkey_p256_ok(point, "sample", 6, sig, i);
	}
	EQ_I(missed, 0, "every byte of the signature counts");
	OK(pubkey_p256_valid(point), "a point of the curve");
	point[64] ^= 1;
	OK(!pubkey_p256_valid(point) && !pubkey_p256_ok(point, "sample", 6, sig, sizeof(sig)),
	    "a point beside the curve");
	OK(!pubkey_p256_valid(zero), "no point");
	point[64] ^= 1;
	point[0] = 2;
	OK(!pubkey_p256_valid(point), "another form");
}

struct rsa {
	EVP_PKEY *key;
	uint8_t mod[PUBKEY_RSA_MAX], exp[8], sig[PUBKEY_RSA_MAX];
	size_t mod_len, exp_len, sig_len;
};

static void
rsa_new(struct rsa *r, unsigned bits)
{
	BIGNUM *n = NULL, *e = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	*r = (struct rsa){.key = EVP_RSA_gen(bits), .sig_len = PUBKEY_RSA_MAX};
	if (!r->key || !ctx || EVP_PKEY_get_bn_param(r->key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
	    EVP_PKEY_get_bn_param(r->key, OSSL_PKEY_PARAM_RSA_E, &e) != 1 ||
	    EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, r->key, NULL) != 1 ||
	    EVP_DigestSign(ctx, r->sig, &r->sig_len, (const unsigned char *)"hello", 5) != 1)
		abort();
	r->mod_len = (size_t)BN_bn2bin(n, r->mod);
	r->exp_len = (size_t)BN_bn2bin(e, r->exp);
	BN_free(n);
	BN_free(e);
	EVP_MD_CTX_free(ctx);
}

static bool
rsa_ok(const struct rsa *r, const char *msg)
{
	return pubkey_rsa_ok(r->mod, r->mod_len, r->exp, r->exp_len, msg, strlen(msg), r->sig,
	    r->sig_len);
}

static void
test_rsa(void)
{
	struct rsa r;
	int missed = 0;

	rsa_new(&r, 2048);
	OK(rsa_ok(&r, "hello"), "RSA of 2048 bits");
	OK(!rsa_ok(&r, "hallo"), "another message");
	for (size_t i = 0; i < r.sig_len; i += 7) {
		r.sig[i] ^= 1;
		missed += rsa_ok(&r, "hello");
		r.sig[i] ^= 1;
	}
	EQ_I(missed, 0, "the bytes of the signature count");
	r.exp[r.exp_len - 1] ^= 1;
	OK(!rsa_ok(&r, "hello"), "an even exponent");
	r.exp_len = 0;
	OK(!rsa_ok(&r, "hello"), "no exponent");
	EVP_PKEY_free(r.key);
	rsa_new(&r, 1024);
	OK(!rsa_ok(&r, "hello"), "RSA of 1024 bits is too weak");
	EVP_PKEY_free(r.key);
	OK(!pubkey_rsa_ok(r.mod, 0, r.exp, 3, "x", 1, r.sig, 1), "no modulus");
}

int
main(void)
{
	test_p256();
	test_rsa();
	return tap_done();
}
