/* Verdicts: pure functions of facts and answers.
 *
 *   a needed check without a fresh fact        grey
 *   any of them says fail                      red; yellow while an approved plan has time
 *   only said, where it could be measured      yellow
 *   else                                       green
 *
 * A paper counts as the measurement where only a paper can show it. Measurements stand above words:
 * "yes" never mends a measured failure, but "no" makes a measured pass red. */
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "guide/guide.h"

/* A fact from a clock that ran ahead is not proof; some minutes between hosts are none. */
#define FUTURE (10 * 60 * TIME_SEC)
/* An event that nothing settles stays this long. */
#define EVENT_DAYS 31

static const int rank[GUIDE_COLOURS] = {
	[GUIDE_NA] = 0, [GUIDE_GREEN] = 1, [GUIDE_YELLOW] = 2, [GUIDE_GREY] = 3, [GUIDE_RED] = 4,
};

struct word { /* what people say about a practice */
	bool there;
	enum guide_value value;
	int64_t at;
	bool paper, vendor, stale;
	const struct fact *fact; /* NULL: an answer of an inspection */
};

static void
rest_on(struct guide_verdict *v, const char *check, const struct fact *f, int64_t at)
{
	if (v->oldest == 0 || at < v->oldest)
		v->oldest = at;
	v->by |= 1U << (f ? f->by : FACT_DECLARED);
	if (v->bases < ARRAY_LEN(v->basis))
		v->basis[v->bases++] = (struct guide_basis){check, f};
}

static void
set(struct guide_verdict *v, enum guide_colour c, enum guide_why why, const char *check, int64_t at)
{
	v->colour = c;
	v->why = why;
	v->check = check;
	v->at = at;
}

static void
worse(struct guide_verdict *v, enum guide_colour c, enum guide_why why, const char *check,
    int64_t at)
{
	if (rank[c] > rank[v->colour])
		set(v, c, why, check, at);
}

static enum guide_value
value_of(enum fact_outcome o)
{
	switch (o) {
	case FACT_PASS:
		return GUIDE_YES;
	case FACT_FAIL:
		return GUIDE_NO;
	case FACT_NA:
		return GUIDE_NOT_APPLICABLE;
	default:
		return GUIDE_UNKNOWN;
	}
}

static struct word
word_of(const struct guide_practice *p, const struct guide_input *in,
    const struct guide_answer *answer)
{
	static const int worth[GUIDE_VALUES] = {
	    [GUIDE_NO] = 0, [GUIDE_UNKNOWN] = 1, [GUIDE_YES] = 2, [GUIDE_NOT_APPLICABLE] = 3};
	struct word w = {0}, vendor = {0};


	for (size_t i = 0; i < in->n; i++) {
		const struct fact *f = &in->facts[i];
		struct word *to = strcmp(f->kind, "vendor") == 0 ? &vendor : &w;

		if (strcmp(f->check, p->declared) != 0 || (to == &w && w.there && f->at <= w.at) ||
		    (to == &vendor && vendor.there &&
		    worth[value_of(f->outcome)] >= worth[vendor.value]))
			continue;
		*to = (struct word){true, value_of(f->outcome), f->at,
		    json_array_size(f->evidence) > 0, f->by == FACT_VENDOR, false, f};
	}
	/* one vendor's "no" is not hidden by another's "yes"; the institution may answer it */
	if (vendor.there && (!w.there || (vendor.value == GUIDE_NO && vendor.at > w.at)))
		w = vendor;
	if (answer && (!w.there || answer->at > w.at))
		w = (struct word){true, answer->value, answer->at, answer->paper, answer->vendor,
		    false, NULL};
	w.stale = w.there &&
	    (in->now - w.at > (int64_t)p->days * TIME_DAY || w.at > in->now + FUTURE);
	return w;
}

/* One needed check: the worst of its facts over all subjects. Returns false when there is none. */
static bool
measure(struct guide_verdict *v, const struct guide_check *c, const struct guide_input *in)
{
	bool any = false;

	for (size_t i = 0; i < in->n; i++) {
		const struct fact *f = &in->facts[i];

		if (strcmp(f->check, c->name) != 0 || f->outcome == FACT_NA)
			continue;
		any = true;
		rest_on(v, c->name, f, f->at);
		if (f->outcome == FACT_FAIL)
			worse(v, GUIDE_RED, GUIDE_FAILED, c->name, f->at);
		else if (f->outcome != FACT_PASS)
			worse(v, GUIDE_GREY, GUIDE_UNSURE, c->name, f->at);
		else if (f->at > in->now + FUTURE || (c->row->max_days > 0 &&
		    in->now - f->at > c->row->max_days * TIME_DAY))
			worse(v, GUIDE_GREY, GUIDE_STALE, c->name, f->at);
		else if (f->by == FACT_VENDOR)
			worse(v, GUIDE_YELLOW, GUIDE_SAID, c->name, f->at);
		else if (f->by != FACT_MEASURED)
			worse(v, GUIDE_YELLOW, GUIDE_DECLARED, c->name, f->at);
	}
	return any;
}

static bool
settled(const struct guide_check *c, const struct fact *event, const struct guide_input *in)
{
	if (in->now - event->at > EVENT_DAYS * TIME_DAY && !c->until)
		return true;
	for (size_t i = 0; c->until && i < in->n; i++) {
		const struct fact *f = &in->facts[i];

		if (strcmp(f->check, c->until) == 0 && f->outcome == FACT_PASS &&
		    f->at > event->at && (strcmp(f->id, event->id) == 0 ||
		    strcmp(f->kind, event->kind) != 0))
			return true;
	}
	return false;
}

static void
watch(struct guide_verdict *v, const struct guide_check *c, const struct guide_input *in)
{
	for (size_t i = 0; i < in->n; i++) {
		const struct fact *f = &in->facts[i];
		/* a check that is measured again and again speaks for itself; an event does not */
		bool event = c->row->max_days == 0;

		if (strcmp(f->check, c->name) != 0 || f->outcome != FACT_FAIL ||
		    (event && settled(c, f, in)))
			continue;
		rest_on(v, c->name, f, f->at);
		worse(v, GUIDE_RED, event ? GUIDE_MISSED : GUIDE_FAILED, c->name, f->at);
	}
}

/* Nothing measures it: what people say decides. */
static void
spoken(struct guide_verdict *v, const struct guide_practice *p, const struct word *w)
{
	if (!w->there) {
		worse(v, GUIDE_GREY, GUIDE_NEVER, p->declared, 0);
		return;
	}
	rest_on(v, p->declared, w->fact, w->at);
	if (w->value == GUIDE_NO)
		worse(v, GUIDE_RED, GUIDE_DENIED, p->declared, w->at);
	else if (w->value == GUIDE_UNKNOWN)
		worse(v, GUIDE_GREY, GUIDE_UNSURE, p->declared, w->at);
	else if (w->stale)
		worse(v, GUIDE_GREY, GUIDE_STALE, p->declared, w->at);
	else if (w->vendor && !w->paper)
		worse(v, GUIDE_YELLOW, GUIDE_SAID, p->declared, w->at);
	else if (p->proof != GUIDE_WORD && !w->paper)
		worse(v, GUIDE_YELLOW, GUIDE_DECLARED, p->declared, w->at);
}

/* A needed check has no fresh result: a person's word turns grey into yellow, or red. */
static void
stand_in(struct guide_verdict *v, const struct guide_practice *p, const struct word *w,
    const char *check, int64_t at, enum guide_why why)
{
	if (w->there && w->value == GUIDE_YES && !w->stale) {
		rest_on(v, p->declared, w->fact, w->at);
		worse(v, GUIDE_YELLOW, w->vendor ? GUIDE_SAID : GUIDE_DECLARED, check, w->at);
	} else if (w->there && w->value == GUIDE_UNKNOWN && w->at > at) {
		rest_on(v, p->declared, w->fact, w->at);
		worse(v, GUIDE_GREY, GUIDE_UNSURE, check, w->at);
	} else {
		worse(v, GUIDE_GREY, why, check, at);
	}
}

struct guide_verdict
guide_judge_practice(const struct guide_practice *p, const struct guide_input *in,
    const struct guide_answer *answer)
{
	struct guide_verdict v = {.colour = GUIDE_GREEN, .why = GUIDE_SHOWN, .practice = p};
	struct word w = word_of(p, in, answer);
	bool measurable = false;

	if (w.there && w.value == GUIDE_NOT_APPLICABLE && !w.stale) {
		rest_on(&v, p->declared, w.fact, w.at);
		set(&v, GUIDE_NA, GUIDE_EXEMPT, p->declared, w.at);
		return v;
	}
	for (size_t i = 0; i < p->checks; i++) {
		const struct guide_check *c = &p->check[i];
		struct guide_verdict one = v;

		if (!c->row)
			continue; /* no engine here emits it */
		if (c->watch) {
			watch(&v, c, in);
			continue;
		}
		measurable = true;
		one.colour = GUIDE_GREEN;
		if (!measure(&one, c, in))
			set(&one, GUIDE_GREY, GUIDE_NEVER, c->name, 0);
		v.oldest = one.oldest;
		v.by = one.by;
		(void)memcpy(v.basis, one.basis, sizeof(v.basis));
		v.bases = one.bases;
		if (one.colour == GUIDE_GREY)
			stand_in(&v, p, &w, one.check, one.at, one.why);
		else
			worse(&v, one.colour, one.why, one.check, one.at);
	}
	if (!measurable)
		spoken(&v, p, &w);
	else if (w.there && w.value == GUIDE_NO && !w.stale)
		worse(&v, GUIDE_RED, GUIDE_DENIED, p->declared, w.at);
	v.declared_only = v.by != 0 && !(v.by & 1U << FACT_MEASURED);
	return v;
}

/* -- items ------------------------------------------------------------------------------------- */

static bool
elsewhere(const struct guide_item *item, const struct guide_profile *p)
{
	const char *at = p->none;
	size_t n = item->cond ? strlen(item->cond) : 0;

	if (item->bands && p->band && !strchr(item->bands, p->band))
		return true;
	while (n && at && (at = strstr(at, item->cond))) { /* ",wifi,byod," */
		if (at > p->none && at[-1] == ',' && at[n] == ',')
			return true;
		at += n;
	}
	return false;
}

static void
take_basis(struct guide_verdict *v, const struct guide_verdict *one)
{
	if (one->oldest && (v->oldest == 0 || one->oldest < v->oldest))
		v->oldest = one->oldest;
	v->by |= one->by;
	for (size_t i = 0; i < one->bases && v->bases < ARRAY_LEN(v->basis); i++)
		v->basis[v->bases++] = one->basis[i];
}

/* What a person answered to the item itself. */
static void
answered(struct guide_verdict *v, const struct guide_item *item, const struct guide_answer *a)
{
	if (a->value == GUIDE_NO)
		worse(v, GUIDE_RED, GUIDE_DENIED, NULL, a->at);
	else if (a->value == GUIDE_UNKNOWN)
		worse(v, GUIDE_GREY, GUIDE_UNSURE, NULL, a->at);
	else if (item->bys == 0)
		rest_on(v, NULL, NULL, a->at);
}

static void
planned(struct guide_verdict *v, const struct guide_plan *plan, int64_t now)
{
	if (v->colour != GUIDE_RED || !plan->approved)
		return;
	if (plan->due + TIME_DAY / 2 >= now) /* the whole day counts */
		set(v, GUIDE_YELLOW, GUIDE_PLANNED, v->check, plan->due);
	else
		set(v, GUIDE_RED, GUIDE_LATE, v->check, plan->due);
}

struct guide_verdict
guide_judge(const struct guide_item *item, const struct guide_input *in,
    const struct guide_answer *answer, const struct guide_plan *plan)
{
	struct guide_verdict v = {.colour = GUIDE_NA, .why = GUIDE_EXEMPT};

	if (elsewhere(item, &in->profile)) {
		v.why = GUIDE_ELSEWHERE;
		return v;
	}
	if (answer && answer->value == GUIDE_NOT_APPLICABLE) {
		rest_on(&v, NULL, NULL, answer->at);
		v.at = answer->at;
		v.declared_only = true;
		return v;
	}
	if (item->level == GUIDE_INFO && item->bys == 0) {
		v.why = GUIDE_READ;
		return v;
	}
	if (item->bys == 0)
		set(&v, answer ? GUIDE_GREEN : GUIDE_GREY, answer ? GUIDE_SHOWN : GUIDE_NEVER, NULL,
		    0);
	for (size_t i = 0; i < item->bys; i++) {
		struct guide_verdict one = guide_judge_practice(item->by[i], in,
		    answer && answer->value == GUIDE_YES ? answer : NULL);

		take_basis(&v, &one);
		if (i == 0 || rank[one.colour] > rank[v.colour]) {
			set(&v, one.colour, one.why, one.check, one.at);
			v.practice = one.practice;
		}
	}
	if (answer)
		answered(&v, item, answer);
	if (plan)
		planned(&v, plan, in->now);
	v.declared_only = v.by != 0 && !(v.by & 1U << FACT_MEASURED);
	return v;
}
