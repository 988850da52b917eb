/* Where the repositories of this machine are: STATE/vault/<id>/where holds the path of each, so
 * that drills need no argument. */
#ifndef MAMORI_CLI_VAULT_WHERE_H
#define MAMORI_CLI_VAULT_WHERE_H

#include "base/buf.h"
#include "vault/vault.h"

/* vault_where_put(statefd, id, repo, e): Remember that the repository ${id} lies at ${repo}. */
MUST int vault_where_put(int statefd, const struct vault_ident *id, const char *repo,
    struct err *e);
/* vault_where_fn: ${id}: the repository's, in hexadecimal; ${where}: where it lies, NULL when that
 * is not written down. A result other than 0 ends the walk and is returned. */
typedef int vault_where_fn(const char *id, const char *where, void *cookie, struct err *e);
/* vault_where_each(statefd, fn, cookie, e): Every repository that this machine has something about,
 * there or not. */
MUST int vault_where_each(int statefd, vault_where_fn *fn, void *cookie, struct err *e);
/* vault_where_get(statefd, ret, e): The only known repository that is there, into ${ret}
 * (NUL-terminated). E_NOENT: none is known, or it is not there (not plugged in); E_INVAL: several
 * are. */
MUST int vault_where_get(int statefd, struct buf *ret, struct err *e);

#endif
