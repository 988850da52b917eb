/* Who may do what in the console. The rights are one table of data (roles.c); everything that is
 * not in it is forbidden. A role is not a person: an account has one role, and may belong to a
 * person of the register. */
#ifndef MAMORI_ENGINE_IDENTITY_ROLES_H
#define MAMORI_ENGINE_IDENTITY_ROLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum identity_role {
	ROLE_DIRECTOR,  /* 院長: answers for everything */
	ROLE_CLERK,     /* 担当: does the daily work */
	ROLE_STAFF,     /* 職員: own training, papers, may sound the alarm */
	ROLE_ZONE,      /* 区画責任者: staff, and keeps the records of some zones */
	ROLE_VENDOR,    /* 業者: for a time, only what was asked of him */
	ROLE_INSPECTOR, /* 点検者: reads, for a time */
	ROLE_GLASS,     /* nobody's account: a session opened by a break-glass code */
	ROLES,
};

enum identity_area {
	AREA_TODAY,    /* きょう */
	AREA_GUIDE,    /* 点検: answers, findings, plans, inspections */
	AREA_REGISTER, /* 台帳: facility, systems, devices, vendors, contracts, zones */
	AREA_PEOPLE,   /* 人と研修: people, agreements, training */
	AREA_PAPERS,   /* 書類 */
	AREA_INCIDENT, /* もしもの時 */
	AREA_REQUESTS, /* 業者に頼む: letters and their answers */
	AREA_VAULT,    /* generations, drills, places: looking, starting a backup or a drill */
	AREA_RESTORE,  /* giving data back, reading file contents from a generation */
	AREA_SETTINGS, /* 設定 */
	AREA_ACCOUNTS, /* accounts of others, invitations, links, break-glass codes */
	AREA_ACCESS,   /* 記録: the console's own access log */
	AREA_API,      /* tokens and webhooks */
	AREA_TASKS,    /* long work that one started oneself, and what came of it */
	AREA_SELF,     /* one's own account: password, second factor, sessions */
	AREAS,
};

enum identity_verb {
	VERB_READ,
	VERB_WRITE,   /* add and change */
	VERB_RUN,     /* start work: a backup, a drill, a restore, an import */
	VERB_APPROVE, /* sign off, put in force, close */
	VERB_EXPORT,  /* take a copy of more than one record out */
	VERBS,
};

/* Names are stable and stand in the database and the access log. E_INVAL: no such name. */
const char *identity_role_name(enum identity_role r);
MUST int identity_role_get(const char *name, enum identity_role *ret);
/* identity_role_label(r, ja): The word for people: 院長, "director". */
const char *identity_role_label(enum identity_role r, bool ja);
const char *identity_area_name(enum identity_area a);
MUST int identity_area_get(const char *name, enum identity_area *ret);
const char *identity_verb_name(enum identity_verb v);
MUST int identity_verb_get(const char *name, enum identity_verb *ret);

enum {
	IDENTITY_ID = 40,      /* bytes of an id with its NUL */
	IDENTITY_LOGIN = 96,
	IDENTITY_NAME = 256,
	IDENTITY_OBJECT = 96,  /* "kind:id", "kind:*", "*" */
	IDENTITY_OBJECTS = 16, /* of one account */
	IDENTITY_SOURCE = 64,  /* an address, as text */
};

enum identity_state {
	ACCOUNT_INVITED,  /* waits for its first password */
	ACCOUNT_ACTIVE,
	ACCOUNT_DISABLED, /* never removed: the log names it */
};

/* An account without its secrets. */
struct identity_account {
	char id[IDENTITY_ID], login[IDENTITY_LOGIN], name[IDENTITY_NAME];
	char person[IDENTITY_ID]; /* record of the register, or "" */
	enum identity_role role;
	enum identity_state state;
	bool ja;                  /* language of the screens */
	int64_t valid_from, valid_until; /* 0: no limit */
	char objects[IDENTITY_OBJECTS][IDENTITY_OBJECT]; /* of object-limited rights */
	size_t nobjects;
	/* what the account page and the checks show */
	bool has_password, has_totp, must_change;
	unsigned passkeys, codes; /* enrolled; unused printed codes */
	bool long_password;       /* 13 characters or more */
	int64_t created, last_login, password_at;
	int64_t version;          /* for optimistic locking */
};

/* identity_may(a, area, verb, object, now): Whether the account may, by the table alone. ${object}
 * is "kind:id" or NULL where the question is about the whole area; an object-limited right is then
 * given only to an account whose objects say "*". An account also has the objects "account:<its
 * id>" and "person:<its person>". False for an account that is not active or outside its time. A
 * pure function; sessions limit further (identity_session_may). */
bool identity_may(const struct identity_account *a, enum identity_area area,
    enum identity_verb verb, const char *object, int64_t now);

/* identity_needs_fresh(area, verb): Whether it also takes a factor shown within the last five
 * minutes: approval, export, restore, accounts, tokens. */
bool identity_needs_fresh(enum identity_area area, enum identity_verb verb);

/* identity_role_needs_second(r): Whether accounts of this role must have a second factor. */
bool identity_role_needs_second(enum identity_role r);
/* identity_role_must_end(r): Whether accounts of this role must have an end date. */
bool identity_role_must_end(enum identity_role r);

#endif
