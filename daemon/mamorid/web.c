/* The console's address and language. */
#include "mamorid/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"

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
