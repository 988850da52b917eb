/* The ransomware drill, and what both drills share. */
#include "vault/drill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/time.h"
#include "vault/drill_int.h"
#include "vault/restore.h"

/* pick(d, gens, e): The newest generation of each system, or of the one asked for. */
static int
pick(struct drill *d, const struct vault_generation *gens[DRILL_MAX_SYSTEMS], struct err *e)
{
	size_t n = 0, all;
	const struct vault_generation *list = vault_r_list(d->r, &all);

	for (size_t i = all; i-- > 0 && n < DRILL_MAX_SYSTEMS;) {
		const struct vault_generation *g = &list[i];
		bool known = false;

		if (g->removed)
			continue;
		if (!g->info_ok)
			return err_set(e, E_AUTH, "this machine holds no key of the repository");
		if (d->o->system && strcmp(g->info.name, d->o->system) != 0)
			continue;
		for (size_t k = 0; k < n; k++)
			known |= strcmp(gens[k]->info.name, g->info.name) == 0;
		if (!known)
			gens[n++] = g;
	}
	if (n == 0 && d->o->system)
		return err_set(e, E_NOENT, "the vault holds no generation of \"%s\"", d->o->system);
	if (n == 0)
		return err_set(e, E_NOENT, "the vault holds no generation yet");
	d->rep->nsystems = n;
	return 0;
}

static void
describe(struct drill_system *s, const struct vault_generation *g)
{
	(void)snprintf(s->name, sizeof(s->name), "%s", g->info.name);
	(void)memcpy(s->generation, g->id, FMT_ID_LEN);
	s->at = g->at;
}

int
drill_begin(struct drill *d, const struct drill_opts *o, struct drill_report *rep, struct err *e)
{
	const struct vault_generation *gens[DRILL_MAX_SYSTEMS] = {NULL};
	int r;

	*d = (struct drill){.o = o, .rep = rep, .guard = {.dirfd = -1}};
	*rep = (struct drill_report){0};
	r = vault_r_open(o->f, o->repo, &o->open, &d->r, e);
	if (r == 0)
		r = pick(d, gens, e);
	if (r == 0)
		r = guard_new(o->f, o->statefd, &d->guard, e);
	if (r == 0) {
		d->sets = calloc(rep->nsystems, sizeof(*d->sets));
		if (!d->sets)
			r = err_set(e, E_NOMEM, "no memory");
	}
	for (size_t i = 0; i < rep->nsystems && r == 0 && gens[i]; i++) {
		struct set *s = &d->sets[i];

		describe(&rep->systems[i], gens[i]);
		s->g = &d->guard;
		s->rep = rep;
		s->sys = &rep->systems[i];
		s->no = (unsigned)i + 1;
		r = set_open(o, d->r, gens[i], s, e);
	}
	return r;
}

int
drill_end(struct drill *d, int r, struct err *e)
{
	bool keep = d->o->keep && r == 0;
	int x;

	for (size_t i = 0; d->sets && i < d->rep->nsystems; i++)
		set_close(&d->sets[i]);
	free(d->sets);
	vault_r_close(d->r);
	if (keep)
		(void)snprintf(d->rep->folder, sizeof(d->rep->folder), "%s/%s", d->o->state,
		    d->guard.name);
	x = guard_end(&d->guard, keep, r < 0 ? NULL : e);
	return r < 0 ? r : x;
}

int
drill_reopen(struct drill *d, struct err *e)
{
	int r;

	for (size_t i = 0; i < d->rep->nsystems; i++)
		set_detach(&d->sets[i]);
	vault_r_close(d->r);
	d->r = NULL;
	r = vault_r_open(d->o->f, d->o->repo, &d->o->open, &d->r, e);
	for (size_t i = 0; i < d->rep->nsystems && r == 0; i++) {
		const struct vault_generation *g;
		char hex[2 * FMT_ID_LEN + 1];

		for (int k = 0; k < FMT_ID_LEN; k++)
			(void)snprintf(hex + 2 * k, 3, "%02x", d->rep->systems[i].generation[k]);
		r = vault_r_find(d->r, hex, &g, e);
		if (r == 0)
			r = set_open(d->o, d->r, g, &d->sets[i], e);
	}
	return r;
}

/* ---- giving back ---- */

struct giving {
	struct drill *d;
	uint64_t before;
};

static void
giving(void *cookie, const struct vault_progress *p)
{
	struct giving *g = cookie;

	if (g->d->o->progress)
		g->d->o->progress(
		    g->d->o->cookie, DRILL_RESTORE, g->before + p->bytes, g->d->total);
}

static int
give_one(struct drill *d, struct set *s, uint64_t *before, bool *ret_xattrs, struct err *e)
{
	struct giving g = {.d = d, .before = *before};
	struct vault_restore_opts o = {.paths = s->partial ? s->paths.p : NULL,
	    .npaths = s->partial ? s->paths.len : 0, .progress = giving, .cookie = &g,
	    .cancel = d->o->cancel};
	struct vault_restore_report rep = {0};
	struct buf to;
	int r;

	buf_init(&to, 8192);
	r = buf_fmt(&to, e, "%s/%s/back/%u", d->o->state, d->guard.name, s->no);
	o.to = r == 0 ? buf_cstr(&to, e) : NULL;
	if (r == 0 && !o.to)
		r = E_NOMEM;
	if (r == 0 && s->partial && s->paths.len == 0)
		r = fio_mkdirs(d->o->f, o.to, 0700, e); /* nothing was small enough */
	else if (r == 0)
		r = vault_restore(d->r, s->gen, &o, &rep, e);
	if (r == 0 && rep.nlisted > 0)
		set_wrong(s, rep.problems[0].path, rep.problems[0].why);
	*ret_xattrs &= rep.xattrs_skipped == 0;
	*before += rep.bytes;
	vault_restore_report_free(&rep);
	buf_free(&to);
	return r;
}

int
drill_give_back(struct drill *d, bool *ret_xattrs, struct err *e)
{
	uint64_t before = 0;
	int r = 0;

	*ret_xattrs = true;
	for (size_t i = 0; i < d->rep->nsystems && r == 0; i++)
		r = give_one(d, &d->sets[i], &before, ret_xattrs, e);
	return r;
}

/* ---- the ransomware drill ---- */

/* Room for the copy and for what comes back, and something left over for the machine's own work. */
static int
choose(struct drill *d, struct err *e)
{
	uint64_t budget = d->o->max_bytes ? d->o->max_bytes : UINT64_MAX;
	struct statvfs v;
	uint64_t room;
	int r = 0;

	if (fstatvfs(d->guard.dirfd, &v) < 0)
		return err_sys(e, "%s", d->guard.name);
	room = (uint64_t)v.f_bavail * v.f_frsize / 20 * 9;
	if (budget > room)
		budget = room;
	if (budget < 1 << 20)
		return err_set(e, E_NOSPC, "the state directory has no room for a drill");
	for (size_t i = 0; i < d->rep->nsystems && r == 0; i++) {
		struct set *s = &d->sets[i];
		uint64_t share = budget / (d->rep->nsystems - i);

		r = set_choose(s, share, e);
		if (r == 0 && !s->partial)
			share = s->gen->info.bytes;
		budget -= share;
		d->total += share;
	}
	return r;
}

struct harm {
	struct damage *d;
	struct buf path;
	uint64_t done;
};

static int
harm_one(struct set *s, uint64_t i, const struct tree_entry *en, void *cookie, struct err *e)
{
	struct harm *h = cookie;
	int r;

	if (!(s->flags[i] & REF_WANTED) || (en->type != TREE_FILE && en->type != TREE_DIR))
		return 0;
	if (en->type == TREE_FILE && !(s->flags[i] & REF_SHA))
		return 0;
	r = set_copy_path(s, en, &h->path, e);
	if (r < 0)
		return r;
	if (en->type == TREE_DIR)
		return damage_note(h->d, (const char *)h->path.p, e);
	r = damage_file(h->d, (const char *)h->path.p, e);
	if (r < 0)
		return r;
	s->rep->damaged += (uint64_t)r;
	h->done += en->size;
	if (s->o->progress)
		s->o->progress(s->o->cookie, DRILL_DAMAGE, h->done, h->done);
	return 0;
}

static int
harm(struct drill *d, struct err *e)
{
	struct harm h = {0};
	int r = damage_new(&d->guard, d->o->seed, &h.d, e);

	buf_init(&h.path, TREE_MAX_PATH + TREE_MAX_NAME + 32);
	for (size_t i = 0; i < d->rep->nsystems && r == 0; i++)
		r = set_each(&d->sets[i], harm_one, &h, e);
	buf_free(&h.path);
	damage_free(h.d);
	return r;
}

static int
add_chart(void *cookie, const void *p, size_t n, uint64_t off, struct err *e)
{
	(void)off;
	(void)e;
	digest_add(cookie, p, n);
	return 0;
}

/* show_chart(d, e): Read the first chart through the reader, as somebody at the desk would. */
static int
show_chart(struct drill *d, struct err *e)
{
	struct set *s = NULL;
	struct digest *sha = NULL;
	struct tree_entry en;
	uint8_t got[DIGEST_LEN];
	struct buf dir;
	const char *name;
	size_t n;
	int r;

	for (size_t i = 0; i < d->rep->nsystems; i++) {
		if (d->sets[i].chart && (!s || (d->sets[i].chart_real && !s->chart_real)))
			s = &d->sets[i];
	}
	if (!s)
		return 0;
	buf_init(&dir, TREE_MAX_PATH + 1);
	n = walk_split(s->chart, &name);
	r = buf_put(&dir, s->chart, n, e);
	if (r == 0)
		r = buf_u8(&dir, 0, e);
	if (r == 0)
		r = digest_new(&sha, e);
	if (r == 0)
		r = walk_find(s->walk, (const char *)dir.p, name, &en, e);
	if (r == 0)
		r = copy_entry_data(walk_ctx(s->walk), &en, add_chart, sha, e);
	if (r == 0) {
		digest_end(sha, got);
		if (memcmp(got, VEC_AT(&s->refs, struct ref, s->chart_ref)->sha, DIGEST_LEN) != 0)
			set_wrong(s, s->chart, "the first chart has other bytes");
	} else if (r == E_CORRUPT || r == E_NOENT) { /* the comparison will count it */
		set_wrong(s, s->chart, e->msg);
		r = 0;
	}
	(void)snprintf(d->rep->chart, sizeof(d->rep->chart), "%s", s->chart);
	digest_free(sha);
	buf_free(&dir);
	return r;
}

static int
recover(struct drill *d, struct err *e)
{
	int64_t start = time_mono_us();
	uint64_t done = 0;
	char no[16];
	bool xattrs;
	int r = drill_reopen(d, e);

	if (r == 0)
		r = show_chart(d, e);
	d->rep->first_chart_seconds = (double)(time_mono_us() - start) / 1e6;
	if (r == 0 && d->o->progress)
		d->o->progress(d->o->cookie, DRILL_FIRST, 1, 1);
	if (r == 0)
		r = drill_give_back(d, &xattrs, e);
	d->rep->seconds = (double)(time_mono_us() - start) / 1e6;
	for (size_t i = 0; i < d->rep->nsystems && r == 0; i++) {
		(void)snprintf(no, sizeof(no), "%u", d->sets[i].no);
		r = compare_set(&d->sets[i], no, xattrs, &done, d->total, e);
	}
	return r;
}

int
drill_ransomware(const struct drill_opts *o, struct drill_report *ret, struct err *e)
{
	struct drill d;
	uint64_t done = 0;
	struct err mine;
	int r;

	if (!e)
		e = &mine; /* what went wrong with one file is read from it */
	r = drill_begin(&d, o, ret, e);
	if (r == 0)
		r = choose(&d, e);
	for (size_t i = 0; i < ret->nsystems && r == 0; i++)
		r = copy_set(&d.sets[i], &done, d.total, e);
	if (r == 0)
		r = harm(&d, e);
	if (r == 0)
		r = recover(&d, e);
	r = drill_end(&d, r, e);
	ret->ok = r == 0 && ret->lost == 0 && ret->different == 0 && ret->why[0] == 0 &&
	    ret->files > 0;
	return r;
}
