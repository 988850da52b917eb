/* What an append-only server knows of its clients: its own authority, who is enrolled for which
 * repository with which rights and quota, and the one-time codes that are out. Everything lies in
 * the folder `.server` beside the repositories, one small file each, replaced whole. */
#ifndef MAMORI_VAULT_BOOK_H
#define MAMORI_VAULT_BOOK_H

#include "net/code.h"
#include "sys/fio.h"
#include "vault/wire.h"

#define BOOK_DIR ".server"

enum { BOOK_MAX_CLIENTS = 4096, BOOK_CODE_HOURS = 48 };

struct book {
	const struct fio *f;
	int fd; /* of the folder */
};
/* book_open(f, rootfd, make, now, ret, e): ${make}: make folder and authority when there are none.
 * E_NOENT. */
MUST int book_open(const struct fio *f, int rootfd, bool make, int64_t now, struct book *ret,
    struct err *e);
void book_close(struct book *b);

/* book_identity(b, now, cert, key, ca, e): The server's own certificate, renewed when a third of
 * its time is left, and the authority's; PEM. */
MUST int book_identity(struct book *b, int64_t now, struct buf *cert, struct buf *key,
    struct buf *ca, struct err *e);

struct book_client {
	uint8_t print[TLS_PRINT];          /* of its key */
	char name[WIRE_MAX_NAME + 1];      /* of the machine, for people */
	char vault[WIRE_MAX_NAME + 1];     /* the repository */
	uint8_t may;
	uint64_t quota, day; /* bytes of the repository; bytes a day of this client; 0: any */
	int64_t since;
	bool revoked;
};
/* book_client(b, print, ret, e): E_NOENT: not enrolled. E_CORRUPT. */
MUST int book_client(struct book *b, const uint8_t print[TLS_PRINT], struct book_client *ret,
    struct err *e);
typedef int book_client_fn(const struct book_client *c, void *cookie);
/* book_clients(b, fn, cookie, e): Each; a non-zero result stops and is returned. */
MUST int book_clients(struct book *b, book_client_fn *fn, void *cookie, struct err *e);
/* book_revoke(b, print, e): It is refused from its next connection on. E_NOENT. */
MUST int book_revoke(struct book *b, const uint8_t print[TLS_PRINT], struct err *e);

struct book_code {
	char vault[WIRE_MAX_NAME + 1];
	uint8_t may;
	uint64_t quota, day;
	int64_t expires;
	uint8_t key[TLS_CODE_KEY];
	bool used;
	uint8_t used_by[TLS_PRINT];
};
/* book_code_new(b, wish, text, e): A fresh code for ${wish} (vault, may, quota, day, expires). */
MUST int book_code_new(struct book *b, const struct book_code *wish, char text[CODE_TEXT],
    struct err *e);
/* book_code(b, id, now, ret, e): E_NOENT: there is none, or it has expired. */
MUST int book_code(struct book *b, const char *id, int64_t now, struct book_code *ret,
    struct err *e);
/* book_enrol(b, id, m, now, cert, ret, e): What a machine with that code asks (m: an ENROL). The
 * code is used up, durably, before the certificate is issued; the same key may ask again until the
 * code expires (its answer may have been lost). E_AUTH: used by another; E_INVAL: no key, no name,
 * or the code is for another repository. One at a time. */
MUST int book_enrol(struct book *b, const char *id, const struct wire_msg *m, int64_t now,
    struct buf *cert, struct book_client *ret, struct err *e);
/* book_renew(b, c, m, now, cert, e): A new certificate for the client's same key (m: a RENEW). */
MUST int book_renew(struct book *b, const struct book_client *c, const struct wire_msg *m,
    int64_t now, struct buf *cert, struct err *e);

/* ---- the small files, pure (fuzzed) ---- */

/* book_client_get(p, n, ret, e) / book_client_put: one client's file. E_CORRUPT, E_PROTO (newer).
 */
MUST int book_client_get(const void *p, size_t n, struct book_client *ret, struct err *e);
MUST int book_client_put(struct buf *b, const struct book_client *c, struct err *e);
MUST int book_code_get(const void *p, size_t n, struct book_code *ret, struct err *e);
MUST int book_code_put(struct buf *b, const struct book_code *c, struct err *e);

#endif
