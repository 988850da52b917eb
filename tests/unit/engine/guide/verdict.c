/* Verdicts: one table of facts and answers against what must come out. */
#include <stdlib.h>

#include "base/num.h"
#include "base/time.h"
#include "guide/guide.h"
#include "tap.h"

#define NOW (INT64_C(1790000000) * TIME_SEC)

static struct guide *g;

/* Two practices of our own: one that checks of the vault measure, one that only a paper shows, one
 * that is word of mouth. */
static const char measured[] =
    "{\"format\":\"mamori-practice-1\",\"id\":\"t-measured\",\"category\":\"technical\","
    "\"family\":\"t\",\"title\":{\"ja\":\"測る\",\"en\":\"measured\"},\"impact\":5,\"minutes\":10,"
    "\"who\":\"clerk\",\"proof\":\"measure\",\"days\":100,\"checks\":["
    "{\"need\":\"vault.restore.drill\"},{\"need\":\"vault.scrub\"},"
    "{\"watch\":\"vault.drill.missed\",\"until\":\"vault.restore.drill\"},"
    "{\"need\":\"nobody.emits\"}],\"why\":{\"ja\":\"w\",\"en\":\"w\"},"
    "\"steps\":[{\"ja\":\"s\",\"en\":\"s\"}],\"answers\":[\"t:T-1\",\"t:T-3\"]}";
static const char paper[] =
    "{\"format\":\"mamori-practice-1\",\"id\":\"t-paper\",\"category\":\"human\",\"family\":\"t\","
    "\"title\":{\"ja\":\"紙\",\"en\":\"paper\"},\"impact\":5,\"minutes\":10,\"who\":\"clerk\","
    "\"proof\":\"paper\",\"days\":100,\"why\":{\"ja\":\"w\",\"en\":\"w\"},"
    "\"steps\":[{\"ja\":\"s\",\"en\":\"s\"}],\"answers\":[\"t:T-2\",\"t:T-3\"]}";
static const char word[] =
    "{\"format\":\"mamori-practice-1\",\"id\":\"t-word\",\"category\":\"human\",\"family\":\"t\","
    "\"title\":{\"ja\":\"口\",\"en\":\"word\"},\"impact\":5,\"minutes\":10,\"who\":\"clerk\","
    "\"proof\":\"word\",\"days\":100,\"why\":{\"ja\":\"w\",\"en\":\"w\"},"
    "\"steps\":[{\"ja\":\"s\",\"en\":\"s\"}],\"answers\":[\"t:T-4\"]}";
#define TEXTS "\"ja\":\"a\",\"en\":\"a\",\"mark\":\"derived\""
#define ITEM(n, level, more)                                                                       \
	"{\"id\":\"T-" n "\",\"section\":\"1\",\"ref\":\"" n "\",\"level\":\"" level \
	"\"," TEXTS more "}"
static const char pack[] =
    "{\"format\":\"mamori-pack-1\",\"id\":\"t\",\"kind\":\"checklist\",\"edition\":\"1\","
    "\"title\":{\"ja\":\"t\",\"en\":\"t\"},\"issued\":\"2026-01-01\",\"publisher\":\"p\","
    "\"sections\":[{\"id\":\"1\",\"ja\":\"a\",\"en\":\"a\"}],\"items\":["
    ITEM("1", "must", "") "," ITEM("2", "must", "") "," ITEM("3", "must", "") ","
    ITEM("4", "must", ",\"if\":\"wifi\",\"bands\":[\"C\",\"S\"]") ","
    ITEM("5", "gate", "") "," ITEM("6", "info", "") "]}";

struct row {
	const char *what, *item;
	const char *facts;  /* words "check outcome by days-ago [e]", separated by ';' */
	const char *answer; /* "value days-ago [e]" or NULL */
	const char *plan;   /* "yes|no days-to-come" or NULL */
	enum guide_colour colour;
	enum guide_why why;
};

static const struct row rows[] = {
    {"nothing known", "T-1", "", NULL, NULL, GUIDE_GREY, GUIDE_NEVER},
    {"half measured", "T-1", "vault.restore.drill pass measured 1", NULL, NULL, GUIDE_GREY,
	GUIDE_NEVER},
    {"all measured", "T-1", "vault.restore.drill pass measured 1;vault.scrub pass measured 2", NULL,
	NULL, GUIDE_GREEN, GUIDE_SHOWN},
    {"one failed", "T-1", "vault.restore.drill fail measured 1;vault.scrub pass measured 2", NULL,
	NULL, GUIDE_RED, GUIDE_FAILED},
    {"one failed, one never", "T-1", "vault.restore.drill fail measured 1", NULL, NULL, GUIDE_RED,
	GUIDE_FAILED},
    {"one too old", "T-1", "vault.restore.drill pass measured 32;vault.scrub pass measured 2", NULL,
	NULL, GUIDE_GREY, GUIDE_STALE},
    {"one on its last day", "T-1",
	"vault.restore.drill pass measured 31;vault.scrub pass measured 8", NULL, NULL, GUIDE_GREEN,
	GUIDE_SHOWN},
    {"one from the future", "T-1",
	"vault.restore.drill pass measured -1;vault.scrub pass measured 2", NULL, NULL, GUIDE_GREY,
	GUIDE_STALE},
    {"one could not tell", "T-1",
	"vault.restore.drill error measured 1;vault.scrub pass measured 2", NULL, NULL, GUIDE_GREY,
	GUIDE_UNSURE},
    {"one unknown", "T-1", "vault.restore.drill unknown measured 1;vault.scrub pass measured 2",
	NULL, NULL, GUIDE_GREY, GUIDE_UNSURE},
    {"not applicable is no proof", "T-1",
	"vault.restore.drill na measured 1;vault.scrub pass measured 2", NULL, NULL, GUIDE_GREY,
	GUIDE_NEVER},
    {"the check declared", "T-1", "vault.restore.drill pass declared 1;vault.scrub pass measured 2",
	NULL, NULL, GUIDE_YELLOW, GUIDE_DECLARED},
    {"the check imported", "T-1", "vault.restore.drill pass imported 1;vault.scrub pass measured 2",
	NULL, NULL, GUIDE_YELLOW, GUIDE_DECLARED},
    {"the check said by a vendor", "T-1",
	"vault.restore.drill pass vendor 1;vault.scrub pass measured 2", NULL, NULL, GUIDE_YELLOW,
	GUIDE_SAID},
    {"a word where it could be measured", "T-1", "practice.t-measured pass declared 1", NULL, NULL,
	GUIDE_YELLOW, GUIDE_DECLARED},
    {"a paper does not replace the measurement", "T-1", "practice.t-measured pass declared 1 e",
	NULL, NULL, GUIDE_YELLOW, GUIDE_DECLARED},
    {"a vendor's word", "T-1", "practice.t-measured pass vendor 1", NULL, NULL, GUIDE_YELLOW,
	GUIDE_SAID},
    {"an old word", "T-1", "practice.t-measured pass declared 101", NULL, NULL, GUIDE_GREY,
	GUIDE_NEVER},
    {"I do not know", "T-1", "practice.t-measured unknown declared 1", NULL, NULL, GUIDE_GREY,
	GUIDE_UNSURE},
    {"no", "T-1", "practice.t-measured fail declared 1", NULL, NULL, GUIDE_RED, GUIDE_DENIED},
    {"a yes never mends a failure", "T-1",
	"vault.restore.drill fail measured 1;vault.scrub pass measured 2;"
	"practice.t-measured pass declared 0",
	NULL, NULL, GUIDE_RED, GUIDE_FAILED},
    {"a no makes a pass red", "T-1",
	"vault.restore.drill pass measured 1;vault.scrub pass measured 2;"
	"practice.t-measured fail declared 0",
	NULL, NULL, GUIDE_RED, GUIDE_DENIED},
    {"a missed drill", "T-1",
	"vault.restore.drill pass measured 3;vault.scrub pass measured 2;"
	"vault.drill.missed fail measured 1",
	NULL, NULL, GUIDE_RED, GUIDE_MISSED},
    {"a missed drill made good", "T-1",
	"vault.restore.drill pass measured 1;vault.scrub pass measured 2;"
	"vault.drill.missed fail measured 3",
	NULL, NULL, GUIDE_GREEN, GUIDE_SHOWN},
    {"not applicable, said", "T-1", "practice.t-measured na declared 1", NULL, NULL, GUIDE_NA,
	GUIDE_EXEMPT},
    {"red with an approved plan", "T-1", "vault.restore.drill fail measured 1", NULL, "yes 10",
	GUIDE_YELLOW, GUIDE_PLANNED},
    {"red with a plan nobody approved", "T-1", "vault.restore.drill fail measured 1", NULL, "no 10",
	GUIDE_RED, GUIDE_FAILED},
    {"red with a plan that is over", "T-1", "vault.restore.drill fail measured 1", NULL, "yes -1",
	GUIDE_RED, GUIDE_LATE},
    {"a plan does not make grey yellow", "T-1", "", NULL, "yes 10", GUIDE_GREY, GUIDE_NEVER},
    {"paper: nothing", "T-2", "", NULL, NULL, GUIDE_GREY, GUIDE_NEVER},
    {"paper: only said", "T-2", "practice.t-paper pass declared 1", NULL, NULL, GUIDE_YELLOW,
	GUIDE_DECLARED},
    {"paper: there", "T-2", "practice.t-paper pass declared 1 e", NULL, NULL, GUIDE_GREEN,
	GUIDE_SHOWN},
    {"paper: too old", "T-2", "practice.t-paper pass declared 101 e", NULL, NULL, GUIDE_GREY,
	GUIDE_STALE},
    {"paper: a vendor's letter", "T-2", "practice.t-paper pass vendor 1 e", NULL, NULL, GUIDE_GREEN,
	GUIDE_SHOWN},
    {"paper: a vendor's word", "T-2", "practice.t-paper pass vendor 1", NULL, NULL, GUIDE_YELLOW,
	GUIDE_SAID},
    {"paper: answered in an inspection", "T-2", "", "yes 1 e", NULL, GUIDE_GREEN, GUIDE_SHOWN},
    {"paper: answered without one", "T-2", "", "yes 1", NULL, GUIDE_YELLOW, GUIDE_DECLARED},
    {"an answer of no", "T-2", "practice.t-paper pass declared 5 e", "no 1", NULL, GUIDE_RED,
	GUIDE_DENIED},
    {"an answer of I do not know", "T-2", "practice.t-paper pass declared 5 e", "unknown 1", NULL,
	GUIDE_GREY, GUIDE_UNSURE},
    {"a no with a plan", "T-2", "", "no 1", "yes 30", GUIDE_YELLOW, GUIDE_PLANNED},
    {"an answer of not applicable", "T-2", "", "na 1", NULL, GUIDE_NA, GUIDE_EXEMPT},
    {"two practices: the worse", "T-3",
	"vault.restore.drill pass measured 1;vault.scrub pass measured 2;"
	"practice.t-paper pass declared 1",
	NULL, NULL, GUIDE_YELLOW, GUIDE_DECLARED},
    {"two practices: one not applicable", "T-3",
	"vault.restore.drill pass measured 1;vault.scrub pass measured 2;"
	"practice.t-paper na declared 1",
	NULL, NULL, GUIDE_GREEN, GUIDE_SHOWN},
    {"word: enough where nothing else can be", "T-4", "practice.t-word pass declared 1", NULL, NULL,
	GUIDE_GREEN, GUIDE_SHOWN},
    {"gate: not answered", "T-5", "", NULL, NULL, GUIDE_GREY, GUIDE_NEVER},
    {"gate: yes", "T-5", "", "yes 1", NULL, GUIDE_GREEN, GUIDE_SHOWN},
    {"gate: no", "T-5", "", "no 1", NULL, GUIDE_RED, GUIDE_DENIED},
    {"to be read", "T-6", "", NULL, NULL, GUIDE_NA, GUIDE_READ},
};

static size_t
facts_of(const char *text, struct fact *out, size_t max)
{
	char copy[400], *rest = copy, *one;
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	while ((one = strsep(&rest, ";")) && *one && n < max) {
		struct fact *f = &out[n++];
		char outcome[16], by[16], check[96], more[4] = "";
		int days = 0;

		fact_init(f);
		(void)sscanf(one, "%95s %15s %15s %d %3s", check, outcome, by, &days,
		    more); /* allow: our own table */
		(void)snprintf(f->check, sizeof(f->check), "%s", check);
		(void)snprintf(f->kind, sizeof(f->kind), "system");
		(void)snprintf(f->id, sizeof(f->id), "emr");
		if (fact_outcome_get(outcome, &f->outcome) < 0 || fact_by_get(by, &f->by) < 0)
			return 0;
		f->at = NOW - days * TIME_DAY;
		if (*more)
			f->evidence = json_pack("[s]", "00");
	}
	return n;
}

static bool
answer_of(const char *text, struct guide_answer *a)
{
	char value[16] = "", more[4] = "";
	int days = 0;

	if (!text)
		return false;
	(void)sscanf(text, "%15s %d %3s", value, &days, more); /* allow: our own table */
	*a = (struct guide_answer){.at = NOW - days * TIME_DAY, .paper = *more != 0};
	return guide_value_get(value, &a->value) == 0;
}

static void
run(const struct row *t, const struct guide_pack *p)
{
	struct fact facts[8];
	struct guide_input in = {.facts = facts, .now = NOW};
	struct guide_answer a;
	struct guide_plan plan = {0};
	struct guide_verdict v;
	char reason[300];
	int days;

	in.n = facts_of(t->facts, facts, ARRAY_LEN(facts));
	if (t->plan) {
		plan.approved = t->plan[0] == 'y';
		(void)sscanf(strchr(t->plan, ' '), "%d", &days); /* allow: our own table */
		plan.due = NOW + days * TIME_DAY;
	}
	v = guide_judge(guide_item(p, t->item), &in, answer_of(t->answer, &a) ? &a : NULL,
	    t->plan ? &plan : NULL);
	if (!OK(v.colour == t->colour && v.why == t->why, "%s", t->what))
		printf("#   got %s, why %d: %s\n", guide_colour_name(v.colour), v.why,
		    guide_reason(g, &v, false, reason, sizeof(reason)));
	for (size_t i = 0; i < in.n; i++)
		fact_free(&facts[i]);
}

static void
details(const struct guide_pack *p)
{
	struct fact facts[8];
	struct guide_input in = {.facts = facts, .now = NOW};
	struct guide_verdict v;
	char text[400], tiny[8];

	in.n =
	    facts_of("vault.restore.drill pass measured 20;vault.scrub pass measured 2", facts, 8);
	v = guide_judge(guide_item(p, "T-1"), &in, NULL, NULL);
	EQ_I(v.oldest, NOW - 20 * TIME_DAY, "the oldest basis");
	EQ_I(v.bases, 2, "both are named");
	OK(!v.declared_only && v.by == 1U << FACT_MEASURED, "measured only");
	OK(strstr(guide_reason(g, &v, true, text, sizeof(text)), "根拠"), "a sentence");
	OK(strlen(guide_reason(g, &v, true, tiny, sizeof(tiny))) <= 7, "cut where it does not fit");
	EQ_S(tiny, "確か", "at a character");
	in.n = facts_of("practice.t-word pass declared 1", facts, 8);
	v = guide_judge(guide_item(p, "T-4"), &in, NULL, NULL);
	OK(v.declared_only && v.by == 1U << FACT_DECLARED, "declared only, though green");
	in.profile = (struct guide_profile){.none = ",byod,wifi,"};
	v = guide_judge(guide_item(p, "T-4"), &in, NULL, NULL);
	EQ_I(v.why, GUIDE_ELSEWHERE, "no Wi-Fi here");
	in.profile = (struct guide_profile){.none = ",guest-wifi,"};
	v = guide_judge(guide_item(p, "T-4"), &in, NULL, NULL);
	EQ_I(v.colour, GUIDE_GREEN, "part of a word is not the word");
	in.profile = (struct guide_profile){.band = 'L'};
	v = guide_judge(guide_item(p, "T-4"), &in, NULL, NULL);
	EQ_I(v.why, GUIDE_ELSEWHERE, "not for large hospitals");
	in.profile = (struct guide_profile){.band = 'C'};
	v = guide_judge(guide_item(p, "T-4"), &in, NULL, NULL);
	EQ_I(v.colour, GUIDE_GREEN, "for clinics");
}

int
main(void)
{
	struct err e = {0};
	const struct guide_pack *p;

	if (!OK(guide_new(&g, &e) == 0, "packs"))
		printf("#   %s\n", e.msg);
	OK(guide_add(g, measured, sizeof(measured) - 1, GUIDE_OPERATOR, &e) == 0, "a practice");
	OK(guide_add(g, paper, sizeof(paper) - 1, GUIDE_OPERATOR, &e) == 0, "a second");
	OK(guide_add(g, word, sizeof(word) - 1, GUIDE_OPERATOR, &e) == 0, "a third");
	if (!OK(guide_add(g, pack, sizeof(pack) - 1, GUIDE_OPERATOR, &e) == 0, "a pack"))
		printf("#   %s\n", e.msg);
	p = guide_pack(g, "t");
	for (size_t i = 0; p && i < ARRAY_LEN(rows); i++)
		run(&rows[i], p);
	if (p)
		details(p);
	guide_free(g);
	return tap_done();
}
