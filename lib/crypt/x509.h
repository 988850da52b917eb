/* The certificate of the console: self-signed, ECDSA P-256 with SHA-256, so that a closed network
 * needs no authority. People compare the fingerprint that `mamori status` and the setup sheet show
 * with the one in their browser. */
#ifndef MAMORI_CRYPT_X509_H
#define MAMORI_CRYPT_X509_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	X509_PRINT_LEN = 96,   /* "AB:CD:…", 32 bytes, with the NUL */
	X509_NAMES_MAX = 64,
	X509_YEARS = 10,
};

struct x509_site {
	const char *name;        /* common name, 1 to 64 bytes of UTF-8 */
	const char *const *dns;  /* host names the console answers to: letters, digits, - . */
	size_t ndns;
	const char *const *ips;  /* addresses, IPv4 or IPv6 in text */
	size_t nips;
	int64_t now; /* seconds since 1970 UTC; valid from a day before, for ten years */
};

struct x509_info {
	char fingerprint[X509_PRINT_LEN]; /* SHA-256 of the DER form, as browsers show it */
	int64_t not_before, not_after;    /* seconds since 1970 UTC */
};

/* x509_make(s, cert, key, info, e): Append a new certificate and its private key (PKCS #8, not
 * encrypted) as PEM to ${cert} and ${key}; fill ${info} (may be NULL). The caller keeps the key in
 * a file that only the web process can read, and wipes ${key}. E_INVAL names what is not a host
 * name or address, or says that there is none or are too many; E_LIMIT, E_NOMEM, E_SYS; then both
 * buffers are as before. */
MUST int x509_make(const struct x509_site *s, struct buf *cert, struct buf *key,
    struct x509_info *info, struct err *e);

/* x509_read(pem, n, ret, e): Of the first certificate in a PEM text. E_CORRUPT when there is none
 * that can be read; E_NOMEM, E_SYS. */
MUST int x509_read(const void *pem, size_t n, struct x509_info *ret, struct err *e);

/* x509_matches(cert, cn, key, kn): 0 when the PEM private key belongs to the first certificate of
 * the PEM text; E_AUTH: another key's; E_CORRUPT: one of them cannot be read; E_NOMEM,
 * E_SYS. */
MUST int x509_matches(const void *cert, size_t cn, const void *key, size_t kn, struct err *e);

#endif
