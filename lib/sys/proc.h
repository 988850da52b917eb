/* Starting another program with nothing inherited by accident. */
#ifndef MAMORI_SYS_PROC_H
#define MAMORI_SYS_PROC_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct proc_spec {
	const char *path;        /* absolute, or relative to the working directory; no search */
	const char *const *argv; /* NULL-terminated */
	const char *const *env;  /* NULL-terminated; the whole environment of the child */
	const char *cwd;         /* NULL: as ours */
	int in, out, err;        /* descriptors for 0, 1, 2; -1: /dev/null */
	bool orphan_ok;          /* false: the child is killed when this process dies */
	bool own_group; /* a process group of its own, so that proc_kill reaches its children */
	int nice;                /* added to ours */
	unsigned cpu_seconds;    /* RLIMIT_CPU; 0: as ours */
};

/* proc_spawn(s, ret, e): Start the program: descriptors 0 to 2 and nothing else, default signal
 * dispositions, empty signal mask, umask 077. On return exec has succeeded. The caller reaps it
 * (loop_add_child). E_NOENT (no such program), E_SYS, and then no child is left behind. */
MUST int proc_spawn(const struct proc_spec *s, pid_t *ret, struct err *e);

/* proc_kill(pid, group, signo): Signal a child that was not reaped yet, or its whole group. */
void proc_kill(pid_t pid, bool group, int signo);

/* proc_beside(self, name, ret, n, e): Write the path of the program ${name} that belongs to the
 * program ${self}: in the same folder, in ../libexec/mamori, from there in ../../bin, or where a
 * build tree has it. No search in $PATH, so that nobody's copy is started by accident. E_NOENT. */
MUST int proc_beside(const char *self, const char *name, char *ret, size_t n, struct err *e);

#endif
