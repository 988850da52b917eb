/* A key of one person in a text file that only a passphrase opens: Argon2id over the passphrase
 * gives the key of one AES-256-GCM message. Written for a file that lies on a stick for years, so
 * it carries its cost, and a reader bounds it: a file from a stranger cannot tie up the machine.
 *
 *   mamori-locked-key: v1
 *   for: WHOSE
 *   cost: argon2id m=65536 t=3 p=1
 *   salt: 32 hexadecimal digits
 *   sealed: 96 hexadecimal digits (the key and the tag, over all of the above)
 *   end
 *
 * What stands before the first of these lines is for people. A key in clear has the form of
 * paperkey.h. */
#ifndef MAMORI_CRYPT_KEYFILE_H
#define MAMORI_CRYPT_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypt/aead.h"
#include "crypt/pwhash.h"

enum {
	KEYFILE_KEY = 32,
	KEYFILE_SALT = 16,
	KEYFILE_ID = 80,         /* with its NUL */
	KEYFILE_MAX = 16 * 1024, /* bytes of a file */
};

struct keyfile {
	char id[KEYFILE_ID]; /* whose, what for: one line of ASCII without spaces */
	struct pwhash_cost cost;
	uint8_t salt[KEYFILE_SALT];
	uint8_t sealed[KEYFILE_KEY + AEAD_TAG_LEN];
};

/* keyfile_is(p, n): Whether the text calls itself a locked key, of this or another version. */
bool keyfile_is(const void *p, size_t n);
/* keyfile_get(p, n, ret, e): Read one. E_PROTO: a newer version; E_LIMIT: its cost is out of
 * bounds (8 to 256 MiB, 1 to 10 passes, 1 to 4 lanes); E_CORRUPT: anything else than each line
 * once. */
MUST int keyfile_get(const void *p, size_t n, struct keyfile *ret, struct err *e);
/* keyfile_put(b, f, e): Append the text, with words for people before it. E_INVAL, E_LIMIT,
 * E_NOMEM. */
MUST int keyfile_put(struct buf *b, const struct keyfile *f, struct err *e);

/* keyfile_lock(id, key, pass, n, cost, ret, e): Lock ${key} with a passphrase. E_INVAL: an empty or
 * overlong passphrase (PWHASH_PASSWORD_MAX), an id that cannot be, a cost out of bounds. */
MUST int keyfile_lock(const char *id, const uint8_t key[KEYFILE_KEY], const void *pass, size_t n,
    const struct pwhash_cost *cost, struct keyfile *ret, struct err *e);
/* keyfile_open(f, pass, n, key, e): E_AUTH: another passphrase, or a changed file; which of them
 * nobody can tell. ${key} is zeros then. */
MUST int keyfile_open(const struct keyfile *f, const void *pass, size_t n,
    uint8_t key[KEYFILE_KEY], struct err *e);

#endif
