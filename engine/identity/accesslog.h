/* The console's own access log: who looked at or changed what, in the sealed ledger STATE/access.
 * Everything that changes or shows something sensitive leaves an entry; so do sign-ins, good and
 * bad. Nobody can change or remove one, the director included; `mamori verify` proves it.
 *
 * An entry is canonical JSON {"v":1,"account","name","session","source","method","what","object",
 * "result","detail"?}. No secrets, no contents of records, no patient data: those who write entries
 * give names of objects only. */
#ifndef MAMORI_ENGINE_IDENTITY_ACCESSLOG_H
#define MAMORI_ENGINE_IDENTITY_ACCESSLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "identity/roles.h"
#include "ledger/state.h"

#define ACCESSLOG_DIR "access"
#define ACCESSLOG_KEY "access"

enum {
	ACCESSLOG_WHAT = 64,
	ACCESSLOG_OBJECT = 256,
	ACCESSLOG_DETAIL = 512,
	ACCESSLOG_PAGE = 200, /* entries of one page at most */
};

/* Results, stable words: "ok", "denied", "failed", "waits". */
struct access_entry {
	uint64_t seq; /* filled when read */
	int64_t at;   /* recorded */
	char account[IDENTITY_ID];  /* or "" before sign-in, "glass", "console", "token:<id>" */
	char name[IDENTITY_NAME];   /* of the account at that time; for a failed sign-in "" */
	char session[IDENTITY_ID];
	char source[IDENTITY_SOURCE];
	char what[ACCESSLOG_WHAT];  /* dotted words: "signin.password", "restore.file" */
	char object[ACCESSLOG_OBJECT]; /* "kind:id" */
	char result[16];
	char detail[ACCESSLOG_DETAIL]; /* free words; may be "" */
};

struct accesslog;
/* accesslog_open(st, create, now, ret, e): Open for reading, and for writing when the key is there.
 * A state whose public key is known but whose ledger is gone is E_CORRUPT, never begun anew. */
MUST int accesslog_open(const struct state *st, bool create, int64_t now, struct accesslog **ret,
    struct err *e);
void accesslog_close(struct accesslog *a); /* NULL is fine */

/* accesslog_add(a, entry, now, e): Seal one; durable on return. Fields that are too long are cut,
 * bytes that are no text are shown as \xHH. E_AUTH (no key here), and all of ledger_append. */
MUST int accesslog_add(struct accesslog *a, const struct access_entry *entry, int64_t now,
    struct err *e);

struct access_filter { /* "" or 0: any */
	char account[IDENTITY_ID];
	char what[ACCESSLOG_WHAT];     /* exact, or a group ending with a dot */
	char object[ACCESSLOG_OBJECT];
	char result[16];
	int64_t since, until;          /* recorded at or after; before */
};

/* accesslog_page(a, filter, before, limit, fn, cookie, ret_next, e): The newest ${limit} entries
 * that fit with a number below ${before} (0: all), newest first. ${ret_next}: what to give as
 * ${before} for the following page, 0 at the end. Looks at no more than 20,000 entries a call; a
 * page may therefore be short while ${ret_next} is not 0. */
typedef int accesslog_fn(const struct access_entry *entry, void *cookie, struct err *e);
MUST int accesslog_page(struct accesslog *a, const struct access_filter *filter, uint64_t before,
    size_t limit, accesslog_fn *fn, void *cookie, uint64_t *ret_next, struct err *e);

#endif
