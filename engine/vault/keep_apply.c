/* What a record of the keep ledger changes. A record that a box which keeps the rules would not
 * write is left out and remembered as odd: whoever holds the box's key can neither shorten a lock
 * nor make a removal look allowed with one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "vault/keep_int.h"
#include "vault/keep_plan.h"

static int
odd(struct err *e, const char *why)
{
	return err_set(e, E_CORRUPT, "%s", why);
}

/* ---- generations ---- */

static int
received(struct keep *k, const struct keep_rec *x, struct err *e)
{
	struct keep_gen *g;
	int r;

	if (keep_known(k, x->gen))
		return odd(e, "a generation came in twice");
	if (x->until < x->at.c)
		return odd(e, "a generation came in with a lock that is over");
	g = vec_add(&k->gens);
	if (!g)
		return err_set(e, E_NOMEM, "no memory for more generations");
	(void)memcpy(g->id, x->gen, FMT_ID_LEN);
	(void)memcpy(g->tag, x->tag, KEEP_TAG_LEN);
	(void)memcpy(g->follows, x->ref, FMT_ID_LEN);
	(void)memcpy(g->why, x->text, KEEP_TEXT);
	(void)memcpy(g->sealed, x->sealed, x->sealed_len);
	g->sealed_len = x->sealed_len;
	g->seq = x->seq;
	g->received = x->at.c;
	g->wall = x->at.wall;
	g->until = x->until;
	g->new_bytes = x->new_bytes;
	g->all_bytes = x->all_bytes;
	g->doubt = x->doubt;
	r = map_put(&k->by_id, g->id, FMT_ID_LEN, (void *)(uintptr_t)k->gens.len, e);
	if (r < 0)
		k->gens.len--;
	return r;
}

static int
about_one(struct keep *k, const struct keep_rec *x, struct err *e)
{
	struct keep_gen *g = keep_known(k, x->gen);
	struct buf AUTO(buf_free) b = {0};
	bool root = false;

	if (!g)
		return odd(e, "about a generation that never came in");
	switch (x->type) {
	case KEEP_EXTEND:
		if (x->until > g->until)
			g->until = x->until;
		return 0;
	case KEEP_DRILL:
		g->verified = x->yes;
		return 0;
	case KEEP_POISON:
		g->doubt = x->doubt;
		(void)memcpy(g->follows, x->ref, FMT_ID_LEN);
		(void)memcpy(g->why, x->text, KEEP_TEXT);
		return 0;
	default: /* KEEP_GOOD */
		buf_init(&b, 1024);
		if (keep_say_good(&b, k->repo, x->gen, e) < 0)
			return e->code;
		if (keep_signed(k, b.p, b.len, x->sigs, x->nsigs, &root) == 0 && !root)
			return odd(e, "a doubt was lifted by nobody who may");
		g->doubt = KEEP_SOUND;
		return 0;
	}
}

/* ---- what people allow ---- */

bool
keep_weaker(const struct keep_policy *was, const struct keep_policy *is)
{
	return is->daily < was->daily || is->weekly < was->weekly || is->monthly < was->monthly ||
	    is->yearly < was->yearly || is->verified < was->verified ||
	    is->lock_days < was->lock_days || is->wait_days < was->wait_days;
}

static int
policy(struct keep *k, const struct keep_rec *x, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	bool root = false;
	unsigned people;

	if (x->serial != k->st.policy_serial + 1)
		return odd(e, "an old policy was put back");
	buf_init(&b, 1024);
	if (keep_say_policy(&b, k->repo, &x->policy, x->serial, e) < 0)
		return e->code;
	people = keep_signed(k, b.p, b.len, x->sigs, x->nsigs, &root);
	if (!root && people < 2 && keep_weaker(&k->st.policy, &x->policy))
		return odd(e, "a weaker policy that nobody who may has signed");
	k->st.policy = x->policy;
	k->st.policy_signed = root;
	k->st.policy_serial = x->serial;
	return 0;
}

static int
approver(struct keep *k, const struct keep_rec *x, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	struct keep_person *p = NULL;
	bool root = false;

	if (x->serial != k->people_serial + 1)
		return odd(e, "an old approver was put back");
	buf_init(&b, 1024);
	if (keep_say_approver(&b, k->repo, x->hash, x->text, x->yes, x->serial, e) < 0)
		return e->code;
	(void)keep_signed(k, b.p, b.len, x->sigs, x->nsigs, &root);
	if (!root)
		return odd(e, "an approver whom nobody with the recovery key named");
	for (size_t i = 0; i < k->people.len; i++) {
		struct keep_person *q = VEC_AT(&k->people, struct keep_person, i);

		if (memcmp(q->pub, x->hash, SIGN_PUB_LEN) == 0)
			p = q;
	}
	if (!p && !x->yes)
		return odd(e, "an approver leaves who never was one");
	if (!p)
		p = vec_add(&k->people);
	if (!p)
		return odd(e, "more approvers than can be");
	(void)memcpy(p->pub, x->hash, SIGN_PUB_LEN);
	(void)memcpy(p->name, x->text, KEEP_TEXT);
	p->active = x->yes;
	k->people_serial = x->serial;
	return 0;
}

/* ---- removal ---- */

static int
request(struct keep *k, struct keep_rec *x, const struct ledger_rec *rec, struct err *e)
{
	struct keep_request old;
	unsigned days = x->policy.wait_days < KEEP_MIN_WAIT ? KEEP_MIN_WAIT : x->policy.wait_days;

	if (keep_pending(k, &old))
		return odd(e, "a second request while one waits");
	for (uint32_t i = 0; i < x->ngens; i++) {
		if (!keep_known(k, x->gens[i]))
			return odd(e, "a request about a generation that never came in");
	}
	free(k->ask.gens);
	k->ask = (struct keep_ask){.any = true, .gens = x->gens};
	k->ask.q = (struct keep_request){
		.seq = rec->seq, .asked = x->at.c, .wall = x->at.wall, .policy = x->policy,
		.ripe = x->at.c + (int64_t)days * TIME_DAY, .ngens = x->ngens,
	};
	(void)memcpy(k->ask.q.hash, rec->hash, sizeof(k->ask.q.hash));
	x->gens = NULL; /* taken over */
	return 0;
}

static int
approve(struct keep *k, const struct keep_rec *x, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	bool root;

	if (memcmp(x->hash, k->ask.q.hash, sizeof(x->hash)) != 0)
		return odd(e, "an approval of something else");
	buf_init(&b, 1024);
	if (keep_say_approve(&b, k->repo, x->hash, e) < 0)
		return e->code;
	if (x->nsigs == 0 || keep_signed(k, b.p, b.len, x->sigs, x->nsigs, &root) != x->nsigs)
		return odd(e, "an approval by somebody who may not");
	for (unsigned i = 0; i < x->nsigs; i++) {
		bool known = false;

		for (unsigned n = 0; n < k->ask.npubs; n++)
			known |= memcmp(k->ask.pubs[n], x->sigs[i].pub, SIGN_PUB_LEN) == 0;
		if (!known && k->ask.npubs < KEEP_MAX_APPROVERS)
			(void)memcpy(k->ask.pubs[k->ask.npubs++], x->sigs[i].pub, SIGN_PUB_LEN);
	}
	return 0;
}

bool
keep_allowed(const struct keep *k)
{
	struct keep_request q;

	return keep_pending(k, &q) && (q.approvals >= 2 || q.signed_before);
}

/* goes(k, x, c): Whether every generation of an intent was asked for and is not locked. */
static bool
goes(const struct keep *k, const struct keep_rec *x)
{
	for (uint32_t i = 0; i < x->ngens; i++) {
		const struct keep_gen *g = keep_known(k, x->gens[i]);
		bool asked = false;

		for (uint32_t n = 0; n < k->ask.q.ngens && !asked; n++)
			asked = memcmp(k->ask.gens[n], x->gens[i], FMT_ID_LEN) == 0;
		if (!g || !asked || g->removed || g->until > x->at.c)
			return false;
	}
	return true;
}

/* mark(k, runs, n, c, e): These segments leave, as an intent of ${c} says. */
static int
mark(struct keep *k, const struct fmt_run *runs, uint32_t n, int64_t c, struct err *e)
{
	uint32_t end = n ? runs[n - 1].first + runs[n - 1].count : 0;

	if (end > KEEP_MAX_SEG)
		return odd(e, "segments that cannot be");
	if (end > k->leaves_n) {
		uint32_t bits = (end + 1023) / 1024 * 1024;
		uint8_t *p = realloc(k->leaves, bits / 8);

		if (!p)
			return err_set(e, E_NOMEM, "no memory");
		(void)memset(p + k->leaves_n / 8, 0, (bits - k->leaves_n) / 8);
		k->leaves = p;
		k->leaves_n = bits;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct keep_named *m = vec_add(&k->named);

		if (!m)
			return err_set(e, E_NOMEM, "no memory for more removals");
		*m = (struct keep_named){.run = runs[i], .c = c};
		for (uint32_t s = runs[i].first; s - runs[i].first < runs[i].count; s++)
			k->leaves[s / 8] |= (uint8_t)(1 << (s % 8));
	}
	return 0;
}

static int
intent(struct keep *k, struct keep_rec *x, const struct ledger_rec *rec, struct err *e)
{
	int r;

	if (!keep_allowed(k) || x->seq != k->ask.q.seq || x->at.c < k->ask.q.ripe)
		return odd(e, "a removal that nobody allowed, or that is too early");
	if (k->going.open)
		return odd(e, "a removal while another is going on");
	if (!goes(k, x))
		return odd(e, "a removal of what is locked, or was not asked for");
	r = mark(k, x->runs, x->nruns, x->at.c, e);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < x->ngens; i++)
		keep_known(k, x->gens[i])->removed = true;
	k->st.removed += x->ngens;
	k->ask.q.executed = true;
	free(k->going.runs);
	k->going = (struct keep_going){.open = true, .seq = rec->seq, .nruns = x->nruns,
	    .runs = x->runs};
	x->runs = NULL; /* taken over */
	return 0;
}

static int
removal(struct keep *k, struct keep_rec *x, const struct ledger_rec *rec, struct err *e)
{
	struct keep_request q;

	if (x->type == KEEP_REQUEST)
		return request(k, x, rec, e);
	if (x->type == KEEP_REAPED) {
		if (!k->going.open || x->seq != k->going.seq)
			return odd(e, "the end of a removal that nobody began");
		k->going.open = false;
		k->st.reaped += x->count;
		k->st.freed += x->bytes;
		return 0;
	}
	if (!keep_pending(k, &q) || x->seq != q.seq)
		return odd(e, "about a request that does not wait");
	if (x->type == KEEP_APPROVE)
		return approve(k, x, e);
	if (x->type == KEEP_INTENT)
		return intent(k, x, rec, e);
	k->ask.q.cancelled = true;
	return 0;
}

/* ---- one record ---- */

/* in_time(k, c, e): Take a record's clock, if it can be true. */
static int
in_time(struct keep *k, const struct keep_clock *c, struct err *e)
{
	struct keep_time t = {.ran = c->ran, .up = c->up, .wall = c->wall};
	struct keep_clock most;

	if (!keep_clock_follows(&k->last, c))
		return odd(e, "the compliance clock runs faster than time, or backwards");
	(void)memcpy(t.boot, c->boot, KEEP_BOOT_LEN);
	if (keep_clock_next(&k->last, &t, &most)) {
		k->st.jumps++;
		k->jumped_at = c->wall;
	}
	k->last = *c;
	return 0;
}

static int
apply(struct keep *k, const struct ledger_rec *rec, struct err *e)
{
	struct keep_rec x;
	int r;

	if (rec->type == LEDGER_T_KEY)
		return keep_take_key(k, rec, e);
	if (rec->type != KEEP_KEEPER && memcmp(rec->key_id, k->owner_id, 8) != 0)
		return odd(e, "written with another key than the box's");
	r = keep_rec_get(rec->type, rec->payload, rec->len, &x, e);
	if (r != 0)
		return r < 0 ? r : odd(e, "a record of a newer Mamori");
	if (x.type == KEEP_KEEPER)
		r = keep_take_keeper(k, &x, rec->key_id, e);
	if (r == 0)
		r = in_time(k, &x.at, e);
	if (r == 0 && x.type == KEEP_RECEIVED)
		r = received(k, &x, e);
	else if (r == 0 && x.type >= KEEP_EXTEND && x.type <= KEEP_GOOD)
		r = about_one(k, &x, e);
	else if (r == 0 && x.type == KEEP_POLICY)
		r = policy(k, &x, e);
	else if (r == 0 && x.type == KEEP_APPROVER)
		r = approver(k, &x, e);
	else if (r == 0 && x.type >= KEEP_REQUEST && x.type <= KEEP_REAPED)
		r = removal(k, &x, rec, e);
	keep_rec_free(&x);
	return r;
}

int
keep_apply(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	struct keep *k = cookie;
	struct err why;
	int r = apply(k, rec, &why);

	if (r < 0 && r != E_CORRUPT && r != E_INVAL) {
		if (e)
			*e = why;
		return r;
	}
	if (r < 0 && k->nodd++ == 0) {
		k->odd_seq = rec->seq;
		(void)snprintf(k->odd_why, sizeof(k->odd_why), "%.159s", why.msg);
	}
	(void)memcpy(k->prev, rec->hash, sizeof(k->prev));
	k->next_seq = rec->seq + 1;
	return 0;
}
