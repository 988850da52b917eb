/* What `vault mount` and `vault open` share: a folder is served by a process in the background, and
 * the command returns when the folder answers. That process is started before anything is opened,
 * because a reading handle and its threads do not survive a fork. */
#ifndef MAMORI_CLI_VAULT_BACK_H
#define MAMORI_CLI_VAULT_BACK_H

#include <signal.h>

#include "cli/cli_vault.h"

struct vault_back {
	struct cli *c;
	const char *what;  /* "mount", for the system log */
	bool foreground;
	int ready_fd;      /* -1 in the foreground */
	char id[2 * FMT_ID_LEN + 1]; /* of the generation */
};

/* vault_back_fork(b, ret): In the foreground, and in the process that is to serve: 0. In the one
 * that was typed: 1 when the folder answers (then ${b}->id is set), with the server's process in
 * ${ret}. When the server ends first this does not return but ends with its status: it has said
 * why. Negative: the exit status of this program, after saying why not. */
int vault_back_fork(struct vault_back *b, pid_t *ret);
/* vault_back_signals(b): A descriptor that becomes readable when the folder is to end. */
int vault_back_signals(void);
/* vault_back_ready(b): The folder answers: let go of the terminal and tell the one that waits. Only
 * in the background. */
void vault_back_ready(struct vault_back *b);
/* vault_back_problem(b, path, why): Say that something cannot be read. */
void vault_back_problem(const struct vault_back *b, const char *path, const char *why);

#endif
