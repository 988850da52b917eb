/* 点検者: an address for whoever inspects. One button makes it: an account that can only read the
 * checklist, the ledgers and the papers, for a few days; and the binder as it is on that day. Every
 * page that he opens is in the access log (gate.c). */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/secret.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/pages.h"
#include "mamorid/tasks.h"

enum { MAX_DAYS = 14, USUAL_DAYS = 1 };

/* --- the binder of one account ---------------------------------------------------------------- */

static int
binder_make(struct req *r, const char *account, int64_t days, struct err *e)
{
	char rel[TASK_FILE], abs[4200], id[TASK_ID], key[80];
	struct task_new n = {.owner = req_by(r), .ja = r->ja, .word = "task.pdf", .file = rel,
	    .file_type = "application/pdf", .keep_us = days * TIME_DAY};
	int rc;

	n.it = n.file_name = r->ja ? "立入検査の資料.pdf" : "inspection-binder.pdf";
	task_file(r->c->state, ".pdf", rel, abs, sizeof(abs));
	n.argv = json_pack("[s,s,s,s]", "guide", "binder", "--pdf", abs);
	rc = task_start(r->c->tasks, &n, id, e);
	json_decref((json_t *)(uintptr_t)n.argv);
	(void)snprintf(key, sizeof(key), "inspect.%.60s", account);
	if (rc == 0)
		rc = db_exec(r->db, "INSERT INTO settings (key, value, at) VALUES ($1, $2, $3) "
		    "ON CONFLICT (key) DO UPDATE SET value = excluded.value, at = excluded.at",
		    "ssi", e, key, id, r->now);
	return rc < 0 ? rc : 0;
}

static int
take_text(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	(void)snprintf(cookie, TASK_ID, "%s", db_col_text(row, 0));
	return 0;
}

/* binder_of(r, account, ret, e): The task that made it. E_NOENT. */
static int
binder_of(struct req *r, const char *account, struct task *ret, struct err *e)
{
	char key[80], id[TASK_ID] = "";
	int rc;

	(void)snprintf(key, sizeof(key), "inspect.%.60s", account);
	rc = db_each(
	    r->db, "SELECT value FROM settings WHERE key = $1", take_text, id, "s", e, key);
	return rc < 0 ? rc : task_get(r->db, id, ret, e);
}

static void
binder_state(struct req *r, json_t *o, const char *account)
{
	struct task t;

	if (binder_of(r, account, &t, NULL) < 0)
		return;
	model_bool(o, "binder", strcmp(t.state, "done") == 0 && t.expires > r->now);
	model_bool(o, "making", !t.over);
	if (t.over)
		model_int(o, "made", t.ended);
	task_free(&t);
}

/* --- for the director ------------------------------------------------------------------------- */

static json_t *
open_ones(struct req *r)
{
	json_t *all = NULL, *rows = json_array(), *x;
	size_t i;

	if (identity_link_list(r->c->id, r->now, &all, NULL) < 0)
		return rows;
	json_array_foreach(all, i, x) {
		struct identity_account a;
		const char *account = json_string_value(json_object_get(x, "account"));

		if (!account || identity_account_get(r->c->id, account, &a, NULL) < 0 ||
		    a.role != ROLE_INSPECTOR)
			continue;
		binder_state(r, x, account);
		(void)json_array_append(rows, x);
	}
	json_decref(all);
	return rows;
}

static int
page(struct req *r, const char *problem, const char *link, int64_t ends, struct err *e)
{
	static const int choices[] = {1, 3, 7, MAX_DAYS};
	json_t *m = json_object(), *days = json_array();
	int64_t chosen = req_num(req_form(r, "days"), 1, MAX_DAYS, USUAL_DAYS);

	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		char value[8], label[32];

		(void)snprintf(value, sizeof(value), "%d", choices[i]);
		(void)snprintf(label, sizeof(label), r->ja ? "%d日" : "%d days", choices[i]);
		(void)json_array_append_new(days, json_pack("{s:s, s:s, s:b}", "value", value,
		    "label", label, "selected", choices[i] == chosen));
	}
	model_put(m, "days", days);
	model_put(m, "rows", open_ones(r));
	model_text(m, "name_error", problem);
	if (problem)
		model_text(m, "name", req_form(r, "name"));
	if (link) {
		model_text(m, "link", link);
		model_int(m, "link_ends", ends);
	}
	model_bool(m, "may", req_may(r, AREA_ACCOUNTS, VERB_WRITE, NULL));
	return req_page_status(r, problem ? 422 : 200, "inspector", m, e);
}

static int
show(struct req *r, struct err *e)
{
	return page(r, NULL, NULL, 0, e);
}

static int
make(struct req *r, struct err *e)
{
	static const char *const all[] = {"*"};
	int64_t days = req_num(req_form(r, "days"), 1, MAX_DAYS, USUAL_DAYS);
	char login[40], hex[17], id[IDENTITY_ID], invite[IDENTITY_CODE], token[IDENTITY_TOKEN];
	char link[400];
	uint8_t rnd[8];
	struct identity_new n = {.login = login, .name = req_form(r, "name"),
	    .role = ROLE_INSPECTOR, .ja = r->ja, .valid_until = r->now + days * TIME_DAY,
	    .objects = all, .nobjects = 1};
	int rc;

	(void)snprintf(r->what, sizeof(r->what), "inspector.link");
	random_fill(rnd, sizeof(rnd));
	hex_put(hex, rnd, sizeof(rnd));
	(void)snprintf(login, sizeof(login), "inspector-%s", hex);
	rc = identity_account_add(r->c->id, r->now, req_by(r), &n, id, invite, e);
	if (rc == E_INVAL)
		return page(r, tmpl_word("inspector.name.wrong", r->ja), NULL, 0, e);
	if (rc == 0)
		rc = identity_link_new(
		    r->c->id, r->now, req_by(r), id, "*", n.valid_until, token, e);
	if (rc < 0)
		return rc;
	(void)snprintf(r->object, sizeof(r->object), "account:%.40s", id);
	req_note(r, "", "%lld days", (long long)days);
	/* the address works without it: a binder that cannot be made is said on the page */
	(void)!binder_make(r, id, days, NULL);
	(void)snprintf(link, sizeof(link), "https://%.120s/l/%s", r->host, token);
	return page(r, NULL, link, n.valid_until, e);
}

static bool
inspector(struct req *r, const char *id, struct identity_account *a)
{
	return identity_account_get(r->c->id, id, a, NULL) == 0 && a->role == ROLE_INSPECTOR;
}

static int
end(struct req *r, struct err *e)
{
	struct identity_account a;
	int rc;

	(void)snprintf(r->what, sizeof(r->what), "inspector.end");
	if (!inspector(r, req_id(r, 0), &a))
		return err_set(e, E_NOENT, "no such inspector");
	rc = identity_account_disable(r->c->id, r->now, a.id, e);
	if (rc < 0)
		return rc;
	req_flash(r, "ok.inspector.ended");
	return req_go(r, e, "/guide/inspector");
}

static int
renew(struct req *r, struct err *e)
{
	struct identity_account a;
	int64_t days;
	int rc;

	(void)snprintf(r->what, sizeof(r->what), "inspector.binder");
	if (!inspector(r, req_id(r, 0), &a) || a.valid_until <= r->now)
		return err_set(e, E_NOENT, "no such inspector");
	days = (a.valid_until - r->now) / TIME_DAY + 1;
	rc = binder_make(r, a.id, days, e);
	return rc < 0 ? rc : req_go(r, e, "/guide/inspector");
}

/* --- for the inspector ------------------------------------------------------------------------ */

static int
front(struct req *r, struct err *e)
{
	json_t *m = json_object();

	binder_state(r, m, r->s.account.id);
	if (r->s.account.valid_until)
		model_int(m, "until", r->s.account.valid_until);
	model_text(m, "name", r->s.account.name);
	if (json_is_true(json_object_get(m, "making")))
		req_refresh(r, 5);
	return req_page(r, "inspect", m, e);
}

static int
binder(struct req *r, struct err *e)
{
	struct task t;
	int rc = binder_of(r, r->s.account.id, &t, e);

	if (rc < 0)
		return rc;
	if (strcmp(t.state, "done") != 0 || t.expires <= r->now ||
	    strncmp(t.file, "spool/", 6) != 0)
		rc = err_set(e, E_NOENT, "the binder is not there");
	else
		rc = req_file(r, "application/pdf", t.file_name, t.file, false, e);
	task_free(&t);
	return rc;
}

const struct route inspect_rows[] = {
    {M_GET, "/guide/inspector", AREA_ACCOUNTS, VERB_READ, NULL, F_LOG, show, 0},
    {M_POST, "/guide/inspector", AREA_ACCOUNTS, VERB_WRITE, NULL, 0, make, 0},
    {M_POST, "/guide/inspector/:id/end", AREA_ACCOUNTS, VERB_WRITE, "account:$0", 0, end, 0},
    {M_POST, "/guide/inspector/:id/binder", AREA_ACCOUNTS, VERB_WRITE, "account:$0", 0, renew, 0},
    {M_GET, "/inspect", AREA_GUIDE, VERB_READ, NULL, F_LOG, front, 0},
    {M_GET, "/inspect/binder", AREA_GUIDE, VERB_READ, NULL, F_LOG, binder, 0},
    {0},
};
