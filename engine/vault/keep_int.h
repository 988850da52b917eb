/* What the files keep*.c share. Not for use elsewhere.
 *
 * keep.c        the handle: opening, and what it tells
 * keep_apply.c  a record's effect on what is known; what makes no sense is left out
 * keep_write.c  what the box writes
 * keep_auth.c   what people allow: approvers, policy, requests, approvals
 * keep_keeper.c whose key may write, and how another one follows a key that was lost
 * keep_plan.c   which generations may go (pure)
 * keep_poison.c whether a generation is in doubt (pure, but for its sealed figures)
 * keep_odd.c    traces of somebody who tries to get around it
 * keep_reap.c   the way from an allowed request to removed segments */
#ifndef MAMORI_VAULT_KEEP_INT_H
#define MAMORI_VAULT_KEEP_INT_H

#include "base/map.h"
#include "base/vec.h"
#include "ledger/ledger.h"
#include "vault/keep.h"

enum {
	KEEP_MAX_KNOWN = 1 << 20,   /* generations */
	KEEP_MAX_SEG = 1 << 24,     /* segment numbers */
	KEEP_MAX_NAMED = 1 << 22,   /* runs of segments in all intents */
};

struct keep_person {
	uint8_t pub[SIGN_PUB_LEN];
	char name[KEEP_TEXT];
	bool active;
};

struct keep_ask { /* the newest request */
	bool any;
	struct keep_request q;
	uint8_t (*gens)[FMT_ID_LEN]; /* owned */
	uint8_t pubs[KEEP_MAX_APPROVERS][SIGN_PUB_LEN];
	unsigned npubs;
};

struct keep_going { /* the newest intent */
	bool open;
	uint64_t seq;
	uint32_t nruns;
	struct fmt_run *runs; /* owned */
};

/* Segments that an intent named. Whether they may go is judged where the vault's log is known
 * (keep_repo.c). */
struct keep_named {
	struct fmt_run run;
	int64_t c; /* when: compliance clock */
};

struct keep {
	const struct fio *f;
	int repofd;
	struct ledger *l;
	struct signer *signer; /* NULL: reading */
	uint8_t repo[FMT_ID_LEN], root[SIGN_PUB_LEN];
	uint8_t owner[SIGN_PUB_LEN]; /* the key that may write */
	uint8_t owner_id[8], root_id[8];
	bool rooted; /* the ledger itself takes the recovery key's word for a new key */
	bool heir_let_in; /* the recovery key let this one in, which has not written yet: */
	uint8_t heir[SIGN_PUB_LEN];
	uint8_t prev[LEDGER_HASH_LEN]; /* hash of the newest record read */
	bool adopting; /* ${signer} is not the owner yet */
	uint64_t next_seq;
	struct keep_clock last;
	struct vec gens; /* struct keep_gen */
	struct map by_id; /* -> index + 1 */
	struct vec people; /* struct keep_person */
	uint64_t people_serial;
	struct keep_state st;
	struct keep_ask ask;
	struct keep_going going;
	uint8_t *leaves; /* bit per segment number; owned */
	uint32_t leaves_n; /* bits */
	struct vec named; /* struct keep_named, in the order of the ledger */
	uint64_t nodd, odd_seq;
	char odd_why[160];
	int64_t jumped_at; /* wall clock after the newest jump */
};

/* keep_need(g, bits): Set the bit of each segment that a generation needs. */
void keep_need(const struct vault_generation *g, uint8_t *bits);
/* keep_apply: the ledger_fn of keep_refresh. */
int keep_apply(const struct ledger_rec *rec, void *cookie, struct err *e);
struct keep_gen *keep_known(const struct keep *k, const uint8_t id[FMT_ID_LEN]);

/* keep_begin(k, now, rec, e): Hold the keep ledger, read on, and stamp ${rec}; 1 when the wall
 * clock jumped. After success keep_end must follow: it appends unless ${r} is negative or
 * ${write} false, releases, and takes the record in. */
MUST int keep_begin(struct keep *k, const struct keep_time *now, struct keep_rec *rec,
    struct err *e);
MUST int keep_end(struct keep *k, struct keep_rec *rec, int r, bool write, struct err *e);

/* keep_take_key(k, rec, e): A ledger's record that lets another key sign. keep_take_keeper(k, x,
 * key_id, e): Another key of the box from here on. E_CORRUPT: nobody who may said so. */
MUST int keep_take_key(struct keep *k, const struct ledger_rec *rec, struct err *e);
MUST int keep_take_keeper(struct keep *k, const struct keep_rec *x, const uint8_t key_id[8],
    struct err *e);
/* keep_owned_by(k, pub): Take ${pub} as the key that may write. */
void keep_owned_by(struct keep *k, const uint8_t pub[SIGN_PUB_LEN]);
/* keep_root_in(k, wall): See that the ledger takes the recovery key's word, so that a lost key of
 * the box can be replaced later. What cannot be written now the next writer does. */
void keep_root_in(struct keep *k, int64_t wall);
/* keep_open_as(..., adopting, ...): keep_open; with ${adopting} the key need not be the owner's. */
MUST int keep_open_as(const struct fio *f, int repofd, const struct vault_ident *id,
    const struct keep_key *key, const struct keep_time *now, bool adopting, struct keep **ret,
    struct err *e);

/* keep_person(k, pub): An active approver, or NULL. keep_signed(k, say, n, sigs, nsigs, ret_root):
 * how many different active approvers signed these bytes; whether the recovery key did. */
const struct keep_person *keep_person(const struct keep *k, const uint8_t pub[SIGN_PUB_LEN]);
unsigned keep_signed(const struct keep *k, const void *say, size_t n, const struct keep_sig *sigs,
    unsigned nsigs, bool *ret_root);
struct repo;
/* keep_traces(k, repo, fn, cookie, e): What vault_audit tells of a repository that lies here. */
MUST int keep_traces(const struct keep *k, const struct repo *repo, vault_odd_fn *fn, void *cookie,
    struct err *e);
/* keep_loose_end(k, repo, c): Segments whose record in the vault's log is before this one were
 * stored before a generation that at ${c} had been here for KEEP_LOOSE_DAYS: whatever was under way
 * then is long over, so those that no generation needs are left over from a backup that was never
 * finished. */
uint64_t keep_loose_end(const struct keep *k, const struct repo *repo, int64_t c);
/* keep_allowed(k): Whether the newest request has the authority it needs now. */
bool keep_allowed(const struct keep *k);
/* keep_weaker(was, is): Whether ${is} keeps less, or for a shorter time. */
bool keep_weaker(const struct keep_policy *was, const struct keep_policy *is);

#endif
