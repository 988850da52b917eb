/* mamori vault mount; its row stands in the table of cmd_vault.c. */
#ifndef MAMORI_CLI_VAULT_MOUNT_H
#define MAMORI_CLI_VAULT_MOUNT_H

#include "cli/cli.h"

cli_fn vault_mount_cmd;

#define VAULT_MOUNT_USAGE                                                                          \
	"mamori vault mount REPO GEN DIR [--key FILE] [--foreground] [--allow-other]"

#endif
