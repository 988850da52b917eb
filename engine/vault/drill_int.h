/* What the files drill*.c share. Private to vault. */
#ifndef MAMORI_VAULT_DRILL_INT_H
#define MAMORI_VAULT_DRILL_INT_H

#include <sys/types.h>

#include "base/vec.h"
#include "vault/drill.h"
#include "vault/walk.h"

/* ---- the guard (drill_guard.c) ----
 *
 * The only door to the files that a drill may change. A guard is a folder STATE/drill/N that this
 * process has just made, mode 0700, with a marker file holding a random token that only this
 * process remembers. Before each change the folder, the marker and the file are looked at again:
 * the file must be a regular one below N/copy, reached without any symbolic link and without
 * leaving the file system, owned by us, with one name. Anything else is refused with E_AUTH and
 * nothing is changed. The code that damages has no other way to a file: it is given paths relative
 * to N/copy, never descriptors. The damage can be undone with what the marker says. */
struct guard {
	const struct fio *f;
	int statefd, dirfd, copyfd, backfd, lockfd;
	char name[48]; /* "drill/N" */
	char token[65];
	dev_t dev;
	ino_t ino;
	uid_t uid;
	char last[4096]; /* the folder of copy/ used last ... */
	int lastfd;      /* ... and its descriptor, -1: none */
};

/* guard_new(f, statefd, g, e): Make the folder; also removes what a killed drill left. */
MUST int guard_new(const struct fio *f, int statefd, struct guard *g, struct err *e);
/* guard_end(g, keep, e): Remove the folder with all that is in it, or mark it as kept. */
MUST int guard_end(struct guard *g, bool keep, struct err *e);
/* guard_check(g, e): Whether folder and marker are still ours. E_AUTH. */
MUST int guard_check(const struct guard *g, struct err *e);

/* guard_make(g, path, e): Create a file in the copy with the folders above it: a descriptor for
 * writing. E_EXIST. */
MUST int guard_make(struct guard *g, const char *path, struct err *e);
/* guard_folder(g, path, e): Make a folder in the copy. */
MUST int guard_folder(struct guard *g, const char *path, struct err *e);
/* guard_open(g, path, e): An existing file of the copy, for reading and writing, after all checks.
 */
MUST int guard_open(struct guard *g, const char *path, struct err *e);
MUST int guard_unlink(struct guard *g, const char *path, struct err *e);
MUST int guard_rename(struct guard *g, const char *path, const char *to, struct err *e);

/* ---- the damage (drill_damage.c) ---- */
#define DRILL_EXTENSION ".drill-locked"
#define DRILL_NOTE "DRILL-NOTE-訓練.txt"

struct damage;
MUST int damage_new(struct guard *g, uint64_t seed, struct damage **ret, struct err *e);
void damage_free(struct damage *d);
/* damage_file(d, path, e): Damage one file of the copy: 1, or 0 when there is nothing to damage. */
MUST int damage_file(struct damage *d, const char *path, struct err *e);
/* damage_note(d, dir, e): Leave the note in a folder of the copy. */
MUST int damage_note(struct damage *d, const char *dir, struct err *e);

/* ---- one system (drill_set.c) ---- */

enum {
	REF_WANTED = 1,
	REF_SHA = 2,    /* the reference digest is known */
};
enum { DRILL_MAX_ENTRIES = 16 << 20, DRILL_MAX_WANTED = 4 << 20 };

struct ref {
	uint8_t sha[DIGEST_LEN];
};

struct set { /* a generation under drill */
	const struct drill_opts *o;
	struct guard *g;
	struct drill_report *rep;
	struct drill_system *sys;
	unsigned no;            /* its folder: copy/NO, back/NO */
	VAULT_R *r;
	const struct vault_generation *gen;
	struct vault_gen *open;
	struct walk *walk;
	char *chart;            /* a wanted file to show first: its path in the tree; NULL: none */
	uint64_t chart_ref;     /* its place in refs */
	bool chart_real;        /* it lies in an SS-MIX2 folder */
	uint8_t *flags;         /* REF_* of each entry, in order */
	uint64_t nentries;
	struct vec refs;        /* struct ref of the wanted regular files, in order */
	struct vec paths;       /* char *: what to restore, when not everything */
	bool partial;
};

MUST int set_open(const struct drill_opts *o, VAULT_R *r, const struct vault_generation *gen,
    struct set *s, struct err *e);
/* set_detach(s): Close the generation, keep what was chosen; set_open again later. */
void set_detach(struct set *s);
void set_close(struct set *s);
/* set_want_path(s, en, path, e): Put a file on the list of what to restore. */
MUST int set_want_path(struct set *s, const struct tree_entry *en, struct buf *path,
    struct err *e);
typedef int set_fn(struct set *s, uint64_t i, const struct tree_entry *en, void *cookie,
    struct err *e);
/* set_each(s, fn, cookie, e): ${fn} for each entry in order; a non-zero result ends it. */
MUST int set_each(struct set *s, set_fn *fn, void *cookie, struct err *e);
/* set_path(en, out, e): "dir/name" with NUL. set_copy_path: with the system's number before it. */
MUST int set_path(const struct tree_entry *en, struct buf *out, struct err *e);
MUST int set_copy_path(const struct set *s, const struct tree_entry *en, struct buf *out,
    struct err *e);
/* set_choose(s, budget, e): Mark what takes part: everything, or chosen files up to ${budget}. */
MUST int set_choose(struct set *s, uint64_t budget, struct err *e);
/* set_wrong(s, path, why): Keep the first thing that was wrong. */
void set_wrong(struct set *s, const char *path, const char *why);
/* set_stop(s, e): E_CANCEL when the caller asked to stop. */
MUST int set_stop(const struct set *s, struct err *e);

/* ---- both drills (drill.c) ---- */

struct drill {
	const struct drill_opts *o;
	struct drill_report *rep;
	struct guard guard;
	VAULT_R *r;
	struct set *sets; /* rep->nsystems */
	uint64_t total;   /* bytes that take part */
};
/* drill_begin(d, o, rep, e): Open the vault, find the newest generation of each system, make the
 * private folder. drill_end(d, r, e): Close and clean up; returns ${r}, or the first error of its
 * own. */
MUST int drill_begin(struct drill *d, const struct drill_opts *o, struct drill_report *rep,
    struct err *e);
MUST int drill_end(struct drill *d, int r, struct err *e);
/* drill_reopen(d, e): Close everything and open it again, as after a disaster. */
MUST int drill_reopen(struct drill *d, struct err *e);
/* drill_give_back(d, ret_xattrs, e): Restore what was chosen into back/NO of each system.
 * ${ret_xattrs}: whether the file system took extended attributes. */
MUST int drill_give_back(struct drill *d, bool *ret_xattrs, struct err *e);

/* ---- copying and comparing (drill_copy.c, drill_compare.c) ---- */
MUST int copy_set(struct set *s, uint64_t *done, uint64_t total, struct err *e);
MUST int compare_set(struct set *s, const char *back, bool xattrs, uint64_t *done, uint64_t total,
    struct err *e);
/* copy_entry_data(ctx, en, fn, cookie, e): The bytes of a file from the vault, piece by piece. */
typedef int copy_fn(void *cookie, const void *p, size_t n, uint64_t off, struct err *e);
MUST int copy_entry_data(struct vault_ctx *ctx, const struct tree_entry *en, copy_fn *fn,
    void *cookie, struct err *e);

#endif
