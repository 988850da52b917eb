/* Registers as tables: into CSV and spreadsheets and back.
 *
 * The first column of an export holds ID@REVISION of each record. A file that comes back is
 * compared with what the record was at that revision, so that two people's changes to different
 * fields are both kept, and changes to the same field are a conflict. */
#ifndef MAMORI_REGISTER_EXCHANGE_H
#define MAMORI_REGISTER_EXCHANGE_H

#include "register/register.h"
#include "text/table.h"

struct register_alias { /* what else people call a field */
	const char *field, *label;
};
const struct register_alias *register_aliases(size_t *ret_n);

enum register_mode { /* when a row and a record disagree */
	REGISTER_STOP,   /* change nothing at all and say where */
	REGISTER_SKIP,   /* the record stays */
	REGISTER_UPDATE, /* the row wins */
};

struct register_import {
	json_t *map;     /* {HEADING or "#N": field}; field "" leaves a column out; or NULL */
	json_t *shown;   /* what a trial said ("row","heading","columns"): those very columns are
	                    taken; or NULL */
	json_t *fill;    /* {field: value} for new rows that leave it empty; or NULL */
	int64_t row;     /* of the heading; 0: found */
	enum register_mode mode;
	bool dry;        /* only say what would happen */
	bool keep;       /* remember what was chosen (match.h), also in a trial */
};

enum { REGISTER_PREVIEW = 5, REGISTER_SAID = 200 };

/* register_import(db, k, t, how, who, ret, e): Take in a table whose heading is one of its first
 * rows. Everything or nothing. ${ret}: {"done","dry","rows","added","updated","merged","unchanged",
 * "skipped","row" (of the heading),"heading" (its digest),"heads":[{"row","text"}],
 * "columns":[{"column","label","field","how","guess","values":[some],"filled"}] (match.h),
 * "preview":[{"row","id","values":{field:text},
 * "action":"add|update|unchanged|skip|conflict|problem"}] (of the first five rows),
 * "problems":[{"row","column","field","value","code","ja","en"}],"nproblems",
 * "missing":[{"field","rows"}] (required fields without a column that rows needed; each counts as
 * one problem),
 * "conflicts":[{"row","id","why":"changed|same|archived","by","fields":[...]}],"nconflicts"
 * (${by}: the field that told that it is the same),
 * "warnings":[as problems],"changed","fill"}. "done" is false when there are problems, or conflicts
 * in the mode REGISTER_STOP. Without a column for the title no row is read: it is "missing".
 * "changed": the headings are not those of ${how}->shown; no row was read. E_INVAL: the table has
 * no row, or what was said about its columns does not fit it. */
MUST int register_import(struct db *db, const struct register_kind *k, const struct table *t,
    const struct register_import *how, const struct register_who *who, json_t **ret,
    struct err *e);

/* register_export(db, k, q, ja, t, e): The records of a query as rows, with the heading first. */
MUST int register_export(struct db *db, const struct register_kind *k,
    const struct register_query *q, bool ja, struct table *t, struct err *e);
/* register_columns(k): How many columns an export has. register_column(k, i, ja): The heading of
 * one: the id, the fields, the next date (only to be read). */
size_t register_columns(const struct register_kind *k);
const char *register_column(const struct register_kind *k, size_t i, bool ja);

#endif
