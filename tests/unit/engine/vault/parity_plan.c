/* Which groups there should be, with segments coming and going: no vault, only what its log and its
 * keep ledger would say. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "tap.h"
#include "vault/parity_int.h"

enum { MOST = 3000 };

static struct vault_seg segs[MOST];
static uint8_t gone[MOST / 8 + 1];
static struct repo repo = {.segs = segs, .gone = gone};
static uint64_t rng = 88172645463325252;

static uint32_t
below(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 32) % n;
}

static void
add(uint32_t npages)
{
	struct fmt_segment_rec *rec = &segs[repo.nsegs].rec;

	le32_put(rec->seg, ++repo.nsegs);
	rec->npages = npages;
}

static void
take(uint32_t no)
{
	gone[no / 8] |= (uint8_t)(1 << (no % 8));
}

static void
clear(void)
{
	(void)memset(gone, 0, sizeof(gone));
	repo.nsegs = 0;
}

static struct par_plan
plan(void)
{
	struct par_plan p;

	if (par_plan(&repo, &p, NULL) < 0)
		abort();
	return p;
}

/* sound(p): Every segment that is not removed is in exactly one group, of its class, in order. */
static bool
sound(const struct par_plan *p)
{
	uint32_t seen = 0, living = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct par_head *h = &p->groups[i];
		uint32_t most = 0;

		for (unsigned k = 0; k < h->n; k++) {
			uint32_t no = h->m[k].no;

			if (repo_gone(&repo, no) || p->of[no] != i + 1 ||
			    par_class(segs[no].rec.npages) != h->cls ||
			    h->m[k].npages != segs[no].rec.npages ||
			    (k && h->m[k - 1].no >= no))
				return false;
			most = h->m[k].npages > most ? h->m[k].npages : most;
			seen++;
		}
		if (h->n == 0 || h->n > PARITY_DATA || h->npages != most)
			return false;
	}
	for (uint32_t s = 0; s < repo.nsegs; s++) {
		living += !repo_gone(&repo, s);
		if (repo_gone(&repo, s) != (p->of[s] == 0))
			return false;
	}
	return seen == living && p->living == living;
}

/* together(was, is): What is left of a group is in one group. */
static bool
together(const struct par_plan *was, const struct par_plan *is)
{
	for (size_t i = 0; i < was->n; i++) {
		uint32_t in = 0;

		for (unsigned k = 0; k < was->groups[i].n; k++) {
			uint32_t now = is->of[was->groups[i].m[k].no];

			if (now && in && now != in)
				return false;
			in = now ? now : in;
		}
	}
	return true;
}

static unsigned
changed(const struct par_plan *was, const struct par_plan *is)
{
	unsigned n = 0;

	for (size_t i = 0; i < is->n; i++) {
		bool found = false;

		for (size_t k = 0; k < was->n && !found; k++)
			found = par_same(&was->groups[k], &is->groups[i]);
		n += !found;
	}
	return n;
}

static void
simple(void)
{
	struct par_plan a, b, c;
	char name[PAR_NAME], again[PAR_NAME];

	clear();
	for (int i = 0; i < 100; i++)
		add(FMT_MAX_PAGES);
	a = plan();
	OK(sound(&a) && a.n == 7 && a.groups[6].n == 4, "a hundred: six groups, and four");
	par_name(&a.groups[1], name);
	EQ_S(name, "par-00-000001-16.0", "named as ever");
	take(20);
	b = plan();
	OK(sound(&b) && b.n == 7 && changed(&a, &b) == 1, "one removed: one group is another one");
	OK(b.groups[1].n == 15 && b.groups[1].thin && !b.groups[2].thin, "it is thinner");
	par_name(&b.groups[1], again);
	OK(strncmp(again, "par-00-000001-15-", 17) == 0, "and has a name of its own (%s)", again);
	par_plan_free(&a);
	add(FMT_MAX_PAGES);
	a = plan();
	OK(changed(&b, &a) == 1 && a.groups[6].n == 5, "one more: the last one grows");
	for (uint32_t i = 32; i < 63; i++)
		take(i);
	c = plan();
	OK(sound(&c) && c.n == 6 && changed(&a, &c) == 1 && c.groups[2].n == 1,
	    "two neighbours with one segment left: one group");
	for (uint32_t i = 0; i < 28; i++)
		take(i);
	par_plan_free(&b);
	b = plan();
	OK(sound(&b) && b.n == 4 && b.groups[0].n == 5, "four of them with five left: one group");
	for (uint32_t i = 0; i < 100; i++)
		take(i);
	par_plan_free(&c);
	c = plan();
	OK(c.n == 1 && c.groups[0].n == 1 && c.living == 1, "nearly nothing left");
	take(100);
	par_plan_free(&a);
	a = plan();
	OK(a.n == 0 && a.living == 0, "nothing left");
	par_plan_free(&a);
	par_plan_free(&b);
	par_plan_free(&c);
}

/* Years of backups and removals, in all sizes. */
static void
years(void)
{
	struct par_plan was, is;
	int bad = 0, apart = 0;
	size_t most = 0;

	clear();
	was = plan();
	while (repo.nsegs < MOST - 40) {
		uint32_t coming = below(40), going = below(60);

		for (uint32_t i = 0; i < coming; i++)
			add(below(3) ? FMT_MAX_PAGES : 1 + below(FMT_MAX_PAGES));
		for (uint32_t i = 0; i < going && repo.nsegs; i++) {
			/* of the old ones more */
			uint32_t end = 1 + below(repo.nsegs);

			take(below(end));
		}
		is = plan();
		bad += !sound(&is);
		apart += !together(&was, &is);
		most = is.n > most ? is.n : most;
		par_plan_free(&was);
		was = is;
	}
	OK(bad == 0, "each segment in one group, always (at most %zu groups)", most);
	EQ_I(apart, 0, "what was together stays together");
	OK(was.n * 5 < was.living + 5 * PAR_CLASSES * 8, "groups do not become tiny (%zu for %u)",
	    was.n, was.living);
	par_plan_free(&was);
}

int
main(void)
{
	simple();
	years();
	return tap_done();
}
