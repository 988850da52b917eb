/* The scheduler: which job runs when, one at a time, and a record of every run and of every run
 * that did not happen.
 *
 * Due times are wall clock times in the records database. A run's row is written before the program
 * starts and its next due time in the same transaction, so that a run cut off by a crash is found
 * at the next start. Missed runs (the machine was off or asleep) are recorded one by one, then the
 * job runs once. A clock that is set back cannot push a job into a far future, for no due time may
 * be later than the next one counted from now. */
#ifndef MAMORI_DAEMON_MAMORID_SCHED_H
#define MAMORI_DAEMON_MAMORID_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"
#include "db/db.h"
#include "sys/loop.h"

enum {
	SCHED_NAME = 96,     /* bytes of a job or system id with its NUL */
	SCHED_PATH = 1024,
	SCHED_MISSED = 60,   /* rows for missed runs of one job at one start */
	SCHED_TRIES = 3,     /* runs after errors before waiting for the next regular time */
};

#define SCHED_GRACE (3600 * TIME_SEC)    /* later than this is missed */
#define SCHED_JUMP (300 * TIME_SEC)      /* a clock change of more is an event */
#define SCHED_TICK (30 * TIME_SEC)
#define SCHED_RETRY (1800 * TIME_SEC)
#define SCHED_SOON (600 * TIME_SEC)

struct sched_run {
	int64_t id;
	char job[SCHED_NAME], kind[SCHED_NAME], system[SCHED_NAME]; /* system: may be "" */
	char place[SCHED_NAME], repo[SCHED_PATH], key_file[SCHED_PATH];
	char
	    *paths; /* JSON array of the system's paths, owned by the scheduler; NULL without one */
	int64_t due, started;
	int64_t mono; /* start on the monotonic clock */
	int64_t deadline_us;
};

struct sched_ops {
	void *ctx;
	/* Start the program of a run; sched_ended is called later, exactly once, unless this fails.
	 */
	int (*start)(void *ctx, const struct sched_run *run, struct err *e);
	/* Rows were added whose facts are to be sealed. May be NULL. */
	void (*recorded)(void *ctx);
	/* Something the log should say. May be NULL. */
	void (*note)(void *ctx, const char *text);
};

struct sched;
/* sched_new(l, db, ops, ret, e): Nothing starts before sched_start. ${db} is borrowed. */
MUST int sched_new(struct loop *l, struct db *db, const struct sched_ops *ops, struct sched **ret,
    struct err *e);
void sched_free(struct sched *s); /* NULL is fine */
/* sched_start(s, e): Close runs that were cut off, record missed ones, begin. */
MUST int sched_start(struct sched *s, struct err *e);
/* sched_stop(s): Start no further runs. */
void sched_stop(struct sched *s);
/* sched_ended(s, status, out, message): The running run ended. ${status}: its exit status, or -1
 * when it was killed or could not run. ${out}: what it printed (a JSON object is kept; may be
 * NULL). */
void sched_ended(struct sched *s, int status, const char *out, const char *message);
/* sched_running(s): The run that is on, or NULL. */
const struct sched_run *sched_running(const struct sched *s);
/* sched_now(s, job, e): Run a job as soon as nothing else runs. E_NOENT. */
MUST int sched_now(struct sched *s, const char *job, struct err *e);
/* sched_look(s): Look at the jobs soon, after they were changed. */
void sched_look(struct sched *s);
struct sched_system { /* what is protected */
	const char *id, *name_ja, *name_en, *kind, *place;
	const char *paths; /* JSON array of absolute paths */
	bool practice;
};
/* sched_put_system(db, now, s, e): Enter a system with its regular backup, inside a transaction.
 * E_EXIST. */
MUST int sched_put_system(struct db *db, int64_t now, const struct sched_system *s, struct err *e);
/* sched_add_system(db, now, system, place, e): The regular backup of a system, due at once. */
MUST int sched_add_system(struct db *db, int64_t now, const char *system, const char *place,
    struct err *e);
/* sched_add_own(db, now, kind, every, e): A regular job of Mamori itself, which belongs to no
 * system and no place and records its own facts; soon for the first time. */
MUST int sched_add_own(struct db *db, int64_t now, const char *kind, const char *every,
    struct err *e);
/* sched_add_place(db, now, place, drills, e): The regular checks of a place; and its restore
 * drills, unless the place is one that this machine cannot read. */
MUST int sched_add_place(struct db *db, int64_t now, const char *place, bool drills,
    struct err *e);

#endif
