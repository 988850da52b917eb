/* Expiring addresses for vendors and inspectors, and the break-glass code. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "identity/ident_int.h"

enum { NOTE_MAX = 2000 };

#define LINK_MAX (90 * TIME_DAY)

/* --- links ------------------------------------------------------------------------------------ */

int
identity_link_new(struct identity *id, int64_t now, const char *by, const char *account,
    const char *object, int64_t ends, char ret[IDENTITY_TOKEN], struct err *e)
{
	char link[IDENTITY_ID], text[IDENTITY_TOKEN];
	uint8_t hash[DIGEST_LEN];
	struct identity_account a;
	int r = identity_account_get(id, account, &a, e);

	if (r < 0)
		return r;
	if (a.role != ROLE_VENDOR && a.role != ROLE_INSPECTOR)
		return err_set(e, E_INVAL, "only vendors and inspectors come in by a link");
	if (ends <= now || ends > now + LINK_MAX)
		return err_set(e, E_INVAL, "ends: within the next 90 days");
	if (!ident_text_ok(object, IDENTITY_OBJECT) ||
	    (strcmp(object, "*") != 0 && !strchr(object, ':')) ||
	    (a.role == ROLE_VENDOR && strchr(object, '*')))
		return err_set(e, E_INVAL, "object: KIND:ID; for an inspector also KIND:* or *");
	ident_id(link, "l");
	ident_token(text, hash);
	r = db_exec(id->db, "INSERT INTO links (id, token, account, object, created, created_by, "
	    "ends) VALUES ($1, $2, $3, $4, $5, $6, $7)", "sbssisi", e, link, hash, sizeof(hash),
	    account, object, now, by, ends);
	/* a link is an invitation: the account needs no password for it */
	if (r >= 0)
		r = db_exec(id->db, "UPDATE accounts SET state = 'active' WHERE id = $1 AND "
		    "state = 'invited'", "s", e, account);
	if (r < 0)
		return r;
	(void)memcpy(ret, text, sizeof(text));
	return 0;
}

struct link {
	char id[IDENTITY_ID], account[IDENTITY_ID], object[IDENTITY_OBJECT];
	int64_t ends;
};

static int
on_link(const struct db_row *row, void *cookie, struct err *e)
{
	struct link *l = cookie;

	(void)e;
	(void)snprintf(l->id, sizeof(l->id), "%s", db_col_text(row, 0));
	(void)snprintf(l->account, sizeof(l->account), "%s", db_col_text(row, 1));
	(void)snprintf(l->object, sizeof(l->object), "%s", db_col_text(row, 2));
	l->ends = db_col_i64(row, 3);
	return 0;
}

int
identity_link_use(struct identity *id, int64_t now, const char *token,
    const struct identity_from *from, struct identity_pass *ret, struct err *e)
{
	struct ident_begin b = {.stage = STAGE_LINK, .from = from};
	struct identity_account a;
	uint8_t hash[DIGEST_LEN];
	struct link l = {0};
	int r;

	/* 256 random bits: there is nothing to slow down */
	if (!ident_token_hash(token, hash, NULL))
		return err_set(e, E_AUTH, IDENT_WRONG);
	r = db_each(id->db, "SELECT id, account, object, ends FROM links WHERE token = $1 AND "
	    "revoked = 0 AND ends > $2", on_link, &l, "bi", e, hash, sizeof(hash), now);
	if (r == 0 && !l.id[0])
		return err_set(e, E_AUTH, IDENT_WRONG);
	if (r == 0)
		r = identity_account_get(id, l.account, &a, e);
	if (r == 0 && !ident_account_in_force(&a, now, false))
		r = err_set(e, E_AUTH, IDENT_WRONG);
	if (r == 0)
		r = db_exec(id->db, "UPDATE links SET used = $2 WHERE id = $1", "si", e, l.id, now);
	b.account = l.account;
	b.object = l.object;
	b.ends = l.ends;
	return r < 0 ? r : ident_session_new(id, now, &b, ret, e);
}

static int
on_link_list(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "id", db_col_text(row, 0),
	    "account", db_col_text(row, 1), "name", db_col_text(row, 2), "object",
	    db_col_text(row, 3), "created", (json_int_t)db_col_i64(row, 4), "ends",
	    (json_int_t)db_col_i64(row, 5), "used", (json_int_t)db_col_i64(row, 6));

	return !o || json_array_append_new(cookie, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

int
identity_link_list(struct identity *id, int64_t now, json_t **ret, struct err *e)
{
	json_t *list = json_array();
	int r = list
	    ? db_each(id->db,
		  "SELECT l.id, l.account, a.name, l.object, l.created, l.ends, "
		  "l.used FROM links l JOIN accounts a ON a.id = l.account WHERE l.revoked = 0 AND "
		  "l.ends > $1 ORDER BY l.created DESC, l.id LIMIT 1000",
		  on_link_list, list, "i", e, now)
	    : err_set(e, E_NOMEM, "no memory");

	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret = list;
	return 0;
}

struct revoke {
	const char *link;
	int64_t now;
};

static int
revoke_tx(struct db *db, void *cookie, struct err *e)
{
	const struct revoke *v = cookie;
	int r = db_exec(db, "UPDATE sessions SET ended = $2 WHERE ended = 0 AND stage = 'link' AND "
	    "account = (SELECT account FROM links WHERE id = $1) AND "
	    "object = (SELECT object FROM links WHERE id = $1)", "si", e, v->link, v->now);

	if (r >= 0)
		r = db_exec(db, "UPDATE links SET revoked = $2 WHERE id = $1 AND revoked = 0", "si",
		    e, v->link, v->now);
	return r < 0 ? r : r == 0 ? err_set(e, E_NOENT, "there is no such link") : 0;
}

int
identity_link_revoke(struct identity *id, int64_t now, const char *link_id, struct err *e)
{
	struct revoke v = {link_id, now};

	return db_tx(id->db, revoke_tx, &v, e);
}

/* --- break-glass ------------------------------------------------------------------------------ */

/* note_ok(s): Up to a page of text; lines may end. */
static bool
note_ok(const char *s)
{
	size_t n = s ? strnlen(s, NOTE_MAX) : 0;
	bool ink = false;

	if (n == 0 || n >= NOTE_MAX || !utf8_ok(s, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (((unsigned char)s[i] < 0x20 && !strchr("\r\n\t", s[i])) || s[i] == 0x7f)
			return false;
		ink = ink || !strchr(" \r\n\t", s[i]);
	}
	return ink;
}

struct glass {
	const char *id, *by;
	const uint8_t *hash;
	int64_t now;
};

static int
glass_tx(struct db *db, void *cookie, struct err *e)
{
	const struct glass *g = cookie;
	int r = db_exec(db, "UPDATE glass SET voided = $1 WHERE used = 0 AND voided = 0", "i", e,
	    g->now);

	if (r >= 0)
		r = db_exec(db, "INSERT INTO glass (id, hash, created, created_by) VALUES "
		    "($1, $2, $3, $4)", "sbis", e, g->id, g->hash, (size_t)DIGEST_LEN, g->now,
		    g->by);
	return r < 0 ? r : 0;
}

int
identity_glass_make(struct identity *id, int64_t now, const char *by, char code[IDENTITY_CODE],
    struct err *e)
{
	char new_id[IDENTITY_ID], text[IDENTITY_CODE];
	uint8_t hash[DIGEST_LEN];
	struct glass g = {.id = new_id, .by = by, .hash = hash, .now = now};
	int r;

	ident_id(new_id, "g");
	ident_code(id, text, hash);
	r = db_tx(id->db, glass_tx, &g, e);
	if (r == 0)
		(void)memcpy(code, text, sizeof(text));
	return r;
}

int
identity_glass_use(struct identity *id, int64_t now, const char *code, const char *who,
    const char *why, const struct identity_from *from, struct identity_pass *ret,
    int64_t *ret_wait, struct err *e)
{
	struct ident_begin b = {.account = "glass", .who = who, .stage = STAGE_GLASS, .from = from,
	    .fresh = true};
	uint8_t hash[DIGEST_LEN];
	struct ident_gate g;
	int r;

	*ret_wait = 0;
	if (!ident_text_ok(who, IDENTITY_NAME) || !note_ok(why))
		return err_set(e, E_INVAL, "write down who you are and why");
	/* per source: nobody far away may keep the desk from breaking the glass */
	ident_gate_set(&g, "glass", from->source ? from->source : "", from);
	r = ident_gate_enter(id, now, &g, ret_wait, e);
	if (r < 0)
		return r;
	if (!ident_code_hash(id, code, hash))
		return err_set(e, E_AUTH, IDENT_WRONG);
	r = db_exec(id->db, "UPDATE glass SET used = $2, who = $3, why = $4, source = $5 WHERE "
	    "hash = $1 AND used = 0 AND voided = 0", "bisss", e, hash, sizeof(hash), now, who, why,
	    from->source ? from->source : "");
	if (r == 0)
		return err_set(e, E_AUTH, IDENT_WRONG);
	if (r > 0)
		r = ident_gate_pass(id, &g, e);
	return r < 0 ? r : ident_session_new(id, now, &b, ret, e);
}

static int
on_glass(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:s}", "id", db_col_text(row, 0),
	    "who", db_col_text(row, 1), "why", db_col_text(row, 2), "used",
	    (json_int_t)db_col_i64(row, 3), "source", db_col_text(row, 4), "reviewed",
	    (json_int_t)db_col_i64(row, 5), "by", db_col_text(row, 6), "note",
	    db_col_text(row, 7));

	return !o || json_array_append_new(cookie, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

int
identity_glass_list(struct identity *id, json_t **ret, struct err *e)
{
	json_t *list = json_array();
	int r = list ? db_each(id->db, "SELECT id, who, why, used, source, reviewed, reviewed_by, "
	    "note FROM glass WHERE used > 0 ORDER BY reviewed > 0, used DESC, id LIMIT 200",
	    on_glass, list, "", e) : err_set(e, E_NOMEM, "no memory");

	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret = list;
	return 0;
}

int
identity_glass_review(struct identity *id, int64_t now, const char *glass, const char *by,
    const char *note, struct err *e)
{
	int64_t n = 0;
	int r;

	if (!note_ok(note))
		return err_set(e, E_INVAL, "note: what was found, in words");
	r = db_exec(id->db, "UPDATE glass SET reviewed = $2, reviewed_by = $3, note = $4 WHERE "
	    "id = $1 AND used > 0 AND reviewed = 0", "siss", e, glass, now, by, note);
	if (r != 0)
		return r < 0 ? r : 0;
	r = db_i64(
	    id->db, "SELECT count(*) FROM glass WHERE id = $1 AND used > 0", &n, "s", e, glass);
	if (r < 0)
		return r;
	return n > 0 ? err_set(e, E_EXIST, "it was reviewed already")
	             : err_set(e, E_NOENT, "there is no such use");
}
