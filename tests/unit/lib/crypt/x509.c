/* The console's certificate: for which names it holds, for how long, and what is refused. */
#include "crypt/x509.h"

#include <stdlib.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/num.h"
#include "tap.h"

static const char *const dns[] = {"mamori.clinic.example", "localhost", "a-1"};
static const char *const ips[] = {"192.168.1.20", "127.0.0.1", "fe80::1"};
static const struct x509_site site = {
    .name = "髙橋𠮷野医院 守り", .dns = dns, .ndns = 3, .ips = ips, .nips = 3, .now = 1790000000};

static X509 *
parse(struct buf *b)
{
	BIO *bio = BIO_new_mem_buf(b->p, (int)b->len);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	if (!x)
		abort();
	return x;
}

static void
good(void)
{
	struct buf cert, key;
	struct x509_info info, again;
	struct err e = {0};
	EVP_PKEY *pub;
	X509 *x;
	int at;

	buf_init(&cert, 16384);
	buf_init(&key, 16384);
	EQ_I(x509_make(&site, &cert, &key, &info, &e), 0, "made");
	OK(strstr(buf_cstr(&key, NULL), "-----BEGIN PRIVATE KEY-----") == (char *)key.p,
	    "a PEM key");
	EQ_I(x509_matches(cert.p, cert.len, key.p, key.len, &e), 0, "which belongs to it");
	x = parse(&cert);
	pub = X509_get0_pubkey(x);
	EQ_I(X509_verify(x, pub), 1, "signed with its own key");
	EQ_I(EVP_PKEY_get_bits(pub), 256, "P-256");
	EQ_I(X509_get_version(x), X509_VERSION_3, "version 3");
	OK(X509_check_host(x, "mamori.clinic.example", 0, 0, NULL) == 1 &&
	        X509_check_host(x, "LOCALHOST", 0, 0, NULL) == 1,
	    "holds for its host names");
	OK(X509_check_host(x, "clinic.example", 0, 0, NULL) == 0, "and no other");
	OK(X509_check_ip_asc(x, "192.168.1.20", 0) == 1 && X509_check_ip_asc(x, "fe80::1", 0) == 1,
	    "holds for its addresses");
	OK(X509_check_ip_asc(x, "192.168.1.21", 0) == 0, "and no other");
	EQ_I(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1, "a TLS server");
	EQ_I(X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT, 0), 0, "not a client");
	EQ_I(X509_check_ca(x), 0, "not an authority");
	at = X509_get_ext_by_NID(x, NID_key_usage, -1);
	OK(at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(x, at)), "critical key usage");
	EQ_I(info.not_before, site.now - 86400, "valid from the day before");
	OK(info.not_after - site.now > 3651LL * 86400 && info.not_after - site.now < 3655LL * 86400,
	    "for ten years");
	EQ_I(strlen(info.fingerprint), 95, "a fingerprint of 32 bytes");
	EQ_I(x509_read(cert.p, cert.len, &again, &e), 0, "read back");
	EQ_S(again.fingerprint, info.fingerprint, "the same fingerprint");
	EQ_I(again.not_after, info.not_after, "the same end");
	X509_free(x);
	buf_free(&cert);
	buf_free(&key);
}

static void
refused(void)
{
	static const char *const bad_dns[] = {"", "a b", "-a", "a-", "a..b", ".a", "a.", "a.-b",
	    "a-.b", "*.x", "病院.example", "a\n", "DNS:x",
	    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg"};
	static const char *const bad_ip[] = {
	    "", "1.2.3", "1.2.3.256", "::g", "localhost", "1.2.3.4/8"};
	const char *many[X509_NAMES_MAX + 1];
	struct buf cert, key;
	struct err e;
	char name[66];

	buf_init(&cert, 16384);
	buf_init(&key, 16384);
	for (size_t i = 0; i < ARRAY_LEN(bad_dns); i++) {
		struct x509_site s = {.name = "x", .dns = &bad_dns[i], .ndns = 1};

		OK(x509_make(&s, &cert, &key, NULL, &e) == E_INVAL, "no host name: %zu", i);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad_ip); i++) {
		struct x509_site s = {.name = "x", .ips = &bad_ip[i], .nips = 1};

		OK(x509_make(&s, &cert, &key, NULL, &e) == E_INVAL, "no address: %zu", i);
	}
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = "a";
	OK(x509_make(&(struct x509_site){.name = "x", .dns = many, .ndns = X509_NAMES_MAX + 1},
	       &cert, &key, NULL, &e) == E_INVAL,
	    "too many names");
	OK(x509_make(&(struct x509_site){.name = "x"}, &cert, &key, NULL, &e) == E_INVAL,
	    "no names");
	(void)memset(name, 'x', sizeof(name));
	name[65] = 0;
	OK(x509_make(&(struct x509_site){.name = name, .dns = dns, .ndns = 1}, &cert, &key, NULL,
	       &e) == E_INVAL,
	    "a long own name");
	OK(x509_make(&(struct x509_site){.name = "\xff", .dns = dns, .ndns = 1}, &cert, &key, NULL,
	       &e) == E_INVAL,
	    "an own name that is not text");
	EQ_I(cert.len + key.len, 0, "nothing was written");
	cert.max = 100;
	EQ_I(x509_make(&site, &cert, &key, NULL, &e), E_LIMIT, "no room for the certificate");
	cert.max = 16384;
	key.max = 100;
	EQ_I(x509_make(&site, &cert, &key, NULL, &e), E_LIMIT, "no room for the key");
	EQ_I(cert.len + key.len, 0, "nothing was written");
	buf_free(&cert);
	buf_free(&key);
}

static void
reading(void)
{
	static const char locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIH=\n"
				     "-----END ENCRYPTED PRIVATE KEY-----\n";
	struct buf a, ak, b, bk;
	struct x509_info ia, ib;
	struct err e;
	bool all = true;

	buf_init(&a, 16384);
	buf_init(&ak, 16384);
	buf_init(&b, 16384);
	buf_init(&bk, 16384);
	EQ_I(x509_make(&site, &a, &ak, &ia, &e), 0, "one");
	EQ_I(x509_make(&site, &b, &bk, &ib, &e), 0, "another");
	OK(strcmp(ia.fingerprint, ib.fingerprint) != 0, "have different fingerprints");
	EQ_I(x509_matches(a.p, a.len, bk.p, bk.len, &e), E_AUTH, "and different keys");
	EQ_I(x509_matches(a.p, a.len, locked, strlen(locked), &e), E_CORRUPT, "an unreadable key");
	EQ_I(x509_matches(ak.p, ak.len, ak.p, ak.len, &e), E_CORRUPT, "a key is no certificate");
	EQ_I(x509_read("", 0, &ib, &e), E_CORRUPT, "nothing");
	EQ_I(x509_read("hello", 5, &ib, &e), E_CORRUPT, "not a certificate");
	for (size_t n = 0; n + 30 < a.len; n += 7)
		all = all && x509_read(a.p, n, &ib, &e) == E_CORRUPT;
	OK(all, "a certificate that is cut off");
	buf_free(&a);
	buf_free(&ak);
	buf_free(&b);
	buf_free(&bk);
}

int
main(void)
{
	good();
	refused();
	reading();
	return tap_done();
}
