#include "post/post.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"

enum where { ANYWHERE, OUTSIDE, THIS_MACHINE };

struct call {
	enum where where;
	bool refused; /* an address was not allowed */
	char why[CURL_ERROR_SIZE];
	/* of a letter */
	post_fn *fn;
	void *cookie;
	struct buf letter;
	size_t sent;
	bool made;
	int made_code;
	struct err made_err;
};

static void
start_curl(void)
{
	static bool done; /* the command line has one thread when it comes here */

	if (!done)
		(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	done = true;
}

static curl_socket_t
on_open(void *cookie, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct call *c = cookie;

	(void)purpose;
	if ((c->where == OUTSIDE && post_private(&a->addr)) ||
	    (c->where == THIS_MACHINE && !post_loopback(&a->addr))) {
		c->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t
on_read(char *p, size_t size, size_t n, void *cookie)
{
	struct call *c = cookie;

	n *= size;
	if (!c->made) {
		c->made = true;
		c->made_code = c->fn(&c->letter, c->cookie, &c->made_err);
	}
	if (c->made_code < 0)
		return CURL_READFUNC_ABORT;
	if (n > c->letter.len - c->sent)
		n = c->letter.len - c->sent;
	if (n > 0)
		(void)memcpy(p, c->letter.p + c->sent, n);
	c->sent += n;
	return n;
}

static size_t
on_body(char *p, size_t size, size_t n, void *cookie)
{
	(void)p, (void)cookie;
	return size * n; /* what a stranger says is not kept */
}

#define SET(o, v) (void)curl_easy_setopt(h, o, v)

static void
common(CURL *h, struct call *c, const char *url, const char *ca, int seconds)
{
	SET(CURLOPT_URL, url);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (ca && *ca)
		SET(CURLOPT_CAINFO, ca);
	SET(CURLOPT_CONNECTTIMEOUT, seconds < 10 ? (long)seconds : 10L);
	SET(CURLOPT_TIMEOUT, (long)seconds);
	SET(CURLOPT_ERRORBUFFER, c->why);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, (void *)c);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_FORBID_REUSE, 1L);
}

static const char *
why(const struct call *c, CURLcode code)
{
	return c->why[0] ? c->why : curl_easy_strerror(code);
}

/* about_letter(c): Whether a refusal was about this letter (its receiver, or what is in it) and not
 * about us: the greeting, EHLO, the sign-in, the sender and a DATA that nobody wants come to each
 * letter alike, and some day no more. libcurl says only in its words which command failed. */
static bool
about_letter(const struct call *c)
{
	return c->made || strncmp(c->why, "RCPT", 4) == 0;
}

/* failed(c, code, status, e): What a failure of libcurl means for whoever sends. */
static int
failed(const struct call *c, CURLcode code, long status, struct err *e)
{
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OUT_OF_MEMORY:
		return err_set(e, E_NOMEM, "no memory");
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_USE_SSL_FAILED:
		return err_set(e, E_AUTH,
		    "the server is not who it should be, or offers no TLS: %.200s", why(c, code));
	case CURLE_LOGIN_DENIED:
		return err_set(e, E_AUTH, "the server refuses the user or the password");
	default:
		break;
	}
	if (c->refused)
		return err_set(e, c->fn ? E_AUTH : E_INVAL, c->where == THIS_MACHINE
		    ? "without TLS only a server on this machine is spoken to"
		    : "the address lies in a private network");
	if (status >= 500 && status <= 559 && about_letter(c))
		return err_set(e, E_INVAL, "the server refuses it: %.200s", why(c, code));
	if (status >= 500 && status <= 559)
		return err_set(e, E_AUTH, "the server refuses us: %.200s", why(c, code));
	return err_set(e, E_NET, "%.240s", why(c, code));
}

int
post_mail(const struct post_server *s, const char *from, const char *to, post_fn *fn,
    void *cookie, struct err *e)
{
	bool clear = strncmp(s->url, "smtp://", 7) == 0;
	struct call c = {.where = clear && s->local ? THIS_MACHINE : ANYWHERE, .fn = fn,
	    .cookie = cookie};
	struct curl_slist *rcpt = NULL;
	char from_angle[300], to_angle[300];
	CURLcode code;
	long status = 0;
	CURL *h;
	int r;

	start_curl();
	h = curl_easy_init();
	(void)snprintf(from_angle, sizeof(from_angle), "<%s>", from);
	(void)snprintf(to_angle, sizeof(to_angle), "<%s>", to);
	rcpt = curl_slist_append(NULL, to_angle);
	if (!h || !rcpt) {
		curl_easy_cleanup(h);
		curl_slist_free_all(rcpt);
		return err_set(e, E_NOMEM, "no memory for a letter");
	}
	buf_init(&c.letter, POST_LETTER);
	common(h, &c, s->url, s->ca, s->seconds > 0 ? s->seconds : 60);
	SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	SET(CURLOPT_USE_SSL, clear && s->local ? (long)CURLUSESSL_TRY : (long)CURLUSESSL_ALL);
	SET(CURLOPT_MAIL_FROM, from_angle);
	SET(CURLOPT_MAIL_RCPT, rcpt);
	SET(CURLOPT_UPLOAD, 1L);
	SET(CURLOPT_READFUNCTION, on_read);
	SET(CURLOPT_READDATA, (void *)&c);
	if (s->user && *s->user) {
		SET(CURLOPT_USERNAME, s->user);
		SET(CURLOPT_PASSWORD, s->password ? s->password : "");
	}
	code = curl_easy_perform(h);
	(void)curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	r = failed(&c, code, status, e);
	if (c.made_code < 0) {
		r = c.made_code;
		if (e)
			*e = c.made_err;
	}
	curl_easy_cleanup(h);
	curl_slist_free_all(rcpt);
	buf_free(&c.letter);
	return r;
}

static struct curl_slist *
headers_of(const char *const *v)
{
	struct curl_slist *l = curl_slist_append(NULL, "Expect:"), *n;

	for (; l && *v; v++) {
		n = curl_slist_append(l, *v);
		if (!n) {
			curl_slist_free_all(l);
			return NULL;
		}
		l = n;
	}
	return l;
}

int
post_note(const struct post_note *t, long *ret_status, struct err *e)
{
	bool tls = strncmp(t->url, "https://", 8) == 0;
	struct call c = {.where = !tls ? THIS_MACHINE : t->inside ? ANYWHERE : OUTSIDE};
	struct curl_slist *l;
	CURLcode code;
	CURL *h;
	int r;

	if (!tls && !t->inside)
		return err_set(e, E_INVAL, "only https:// is spoken");
	start_curl();
	h = curl_easy_init();
	l = headers_of(t->headers);
	if (!h || !l) {
		curl_easy_cleanup(h);
		curl_slist_free_all(l);
		return err_set(e, E_NOMEM, "no memory for a note");
	}
	common(h, &c, t->url, t->ca, t->seconds > 0 ? t->seconds : 15);
	SET(CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_USERAGENT, "mamori/" MAMORI_VERSION);
	SET(CURLOPT_HTTPHEADER, l);
	SET(CURLOPT_POSTFIELDS, t->p);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->n);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)(1 << 20));
	code = curl_easy_perform(h);
	*ret_status = 0;
	(void)curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, ret_status);
	r = failed(&c, code, 0, e);
	if (r == E_NET && *ret_status > 0)
		r = 0; /* it was answered; what came behind does not matter */
	curl_easy_cleanup(h);
	curl_slist_free_all(l);
	return r;
}
#undef SET
