/* One generation under drill: which entries take part, and walking them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/drill_int.h"

enum { PARTIAL_FILES = 2000 };

int
set_stop(const struct set *s, struct err *e)
{
	return s->o->cancel && *s->o->cancel ? err_set(e, E_CANCEL, "the drill was stopped") : 0;
}

void
set_wrong(struct set *s, const char *path, const char *why)
{
	if (!s->rep->why[0]) /* cut on purpose: a path may be longer than any message */
		(void)snprintf(s->rep->why, sizeof(s->rep->why), "%.180s: %.100s", path, why);
}

int
set_open(const struct drill_opts *o, VAULT_R *r, const struct vault_generation *gen, struct set *s,
    struct err *e)
{
	const struct tree_manifest *m;
	uint64_t n = 0;
	int x;

	s->o = o;
	s->r = r;
	s->gen = gen;
	x = vault_gen_open(r, gen, &s->open, e);
	if (x == 0)
		x = walk_new(r, s->open, &s->walk, e);
	if (x < 0)
		return x;
	m = vault_gen_manifest(s->open);
	for (uint32_t i = 0; i < m->nrefs; i++)
		n += m->refs[i].count;
	if (n > DRILL_MAX_ENTRIES)
		return err_set(e, E_LIMIT, "the generation has %llu entries; %d are the limit",
		    (unsigned long long)n, DRILL_MAX_ENTRIES);
	if (s->flags) /* opened again */
		return n == s->nentries ? 0 : err_set(e, E_CORRUPT, "the generation changed");
	s->nentries = n;
	s->flags = calloc(n ? n : 1, 1);
	vec_init(&s->refs, sizeof(struct ref), DRILL_MAX_WANTED);
	vec_init(&s->paths, sizeof(char *), DRILL_MAX_WANTED);
	return s->flags ? 0 : err_set(e, E_NOMEM, "no memory for %llu entries",
				  (unsigned long long)n);
}

void
set_detach(struct set *s)
{
	walk_free(s->walk);
	vault_gen_close(s->open);
	s->walk = NULL;
	s->open = NULL;
}

void
set_close(struct set *s)
{
	set_detach(s);
	for (size_t i = 0; i < s->paths.len; i++)
		free(*VEC_AT(&s->paths, char *, i));
	vec_free(&s->paths);
	vec_free(&s->refs);
	free(s->flags);
	free(s->chart);
	s->flags = NULL;
	s->chart = NULL;
}

int
set_each(struct set *s, set_fn *fn, void *cookie, struct err *e)
{
	const struct tree_manifest *m = vault_gen_manifest(s->open);
	struct tree_entry en;
	uint64_t i = 0;

	for (uint32_t b = 0; b < m->nrefs; b++) {
		int r = walk_block(s->walk, b, e);

		if (r < 0)
			return r;
		while ((r = walk_next(s->walk, &en, e)) == 1) {
			if (i >= s->nentries)
				return err_set(e, E_CORRUPT, "more entries than the manifest says");
			r = set_stop(s, e);
			if (r == 0)
				r = fn(s, i++, &en, cookie, e);
			if (r != 0)
				return r;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int
set_path(const struct tree_entry *en, struct buf *out, struct err *e)
{
	int r;

	buf_clear(out);
	r = en->dir[0] ? buf_fmt(out, e, "%s/%s", en->dir, en->name) : buf_str(out, en->name, e);
	return r < 0 ? r : buf_u8(out, 0, e);
}

int
set_copy_path(const struct set *s, const struct tree_entry *en, struct buf *out, struct err *e)
{
	int r;

	buf_clear(out);
	r = buf_fmt(out, e, "%u/%s%s%s", s->no, en->dir, en->dir[0] ? "/" : "", en->name);
	return r < 0 ? r : buf_u8(out, 0, e);
}

/* ---- choosing ---- */

struct choose {
	uint64_t left, below; /* bytes; take a file when its number is below this */
	bool all;
	struct buf path;
};

static uint64_t
number(uint64_t seed, uint64_t i)
{
	uint64_t x = seed + i * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

int
set_want_path(struct set *s, const struct tree_entry *en, struct buf *path, struct err *e)
{
	char **slot, *copy;
	int r = set_path(en, path, e);

	if (r < 0)
		return r;
	copy = strdup((const char *)path->p);
	slot = copy ? vec_add(&s->paths) : NULL;
	if (!slot) {
		free(copy);
		return err_set(e, E_NOMEM, "no memory for the list of files");
	}
	*slot = copy;
	return 0;
}

static int
choose_one(struct set *s, uint64_t i, const struct tree_entry *en, void *cookie, struct err *e)
{
	struct choose *c = cookie;
	/* what a path of the copy may be: see drill_guard.c */
	bool fits = strlen(en->dir) + strlen(en->name) < 4000;

	if (en->type == TREE_FILE && (!fits || (en->flags & TREE_UNREADABLE))) {
		s->rep->left_out++;
		return 0;
	}
	if (c->all) {
		if (fits)
			s->flags[i] |= REF_WANTED;
		return 0;
	}
	if (en->type != TREE_FILE)
		return 0;
	if (number(s->o->seed, i) >= c->below || en->size > c->left ||
	    s->paths.len >= PARTIAL_FILES) {
		s->rep->left_out++;
		return 0;
	}
	c->left -= en->size;
	s->flags[i] |= REF_WANTED;
	return set_want_path(s, en, &c->path, e);
}

int
set_choose(struct set *s, uint64_t budget, struct err *e)
{
	const struct fmt_snap_info *info = &s->gen->info;
	struct choose c = {.left = budget, .all = info->bytes <= budget &&
		info->files <= DRILL_MAX_WANTED};
	double share = info->bytes ? (double)budget / (double)info->bytes : 1;
	int r;

	/* files at random over the whole generation, not its first ones */
	c.below = share >= 0.5 ? UINT64_MAX : (uint64_t)(share * 2 * 18446744073709551615.0);
	s->partial = !c.all;
	s->rep->reduced |= s->partial;
	buf_init(&c.path, TREE_MAX_PATH + TREE_MAX_NAME + 2);
	r = set_each(s, choose_one, &c, e);
	buf_free(&c.path);
	return r;
}
