/* What the subcommands of `mamori notify` share. */
#ifndef MAMORI_CLI_NOTIFY_CLI_H
#define MAMORI_CLI_NOTIFY_CLI_H

#include "cli/cli_state.h"
#include "cli/notify_jail.h"
#include "notify/notify.h"

struct notify_cli {
	struct cli *c;
	struct state st;
	struct db *db;
	struct facts *facts; /* NULL where the record cannot be opened */
	int64_t now;
	struct notify_maker maker; /* of letters on paper, outside of the jail */
};

/* notify_cli_open(c, x): CLI_OK, or the exit status after saying why not. */
int notify_cli_open(struct cli *c, struct notify_cli *x);
void notify_cli_close(struct notify_cli *x);
/* notify_cli_end(x, r, e, ja, en): Close; the exit status of ${r}, having said what ${e} says. */
int notify_cli_end(struct notify_cli *x, int r, const struct err *e, const char *ja,
    const char *en);
/* notify_cli_log(x, what, object, result, detail, e): An entry in the sealed access log. */
MUST int notify_cli_log(struct notify_cli *x, const char *what, const char *object,
    const char *result, const char *detail, struct err *e);

struct notify_run {
	int sent, failed, given_up, waiting;
	bool busy; /* another sender is at work */
	char why[400]; /* of the last failure */
	struct jail_report jail;
};
/* notify_cli_lock(x, ret_fd, e): Become the one who looks and sends. 1: held until ${ret_fd} is
 * closed; 0: another holds it, and ${ret_fd} is -1. */
MUST int notify_cli_lock(struct notify_cli *x, int *ret_fd, struct err *e);
/* notify_cli_first(was, r, why, e): The result of several steps that are all done, whatever became
 * of those before: the first failure, with its reason. */
int notify_cli_first(int was, int r, const struct err *why, struct err *e);
/* notify_run(x, ret, e): Enter the jail for good, look what turned red, put what is due today, send
 * what waits; one sender at a time. What fails does not keep the rest from going out; the first
 * failure is returned. */
MUST int notify_run(struct notify_cli *x, struct notify_run *ret, struct err *e);

/* notify_ask.c: vendor letters. notify_ask_chases(x, e): Put the reminders that are due today.
 * At the moment of sending: notify_ask_pdf(x, id, pdf, e): the letter on paper (left empty where it
 * cannot be made); notify_ask_link(x, m, id, body, out, e): its words with a fresh link.
 * notify_ask_sent(x, id, chase, e): It went out; also inside a transaction. */
MUST int notify_ask_chases(struct notify_cli *x, struct err *e);
MUST int notify_ask_pdf(struct notify_cli *x, int64_t id, struct buf *pdf, struct err *e);
/* (x, id, name): in the helper: the letter as STATE/spool/NAME */
notify_maker_fn notify_ask_make;
MUST int notify_ask_sent(struct notify_cli *x, int64_t id, bool chase, struct err *e);
MUST int notify_ask_link(struct notify_cli *x, const struct notify_mail *m, int64_t id,
    const char *body, struct buf *out, struct err *e);

cli_fn notify_cmd_send, notify_cmd_test, notify_cmd_hook, notify_cmd_request;

#endif
