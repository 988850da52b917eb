/* A published survey, for standing beside one's own answers. Bars and words, never a rank. */
#ifndef MAMORI_ENGINE_GUIDE_SURVEY_H
#define MAMORI_ENGINE_GUIDE_SURVEY_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/* survey_get(ret, e): The survey of the program: its JSON, checked (every row adds up to the number
 * of its band). The caller's. E_CORRUPT, E_NOMEM. */
MUST int survey_get(json_t **ret, struct err *e);
/* survey_check(o, e): Whether ${o} has the form of a survey and its numbers agree. E_INVAL. */
MUST int survey_check(const json_t *o, struct err *e);

/* survey_compare(s, band, systems, management, ja, ret, e): [{"id", "title", "band", "n", "rows":
 * [{"id", "label", "n", "pct", "own", "mine"}], "sentence"}]. ${band}: C S M L, or 0 (all).
 * ${systems}: [{"kind", "connection", "name"}] of the register; ${management}: its key, or "". */
MUST int survey_compare(const json_t *s, char band, const json_t *systems, const char *management,
    bool ja, json_t **ret, struct err *e);

#endif
