/* Browsers that are known, and the PIN that switches users on a shared machine. The PIN is kept as
 * an HMAC under the browser's own token, of which the database has only the hash: whoever steals
 * the database cannot try its ten thousand possibilities. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "identity/ident_int.h"

static int
on_id(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	(void)snprintf(cookie, IDENTITY_ID, "%s", db_col_text(row, 0));
	return 0;
}

int
ident_device_get(struct identity *id, int64_t now, const char *device, char ret[IDENTITY_ID],
    struct err *e)
{
	uint8_t hash[DIGEST_LEN];

	ret[0] = 0;
	if (!ident_token_hash(device, hash, NULL))
		return 0;
	return db_each(id->db, "SELECT id FROM devices WHERE token = $1 AND ends > $2", on_id, ret,
	    "bi", e, hash, sizeof(hash), now);
}

int
ident_device_note(struct identity *id, int64_t now, const char *device, const char *account,
    struct err *e)
{
	int r;

	if (!device || !*device)
		return 0;
	r = db_exec(id->db, "INSERT INTO device_accounts (device, account, last) VALUES "
	    "($1, $2, $3) ON CONFLICT (device, account) DO UPDATE SET last = $3", "ssi", e, device,
	    account, now);
	return r < 0 ? r : 0;
}

int
identity_device_new(struct identity *id, int64_t now, const char *token, const char *name,
    char ret[IDENTITY_TOKEN], struct err *e)
{
	char device[IDENTITY_ID], text[IDENTITY_TOKEN];
	uint8_t hash[DIGEST_LEN];
	struct identity_account a;
	struct ident_session s;
	int r = ident_session_own(id, now, token, &s, &a, e);

	if (r < 0)
		return r;
	if (s.stage != STAGE_FULL)
		return err_set(e, E_AUTH, IDENT_NO_SESSION);
	if (*name && !ident_text_ok(name, 64))
		return err_set(e, E_INVAL, "name: at most 63 bytes of text");
	ident_id(device, "d");
	ident_token(text, hash);
	r = db_exec(id->db, "INSERT INTO devices (id, token, name, created_by, created, ends) "
	    "VALUES ($1, $2, $3, $4, $5, $6)", "sbssii", e, device, hash, sizeof(hash), name, a.id,
	    now, now + IDENTITY_SPAN_DEVICE);
	if (r >= 0)
		r = ident_device_note(id, now, device, a.id, e);
	if (r >= 0)
		r = db_exec(id->db, "UPDATE sessions SET device = $2 WHERE id = $1", "ss", e, s.id,
		    device);
	if (r < 0)
		return r;
	(void)memcpy(ret, text, sizeof(text));
	return 0;
}

/* --- PIN -------------------------------------------------------------------------------------- */

/* pin_ok(pin): 4 to 12 digits, not all the same, no run up or down. */
static bool
pin_ok(const char *pin)
{
	size_t n = strnlen(pin, IDENTITY_PIN_MAX + 1), same = 1, up = 1, down = 1;

	if (n < IDENTITY_PIN_MIN || n > IDENTITY_PIN_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (pin[i] < '0' || pin[i] > '9')
			return false;
		if (i == 0)
			continue;
		same += pin[i] == pin[i - 1];
		up += pin[i] == pin[i - 1] + 1 || (pin[i] == '0' && pin[i - 1] == '9');
		down += pin[i] == pin[i - 1] - 1 || (pin[i] == '9' && pin[i - 1] == '0');
	}
	return same < n && up < n && down < n;
}

static int
pin_mac(const char *device, const char *account, const char *pin, uint8_t out[DIGEST_LEN],
    struct err *e)
{
	uint8_t raw[IDENT_RAW], hash[DIGEST_LEN];
	char text[IDENTITY_ID + IDENTITY_PIN_MAX + 8];
	struct hmac *h = NULL;
	int n, r;

	if (!ident_token_hash(device, hash, raw))
		return err_set(e, E_AUTH, IDENT_WRONG);
	n = snprintf(text, sizeof(text), "pin|%.39s|%.12s", account, pin);
	r = hmac_new(raw, sizeof(raw), &h, e);
	if (r == 0)
		hmac_of(h, text, (size_t)n, out);
	hmac_free(h);
	explicit_bzero(raw, sizeof(raw));
	explicit_bzero(text, sizeof(text));
	return r;
}

int
identity_pin_set(struct identity *id, int64_t now, const char *token, const char *device,
    const char *pin, struct err *e)
{
	char dev[IDENTITY_ID];
	uint8_t mac[DIGEST_LEN];
	struct identity_account a;
	struct ident_session s;
	int r = ident_session_setup(id, now, token, &s, &a, e);

	if (r == 0 && s.stage != STAGE_FULL)
		r = err_set(e, E_AUTH, IDENT_NO_SESSION);
	if (r == 0 && !pin_ok(pin))
		r = err_set(e, E_INVAL, "pin: %d to %d digits, no run and not all the same",
		    IDENTITY_PIN_MIN, IDENTITY_PIN_MAX);
	if (r == 0)
		r = ident_device_get(id, now, device, dev, e);
	if (r == 0 && !dev[0])
		r = err_set(e, E_NOENT, "this browser is not known as a shared machine");
	if (r == 0)
		r = pin_mac(device, a.id, pin, mac, e);
	if (r == 0)
		r = db_exec(id->db,
		    "INSERT INTO device_accounts (device, account, last, pin) VALUES "
		    "($1, $2, $3, $4) ON CONFLICT (device, account) DO UPDATE SET pin = $4, "
		    "fails = 0",
		    "ssib", e, dev, a.id, now, mac, sizeof(mac));
	return r < 0 ? r : 0;
}

static int
on_person(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s}", "account", db_col_text(row, 0), "name",
	    db_col_text(row, 1));

	return !o || json_array_append_new(cookie, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

int
identity_pin_people(struct identity *id, int64_t now, const char *device, json_t **ret,
    struct err *e)
{
	char dev[IDENTITY_ID];
	json_t *list = json_array();
	int r = list ? ident_device_get(id, now, device, dev, e) : err_set(e, E_NOMEM, "no memory");

	if (r == 0 && dev[0])
		r = db_each(id->db, "SELECT a.id, a.name FROM device_accounts d JOIN accounts a ON "
		    "a.id = d.account WHERE d.device = $1 AND d.pin IS NOT NULL AND "
		    "a.state = 'active' AND (a.valid_until = 0 OR a.valid_until > $2) "
		    "ORDER BY a.name, a.id LIMIT 200", on_person, list, "si", e, dev, now);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret = list;
	return 0;
}

struct pin {
	uint8_t mac[DIGEST_LEN];
	bool there;
};

static int
on_pin(const struct db_row *row, void *cookie, struct err *e)
{
	struct pin *p = cookie;
	size_t n = 0;
	const void *b = db_col_blob(row, 0, &n);

	(void)e;
	p->there = n == sizeof(p->mac);
	if (p->there)
		(void)memcpy(p->mac, b, n);
	return 0;
}

/* pin_check(...): Count first; at the last try the PIN is gone, right or wrong. */
static int
pin_check(struct identity *id, const char *dev, const char *device, const char *account,
    const char *pin, struct err *e)
{
	uint8_t mac[DIGEST_LEN];
	struct pin p = {0};
	int r = db_exec(id->db,
	    "UPDATE device_accounts SET fails = fails + 1 WHERE device = $1 AND "
	    "account = $2 AND pin IS NOT NULL AND fails < $3",
	    "ssi", e, dev, account, (int64_t)IDENTITY_PIN_TRIES);

	if (r == 0)
		return err_set(e, E_AUTH, IDENT_WRONG);
	if (r > 0)
		r = db_each(id->db, "SELECT pin FROM device_accounts WHERE device = $1 AND "
		    "account = $2", on_pin, &p, "ss", e, dev, account);
	if (r == 0)
		r = pin_mac(device, account, pin, mac, e);
	if (r < 0)
		return r;
	if (p.there && strlen(pin) <= IDENTITY_PIN_MAX && secret_eq(mac, p.mac, sizeof(mac))) {
		r = db_exec(id->db, "UPDATE device_accounts SET fails = 0 WHERE device = $1 AND "
		    "account = $2", "ss", e, dev, account);
		return r < 0 ? r : 0;
	}
	r = db_exec(id->db, "UPDATE device_accounts SET pin = NULL WHERE device = $1 AND "
	    "account = $2 AND fails >= $3", "ssi", e, dev, account, (int64_t)IDENTITY_PIN_TRIES);
	return r < 0 ? r : err_set(e, E_AUTH, IDENT_WRONG);
}

int
identity_pin_use(struct identity *id, int64_t now, const char *account, const char *pin,
    const char *old, const struct identity_from *from, struct identity_pass *ret,
    int64_t *ret_wait, struct err *e)
{
	struct ident_begin b = {.account = account, .stage = STAGE_PIN, .from = from};
	char dev[IDENTITY_ID], key[2 * IDENTITY_ID + 2];
	struct identity_account a;
	struct ident_gate g;
	int r;

	*ret_wait = 0;
	r = ident_device_get(id, now, from->device, dev, e);
	if (r == 0 && !dev[0])
		r = err_set(e, E_AUTH, IDENT_WRONG);
	if (r < 0)
		return r;
	(void)snprintf(key, sizeof(key), "%s/%.39s", dev, account);
	ident_gate_set(&g, "pin", key, from);
	r = ident_gate_enter(id, now, &g, ret_wait, e);
	if (r == 0)
		r = pin_check(id, dev, from->device, account, pin, e);
	if (r == 0)
		r = identity_account_get(id, account, &a, e);
	/* whoever still has something to set up signs in the long way */
	if (r == 0 && (!ident_account_in_force(&a, now, false) ||
	        ident_account_stage(&a) != STAGE_FULL))
		r = err_set(e, E_AUTH, IDENT_WRONG);
	if (r == 0)
		r = ident_gate_pass(id, &g, e);
	if (r == 0 && old)
		r = identity_session_end(id, now, old, e);
	return r < 0 ? r : ident_session_new(id, now, &b, ret, e);
}
