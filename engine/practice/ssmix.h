/* SS-MIX2 standardised storage (HS026): where a message lives and how it is replaced or withdrawn.
 *
 *   <id 1-3>/<id 4-6>/<id>/<YYYYMMDD or ->/<kind>/<id>_<day>_<kind>_<order>_<made>_<dept>_<flag>
 *
 * flag 1 = valid, 2 = replaced, 0 = withdrawn. A new message renames the valid one to _2; a
 * withdrawal renames it to _0 and adds a message with flag 0. */
#ifndef MAMORI_PRACTICE_SSMIX_H
#define MAMORI_PRACTICE_SSMIX_H

#include "base/buf.h"
#include "practice/enc.h"
#include "practice/hospital.h"
#include "practice/tree.h"

enum { SSMIX_PATH = 200 };

/* ssmix_path(out, ev, at, flag): The path of the message of ${ev} made at ${at}, below the root. */
void ssmix_path(char out[SSMIX_PATH], const struct ev *ev, int64_t at, char flag);

struct ssmix {
	struct tree *t;
	struct enc *enc;
	uint64_t seed;
	struct buf text, coded;
};
void ssmix_init(struct ssmix *s, struct tree *t, struct enc *enc, uint64_t seed);
void ssmix_free(struct ssmix *s);
/* ssmix_write(s, ev, e): Store the message of ${ev} below ssmix2/. */
MUST int ssmix_write(struct ssmix *s, const struct ev *ev, struct err *e);

#endif
