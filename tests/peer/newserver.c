/* newserver DIR HOW PORT: A server of a newer protocol, with the authority of DIR/.server, on
 * a port of the loopback, which it prints. HOW: "refuse" answers a greeting as a server does that
 * no longer knows our version; "insist" takes it and says that it goes on in its own. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "net/dial.h"
#include "net/tls.h"
#include "vault/book.h"

static struct tls_side *
side(const char *dir)
{
	struct tls_config c = {.server = true};
	struct tls_side *s = NULL;
	struct buf cert, key, ca;
	struct book b = {.fd = -1};
	struct err e = {0};
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	buf_init(&cert, 32 << 10);
	buf_init(&key, 32 << 10);
	buf_init(&ca, 32 << 10);
	if (fd >= 0 && book_open(fio_os(), fd, false, time_now_us(), &b, &e) == 0 &&
	    book_identity(&b, time_now_us(), &cert, &key, &ca, &e) == 0) {
		c.cert = buf_cstr(&cert, NULL);
		c.key = buf_cstr(&key, NULL);
		c.ca = buf_cstr(&ca, NULL);
		(void)!tls_side_new(&c, &s, &e);
	}
	buf_free(&cert);
	buf_free(&key);
	buf_free(&ca);
	book_close(&b);
	if (fd >= 0)
		(void)close(fd);
	return s;
}

static void
answer(struct tls *t, bool insist)
{
	static const uint8_t ident[] = "mamori";
	struct wire_msg m = {.kind = insist ? WIRE_OK : WIRE_ERR, .code = E_PROTO,
		.vmin = WIRE_VERSION + 1, .vmax = WIRE_VERSION + 1, .may = WIRE_MAY_WRITE,
		.a = ident, .an = sizeof(ident)};
	uint8_t head[WIRE_HEAD], body[WIRE_MAX_FIRST], kind;
	struct buf b;
	uint32_t n;

	(void)snprintf(m.text, sizeof(m.text), "this server speaks version %d of the protocol",
	    WIRE_VERSION + 1);
	buf_init(&b, 4096);
	if (tls_read(t, head, sizeof(head), 5000, NULL) == 1 &&
	    wire_head(head, sizeof(body), &kind, &n, NULL) == 0 &&
	    tls_read(t, body, n, 5000, NULL) == 1 && wire_put(&b, &m, NULL) == 0 &&
	    tls_write(t, b.p, b.len, 5000, NULL) == 0)
		(void)!tls_read(t, head, 1, 5000, NULL); /* until it hangs up */
	buf_free(&b);
}

int
main(int argc, char **argv)
{
	struct net_addr at;
	char where[32];
	struct tls_side *s = argc == 4 ? side(argv[1]) : NULL;
	struct err e;
	int fd;

	(void)snprintf(where, sizeof(where), "127.0.0.1:%.5s", argc == 4 ? argv[3] : "");
	if (!s || net_addr_get(where, strlen(where), &at, &e) < 0 ||
	    (fd = net_listen(&at, &e)) < 0)
		return 3;
	(void)printf("%u\n", net_port(fd));
	(void)fflush(stdout);
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		struct tls *t = NULL;
		int c = poll(&p, 1, -1) < 0 ? -1 : accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (c >= 0 && tls_open(s, c, 5000, &t, &e) == 0)
			answer(t, strcmp(argv[2], "insist") == 0);
		tls_close(t);
	}
}
