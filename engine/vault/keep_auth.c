#include "vault/keep_auth.h"

#include <stdlib.h>
#include <string.h>

#include "vault/keep_int.h"
#include "vault/repo_int.h"

int
keep_root(const uint8_t secret[PAPERKEY_LEN], struct signer **ret, struct err *e)
{
	struct keys_all all;
	int r = keys_derive(secret, &all, e);

	if (r == 0)
		r = signer_new(all.sign, ret, e);
	explicit_bzero(&all, sizeof(all));
	return r;
}

const struct keep_person *
keep_person(const struct keep *k, const uint8_t pub[SIGN_PUB_LEN])
{
	for (size_t i = 0; i < k->people.len; i++) {
		const struct keep_person *p = VEC_AT(&k->people, struct keep_person, i);

		if (p->active && memcmp(p->pub, pub, SIGN_PUB_LEN) == 0)
			return p;
	}
	return NULL;
}

unsigned
keep_signed(const struct keep *k, const void *say, size_t n, const struct keep_sig *sigs,
    unsigned nsigs, bool *ret_root)
{
	unsigned people = 0;

	*ret_root = false;
	for (unsigned i = 0; i < nsigs; i++) {
		bool again = false;

		for (unsigned j = 0; j < i; j++)
			again |= memcmp(sigs[i].pub, sigs[j].pub, SIGN_PUB_LEN) == 0;
		if (again || !sign_ok(sigs[i].pub, say, n, sigs[i].sig))
			continue;
		if (memcmp(sigs[i].pub, k->root, SIGN_PUB_LEN) == 0)
			*ret_root = true;
		else
			people += keep_person(k, sigs[i].pub) != NULL;
	}
	return people;
}

/* sign(rec, by, n, say, e): ${n} signatures over these bytes. */
static int
sign(struct keep_rec *rec, struct signer *const *by, size_t n, const struct buf *say, struct err *e)
{
	int r = n > KEEP_MAX_SIGS ? err_set(e, E_LIMIT, "too many keys at once") : 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		(void)memcpy(rec->sigs[i].pub, signer_pub(by[i]), SIGN_PUB_LEN);
		r = signer_sign(by[i], say->p, say->len, rec->sigs[i].sig, e);
	}
	rec->nsigs = (uint8_t)(r == 0 ? n : 0);
	return r;
}

int
keep_approver(struct keep *k, const struct keep_time *now, struct signer *root,
    const uint8_t pub[SIGN_PUB_LEN], const char *name, bool add, struct err *e)
{
	struct keep_rec rec = {.type = KEEP_APPROVER, .yes = add};
	struct buf AUTO(buf_free) say = {0};
	struct keep_state st;
	int r;

	if (memcmp(signer_pub(root), k->root, SIGN_PUB_LEN) != 0)
		return err_set(e, E_AUTH, "this is not the recovery key of this vault");
	if (!*name || strlen(name) >= KEEP_TEXT)
		return err_set(e, E_INVAL, "the name must have 1 to %d bytes", KEEP_TEXT - 1);
	buf_init(&say, 1024);
	r = keep_begin(k, now, &rec, e);
	if (r < 0)
		return r;
	r = 0;
	keep_state(k, &st);
	if (!add && !keep_person(k, pub))
		r = err_set(e, E_NOENT, "nobody with this key may approve");
	else if (add && k->people.len >= KEEP_MAX_APPROVERS)
		r = err_set(e, E_LIMIT, "more than %d approvers", KEEP_MAX_APPROVERS);
	(void)memcpy(rec.hash, pub, SIGN_PUB_LEN);
	(void)memcpy(rec.text, name, strlen(name) + 1);
	rec.serial = k->people_serial + 1;
	if (r == 0)
		r = keep_say_approver(&say, k->repo, pub, name, add, rec.serial, e);
	if (r == 0)
		r = sign(&rec, &root, 1, &say, e);
	return keep_end(k, &rec, r, true, e);
}

bool
keep_people(const struct keep *k, size_t i, const uint8_t **ret_pub, const char **ret_name)
{
	for (size_t n = 0; n < k->people.len; n++) {
		const struct keep_person *p = VEC_AT(&k->people, struct keep_person, n);

		if (p->active && i-- == 0) {
			*ret_pub = p->pub;
			*ret_name = p->name;
			return true;
		}
	}
	return false;
}

int
keep_policy_set(struct keep *k, const struct keep_time *now, const struct keep_policy *p,
    struct signer *const *by, size_t n, struct err *e)
{
	struct keep_rec rec = {.type = KEEP_POLICY, .policy = *p};
	struct buf AUTO(buf_free) say = {0};
	bool root = false;
	unsigned people;
	int r = keep_policy_ok(p, e);

	if (r == 0)
		r = keep_begin(k, now, &rec, e);
	if (r < 0)
		return r;
	buf_init(&say, 1024);
	rec.serial = k->st.policy_serial + 1;
	r = keep_say_policy(&say, k->repo, p, rec.serial, e);
	if (r == 0)
		r = sign(&rec, by, n, &say, e);
	if (r == 0) {
		people = keep_signed(k, say.p, say.len, rec.sigs, rec.nsigs, &root);
		if (people + root != n)
			r = err_set(e, E_AUTH,
			    "a key that is neither the recovery key nor an approver's");
		else if (!root && people < 2 && keep_weaker(&k->st.policy, p))
			r = err_set(e, E_AUTH,
			    "this policy keeps less than the present one: the recovery key or two "
			    "approvers must sign it");
	}
	return keep_end(k, &rec, r, true, e);
}

int
keep_ask(struct keep *k, const struct keep_time *now, const struct keep_policy *p,
    const uint8_t (*gens)[FMT_ID_LEN], size_t n, uint64_t *ret_seq, struct err *e)
{
	struct keep_rec rec = {.type = KEEP_REQUEST, .policy = *p};
	struct keep_request q;
	int r;

	if (n == 0 || n > KEEP_MAX_GENS)
		return err_set(e, E_INVAL, "no generations, or too many at once");
	r = keep_begin(k, now, &rec, e);
	if (r < 0)
		return r;
	r = keep_pending(k, &q) ? err_set(e, E_EXIST, "another request is waiting") : 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct keep_gen *g = keep_known(k, gens[i]);

		if (!g || g->removed)
			r = err_set(e, E_NOENT, "there is no such generation");
		else if (g->until > rec.at.c)
			r = err_set(e, E_AUTH, "a generation is locked and cannot be removed yet");
	}
	if (r == 0) {
		rec.gens = malloc(n * FMT_ID_LEN);
		r = rec.gens ? 0 : err_set(e, E_NOMEM, "no memory");
	}
	if (r == 0) {
		(void)memcpy(rec.gens, gens, n * FMT_ID_LEN);
		rec.ngens = (uint32_t)n;
	}
	r = keep_end(k, &rec, r, true, e);
	if (r == 0)
		*ret_seq = k->ask.q.seq;
	return r;
}

int
keep_approve(struct keep *k, const struct keep_time *now, struct signer *by, struct err *e)
{
	struct keep_rec rec = {.type = KEEP_APPROVE};
	struct buf AUTO(buf_free) say = {0};
	struct keep_request q;
	int r = keep_begin(k, now, &rec, e);

	if (r < 0)
		return r;
	buf_init(&say, 1024);
	r = keep_pending(k, &q) ? 0 : err_set(e, E_NOENT, "no request is waiting");
	if (r == 0 && !keep_person(k, signer_pub(by)))
		r = err_set(e, E_AUTH, "this key is not one that may approve");
	for (unsigned i = 0; r == 0 && i < k->ask.npubs; i++) {
		if (memcmp(k->ask.pubs[i], signer_pub(by), SIGN_PUB_LEN) == 0)
			r = err_set(e, E_EXIST, "this person has approved already");
	}
	if (r == 0) {
		rec.seq = q.seq;
		(void)memcpy(rec.hash, q.hash, sizeof(rec.hash));
		r = keep_say_approve(&say, k->repo, rec.hash, e);
	}
	if (r == 0)
		r = sign(&rec, &by, 1, &say, e);
	return keep_end(k, &rec, r, true, e);
}

int
keep_cancel(struct keep *k, const struct keep_time *now, const char *who, struct err *e)
{
	struct keep_rec rec = {.type = KEEP_CANCEL};
	struct keep_request q;
	int r = keep_begin(k, now, &rec, e);

	if (r < 0)
		return r;
	r = keep_pending(k, &q) ? 0 : err_set(e, E_NOENT, "no request is waiting");
	if (r == 0 && strlen(who) >= KEEP_TEXT)
		r = err_set(e, E_INVAL, "the name is too long");
	if (r == 0) {
		rec.seq = q.seq;
		(void)memcpy(rec.text, who, strlen(who) + 1);
	}
	return keep_end(k, &rec, r, true, e);
}

int
keep_good(struct keep *k, const struct keep_time *now, const uint8_t id[FMT_ID_LEN],
    struct signer *by, struct err *e)
{
	struct keep_rec rec = {.type = KEEP_GOOD};
	struct buf AUTO(buf_free) say = {0};
	int r = keep_begin(k, now, &rec, e);

	if (r < 0)
		return r;
	buf_init(&say, 1024);
	(void)memcpy(rec.gen, id, FMT_ID_LEN);
	r = keep_known(k, id) ? keep_say_good(&say, k->repo, id, e) :
	    err_set(e, E_NOENT, "the box knows no such generation");
	if (r == 0 && !keep_person(k, signer_pub(by)) &&
	    memcmp(signer_pub(by), k->root, SIGN_PUB_LEN) != 0)
		r = err_set(e, E_AUTH, "neither the recovery key nor one that may approve");
	if (r == 0)
		r = sign(&rec, &by, 1, &say, e);
	return keep_end(k, &rec, r, true, e);
}
