/* What people allow. Signatures are made where the person is: these functions take private keys or
 * finished signatures, and nobody's key stays with the box. */
#ifndef MAMORI_VAULT_KEEP_AUTH_H
#define MAMORI_VAULT_KEEP_AUTH_H

#include "vault/keep_plan.h"

/* keep_root(secret, ret, e): The signing key that follows from the recovery key. */
MUST int keep_root(const uint8_t secret[PAPERKEY_LEN], struct signer **ret, struct err *e);

/* keep_adopt(f, repofd, id, key, root, now, e): From now on ${key} is the box's: the one before was
 * lost, or its machine. Nothing else changes: locks, policy, approvers and requests stay, and the
 * compliance clock goes on from its last reading. What the key before writes later counts for
 * nothing. 1 when it is the box's already. E_AUTH: not this vault's recovery key, or its last box
 * ran an earlier Mamori, which did not provide for this; E_NOENT: no box ever looked after it. */
MUST int keep_adopt(const struct fio *f, int repofd, const struct vault_ident *id,
    const struct keep_key *key, struct signer *root, const struct keep_time *now, struct err *e);

/* keep_approver(k, now, root, pub, name, add, e): Name somebody who may approve removals, or take
 * him off. E_AUTH: not this vault's recovery key; E_LIMIT, E_NOENT. */
MUST int keep_approver(struct keep *k, const struct keep_time *now, struct signer *root,
    const uint8_t pub[SIGN_PUB_LEN], const char *name, bool add, struct err *e);
/* keep_people(k, i, ret_pub, ret_name): The i-th who may approve now; false past the end. */
bool keep_people(const struct keep *k, size_t i, const uint8_t **ret_pub, const char **ret_name);

/* keep_policy_set(k, now, p, by, n, e): From now on this policy. ${by}: who signs it: nobody is
 * needed for one that keeps as much or more; else two approvers or the recovery key (which also
 * allows removals under it beforehand). E_AUTH. */
MUST int keep_policy_set(struct keep *k, const struct keep_time *now, const struct keep_policy *p,
    struct signer *const *by, size_t n, struct err *e);

/* keep_ask(k, now, p, gens, n, ret_seq, e): Ask for the removal of ${n} generations. E_EXIST while
 * another request waits; E_AUTH when a generation is locked, E_NOENT. */
MUST int keep_ask(struct keep *k, const struct keep_time *now, const struct keep_policy *p,
    const uint8_t (*gens)[FMT_ID_LEN], size_t n, uint64_t *ret_seq, struct err *e);
/* keep_approve(k, now, by, e): Approve the request that waits. E_NOENT: none; E_AUTH: not somebody
 * who may; E_EXIST: did so before. */
MUST int keep_approve(struct keep *k, const struct keep_time *now, struct signer *by,
    struct err *e);
/* keep_cancel(k, now, who, e): Anybody may. E_NOENT. */
MUST int keep_cancel(struct keep *k, const struct keep_time *now, const char *who, struct err *e);
/* keep_good(k, now, id, by, e): Lift the doubt about a generation: an approver or the recovery key.
 */
MUST int keep_good(struct keep *k, const struct keep_time *now, const uint8_t id[FMT_ID_LEN],
    struct signer *by, struct err *e);

#endif
