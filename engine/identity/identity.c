#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/b64.h"
#include "base/num.h"
#include "base/utf8.h"
#include "crypt/aead.h"
#include "crypt/secret.h"
#include "identity/ident_int.h"

static const char *const stages[STAGES] = {[STAGE_SECOND] = "second", [STAGE_ENROL] = "enrol",
    [STAGE_PIN] = "pin", [STAGE_FULL] = "full", [STAGE_LINK] = "link", [STAGE_GLASS] = "glass"};

const char *
identity_stage_name(enum identity_stage s)
{
	return (unsigned)s < STAGES ? stages[s] : "?";
}

/* dummy(id): A hash that no password has, at the cost of real ones. */
static void
dummy(struct identity *id)
{
	const struct pwhash_cost *c = &id->cost;

	if (c->scheme == PWHASH_PBKDF2)
		(void)snprintf(id->dummy, sizeof(id->dummy),
		    "$pbkdf2-sha256$i=%u$AAAAAAAAAAAAAAAAAAAAAA"
		    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		    c->passes);
	else
		(void)snprintf(id->dummy, sizeof(id->dummy),
		    "$argon2id$v=19$m=%u,t=%u,p=%u$AAAAAAAAAAAAAAAAAAAAAA"
		    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		    c->memory_kib, c->passes, c->lanes);
}

static int
names(struct identity *id, const struct identity_conf *conf, struct err *e)
{
	if (!conf || !conf->rp)
		return 0;
	if (!conf->origin || strlen(conf->rp) >= sizeof(id->rp) ||
	    strlen(conf->origin) >= sizeof(id->origin))
		return err_set(e, E_INVAL, "the console's name or address is missing or too long");
	(void)memcpy(id->rp, conf->rp, strlen(conf->rp) + 1);
	(void)memcpy(id->origin, conf->origin, strlen(conf->origin) + 1);
	return 0;
}

int
identity_open(const struct state *st, struct db *db, const struct identity_conf *conf,
    struct identity **ret, struct err *e)
{
	struct identity *id = calloc(1, sizeof(*id));
	uint8_t sub[HMAC_KEY_LEN];
	int r = 0;

	if (!id)
		return err_set(e, E_NOMEM, "no memory");
	id->db = db;
	id->cost = conf && conf->cost.passes ? conf->cost : pwhash_default(PWHASH_ARGON2ID);
	dummy(id);
	id->key = secret_new(SIGN_SEED_LEN, e);
	r = id->key ? names(id, conf, e) : E_NOMEM;
	if (r == 0)
		r = state_secret(st, "identity", true, id->key, e);
	if (r == 0)
		r = kdf_hkdf(id->key, SIGN_SEED_LEN, NULL, 0, "mamori identity lookup v1", sub,
		    sizeof(sub), e);
	if (r == 0)
		r = hmac_new(sub, sizeof(sub), &id->lookup, e);
	explicit_bzero(sub, sizeof(sub));
	if (r < 0) {
		identity_close(id);
		return r;
	}
	*ret = id;
	return 0;
}

void
identity_close(struct identity *id)
{
	if (!id)
		return;
	hmac_free(id->lookup);
	secret_free(id->key, SIGN_SEED_LEN);
	free(id);
}

/* --- ids, tokens, codes ----------------------------------------------------------------------- */

void
ident_id(char out[IDENTITY_ID], const char *prefix)
{
	uint8_t raw[12];
	char hex[25];

	random_fill(raw, sizeof(raw));
	hex_put(hex, raw, sizeof(raw));
	(void)snprintf(out, IDENTITY_ID, "%.8s-%s", prefix, hex);
}

void
ident_token(char out[IDENTITY_TOKEN], uint8_t hash[DIGEST_LEN])
{
	uint8_t raw[IDENT_RAW];

	random_fill(raw, sizeof(raw));
	b64_put_url(out, raw, sizeof(raw));
	digest_sha256(raw, sizeof(raw), hash);
	explicit_bzero(raw, sizeof(raw));
}

bool
ident_token_hash(const char *token, uint8_t hash[DIGEST_LEN], uint8_t raw[IDENT_RAW])
{
	uint8_t bytes[IDENT_RAW];
	size_t n = 0;

	if (!token || strnlen(token, IDENTITY_TOKEN) != IDENTITY_TOKEN - 1 ||
	    b64_get_url(bytes, sizeof(bytes), token, IDENTITY_TOKEN - 1, &n) < 0 || n != IDENT_RAW)
		return false;
	digest_sha256(bytes, sizeof(bytes), hash);
	if (raw)
		(void)memcpy(raw, bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	return true;
}

void
ident_lookup(const struct identity *id, const char *kind, const void *p, size_t n,
    uint8_t out[DIGEST_LEN])
{
	uint8_t text[32 + DIGEST_LEN] = {0};
	size_t k = strnlen(kind, 31);

	/* of fixed length, so that no kind can be taken for another with a longer text */
	(void)memcpy(text, kind, k);
	digest_sha256(p, n, text + 32);
	hmac_of(id->lookup, text, sizeof(text), out);
}

/* Crockford's 32 characters: none that is read for another. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
enum { CODE_CHARS = 10 };

void
ident_code(const struct identity *id, char out[IDENTITY_CODE], uint8_t hash[DIGEST_LEN])
{
	uint8_t raw[CODE_CHARS];
	size_t n = 0;

	random_fill(raw, sizeof(raw));
	for (size_t i = 0; i < CODE_CHARS; i++) {
		if (i == CODE_CHARS / 2)
			out[n++] = '-';
		out[n++] = alphabet[raw[i] & 31];
	}
	out[n] = 0;
	explicit_bzero(raw, sizeof(raw));
	(void)ident_code_hash(id, out, hash);
}

bool
ident_code_hash(const struct identity *id, const char *code, uint8_t hash[DIGEST_LEN])
{
	char plain[CODE_CHARS];
	size_t n = 0;

	for (size_t i = 0; code[i]; i++) {
		char c = code[i];

		if (i > 64)
			return false;
		if (c == '-' || c == ' ')
			continue;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		c = (char)(c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c);
		if (n == CODE_CHARS || !memchr(alphabet, c, sizeof(alphabet) - 1))
			return false;
		plain[n++] = c;
	}
	if (n != CODE_CHARS)
		return false;
	ident_lookup(id, "code", plain, sizeof(plain), hash);
	explicit_bzero(plain, sizeof(plain));
	return true;
}

/* --- texts ------------------------------------------------------------------------------------ */

bool
ident_text_ok(const char *s, size_t size)
{
	size_t n = s ? strnlen(s, size) : 0;
	bool ink = false;

	if (n == 0 || n >= size || !utf8_ok(s, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
		ink = ink || s[i] != ' ';
	}
	return ink;
}

bool
ident_fold(const char *login, char out[IDENTITY_LOGIN])
{
	utf8proc_uint8_t *fold = NULL;
	utf8proc_ssize_t n;
	bool ok;

	if (!ident_text_ok(login, IDENTITY_LOGIN))
		return false;
	n = utf8proc_map((const utf8proc_uint8_t *)login, (utf8proc_ssize_t)strlen(login), &fold,
	    UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STABLE |
	        UTF8PROC_IGNORE);
	ok = n > 0 && n < IDENTITY_LOGIN && !memchr(fold, ' ', (size_t)n) &&
	    ident_text_ok((const char *)fold, IDENTITY_LOGIN);
	if (ok) {
		(void)memcpy(out, fold, (size_t)n);
		out[n] = 0;
	}
	free(fold);
	return ok;
}

/* --- sealing ---------------------------------------------------------------------------------- */

static int
seal_key(const struct identity *id, const uint8_t salt[16], struct aead **ret, struct err *e)
{
	uint8_t key[AEAD_KEY_LEN];
	int r = kdf_hkdf(id->key, SIGN_SEED_LEN, salt, 16, "mamori identity seed v1", key,
	    sizeof(key), e);

	if (r == 0)
		r = aead_new(key, ret, e);
	explicit_bzero(key, sizeof(key));
	return r;
}

int
ident_seal(const struct identity *id, const char *account, const uint8_t seed[IDENT_SEED],
    uint8_t out[IDENT_SEALED], struct err *e)
{
	uint8_t nonce[AEAD_NONCE_LEN] = {0}; /* the key is fresh: its salt is */
	struct aead *a = NULL;
	int r;

	random_fill(out, 16);
	r = seal_key(id, out, &a, e);
	if (r == 0)
		r = aead_seal(a, nonce, account, strlen(account), seed, IDENT_SEED, out + 16, e);
	aead_free(a);
	return r;
}

int
ident_unseal(const struct identity *id, const char *account, const void *p, size_t n,
    uint8_t seed[IDENT_SEED], struct err *e)
{
	uint8_t nonce[AEAD_NONCE_LEN] = {0};
	const uint8_t *in = p;
	struct aead *a = NULL;
	int r;

	if (n != IDENT_SEALED)
		return err_set(e, E_CORRUPT, "a sealed seed has a wrong length");
	r = seal_key(id, in, &a, e);
	if (r == 0)
		r = aead_open(a, nonce, account, strlen(account), in + 16, n - 16, seed, e);
	aead_free(a);
	return r;
}
