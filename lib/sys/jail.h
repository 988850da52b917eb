/* The jail of a process: entered once, after everything that needs a right was opened; irrevocable,
 * and inherited by children.
 *
 * Three layers, each tried as far as the kernel has it: no new privileges, capabilities dropped and
 * limits set; a list of allowed system calls (seccomp); a list of allowed paths and no TCP
 * (Landlock, by raw system calls because the headers of Debian 12 are older than the kernels it may
 * run on). */
#ifndef MAMORI_SYS_JAIL_H
#define MAMORI_SYS_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { /* what may be done below a path */
	JAIL_READ = 1,
	JAIL_WRITE = 2, /* also make, rename and remove */
	JAIL_EXEC = 4,
	JAIL_LIST = 8,  /* open directories and see names, no file */
};

enum { /* sets of system calls, beside those every program needs */
	JAIL_S_FILES = 1,    /* open, rename, unlink, fsync ... */
	JAIL_S_SERVE = 2,    /* accept, listen, getsockname on sockets opened before */
	JAIL_S_UNIX = 4,     /* new sockets, only AF_UNIX */
	JAIL_S_THREADS = 8,
	JAIL_S_CHILDREN = 16, /* fork, exec, wait, kill */
	JAIL_S_INET = 32,    /* new sockets of AF_INET and AF_INET6 */
	JAIL_S_READ = 64,    /* open for reading only, look at names and directories */
};

enum jail_level {
	JAIL_NONE = 0,
	JAIL_BASIC = 1,   /* no new privileges, capabilities, limits */
	JAIL_CALLS = 2,   /* and the system calls */
	JAIL_PATHS = 3,   /* and the paths */
};

struct jail_path {
	const char *path; /* one that is missing is passed over */
	unsigned may;
};

struct jail {
	const struct jail_path *paths;
	size_t npaths;
	unsigned sets;
	uint64_t keep_caps;       /* bits 1 << CAP_*; kept as permitted and effective */
	bool tcp;                 /* Landlock: connecting TCP stays possible, binding never */
	unsigned max_files;       /* RLIMIT_NOFILE; 0: as it is */
	uint64_t max_memory;      /* RLIMIT_AS in bytes; 0: as it is (so with ASan, too) */
	enum jail_level min_level; /* refuse to go on below this */
	bool trap;                /* SIGSYS instead of EPERM, for tests */
};

struct jail_report {
	enum jail_level level;
	int landlock_abi; /* 0: none in this kernel */
	bool tcp_closed;
	char text[160];   /* one English sentence for the log */
};

/* jail_enter(j, ret, e): Enter. E_SYS when a layer that the kernel offers could not be entered, or
 * the level reached is below min_level (the message says which layer is missing); the process must
 * then end, for it may be half inside. */
MUST int jail_enter(const struct jail *j, struct jail_report *ret, struct err *e);

#endif
