/* The command line: one table of subcommands, one file each (cmd_*.c). */
#ifndef MAMORI_CLI_CLI_H
#define MAMORI_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Exit status, the contract of the man page. */
enum { CLI_OK = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_FAIL = 3 };

struct cli {
	const char *state; /* the state directory */
	bool json;         /* one object on stdout, nothing else there */
	bool ja;           /* the user's language */
	const char *self;  /* path of this program, for starting others beside it */
};

typedef int cli_fn(struct cli *c, int argc, char **argv); /* argv[0] = the subcommand's name */

struct cli_cmd {
	const char *name;
	cli_fn *fn;
	const char *usage; /* one line */
	const char *ja, *en; /* one line of help each */
};

/* cli_dispatch(c, table, n, argc, argv): Find argv[1] in a table of second-level commands. */
int cli_dispatch(struct cli *c, const struct cli_cmd *table, size_t n, int argc, char **argv);

/* L(c, ja, en): The text in the user's language. */
#define L(c, ja_text, en_text) ((c)->ja ? (ja_text) : (en_text))

/* cli_fail(c, e, lead): Print what went wrong to stderr: ${lead} (in the user's language, may be
 * NULL), the detail of ${e}, and what to do next for its code. Returns the exit status for it:
 * CLI_USAGE for E_INVAL, CLI_NO for E_CORRUPT, else CLI_FAIL. */
int cli_fail(struct cli *c, const struct err *e, const char *lead);
/* cli_usage(c, usage): Print the usage line to stderr; returns CLI_USAGE. */
int cli_usage(struct cli *c, const char *usage);
/* cli_say(c, fmt, ...): A line for a person: stdout, or stderr under --json. */
void cli_say(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* cli_json(c, obj): Under --json print ${obj} on stdout as one line; always takes the reference. */
void cli_json(struct cli *c, json_t *obj);
/* cli_progress(c, fmt, ...): A progress line on stderr when that is a terminal, at most ten a
 * second, overwritten by the next. cli_progress_end clears it. */
void cli_progress(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_progress_end(struct cli *c);
/* cli_bytes(buf, n): "12.3 MB" into a buffer of at least 24 bytes; returns it. */
const char *cli_bytes(char *buf, uint64_t n);

/* cli_end(c, status): The last thing the program does: under --json a failure that printed no
 * object prints one ({"ok":false,"status":N,"error":{"kind","message"}}); output that could not be
 * written turns a success into CLI_FAIL. Returns the exit status. */
int cli_end(struct cli *c, int status);

cli_fn cmd_account, cmd_drill, cmd_fact, cmd_guide, cmd_identity, cmd_notify, cmd_practice,
    cmd_register, cmd_report, cmd_status, cmd_system, cmd_token, cmd_up, cmd_vault, cmd_verify;

#endif
