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

/* misdated(k, r, ret): Generations that say another time than when they came. */
static void
misdated(const struct keep *k, const struct repo *r, struct odd *ret)
{
	for (size_t i = 0; i < r->ngens; i++) {
		const struct keep_gen *g = keep_find(k, r->gens[i].id);
		int64_t off;

		if (!g || !lately(k, g->wall) ||
		    (!__builtin_sub_overflow(r->gens[i].at, g->wall, &off) && off < LIE &&
			off > -LIE))
			continue;
		if (ret->n++ == 0) {
			ret->first = g;
			ret->says = r->gens[i].at;
		}
	}
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

/* flooded(k, ret, e): The largest number of generations of one system within a day. */
static int
flooded(const struct keep *k, struct odd *ret, struct err *e)
{
	struct map m;
	size_t n, j = 0;
	const struct keep_gen *g = keep_gens(k, &n);
	uintptr_t c;
	int r = 0;

	map_init(&m, KEEP_MAX_KNOWN);
	for (size_t i = 0; i < n && r == 0; i++) {
		for (; r == 0 && j < i && g[i].wall - g[j].wall > TIME_DAY; j++)
			r = count(&m, g[j].tag, -1, &c, e);
		if (r == 0)
			r = count(&m, g[i].tag, 1, &c, e);
		if (r == 0 && lately(k, g[i].wall) && c > ret->n) {
			ret->n = c;
			ret->first = &g[i];
		}
	}
	map_free(&m);
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

	time_put(came, o->first->wall);
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
	int r = flooded(k, &flood, e);

	misdated(k, repo, &dates);
	if (r == 0 && dates.n)
		r = tell_dates(&dates, fn, cookie, e);
	if (r == 0 && flood.n > FLOOD)
		r = tell_flood(&flood, fn, cookie, e);
	if (r == 0 && k->st.jumps && lately(k, k->jumped_at))
		r = tell_jumps(k, fn, cookie, e);
	return r;
}
