/* Passphrases: out of a file, or typed at the terminal. Never an argument. */
#ifndef MAMORI_CLI_CLI_PASS_H
#define MAMORI_CLI_CLI_PASS_H

#include "cli/cli.h"

struct cli_pass { /* {0} is none; given back with cli_pass_free */
	char *p; /* in NFC */
	size_t n;
};

/* cli_pass_file(file, ret, e): The first line of a file. E_INVAL: empty, too long, or not UTF-8. */
MUST int cli_pass_file(const char *file, struct cli_pass *ret, struct err *e);
/* cli_pass_ask(c, prompt, twice, ret, e): From who sits at the terminal, without showing it;
 * ${twice}: typed again, until both are the same. 1: nothing was typed, or nobody sits there.
 * E_CANCEL: nothing the same came in three tries. */
MUST int cli_pass_ask(struct cli *c, const char *prompt, bool twice, struct cli_pass *ret,
    struct err *e);
void cli_pass_free(struct cli_pass *p);

#endif
