#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "vault/restore_int.h"
#include "vault/tree_int.h"

/* covers(en, path, ret_equal): Whether the entry's path is the beginning of ${path}, at a border
 * between components. */
static bool
covers(const struct tree_entry *en, const char *path, bool *ret_equal)
{
	size_t dn = strlen(en->dir), nn = strlen(en->name), n = strlen(path);
	size_t at = dn ? dn + 1 : 0;

	if (n < at + nn || memcmp(path, en->dir, dn) != 0 || (dn && path[dn] != '/') ||
	    memcmp(path + at, en->name, nn) != 0)
		return false;
	*ret_equal = n == at + nn;
	return *ret_equal || path[at + nn] == '/';
}

bool
feed_wanted(const struct restore *rs, const struct tree_entry *en)
{
	bool equal;

	for (size_t i = 0; i < rs->nsel; i++) {
		if (walk_inside(rs->sel[i], en->dir, strlen(en->dir)))
			return true;
		/* a folder above is needed, with its own owner and rights */
		if (covers(en, rs->sel[i], &equal) && (equal || en->type == TREE_DIR))
			return true;
	}
	return rs->nsel == 0;
}

/* ---- which blocks ---- */

static void
plan_one(struct restore *rs, char *path)
{
	const struct tree_manifest *m = rs->m;
	size_t n = strlen(path);
	uint32_t i;

	/* the entry itself and every folder above it */
	for (size_t end = n; end > 0;) {
		const char *name;
		char keep = path[end], *dir;
		size_t dn;

		path[end] = 0;
		dn = walk_split(path, &name);
		dir = strndup(path, dn);
		if (dir)
			rs->plan[tree_manifest_find(m, dir, name)] |= PLAN_WANT;
		free(dir);
		path[end] = keep;
		end = dn;
	}
	i = tree_manifest_find(m, path, "");
	do
		rs->plan[i++] |= PLAN_WANT;
	while (i < m->nrefs && walk_inside(path, m->refs[i].dir, strlen(m->refs[i].dir)));
}

static int
must_exist(struct restore *rs, const char *path, struct err *e)
{
	struct tree_entry en;
	const char *name;
	char *dir;
	int r;

	if (*path == 0)
		return 0; /* everything */
	dir = strndup(path, walk_split(path, &name));
	if (!dir)
		return err_set(e, E_NOMEM, "no memory");
	r = walk_find(rs->walk, dir, name, &en, e);
	free(dir);
	if (r == E_NOENT)
		return err_set(e, E_NOENT, "\"%.200s\" is not in this generation", path);
	/* damage is met again, and written down, when the block is read for its entries */
	return restore_fatal(r) ? r : 0;
}

static int
select_paths(struct restore *rs, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < rs->o->npaths && r == 0; i++) {
		char **got, **all;
		size_t n;

		r = walk_resolve(rs->m, rs->o->paths[i], &got, &n, e);
		if (r < 0)
			return r;
		all = reallocarray(rs->sel, rs->nsel + n, sizeof(*all));
		if (!all) {
			walk_resolve_free(got, n);
			return err_set(e, E_NOMEM, "no memory");
		}
		rs->sel = all;
		(void)memcpy(all + rs->nsel, got, n * sizeof(*all));
		rs->nsel += n;
		free(got);
	}
	for (size_t i = 0; i < rs->nsel && r == 0; i++)
		r = must_exist(rs, rs->sel[i], e);
	return r;
}

int
feed_prepare(struct restore *rs, struct err *e)
{
	int r = walk_new(rs->r, rs->g, &rs->walk, e);

	if (r == 0)
		r = select_paths(rs, e);
	if (r < 0)
		return r;
	rs->plan = calloc(rs->m->nrefs + 1, 1);
	if (!rs->plan)
		return err_set(e, E_NOMEM, "no memory");
	if (rs->nsel == 0)
		(void)memset(rs->plan, PLAN_WANT, rs->m->nrefs);
	for (size_t i = 0; i < rs->nsel && rs->m->nrefs > 0; i++)
		plan_one(rs, rs->sel[i]);
	return 0;
}

/* ---- batches ---- */

static const char *
dup_text(struct arena *a, const char *s)
{
	return s ? arena_dup(a, s, strlen(s)) : NULL;
}

/* copy_table(a, x, n, ret_base): The pieces of an entry name segments in one table of its block;
 * copy the part that they use, once. NULL when that would be wasteful, or without memory. */
static const uint8_t *
copy_table(struct arena *a, const struct tree_extent *x, uint32_t n, const uint8_t **ret_base)
{
	const uint8_t *lo = NULL, *hi = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (x[i].seg && (!lo || x[i].seg < lo))
			lo = x[i].seg;
		if (x[i].seg && (!hi || x[i].seg > hi))
			hi = x[i].seg;
	}
	if (!lo || (size_t)(hi - lo) > (size_t)n * 2 * FMT_ID_LEN)
		return NULL;
	*ret_base = lo;
	return (const uint8_t *)arena_dup(a, lo, (size_t)(hi - lo) + FMT_ID_LEN);
}

static bool
copy_extents(struct arena *a, const struct tree_entry *en, struct tree_entry *out)
{
	struct tree_extent *x = arena_alloc(a, (size_t)en->nextents * sizeof(*x));
	const uint8_t *base = NULL, *own = copy_table(a, en->extents, en->nextents, &base);
	/* one array in either case, so that a copy can be copied in the same way */
	uint8_t *each = own ? NULL : arena_alloc(a, (size_t)en->nextents * FMT_ID_LEN);

	if (!own && !each)
		return false;
	out->extents = x;
	for (uint32_t i = 0; x && i < en->nextents; i++) {
		x[i] = en->extents[i];
		if (!x[i].seg)
			continue;
		if (own)
			x[i].seg = own + (x[i].seg - base);
		else
			x[i].seg = memcpy(each + (size_t)i * FMT_ID_LEN, x[i].seg, FMT_ID_LEN);
	}
	return x != NULL;
}

static bool
copy_xattrs(struct arena *a, const struct tree_entry *en, struct tree_entry *out)
{
	struct tree_xattr *x = arena_alloc(a, en->nxattrs * sizeof(*x));

	out->xattrs = x;
	for (uint32_t i = 0; x && i < en->nxattrs; i++) {
		x[i].name = dup_text(a, en->xattrs[i].name);
		x[i].value = (const uint8_t *)arena_dup(a, en->xattrs[i].value, en->xattrs[i].len);
		x[i].len = en->xattrs[i].len;
		if (!x[i].name || !x[i].value)
			return false;
	}
	return x != NULL;
}

int
feed_copy(struct arena *a, const struct tree_entry *en, struct tree_entry *out, struct err *e)
{
	*out = *en;
	out->dir = dup_text(a, en->dir);
	out->name = dup_text(a, en->name);
	out->target = dup_text(a, en->target);
	if (!out->dir || !out->name || (en->target && !out->target) ||
	    (en->nextents && !copy_extents(a, en, out)) ||
	    (en->nxattrs && !copy_xattrs(a, en, out)))
		return err_set(e, E_NOMEM, "no memory for a list of files");
	return 0;
}

static uint64_t
data_of(const struct tree_entry *en)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < en->nextents; i++)
		n += en->extents[i].seg ? en->extents[i].len : 0;
	return n;
}

/* list_damage(rs, i, e): Block ${i} cannot be read, or not to its end. */
static void
list_damage(struct restore *rs, uint32_t i, const struct err *e)
{
	const struct tree_ref *ref = &rs->m->refs[i];
	char why[200];

	(void)snprintf(why, sizeof(why),
	    "the list of files is damaged from here on (%u entries): %.120s", ref->count, e->msg);
	restore_problem(rs, RESTORE_LIST, ref->dir, ref->name, 0, why);
}

/* next_entry(rs, en, e): Across blocks: 1, or 0 at the end. */
static int
next_entry(struct restore *rs, struct tree_entry *en, struct err *e)
{
	while (rs->block < rs->m->nrefs) {
		int r = 0;

		if (!(rs->plan[rs->block] & PLAN_WANT)) {
			rs->block++;
			continue;
		}
		if (!rs->in_block)
			r = walk_block(rs->walk, rs->block, e);
		rs->in_block = true;
		if (r == 0)
			r = walk_next(rs->walk, en, e);
		if (r == 1)
			return 1;
		if (restore_fatal(r))
			return r;
		if (r < 0)
			list_damage(rs, rs->block, e);
		rs->in_block = false;
		rs->block++;
	}
	return 0;
}

static int
fill(struct restore *rs, struct worker *w, struct err *e)
{
	struct tree_entry en;
	uint64_t bytes = 0;
	const char *dir = NULL;
	int r;

	while (w->n < BATCH_ENTRIES && bytes < BATCH_BYTES && w->mem.used < BATCH_MEM / 8) {
		r = next_entry(rs, &en, e);
		if (r <= 0)
			return r;
		if (!feed_wanted(rs, &en))
			continue;
		if (en.type == TREE_DIR)
			rs->plan[rs->block] |= PLAN_DIRS;
		if (en.type == TREE_HARDLINK) {
			rs->plan[rs->block] |= PLAN_LINKS;
			continue;
		}
		r = feed_copy(&w->mem, &en, &w->batch[w->n], e);
		if (r < 0)
			return r;
		if (dir && strcmp(dir, w->batch[w->n].dir) == 0)
			w->batch[w->n].dir = dir;
		dir = w->batch[w->n++].dir;
		bytes += data_of(&en);
	}
	return 1;
}

int
feed_take(struct restore *rs, struct worker *w, struct err *e)
{
	int r = 0;

	w->n = 0;
	arena_reset(&w->mem);
	(void)pthread_mutex_lock(&rs->feed_lock);
	if (!rs->feed_done) {
		r = fill(rs, w, e);
		if (r <= 0)
			rs->feed_done = true;
	}
	(void)pthread_mutex_unlock(&rs->feed_lock);
	return r < 0 ? r : w->n > 0;
}

/* ---- once all files are there ---- */

int
feed_links(struct restore *rs, struct worker *w, feed_fn *fn, struct err *e)
{
	struct tree_entry en, copy;
	int r = 0;

	for (uint32_t i = 0; i < rs->m->nrefs; i++) {
		if (!(rs->plan[i] & PLAN_LINKS))
			continue;
		r = walk_block(rs->walk, i, e);
		while (r >= 0 && (r = walk_next(rs->walk, &en, e)) == 1) {
			if (en.type != TREE_HARDLINK || !feed_wanted(rs, &en))
				continue;
			if (restore_stopped(rs))
				return err_set(e, E_CANCEL, "stopped as asked");
			arena_reset(&w->mem);
			r = feed_copy(&w->mem, &en, &copy, e);
			if (r == 0)
				r = fn(w, &copy, e);
			if (r < 0)
				return r;
		}
		if (restore_fatal(r))
			return r;
	}
	return 0;
}

/* Folders of one block, last first: what is below is finished before what is above, so that a
 * folder may lose its right to be entered. */
static int
dirs_of(struct restore *rs, struct worker *w, uint32_t i, feed_fn *fn, struct err *e)
{
	struct tree_entry en, *all = calloc(rs->m->refs[i].count, sizeof(*all));
	size_t n = 0;
	int r = all ? walk_block(rs->walk, i, e) : err_set(e, E_NOMEM, "no memory");

	arena_reset(&w->mem);
	while (r >= 0 && n < rs->m->refs[i].count && (r = walk_next(rs->walk, &en, e)) == 1) {
		if (en.type != TREE_DIR || !feed_wanted(rs, &en))
			continue;
		r = feed_copy(&w->mem, &en, &all[n], e);
		if (r == 0 && n > 0 && strcmp(all[n].dir, all[n - 1].dir) == 0)
			all[n].dir = all[n - 1].dir;
		n++;
	}
	if (!restore_fatal(r))
		r = 0;
	while (r == 0 && n > 0)
		r = fn(w, &all[--n], e);
	free(all);
	return r;
}

int
feed_dirs(struct restore *rs, struct worker *w, feed_fn *fn, struct err *e)
{
	int r = 0;

	for (uint32_t i = rs->m->nrefs; i-- > 0 && r == 0;)
		if (rs->plan[i] & PLAN_DIRS)
			r = dirs_of(rs, w, i, fn, e);
	return r;
}
