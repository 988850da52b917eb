#include "crypt/keyfile.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/num.h"
#include "crypt/secret.h"

enum { KIB_MIN = 8 * 1024, KIB_MAX = 256 * 1024, PASSES_MAX = 10, LANES_MAX = 4, SAID_MAX = 256 };

static const char mark[] = "mamori-locked-key:";

static const char words[] =
    "守り（Mamori） 承認者の鍵（パスフレーズで守られています）\n"
    "======================================================================\n"
    "この鍵は本人だけが持ちます。パスフレーズを書いた紙と一緒に置かないでください。\n"
    "パスフレーズを忘れると、この鍵は使えません。復旧鍵で、新しい鍵の人を加え直してください。\n"
    "\n"
    "An approver's key, locked with a passphrase. It is for one person alone. Without the\n"
    "passphrase it is good for nothing: name the person anew with the recovery key.\n"
    "\n";

static bool
cost_ok(const struct pwhash_cost *c)
{
	return c->scheme == PWHASH_ARGON2ID && c->memory_kib >= KIB_MIN &&
	    c->memory_kib <= KIB_MAX && c->passes >= 1 && c->passes <= PASSES_MAX &&
	    c->lanes >= 1 && c->lanes <= LANES_MAX;
}

static bool
id_ok(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] <= 0x20 || p[i] >= 0x7f)
			return false;
	return n > 0 && n < KEYFILE_ID;
}

/* said(f, b, e): What the lines before the sealed one say: it is sealed with the key, so that none
 * of them can be changed. */
static int
said(const struct keyfile *f, struct buf *b, struct err *e)
{
	char salt[2 * KEYFILE_SALT + 1];

	hex_put(salt, f->salt, KEYFILE_SALT);
	return buf_fmt(b, e, "%s v1\nfor: %s\ncost: argon2id m=%u t=%u p=%u\nsalt: %s\n", mark,
	    f->id, f->cost.memory_kib, f->cost.passes, f->cost.lanes, salt);
}

int
keyfile_put(struct buf *b, const struct keyfile *f, struct err *e)
{
	char sealed[2 * sizeof(f->sealed) + 1];
	size_t old = b->len;
	int r;

	if (!cost_ok(&f->cost) || !id_ok(f->id, strnlen(f->id, KEYFILE_ID)))
		return err_set(e, E_INVAL, "not a locked key");
	hex_put(sealed, f->sealed, sizeof(f->sealed));
	r = buf_str(b, words, e);
	if (r == 0)
		r = said(f, b, e);
	if (r == 0)
		r = buf_fmt(b, e, "sealed: %s\nend\n", sealed);
	if (r < 0)
		b->len = old;
	return r;
}

/* ---- reading ---- */

struct line {
	const char *p;
	size_t n;
};

/* next(r, l): The next line, without its end; both kinds of ends, for sticks travel. */
static bool
next(struct rd *r, struct line *l)
{
	size_t left = rd_left(r), n;
	const char *p, *nl;

	if (left == 0)
		return false;
	p = (const char *)r->p + r->pos;
	nl = memchr(p, '\n', left);
	n = nl ? (size_t)(nl - p) : left;
	(void)rd_bytes(r, nl ? n + 1 : n);
	if (n > 0 && p[n - 1] == '\r')
		n--;
	*l = (struct line){p, n};
	return true;
}

/* after(l, name, v): Whether the line is "name VALUE", and its value. */
static bool
after(const struct line *l, const char *name, struct line *v)
{
	size_t n = strlen(name);

	if (l->n < n + 1 || memcmp(l->p, name, n) != 0 || l->p[n] != ' ')
		return false;
	*v = (struct line){l->p + n + 1, l->n - n - 1};
	return true;
}

static bool
hex(const struct line *v, uint8_t *out, size_t n)
{
	char text[2 * (KEYFILE_KEY + AEAD_TAG_LEN) + 1];

	if (v->n != 2 * n || v->n >= sizeof(text))
		return false;
	(void)memcpy(text, v->p, v->n);
	text[v->n] = 0;
	return hex_get(out, n, text) == 0;
}

/* number(r, name, ret): " m=123", without leading zeros. */
static bool
number(struct rd *r, const char *name, uint32_t *ret)
{
	size_t n = strlen(name), digits = 0;
	const unsigned char *p = rd_bytes(r, n);
	uint32_t v = 0;

	if (!p || memcmp(p, name, n) != 0)
		return false;
	for (; rd_left(r) > 0 && r->p[r->pos] >= '0' && r->p[r->pos] <= '9'; digits++) {
		if (digits == 7 || (digits == 1 && v == 0))
			return false;
		v = v * 10 + (uint32_t)(rd_u8(r) - '0');
	}
	*ret = v;
	return digits > 0;
}

static bool
cost(const struct line *v, struct pwhash_cost *c)
{
	struct rd r = rd_init(v->p, v->n);

	*c = (struct pwhash_cost){.scheme = PWHASH_ARGON2ID};
	return number(&r, "argon2id m=", &c->memory_kib) && number(&r, " t=", &c->passes) &&
	    number(&r, " p=", &c->lanes) && rd_end(&r);
}

/* begin(r, ret_version): Up to the line that says what it is; false: there is none. */
static bool
begin(struct rd *r, struct line *ret_version)
{
	struct line l;

	while (next(r, &l))
		if (after(&l, mark, ret_version))
			return true;
	return false;
}

bool
keyfile_is(const void *p, size_t n)
{
	struct rd r = rd_init(p, n);
	struct line v;

	return n <= KEYFILE_MAX && begin(&r, &v);
}

/* rest(r, f): The other four lines, each where it belongs, and nothing else. */
static bool
rest(struct rd *r, struct keyfile *f)
{
	struct line l, v;

	if (!next(r, &l) || !after(&l, "for:", &v) || !id_ok(v.p, v.n))
		return false;
	(void)memcpy(f->id, v.p, v.n);
	if (!next(r, &l) || !after(&l, "cost:", &v) || !cost(&v, &f->cost))
		return false;
	if (!next(r, &l) || !after(&l, "salt:", &v) || !hex(&v, f->salt, sizeof(f->salt)))
		return false;
	if (!next(r, &l) || !after(&l, "sealed:", &v) || !hex(&v, f->sealed, sizeof(f->sealed)))
		return false;
	if (!next(r, &l) || l.n != 3 || memcmp(l.p, "end", 3) != 0)
		return false;
	while (next(r, &l))
		if (l.n > 0)
			return false;
	return true;
}

int
keyfile_get(const void *p, size_t n, struct keyfile *ret, struct err *e)
{
	struct rd r = rd_init(p, n);
	struct keyfile f = {0};
	struct line v;

	if (n > KEYFILE_MAX || !begin(&r, &v))
		return err_set(e, E_CORRUPT, "this is not a locked key");
	if (v.n != 2 || memcmp(v.p, "v1", 2) != 0)
		return err_set(e, E_PROTO, "this key was locked by a newer Mamori");
	if (!rest(&r, &f))
		return err_set(e, E_CORRUPT, "the file of this locked key is damaged");
	if (!cost_ok(&f.cost))
		return err_set(e, E_LIMIT, "the cost of this locked key is out of bounds");
	*ret = f;
	return 0;
}

/* ---- locking ---- */

/* seal(f, pass, n, in, len, out, open, e): The salt is fresh, so its key has one message. */
static int
seal(const struct keyfile *f, const void *pass, size_t n, const void *in, void *out, bool opening,
    struct err *e)
{
	static const uint8_t nonce[AEAD_NONCE_LEN];
	struct buf AUTO(buf_free) aad = {0};
	uint8_t key[AEAD_KEY_LEN];
	struct aead *a = NULL;
	int r;

	buf_init(&aad, SAID_MAX);
	r = said(f, &aad, e);
	if (r == 0)
		r = pwhash_key(&f->cost, f->salt, sizeof(f->salt), pass, n, key, e);
	if (r == 0)
		r = aead_new(key, &a, e);
	if (r == 0 && opening)
		r = aead_open(a, nonce, aad.p, aad.len, in, sizeof(f->sealed), out, e);
	else if (r == 0)
		r = aead_seal(a, nonce, aad.p, aad.len, in, KEYFILE_KEY, out, e);
	aead_free(a);
	OPENSSL_cleanse(key, sizeof(key));
	return r;
}

int
keyfile_lock(const char *id, const uint8_t key[KEYFILE_KEY], const void *pass, size_t n,
    const struct pwhash_cost *c, struct keyfile *ret, struct err *e)
{
	struct keyfile f = {.cost = *c};
	int r;

	if (!id_ok(id, strlen(id)) || !cost_ok(c))
		return err_set(e, E_INVAL, "a key cannot be locked like that");
	(void)memcpy(f.id, id, strlen(id));
	random_fill(f.salt, sizeof(f.salt));
	r = seal(&f, pass, n, key, f.sealed, false, e);
	if (r == 0)
		*ret = f;
	return r;
}

int
keyfile_open(const struct keyfile *f, const void *pass, size_t n, uint8_t key[KEYFILE_KEY],
    struct err *e)
{
	int r;

	(void)memset(key, 0, KEYFILE_KEY);
	r = seal(f, pass, n, f->sealed, key, true, e);
	if (r == E_CORRUPT || r == E_INVAL)
		r = err_set(e, E_AUTH, "the passphrase is not the one of this key");
	return r;
}
