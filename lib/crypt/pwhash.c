#include "crypt/pwhash.h"

#include <stdio.h>
#include <string.h>

#include <argon2.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/buf.h"
#include "base/num.h"
#include "crypt/ossl_int.h"
#include "crypt/secret.h"

enum { SALT_LEN = 16, SALT_MAX = 64, HASH_LEN = 32, ARGON2_VERSION = 19 };

struct record {
	struct pwhash_cost cost;
	size_t salt_len;
	uint8_t salt[SALT_MAX];
	uint8_t hash[HASH_LEN];
};

struct pwhash_cost
pwhash_default(enum pwhash_scheme scheme)
{
	if (scheme == PWHASH_PBKDF2)
		return (struct pwhash_cost){.scheme = PWHASH_PBKDF2, .passes = 600000};
	return (struct pwhash_cost){
	    .scheme = PWHASH_ARGON2ID, .memory_kib = 64 * 1024, .passes = 3, .lanes = 1};
}

static bool
cost_ok(const struct pwhash_cost *c)
{
	if (c->scheme == PWHASH_PBKDF2)
		return c->passes >= 1 && c->passes <= 10000000;
	return c->scheme == PWHASH_ARGON2ID && c->lanes >= 1 && c->lanes <= 16 &&
	    c->memory_kib >= 8 * c->lanes && c->memory_kib <= 1024 * 1024 && c->passes >= 1 &&
	    c->passes <= 100;
}

static int
hash_argon2(const struct record *r, const void *pw, size_t n, uint8_t out[HASH_LEN],
    struct err *e)
{
	int x = argon2id_hash_raw(r->cost.passes, r->cost.memory_kib, r->cost.lanes, pw, n, r->salt,
	    r->salt_len, out, HASH_LEN);

	if (x == ARGON2_MEMORY_ALLOCATION_ERROR)
		return err_set(e, E_NOMEM, "no memory to check a password (%u MiB)",
		    r->cost.memory_kib / 1024);
	if (x != ARGON2_OK)
		return err_set(e, E_SYS, "cannot hash a password: %s", argon2_error_message(x));
	return 0;
}

static int
hash_pbkdf2(const struct record *r, const void *pw, size_t n, uint8_t out[HASH_LEN],
    struct err *e)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "PBKDF2", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	uint8_t pass[PWHASH_PASSWORD_MAX], salt[SALT_MAX];
	char sha256[] = "SHA256";
	unsigned iter = r->cost.passes;
	int plain = 1, x = 0; /* 1: no SP 800-132 minimum, published vectors have short salts */
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, pass, n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, r->salt_len),
		OSSL_PARAM_construct_uint(OSSL_KDF_PARAM_ITER, &iter),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &plain),
		OSSL_PARAM_construct_end(),
	};

	/* The interface takes pointers to non-const. */
	if (n > 0)
		(void)memcpy(pass, pw, n);
	(void)memcpy(salt, r->salt, r->salt_len);
	if (!ctx || EVP_KDF_derive(ctx, out, HASH_LEN, p) != 1)
		x = ossl_fail(e, "cannot hash a password");
	OPENSSL_cleanse(pass, sizeof(pass));
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return x;
}

static int
hash(const struct record *r, const void *pw, size_t n, uint8_t out[HASH_LEN], struct err *e)
{
	return r->cost.scheme == PWHASH_PBKDF2 ? hash_pbkdf2(r, pw, n, out, e)
	                                       : hash_argon2(r, pw, n, out, e);
}

/* ---- the text form ---- */

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Base64 without padding, and a NUL. */
static char *
b64_put(char *out, const uint8_t *p, size_t n)
{
	uint32_t acc = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < n; i++) {
		acc = acc << 8 | p[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*out++ = b64[acc >> (bits - 6) & 63];
	}
	if (bits > 0)
		*out++ = b64[acc << (6 - bits) & 63];
	*out = 0;
	return out;
}

/* The bytes of a base64 field that ends at '$' or the end of the text; one encoding per value. */
static bool
b64_get(struct rd *r, uint8_t *out, size_t max, size_t *ret_n)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0;

	while (rd_left(r) > 0 && r->p[r->pos] != '$') {
		char c = (char)rd_u8(r);
		const char *at = memchr(b64, c, sizeof(b64) - 1);

		if (!at)
			return false;
		acc = acc << 6 | (uint32_t)(at - b64);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			if (n == max)
				return false;
			out[n++] = (uint8_t)(acc >> bits);
		}
	}
	*ret_n = n;
	return bits < 6 && (acc & ((1U << bits) - 1)) == 0;
}

static bool
take(struct rd *r, const char *what)
{
	size_t n = strlen(what);
	const unsigned char *p = rd_bytes(r, n);

	return p && memcmp(p, what, n) == 0;
}

/* A decimal number without leading zeros; at most nine digits. */
static bool
take_number(struct rd *r, uint32_t *ret)
{
	uint32_t v = 0;
	size_t from = r->pos;

	while (rd_left(r) > 0 && r->p[r->pos] >= '0' && r->p[r->pos] <= '9') {
		if (r->pos - from == 9)
			return false;
		v = v * 10 + (uint32_t)(rd_u8(r) - '0');
	}
	*ret = v;
	return r->pos > from && (r->p[from] != '0' || r->pos == from + 1);
}

static bool
parse(const char *text, struct record *ret)
{
	struct rd r = rd_init(text, strnlen(text, PWHASH_LEN));
	struct pwhash_cost *c = &ret->cost;
	uint32_t version = 0;
	size_t n = 0;
	bool ok;

	*ret = (struct record){0};
	if (strncmp(text, "$argon2id$", 10) == 0) {
		c->scheme = PWHASH_ARGON2ID;
		ok = take(&r, "$argon2id$v=") && take_number(&r, &version) &&
		    version == ARGON2_VERSION && take(&r, "$m=") &&
		    take_number(&r, &c->memory_kib) && take(&r, ",t=") &&
		    take_number(&r, &c->passes) && take(&r, ",p=") && take_number(&r, &c->lanes);
	} else {
		c->scheme = PWHASH_PBKDF2;
		ok = take(&r, "$pbkdf2-sha256$i=") && take_number(&r, &c->passes);
	}
	return ok && take(&r, "$") && b64_get(&r, ret->salt, SALT_MAX, &ret->salt_len) &&
	    ret->salt_len >= (c->scheme == PWHASH_ARGON2ID ? 8 : 4) && take(&r, "$") &&
	    b64_get(&r, ret->hash, HASH_LEN, &n) && n == HASH_LEN && rd_end(&r);
}

int
pwhash_make(const struct pwhash_cost *c, const void *password, size_t n, char out[PWHASH_LEN],
    struct err *e)
{
	struct record r = {.cost = *c, .salt_len = SALT_LEN};
	char salt[SALT_LEN * 2], text[HASH_LEN * 2];
	int x;

	if (n == 0 || n > PWHASH_PASSWORD_MAX)
		return err_set(e, E_INVAL, "a password has 1 to %d bytes", PWHASH_PASSWORD_MAX);
	if (!cost_ok(c))
		return err_set(e, E_INVAL, "the cost of hashing a password is out of bounds");
	random_fill(r.salt, SALT_LEN);
	x = hash(&r, password, n, r.hash, e);
	if (x < 0)
		return x;
	(void)b64_put(salt, r.salt, SALT_LEN);
	(void)b64_put(text, r.hash, HASH_LEN);
	if (c->scheme == PWHASH_PBKDF2)
		(void)snprintf(out, PWHASH_LEN, "$pbkdf2-sha256$i=%u$%s$%s", c->passes, salt, text);
	else
		(void)snprintf(out, PWHASH_LEN, "$argon2id$v=%d$m=%u,t=%u,p=%u$%s$%s",
		    ARGON2_VERSION, c->memory_kib, c->passes, c->lanes, salt, text);
	OPENSSL_cleanse(&r, sizeof(r));
	return 0;
}

int
pwhash_verify(const char *text, const void *password, size_t n, struct err *e)
{
	struct record r;
	uint8_t got[HASH_LEN];
	int x;

	if (!parse(text, &r))
		return err_set(e, E_CORRUPT, "the stored password hash cannot be read");
	if (!cost_ok(&r.cost))
		return err_set(e, E_LIMIT, "the cost of the stored password hash is out of bounds");
	if (n > PWHASH_PASSWORD_MAX)
		return err_set(e, E_AUTH, "wrong password");
	x = hash(&r, password, n, got, e);
	if (x == 0 && !secret_eq(got, r.hash, HASH_LEN))
		x = err_set(e, E_AUTH, "wrong password");
	OPENSSL_cleanse(got, sizeof(got));
	return x;
}

int
pwhash_key(const struct pwhash_cost *c, const uint8_t *salt, size_t len, const void *password,
    size_t n, uint8_t out[HASH_LEN], struct err *e)
{
	struct record r = {.cost = *c, .salt_len = len};

	if (n == 0 || n > PWHASH_PASSWORD_MAX)
		return err_set(e, E_INVAL, "a password has 1 to %d bytes", PWHASH_PASSWORD_MAX);
	if (!cost_ok(c) || len < 8 || len > SALT_MAX)
		return err_set(e, E_INVAL, "the cost of hashing a password is out of bounds");
	(void)memcpy(r.salt, salt, len);
	return hash(&r, password, n, out, e);
}

bool
pwhash_stale(const char *text, const struct pwhash_cost *c)
{
	struct record r;

	return !parse(text, &r) || r.cost.scheme != c->scheme || r.cost.passes < c->passes ||
	    r.salt_len < SALT_LEN ||
	    (c->scheme == PWHASH_ARGON2ID && r.cost.memory_kib < c->memory_kib);
}
