/* The first-run wizard: eight short steps, each a form that can be put off. The steps' own files
 * make and read the forms; here is the way through them. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/wizard_page.h"
#include "text/day.h"

bool
wizard_of(struct req *r, struct wizard *ret)
{
	return r->signed_in && req_may(r, AREA_REGISTER, VERB_WRITE, NULL) &&
	    req_may(r, AREA_PEOPLE, VERB_WRITE, NULL) && req_may(r, AREA_GUIDE, VERB_WRITE, NULL) &&
	    wizard_load(r->db, ret, NULL) == 0;
}

struct inspect_who
wizard_who(struct req *r, char today[REGISTER_DAY])
{
	day_local(r->now, today);
	return (struct inspect_who){req_by(r), today, r->now};
}

void
wizard_owner(struct req *r, char out[256])
{
	static const char *const seats[] = {"deputy", "security_manager"};
	json_t *house = NULL, *person;

	(void)snprintf(out, 256, "%s", r->s.account.name);
	if (register_get(r->db, register_kind("facility"), "main", &house, NULL) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(seats); i++) {
		const char *id = reg_text(json_object_get(house, "values"), seats[i]);

		person = NULL;
		if (!*id || register_get(r->db, register_kind("person"), id, &person, NULL) < 0)
			continue;
		(void)snprintf(out, 256, "%s", reg_text(person, "title"));
		json_decref(person);
		break;
	}
	json_decref(house);
}

/* measure(r): What the registers and accounts say is recorded soon, so that the checklist and the
 * next action follow. */
static void
measure(struct req *r, size_t step)
{
	struct mamorid *d = r->c->daemon;

	if (d && d->sched)
		(void)!sched_now(d->sched, step == WIZARD_SIGNIN ? "identity-check:mamori"
		    : "register-check:mamori", NULL);
}

/* --- models --------------------------------------------------------------------------------- */

static json_t *
nav(const struct wizard *w, size_t now)
{
	static const char *const states[] = {"todo", "later", "done"};
	json_t *list = json_array();

	for (size_t i = 0; i < WIZARD_STEPS; i++) {
		char word[40], href[40];
		json_t *o;

		(void)snprintf(word, sizeof(word), "wizard.step.%s", wizard_key(i));
		(void)snprintf(href, sizeof(href), "/wizard/%s", wizard_key(i));
		o = json_pack("{s:s, s:s, s:s, s:b, s:I}", "word", word, "href", href, "state",
		    states[w->step[i].state], "current", (int)(i == now), "n",
		    (json_int_t)i + 1);
		if (*w->step[i].due) {
			model_text(o, "due", w->step[i].due);
			model_int(o, "finding", w->step[i].finding);
		}
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *
frame(struct req *r, const struct wizard *w, size_t i)
{
	char title[40], lead[40], href[40];
	size_t next = wizard_next(w, WIZARD_STEPS);
	json_t *m = json_pack("{s:o, s:I, s:I, s:I, s:s}", "steps", nav(w, i), "n", (json_int_t)i
	    + 1, "settled", (json_int_t)w->settled, "of", (json_int_t)WIZARD_STEPS, "step",
	    wizard_key(i));

	(void)r;
	(void)snprintf(title, sizeof(title), "wizard.title.%s", wizard_key(i));
	(void)snprintf(lead, sizeof(lead), "wizard.lead.%s", wizard_key(i));
	model_text(m, "title", title);
	model_text(m, "lead", lead);
	if (i > 0 && i < WIZARD_STEPS) {
		(void)snprintf(href, sizeof(href), "/wizard/%s", wizard_key(i - 1));
		model_text(m, "back", href);
	}
	(void)snprintf(href, sizeof(href), "/wizard/%s", wizard_key(next));
	model_text(m, "next", next < WIZARD_STEPS ? href : NULL);
	model_bool(m, "begun", w->begun);
	return m;
}

static int
go_next(struct req *r, size_t i, struct err *e)
{
	struct wizard w;
	size_t next;
	int rc = wizard_load(r->db, &w, e);

	if (rc < 0)
		return rc;
	next = wizard_next(&w, i);
	return next == WIZARD_STEPS ? req_go(r, e, "/wizard/done")
				    : req_go(r, e, "/wizard/%s", wizard_key(next));
}

/* --- welcome and end ------------------------------------------------------------------------ */

static int
welcome(struct req *r, struct err *e)
{
	struct wizard w;

	if (!wizard_of(r, &w))
		return req_error(r, 403, e);
	return req_page(r, "wizard", frame(r, &w, WIZARD_STEPS), e);
}

static int
end(struct req *r, struct err *e)
{
	struct wizard w;
	json_t *m;

	if (!wizard_of(r, &w))
		return req_error(r, 403, e);
	m = frame(r, &w, WIZARD_STEPS);
	model_bool(m, "may_export", req_may(r, AREA_GUIDE, VERB_EXPORT, NULL));
	model_bool(m, "all", w.done == WIZARD_STEPS);
	return req_page(r, "wizard-done", m, e);
}

/* later(r, i, e): Put a step off: a task with a day. */
static int
later(struct req *r, size_t i, struct err *e)
{
	AUTO(buf_free) struct buf title = {0};
	char today[REGISTER_DAY], owner[256], word[40], plan[40];
	struct inspect_who who = wizard_who(r, today);
	json_t *args;
	int rc;

	buf_init(&title, 1000);
	(void)snprintf(word, sizeof(word), "wizard.step.%s", wizard_key(i));
	(void)snprintf(plan, sizeof(plan), "wizard.plan.%s", wizard_key(i));
	wizard_owner(r, owner);
	args = json_pack("{s:s}", "step", tmpl_word(word, r->ja));
	rc = tmpl_say("wizard.later.title", r->ja, args, &title, e);
	json_decref(args);
	if (rc == 0 && !buf_cstr(&title, e))
		rc = E_NOMEM;
	if (rc == 0)
		rc = wizard_later(r->db, i, (const char *)title.p, tmpl_word(plan, r->ja), owner,
		    &who, e);
	return rc;
}

static int
all_later(struct req *r, struct err *e)
{
	struct wizard w;
	int rc = 0;

	if (!wizard_of(r, &w))
		return req_error(r, 403, e);
	for (size_t i = 0; i < WIZARD_STEPS && rc == 0; i++)
		if (w.step[i].state == WIZARD_TODO)
			rc = later(r, i, e);
	return rc < 0 ? rc : req_go(r, e, "/");
}

/* --- a step --------------------------------------------------------------------------------- */

static void
form_begin(struct wizard_form *f, struct req *r, size_t i, bool sent)
{
	int64_t n = 0;

	*f = (struct wizard_form){.r = r, .step = i, .sent = sent, .rows = json_array(),
	    .items = json_array(), .of = json_array(), .problems = json_array(),
	    .blanks = sent ? 0 : i == WIZARD_CONTACTS ? 2 : WIZARD_BLANKS};
	f->practice = db_i64(r->db, "SELECT count(*) FROM systems WHERE practice = 1", &n, "",
	    NULL) == 0 && n > 0;
}

static void
form_end(struct wizard_form *f)
{
	json_decref(f->rows);
	json_decref(f->items);
	json_decref(f->of);
	json_decref(f->problems);
}

/* errors_to_fields(f): Each problem also stands at its field. */
static void
errors_to_fields(struct wizard_form *f)
{
	json_t *row, *field, *p;
	size_t i, k, n;

	json_array_foreach(f->problems, n, p)
		json_array_foreach(f->rows, i, row) {
			if (strcmp(reg_text(row, "use"), reg_text(p, "name")) == 0)
				model_text(row, "error", reg_text(p, "error"));
			json_array_foreach(json_object_get(row, "fields"), k, field)
				if (strcmp(reg_text(field, "name"), reg_text(p, "name")) == 0)
					model_text(field, "error", reg_text(p, "error"));
		}
}

static int
form_page(struct wizard_form *f, unsigned status, struct err *e)
{
	struct req *r = f->r;
	struct wizard w;
	json_t *m;
	int rc = wizard_load(r->db, &w, e);

	if (rc < 0)
		return rc;
	errors_to_fields(f);
	m = frame(r, &w, f->step);
	model_put(m, "groups", json_incref(f->rows));
	model_put(m, "errors", json_incref(f->problems));
	model_bool(m, "cards", f->step == WIZARD_SYSTEMS);
	model_bool(m, "more", f->step == WIZARD_PEOPLE || f->step == WIZARD_CONTACTS);
	model_bool(m, "people", f->step == WIZARD_PEOPLE);
	model_bool(m, "backup", f->step == WIZARD_BACKUP);
	model_bool(m, "example", f->practice && !f->sent);
	if (f->step == WIZARD_BACKUP)
		rc = wizard_measured(f, m, e);
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page_status(r, status, "wizard-step", m, e);
}

/* --- signing in ----------------------------------------------------------------------------- */

struct others {
	const struct req *r;
	json_t *list;
};

static int
on_account(const struct identity_account *a, void *cookie, struct err *e)
{
	struct others *o = cookie;

	(void)e;
	if ((a->role == ROLE_DIRECTOR || a->role == ROLE_CLERK) && a->state != ACCOUNT_DISABLED &&
	    strcmp(a->id, o->r->s.account.id) != 0)
		(void)json_array_append_new(o->list, json_pack("{s:s, s:s, s:b}", "name", a->name,
		    "role", identity_role_label(a->role, o->r->ja), "invited",
		    (int)(a->state == ACCOUNT_INVITED)));
	return 0;
}

static int
others(struct req *r, json_t **ret, struct err *e)
{
	struct others o = {r, json_array()};
	int rc = identity_account_each(r->c->id, on_account, &o, e);

	if (rc == 0)
		*ret = o.list;
	else
		json_decref(o.list);
	return rc;
}

static bool
second(const struct req *r)
{
	return r->s.account.has_totp || r->s.account.passkeys > 0;
}

/* signin_page(r, status, error, code, e): ${code}: the invitation that was just made. */
static int
signin_page(struct req *r, unsigned status, const char *error, const char *code, struct err *e)
{
	struct wizard w;
	json_t *m, *list = NULL;
	char owner[256];
	int rc = wizard_load(r->db, &w, e);

	if (rc == 0)
		rc = others(r, &list, e);
	if (rc < 0)
		return rc;
	m = frame(r, &w, WIZARD_SIGNIN);
	wizard_owner(r, owner);
	model_bool(m, "second", second(r));
	model_int(m, "codes", r->s.account.codes);
	model_bool(m, "ready", second(r) && json_array_size(list) > 0);
	model_text(m, "name", error ? req_form(r, "name") : json_array_size(list) == 0 &&
	    strcmp(owner, r->s.account.name) != 0 ? owner : "");
	model_put(m, "others", list);
	model_text(m, "login", error ? req_form(r, "login") : "");
	model_text(m, "error", error ? tmpl_word(error, r->ja) : NULL);
	model_text(m, "code", code);
	model_bool(m, "may_invite", req_may(r, AREA_ACCOUNTS, VERB_WRITE, NULL));
	model_bool(m, "fresh", r->now - r->s.fresh_at <= IDENTITY_FRESH);
	return req_page_status(r, status, "wizard-signin", m, e);
}

static int
invite(struct req *r, struct err *e)
{
	struct identity_new n = {.login = req_form(r, "login"), .name = req_form(r, "name"),
	    .role = ROLE_CLERK, .ja = true};
	char id[IDENTITY_ID], code[IDENTITY_CODE];
	json_t *person;
	int rc;

	(void)snprintf(r->what, sizeof(r->what), "accounts.add");
	if (!n.name[0] || !n.login[0])
		return signin_page(r, 422, n.name[0] ? "setup.login.missing" : "setup.name.missing",
		    NULL, e);
	person = wizard_named(r, "person", n.name);
	n.person = reg_text(person, "id");
	rc = identity_account_add(r->c->id, r->now, req_by(r), &n, id, code, e);
	json_decref(person);
	if (rc == E_EXIST)
		return signin_page(r, 422, "account.taken", NULL, e);
	if (rc == E_INVAL)
		return signin_page(r, 422, "setup.login.wrong", NULL, e);
	if (rc < 0)
		return rc;
	rc = signin_page(r, 200, NULL, code, e);
	explicit_bzero(code, sizeof(code));
	return rc;
}

/* --- a step is shown and saved --------------------------------------------------------------- */

static int
step(struct req *r, struct err *e)
{
	size_t i = wizard_find(req_id(r, 0));
	struct wizard_form f;
	struct wizard w;
	int rc;

	if (i == WIZARD_STEPS)
		return err_set(e, E_NOENT, "no such step");
	if (!wizard_of(r, &w))
		return req_error(r, 403, e);
	if (i == WIZARD_SIGNIN)
		return signin_page(r, 200, NULL, NULL, e);
	form_begin(&f, r, i, false);
	rc = wizard_ask(&f, e);
	if (rc == 0)
		rc = form_page(&f, 200, e);
	form_end(&f);
	return rc;
}

/* blame(f, problems): What the registers say is wrong, at the fields. */
static void
blame(struct wizard_form *f, json_t *problems)
{
	json_t *p, *row, *now;
	size_t i;

	json_array_foreach(problems, i, p) {
		size_t n = (size_t)json_integer_value(json_object_get(p, "item"));
		json_t *item = json_array_get(f->items, n);
		json_int_t of = json_integer_value(json_array_get(f->of, n));
		const struct register_kind *k = register_kind(reg_text(item, "kind"));

		row = json_array_get(f->rows, of < 0 ? 0 : (size_t)of);
		wizard_blame(f, row, reg_text(p, "field"), reg_field_label(f->r, k,
		    reg_text(p, "field")), reg_text(p, f->r->ja ? "ja" : "en"));
		if (strcmp(reg_text(p, "code"), "changed") != 0 || !*reg_text(row, "id") ||
		    register_get(f->r->db, k, reg_text(row, "id"), &now, NULL) < 0)
			continue;
		/* saving once more is meant: from what is there now */
		(void)json_object_set(row, "rev", json_object_get(now, "rev"));
		json_decref(now);
	}
}

/* done(r, i, db, e): Inside a transaction. */
static int
done(struct req *r, size_t i, struct db *db, struct err *e)
{
	char today[REGISTER_DAY];
	struct inspect_who who = wizard_who(r, today);

	return wizard_done(db, i, tmpl_word("wizard.settled", r->ja), &who, e);
}

static int
after(struct db *db, void *cookie, struct err *e)
{
	struct wizard_form *f = cookie;
	int rc = f->step == WIZARD_BACKUP ? wizard_backup_put(f, db, e) : 0;

	return rc < 0 ? rc : done(f->r, f->step, db, e);
}

/* keep(f, e): 0: saved; 1: the form came back. */
static int
keep(struct wizard_form *f, struct err *e)
{
	struct req *r = f->r;
	char today[REGISTER_DAY];
	struct register_who who = reg_who(r, today);
	json_t *ids = json_array(), *problems = NULL;
	int rc = wizard_items(f, e), status = 422;

	if (rc == 0 && json_array_size(f->problems) == 0 && f->step == WIZARD_BACKUP)
		rc = wizard_backup_task(f, e);
	if (rc == 0 && json_array_size(f->problems) == 0)
		rc = register_batch(r->db, f->items, &who, after, f, ids, &problems, e);
	if (problems) {
		status = rc == E_BUSY ? 409 : 422;
		blame(f, problems);
		rc = 0;
	}
	json_decref(ids);
	json_decref(problems);
	if (rc < 0 || json_array_size(f->problems) == 0)
		return rc;
	rc = form_page(f, (unsigned)status, e);
	return rc < 0 ? rc : 1;
}

static int
save(struct req *r, size_t i, struct err *e)
{
	struct wizard_form f;
	int rc;

	form_begin(&f, r, i, true);
	if (strcmp(req_form(r, "go"), "more") == 0)
		f.blanks = WIZARD_BLANKS;
	rc = wizard_ask(&f, e);
	if (rc == 0 && f.blanks)
		rc = form_page(&f, 200, e) < 0 ? E_SYS : 1;
	else if (rc == 0)
		rc = keep(&f, e);
	form_end(&f);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	measure(r, i);
	req_flash(r, "ok.saved");
	return go_next(r, i, e);
}

static int
signin_done(struct db *db, void *cookie, struct err *e)
{
	return done(cookie, WIZARD_SIGNIN, db, e);
}

static int
save_signin(struct req *r, struct err *e)
{
	json_t *list = NULL;
	int rc = others(r, &list, e);
	bool ready = second(r) && json_array_size(list) > 0;

	json_decref(list);
	if (rc == 0 && !ready) /* what is missing is a task, not a green tick */
		rc = later(r, WIZARD_SIGNIN, e);
	if (rc == 0 && ready)
		rc = db_tx(r->db, signin_done, r, e);
	if (rc < 0)
		return rc;
	measure(r, WIZARD_SIGNIN);
	return go_next(r, WIZARD_SIGNIN, e);
}

static int
post(struct req *r, struct err *e)
{
	size_t i = wizard_find(req_id(r, 0));
	struct wizard w;
	int rc;

	(void)snprintf(r->what, sizeof(r->what), "wizard.save");
	(void)snprintf(r->object, sizeof(r->object), "wizard:%.20s", wizard_key(i));
	if (i == WIZARD_STEPS)
		return err_set(e, E_NOENT, "no such step");
	if (!wizard_of(r, &w))
		return req_error(r, 403, e);
	if (strcmp(req_form(r, "go"), "later") == 0) {
		rc = later(r, i, e);
		if (rc < 0)
			return rc;
		req_flash(r, w.step[i].state == WIZARD_DONE ? "wizard.kept" : "wizard.put_off");
		return go_next(r, i, e);
	}
	return i == WIZARD_SIGNIN ? save_signin(r, e) : save(r, i, e);
}

const struct route wizard_rows[] = {
	{M_GET, "/wizard", AREA_REGISTER, VERB_WRITE, NULL, 0, welcome, 0},
	{M_GET, "/wizard/done", AREA_REGISTER, VERB_WRITE, NULL, 0, end, 0},
	{M_POST, "/wizard/later", AREA_REGISTER, VERB_WRITE, NULL, 0, all_later, 0},
	{M_POST, "/wizard/signin/invite", AREA_ACCOUNTS, VERB_WRITE, NULL, 0, invite, 0},
	{M_GET, "/wizard/:step", AREA_REGISTER, VERB_WRITE, NULL, 0, step, 0},
	{M_POST, "/wizard/:step", AREA_REGISTER, VERB_WRITE, NULL, 0, post, 0},
	{0},
};
