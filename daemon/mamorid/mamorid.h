/* What the parts of mamorid share. */
#ifndef MAMORI_DAEMON_MAMORID_MAMORID_H
#define MAMORI_DAEMON_MAMORID_MAMORID_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "db/db.h"
#include "ledger/facts.h"
#include "ledger/state.h"
#include "mamorid/http/console.h"
#include "mamorid/sched.h"
#include "mamorid/tasks.h"
#include "mamorid/web.h"
#include "sys/chan.h"
#include "sys/jail.h"
#include "sys/loop.h"

struct mamorid {
	const char *state_path;
	const char *listen;
	char program[PATH_MAX]; /* the mamori binary */
	char host[256];
	char url[WEB_URL];
	char fingerprint[96];
	struct state state;
	int lock_fd;
	struct loop *l;
	struct db *db;
	struct facts *facts;      /* NULL while the sealed record cannot be opened */
	char facts_error[480];    /* why; "" while all is well */
	struct sched *sched;
	struct tasks *tasks;
	struct chan *chan;
	struct web *web;
	struct console console;
	int runner_fd;
	pid_t runner_pid;
	struct loop_src *runner_src, *stop_timer, *dog_timer, *seal_timer, *send_timer;
	bool sending, send_again; /* `mamori notify send` runs; once more afterwards */
	bool no_send;             /* something else runs it */
	int64_t dog_us;
	struct jail_report jail;
	bool stopping;
	int exit_status;
};

/* main.c */
void mamorid_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* jail.c: Enter; everything was opened before. */
MUST int mamorid_jail(struct mamorid *m, struct err *e);
/* site.c: The certificate and key of the console, made at the first start. */
MUST int mamorid_site(struct mamorid *m, struct buf *cert, struct buf *key, struct err *e);
/* handlers.c: The methods of the control socket. */
extern const struct chan_rule mamorid_rules[];
extern const size_t mamorid_nrules;
/* jobs.c: Between the scheduler and the runner. */
MUST int jobs_begin(struct mamorid *m, struct err *e);
void jobs_stop(struct mamorid *m);
/* jobs_argv(run): The command line of a run (new reference), or NULL when it has none. */
json_t *jobs_argv(const struct sched_run *run);
/* jobs_tell(m, o, e): An order for the runner; takes ${o}. */
MUST int jobs_tell(struct mamorid *m, json_t *o, struct err *e);

/* send.c: What is to be told to people and programs elsewhere is sent by `mamori notify send`,
 * which the runner starts every few minutes while there is a mail server or a webhook: this process
 * opens no connection. */
enum { SEND_RUN = 0 }; /* its number among the runner's orders */
MUST int send_start(struct mamorid *m, struct err *e);
/* send_soon(m): Something was just put into the outbox. */
void send_soon(struct mamorid *m);
void send_report(struct mamorid *m, const json_t *o);

enum { LOG_ERROR = 3, LOG_WARN = 4, LOG_NOTE = 5, LOG_SAY = 6 };

#endif
