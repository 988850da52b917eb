/* What to do next: one thing, and two more. */
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "guide/guide.h"

#define SOON (14 * TIME_DAY)

static bool
snoozed(const struct guide_next_input *in, const char *id)
{
	for (size_t i = 0; i < in->snooze_n; i++)
		if (strcmp(in->snoozes[i].practice, id) == 0 && in->snoozes[i].until > in->in.now)
			return true;
	return false;
}

/* A declaration that lapses soon, so that it is renewed before it turns grey. */
static bool
lapses(const struct guide_practice *p, const struct guide_verdict *v, int64_t now)
{
	return v->oldest && p->days > 60 &&
	    v->oldest + (int64_t)p->days * TIME_DAY - now < SOON;
}

static double
score(const struct guide_practice *p, const struct guide_verdict *v,
    const struct guide_next_input *in)
{
	double w = p->impact * (1.0 + 0.02 * (double)(p->musts < 25 ? p->musts : 25));
	bool soon = in->inspection > in->in.now && in->inspection - in->in.now <= SOON;

	if (v->colour == GUIDE_RED)
		w *= v->why == GUIDE_LATE || v->why == GUIDE_FAILED || v->why == GUIDE_MISSED ? 3
											      : 2;
	else if (v->colour == GUIDE_GREY)
		w *= 1.5 * (soon || v->why == GUIDE_STALE ? 2 : 1);
	else if (v->colour == GUIDE_YELLOW)
		w *= v->why == GUIDE_PLANNED ? 0.1 : 0.25;
	else
		w *= 0.2; /* green, but lapses soon */
	return w / sqrt(p->minutes);
}

static void
insert(struct guide_next *ret, size_t *n, size_t max, const struct guide_next *one)
{
	size_t at = *n;

	while (at > 0 && (one->score > ret[at - 1].score))
		at--;
	if (at >= max)
		return;
	if (*n < max)
		(*n)++;
	for (size_t i = *n - 1; i > at; i--)
		ret[i] = ret[i - 1];
	ret[at] = *one;
}

size_t
guide_next(const struct guide *g, const struct guide_next_input *in, struct guide_next *ret,
    size_t max)
{
	const struct guide_practice *const *all;
	size_t count, n = 0;

	all = guide_practices(g, &count);
	for (size_t i = 0; i < count; i++) {
		struct guide_next one = {all[i], guide_judge_practice(all[i], &in->in, NULL), 0};
		bool red = one.verdict.colour == GUIDE_RED;

		if (one.verdict.colour == GUIDE_NA || snoozed(in, all[i]->id) ||
		    (one.verdict.colour == GUIDE_GREEN &&
			!lapses(all[i], &one.verdict, in->in.now)))
			continue;
		if (!red && in->yesterday && strcmp(in->yesterday, all[i]->family) == 0)
			continue;
		one.score = score(all[i], &one.verdict, in);
		insert(ret, &n, max, &one);
	}
	return n;
}
