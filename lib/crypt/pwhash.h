/* Passwords at rest: Argon2id (RFC 9106), or PBKDF2-HMAC-SHA-256 (SP 800-132, RFC 8018) for sites
 * that must stay on the CRYPTREC list, where Argon2id is not.
 *
 * The text form carries its parameters, so that they can be raised later while old ones still work:
 *   $argon2id$v=19$m=65536,t=3,p=1$SALT$HASH      (the form of the reference implementation)
 *   $pbkdf2-sha256$i=600000$SALT$HASH
 * with SALT and HASH in base64 without padding. A password is bytes; whoever asks for it brings it
 * to NFC first, so that the same keys typed on another machine give the same bytes.
 *
 * One call takes most of a second and (Argon2id) 64 MiB: run it in a worker, and not many at once.
 */
#ifndef MAMORI_CRYPT_PWHASH_H
#define MAMORI_CRYPT_PWHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	PWHASH_LEN = 192,        /* room for the text form with its NUL */
	PWHASH_PASSWORD_MAX = 1024,
};

enum pwhash_scheme { PWHASH_ARGON2ID, PWHASH_PBKDF2 };

struct pwhash_cost {
	enum pwhash_scheme scheme;
	uint32_t memory_kib; /* Argon2id only: 8 to 1 048 576 */
	uint32_t passes;     /* Argon2id: 1 to 100; PBKDF2: 1 to 10 000 000 */
	uint32_t lanes;      /* Argon2id only: 1 to 16 */
};

/* pwhash_default(scheme): What new passwords get. */
struct pwhash_cost pwhash_default(enum pwhash_scheme scheme);

/* pwhash_make(c, password, n, out, e): Hash ${n} bytes with a fresh salt. E_INVAL: an empty
 * password, one longer than PWHASH_PASSWORD_MAX, or a cost out of bounds; E_NOMEM, E_SYS. */
MUST int pwhash_make(const struct pwhash_cost *c, const void *password, size_t n,
    char out[PWHASH_LEN], struct err *e);

/* pwhash_verify(text, password, n, e): 0 when the password is the one. The comparison takes the
 * same time wherever it fails. E_AUTH: another password; E_CORRUPT: ${text} is not one of the forms
 * above; E_LIMIT: its cost is out of bounds (so that a forged record cannot tie up the machine);
 * E_NOMEM, E_SYS. */
MUST int pwhash_verify(const char *text, const void *password, size_t n, struct err *e);

/* pwhash_key(c, salt, len, password, n, out, e): 32 bytes of key out of a password, for what it
 * locks. E_INVAL as pwhash_make, and for a salt that is not of 8 to 64 bytes; E_NOMEM, E_SYS. */
MUST int pwhash_key(const struct pwhash_cost *c, const uint8_t *salt, size_t len,
    const void *password, size_t n, uint8_t out[32], struct err *e);

/* pwhash_stale(text, c): Whether ${text} was made at less than the cost ${c}, with another scheme,
 * or cannot be read: then the password should be hashed anew when it is next typed correctly. */
bool pwhash_stale(const char *text, const struct pwhash_cost *c);

#endif
