/* Every allocation of the folder and of OpenSSL failing in turn: an error comes back, nothing leaks
 * on our side, and the next call works. */
#include <stdlib.h>

#include <openssl/crypto.h>

#include "crypt/aead.h"
#include "crypt/digest.h"
#include "crypt/paperkey.h"
#include "crypt/pwhash.h"
#include "crypt/seal.h"
#include "crypt/sign.h"
#include "crypt/x509.h"
#include "fault/alloc.h"
#include "tap.h"

static const uint8_t secret[32] = {5};

/* OpenSSL allocates through these, so that the wrapped functions see its requests too. */
static void *
ossl_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(n);
}

static void *
ossl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(p, n);
}

static void
ossl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static int
do_digest(struct err *e)
{
	struct digest *d = NULL;
	struct hmac *h = NULL;
	int r = digest_new(&d, e);

	if (r == 0)
		r = hmac_new(secret, sizeof(secret), &h, e);
	digest_free(d);
	hmac_free(h);
	return r;
}

static int
do_aead(struct err *e)
{
	uint8_t nonce[12] = {0}, in[32] = {0}, out[48];
	struct aead *a = NULL;
	int r = aead_new(secret, &a, e);

	if (r == 0)
		r = aead_seal(a, nonce, "x", 1, in, sizeof(in), out, e);
	if (r == 0)
		r = aead_open(a, nonce, "x", 1, out, sizeof(out), in, e);
	aead_free(a);
	return r;
}

static int
do_sign(struct err *e)
{
	struct signer *s = NULL;
	uint8_t sig[SIGN_LEN];
	int r = signer_new(secret, &s, e);

	if (r == 0)
		r = signer_sign(s, "x", 1, sig, e);
	/* Without memory a signature does not count as good. */
	if (r == 0 && !sign_ok(signer_pub(s), "x", 1, sig))
		r = E_SYS;
	signer_free(s);
	return r;
}

static int
do_seal(struct err *e)
{
	struct seal_key *k = NULL;
	struct seal_pub *p = NULL;
	uint8_t in[SEAL_KEY_LEN] = {0}, out[SEAL_LEN];
	int r = seal_key_new(secret, &k, e);

	if (r == 0)
		r = seal_pub_new(seal_key_pub(k), &p, e);
	if (r == 0)
		r = seal_to(p, "x", 1, in, out, e);
	if (r == 0)
		r = seal_open(k, "x", 1, out, in, e);
	seal_key_free(k);
	seal_pub_free(p);
	return r;
}

static int
do_pwhash(struct err *e)
{
	static const struct pwhash_cost cost = {.scheme = PWHASH_PBKDF2, .passes = 2};
	char text[PWHASH_LEN];
	int r = pwhash_make(&cost, "x", 1, text, e);

	return r == 0 ? pwhash_verify(text, "x", 1, e) : r;
}

static int
do_x509(struct err *e)
{
	static const char *const names[] = {"localhost"}, *const ips[] = {"127.0.0.1"};
	static const struct x509_site site = {
	    .name = "x", .dns = names, .ndns = 1, .ips = ips, .nips = 1, .now = 1790000000};
	struct x509_info info;
	struct buf cert, key;
	int r;

	buf_init(&cert, 8192);
	buf_init(&key, 8192);
	r = x509_make(&site, &cert, &key, &info, e);
	if (r < 0 && (cert.len > 0 || key.len > 0))
		r = 1; /* half written */
	if (r == 0)
		r = x509_read(cert.p, cert.len, &info, e);
	if (r == 0)
		r = x509_matches(cert.p, cert.len, key.p, key.len, e);
	buf_free(&cert);
	buf_free(&key);
	/* OpenSSL's PEM reader does not always tell a lack of memory from bytes it cannot read. */
	return r == E_CORRUPT ? E_NOMEM : r;
}

static int
do_paperkey(struct err *e)
{
	struct paperkey_file f;
	struct buf b;
	char fp[9];
	int r;

	paperkey_fingerprint(secret, fp);
	buf_init(&b, 16384);
	r = paperkey_file_put(&b, "x", fp, secret, 0, e);
	if (r == 0)
		r = paperkey_file_get((const char *)b.p, b.len, &f, e);
	buf_free(&b);
	return r;
}

static void
each(const char *what, int (*fn)(struct err *e))
{
	struct err e = {0};
	unsigned long n = 1, survived = 0, bad = 0;
	int r;

	/* Twice, because OpenSSL keeps what it fetched the first time. */
	if (fn(&e) != 0 || fn(&e) != 0)
		bad++;
	for (;; n++) {
		fault_alloc_arm(n);
		e.msg[0] = 0;
		r = fn(&e);
		if (!fault_alloc_hit())
			break;
		/* OpenSSL can do without some of its allocations. */
		if (r == 0)
			survived++;
		else if (r != E_NOMEM && r != E_SYS) {
			printf("#   allocation %lu: %d %s\n", n, r, e.msg);
			bad++;
		}
	}
	OK(bad == 0 && n > 1, "%s: %lu allocations failed one by one, %lu of them survived", what,
	    n - 1, survived);
	OK(r == 0 && fn(&e) == 0, "%s: works again afterwards %s", what, e.msg);
}

int
main(void)
{
	if (CRYPTO_set_mem_functions(ossl_malloc, ossl_realloc, ossl_free) != 1) {
		SKIP("OpenSSL was already using its own allocator");
		return tap_done();
	}
	each("digest", do_digest);
	each("aead", do_aead);
	each("sign", do_sign);
	each("seal", do_seal);
	each("pwhash", do_pwhash);
	each("paperkey", do_paperkey);
	each("x509", do_x509);
	return tap_done();
}
