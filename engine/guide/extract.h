/* What the guide gives to papers: the parts of the data that engine/report's builders take. Pure
 * readers; results are JSON of the caller. */
#ifndef MAMORI_ENGINE_GUIDE_EXTRACT_H
#define MAMORI_ENGINE_GUIDE_EXTRACT_H

#include "guide/desk.h"

/* extract_checklist(d, pack, ret, e): One checklist as the ministry prints it, with both rounds:
 * {"title", "edition", "note", "sections": [{"title", "items": [{"ref", "text", "first", "target",
 * "second", "mark", "reason", "declared"}]}]}. E_NOENT. */
MUST int extract_checklist(struct desk *d, const char *pack, json_t **ret, struct err *e);
/* extract_plan(d, pack, ret, e): What is not so yet, findings with their plans first, then red and
 * grey items without one: [{"ref", "what", "who", "due", "state"}]. */
MUST int extract_plan(struct desk *d, const char *pack, json_t **ret, struct err *e);
/* extract_vendors(d, ret, e): [{"name", "systems", "state", "date"}] of the requests for a form. */
MUST int extract_vendors(struct desk *d, json_t **ret, struct err *e);
/* extract_documents(d, ret, e): Papers that practices rest on: [{"title", "version", "date",
    "by"}]. */
MUST int extract_documents(struct desk *d, json_t **ret, struct err *e);
/* extract_minutes(d, ret, e): [{"date", "members", "text"}] of the reviews. */
MUST int extract_minutes(struct desk *d, json_t **ret, struct err *e);
/* extract_measures(d, n, ret, e): The ${n} practices worth doing first: [{"title", "why", "how",
 * "minutes", "who"}]. */
MUST int extract_measures(struct desk *d, size_t n, json_t **ret, struct err *e);
/* extract_drills(d, ret, e): [{"date", "kind", "system", "files", "seconds", "mismatch",
    "ok"}] of the
 * newest drills. */
MUST int extract_drills(struct desk *d, json_t **ret, struct err *e);
/* extract_morning(d, ret, e): The data of the morning sheet: sentence, action, also, good,
    pillars. */
MUST int extract_morning(struct desk *d, json_t **ret, struct err *e);
/* extract_letter(d, request, ret, e): The data of a vendor's letter. E_NOENT. */
MUST int extract_letter(struct desk *d, int64_t request, json_t **ret, struct err *e);

#endif
