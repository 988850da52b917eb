/* Inside engine/register only. */
#ifndef MAMORI_REGISTER_REGISTER_INT_H
#define MAMORI_REGISTER_REGISTER_INT_H

#include "register/register.h"

#define REGISTER_NEXT "_next"
#define REGISTER_NEXT_NONE "_next_none"

/* register_problem(list, field, code, ja, en): Add one. E_NOMEM. */
MUST int register_problem(json_t *list, const char *field, const char *code, const char *ja,
    const char *en);

/* register_str(o, key): The text of a key, or "". */
const char *register_str(json_t *o, const char *key);

/* register_words(value, fn, cookie, e): Each part of a value with several, as a text. A non-zero
 * result stops and is returned. */
typedef int register_word_fn(const char *word, void *cookie, struct err *e);
MUST int register_words(const char *value, register_word_fn *fn, void *cookie, struct err *e);

/* register_id_ok(id): The form of an id: small letters, digits, '.', '_', '-', at most 63. */
bool register_id_ok(const char *id);

struct register_next {
	const char *mode;       /* rule date none */
	char date[REGISTER_DAY]; /* "" without one */
	const char *why;        /* borrowed from the values or the kind */
};

/* register_next(k, data, made, ret): The next date of a record that was made on the day ${made}. */
void register_next(const struct register_kind *k, json_t *data, const char *made,
    struct register_next *ret);

/* A record as it lies in the database. */
struct register_row {
	char id[REGISTER_ID];
	int64_t rev, made_at, at;
	bool archived;
	json_t *data; /* values with _next and _next_none, owned */
	char who[128];
};
/* register_load(db, k, id, ret, e): E_NOENT. The caller frees data. */
MUST int register_load(struct db *db, const struct register_kind *k, const char *id,
    struct register_row *ret, struct err *e);

/* register_overlay(old, given): A new object: ${old} with the given values, empty ones removed. */
json_t *register_overlay(json_t *old, json_t *given);
/* register_changes(old, now): {field:[old,new]} of what differs; empty when nothing does. */
json_t *register_changes(json_t *old, json_t *now);

/* register_refs(db, k, values, problems, e): Turn titles into ids; a reference that leads nowhere,
 * or to two, is a problem. E_NOMEM and errors of the database. */
MUST int register_refs(struct db *db, const struct register_kind *k, json_t *values,
    json_t *problems, struct err *e);

/* The same as the public functions, inside a transaction of the caller. ${values} are tidy and
 * their references are ids. ${how}, ${note}: for the history. */
MUST int register_put_new(struct db *db, const struct register_kind *k, const char *id,
    json_t *values, const struct register_who *who, const char *note,
    char ret_id[REGISTER_ID], struct err *e);
MUST int register_put(struct db *db, const struct register_kind *k, const struct register_row *old,
    json_t *data, const struct register_who *who, const char *note, struct err *e);
/* register_room(db, k, more, e): E_LIMIT when there would be too many of the kind. */
MUST int register_room(struct db *db, const struct register_kind *k, int64_t more, struct err *e);

/* $1 kind, $2 the field of its title, $3 title. */
#define REGISTER_BY_TITLE                                                                          \
	"SELECT r.id, r.data FROM record_values v JOIN records r ON r.kind = v.kind AND "          \
	"r.id = v.record WHERE v.kind = $1 AND v.field = $2 AND v.value = $3 AND "                 \
	"r.state = 'live' ORDER BY r.id"
/* register_note_rev(db, k, id, rev, who, how, note, changes, e): One row of history. */
MUST int register_note_rev(struct db *db, const struct register_kind *k, const char *id,
    int64_t rev, const struct register_who *who, const char *how, const char *note,
    json_t *changes, struct err *e);

/* register_row_json(row, cookie, e): A row of REGISTER_COLUMNS appended to the array ${cookie}. */
#define REGISTER_COLUMNS                                                                           \
	"r.kind, r.id, r.rev, r.state, r.title, r.data, r.missing, r.next_mode, r.next_date, "     \
	"r.next_why, r.made_at, r.made_who, r.at, r.who FROM records r "
int register_row_json(const struct db_row *row, void *cookie, struct err *e);

/* register_system_subject(record): The name under which facts know a system. */
const char *register_system_subject(json_t *record);

#endif
