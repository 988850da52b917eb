#include "vault/keep_reap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "vault/keep_int.h"
#include "vault/repo_int.h"

enum { SYNC_EVERY = 256 }; /* removed names between two syncs of seg/ */

/* ---- removing files ---- */

/* remove_one(repo, no, ret, e): A file that is gone already was removed before a crash. */
static int
remove_one(const struct repo *repo, uint32_t no, struct keep_reaped *ret, struct err *e)
{
	const struct fmt_segment_rec *rec = &repo->segs[no].rec;
	char name[2 * FMT_ID_LEN + 1];
	int r;

	hex_put(name, rec->seg, FMT_ID_LEN);
	r = fio_unlink(repo->f, repo->segfd, name, e);
	if (r < 0 && r != E_NOENT)
		return r;
	ret->segments++;
	ret->bytes += fmt_seg_size(rec->npages);
	return 0;
}

/* may_go(k, repo, e): Every segment of the intent may go, as any reader of the vault judges it (of
 * a moment after the intent, when nobody can begin to need one any more). */
static int
may_go(const struct keep *k, struct repo *repo, struct err *e)
{
	int r = repo_refresh(repo, e);

	if (r < 0)
		return r;
	if (!repo->keep || repo->keep_why[0])
		return err_set(e, E_CORRUPT, "the keep ledger: %s", repo->keep_why);
	for (uint32_t i = 0; i < k->going.nruns; i++) {
		const struct fmt_run *u = &k->going.runs[i];

		for (uint32_t s = u->first; s - u->first < u->count; s++) {
			if (!repo_gone(repo, s))
				return err_set(e, E_CORRUPT,
				    "keep entry %llu: a removal of segment %u, which must stay",
				    (unsigned long long)k->going.seq, s);
		}
	}
	return 0;
}

static int
finish(struct keep *k, struct repo *repo, const struct keep_time *now, struct keep_reaped *ret,
    struct err *e)
{
	struct keep_rec rec = {.type = KEEP_REAPED, .seq = k->going.seq};
	struct keep_reaped mine = {0};
	int r = may_go(k, repo, e);

	for (uint32_t i = 0; r == 0 && i < k->going.nruns; i++) {
		const struct fmt_run *u = &k->going.runs[i];

		for (uint32_t s = u->first; r == 0 && s - u->first < u->count; s++) {
			r = remove_one(repo, s, &mine, e);
			if (r == 0 && mine.segments % SYNC_EVERY == 0)
				r = fio_sync(repo->f, repo->segfd, e);
		}
	}
	if (r == 0)
		r = fio_sync(repo->f, repo->segfd, e);
	if (r < 0)
		return r;
	ret->segments += mine.segments;
	ret->bytes += mine.bytes;
	rec.count = mine.segments;
	rec.bytes = mine.bytes;
	r = keep_begin(k, now, &rec, e);
	return r < 0 ? r : keep_end(k, &rec, 0, true, e);
}

/* ---- deciding ---- */

/* asked(q, id): Whether the request names that generation. */
static bool
asked(const struct keep_request *q, const uint8_t id[FMT_ID_LEN])
{
	for (uint32_t i = 0; i < q->ngens; i++) {
		if (memcmp(q->gens[i], id, FMT_ID_LEN) == 0)
			return true;
	}
	return false;
}

static int
choose(struct keep *k, const struct keep_request *q, int64_t c, struct keep_rec *rec,
    struct keep_reaped *ret, struct err *e)
{
	size_t n = k->gens.len;
	const struct keep_gen *gens = k->gens.p;
	uint8_t *plan = calloc(n ? n : 1, 1);
	int r;

	rec->gens = calloc(q->ngens ? q->ngens : 1, FMT_ID_LEN);
	if (!plan || !rec->gens) {
		free(plan);
		return err_set(e, E_NOMEM, "no memory");
	}
	r = keep_plan(gens, n, &q->policy, c, plan, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!asked(q, gens[i].id))
			continue;
		if (plan[i] == KEEP_GOES)
			(void)memcpy(rec->gens[rec->ngens++], gens[i].id, FMT_ID_LEN);
		else
			ret->spared++;
	}
	free(plan);
	if (r == 0 && rec->ngens == 0)
		r = err_set(e, E_EXIST, "all that was asked for must stay");
	return r;
}

static bool
in_list(const struct keep_rec *rec, const uint8_t id[FMT_ID_LEN])
{
	for (uint32_t i = 0; i < rec->ngens; i++) {
		if (memcmp(rec->gens[i], id, FMT_ID_LEN) == 0)
			return true;
	}
	return false;
}

static int
add_run(struct keep_rec *rec, uint32_t *cap, uint32_t s, struct err *e)
{
	if (rec->nruns && rec->runs[rec->nruns - 1].first + rec->runs[rec->nruns - 1].count == s) {
		rec->runs[rec->nruns - 1].count++;
		return 0;
	}
	if (rec->nruns == *cap) {
		uint32_t more = *cap ? *cap * 2 : 64;
		void *p = reallocarray(rec->runs, more, sizeof(*rec->runs));

		if (!p)
			return err_set(e, E_NOMEM, "no memory");
		rec->runs = p;
		*cap = more;
	}
	rec->runs[rec->nruns++] = (struct fmt_run){s, 1};
	return 0;
}

/* segments(k, repo, rec, ret, e): What only the generations that go need. A generation that the box
 * has not noted stays, and so does everything it needs. What no generation ever needed is work of a
 * run that goes on or will be continued, until it is so old that it is left over. More pieces than
 * one intent holds are left for the next. */
static int
segments(struct keep *k, const struct repo *repo, struct keep_rec *rec, struct keep_reaped *ret,
    struct err *e)
{
	size_t n = repo->nsegs / 8 + 1;
	uint64_t end = keep_loose_end(k, repo, rec->at.c);
	uint8_t *stay = calloc(1, n), *go = calloc(1, n);
	uint32_t cap = 0;
	int r = stay && go ? 0 : err_set(e, E_NOMEM, "no memory");

	for (size_t i = 0; r == 0 && i < repo->ngens; i++) {
		const struct vault_generation *g = &repo->gens[i];
		const struct keep_gen *kg = keep_known(k, g->id);

		keep_need(g, in_list(rec, g->id) || (kg && kg->removed) ? go : stay);
	}
	for (uint32_t s = 0; r == 0 && s < repo->nsegs && rec->nruns < KEEP_MAX_RUNS; s++) {
		bool went = go[s / 8] >> (s % 8) & 1, stays = stay[s / 8] >> (s % 8) & 1;
		bool loose = !went && repo->segs[s].seq < end;

		if (stays || !(went || loose) || keep_seg_leaves(k, s))
			continue;
		r = add_run(rec, &cap, s, e);
		ret->loose_segments += loose;
		ret->loose_bytes += loose ? fmt_seg_size(repo->segs[s].rec.npages) : 0;
	}
	free(stay);
	free(go);
	return r;
}

/* decide(k, repo, now, ret, e): With the vault's log held, so that no generation is committed
 * between the look and the note. */
static int
decide(struct keep *k, struct repo *repo, const struct keep_time *now, struct keep_reaped *ret,
    struct err *e)
{
	struct keep_rec rec = {.type = KEEP_INTENT};
	struct keep_request q;
	int r = keep_begin(k, now, &rec, e);

	if (r < 0)
		return r;
	r = keep_sound(k, e);
	if (r == 0 && !keep_pending(k, &q))
		r = err_set(e, E_NOENT, "no request is waiting");
	if (r == 0 && !keep_allowed(k))
		r = err_set(e, E_AUTH, "the request is not approved by two people");
	if (r == 0 && rec.at.c < q.ripe)
		r = err_set(e, E_BUSY, "the waiting time is not over");
	if (r == 0) {
		rec.seq = q.seq;
		r = choose(k, &q, rec.at.c, &rec, ret, e);
	}
	if (r == 0)
		r = segments(k, repo, &rec, ret, e);
	if (r == 0)
		ret->generations = rec.ngens;
	return keep_end(k, &rec, r, true, e);
}

int
keep_reap(const struct fio *f, const char *path, struct keep *k, const struct keep_time *now,
    struct keep_reaped *ret, struct err *e)
{
	struct repo *repo = NULL;
	int r;

	*ret = (struct keep_reaped){0};
	r = repo_open(f, path, &repo, e);
	if (r == 0 && memcmp(repo->ident.repo, k->repo, FMT_ID_LEN) != 0)
		r = err_set(e, E_INVAL, "the keep ledger of another vault");
	if (r == 0)
		r = repo_sound(repo, e);
	if (r == 0)
		r = keep_refresh(k, e);
	if (r == 0)
		r = keep_sound(k, e);
	if (r == 0 && k->going.open)
		r = finish(k, repo, now, ret, e);
	if (r == 0)
		r = ledger_hold(repo->log, e);
	if (r == 0) {
		r = repo_refresh(repo, e);
		if (r == 0)
			r = repo_sound(repo, e);
		if (r == 0)
			r = decide(k, repo, now, ret, e);
		ledger_release(repo->log);
		if (r == 0)
			r = finish(k, repo, now, ret, e);
		else if (r == E_NOENT && ret->segments)
			r = 0; /* an earlier one was finished, and that was all */
	}
	repo_close(repo);
	return r;
}
