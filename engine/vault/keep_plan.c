#include "vault/keep_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"

enum { ALL = 0xffff };

static const struct keep_policy_words policies[] = {
	{{"guideline", 5, 0, 0, 0, 3, 14, 7},
	    "毎日の世代を5つ残します（厚生労働省の指針の例）。どの世代も届いてから14日間は誰にも消せません",
	    "One generation of each of 5 days stays (the ministry's example). Nobody can remove "
	    "any generation for 14 days"},
	{{"month", 7, 5, 0, 0, 3, 35, 7},
	    "毎日を7つ、毎週を5つ残します。どの世代も35日間は誰にも消せません",
	    "7 days and 5 weeks stay. Nobody can remove any generation for 35 days"},
	{{"year", 7, 5, 12, 0, 3, 35, 14},
	    "毎日を7つ、毎週を5つ、毎月を12残します。どの世代も35日間は誰にも消せません",
	    "7 days, 5 weeks and 12 months stay. Nobody can remove any generation for 35 days"},
	{{"five-years", 7, 5, 12, 6, 5, 93, 30},
	    "毎日を7つ、毎週を5つ、毎月を12、毎年を6つ残します。どの世代も93日間は誰にも消せません",
	    "7 days, 5 weeks, 12 months and 6 years stay. Nobody can remove any generation for 93 "
	    "days"},
	{{"everything", ALL, ALL, ALL, ALL, ALL, 93, 30}, "何も消しません",
	    "Nothing is ever removed"},
};

const struct keep_policy_words *
keep_policies(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(policies);
	return policies;
}

const struct keep_policy *
keep_policy_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		if (strcmp(policies[i].p.name, name) == 0)
			return &policies[i].p;
	}
	return NULL;
}

bool
keep_policy_same(const struct keep_policy *a, const struct keep_policy *b)
{
	return strcmp(a->name, b->name) == 0 && a->daily == b->daily && a->weekly == b->weekly &&
	    a->monthly == b->monthly && a->yearly == b->yearly && a->verified == b->verified &&
	    a->lock_days == b->lock_days && a->wait_days == b->wait_days;
}

/* in_doubt(gens, n, g): Itself, or the one that it follows. */
static bool
in_doubt(const struct keep_gen *gens, size_t n, const struct keep_gen *g)
{
	if (g->doubt != KEEP_FOLLOWS)
		return g->doubt != KEEP_SOUND;
	for (size_t i = 0; i < n; i++) {
		if (memcmp(gens[i].id, g->follows, FMT_ID_LEN) == 0)
			return gens[i].doubt != KEEP_SOUND;
	}
	return true;
}

/* One system while it is looked at, newest first. */
struct look {
	const struct keep_gen *gens;
	size_t n;
	const struct keep_policy *p;
	int64_t c;
	uint8_t *out;
};

/* best(l, at, i, span): Of the generations of the stretch in which ${at}[i] is the newest: the
 * newest good one that a drill gave back, else the newest good one; SIZE_MAX when none is good. So
 * nothing added later in the day stands in for one that is proved. ${ret_next}: where the next
 * stretch ends. */
static size_t
best(const struct look *l, const size_t *at, size_t i, int64_t span, size_t *ret_next)
{
	int64_t day = l->gens[at[i]].received / span;
	size_t found = SIZE_MAX, k = i + 1;

	while (k > 0 && l->gens[at[k - 1]].received / span == day) {
		const struct keep_gen *g = &l->gens[at[--k]];

		if (in_doubt(l->gens, l->n, g))
			continue;
		if (found == SIZE_MAX || (g->verified && !l->gens[found].verified))
			found = at[k];
	}
	*ret_next = k;
	return found;
}

/* count(l, at, m, days, keep): Of the newest ${keep} stretches of ${days} days that have a good
 * generation, one stays. Stretches, not generations, are counted: a thousand in one day push
 * nothing out. */
static void
count(const struct look *l, const size_t *at, size_t m, int64_t days, unsigned keep)
{
	unsigned kept = 0;
	size_t i = m;

	while (i > 0 && (keep == ALL || kept < keep)) {
		size_t next, g = best(l, at, i - 1, days * TIME_DAY, &next);

		i = next;
		if (g == SIZE_MAX)
			continue;
		kept++;
		if (l->out[g] == KEEP_GOES)
			l->out[g] = KEEP_COUNTED;
	}
}

static unsigned
verified(const struct look *l, const size_t *at, size_t m)
{
	unsigned want = l->p->verified, kept = 0;

	if (want < KEEP_MIN_VERIFIED)
		want = KEEP_MIN_VERIFIED;
	for (size_t i = m; i-- > 0 && (want == ALL || kept < want);) {
		const struct keep_gen *g = &l->gens[at[i]];

		if (!g->verified || in_doubt(l->gens, l->n, g))
			continue;
		kept++;
		if (l->out[at[i]] == KEEP_GOES)
			l->out[at[i]] = KEEP_VERIFIED;
	}
	return want == ALL ? 0 : want - kept;
}

/* one_system(l, at, m): ${at}: the places of its ${m} generations that are not removed. */
static void
one_system(const struct look *l, const size_t *at, size_t m)
{
	bool good = false;
	unsigned missing;

	for (size_t i = m; i-- > 0;) {
		const struct keep_gen *g = &l->gens[at[i]];
		bool sound = !in_doubt(l->gens, l->n, g);

		if (g->until > l->c)
			l->out[at[i]] = KEEP_LOCKED;
		else if (i == m - 1 || (sound && !good))
			l->out[at[i]] = KEEP_NEWEST;
		good |= sound;
	}
	count(l, at, m, 1, l->p->daily);
	count(l, at, m, 7, l->p->weekly);
	count(l, at, m, 30, l->p->monthly);
	count(l, at, m, 365, l->p->yearly);
	missing = verified(l, at, m);
	for (size_t i = 0; i < m && (missing || l->p->daily == ALL); i++) {
		if (l->out[at[i]] == KEEP_GOES)
			l->out[at[i]] = l->p->daily == ALL ? KEEP_COUNTED : KEEP_UNVERIFIED;
	}
}

int
keep_plan(const struct keep_gen *gens, size_t n, const struct keep_policy *p, int64_t c,
    uint8_t *out, struct err *e)
{
	struct look l = {.gens = gens, .n = n, .p = p, .c = c, .out = out};
	size_t *at = calloc(n ? n : 1, sizeof(*at));
	bool *seen = calloc(n ? n : 1, sizeof(*seen));

	if (!at || !seen) {
		free(at);
		free(seen);
		return err_set(e, E_NOMEM, "no memory for %zu generations", n);
	}
	for (size_t i = 0; i < n; i++)
		out[i] = gens[i].removed ? KEEP_REMOVED : KEEP_GOES;
	for (size_t i = 0; i < n; i++) {
		size_t m = 0;

		for (size_t k = i; k < n && !seen[i]; k++) {
			if (memcmp(gens[k].tag, gens[i].tag, KEEP_TAG_LEN) != 0)
				continue;
			if (k > i)
				seen[k] = true;
			if (!gens[k].removed)
				at[m++] = k;
		}
		if (m)
			one_system(&l, at, m);
	}
	free(at);
	free(seen);
	return 0;
}
