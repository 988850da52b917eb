/* An authenticator in software, for the tests of passkeys: makes keys, attestation objects and
 * assertions the way a browser hands them over, and can be told to do each thing wrong. */
#ifndef MAMORI_TESTS_IDENTITY_SOFT_H
#define MAMORI_TESTS_IDENTITY_SOFT_H

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/buf.h"
#include "crypt/digest.h"
#include "identity/webauthn.h"

struct soft {
	EVP_PKEY *key;
	int64_t alg;
	uint8_t cred[16];
	uint32_t count;
	uint8_t flags; /* UP, UV, ... beside what the ceremony sets */
	const char *rp, *origin, *type, *extra; /* type NULL: as it should be */
};

static inline void
soft_must(int r)
{
	if (r < 0)
		abort();
}

static inline void
soft_new(struct soft *s, int64_t alg, uint8_t name)
{
	*s = (struct soft){.alg = alg, .flags = 0x05, .rp = "mamori.clinic.example",
	    .origin = "https://mamori.clinic.example:8443"};
	s->key = alg == WEBAUTHN_ES256 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
	    : alg == WEBAUTHN_RS256    ? EVP_RSA_gen(2048)
	                               : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!s->key)
		abort();
	(void)memset(s->cred, name, sizeof(s->cred));
}

/* cbor(b, major, n): The head of an item, shortest form. */
static inline void
cbor(struct buf *b, unsigned major, uint64_t n)
{
	if (n < 24) {
		soft_must(buf_u8(b, (uint8_t)(major << 5 | n), NULL));
	} else if (n < 256) {
		soft_must(buf_u8(b, (uint8_t)(major << 5 | 24), NULL));
		soft_must(buf_u8(b, (uint8_t)n, NULL));
	} else {
		soft_must(buf_u8(b, (uint8_t)(major << 5 | 25), NULL));
		soft_must(buf_u8(b, (uint8_t)(n >> 8), NULL));
		soft_must(buf_u8(b, (uint8_t)n, NULL));
	}
}

static inline void
cbor_int_put(struct buf *b, int64_t v)
{
	cbor(b, v < 0 ? 1 : 0, (uint64_t)(v < 0 ? -1 - v : v));
}

static inline void
cbor_bytes(struct buf *b, const void *p, size_t n)
{
	cbor(b, 2, n);
	soft_must(buf_put(b, p, n, NULL));
}

static inline void
cbor_text(struct buf *b, const char *s)
{
	cbor(b, 3, strlen(s));
	soft_must(buf_str(b, s, NULL));
}

/* soft_cose(s, b): The public key. */
static inline void
soft_cose(const struct soft *s, struct buf *b)
{
	uint8_t raw[600];
	size_t n = 0;

	if (s->alg == WEBAUTHN_RS256) {
		BIGNUM *m = NULL;

		if (EVP_PKEY_get_bn_param(s->key, OSSL_PKEY_PARAM_RSA_N, &m) != 1)
			abort();
		n = (size_t)BN_bn2bin(m, raw);
		BN_free(m);
		cbor(b, 5, 4);
		cbor_int_put(b, 1), cbor_int_put(b, 3);
		cbor_int_put(b, 3), cbor_int_put(b, s->alg);
		cbor_int_put(b, -1), cbor_bytes(b, raw, n);
		cbor_int_put(b, -2), cbor_bytes(b, "\x01\x00\x01", 3);
		return;
	}
	if (EVP_PKEY_get_octet_string_param(
		s->key, OSSL_PKEY_PARAM_PUB_KEY, raw, sizeof(raw), &n) != 1)
		abort();
	cbor(b, 5, s->alg == WEBAUTHN_ES256 ? 5 : 4);
	cbor_int_put(b, 1), cbor_int_put(b, s->alg == WEBAUTHN_ES256 ? 2 : 1);
	cbor_int_put(b, 3), cbor_int_put(b, s->alg);
	cbor_int_put(b, -1), cbor_int_put(b, s->alg == WEBAUTHN_ES256 ? 1 : 6);
	cbor_int_put(b, -2);
	if (s->alg == WEBAUTHN_ES256) {
		cbor_bytes(b, raw + 1, 32);
		cbor_int_put(b, -3), cbor_bytes(b, raw + 33, 32);
	} else {
		cbor_bytes(b, raw, n);
	}
}

/* soft_auth(s, made, b): Authenticator data. */
static inline void
soft_auth(struct soft *s, bool made, struct buf *b)
{
	uint8_t hash[DIGEST_LEN], c[4];
	static const uint8_t aaguid[16];

	digest_sha256(s->rp, strlen(s->rp), hash);
	for (int i = 0; i < 4; i++)
		c[i] = (uint8_t)(s->count >> (24 - 8 * i));
	soft_must(buf_put(b, hash, sizeof(hash), NULL));
	soft_must(buf_u8(b, (uint8_t)(s->flags | (made ? 0x40 : 0)), NULL));
	soft_must(buf_put(b, c, 4, NULL));
	if (!made)
		return;
	soft_must(buf_put(b, aaguid, sizeof(aaguid), NULL));
	soft_must(buf_u8(b, 0, NULL));
	soft_must(buf_u8(b, sizeof(s->cred), NULL));
	soft_must(buf_put(b, s->cred, sizeof(s->cred), NULL));
	soft_cose(s, b);
}

/* soft_client(s, type, challenge, b): clientDataJSON as browsers write it. */
static inline void
soft_client(const struct soft *s, const char *type, const char *challenge, struct buf *b)
{
	soft_must(buf_fmt(b, NULL,
	    "{\"type\":\"%s\",\"challenge\":\"%s\",\"origin\":\"%s\",\"crossOrigin\":false%s}",
	    s->type ? s->type : type, challenge, s->origin, s->extra ? s->extra : ""));
}

static inline void
soft_object(struct soft *s, struct buf *b)
{
	struct buf auth;

	buf_init(&auth, 4096);
	soft_auth(s, true, &auth);
	cbor(b, 5, 3);
	cbor_text(b, "fmt"), cbor_text(b, "none");
	cbor_text(b, "attStmt"), cbor(b, 5, 0);
	cbor_text(b, "authData"), cbor_bytes(b, auth.p, auth.len);
	buf_free(&auth);
}

static inline void
soft_sign(const struct soft *s, const struct buf *auth, const struct buf *client, struct buf *sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t text[4096], out[600];
	size_t n = sizeof(out);

	(void)memcpy(text, auth->p, auth->len);
	digest_sha256(client->p, client->len, text + auth->len);
	if (!ctx ||
	    EVP_DigestSignInit_ex(ctx, NULL, s->alg == WEBAUTHN_EDDSA ? NULL : "SHA256", NULL, NULL,
		s->key, NULL) != 1 ||
	    EVP_DigestSign(ctx, out, &n, text, auth->len + DIGEST_LEN) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	soft_must(buf_put(sig, out, n, NULL));
}

static inline void
soft_field(json_t *o, const char *name, const void *p, size_t n)
{
	char *text = malloc(B64_LEN(n));

	if (!text)
		abort();
	b64_put_url(text, p, n);
	soft_must(json_object_set_new(o, name, json_string(text)));
	free(text);
}

/* soft_create(s, options): What the page sends after navigator.credentials.create. */
static inline json_t *
soft_create(struct soft *s, const json_t *options)
{
	struct buf client, object;
	json_t *o = json_object();

	buf_init(&client, 4096);
	buf_init(&object, 4096);
	soft_client(s, "webauthn.create",
	    json_string_value(json_object_get(options, "challenge")), &client);
	soft_object(s, &object);
	soft_field(o, "id", s->cred, sizeof(s->cred));
	soft_field(o, "clientDataJSON", client.p, client.len);
	soft_field(o, "attestationObject", object.p, object.len);
	buf_free(&client);
	buf_free(&object);
	return o;
}

/* soft_get(s, options, handle): What the page sends after navigator.credentials.get. */
static inline json_t *
soft_get(struct soft *s, const json_t *options, const char *handle)
{
	struct buf client, auth, sig;
	json_t *o = json_object();

	buf_init(&client, 4096);
	buf_init(&auth, 4096);
	buf_init(&sig, 1024);
	s->count++;
	soft_client(s, "webauthn.get", json_string_value(json_object_get(options, "challenge")),
	    &client);
	soft_auth(s, false, &auth);
	soft_sign(s, &auth, &client, &sig);
	soft_field(o, "id", s->cred, sizeof(s->cred));
	soft_field(o, "clientDataJSON", client.p, client.len);
	soft_field(o, "authenticatorData", auth.p, auth.len);
	soft_field(o, "signature", sig.p, sig.len);
	if (handle)
		soft_field(o, "userHandle", handle, strlen(handle));
	buf_free(&client);
	buf_free(&auth);
	buf_free(&sig);
	return o;
}

#endif
