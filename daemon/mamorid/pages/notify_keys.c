/* 設定と記録: tokens of programs that use the API, and the secret addresses of calendars. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/pages.h"
#include "notify/notify.h"
#include "text/day.h"
#include "text/ical.h"

enum { CALENDAR = 2 << 20 };

/* -- tokens ------------------------------------------------------------------------------------ */

/* What the form offers; the command line knows every scope. */
static const struct {
	const char *scope, *word;
} scopes[] = {
	{"today:read", "token.today"}, {"guide:read", "token.guide.read"},
	{"guide:write", "token.guide.write"}, {"register:read", "token.register.read"},
	{"register:write", "token.register.write"}, {"people:read", "token.people.read"},
	{"requests:read", "token.requests.read"}, {"vault:read", "token.vault.read"},
	{"vault:run", "token.vault.run"},
};

static int
tokens_page(struct req *r, unsigned status, const char *error, struct err *e)
{
	json_t *m = json_object(), *list = NULL, *offer = json_array();
	int rc = apitoken_list(r->c->id, r->now, &list, e);

	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		(void)json_array_append_new(offer, json_pack("{s:s,s:s,s:s,s:b}", "value",
		    scopes[i].scope, "word", scopes[i].word, "hint", scopes[i].scope, "selected",
		    (int)form_chosen(&r->form, "scope", scopes[i].scope)));
	model_put(m, "scopes", offer);
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	model_put(m, "rows", list);
	model_text(m, "error", error);
	model_text(m, "name", req_form(r, "name"));
	model_text(m, "measure", req_form(r, "measure"));
	model_text(m, "days", *req_form(r, "days") ? req_form(r, "days") : "365");
	model_bool(m, "may", req_may(r, AREA_API, VERB_WRITE, NULL));
	return req_page_status(r, status, "tokens", m, e);
}

static int
tokens(struct req *r, struct err *e)
{
	return tokens_page(r, 200, NULL, e);
}

static int
token_add(struct req *r, struct err *e)
{
	int64_t days = req_num(req_form(r, "days"), 1, 400, 0);
	const char *measure = req_form(r, "measure"), *v;
	json_t *list = json_array(), *m;
	char text[APITOKEN_LEN];
	struct err why = {0};
	int rc;

	(void)snprintf(r->what, sizeof(r->what), "api.token.add");
	for (size_t i = 0; (v = form_nth(&r->form, "scope", i)); i++)
		(void)json_array_append_new(list, json_string(v));
	if (*measure)
		(void)json_array_append_new(list, json_sprintf("measure:%s", measure));
	rc = apitoken_new(r->c->id, r->now, req_by(r), req_form(r, "name"), list,
	    days ? r->now + days * TIME_DAY : 0, text, &why);
	json_decref(list);
	if (rc == E_INVAL || rc == E_LIMIT)
		return tokens_page(r, 422, why.msg, e);
	if (rc < 0) {
		if (e)
			*e = why;
		return rc;
	}
	m = json_object();
	model_text(m, "secret", text);
	model_text(m, "title", "token.title");
	model_text(m, "how", "token.how");
	model_text(m, "back", "/settings/tokens");
	explicit_bzero(text, sizeof(text));
	return req_page(r, "secret-once", m, e);
}

static int
token_revoke(struct req *r, struct err *e)
{
	int rc = apitoken_revoke(r->c->id, r->now, req_id(r, 0), e);

	(void)snprintf(r->what, sizeof(r->what), "api.token.revoke");
	if (rc < 0)
		return rc;
	req_flash(r, "ok.gone");
	return req_go(r, e, "/settings/tokens");
}

/* -- calendars --------------------------------------------------------------------------------- */

static int
calendar(struct req *r, struct err *e)
{
	json_t *m = json_object();
	int64_t since = 0;
	int rc = db_i64(r->db, "SELECT created FROM feeds WHERE account = $1 AND revoked = 0",
	    &since, "s", e, req_by(r));

	if (rc < 0 && rc != E_NOENT) {
		json_decref(m);
		return rc;
	}
	model_int(m, "since", since);
	return req_page(r, "calendar", m, e);
}

static int
calendar_new(struct req *r, struct err *e)
{
	char secret[IDENTITY_TOKEN];
	json_t *m;
	int rc;

	(void)snprintf(r->what, sizeof(r->what), "self.calendar");
	rc = apitoken_feed_new(r->c->id, r->now, req_by(r), secret, e);
	if (rc < 0)
		return rc;
	m = json_object();
	model_put(m, "secret", json_sprintf("https://%s/calendar/%s", r->host, secret));
	model_text(m, "title", "calendar.title");
	model_text(m, "how", "calendar.how");
	model_text(m, "back", "/me/calendar");
	explicit_bzero(secret, sizeof(secret));
	return req_page(r, "secret-once", m, e);
}

static int
calendar_revoke(struct req *r, struct err *e)
{
	int rc = apitoken_feed_revoke(r->c->id, r->now, req_by(r), e);

	(void)snprintf(r->what, sizeof(r->what), "self.calendar.revoke");
	if (rc < 0)
		return rc;
	req_flash(r, "ok.gone");
	return req_go(r, e, "/me/calendar");
}

static bool
may_see(const struct identity_account *a, const json_t *v, int64_t now)
{
	static const struct {
		const char *name;
		enum identity_area area;
	} areas[] = {{"register", AREA_REGISTER}, {"people", AREA_PEOPLE}, {"guide", AREA_GUIDE},
	    {"requests", AREA_REQUESTS}};
	const char *area = json_string_value(json_object_get(v, "area"));

	for (size_t i = 0; i < ARRAY_LEN(areas); i++)
		if (strcmp(areas[i].name, area) == 0)
			return identity_may(a, areas[i].area, VERB_READ, NULL, now);
	return false;
}

static int
put_dates(struct req *r, const struct identity_account *a, struct buf *b, struct err *e)
{
	char today[DAY_TEXT], from[DAY_TEXT], to[DAY_TEXT], uid[400], url[700];
	json_t *list = NULL, *v;
	size_t i;
	int rc;

	day_local(r->now, today);
	day_add(today, -3, 0, from);
	day_add(today, 24, 0, to);
	rc = notify_dates(r->db, from, to, a->ja, &list, e);
	if (rc == 0)
		rc = ical_begin(b, a->ja ? "守り: 期日" : "Mamori: due dates", e);
	json_array_foreach(list, i, v) {
		struct ical_item it = {.uid = uid, .url = url, .detail = "",
		    .day = json_string_value(json_object_get(v, "day")),
		    .summary = json_string_value(json_object_get(v, "title")),
		    .stamp = json_integer_value(json_object_get(v, "at"))};

		if (rc < 0 || !may_see(a, v, r->now))
			continue;
		(void)snprintf(uid, sizeof(uid), "%.200s@%.120s",
		    json_string_value(json_object_get(v, "uid")), r->c->host);
		(void)snprintf(url, sizeof(url), "https://%s%.300s", r->host,
		    json_string_value(json_object_get(v, "path")));
		rc = ical_item(b, &it, e);
	}
	json_decref(list);
	return rc == 0 ? ical_end(b, e) : rc;
}

/* The address itself is the right; a wrong one is answered as one that never was. */
static int
feed(struct req *r, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	struct identity_account a;
	int rc = apitoken_feed_get(r->c->id, r->now, req_id(r, 0), &a, e);

	if (rc == E_AUTH)
		return req_error(r, 404, e);
	if (rc < 0)
		return rc;
	buf_init(&b, CALENDAR);
	rc = put_dates(r, &a, &b, e);
	return rc < 0 ? rc
		      : req_bytes(r, "text/calendar; charset=utf-8", "mamori.ics", b.p, b.len, e);
}

const struct route notify_keys_rows[] = {
    {M_GET, "/settings/tokens", AREA_API, VERB_READ, NULL, F_LOG, tokens, 0},
    {M_POST, "/settings/tokens", AREA_API, VERB_WRITE, NULL, F_FRESH, token_add, 0},
    {M_POST, "/settings/tokens/:id/revoke", AREA_API, VERB_WRITE, "token:$0", 0, token_revoke, 0},
    {M_GET, "/me/calendar", AREA_SELF, VERB_READ, NULL, 0, calendar, 0},
    {M_POST, "/me/calendar", AREA_SELF, VERB_WRITE, NULL, F_FRESH, calendar_new, 0},
    {M_POST, "/me/calendar/revoke", AREA_SELF, VERB_WRITE, NULL, 0, calendar_revoke, 0},
    {M_GET, "/calendar/:secret", AREA_SELF, VERB_READ, NULL, F_PUBLIC | F_RATE | F_FEED, feed, 0},
    {0},
};
