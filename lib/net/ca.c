#include "net/ca.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/utf8.h"
#include "crypt/digest.h"
#include "net/net_int.h"

enum { SERIAL_BITS = 127 };

static int
put_bio(struct buf *b, BIO *bio, struct err *e)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);

	return n > 0 ? buf_put(b, p, (size_t)n, e) : net_fail(e, E_SYS, "cannot write a key");
}

static int
put_cert(struct buf *b, X509 *x, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int r = bio && PEM_write_bio_X509(bio, x) == 1 ? put_bio(b, bio, e) :
	    net_fail(e, E_NOMEM, "cannot write a certificate");

	BIO_free(bio);
	return r;
}

static int
put_key(struct buf *b, EVP_PKEY *k, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	int r = bio && PEM_write_bio_PKCS8PrivateKey(bio, k, NULL, NULL, 0, NULL, NULL) == 1 ?
	    put_bio(b, bio, e) : net_fail(e, E_NOMEM, "cannot write a key");

	BIO_free(bio);
	return r;
}

static EVP_PKEY *
spki_key(const void *spki, size_t n)
{
	const unsigned char *p = spki;
	EVP_PKEY *k = n <= CA_MAX_SPKI ? d2i_PUBKEY(NULL, &p, (long)n) : NULL;
	char group[32] = "";
	size_t len;

	if (k && p == (const unsigned char *)spki + n && EVP_PKEY_is_a(k, "EC") &&
	    EVP_PKEY_get_group_name(k, group, sizeof(group), &len) == 1 &&
	    strcmp(group, "prime256v1") == 0)
		return k;
	EVP_PKEY_free(k);
	return NULL;
}

int
ca_spki_print(const void *spki, size_t n, uint8_t print[TLS_PRINT], struct err *e)
{
	EVP_PKEY *k = spki_key(spki, n);
	unsigned char *der = NULL;
	int len;

	if (!k)
		return net_fail(e, E_INVAL, "this is not a public key on P-256");
	len = i2d_PUBKEY(k, &der); /* as everybody else writes it */
	EVP_PKEY_free(k);
	if (len <= 0)
		return net_fail(e, E_NOMEM, "no memory for a key");
	digest_sha256(der, (size_t)len, print);
	OPENSSL_free(der);
	return 0;
}

int
ca_key(struct buf *key, struct buf *spki, struct err *e)
{
	EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	unsigned char *der = NULL;
	int n = k ? i2d_PUBKEY(k, &der) : 0, r;

	r = n > 0 ? buf_put(spki, der, (size_t)n, e) : net_fail(e, E_SYS, "cannot make a key");
	if (r == 0)
		r = put_key(key, k, e);
	OPENSSL_free(der);
	EVP_PKEY_free(k);
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
set_times(X509 *x, int64_t now, int days)
{
	time_t t = (time_t)(now / 1000000);

	return X509_time_adj_ex(X509_getm_notBefore(x), -1, 0, &t) &&
	    X509_time_adj_ex(X509_getm_notAfter(x), days, 0, &t);
}

static bool
add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX c;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&c);
	X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &c, nid, value);
	ok = ext && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool
set_name(X509_NAME *n, const char *name)
{
	return X509_NAME_add_entry_by_NID(n, NID_commonName, MBSTRING_UTF8,
	    (const unsigned char *)name, -1, -1, 0) == 1;
}

int
ca_make(const char *name, int64_t now, struct buf *cert, struct buf *key, struct err *e)
{
	EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *x = X509_new();
	int r = 0;

	if (!k || !x || !X509_set_version(x, X509_VERSION_3) || !set_serial(x) ||
	    !set_times(x, now, CA_DAYS) || !set_name(X509_get_subject_name(x), name) ||
	    !X509_set_issuer_name(x, X509_get_subject_name(x)) || !X509_set_pubkey(x, k) ||
	    !add_ext(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
	    !add_ext(x, x, NID_key_usage, "critical,keyCertSign") ||
	    !add_ext(x, x, NID_subject_key_identifier, "hash") ||
	    X509_sign(x, k, EVP_sha256()) <= 0)
		r = net_fail(e, E_SYS, "cannot make an authority");
	if (r == 0)
		r = put_cert(cert, x, e);
	if (r == 0)
		r = put_key(key, k, e);
	X509_free(x);
	EVP_PKEY_free(k);
	return r;
}

static int
no_passphrase(char *p, int n, int w, void *u)
{
	(void)p, (void)n, (void)w, (void)u;
	return -1;
}

static X509 *
read_cert(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	X509 *x = b ? PEM_read_bio_X509(b, NULL, no_passphrase, NULL) : NULL;

	BIO_free(b);
	return x;
}

static EVP_PKEY *
read_key(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *k = b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;

	BIO_free(b);
	return k;
}

int
ca_issue(const char *cert, const char *key, const struct ca_wish *w, struct buf *out,
    struct err *e)
{
	size_t n = strlen(w->name);
	X509 *ca, *x;
	EVP_PKEY *k, *pub;
	int r = 0;

	if (n < 1 || n > 64 || !utf8_ok(w->name, n))
		return err_set(e, E_INVAL, "a machine's name has 1 to 64 bytes");
	pub = spki_key(w->spki, w->spki_len);
	if (!pub)
		return net_fail(e, E_INVAL, "this is not a public key on P-256");
	ca = read_cert(cert);
	k = read_key(key);
	x = X509_new();
	if (!ca || !k || !x || !X509_set_version(x, X509_VERSION_3) || !set_serial(x) ||
	    !set_times(x, w->now, w->days) || !set_name(X509_get_subject_name(x), w->name) ||
	    !X509_set_issuer_name(x, X509_get_subject_name(ca)) || !X509_set_pubkey(x, pub) ||
	    !add_ext(x, ca, NID_basic_constraints, "critical,CA:FALSE") ||
	    !add_ext(x, ca, NID_key_usage, "critical,digitalSignature") ||
	    !add_ext(x, ca, NID_ext_key_usage, w->server ? "serverAuth" : "clientAuth") ||
	    X509_sign(x, k, EVP_sha256()) <= 0)
		r = net_fail(e, E_SYS, "cannot issue a certificate");
	if (r == 0)
		r = put_cert(out, x, e);
	X509_free(ca);
	X509_free(x);
	EVP_PKEY_free(k);
	EVP_PKEY_free(pub);
	return r;
}

int
ca_left(const char *cert, int64_t now, int *ret_days, struct err *e)
{
	X509 *x = read_cert(cert);
	ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)(now / 1000000));
	int days = 0, secs = 0, r = 0;

	if (!x || !t || ASN1_TIME_diff(&days, &secs, t, X509_get0_notAfter(x)) != 1)
		r = net_fail(e, E_CORRUPT, "the certificate cannot be read");
	else
		*ret_days = days;
	X509_free(x);
	ASN1_TIME_free(t);
	return r;
}

int
ca_spki_of(const char *cert, struct buf *spki, struct err *e)
{
	X509 *x = read_cert(cert);
	unsigned char *der = NULL;
	int n = x ? i2d_PUBKEY(X509_get0_pubkey(x), &der) : 0;
	int r = n > 0 ? buf_put(spki, der, (size_t)n, e) :
	    net_fail(e, E_CORRUPT, "the certificate cannot be read");

	OPENSSL_free(der);
	X509_free(x);
	return r;
}
