#include "identity/webauthn.h"

#include <jansson.h>
#include <string.h>

#include "base/b64.h"
#include "crypt/digest.h"
#include "crypt/pubkey.h"
#include "crypt/secret.h"
#include "crypt/sign.h"
#include "identity/cbor.h"

enum { UP = 0x01, UV = 0x04, BE = 0x08, BS = 0x10, AT = 0x40, ED = 0x80, HEAD = 37, AAGUID = 16 };
enum { KTY_OKP = 1, KTY_EC2 = 2, KTY_RSA = 3, CRV_P256 = 1, CRV_ED25519 = 6 };

/* --- COSE_Key (RFC 9052, 9053) ---------------------------------------------------------------- */

struct cose {
	int64_t kty, alg, crv;
	struct cbor x, y; /* labels -2, -3; of RSA: -1 is n, -2 is e */
	struct cbor n;
};

/* take(k, label, c): One pair; false when it is there twice or not of its type. */
static bool
take(struct cose *k, int64_t label, const struct cbor *c)
{
	int64_t v = 0;

	if (label == 1 || label == 3)
		return cbor_int(c, &v) && v != 0 &&
		    (label == 1 ? (k->kty == 0 && (k->kty = v)) : (k->alg == 0 && (k->alg = v)));
	if (label == -1 && c->kind == CBOR_BYTES) {
		k->n = *c;
		return true;
	}
	if (label == -1)
		return cbor_int(c, &v) && (k->crv = v) != 0;
	if (c->kind != CBOR_BYTES)
		return false;
	*(label == -2 ? &k->x : &k->y) = *c;
	return true;
}

static bool
cose_read(struct rd *r, struct cose *k)
{
	struct cbor map = cbor_next(r), c;
	int64_t label;
	uint32_t seen = 0;

	*k = (struct cose){.x.kind = CBOR_BAD, .y.kind = CBOR_BAD, .n.kind = CBOR_BAD};
	if (map.kind != CBOR_MAP || map.value > 16)
		return false;
	for (uint64_t i = 0; i < map.value; i++) {
		c = cbor_next(r);
		if (!cbor_int(&c, &label))
			return false;
		if (label < -3 || label > 4 || label == 2 || label == 4 || label == 0) {
			if (!cbor_skip(r)) /* kid, key_ops and what is not ours */
				return false;
			continue;
		}
		if (seen & 1U << (label + 3))
			return false;
		seen |= 1U << (label + 3);
		c = cbor_next(r);
		if (c.kind == CBOR_BAD || !take(k, label, &c))
			return false;
	}
	return true;
}

static bool
point_of(const struct cose *k, uint8_t point[65])
{
	if (k->kty != KTY_EC2 || k->crv != CRV_P256 || k->x.kind != CBOR_BYTES ||
	    k->x.value != 32 || k->y.kind != CBOR_BYTES || k->y.value != 32)
		return false;
	point[0] = 4;
	(void)memcpy(point + 1, k->x.p, 32);
	(void)memcpy(point + 33, k->y.p, 32);
	return true;
}

static bool
cose_usable(const struct cose *k)
{
	uint8_t point[65];

	if (k->alg == WEBAUTHN_ES256)
		return point_of(k, point) && pubkey_p256_valid(point);
	if (k->alg == WEBAUTHN_EDDSA)
		return k->kty == KTY_OKP && k->crv == CRV_ED25519 && k->x.kind == CBOR_BYTES &&
		    k->x.value == SIGN_PUB_LEN;
	return k->alg == WEBAUTHN_RS256 && k->kty == KTY_RSA && k->n.kind == CBOR_BYTES &&
	    k->n.value >= PUBKEY_RSA_MIN && k->n.value <= PUBKEY_RSA_MAX &&
	    k->x.kind == CBOR_BYTES && k->x.value >= 1 && k->x.value <= PUBKEY_EXP_MAX;
}

bool
webauthn_key_read(const void *p, size_t n, struct webauthn_key *ret, size_t *ret_used)
{
	struct rd r = rd_init(p, n);
	struct cose k;

	if (!cose_read(&r, &k) || r.bad || r.pos > WEBAUTHN_KEY_MAX || !cose_usable(&k))
		return false;
	*ret = (struct webauthn_key){.alg = k.alg, .n = r.pos};
	(void)memcpy(ret->cose, p, r.pos);
	*ret_used = r.pos;
	return true;
}

static bool
signature_ok(const struct webauthn_key *key, const void *p, size_t n, struct webauthn_bytes sig)
{
	struct rd r = rd_init(key->cose, key->n);
	uint8_t point[65];
	struct cose k;

	if (!cose_read(&r, &k) || k.alg != key->alg || !cose_usable(&k))
		return false;
	if (k.alg == WEBAUTHN_ES256)
		return point_of(&k, point) && pubkey_p256_ok(point, p, n, sig.p, sig.n);
	if (k.alg == WEBAUTHN_EDDSA)
		return sig.n == SIGN_LEN && sign_ok(k.x.p, p, n, sig.p);
	return pubkey_rsa_ok(
	    k.n.p, (size_t)k.n.value, k.x.p, (size_t)k.x.value, p, n, sig.p, sig.n);
}

/* --- clientDataJSON --------------------------------------------------------------------------- */

static int
client_fits(const struct webauthn_rp *rp, const json_t *o, const char *type, struct err *e)
{
	const char *t = json_string_value(json_object_get(o, "type"));
	const char *c = json_string_value(json_object_get(o, "challenge"));
	const char *origin = json_string_value(json_object_get(o, "origin"));
	const json_t *cross = json_object_get(o, "crossOrigin");
	uint8_t challenge[WEBAUTHN_CHALLENGE];
	size_t n = 0;

	if (!t || !c || !origin)
		return err_set(e, E_PROTO, "the browser's answer lacks type, challenge or origin");
	if (strcmp(t, type) != 0)
		return err_set(e, E_AUTH, "the answer belongs to another kind of request");
	if (b64_get_url(challenge, sizeof(challenge), c, strlen(c), &n) < 0 ||
	    n != WEBAUTHN_CHALLENGE || !secret_eq(challenge, rp->challenge, WEBAUTHN_CHALLENGE))
		return err_set(e, E_AUTH, "the answer belongs to another request");
	if (strcmp(origin, rp->origin) != 0)
		return err_set(e, E_AUTH, "the answer was given to another site");
	if ((cross && !json_is_false(cross)) || json_object_get(o, "topOrigin"))
		return err_set(e, E_AUTH, "the answer was given inside another site's page");
	return 0;
}

static int
client_check(const struct webauthn_rp *rp, struct webauthn_bytes client, const char *type,
    struct err *e)
{
	json_t *o;
	int r;

	if (client.n == 0 || client.n > WEBAUTHN_CLIENT_MAX)
		return err_set(e, E_PROTO, "the browser's answer has a wrong length");
	o = json_loadb(client.p, client.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(o)) {
		json_decref(o);
		return err_set(e, E_PROTO, "the browser's answer is no JSON object");
	}
	r = client_fits(rp, o, type, e);
	json_decref(o);
	return r;
}

/* --- authenticator data ----------------------------------------------------------------------- */

struct auth {
	unsigned flags;
	uint32_t count;
	struct rd rest; /* behind the fixed part */
};

static int
auth_check(const struct webauthn_rp *rp, struct webauthn_bytes auth, struct auth *ret,
    struct err *e)
{
	uint8_t want[DIGEST_LEN];
	struct rd r = rd_init(auth.p, auth.n);
	const unsigned char *hash = rd_bytes(&r, DIGEST_LEN), *c;

	ret->flags = rd_u8(&r);
	c = rd_bytes(&r, 4);
	if (auth.n > WEBAUTHN_AUTH_MAX || !hash || !c)
		return err_set(e, E_PROTO, "the authenticator's data has a wrong length");
	ret->count = (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 | (uint32_t)c[2] << 8 | c[3];
	ret->rest = r;
	digest_sha256(rp->id, strlen(rp->id), want);
	if (!secret_eq(hash, want, DIGEST_LEN))
		return err_set(e, E_AUTH, "the authenticator answered for another site");
	if (!(ret->flags & UP))
		return err_set(e, E_AUTH, "the authenticator was not touched");
	if (rp->verify && !(ret->flags & UV))
		return err_set(e, E_AUTH, "the authenticator did not check who is there");
	if ((ret->flags & BS) && !(ret->flags & BE))
		return err_set(e, E_PROTO, "the authenticator contradicts itself");
	return 0;
}

/* extensions(r, flags): What may stand at the end; true when nothing else does. */
static bool
extensions(struct rd *r, unsigned flags)
{
	if (flags & ED) {
		struct rd look = *r;

		if (cbor_next(&look).kind != CBOR_MAP || !cbor_skip(r))
			return false;
	}
	return rd_end(r);
}

static int
credential(struct auth *a, struct webauthn_made *m, struct err *e)
{
	struct rd *r = &a->rest;
	const unsigned char *len, *id;
	size_t used = 0;

	if (!(a->flags & AT))
		return err_set(e, E_PROTO, "the authenticator sent no key");
	(void)rd_bytes(r, AAGUID);
	len = rd_bytes(r, 2);
	if (!len)
		return err_set(e, E_PROTO, "the authenticator's data is cut short");
	m->id_len = (size_t)len[0] << 8 | len[1];
	if (m->id_len == 0 || m->id_len > WEBAUTHN_ID_MAX || !(id = rd_bytes(r, m->id_len)))
		return err_set(e, E_PROTO, "the key's name has a wrong length");
	(void)memcpy(m->id, id, m->id_len);
	if (!webauthn_key_read(r->p + r->pos, rd_left(r), &m->key, &used))
		return err_set(e, E_AUTH, "the key is of a kind that cannot be used here");
	(void)rd_bytes(r, used);
	if (!extensions(r, a->flags))
		return err_set(e, E_PROTO, "the authenticator's data has a wrong length");
	m->count = a->count;
	m->verified = (a->flags & UV) != 0;
	m->synced = (a->flags & BE) != 0;
	return 0;
}

/* auth_of(object, ret): authData in {"fmt","attStmt","authData"}. */
static bool
auth_of(struct webauthn_bytes object, struct webauthn_bytes *ret)
{
	struct rd r = rd_init(object.p, object.n);
	struct cbor map, key, v;
	bool fmt = false, stmt = false;

	ret->p = NULL;
	if (object.n > WEBAUTHN_OBJECT_MAX)
		return false;
	map = cbor_next(&r);
	if (map.kind != CBOR_MAP || map.value > 8)
		return false;
	for (uint64_t i = 0; i < map.value; i++) {
		key = cbor_next(&r);
		if (cbor_is_text(&key, "authData") && !ret->p) {
			v = cbor_next(&r);
			if (v.kind != CBOR_BYTES)
				return false;
			*ret = (struct webauthn_bytes){v.p, (size_t)v.value};
		} else if (cbor_is_text(&key, "fmt") && !fmt) {
			fmt = cbor_next(&r).kind == CBOR_TEXT;
			if (!fmt)
				return false;
		} else if (key.kind != CBOR_TEXT || cbor_is_text(&key, "authData") ||
		    cbor_is_text(&key, "fmt") || (cbor_is_text(&key, "attStmt") && stmt)) {
			return false;
		} else {
			stmt = stmt || cbor_is_text(&key, "attStmt");
			if (!cbor_skip(&r))
				return false;
		}
	}
	return ret->p && fmt && stmt && rd_end(&r);
}

/* --- the two ceremonies ----------------------------------------------------------------------- */

int
webauthn_register(const struct webauthn_rp *rp, struct webauthn_bytes client,
    struct webauthn_bytes object, struct webauthn_made *ret, struct err *e)
{
	struct webauthn_made m = {0};
	struct webauthn_bytes data;
	struct auth a;
	int r = client_check(rp, client, "webauthn.create", e);

	if (r < 0)
		return r;
	if (!auth_of(object, &data))
		return err_set(e, E_PROTO, "the attestation object is malformed");
	r = auth_check(rp, data, &a, e);
	if (r == 0)
		r = credential(&a, &m, e);
	if (r == 0)
		*ret = m;
	return r;
}

int
webauthn_assert(const struct webauthn_rp *rp, struct webauthn_bytes client,
    struct webauthn_bytes auth, struct webauthn_bytes sig, const struct webauthn_key *key,
    uint32_t last, struct webauthn_seen *ret, struct err *e)
{
	uint8_t text[WEBAUTHN_AUTH_MAX + DIGEST_LEN];
	struct auth a;
	int r = client_check(rp, client, "webauthn.get", e);

	if (r == 0)
		r = auth_check(rp, auth, &a, e);
	if (r < 0)
		return r;
	if ((a.flags & AT) || !extensions(&a.rest, a.flags))
		return err_set(e, E_PROTO, "the authenticator's data has a wrong length");
	if (sig.n == 0 || sig.n > WEBAUTHN_SIG_MAX)
		return err_set(e, E_PROTO, "the signature has a wrong length");
	(void)memcpy(text, auth.p, auth.n);
	digest_sha256(client.p, client.n, text + auth.n);
	if (!signature_ok(key, text, auth.n + DIGEST_LEN, sig))
		return err_set(e, E_AUTH, "the signature does not hold");
	if ((a.count != 0 || last != 0) && a.count <= last)
		return err_set(e, E_AUTH, "the key's counter went back: it may have been copied");
	*ret = (struct webauthn_seen){.count = a.count, .verified = (a.flags & UV) != 0};
	return 0;
}
