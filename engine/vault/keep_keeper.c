/* Whose key may write the keep ledger, and how another one follows a key that was lost.
 *
 * A ledger takes records of enrolled keys alone, and only an enrolled key enrols. So the box enrols
 * the recovery key as soon as it can, while it still has its own; the recovery key can then name
 * another one. Its signature goes over the chain, so a name given once fits nowhere else, not in
 * another vault and not in an older copy of this one. */
#include <string.h>

#include "crypt/digest.h"
#include "vault/keep_auth.h"
#include "vault/keep_int.h"

void
keep_owned_by(struct keep *k, const uint8_t pub[SIGN_PUB_LEN])
{
	uint8_t hash[DIGEST_LEN];

	digest_sha256(pub, SIGN_PUB_LEN, hash);
	(void)memcpy(k->owner, pub, SIGN_PUB_LEN);
	(void)memcpy(k->owner_id, hash, sizeof(k->owner_id));
}

int
keep_take_key(struct keep *k, const struct ledger_rec *rec, struct err *e)
{
	if (rec->len != SIGN_PUB_LEN)
		return err_set(e, E_CORRUPT, "no key");
	if (memcmp(rec->key_id, k->owner_id, sizeof(k->owner_id)) == 0 &&
	    memcmp(rec->payload, k->root, SIGN_PUB_LEN) == 0) {
		k->rooted = true;
		return 0;
	}
	if (memcmp(rec->key_id, k->root_id, sizeof(k->root_id)) != 0)
		return err_set(e, E_CORRUPT, "a second key");
	(void)memcpy(k->heir, rec->payload, SIGN_PUB_LEN);
	k->heir_let_in = true;
	return 0;
}

int
keep_take_keeper(struct keep *k, const struct keep_rec *x, const uint8_t key_id[8], struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	struct buf AUTO(buf_free) b = {0};
	bool root = false;

	digest_sha256(x->hash, SIGN_PUB_LEN, hash);
	if (!k->heir_let_in || memcmp(k->heir, x->hash, SIGN_PUB_LEN) != 0 ||
	    memcmp(key_id, hash, 8) != 0)
		return err_set(e, E_CORRUPT, "a keeper's key that the recovery key did not let in");
	if (x->serial != k->st.keepers + 1)
		return err_set(e, E_CORRUPT, "an old keeper was put back");
	buf_init(&b, 1024);
	if (keep_say_keeper(&b, k->repo, x->hash, x->serial, k->prev, e) < 0)
		return e->code;
	(void)keep_signed(k, b.p, b.len, x->sigs, x->nsigs, &root);
	if (!root)
		return err_set(e, E_CORRUPT, "a keeper whom nobody with the recovery key named");
	if (!keep_clock_follows(&k->last, &x->at))
		return err_set(e, E_CORRUPT, "a keeper who begins with a clock that cannot be");
	keep_owned_by(k, x->hash);
	k->heir_let_in = false;
	k->st.keepers = x->serial;
	k->st.keeper_since = x->at.wall;
	return 0;
}

void
keep_root_in(struct keep *k, int64_t wall)
{
	struct err why;

	if (ledger_hold(k->l, &why) < 0)
		return;
	/* another process of this box may have done it, or another box have come */
	if (keep_refresh(k, &why) == 0 && !k->rooted &&
	    memcmp(k->owner, signer_pub(k->signer), SIGN_PUB_LEN) == 0 &&
	    ledger_enrol(k->l, k->signer, k->root, wall, &why) == 0)
		(void)!keep_refresh(k, &why); /* what fails here fails again at the next use */
	ledger_release(k->l);
}

/* let_in(k, root, wall, e): The ledger itself must take the new key's word. */
static int
let_in(struct keep *k, struct signer *root, int64_t wall, struct err *e)
{
	int r;

	if (k->heir_let_in && memcmp(k->heir, signer_pub(k->signer), SIGN_PUB_LEN) == 0)
		return 0; /* ended before the next step, last time */
	r = ledger_enrol(k->l, root, signer_pub(k->signer), wall, e);
	return r < 0 ? r : keep_refresh(k, e);
}

/* follow(k, root, now, e): Be the keeper. */
static int
follow(struct keep *k, struct signer *root, const struct keep_time *now, struct err *e)
{
	struct keep_rec rec = {.type = KEEP_KEEPER};
	struct buf AUTO(buf_free) say = {0};
	bool owner;
	int r = keep_begin(k, now, &rec, e);

	if (r < 0)
		return r;
	r = 0;
	owner = memcmp(k->owner, signer_pub(k->signer), SIGN_PUB_LEN) == 0;
	if (!owner && !k->rooted)
		r = err_set(e, E_AUTH,
		    "this vault was last looked after by an earlier Mamori, which "
		    "did not provide for a lost key: nothing in it can be removed any more, and "
		    "all of it can be restored");
	if (r == 0 && !owner)
		r = let_in(k, root, now->wall, e);
	if (r == 0 && !owner) {
		buf_init(&say, 1024);
		(void)memcpy(rec.hash, signer_pub(k->signer), SIGN_PUB_LEN);
		rec.serial = k->st.keepers + 1;
		rec.nsigs = 1;
		(void)memcpy(rec.sigs[0].pub, signer_pub(root), SIGN_PUB_LEN);
		r = keep_say_keeper(&say, k->repo, rec.hash, rec.serial, k->prev, e);
	}
	if (r == 0 && !owner)
		r = signer_sign(root, say.p, say.len, rec.sigs[0].sig, e);
	r = keep_end(k, &rec, r, !owner, e);
	return r < 0 ? r : owner;
}

int
keep_adopt(const struct fio *f, int repofd, const struct vault_ident *id,
    const struct keep_key *key, struct signer *root, const struct keep_time *now, struct err *e)
{
	struct keep *k = NULL;
	int r;

	if (memcmp(signer_pub(root), id->pin, SIGN_PUB_LEN) != 0)
		return err_set(e, E_AUTH, "this is not the recovery key of this vault");
	r = keep_open_as(f, repofd, id, key, NULL, true, &k, e);
	if (r == 0)
		r = follow(k, root, now, e);
	keep_close(k);
	return r;
}
