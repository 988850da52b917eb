/* The records of the keep ledger, `REPO/keep/`: what the box that holds a repository writes about
 * it, so that nobody else decides how long a generation stays. Pure codecs; the prose is the format
 * page in ARCHITECTURE.md; change both together.
 *
 * Every record begins with a version and a reading of the box's clocks together with the
 * compliance clock that follows from it (keep_clock.h). */
#ifndef MAMORI_VAULT_KEEP_FMT_H
#define MAMORI_VAULT_KEEP_FMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypt/sign.h"
#include "vault/fmt.h"

enum {
	KEEP_VERSION = 1,
	KEEP_TAG_LEN = 16,
	KEEP_BOOT_LEN = 16,
	KEEP_TEXT = 256,         /* a reason or a name, with its NUL */
	KEEP_MAX_GENS = 16384,   /* in one request */
	KEEP_MAX_RUNS = 32768,   /* in one intent */
	KEEP_MAX_SIGS = 4,
	KEEP_MAX_SEALED = 512,
};

enum keep_type { /* types of lib/ledger */
	KEEP_CLOCK = 16,    /* a reading of the clock, nothing else */
	KEEP_RECEIVED = 17, /* a generation came in */
	KEEP_EXTEND = 18,   /* a generation stays longer */
	KEEP_DRILL = 19,    /* a generation was restored in a drill */
	KEEP_POISON = 20,   /* a generation is in doubt */
	KEEP_GOOD = 21,     /* people looked: it is good after all */
	KEEP_POLICY = 22,
	KEEP_APPROVER = 23,
	KEEP_REQUEST = 24,  /* somebody wants generations removed */
	KEEP_APPROVE = 25,
	KEEP_CANCEL = 26,
	KEEP_INTENT = 27,   /* these generations and segments go now */
	KEEP_REAPED = 28,   /* they are gone */
	KEEP_KEEPER = 29,   /* another key of the box from here on */
};

struct keep_clock {
	uint8_t boot[KEEP_BOOT_LEN]; /* which boot of the machine; zeros: not known */
	int64_t ran;  /* CLOCK_MONOTONIC, microseconds: without the time in which it slept */
	int64_t up;   /* CLOCK_BOOTTIME: with it */
	int64_t wall; /* CLOCK_REALTIME, microseconds UTC */
	int64_t c;    /* the compliance clock, microseconds since the ledger was begun */
};

struct keep_policy {
	char name[32];       /* letters, digits and '-' */
	uint16_t daily;      /* newest so many days of which one generation stays; 0xffff: all */
	uint16_t weekly, monthly, yearly;
	uint16_t verified;   /* drill-verified generations of a system that always stay */
	uint32_t lock_days;  /* every generation, from its arrival */
	uint32_t wait_days;  /* between a request and its execution */
};

struct keep_sig {
	uint8_t pub[SIGN_PUB_LEN];
	uint8_t sig[SIGN_LEN];
};

enum keep_doubt { KEEP_SOUND = 0, KEEP_DOUBT = 1, KEEP_FOLLOWS = 2 };

struct keep_rec {
	uint16_t type;
	struct keep_clock at;
	uint8_t gen[FMT_ID_LEN];   /* received extend drill poison good */
	uint8_t tag[KEEP_TAG_LEN]; /* received: the system, see vault_system_tag */
	uint64_t seq;    /* received: its record in the log; approve cancel intent: the request;
	                    reaped: the intent */
	int64_t until;   /* received extend: stays until then, compliance clock */
	int64_t wish;    /* received: what the client wished, its wall clock; a label */
	uint64_t new_bytes, all_bytes; /* received: of segments, as the box counts them */
	uint8_t doubt;   /* received poison: enum keep_doubt */
	uint8_t ref[FMT_ID_LEN];   /* received poison with KEEP_FOLLOWS: the one that it follows */
	bool yes;        /* drill: passed; approver: added, not removed */
	char text[KEEP_TEXT];      /* received poison: why; approver: name; cancel: who */
	uint8_t hash[32];          /* drill: certificate; approve: the request's record;
	                              approver keeper: key */
	struct keep_policy policy; /* policy request */
	uint64_t serial;           /* policy approver keeper: grows */
	uint8_t nsigs;             /* good policy approver approve keeper */
	struct keep_sig sigs[KEEP_MAX_SIGS];
	uint64_t count, bytes;     /* reaped: segments removed, their bytes */
	uint32_t ngens, nruns;
	uint8_t (*gens)[FMT_ID_LEN]; /* request intent; owned */
	struct fmt_run *runs;        /* intent: segment numbers, ascending; owned */
	uint8_t sealed[KEEP_MAX_SEALED]; /* received: figures under the index key */
	uint16_t sealed_len;
};

/* keep_rec_put(b, r, e): Append the payload. E_INVAL, E_LIMIT, E_NOMEM. */
MUST int keep_rec_put(struct buf *b, const struct keep_rec *r, struct err *e);
/* keep_rec_get(type, p, n, ret, e): E_CORRUPT for anything else than exactly one record; 1 for a
 * type that is not known here (a newer box wrote it). ${ret} is freed with keep_rec_free on
 * success. */
MUST int keep_rec_get(uint16_t type, const uint8_t *p, size_t n, struct keep_rec *ret,
    struct err *e);
void keep_rec_free(struct keep_rec *r);

struct keep_genesis {
	uint8_t repo[FMT_ID_LEN];
	uint8_t root[SIGN_PUB_LEN]; /* first key of the vault's log: who may say what is allowed */
	struct keep_clock at;
};
MUST int keep_genesis_put(struct buf *b, const struct keep_genesis *g, struct err *e);
MUST int keep_genesis_get(const uint8_t *p, size_t n, struct keep_genesis *ret, struct err *e);

/* What people sign: keep_say_*(b, repo, ..., e) append the bytes. A label, the repository and a
 * serial number or the hash of a record are in each, so that none can be used twice or elsewhere.
 */
MUST int keep_say_policy(struct buf *b, const uint8_t repo[FMT_ID_LEN],
    const struct keep_policy *p, uint64_t serial, struct err *e);
MUST int keep_say_approver(struct buf *b, const uint8_t repo[FMT_ID_LEN],
    const uint8_t pub[SIGN_PUB_LEN], const char *name, bool add, uint64_t serial, struct err *e);
MUST int keep_say_approve(struct buf *b, const uint8_t repo[FMT_ID_LEN], const uint8_t hash[32],
    struct err *e);
MUST int keep_say_good(struct buf *b, const uint8_t repo[FMT_ID_LEN],
    const uint8_t gen[FMT_ID_LEN], struct err *e);
/* ${before}: hash of the record before it, so that it fits nowhere but behind this very history. */
MUST int keep_say_keeper(struct buf *b, const uint8_t repo[FMT_ID_LEN],
    const uint8_t pub[SIGN_PUB_LEN], uint64_t serial, const uint8_t before[32], struct err *e);

/* keep_policy_ok(p, e): Whether it says something that can be kept. E_INVAL. */
MUST int keep_policy_ok(const struct keep_policy *p, struct err *e);

#endif
