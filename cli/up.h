/* Inside `mamori up` (cmd_up.c: the daemon; up_practice.c: filling an empty state). */
#ifndef MAMORI_CLI_UP_H
#define MAMORI_CLI_UP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "sys/chan.h"
#include "sys/loop.h"

enum { UP_URL = 96 };

struct up {
	struct cli *c;
	bool practice;
	const char *listen, *size;
	char state[PATH_MAX], program[PATH_MAX], sock[PATH_MAX];
	char url[UP_URL], print[112];
	char setup[UP_URL + 32]; /* the address of the first start; "" when it is over */
	struct loop *l;
	struct loop_src *late, *line_src;
	struct buf line; /* what the daemon printed */
	pid_t daemon, step; /* 0: none */
	int daemon_status, step_status;
	bool ready; /* the daemon said so */
	bool stop;  /* somebody asked to stop */
};

/* up_step(u, words): Run `mamori WORDS...` on this state and wait; its exit status, CLI_FAIL when
 * somebody asked to stop. */
int up_step(struct up *u, const char *const *words);
/* up_call(u, method, params, ret, e): Ask the daemon. ${params} is borrowed. */
MUST int up_call(struct up *u, const char *method, const json_t *params, json_t **ret,
    struct err *e);
/* up_practice(u): Fill an empty state with the practice hospital and wait for its first copies. An
 * exit status. May be repeated after any interruption. */
int up_practice(struct up *u);

#endif
