/* SHA-256 through the low-level interface on purpose: its state is a plain struct, so one digest
 * needs no allocation, cannot fail, and a keyed state is prepared once and copied per message. The
 * interface is marked deprecated in OpenSSL 3 but runs the same SHA-NI code as EVP. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypt/digest.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

enum { BLOCK_LEN = 64 };

struct digest {
	SHA256_CTX ctx;
};

struct hmac {
	SHA256_CTX inner;
	SHA256_CTX outer;
};

static void
add(SHA256_CTX *ctx, const void *p, size_t n)
{
	if (n > 0)
		(void)SHA256_Update(ctx, p, n); /* cannot fail: it only counts and compresses */
}

void
digest_sha256(const void *p, size_t n, uint8_t out[DIGEST_LEN])
{
	SHA256_CTX ctx;

	(void)SHA256_Init(&ctx);
	add(&ctx, p, n);
	(void)SHA256_Final(out, &ctx); /* wipes ctx */
}

void
digest_sha256v(const struct iovec *iov, size_t cnt, uint8_t out[DIGEST_LEN])
{
	SHA256_CTX ctx;

	(void)SHA256_Init(&ctx);
	for (size_t i = 0; i < cnt; i++)
		add(&ctx, iov[i].iov_base, iov[i].iov_len);
	(void)SHA256_Final(out, &ctx);
}

int
digest_new(struct digest **ret, struct err *e)
{
	struct digest *d = malloc(sizeof(*d));

	if (!d)
		return err_set(e, E_NOMEM, "no memory for a digest");
	digest_reset(d);
	*ret = d;
	return 0;
}

void
digest_reset(struct digest *d)
{
	(void)SHA256_Init(&d->ctx);
}

void
digest_add(struct digest *d, const void *p, size_t n)
{
	add(&d->ctx, p, n);
}

void
digest_end(struct digest *d, uint8_t out[DIGEST_LEN])
{
	(void)SHA256_Final(out, &d->ctx);
}

void
digest_free(struct digest *d)
{
	if (!d)
		return;
	OPENSSL_cleanse(d, sizeof(*d));
	free(d);
}

static void
hmac_init(struct hmac *h, const uint8_t *key, size_t n)
{
	uint8_t pad[BLOCK_LEN] = {0};

	if (n > BLOCK_LEN)
		digest_sha256(key, n, pad);
	else if (n > 0)
		(void)memcpy(pad, key, n);
	for (size_t i = 0; i < BLOCK_LEN; i++)
		pad[i] ^= 0x36;
	(void)SHA256_Init(&h->inner);
	add(&h->inner, pad, sizeof(pad));
	for (size_t i = 0; i < BLOCK_LEN; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	(void)SHA256_Init(&h->outer);
	add(&h->outer, pad, sizeof(pad));
	OPENSSL_cleanse(pad, sizeof(pad));
}

static void
hmac_end(const struct hmac *h, SHA256_CTX *inner, uint8_t out[DIGEST_LEN])
{
	SHA256_CTX outer = h->outer;

	(void)SHA256_Final(out, inner);
	add(&outer, out, DIGEST_LEN);
	(void)SHA256_Final(out, &outer);
}

int
hmac_new(const uint8_t *key, size_t n, struct hmac **ret, struct err *e)
{
	struct hmac *h = malloc(sizeof(*h));

	if (!h)
		return err_set(e, E_NOMEM, "no memory for a key");
	hmac_init(h, key, n);
	*ret = h;
	return 0;
}

void
hmac_of(const struct hmac *h, const void *p, size_t n, uint8_t out[DIGEST_LEN])
{
	SHA256_CTX inner = h->inner;

	add(&inner, p, n);
	hmac_end(h, &inner, out);
}

void
hmac_free(struct hmac *h)
{
	if (!h)
		return;
	OPENSSL_cleanse(h, sizeof(*h));
	free(h);
}

int
kdf_hkdf(const void *ikm, size_t ikm_len, const void *salt, size_t salt_len, const char *info,
    uint8_t *out, size_t out_len, struct err *e)
{
	struct hmac h;
	uint8_t t[DIGEST_LEN];
	size_t info_len = strlen(info), done = 0;

	if (out_len > (size_t)255 * DIGEST_LEN)
		return err_set(e, E_INVAL, "cannot derive %zu bytes from one key", out_len);
	hmac_init(&h, salt, salt_len);
	hmac_of(&h, ikm, ikm_len, t);
	hmac_init(&h, t, sizeof(t));
	for (uint8_t i = 1; done < out_len; i++) {
		SHA256_CTX inner = h.inner;
		size_t n = out_len - done < DIGEST_LEN ? out_len - done : DIGEST_LEN;

		if (i > 1)
			add(&inner, t, sizeof(t));
		add(&inner, info, info_len);
		add(&inner, &i, 1);
		hmac_end(&h, &inner, t);
		(void)memcpy(out + done, t, n);
		done += n;
	}
	OPENSSL_cleanse(&h, sizeof(h));
	OPENSSL_cleanse(t, sizeof(t));
	return 0;
}
