#include "vault/book.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "net/ca.h"

enum { MAX_FILE = 16 << 10 };

/* ---- the folder and the authority ---- */

static int
make_authority(struct book *b, int64_t now, struct err *e)
{
	struct buf AUTO(buf_free) cert = {0}, key = {0};
	int r;

	buf_init(&cert, MAX_FILE);
	buf_init(&key, MAX_FILE);
	r = ca_make("Mamori vault authority", now, &cert, &key, e);
	/* the key first: a certificate whose key was lost would be believed for nothing */
	if (r == 0)
		r = fio_replace(b->f, b->fd, "ca.key", key.p, key.len, 0600, e);
	if (r == 0)
		r = fio_replace(b->f, b->fd, "ca.crt", cert.p, cert.len, 0644, e);
	if (key.p)
		explicit_bzero(key.p, key.cap);
	return r;
}

int
book_open(const struct fio *f, int rootfd, bool make, int64_t now, struct book *ret, struct err *e)
{
	struct book b = {.f = f, .fd = -1};
	int r = make ? fio_mkdir(f, rootfd, BOOK_DIR, 0700, e) : 0;

	if (r == 0)
		r = b.fd = fio_open(f, rootfd, BOOK_DIR, O_RDONLY | O_DIRECTORY, 0, e);
	if (r >= 0)
		r = 0;
	if (r == 0 && make)
		r = fio_mkdir(f, b.fd, "clients", 0700, e);
	if (r == 0 && make)
		r = fio_mkdir(f, b.fd, "codes", 0700, e);
	if (r == 0 && faccessat(b.fd, "ca.crt", F_OK, 0) != 0)
		r = make ? make_authority(&b, now, e) :
		    err_set(e, E_NOENT, "no server was set up here yet");
	if (r == 0 && make)
		r = fio_sync(f, b.fd, e);
	/* else a power cut takes the authority away that every machine believes */
	if (r == 0 && make)
		r = fio_sync(f, rootfd, e);
	if (r < 0) {
		book_close(&b);
		return r;
	}
	*ret = b;
	return 0;
}

void
book_close(struct book *b)
{
	if (b->fd >= 0)
		fio_close(b->f, b->fd);
	b->fd = -1;
}

static int
slurp(struct book *b, const char *path, struct buf *ret, struct err *e)
{
	buf_clear(ret);
	return fio_slurp(b->f, b->fd, path, ret, e);
}

/* issue(b, w, cert, e): By the authority. */
static int
issue(struct book *b, const struct ca_wish *w, struct buf *cert, struct err *e)
{
	struct buf AUTO(buf_free) ca = {0}, key = {0};
	int r;

	buf_init(&ca, MAX_FILE);
	buf_init(&key, MAX_FILE);
	r = slurp(b, "ca.crt", &ca, e);
	if (r == 0)
		r = slurp(b, "ca.key", &key, e);
	if (r == 0 && (!buf_cstr(&ca, e) || !buf_cstr(&key, e)))
		r = E_NOMEM;
	if (r == 0)
		r = ca_issue((const char *)ca.p, (const char *)key.p, w, cert, e);
	if (key.p)
		explicit_bzero(key.p, key.cap);
	return r;
}

static int
renew_server(struct book *b, int64_t now, struct err *e)
{
	struct buf AUTO(buf_free) cert = {0}, key = {0}, spki = {0};
	struct ca_wish w = {
		.name = "Mamori vault server", .server = true, .now = now, .days = CA_SERVER_DAYS,
	};
	int r;

	buf_init(&cert, MAX_FILE);
	buf_init(&key, MAX_FILE);
	buf_init(&spki, CA_MAX_SPKI);
	r = ca_key(&key, &spki, e);
	w.spki = spki.p;
	w.spki_len = spki.len;
	if (r == 0)
		r = issue(b, &w, &cert, e);
	/* both in one file: a key and another key's certificate cannot meet after a power cut */
	if (r == 0)
		r = buf_put(&key, cert.p, cert.len, e);
	if (r == 0)
		r = fio_replace(b->f, b->fd, "server.pem", key.p, key.len, 0600, e);
	if (key.p)
		explicit_bzero(key.p, key.cap);
	return r;
}

int
book_identity(struct book *b, int64_t now, struct buf *cert, struct buf *key, struct buf *ca,
    struct err *e)
{
	int days = 0;
	int r = slurp(b, "server.pem", cert, NULL);

	if (r == 0 && (!buf_cstr(cert, NULL) ||
	    ca_left((const char *)cert->p, now, &days, NULL) < 0 || days < CA_SERVER_DAYS / 3))
		r = E_NOENT;
	if (r < 0) {
		r = renew_server(b, now, e);
		if (r == 0)
			r = slurp(b, "server.pem", cert, e);
	}
	if (r == 0)
		r = buf_put(key, cert->p, cert->len, e);
	return r == 0 ? slurp(b, "ca.crt", ca, e) : r;
}

/* ---- clients ---- */

static void
client_path(const uint8_t print[TLS_PRINT], char out[96])
{
	char hex[2 * TLS_PRINT + 1];

	hex_put(hex, print, TLS_PRINT);
	(void)snprintf(out, 96, "clients/%s", hex);
}

static int
client_at(struct book *b, const char *path, struct book_client *ret, struct err *e)
{
	struct buf AUTO(buf_free) text = {0};
	int r;

	buf_init(&text, MAX_FILE);
	r = slurp(b, path, &text, e);
	return r == 0 ? book_client_get(text.p ? text.p : (const void *)"", text.len, ret, e) : r;
}

int
book_client(struct book *b, const uint8_t print[TLS_PRINT], struct book_client *ret,
    struct err *e)
{
	char path[96];
	int r;

	client_path(print, path);
	r = client_at(b, path, ret, e);
	if (r == 0 && memcmp(ret->print, print, TLS_PRINT) != 0)
		r = err_set(e, E_CORRUPT, "a client's entry is another one's");
	return r;
}

int
book_clients(struct book *b, book_client_fn *fn, void *cookie, struct err *e)
{
	int fd = fio_open(b->f, b->fd, "clients", O_RDONLY | O_DIRECTORY, 0, e);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (!d)
		return fd < 0 ? fd : err_set(e, E_NOMEM, "no memory");
	for (int n = 0; r == 0 && n < BOOK_MAX_CLIENTS && (de = readdir(d)) != NULL;) {
		uint8_t print[TLS_PRINT];
		struct book_client c;

		if (hex_get(print, TLS_PRINT, de->d_name) < 0)
			continue;
		n++;
		r = book_client(b, print, &c, e);
		if (r == 0)
			r = fn(&c, cookie);
	}
	(void)closedir(d);
	return r;
}

static int
client_save(struct book *b, const struct book_client *c, struct err *e)
{
	struct buf AUTO(buf_free) text = {0};
	char path[96];
	int r;

	buf_init(&text, MAX_FILE);
	client_path(c->print, path);
	r = book_client_put(&text, c, e);
	return r == 0 ? fio_replace(b->f, b->fd, path, text.p, text.len, 0600, e) : r;
}

int
book_revoke(struct book *b, const uint8_t print[TLS_PRINT], struct err *e)
{
	struct book_client c;
	int r = book_client(b, print, &c, e);

	if (r < 0)
		return r;
	c.revoked = true;
	return client_save(b, &c, e);
}

/* ---- codes ---- */

static void
code_path(const char *id, char out[32])
{
	(void)snprintf(out, 32, "codes/%.8s", id);
}

static int
code_save(struct book *b, const char *id, const struct book_code *c, bool fresh, struct err *e)
{
	struct buf AUTO(buf_free) text = {0};
	char path[32];
	int r;

	buf_init(&text, MAX_FILE);
	code_path(id, path);
	r = book_code_put(&text, c, e);
	if (r == 0)
		r = fresh ? fio_create(b->f, b->fd, path, text.p, text.len, 0600, e) :
		    fio_replace(b->f, b->fd, path, text.p, text.len, 0600, e);
	if (text.p)
		explicit_bzero(text.p, text.cap);
	return r;
}

int
book_code_new(struct book *b, const struct book_code *wish, char text[CODE_TEXT], struct err *e)
{
	struct book_code c = *wish;
	int r = E_EXIST;

	for (int i = 0; i < 8 && r == E_EXIST; i++) {
		struct code code;

		code_make(text);
		r = code_get(text, strlen(text), &code, e);
		if (r < 0)
			return r;
		(void)memcpy(c.key, code.key, sizeof(c.key));
		c.used = false;
		r = code_save(b, code.id, &c, true, e);
		explicit_bzero(&code, sizeof(code));
	}
	explicit_bzero(&c, sizeof(c));
	return r;
}

static bool
id_ok(const char *id)
{
	for (size_t i = 0; i < CODE_ID - 1; i++) {
		if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'A' && id[i] <= 'Z')))
			return false;
	}
	return id[CODE_ID - 1] == 0;
}

int
book_code(struct book *b, const char *id, int64_t now, struct book_code *ret, struct err *e)
{
	struct buf AUTO(buf_free) text = {0};
	char path[32];
	int r;

	if (!id_ok(id))
		return err_set(e, E_NOENT, "there is no such code");
	buf_init(&text, MAX_FILE);
	code_path(id, path);
	r = slurp(b, path, &text, e);
	if (r == 0)
		r = book_code_get(text.p ? text.p : (const void *)"", text.len, ret, e);
	if (text.p)
		explicit_bzero(text.p, text.cap);
	if (r == 0 && now >= ret->expires) {
		(void)fio_unlink(b->f, b->fd, path, NULL);
		explicit_bzero(ret, sizeof(*ret));
		return err_set(e, E_NOENT, "the code has expired");
	}
	return r;
}

static void
machine_name(const struct wire_msg *m, char out[WIRE_MAX_NAME + 1])
{
	(void)snprintf(out, WIRE_MAX_NAME + 1, "%s", m->name[0] ? m->name : "?");
}

int
book_enrol(struct book *b, const char *id, const struct wire_msg *m, int64_t now,
    struct buf *cert, struct book_client *ret, struct err *e)
{
	struct ca_wish w = {.spki = m->a, .spki_len = m->an, .now = now, .days = CA_CLIENT_DAYS};
	struct book_client c = {.since = now}, old;
	struct book_code code;
	int r = book_code(b, id, now, &code, e);

	if (r == 0)
		r = ca_spki_print(m->a ? m->a : (const void *)"", m->an, c.print, e);
	if (r == 0 && (m->bn != strlen(code.vault) || memcmp(m->b, code.vault, m->bn) != 0))
		r = err_set(e, E_INVAL, "this code is for the vault \"%s\"; nothing was used up",
		    code.vault);
	if (r == 0 && code.used && !secret_eq(code.used_by, c.print, TLS_PRINT))
		r = err_set(e, E_AUTH,
		    "this code was used already; if not by you, tell the operator of "
		    "the server at once");
	if (r == 0 && book_client(b, c.print, &old, NULL) == 0 && old.revoked)
		r = err_set(e, E_AUTH, "this machine was shut out");
	if (r == 0 && !code.used) {
		code.used = true;
		(void)memcpy(code.used_by, c.print, TLS_PRINT);
		r = code_save(b, id, &code, false, e);
	}
	machine_name(m, c.name);
	(void)memcpy(c.vault, code.vault, sizeof(c.vault));
	c.may = code.may;
	c.quota = code.quota;
	c.day = code.day;
	w.name = c.name;
	if (r == 0)
		r = issue(b, &w, cert, e);
	if (r == 0)
		r = client_save(b, &c, e);
	if (r == 0)
		*ret = c;
	explicit_bzero(&code, sizeof(code));
	return r;
}

int
book_renew(struct book *b, const struct book_client *c, const struct wire_msg *m, int64_t now,
    struct buf *cert, struct err *e)
{
	struct ca_wish w = {
	    .spki = m->a,
	    .spki_len = m->an,
	    .now = now,
	    .days = CA_CLIENT_DAYS,
	    .name = c->name,
	};
	uint8_t print[TLS_PRINT];
	int r = ca_spki_print(m->a ? m->a : (const void *)"", m->an, print, e);

	if (r == 0 && !secret_eq(print, c->print, TLS_PRINT))
		r = err_set(e, E_AUTH, "a certificate is renewed for the same key only");
	return r == 0 ? issue(b, &w, cert, e) : r;
}
