/* Letters and notes against a small server of our own: what each refusal means for whoever sends.
 * (Real servers, TLS and sign-in stand in tests/scenario.) */
#include "post/post.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "tap.h"

/* What it says to each command; NULL: what a friendly server says; "": it hangs up. */
struct says {
	const char *greeting, *ehlo, *auth, *mail, *rcpt, *data, *end;
	const char *http; /* a web server, whose whole answer this is */
};

struct peer {
	struct says says;
	int fd;
	uint16_t port;
	pthread_t thread;
	unsigned met; /* connections */
	char seen[1 << 16];
	size_t len;
};
static struct peer peer;

/* hear(c, end): Take what comes until ${end}; where it begins, or NULL when the line was cut. */
static const char *
hear(int c, const char *end)
{
	size_t from = peer.len;

	while (!strstr(peer.seen + from, end)) {
		ssize_t n = peer.len + 1 < sizeof(peer.seen)
		    ? read(c, peer.seen + peer.len, sizeof(peer.seen) - 1 - peer.len) : 0;

		if (n <= 0)
			return NULL;
		peer.len += (size_t)n;
		peer.seen[peer.len] = 0;
	}
	return peer.seen + from;
}

static bool
say(int c, const char *given, const char *otherwise)
{
	const char *s = given ? given : otherwise;

	return *s && write(c, s, strlen(s)) == (ssize_t)strlen(s);
}

static void
smtp(int c)
{
	const struct says *s = &peer.says;
	const char *line;
	bool on = say(c, s->greeting, "220 test\r\n");

	while (on && (line = hear(c, "\r\n")) != NULL) {
		if (strncmp(line, "EHLO", 4) == 0) {
			on = say(c, s->ehlo, "250-test\r\n250 AUTH PLAIN\r\n");
		} else if (strncmp(line, "AUTH", 4) == 0) {
			on = say(c, NULL, "334 \r\n") && hear(c, "\r\n") &&
			    say(c, s->auth, "235 welcome\r\n");
		} else if (strncmp(line, "MAIL", 4) == 0) {
			on = say(c, s->mail, "250 ok\r\n");
		} else if (strncmp(line, "RCPT", 4) == 0) {
			on = say(c, s->rcpt, "250 ok\r\n");
		} else if (strncmp(line, "DATA", 4) == 0) {
			on = say(c, s->data, "354 go on\r\n");
			if (on && (s->data == NULL || s->data[0] == '3'))
				on = hear(c, "\r\n.\r\n") && say(c, s->end, "250 taken\r\n");
		} else {
			on = say(c, NULL, "221 bye\r\n") && strncmp(line, "QUIT", 4) != 0;
		}
	}
}

static void *
serve(void *cookie)
{
	int c;

	(void)cookie;
	while ((c = accept(peer.fd, NULL, NULL)) >= 0) {
		peer.met++;
		if (!peer.says.http)
			smtp(c);
		else if (hear(c, "\r\n\r\n"))
			(void)!say(c, peer.says.http, "");
		(void)close(c);
	}
	return NULL;
}

static void
begin(struct says says)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sin);

	peer = (struct peer){.says = says};
	peer.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(peer.fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(peer.fd, 4) < 0 ||
	    getsockname(peer.fd, (struct sockaddr *)&sin, &n) < 0 ||
	    pthread_create(&peer.thread, NULL, serve, NULL) != 0)
		abort();
	peer.port = ntohs(sin.sin_port);
}

static void
end(void)
{
	(void)shutdown(peer.fd, SHUT_RDWR);
	(void)pthread_join(peer.thread, NULL);
	(void)close(peer.fd);
}

/* ---- letters ---- */

static unsigned made;

static int
letter(struct buf *b, void *cookie, struct err *e)
{
	const int *r = cookie;

	made++;
	if (*r < 0)
		return err_set(e, *r, "the letter's own reason");
	return buf_str(b, "Subject: x\r\n\r\n\xe5\xae\x88\xe3\x82\x8a\r\n", e);
}

static int
mail(struct says says, const char *user, bool local, int own, struct err *e)
{
	char url[64];
	struct post_server s = {.url = url, .user = user, .password = "pw", .ca = "",
	    .local = local, .seconds = 20};
	int r;

	begin(says);
	(void)snprintf(url, sizeof(url), "smtp://127.0.0.1:%u", peer.port);
	made = 0;
	*e = (struct err){0};
	r = post_mail(&s, "a@example.jp", "b@example.jp", letter, &own, e);
	end();
	return r;
}

static void
letters(void)
{
	static const struct {
		const char *what;
		struct says says;
		int want;
		unsigned made;
		const char *words;
	} t[] = {
	    {"no such receiver", {.rcpt = "550 nobody\r\n"}, E_INVAL, 0, "refuses it"},
	    {"a letter that is not wanted", {.end = "552 too large\r\n"}, E_INVAL, 1, "refuses it"},
	    {"a greeting that is none", {.greeting = "554 go away\r\n"}, E_AUTH, 0, "refuses us"},
	    {"a sender who is not welcome", {.mail = "550 not you\r\n"}, E_AUTH, 0, "refuses us"},
	    {"no data from us", {.data = "554 no\r\n"}, E_AUTH, 0, "refuses us"},
	    {"a server that is busy", {.mail = "451 later\r\n"}, E_NET, 0, ""},
	    {"one that is full", {.end = "452 later\r\n"}, E_NET, 1, ""},
	    {"one that hangs up", {.greeting = ""}, E_NET, 0, ""},
	    {"one that hangs up after the letter", {.end = ""}, E_NET, 1, ""},
	};
	struct err e;

	EQ_I(mail((struct says){0}, "", true, 0, &e), 0, "a letter is taken");
	OK(strstr(peer.seen, "MAIL FROM:<a@example.jp>") &&
	        strstr(peer.seen, "RCPT TO:<b@example.jp>") &&
	        strstr(peer.seen, "Subject: x\r\n\r\n\xe5\xae\x88\xe3\x82\x8a\r\n"), "as it is");
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		EQ_I(mail(t[i].says, "", true, 0, &e), t[i].want, t[i].what);
		if (!OK(made == t[i].made && strstr(e.msg, t[i].words), "and it says so"))
			printf("#   %u, %s\n", made, e.msg);
	}
	EQ_I(mail((struct says){0}, "u", true, 0, &e), 0, "signed in");
	EQ_I(mail((struct says){.auth = "535 no\r\n"}, "u", true, 0, &e), E_AUTH, "not signed in");
	OK(strstr(e.msg, "password") && !strstr(e.msg, "pw"), "it says what, not which");
	EQ_I(mail((struct says){0}, "", true, E_BUSY, &e), E_BUSY, "a letter that cannot be made");
	EQ_S(e.msg, "the letter's own reason", "has its own reason");
	OK(!strstr(peer.seen, "taken"), "and is not sent by half");
	EQ_I(mail((struct says){0}, "", false, 0, &e), E_AUTH, "no TLS where it is asked for");
	OK(made == 0, "nothing was said in clear");
}

static void
nobody(void)
{
	struct post_server s = {.url = "smtp://127.0.0.1:1", .user = "", .ca = "", .local = true,
	    .seconds = 5};
	struct err e = {0};
	int own = 0;

	EQ_I(post_mail(&s, "a@b.jp", "c@d.jp", letter, &own, &e), E_NET, "nobody is there");
	s.url = "smtp://192.0.2.1:25";
	EQ_I(post_mail(&s, "a@b.jp", "c@d.jp", letter, &own, &e), E_AUTH,
	    "without TLS only this machine");
}

/* ---- notes ---- */

static int
note(const char *http, const char *scheme, bool inside, long *status, struct err *e)
{
	static const char *const headers[] = {"content-type: application/json", NULL};
	char url[64];
	struct post_note n = {.url = url, .headers = headers, .p = "{\"a\":1}", .n = 7,
	    .inside = inside, .ca = "", .seconds = 10};
	int r;

	begin((struct says){.http = http});
	(void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/in", scheme, peer.port);
	*e = (struct err){0};
	r = post_note(&n, status, e);
	end();
	return r;
}

#define ANSWER(status) "HTTP/1.1 " status " x\r\nConnection: close\r\nContent-Length: 0\r\n"

static void
notes(void)
{
	struct err e;
	long status = 0;

	EQ_I(note(ANSWER("204") "\r\n", "http", true, &status, &e), 0, "a note is taken");
	EQ_I(status, 204, "which is said");
	OK(strncmp(peer.seen, "POST /in HTTP/1.1\r\n", 19) == 0 &&
	        strstr(peer.seen, "content-type: application/json\r\n"), "as a POST");
	EQ_I(note(ANSWER("500") "\r\n", "http", true, &status, &e), 0, "an answer that refuses");
	EQ_I(status, 500, "is an answer");
	EQ_I(note(ANSWER("302") "Location: /there\r\n\r\n", "http", true, &status, &e), 0,
	    "an answer that sends elsewhere");
	OK(status == 302 && peer.met == 1, "is not followed");
	EQ_I(note("HTTP/1.1 200 x\r\nContent-Length: 10\r\n\r\nhalf", "http", true, &status, &e),
	    0, "half an answer");
	EQ_I(status, 200, "is enough");
	EQ_I(note("", "http", true, &status, &e), E_NET, "none is not");
	EQ_I(note(ANSWER("200") "\r\n", "http", false, &status, &e), E_INVAL, "in clear");
	EQ_I(note(ANSWER("200") "\r\n", "https", false, &status, &e), E_INVAL, "into the house");
	OK(strstr(e.msg, "private") && peer.met == 0, "is not even tried");
	OK(note(ANSWER("200") "\r\n", "https", true, &status, &e) < 0 && status == 0,
	    "who does not speak TLS");
}

int
main(void)
{
	(void)alarm(120);
	letters();
	nobody();
	notes();
	return tap_done();
}
