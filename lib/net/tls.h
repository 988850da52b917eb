/* TLS 1.3 between two Mamori machines, over OpenSSL: both sides prove who they are, by certificates
 * of one small authority (net/ca.h) or, once, by a printed code (net/code.h). One cipher suite
 * (AES-256-GCM, SHA-384), no tickets, no renegotiation, no compression.
 *
 * Calls block with a deadline. One thread may read a connection while another writes it; tls_cut
 * may come from any thread and ends both. */
#ifndef MAMORI_NET_TLS_H
#define MAMORI_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum { TLS_CODE_KEY = 48, TLS_CODE_ID = 16, TLS_PRINT = 32 };

struct tls_side; /* an identity and whom it trusts; used by many connections and threads */
struct tls;      /* a connection */

struct tls_config {
	bool server;
	/* PEM; the certificate with its key, and the authority. A client that only has a code has
	 * none of them. */
	const char *cert, *key, *ca;
	/* client: the code to begin with; NULL: by certificate */
	const char *code_id;
	const uint8_t *code_key; /* TLS_CODE_KEY bytes */
	/* server: look up a code by its public part: true and its key when it may be used now. Any
	 * thread may be asked. NULL: no codes. */
	bool (*code)(void *cookie, const char *id, uint8_t key[TLS_CODE_KEY]);
	void *cookie;
};
/* tls_side_new(c, ret, e): E_CORRUPT: certificate, key or authority cannot be read, or do not fit
 * together; E_NOMEM, E_SYS. Nothing of ${c} is kept except code and cookie. */
MUST int tls_side_new(const struct tls_config *c, struct tls_side **ret, struct err *e);
void tls_side_free(struct tls_side *s); /* NULL is fine */

/* tls_open(s, fd, ms, ret, e): Do the handshake on a connected socket within ${ms} milliseconds.
 * The socket belongs to the result, and on an error it is closed. A client refuses a server that is
 * not of the authority (E_AUTH), has expired (E_AUTH), or does not know the code (E_AUTH); one
 * that is not valid yet is a matter of clocks and accepted. A server lets everybody in who speaks
 * TLS 1.3 and offers a certificate; tls_peer tells whom it has. E_NET: no answer, cut off; E_PROTO:
 * something else than TLS 1.3. */
MUST int tls_open(struct tls_side *s, int fd, int ms, struct tls **ret, struct err *e);
/* tls_until(t, ms): However many bytes come meanwhile, every wait on it ends ${ms} milliseconds
 * from now (0: no such end). For the one thread that reads and writes. */
void tls_until(struct tls *t, int ms);
/* tls_close(t): NULL is fine. */
void tls_close(struct tls *t);
/* tls_cut(t): Cut the line: every wait on it ends with E_NET. */
void tls_cut(struct tls *t);

/* tls_by_code(t, ret_id): Whether both sides proved themselves by a code, and which. */
bool tls_by_code(const struct tls *t, char ret_id[TLS_CODE_ID + 1]);
/* tls_peer(t, print, e): SHA-256 of the other side's public key. E_AUTH with the reason: its
 * certificate is missing, expired, or of another authority. */
MUST int tls_peer(const struct tls *t, uint8_t print[TLS_PRINT], struct err *e);

/* tls_read(t, p, n, ms, e): All ${n} bytes; each part within ${ms} milliseconds. 1, or 0 when the
 * other side closed before the first byte. E_NET. */
MUST int tls_read(struct tls *t, void *p, size_t n, int ms, struct err *e);
/* tls_write(t, p, n, ms, e): All ${n} bytes; each part within ${ms} milliseconds. E_NET. */
MUST int tls_write(struct tls *t, const void *p, size_t n, int ms, struct err *e);

#endif
