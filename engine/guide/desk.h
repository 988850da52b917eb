/* The desk: the guide joined with the records database. What pages, the command line and papers
 * show; what they do with the next action. Results are JSON objects of the caller. */
#ifndef MAMORI_ENGINE_GUIDE_DESK_H
#define MAMORI_ENGINE_GUIDE_DESK_H

#include <jansson.h>

#include "guide/finding.h"
#include "guide/inspect.h"
#include "guide/proof.h"
#include "guide/request.h"

enum { DESK_NOTE = 2000 }; /* bytes of a note or a reason */

struct desk {
	const struct guide *g;
	struct db *db;
	const struct state *st;
	const struct fact *facts; /* as facts_newest gives them */
	size_t n;
	int64_t now;
	char today[11];
	struct guide_profile profile; /* points into none */
	char none[256];
};

/* desk_begin(d, g, db, st, facts, n, facility, now, e): Everything is borrowed and must outlive
 * ${d}. ${facility}: values of the register's record ("type", "beds"), or NULL. */
MUST int desk_begin(struct desk *d, const struct guide *g, struct db *db, const struct state *st,
    const struct fact *facts, size_t n, const json_t *facility, int64_t now, struct err *e);

/* desk_band(type, beds): The bed band of an institution: C, S, M, L; 0 when beds are unknown (< 0)
 * and the type does not say it. */
char desk_band(const char *type, int64_t beds);
/* desk_profile_set(db, none, now, e): What the institution does not have: a list of words of
 * desk_conditions. E_INVAL (no such word). */
MUST int desk_profile_set(struct db *db, const json_t *none, int64_t now, struct err *e);
const char *const *desk_conditions(size_t *ret_n); /* "wifi", "byod", ... */
struct guide_text desk_condition_text(const char *cond);

/* desk_packs(d, ret, e): [{id, kind, edition, title{ja,en}, issued, until, trust, items, note,
 * counts{green,yellow,grey,red,na}, inspection (id, 0), state, round, due}], newest first. */
MUST int desk_packs(struct desk *d, json_t **ret, struct err *e);
/* desk_status(d, pack, ret, e): {pack, title, edition, issued, until, note, sections[], counts{},
 * items[] (guide_item_json and wording, plan, proofs), inspection} with the answers of the open or
 * newest inspection of that very edition. E_NOENT. */
MUST int desk_status(struct desk *d, const char *pack, json_t **ret, struct err *e);
/* desk_item(d, pack, item, ret, e): One item with its practices in words (why, steps, minutes, who,
 * ask), answers so far, evidence and plan. E_NOENT. */
MUST int desk_item(struct desk *d, const char *pack, const char *item, json_t **ret,
    struct err *e);
/* desk_practices(d, ret, e): [{id, category, title, verdict, reason, oldest, ...}] of all. */
MUST int desk_practices(struct desk *d, json_t **ret, struct err *e);
/* desk_practice(d, id, ret, e): One practice in words and its verdict. E_NOENT. */
MUST int desk_practice(struct desk *d, const char *id, json_t **ret, struct err *e);
/* desk_counts(d, ret, e): {overall{...}, organisational{...}, ...}: practices by colour. */
MUST int desk_counts(struct desk *d, json_t **ret, struct err *e);

/* desk_next(d, remember, ret, e): {next: practice or null, more: [two], sentence{ja,en}, waiting}.
 * The practice of one day stays the same while it is not settled, and its family waits on the day
 * after; ${remember} keeps what is proposed for that. */
MUST int desk_next(struct desk *d, bool remember, json_t **ret, struct err *e);
/* desk_later(d, practice, until, why, who, e): Not before that day, because. E_INVAL. */
MUST int desk_later(struct desk *d, const char *practice, const char *until, const char *why,
    const struct inspect_who *who, struct err *e);
/* desk_say(d, practice, value, note, evidence, source, who, ret_fact, e): What a person says about
 * a practice, as a fact that the caller seals and frees. ${evidence}: array of digests or NULL;
 * fresh evidence about the practice is added. E_NOENT, E_INVAL. */
MUST int desk_say(struct desk *d, const char *practice, enum guide_value value, const char *note,
    const json_t *evidence, enum fact_by by, const struct inspect_who *who, struct fact *ret_fact,
    struct err *e);

/* desk_wording(db, pack, rows, who, ret_n, e): Take official wordings: [[item, text]...]. E_NOENT
 * names an item that is not in the pack; then none is taken. */
MUST int desk_wording(struct db *db, const struct guide_pack *pack, const json_t *rows,
    const struct inspect_who *who, size_t *ret_n, struct err *e);

/* desk_load(db, st, g, ret_bad, e): Add the packs that were imported. One that is not what it was
 * is passed over and counted in ${ret_bad}. */
MUST int desk_load(struct db *db, const struct state *st, struct guide *g, size_t *ret_bad,
    struct err *e);
/* desk_import(db, st, g, name, p, n, manifest, mn, who, ret, e): Take one pack from outside into
 * ${g} and keep it. With a ${manifest} (NULL: none) it must be the release's and cover the file
 * (E_AUTH); without, the pack is marked as the operator's. ${ret}: {id, version, trust, date}. */
MUST int desk_import(struct db *db, const struct state *st, struct guide *g, const char *name,
    const void *p, size_t n, const void *manifest, size_t mn, const struct inspect_who *who,
    json_t **ret, struct err *e);

#endif
