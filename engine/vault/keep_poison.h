/* Whether a new generation is in doubt: far too much of it changed, went missing, turned to noise
 * or was renamed, measured by this system's own history. One in doubt is kept like any other; it
 * does not count in retention, so it never stands in for a good one. */
#ifndef MAMORI_VAULT_KEEP_POISON_H
#define MAMORI_VAULT_KEEP_POISON_H

#include "vault/keep.h"

/* keep_figures_seal(index_key, gen, f, out, ret_n, e) and keep_figures_open: Under a key that each
 * use has for itself, so that the keep ledger tells nobody how large a clinic's archive is. */
MUST int keep_figures_seal(const uint8_t index_key[32], const uint8_t gen[FMT_ID_LEN],
    const struct vault_figures *f, uint8_t out[KEEP_MAX_SEALED], size_t *ret_n, struct err *e);
MUST int keep_figures_open(const uint8_t index_key[32], const uint8_t gen[FMT_ID_LEN],
    const uint8_t *p, size_t n, struct vault_figures *ret, struct err *e);

enum keep_reason {
	KEEP_FINE = 0,
	KEEP_SHRANK,  /* files: a gone of b */
	KEEP_LIGHTER, /* bytes: a gone of b */
	KEEP_CHANGED, /* files: a changed or removed of b */
	KEEP_NOISE,   /* bytes: a of b stored look encrypted */
	KEEP_RENAMED, /* files: a of b got one more ending */
	KEEP_REWROTE, /* bytes: a of b are new */
	KEEP_AFTER,   /* builds on one that is in doubt */
	KEEP_REASONS,
};
struct keep_verdict {
	enum keep_reason reason;
	uint64_t a, b;
};
/* keep_verdict_put(v, out): As it stands in the ledger ("shrank 812 1000"). keep_verdict_get: back;
 * KEEP_FINE when it is something else. */
void keep_verdict_put(const struct keep_verdict *v, char out[KEEP_TEXT]);
struct keep_verdict keep_verdict_get(const char *text);

/* keep_judge(history, n, now, ret): ${history}: good ones of the same system, oldest first. True
 * when ${now} is in doubt. */
bool keep_judge(const struct vault_figures *history, size_t n, const struct vault_figures *now,
    struct keep_verdict *ret);
/* keep_recovered(good, bad, now): Whether, after ${bad} that was in doubt, ${now} is back at
 * ${good}: as many files and bytes, a lot changed, and nearly all of that was stored before. */
bool keep_recovered(const struct vault_figures *good, const struct vault_figures *bad,
    const struct vault_figures *now);

/* keep_judge_run(k, index_key, f, a): Fill a->doubt, a->follows and a->why (in ${why}) from the
 * figures of the run that made a->gen; a->tag is set. Without figures (NULL): keep_judge_bytes. */
MUST int keep_judge_run(struct keep *k, const uint8_t index_key[32], const struct vault_figures *f,
    struct keep_arrival *a, char why[KEEP_TEXT], struct err *e);
/* keep_judge_bytes(k, a, follows, why): The same from what a box without any key can see: how much
 * of what a generation needs is new. */
enum keep_doubt keep_judge_bytes(const struct keep *k, const struct keep_arrival *a,
    uint8_t follows[FMT_ID_LEN], char why[KEEP_TEXT]);

/* keep_weigh(r, id, ret_new, ret_all, e): Bytes of the segments a generation needs, and of those
 * that none before it needed. E_NOENT. */
MUST int keep_weigh(VAULT_R *r, const uint8_t id[FMT_ID_LEN], uint64_t *ret_new, uint64_t *ret_all,
    struct err *e);

#endif
