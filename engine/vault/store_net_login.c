/* Which machines this one is enrolled with: STATE/vault/remote/<address>.<rights>.pem, each with
 * the private key, its certificate and the server's authority. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "crypt/digest.h"
#include "net/ca.h"
#include "net/code.h"
#include "vault/store_net_int.h"

enum { MAX_LOGIN = 32 << 10, DIAL_MS = 10000, SHAKE_MS = 15000 };

static const char marker[] = "-----END CERTIFICATE-----";
static const char opening[] = "-----BEGIN CERTIFICATE-----";

int
store_net_where(const char *url, struct store_net_where *ret, struct err *e)
{
	const char *at = url + strlen(STORE_NET_PREFIX), *slash;
	size_t n;
	int r;

	if (strncmp(url, STORE_NET_PREFIX, strlen(STORE_NET_PREFIX)) != 0)
		return err_set(e, E_INVAL, "an address begins with %s", STORE_NET_PREFIX);
	slash = strchr(at, '/');
	if (!slash)
		return err_set(e, E_INVAL, "%.100s: the vault's name is missing "
		    "(mamori://HOST:PORT/NAME)", url);
	r = net_addr_get(at, (size_t)(slash - at), &ret->addr, e);
	if (r < 0)
		return r;
	n = strlen(slash + 1);
	if (n > 0 && slash[n] == '/')
		n--;
	if (n > WIRE_MAX_NAME)
		n = 0;
	(void)memcpy(ret->name, slash + 1, n);
	ret->name[n] = 0;
	if (!wire_name_ok(ret->name))
		return err_set(e, E_INVAL,
		    "%.100s: a vault's name has letters, digits, '.', '_' and "
		    "'-'",
		    url);
	return 0;
}

/* file_of(w, rights, out): ${rights}: "w", "r" or "wr". */
static void
file_of(const struct store_net_where *w, const char *rights, char out[96])
{
	struct buf AUTO(buf_free) b = {0};
	uint8_t d[DIGEST_LEN];
	char hex[2 * 16 + 1];

	buf_init(&b, 1024);
	if (buf_fmt(&b, NULL, "%s %s %s", w->addr.host, w->addr.port, w->name) < 0)
		buf_clear(&b);
	digest_sha256(b.p ? (const char *)b.p : "", b.len, d);
	hex_put(hex, d, 16);
	(void)snprintf(out, 96, "vault/remote/%s.%s.pem", hex, rights);
}

static int
load_file(const struct store_net_where *w, const struct store_env *env, const char *rights,
    struct buf *text, struct err *e)
{
	char path[96];

	file_of(w, rights, path);
	buf_clear(text);
	return fio_slurp(env->f, env->statefd, path, text, e);
}

static int
make_side(struct buf *text, struct tls_side **ret, struct err *e)
{
	struct tls_config c = {.cert = buf_cstr(text, e)};

	if (!c.cert)
		return E_NOMEM;
	c.key = c.cert;
	c.ca = strstr(c.cert, marker); /* after the first certificate comes the authority's */
	if (!c.ca)
		return err_set(e, E_CORRUPT, "the login kept here is damaged; enrol again");
	c.ca += sizeof(marker) - 1;
	return tls_side_new(&c, ret, e);
}

int
net_login_load(const char *url, const struct store_env *env, struct net_login *ret, struct err *e)
{
	static const char *const to_write[] = {"w", "wr", NULL};
	static const char *const to_read[] = {"wr", "r", "w", NULL};
	struct buf AUTO(buf_free) text = {0};
	int r = store_net_where(url, &ret->where, e);

	if (r < 0)
		return r;
	buf_init(&text, MAX_LOGIN);
	ret->wait_ms = env->wait_ms;
	r = E_NOENT;
	for (const char *const *k = env->writing ? to_write : to_read;
	     *k && r == E_NOENT && env->statefd >= 0; k++) {
		r = load_file(&ret->where, env, *k, &text, e);
		file_of(&ret->where, *k, ret->file);
	}
	if (r == E_NOENT)
		return err_set(e, E_AUTH,
		    "this machine is not enrolled with %.80s%s: let its operator "
		    "print a code, then: mamori vault enrol %.120s --code-file FILE",
		    ret->where.addr.host, env->writing ? " for adding" : "", url);
	if (r == 0)
		r = make_side(&text, &ret->side, e);
	ret->days = CA_CLIENT_DAYS;
	if (r == 0 && env->now)
		r = ca_left((const char *)text.p, env->now(), &ret->days, e);
	if (text.p)
		explicit_bzero(text.p, text.cap);
	return r;
}

void
net_login_free(struct net_login *l)
{
	tls_side_free(l->side);
	l->side = NULL;
}

/* ---- renewal ---- */

/* renewed(old, cert, n, ret, e): The login with another certificate in the place of its own. */
static int
renewed(struct buf *old, const void *cert, size_t n, struct buf *ret, struct err *e)
{
	const char *text = buf_cstr(old, e);
	const char *from = text ? strstr(text, opening) : NULL;
	const char *to = from ? strstr(from, marker) : NULL;
	struct tls_side *proof = NULL;
	int r;

	if (!to)
		return text ? err_set(e, E_CORRUPT, "the login kept here is damaged; enrol again") :
		    E_NOMEM;
	to += sizeof(marker) - 1;
	to += *to == '\n';
	r = buf_put(ret, text, (size_t)(from - text), e);
	if (r == 0)
		r = buf_put(ret, cert, n, e);
	if (r == 0)
		r = buf_put(ret, to, strlen(to), e);
	if (r == 0)
		r = make_side(ret, &proof, e); /* key, certificate and authority belong together */
	tls_side_free(proof);
	return r;
}

int
net_login_renew(struct net_login *l, const struct store_env *env, struct line *line,
    struct err *e)
{
	struct buf AUTO(buf_free) text = {0}, spki = {0}, fresh = {0};
	struct wire_msg m = {.kind = WIRE_RENEW};
	struct answer a;
	int r;

	if (l->days > CA_CLIENT_DAYS / 3)
		return 0;
	buf_init(&text, MAX_LOGIN);
	buf_init(&fresh, MAX_LOGIN);
	buf_init(&spki, CA_MAX_SPKI);
	answer_init(&a);
	r = fio_slurp(env->f, env->statefd, l->file, &text, e);
	if (r == 0)
		r = buf_cstr(&text, e) ? ca_spki_of((const char *)text.p, &spki, e) : E_NOMEM;
	m.a = spki.p;
	m.an = spki.len;
	if (r == 0)
		r = line_ask(line, &m, WIRE_OK, &a, e);
	if (r == 0)
		r = renewed(&text, a.m.a, a.m.an, &fresh, e);
	if (r == 0)
		r = fio_replace(env->f, env->statefd, l->file, fresh.p, fresh.len, 0600, e);
	answer_free(&a);
	if (text.p)
		explicit_bzero(text.p, text.cap);
	if (fresh.p)
		explicit_bzero(fresh.p, fresh.cap);
	return r == 0 ? 1 : r;
}

/* ---- enrolment ---- */

/* pending_key(env, w, key, spki, e): The key for this address, made before the first try and kept
 * over a lost answer, so that a code can be given again. */
static int
pending_key(const struct store_env *env, const struct store_net_where *w, struct buf *key,
    struct buf *spki, struct err *e)
{
	struct buf AUTO(buf_free) made = {0};
	char path[96];
	int r;

	file_of(w, "new", path);
	buf_init(&made, MAX_LOGIN);
	r = fio_mkdir(env->f, env->statefd, "vault", 0700, e);
	if (r == 0)
		r = fio_mkdir(env->f, env->statefd, "vault/remote", 0700, e);
	if (r < 0)
		return r;
	if (fio_slurp(env->f, env->statefd, path, &made, NULL) == 0 && made.len > 4) {
		size_t n = le32_get(made.p);

		if (n < made.len - 4 && made.len - 4 - n <= CA_MAX_SPKI) {
			r = buf_put(key, made.p + 4, n, e);
			if (r == 0)
				r = buf_put(spki, made.p + 4 + n, made.len - 4 - n, e);
			explicit_bzero(made.p, made.cap);
			return r;
		}
	}
	buf_clear(&made);
	r = ca_key(key, spki, e);
	if (r == 0)
		r = buf_u32(&made, (uint32_t)key->len, e);
	if (r == 0)
		r = buf_put(&made, key->p, key->len, e);
	if (r == 0)
		r = buf_put(&made, spki->p, spki->len, e);
	if (r == 0)
		r = fio_replace(env->f, env->statefd, path, made.p, made.len, 0600, e);
	if (made.p)
		explicit_bzero(made.p, made.cap);
	return r;
}

/* keep(env, url, w, key, m, e): The login, and the pending key goes. */
static int
keep(const struct store_env *env, const char *url, const struct store_net_where *w,
    const struct buf *key, const struct wire_msg *m, struct err *e)
{
	struct buf AUTO(buf_free) text = {0};
	struct tls_side *proof = NULL;
	char path[96];
	int r;

	buf_init(&text, MAX_LOGIN);
	r = buf_fmt(&text, e, "# %s\n", url);
	if (r == 0)
		r = buf_put(&text, key->p, key->len, e);
	if (r == 0)
		r = buf_put(&text, m->a, m->an, e);
	if (r == 0)
		r = buf_put(&text, m->b, m->bn, e);
	if (r == 0)
		r = make_side(&text, &proof, e); /* all three belong together */
	tls_side_free(proof);
	file_of(w, m->may == (WIRE_MAY_READ | WIRE_MAY_WRITE) ? "wr" :
	    m->may == WIRE_MAY_READ ? "r" : "w", path);
	if (r == 0)
		r = fio_replace(env->f, env->statefd, path, text.p, text.len, 0600, e);
	if (r == 0) {
		file_of(w, "new", path);
		(void)fio_unlink(env->f, env->statefd, path, NULL);
	}
	if (text.p)
		explicit_bzero(text.p, text.cap);
	return r;
}

/* present(w, c, m, a, e): Connect with the code, and ask. */
static int
present(const struct store_net_where *w, const struct code *c, const struct wire_msg *m,
    struct answer *a, struct err *e)
{
	struct tls_config cfg = {.code_id = c->id, .code_key = c->key};
	struct net_login login = {.where = *w};
	struct line *l = NULL;
	int r = tls_side_new(&cfg, &login.side, e);

	if (r == 0)
		r = line_new(&login, &l, e);
	if (r == 0) {
		r = line_ask(l, m, WIRE_OK, a, e);
		line_put(l);
	}
	net_login_free(&login);
	return r;
}

int
store_net_enrol(const char *url, const char *code, size_t n, const char *machine,
    const struct store_env *env, struct store_net_enrolled *ret, struct err *e)
{
	struct wire_msg m = {.kind = WIRE_ENROL, .vmin = WIRE_VERSION, .vmax = WIRE_VERSION};
	struct buf AUTO(buf_free) key = {0}, spki = {0};
	struct store_net_where w;
	struct answer a;
	struct code c;
	int r = store_net_where(url, &w, e);

	buf_init(&key, MAX_LOGIN);
	buf_init(&spki, CA_MAX_SPKI);
	answer_init(&a);
	if (r == 0)
		r = code_get(code, n, &c, e);
	if (r == 0)
		r = pending_key(env, &w, &key, &spki, e);
	(void)snprintf(m.name, sizeof(m.name), "%.64s", machine);
	m.a = spki.p;
	m.an = spki.len;
	m.b = (const uint8_t *)w.name;
	m.bn = r == 0 ? strlen(w.name) : 0;
	if (r == 0)
		r = present(&w, &c, &m, &a, e);
	explicit_bzero(&c, sizeof(c));
	if (r == 0)
		r = keep(env, url, &w, &key, &a.m, e);
	if (r == 0) {
		ret->may = a.m.may;
		(void)memcpy(ret->name, w.name, sizeof(ret->name));
	}
	answer_free(&a);
	if (key.p)
		explicit_bzero(key.p, key.cap);
	return r;
}
