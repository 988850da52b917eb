/* The bytes of a ledger: pure functions, no files. README.md in this folder is the format page. */
#ifndef MAMORI_LEDGER_LEDGER_FMT_H
#define MAMORI_LEDGER_LEDGER_FMT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypt/digest.h"
#include "crypt/sign.h"
#include "ledger/ledger.h"

enum {
	LEDGER_FMT_VERSION = 1,
	LEDGER_FMT_HEADER = 64,   /* of the log file */
	LEDGER_FMT_REC_HEAD = 36, /* of a record, before the payload */
	LEDGER_FMT_REC_TAIL = 96, /* hash and signature */
	LEDGER_FMT_REC_MIN = LEDGER_FMT_REC_HEAD + LEDGER_FMT_REC_TAIL,
	LEDGER_FMT_REC_MAX = LEDGER_FMT_REC_MIN + LEDGER_MAX_PAYLOAD,
	LEDGER_FMT_KEY_ID = 8,
	LEDGER_FMT_SLOT = 256,
	LEDGER_FMT_SLOTS = 2,
	LEDGER_FMT_HEAD_FILE = LEDGER_FMT_SLOT * LEDGER_FMT_SLOTS,
};

struct ledger_fmt_rec { /* views into the bytes that were read */
	uint32_t len; /* of the whole record */
	uint16_t type, flags;
	uint64_t seq;
	int64_t at;
	const uint8_t *key_id;
	const uint8_t *payload;
	uint32_t payload_len;
	const uint8_t *body; /* the record's first byte; hashed up to the hash */
	const uint8_t *hash;
	const uint8_t *sig;
};

struct ledger_fmt_slot { /* one slot of the head file */
	uint64_t seq;
	int64_t at;
	uint64_t end; /* length of the log after this record */
	uint8_t id[LEDGER_ID_LEN];
	uint8_t hash[LEDGER_HASH_LEN];
	uint8_t sig[SIGN_LEN];
	uint8_t key_id[LEDGER_FMT_KEY_ID];
};

/* ledger_fmt_key_id(pub, out): The first 8 bytes of SHA-256 of a public key. */
void ledger_fmt_key_id(const uint8_t pub[SIGN_PUB_LEN], uint8_t out[LEDGER_FMT_KEY_ID]);

/* ledger_fmt_header_put(out, id): The 64 bytes at the start of a log. */
void ledger_fmt_header_put(uint8_t out[LEDGER_FMT_HEADER], const uint8_t id[LEDGER_ID_LEN]);
/* ledger_fmt_header_get(p, n, id, e): Read them. E_INVAL (not a ledger at all), E_PROTO (one that
 * this version cannot read), E_CORRUPT (cut short or damaged). */
MUST int ledger_fmt_header_get(const void *p, size_t n, uint8_t id[LEDGER_ID_LEN], struct err *e);

/* ledger_fmt_rec_len(p, n): What the first four bytes say about the record's length: 0 when it
 * cannot be a record. */
uint32_t ledger_fmt_rec_len(const void *p, size_t n);
/* ledger_fmt_rec_get(p, n, ret): Read the record at the start of ${n} bytes; more may follow. 0, or
 * E_CORRUPT when it is incomplete or its lengths do not agree. The hash is not checked. */
MUST int ledger_fmt_rec_get(const void *p, size_t n, struct ledger_fmt_rec *ret);
/* ledger_fmt_rec_hash(d, id, prev, rec, out): The hash that the record should carry. ${d} is
 * scratch. */
void ledger_fmt_rec_hash(struct digest *d, const uint8_t id[LEDGER_ID_LEN],
    const uint8_t prev[LEDGER_HASH_LEN], const struct ledger_fmt_rec *rec,
    uint8_t out[LEDGER_HASH_LEN]);
/* ledger_fmt_rec_put(b, id, prev, s, type, seq, at, payload parts, e): Append a whole signed
 * record. The payload is ${a} followed by ${b2}. E_LIMIT, E_NOMEM, E_SYS. */
struct ledger_fmt_new {
	uint16_t type;
	uint64_t seq;
	int64_t at;
	const void *first; /* the payload is first followed by second */
	size_t first_len;
	const void *second;
	size_t second_len;
};
MUST int ledger_fmt_rec_put(struct buf *b, const uint8_t id[LEDGER_ID_LEN],
    const uint8_t prev[LEDGER_HASH_LEN], struct signer *s, const struct ledger_fmt_new *n,
    struct err *e);

/* ledger_fmt_slot_put(out, slot): The bytes of a head slot. */
void ledger_fmt_slot_put(uint8_t out[LEDGER_FMT_SLOT], const struct ledger_fmt_slot *slot);
/* ledger_fmt_slot_get(p, ret): 1 and the slot; 0 when it was never written (all zero); E_CORRUPT.
 */
MUST int ledger_fmt_slot_get(const uint8_t p[LEDGER_FMT_SLOT], struct ledger_fmt_slot *ret);
/* ledger_fmt_slot_claim(p, ret_seq): The record number a slot claims, even when it is damaged.
 * False when it claims none. */
bool ledger_fmt_slot_claim(const uint8_t p[LEDGER_FMT_SLOT], uint64_t *ret_seq);
/* ledger_fmt_slot_torn(p, newer, older): Whether the bytes are what an interrupted write of
 * ${newer} over ${older} leaves: a beginning of the one and the rest of the other. At least two old
 * bytes must be left, or a single changed byte at the end would pass as one. */
bool ledger_fmt_slot_torn(const uint8_t *p, const uint8_t *newer, const uint8_t *older);

#endif
