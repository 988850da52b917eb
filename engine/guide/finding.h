/* Findings: what is not right, the dated plan for it, who approved it, and the reviews in which it
 * was looked at. */
#ifndef MAMORI_ENGINE_GUIDE_FINDING_H
#define MAMORI_ENGINE_GUIDE_FINDING_H

#include <jansson.h>

#include "guide/inspect.h"

enum { FINDING_TEXT = 8000 }; /* bytes of each text */

/* finding_add(db, f, who, ret_id, e): ${f}: {title, detail, pack, item, practice, severity 1-3,
 * owner}; title is needed. E_INVAL, E_EXIST (an unfinished finding of that item is there). */
MUST int finding_add(struct db *db, const json_t *f, const struct inspect_who *who, int64_t *ret_id,
    struct err *e);
/* finding_plan(db, id, rev, plan, due, owner, who, e): Say what will be done by when; whatever was
 * approved before is approved no more. E_INVAL, E_NOENT, E_BUSY (it is no longer at revision
 * ${rev}; 0 does not ask). */
MUST int finding_plan(struct db *db, int64_t id, int64_t rev, const char *plan, const char *due,
    const char *owner, const struct inspect_who *who, struct err *e);
/* finding_approve(db, id, rev, name, who, e): The director's word; only a planned one. E_INVAL. */
MUST int finding_approve(struct db *db, int64_t id, int64_t rev, const char *name,
    const struct inspect_who *who, struct err *e);
/* finding_end(db, id, done, why, who, e): Done, or dropped with a reason. E_INVAL, E_NOENT. */
MUST int finding_end(struct db *db, int64_t id, bool done, const char *why,
    const struct inspect_who *who, struct err *e);
/* finding_list(db, all, ret, e): [{id, title, detail, pack, item, practice, severity, owner, state,
 * plan, due, approved_by, approved_at, ended_at, why, rev, at, who}]; unfinished ones by due day,
 * worst first; with ${all} the others after them. finding_get: one. E_NOENT. */
MUST int finding_list(struct db *db, bool all, json_t **ret, struct err *e);
MUST int finding_get(struct db *db, int64_t id, json_t **ret, struct err *e);

/* finding_review(db, r, who, ret_id, ret_fact, e): Keep a review: {held, chair, present, minutes,
 * decisions: [{finding, decision do|postpone|drop|done, due, note}]}. The decisions take effect:
 * postponed plans get their new day and are approved by the chair, dropped and done ones end. The
 * caller seals ${ret_fact} (guide.review.held) and frees it. E_INVAL names what is wrong. */
MUST int finding_review(struct db *db, const json_t *r, const struct inspect_who *who,
    int64_t *ret_id, struct fact *ret_fact, struct err *e);
/* finding_reviews(db, ret, e): [{id, held, chair, present, minutes, at, who, decisions[{finding,
 * title, decision, due, note}]}], newest first. */
MUST int finding_reviews(struct db *db, json_t **ret, struct err *e);

/* finding_overdue(db, who, ret_fact, e): guide.plan.overdue: how many plans are past their day. */
MUST int finding_overdue(struct db *db, const struct inspect_who *who, struct fact *ret_fact,
    struct err *e);
/* finding_plan_of(list, pack, item, ret): The plan for an item among a finding_list; false where
 * there is none. A finding of a practice counts for the items that the practice answers. */
bool finding_plan_of(const json_t *list, const char *pack, const struct guide_item *item,
    struct guide_plan *ret);

#endif
