/* mamori identity check: what the accounts and the access log say about the guideline's questions,
 * as facts. The daemon starts it every day. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "identity/accesslog.h"
#include "identity/idcheck.h"
#include "ledger/seals.h"
#include "register/register.h"

struct check {
	struct cli *c;
	struct state st;
	struct db *db;
	json_t *list;
	char today[REGISTER_DAY];
};

/* left(cookie, person, e): Whether a person of the register has left by today. */
static int
left(void *cookie, const char *person, struct err *e)
{
	struct check *k = cookie;
	json_t *record = NULL;
	const char *day;
	int r = register_get(k->db, register_kind("person"), person, &record, e);

	if (r < 0)
		return r;
	day = json_string_value(json_object_get(json_object_get(record, "values"), "left_on"));
	r = day && *day && strcmp(day, k->today) < 0;
	if (strcmp(json_string_value(json_object_get(record, "state")), "live") != 0)
		r = 1;
	json_decref(record);
	return r;
}

static int
on_seal(const struct seal *s, void *cookie, struct err *e)
{
	struct check *k = cookie;
	struct ledger_report rep = {0};
	struct seal newer = *s;
	json_t *o;
	int r;

	if (strcmp(s->kind, "access") != 0)
		return 0;
	r = seals_verify(&k->st, s, &rep, e);
	if (r < 0)
		(void)snprintf(rep.why, sizeof(rep.why), "%.190s", e ? e->msg : "cannot be read");
	o = json_pack("{s:s, s:s, s:s, s:s, s:{s:I, s:s}}", "check", "console.access.sealed",
	    "kind", "console", "id", "access", "outcome", r < 0 || !rep.ok ? "fail" : "pass",
	    "observed", "records", (json_int_t)rep.records, "why", rep.ok ? "" : rep.why);
	if (!o || json_array_append_new(k->list, o) < 0)
		return err_set(e, E_NOMEM, "no memory");
	if (r < 0 || !rep.ok)
		return 0;
	newer.seen = rep.head;
	return seals_update(&k->st, &newer, e);
}

static int
measure(struct check *k, struct err *e)
{
	static const struct identity_conf conf;
	struct accesslog *a = NULL;
	struct identity *id;
	int64_t now = time_now_us();
	int r = identity_open(&k->st, k->db, &conf, &id, e);

	if (r < 0)
		return r;
	register_today(now, k->today);
	r = idcheck_run(id, now, left, k, &k->list, e);
	identity_close(id);
	/* a log that is gone or damaged cannot be opened; then the seal says so */
	if (r == 0 && accesslog_open(&k->st, true, now, &a, NULL) == 0)
		accesslog_close(a);
	return r < 0 ? r : seals_each(&k->st, on_seal, k, e);
}

static int
seal(struct check *k, struct err *e)
{
	struct facts *fs;
	int64_t now = time_now_us();
	json_t *o;
	size_t i;
	int r = facts_open(&k->st, true, now, &fs, e);

	if (r < 0)
		return r;
	json_array_foreach(k->list, i, o) {
		enum fact_outcome out = FACT_UNKNOWN;
		struct fact fact;

		r = fact_outcome_get(json_string_value(json_object_get(o, "outcome")), &out);
		if (r == 0)
			r = fact_fill(&fact, "identity",
			    json_string_value(json_object_get(o, "check")),
			    json_string_value(json_object_get(o, "kind")),
			    json_string_value(json_object_get(o, "id")), out, now, e);
		if (r < 0)
			break;
		fact.observed = json_incref(json_object_get(o, "observed"));
		fact.expected = json_incref(json_object_get(o, "expected"));
		r = facts_add(fs, &fact, now, NULL, e);
		fact_free(&fact);
		if (r < 0)
			break;
	}
	facts_close(fs);
	return r;
}

static int
identity_check(struct cli *c, int argc, char **argv)
{
	struct check k = {.c = c};
	json_t *o;
	struct err e = {0};
	bool good = true;
	size_t i;
	int r;

	(void)argv;
	if (argc > 1)
		return cli_usage(c, "mamori identity check");
	r = cli_records(c, true, &k.st, &k.db);
	if (r != CLI_OK)
		return r;
	r = measure(&k, &e);
	if (r == 0)
		r = seal(&k, &e);
	db_close(k.db);
	state_close(&k.st);
	if (r < 0) {
		json_decref(k.list);
		return cli_fail(c, &e, L(c, "確かめられませんでした", "could not check"));
	}
	json_array_foreach(k.list, i, o) {
		const char *out = json_string_value(json_object_get(o, "outcome"));

		good = good && strcmp(out, "fail") != 0;
		cli_say(c, "%-8s %s", out, json_string_value(json_object_get(o, "check")));
	}
	cli_json(c, json_pack("{s:b, s:O}", "ok", good, "facts", k.list));
	json_decref(k.list);
	return good ? CLI_OK : CLI_NO;
}

int
cmd_identity(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"check", identity_check, "mamori identity check",
		    "アカウントと操作の記録を確かめ、事実として残します",
		    "check accounts and access log; record facts"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}
