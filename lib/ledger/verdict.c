#include "ledger/verdict.h"

#include <string.h>

#include "base/time.h"
#include "ledger/checks.h"

/* A fact from a clock that ran ahead is not proof; a minute's difference between hosts is none. */
#define FUTURE (10 * 60 * TIME_SEC)

static const int rank[VERDICT_COLOURS] = {
	[VERDICT_GREEN] = 0, [VERDICT_YELLOW] = 1, [VERDICT_GREY] = 2, [VERDICT_RED] = 3,
};

static void
worse(struct verdict *v, enum verdict_colour c, enum verdict_why why, const char *check,
    const struct fact *basis)
{
	if (rank[c] <= rank[v->colour])
		return;
	v->colour = c;
	v->why = why;
	v->check = check;
	v->basis = basis;
}

static void
one_fact(struct verdict *v, const char *check, const struct fact *f, int64_t now)
{
	const struct check *row = checks_find(check);
	bool old = row && row->max_days > 0 && now - f->at > row->max_days * TIME_DAY;

	if (f->outcome == FACT_NA)
		return;
	if (!v->oldest || f->at < v->oldest->at)
		v->oldest = f;
	if (f->outcome == FACT_FAIL)
		worse(v, VERDICT_RED, VERDICT_FAILED, check, f);
	else if (f->outcome != FACT_PASS)
		worse(v, VERDICT_GREY, VERDICT_ERROR, check, f);
	else if (old || f->at > now + FUTURE)
		worse(v, VERDICT_GREY, VERDICT_OLD, check, f);
	else if (f->by != FACT_MEASURED)
		worse(v, VERDICT_YELLOW, VERDICT_DECLARED, check, f);
}

static void
needed(struct verdict *v, const char *check, const struct fact *facts, size_t n, int64_t now)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(facts[i].check, check) != 0)
			continue;
		any = any || facts[i].outcome != FACT_NA;
		one_fact(v, check, &facts[i], now);
	}
	if (!any)
		worse(v, VERDICT_GREY, VERDICT_NEVER, check, NULL);
}

static void
missed(struct verdict *v, const char *event, const char *check, const struct fact *facts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool made_good = false;

		if (strcmp(facts[i].check, event) != 0 || facts[i].outcome != FACT_FAIL)
			continue;
		for (size_t k = 0; k < n; k++)
			made_good = made_good || (strcmp(facts[k].check, check) == 0 &&
			    facts[k].outcome == FACT_PASS && facts[k].at > facts[i].at &&
			    strcmp(facts[k].id, facts[i].id) == 0);
		if (!made_good)
			worse(v, VERDICT_RED, VERDICT_MISSED, event, &facts[i]);
	}
}

struct verdict
verdict_of(const struct verdict_rule *rule, const struct fact *facts, size_t n, int64_t now)
{
	struct verdict v = {.colour = VERDICT_GREEN, .why = VERDICT_FRESH};

	for (size_t i = 0; rule->need && rule->need[i]; i++)
		needed(&v, rule->need[i], facts, n, now);
	for (size_t i = 0; rule->watch && rule->watch[i]; i++) {
		for (size_t k = 0; k < n; k++)
			if (strcmp(facts[k].check, rule->watch[i]) == 0 &&
			    facts[k].outcome == FACT_FAIL)
				worse(&v, VERDICT_RED, VERDICT_FAILED, rule->watch[i], &facts[k]);
	}
	for (size_t i = 0; rule->missed && rule->missed[i] && rule->missed[i + 1]; i += 2)
		missed(&v, rule->missed[i], rule->missed[i + 1], facts, n);
	return v;
}

const char *
verdict_name(enum verdict_colour c)
{
	static const char *const name[VERDICT_COLOURS] = {"green", "yellow", "red", "grey"};

	return name[c];
}
