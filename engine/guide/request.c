#include "guide/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/digest.h"
#include "guide/rows.h"
#include "text/day.h"

enum { BODY_MAX = 8000, CHASES = 3, CHASE_DAYS = 7 };

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* -- the letter -------------------------------------------------------------------------------- */

static int
letter_ja(struct buf *b, const struct guide_practice *p, const struct guide_pack *form,
    const char *vendor, const char *facility, const char *due, struct err *e)
{
	char day[64];
	int r;

	day_wareki(due, day, sizeof(day));
	r = buf_fmt(b, e,
	    "%s 御中\n\nいつもお世話になっております。%s%s\n\n"
	    "厚生労働省の安全管理ガイドラインと年次のチェックリストに沿って、院内の点検をしています。"
	    "次のことを教えてください。\n\n", vendor, facility,
	    *facility ? "です。" : ""); /* not named yet: signed by hand */
	if (r == 0 && p && p->ask.ja)
		r = buf_fmt(b, e, "　1. %s\n", p->ask.ja);
	if (r == 0 && p)
		r = buf_fmt(b, e, "　　（理由: %s）\n", p->why.ja);
	if (r == 0 && form)
		r = buf_fmt(b, e, "　%d. 同封の「%s」へのご記入\n", p ? 2 : 1, form->title.ja);
	if (r == 0)
		r = buf_fmt(b, e,
		    "\nお手数ですが、%sまでにお返事をお願いいたします。まだ分からないことは「わからない」と"
		    "書いてください。\nいただいた内容は、立入検査の資料として保管いたします。\n\n%s\n", day,
		    facility);
	return r;
}

static int
letter_en(struct buf *b, const struct guide_practice *p, const struct guide_pack *form,
    const char *vendor, const char *facility, const char *due, struct err *e)
{
	int r = buf_fmt(b, e,
	    "To %s\n\nWe are going through the yearly checks that the ministry's safety guideline "
	    "asks for. Please let us know:\n\n", vendor);

	if (r == 0 && p && p->ask.en)
		r = buf_fmt(b, e, "  1. %s\n", p->ask.en);
	if (r == 0 && p)
		r = buf_fmt(b, e, "     (Why: %s)\n", p->why.en);
	if (r == 0 && form)
		r = buf_fmt(b, e, "  %d. The enclosed form \"%s\", filled in\n", p ? 2 : 1,
		    form->title.en);
	if (r == 0)
		r = buf_fmt(b, e,
		    "\nWe would be grateful for an answer by %s. \"Not known yet\" is an "
		    "answer.\nWhat "
		    "you send is kept for the inspection.\n\n%s\n",
		    due, facility);
	return r;
}

int
request_letter(const struct guide *g, const char *practice, const char *form, bool ja,
    const char *vendor, const char *facility, const char *due, json_t **ret, struct err *e)
{
	const struct guide_practice *p = practice && *practice ? guide_practice(g, practice) : NULL;
	const struct guide_pack *pack = form && *form ? guide_pack(g, form) : NULL;
	char subject[400];
	struct buf b;
	int r;

	if ((practice && *practice && !p) || (form && *form && !pack) || (!p && !pack))
		return err_set(e, E_NOENT, "there is no such practice or form to ask for");
	if (!day_ok(due))
		return err_set(e, E_INVAL, "the day is not a day like 2026-12-15");
	buf_init(&b, BODY_MAX);
	r = ja ? letter_ja(&b, p, pack, vendor, facility, due, e)
	       : letter_en(&b, p, pack, vendor, facility, due, e);
	(void)snprintf(subject, sizeof(subject), "%s%.300s", ja ? "お願い: " : "Request: ",
	    p ? (ja ? p->title.ja : p->title.en) : ja ? pack->title.ja : pack->title.en);
	if (r == 0) {
		*ret = json_pack("{s:s,s:s}", "subject", subject, "body", buf_cstr(&b, e));
		r = *ret ? 0 : err_set(e, E_NOMEM, "no memory for a letter");
	}
	buf_free(&b);
	return r;
}

/* -- making and sending ------------------------------------------------------------------------ */

struct add {
	const json_t *r;
	const struct inspect_who *who;
	int64_t id;
};

static int
add_tx(struct db *db, void *cookie, struct err *e)
{
	struct add *a = cookie;

	return db_i64(db,
	    "INSERT INTO guide_requests (vendor, vendor_name, subject, body, practice, finding, "
	    "form, due, state, at, who) VALUES ($1, $2, $3, $4, $5, nullif($6, 0), $7, $8, "
	    "'draft', "
	    "$9, $10) RETURNING id",
	    &a->id, "sssssissis", e, text(a->r, "vendor"), text(a->r, "vendor_name"),
	    text(a->r, "subject"), text(a->r, "body"), text(a->r, "practice"),
	    (int64_t)json_integer_value(json_object_get(a->r, "finding")), text(a->r, "form"),
	    text(a->r, "due"), a->who->now, a->who->who);
}

static int
need(const json_t *r, const char *key, size_t max, struct err *e)
{
	size_t n = strlen(text(r, key));

	if (n == 0)
		return err_set(e, E_INVAL, "request: %s is missing", key);
	return n > max ? err_set(e, E_LIMIT, "request: %s is too long", key) : 0;
}

int
request_add(struct db *db, const struct guide *g, const json_t *req, const struct inspect_who *who,
    int64_t *ret_id, struct err *e)
{
	struct add a = {.r = req, .who = who};
	const struct guide_pack *form = guide_pack(g, text(req, "form"));
	int r = need(req, "vendor_name", REQUEST_LINE, e);

	if (r == 0)
		r = need(req, "subject", 2 * REQUEST_LINE, e);
	if (r == 0)
		r = need(req, "body", BODY_MAX, e);
	if (r == 0 && (!day_ok(text(req, "due")) || strcmp(text(req, "due"), who->today) < 0))
		r = err_set(e, E_INVAL, "request: due is not a day to come");
	if (r == 0 && *text(req, "form") && (!form || strcmp(form->kind, "vendor") != 0))
		r = err_set(
		    e, E_INVAL, "request: there is no vendor form %.60s", text(req, "form"));
	if (r == 0 && *text(req, "practice") && !guide_practice(g, text(req, "practice")))
		r = err_set(e, E_INVAL, "request: there is no practice %.60s",
		    text(req, "practice"));
	if (r == 0)
		r = db_tx(db, add_tx, &a, e);
	if (r == 0)
		*ret_id = a.id;
	return r;
}

/* base64url without padding */
static void
token_text(const uint8_t raw[32], char out[REQUEST_TOKEN])
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t n = 0;
	uint32_t bits = 0;
	int have = 0;

	for (size_t i = 0; i < 32; i++) {
		bits = (bits << 8 | raw[i]) & 0xffffff;
		have += 8;
		while (have >= 6) {
			have -= 6;
			out[n++] = digits[bits >> have & 63];
		}
	}
	out[n++] = digits[bits << (6 - have) & 63];
	out[n] = 0;
}

static void
token_sum(const char *token, char hex[65])
{
	uint8_t sum[DIGEST_LEN];

	digest_sha256(token, strlen(token), sum);
	hex_put(hex, sum, sizeof(sum));
}

static int
changed(int r, struct err *e)
{
	return r == 0 ? err_set(e, E_INVAL, "that request has ended, or is not there")
	    : r < 0   ? r
		      : 0;
}

int
request_link(struct db *db, int64_t id, int days, const struct inspect_who *who,
    char token[REQUEST_TOKEN], struct err *e)
{
	uint8_t raw[32];
	char hex[65];

	if (days < 1 || days > REQUEST_DAYS)
		return err_set(e, E_INVAL, "a link holds for 1 to %d days", REQUEST_DAYS);
	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_sys(e, "no random bytes");
	token_text(raw, token);
	token_sum(token, hex);
	return changed(db_exec(db,
	    "UPDATE guide_requests SET token = $2, token_until = $3 WHERE id = $1 AND state IN "
	    "('draft', 'sent')", "isi", e, id, hex, who->now + days * TIME_DAY), e);
}

int
request_sent(struct db *db, int64_t id, const struct inspect_who *who, struct err *e)
{
	return changed(
	    db_exec(db,
		"UPDATE guide_requests SET state = 'sent', sent_on = CASE WHEN sent_on = '' THEN "
		"$2 ELSE "
		"sent_on END WHERE id = $1 AND state IN ('draft', 'sent')",
		"is", e, id, who->today),
	    e);
}

int
request_close(struct db *db, int64_t id, const struct inspect_who *who, struct err *e)
{
	(void)who;
	return changed(db_exec(db,
	    "UPDATE guide_requests SET state = 'closed', token = '', token_until = 0 WHERE id = $1 "
	    "AND state <> 'closed'", "i", e, id), e);
}

/* -- reading ----------------------------------------------------------------------------------- */

static const char *const cols[] = {"#id", "vendor", "vendor_name", "subject", "body", "practice",
    "#finding", "form", "due", "state", "sent_on", "#chased", "@token_until", "@answered_at",
    "answered_by", "{answer", "@at", "who"};
#define SELECT                                                                                     \
	"SELECT id, vendor, vendor_name, subject, body, practice, coalesce(finding, 0), form, "    \
	"due, state, sent_on, chased, token_until, answered_at, answered_by, answer, at, who "     \
	"FROM guide_requests "

static int
with_chase(json_t *list)
{
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		const char *sent = text(v, "sent_on");
		int n = (int)json_integer_value(json_object_get(v, "chased"));
		char day[DAY_TEXT];

		if (strcmp(text(v, "state"), "sent") != 0 || n >= CHASES || !day_ok(sent))
			continue;
		day_add(sent, 0, CHASE_DAYS * (n + 1), day);
		if (json_object_set_new(v, "chase_due", json_string(day)) < 0)
			return E_NOMEM;
	}
	return 0;
}

int
request_list(struct db *db, bool all, json_t **ret, struct err *e)
{
	struct rows rows = rows_begin(cols, ARRAY_LEN(cols));
	int r = db_each(db,
	    SELECT "WHERE $1 = 1 OR state IN ('draft', 'sent') ORDER BY state IN ('answered', "
	    "'closed'), due, id", rows_take, &rows, "i", e, (int64_t)all);

	r = rows_end(&rows, r, ret, e);
	return r == 0 ? with_chase(*ret) : r;
}

int
request_get(struct db *db, int64_t id, json_t **ret, struct err *e)
{
	struct rows rows = rows_begin(cols, ARRAY_LEN(cols));
	int r = db_each(db, SELECT "WHERE id = $1", rows_take, &rows, "i", e, id);

	if (r == 0)
		r = with_chase(rows.list);
	return rows_one(&rows, r, ret, e);
}

int
request_chases(struct db *db, const char *today, json_t **ret, struct err *e)
{
	json_t *all = NULL, *out, *v;
	size_t i;
	int r = request_list(db, false, &all, e);

	if (r < 0)
		return r;
	out = json_array();
	json_array_foreach(all, i, v) {
		const char *day = text(v, "chase_due");

		if (*day && strcmp(day, today) <= 0)
			(void)json_array_append(out, v);
	}
	json_decref(all);
	*ret = out;
	return out ? 0 : err_set(e, E_NOMEM, "no memory for requests");
}

int
request_chased(struct db *db, int64_t id, const struct inspect_who *who, struct err *e)
{
	(void)who;
	return changed(db_exec(db,
	    "UPDATE guide_requests SET chased = chased + 1 WHERE id = $1 AND state = 'sent' AND "
	    "chased < 3", "i", e, id), e);
}

/* -- the vendor's answer ----------------------------------------------------------------------- */

int
request_open(struct db *db, const char *token, int64_t now, int64_t *ret_id, struct err *e)
{
	char hex[65];
	int r;

	/* what is looked up is a digest: how long it takes says nothing about the token */
	token_sum(strlen(token) == REQUEST_TOKEN - 1 ? token : "", hex);
	r = db_i64(db,
	    "SELECT id FROM guide_requests WHERE token = $1 AND token_until > $2 AND state IN "
	    "('draft', 'sent')", ret_id, "si", e, hex, now);
	return r == E_NOENT ? err_set(e, E_AUTH, "this link does not hold, or no longer") : r;
}

static int
answers_ok(const struct guide_pack *form, const json_t *answers, struct err *e)
{
	json_t *v;
	const char *key;
	enum guide_value value;

	if (!json_is_object(answers) || json_object_size(answers) == 0)
		return err_set(e, E_INVAL, "the answer is empty");
	json_object_foreach((json_t *)(uintptr_t)answers, key, v) {
		if (!form && (strcmp(key, "text") != 0 || !json_is_string(v)))
			return err_set(e, E_INVAL, "the answer is not a text");
		if (!form)
			continue;
		if (!guide_item(form, key))
			return err_set(e, E_INVAL, "%s has no item %.60s", form->id, key);
		if (guide_value_get(text(v, "value"), &value) < 0)
			return err_set(
			    e, E_INVAL, "%s: the answer is not yes, no, na or unknown", key);
		if (strlen(text(v, "note")) > BODY_MAX)
			return err_set(e, E_LIMIT, "%s: the note is too long", key);
	}
	return 0;
}

int
request_answer(struct db *db, const struct guide *g, int64_t id, const char *name,
    const json_t *answers, const struct inspect_who *who, struct err *e)
{
	json_t *req = NULL;
	char *body = NULL;
	int r = request_get(db, id, &req, e);

	if (r < 0)
		return r;
	if (!name || !*name || strlen(name) > REQUEST_LINE)
		r = err_set(e, E_INVAL, "the name of who answers is missing");
	if (r == 0)
		r = answers_ok(guide_pack(g, text(req, "form")), answers, e);
	if (r == 0) {
		body = json_dumps(answers, JSON_COMPACT | JSON_SORT_KEYS);
		if (!body)
			r = err_set(e, E_NOMEM, "no memory for the answer");
		else if (strlen(body) > REQUEST_ANSWER)
			r = err_set(e, E_LIMIT, "the answer is too long");
	}
	if (r == 0)
		r = changed(
		    db_exec(db,
			"UPDATE guide_requests SET state = 'answered', answered_at = $2, "
			"answered_by = "
			"$3, answer = $4, token = '', token_until = 0 WHERE id = $1 AND state IN "
			"('draft', "
			"'sent')",
			"iiss", e, id, who->now, name, body),
		    e);
	free(body);
	json_decref(req);
	return r;
}

struct say { /* what the items of one form say together about each practice */
	const struct guide_practice *p;
	enum guide_value value;
};

static void
say(struct say *all, size_t *n, size_t max, const struct guide_practice *p, enum guide_value v)
{
	static const int worth[GUIDE_VALUES] = {
	    [GUIDE_NO] = 0, [GUIDE_UNKNOWN] = 1, [GUIDE_YES] = 2, [GUIDE_NOT_APPLICABLE] = 3};

	for (size_t i = 0; i < *n; i++) {
		if (all[i].p != p)
			continue;
		if (worth[v] < worth[all[i].value])
			all[i].value = v;
		return;
	}
	if (*n < max)
		all[(*n)++] = (struct say){p, v};
}

int
request_facts(const struct guide *g, const json_t *request, const char *evidence,
    const struct inspect_who *who, request_fact_fn *fn, void *cookie, struct err *e)
{
	const struct guide_pack *form = guide_pack(g, text(request, "form"));
	const char *vendor = *text(request, "vendor") ? text(request, "vendor")
						      : text(request, "vendor_name");
	json_t *v, *answers = json_object_get(request, "answer");
	struct say all[GUIDE_ITEMS > 200 ? 200 : GUIDE_ITEMS];
	const char *key;
	size_t n = 0;
	int r = 0;

	json_object_foreach(answers, key, v) {
		const struct guide_item *it = form ? guide_item(form, key) : NULL;
		enum guide_value value;

		if (!it || guide_value_get(text(v, "value"), &value) < 0)
			continue;
		for (size_t i = 0; i < it->bys; i++)
			say(all, &n, ARRAY_LEN(all), it->by[i], value);
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct fact f;

		r = fact_fill(&f, "guide", all[i].p->declared, "vendor", vendor,
		    guide_value_outcome(all[i].value), who->now, e);
		if (r < 0)
			break;
		f.by = FACT_VENDOR;
		f.observed = json_pack("{s:O,s:s}", "request", json_object_get(request, "id"),
		    "form", form->id);
		f.evidence = evidence ? json_pack("[s]", evidence) : NULL;
		r = fn(&f, cookie, e);
		fact_free(&f);
	}
	return r;
}
