/* A repository as its keep ledger marks it: what is locked, removed, in doubt, gone on purpose. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "vault/keep_int.h"
#include "vault/repo_int.h"
#include "vault/segr.h"

/* open_or_read(r, e): 1 when there is a keep ledger that can be read. */
static int
open_or_read(struct repo *r, struct err *e)
{
	struct err why;
	int x = r->keep ? keep_refresh(r->keep, &why) :
	    keep_open(r->f, r->dirfd, &r->ident, NULL, NULL, &r->keep, &why);

	if (x == E_NOMEM)
		return err_set(e, E_NOMEM, "%s", why.msg);
	if (x == 0)
		return 1;
	if (x != E_NOENT)
		(void)snprintf(r->keep_why, sizeof(r->keep_why), "%.199s", why.msg);
	return 0;
}

void
keep_need(const struct vault_generation *g, uint8_t *bits)
{
	for (uint32_t i = 0; i < g->nruns; i++) {
		for (uint32_t s = g->runs[i].first; s - g->runs[i].first < g->runs[i].count; s++)
			bits[s / 8] |= (uint8_t)(1 << (s % 8));
	}
}

static bool
in(const uint8_t *bits, uint32_t s)
{
	return bits[s / 8] >> (s % 8) & 1;
}

/* needed(r, ret_stay, ret_went): Bits per segment: what generations need that stay; that went. */
static int
needed(const struct repo *r, uint8_t **ret_stay, uint8_t **ret_went, struct err *e)
{
	uint8_t *stay = calloc(1, r->nsegs / 8 + 1), *went = calloc(1, r->nsegs / 8 + 1);

	if (!stay || !went) {
		free(stay);
		free(went);
		return err_set(e, E_NOMEM, "no memory");
	}
	for (size_t i = 0; i < r->ngens; i++)
		keep_need(&r->gens[i], r->gens[i].removed ? went : stay);
	*ret_stay = stay;
	*ret_went = went;
	return 0;
}

/* log_seqs(r, k, e): By generation of the keep ledger: its record in the vault's log, as that log
 * says; 0: it is not there. */
static uint64_t *
log_seqs(const struct repo *r, const struct keep *k, struct err *e)
{
	uint64_t *seqs = calloc(k->gens.len + 1, sizeof(*seqs));

	if (!seqs) {
		(void)err_set(e, E_NOMEM, "no memory");
		return NULL;
	}
	for (size_t i = 0; i < r->ngens; i++) {
		const struct keep_gen *g = keep_known(k, r->gens[i].id);

		if (g)
			seqs[g - VEC_AT(&k->gens, struct keep_gen, 0)] = r->gens[i].seq;
	}
	return seqs;
}

uint64_t
keep_loose_end(const struct keep *k, const struct repo *repo, int64_t c)
{
	uint64_t end = 0;

	for (size_t i = 0; i < repo->ngens; i++) {
		const struct keep_gen *g = keep_known(k, repo->gens[i].id);

		if (g && g->received <= c - KEEP_LOOSE_DAYS * TIME_DAY && repo->gens[i].seq > end)
			end = repo->gens[i].seq;
	}
	return end;
}

/* find_gone(r, e): Judge every segment that an intent names, as of the moment of that intent. */
static int
find_gone(struct repo *r, struct err *e)
{
	const struct keep *k = r->keep;
	const struct keep_gen *gens = k->gens.p;
	uint8_t *stay = NULL, *went = NULL;
	uint64_t *seqs, end = 0;
	size_t at = 0;
	int x;

	free(r->gone);
	r->gone = NULL;
	r->nwrong = 0;
	if (k->named.len == 0)
		return 0;
	seqs = log_seqs(r, k, e);
	x = seqs ? needed(r, &stay, &went, e) : E_NOMEM;
	if (x == 0 && !(r->gone = calloc(1, r->nsegs / 8 + 1)))
		x = err_set(e, E_NOMEM, "no memory");
	for (size_t i = 0; x == 0 && i < k->named.len; i++) {
		const struct keep_named *m = VEC_AT(&k->named, struct keep_named, i);

		/* both are in the order of the clock; this is keep_loose_end in one walk */
		for (; at < k->gens.len &&
		    gens[at].received <= m->c - KEEP_LOOSE_DAYS * TIME_DAY; at++)
			end = seqs[at] > end ? seqs[at] : end;
		for (uint32_t s = m->run.first; s - m->run.first < m->run.count; s++) {
			if (s < r->nsegs && !in(stay, s) && (in(went, s) || r->segs[s].seq < end))
				r->gone[s / 8] |= (uint8_t)(1 << (s % 8));
			else if (r->nwrong++ == 0)
				r->wrong = s;
		}
	}
	free(seqs);
	free(stay);
	free(went);
	return x;
}

int
repo_keep(struct repo *r, struct err *e)
{
	int x = open_or_read(r, e);

	if (x != 1)
		return x;
	for (size_t i = 0; i < r->ngens; i++) {
		struct vault_generation *g = &r->gens[i];
		const struct keep_gen *k = keep_find(r->keep, g->id);
		const struct keep_gen *from = k && k->doubt == KEEP_FOLLOWS ?
		    keep_find(r->keep, k->follows) : k;

		if (!k)
			continue;
		g->locked_until = keep_wall(r->keep, k->until);
		g->removed = k->removed;
		g->verified = k->verified;
		g->doubted = from && from->doubt != KEEP_SOUND;
	}
	return find_gone(r, e);
}

int
keep_loose(const struct keep *k, const VAULT_R *r, int64_t c, uint64_t *ret_segments,
    uint64_t *ret_bytes, struct err *e)
{
	const struct repo *repo = r->repo;
	uint64_t end = keep_loose_end(k, repo, c);
	uint8_t *stay, *went;
	int x = needed(repo, &stay, &went, e);

	*ret_segments = *ret_bytes = 0;
	if (x < 0)
		return x;
	for (uint32_t s = 0; s < repo->nsegs; s++) {
		if (repo->segs[s].seq >= end || in(stay, s) || in(went, s) || keep_seg_leaves(k, s))
			continue;
		++*ret_segments;
		*ret_bytes += fmt_seg_size(repo->segs[s].rec.npages);
	}
	free(stay);
	free(went);
	return 0;
}

bool
repo_gone(const struct repo *r, uint32_t no)
{
	return r->gone && no < r->nsegs && (r->gone[no / 8] >> (no % 8) & 1);
}
