/* Registers (台帳): records of declared kinds, with their whole history.
 *
 * What kinds there are, and the fields of each, is data (packs/register/kinds.json), made into
 * constant tables at build time. Every value is a text in one canonical form: a day is YYYY-MM-DD,
 * a number decimal digits, a choice its key, a reference the id of a record; a field with several
 * values has them joined with commas. An empty value is none.
 *
 * A record has a stable id, a revision that grows by one with each change, every earlier value with
 * who changed it and when, and a next date, or a reason why there is none. Nothing is deleted;
 * records are archived. JSON objects that functions return belong to the caller.
 *
 * A record as JSON: {"kind","id","rev","title","state":"live|archived","values":{field:text},
 *   "missing":[field],"next":{"mode":"rule|date|none","date","why"},"made_at","made_by","at","by"}
 */
#ifndef MAMORI_REGISTER_REGISTER_H
#define MAMORI_REGISTER_REGISTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "db/db.h"
#include "ledger/state.h"

enum {
	REGISTER_ID = 64,          /* bytes of an id with its NUL */
	REGISTER_DAY = 11,         /* YYYY-MM-DD and NUL */
	REGISTER_MAX_VALUE = 8192, /* bytes of one value */
	REGISTER_MAX_FILE = 64 << 20,
	REGISTER_MAX_RECORDS = 100000, /* of one kind */
	REGISTER_MAX_PAGE = 100000,
	REGISTER_FILTERS = 4,
	REGISTER_BATCH = 500,          /* records changed at once */
};

/* -- kinds ------------------------------------------------------------------------------------- */

enum register_type {
	REGISTER_TEXT,    /* one line */
	REGISTER_LONG,    /* several lines */
	REGISTER_KANA,    /* one line, a reading */
	REGISTER_INT,
	REGISTER_DATE,
	REGISTER_PHONE,
	REGISTER_EMAIL,
	REGISTER_MAC,
	REGISTER_NAME,    /* the id of something outside the registers */
	REGISTER_CHOICE,
	REGISTER_CHOICES, /* several */
	REGISTER_REF,     /* a record of another kind */
	REGISTER_REFS,
};

struct register_choice {
	const char *key, *ja, *en;
};

struct register_field {
	const char *key;
	enum register_type type;
	const char *ja, *en;
	const char *hint_ja, *hint_en; /* "" where none is needed */
	const char *ref;               /* the kind a reference leads to, else NULL */
	const struct register_choice *choices;
	size_t nchoices;
	bool required; /* cannot be saved without */
	bool wanted;   /* should be filled; 要確認 while it is not */
	bool list;     /* a column of the list */
};

struct register_rule { /* of the next date: the first whose condition holds and whose day is known
			*/
	const char *when;     /* NULL, FIELD (is filled) or FIELD=VALUE */
	const char *from;     /* the field with the day; NULL: no next date, because */
	int months;
	const char *none_ja, *none_en;
};

struct register_kind {
	const char *key, *prefix, *ja, *en, *help_ja, *help_en;
	const char *next_ja, *next_en; /* what is due on the next date */
	const char *single;            /* the id of the only record, or NULL */
	const char *title, *reading;   /* fields; reading may be NULL */
	const struct register_field *fields;
	size_t nfields;
	const struct register_rule *rules;
	size_t nrules;
	int first_days; /* without any day: this many days after the record was made */
	const char *const *same; /* records that agree in these fields are the same thing */
	size_t nsame;
	const char *const *unique; /* and those that agree in one of these, whatever their title */
	size_t nunique;
};

const struct register_kind *register_kinds(size_t *ret_n);
const struct register_kind *register_kind(const char *key); /* NULL when there is none */
const struct register_field *register_field(const struct register_kind *k, const char *key);
/* register_choice(f, key): The choice, or NULL. */
const struct register_choice *register_choice(const struct register_field *f, const char *key);

/* -- one record -------------------------------------------------------------------------------- */

struct register_who {
	const char *who;   /* an account's id or "cli:NAME" */
	const char *today; /* YYYY-MM-DD, the local day */
	int64_t now;
};

/* register_today(now, out): The local calendar day of a time. */
void register_today(int64_t now, char out[REGISTER_DAY]);

/* register_tidy(k, values, partial, ret, ret_problems): What a person typed in canonical form: full
 * width digits, 2026/4/1, 令和8年4月1日, labels of choices, surrounding spaces. Pure. ${ret}: the
 * values that are good (with ${partial} only those that were given). ${ret_problems}: an array of
 * {"field","code","ja","en"}; codes: unknown required long control date number choice mac email id
 * text phone. Returns 0, or E_INVAL when there are problems (both are set then, too), E_NOMEM. */
MUST int register_tidy(const struct register_kind *k, json_t *values, bool partial,
    json_t **ret, json_t **ret_problems);

/* The functions below take values as people type them and tidy them. In values the keys "_next"
 * (YYYY-MM-DD; "" goes back to the rule) and "_next_none" (the reason why there is no next date)
 * set the next date by hand. ${ret_problems} may be NULL; it is set on E_INVAL because of values.
 *
 * register_add(db, k, id, values, who, ret_id, ret_problems, e): A new record. ${id}: NULL for the
 * next number of the kind. E_INVAL, E_EXIST (the id is taken), E_NOENT (a reference leads nowhere:
 * also a problem), E_LIMIT. */
MUST int register_add(struct db *db, const struct register_kind *k, const char *id,
    json_t *values, const struct register_who *who, char ret_id[REGISTER_ID],
    json_t **ret_problems, struct err *e);
/* register_get(db, k, id, ret, e): E_NOENT. */
MUST int register_get(struct db *db, const struct register_kind *k, const char *id, json_t **ret,
    struct err *e);
/* register_set(db, k, id, rev, values, who, ret_rev, ret_conflict, ret_problems, e): Change the
 * given fields of a record that is still at revision ${rev}. Nothing changed: the revision stays.
 * E_BUSY: somebody saved before; ${ret_conflict} (may be NULL) is {"rev","at","by","fields":
 * [{"field","base","theirs","mine"}]} with each field that they or the caller changed. */
MUST int register_set(struct db *db, const struct register_kind *k, const char *id, int64_t rev,
    json_t *values, const struct register_who *who, int64_t *ret_rev, json_t **ret_conflict,
    json_t **ret_problems, struct err *e);
/* register_archive(db, k, id, rev, archive, why, who, e): Take out of the lists, or back in.
 * E_BUSY as above, E_INVAL (the only record of its kind; already so). */
MUST int register_archive(struct db *db, const struct register_kind *k, const char *id,
    int64_t rev, bool archive, const char *why, const struct register_who *who, struct err *e);
/* register_history(db, k, id, ret, e): An array, newest first, of {"rev","at","by","how","note",
 * "changes":{field:[old,new]}}. */
MUST int register_history(struct db *db, const struct register_kind *k, const char *id,
    json_t **ret, struct err *e);
/* register_at(db, k, id, rev, ret, e): The values as they were at a revision. E_NOENT. */
MUST int register_at(struct db *db, const struct register_kind *k, const char *id, int64_t rev,
    json_t **ret, struct err *e);

/* register_batch(db, items, who, after, cookie, ids, ret_problems, e): Several records in one
 * transaction, which ${after} (may be NULL) ends; all or none. An item is {"kind","values"} and
 *   "id", "rev"   a record that is there, and the revision from which the values were made: what
 *                 is as it was then is left alone (without "rev" all given values are set)
 *   "same":[field...]  for a new one: a live record with the same title and these fields, which no
 *                 other item names, is that record. So what is sent twice is there once.
 *   "fill":true   only what is empty is filled
 * A reference may be "@N": the record of item N before it. ${ids} (an array) becomes the ids in the
 * order of the items. E_INVAL with ${ret_problems} as above and "item"; E_BUSY with problems of the
 * code "changed" where somebody else changed the same field meanwhile. */
MUST int register_batch(struct db *db, json_t *items, const struct register_who *who,
    db_tx_fn *after, void *cookie, json_t *ids, json_t **ret_problems, struct err *e);

/* register_attach(db, st, k, id, fd, name, effective, who, ret_sha256, e): Keep the file behind
 * ${fd} as evidence and show it with the record. ${effective}: the day it shows, or "". E_LIMIT
 * past REGISTER_MAX_FILE, E_EXIST (already attached). A new revision. */
MUST int register_attach(struct db *db, const struct state *st, const struct register_kind *k,
    const char *id, int fd, const char *name, const char *effective,
    const struct register_who *who, char ret_sha256[65], struct err *e);
/* register_detach(db, k, id, file, why, who, e): No longer show it; the bytes stay. */
MUST int register_detach(struct db *db, const struct register_kind *k, const char *id,
    int64_t file, const char *why, const struct register_who *who, struct err *e);
/* register_files(db, k, id, ret, e): An array of {"id","sha256","name","bytes","effective","at",
 * "by"}, newest first. */
MUST int register_files(struct db *db, const struct register_kind *k, const char *id,
    json_t **ret, struct err *e);

/* -- lists ------------------------------------------------------------------------------------- */

enum register_state { REGISTER_LIVE, REGISTER_ARCHIVED, REGISTER_ANY };

struct register_query {
	enum register_state state;
	const char *text;   /* in any field, folded (case, width, kana); NULL or "": any */
	struct {
		const char *field, *value; /* "": the field is empty */
	} filter[REGISTER_FILTERS];
	const char *attention; /* today: only records that need attention then */
	const char *sort;      /* a field, "next", "at" or "id"; NULL: by reading and title */
	bool down;
	int64_t offset, limit; /* limit 0: 50 */
};

/* register_list(db, k, q, ret, e): {"records":[...],"total","offset","limit","titles":{"KIND/ID":
 * title}} with the titles of every record that is referred to. E_INVAL (no such field). */
MUST int register_list(struct db *db, const struct register_kind *k,
    const struct register_query *q, json_t **ret, struct err *e);
/* register_counts(db, today, ret, e): An array, in the order of the kinds, of {"kind","live",
 * "attention","overdue"}. */
MUST int register_counts(struct db *db, const char *today, json_t **ret, struct err *e);
/* register_titles(db, k, record, ret, e): {"KIND/ID": title} of what the record refers to. */
MUST int register_titles(struct db *db, const struct register_kind *k, json_t *record,
    json_t **ret, struct err *e);
/* register_backrefs(db, kind, id, ret, e): An array of {"kind","id","title","field"}: what refers
 * to this record. */
MUST int register_backrefs(struct db *db, const char *kind, const char *id, json_t **ret,
    struct err *e);
/* register_show(k, field, value, titles, ja, out, n): The words for a canonical value: labels of
 * choices, titles of references. Cut at ${n}. */
void register_show(const struct register_field *f, const char *value, json_t *titles,
    bool ja, char *out, size_t n);

/* -- what the vault protects ------------------------------------------------------------------- */

/* register_protection(db, ret, e): An array, one object for each system that the vault copies:
 * {"system","name_ja","name_en","place","repo","generation_at" (0: none),"record" (id or "")}. */
MUST int register_protection(struct db *db, json_t **ret, struct err *e);
/* register_adopt(db, who, ret_n, e): Make a record for each system of the vault that has none. Its
 * id is the vault's name for it where that is free. */
MUST int register_adopt(struct db *db, const struct register_who *who, size_t *ret_n,
    struct err *e);

/* -- facts ------------------------------------------------------------------------------------- */

/* register_check(db, today, now, ret, e): What the registers say now, as an array of
 * {"check","kind","id","outcome","observed","expected"}, for the facts ledger. */
MUST int register_check(struct db *db, const char *today, json_t **ret, struct err *e);

#endif
