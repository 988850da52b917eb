/* Files into registers: what the pages of an import share. The first reading is a trial, a task;
 * its answer (register_import) says what each column was taken for. A person may choose otherwise;
 * what was chosen goes to the next task as a file of the spool, never as an argument. */
#ifndef MAMORI_DAEMON_MAMORID_PAGES_REGISTER_IO_H
#define MAMORI_DAEMON_MAMORID_PAGES_REGISTER_IO_H

#include "mamorid/pages/register.h"
#include "mamorid/tasks.h"

struct register_io {
	const char *upload;  /* name in the spool */
	const char *name;    /* as the person calls the file */
	const char *mode;    /* stop skip update */
	const json_t *shown; /* the columns to take, or NULL: found by the headings */
	bool dry, keep;
};
/* register_io_begin(r, k, io, e): Start the reading and go to the page about it. */
MUST int register_io_begin(struct req *r, const struct register_kind *k,
    const struct register_io *io, struct err *e);
/* A reading of whoever asks. */
struct register_trial {
	const struct register_kind *k;
	struct task t;
	json_t *res;             /* what it said; NULL: not over, or nothing that could be used */
	char upload[SPOOL_NAME]; /* the file it read, while that is still there; or "" */
};
/* register_io_trial(r, ret, e): That of the address. E_NOENT. register_io_trial_said(t, e): E_NOENT
 * when it said nothing, or its file is gone. */
MUST int register_io_trial(struct req *r, struct register_trial *ret, struct err *e);
MUST int register_io_trial_said(const struct register_trial *t, struct err *e);
void register_io_trial_free(struct register_trial *t);
/* register_io_shown(res): Of that answer, what the next reading needs to take the same columns. */
json_t *register_io_shown(json_t *res);
/* register_io_page(r, t, wrong, e): The page about a reading. ${wrong}: the form of the columns
 * came back, {name: what is wrong}; or NULL. */
MUST int register_io_page(struct req *r, const struct register_trial *t, json_t *wrong,
    struct err *e);
/* register_io_model(r, k): What each of these pages begins with. */
json_t *register_io_model(struct req *r, const struct register_kind *k);

/* register_columns_form(r, k, res, wrong, m, e): Into the model, the form of the columns, with what
 * was sent. */
MUST int register_columns_form(struct req *r, const struct register_kind *k, json_t *res,
    json_t *wrong, json_t *m, struct err *e);
/* register_columns_kept(r, k, m, e): Into the model, what is remembered. */
MUST int register_columns_kept(struct req *r, const struct register_kind *k, json_t *m,
    struct err *e);

#endif
