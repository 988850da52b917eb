/* Programs that use the API. A token belongs to an account and can never do more than it: each use
 * asks the rights table for the account and the token's scopes, and ends with the account. Shown
 * once, kept as a hash, always with an end. The secret address of a calendar is a lesser token. */
#ifndef MAMORI_ENGINE_IDENTITY_APITOKEN_H
#define MAMORI_ENGINE_IDENTITY_APITOKEN_H

#include <jansson.h>

#include "identity/identity.h"

enum {
	APITOKEN_LEN = 48,    /* "mmr_" and 43 characters, with its NUL */
	APITOKEN_NAME = 128,
	APITOKEN_SCOPES = 32,
	APITOKEN_MEASURE = 96,
	APITOKENS = 200,      /* in force at once */
};

#define APITOKEN_SPAN (400 * TIME_DAY)

struct apitoken {
	char id[IDENTITY_ID], name[APITOKEN_NAME];
	uint8_t verbs[AREAS];            /* bit 1 << enum identity_verb */
	char measure[APITOKEN_MEASURE]; /* checks that it may report: a name, or a group "x."; "" */
	int64_t ends;
	struct identity_account owner;
};

/* apitoken_scope_ok(s): "AREA:VERB" of the rights table, or "measure:CHECK" / "measure:GROUP.". */
bool apitoken_scope_ok(const char *s);

/* apitoken_new(id, now, account, name, scopes, ends, ret, e): ${scopes}: a JSON array of texts.
 * E_INVAL names what is wrong (a scope that the account itself has not, no end, more than 400
 * days), E_LIMIT, E_NOENT. */
MUST int apitoken_new(struct identity *id, int64_t now, const char *account, const char *name,
    const json_t *scopes, int64_t ends, char ret[APITOKEN_LEN], struct err *e);
/* apitoken_get(id, now, text, ret, e): E_AUTH: unknown, ended, revoked, or its account is no longer
 * in force. */
MUST int apitoken_get(struct identity *id, int64_t now, const char *text, struct apitoken *ret,
    struct err *e);
/* apitoken_may(t, area, verb, object, now): By its scopes and by its account's rights. */
bool apitoken_may(const struct apitoken *t, enum identity_area area, enum identity_verb verb,
    const char *object, int64_t now);
/* apitoken_may_measure(t, check): Whether it may report this check. */
bool apitoken_may_measure(const struct apitoken *t, const char *check);
/* [{"id","name","account","scopes","created","ends","used"}], in force, newest first. */
MUST int apitoken_list(struct identity *id, int64_t now, json_t **ret, struct err *e);
MUST int apitoken_revoke(struct identity *id, int64_t now, const char *token_id, struct err *e);

/* apitoken_feed_new(id, now, account, ret, e): A fresh secret for the account's calendar; the older
 * one ends with it. apitoken_feed_get: whose it is; E_AUTH. apitoken_feed_revoke: none any more. */
MUST int apitoken_feed_new(struct identity *id, int64_t now, const char *account,
    char ret[IDENTITY_TOKEN], struct err *e);
MUST int apitoken_feed_get(struct identity *id, int64_t now, const char *secret,
    struct identity_account *ret, struct err *e);
MUST int apitoken_feed_revoke(struct identity *id, int64_t now, const char *account,
    struct err *e);

#endif
