/* Getting data back: a generation, or parts of it, into a directory.
 *
 * Everything is verified while it is written. A damaged piece costs only itself: what can be read
 * of its file is written, the rest is zeros, and the file is named in the report. The list of files
 * is not trusted: nothing is ever written outside the target, and no symbolic link in it is
 * followed.
 *
 * A file gets its name at once and its time of change last; so a file whose size and time fit was
 * finished, and a restore that was interrupted is continued with ${resume}. */
#ifndef MAMORI_VAULT_RESTORE_H
#define MAMORI_VAULT_RESTORE_H

#include "vault/vault.h"

enum restore_kind {
	RESTORE_DAMAGED = 1, /* bytes are lost; what could be read is there */
	RESTORE_INWAY,       /* something else of that name is there and was left alone */
	RESTORE_REFUSED,     /* the target's file system does not take it */
	RESTORE_UNREAD,      /* it could not be read when the generation was made */
	RESTORE_LIST,        /* a piece of the list of files is damaged: files between two names */
};

struct restore_problem {
	char *path; /* in the tree; bytes */
	char *why;  /* English, for people */
	uint64_t lost; /* bytes that are zero now */
	enum restore_kind kind;
};

struct vault_restore_opts {
	const char *to;            /* made when missing */
	const char *const *paths;  /* as walk_resolve takes them; none: everything */
	size_t npaths;
	bool resume;     /* continue: keep files that verify, rewrite other regular files */
	bool
	    force_into; /* also into a directory that is not empty; existing names are left alone */
	bool overwrite;  /* with force_into: existing files are replaced */
	unsigned threads; /* 0: one per processor */
	void (*progress)(void *cookie, const struct vault_progress *p); /* may be NULL */
	void *cookie;
	const volatile int *cancel; /* may be NULL */
	const struct fio *fio;      /* for the target; NULL: the operating system */
};

enum { RESTORE_MAX_LISTED = 10000 };

struct vault_restore_report {
	uint64_t files, dirs, links, others; /* made, or found as they should be */
	uint64_t bytes;    /* of those files */
	uint64_t kept;     /* files that were there already and verified */
	uint64_t nproblems;
	struct restore_problem *problems; /* the first RESTORE_MAX_LISTED, sorted by path */
	size_t nlisted;
	/* told, not counted as problems: things that only root can set */
	uint64_t owners_skipped, xattrs_skipped, devices_skipped;
};

/* vault_restore(r, g, o, ret, e): 0 when everything that can be read was written and reached the
 * disk; look at ret->nproblems for what could not. ${ret} is filled in every case and freed with
 * vault_restore_report_free. E_EXIST: the target is not empty; E_NOENT: a path is not in the
 * generation; E_AUTH: no key; E_NOSPC: the target is full, what was restored stays; E_CANCEL;
 * E_SYS. */
MUST int vault_restore(VAULT_R *r, const struct vault_generation *g,
    const struct vault_restore_opts *o, struct vault_restore_report *ret, struct err *e);
void vault_restore_report_free(struct vault_restore_report *rep);

#endif
