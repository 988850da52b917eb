#include "crypt/x509.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/utf8.h"
#include "crypt/digest.h"
#include "crypt/ossl_int.h"

enum { DAY = 86400, SERIAL_BITS = 127 };

static bool
host_ok(const char *s)
{
	size_t label = 0, n = strlen(s);

	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool alnum = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= '0' && s[i] <= '9');

		if (s[i] == '.' ? label == 0 || s[i - 1] == '-'
		                : !alnum && (s[i] != '-' || label == 0))
			return false;
		label = s[i] == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0 && s[n - 1] != '-';
}

static bool
add_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
	GENERAL_NAME *g = value ? GENERAL_NAME_new() : NULL;

	if (!g) {
		ASN1_STRING_free(value);
		return false;
	}
	GENERAL_NAME_set0_value(g, type, value);
	if (sk_GENERAL_NAME_push(names, g) > 0)
		return true;
	GENERAL_NAME_free(g);
	return false;
}

static int
add_names(GENERAL_NAMES *names, const struct x509_site *s, struct err *e)
{
	for (size_t i = 0; i < s->ndns; i++) {
		ASN1_STRING *v;

		if (!host_ok(s->dns[i]))
			return err_set(e, E_INVAL, "\"%s\" is not a host name", s->dns[i]);
		v = ASN1_IA5STRING_new();
		if (v && !ASN1_STRING_set(v, s->dns[i], -1)) {
			ASN1_STRING_free(v);
			v = NULL;
		}
		if (!add_name(names, GEN_DNS, v))
			return ossl_fail(e, "cannot name the certificate");
	}
	for (size_t i = 0; i < s->nips; i++) {
		ASN1_STRING *v = a2i_IPADDRESS(s->ips[i]);

		if (!v) {
			if (ossl_drop())
				return err_set(e, E_NOMEM, "no memory for a certificate");
			return err_set(e, E_INVAL, "\"%s\" is not an address", s->ips[i]);
		}
		if (!add_name(names, GEN_IPADD, v))
			return ossl_fail(e, "cannot name the certificate");
	}
	return 0;
}

/* The names it is valid for, and what it may be used for: TLS of a server, nothing else. */
static int
add_extensions(X509 *x, const struct x509_site *s, struct err *e)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	BASIC_CONSTRAINTS *basic = BASIC_CONSTRAINTS_new(); /* not an authority */
	ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
	EXTENDED_KEY_USAGE *ext = sk_ASN1_OBJECT_new_null();
	ASN1_OBJECT *server = OBJ_nid2obj(NID_server_auth);
	int r;

	if (!names || !basic || !usage || !ext)
		r = ossl_fail(e, "cannot make a certificate");
	else
		r = add_names(names, s, e);
	if (r == 0 &&
	    (!ASN1_BIT_STRING_set_bit(usage, 0, 1) || /* digitalSignature */
	        sk_ASN1_OBJECT_push(ext, server) <= 0 ||
	        X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) != 1 ||
	        X509_add1_ext_i2d(x, NID_basic_constraints, basic, 1, 0) != 1 ||
	        X509_add1_ext_i2d(x, NID_key_usage, usage, 1, 0) != 1 ||
	        X509_add1_ext_i2d(x, NID_ext_key_usage, ext, 0, 0) != 1))
		r = ossl_fail(e, "cannot make a certificate");
	GENERAL_NAMES_free(names);
	BASIC_CONSTRAINTS_free(basic);
	ASN1_BIT_STRING_free(usage);
	sk_ASN1_OBJECT_free(ext); /* its one element is static */
	return r;
}

static bool
set_serial(X509 *x)
{
	BIGNUM *n = BN_new();
	bool ok = n && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));

	BN_free(n);
	return ok;
}

static bool
set_times(X509 *x, int64_t now)
{
	time_t t = (time_t)now;

	return X509_time_adj_ex(X509_getm_notBefore(x), -1, 0, &t) &&
	    X509_time_adj_ex(X509_getm_notAfter(x), X509_YEARS * 365 + 2, 0, &t);
}

static int
fill(X509 *x, EVP_PKEY *key, const struct x509_site *s, struct err *e)
{
	X509_NAME *name = X509_get_subject_name(x);
	int r;

	if (!X509_set_version(x, X509_VERSION_3) || !set_serial(x) || !set_times(x, s->now) ||
	    !X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	        (const unsigned char *)s->name, -1, -1, 0) ||
	    !X509_set_issuer_name(x, name) || !X509_set_pubkey(x, key))
		return ossl_fail(e, "cannot make a certificate");
	r = add_extensions(x, s, e);
	if (r == 0 && X509_sign(x, key, EVP_sha256()) <= 0)
		r = ossl_fail(e, "cannot sign the certificate");
	return r;
}

static int
put_bio(struct buf *b, BIO *bio, struct err *e)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);

	return n > 0 ? buf_put(b, p, (size_t)n, e) : ossl_fail(e, "cannot write a certificate");
}

static int
put_pem(X509 *x, EVP_PKEY *pkey, struct buf *cert, struct buf *key, struct err *e)
{
	BIO *c = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_secmem()); /* wiped when freed */
	size_t old_cert = cert->len, old_key = key->len;
	int r;

	if (!c || !k || PEM_write_bio_X509(c, x) != 1 ||
	    PEM_write_bio_PKCS8PrivateKey(k, pkey, NULL, NULL, 0, NULL, NULL) != 1)
		r = ossl_fail(e, "cannot write a certificate");
	else
		r = put_bio(cert, c, e);
	if (r == 0)
		r = put_bio(key, k, e);
	if (r < 0) {
		cert->len = old_cert;
		key->len = old_key;
	}
	BIO_free(c);
	BIO_free(k);
	return r;
}

static int64_t
seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static int
describe(X509 *x, struct x509_info *ret, struct err *e)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char d[DIGEST_LEN];
	unsigned n = 0;

	if (X509_digest(x, EVP_sha256(), d, &n) != 1 || n != sizeof(d))
		return ossl_fail(e, "cannot make the fingerprint of a certificate");
	for (size_t i = 0; i < sizeof(d); i++) {
		ret->fingerprint[i * 3] = digits[d[i] >> 4];
		ret->fingerprint[i * 3 + 1] = digits[d[i] & 15];
		ret->fingerprint[i * 3 + 2] = i + 1 < sizeof(d) ? ':' : 0;
	}
	ret->not_before = seconds(X509_get0_notBefore(x));
	ret->not_after = seconds(X509_get0_notAfter(x));
	return 0;
}

int
x509_make(const struct x509_site *s, struct buf *cert, struct buf *key, struct x509_info *info,
    struct err *e)
{
	struct x509_info got;
	EVP_PKEY *pkey;
	X509 *x;
	int r;

	if (s->ndns > X509_NAMES_MAX || s->nips > X509_NAMES_MAX || s->ndns + s->nips == 0)
		return err_set(e, E_INVAL, "a certificate needs 1 to %d names", X509_NAMES_MAX);
	if (strlen(s->name) < 1 || strlen(s->name) > 64 || !utf8_ok(s->name, strlen(s->name)))
		return err_set(e, E_INVAL, "a certificate's own name has 1 to 64 bytes");
	pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	x = X509_new();
	r = pkey && x ? fill(x, pkey, s, e) : ossl_fail(e, "cannot make a key");
	if (r == 0)
		r = describe(x, &got, e);
	if (r == 0)
		r = put_pem(x, pkey, cert, key, e);
	if (r == 0 && info)
		*info = got;
	X509_free(x);
	EVP_PKEY_free(pkey);
	return r;
}

/* Never ask a terminal for the passphrase of a foreign file. */
static int
no_passphrase(char *p, int n, int w, void *u)
{
	(void)p;
	(void)n;
	(void)w;
	(void)u;
	return -1;
}

/* NULL when there is none; the reason stays in OpenSSL's queue. */
static X509 *
parse_cert(const void *pem, size_t n)
{
	BIO *b = n > 0 && n <= INT_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
	X509 *x = b ? PEM_read_bio_X509(b, NULL, no_passphrase, NULL) : NULL;

	BIO_free(b);
	return x;
}

static int
unreadable(struct err *e, const char *what)
{
	if (ossl_drop())
		return err_set(e, E_NOMEM, "no memory to read a %s", what);
	return err_set(e, E_CORRUPT, "there is no readable %s", what);
}

int
x509_read(const void *pem, size_t n, struct x509_info *ret, struct err *e)
{
	struct x509_info got;
	X509 *x = parse_cert(pem, n);
	int r;

	if (!x)
		return unreadable(e, "certificate");
	r = describe(x, &got, e);
	if (r == 0)
		*ret = got;
	X509_free(x);
	return r;
}

/* Whether two keys have the same public half: 1, 0, or an error. EVP_PKEY_eq's no is not trusted by
 * itself, because it also means "no memory". */
static int
same_public(EVP_PKEY *a, EVP_PKEY *b, struct err *e)
{
	unsigned char *da = NULL, *db = NULL;
	int na, nb, r = 1;

	if (EVP_PKEY_eq(a, b) == 1)
		return 1;
	(void)ossl_drop();
	na = i2d_PUBKEY(a, &da);
	nb = i2d_PUBKEY(b, &db);
	if (na <= 0 || nb <= 0)
		r = ossl_fail(e, "cannot compare a key");
	else
		r = na == nb && memcmp(da, db, (size_t)na) == 0;
	OPENSSL_free(da);
	OPENSSL_free(db);
	return r;
}

int
x509_matches(const void *cert, size_t cn, const void *key, size_t kn, struct err *e)
{
	X509 *x = parse_cert(cert, cn);
	BIO *b = kn > 0 && kn <= INT_MAX ? BIO_new_mem_buf(key, (int)kn) : NULL;
	EVP_PKEY *k = b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;
	EVP_PKEY *pub = x ? X509_get0_pubkey(x) : NULL; /* owned by x */
	int r;

	if (!x || !k || !pub)
		r = unreadable(e, x && pub ? "key" : "certificate");
	else
		r = same_public(pub, k, e);
	if (r == 0)
		r = err_set(e, E_AUTH, "the key does not belong to the certificate");
	(void)ossl_drop();
	EVP_PKEY_free(k);
	BIO_free(b);
	X509_free(x);
	return r < 0 ? r : 0;
}
