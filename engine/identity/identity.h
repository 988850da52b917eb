/* Accounts, factors, sign-in, sessions.
 *
 * How a sign-in runs. The slow part (Argon2id) touches neither database nor handle, so that a
 * worker can do it:
 *
 *   identity_try_begin   loop   looks up, refuses while the account or the source must wait
 *   identity_try_hash    worker one hash, whether the account exists or not
 *   identity_try_finish  loop   counts, and answers with a session
 *
 * A session is a random 256-bit token in the browser's cookie; the database holds its SHA-256.
 * Its stage says how far the person has come; a step forward gives a new token and ends the old one
 * (so a token planted before sign-in is worth nothing after it):
 *
 *   SECOND  the password was right, the second factor is outstanding
 *   ENROL   signed in for the first time or after a reset: only AREA_SELF, until a password (and
 *           for roles that must, a second factor) is set
 *   PIN     fast switch on a shared machine: everyday work; anything that needs a fresh factor is
 *           refused until a factor was shown
 *   FULL    signed in
 *   LINK    opened by an expiring link (vendor, inspector)
 *   GLASS   opened by a break-glass code, for a short time
 *
 * Wrong answers are slowed, never locked for good: after IDENTITY_FREE failures an account waits
 * 1, 2, 4 ... seconds, at most IDENTITY_WAIT_MAX; so does a source address after
 * IDENTITY_FREE_SOURCE. A browser in which the person signed in before (device token) has its own
 * count, so that a stranger's guessing does not keep the director out. Unknown logins are counted
 * and answered exactly like known ones: E_AUTH "wrong name, password or code".
 *
 * Times come from the caller. One handle belongs to the thread of its database. */
#ifndef MAMORI_ENGINE_IDENTITY_IDENTITY_H
#define MAMORI_ENGINE_IDENTITY_IDENTITY_H

#include <jansson.h>

#include "base/time.h"
#include "crypt/pwhash.h"
#include "db/db.h"
#include "identity/password.h"
#include "identity/roles.h"
#include "ledger/state.h"

enum {
	IDENTITY_TOKEN = 44,       /* base64url of 32 bytes, with its NUL */
	IDENTITY_CODE = 16,        /* a printed code "ABCDE-FGHIJ", with its NUL */
	IDENTITY_CODES = 10,       /* printed codes of one set */
	IDENTITY_ACCOUNTS = 5000,
	IDENTITY_PASSKEYS = 10,    /* of one account */
	IDENTITY_SESSIONS = 20,    /* of one account; the oldest ends */
	IDENTITY_FREE = 5,
	IDENTITY_FREE_SOURCE = 20,
	IDENTITY_PIN_TRIES = 5,    /* then the PIN is gone from that machine */
	IDENTITY_PIN_MIN = 4,
	IDENTITY_PIN_MAX = 12,
};

#define IDENTITY_WAIT_MAX (900 * TIME_SEC)
#define IDENTITY_FRESH (300 * TIME_SEC)      /* step-up holds for five minutes */
#define IDENTITY_IDLE (1800 * TIME_SEC)      /* silence that ends a session */
#define IDENTITY_SPAN (12 * 3600 * TIME_SEC) /* the longest session */
#define IDENTITY_SPAN_PIN (2 * 3600 * TIME_SEC)
#define IDENTITY_IDLE_PIN (600 * TIME_SEC)
#define IDENTITY_SPAN_SECOND (600 * TIME_SEC)
#define IDENTITY_SPAN_GLASS (3600 * TIME_SEC)
#define IDENTITY_SPAN_CHALLENGE (300 * TIME_SEC)
#define IDENTITY_SPAN_INVITE (7 * TIME_DAY)
#define IDENTITY_SPAN_DEVICE (180 * TIME_DAY)

enum identity_stage {
	STAGE_SECOND,
	STAGE_ENROL,
	STAGE_PIN,
	STAGE_FULL,
	STAGE_LINK,
	STAGE_GLASS,
	STAGES,
};
const char *identity_stage_name(enum identity_stage s);

struct identity;

/* What this console is called towards passkeys: ${rp} is its host name (not an address: browsers
 * refuse those; NULL: passkeys are not offered), ${origin} "https://host[:port]". */
struct identity_conf {
	struct pwhash_cost cost; /* passes == 0: pwhash_default(PWHASH_ARGON2ID) */
	const char *rp, *origin;
};

/* identity_open(st, db, conf, ret, e): ${db} is borrowed and must be migrated; the key under which
 * seeds are sealed is STATE/keys/identity.key, made when there is none. E_CORRUPT, E_AUTH, E_SYS.
 */
MUST int identity_open(const struct state *st, struct db *db, const struct identity_conf *conf,
    struct identity **ret, struct err *e);
void identity_close(struct identity *id); /* NULL is fine; wipes */

/* --- accounts (account.c) ------------------------------------------------------------------- */

/* What a new account is given. */
struct identity_new {
	const char *login, *name;    /* unique; what the screens show */
	const char *person;          /* "" or NULL: no person of the register */
	enum identity_role role;
	bool ja;
	int64_t valid_from, valid_until; /* 0: no limit; vendor and inspector must have an end */
	const char *const *objects;  /* of object-limited rights */
	size_t nobjects;
};

/* identity_account_add(id, now, by, n, ret_id, invite, e): Add an account that waits for its first
 * password; ${invite} is a one-time code for it, good for a week, shown to whoever adds it. ${by}
 * is an account id, or "console" for the machine itself. E_EXIST (the login is taken), E_INVAL
 * names the field, E_LIMIT. */
MUST int identity_account_add(struct identity *id, int64_t now, const char *by,
    const struct identity_new *n, char ret_id[IDENTITY_ID], char invite[IDENTITY_CODE],
    struct err *e);
MUST int identity_account_get(struct identity *id, const char *account,
    struct identity_account *ret, struct err *e); /* E_NOENT */
MUST int identity_account_find(struct identity *id, const char *login,
    struct identity_account *ret, struct err *e); /* E_NOENT */
/* Each account, by login. A non-zero result stops the walk and is returned. */
typedef int identity_account_fn(const struct identity_account *a, void *cookie, struct err *e);
MUST int identity_account_each(struct identity *id, identity_account_fn *fn, void *cookie,
    struct err *e);
/* identity_account_change(id, now, account, version, n, e): Set name, person, role, language, time
 * and objects. Ends the account's sessions when its role, time or objects change. E_BUSY: somebody
 * saved first (${version} is not the present one). E_INVAL: it would leave no active director. */
MUST int identity_account_change(struct identity *id, int64_t now, const char *account,
    int64_t version, const struct identity_new *n, struct err *e);
/* identity_account_disable(id, now, account, e): Ends its sessions, links, tokens and PINs.
 * E_INVAL: the last active director. identity_account_enable: back to what it was. */
MUST int identity_account_disable(struct identity *id, int64_t now, const char *account,
    struct err *e);
MUST int identity_account_enable(struct identity *id, int64_t now, const char *account,
    struct err *e);
/* identity_account_reset(id, now, account, invite, e): Forget password, second factors, PINs and
 * sessions; a new invitation. Also enables a disabled account. */
MUST int identity_account_reset(struct identity *id, int64_t now, const char *account,
    char invite[IDENTITY_CODE], struct err *e);
/* identity_account_count(id, e): How many accounts there are at all; 0 before the first start. */
MUST int identity_account_count(struct identity *id, struct err *e);

/* --- sign-in with a password (signin.c) ------------------------------------------------------ */

/* Where a request comes from. */
struct identity_from {
	const char *source; /* address as text */
	const char *device; /* the device cookie, or NULL */
	const char *agent;  /* User-Agent, or NULL; kept cut and only shown to the owner */
};

/* What a step of signing in gives: the cookie's new value. */
struct identity_pass {
	char token[IDENTITY_TOKEN];
	char session[IDENTITY_ID], account[IDENTITY_ID];
	enum identity_stage stage;
	int64_t ends; /* for the cookie */
};

struct identity_try;
/* identity_try_begin(id, now, login, from, ret, ret_wait, e): E_BUSY: too many failures;
 * ${ret_wait} is how long to wait, whether there is such an account or not. */
MUST int identity_try_begin(struct identity *id, int64_t now, const char *login,
    const struct identity_from *from, struct identity_try **ret, int64_t *ret_wait,
    struct err *e);
/* identity_try_hash(t, password, n): In any thread. Takes the time of one hash. */
void identity_try_hash(struct identity_try *t, const void *password, size_t n);
/* identity_try_finish(id, now, t, ret, e): Takes ${t}, also on failure. E_AUTH: wrong, unknown,
 * disabled or out of its time, all with the same words; E_SYS, E_NOMEM when it could not be found
 * out. ${ret} may be of stage SECOND, ENROL or FULL. */
MUST int identity_try_finish(struct identity *id, int64_t now, struct identity_try *t,
    struct identity_pass *ret, struct err *e);
void identity_try_free(struct identity_try *t); /* instead of finish; NULL is fine */

/* identity_invite_use(id, now, code, from, ret, ret_wait, e): A session of stage ENROL for an
 * invitation code, which is used up. E_AUTH, E_BUSY. */
MUST int identity_invite_use(struct identity *id, int64_t now, const char *code,
    const struct identity_from *from, struct identity_pass *ret, int64_t *ret_wait,
    struct err *e);

/* A new password, in three parts like the sign-in: check, hash, keep. The session must be FULL and
 * fresh, or ENROL. */
struct identity_newpw;
/* identity_newpw_begin(id, now, token, password, n, ret, ret_why, e): E_INVAL with ${ret_why} when
 * the password is refused; E_AUTH when the session may not. */
MUST int identity_newpw_begin(struct identity *id, int64_t now, const char *token,
    const void *password, size_t n, struct identity_newpw **ret, enum password_why *ret_why,
    struct err *e);
void identity_newpw_hash(struct identity_newpw *w); /* in any thread */
/* identity_newpw_finish(id, now, w, ret, e): Keeps it, ends the account's other sessions; a new
 * token. Takes ${w}. */
MUST int identity_newpw_finish(struct identity *id, int64_t now, struct identity_newpw *w,
    struct identity_pass *ret, struct err *e);
void identity_newpw_free(struct identity_newpw *w);

/* --- second factors (factor.c) ---------------------------------------------------------------- */

/* identity_totp_begin(id, now, token, secret, uri, e): A seed for the session's account, in base32
 * and as otpauth:// address for a QR code; kept aside until the first right code. */
enum { IDENTITY_TOTP_SECRET = 40, IDENTITY_TOTP_URI = 512 };
MUST int identity_totp_begin(struct identity *id, int64_t now, const char *token,
    char secret[IDENTITY_TOTP_SECRET], char uri[IDENTITY_TOTP_URI], struct err *e);
/* identity_totp_confirm(id, now, token, code, ret, e): E_AUTH: a wrong code. The session moves on
 * (ENROL becomes FULL when nothing more is missing). */
MUST int identity_totp_confirm(struct identity *id, int64_t now, const char *token,
    const char *code, struct identity_pass *ret, struct err *e);
MUST int identity_totp_drop(struct identity *id, int64_t now, const char *token, struct err *e);

/* identity_codes_make(id, now, token, codes, e): A fresh set of printed one-time codes; the older
 * set is void. Shown once. */
MUST int identity_codes_make(struct identity *id, int64_t now, const char *token,
    char codes[IDENTITY_CODES][IDENTITY_CODE], struct err *e);

/* identity_second(id, now, token, code, from, ret, ret_wait, e): The code of an authenticator (six
 * digits) or a printed one. From SECOND to FULL; for a FULL or PIN session a step-up: fresh again,
 * and FULL. E_AUTH, E_BUSY with ${ret_wait}. A code is good once. */
MUST int identity_second(struct identity *id, int64_t now, const char *token, const char *code,
    const struct identity_from *from, struct identity_pass *ret, int64_t *ret_wait,
    struct err *e);
/* Step-up of a FULL or PIN session with the password, for accounts without a second factor: as
 * signing in, with identity_step_begin in the place of identity_try_begin. E_AUTH when the account
 * has a second factor: then that is asked. */
MUST int identity_step_begin(struct identity *id, int64_t now, const char *token,
    const struct identity_from *from, struct identity_try **ret, int64_t *ret_wait,
    struct err *e);

/* --- passkeys (passkey.c) --------------------------------------------------------------------- */

/* identity_passkey_offer(id, now, token, ret, e): PublicKeyCredentialCreationOptions (binary fields
 * in base64url) for the session's account; with a challenge that counts once, for five minutes.
 * E_NOENT: no passkeys here (no host name). */
MUST int identity_passkey_offer(struct identity *id, int64_t now, const char *token, json_t **ret,
    struct err *e);
/* identity_passkey_add(id, now, token, name, response, ret, e): The browser's answer
 * {"id","clientDataJSON","attestationObject"} in base64url. E_AUTH, E_PROTO (malformed), E_EXIST.
 */
MUST int identity_passkey_add(struct identity *id, int64_t now, const char *token,
    const char *name, const json_t *response, struct identity_pass *ret, struct err *e);
/* identity_passkey_ask(id, now, token, ret, e): PublicKeyCredentialRequestOptions. ${token}: the
 * session to move on or step up; NULL: signing in with a passkey alone. */
MUST int identity_passkey_ask(struct identity *id, int64_t now, const char *token, json_t **ret,
    struct err *e);
/* identity_passkey_use(id, now, token, response, from, ret, ret_wait, e): The answer
 * {"id","clientDataJSON","authenticatorData","signature","userHandle"}. E_AUTH, E_PROTO, E_BUSY. */
MUST int identity_passkey_use(struct identity *id, int64_t now, const char *token,
    const json_t *response, const struct identity_from *from, struct identity_pass *ret,
    int64_t *ret_wait, struct err *e);
/* identity_passkey_list(id, account, ret, e): [{"id","name","created","last_used","synced"}]. */
MUST int identity_passkey_list(struct identity *id, const char *account, json_t **ret,
    struct err *e);
/* identity_passkey_drop(id, now, token, passkey, e): One of the session's own account. */
MUST int identity_passkey_drop(struct identity *id, int64_t now, const char *token,
    const char *passkey, struct err *e);

/* --- sessions (session.c) --------------------------------------------------------------------- */

struct identity_session {
	char id[IDENTITY_ID];
	enum identity_stage stage;
	struct identity_account account; /* of a GLASS session: id "glass", role ROLE_GLASS */
	int64_t created, seen, ends, fresh_at;
	uint8_t csrf[32];                /* bound to the token; for the form's hidden field */
};

/* identity_session(id, now, token, ret, e): The session of a cookie. Notes that it was seen (at
 * most once a minute). E_AUTH: unknown, idle for too long, ended, or the account is no longer in
 * force. */
MUST int identity_session(struct identity *id, int64_t now, const char *token,
    struct identity_session *ret, struct err *e);

/* identity_session_lapsed(id, now, token, ret_account, ret_csrf, e): Whose session of a cookie it
 * was that ran out by itself within the last day, so that what was typed in it is not lost: it
 * gives no right to anything. Not one that somebody ended. E_AUTH. */
MUST int identity_session_lapsed(struct identity *id, int64_t now, const char *token,
    char ret_account[IDENTITY_ID], uint8_t ret_csrf[32], struct err *e);

enum identity_answer { MAY_NO, MAY_YES, MAY_IF_FRESH }; /* the last: ask for a factor first */
/* identity_session_may(s, area, verb, object, now): identity_may, and what the stage allows. */
enum identity_answer identity_session_may(const struct identity_session *s,
    enum identity_area area, enum identity_verb verb, const char *object, int64_t now);

/* identity_session_begin(id, now, account, stage, from, ret, e): Without a factor: for the first
 * start, which proved itself by its one-time address. */
MUST int identity_session_begin(struct identity *id, int64_t now, const char *account,
    enum identity_stage stage, const struct identity_from *from, struct identity_pass *ret,
    struct err *e);
/* identity_session_end(id, now, token, e): Sign out. */
MUST int identity_session_end(struct identity *id, int64_t now, const char *token, struct err *e);
/* identity_session_list(id, now, account, ret, e): [{"id","stage","source","agent","created",
 * "seen","ends"}] of the sessions that are open, newest first. Times in microseconds. */
MUST int identity_session_list(struct identity *id, int64_t now, const char *account, json_t **ret,
    struct err *e);
/* identity_session_revoke(id, now, account, session, e): One, or all of them (NULL). E_NOENT: not a
 * session of this account. */
MUST int identity_session_revoke(struct identity *id, int64_t now, const char *account,
    const char *session, struct err *e);
/* identity_sweep(id, now, e): Forget what ended more than 30 days ago. Call it once a day. */
MUST int identity_sweep(struct identity *id, int64_t now, struct err *e);

/* --- shared machines (device.c) --------------------------------------------------------------- */

/* identity_device_new(id, now, token, name, ret, e): A device cookie for this browser; also what
 * lets its failures be counted apart. ${name} is for people, "受付PC"; "" for a private one. */
MUST int identity_device_new(struct identity *id, int64_t now, const char *token, const char *name,
    char ret[IDENTITY_TOKEN], struct err *e);
/* identity_pin_set(id, now, token, device, pin, e): The session must be FULL and fresh. E_INVAL:
 * not 4 to 12 digits, or too simple. */
MUST int identity_pin_set(struct identity *id, int64_t now, const char *token, const char *device,
    const char *pin, struct err *e);
/* identity_pin_people(id, now, device, ret, e): [{"account","name"}] of those who have a PIN on
 * this machine: for the buttons of the switch page. */
MUST int identity_pin_people(struct identity *id, int64_t now, const char *device, json_t **ret,
    struct err *e);
/* identity_pin_use(id, now, account, pin, from, ret, ret_wait, e): Ends this machine's session of
 * before (${old} may be NULL) and begins one of stage PIN. E_AUTH, E_BUSY. */
MUST int identity_pin_use(struct identity *id, int64_t now, const char *account, const char *pin,
    const char *old, const struct identity_from *from, struct identity_pass *ret,
    int64_t *ret_wait, struct err *e);

/* --- links and break-glass (link.c) ----------------------------------------------------------- */

/* identity_link_new(id, now, by, account, object, ends, ret, e): An expiring address for a vendor
 * or inspector account, for one object of it. ${ret} is the token to put into the address. E_INVAL:
 * another role, no end, or more than 90 days. */
MUST int identity_link_new(struct identity *id, int64_t now, const char *by, const char *account,
    const char *object, int64_t ends, char ret[IDENTITY_TOKEN], struct err *e);
/* identity_link_use(id, now, link, from, ret, e): A LINK session, limited to the object and ended
 * with the link. E_AUTH. */
MUST int identity_link_use(struct identity *id, int64_t now, const char *link,
    const struct identity_from *from, struct identity_pass *ret, struct err *e);
/* [{"id","account","name","object","created","ends","used"}], open ones. */
MUST int identity_link_list(struct identity *id, int64_t now, json_t **ret, struct err *e);
MUST int identity_link_revoke(struct identity *id, int64_t now, const char *link_id,
    struct err *e);

/* identity_glass_make(id, now, by, code, e): A break-glass code to print and seal into an envelope.
 * There is at most one that is unused; making a new one voids the older. */
MUST int identity_glass_make(struct identity *id, int64_t now, const char *by,
    char code[IDENTITY_CODE], struct err *e);
/* identity_glass_use(id, now, code, who, why, from, ret, ret_wait, e): Opens a GLASS session for an
 * hour; the code is used up and a review is owed. ${who} and ${why}: what the person wrote, neither
 * may be empty (E_INVAL). E_AUTH, E_BUSY. */
MUST int identity_glass_use(struct identity *id, int64_t now, const char *code, const char *who,
    const char *why, const struct identity_from *from, struct identity_pass *ret,
    int64_t *ret_wait, struct err *e);
/* [{"id","who","why","used","source","reviewed","by","note"}]; unreviewed ones first. */
MUST int identity_glass_list(struct identity *id, json_t **ret, struct err *e);
/* identity_glass_review(id, now, glass, by, note, e): ${by}: an account id. E_NOENT, E_EXIST
 * (already reviewed), E_INVAL (no note). */
MUST int identity_glass_review(struct identity *id, int64_t now, const char *glass, const char *by,
    const char *note, struct err *e);

#endif
