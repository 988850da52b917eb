/* What the files of this folder share. Not for use elsewhere. */
#ifndef MAMORI_ENGINE_IDENTITY_IDENT_INT_H
#define MAMORI_ENGINE_IDENTITY_IDENT_INT_H

#include "crypt/digest.h"
#include "identity/identity.h"

enum { IDENT_RAW = 32, IDENT_KEY = 96, IDENT_AGENT = 200 };

struct identity {
	struct db *db; /* borrowed */
	struct pwhash_cost cost;
	char rp[256], origin[320];
	uint8_t *key;        /* 32 secret bytes */
	struct hmac *lookup; /* for what is found again by its hash */
	char dummy[PWHASH_LEN]; /* what a password is compared with when there is no account */
};

/* The one answer to everything that is wrong about a sign-in. */
#define IDENT_WRONG "wrong name, password or code"
/* The session is unknown, ended, or of a stage that may not do this. */
#define IDENT_NO_SESSION "not signed in, or not far enough"

/* --- identity.c --- */
/* "${prefix}-" and 24 random hexadecimal digits. */
void ident_id(char out[IDENTITY_ID], const char *prefix);
/* A fresh token and its hash. */
void ident_token(char out[IDENTITY_TOKEN], uint8_t hash[DIGEST_LEN]);
/* False when it is not the form of a token; NULL is fine. ${raw} may be NULL. */
bool ident_token_hash(const char *token, uint8_t hash[DIGEST_LEN], uint8_t raw[IDENT_RAW]);
/* HMAC under the lookup key over ${kind}, NUL, ${n} bytes. */
void ident_lookup(const struct identity *id, const char *kind, const void *p, size_t n,
    uint8_t out[DIGEST_LEN]);
/* A fresh code "ABCDE-FGHIJ" of 50 random bits, and its hash. */
void ident_code(const struct identity *id, char out[IDENTITY_CODE], uint8_t hash[DIGEST_LEN]);
/* The hash of a code as somebody types it. False when it is not the form of one. */
bool ident_code_hash(const struct identity *id, const char *code, uint8_t hash[DIGEST_LEN]);
/* NFKC and case folded; false when it is empty, too long or holds what a login must not. */
bool ident_fold(const char *login, char out[IDENTITY_LOGIN]);
/* Whether ${s} is UTF-8 text of one line, 1 to ${size} - 1 bytes, not only blanks. */
bool ident_text_ok(const char *s, size_t size);
/* Sealing a seed for one account: 16 bytes of salt, then AES-256-GCM under a key of this salt. */
enum { IDENT_SEED = 20, IDENT_SEALED = 16 + IDENT_SEED + 16 };
MUST int ident_seal(const struct identity *id, const char *account, const uint8_t seed[IDENT_SEED],
    uint8_t out[IDENT_SEALED], struct err *e);
MUST int ident_unseal(const struct identity *id, const char *account, const void *p, size_t n,
    uint8_t seed[IDENT_SEED], struct err *e);

/* --- throttle.c: counted before the answer is looked at, taken back after a right one --- */
struct ident_gate {
	char who[IDENT_KEY], source[IDENT_KEY];
};
/* Set up the two keys: of the account (on a known device its own), and of the source. */
void ident_gate_set(struct ident_gate *g, const char *kind, const char *who,
    const struct identity_from *from);
/* E_BUSY with how long to wait; else counted. */
MUST int ident_gate_enter(struct identity *id, int64_t now, const struct ident_gate *g,
    int64_t *ret_wait, struct err *e);
/* The answer was right. */
MUST int ident_gate_pass(struct identity *id, const struct ident_gate *g, struct err *e);

/* --- session.c --- */
struct ident_session {
	char id[IDENTITY_ID], account[IDENTITY_ID], device[IDENTITY_ID];
	char object[IDENTITY_OBJECT], who[IDENTITY_NAME];
	enum identity_stage stage;
	int64_t created, seen, ends, fresh_at;
};
/* The open session of a token; E_AUTH. Does not look at the account. */
MUST int ident_session_get(struct identity *id, int64_t now, const char *token,
    struct ident_session *ret, struct err *e);
/* As above, and the account is in force; of an account, not break-glass or a link. */
MUST int ident_session_own(struct identity *id, int64_t now, const char *token,
    struct ident_session *ret, struct identity_account *acct, struct err *e);
/* As above, and it may change the account's factors: FULL and fresh, or ENROL. */
MUST int ident_session_setup(struct identity *id, int64_t now, const char *token,
    struct ident_session *ret, struct identity_account *acct, struct err *e);
struct ident_begin {
	const char *account, *object, *who;
	enum identity_stage stage;
	const struct identity_from *from;
	bool fresh;
	int64_t ends; /* not later than this; 0: no limit */
};
MUST int ident_session_new(struct identity *id, int64_t now, const struct ident_begin *b,
    struct identity_pass *ret, struct err *e);
/* A new token and stage for a session; fresh now. A session that becomes FULL counts as a sign-in
 * of the account. */
MUST int ident_session_move(struct identity *id, int64_t now, const struct ident_session *s,
    enum identity_stage stage, struct identity_pass *ret, struct err *e);
/* End all sessions of an account but one (may be NULL). */
MUST int ident_session_end_all(struct identity *id, int64_t now, const char *account,
    const char *keep, struct err *e);

/* --- account.c --- */
/* Whether it may sign in now. */
bool ident_account_in_force(const struct identity_account *a, int64_t now, bool invited_too);
/* Where an account stands that has shown what it has: ENROL while something is missing. */
enum identity_stage ident_account_stage(const struct identity_account *a);
/* Whether it has a factor besides the password that is asked at every sign-in. */
bool ident_account_second(const struct identity_account *a);

/* --- device.c --- */
/* The id of a device cookie that is in force, or "". */
MUST int ident_device_get(struct identity *id, int64_t now, const char *device,
    char ret[IDENTITY_ID], struct err *e);
/* Note a full sign-in there; nothing without a device. */
MUST int ident_device_note(struct identity *id, int64_t now, const char *device,
    const char *account, struct err *e);

#endif
