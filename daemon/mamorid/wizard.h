/* The first-run wizard's state: which of its eight steps are done or put off. What a step asks is
 * kept in the registers; here is only where one is. A step that is put off is an open finding with
 * a day, which ends when the step is done. */
#ifndef MAMORI_DAEMON_MAMORID_WIZARD_H
#define MAMORI_DAEMON_MAMORID_WIZARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "db/db.h"
#include "guide/inspect.h"

enum wizard_step {
	WIZARD_FACILITY,
	WIZARD_APPOINTED,
	WIZARD_PEOPLE,
	WIZARD_SYSTEMS,
	WIZARD_VENDORS,
	WIZARD_BACKUP,
	WIZARD_CONTACTS,
	WIZARD_SIGNIN,
	WIZARD_STEPS,
};
enum wizard_state { WIZARD_TODO, WIZARD_LATER, WIZARD_DONE };
enum { WIZARD_DAYS = 14 }; /* until what was put off is due */

struct wizard {
	struct {
		enum wizard_state state;
		int64_t at, finding; /* 0: none */
		char who[40];
		char due[11]; /* of what was put off and is still open, else "" */
	} step[WIZARD_STEPS];
	size_t done, settled; /* settled: done or put off */
	bool begun;
};

/* wizard_key(i): "facility" ... ; stable, stands in addresses and the database. */
const char *wizard_key(size_t i);
/* wizard_find(key): The step, or WIZARD_STEPS. */
size_t wizard_find(const char *key);
/* wizard_load(db, ret, e): Where everybody is. */
MUST int wizard_load(struct db *db, struct wizard *ret, struct err *e);
/* wizard_next(w, after): The first step behind ${after} that is neither done nor put off, else the
 * first of all; WIZARD_STEPS: none is left. Begin with after = WIZARD_STEPS. */
size_t wizard_next(const struct wizard *w, size_t after);

/* wizard_done(db, i, why, who, e): The step is done and its findings end, with ${why}. Inside a
 * transaction, the one that keeps what the step asked. */
MUST int wizard_done(struct db *db, size_t i, const char *why, const struct inspect_who *who,
    struct err *e);
/* wizard_later(db, i, title, plan, owner, who, e): Put the step off: a finding, due in WIZARD_DAYS.
 * One that is done stays done; twice is once. */
MUST int wizard_later(struct db *db, size_t i, const char *title, const char *plan,
    const char *owner, const struct inspect_who *who, struct err *e);
/* wizard_task(db, mark, title, plan, owner, who, ret, e): An open finding with a plan for the point
 * ${mark} ("backup/emr"); the one that is there, if it is. */
MUST int wizard_task(struct db *db, const char *mark, const char *title, const char *plan,
    const char *owner, const struct inspect_who *who, int64_t *ret, struct err *e);

#endif
