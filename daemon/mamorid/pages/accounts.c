/* 設定と記録: accounts of others, links, the emergency code, and who looked at what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/pages.h"

enum { PER = 50 };

static int
settings(struct req *r, struct err *e)
{
	json_t *m = json_object();

	model_bool(m, "accounts", req_may(r, AREA_ACCOUNTS, VERB_READ, NULL));
	model_bool(m, "access", req_may(r, AREA_ACCESS, VERB_READ, NULL));
	model_bool(m, "settings", req_may(r, AREA_SETTINGS, VERB_READ, NULL));
	model_bool(m, "api", req_may(r, AREA_API, VERB_READ, NULL));
	return req_page(r, "settings", m, e);
}

/* --- accounts ------------------------------------------------------------------------------- */

static json_t *
account_model(const struct identity_account *a, bool ja)
{
	static const char *const states[] = {"invited", "active", "disabled"};
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:I, s:I}", "id",
	    a->id, "login", a->login, "name", a->name, "role", identity_role_name(a->role),
	    "role_label", identity_role_label(a->role, ja), "state", states[a->state], "last_login",
	    (json_int_t)a->last_login, "valid_from", (json_int_t)a->valid_from, "valid_until",
	    (json_int_t)a->valid_until, "second", (int)(a->has_totp || a->passkeys > 0), "version",
	    (json_int_t)a->version, "created", (json_int_t)a->created);
	json_t *objects = json_array();

	for (size_t i = 0; i < a->nobjects; i++)
		(void)json_array_append_new(objects, json_string(a->objects[i]));
	model_put(o, "objects", objects);
	return o;
}

struct walk {
	json_t *a;
	int64_t at, offset;
	const char *q;
	bool ja;
};

static int
on_account(const struct identity_account *a, void *cookie, struct err *e)
{
	struct walk *w = cookie;

	(void)e;
	if (*w->q && !strstr(a->name, w->q) && !strstr(a->login, w->q))
		return 0;
	if (w->at++ >= w->offset && json_array_size(w->a) < PER)
		(void)json_array_append_new(w->a, account_model(a, w->ja));
	return 0;
}

static int
accounts(struct req *r, struct err *e)
{
	struct walk count = {.a = json_array(), .offset = INT64_MAX, .q = req_get(r, "q")};
	struct walk w = {.a = json_array(), .q = req_get(r, "q"), .ja = r->ja};
	json_t *m = json_object();
	int rc = identity_account_each(r->c->id, on_account, &count, e);

	json_decref(count.a);
	model_put(m, "pager", model_pager(r, count.at, PER, &w.offset));
	if (rc == 0)
		rc = identity_account_each(r->c->id, on_account, &w, e);
	model_put(m, "rows", w.a);
	model_text(m, "q", w.q);
	model_bool(m, "may", req_may(r, AREA_ACCOUNTS, VERB_WRITE, NULL));
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page(r, "accounts", m, e);
}

static json_t *
role_options(enum identity_role chosen, bool ja)
{
	json_t *a = json_array();

	for (int i = 0; i < ROLE_GLASS; i++)
		(void)json_array_append_new(a, json_pack("{s:s, s:s, s:b}", "value",
		    identity_role_name((enum identity_role)i), "label",
		    identity_role_label((enum identity_role)i, ja), "selected", i == (int)chosen));
	return a;
}

/* day(s, ret): "2026-12-31" as its last moment, local time; "" is 0. */
static int
day(const char *s, int64_t *ret)
{
	struct tm t = {.tm_hour = 23, .tm_min = 59, .tm_sec = 59, .tm_isdst = -1};
	uint64_t v[3];
	char part[3][5];

	*ret = 0;
	if (!*s)
		return 0;
	if (strlen(s) != 10 || s[4] != '-' || s[7] != '-')
		return E_INVAL;
	(void)snprintf(part[0], 5, "%.4s", s);
	(void)snprintf(part[1], 5, "%.2s", s + 5);
	(void)snprintf(part[2], 5, "%.2s", s + 8);
	for (int i = 0; i < 3; i++)
		if (num_parse_u64(part[i], 9999, &v[i], NULL) < 0)
			return E_INVAL;
	if (v[0] < 2000 || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31)
		return E_INVAL;
	t.tm_year = (int)v[0] - 1900;
	t.tm_mon = (int)v[1] - 1;
	t.tm_mday = (int)v[2];
	*ret = (int64_t)mktime(&t) * TIME_SEC;
	return 0;
}

/* The fields of the form; ${objects} has room for IDENTITY_OBJECTS. */
static int
read_form(const struct req *r, struct identity_new *n, const char **objects, char *text,
    size_t size)
{
	*n = (struct identity_new){.login = req_form(r, "login"), .name = req_form(r, "name"),
	    .ja = strcmp(req_form(r, "lang"), "en") != 0, .objects = objects};
	if (identity_role_get(req_form(r, "role"), &n->role) < 0 || n->role == ROLE_GLASS ||
	    day(req_form(r, "until"), &n->valid_until) < 0)
		return E_INVAL;
	(void)snprintf(text, size, "%s", req_form(r, "objects"));
	for (char *p = text; *p && n->nobjects < IDENTITY_OBJECTS;) {
		size_t k = strcspn(p, "\n ,");

		if (k > 0)
			objects[n->nobjects++] = p;
		p += k;
		while (*p == '\n' || *p == ' ' || *p == ',')
			*p++ = 0;
	}
	return 0;
}

static int
account_form(struct req *r, unsigned status, json_t *m, enum identity_role role, struct err *e)
{
	model_put(m, "roles", role_options(role, r->ja));
	return req_page_status(r, status, "account-form", m, e);
}

static int
account_new(struct req *r, struct err *e)
{
	return account_form(r, 200, json_object(), ROLE_STAFF, e);
}

static int
came_back(struct req *r, const char *error, struct err *e)
{
	json_t *m = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "login", req_form(r, "login"),
	    "name", req_form(r, "name"), "until", req_form(r, "until"), "objects",
	    req_form(r, "objects"), "id", req_id(r, 0), "version", req_form(r, "version"));
	enum identity_role role = ROLE_STAFF;

	(void)!identity_role_get(req_form(r, "role"), &role);
	model_text(m, "error", error);
	return account_form(r, 422, m, role, e);
}

static int
invitation(struct req *r, const char *account, const char *code, struct err *e)
{
	struct identity_account a;
	int rc = identity_account_get(r->c->id, account, &a, e);
	json_t *m = rc < 0 ? NULL : account_model(&a, r->ja);

	if (rc < 0)
		return rc;
	model_text(m, "code", code);
	return req_page(r, "account-invite", m, e);
}

static int
account_add(struct req *r, struct err *e)
{
	const char *objects[IDENTITY_OBJECTS];
	char text[2000], id[IDENTITY_ID], code[IDENTITY_CODE];
	struct identity_new n;
	int rc = read_form(r, &n, objects, text, sizeof(text));

	(void)snprintf(r->what, sizeof(r->what), "accounts.add");
	if (rc == 0)
		rc = identity_account_add(r->c->id, r->now, req_by(r), &n, id, code, e);
	if (rc == E_EXIST)
		return came_back(r, tmpl_word("account.taken", r->ja), e);
	if (rc == E_INVAL)
		return came_back(r, tmpl_word("account.wrong", r->ja), e);
	if (rc < 0)
		return rc;
	(void)snprintf(r->object, sizeof(r->object), "account:%s", id);
	return invitation(r, id, code, e);
}

static int
account_show(struct req *r, struct err *e)
{
	struct identity_account a;
	json_t *m, *s = NULL;
	int rc = identity_account_get(r->c->id, req_id(r, 0), &a, e);

	if (rc < 0)
		return rc;
	m = account_model(&a, r->ja);
	if (identity_session_list(r->c->id, r->now, a.id, &s, NULL) == 0)
		model_put(m, "sessions", s);
	model_bool(m, "may", req_may(r, AREA_ACCOUNTS, VERB_WRITE, NULL));
	return req_page(r, "account", m, e);
}

static int
account_edit(struct req *r, struct err *e)
{
	struct identity_account a;
	AUTO(buf_free) struct buf b = {0};
	char until[16] = "";
	json_t *m;
	int rc = identity_account_get(r->c->id, req_id(r, 0), &a, e);

	if (rc < 0)
		return rc;
	m = account_model(&a, r->ja);
	buf_init(&b, 4096);
	for (size_t i = 0; i < a.nobjects; i++)
		if (buf_fmt(&b, NULL, "%s\n", a.objects[i]) < 0)
			break;
	model_text(m, "objects", buf_cstr(&b, NULL));
	if (a.valid_until) {
		char t[TIME_TEXT];

		time_put(t, a.valid_until);
		(void)snprintf(until, sizeof(until), "%.10s", t);
	}
	model_text(m, "until", until);
	return account_form(r, 200, m, a.role, e);
}

static int
account_save(struct req *r, struct err *e)
{
	const char *objects[IDENTITY_OBJECTS];
	char text[2000];
	struct identity_new n;
	int rc = read_form(r, &n, objects, text, sizeof(text));

	if (rc == 0)
		rc = identity_account_change(r->c->id, r->now, req_id(r, 0),
		    req_num(req_form(r, "version"), 0, INT64_MAX, -1), &n, e);
	if (rc == E_BUSY)
		return came_back(r, tmpl_word("account.busy", r->ja), e);
	if (rc == E_INVAL)
		return came_back(r, tmpl_word("account.wrong", r->ja), e);
	if (rc < 0)
		return rc;
	req_flash(r, "ok.saved");
	return req_go(r, e, "/settings/accounts/%s", req_id(r, 0));
}

static int
account_act(struct req *r, struct err *e)
{
	const char *id = req_id(r, 0), *act = req_id(r, 1);
	char code[IDENTITY_CODE];
	int rc = E_NOENT;

	(void)snprintf(r->what, sizeof(r->what), "accounts.%.40s", act);
	if (strcmp(act, "disable") == 0)
		rc = identity_account_disable(r->c->id, r->now, id, e);
	else if (strcmp(act, "enable") == 0)
		rc = identity_account_enable(r->c->id, r->now, id, e);
	else if (strcmp(act, "signout") == 0)
		rc = identity_session_revoke(r->c->id, r->now, id, NULL, e);
	else if (strcmp(act, "reset") == 0) {
		rc = identity_account_reset(r->c->id, r->now, id, code, e);
		return rc < 0 ? rc : invitation(r, id, code, e);
	}
	if (rc == E_NOENT)
		return err_set(e, E_NOENT, "nothing to do");
	if (rc == E_INVAL)
		req_flash(r, "account.last_director");
	else if (rc < 0)
		return rc;
	else
		req_flash(r, "ok.saved");
	return req_go(r, e, "/settings/accounts/%s", id);
}

/* --- the emergency code --------------------------------------------------------------------- */

static int
glass(struct req *r, struct err *e)
{
	json_t *m = json_object(), *a = NULL;
	int rc = identity_glass_list(r->c->id, &a, e);

	model_put(m, "uses", a ? a : json_array());
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page(r, "glass", m, e);
}

static int
glass_make(struct req *r, struct err *e)
{
	char code[IDENTITY_CODE];
	int rc = identity_glass_make(r->c->id, r->now, req_by(r), code, e);
	json_t *m;

	(void)snprintf(r->what, sizeof(r->what), "accounts.glass.make");
	if (rc < 0)
		return rc;
	m = json_object();
	model_text(m, "code", code);
	explicit_bzero(code, sizeof(code));
	return req_page(r, "glass-code", m, e);
}

static int
glass_review(struct req *r, struct err *e)
{
	int rc = identity_glass_review(
	    r->c->id, r->now, req_id(r, 0), req_by(r), req_form(r, "note"), e);

	if (rc == E_INVAL)
		req_flash(r, "glass.note.missing");
	else if (rc < 0)
		return rc;
	else
		req_flash(r, "ok.saved");
	return req_go(r, e, "/settings/emergency");
}

/* --- who looked at what --------------------------------------------------------------------- */

struct entries {
	json_t *rows;
	bool ja;
};

/* did(what, ja, out, size): "AREA.VERB" in words; whatever else there is stays as it is. */
static void
did(const char *what, bool ja, char *out, size_t size)
{
	char in[ACCESSLOG_WHAT + 16], to[ACCESSLOG_WHAT + 16];
	size_t n = strcspn(what, ".");
	const char *a, *v;

	(void)snprintf(in, sizeof(in), "did.in.%.*s", (int)n, what);
	(void)snprintf(to, sizeof(to), "did.to.%s", what[n] ? what + n + 1 : "");
	a = tmpl_word(in, ja);
	v = tmpl_word(to, ja);
	if (a && v)
		(void)snprintf(out, size, "%s – %s", a, v);
	else
		(void)snprintf(out, size, "%s", what);
}

static int
on_entry(const struct access_entry *x, void *cookie, struct err *e)
{
	json_t *o = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "seq",
	    (json_int_t)x->seq, "at", (json_int_t)x->at, "account", x->account, "name", x->name,
	    "source", x->source, "what", x->what, "object", x->object, "result", x->result,
	    "detail", x->detail);
	struct entries *t = cookie;
	char word[ACCESSLOG_WHAT + 8], said[160];

	(void)e;
	(void)snprintf(word, sizeof(word), "did.%s", x->what);
	if (!tmpl_word(word, true))
		did(x->what, t->ja, said, sizeof(said));
	model_text(o, "word", tmpl_word(word, true) ? word : said);
	(void)json_array_append_new(t->rows, o);
	return 0;
}

static int
access_log(struct req *r, struct err *e)
{
	struct access_filter f = {0};
	uint64_t before = 0, next = 0;
	json_t *m = json_object();
	struct entries t = {.rows = json_array(), .ja = r->ja};
	int rc = 0;

	(void)snprintf(f.account, sizeof(f.account), "%s", req_get(r, "account"));
	(void)snprintf(f.what, sizeof(f.what), "%s", req_get(r, "what"));
	(void)snprintf(f.result, sizeof(f.result), "%s", req_get(r, "result"));
	before = (uint64_t)req_num(req_get(r, "before"), 1, INT64_MAX, 0);
	model_put(m, "rows", t.rows);
	if (r->c->ops.log)
		rc = accesslog_page(r->c->log, &f, before, PER, on_entry, &t, &next, e);
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	if (next)
		model_int(m, "next", (int64_t)next);
	model_text(m, "account", f.account);
	model_text(m, "what", f.what);
	model_text(m, "result", f.result);
	return req_page(r, "access", m, e);
}

#define BASE "/settings/accounts"
const struct route accounts_rows[] = {
    {M_GET, "/settings", AREA_SELF, VERB_READ, NULL, 0, settings, 0},
    {M_GET, BASE, AREA_ACCOUNTS, VERB_READ, NULL, F_LOG, accounts, 0},
    {M_GET, BASE "/new", AREA_ACCOUNTS, VERB_WRITE, NULL, 0, account_new, 0},
    {M_POST, BASE, AREA_ACCOUNTS, VERB_WRITE, NULL, 0, account_add, 0},
    {M_GET, BASE "/:id", AREA_ACCOUNTS, VERB_READ, "account:$0", F_LOG, account_show, 0},
    {M_GET, BASE "/:id/edit", AREA_ACCOUNTS, VERB_WRITE, "account:$0", 0, account_edit, 0},
    {M_POST, BASE "/:id", AREA_ACCOUNTS, VERB_WRITE, "account:$0", 0, account_save, 0},
    {M_POST, BASE "/:id/do/:act", AREA_ACCOUNTS, VERB_WRITE, "account:$0", 0, account_act, 0},
    {M_GET, "/settings/emergency", AREA_ACCOUNTS, VERB_APPROVE, NULL, F_LOG, glass, 0},
    {M_POST, "/settings/emergency", AREA_ACCOUNTS, VERB_APPROVE, NULL, 0, glass_make, 0},
    {M_POST, "/settings/emergency/:id", AREA_ACCOUNTS, VERB_APPROVE, "glass:$0", 0, glass_review,
	0},
    {M_GET, "/settings/access", AREA_ACCESS, VERB_READ, NULL, F_LOG, access_log, 0},
    {0},
};
