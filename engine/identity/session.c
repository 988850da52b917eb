#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "crypt/secret.h"
#include "identity/ident_int.h"

#define KEEP_ENDED (30 * TIME_DAY)
#define SEEN_STEP (60 * TIME_SEC)

static int64_t
span_of(enum identity_stage s)
{
	switch (s) {
	case STAGE_SECOND:
		return IDENTITY_SPAN_SECOND;
	case STAGE_PIN:
	case STAGE_ENROL:
		return IDENTITY_SPAN_PIN;
	case STAGE_GLASS:
		return IDENTITY_SPAN_GLASS;
	case STAGE_FULL:
	case STAGE_LINK:
	case STAGES:
		break;
	}
	return IDENTITY_SPAN;
}

static int64_t
idle_of(enum identity_stage s)
{
	return s == STAGE_PIN ? IDENTITY_IDLE_PIN : IDENTITY_IDLE;
}

static int
stage_get(const char *name, enum identity_stage *ret)
{
	for (int i = 0; i < STAGES; i++) {
		if (strcmp(identity_stage_name((enum identity_stage)i), name) == 0) {
			*ret = (enum identity_stage)i;
			return 0;
		}
	}
	return E_CORRUPT;
}

static void
copy(char *out, size_t size, const char *s)
{
	(void)snprintf(out, size, "%s", s);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int
on_session(const struct db_row *row, void *cookie, struct err *e)
{
	struct ident_session *s = cookie;

	copy(s->id, sizeof(s->id), db_col_text(row, 0));
	copy(s->account, sizeof(s->account), db_col_text(row, 1));
	copy(s->device, sizeof(s->device), db_col_text(row, 2));
	copy(s->object, sizeof(s->object), db_col_text(row, 3));
	copy(s->who, sizeof(s->who), db_col_text(row, 4));
	s->created = db_col_i64(row, 6);
	s->seen = db_col_i64(row, 7);
	s->ends = db_col_i64(row, 8);
	s->fresh_at = db_col_i64(row, 9);
	return stage_get(db_col_text(row, 5), &s->stage) < 0
	    ? err_set(e, E_CORRUPT, "a session of an unknown stage") : 0;
}

/* row_of(id, token, ret, e): The row of a token that nobody ended; ret->id is "" where there is
 * none. */
static int
row_of(struct identity *id, const char *token, struct ident_session *ret, struct err *e)
{
	uint8_t hash[DIGEST_LEN];

	if (!ident_token_hash(token, hash, NULL))
		return err_set(e, E_AUTH, IDENT_NO_SESSION);
	return db_each(id->db, "SELECT id, account, device, object, who, stage, created, seen, "
	    "ends, fresh_at FROM sessions WHERE token = $1 AND ended = 0", on_session, ret, "b", e,
	    hash, sizeof(hash));
}

int
identity_session_lapsed(struct identity *id, int64_t now, const char *token,
    char ret_account[IDENTITY_ID], uint8_t ret_csrf[32], struct err *e)
{
	struct ident_session s = {0};
	uint8_t hash[DIGEST_LEN], raw[IDENT_RAW];
	int r = row_of(id, token, &s, e);

	if (r < 0)
		return r;
	if (!s.id[0] || s.stage != STAGE_FULL || now - s.seen > TIME_DAY ||
	    s.created > now + 3600 * TIME_SEC || !ident_token_hash(token, hash, raw))
		return err_set(e, E_AUTH, IDENT_NO_SESSION);
	copy(ret_account, IDENTITY_ID, s.account);
	ident_lookup(id, "csrf", raw, sizeof(raw), ret_csrf);
	explicit_bzero(raw, sizeof(raw));
	return 0;
}

int
ident_session_get(struct identity *id, int64_t now, const char *token, struct ident_session *ret,
    struct err *e)
{
	struct ident_session s = {0};
	int r = row_of(id, token, &s, e);

	if (r < 0)
		return r;
	/* a clock set back lengthens nothing: what was begun in the future is not trusted */
	if (!s.id[0] || now >= s.ends || now - s.seen >= idle_of(s.stage) ||
	    s.created > now + 3600 * TIME_SEC)
		return err_set(e, E_AUTH, IDENT_NO_SESSION);
	*ret = s;
	return 0;
}

int
ident_session_own(struct identity *id, int64_t now, const char *token, struct ident_session *ret,
    struct identity_account *acct, struct err *e)
{
	int r = ident_session_get(id, now, token, ret, e);

	if (r < 0)
		return r;
	if (ret->stage == STAGE_GLASS || ret->stage == STAGE_LINK)
		return err_set(e, E_AUTH, IDENT_NO_SESSION);
	r = identity_account_get(id, ret->account, acct, e);
	if (r == E_NOENT ||
	    (r == 0 && !ident_account_in_force(acct, now, ret->stage == STAGE_ENROL)))
		return err_set(e, E_AUTH, IDENT_NO_SESSION);
	return r;
}

static bool
fresh(int64_t fresh_at, int64_t now)
{
	return fresh_at != 0 && now - fresh_at < IDENTITY_FRESH && fresh_at <= now + TIME_SEC;
}

int
ident_session_setup(struct identity *id, int64_t now, const char *token,
    struct ident_session *ret, struct identity_account *acct, struct err *e)
{
	int r = ident_session_own(id, now, token, ret, acct, e);

	if (r == 0 && ret->stage != STAGE_ENROL &&
	    !(ret->stage == STAGE_FULL && fresh(ret->fresh_at, now)))
		r = err_set(e, E_AUTH, "show a factor first");
	return r;
}

static void
of_glass(const struct ident_session *row, struct identity_session *s)
{
	struct identity_account *a = &s->account;

	*a = (struct identity_account){.role = ROLE_GLASS, .state = ACCOUNT_ACTIVE, .ja = true,
	    .valid_until = row->ends};
	copy(a->id, sizeof(a->id), "glass");
	copy(a->name, sizeof(a->name), row->who);
}

int
identity_session(struct identity *id, int64_t now, const char *token,
    struct identity_session *ret, struct err *e)
{
	struct identity_session s = {0};
	struct ident_session row = {0};
	uint8_t hash[DIGEST_LEN], raw[IDENT_RAW];
	int r = ident_session_get(id, now, token, &row, e);

	if (r < 0)
		return r;
	if (row.stage == STAGE_GLASS) {
		of_glass(&row, &s);
	} else {
		r = identity_account_get(id, row.account, &s.account, e);
		if (r == E_NOENT || (r == 0 &&
		        !ident_account_in_force(&s.account, now, row.stage == STAGE_ENROL)))
			r = err_set(e, E_AUTH, IDENT_NO_SESSION);
		if (r < 0)
			return r;
	}
	if (row.stage == STAGE_LINK) {
		s.account.nobjects = 1;
		copy(s.account.objects[0], IDENTITY_OBJECT, row.object);
	}
	if (now - row.seen >= SEEN_STEP && db_exec(id->db, "UPDATE sessions SET seen = $2 WHERE "
	    "id = $1", "si", e, row.id, now) < 0)
		return e ? e->code : E_SYS;
	copy(s.id, sizeof(s.id), row.id);
	s.stage = row.stage;
	s.created = row.created;
	s.seen = now;
	s.ends = row.ends;
	s.fresh_at = row.fresh_at;
	(void)ident_token_hash(token, hash, raw);
	ident_lookup(id, "csrf", raw, sizeof(raw), s.csrf);
	explicit_bzero(raw, sizeof(raw));
	*ret = s;
	return 0;
}

enum identity_answer
identity_session_may(const struct identity_session *s, enum identity_area area,
    enum identity_verb verb, const char *object, int64_t now)
{
	if (s->stage == STAGE_SECOND)
		return MAY_NO;
	if (s->stage == STAGE_ENROL)
		return area == AREA_SELF && (verb == VERB_READ || verb == VERB_WRITE) ? MAY_YES
		                                                                      : MAY_NO;
	if (!identity_may(&s->account, area, verb, object, now))
		return MAY_NO;
	if (s->stage == STAGE_GLASS)
		return MAY_YES; /* the code was the factor; its hour is short */
	if (s->stage == STAGE_LINK && s->account.role == ROLE_INSPECTOR &&
	    area != AREA_GUIDE && area != AREA_REGISTER && area != AREA_PEOPLE &&
	    area != AREA_PAPERS)
		return MAY_NO; /* the checklist, the ledgers, the papers */
	if (s->stage == STAGE_LINK)
		return area == AREA_SELF || identity_needs_fresh(area, verb) ? MAY_NO : MAY_YES;
	if (s->stage == STAGE_PIN && area == AREA_SELF && verb == VERB_WRITE)
		return MAY_IF_FRESH;
	if (!identity_needs_fresh(area, verb))
		return MAY_YES;
	return s->stage == STAGE_FULL && fresh(s->fresh_at, now) ? MAY_YES : MAY_IF_FRESH;
}

/* --- beginning and moving on ------------------------------------------------------------------ */

/* cut(out, size, s): At most size - 1 bytes, no character in half, printable. */
static void
cut(char *out, size_t size, const char *s)
{
	struct buf b;
	size_t n;

	buf_init(&b, 4 * IDENTITY_NAME * 4);
	out[0] = 0;
	if (s && utf8_show(&b, s, strnlen(s, size - 1), NULL) == 0) {
		n = b.len < size ? b.len : size - 1;
		while (n > 0 && !utf8_ok(b.p, n))
			n--;
		if (n > 0)
			(void)memcpy(out, b.p, n);
		out[n] = 0;
	}
	buf_free(&b);
}

struct begin {
	struct identity *id;
	const struct ident_begin *b;
	struct identity_pass *pass;
	const uint8_t *hash;
	char source[IDENTITY_SOURCE], agent[IDENT_AGENT];
	const char *device;
	int64_t now;
};

static int
begin_tx(struct db *db, void *cookie, struct err *e)
{
	struct begin *n = cookie;
	const struct ident_begin *b = n->b;
	int r = db_exec(db, "INSERT INTO sessions (id, token, account, stage, object, who, device, "
	    "source, agent, created, seen, ends, fresh_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
	    "$9, $10, $10, $11, $12)", "sbsssssssiii", e, n->pass->session, n->hash,
	    (size_t)DIGEST_LEN, b->account, identity_stage_name(b->stage),
	    b->object ? b->object : "", b->who ? b->who : "", n->device, n->source, n->agent,
	    n->now, n->pass->ends, b->fresh ? n->now : INT64_C(0));

	if (r >= 0) /* the oldest end */
		r = db_exec(db,
		    "UPDATE sessions SET ended = $2 WHERE id IN (SELECT id FROM sessions "
		    "WHERE account = $1 AND ended = 0 ORDER BY created DESC, id LIMIT 1000 "
		    "OFFSET $3)",
		    "sii", e, b->account, n->now, (int64_t)IDENTITY_SESSIONS);
	if (r >= 0 && b->stage == STAGE_FULL)
		r = db_exec(db, "UPDATE accounts SET last_login = $2 WHERE id = $1", "si", e,
		    b->account, n->now);
	return r < 0 ? r : 0;
}

int
ident_session_new(struct identity *id, int64_t now, const struct ident_begin *b,
    struct identity_pass *ret, struct err *e)
{
	struct identity_pass p = {.stage = b->stage, .ends = now + span_of(b->stage)};
	uint8_t hash[DIGEST_LEN];
	char device[IDENTITY_ID] = "";
	struct begin n = {.id = id, .b = b, .pass = &p, .hash = hash, .device = device, .now = now};
	int r = ident_device_get(id, now, b->from ? b->from->device : NULL, device, e);

	if (r < 0)
		return r;
	if (b->ends != 0 && b->ends < p.ends)
		p.ends = b->ends;
	ident_id(p.session, "s");
	ident_token(p.token, hash);
	copy(p.account, sizeof(p.account), b->account);
	cut(n.source, sizeof(n.source), b->from ? b->from->source : NULL);
	cut(n.agent, sizeof(n.agent), b->from ? b->from->agent : NULL);
	r = db_tx(id->db, begin_tx, &n, e);
	if (r == 0 && b->stage == STAGE_FULL)
		r = ident_device_note(id, now, device, b->account, e);
	if (r == 0)
		*ret = p;
	return r;
}

struct move {
	const struct ident_session *s;
	const struct identity_pass *pass;
	const uint8_t *hash;
	int64_t now;
};

static int
move_tx(struct db *db, void *cookie, struct err *e)
{
	struct move *m = cookie;
	int r = db_exec(db, "UPDATE sessions SET token = $2, stage = $3, seen = $4, ends = $5, "
	    "fresh_at = $4 WHERE id = $1 AND ended = 0", "sbsii", e, m->s->id, m->hash,
	    (size_t)DIGEST_LEN, identity_stage_name(m->pass->stage), m->now, m->pass->ends);

	if (r == 0)
		return err_set(e, E_AUTH, IDENT_NO_SESSION); /* ended in between */
	if (r > 0 && m->pass->stage == STAGE_FULL && m->s->stage != STAGE_FULL)
		r = db_exec(db, "UPDATE accounts SET last_login = $2 WHERE id = $1", "si", e,
		    m->s->account, m->now);
	return r < 0 ? r : 0;
}

int
ident_session_move(struct identity *id, int64_t now, const struct ident_session *s,
    enum identity_stage stage, struct identity_pass *ret, struct err *e)
{
	struct identity_pass p = {.stage = stage};
	uint8_t hash[DIGEST_LEN];
	struct move m = {.s = s, .pass = &p, .hash = hash, .now = now};
	int r;

	/* a step-up does not lengthen the day; a sign-in begins it */
	p.ends = stage == s->stage ? s->ends : now + span_of(stage);
	ident_token(p.token, hash);
	copy(p.session, sizeof(p.session), s->id);
	copy(p.account, sizeof(p.account), s->account);
	r = db_tx(id->db, move_tx, &m, e);
	if (r == 0 && stage == STAGE_FULL)
		r = ident_device_note(id, now, s->device, s->account, e);
	if (r == 0)
		*ret = p;
	return r;
}

int
identity_session_begin(struct identity *id, int64_t now, const char *account,
    enum identity_stage stage, const struct identity_from *from, struct identity_pass *ret,
    struct err *e)
{
	struct ident_begin b = {.account = account, .stage = stage, .from = from, .fresh = true};
	struct identity_account a;
	int r = identity_account_get(id, account, &a, e);

	if (r < 0)
		return r;
	if (stage != STAGE_FULL && stage != STAGE_ENROL)
		return err_set(e, E_INVAL, "a session begins as FULL or ENROL");
	if (!ident_account_in_force(&a, now, stage == STAGE_ENROL))
		return err_set(e, E_AUTH, IDENT_NO_SESSION);
	return ident_session_new(id, now, &b, ret, e);
}

/* --- ending ----------------------------------------------------------------------------------- */

int
identity_session_end(struct identity *id, int64_t now, const char *token, struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	int r;

	if (!ident_token_hash(token, hash, NULL))
		return 0;
	r = db_exec(id->db, "UPDATE sessions SET ended = $2 WHERE token = $1 AND ended = 0", "bi",
	    e, hash, sizeof(hash), now);
	return r < 0 ? r : 0;
}

int
ident_session_end_all(struct identity *id, int64_t now, const char *account, const char *keep,
    struct err *e)
{
	int r = db_exec(id->db, "UPDATE sessions SET ended = $2 WHERE account = $1 AND ended = 0 "
	    "AND id <> $3", "sis", e, account, now, keep ? keep : "");

	return r < 0 ? r : 0;
}

int
identity_session_revoke(struct identity *id, int64_t now, const char *account,
    const char *session, struct err *e)
{
	int r;

	if (!session)
		return ident_session_end_all(id, now, account, NULL, e);
	r = db_exec(id->db, "UPDATE sessions SET ended = $3 WHERE account = $1 AND id = $2 AND "
	    "ended = 0", "ssi", e, account, session, now);
	return r < 0 ? r : r == 0 ? err_set(e, E_NOENT, "there is no such session") : 0;
}

static int
on_list(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "id", db_col_text(row, 0),
	    "stage", db_col_text(row, 1), "source", db_col_text(row, 2), "agent",
	    db_col_text(row, 3), "created", (json_int_t)db_col_i64(row, 4), "seen",
	    (json_int_t)db_col_i64(row, 5), "ends", (json_int_t)db_col_i64(row, 6));

	return !o || json_array_append_new(cookie, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

int
identity_session_list(struct identity *id, int64_t now, const char *account, json_t **ret,
    struct err *e)
{
	json_t *list = json_array();
	int r = list ? db_each(id->db, "SELECT id, stage, source, agent, created, seen, ends FROM "
	    "sessions WHERE account = $1 AND ended = 0 AND ends > $2 AND seen > $3 "
	    "ORDER BY created DESC, id LIMIT 100", on_list, list, "sii", e, account, now,
	    now - IDENTITY_IDLE) : err_set(e, E_NOMEM, "no memory");

	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret = list;
	return 0;
}

int
identity_sweep(struct identity *id, int64_t now, struct err *e)
{
	static const struct {
		const char *sql;
		int64_t age;
	} t[] = {
		{"DELETE FROM sessions WHERE ends < $1 OR (ended > 0 AND ended < $1)", KEEP_ENDED},
		{"DELETE FROM challenges WHERE ends < $1", 0},
		{"DELETE FROM throttle WHERE last < $1 AND until < $1", 2 * TIME_DAY},
		{"DELETE FROM account_codes WHERE kind = 'invite' AND ends < $1", KEEP_ENDED},
		{"DELETE FROM device_accounts WHERE device IN "
		    "(SELECT id FROM devices WHERE ends < $1)", 0},
		{"DELETE FROM devices WHERE ends < $1", 0},
		{"DELETE FROM links WHERE ends < $1", KEEP_ENDED},
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(t) && r >= 0; i++)
		r = db_exec(id->db, t[i].sql, "i", e, now - t[i].age);
	return r < 0 ? r : 0;
}
