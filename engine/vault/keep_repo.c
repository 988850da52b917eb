/* A repository as its keep ledger marks it: what is locked, removed, in doubt, gone on purpose. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/keep_int.h"
#include "vault/repo_int.h"

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

static void
set(uint8_t *bits, const struct vault_generation *g)
{
	for (uint32_t i = 0; i < g->nruns; i++) {
		for (uint32_t s = g->runs[i].first; s - g->runs[i].first < g->runs[i].count; s++)
			bits[s / 8] |= (uint8_t)(1 << (s % 8));
	}
}

static int
find_gone(struct repo *r, struct err *e)
{
	uint8_t *need;

	free(r->gone);
	r->gone = NULL;
	if (r->keep->leaves_n == 0)
		return 0;
	r->gone = calloc(1, r->nsegs / 8 + 1);
	need = calloc(1, r->nsegs / 8 + 1);
	if (!r->gone || !need) {
		free(need);
		return err_set(e, E_NOMEM, "no memory");
	}
	for (size_t i = 0; i < r->ngens; i++) {
		if (!r->gens[i].removed)
			set(need, &r->gens[i]);
	}
	for (uint32_t s = 0; s < r->nsegs; s++) {
		if (keep_seg_leaves(r->keep, s) && !(need[s / 8] >> (s % 8) & 1))
			r->gone[s / 8] |= (uint8_t)(1 << (s % 8));
	}
	free(need);
	return 0;
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

bool
repo_gone(const struct repo *r, uint32_t no)
{
	return r->gone && no < r->nsegs && (r->gone[no / 8] >> (no % 8) & 1);
}
