/* The runner starts the programs of jobs and tasks. It is a process of its own, forked before
 * mamorid enters its jail, because a backup must read what mamorid must not. It reads nothing from
 * the network and no foreign files; it is told what to run over a socket pair and runs only what
 * allow.c has, at most RUNNER_AT_ONCE at a time.
 *
 *   to it    {"run": 5, "argv": ["vault", "backup", ...], "seconds": 43200}
 *            and perhaps "en": true (messages in English), "keep": true (what it prints goes to
 *            STATE/spool/out-5 instead of the report), "raw": true (without --json)
 *            {"stop": 5}
 *   from it  {"run": 5, "progress": "3 of 7 files"}
 *            {"run": 5, "status": 0, "out": "{...}", "message": "last line of its errors"} */
#ifndef MAMORI_DAEMON_MAMORID_RUNNER_H
#define MAMORI_DAEMON_MAMORID_RUNNER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum { RUNNER_AT_ONCE = 5 };

struct runner_conf {
	const char *program; /* the mamori binary */
	const char *state;
};

/* runner_fork(conf, ret_fd, ret_pid, e): Fork the runner; it dies with this process. ${ret_fd} is
 * our end. The child closes every other descriptor but 0 to 2. */
MUST int runner_fork(const struct runner_conf *conf, int *ret_fd, pid_t *ret_pid, struct err *e);

#endif
