/* What the status page and the `status` method show: computed from the records, never from hope. */
#ifndef MAMORI_DAEMON_MAMORID_MODEL_H
#define MAMORI_DAEMON_MAMORID_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "db/db.h"
#include "mamorid/sched.h"

enum light { LIGHT_GREEN, LIGHT_GREY, LIGHT_YELLOW, LIGHT_RED }; /* the worse the higher */

enum reason { /* why a light has its colour; web/ has the sentences */
	WHY_FRESH,     /* the last good run is recent enough */
	WHY_NEVER,     /* never run */
	WHY_RUNNING,   /* the first one is running */
	WHY_STALE,     /* the last good run is too old */
	WHY_LATE,      /* older than planned, not yet too old */
	WHY_FAILED,    /* the last run says no */
	WHY_ERROR,     /* the last run could not be done; an older good one still counts */
	WHY_NO_KEY,    /* cannot be done without the recovery key */
	WHY_NOTHING,   /* nothing is registered */
};

struct run_view {
	char job[SCHED_NAME], kind[SCHED_NAME], subject[SCHED_NAME];
	char name_ja[160], name_en[160]; /* of the subject's system, or "" */
	char outcome[16];                /* "" while it runs */
	char message[400];
	int64_t due, started, ended;
	/* from the result, -1 where it does not say */
	int64_t files, bytes, new_bytes, mismatch;
	char generation[80];
};

struct item { /* one line: a system's copy, or a check */
	char kind[SCHED_NAME], subject[SCHED_NAME], job[SCHED_NAME];
	char name_ja[160], name_en[160];
	enum light light;
	enum reason why;
	int64_t good_at;  /* end of the last good run, 0: none */
	int64_t next_due; /* 0: none */
	struct run_view last; /* last.job "" when there is none */
};

struct model {
	int64_t now;
	enum light overall;
	struct item *items; /* systems first */
	size_t nitems;
	struct run_view *runs; /* newest first */
	size_t nruns;
	bool running;
	struct run_view run;
	int64_t run_seconds, usual_seconds; /* usual: of the last good one; -1: none */
	size_t nsystems;
	bool practice;
	int64_t jumps; /* clock changes in the last 7 days */
};

/* model_make(db, running, now, practice, ret, e): Read everything. ${running} may be NULL. */
MUST int model_make(struct db *db, const struct sched_run *running, int64_t now, struct model *ret,
    struct err *e);
void model_free(struct model *m);
const char *light_name(enum light l); /* "green" ... */

#endif
