/* Which column of a table is which field of a register.
 *
 * A column is taken for a field for one of the reasons below, in this order; what is not exact is a
 * guess, and whoever shows it says so. A field has one column: where two would do, the better
 * reason wins, then the first; the other is TWICE and is left out.
 *
 * What a person chose is kept for the register by heading (a setting), and is found again in the
 * next table without ids. A table that was exported carries ids and our own headings; there nothing
 * is kept or found. */
#ifndef MAMORI_REGISTER_MATCH_H
#define MAMORI_REGISTER_MATCH_H

#include "register/register.h"
#include "text/table.h"

#define REGISTER_FIELD_ID "_id" /* the column with ID@REVISION */

enum register_how {
	REGISTER_NONE,   /* nothing is known: left out */
	REGISTER_CHOSEN, /* said for this table; also "leave it out" */
	REGISTER_KEPT,   /* chosen for an earlier table with this heading */
	REGISTER_EXACT,  /* the heading is the field's own word or key */
	REGISTER_ALIKE,  /* the same but for width, case, kana, spaces: a guess */
	REGISTER_ALIAS,  /* another word for it: a guess */
	REGISTER_TWICE,  /* a guess that another column has: left out */
	REGISTER_HOWS
};
const char *register_how_name(enum register_how how); /* none chosen kept exact alike alias twice */

enum {
	REGISTER_LABEL = 256,      /* bytes of a heading that is understood or kept, with its NUL */
	REGISTER_HEADS = 10,       /* the heading is one of the first rows */
	REGISTER_HEAD_SAID = 1000, /* or the row that was said, not further down */
	REGISTER_KEPT_MAX = 300,   /* headings of one register */
};

/* What was said about a table. Everything may be NULL, 0 or empty. */
struct register_said {
	json_t *map;        /* {HEADING or "#N": field}; field "": leave the column out */
	json_t *shown;      /* what a trial showed: {"row","heading","columns":[{"column","label",
	                       "field"}]}; goes before map */
	json_t *kept;       /* of register_match_kept */
	int64_t row;        /* the heading's, as a person counts */
};

struct register_match {
	size_t head, n;     /* index of the heading's row; columns */
	char heading[65];   /* SHA-256 of all headings */
	bool changed;       /* the headings are not those of ${shown}, which was not used */
	struct register_match_col {
		const char *field; /* of the kind, or REGISTER_FIELD_ID; NULL: left out */
		const char *guess; /* the field that it could be as well, or NULL */
		enum register_how how;
	} col[TABLE_MAX_COLS];
};

/* register_match(k, t, said, ret, e): Find the heading and its columns. Pure. E_INVAL: the table
 * has no row, or what was said does not fit: no such field, no or several columns of this heading,
 * one field for two columns, no such row. E_NOMEM. */
MUST int register_match(const struct register_kind *k, const struct table *t,
    const struct register_said *said, struct register_match *ret, struct err *e);
/* register_match_col(m, field): The index of the field's column, or -1. */
int register_match_col(const struct register_match *m, const char *field);
/* register_match_label(raw, out, n): A heading as it is shown and kept, ${n} bytes at most: one
 * line, without control characters and marks of writing direction, cut at a whole character. */
void register_match_label(const char *raw, char *out, size_t n);

/* register_match_kept(db, k, ret, e): {KEY: {"label","nth","field"}}: what is kept; ${nth}: the
 * n-th column of this heading. */
MUST int register_match_kept(struct db *db, const struct register_kind *k, json_t **ret,
    struct err *e);
/* register_match_keep(db, k, t, m, now, e): Keep what was chosen (CHOSEN) in a table without ids;
 * not where the heading alone says it, is empty or is too long. */
MUST int register_match_keep(struct db *db, const struct register_kind *k, const struct table *t,
    const struct register_match *m, int64_t now, struct err *e);
/* register_match_forget(db, k, e): Forget all of it. The number of headings. */
MUST int register_match_forget(struct db *db, const struct register_kind *k, struct err *e);

#endif
