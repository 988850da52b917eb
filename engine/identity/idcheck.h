/* What the accounts say about the guideline's questions, as facts in the making. */
#ifndef MAMORI_ENGINE_IDENTITY_IDCHECK_H
#define MAMORI_ENGINE_IDENTITY_IDCHECK_H

#include <jansson.h>
#include <stdbool.h>

#include "identity/identity.h"

enum { IDCHECK_DORMANT_DAYS = 90, IDCHECK_REVIEW_DAYS = 7, IDCHECK_NAMES = 50 };

/* Whether the person of an account has left: 1 yes, 0 no, E_NOENT (no such person), E_*. The
 * registers are another engine's; the caller knows them. */
typedef int idcheck_left_fn(void *cookie, const char *person, struct err *e);

/* idcheck_run(id, now, left, cookie, ret, e): An array of {"check","kind","id","outcome",
 * "observed","expected"}: identity.mfa.coverage, identity.account.dormant, identity.account.leaver,
 * identity.password.rule, identity.admin.list, identity.glass.review. Names in observed are login
 * names, at most IDCHECK_NAMES of each. ${left} may be NULL: then leavers are unknown. */
MUST int idcheck_run(struct identity *id, int64_t now, idcheck_left_fn *left, void *cookie,
    json_t **ret, struct err *e);

#endif
