/* HTTPS by libmicrohttpd, inside mamorid's loop. What a request needs before a page sees it: read,
 * bounded, checked. What its answer needs: headers. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "mamorid/http/console.h"
#include "mamorid/web.h"

struct slot {
	struct MHD_Connection *conn;
	int fd;
	int64_t since; /* of the request that is awaited or read */
	int64_t more;  /* time that its answer may take beyond the usual */
};

/* One request. MHD keeps the pointer for us from its head to its end. */
struct call {
	struct web *w;
	struct MHD_Connection *conn;
	struct req r;
	char *uri;            /* as sent, with its query */
	struct buf body;      /* of a form without files, or JSON */
	struct spool *spool;  /* of one with files */
	bool begun, json, bad, suspended, done;
	struct err e;         /* of a bad body */
	uint64_t progress;
};

struct web {
	struct loop *l;
	struct MHD_Daemon *d;
	struct loop_src *fd_src, *timer, *reaper;
	struct console *c;
	struct slot slots[WEB_MAX_CONNS + 8];
	unsigned open; /* calls */
};

/* --- answers -------------------------------------------------------------------------------- */

static const char *const headers[][2] = {
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), geolocation=(), microphone=(), usb=(), payment=()"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Strict-Transport-Security", "max-age=31536000"},
	{"Vary", "Accept-Language, Cookie"},
};
static const char csp[] = "default-src 'none'; style-src 'self'; img-src 'self'; "
    "script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/* somebody else's file: nothing in it runs, and it has no origin */
static const char csp_file[] = "sandbox; default-src 'none'; img-src 'self'; style-src "
    "'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

static enum MHD_Result
send_response(struct MHD_Connection *c, unsigned status, struct MHD_Response *m, const char *type,
    const char *cache, const char *policy)
{
	enum MHD_Result ok = MHD_YES;

	for (size_t i = 0; i < ARRAY_LEN(headers) && ok == MHD_YES; i++)
		ok = MHD_add_response_header(m, headers[i][0], headers[i][1]);
	if (ok == MHD_YES)
		ok = MHD_add_response_header(m, "Content-Security-Policy", policy);
	if (ok == MHD_YES && type[0])
		ok = MHD_add_response_header(m, "Content-Type", type);
	if (ok == MHD_YES)
		ok = MHD_add_response_header(m, "Cache-Control", cache);
	if (ok == MHD_YES)
		ok = MHD_queue_response(c, status, m);
	MHD_destroy_response(m);
	return ok;
}

static struct MHD_Response *
from_bytes(const void *p, size_t n, enum MHD_ResponseMemoryMode mode)
{
	union {
		const void *c;
		void *v;
	} u = {.c = n ? p : ""}; /* neither mode that we use writes to it */

	return MHD_create_response_from_buffer(n, u.v, mode);
}

static struct slot *
slot_of(struct web *w, const struct MHD_Connection *c)
{
	for (size_t i = 0; i < ARRAY_LEN(w->slots); i++)
		if (w->slots[i].conn == c)
			return &w->slots[i];
	return NULL;
}

static enum MHD_Result
answer(struct call *k)
{
	struct res *s = &k->r.res;
	struct slot *slot = slot_of(k->w, k->conn);
	struct MHD_Response *m;

	if (s->fd >= 0) {
		m = MHD_create_response_from_fd64(s->fd_size, s->fd);
		if (m)
			s->fd = -1; /* the library closes it */
		if (slot) /* at least 64 kB a second */
			slot->more = (int64_t)(s->fd_size / 65536) * TIME_SEC;
	} else {
		m = from_bytes(s->body.p, s->body.len, MHD_RESPMEM_MUST_COPY);
	}
	if (!m)
		return MHD_NO;
	for (size_t i = 0; i < s->nhead; i++)
		(void)MHD_add_response_header(m, s->head[i].name, s->head[i].value);
	k->done = true;
	return send_response(k->conn, s->status, m, s->type, s->cache ? s->cache : "no-store",
	    s->sandbox ? csp_file : csp);
}

static enum MHD_Result
refuse(struct call *k, unsigned status)
{
	struct req *r = &k->r;

	if (req_error(r, status, NULL) < 0) {
		buf_clear(&r->res.body);
		r->res.status = status;
	}
	return answer(k);
}

/* --- what needs nobody ------------------------------------------------------------------------ */

static const char *
asset_type(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strcmp(dot, ".svg") == 0 ? "image/svg+xml"
	    : dot && strcmp(dot, ".js") == 0   ? "text/javascript; charset=utf-8"
	    : dot && strcmp(dot, ".css") == 0  ? "text/css; charset=utf-8"
					       : "application/octet-stream";
}

/* fixed(k, method): Static files and the sign of life. MHD_NO: it is none of these. */
static enum MHD_Result
fixed(struct call *k, const char *method)
{
	const char *path = k->r.path;
	size_t n;
	const struct asset *a = web_assets(&n);

	if (k->r.method != M_GET || strcmp(method, "OPTIONS") == 0)
		return MHD_NO;
	k->done = true;
	if (strcmp(path, "/healthz") == 0)
		return send_response(k->conn, 200, from_bytes("ok\n", 3, MHD_RESPMEM_PERSISTENT),
		    "text/plain; charset=utf-8", "no-store", csp);
	if (strncmp(path, "/static/", 8) == 0)
		for (size_t i = 0; i < n; i++)
			if (strcmp(a[i].name, path + 8) == 0)
				return send_response(k->conn, 200,
				    from_bytes(a[i].p, a[i].len, MHD_RESPMEM_PERSISTENT),
				    asset_type(a[i].name), "max-age=600", csp);
	k->done = false;
	return MHD_NO;
}

/* --- reading the head ---------------------------------------------------------------------------
 */

static const char *
header(const struct call *k, const char *name)
{
	return MHD_lookup_connection_value(k->conn, MHD_HEADER_KIND, name);
}

struct heads {
	unsigned host, length, coding, cookie;
	bool odd;
};

static enum MHD_Result
on_head(void *cls, enum MHD_ValueKind kind, const char *key, size_t nkey, const char *value,
    size_t nvalue)
{
	struct heads *h = cls;

	(void)kind;
	h->host += strcasecmp(key, "Host") == 0;
	h->length += strcasecmp(key, "Content-Length") == 0;
	h->coding += strcasecmp(key, "Transfer-Encoding") == 0;
	h->cookie += strcasecmp(key, "Cookie") == 0;
	for (size_t i = 0; i < nkey; i++) /* "Content-Length :" is a length to some readers */
		if (key[i] <= 0x20 || key[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", key[i]))
			h->odd = true;
	for (size_t i = 0; value && i < nvalue; i++)
		if (((unsigned char)value[i] < 0x20 && value[i] != '\t') || value[i] == 0x7f)
			h->odd = true;
	return MHD_YES;
}

/* one_meaning(k): Whether no other reader could take the head differently; what smuggling is made
 * of is never sent by a browser. */
static bool
one_meaning(const struct call *k)
{
	struct heads h = {0};

	(void)MHD_get_connection_values_n(k->conn, MHD_HEADER_KIND, on_head, &h);
	return h.host == 1 && h.length <= 1 && h.coding == 0 && h.cookie <= 1 && !h.odd;
}

static unsigned
method_bit(const char *method)
{
	static const struct {
		const char *name;
		unsigned bit;
	} table[] = {{"GET", M_GET}, {"HEAD", M_GET}, {"POST", M_POST}, {"PUT", M_PUT},
	    {"PATCH", M_PATCH}, {"DELETE", M_DELETE}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(method, table[i].name) == 0)
			return table[i].bit;
	return 0;
}

static void
read_source(struct call *k)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(k->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *sa = info ? info->client_addr : NULL;
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	if (sa && sa->sa_family == AF_INET) {
		(void)memcpy(&four, sa, sizeof(four));
		(void)inet_ntop(AF_INET, &four.sin_addr, k->r.source, sizeof(k->r.source));
	} else if (sa && sa->sa_family == AF_INET6) {
		(void)memcpy(&six, sa, sizeof(six));
		(void)inet_ntop(AF_INET6, &six.sin6_addr, k->r.source, sizeof(k->r.source));
	}
}

static void
read_cookies(struct call *k)
{
	const char *c = header(k, "Cookie"), *lang = req_get(&k->r, "lang");
	struct req *r = &k->r;
	char say[512], chosen[8] = "";
	struct form f;
	char *tilde;

	(void)form_cookie(c, "__Host-mamori", r->token, sizeof(r->token));
	(void)form_cookie(c, "__Host-mamori-device", r->device, sizeof(r->device));
	(void)form_cookie(c, "__Host-mamori-pre", r->pre, sizeof(r->pre));
	if (form_cookie(c, "__Host-mamori-say", say, sizeof(say)) && (tilde = strchr(say, '~'))) {
		*tilde = '=';
		form_init(&f);
		if (form_urlencoded(&f, say, strlen(say), NULL) == 0 && f.fields.len == 1) {
			const struct field *x = VEC_AT(&f.fields, struct field, 0);

			(void)snprintf(r->flash, sizeof(r->flash), "%s", x->name);
			(void)snprintf(r->flash_it, sizeof(r->flash_it), "%s", x->value);
		}
		form_free(&f);
		r->flash_old = true;
	}
	if (strcmp(lang, "ja") == 0 || strcmp(lang, "en") == 0)
		req_header(r, "Set-Cookie", "__Host-mamori-lang=%s; Max-Age=31536000; Path=/; "
		    "Secure; SameSite=Strict", lang);
	else if (form_cookie(c, "__Host-mamori-lang", chosen, sizeof(chosen)))
		lang = chosen;
	r->ja = web_lang_ja(lang, header(k, "Accept-Language"));
}

/* read_referer(k): Browsers send it only between our own pages. */
static void
read_referer(struct call *k)
{
	const char *s = header(k, "Referer");
	size_t n = strlen(k->r.host);

	if (s && strncmp(s, "https://", 8) == 0 && n && strncmp(s + 8, k->r.host, n) == 0 &&
	    s[8 + n] == '/' && strlen(s + 8 + n) < sizeof(k->r.referer))
		(void)snprintf(k->r.referer, sizeof(k->r.referer), "%s", s + 8 + n);
}

/* keep(out, size, s): A header's value; one that is too long or not plain is kept as none. */
static void
keep(char *out, size_t size, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	out[0] = 0;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= 0x20 || s[i] > 0x7e)
			return;
	if (n < size)
		(void)memcpy(out, s ? s : "", n + 1);
}

/* read_program(k): What programs send beside the request. */
static void
read_program(struct call *k)
{
	const char *auth = header(k, "Authorization");
	struct req *r = &k->r;

	if (auth && strncasecmp(auth, "Bearer ", 7) == 0)
		keep(r->bearer, sizeof(r->bearer), auth + 7);
	keep(r->if_match, sizeof(r->if_match), header(k, "If-Match"));
	keep(r->once, sizeof(r->once), header(k, "Idempotency-Key"));
}

/* read_query(k): The library would decode address and query once more than we do, and end them at
 * a NUL; so both are taken as sent. Cuts the query off k->uri. */
static void
read_query(struct call *k)
{
	char *q = strchr(k->uri, '?');

	if (!q)
		return;
	*q++ = 0;
	k->bad = form_urlencoded(&k->r.query, q, strlen(q), NULL) < 0;
}

/* query_text(k): The query again from its decoded fields, for links back to here. */
static void
query_text(struct call *k)
{
	AUTO(buf_free) struct buf b = {0};

	buf_init(&b, sizeof(k->r.query_text) - 1);
	for (size_t i = 0; i < k->r.query.fields.len; i++) {
		const struct field *f = VEC_AT(&k->r.query.fields, struct field, i);

		if (strcmp(f->name, "lang") == 0)
			continue;
		if ((b.len && buf_str(&b, "&", NULL) < 0) ||
		    tmpl_escape(CTX_URLPART, f->name, &b, NULL) < 0 ||
		    buf_str(&b, "=", NULL) < 0 ||
		    tmpl_escape(CTX_URLPART, f->value, &b, NULL) < 0)
			return; /* too long to come back to */
	}
	(void)snprintf(k->r.query_text, sizeof(k->r.query_text), "%.*s", (int)b.len,
	    b.p ? (const char *)b.p : "");
}

/* read_head(k, method): 0, or the status to refuse with. */
static unsigned
read_head(struct call *k, const char *method)
{
	struct req *r = &k->r;
	const char *host = header(k, "Host"), *agent = header(k, "User-Agent");

	r->method = method_bit(method);
	r->head = strcmp(method, "HEAD") == 0;
	r->now = loop_wall(k->w->l);
	read_source(k);
	read_query(k);
	read_cookies(k);
	read_program(k);
	(void)snprintf(r->host, sizeof(r->host), "%s", host ? host : "");
	read_referer(k);
	for (const char *p = agent; p && *p && (size_t)(p - agent) < sizeof(r->agent) - 1; p++)
		r->agent[p - agent] = *p >= 0x20 && *p < 0x7f ? *p : '?';
	if (!one_meaning(k) || k->bad)
		return 400;
	if (!form_path_ok(k->uri))
		return strlen(k->uri) >= FORM_PATH ? 414 : 404;
	(void)snprintf(r->path, sizeof(r->path), "%s", k->uri);
	query_text(k);
	if (!gate_host(host, k->w->c->host))
		return 421;
	if (!gate_rate(k->w->c, r->source, false, loop_mono(k->w->l)))
		return 429;
	return r->method ? 0 : 405;
}

/* allow_header(k): What this address takes, for a method that nothing takes. */
static void
allow_header(struct call *k)
{
	struct console *c = k->w->c;
	char text[ROUTE_ALLOW];
	struct params p;
	unsigned allow;

	(void)route_find(c->routes, c->nroutes, 0, k->r.path, &p, &allow);
	route_allow(allow ? allow : M_GET, text);
	req_header(&k->r, "Allow", "%s", text);
}

static unsigned
find_row(struct call *k)
{
	struct req *r = &k->r;
	struct console *c = k->w->c;
	unsigned allow;
	char text[ROUTE_ALLOW];

	r->route = route_find(c->routes, c->nroutes, r->method, r->path, &r->id, &allow);
	if (!r->route && allow) {
		route_allow(allow, text);
		req_header(r, "Allow", "%s", text);
		return 405;
	}
	if (!r->route)
		return 404;
	route_object(r->route, &r->id, r->object);
	if (r->route->flags & F_RATE && r->method != M_GET &&
	    !gate_rate(c, r->source, true, loop_mono(k->w->l))) {
		req_header(r, "Retry-After", "10");
		return 429;
	}
	if (r->method != M_GET && !(r->route->flags & F_API) &&
	    !gate_origin(r->host, header(k, "Origin"), header(k, "Sec-Fetch-Site")))
		return 403;
	return 0;
}

static bool
is_form(struct call *k)
{
	const char *type = header(k, "Content-Type");

	return type && strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0;
}

/* read_kind(k): What body is to be expected; 0, or the status to refuse with. */
static unsigned
read_kind(struct call *k)
{
	struct req *r = &k->r;
	const char *type = header(k, "Content-Type"), *length = header(k, "Content-Length");
	uint64_t n = 0, max = r->route->max_body ? r->route->max_body
	    : r->route->flags & F_UPLOAD	 ? REQ_UPLOAD
						 : REQ_BODY;
	struct err e = {0};

	if (length && num_parse_u64(length, INT64_MAX, &n, NULL) < 0)
		return 400;
	if (r->method == M_GET || n == 0)
		return n > 0 ? 400 : 0;
	if (n > max)
		return 413;
	type = type ? type : "";
	if (strncasecmp(type, "multipart/form-data", 19) == 0 && (r->route->flags & F_UPLOAD)) {
		if (spool_new(r, type, max, &k->spool, &e) == 0)
			return 0;
		return e.code == E_INVAL ? 400 : e.code == E_BUSY ? 503 : 507;
	}
	k->json = strncasecmp(type, "application/json", 16) == 0 && (r->route->flags & F_API);
	if (!k->json && !is_form(k))
		return 415;
	buf_init(&k->body, max > 8 << 20 ? 8 << 20 : max);
	return 0;
}

/* --- the course ---------------------------------------------------------------------------------
 */

static enum MHD_Result
first(struct call *k, const char *method)
{
	struct err e = {0};
	struct req *r = &k->r;
	unsigned status = read_head(k, method);
	int rc;

	if (status == 405)
		allow_header(k);
	if (status)
		return refuse(k, status);
	if (fixed(k, method) == MHD_YES)
		return MHD_YES;
	gate_session(r);
	if (r->signed_in && !form_has(&r->query, "lang") && !strstr(header(k, "Cookie") ?
	        header(k, "Cookie") : "", "__Host-mamori-lang="))
		r->ja = r->s.account.ja;
	status = find_row(k);
	if (status)
		return refuse(k, status);
	if (r->route->flags & F_API)
		gate_token(r);
	rc = gate_route(r, &e);
	if (rc == GATE_PASS && (r->step_up || r->lapsed[0]) && !is_form(k)) {
		rc = r->step_up ? req_step_up(r, &e) : req_error(r, 401, &e);
		rc = rc < 0 ? rc : GATE_ANSWERED; /* nothing that could be held */
	}
	if (rc < 0)
		req_fail(r, &e);
	if (rc != GATE_PASS) {
		gate_log(r);
		return answer(k);
	}
	status = read_kind(k);
	return status ? refuse(k, status) : MHD_YES;
}

static void
more(struct call *k, const char *p, size_t n)
{
	struct slot *s = slot_of(k->w, k->conn);
	int rc;

	k->progress += n;
	if (s && k->progress >= 1 << 20) { /* an upload that moves is not cut off */
		k->progress = 0;
		s->since = loop_mono(k->w->l);
	}
	if (k->e.code < 0)
		return; /* read to its end, so that the answer can be sent */
	rc = k->spool ? spool_feed(k->spool, p, n, &k->e) : buf_put(&k->body, p, n, &k->e);
	if (rc < 0 && k->e.code >= 0)
		k->e.code = rc;
}

static enum MHD_Result
last(struct call *k)
{
	struct req *r = &k->r;
	int rc = k->e.code;

	if (rc == 0 && k->spool)
		rc = spool_end(k->spool, &k->e);
	else if (rc == 0 && k->json) {
		r->json = json_loadb((const char *)k->body.p, k->body.len,
		    JSON_REJECT_DUPLICATES, NULL);
		if (!r->json)
			rc = err_set(&k->e, E_INVAL, "not a JSON document");
	} else if (rc == 0) {
		rc = form_urlencoded(&r->form, k->body.p ? k->body.p : (const unsigned char *)"",
		    k->body.len, &k->e);
	}
	spool_free(k->spool);
	k->spool = NULL;
	if (rc < 0)
		return refuse(k, rc == E_LIMIT ? 413 : rc == E_INVAL ? 400 : rc == E_NOSPC ? 507
		    : 503);
	req_run(r);
	if (r->later.done) {
		k->suspended = true;
		MHD_suspend_connection(k->conn);
		return MHD_YES;
	}
	return answer(k);
}

/* on_uri(cls, uri, conn): The first that is known of a request. */
static void *
on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
	struct web *w = cls;
	struct call *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->w = w;
	k->conn = conn;
	k->uri = strdup(uri);
	req_init(&k->r, w->c);
	w->open++;
	return k;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **con_cls)
{
	struct call *k = *con_cls;

	(void)cls, (void)c, (void)url, (void)version;
	if (!k || !k->uri)
		return MHD_NO; /* no memory */
	if (!k->begun) {
		k->begun = true;
		return first(k, method);
	}
	if (k->done)
		return MHD_YES;
	if (*upload_size > 0) {
		more(k, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (k->r.res.status) /* the slow work is done */
		return answer(k);
	return last(k);
}

/* work_done(ctx, job): In the loop: the request's second half. */
static void serve(struct web *w);

static void
work_done(void *ctx, void *job)
{
	struct web *w = ctx;
	struct req *r = job;
	struct call *k = (struct call *)(void *)((char *)r - offsetof(struct call, r));

	req_run(r);
	if (!r->later.done) {
		k->suspended = false;
		MHD_resume_connection(k->conn);
		serve(w);
	}
}

/* --- connections ---------------------------------------------------------------------------- */

static void
on_connection(void *cls, struct MHD_Connection *c, void **ctx,
    enum MHD_ConnectionNotificationCode code)
{
	struct web *w = cls;
	const union MHD_ConnectionInfo *info;
	struct slot *s = slot_of(w, code == MHD_CONNECTION_NOTIFY_STARTED ? NULL : c);

	(void)ctx;
	if (!s)
		return;
	*s = (struct slot){.fd = -1};
	if (code != MHD_CONNECTION_NOTIFY_STARTED)
		return;
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	s->conn = c;
	s->fd = info ? info->connect_fd : -1;
	s->since = loop_mono(w->l);
}

static void
on_completed(void *cls, struct MHD_Connection *c, void **con_cls,
    enum MHD_RequestTerminationCode code)
{
	struct web *w = cls;
	struct call *k = *con_cls;
	struct slot *s = slot_of(w, c);

	(void)code;
	if (s) {
		s->since = loop_mono(w->l);
		s->more = 0;
	}
	if (!k)
		return;
	spool_free(k->spool);
	if (k->body.p)
		explicit_bzero(k->body.p, k->body.cap); /* passwords come this way */
	buf_free(&k->body);
	req_free(&k->r);
	free(k->uri);
	free(k);
	w->open--;
	*con_cls = NULL;
}

/* on_reap: The library's time limit counts silence; a client that drips one byte now and then never
 * is silent. Whoever has not finished a request in time is cut off here. */
static void
on_reap(struct loop *l, void *cookie)
{
	struct web *w = cookie;
	int64_t now = loop_mono(l);

	for (size_t i = 0; i < ARRAY_LEN(w->slots); i++) {
		const struct slot *s = &w->slots[i];

		if (s->conn && s->fd >= 0 && now - s->since > WEB_REQUEST_S * TIME_SEC + s->more)
			(void)shutdown(s->fd, SHUT_RDWR);
	}
	loop_arm(w->reaper, now + 5 * TIME_SEC);
}

static void
serve(struct web *w)
{
	MHD_UNSIGNED_LONG_LONG ms;

	(void)MHD_run(w->d);
	if (MHD_get_timeout(w->d, &ms) != MHD_YES)
		loop_arm(w->timer, -1);
	else
		loop_arm(w->timer, loop_mono(w->l) + (int64_t)(ms > 60000 ? 60000 : ms) * 1000);
}

static void
on_ready(struct loop *l, int fd, uint32_t events, void *cookie)
{
	(void)l, (void)fd, (void)events;
	serve(cookie);
}

static void
on_timer(struct loop *l, void *cookie)
{
	(void)l;
	serve(cookie);
}

/* --- life ----------------------------------------------------------------------------------- */

static int
add_sources(struct web *w, struct err *e)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(w->d, MHD_DAEMON_INFO_EPOLL_FD);
	int r;

	if (!info)
		return err_set(e, E_SYS, "the web library has no event descriptor");
	r = loop_add_fd(w->l, info->epoll_fd, EPOLLIN, on_ready, w, &w->fd_src, e);
	if (r == 0)
		r = loop_add_timer(w->l, -1, on_timer, w, &w->timer, e);
	if (r == 0)
		r = loop_add_timer(w->l, loop_mono(w->l) + 5 * TIME_SEC, on_reap, w, &w->reaper, e);
	return r;
}

int
web_start(struct loop *l, int fd, const char *cert, const char *key, struct console *c,
    struct web **ret, struct err *e)
{
	struct web *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_set(e, E_NOMEM, "no memory for the console");
	w->l = l;
	w->c = c;
	r = work_new(l, work_done, w, &c->work, e);
	if (r < 0) {
		free(w);
		return r;
	}
	w->d = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
	    NULL, on_request, w, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_MEM_CERT, cert,
	    MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_PRIORITIES,
	    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-SHA1",
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)WEB_MAX_CONNS,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)WEB_MAX_PER_IP,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)WEB_IDLE_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WEB_REQUEST,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, on_uri, w,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, w,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, w, MHD_OPTION_END);
	if (!w->d) {
		work_free(c->work);
		c->work = NULL;
		free(w);
		return err_set(
		    e, E_SYS, "the console cannot begin to serve (TLS certificate or socket)");
	}
	r = add_sources(w, e);
	if (r < 0) {
		web_stop(w);
		return r;
	}
	serve(w);
	*ret = w;
	return 0;
}

void
web_stop(struct web *w)
{
	if (!w)
		return;
	work_free(w->c->work); /* answers what waits, so that nothing stays suspended */
	w->c->work = NULL;
	loop_del(w->fd_src);
	loop_del(w->timer);
	loop_del(w->reaper);
	MHD_stop_daemon(w->d); /* closes the listening socket too */
	free(w);
}
