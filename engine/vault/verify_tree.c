#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "vault/tree_int.h"
#include "vault/verify_int.h"

/* ---- tables of contents ---- */

enum { TOCS = 8, MAX_BAD = 1 << 16 };

struct toc_cache {
	struct vault_ctx *ctx;
	struct {
		bool used;
		int code;
		uint64_t tick;
		uint8_t seg[FMT_ID_LEN];
		struct fmt_toc toc;
	} t[TOCS];
	uint64_t tick;
};

static int
toc_of(struct toc_cache *c, const uint8_t *seg, const struct fmt_toc **ret, struct err *e)
{
	size_t best = 0;

	for (size_t i = 0; i < TOCS; i++) {
		if (c->t[i].used && memcmp(c->t[i].seg, seg, FMT_ID_LEN) == 0) {
			c->t[i].tick = ++c->tick;
			*ret = &c->t[i].toc;
			return c->t[i].code < 0 ?
			    err_set(e, c->t[i].code, "a table of contents is unreadable") : 0;
		}
		if (c->t[i].tick < c->t[best].tick)
			best = i;
	}
	if (c->t[best].used && c->t[best].code == 0)
		fmt_toc_free(&c->t[best].toc);
	c->t[best].used = true;
	c->t[best].tick = ++c->tick;
	(void)memcpy(c->t[best].seg, seg, FMT_ID_LEN);
	c->t[best].code = vault_toc(c->ctx, seg, &c->t[best].toc, e);
	*ret = &c->t[best].toc;
	return c->t[best].code;
}

static void
tocs_free(struct toc_cache *c)
{
	for (size_t i = 0; i < TOCS; i++)
		if (c->t[i].used && c->t[i].code == 0)
			fmt_toc_free(&c->t[i].toc);
}

/* ---- one file ---- */

struct filing {
	struct toc_cache *tocs;
	struct tree_fid *fid;
	uint8_t (*spans)[DIGEST_LEN];
	size_t nspans, cap;
	uint64_t pos, step;
};

static int
end_span(struct filing *f, struct err *e)
{
	if (f->nspans == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 16;
		void *p = reallocarray(f->spans, cap, DIGEST_LEN);

		if (!p)
			return err_set(e, E_NOMEM, "no memory");
		f->spans = p;
		f->cap = cap;
	}
	return tree_fid_span(f->fid, f->spans[f->nspans++], e);
}

/* forward(f, n, e): ${n} bytes of the file are accounted for; a span may end exactly there. */
static int
forward(struct filing *f, uint64_t n, struct err *e)
{
	f->pos += n;
	return f->pos % f->step == 0 ? end_span(f, e) : 0;
}

static int
add_hole(struct filing *f, uint64_t len, struct err *e)
{
	int r = 0;

	while (len > 0 && r == 0) {
		uint64_t n = f->step - f->pos % f->step;

		n = n < len ? n : len;
		r = tree_fid_hole(f->fid, n, e);
		if (r == 0)
			r = forward(f, n, e);
		len -= n;
	}
	return r;
}

static int
add_piece(struct filing *f, const struct tree_extent *x, struct err *e)
{
	const struct fmt_toc *t;
	uint64_t left = x->len;
	uint32_t lo = 0, hi;
	int r = toc_of(f->tocs, x->seg, &t, e);

	if (r < 0)
		return r;
	for (hi = t->nchunks; hi - lo > 1 && hi > 0;) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->chunks[mid].off <= x->off)
			lo = mid;
		else
			hi = mid;
	}
	if (t->nchunks == 0 || t->chunks[lo].off != x->off)
		return err_set(e, E_CORRUPT, "a piece that does not begin with a chunk");
	for (; left > 0 && r == 0; lo++) {
		if (lo == t->nchunks || t->chunks[lo].len > left || t->chunks[lo].len == 0 ||
		    t->chunks[lo].len > f->step - f->pos % f->step)
			return err_set(e, E_CORRUPT, "a piece that does not end with a chunk");
		r = tree_fid_chunk(f->fid, t->chunks[lo].id, e);
		left -= t->chunks[lo].len;
		if (r == 0)
			r = forward(f, t->chunks[lo].len, e);
	}
	return r;
}

static int
check_file(struct verify *v, struct filing *f, const struct tree_entry *en, struct err *e)
{
	uint8_t fid[TREE_FID_LEN];
	int r = 0;

	tree_fid_reset(f->fid);
	f->nspans = 0;
	f->pos = 0;
	f->step = en->flags & TREE_GRID ? TREE_SPAN_GRID : TREE_SPAN_CDC;
	for (uint32_t i = 0; i < en->nextents && r == 0; i++)
		r = en->extents[i].seg ? add_piece(f, &en->extents[i], e) :
		    add_hole(f, en->extents[i].len, e);
	if (r == 0 && f->pos % f->step != 0)
		r = end_span(f, e);
	if (r < 0)
		return r;
	tree_fid_join(vault_r_dedup(v->r), (const uint8_t (*)[DIGEST_LEN])f->spans, f->nspans, fid);
	return memcmp(fid, en->fid, sizeof(fid)) == 0 ? 0 :
	    err_set(e, E_CORRUPT, "its pieces are not those that were stored for it");
}

/* ---- all lists of files ---- */

static uint32_t
number_of(const struct verify *v, const uint8_t *seg)
{
	for (uint32_t i = 0; i < v->nsegs; i++)
		if (memcmp(v->segs[i].rec.seg, seg, FMT_ID_LEN) == 0)
			return i;
	return UINT32_MAX;
}

static int
add_text(char ***list, size_t *n, const char *s)
{
	char **p = reallocarray(*list, *n + 1, sizeof(*p));

	if (p)
		*list = p;
	if (!p || !(p[*n] = strdup(s)))
		return E_NOMEM;
	++*n;
	return 0;
}

static void
file_error(struct verify *v, const struct vault_generation *g, const struct tree_entry *en,
    const char *why)
{
	struct verify_error *x =
	    verify_error(v, UINT32_MAX, -1, "a file is not whole: %.200s", why);
	size_t n = strlen(en->dir) + strlen(en->name) + 2;
	char *path = x ? malloc(n) : NULL;

	if (!path)
		return;
	(void)snprintf(path, n, "%s%s%s", en->dir, *en->dir ? "/" : "", en->name);
	x->gens = malloc(FMT_ID_LEN);
	if (x->gens) {
		(void)memcpy(x->gens[0], g->id, FMT_ID_LEN);
		x->ngens = 1;
	}
	(void)add_text(&x->systems, &x->nsystems, g->info.name);
	if (add_text(&x->files, &x->nfiles, path) == 0)
		x->files_all = 1;
	free(path);
}

static int
check_block(struct verify *v, struct walk *w, struct filing *f, const struct vault_generation *g,
    const struct tree_ref *ref, uint32_t i, struct err *e)
{
	struct tree_entry en;
	int r = walk_block(w, i, e);

	while (r >= 0 && (r = walk_next(w, &en, e)) == 1) {
		int x;

		if (verify_stopped(v))
			return 0;
		if (en.type != TREE_FILE || (en.flags & TREE_UNREADABLE))
			continue;
		v->rep->files++;
		x = check_file(v, f, &en, e);
		if (x == E_NOMEM)
			return x;
		/* what a damaged segment costs is named with the segment */
		if (x == E_CORRUPT)
			file_error(v, g, &en, e->msg);
	}
	if (r == E_NOMEM)
		return r;
	if (r == E_CORRUPT || r == E_PROTO) {
		uint32_t s = number_of(v, ref->seg);

		verify_error(v, s, -1, "a list of files (%u entries from %.80s/%.40s on) does not "
		    "hold: %.60s", ref->count, ref->dir, ref->name, e->msg);
	}
	return 0;
}

static int
check_generation(struct verify *v, struct filing *f, const struct vault_generation *g,
    struct err *e)
{
	const struct tree_manifest *m;
	struct vault_gen *gen = NULL;
	struct walk *w = NULL;
	int r = g->removed ? 0 : vault_gen_open(v->r, g, &gen, e);

	if (g->removed)
		return 0;
	if (r < 0 && r != E_NOMEM && r != E_AUTH) {
		verify_error(v, number_of(v, g->info.manifest_seg), -1,
		    "the generation %02x%02x%02x%02x (%.80s) cannot be opened: %.100s", g->id[0],
		    g->id[1], g->id[2], g->id[3], g->info.name, e->msg);
		return 0;
	}
	if (r == E_AUTH) {
		atomic_fetch_add(&v->unchecked, 1);
		return 0;
	}
	if (r == 0)
		r = walk_new(v->r, gen, &w, e);
	m = r == 0 ? vault_gen_manifest(gen) : NULL;
	for (uint32_t i = 0; r == 0 && i < m->nrefs && !verify_stopped(v); i++) {
		uint8_t key[FMT_ID_LEN + 8];

		(void)memcpy(key, m->refs[i].seg, FMT_ID_LEN);
		le32_put(key + FMT_ID_LEN, m->refs[i].off);
		le32_put(key + FMT_ID_LEN + 4, m->refs[i].len);
		/* the same bytes in an earlier generation were verified with it */
		if (map_get(&v->seen, key, sizeof(key)))
			continue;
		r = check_block(v, w, f, g, &m->refs[i], i, e);
		if (r == 0)
			r = map_put(&v->seen, key, sizeof(key), v, e);
	}
	v->rep->generations += r == 0;
	walk_free(w);
	vault_gen_close(gen);
	return r;
}

int
vtree_check(struct verify *v, struct err *e)
{
	struct toc_cache tocs = {0};
	struct filing f = {.tocs = &tocs};
	int r = vault_ctx_new(v->r, 2, &tocs.ctx, e);

	if (r == 0)
		r = tree_fid_new(vault_r_dedup(v->r), &f.fid, e);
	for (size_t i = 0; r == 0 && i < v->ngens && !verify_stopped(v); i++)
		r = check_generation(v, &f, &v->gens[i], e);
	tree_fid_free(f.fid);
	free(f.spans);
	tocs_free(&tocs);
	vault_ctx_free(tocs.ctx);
	return r;
}

/* ---- who is touched ---- */

static bool
needs(const struct vault_generation *g, uint32_t seg)
{
	for (uint32_t i = 0; i < g->nruns; i++)
		if (seg >= g->runs[i].first && seg - g->runs[i].first < g->runs[i].count)
			return true;
	return false;
}

static int
name_generations(struct verify *v, struct verify_error *x, struct err *e)
{
	if (!x->has_seg || x->ngens > 0)
		return 0;
	x->gens = calloc(v->ngens ? v->ngens : 1, FMT_ID_LEN);
	if (!x->gens)
		return err_set(e, E_NOMEM, "no memory");
	for (size_t i = 0; i < v->ngens; i++) {
		const struct vault_generation *g = &v->gens[i];
		bool there = !g->info_ok;

		if (g->removed || !needs(g, x->number))
			continue;
		(void)memcpy(x->gens[x->ngens++], g->id, FMT_ID_LEN);
		for (size_t k = 0; k < x->nsystems && !there; k++)
			there = strcmp(x->systems[k], g->info.name) == 0;
		if (!there && add_text(&x->systems, &x->nsystems, g->info.name) < 0)
			return err_set(e, E_NOMEM, "no memory");
	}
	return 0;
}

struct bad_range { /* of a segment's stream */
	struct verify_error *x;
	uint32_t from;
	uint64_t to;
};

/* range_of(tocs, x): Which bytes of the segment's stream an error makes unreadable. */
static struct bad_range
range_of(struct toc_cache *tocs, struct verify_error *x)
{
	struct bad_range b = {.x = x, .to = FMT_MAX_STREAM};
	const struct fmt_toc *t;
	uint64_t lo, hi;
	struct err e;

	if (x->to > 0) {
		b.from = (uint32_t)x->from;
		b.to = x->to;
		return b;
	}
	if (x->page < 0 || toc_of(tocs, x->seg, &t, &e) < 0)
		return b;
	lo = (uint64_t)x->page * FMT_PAGE_DATA;
	hi = lo + FMT_PAGE_DATA;
	b.from = UINT32_MAX;
	b.to = 0;
	for (uint32_t i = 0; i < t->ngroups; i++) {
		const struct fmt_group *g = &t->groups[i];

		if ((uint64_t)g->body_off + g->clen <= lo || g->body_off >= hi)
			continue;
		b.from = b.from < g->off ? b.from : g->off;
		b.to = (uint64_t)g->off + g->ulen;
	}
	return b;
}

static int
touch(const struct bad_range *bad, size_t n, const struct tree_entry *en, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct verify_error *x = bad[i].x;
		bool hit = false;
		struct buf path;
		const char *p = NULL;

		for (uint32_t k = 0; k < en->nextents && !hit; k++) {
			const struct tree_extent *t = &en->extents[k];

			hit = t->seg && t->off < bad[i].to && t->off + t->len > bad[i].from &&
			    memcmp(t->seg, x->seg, FMT_ID_LEN) == 0;
		}
		if (!hit)
			continue;
		buf_init(&path, TREE_MAX_TARGET + 2);
		if (buf_fmt(&path, e, "%s%s%s", en->dir, *en->dir ? "/" : "", en->name) == 0)
			p = buf_cstr(&path, e);
		for (size_t k = 0; p && k < x->nfiles; k++)
			if (strcmp(x->files[k], p) == 0)
				p = NULL; /* the same path in another generation */
		if (p) {
			x->files_all++;
			if (x->nfiles < VERIFY_MAX_FILES)
				(void)add_text(&x->files, &x->nfiles, p);
		}
		buf_free(&path);
	}
	return 0;
}

static int
name_files(struct verify *v, const struct bad_range *bad, size_t n,
    const struct vault_generation *g, struct err *e)
{
	struct vault_gen *gen = NULL;
	struct walk *w = NULL;
	struct tree_entry en;
	int r = g->removed ? E_NOENT : vault_gen_open(v->r, g, &gen, e);

	if (r == 0)
		r = walk_new(v->r, gen, &w, e);
	for (uint32_t i = 0; r >= 0 && i < vault_gen_manifest(gen)->nrefs; i++) {
		uint8_t key[FMT_ID_LEN + 8];

		(void)memcpy(key, vault_gen_manifest(gen)->refs[i].seg, FMT_ID_LEN);
		le32_put(key + FMT_ID_LEN, vault_gen_manifest(gen)->refs[i].off);
		le32_put(key + FMT_ID_LEN + 4, vault_gen_manifest(gen)->refs[i].len);
		if (map_get(&v->seen, key, sizeof(key)))
			continue;
		if (map_put(&v->seen, key, sizeof(key), v, e) < 0)
			break;
		r = walk_block(w, i, e);
		while (r >= 0 && (r = walk_next(w, &en, e)) == 1)
			if (touch(bad, n, &en, e) < 0)
				break;
		r = r == E_NOMEM ? r : 0; /* an unreadable list is an error of its own */
	}
	walk_free(w);
	vault_gen_close(gen);
	return r == E_NOMEM ? r : 0;
}

int
vtree_name(struct verify *v, struct err *e)
{
	struct vault_verify_report *rep = v->rep;
	struct bad_range *bad = calloc(rep->nlisted ? rep->nlisted : 1, sizeof(*bad));
	struct toc_cache tocs = {0};
	size_t n = 0;
	int r = bad ? 0 : err_set(e, E_NOMEM, "no memory");

	for (size_t i = 0; i < rep->nlisted && r == 0; i++)
		r = name_generations(v, &rep->errors[i], e);
	if (r == 0 && v->key)
		r = vault_ctx_new(v->r, 2, &tocs.ctx, e);
	for (size_t i = 0; r == 0 && v->key && i < rep->nlisted; i++)
		if (rep->errors[i].has_seg)
			bad[n++] = range_of(&tocs, &rep->errors[i]);
	map_free(&v->seen);
	map_init(&v->seen, 1 << 24);
	for (size_t i = 0; r == 0 && n > 0 && i < v->ngens && !verify_stopped(v); i++)
		r = name_files(v, bad, n, &v->gens[i], e);
	tocs_free(&tocs);
	vault_ctx_free(tocs.ctx);
	free(bad);
	return r;
}
