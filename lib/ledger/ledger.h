/* A sealed record: append-only, hash-chained, every record signed, verifiable offline by anybody
 * who knows the first public key. Facts, the vault's log, access-log seals and incident
 * chronologies are all ledgers.
 *
 * On disk (format page in ARCHITECTURE.md): a directory with `log` (the records) and `head` (two
 * slots that repeat the newest signed record, so that a log cut short is noticed).
 *
 *   log:    file header (magic "MMRILEDG", version, compatible and incompatible flags, ledger id)
 *           record*
 *   record: u32 length of the whole record | u16 type | u16 flags | u64 seq | i64 recorded_us |
 *           u8 key_id[8] | u32 payload length | payload | hash[32] | signature[64]
 *           hash = SHA-256("mamori ledger v1" | ledger id | previous hash | the bytes before hash)
 *           signature = Ed25519 over hash
 *   The first record (seq 0) is the genesis: it carries the first public key and the owner's
 *   payload, and is signed by that key. A LEDGER_T_KEY record adds a public key.
 *
 * Appending returns after the record is durable. Several processes may append to the same ledger:
 * the tail is locked for the moment of the append only (the kernel drops the lock when a process
 * dies), and each appender first reads what others added. A torn tail (a record that was never
 * acknowledged) is cut off silently at the next append; anything else that does not fit is
 * E_CORRUPT and nothing is changed. */
#ifndef MAMORI_LEDGER_LEDGER_H
#define MAMORI_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypt/sign.h"
#include "sys/fio.h"

enum {
	LEDGER_ID_LEN = 16,
	LEDGER_HASH_LEN = 32,
	LEDGER_MAX_PAYLOAD = 1 << 20,
	/* types below 16 belong to the ledger itself */
	LEDGER_T_GENESIS = 1,
	LEDGER_T_KEY = 2,
	LEDGER_T_USER = 16,
};

struct ledger; /* a handle for reading; appending needs a signer in each call */

struct ledger_rec { /* views into the handle's memory, valid during the callback */
	uint64_t seq;
	int64_t at; /* recorded, microseconds UTC */
	uint16_t type;
	const uint8_t *key_id; /* first 8 bytes of SHA-256 of the signer's public key */
	const uint8_t *payload;
	size_t len;
	const uint8_t *hash;
	uint64_t offset; /* of the record in the file, for messages */
	const uint8_t *raw; /* all its bytes, as ledger_accept takes them */
	size_t raw_len;
};

struct ledger_head {
	uint64_t seq; /* of the newest record */
	uint8_t hash[LEDGER_HASH_LEN];
	int64_t at;
};

/* ledger_create(f, dirfd, name, s, payload, n, now, e): Make the directory ${name} below ${dirfd}
 * with a genesis record signed by ${s}. Durable on return. E_EXIST when a ledger is there. */
MUST int ledger_create(const struct fio *f, int dirfd, const char *name, struct signer *s,
    const void *payload, size_t n, int64_t now, struct err *e);

/* ledger_open(f, dirfd, name, pin, ret, e): Open for reading and appending (falls back to reading
 * alone where the file cannot be written). ${pin}: the first public key as the caller knows it, or
 * NULL to accept the one found. Reads and checks the chain; signatures are checked for the newest
 * record (ledger_verify checks all). A torn tail is ignored. E_NOENT, E_PROTO (foreign or newer
 * format), E_CORRUPT (names the record), E_AUTH (other first key). */
MUST int ledger_open(const struct fio *f, int dirfd, const char *name, const uint8_t *pin,
    struct ledger **ret, struct err *e);
void ledger_close(struct ledger *l); /* NULL is fine */

const uint8_t *ledger_id(const struct ledger *l);
/* ledger_genesis(l, ret_len): The owner's payload of the genesis record. */
const uint8_t *ledger_genesis(const struct ledger *l, size_t *ret_len);
/* ledger_key(l): The first public key. */
const uint8_t *ledger_key(const struct ledger *l);
struct ledger_head ledger_head(const struct ledger *l);

/* ledger_each(l, from, fn, cookie, e): Call ${fn} for each record with seq >= ${from}, oldest
 * first, including those that other processes appended since (the handle is refreshed). A non-zero
 * result of ${fn} stops the walk and is returned. */
typedef int ledger_fn(const struct ledger_rec *rec, void *cookie, struct err *e);
MUST int ledger_each(struct ledger *l, uint64_t from, ledger_fn *fn, void *cookie, struct err *e);

/* ledger_append(l, s, type, payload, n, now, ret, e): Append one record signed by ${s}, whose
 * public key must be enrolled (E_AUTH). Returns after it is durable; ${ret} (may be NULL) is the
 * new head. E_LIMIT, E_NOSPC, E_CORRUPT (the log was cut or changed under us), E_SYS. After a
 * failed append the record either is not there or was never acknowledged; the handle stays usable.
 */
MUST int ledger_append(struct ledger *l, struct signer *s, uint16_t type, const void *payload,
    size_t n, int64_t now, struct ledger_head *ret, struct err *e);

/* ledger_enrol(l, s, pub, now, e): Append a LEDGER_T_KEY record: ${pub} may sign from now on. */
MUST int ledger_enrol(struct ledger *l, struct signer *s, const uint8_t pub[SIGN_PUB_LEN],
    int64_t now, struct err *e);

/* ledger_hold(l, e): Take the lock of the log's tail for more than one step: read what others added
 * (ledger_each), decide, append; nobody else appends in between. Every process that appends waits
 * so long, so hold it for moments, do no other waiting meanwhile, and when two ledgers are needed
 * hold the vault's log first. Held at most once a handle; ledger_release gives it back. E_AUTH when
 * the ledger cannot be written here. */
MUST int ledger_hold(struct ledger *l, struct err *e);
void ledger_release(struct ledger *l);

/* ---- the same ledger in two places ---- */

/* ledger_raw(l, from, max, ret, e): Append the bytes of whole records to ${ret}, from number
 * ${from} on, about ${max} bytes of them and at least one when there is one; for 0 the file header
 * (64 bytes) before it. Nothing is appended when the ledger ends before. Refreshes as ledger_each.
 */
MUST int ledger_raw(struct ledger *l, uint64_t from, size_t max, struct buf *ret, struct err *e);

/* ledger_compose(l, s, type, payload, n, now, ret, e): Append to ${ret} the record that would
 * follow the newest one this handle knows. Nothing is written. E_AUTH, E_LIMIT as ledger_append. */
MUST int ledger_compose(struct ledger *l, struct signer *s, uint16_t type, const void *payload,
    size_t n, int64_t now, struct buf *ret, struct err *e);

/* ledger_accept(l, raw, n, e): Take whole records that were composed elsewhere: each must continue
 * the chain and carry the signature of an enrolled key; all are checked before the first is
 * written, and all are durable on return. Records that are here already are passed over (the newest
 * one must be the same one). E_CORRUPT: they do not continue this ledger, or do not hold; E_BUSY:
 * there is a gap before them; E_LIMIT, E_NOSPC, E_SYS as ledger_append. A power cut while several
 * are taken may leave a log that does not hold: such a copy is fetched anew. */
MUST int ledger_accept(struct ledger *l, const void *raw, size_t n, struct err *e);

/* ledger_check(pin, raw, n, e): Whether ledger_import would take these bytes: the chain, the rules
 * of the format, and every signature, also those that ledger_open leaves to verification. Touches
 * no file. E_PROTO, E_CORRUPT, E_AUTH, E_LIMIT (too many keys), E_NOMEM. */
MUST int ledger_check(const uint8_t *pin, const void *raw, size_t n, struct err *e);

/* ledger_import(f, dirfd, name, pin, raw, n, e): As ledger_create, from what ledger_raw gave for
 * record 0 and the following ones elsewhere; the first key must be ${pin} (NULL: any). E_PROTO,
 * E_CORRUPT, E_AUTH (another first key), E_EXIST. */
MUST int ledger_import(const struct fio *f, int dirfd, const char *name, const uint8_t *pin,
    const void *raw, size_t n, struct err *e);

/* ledger_head_of(raw, n, ret): What ledger_head would say after the record that begins at ${raw}
 * was taken. Unchecked. E_CORRUPT: it is no record. */
MUST int ledger_head_of(const void *raw, size_t n, struct ledger_head *ret);

struct ledger_report {
	uint64_t records;     /* checked and good */
	bool ok;
	uint64_t first_bad;   /* seq of the first record that does not hold, when !ok */
	char why[200];        /* when !ok */
	struct ledger_head head;
};
/* ledger_verify(f, dirfd, name, pin, at_least, rep, e): Check everything offline: header, chain,
 * sequence, every signature, the head file, and that the log holds the record ${at_least} with its
 * hash (a head remembered, printed or mailed earlier; NULL to skip). Returns 0 with rep->ok true or
 * false; negative only when it could not be read at all. Finds any flipped bit, cut tail, and any
 * swapped, inserted, removed or replayed record. Cannot find: a tail cut together with an older
 * copy of the head file, unless ${at_least} is given; say so where it matters. */
MUST int ledger_verify(const struct fio *f, int dirfd, const char *name, const uint8_t *pin,
    const struct ledger_head *at_least, struct ledger_report *rep, struct err *e);

#endif
