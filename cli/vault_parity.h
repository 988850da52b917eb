/* Parity files, and repair with them or from a second copy. */
#ifndef MAMORI_CLI_VAULT_PARITY_H
#define MAMORI_CLI_VAULT_PARITY_H

#include "cli/cli_vault.h"

#define VAULT_PARITY_USAGE "mamori vault parity REPO --to DIR"

cli_fn vault_parity_cmd;

/* vault_repair(c, repo, parity, from, place, ret, e): Repair, and say what was done; ${ret} is an
 * object for --json. ${parity} NULL: where parity was made last, else the folder parity of the
 * vault, as far as they are there. */
MUST int vault_repair(struct cli *c, const char *repo, const char *parity, const char *from,
    const struct vault_place *pl, json_t **ret, struct err *e);

/* vault_parity_watch(c, repo, id): Whether the parity files of a repository that lies here, if any
 * can be found, still protect it as promised: they do not for what is left of groups of which
 * something was removed, until they are made anew. If not, say so and leave the fact vault.parity.
 * An object for --json, or null: nothing is known. */
json_t *vault_parity_watch(struct cli *c, const char *repo, const struct vault_ident *id);

#endif
