/* The HTTPS side: where it listens, and its life. What it serves: http/, pages/. */
#ifndef MAMORI_DAEMON_MAMORID_WEB_H
#define MAMORI_DAEMON_MAMORID_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "sys/loop.h"

enum {
	WEB_PORT = 8443,
	WEB_PORTS = 100,      /* how many further ones are tried when nobody chose */
	WEB_MAX_CONNS = 256,
	WEB_MAX_PER_IP = 96, /* a browser opens six */
	WEB_REQUEST = 16 << 10, /* bytes of a request line with its headers */
	WEB_IDLE_S = 15,      /* silence */
	WEB_REQUEST_S = 30,   /* a whole request, however slowly it drips */
	WEB_PAGE = 1 << 20,
	WEB_URL = 80,         /* room for https://[address]:port/ */
};

struct asset {
	const char *name;
	const unsigned char *p;
	size_t len;
};
/* web_assets(ret_n): The files of web/static. */
const struct asset *web_assets(size_t *ret_n);

/* web_bind(listen, ret_fd, ret_url, e): Listen on "ADDR:PORT" ("[::1]:8443"); NULL: 127.0.0.1 and
 * the first free port from WEB_PORT on. ${ret_url} is the address to type. E_INVAL, E_BUSY (taken).
 */
MUST int web_bind(const char *listen, int *ret_fd, char ret_url[WEB_URL], struct err *e);

struct web;
struct console;
/* web_start(l, fd, cert, key, c, ret, e): Serve on the bound socket with the PEM certificate and
 * key (copied). ${c} is borrowed. E_SYS when TLS cannot begin with them. (http/serve.c) */
MUST int web_start(struct loop *l, int fd, const char *cert, const char *key, struct console *c,
    struct web **ret, struct err *e);
void web_stop(struct web *w); /* NULL is fine */

/* web_lang_ja(query, accept): The language: ?lang= first, then the first of ja and en that the
 * browser accepts, else Japanese. Both may be NULL. A pure function. */
bool web_lang_ja(const char *query, const char *accept);

#endif
