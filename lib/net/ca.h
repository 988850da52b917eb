/* The small authority of one server: it issues one kind of certificate for itself and one for the
 * machines it enrols, and nobody else believes it. ECDSA on P-256. */
#ifndef MAMORI_NET_CA_H
#define MAMORI_NET_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/tls.h"

enum { CA_DAYS = 30 * 365, CA_SERVER_DAYS = 10 * 365, CA_CLIENT_DAYS = 5 * 365, CA_MAX_SPKI = 256 };

/* ca_make(name, now, cert, key, e): A new authority, PEM; ${now}: microseconds UTC. */
MUST int ca_make(const char *name, int64_t now, struct buf *cert, struct buf *key, struct err *e);
/* ca_key(key, spki, e): A new key pair: the private half as PEM, the public one as DER. */
MUST int ca_key(struct buf *key, struct buf *spki, struct err *e);
/* ca_spki_print(spki, n, print, e): As tls_peer will give it. E_INVAL: not a P-256 key. */
MUST int ca_spki_print(const void *spki, size_t n, uint8_t print[TLS_PRINT], struct err *e);

struct ca_wish {
	const void *spki; /* DER */
	size_t spki_len;
	const char *name; /* shown to people; 1 to 64 bytes UTF-8 */
	bool server;      /* for a server, else for a client */
	int64_t now;
	int days;
};
/* ca_issue(cert, key, w, out, e): A certificate for a public key, PEM. ${cert}, ${key}: the
 * authority's, PEM. E_INVAL: the key is not on P-256, or the name is not one. */
MUST int ca_issue(const char *cert, const char *key, const struct ca_wish *w, struct buf *out,
    struct err *e);
/* ca_spki_of(cert, spki, e): The public key in a certificate (PEM), as ca_key gives it. */
MUST int ca_spki_of(const char *cert, struct buf *spki, struct err *e);
/* ca_left(cert, now, ret_days, e): How many days a certificate (PEM) is still valid. */
MUST int ca_left(const char *cert, int64_t now, int *ret_days, struct err *e);

#endif
