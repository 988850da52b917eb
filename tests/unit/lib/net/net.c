/* Addresses, codes, the authority, and who gets through a TLS handshake. */
#include "tap.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "crypt/secret.h"
#include "net/ca.h"
#include "net/code.h"
#include "net/dial.h"

static int64_t NOW; /* the handshake looks at the real clock */

static void
test_addr(void)
{
	static const struct {
		const char *s, *host, *port;
	} good[] = {
		{"box:7443", "box", "7443"}, {"127.0.0.1:0", "127.0.0.1", "0"},
		{"[::1]:65535", "::1", "65535"}, {"[fe80::1%eth0]:1", "fe80::1%eth0", "1"},
	};
	static const char *const bad[] = {
	    "",
	    ":",
	    "box",
	    "box:",
	    ":7443",
	    "::1:7443",
	    "box:65536",
	    "box:-1",
	    "box:+1",
	    "b x:1",
	    "box:7443/x",
	    "[]:1",
	    "box:7 443",
	    "a/b:1",
	    "u@h:1",
	    "box:000001",
	};
	struct net_addr a;
	struct err e;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		OK(net_addr_get(good[i].s, strlen(good[i].s), &a, &e) == 0 &&
		    strcmp(a.host, good[i].host) == 0 && strcmp(a.port, good[i].port) == 0,
		    "%s", good[i].s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		OK(net_addr_get(bad[i], strlen(bad[i]), &a, &e) == E_INVAL, "not \"%s\"", bad[i]);
}

static void
test_code(void)
{
	char text[CODE_TEXT], other[CODE_TEXT], low[64];
	struct code a, b;
	struct err e;
	unsigned taken = 0, tries = 0;

	code_make(text);
	code_make(other);
	OK(strlen(text) == 29 && strcmp(text, other) != 0, "five groups, never the same: %s", text);
	OK(code_get(text, strlen(text), &a, &e) == 0, "as printed");
	(void)snprintf(low, sizeof(low), "  %s \n", text);
	for (char *p = low; *p; p++)
		*p = *p == '0' ? 'o' : *p == '1' ? 'l' : *p == '-' ? ' ' :
		    *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
	OK(code_get(low, strlen(low), &b, &e) == 0 && memcmp(&a, &b, sizeof(a)) == 0,
	    "as somebody types it");
	OK(code_get(other, 29, &b, &e) == 0 && memcmp(a.key, b.key, sizeof(a.key)) != 0,
	    "another code, another key");
	OK(strlen(a.id) == 4 && strncmp(a.id, text, 4) == 0, "the public part");
	for (int i = 0; i < 29; i++) {
		for (const char *c = "02468ACEGJMPRTWY"; *c; c++) {
			char was = text[i];

			if (was == '-' || was == *c)
				continue;
			text[i] = *c;
			tries++;
			taken += code_get(text, 29, &b, &e) == 0;
			text[i] = was;
		}
	}
	OK(taken < tries / 12, "a wrong letter is noticed nearly always (%u of %u not)", taken,
	    tries);
	OK(code_get(text, 28, &b, &e) == E_INVAL, "one letter short");
	OK(code_get("ABC!", 4, &b, &e) == E_INVAL, "no letter");
}

/* ---- handshakes ---- */

struct id {
	struct buf key, spki, cert;
};

static struct {
	struct buf cert, key;
} authority[2];

static void
make_id(struct id *x, int by, bool server, int64_t now, int days)
{
	struct ca_wish w = {.name = "髙橋医院 ①", .server = server, .now = now, .days = days};
	struct err e = {0};
	int r;

	buf_init(&x->key, 8192);
	buf_init(&x->spki, 8192);
	buf_init(&x->cert, 8192);
	r = ca_key(&x->key, &x->spki, &e);
	w.spki = x->spki.p;
	w.spki_len = x->spki.len;
	if (r == 0)
		r = ca_issue(buf_cstr(&authority[by].cert, NULL),
		    buf_cstr(&authority[by].key, NULL), &w, &x->cert, &e);
	if (r < 0)
		printf("# %s\n", e.msg);
}

static void
free_id(struct id *x)
{
	buf_free(&x->key);
	buf_free(&x->spki);
	buf_free(&x->cert);
}

static char known_id[CODE_ID];
static uint8_t known_key[TLS_CODE_KEY];

static bool
on_code(void *cookie, const char *id, uint8_t key[TLS_CODE_KEY])
{
	(void)cookie;
	(void)memcpy(key, known_key, TLS_CODE_KEY);
	return strcmp(id, known_id) == 0;
}

struct end {
	struct tls_side *side;
	int fd, r, peer;
	bool by_code;
	struct err e, peer_e;
	uint8_t print[TLS_PRINT];
	char got[8];
};

static void *
run_end(void *arg)
{
	struct end *x = arg;
	struct tls *t = NULL;
	char id[TLS_CODE_ID + 1];

	x->r = tls_open(x->side, x->fd, 5000, &t, &x->e);
	if (x->r < 0)
		return NULL;
	x->by_code = tls_by_code(t, id);
	x->peer = x->by_code ? 0 : tls_peer(t, x->print, &x->peer_e);
	x->r = tls_write(t, "mamori", 7, 5000, &x->e);
	if (x->r == 0)
		x->r = tls_read(t, x->got, 7, 5000, &x->e);
	tls_close(t);
	return NULL;
}

static struct tls_side *
side(bool server, const struct id *x, int ca, const struct code *c)
{
	struct tls_config cfg = {.server = server, .code = server ? on_code : NULL};
	struct tls_side *s = NULL;
	struct buf cert, key;
	struct err e;

	buf_init(&cert, 8192);
	buf_init(&key, 8192);
	if (x) {
		(void)!buf_put(&cert, x->cert.p, x->cert.len, NULL);
		(void)!buf_put(&key, x->key.p, x->key.len, NULL);
		cfg.cert = buf_cstr(&cert, NULL);
		cfg.key = buf_cstr(&key, NULL);
		cfg.ca = buf_cstr(&authority[ca].cert, NULL);
	}
	if (c) {
		cfg.code_id = c->id;
		cfg.code_key = c->key;
	}
	if (tls_side_new(&cfg, &s, &e) < 0)
		printf("# %s\n", e.msg);
	buf_free(&cert);
	buf_free(&key);
	return s;
}

/* meet(server, client, a, b): Let both run; what became of it. */
static void
meet(struct tls_side *s, struct tls_side *c, struct end *a, struct end *b)
{
	pthread_t t;
	int fd[2];

	*a = (struct end){.side = s};
	*b = (struct end){.side = c};
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
		abort();
	a->fd = fd[0];
	b->fd = fd[1];
	if (pthread_create(&t, NULL, run_end, a) != 0)
		abort();
	(void)run_end(b);
	(void)pthread_join(t, NULL);
	tls_side_free(c);
}

static void
test_certs(struct tls_side *s)
{
	struct id good, foreign, old, young, wrong;
	uint8_t print[TLS_PRINT];
	struct end a, b;
	int days = 0;

	make_id(&good, 0, false, NOW, CA_CLIENT_DAYS);
	make_id(&foreign, 1, false, NOW, CA_CLIENT_DAYS);
	make_id(&old, 0, false, NOW - 800000000000000, 30);
	make_id(&young, 0, false, NOW + 8000000000000000, 30);
	make_id(&wrong, 0, true, NOW, 30);
	OK(ca_left(buf_cstr(&good.cert, NULL), NOW, &days, NULL) == 0 && days == CA_CLIENT_DAYS,
	    "a certificate tells how long it is valid");
	meet(s, side(false, &good, 0, NULL), &a, &b);
	OK(a.r == 1 && b.r == 1 && strcmp(a.got, "mamori") == 0, "both know each other: %s %s",
	    a.e.msg, b.e.msg);
	OK(ca_spki_print(good.spki.p, good.spki.len, print, NULL) == 0 && a.peer == 0 &&
	    memcmp(a.print, print, sizeof(print)) == 0, "the server sees the key");
	meet(s, side(false, &foreign, 0, NULL), &a, &b);
	OK(a.peer == E_AUTH && strstr(a.peer_e.msg, "not issued here"), "foreign: %s",
	    a.peer_e.msg);
	meet(s, side(false, &old, 0, NULL), &a, &b);
	OK(a.peer == E_AUTH && strstr(a.peer_e.msg, "expired"), "expired: %s", a.peer_e.msg);
	meet(s, side(false, &young, 0, NULL), &a, &b);
	OK(a.peer == E_AUTH && strstr(a.peer_e.msg, "not valid yet"), "future: %s", a.peer_e.msg);
	meet(s, side(false, &wrong, 0, NULL), &a, &b);
	OK(a.peer == E_AUTH, "a server's certificate is none of a client: %s", a.peer_e.msg);
	meet(s, side(false, NULL, 0, NULL), &a, &b);
	OK(a.r < 0, "none at all: %s", a.e.msg);
	meet(s, side(false, &good, 1, NULL), &a, &b);
	OK(b.r == E_AUTH && strstr(b.e.msg, "another machine"), "another server: %s", b.e.msg);
	free_id(&good);
	free_id(&foreign);
	free_id(&old);
	free_id(&young);
	free_id(&wrong);
}

static void
test_servers(void)
{
	struct id good, old, young, client;
	struct tls_side *s;
	struct end a, b;

	make_id(&good, 0, false, NOW, CA_CLIENT_DAYS);
	make_id(&old, 0, true, NOW - 800000000000000, 30);
	make_id(&young, 0, true, NOW + 8000000000000000, 30);
	make_id(&client, 0, false, NOW, 3650);
	s = side(true, &old, 0, NULL);
	meet(s, side(false, &good, 0, NULL), &a, &b);
	OK(b.r == E_AUTH && strstr(b.e.msg, "expired"), "an expired server: %s", b.e.msg);
	tls_side_free(s);
	s = side(true, &young, 0, NULL);
	meet(s, side(false, &good, 0, NULL), &a, &b);
	OK(b.r == 1, "a server of the future is a matter of clocks: %s", b.e.msg);
	tls_side_free(s);
	s = side(true, &client, 0, NULL);
	meet(s, side(false, &good, 0, NULL), &a, &b);
	OK(b.r == E_AUTH, "an enrolled machine cannot play the server: %s", b.e.msg);
	tls_side_free(s);
	free_id(&good);
	free_id(&old);
	free_id(&young);
	free_id(&client);
}

static void
test_codes(struct tls_side *s)
{
	char text[CODE_TEXT];
	struct code c, other;
	struct end a, b;

	code_make(text);
	(void)!code_get(text, strlen(text), &c, NULL);
	code_make(text);
	(void)!code_get(text, strlen(text), &other, NULL);
	(void)memcpy(known_id, c.id, sizeof(known_id));
	(void)memcpy(known_key, c.key, sizeof(known_key));
	meet(s, side(false, NULL, 0, &c), &a, &b);
	OK(a.r == 1 && b.r == 1 && a.by_code && b.by_code, "the right code: %s %s", a.e.msg,
	    b.e.msg);
	meet(s, side(false, NULL, 0, &other), &a, &b);
	OK(b.r == E_AUTH && strstr(b.e.msg, "does not know this code"), "another code: %s",
	    b.e.msg);
	(void)memcpy(other.id, c.id, sizeof(c.id));
	meet(s, side(false, NULL, 0, &other), &a, &b);
	OK(a.r < 0 && b.r < 0, "a guessed secret under a right number: %s", b.e.msg);
}

static void *
silent(void *arg)
{
	char c;

	while (read(*(int *)arg, &c, 1) > 0)
		;
	return NULL;
}

static void *
trickle(void *arg)
{
	struct end *x = arg;
	struct tls *t = NULL;

	x->r = tls_open(x->side, x->fd, 5000, &t, &x->e);
	for (int i = 0; x->r == 0 && i < 1000; i++) {
		(void)poll(NULL, 0, 10);
		x->r = tls_write(t, "x", 1, 5000, &x->e);
	}
	tls_close(t);
	return NULL;
}

/* Byte after byte keeps no place for ever. */
static void
test_trickle(struct tls_side *s)
{
	struct end b = {.r = 0};
	struct tls *t = NULL;
	struct id good;
	char got[1000];
	pthread_t th;
	struct err e;
	int fd[2], r;

	make_id(&good, 0, false, NOW, CA_CLIENT_DAYS);
	b.side = side(false, &good, 0, NULL);
	(void)!socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	b.fd = fd[1];
	(void)!pthread_create(&th, NULL, trickle, &b);
	r = tls_open(s, fd[0], 5000, &t, &e);
	if (r == 0) {
		tls_until(t, 200);
		r = tls_read(t, got, sizeof(got), 60000, &e);
		EQ_I(r, E_NET, "a trickle is given up in the end");
		tls_until(t, 0);
		EQ_I(tls_read(t, got, 1, 60000, &e), 1, "and without an end it would have gone on");
	}
	tls_close(t);
	(void)pthread_join(th, NULL);
	tls_side_free(b.side);
	free_id(&good);
}

static void
test_odd(struct tls_side *s)
{
	struct tls *t = NULL;
	struct err e;
	pthread_t th;
	int fd[2];

	(void)!socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	(void)!pthread_create(&th, NULL, silent, &fd[1]);
	EQ_I(tls_open(s, fd[0], 300, &t, &e), E_NET, "somebody who says nothing is given up");
	(void)pthread_join(th, NULL);
	(void)close(fd[1]);
	(void)!socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	(void)!write(fd[1], "GET / HTTP/1.1\r\n\r\n", 18);
	OK(tls_open(s, fd[0], 3000, &t, &e) < 0, "something else than TLS: %s", e.msg);
	(void)close(fd[1]);
}

int
main(void)
{
	struct tls_side *s;
	struct id server;
	struct err e;

	NOW = (int64_t)time(NULL) * 1000000;
	for (int i = 0; i < 2; i++) {
		buf_init(&authority[i].cert, 8192);
		buf_init(&authority[i].key, 8192);
		OK(ca_make("Mamori test", NOW, &authority[i].cert, &authority[i].key, &e) == 0,
		    "an authority");
		(void)buf_cstr(&authority[i].cert, NULL);
	}
	make_id(&server, 0, true, NOW, CA_SERVER_DAYS);
	s = side(true, &server, 0, NULL);
	test_addr();
	test_code();
	test_certs(s);
	test_servers();
	test_codes(s);
	test_odd(s);
	test_trickle(s);
	tls_side_free(s);
	free_id(&server);
	for (int i = 0; i < 2; i++) {
		buf_free(&authority[i].cert);
		buf_free(&authority[i].key);
	}
	return tap_done();
}
