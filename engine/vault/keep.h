/* Retention that nobody can shorten: the keep ledger of a repository, its compliance clock, leases,
 * policy, and the way to a deletion. The box that holds the repository owns it, with a signing key
 * of its own; a client's time and wishes are labels.
 *
 * Order against commits: who commits a generation holds the vault's log (ledger_hold), asks
 * keep_may_commit, and appends. Who writes a reap intent holds the vault's log meanwhile. So a
 * generation is either seen by the reaper, and its segments stay, or it sees the intent and is
 * refused, and its writer stores anew. Locks are taken in this order: vault's log, keep ledger. */
#ifndef MAMORI_VAULT_KEEP_H
#define MAMORI_VAULT_KEEP_H

#include "vault/keep_clock.h"
#include "vault/vault.h"

#define KEEP_DIR "keep" /* the ledger's directory in a repository */

enum {
	KEEP_WISH_DAYS = 3653, /* a client can make a lock longer by at most so much */
	KEEP_MIN_WAIT = 7,     /* days between a request and its execution */
	KEEP_MIN_VERIFIED = 3, /* drill-verified generations of a system that always stay */
	KEEP_MAX_APPROVERS = 64,
	KEEP_LOOSE_DAYS = 30,  /* so long what an unfinished backup stored stays for it */
};

/* ---- the box's key: STATE/vault/<repo id>/keep.key ---- */

struct keep_key {
	uint8_t repo[FMT_ID_LEN];
	uint8_t seed[SIGN_SEED_LEN];
};
/* keep_key_load(f, place, repo, make, ret, e): E_NOENT when there is none and ${make} is false;
 * else a new one is made. */
MUST int keep_key_load(const struct fio *f, const struct vault_place *pl,
    const uint8_t repo[FMT_ID_LEN], bool make, struct keep_key *ret, struct err *e);

/* vault_system_tag(index_key, name, out, e): How the keep ledger names a system: only holders of
 * the index key can tell which one it is. Zeros stand for "not known". */
MUST int vault_system_tag(const uint8_t index_key[32], const char *name, uint8_t out[KEEP_TAG_LEN],
    struct err *e);

/* ---- the ledger ---- */

struct keep;

/* keep_open(f, repofd, id, key, now, ret, e): ${repofd}: the repository's directory. With ${key}
 * for writing: the ledger is made when there is none; E_AUTH when another key is the box's.
 * ${now}: needed for making. Without a key for reading: E_NOENT when there is none. E_CORRUPT,
 * E_PROTO. The pointers given are not kept, ${f} and ${repofd} are. */
MUST int keep_open(const struct fio *f, int repofd, const struct vault_ident *id,
    const struct keep_key *key, const struct keep_time *now, struct keep **ret, struct err *e);
void keep_close(struct keep *k); /* NULL is fine */
/* keep_refresh(k, e): Read what others appended. */
MUST int keep_refresh(struct keep *k, struct err *e);
/* keep_sound(k, e): E_CORRUPT when there are records that a box would not write. They are left out
 * of everything. */
MUST int keep_sound(const struct keep *k, struct err *e);
struct ledger *keep_ledger(struct keep *k);

/* ---- what is known ---- */

struct keep_gen {
	uint8_t id[FMT_ID_LEN];
	uint8_t tag[KEEP_TAG_LEN];
	uint64_t seq;          /* of its record in the vault's log */
	int64_t received;      /* compliance clock */
	int64_t wall;          /* the box's wall clock then; for people */
	int64_t until;         /* stays at least until then, compliance clock; only ever grows */
	uint64_t new_bytes, all_bytes;
	bool verified;         /* a drill gave it back */
	enum keep_doubt doubt; /* KEEP_SOUND also when people said that it is good */
	uint8_t follows[FMT_ID_LEN];
	char why[KEEP_TEXT];
	bool removed;          /* an intent names it */
	uint8_t sealed[KEEP_MAX_SEALED];
	uint16_t sealed_len;
};

/* keep_gens(k, ret_n): In the order of arrival; valid until the next call that reads or appends. */
const struct keep_gen *keep_gens(const struct keep *k, size_t *ret_n);
const struct keep_gen *keep_find(const struct keep *k, const uint8_t id[FMT_ID_LEN]);

struct keep_request {
	uint64_t seq;
	uint8_t hash[32];
	int64_t asked, ripe; /* compliance clock: when it may be executed */
	int64_t wall;        /* box's wall clock when it was asked */
	struct keep_policy policy;
	uint32_t ngens;
	const uint8_t (*gens)[FMT_ID_LEN];
	unsigned approvals;  /* valid ones, of different people who still may approve */
	bool signed_before;  /* the policy of that name was signed with the recovery key */
	bool cancelled, executed;
};
/* keep_pending(k, ret): The request that waits, if any (there is at most one at a time). */
bool keep_pending(const struct keep *k, struct keep_request *ret);
/* keep_last_request(k, ret): The newest one, whatever became of it. */
bool keep_last_request(const struct keep *k, struct keep_request *ret);

struct keep_state {
	struct keep_clock last;     /* newest record's */
	struct keep_policy policy;  /* in force; the default when nobody chose */
	bool policy_signed;         /* with the recovery key */
	uint64_t policy_serial;
	unsigned approvers;
	uint64_t jumps;             /* of the wall clock, as the records show */
	uint64_t removed;           /* generations */
	uint64_t reaped, freed;     /* segments, bytes */
	bool intent_open;           /* a reaping that was begun and is not noted as done */
	uint64_t keepers;           /* how many times another key followed the box's */
	int64_t keeper_since;       /* wall clock of the newest such time, or 0 */
	bool rooted;                /* a lost key of the box can be replaced */
};
void keep_state(const struct keep *k, struct keep_state *ret);
/* keep_wall(k, c): The compliance time ${c} on the box's wall clock, as far as can be told now: the
 * earliest it can be. */
int64_t keep_wall(const struct keep *k, int64_t c);

/* keep_seg_leaves(k, no): Whether segment ${no} (its number in the vault's log) is named by an
 * intent: nobody may build on it, and its absence is no damage. */
bool keep_seg_leaves(const struct keep *k, uint32_t no);
/* keep_loose(k, r, c, ret_segments, ret_bytes, e): What an approved removal would take along at
 * compliance time ${c}: segments that no generation ever needed, left over from a backup that was
 * never finished. Such a segment goes only when a generation whose record in the vault's log comes
 * after it was received KEEP_LOOSE_DAYS before. */
MUST int keep_loose(const struct keep *k, const VAULT_R *r, int64_t c, uint64_t *ret_segments,
    uint64_t *ret_bytes, struct err *e);
/* keep_may_commit(k, runs, n, e): For who holds the vault's log: refresh; E_BUSY when one of these
 * segments leaves. */
MUST int keep_may_commit(struct keep *k, const struct fmt_run *runs, uint32_t n, struct err *e);

/* ---- what the box writes (handles with a key) ---- */

/* keep_clock(k, now, ret, e): Note the time when the last note is an hour old, and say what the
 * clock says (${ret} may be NULL). 1 when the wall clock jumped since then. */
MUST int keep_clock(struct keep *k, const struct keep_time *now, struct keep_clock *ret,
    struct err *e);

struct keep_arrival {
	const struct vault_generation *gen; /* id, seq, locked_until (a wish) */
	uint8_t tag[KEEP_TAG_LEN];
	uint32_t lock_days;                 /* the repository's own (genesis), 0 = none */
	uint64_t new_bytes, all_bytes;
	enum keep_doubt doubt;
	uint8_t follows[FMT_ID_LEN];
	const char *why;                    /* NULL: nothing to say */
	const void *sealed;                 /* figures, see keep_poison.h; may be NULL */
	size_t sealed_len;
};
/* keep_received(k, now, a, e): A generation is in the log. Once per generation: 1 when it was noted
 * before, and then nothing changes. */
MUST int keep_received(struct keep *k, const struct keep_time *now, const struct keep_arrival *a,
    struct err *e);
/* keep_catch_up(k, now, r, e): Note every generation of the log that is not noted yet (its box was
 * killed in between). Counts bytes itself. Returns how many. */
MUST int keep_catch_up(struct keep *k, const struct keep_time *now, VAULT_R *r, struct err *e);
/* keep_extend(k, now, id, until, e): Make it stay longer; a shorter time changes nothing.
 * E_NOENT. */
MUST int keep_extend(struct keep *k, const struct keep_time *now, const uint8_t id[FMT_ID_LEN],
    int64_t until, struct err *e);
/* keep_drilled(k, now, id, passed, certificate, e): A drill's result. E_NOENT. */
MUST int keep_drilled(struct keep *k, const struct keep_time *now, const uint8_t id[FMT_ID_LEN],
    bool passed, const uint8_t certificate[32], struct err *e);
/* keep_poison(k, now, id, doubt, follows, why, e): It is in doubt. E_NOENT. */
MUST int keep_poison(struct keep *k, const struct keep_time *now, const uint8_t id[FMT_ID_LEN],
    enum keep_doubt doubt, const uint8_t follows[FMT_ID_LEN], const char *why, struct err *e);

#endif
