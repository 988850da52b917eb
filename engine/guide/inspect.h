/* Inspections: one run through a checklist in two rounds, with answers, sign-off, and what has
 * changed since the last one. An answer is kept under the edition under which it was given.
 *
 * Days are YYYY-MM-DD. Results are JSON objects of the caller. */
#ifndef MAMORI_ENGINE_GUIDE_INSPECT_H
#define MAMORI_ENGINE_GUIDE_INSPECT_H

#include <jansson.h>

#include "db/db.h"
#include "guide/guide.h"
#include "ledger/state.h"

enum { INSPECT_NOTE = 4000, INSPECT_NAME = 200 }; /* bytes */

struct inspect_who {
	const char *who;   /* account id, or "console" */
	const char *today; /* the local day */
	int64_t now;
};

/* inspect_pack(st, g, sum, ret, e): The library ${g} with the pack under which an inspection was
 * answered; when the present one is another, it is read from STATE/packs into ${ret_own}, which the
 * caller frees (NULL otherwise). E_NOENT, E_CORRUPT (the kept file is not what was kept). */
MUST int inspect_pack(const struct state *st, const struct guide *g, const char *id,
    const char *sum, struct guide **ret_own, const struct guide_pack **ret, struct err *e);

/* inspect_open(db, st, g, pack, due1, due2, who, ret_id, e): Begin. The bytes of the pack are kept.
 * Both days must lie inside the fiscal year (April to March) of ${who}'s day, the second not before
 * the first. E_EXIST (one of the same family is open), E_INVAL, E_NOENT (no such pack). Where an
 * earlier inspection of the family exists, it is what this one is compared with. */
MUST int inspect_open(struct db *db, const struct state *st, const struct guide *g,
    const char *pack, const char *due1, const char *due2, const struct inspect_who *who,
    int64_t *ret_id, struct err *e);
/* inspect_upgrade(db, st, g, id, pack, who, ret_id, e): Close an open inspection and begin one
 * under a newer edition of its family; answers of items that continue ("was") are carried over as
 * not confirmed. The old answers stay under the old edition. */
MUST int inspect_upgrade(struct db *db, const struct state *st, const struct guide *g, int64_t id,
    const char *pack, const struct inspect_who *who, int64_t *ret_id, struct err *e);

/* inspect_answer(db, id, item, value, confirmed, target, note, who, e): Add an answer. ${confirmed}
 * empty: today. A "no" needs a ${target} inside the fiscal year, not in the past. E_INVAL names
 * what is wrong, E_BUSY (signed: begin the second round first). ${pack}: of the inspection. */
MUST int inspect_answer(struct db *db, const struct guide_pack *pack, int64_t id, const char *item,
    enum guide_value value, const char *confirmed, const char *target, const char *note,
    const struct inspect_who *who, struct err *e);

/* inspect_sign(db, st, id, name, who, ret_fact, e): Sign the present round: every item must have a
 * confirmed answer (E_INVAL says how many have none). The answers are kept as evidence; the caller
 * seals ${ret_fact} (guide.inspection.signed) and frees it. */
MUST int inspect_sign(struct db *db, const struct state *st, const struct guide_pack *pack,
    int64_t id, const char *name, const struct inspect_who *who, struct fact *ret_fact,
    struct err *e);
/* inspect_round(db, id, who, e): After the first signature: begin the second round. E_INVAL. */
MUST int inspect_round(struct db *db, int64_t id, const struct inspect_who *who, struct err *e);
/* inspect_close(db, id, e): Nothing more is answered; also one that was never signed. */
MUST int inspect_close(struct db *db, int64_t id, struct err *e);

/* inspect_list(db, ret, e): All, newest first: {id, pack, pack_sum, edition, title_ja, title_en,
 * fiscal_year, state, round, due1, due2, before, at, who, signs[{round, name, sum, at}]}. */
MUST int inspect_list(struct db *db, json_t **ret, struct err *e);
MUST int inspect_get(struct db *db, int64_t id, json_t **ret, struct err *e); /* E_NOENT */
/* The open or signed one of a family, 0 where there is none. */
MUST int inspect_present(struct db *db, const char *family, int64_t *ret_id, struct err *e);

/* inspect_answers(db, id, ret, e): {ITEM: {value, confirmed, target, note, carried, round, at, who,
 * rounds: {"1": {...}, "2": {...}}}}: the newest of each item, and of each round. */
MUST int inspect_answers(struct db *db, int64_t id, json_t **ret, struct err *e);
/* inspect_history(db, id, item, ret, e): Every answer to one item, newest first. */
MUST int inspect_history(struct db *db, int64_t id, const char *item, json_t **ret, struct err *e);
/* inspect_diff(db, pack, id, ret, e): What differs from the inspection before: [{item, before,
 * after, kind: new|gone|better|worse|changed}]. Items are followed through "was". */
MUST int inspect_diff(struct db *db, const struct guide_pack *pack, int64_t id, json_t **ret,
    struct err *e);

/* inspect_fiscal(day): The fiscal year of a day (April to March). */
int inspect_fiscal(const char *day);

#endif
