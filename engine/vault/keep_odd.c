/* Traces in a repository's own records of somebody who holds a client's keys and tries to get
 * around retention: times that cannot be, far too many generations, the box's clock set. Needs no
 * key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "vault/keep_int.h"
#include "vault/repo_int.h"

enum {
	LATELY = 31,  /* days; what is older was told in its time */
	FLOOD = 200,  /* generations of one system within a day */
};
/* A box that was killed notes an arrival with the next one, so a day or two is no lie. */
#define LIE (2 * TIME_DAY)

struct odd {
	const struct keep_gen *first;
	int64_t says; /* its own time, where that matters */
	uint64_t n;
};

static bool
lately(const struct keep *k, int64_t wall)
{
	return wall > k->last.wall - LATELY * TIME_DAY;
}

/* apart(a, b): How much later ${a} is than ${b}; one of them is what a stranger says. */
static int64_t
apart(int64_t a, int64_t b)
{
	int64_t d;

	return __builtin_sub_overflow(a, b, &d) ? (a > b ? INT64_MAX : INT64_MIN) : d;
}

/* misdated(k, r, ret): Generations that cannot be from when they say: ahead of their arrival, or
 * from long before one that came earlier. Late alone is none: a box that never noted anything notes
 * all that is there at once. */
static void
misdated(const struct keep *k, const struct repo *r, struct odd *ret)
{
	int64_t newest = INT64_MIN;

	for (size_t i = 0; i < r->ngens; i++) {
		const struct keep_gen *g = keep_find(k, r->gens[i].id);
		int64_t at = r->gens[i].at;

		if (!g)
			continue;
		if (apart(at, g->wall) < LIE && apart(newest, at) < LIE) {
			at = at < g->wall ? at : g->wall;
			newest = at > newest ? at : newest;
			continue;
		}
		if (lately(k, g->wall) && ret->n++ == 0) {
			ret->first = g;
			ret->says = at;
		}
	}
}

struct came {
	int64_t at;
	const struct keep_gen *g;
};

static int
by_time(const void *a, const void *b)
{
	const struct came *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->g < y->g ? -1 : x->g > y->g;
}

/* arrivals(k, repo, ret_n, e): When each generation came, in order. Those that were noted together
 * say it themselves, within what misdated() lets pass. */
static struct came *
arrivals(const struct keep *k, const struct repo *repo, size_t *ret_n, struct err *e)
{
	size_t n;
	const struct keep_gen *g = keep_gens(k, &n);
	struct came *v = calloc(n ? n : 1, sizeof(*v));

	*ret_n = n;
	if (!v) {
		(void)err_set(e, E_NOMEM, "no memory");
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		v[i] = (struct came){.at = g[i].wall, .g = &g[i]};
	for (size_t i = 0; i < repo->ngens; i++) {
		const struct keep_gen *one = keep_find(k, repo->gens[i].id);
		size_t at = one ? (size_t)(one - g) : 0;

		if (one && repo->gens[i].at < one->wall &&
		    ((at > 0 && one[-1].wall == one->wall) ||
			(at + 1 < n && one[1].wall == one->wall)))
			v[at].at = repo->gens[i].at;
	}
	if (n)
		qsort(v, n, sizeof(*v), by_time);
	return v;
}

/* count(m, tag, by, ret, e): How many of this system are in the window now. One more is stored: for
 * a map, a value of zero is no entry. */
static int
count(struct map *m, const uint8_t tag[KEEP_TAG_LEN], int by, uintptr_t *ret, struct err *e)
{
	uintptr_t was = (uintptr_t)map_get(m, tag, KEEP_TAG_LEN);

	*ret = (was ? was - 1 : 0) + (uintptr_t)(intptr_t)by;
	return map_put(m, tag, KEEP_TAG_LEN, (void *)(*ret + 1), e);
}

/* flooded(k, repo, ret, e): The largest number of generations of one system within a day. */
static int
flooded(const struct keep *k, const struct repo *repo, struct odd *ret, struct err *e)
{
	struct map m;
	size_t n, j = 0;
	struct came *v = arrivals(k, repo, &n, e);
	uintptr_t c;
	int r = 0;

	if (!v)
		return E_NOMEM;
	map_init(&m, KEEP_MAX_KNOWN);
	for (size_t i = 0; i < n && r == 0; i++) {
		for (; r == 0 && j < i && apart(v[i].at, v[j].at) > TIME_DAY; j++)
			r = count(&m, v[j].g->tag, -1, &c, e);
		if (r == 0)
			r = count(&m, v[i].g->tag, 1, &c, e);
		if (r == 0 && lately(k, v[i].at) && c > ret->n) {
			ret->n = c;
			ret->first = v[i].g;
			ret->says = v[i].at;
		}
	}
	map_free(&m);
	free(v);
	return r;
}

static int
tell_dates(const struct odd *o, vault_odd_fn *fn, void *cookie, struct err *e)
{
	char ja[300], en[300], id[2 * FMT_ID_LEN + 1], says[TIME_TEXT], came[TIME_TEXT];

	hex_put(id, o->first->id, FMT_ID_LEN);
	time_put(says, o->says);
	time_put(came, o->first->wall);
	(void)snprintf(ja, sizeof(ja), "世代 %llu 件が、届いた時刻と違う日時を名乗っています（%.8s は %s と名乗り、%s "
	    "に届きました）。固定の期限は届いた時刻で数えます。", (unsigned long long)o->n, id, says, came);
	(void)snprintf(en, sizeof(en),
	    "%llu generations claim another time than when they came (%.8s "
	    "says %s, and came at %s). Locks count from when they came.",
	    (unsigned long long)o->n, id, says, came);
	return fn(ja, en, cookie, e);
}

static int
tell_flood(const struct odd *o, vault_odd_fn *fn, void *cookie, struct err *e)
{
	char ja[300], en[300], came[TIME_TEXT];

	time_put(came, o->says);
	(void)snprintf(ja, sizeof(ja), "1日のうちに同じシステムの世代が %llu 件届きました（%s まで）。前の世代は押し出されません。",
	    (unsigned long long)o->n, came);
	(void)snprintf(en, sizeof(en),
	    "%llu generations of one system came within a day (up to %s). "
	    "They push none out.",
	    (unsigned long long)o->n, came);
	return fn(ja, en, cookie, e);
}

static int
tell_jumps(const struct keep *k, vault_odd_fn *fn, void *cookie, struct err *e)
{
	char ja[300], en[300], when[TIME_TEXT];

	time_put(when, k->jumped_at);
	(void)snprintf(ja, sizeof(ja), "この保管庫の機械の時計が大きく動かされました（全部で %llu 回、最後は %s）。その間は固定の時計を進めません。",
	    (unsigned long long)k->st.jumps, when);
	(void)snprintf(en, sizeof(en),
	    "the clock of the box that holds this vault was set by a lot "
	    "(%llu times in all, last %s). The clock of the locks stood still meanwhile.",
	    (unsigned long long)k->st.jumps, when);
	return fn(ja, en, cookie, e);
}

int
keep_traces(const struct keep *k, const struct repo *repo, vault_odd_fn *fn, void *cookie,
    struct err *e)
{
	struct odd dates = {0}, flood = {0};
	int r = flooded(k, repo, &flood, e);

	misdated(k, repo, &dates);
	if (r == 0 && dates.n)
		r = tell_dates(&dates, fn, cookie, e);
	if (r == 0 && flood.n > FLOOD)
		r = tell_flood(&flood, fn, cookie, e);
	if (r == 0 && k->st.jumps && lately(k, k->jumped_at))
		r = tell_jumps(k, fn, cookie, e);
	return r;
}
