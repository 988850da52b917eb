/* The life of a request between its last byte and its answer. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/utf8.h"
#include "mamorid/http/console.h"

void
req_init(struct req *r, struct console *c)
{
	*r = (struct req){.c = c, .db = c->db};
	form_init(&r->query);
	form_init(&r->form);
	vec_init(&r->uploads, sizeof(struct upload), REQ_FILES);
	buf_init(&r->res.body, REQ_PAGE);
	r->res.fd = -1;
}

static void
res_clear(struct res *s)
{
	buf_clear(&s->body);
	if (s->fd >= 0)
		fio_close(fio_os(), s->fd);
	for (size_t i = 0; i < s->nhead; i++)
		free(s->head[i].value);
	*s = (struct res){.body = s->body, .fd = -1};
}

void
req_free(struct req *r)
{
	spool_drop(r);
	form_free(&r->query);
	form_free(&r->form);
	vec_free(&r->uploads);
	res_clear(&r->res);
	buf_free(&r->res.body);
	json_decref(r->json);
	json_decref(r->model);
	explicit_bzero(r->token, sizeof(r->token));
}

/* --- reading -------------------------------------------------------------------------------- */

const char *
req_get(const struct req *r, const char *name)
{
	return form_get(&r->query, name);
}

const char *
req_form(const struct req *r, const char *name)
{
	return form_get(&r->form, name);
}

const char *
req_form_or(const struct req *r, const char *name, const char *otherwise)
{
	return form_has(&r->form, name) ? req_form(r, name) : otherwise;
}

const char *
req_id(const struct req *r, size_t i)
{
	return i < r->id.n ? r->id.v[i] : "";
}

int64_t
req_num(const char *s, int64_t lo, int64_t hi, int64_t otherwise)
{
	uint64_t v;

	if (num_parse_u64(s, INT64_MAX, &v, NULL) < 0 || (int64_t)v < lo || (int64_t)v > hi)
		return otherwise;
	return (int64_t)v;
}

struct upload *
req_upload(struct req *r, const char *field)
{
	for (size_t i = 0; i < r->uploads.len; i++) {
		struct upload *u = VEC_AT(&r->uploads, struct upload, i);

		if (strcmp(u->field, field) == 0 && u->size > 0)
			return u;
	}
	return NULL;
}

bool
req_may(const struct req *r, enum identity_area area, enum identity_verb verb, const char *object)
{
	return r->signed_in && r->c->ops.may(&r->s, area, verb, object, r->now) != MAY_NO;
}

struct identity_from
req_from(const struct req *r)
{
	return (struct identity_from){.source = r->source,
	    .device = r->device[0] ? r->device : NULL,
	    .agent = r->agent[0] ? r->agent : NULL};
}

bool
req_named(const struct req *r)
{
	size_t n = r->c->rp ? strlen(r->c->rp) : 0;

	return n > 0 && strncasecmp(r->host, r->c->rp, n) == 0 &&
	    (r->host[n] == 0 || r->host[n] == ':');
}

const char *
req_by(const struct req *r)
{
	return r->by_token ? r->tok.owner.id : r->signed_in ? r->s.account.id : "";
}

/* --- headers -------------------------------------------------------------------------------- */

void
req_header(struct req *r, const char *name, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text) || r->res.nhead == REQ_HEADERS)
		return;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return;
	r->res.head[r->res.nhead].name = name;
	r->res.head[r->res.nhead].value = strdup(text);
	if (r->res.head[r->res.nhead].value)
		r->res.nhead++;
}

#define COOKIE "Path=/; Secure; HttpOnly; SameSite=Strict"

void
req_login(struct req *r, const struct identity_pass *pass)
{
	int64_t left = (pass->ends - r->now) / TIME_SEC;

	req_header(r, "Set-Cookie", "__Host-mamori=%s; Max-Age=%lld; " COOKIE, pass->token,
	    (long long)(left < 1 ? 1 : left));
	req_header(r, "Set-Cookie", "__Host-mamori-pre=; Max-Age=0; " COOKIE);
	(void)snprintf(r->token, sizeof(r->token), "%s", pass->token);
	r->signed_in = false;
	gate_session(r);
}

void
req_logout(struct req *r)
{
	req_header(r, "Set-Cookie", "__Host-mamori=; Max-Age=0; " COOKIE);
	req_header(r, "Clear-Site-Data", "\"cache\"");
}

void
req_device(struct req *r, const char *token)
{
	req_header(r, "Set-Cookie", "__Host-mamori-device=%s; Max-Age=%lld; " COOKIE, token,
	    (long long)(IDENTITY_SPAN_DEVICE / TIME_SEC));
}

void
req_flash(struct req *r, const char *key)
{
	req_flash_arg(r, key, "");
}

void
req_flash_arg(struct req *r, const char *key, const char *it)
{
	AUTO(buf_free) struct buf b = {0};

	buf_init(&b, 1024);
	/* one cookie carries it over the redirection */
	if (buf_fmt(&b, NULL, "%s~", key) == 0 && tmpl_escape(CTX_URLPART, it, &b, NULL) == 0 &&
	    b.len < 400 && buf_cstr(&b, NULL))
		req_header(r, "Set-Cookie", "__Host-mamori-say=%s; Max-Age=60; " COOKIE,
		    (const char *)b.p);
}

void
req_refresh(struct req *r, unsigned seconds)
{
	r->refresh = seconds;
}

/* --- answers -------------------------------------------------------------------------------- */

static void
body_type(struct req *r, const char *type)
{
	(void)snprintf(r->res.type, sizeof(r->res.type), "%s", type);
}

int
req_go(struct req *r, struct err *e, const char *fmt, ...)
{
	char to[1800];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to, sizeof(to), fmt, ap);
	va_end(ap);
	/* an address that is not ours is never gone to, wherever it came from */
	if (n < 0 || (size_t)n >= sizeof(to) || !form_local(to))
		(void)snprintf(to, sizeof(to), "/");
	r->res.status = 303;
	body_type(r, "text/plain; charset=utf-8");
	req_header(r, "Location", "%s", to);
	return buf_fmt(&r->res.body, e, "→ %s\n", to);
}

void
req_form_page(const struct req *r, char out[FORM_PATH])
{
	struct params p;
	unsigned allow;
	char *slash;

	(void)snprintf(out, FORM_PATH, "%s", form_local(r->referer) ? r->referer : "/");
	while (r->c->nroutes && out[1]) {
		char bare[FORM_PATH];

		(void)snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(out, "?"), out);
		if (route_find(r->c->routes, r->c->nroutes, M_GET, bare, &p, &allow))
			return;
		slash = strrchr(bare, '/');
		bare[slash == bare ? 1 : slash - bare] = 0;
		(void)snprintf(out, FORM_PATH, "%s", bare);
	}
}

int
req_step_up(struct req *r, struct err *e)
{
	AUTO(buf_free) struct buf b = {0};
	bool get = r->method == M_GET;
	char page[FORM_PATH];
	const char *back = r->path;

	if (!get) {
		req_form_page(r, page);
		back = page;
		held_put(r, r->signed_in ? r->s.account.id : "", page);
	}
	buf_init(&b, 8192);
	if (tmpl_escape(CTX_URLPART, back, &b, e) < 0 ||
	    (get && r->query_text[0] && (buf_str(&b, "%3F", e) < 0 ||
	        tmpl_escape(CTX_URLPART, r->query_text, &b, e) < 0)) || !buf_cstr(&b, e))
		return E_NOMEM;
	if (!get) /* the page shows what was typed, where it can */
		req_flash(r, "again.repeat");
	return req_go(r, e, "/signin/again?to=%s", (const char *)b.p);
}

int
req_json(struct req *r, unsigned status, json_t *o, struct err *e)
{
	char *s = o ? json_dumps(o, JSON_COMPACT) : NULL;
	int rc;

	json_decref(o);
	if (!s)
		return err_set(e, E_NOMEM, "no memory for an answer");
	buf_clear(&r->res.body);
	rc = buf_str(&r->res.body, s, e);
	free(s);
	r->res.status = status;
	body_type(r, status >= 400 ? "application/problem+json" : "application/json");
	return rc;
}

/* name_header(r, name, show): RFC 6266: the name as UTF-8, and a plain one for old programs. */
static void
name_header(struct req *r, const char *name, bool show)
{
	AUTO(buf_free) struct buf b = {0};
	const char *dot = strrchr(name, '.');
	bool plain = dot && strlen(dot) < 8 &&
	    strspn(dot + 1, "abcdefghijklmnopqrstuvwxyz0123456789") == strlen(dot + 1);

	buf_init(&b, 2048);
	if (tmpl_escape(CTX_URLPART, name, &b, NULL) == 0 && b.len && buf_cstr(&b, NULL))
		req_header(r, "Content-Disposition",
		    "%s; filename=\"mamori%s\"; filename*=UTF-8''%s",
		    show ? "inline" : "attachment", plain ? dot : "", (const char *)b.p);
}

int
req_bytes(struct req *r, const char *type, const char *name, const void *p, size_t n,
    struct err *e)
{
	buf_clear(&r->res.body);
	r->res.status = 200;
	body_type(r, type);
	if (name)
		name_header(r, name, false);
	return buf_put(&r->res.body, p, n, e);
}

int
req_file(struct req *r, const char *type, const char *name, const char *path, bool show,
    struct err *e)
{
	int rc = file_open(r->c->state, path, &r->res.fd, &r->res.fd_size, e);

	if (rc < 0)
		return rc;
	r->res.status = 200;
	r->res.sandbox = true;
	body_type(r, type);
	name_header(r, name, show);
	return 0;
}

/* --- the course ----------------------------------------------------------------------------- */

/* detail(r, s): For the log and the page about an error. A message that was cut may end in half a
 * character; it must not cost the answer. */
static void
detail(struct req *r, const char *s)
{
	struct buf b;

	if (utf8_ok(s, strlen(s))) {
		(void)snprintf(r->detail, sizeof(r->detail), "%.*s",
		    utf8_cut(s, sizeof(r->detail) - 1), s);
		return;
	}
	buf_init(&b, 4096);
	if (utf8_show(&b, s, strlen(s), NULL) == 0 && buf_u8(&b, 0, NULL) == 0)
		(void)snprintf(r->detail, sizeof(r->detail), "%.*s",
		    utf8_cut((const char *)b.p, sizeof(r->detail) - 1), (const char *)b.p);
	buf_free(&b);
}

void
req_note(struct req *r, const char *result, const char *fmt, ...)
{
	char text[sizeof(r->detail)];
	va_list ap;

	(void)snprintf(r->result, sizeof(r->result), "%s", result);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	detail(r, text);
}

void
req_log(struct req *r, const char *what, const char *object, const char *result,
    const char *detail)
{
	struct access_entry x = {0};
	struct err e = {0};

	if (!r->c->ops.log)
		return;
	(void)snprintf(x.account, sizeof(x.account), "%s", req_by(r));
	(void)snprintf(x.name, sizeof(x.name), "%s",
	    r->by_token ? r->tok.name : r->signed_in ? r->s.account.name : "");
	(void)snprintf(x.session, sizeof(x.session), "%s",
	    r->by_token ? r->tok.id : r->signed_in ? r->s.id : "");
	(void)snprintf(x.source, sizeof(x.source), "%s", r->source);
	(void)snprintf(x.what, sizeof(x.what), "%s", what);
	(void)snprintf(x.object, sizeof(x.object), "%s", object);
	(void)snprintf(x.result, sizeof(x.result), "%s", result);
	(void)snprintf(x.detail, sizeof(x.detail), "%s", detail);
	r->c->log_failed = r->c->ops.log(r->c->log, &x, r->now, &e) < 0;
}

void
req_fail(struct req *r, const struct err *e)
{
	unsigned status = e->code == E_NOENT ? 404 : e->code == E_AUTH ? 403
	    : e->code == E_INVAL || e->code == E_PROTO ? 422
	    : e->code == E_EXIST || e->code == E_BUSY ? 409
	    : e->code == E_LIMIT ? 413 : e->code == E_NOSPC ? 507 : 503;

	detail(r, e->msg);
	res_clear(&r->res);
	if (req_error(r, status, NULL) < 0) {
		res_clear(&r->res);
		r->res.status = 503;
		body_type(r, "text/plain; charset=utf-8");
	}
}

int
req_work(struct req *r, req_work_fn *work, req_done_fn *done, void *cookie, struct err *e)
{
	int rc = work_put(r->c->work, work, cookie, r, e);

	if (rc < 0)
		return rc;
	r->later.work = work;
	r->later.done = done;
	r->later.cookie = cookie;
	return 0;
}

void
req_run(struct req *r)
{
	struct err e = {0};
	req_done_fn *done = r->later.done;
	int rc = 0;

	if (done) {
		void *cookie = r->later.cookie;

		memset(&r->later, 0, sizeof(r->later));
		rc = done(r, cookie, &e);
	} else {
		if (r->lapsed[0]) {
			rc = held_lapsed(r, &e);
		} else if (r->method != M_GET && !(r->route->flags & F_API) && !gate_form(r)) {
			req_note(r, "denied", "the form's token does not fit");
			rc = req_error(r, r->signed_in ? 403 : 401, &e);
		} else if (r->step_up) {
			rc = req_step_up(r, &e);
		} else {
			if (r->method == M_GET)
				held_take(r);
			rc = r->route->fn(r, &e);
		}
	}
	if (rc == 0 && r->later.done)
		return; /* answered later */
	if (rc == 0 && r->res.status == 0)
		rc = err_set(&e, E_INVAL, "the page %s did not answer", r->path);
	if (rc < 0)
		req_fail(r, &e);
	gate_log(r);
}
