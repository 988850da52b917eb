/* The parts of the practice hospital beside SS-MIX2, each made once a day. */
#ifndef MAMORI_PRACTICE_PARTS_H
#define MAMORI_PRACTICE_PARTS_H

#include "base/buf.h"
#include "practice/enc.h"
#include "practice/hospital.h"
#include "practice/practice.h"
#include "practice/tree.h"

struct parts {
	struct tree *t;
	struct enc *enc;
	const struct hospital *h;
	const struct practice_plan *plan;
	const char *dir;
	uint64_t seed;
};

/* Each makes what belongs to ${day}; day 0 makes the stock. Repeatable. Errors: E_NOSPC, E_SYS,
 * E_NOMEM, E_LIMIT. */

/* pagedb_day: database/karte.dat, a file of 8 KiB pages of which a hundredth is rewritten in place
 * every day and a few are added. */
MUST int pagedb_day(const struct parts *p, int32_t day, struct err *e);
/* sqldb_day: database/reception.sqlite, a SQLite database of patients and visits. */
MUST int sqldb_day(const struct parts *p, int32_t day, struct err *e);
/* scans_day: scans/, scanned paper as PDF. */
MUST int scans_day(const struct parts *p, int32_t day, struct err *e);
/* office_day: office/, the shared folder of the staff. */
MUST int office_day(const struct parts *p, int32_t day, struct err *e);

/* The images follow the imaging orders: note each EV_OMG11 while a day is simulated, then make the
 * day's (on day 0: the stock's) files. */
struct images {
	struct vec orders; /* struct ev */
};
void images_init(struct images *im);
void images_free(struct images *im);
MUST int images_note(struct images *im, const struct ev *ev, struct err *e);
MUST int images_day(struct images *im, const struct parts *p, int32_t day, struct err *e);

#endif
