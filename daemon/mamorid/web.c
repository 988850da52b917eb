#include "mamorid/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "status.h"

struct slot {
	struct MHD_Connection *conn;
	int fd;
	int64_t since; /* of the request that is awaited or read */
};

struct web {
	struct loop *l;
	struct MHD_Daemon *d;
	struct loop_src *fd_src, *timer, *reaper;
	web_page_fn *page;
	void *ctx;
	struct slot slots[WEB_MAX_CONNS + 8];
};

/* --- language ------------------------------------------------------------------------------- */

bool
web_lang_ja(const char *query, const char *accept)
{
	if (query && strcmp(query, "en") == 0)
		return false;
	if (query && strcmp(query, "ja") == 0)
		return true;
	for (const char *p = accept ? accept : ""; *p; p++) {
		if (p != accept && p[-1] != ',' && p[-1] != ' ')
			continue;
		if (strncasecmp(p, "ja", 2) == 0 && !strchr("abcdefghijklmnopqrstuvwxyz", p[2]))
			return true;
		if (strncasecmp(p, "en", 2) == 0 && !strchr("abcdefghijklmnopqrstuvwxyz", p[2]))
			return false;
	}
	return true;
}

/* --- answers -------------------------------------------------------------------------------- */

static const char *const headers[][2] = {
	{"Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; "
	    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Strict-Transport-Security", "max-age=31536000"},
	{"Vary", "Accept-Language"},
};

static enum MHD_Result
reply(struct MHD_Connection *c, unsigned code, const char *type, const char *cache,
    const void *p, size_t n)
{
	struct MHD_Response *r;
	enum MHD_Result ok = MHD_YES;
	union {
		const void *c;
		void *v;
	} u = {.c = p}; /* MHD_RESPMEM_MUST_COPY does not write to it */

	r = MHD_create_response_from_buffer(n, u.v, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	for (size_t i = 0; i < ARRAY_LEN(headers) && ok == MHD_YES; i++)
		ok = MHD_add_response_header(r, headers[i][0], headers[i][1]);
	if (ok == MHD_YES)
		ok = MHD_add_response_header(r, "Content-Type", type);
	if (ok == MHD_YES)
		ok = MHD_add_response_header(r, "Cache-Control", cache);
	if (ok == MHD_YES && code == 405)
		ok = MHD_add_response_header(r, "Allow", "GET, HEAD");
	if (ok == MHD_YES)
		ok = MHD_queue_response(c, code, r);
	MHD_destroy_response(r);
	return ok;
}

static const char html[] = "text/html; charset=utf-8";

static enum MHD_Result
reply_error(struct MHD_Connection *c, unsigned code, bool ja)
{
	AUTO(buf_free) struct buf b = {0};

	buf_init(&b, WEB_PAGE);
	if (status_error((int)code, ja, &b, NULL) < 0)
		return MHD_NO;
	return reply(c, code, html, "no-store", b.p, b.len);
}

static enum MHD_Result
reply_page(struct web *w, struct MHD_Connection *c, bool ja)
{
	AUTO(buf_free) struct buf b = {0};
	struct err e = {0};

	buf_init(&b, WEB_PAGE);
	if (w->page(w->ctx, ja, &b, &e) < 0)
		return reply_error(c, 503, ja);
	return reply(c, 200, html, "no-store", b.p, b.len);
}

static enum MHD_Result
reply_asset(struct MHD_Connection *c, const char *name, bool ja)
{
	size_t n, k = strlen(name);
	const struct asset *a = web_assets(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i].name, name) == 0)
			return reply(c, 200, k > 4 && strcmp(name + k - 4, ".svg") == 0
			        ? "image/svg+xml"
			        : "text/css; charset=utf-8",
			    "max-age=300", a[i].p, a[i].len);
	return reply_error(c, 404, ja);
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **con_cls)
{
	struct web *w = cls;
	bool ja = web_lang_ja(MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "lang"),
	    MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept-Language"));

	(void)version, (void)upload, (void)upload_size, (void)con_cls;
	/* answered before any body is read; the connection is then closed by the library */
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return reply_error(c, 405, ja);
	if (strcmp(url, "/") == 0)
		return reply_page(w, c, ja);
	if (strcmp(url, "/healthz") == 0)
		return reply(c, 200, "text/plain; charset=utf-8", "no-store", "ok\n", 3);
	if (url[0] == '/' && strlen(url) < 64)
		return reply_asset(c, url + 1, ja);
	return reply_error(c, 404, ja);
}

/* --- connections ---------------------------------------------------------------------------- */

static struct slot *
slot_of(struct web *w, const struct MHD_Connection *c)
{
	for (size_t i = 0; i < ARRAY_LEN(w->slots); i++)
		if (w->slots[i].conn == c)
			return &w->slots[i];
	return NULL;
}

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
	struct slot *s = slot_of(w, c);

	(void)con_cls, (void)code;
	if (s)
		s->since = loop_mono(w->l);
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

		if (s->conn && s->fd >= 0 && now - s->since > WEB_REQUEST_S * TIME_SEC)
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
web_start(struct loop *l, int fd, const char *cert, const char *key, web_page_fn *page, void *ctx,
    struct web **ret, struct err *e)
{
	struct web *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_set(e, E_NOMEM, "no memory for the console");
	w->l = l;
	w->page = page;
	w->ctx = ctx;
	w->d = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TLS, 0, NULL, NULL, on_request, w,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_MEM_CERT, cert,
	    MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_PRIORITIES,
	    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-SHA1",
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)WEB_MAX_CONNS,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)WEB_MAX_PER_IP,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)WEB_IDLE_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WEB_REQUEST,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION, on_connection, w,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, w, MHD_OPTION_END);
	if (!w->d) {
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
	loop_del(w->fd_src);
	loop_del(w->timer);
	loop_del(w->reaper);
	MHD_stop_daemon(w->d); /* closes the listening socket too */
	free(w);
}

/* --- the address ---------------------------------------------------------------------------- */

struct where {
	struct sockaddr_storage sa;
	socklen_t len;
	char text[WEB_URL];
};

static int
parse_where(const char *s, struct where *w, struct err *e)
{
	const char *colon = strrchr(s, ':');
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	char host[64];
	uint64_t port;
	size_t n = colon ? (size_t)(colon - s) : 0;
	bool bracket = n > 2 && s[0] == '[' && s[n - 1] == ']';

	if (!colon || n < 1 || n >= sizeof(host) ||
	    num_parse_u64(colon + 1, 65535, &port, NULL) < 0)
		return err_set(e, E_INVAL,
		    "\"%.80s\" is not ADDR:PORT, such as 127.0.0.1:8443 or [::1]:8443", s);
	(void)snprintf(host, sizeof(host), "%.*s", (int)(bracket ? n - 2 : n), bracket ? s + 1 : s);
	if (bracket && inet_pton(AF_INET6, host, &six.sin6_addr) == 1) {
		six.sin6_port = htons((uint16_t)port);
		(void)memcpy(&w->sa, &six, sizeof(six));
		w->len = sizeof(six);
		(void)snprintf(w->text, sizeof(w->text), "[%s]", host);
		return 0;
	}
	if (!bracket && inet_pton(AF_INET, host, &four.sin_addr) == 1) {
		four.sin_port = htons((uint16_t)port);
		(void)memcpy(&w->sa, &four, sizeof(four));
		w->len = sizeof(four);
		(void)snprintf(w->text, sizeof(w->text), "%s", host);
		return 0;
	}
	return err_set(e, E_INVAL, "\"%.60s\" is not an address", host);
}

static int
try_bind(const struct where *w, int *ret_fd, unsigned *ret_port, struct err *e)
{
	int fd = socket(w->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
	struct sockaddr_storage got;
	socklen_t len = sizeof(got);
	int r;

	if (fd < 0)
		return err_sys(e, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&w->sa, w->len) < 0 || listen(fd, 128) < 0 ||
	    getsockname(fd, (struct sockaddr *)&got, &len) < 0) {
		bool taken = errno == EADDRINUSE;

		r = err_sys(e, "cannot listen on %s", w->text);
		(void)close(fd);
		if (taken && e)
			e->code = E_BUSY;
		return taken ? E_BUSY : r;
	}
	/* the port is at the same place in both address families */
	*ret_port = ntohs(((const struct sockaddr_in *)(const void *)&got)->sin_port);
	*ret_fd = fd;
	return 0;
}

int
web_bind(const char *listen_on, int *ret_fd, char ret_url[WEB_URL], struct err *e)
{
	char text[32];
	struct where w;
	unsigned port = 0;
	int r = E_BUSY;

	if (listen_on) {
		r = parse_where(listen_on, &w, e);
		if (r == 0)
			r = try_bind(&w, ret_fd, &port, e);
	}
	for (int i = 0; !listen_on && i < WEB_PORTS && r == E_BUSY; i++) {
		(void)snprintf(text, sizeof(text), "127.0.0.1:%d", WEB_PORT + i);
		r = parse_where(text, &w, e);
		if (r == 0)
			r = try_bind(&w, ret_fd, &port, e);
	}
	if (r == 0)
		(void)snprintf(ret_url, WEB_URL, "https://%.50s:%u/", w.text, port);
	return r;
}
