#ifndef MAMORI_CLI_VAULT_SERVE_H
#define MAMORI_CLI_VAULT_SERVE_H

#include "cli/cli.h"

#define VAULT_SERVE_USAGE                                                                          \
	"mamori vault serve --repo DIR {--listen ADDR:PORT [--idle SECONDS] | --code NAME "        \
	"[--role write|restore|both] [--quota SIZE] [--day SIZE] [--hours N] | --clients | "      \
	"--revoke MACHINE}"
#define VAULT_ENROL_USAGE "mamori vault enrol mamori://HOST:PORT/NAME --code-file FILE|-"

cli_fn vault_serve_cmd, vault_enrol_cmd;

#endif
