/* The ledger of facts: STATE/facts, sealed with STATE/keys/facts.key. */
#ifndef MAMORI_LEDGER_FACTS_H
#define MAMORI_LEDGER_FACTS_H

#include "ledger/fact.h"
#include "ledger/ledger.h"
#include "ledger/state.h"

enum { FACTS_DIR_LEN = 6, FACTS_MAX_NEWEST = 100000, FACTS_RECENT = 32 };

#define FACTS_DIR "facts"
#define FACTS_KEY "facts"

struct facts;

/* facts_open(st, create, now, ret, e): Open the facts of a state for reading, and for adding when
 * the key is there. ${create}: begin the ledger when there is none, dated ${now}. A state whose
 * public key is known but whose ledger is gone is E_CORRUPT, never begun anew. E_NOENT, and all of
 * ledger_open. */
MUST int facts_open(const struct state *st, bool create, int64_t now, struct facts **ret,
    struct err *e);
void facts_close(struct facts *fs); /* NULL is fine */

/* facts_ledger(fs): The ledger itself, for its head and id. */
struct ledger *facts_ledger(struct facts *fs);

/* facts_add(fs, fact, now, ret_seq, e): Seal one fact; durable on return. ${ret_seq} may be NULL.
 * E_INVAL (a field has not its form), E_AUTH (no key here), and all of ledger_append. */
MUST int facts_add(struct facts *fs, const struct fact *fact, int64_t now, uint64_t *ret_seq,
    struct err *e);

/* facts_record(st, fact, now, ret_seq, e): Open (begin when needed), add, close: for programs that
 * leave one fact behind. */
MUST int facts_record(const struct state *st, const struct fact *fact, int64_t now,
    uint64_t *ret_seq, struct err *e);

struct facts_filter { /* an empty string or zero: any */
	char check[96]; /* exact, or a group such as "vault." (ending with a dot) */
	char kind[64], id[256];
	int64_t since; /* effective at or after */
	uint64_t from; /* first record */
};

/* facts_each(fs, filter, fn, cookie, e): Each fact that fits, oldest record first; the fact is
 * valid during the callback. A non-zero result stops the walk and is returned. A record that is not
 * a readable fact (of a newer version) is passed over and counted in ${ret_other} (may be NULL). */
typedef int facts_fn(const struct fact *fact, void *cookie, struct err *e);
MUST int facts_each(struct facts *fs, const struct facts_filter *filter, facts_fn *fn, void *cookie,
    uint64_t *ret_other, struct err *e);

/* facts_newest(fs, filter, ret, ret_n, e): For each check and subject the fact that counts now: the
 * one with the latest effective time, among equals the one recorded last; but a fact that claims a
 * time after a later record was made (a clock that ran ahead) yields to that record. An array owned
 * by the caller (facts_newest_free), sorted by check, kind, id; its JSON is shared and must not be
 * changed. E_LIMIT past FACTS_MAX_NEWEST. The handle remembers what it read, so that a second call
 * reads only what was appended since (unless ${filter} has a time or a first record); so damage to
 * older records is noticed by a verification, not here. */
MUST int facts_newest(struct facts *fs, const struct facts_filter *filter, struct fact **ret,
    size_t *ret_n, struct err *e);
void facts_newest_free(struct fact *list, size_t n);

/* facts_recent(fs, check, fn, cookie, e): The last FACTS_RECENT facts of one check, the one
 * recorded last first, without reading the whole record again. As facts_each otherwise. */
MUST int facts_recent(struct facts *fs, const char *check, facts_fn *fn, void *cookie,
    struct err *e);
/* facts_one(fs, seq, fn, cookie, e): The fact with this number, when there is one. */
MUST int facts_one(struct facts *fs, uint64_t seq, facts_fn *fn, void *cookie, struct err *e);

#endif
