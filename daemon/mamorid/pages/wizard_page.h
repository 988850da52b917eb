/* What the pages of the first-run wizard share. A step is a list of rows; each row is a record of a
 * register, there or to come, and the fields of it that the step asks. From the same rows the form
 * is made and what comes back is saved, in one transaction. */
#ifndef MAMORI_DAEMON_MAMORID_PAGES_WIZARD_PAGE_H
#define MAMORI_DAEMON_MAMORID_PAGES_WIZARD_PAGE_H

#include "mamorid/http/console.h"
#include "mamorid/pages/register.h"
#include "mamorid/wizard.h"

enum {
	WIZARD_ROWS = 60,  /* records of one kind that a step shows */
	WIZARD_BLANKS = 5, /* empty rows to type into */
};

/* One form, being made or read.
 * rows: array of {"p": prefix of its fields, "kind", "id", "rev", "legend", "hint", "card",
 *   "fields":[as reg_field makes them], "values":{field:text}} */
struct wizard_form {
	struct req *r;
	size_t step;
	bool sent;       /* values come from the form */
	bool copies;     /* a folder to copy was asked for, and looked at */
	bool practice;   /* examples stand where nothing is known */
	json_t *rows;
	json_t *items;   /* for register_batch ... */
	json_t *of;      /* ... and the row of each; -1: none */
	json_t *problems; /* [{"name","label","text"}] */
	size_t blanks;   /* empty rows */
};

/* wizard_ask(f, e): The rows of the step. */
MUST int wizard_ask(struct wizard_form *f, struct err *e);
/* wizard_items(f, e): What is to be saved of a form that was sent; problems of its own in
 * f->problems. */
MUST int wizard_items(struct wizard_form *f, struct err *e);

/* wizard_live(r, kind, ret, e): The live records of a kind, at most WIZARD_ROWS. */
MUST int wizard_live(struct req *r, const char *kind, json_t **ret, struct err *e);
/* wizard_named(r, kind, name): The live record of that title (new reference), or NULL. */
json_t *wizard_named(struct req *r, const char *kind, const char *name);
/* wizard_row(f, p, kind, record, example): Add a row. ${record}: what is there, or NULL for one to
 * come, whose fields begin with ${example} (an object, taken; may be NULL). Borrowed. */
json_t *wizard_row(struct wizard_form *f, const char *p, const char *kind, json_t *record,
    json_t *example);
/* wizard_again(f, p, i, key, out): Whether the form that was sent has row ${i} of prefix ${p}, told
 * by its field ${key}; ${out}: that row's prefix. */
enum { WIZARD_P = 16 };
bool wizard_again(const struct wizard_form *f, const char *p, size_t i, const char *key,
    char out[WIZARD_P]);
/* wizard_value(f, row, key): What stands in a field: typed, there, or the example. */
const char *wizard_value(const struct wizard_form *f, json_t *row, const char *key);
/* Add a field to a row: of the register; a line of text; a choice of [{"value","label"}] (taken).
 * Labels and hints are keys of the words; a hint may be NULL. */
MUST int wizard_field(struct wizard_form *f, json_t *row, const char *key, struct err *e);
void wizard_text(struct wizard_form *f, json_t *row, const char *key, const char *label,
    const char *hint, bool must);
void wizard_choice(struct wizard_form *f, json_t *row, const char *key, const char *label,
    const char *hint, json_t *options);
void wizard_option(json_t *options, const char *value, const char *label);
/* wizard_given(f, row, keys): The values of some fields of a row, NULL after the last. */
json_t *wizard_given(const struct wizard_form *f, json_t *row, const char *const *keys);
/* wizard_blame(f, row, key, label, text): A problem at a field. */
void wizard_blame(struct wizard_form *f, json_t *row, const char *key, const char *label,
    const char *text);
/* wizard_item(f, row, o): Add an item of a row (NULL: of none); takes ${o}. Returns its number. */
size_t wizard_item(struct wizard_form *f, json_t *row, json_t *o);
/* wizard_word(f, key): In the reader's language. wizard_x(f, key): an example, "" where this is not
 * the practice hospital. */
const char *wizard_word(const struct wizard_form *f, const char *key);
const char *wizard_x(const struct wizard_form *f, const char *key);

/* wizard_systems.c, wizard_backup.c, wizard_contacts.c: rows and items of some steps. */
MUST int wizard_rows_systems(struct wizard_form *f, struct err *e);
MUST int wizard_items_systems(struct wizard_form *f, struct err *e);
MUST int wizard_rows_vendors(struct wizard_form *f, struct err *e);
MUST int wizard_items_vendors(struct wizard_form *f, struct err *e);
MUST int wizard_rows_backup(struct wizard_form *f, struct err *e);
MUST int wizard_items_backup(struct wizard_form *f, struct err *e);
MUST int wizard_rows_contacts(struct wizard_form *f, struct err *e);
MUST int wizard_items_contacts(struct wizard_form *f, struct err *e);
/* wizard_measured(f, m, e): What the vault already has, for the model of the page. */
MUST int wizard_measured(struct wizard_form *f, json_t *m, struct err *e);
/* wizard_backup_task(f, e): What a person must do at the machine becomes a task. */
MUST int wizard_backup_task(struct wizard_form *f, struct err *e);
/* wizard_backup_put(f, db, e): What was chosen goes on the schedule; inside the transaction that
 * keeps the rest. */
MUST int wizard_backup_put(struct wizard_form *f, struct db *db, struct err *e);
/* wizard_who(r, today): For the engines' calls; ${today} is filled. */
struct inspect_who wizard_who(struct req *r, char today[REGISTER_DAY]);
/* wizard_owner(r, out): The name of whoever does what was put off: the deputy, else the manager. */
void wizard_owner(struct req *r, char out[256]);

/* wizard_of(r, ret): Whether whoever asks is led through the wizard, and where it is. */
bool wizard_of(struct req *r, struct wizard *ret);

#endif
