/* Parity files, and repair with them or from a second copy. */
#ifndef MAMORI_CLI_VAULT_PARITY_H
#define MAMORI_CLI_VAULT_PARITY_H

#include "cli/cli_vault.h"

#define VAULT_PARITY_USAGE "mamori vault parity REPO --to DIR"

cli_fn vault_parity_cmd;

/* vault_repair(c, repo, parity, from, place, ret, e): Repair, and say what was done; ${ret} is an
 * object for --json. ${parity} NULL: the folder parity of the vault, where there is one. */
MUST int vault_repair(struct cli *c, const char *repo, const char *parity, const char *from,
    const struct vault_place *pl, json_t **ret, struct err *e);

#endif
