#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/digest.h"
#include "crypt/secret.h"
#include "mamorid/http/console.h"

/* --- where it comes from -------------------------------------------------------------------- */

bool
gate_host(const char *host, const char *name)
{
	char text[128];
	struct in6_addr six;
	struct in_addr four;
	size_t n, k = strlen(name);

	if (!host || strlen(host) >= sizeof(text))
		return false;
	(void)snprintf(text, sizeof(text), "%s", host);
	if (text[0] == '[') {
		n = strcspn(text, "]");
		if (!text[n] || (text[n + 1] && text[n + 1] != ':'))
			return false;
		text[n] = 0;
		return inet_pton(AF_INET6, text + 1, &six) == 1;
	}
	n = strcspn(text, ":");
	if (text[n] && (!text[n + 1] || strspn(text + n + 1, "0123456789") != strlen(text + n + 1)))
		return false;
	text[n] = 0;
	if (inet_pton(AF_INET, text, &four) == 1 || strcasecmp(text, "localhost") == 0)
		return true;
	return k > 0 && strncasecmp(text, name, k) == 0 &&
	    (text[k] == 0 || strcasecmp(text + k, ".local") == 0 || strcmp(text + k, ".") == 0);
}

bool
gate_origin(const char *host, const char *origin, const char *fetch_site)
{
	if (fetch_site && strcmp(fetch_site, "same-origin") != 0 && strcmp(fetch_site, "none") != 0)
		return false;
	if (!origin)
		return true; /* old browsers; the form's token is asked for in any case */
	return strncmp(origin, "https://", 8) == 0 && strcasecmp(origin + 8, host) == 0;
}

/* bucket(at, now, room, each): The usual token bucket, kept as one time. */
static bool
bucket(int64_t *at, int64_t now, int64_t room, int64_t each)
{
	if (*at < now - room * each)
		*at = now - room * each;
	if (*at + each > now)
		return false;
	*at += each;
	return true;
}

bool
gate_rate(struct console *c, const char *source, bool few, int64_t now)
{
	struct gate_source *s = NULL, *oldest = &c->sources[0];

	for (size_t i = 0; i < GATE_SOURCES && !s; i++) {
		if (strcmp(c->sources[i].source, source) == 0)
			s = &c->sources[i];
		else if (c->sources[i].used < oldest->used)
			oldest = &c->sources[i];
	}
	if (!s) {
		s = oldest;
		*s = (struct gate_source){.all = INT64_MIN / 2, .few = INT64_MIN / 2};
		(void)snprintf(s->source, sizeof(s->source), "%s", source);
	}
	s->used = now;
	return few ? bucket(&s->few, now, 20, 2 * TIME_SEC) : bucket(&s->all, now, 400, 5000);
}

/* --- forms ---------------------------------------------------------------------------------- */

void
gate_csrf(const struct req *r, char out[GATE_CSRF])
{
	static const char label[] = "mamori console form";
	uint8_t mac[DIGEST_LEN] = {0};
	struct hmac *h = NULL;

	if (r->signed_in) {
		hex_put(out, r->s.csrf, sizeof(r->s.csrf));
		return;
	}
	if (r->pre[0] && hmac_new((const uint8_t *)r->pre, strlen(r->pre), &h, NULL) == 0)
		hmac_of(h, label, sizeof(label), mac);
	else
		random_fill(mac, sizeof(mac)); /* fits nothing */
	hmac_free(h);
	hex_put(out, mac, sizeof(mac));
}

bool
gate_form(const struct req *r)
{
	const char *got = req_form(r, "csrf");
	char want[GATE_CSRF];

	gate_csrf(r, want);
	return strlen(got) == GATE_CSRF - 1 && secret_eq(got, want, GATE_CSRF - 1);
}

/* --- who it is ------------------------------------------------------------------------------ */

void
gate_session(struct req *r)
{
	struct err e = {0};

	if (!r->token[0] || !r->c->ops.session)
		return;
	r->signed_in = r->c->ops.session(r->c->id, r->now, r->token, &r->s, &e) == 0;
}

void
gate_token(struct req *r)
{
	struct err e = {0};

	/* forms are not asked for their token here, so a cookie must be worth nothing */
	r->signed_in = false;
	r->by_token = r->bearer[0] && r->c->id &&
	    apitoken_get(r->c->id, r->now, r->bearer, &r->tok, &e) == 0;
}

/* token_may(r): Its scopes and its account's rights. A row for measurements has "measure" as its
 * object; which checks a token may report is looked at by the page. */
static bool
token_may(const struct req *r)
{
	const struct route *row = r->route;

	if (strcmp(r->object, "measure") == 0)
		return r->tok.measure[0] && r->now < r->tok.ends &&
		    identity_may(&r->tok.owner, AREA_GUIDE, VERB_WRITE, NULL, r->now);
	return apitoken_may(&r->tok, row->area, row->verb, r->object[0] ? r->object : NULL, r->now);
}

enum { GATE_READ = 2 }; /* the form is read first; it gets no further than req_run */

static int
to_sign_in(struct req *r, struct err *e)
{
	AUTO(buf_free) struct buf b = {0};
	const char *to;

	if (r->route->flags & F_API) {
		req_header(r, "WWW-Authenticate", "Bearer");
		return req_error(r, 401, e);
	}
	if (r->method == M_POST && !(r->route->flags & F_UPLOAD) && r->c->id && r->token[0] &&
	    identity_session_lapsed(r->c->id, r->now, r->token, r->lapsed, r->lapsed_csrf,
		NULL) == 0)
		return GATE_READ;
	if (r->method != M_GET)
		return req_error(r, 401, e);
	buf_init(&b, 8192);
	if (buf_str(&b, r->path, e) < 0 || (r->query_text[0] && buf_fmt(&b, e, "?%s",
	        r->query_text) < 0))
		return E_NOMEM;
	to = buf_cstr(&b, e);
	if (!to || !form_local(to) || strcmp(to, "/") == 0)
		return req_go(r, e, "/signin");
	{
		AUTO(buf_free) struct buf q = {0};

		buf_init(&q, 8192);
		if (tmpl_escape(CTX_URLPART, to, &q, e) < 0 || !buf_cstr(&q, e))
			return E_NOMEM;
		return req_go(r, e, "/signin?to=%s", (const char *)q.p);
	}
}

/* next_step(r, e): A session that is under way goes on there. */
static int
next_step(struct req *r, struct err *e)
{
	if (r->method != M_GET)
		return req_error(r, 403, e);
	if (r->s.stage == STAGE_SECOND)
		return req_go(r, e, "/signin/second");
	return req_go(r, e, "/me");
}

int
gate_route(struct req *r, struct err *e)
{
	const struct route *row = r->route;
	enum identity_answer may;
	int rc;

	if (!r->c->ready && !(row->flags & F_SETUP)) {
		/* the words say that, and where the address stands */
		rc = req_page_status(r, 403, "error", json_pack("{s:i, s:s}", "status", 403, "word",
		    "error.setup"), e);
		return rc < 0 ? rc : GATE_ANSWERED;
	}
	if (row->flags & F_PUBLIC)
		return GATE_PASS;
	if (r->by_token && !gate_rate(r->c, r->tok.id, false, loop_mono(r->c->l))) {
		req_header(r, "Retry-After", "1");
		rc = req_error(r, 429, e);
	} else if (r->by_token && token_may(r))
		return GATE_PASS;
	else if (r->by_token) {
		req_note(r, "denied", "%s", "");
		rc = req_error(r, 403, e);
	} else if (!r->signed_in)
		rc = to_sign_in(r, e);
	else if (row->flags & F_STAGE)
		return GATE_PASS;
	else if (r->s.stage == STAGE_SECOND ||
	    (r->s.stage == STAGE_ENROL && row->area != AREA_SELF))
		rc = next_step(r, e);
	else {
		may = r->c->ops.may(&r->s, row->area, row->verb, r->object[0] ? r->object : NULL,
		    r->now);
		if (may == MAY_YES && (row->flags & F_FRESH) &&
		    r->now - r->s.fresh_at > IDENTITY_FRESH)
			may = MAY_IF_FRESH;
		if (may == MAY_YES)
			return GATE_PASS;
		req_note(r, "denied", "%s", "");
		if (may == MAY_IF_FRESH && r->method == M_POST &&
		    !(row->flags & (F_UPLOAD | F_API))) {
			r->step_up = true;
			return GATE_PASS;
		}
		rc = may == MAY_IF_FRESH ? req_step_up(r, e) : req_error(r, 403, e);
	}
	return rc < 0 ? rc : rc == GATE_READ ? GATE_PASS : GATE_ANSWERED;
}

/* --- what is remembered --------------------------------------------------------------------- */

void
gate_log(struct req *r)
{
	static const char *const names[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	const struct route *row = r->route;
	const char *method = "?";
	char what[ACCESSLOG_WHAT], detail[ACCESSLOG_DETAIL];
	/* whoever comes from outside to look: every look, with its address */
	bool eyes = r->signed_in && r->s.account.role == ROLE_INSPECTOR;

	if (!row ||
	    (!(row->flags & F_LOG) && r->method == M_GET && r->res.status != 403 && !eyes))
		return;
	if (eyes && !r->detail[0] && !(row->flags & F_PUBLIC)) /* those hold secrets */
		(void)snprintf(r->detail, sizeof(r->detail), "%.250s", r->path);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (r->method == 1u << i)
			method = names[i];
	if (r->what[0])
		(void)snprintf(what, sizeof(what), "%s", r->what);
	else
		(void)snprintf(what, sizeof(what), "%s.%s", identity_area_name(row->area),
		    identity_verb_name(row->verb));
	(void)snprintf(detail, sizeof(detail), "%s %s%s%s", method, row->path,
	    r->detail[0] ? " " : "", r->detail);
	req_log(r, what, r->object, r->result[0] ? r->result
	    : r->res.status < 400 ? "ok" : r->res.status < 500 ? "denied" : "failed", detail);
}
