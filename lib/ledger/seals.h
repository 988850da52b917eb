/* The sealed records that a state knows of, wherever they lie: one file STATE/seals/<ledger
 * id>.json each, with the place, the first key and the newest record seen. Remembering the newest
 * record is what finds a log that was cut together with an older copy of its head file, or replaced
 * whole. */
#ifndef MAMORI_LEDGER_SEALS_H
#define MAMORI_LEDGER_SEALS_H

#include "ledger/ledger.h"
#include "ledger/state.h"

struct seal {
	char kind[64];        /* "facts", "vault", ... */
	char dir[PATH_MAX];   /* where: the directory that holds the ledger's directory */
	char name[NAME_MAX + 1]; /* the ledger's directory in it */
	uint8_t id[LEDGER_ID_LEN];
	uint8_t pin[SIGN_PUB_LEN];
	struct ledger_head seen;
};

/* seals_remember(st, kind, dir, name, l, e): Keep the place, first key and newest record of an open
 * ledger. ${dir}: absolute, or relative to the state directory. A newer record that was remembered
 * already stays. */
MUST int seals_remember(const struct state *st, const char *kind, const char *dir, const char *name,
    const struct ledger *l, struct err *e);
/* seals_learn(st, kind, dir, name, pin, e): The same for a ledger that is not open here: opens it
 * (${dir} must be absolute), checks it, remembers it. All of ledger_open. For those who make a
 * vault or write to one: seals_learn(&st, "vault", "/mnt/usb/vault", "log", ident.pin, e). */
MUST int seals_learn(const struct state *st, const char *kind, const char *dir, const char *name,
    const uint8_t *pin, struct err *e);
/* seals_update(st, seal, e): Write one back (after a verification, with a newer seen). */
MUST int seals_update(const struct state *st, const struct seal *seal, struct err *e);

/* seals_each(st, fn, cookie, e): Call ${fn} for each, sorted by file name. A file that is not
 * readable as a seal is E_CORRUPT. A non-zero result of ${fn} stops the walk and is returned. */
typedef int seals_fn(const struct seal *seal, void *cookie, struct err *e);
MUST int seals_each(const struct state *st, seals_fn *fn, void *cookie, struct err *e);

/* seals_verify(st, seal, rep, e): ledger_verify with what is remembered; E_NOENT when the place
 * cannot be reached. */
MUST int seals_verify(const struct state *st, const struct seal *seal, struct ledger_report *rep,
    struct err *e);

#endif
