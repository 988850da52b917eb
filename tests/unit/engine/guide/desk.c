/* Inspections, evidence, findings, reviews, vendor requests and the desk, over a real database. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "guide/desk.h"
#include "tap.h"

#define DAY0 (INT64_C(1795000000) * TIME_SEC) /* 2026-11-18 */
#define TORTURE "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～"

static char dir[] = "/tmp/mamori-desk-XXXXXX";
static struct state st;
static struct db *db;
static struct guide *g;
static struct err e;
static struct inspect_who who = {"a1", "2026-11-18", DAY0};

static int
file(const char *text)
{
	char path[100];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		return -1;
	return fd;
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void
bad(const char *what, int r, int want)
{
	if (!OK(r == want, "%s", what))
		printf("#   got %s (%s), expected %s\n", err_name(r), e.msg, err_name(want));
}

/* -- inspections ------------------------------------------------------------------------------- */

static int64_t
answer_all(const struct guide_pack *p, int64_t id, const char *but)
{
	for (size_t i = 0; i < p->items; i++)
		if (!but || strcmp(p->item[i].id, but) != 0)
			if (inspect_answer(db, p, id, p->item[i].id, GUIDE_YES, NULL, NULL, TORTURE,
			    &who, &e) < 0)
				return -1;
	return 0;
}

static void
inspections(void)
{
	const struct guide_pack *p = guide_pack(g, "check-r7"), *p8 = guide_pack(g, "check-r8");
	int64_t id = 0, other = 0, next = 0;
	json_t *o = NULL, *a;
	struct fact f;

	EQ_I(inspect_fiscal("2027-03-31"), 2026, "the fiscal year ends in March");
	EQ_I(inspect_fiscal("2027-04-01"), 2027, "and begins in April");
	bad("no such pack",
	    inspect_open(db, &st, g, "x", "2026-12-01", "2027-02-01", &who, &id, &e), E_NOENT);
	bad("a round after the fiscal year",
	    inspect_open(db, &st, g, p->id, "2026-12-01", "2027-04-01", &who, &id, &e), E_INVAL);
	bad("the second before the first",
	    inspect_open(db, &st, g, p->id, "2026-12-02", "2026-12-01", &who, &id, &e), E_INVAL);
	bad("a day that is none",
	    inspect_open(db, &st, g, p->id, "2026-02-30", "2026-12-01", &who, &id, &e), E_INVAL);
	bad("begun", inspect_open(db, &st, g, p->id, "2026-12-01", "2027-02-01", &who, &id, &e), 0);
	bad("only one of a family",
	    inspect_open(db, &st, g, p8->id, "2026-12-01", "2027-02-01", &who, &other, &e),
	    E_EXIST);
	bad("no without a day",
	    inspect_answer(db, p, id, "R7-H-2-9", GUIDE_NO, NULL, NULL, "", &who, &e), E_INVAL);
	bad("no with a day of next year",
	    inspect_answer(db, p, id, "R7-H-2-9", GUIDE_NO, NULL, "2027-04-01", "", &who, &e),
	    E_INVAL);
	bad("no with a day that has passed",
	    inspect_answer(db, p, id, "R7-H-2-9", GUIDE_NO, NULL, "2026-11-17", "", &who, &e),
	    E_INVAL);
	bad("confirmed tomorrow",
	    inspect_answer(db, p, id, "R7-H-2-9", GUIDE_YES, "2026-11-19", NULL, "", &who, &e),
	    E_INVAL);
	bad("an item that is not there",
	    inspect_answer(db, p, id, "R8-H-2-9", GUIDE_YES, NULL, NULL, "", &who, &e), E_NOENT);
	bad("not complete", inspect_sign(db, &st, p, id, "院長", &who, &f, &e), E_INVAL);
	EQ_I(answer_all(p, id, "R7-H-2-9"), 0, "answers");
	bad("one is missing", inspect_sign(db, &st, p, id, "院長", &who, &f, &e), E_INVAL);
	bad("no, by January",
	    inspect_answer(db, p, id, "R7-H-2-9", GUIDE_NO, NULL, "2027-01-31", "", &who, &e), 0);
	bad("nobody signs", inspect_sign(db, &st, p, id, "", &who, &f, &e), E_INVAL);
	bad("signed", inspect_sign(db, &st, p, id, "院長 髙橋", &who, &f, &e), 0);
	EQ_S(f.check, "guide.inspection.signed", "as a fact");
	EQ_I(json_integer_value(json_object_get(f.observed, "no")), 1, "with its counts");
	EQ_I(json_array_size(f.evidence), 1, "and the answers as evidence");
	fact_free(&f);
	bad("signed once", inspect_sign(db, &st, p, id, "院長", &who, &f, &e), E_BUSY);
	bad("nothing after it",
	    inspect_answer(db, p, id, "R7-H-2-9", GUIDE_YES, NULL, NULL, "", &who, &e), E_BUSY);
	bad("the second round", inspect_round(db, id, &who, &e), 0);
	bad("only once", inspect_round(db, id, &who, &e), E_INVAL);
	bad("now yes", inspect_answer(db, p, id, "R7-H-2-9", GUIDE_YES, NULL, NULL, "", &who, &e),
	    0);
	bad("answers", inspect_answers(db, id, &o, &e), 0);
	a = json_object_get(o, "R7-H-2-9");
	EQ_S(text(a, "value"), "yes", "the newest counts");
	EQ_S(text(json_object_get(json_object_get(a, "rounds"), "1"), "value"), "no",
	    "the first round stays");
	EQ_S(text(json_object_get(o, "R7-H-1-1"), "note"), TORTURE, "notes come back unchanged");
	json_decref(o);
	bad("signed again", inspect_sign(db, &st, p, id, "院長", &who, &f, &e), 0);
	fact_free(&f);
	bad("a newer edition", inspect_upgrade(db, &st, g, id, p8->id, &who, &next, &e), 0);
	bad("not twice", inspect_upgrade(db, &st, g, id, p8->id, &who, &other, &e), E_INVAL);
	bad("not another family", inspect_upgrade(db, &st, g, next, "gl-5.2", &who, &other, &e),
	    E_INVAL);
	bad("its answers", inspect_answers(db, next, &o, &e), 0);
	a = json_object_get(o, "R8-H-2-9");
	OK(json_is_true(json_object_get(a, "carried")), "are carried over");
	json_decref(o);
	bad("but count only when confirmed", inspect_sign(db, &st, p8, next, "院長", &who, &f, &e),
	    E_INVAL);
	bad("the old answers", inspect_answers(db, id, &o, &e), 0);
	EQ_I(json_object_size(o), 19, "stay under the old edition");
	json_decref(o);
	bad("worse now",
	    inspect_answer(db, p8, next, "R8-H-2-6", GUIDE_UNKNOWN, NULL, NULL, "", &who, &e), 0);
	bad("what differs", inspect_diff(db, p8, next, &o, &e), 0);
	EQ_I(json_array_size(o), 1, "one thing");
	EQ_S(text(json_array_get(o, 0), "kind"), "worse", "and it is worse");
	json_decref(o);
	bad("close", inspect_close(db, next, &e), 0);
}

/* We have no such system: nothing more is asked. */
static void
gate(void)
{
	const struct guide_pack *p = guide_pack(g, "check-r8");
	int64_t id = 0;
	struct fact f;

	bad("begun", inspect_open(db, &st, g, p->id, "2026-12-01", "2027-02-01", &who, &id, &e), 0);
	bad("no system at all",
	    inspect_answer(db, p, id, "R8-H-0", GUIDE_NO, NULL, "2027-03-31", "", &who, &e), 0);
	bad("ends the form", inspect_sign(db, &st, p, id, "院長", &who, &f, &e), 0);
	fact_free(&f);
	bad("close", inspect_close(db, id, &e), 0);
}

/* A pack that has been replaced is read from what was kept. */
static void
editions(void)
{
	struct guide *own;
	const struct guide_pack *p;
	char path[200];
	int fd;

	bad("the pack of the program",
	    inspect_pack(&st, g, "check-r7", guide_pack(g, "check-r7")->sum, &own, &p, &e), 0);
	OK(!own && p == guide_pack(g, "check-r7"), "is the one there");
	bad("one that was never kept",
	    inspect_pack(&st, g, "check-r7",
		"00000000000000000000000000000000000000000000000000000000000000aa", &own, &p, &e),
	    E_NOENT);
	(void)snprintf(path, sizeof(path), "%s/packs/%s.json", dir, guide_pack(g, "check-r7")->sum);
	fd = open(path, O_RDONLY);
	OK(fd >= 0, "the bytes of the answered pack are kept");
	(void)close(fd);
}

/* -- evidence, findings, requests -------------------------------------------------------------- */

static void
proofs(void)
{
	json_t *meta = json_pack("{s:s,s:s,s:s}", "name", "写真 " TORTURE ".jpg", "expires",
	    "2026-11-30", "effective", "2026-11-01"), *list = NULL;
	int fd = file("a photograph");
	int64_t id = 0;
	char hex[65];

	bad("kept", proof_add(db, &st, "practice", "usb", fd, meta, &who, &id, hex, &e), 0);
	bad("about nothing", proof_add(db, &st, "thing", "usb", fd, meta, &who, &id, hex, &e),
	    E_INVAL);
	bad("list", proof_list(db, "practice", "usb", &list, &e), 0);
	EQ_S(text(json_array_get(list, 0), "effective"), "2026-11-01", "the day that it shows");
	EQ_S(text(json_array_get(list, 0), "name"), "写真 " TORTURE ".jpg", "its name");
	OK(proof_fresh(list, "2026-11-30") && !proof_fresh(list, "2026-12-01"), "and its end");
	json_decref(list);
	(void)json_object_set_new(meta, "effective", json_string("2026-11-19"));
	bad("from the future", proof_add(db, &st, "practice", "usb", fd, meta, &who, &id, hex, &e),
	    E_INVAL);
	(void)close(fd);
	fd = file("");
	(void)json_object_del(meta, "effective");
	bad("empty", proof_add(db, &st, "practice", "usb", fd, meta, &who, &id, hex, &e), E_INVAL);
	(void)close(fd);
	json_decref(meta);
}

static void
findings(void)
{
	json_t *f = json_pack("{s:s,s:s,s:s,s:i}", "title", "USB " TORTURE, "pack", "check-r8",
		   "item", "R8-H-2-9", "severity", 3),
	       *o = NULL, *review;
	const struct guide_item *it = guide_item(guide_pack(g, "check-r8"), "R8-H-2-9");
	struct guide_plan plan = {0};
	struct fact fact;
	int64_t id = 0, second = 0, rid = 0;

	bad("a finding", finding_add(db, f, &who, &id, &e), 0);
	bad("the same again", finding_add(db, f, &who, &second, &e), E_EXIST);
	bad("nothing to approve", finding_approve(db, id, 0, "院長", &who, &e), E_BUSY);
	bad("a plan for yesterday", finding_plan(db, id, 0, "設定", "2026-11-17", "", &who, &e), E_INVAL);
	bad("a plan", finding_plan(db, id, 1, "設定する", "2026-12-20", "担当", &who, &e), 0);
	bad("of an older revision", finding_plan(db, id, 1, "別の計画", "2026-12-20", "", &who, &e),
	    E_BUSY);
	bad("list", finding_list(db, false, &o, &e), 0);
	OK(finding_plan_of(o, "check-r8", it, &plan) && !plan.approved, "planned, not approved");
	json_decref(o);
	bad("approved", finding_approve(db, id, 0, "院長", &who, &e), 0);
	bad("list", finding_list(db, false, &o, &e), 0);
	OK(finding_plan_of(o, "check-r8", it, &plan) && plan.approved, "approved");
	json_decref(o);
	bad("not late", finding_overdue(db, &who, &fact, &e), 0);
	EQ_I(fact.outcome, FACT_PASS, "pass");
	fact_free(&fact);
	who.today = "2026-12-21";
	bad("a day late", finding_overdue(db, &who, &fact, &e), 0);
	EQ_I(fact.outcome, FACT_FAIL, "fail");
	fact_free(&fact);
	review = json_pack("{s:s,s:s,s:s,s:[{s:I,s:s,s:s}]}", "held", "2026-12-21", "chair", "院長",
	    "minutes", "延ばす " TORTURE, "decisions", "finding", (json_int_t)id, "decision",
	    "postpone", "due", "2027-01-20");
	bad("a review", finding_review(db, review, &who, &rid, &fact, &e), 0);
	EQ_S(fact.check, "guide.review.held", "is a fact");
	fact_free(&fact);
	bad("postponed", finding_get(db, id, &o, &e), 0);
	EQ_S(text(o, "due"), "2027-01-20", "to the new day");
	json_decref(o);
	(void)json_object_set_new(
	    json_array_get(json_object_get(review, "decisions"), 0), "finding", json_integer(999));
	bad("about a finding that is not there", finding_review(db, review, &who, &rid, &fact, &e),
	    E_NOENT);
	bad("reviews", finding_reviews(db, &o, &e), 0);
	EQ_I(json_array_size(o), 1, "the refused one left nothing");
	json_decref(o);
	bad("dropped without a reason", finding_end(db, id, false, "", &who, &e), E_INVAL);
	bad("done", finding_end(db, id, true, "", &who, &e), 0);
	bad("over", finding_plan(db, id, 0, "x", "2027-01-20", "", &who, &e), E_INVAL);
	json_decref(review);
	json_decref(f);
	who.today = "2026-11-18";
}

struct seen {
	int n, no;
};

static int
on_said(const struct fact *f, void *cookie, struct err *err)
{
	struct seen *s = cookie;

	(void)err;
	s->n += f->by == FACT_VENDOR && strcmp(f->kind, "vendor") == 0;
	s->no += f->outcome == FACT_FAIL && strcmp(f->check, "practice.patches") == 0;
	return 0;
}

static void
requests(void)
{
	json_t *letter = NULL, *req, *o = NULL, *answers;
	char token[REQUEST_TOKEN], second[REQUEST_TOKEN];
	struct seen seen = {0};
	int64_t id = 0, found = 0;

	bad("a letter", request_letter(g, "patches", "check-r8-vendor", true, "㈱ABC", "髙橋医院",
	    "2026-12-20", &letter, &e), 0);
	OK(strstr(text(letter, "body"), "㈱ABC 御中") && strstr(text(letter, "body"), "令和8年12月20日"),
	    "to whom, and by when");
	req = json_pack("{s:s,s:s,s:O,s:O,s:s,s:s,s:s}", "vendor", "ven-1", "vendor_name", "㈱ABC",
	    "subject", json_object_get(letter, "subject"), "body", json_object_get(letter, "body"),
	    "practice", "patches", "form", "check-r8-vendor", "due", "2026-12-20");
	bad("kept", request_add(db, g, req, &who, &id, &e), 0);
	(void)json_object_set_new(req, "form", json_string("gl-5.2"));
	bad("a guideline is no form", request_add(db, g, req, &who, &found, &e), E_INVAL);
	bad("a link", request_link(db, id, 30, &who, token, &e), 0);
	bad("for too long", request_link(db, id, 61, &who, second, &e), E_INVAL);
	bad("opens", request_open(db, token, DAY0 + TIME_DAY, &found, &e), 0);
	EQ_I(found, id, "the request");
	bad("not when it is over", request_open(db, token, DAY0 + 31 * TIME_DAY, &found, &e),
	    E_AUTH);
	bad("not without one", request_open(db, "", DAY0, &found, &e), E_AUTH);
	token[5] ^= 1;
	bad("not another", request_open(db, token, DAY0, &found, &e), E_AUTH);
	token[5] ^= 1;
	bad("a new link", request_link(db, id, 30, &who, second, &e), 0);
	bad("ends the old one", request_open(db, token, DAY0, &found, &e), E_AUTH);
	bad("sent", request_sent(db, id, &who, &e), 0);
	bad("chases", request_chases(db, "2026-11-24", &o, &e), 0);
	EQ_I(json_array_size(o), 0, "nothing after six days");
	json_decref(o);
	bad("chases", request_chases(db, "2026-11-25", &o, &e), 0);
	EQ_I(json_array_size(o), 1, "one after seven");
	json_decref(o);
	bad("reminded", request_chased(db, id, &who, &e), 0);
	bad("chases", request_chases(db, "2026-12-01", &o, &e), 0);
	EQ_I(json_array_size(o), 0, "then again after fourteen");
	json_decref(o);
	answers = json_pack("{s:{s:s},s:{s:s,s:s}}", "V8-none", "value", "yes", "R8-V-2-6", "value",
	    "no", "note", TORTURE);
	bad("an item of no form", request_answer(db, g, id, "山田", answers, &who, &e), E_INVAL);
	(void)json_object_del(answers, "V8-none");
	bad("nobody answers", request_answer(db, g, id, "", answers, &who, &e), E_INVAL);
	bad("answered", request_answer(db, g, id, "山田", answers, &who, &e), 0);
	bad("once", request_answer(db, g, id, "山田", answers, &who, &e), E_INVAL);
	bad("the link is over", request_open(db, second, DAY0, &found, &e), E_AUTH);
	bad("read back", request_get(db, id, &o, &e), 0);
	EQ_S(text(json_object_get(json_object_get(o, "answer"), "R8-V-2-6"), "note"), TORTURE,
	    "the note");
	bad("as facts", request_facts(g, o, NULL, &who, on_said, &seen, &e), 0);
	OK(seen.n == 1 && seen.no == 1, "said by the vendor: no");
	json_decref(o);
	json_decref(answers);
	json_decref(req);
	json_decref(letter);
}

/* -- desk -------------------------------------------------------------------------------------- */

static void
desk(void)
{
	json_t *facility = json_pack("{s:s,s:s}", "type", "clinic", "beds", "0"), *o = NULL, *none;
	const struct guide_practice *p = guide_practice(g, "usb");
	struct desk d;
	struct fact f;
	char first[64];

	EQ_I(desk_band("hospital", 199), 'S', "199 beds");
	EQ_I(desk_band("hospital", 200), 'M', "200 beds");
	EQ_I(desk_band("hospital", 500), 'L', "500 beds");
	EQ_I(desk_band("clinic", -1), 'C', "a clinic that does not say");
	EQ_I(desk_band("hospital", -1), 0, "a hospital that does not say");
	none = json_pack("[s,s]", "wifi", "nonsense");
	bad("a word that is none", desk_profile_set(db, none, DAY0, &e), E_INVAL);
	(void)json_array_remove(none, 1);
	bad("no Wi-Fi here", desk_profile_set(db, none, DAY0, &e), 0);
	json_decref(none);
	bad("desk", desk_begin(&d, g, db, &st, NULL, 0, facility, DAY0, &e), 0);
	EQ_I(d.profile.band, 'C', "a clinic");
	bad("packs", desk_packs(&d, &o, &e), 0);
	OK(json_array_size(o) >= 17, "all of them");
	json_decref(o);
	bad("status", desk_status(&d, "gl-5.2", &o, &e), 0);
	EQ_I(json_array_size(json_object_get(o, "items")), 122, "122 items");
	OK(json_integer_value(json_object_get(json_object_get(o, "counts"), "na")) >= 5,
	    "those about Wi-Fi are not asked");
	json_decref(o);
	bad("an item", desk_item(&d, "check-r8", "R8-H-3-2", &o, &e), 0);
	EQ_I(json_array_size(json_object_get(o, "practice_list")), 4, "its practices");
	json_decref(o);
	bad("no such item", desk_item(&d, "check-r8", "x", &o, &e), E_NOENT);
	bad("say yes", desk_say(&d, "usb", GUIDE_YES, TORTURE, NULL, FACT_DECLARED, &who, &f, &e),
	    0);
	EQ_I(json_array_size(f.evidence), 1, "the evidence that was kept comes along");
	d.facts = &f;
	d.n = 1;
	bad("practice", desk_practice(&d, "usb", &o, &e), 0);
	EQ_S(text(o, "verdict"), "green", "said and shown");
	EQ_I(strcmp(f.check, p->declared), 0, "under its own check");
	json_decref(o);
	bad("next", desk_next(&d, true, &o, &e), 0);
	(void)snprintf(first, sizeof(first), "%s", text(json_object_get(o, "next"), "id"));
	EQ_I(json_array_size(json_object_get(o, "more")), 2, "and two more");
	json_decref(o);
	bad("later without a reason", desk_later(&d, first, "2026-11-30", "", &who, &e), E_INVAL);
	bad("later, yesterday", desk_later(&d, first, "2026-11-17", "x", &who, &e), E_INVAL);
	bad("later", desk_later(&d, first, "2026-11-30", "業者待ち", &who, &e), 0);
	bad("next", desk_next(&d, true, &o, &e), 0);
	OK(strcmp(text(json_object_get(o, "next"), "id"), first) != 0, "something else");
	(void)snprintf(first, sizeof(first), "%s", text(json_object_get(o, "next"), "family"));
	json_decref(o);
	bad("the day after", desk_begin(&d, g, db, &st, &f, 1, facility, DAY0 + TIME_DAY, &e), 0);
	bad("next", desk_next(&d, true, &o, &e), 0);
	OK(strcmp(text(json_object_get(o, "next"), "family"), first) != 0, "another family");
	json_decref(o);
	fact_free(&f);
	json_decref(facility);
}

static void
wording(void)
{
	json_t *rows = json_pack("[[s,s],[s,s]]", "R8-H-1-1", "公式の文 " TORTURE, "R9-H-1-1", "x");
	const struct guide_pack *p = guide_pack(g, "check-r8");
	struct desk d;
	json_t *o = NULL;
	size_t n = 0;

	bad("an item that is not there", desk_wording(db, p, rows, &who, &n, &e), E_NOENT);
	(void)json_array_remove(rows, 1);
	bad("official wording", desk_wording(db, p, rows, &who, &n, &e), 0);
	bad("desk", desk_begin(&d, g, db, &st, NULL, 0, NULL, DAY0, &e), 0);
	bad("item", desk_item(&d, "check-r8", "R8-H-1-1", &o, &e), 0);
	EQ_S(text(o, "wording"), "公式の文 " TORTURE, "is shown");
	json_decref(o);
	json_decref(rows);
}

static void
imports(void)
{
	static const char pack[] =
	    "{\"format\":\"mamori-pack-1\",\"id\":\"check-r8\",\"kind\":\"inspection\",\"edition\":"
	    "\"R8\",\"family\":\"check\",\"version\":2,\"title\":{\"ja\":\"令和8年度\",\"en\":\"R8\"},"
	    "\"issued\":\"2026-06-29\",\"publisher\":\"厚生労働省\",\"sections\":[{\"id\":\"1\",\"ja\":"
	    "\"a\",\"en\":\"a\"}],\"items\":[{\"id\":\"R8-H-1-1\",\"section\":\"1\",\"ref\":\"1①\","
	    "\"level\":\"must\",\"ja\":\"公式\",\"en\":\"official\",\"mark\":\"official\"}]}";
	char old[65], path[300];
	const struct guide_pack *p;
	struct guide *again = NULL, *own = NULL;
	json_t *o = NULL;
	size_t bad_n = 9;
	int fd;

	(void)snprintf(old, sizeof(old), "%s", guide_pack(g, "check-r8")->sum);
	bad("with a manifest that is none",
	    desk_import(db, &st, g, "a.json", pack, strlen(pack), "x", 1, &who, &o, &e), E_INVAL);
	bad("without one",
	    desk_import(db, &st, g, "a.json", pack, strlen(pack), NULL, 0, &who, &o, &e), 0);
	EQ_S(text(o, "trust"), "operator", "marked as the operator's");
	json_decref(o);
	EQ_I(guide_pack(g, "check-r8")->items, 1, "in use");
	EQ_I(guide_pack(g, "check-r8")->item[0].bys, 1, "answered by the practices as before");
	bad("the older edition", inspect_pack(&st, g, "check-r8", old, &own, &p, &e), 0);
	EQ_I(p->items, 19, "is still there for what was answered under it");
	guide_free(own);
	bad("a fresh start", guide_new(&again, &e), 0);
	bad("loads it", desk_load(db, &st, again, &bad_n, &e), 0);
	OK(bad_n == 0 && guide_pack(again, "check-r8")->items == 1, "again");
	(void)snprintf(
	    path, sizeof(path), "%s/packs/%s.json", dir, guide_pack(again, "check-r8")->sum);
	guide_free(again);
	fd = open(path, O_WRONLY | O_TRUNC);
	(void)close(fd);
	bad("a fresh start", guide_new(&again, &e), 0);
	bad("with a damaged file", desk_load(db, &st, again, &bad_n, &e), 0);
	OK(bad_n == 1 && guide_pack(again, "check-r8")->items == 19,
	    "goes on without it and says so");
	guide_free(again);
}

int
main(void)
{
	const struct db_step *steps;
	char url[100];
	size_t n;

	(void)setenv("TZ", "Asia/Tokyo", 1);
	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", dir);
	steps = db_steps(&n);
	bad("state", state_open(fio_os(), dir, false, &st, &e), 0);
	bad("records", db_open(url, &db, &e), 0);
	OK(db_migrate(db, steps, n, DAY0, &e) > 0, "schema");
	bad("packs", guide_new(&g, &e), 0);
	inspections();
	gate();
	editions();
	proofs();
	findings();
	requests();
	desk();
	wording();
	imports();
	guide_free(g);
	db_close(db);
	state_close(&st);
	(void)snprintf(url, sizeof(url), "rm -rf '%s'", dir);
	if (!system(url)) /* allow: a test's own directory */
		return tap_done();
	return tap_done();
}
