#include "net/tls.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "crypt/digest.h"
#include "crypt/secret.h"
#include "net/net_int.h"

struct tls_side {
	SSL_CTX *ctx;
	BIO_METHOD *io;
	struct tls_config c; /* code and cookie only */
	char code_id[TLS_CODE_ID + 1];
	uint8_t code_key[TLS_CODE_KEY];
	bool with_code;
};

enum { OUT_LEN = 66 << 10 }; /* four records of 16 KiB with what TLS adds */

struct tls {
	struct tls_side *side;
	SSL *ssl;
	int fd;
	pthread_mutex_t lock; /* of ssl and out */
	uint8_t *out;         /* records of a long write, to be sent together; NULL between them */
	size_t out_n, out_at; /* filled up to; sent up to */
	atomic_bool cut;
	int64_t end; /* of all waiting; 0: none */
	bool by_code;
	char code_id[TLS_CODE_ID + 1];
};

/* ---- sockets without SIGPIPE ---- */

/* send_out(t): What was gathered. 0; -1 with errno when not all of it could be sent (now). */
static int
send_out(struct tls *t)
{
	while (t->out_at < t->out_n) {
		ssize_t k = send(t->fd, t->out + t->out_at, t->out_n - t->out_at, MSG_NOSIGNAL);

		if (k < 0)
			return -1;
		t->out_at += (size_t)k;
	}
	t->out_at = t->out_n = 0;
	return 0;
}

static int
io_write(BIO *b, const char *p, int n)
{
	struct tls *t = BIO_get_data(b);
	ssize_t k;

	BIO_clear_retry_flags(b);
	if (!t->out || (size_t)n > OUT_LEN) {
		k = t->out && send_out(t) < 0 ? -1 : send(t->fd, p, (size_t)n, MSG_NOSIGNAL);
	} else if (OUT_LEN - t->out_n < (size_t)n && send_out(t) < 0) {
		k = -1;
	} else {
		(void)memcpy(t->out + t->out_n, p, (size_t)n);
		t->out_n += (size_t)n;
		k = n;
	}
	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(b);
	return (int)k;
}

static int
io_read(BIO *b, char *p, int n)
{
	struct tls *t = BIO_get_data(b);
	ssize_t k = recv(t->fd, p, (size_t)n, 0);

	BIO_clear_retry_flags(b);
	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(b);
	return (int)k;
}

static long
io_ctrl(BIO *b, int cmd, long n, void *p)
{
	(void)b, (void)n, (void)p;
	return cmd == BIO_CTRL_FLUSH;
}

static int
io_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

static BIO_METHOD *
io_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "mamori socket");

	if (m && BIO_meth_set_write(m, io_write) && BIO_meth_set_read(m, io_read) &&
	    BIO_meth_set_ctrl(m, io_ctrl) && BIO_meth_set_create(m, io_create))
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* ---- errors ---- */

int
net_fail(struct err *e, int code, const char *what)
{
	unsigned long x = ERR_peek_last_error();
	const char *why = x ? ERR_reason_error_string(x) : NULL;

	if (x && ERR_GET_REASON(x) == ERR_R_MALLOC_FAILURE)
		code = E_NOMEM;
	ERR_clear_error();
	return why ? err_set(e, code, "%s: %s", what, why) : err_set(e, code, "%s", what);
}

/* ---- codes ---- */

/* code_session(ssl, key): What TLS calls a session, made from a key both sides know. */
static SSL_SESSION *
code_session(SSL *ssl, const uint8_t key[TLS_CODE_KEY])
{
	static const unsigned char suite[] = {0x13, 0x02}; /* TLS_AES_256_GCM_SHA384 */
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	SSL_SESSION *s = SSL_SESSION_new();

	if (s && cipher && SSL_SESSION_set1_master_key(s, key, TLS_CODE_KEY) &&
	    SSL_SESSION_set_cipher(s, cipher) &&
	    SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION))
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

static int
on_code_server(SSL *ssl, const unsigned char *id, size_t n, SSL_SESSION **ret)
{
	struct tls *t = SSL_get_app_data(ssl);
	uint8_t key[TLS_CODE_KEY];

	*ret = NULL;
	if (n == 0 || n > TLS_CODE_ID || !t->side->c.code || memchr(id, 0, n))
		return 1; /* no such code: an ordinary handshake */
	(void)memcpy(t->code_id, id, n);
	t->code_id[n] = 0;
	if (t->side->c.code(t->side->c.cookie, t->code_id, key))
		*ret = code_session(ssl, key);
	explicit_bzero(key, sizeof(key));
	return 1;
}

static int
on_code_client(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *n, SSL_SESSION **ret)
{
	struct tls *t = SSL_get_app_data(ssl);

	*ret = NULL;
	if (md && EVP_MD_get_type(md) != NID_sha384)
		return 1;
	*ret = code_session(ssl, t->side->code_key);
	*id = (const unsigned char *)t->side->code_id;
	*n = strlen(t->side->code_id);
	return *ret != NULL;
}

/* ---- whom to trust ---- */

/* The server hears everybody out and answers in words (tls_peer). */
static int
verify_server(int ok, X509_STORE_CTX *x)
{
	(void)ok, (void)x;
	return 1;
}

/* A certificate that is not valid yet says that one of two clocks is wrong, no more: the authority
 * was pinned when this machine was enrolled. */
static int
verify_client(int ok, X509_STORE_CTX *x)
{
	if (!ok && X509_STORE_CTX_get_error(x) == X509_V_ERR_CERT_NOT_YET_VALID) {
		X509_STORE_CTX_set_error(x, X509_V_OK);
		return 1;
	}
	return ok;
}

static int
no_passphrase(char *p, int n, int w, void *u)
{
	(void)p, (void)n, (void)w, (void)u;
	return -1;
}

static int
load(struct tls_side *s, const struct tls_config *c, struct err *e)
{
	BIO *b = BIO_new_mem_buf(c->cert, -1), *k = BIO_new_mem_buf(c->key, -1);
	BIO *a = BIO_new_mem_buf(c->ca, -1);
	X509 *cert = b ? PEM_read_bio_X509(b, NULL, no_passphrase, NULL) : NULL;
	X509 *ca = a ? PEM_read_bio_X509(a, NULL, no_passphrase, NULL) : NULL;
	EVP_PKEY *key = k ? PEM_read_bio_PrivateKey(k, NULL, no_passphrase, NULL) : NULL;
	X509_STORE *store = SSL_CTX_get_cert_store(s->ctx);
	int r = 0;

	if (!cert || !ca || !key || SSL_CTX_use_certificate(s->ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey(s->ctx, key) != 1 || SSL_CTX_check_private_key(s->ctx) != 1 ||
	    X509_STORE_add_cert(store, ca) != 1)
		r = net_fail(e, E_CORRUPT, "the certificate and key of this machine do not hold");
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	BIO_free(b);
	BIO_free(k);
	BIO_free(a);
	return r;
}

int
tls_side_new(const struct tls_config *c, struct tls_side **ret, struct err *e)
{
	char groups[] = "X25519:P-256"; /* the macro takes the const away */
	struct tls_side *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return err_set(e, E_NOMEM, "no memory");
	s->c.server = c->server;
	s->c.code = c->code;
	s->c.cookie = c->cookie;
	s->io = io_method();
	s->ctx = SSL_CTX_new(c->server ? TLS_server_method() : TLS_client_method());
	if (!s->io || !s->ctx || SSL_CTX_set_min_proto_version(s->ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(s->ctx, "TLS_AES_256_GCM_SHA384") != 1 ||
	    SSL_CTX_set1_groups_list(s->ctx, groups) != 1 ||
	    SSL_CTX_set_num_tickets(s->ctx, 0) != 1)
		r = net_fail(e, E_SYS, "cannot prepare TLS");
	if (r == 0) {
		(void)SSL_CTX_set_options(s->ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
		(void)SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
		(void)SSL_CTX_set_mode(s->ctx, SSL_MODE_RELEASE_BUFFERS |
		    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		/* several records with one system call */
		SSL_CTX_set_read_ahead(s->ctx, 1);
		SSL_CTX_set_default_read_buffer_len(s->ctx, 64 << 10);
		SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER |
		    (c->server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
		    c->server ? verify_server : verify_client);
	}
	if (r == 0 && c->cert)
		r = load(s, c, e);
	if (r == 0 && c->server &&
	    SSL_CTX_set_session_id_context(s->ctx, (const uint8_t *)"mamori", 6) != 1)
		r = net_fail(e, E_SYS, "cannot prepare TLS");
	if (r == 0 && c->server)
		SSL_CTX_set_psk_find_session_callback(s->ctx, on_code_server);
	if (r == 0 && c->code_id) {
		(void)memcpy(s->code_id, c->code_id, strnlen(c->code_id, TLS_CODE_ID));
		(void)memcpy(s->code_key, c->code_key, TLS_CODE_KEY);
		s->with_code = true;
		SSL_CTX_set_psk_use_session_callback(s->ctx, on_code_client);
	}
	if (r < 0) {
		tls_side_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void
tls_side_free(struct tls_side *s)
{
	if (!s)
		return;
	SSL_CTX_free(s->ctx);
	BIO_meth_free(s->io);
	explicit_bzero(s->code_key, sizeof(s->code_key));
	free(s);
}

/* ---- waiting ---- */

static int64_t
mono_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ready(t, want, until, e): Wait until the socket can be read or written. */
static int
ready(struct tls *t, int want, int64_t until, struct err *e)
{
	for (;;) {
		struct pollfd p = {
			.fd = t->fd, .events = want == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN,
		};
		int64_t left = (t->end && t->end < until ? t->end : until) - mono_ms();
		int r;

		if (atomic_load(&t->cut))
			return err_set(e, E_NET, "the line was cut");
		if (left <= 0)
			return err_set(e, E_NET, "no answer in time");
		r = poll(&p, 1, left > 1000 ? 1000 : (int)left);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return err_sys(e, "cannot wait for the network");
	}
}

/* broken(t, e): Why TLS gave up, in words. */
static int
broken(struct tls *t, int ssl_error, struct err *e)
{
	unsigned long x = ERR_peek_last_error();
	int reason = x ? ERR_GET_REASON(x) : 0;

	if (ssl_error == SSL_ERROR_ZERO_RETURN)
		return err_set(e, E_NET, "the other side closed the line");
	if (ssl_error == SSL_ERROR_SYSCALL || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		ERR_clear_error();
		return err_set(e, E_NET, "the line was cut");
	}
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && !t->side->c.server) {
		long v = SSL_get_verify_result(t->ssl);

		ERR_clear_error();
		if (v == X509_V_ERR_CERT_HAS_EXPIRED)
			return err_set(e, E_AUTH, "the other machine's certificate has expired, by "
			    "the clock of this machine; check the clock first");
		return err_set(e, E_AUTH, "this is another machine than the one this one was "
		    "enrolled with");
	}
	if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_UNSUPPORTED_PROTOCOL ||
	    reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION || reason == SSL_R_HTTP_REQUEST)
		return net_fail(e, E_PROTO, "the other side does not speak TLS 1.3");
	/* a client tries again; a server has seen bytes that somebody changed, or made up */
	return net_fail(e, t->side->c.server ? E_PROTO : E_NET, "TLS failed");
}

/* ---- connections ---- */

static int
handshake(struct tls *t, int ms, struct err *e)
{
	int64_t until = mono_ms() + ms;

	for (;;) {
		int k, x, r;

		ERR_clear_error();
		k = t->side->c.server ? SSL_accept(t->ssl) : SSL_connect(t->ssl);
		if (k == 1)
			return 0;
		x = SSL_get_error(t->ssl, k);
		if (x != SSL_ERROR_WANT_READ && x != SSL_ERROR_WANT_WRITE)
			return broken(t, x, e);
		r = ready(t, x, until, e);
		if (r < 0)
			return r;
	}
}

static int
set_up(struct tls *t, struct err *e)
{
	BIO *b = BIO_new(t->side->io);

	t->ssl = SSL_new(t->side->ctx);
	if (!b || !t->ssl) {
		BIO_free(b);
		return net_fail(e, E_NOMEM, "no memory for a connection");
	}
	BIO_set_data(b, t);
	SSL_set_bio(t->ssl, b, b);
	(void)SSL_set_app_data(t->ssl, t);
	if (t->side->with_code) /* the code speaks for both, and nothing else is accepted below */
		SSL_set_verify(t->ssl, SSL_VERIFY_NONE, NULL);
	return 0;
}

int
tls_open(struct tls_side *s, int fd, int ms, struct tls **ret, struct err *e)
{
	struct tls *t = calloc(1, sizeof(*t));
	int r;

	if (!t) {
		(void)close(fd);
		return err_set(e, E_NOMEM, "no memory");
	}
	t->side = s;
	t->fd = fd;
	(void)pthread_mutex_init(&t->lock, NULL);
	r = net_socket(fd, e);
	if (r == 0)
		r = set_up(t, e);
	if (r == 0)
		r = handshake(t, ms, e);
	if (r == 0)
		t->by_code = SSL_session_reused(t->ssl) == 1;
	if (r == 0 && s->with_code && !t->by_code)
		r = err_set(e, E_AUTH,
		    "the other machine does not know this code: it was mistyped, "
		    "used already, or has expired");
	if (r < 0) {
		tls_close(t);
		return r;
	}
	*ret = t;
	return 0;
}

void
tls_until(struct tls *t, int ms)
{
	t->end = ms ? mono_ms() + ms : 0;
}

void
tls_close(struct tls *t)
{
	if (!t)
		return;
	if (t->ssl && SSL_is_init_finished(t->ssl))
		(void)SSL_shutdown(t->ssl); /* says goodbye; nobody waits for the answer */
	ERR_clear_error();
	SSL_free(t->ssl);
	(void)close(t->fd);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

void
tls_cut(struct tls *t)
{
	atomic_store(&t->cut, true);
	(void)shutdown(t->fd, SHUT_RDWR);
}

bool
tls_by_code(const struct tls *t, char ret_id[TLS_CODE_ID + 1])
{
	(void)memcpy(ret_id, t->by_code ? t->code_id : "", t->by_code ? TLS_CODE_ID + 1 : 1);
	return t->by_code;
}

int
tls_peer(const struct tls *t, uint8_t print[TLS_PRINT], struct err *e)
{
	X509 *x = SSL_get0_peer_certificate(t->ssl);
	long v = SSL_get_verify_result(t->ssl);
	unsigned char *der = NULL;
	int n;

	if (!x)
		return err_set(e, E_AUTH, "no certificate was shown");
	if (v == X509_V_ERR_CERT_HAS_EXPIRED)
		return err_set(e, E_AUTH, "the certificate has expired; enrol this machine again");
	if (v == X509_V_ERR_CERT_NOT_YET_VALID)
		return err_set(e, E_AUTH, "the certificate is not valid yet: the clock of the "
		    "server is behind");
	if (v != X509_V_OK)
		return err_set(e, E_AUTH, "the certificate was not issued here");
	n = i2d_PUBKEY(X509_get0_pubkey(x), &der);
	if (n <= 0)
		return net_fail(e, E_AUTH, "the certificate cannot be read");
	digest_sha256(der, (size_t)n, print);
	OPENSSL_free(der);
	return 0;
}

/* ---- bytes ---- */

int
tls_read(struct tls *t, void *p, size_t n, int ms, struct err *e)
{
	uint8_t *out = p;
	size_t done = 0;

	while (done < n) {
		int64_t until = mono_ms() + ms;
		size_t k = 0;
		int x = 0, r;

		for (;;) {
			(void)pthread_mutex_lock(&t->lock);
			ERR_clear_error();
			r = SSL_read_ex(t->ssl, out + done, n - done, &k);
			if (r != 1)
				x = SSL_get_error(t->ssl, r);
			if (r != 1 && x != SSL_ERROR_WANT_READ && x != SSL_ERROR_WANT_WRITE)
				r = x == SSL_ERROR_ZERO_RETURN && done == 0 ? 0 : broken(t, x, e);
			else if (r != 1)
				r = 2;
			(void)pthread_mutex_unlock(&t->lock);
			if (r <= 0)
				return r;
			if (r == 1)
				break;
			r = ready(t, x, until, e);
			if (r < 0)
				return r;
		}
		done += k;
	}
	return 1;
}

/* some(t, p, n, ret, ret_want, e): Encrypt and send some of ${n} bytes, or of what is gathered when
 * ${n} is 0. 1: done, 2: the socket must be waited for; negative: the line is broken. */
static int
some(struct tls *t, const uint8_t *p, size_t n, size_t *ret, int *ret_want, struct err *e)
{
	int x = SSL_ERROR_WANT_WRITE, r;

	(void)pthread_mutex_lock(&t->lock);
	ERR_clear_error();
	if (n > 0) {
		r = SSL_write_ex(t->ssl, p, n, ret);
		if (r != 1)
			x = SSL_get_error(t->ssl, r);
	} else {
		r = !t->out || send_out(t) == 0 ? 1 : 0;
		if (r == 0 && errno != EAGAIN && errno != EINTR)
			x = SSL_ERROR_SYSCALL;
	}
	if (r != 1)
		r = x == SSL_ERROR_WANT_READ || x == SSL_ERROR_WANT_WRITE ? 2 : broken(t, x, e);
	(void)pthread_mutex_unlock(&t->lock);
	*ret_want = x;
	return r;
}

/* gather(t, on): From now on records are sent several at a time; or no longer. Only the one thread
 * that writes calls it. */
static void
gather(struct tls *t, bool on)
{
	uint8_t *p = on ? malloc(OUT_LEN) : NULL; /* without memory they go one by one */

	(void)pthread_mutex_lock(&t->lock);
	if (!on)
		free(t->out);
	t->out = p;
	t->out_n = t->out_at = 0;
	(void)pthread_mutex_unlock(&t->lock);
}

int
tls_write(struct tls *t, const void *p, size_t n, int ms, struct err *e)
{
	const uint8_t *in = p;
	bool many = n > (16 << 10);
	size_t done = 0;
	int r = 1;

	if (many)
		gather(t, true);
	do { /* once more at the end, for what was gathered */
		int64_t until = mono_ms() + ms;
		size_t k = 0, want = n - done;
		int x = 0;

		while ((r = some(t, in + done, want, &k, &x, e)) == 2) {
			r = ready(t, x, until, e);
			if (r < 0)
				break;
		}
		done += k;
		if (want == 0)
			break;
	} while (r == 1 && (done < n || many));
	if (many)
		gather(t, false);
	return r < 0 ? r : 0;
}
