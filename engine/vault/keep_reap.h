/* Removing what people allowed to be removed. The only code that takes segments out of a
 * repository; it belongs to mamori-reaper alone (a gate looks that nobody else links it). */
#ifndef MAMORI_VAULT_KEEP_REAP_H
#define MAMORI_VAULT_KEEP_REAP_H

#include "vault/keep_plan.h"

struct keep_reaped {
	uint32_t generations; /* removed now */
	uint64_t segments, bytes; /* files that are gone; also of an earlier, interrupted try */
	uint32_t spared;      /* generations of the request that must stay after all */
	uint64_t loose_segments, loose_bytes; /* of these: no generation ever needed them */
};

/* keep_reap(f, path, k, now, ret, e): Carry out the request that waits, when it may be. ${k}: open
 * for writing, of the repository at ${path}. First an interrupted removal is finished. Then, with
 * the vault's log held: each generation asked for is judged again, segments that no other
 * generation needs are listed, with those that no generation ever needed and that are left over
 * (keep_loose), and the intent is noted; after that files are removed, and that is noted. An intent
 * that names a segment which may not go, by those rules, is not carried out. May be killed anywhere
 * and called again. 0: done; E_NOENT: nothing is asked for; E_AUTH: not approved; E_BUSY: still
 * waiting; E_EXIST: all of it must stay; E_CORRUPT: log or keep ledger do not hold, or the intent
 * does not, and nothing is touched. */
MUST int keep_reap(const struct fio *f, const char *path, struct keep *k,
    const struct keep_time *now, struct keep_reaped *ret, struct err *e);

#endif
