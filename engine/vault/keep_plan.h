/* Policies in plain words, and which generations may go under one. Pure functions: times are of the
 * compliance clock, days are counted from its beginning. */
#ifndef MAMORI_VAULT_KEEP_PLAN_H
#define MAMORI_VAULT_KEEP_PLAN_H

#include "vault/keep.h"

#define KEEP_POLICY_DEFAULT "guideline"

struct keep_policy_words {
	struct keep_policy p;
	const char *ja, *en; /* one sentence each */
};
/* keep_policies(ret_n): Those that can be chosen. keep_policy_named(name): One, or NULL. */
const struct keep_policy_words *keep_policies(size_t *ret_n);
const struct keep_policy *keep_policy_named(const char *name);
bool keep_policy_same(const struct keep_policy *a, const struct keep_policy *b);

enum keep_why { /* why one stays */
	KEEP_GOES = 0,
	KEEP_LOCKED,     /* until then nobody can remove it */
	KEEP_NEWEST,     /* the newest, or the newest good one, of its system */
	KEEP_COUNTED,    /* one of the days, weeks, months, years of the policy */
	KEEP_VERIFIED,   /* one of the last that a drill gave back */
	KEEP_UNVERIFIED, /* its system has too few that a drill gave back */
	KEEP_UNKNOWN,    /* the box has not noted it (yet) */
	KEEP_REMOVED,    /* is gone already */
};

/* keep_plan(gens, n, policy, c, out): ${out}[i] says what becomes of ${gens}[i] at ${c}. ${gens} in
 * the order of arrival. At least KEEP_MIN_VERIFIED verified generations of each system stay, or
 * nothing of it goes. E_NOMEM. */
MUST int keep_plan(const struct keep_gen *gens, size_t n, const struct keep_policy *p, int64_t c,
    uint8_t *out, struct err *e);

#endif
