/* 設定と記録: how mail is sent, other programs that are told (webhooks), and letters to vendors by
 * mail. Nothing is sent here: `mamori notify send` does that, soon after (send.c). */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "guide/request.h"
#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/guide_form.h"
#include "notify/notify.h"
#include "register/register.h"
#include "text/day.h"
#include "text/mime.h"

enum { SHOWN = 30 };

static void
soon(struct req *r)
{
	if (r->c->daemon)
		send_soon(r->c->daemon);
}

/* -- mail -------------------------------------------------------------------------------------- */

static void
put_messages(struct req *r, json_t *m, const char *way, const char *target)
{
	json_t *list = NULL, *o;
	size_t i;

	if (notify_list(r->db, way, target, SHOWN, &list, NULL) < 0)
		return;
	json_array_foreach(list, i, o) {
		bool sent = json_integer_value(json_object_get(o, "sent")) > 0;
		bool dead = json_integer_value(json_object_get(o, "gave_up")) > 0;
		char word[64];

		(void)snprintf(word, sizeof(word), "hook.%.40s", guide_page_text(o, "kind"));
		if (tmpl_word(word, true))
			model_text(o, "kind", word);
		model_text(o, "state",
		    sent       ? "notify.sent"
			: dead ? "notify.dead"
			       : "notify.waits");
		model_text(o, "tag", sent ? "done" : dead ? "check" : "");
		model_bool(o, "dead", dead && !sent);
		(void)json_object_del(o, "id");
	}
	model_put(m, "messages", list);
}

static json_t *
mail_model(const struct notify_mail *v)
{
	json_t *m = json_object(), *to = json_array();
	char lines[NOTIFY_TO * (NOTIFY_ADDR + 1) + 1] = "";
	size_t n = 0;

	for (size_t i = 0; i < v->nto; i++) {
		(void)json_array_append_new(to, json_string(v->to[i]));
		n += (size_t)snprintf(lines + n, sizeof(lines) - n, "%s\n", v->to[i]);
	}
	model_put(m, "list", to);
	model_text(m, "to", lines);
	model_text(m, "server", v->url);
	model_text(m, "from", v->from);
	model_text(m, "name", v->name);
	model_text(m, "reply", v->reply);
	model_text(m, "user", v->user);
	model_text(m, "base", v->base);
	model_bool(m, "red", v->red);
	model_bool(m, "digest", v->digest);
	return m;
}

static int
mail(struct req *r, struct err *e)
{
	struct notify_mail v;
	json_t *m;
	int rc = notify_mail_get(r->db, &v, e);

	if (rc < 0)
		return rc;
	m = mail_model(&v);
	put_messages(r, m, "mail", NULL);
	model_bool(m, "set", v.url[0] != 0);
	model_bool(m, "may", req_may(r, AREA_SETTINGS, VERB_WRITE, NULL));
	return req_page(r, "mail", m, e);
}

static int
mail_form(struct req *r, unsigned status, const struct notify_mail *v, const char *error,
    struct err *e)
{
	json_t *m = mail_model(v);
	char password[NOTIFY_PASSWORD] = "";

	if (!v->base[0])
		model_put(m, "base", json_sprintf("https://%s", r->host));
	if (notify_password_get(r->c->state, password, NULL) == 0)
		model_bool(m, "has_password", password[0] != 0);
	explicit_bzero(password, sizeof(password));
	model_put(m, "what", json_pack("[{s:s,s:s,s:b},{s:s,s:s,s:b}]", "value", "red", "word",
	    "mail.red", "selected", (int)v->red, "value", "digest", "word", "mail.digest",
	    "selected", (int)v->digest));
	model_text(m, "error", error);
	return req_page_status(r, status, "mail-form", m, e);
}

static int
mail_edit(struct req *r, struct err *e)
{
	struct notify_mail v;
	int rc = notify_mail_get(r->db, &v, e);

	if (rc < 0)
		return rc;
	if (!v.url[0])
		v.ja = r->ja;
	return mail_form(r, 200, &v, NULL, e);
}

static bool
field(char *out, size_t n, const char *v)
{
	(void)snprintf(out, n, "%s", v);
	return strlen(v) < n;
}

static bool
read_mail(const struct req *r, struct notify_mail *v)
{
	const char *p = req_form(r, "to");

	v->nto = 0;
	while (*p) {
		size_t k = strcspn(p, "\r\n ,");

		if (k > 0 && (k >= NOTIFY_ADDR || v->nto == NOTIFY_TO))
			return false;
		if (k > 0)
			(void)snprintf(v->to[v->nto++], NOTIFY_ADDR, "%.*s", (int)k, p);
		p += k + strspn(p + k, "\r\n ,");
	}
	v->red = form_chosen(&r->form, "what", "red");
	v->digest = form_chosen(&r->form, "what", "digest");
	return field(v->url, sizeof(v->url), req_form(r, "server")) &&
	    field(v->from, sizeof(v->from), req_form(r, "from")) &&
	    field(v->name, sizeof(v->name), req_form(r, "name")) &&
	    field(v->reply, sizeof(v->reply), req_form(r, "reply")) &&
	    field(v->user, sizeof(v->user), req_form(r, "user")) &&
	    field(v->base, sizeof(v->base), req_form(r, "base"));
}

static int
mail_save(struct req *r, struct err *e)
{
	const char *password = req_form(r, "password");
	struct err why = {0};
	struct notify_mail v;
	int rc = notify_mail_get(r->db, &v, e);

	(void)snprintf(r->what, sizeof(r->what), "settings.mail");
	if (rc < 0)
		return rc;
	rc = read_mail(r, &v) ? notify_mail_set(r->db, &v, r->now, &why)
			      : err_set(&why, E_INVAL, "a field is too long");
	if (rc == 0 && (*password || form_chosen(&r->form, "forget", "1")))
		rc = notify_password_set(r->c->state, *password ? password : NULL,
		    strlen(password), &why);
	if (rc == E_INVAL)
		return mail_form(r, 422, &v, why.msg, e);
	if (rc < 0) {
		if (e)
			*e = why;
		return rc;
	}
	req_note(r, "ok", "%s", v.url);
	req_flash(r, "ok.saved");
	return req_go(r, e, "/settings/mail");
}

static int
mail_test(struct req *r, struct err *e)
{
	json_t *argv = json_pack("[s, s]", "notify", "test");
	struct task_new n = {.word = "mail.test.task", .argv = argv, .seconds = 180,
	    .go = "/settings/mail"};
	int rc;

	(void)snprintf(r->what, sizeof(r->what), "settings.mail.test");
	rc = page_task(r, &n, e);
	json_decref(argv);
	return rc;
}

static int
mail_again(struct req *r, struct err *e)
{
	int rc = notify_again(r->db, req_num(req_id(r, 0), 1, INT64_MAX, 0), r->now, e);

	if (rc < 0)
		return rc;
	soon(r);
	req_flash(r, "ok.saved");
	return req_go(r, e, "/settings/mail");
}

/* -- webhooks ---------------------------------------------------------------------------------- */

static json_t *
event_options(const struct req *r)
{
	json_t *list = json_array();

	for (const char *const *p = notify_events; *p; p++) {
		char word[64];

		(void)snprintf(word, sizeof(word), "hook.%.40s", *p);
		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:b}", "value", *p, "word",
		    word, "selected", (int)form_chosen(&r->form, "event", *p)));
	}
	return list;
}

static int
hooks_page(struct req *r, unsigned status, const char *error, struct err *e)
{
	json_t *m = json_object(), *list = NULL;
	int rc = notify_hook_list(r->db, &list, e);

	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	model_put(m, "rows", list);
	model_put(m, "events", event_options(r));
	model_text(m, "error", error);
	model_text(m, "url", req_form(r, "url"));
	model_text(m, "name", req_form(r, "name"));
	model_bool(m, "may", req_may(r, AREA_API, VERB_WRITE, NULL));
	return req_page_status(r, status, "webhooks", m, e);
}

static int
hooks(struct req *r, struct err *e)
{
	return hooks_page(r, 200, NULL, e);
}

static int
hook_add(struct req *r, struct err *e)
{
	char id[NOTIFY_ID], secret[NOTIFY_SECRET];
	json_t *kinds = json_array(), *m;
	struct err why = {0};
	const char *v;
	int rc;

	(void)snprintf(r->what, sizeof(r->what), "api.hook.add");
	for (size_t i = 0; (v = form_nth(&r->form, "event", i)); i++)
		(void)json_array_append_new(kinds, json_string(v));
	rc = notify_hook_add(r->db, r->c->state, req_form(r, "url"), req_form(r, "name"), kinds,
	    form_chosen(&r->form, "inside", "1"), req_by(r), r->now, id, secret, &why);
	json_decref(kinds);
	if (rc == E_INVAL || rc == E_LIMIT)
		return hooks_page(r, 422, why.msg, e);
	if (rc < 0) {
		if (e)
			*e = why;
		return rc;
	}
	(void)snprintf(r->object, sizeof(r->object), "hook:%s", id);
	m = json_object();
	model_text(m, "secret", secret);
	model_text(m, "title", "hook.title");
	model_text(m, "how", "hook.secret.how");
	model_text(m, "back", "/settings/webhooks");
	explicit_bzero(secret, sizeof(secret));
	return req_page(r, "secret-once", m, e);
}

/* ["alarm.raised", ...] as keys of the strings. */
static json_t *
kind_words(const json_t *kinds)
{
	json_t *list = json_array(), *v;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)kinds, i, v)
		(void)json_array_append_new(list, json_sprintf("hook.%s", json_string_value(v)));
	return list;
}

static int
hook_show(struct req *r, struct err *e)
{
	struct notify_hook h = {0};
	json_t *m;
	int rc = notify_hook_get(r->db, req_id(r, 0), &h, e);

	if (rc < 0)
		return rc;
	m = json_pack("{s:s,s:s,s:s,s:I,s:s,s:I,s:o,s:b}", "id", h.id, "url", h.url, "name", h.name,
	    "off", (json_int_t)h.off, "why", h.why, "good_at", (json_int_t)h.good_at, "kinds",
	    kind_words(h.kinds), "inside", (int)h.inside);
	notify_hook_free(&h);
	put_messages(r, m, "hook", req_id(r, 0));
	model_bool(m, "may", req_may(r, AREA_API, VERB_WRITE, NULL));
	return req_page(r, "webhook", m, e);
}

static int
hook_act(struct req *r, struct err *e)
{
	const char *id = req_id(r, 0), *act = req_id(r, 1);
	int rc = E_NOENT;

	(void)snprintf(r->what, sizeof(r->what), "api.hook.%.20s", act);
	if (strcmp(act, "revoke") == 0)
		rc = notify_hook_revoke(r->db, id, r->now, e);
	else if (strcmp(act, "on") == 0)
		rc = notify_hook_on(r->db, id, e);
	else if (strcmp(act, "test") == 0) {
		rc = notify_hook_test(r->db, id, r->now, e);
		if (rc == 0)
			soon(r);
	} else {
		return err_set(e, E_NOENT, "nothing to do");
	}
	if (rc < 0)
		return rc;
	req_flash(r, "ok.saved");
	return strcmp(act, "revoke") == 0 ? req_go(r, e, "/settings/webhooks")
					  : req_go(r, e, "/settings/webhooks/%s", id);
}

/* -- a letter to a vendor by mail ---------------------------------------------------------------
 */

static void
mail_check(struct guide_form *f, const struct notify_mail *v, const json_t *q)
{
	const char *to = req_form(f->r, "to"), *state = guide_page_text(q, "state");

	if (!v->url[0])
		guide_form_wrong(f, "to", "guide.request.to", "guide.wrong.no_mail");
	else if (!mime_addr_ok(to))
		guide_form_wrong(f, "to", "guide.request.to", "guide.wrong.address");
	else if (strcmp(state, "draft") != 0 && strcmp(state, "sent") != 0)
		guide_form_wrong(f, "to", "guide.request.to", "guide.wrong.over");
}

static int
request_mail(struct req *r, struct err *e)
{
	int64_t id = req_num(req_id(r, 0), 1, INT64_MAX, 0);
	char today[DAY_TEXT];
	struct guide_form f;
	struct err why = {0};
	struct notify_mail v = {0};
	json_t *q = NULL;
	int rc = request_get(r->db, id, &q, e);

	(void)snprintf(r->what, sizeof(r->what), "requests.mail");
	if (rc == 0)
		rc = notify_mail_get(r->db, &v, e);
	if (rc < 0) {
		json_decref(q);
		return rc;
	}
	day_local(r->now, today);
	f = guide_form_begin(r);
	mail_check(&f, &v, q);
	if (!f.status)
		rc = notify_ask(r->db, id, req_form(r, "to"), guide_page_text(q, "subject"),
		    guide_page_text(q, "body"), 0, today, r->now, &why);
	json_decref(q);
	rc = guide_form_done(&f, rc < 0 ? rc : 0, &why, "to", "guide.request.to",
	    guide_request_page, e);
	if (rc <= 0)
		return rc;
	req_note(r, "ok", "to=%s", req_form(r, "to"));
	soon(r);
	req_flash(r, "ok.request.mail");
	return req_go(r, e, "/guide/requests/%s", req_id(r, 0));
}

#define HOOKS "/settings/webhooks"
const struct route notify_rows[] = {
    {M_GET, "/settings/mail", AREA_SETTINGS, VERB_READ, NULL, 0, mail, 0},
    {M_GET, "/settings/mail/edit", AREA_SETTINGS, VERB_WRITE, NULL, F_FRESH, mail_edit, 0},
    {M_POST, "/settings/mail", AREA_SETTINGS, VERB_WRITE, NULL, F_FRESH, mail_save, 0},
    {M_POST, "/settings/mail/test", AREA_SETTINGS, VERB_RUN, NULL, 0, mail_test, 0},
    {M_POST, "/settings/mail/:id/retry", AREA_SETTINGS, VERB_RUN, NULL, 0, mail_again, 0},
    {M_GET, HOOKS, AREA_API, VERB_READ, NULL, 0, hooks, 0},
    {M_POST, HOOKS, AREA_API, VERB_WRITE, NULL, F_FRESH, hook_add, 0},
    {M_GET, HOOKS "/:id", AREA_API, VERB_READ, "hook:$0", 0, hook_show, 0},
    {M_POST, HOOKS "/:id/:act", AREA_API, VERB_WRITE, "hook:$0", 0, hook_act, 0},
    {M_POST, "/guide/requests/:id/mail", AREA_REQUESTS, VERB_WRITE, NULL, 0, request_mail, 0},
    {0},
};
