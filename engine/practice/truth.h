/* What is true of the practice hospital, as small UTF-8 tables for tests of later readers. Made
 * again whole on every run, from the replayed simulation. */
#ifndef MAMORI_PRACTICE_TRUTH_H
#define MAMORI_PRACTICE_TRUTH_H

#include "base/buf.h"
#include "practice/enc.h"
#include "practice/hospital.h"
#include "practice/tree.h"

struct truth {
	uint64_t seed;
	struct buf events, prescriptions;
};
MUST int truth_init(struct truth *t, uint64_t seed, struct err *e);
void truth_free(struct truth *t);
/* truth_add(t, ev, e): Note one event. E_LIMIT, E_NOMEM. */
MUST int truth_add(struct truth *t, const struct ev *ev, struct err *e);
/* truth_write(t, h, enc, tree, stamp, e): Write truth/patients.csv, inpatients.csv, events.csv,
 * allergies.csv, prescriptions.csv. */
MUST int truth_write(struct truth *t, const struct hospital *h, struct enc *enc, struct tree *tree,
    int64_t stamp, struct err *e);

#endif
