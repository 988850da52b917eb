/* What the box writes into the keep ledger. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "vault/keep_int.h"
#include "vault/keep_poison.h"
#include "vault/segr.h"

int
keep_begin(struct keep *k, const struct keep_time *now, struct keep_rec *rec, struct err *e)
{
	int r;

	if (!k->signer)
		return err_set(e, E_AUTH, "this machine does not look after the vault");
	r = ledger_hold(k->l, e);
	if (r < 0)
		return r;
	r = keep_refresh(k, e);
	if (r == 0 && !k->adopting && memcmp(k->owner, signer_pub(k->signer), SIGN_PUB_LEN) != 0)
		r = err_set(e, E_AUTH, "another box looks after this vault now");
	if (r < 0) {
		ledger_release(k->l);
		return r;
	}
	return keep_clock_next(&k->last, now, &rec->at);
}

int
keep_end(struct keep *k, struct keep_rec *rec, int r, bool write, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	uint64_t was = k->nodd;

	buf_init(&b, LEDGER_MAX_PAYLOAD);
	if (r == 0 && write)
		r = keep_rec_put(&b, rec, e);
	if (r == 0 && write)
		r = ledger_append(k->l, k->signer, rec->type, b.p, b.len, rec->at.wall, NULL, e);
	if (r == 0 && write)
		r = keep_refresh(k, e);
	ledger_release(k->l);
	keep_rec_free(rec);
	if (r == 0 && k->nodd != was) /* our own rules refuse what we wrote: a fault of ours */
		return err_set(e, E_INVAL, "the keep ledger does not take this: %s", k->odd_why);
	return r;
}

int
keep_clock(struct keep *k, const struct keep_time *now, struct keep_clock *ret, struct err *e)
{
	struct keep_rec rec = {.type = KEEP_CLOCK};
	int jump = keep_begin(k, now, &rec, e);
	int64_t gone;
	bool due;
	int r;

	if (jump < 0)
		return jump;
	due = jump || memcmp(k->last.boot, now->boot, KEEP_BOOT_LEN) != 0 ||
	    __builtin_sub_overflow(now->wall, k->last.wall, &gone) || gone >= 3600 * TIME_SEC;
	if (ret)
		*ret = rec.at;
	r = keep_end(k, &rec, 0, due, e);
	return r < 0 ? r : jump;
}

/* lease(k, c, wall, a): How long a generation stays that came in now: by the policy and the vault's
 * own lock; what the client wished beyond that counts up to a limit, and never less. */
static int64_t
lease(const struct keep *k, const struct keep_clock *at, const struct keep_arrival *a)
{
	int64_t days = k->st.policy.lock_days, wish;

	if (a->lock_days > days)
		days = a->lock_days;
	days *= TIME_DAY;
	if (a->gen->locked_until &&
	    !__builtin_sub_overflow(a->gen->locked_until, at->wall, &wish)) {
		if (wish > KEEP_WISH_DAYS * TIME_DAY)
			wish = KEEP_WISH_DAYS * TIME_DAY;
		days = wish > days ? wish : days;
	}
	return at->c + days;
}

int
keep_received(struct keep *k, const struct keep_time *now, const struct keep_arrival *a,
    struct err *e)
{
	struct keep_rec rec = {.type = KEEP_RECEIVED, .new_bytes = a->new_bytes,
	    .all_bytes = a->all_bytes, .doubt = (uint8_t)a->doubt};
	int r = keep_begin(k, now, &rec, e);
	bool known;

	if (r < 0)
		return r;
	known = keep_known(k, a->gen->id) != NULL;
	r = a->sealed_len > KEEP_MAX_SEALED || (a->why && strlen(a->why) >= KEEP_TEXT) ?
	    err_set(e, E_INVAL, "too much to note about a generation") : 0;
	if (r == 0) {
		(void)memcpy(rec.gen, a->gen->id, FMT_ID_LEN);
		(void)memcpy(rec.tag, a->tag, KEEP_TAG_LEN);
		(void)memcpy(rec.ref, a->follows, FMT_ID_LEN);
		if (a->why)
			(void)memcpy(rec.text, a->why, strlen(a->why) + 1);
		if (a->sealed_len)
			(void)memcpy(rec.sealed, a->sealed, a->sealed_len);
		rec.sealed_len = (uint16_t)a->sealed_len;
		rec.seq = a->gen->seq;
		rec.wish = a->gen->locked_until;
		rec.until = lease(k, &rec.at, a);
	}
	r = keep_end(k, &rec, r, !known, e);
	return r < 0 ? r : known;
}

int
keep_extend(struct keep *k, const struct keep_time *now, const uint8_t id[FMT_ID_LEN],
    int64_t until, struct err *e)
{
	struct keep_rec rec = {.type = KEEP_EXTEND, .until = until};
	const struct keep_gen *g;
	int r = keep_begin(k, now, &rec, e);

	if (r < 0)
		return r;
	(void)memcpy(rec.gen, id, FMT_ID_LEN);
	g = keep_known(k, id);
	r = g ? 0 : err_set(e, E_NOENT, "the box knows no such generation");
	if (r == 0 && until > rec.at.c + KEEP_WISH_DAYS * TIME_DAY)
		r = err_set(e, E_LIMIT, "longer than %d days", KEEP_WISH_DAYS);
	return keep_end(k, &rec, r, g && until > g->until, e);
}

int
keep_drilled(struct keep *k, const struct keep_time *now, const uint8_t id[FMT_ID_LEN],
    bool passed, const uint8_t certificate[32], struct err *e)
{
	struct keep_rec rec = {.type = KEEP_DRILL, .yes = passed};
	int r = keep_begin(k, now, &rec, e);

	if (r < 0)
		return r;
	(void)memcpy(rec.gen, id, FMT_ID_LEN);
	(void)memcpy(rec.hash, certificate, sizeof(rec.hash));
	r = keep_known(k, id) ? 0 : err_set(e, E_NOENT, "the box knows no such generation");
	return keep_end(k, &rec, r, true, e);
}

int
keep_poison(struct keep *k, const struct keep_time *now, const uint8_t id[FMT_ID_LEN],
    enum keep_doubt doubt, const uint8_t follows[FMT_ID_LEN], const char *why, struct err *e)
{
	struct keep_rec rec = {.type = KEEP_POISON, .doubt = (uint8_t)doubt};
	int r = keep_begin(k, now, &rec, e);

	if (r < 0)
		return r;
	(void)memcpy(rec.gen, id, FMT_ID_LEN);
	if (follows)
		(void)memcpy(rec.ref, follows, FMT_ID_LEN);
	r = strlen(why) < KEEP_TEXT ? 0 : err_set(e, E_INVAL, "the reason is too long");
	if (r == 0)
		(void)memcpy(rec.text, why, strlen(why) + 1);
	if (r == 0 && (doubt == KEEP_SOUND || !keep_known(k, id)))
		r = err_set(e, E_NOENT, "the box knows no such generation, or no doubt");
	return keep_end(k, &rec, r, true, e);
}

/* ---- what came in while nobody noted it ---- */

/* weigh(r, i, old, a): The bytes of generation ${i}'s segments; ${old}: bits of those that an
 * earlier generation needs. */
static void
weigh(const struct repo *r, const struct vault_generation *g, uint8_t *old, struct keep_arrival *a)
{
	for (uint32_t i = 0; i < g->nruns; i++) {
		for (uint32_t n = 0; n < g->runs[i].count; n++) {
			uint32_t s = g->runs[i].first + n;
			uint64_t size = fmt_seg_size(r->segs[s].rec.npages);

			a->all_bytes += size;
			if (!(old[s / 8] >> (s % 8) & 1))
				a->new_bytes += size;
			old[s / 8] |= (uint8_t)(1 << (s % 8));
		}
	}
}

int
keep_weigh(VAULT_R *r, const uint8_t id[FMT_ID_LEN], uint64_t *ret_new, uint64_t *ret_all,
    struct err *e)
{
	uint8_t *old = calloc(1, r->repo->nsegs / 8 + 1);
	struct keep_arrival a = {0};
	int x = E_NOENT;

	if (!old)
		return err_set(e, E_NOMEM, "no memory");
	for (size_t i = 0; i < r->repo->ngens && x < 0; i++) {
		a.new_bytes = a.all_bytes = 0;
		weigh(r->repo, &r->repo->gens[i], old, &a);
		if (memcmp(r->repo->gens[i].id, id, FMT_ID_LEN) == 0)
			x = 0;
	}
	free(old);
	*ret_new = a.new_bytes;
	*ret_all = a.all_bytes;
	return x < 0 ? err_set(e, E_NOENT, "there is no such generation") : 0;
}

int
keep_catch_up(struct keep *k, const struct keep_time *now, VAULT_R *r, struct err *e)
{
	struct repo *repo = r->repo;
	uint8_t *old = calloc(1, repo->nsegs / 8 + 1);
	int x = old ? keep_refresh(k, e) : err_set(e, E_NOMEM, "no memory"), n = 0;

	for (size_t i = 0; i < repo->ngens && x >= 0; i++) {
		const struct vault_generation *g = &repo->gens[i];
		struct keep_arrival a = {.gen = g, .lock_days = repo->genesis.lock_days};
		char why[KEEP_TEXT];

		weigh(repo, g, old, &a);
		if (keep_known(k, g->id))
			continue;
		if (repo->have_index && g->info_ok)
			x = vault_system_tag(repo->index_key, g->info.name, a.tag, e);
		if (x >= 0) {
			a.doubt = keep_judge_bytes(k, &a, a.follows, why);
			a.why = a.doubt == KEEP_SOUND ? NULL : why;
			x = keep_received(k, now, &a, e);
			n += x == 0;
		}
	}
	free(old);
	return x < 0 ? x : n;
}
