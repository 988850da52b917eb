#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/b64.h"
#include "base/num.h"
#include "base/utf8.h"
#include "crypt/aead.h"
#include "crypt/digest.h"
#include "notify/notify.h"
#include "notify/notify_int.h"

enum { RAW = 24, SALT = 16, SEALED = SALT + RAW + AEAD_TAG_LEN };

const char *const notify_events[] = {"alarm.raised", "alarm.cleared", "generation.made",
    "drill.result", "finding.opened", "finding.closed", NULL};

/* -- the secret -------------------------------------------------------------------------------- */

static int
cipher(const struct state *st, const uint8_t salt[SALT], struct aead **ret, struct err *e)
{
	uint8_t master[SIGN_SEED_LEN], key[AEAD_KEY_LEN];
	int r = state_secret(st, "hooks", true, master, e);

	if (r == 0)
		r = kdf_hkdf(
		    master, sizeof(master), salt, SALT, "mamori webhook v1", key, sizeof(key), e);
	if (r == 0)
		r = aead_new(key, ret, e);
	explicit_bzero(master, sizeof(master));
	explicit_bzero(key, sizeof(key));
	return r;
}

/* A fresh salt, so a fresh key each time: the nonce is used once. */
static int
seal(const struct state *st, const char *id, const uint8_t raw[RAW], uint8_t out[SEALED],
    struct err *e)
{
	uint8_t nonce[AEAD_NONCE_LEN];
	struct aead *a = NULL;
	int r;

	if (getrandom(out, SALT, 0) != SALT)
		return err_sys(e, "no random bytes");
	aead_nonce(nonce, 0);
	r = cipher(st, out, &a, e);
	if (r == 0)
		r = aead_seal(a, nonce, id, strlen(id), raw, RAW, out + SALT, e);
	aead_free(a);
	return r;
}

static int
unseal(const struct state *st, const char *id, const uint8_t *p, size_t n, uint8_t raw[RAW],
    struct err *e)
{
	uint8_t nonce[AEAD_NONCE_LEN];
	struct aead *a = NULL;
	int r;

	if (n != SEALED)
		return err_set(e, E_CORRUPT, "the secret of the webhook is not whole");
	aead_nonce(nonce, 0);
	r = cipher(st, p, &a, e);
	if (r == 0)
		r = aead_open(a, nonce, id, strlen(id), p + SALT, n - SALT, raw, e);
	aead_free(a);
	return r;
}

int
notify_sign(const void *key, size_t n, const char *msg, int64_t seconds, const void *body,
    size_t bn, char out[NOTIFY_SIGN], struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	uint8_t mac[DIGEST_LEN];
	struct hmac *h = NULL;
	int r = hmac_new(key, n, &h, e);

	buf_init(&b, bn + 200);
	if (r == 0)
		r = buf_fmt(&b, e, "%.80s.%lld.", msg, (long long)seconds);
	if (r == 0)
		r = buf_put(&b, body, bn, e);
	if (r == 0) {
		char text[B64_LEN(DIGEST_LEN)];

		hmac_of(h, b.p, b.len, mac);
		b64_put(text, mac, sizeof(mac));
		(void)snprintf(out, NOTIFY_SIGN, "v1,%s", text);
	}
	hmac_free(h);
	return r;
}

struct sealed {
	uint8_t p[SEALED];
	size_t n;
};

static int
on_secret(const struct db_row *row, void *cookie, struct err *e)
{
	struct sealed *s = cookie;
	const void *p = db_col_blob(row, 0, &s->n);

	(void)e;
	if (s->n <= sizeof(s->p) && s->n > 0)
		(void)memcpy(s->p, p, s->n);
	return 0;
}

int
notify_hook_sign(struct db *db, const struct state *st, const char *hook, const char *msg,
    int64_t seconds, const void *body, size_t n, char out[NOTIFY_SIGN], struct err *e)
{
	struct sealed s = {.n = 0};
	uint8_t raw[RAW];
	int r = db_each(db, "SELECT secret FROM webhooks WHERE id = $1 AND gone = 0", on_secret, &s,
	    "s", e, hook);

	if (r == 0)
		r = unseal(st, hook, s.p, s.n, raw, e);
	if (r == 0)
		r = notify_sign(raw, sizeof(raw), msg, seconds, body, n, out, e);
	explicit_bzero(raw, sizeof(raw));
	return r;
}

/* -- the addresses ----------------------------------------------------------------------------- */

static bool
event_ok(const char *s)
{
	for (const char *const *p = notify_events; *p; p++)
		if (s && strcmp(*p, s) == 0)
			return true;
	return false;
}

static int
kinds_ok(const json_t *kinds, struct err *e)
{
	json_t *v;
	size_t i;

	json_array_foreach(kinds, i, v)
		if (!event_ok(json_string_value(v)))
			return err_set(e, E_INVAL, "there is no event \"%.40s\"",
			    json_is_string(v) ? json_string_value(v) : "?");
	return 0;
}

int
notify_hook_add(struct db *db, const struct state *st, const char *url, const char *name,
    const json_t *kinds, bool inside, const char *by, int64_t now, char ret_id[NOTIFY_ID],
    char secret[NOTIFY_SECRET], struct err *e)
{
	char text[B64_LEN(RAW)], *list = NULL;
	uint8_t raw[RAW], sealed[SEALED];
	int64_t n = 0;
	int r = notify_url_hook(url, e);

	if (r == 0 && strncmp(url, "http://", 7) == 0 && !inside)
		r = err_set(e, E_INVAL, "an address on this machine must be allowed on purpose");
	if (r == 0 && !notify_line_ok(name, 160))
		r = err_set(e, E_INVAL, "name: one line of text");
	if (r == 0)
		r = kinds_ok(kinds, e);
	if (r == 0)
		r = notify_hook_count(db, false, &n, e);
	if (r == 0 && n >= NOTIFY_HOOKS)
		r = err_set(e, E_LIMIT, "there are %d webhooks already", NOTIFY_HOOKS);
	if (r < 0)
		return r;
	notify_random_id(ret_id, "hook-");
	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_sys(e, "no random bytes");
	r = seal(st, ret_id, raw, sealed, e);
	list = kinds ? json_dumps(kinds, JSON_COMPACT) : strdup("[]");
	if (r == 0 && !list)
		r = err_set(e, E_NOMEM, "no memory");
	if (r == 0)
		r = db_exec(db,
		    "INSERT INTO webhooks (id, url, secret, kinds, created, created_by, name, "
		    "inside) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		    "ssbsissi", e, ret_id, url, sealed, sizeof(sealed), list, now, by, name,
		    (int64_t)inside);
	if (r >= 0) {
		b64_put(text, raw, sizeof(raw));
		(void)snprintf(secret, NOTIFY_SECRET, "whsec_%s", text);
	}
	free(list);
	explicit_bzero(raw, sizeof(raw));
	explicit_bzero(text, sizeof(text));
	return r < 0 ? r : 0;
}

#define COLS "id, url, name, kinds, inside, created, off, good_at, why"

static int
on_hook(const struct db_row *row, void *cookie, struct err *e)
{
	struct notify_hook *h = cookie;

	(void)snprintf(h->id, sizeof(h->id), "%s", db_col_text(row, 0));
	(void)snprintf(h->url, sizeof(h->url), "%s", db_col_text(row, 1));
	(void)snprintf(h->name, sizeof(h->name), "%s", db_col_text(row, 2));
	h->kinds = json_loads(db_col_text(row, 3), 0, NULL);
	h->inside = db_col_i64(row, 4) != 0;
	h->created = db_col_i64(row, 5);
	h->off = db_col_i64(row, 6);
	h->good_at = db_col_i64(row, 7);
	(void)snprintf(h->why, sizeof(h->why), "%.*s",
	    utf8_cut(db_col_text(row, 8), sizeof(h->why) - 1), db_col_text(row, 8));
	if (!h->kinds)
		h->kinds = json_array();
	return h->kinds ? 1 : err_set(e, E_NOMEM, "no memory");
}

void
notify_hook_free(struct notify_hook *h)
{
	json_decref(h->kinds);
	h->kinds = NULL;
}

int
notify_hook_get(struct db *db, const char *id, struct notify_hook *ret, struct err *e)
{
	struct notify_hook h = {0};
	int r = db_each(db, "SELECT " COLS " FROM webhooks WHERE id = $1 AND gone = 0", on_hook, &h,
	    "s", e, id);

	if (r < 0)
		return r;
	if (!h.id[0])
		return err_set(e, E_NOENT, "there is no such webhook");
	*ret = h;
	return 0;
}

static int
on_list(const struct db_row *row, void *cookie, struct err *e)
{
	struct notify_hook h = {0};
	int r = on_hook(row, &h, e);
	json_t *o;

	if (r < 0)
		return r;
	o = json_pack("{s:s,s:s,s:s,s:o,s:b,s:I,s:I,s:I,s:s}", "id", h.id, "url", h.url, "name",
	    h.name, "kinds", h.kinds, "inside", (int)h.inside, "created", (json_int_t)h.created,
	    "off", (json_int_t)h.off, "good_at", (json_int_t)h.good_at, "why", h.why);
	return !o || json_array_append_new(cookie, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

int
notify_hook_list(struct db *db, json_t **ret, struct err *e)
{
	json_t *list = json_array();
	int r = db_each(db, "SELECT " COLS " FROM webhooks WHERE gone = 0 ORDER BY created, id",
	    on_list, list, "", e);

	if (r < 0)
		json_decref(list);
	else
		*ret = list;
	return r;
}

int
notify_hook_count(struct db *db, bool off, int64_t *ret, struct err *e)
{
	return db_i64(db, "SELECT count(*) FROM webhooks WHERE gone = 0 AND ($1 = 0 OR off > 0)",
	    ret, "i", e, (int64_t)off);
}

static int
changed(int r, struct err *e)
{
	return r < 0 ? r : r == 0 ? err_set(e, E_NOENT, "there is no such webhook") : 0;
}

int
notify_hook_revoke(struct db *db, const char *id, int64_t now, struct err *e)
{
	int r = changed(db_exec(db, "UPDATE webhooks SET gone = $2, secret = $3 WHERE id = $1 AND "
	    "gone = 0", "sib", e, id, now, "", (size_t)0), e);

	if (r == 0)
		r = db_exec(db,
		    "UPDATE outbox SET gave_up = $2, message = 'revoked' WHERE way = 'hook' "
		    "AND target = $1 AND sent = 0 AND gave_up = 0",
		    "si", e, id, now);
	return r < 0 ? r : 0;
}

int
notify_hook_off(struct db *db, const char *id, int64_t now, const char *why, struct err *e)
{
	return changed(
	    db_exec(db, "UPDATE webhooks SET off = $2, why = $3 WHERE id = $1 AND gone = 0", "sis",
		e, id, now, why),
	    e);
}

int
notify_hook_on(struct db *db, const char *id, struct err *e)
{
	return changed(
	    db_exec(
		db, "UPDATE webhooks SET off = 0, why = '' WHERE id = $1 AND gone = 0", "s", e, id),
	    e);
}

int
notify_hook_good(struct db *db, const char *id, int64_t now, struct err *e)
{
	return changed(db_exec(db, "UPDATE webhooks SET good_at = $2 WHERE id = $1 AND gone = 0",
			   "si", e, id, now),
	    e);
}

/* -- events ------------------------------------------------------------------------------------ */

static bool
wants(const json_t *hook, const char *event)
{
	const json_t *kinds = json_object_get(hook, "kinds");
	json_t *v;
	size_t i;

	if (json_integer_value(json_object_get(hook, "off")))
		return false;
	json_array_foreach(kinds, i, v)
		if (json_is_string(v) && strcmp(json_string_value(v), event) == 0)
			return true;
	return json_array_size(kinds) == 0;
}

int
notify_hook_event(struct db *db, const char *event, json_t *data, const char *about,
    const char *once, int64_t now, struct err *e)
{
	char at[TIME_TEXT], key[700], *body;
	json_t *list = NULL, *h, *o;
	size_t i;
	int r = notify_hook_list(db, &list, e);

	time_put(at, now);
	o = json_pack("{s:s,s:s,s:o}", "type", event, "timestamp", at, "data", data);
	body = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (r == 0 && !body)
		r = err_set(e, E_NOMEM, "no memory for an event");
	json_array_foreach(list, i, h) {
		const char *id = json_string_value(json_object_get(h, "id"));
		struct notify_new n = {.way = "hook", .target = id, .kind = event, .body = body,
		    .about = about, .once = once ? key : NULL};

		if (r < 0 || !wants(h, event))
			continue;
		(void)snprintf(key, sizeof(key), "%.40s:%.600s", id, once ? once : "");
		r = notify_put(db, &n, now, e);
		if (r > 0 || r == E_LIMIT) /* one that takes nothing will be switched off */
			r = 0;
	}
	free(body);
	json_decref(list);
	return r;
}

int
notify_hook_test(struct db *db, const char *id, int64_t now, struct err *e)
{
	char at[TIME_TEXT], body[160];
	struct notify_new n = {.way = "hook", .target = id, .kind = "test", .body = body};
	struct notify_hook h = {0};
	int r = notify_hook_get(db, id, &h, e);

	notify_hook_free(&h);
	time_put(at, now);
	(void)snprintf(
	    body, sizeof(body), "{\"type\":\"test\",\"timestamp\":\"%s\",\"data\":{}}", at);
	if (r == 0)
		r = notify_put(db, &n, now, e);
	return r < 0 ? r : 0;
}
