/* mamori vault mount, open, hydrate; their rows stand in the table of cmd_vault.c. */
#ifndef MAMORI_CLI_VAULT_MOUNT_H
#define MAMORI_CLI_VAULT_MOUNT_H

#include "cli/cli.h"

cli_fn vault_mount_cmd, vault_open_cmd, vault_hydrate_cmd;

#define VAULT_MOUNT_USAGE                                                                          \
	"mamori vault mount REPO GEN DIR [--key FILE] [--foreground] [--allow-other]"
#define VAULT_OPEN_USAGE                                                                           \
	"mamori vault open REPO GEN DIR --overlay OVERLAY [--path P] [--key FILE] [--lazy] "       \
	"[--foreground] [--allow-other]"
#define VAULT_HYDRATE_USAGE "mamori vault hydrate OVERLAY [--finish DIR]"

#endif
