/* What the files restore*.c share. Not for use elsewhere.
 *
 * restore.c       the target, the phases, the threads
 * restore_feed.c  batches of entries from the tree, in the order of the disk
 * restore_file.c  the content of one file
 * restore_meta.c  folders, owners, attributes, links and special files */
#ifndef MAMORI_VAULT_RESTORE_INT_H
#define MAMORI_VAULT_RESTORE_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/map.h"
#include "vault/restore.h"
#include "vault/walk.h"

enum {
	BATCH_ENTRIES = 256,
	BATCH_BYTES = 8 << 20,
	BATCH_MEM = 256 << 20,
	BIG_FILE = 16 << 20, /* from here on several threads write one file */
	TOC_CACHE = 4,

	/* of a block of the tree */
	PLAN_WANT = 1,
	PLAN_DIRS = 2,
	PLAN_LINKS = 4,
};

/* A file that is being written; big ones by several workers. */
struct rfile {
	struct tree_entry en; /* deep copy */
	int fd;
	struct arena mem; /* of a big file's copy */
	atomic_uint left; /* spans not written yet */
	bool shared;
	uint64_t end; /* unless shared: how far something was written */
	pthread_mutex_t lock; /* of the rest */
	uint64_t lost;
	char why[200];
};

struct span { /* a piece of a big file to be written */
	struct span *next;
	struct rfile *file;
	uint64_t pos;  /* in the file */
	uint64_t skip; /* in its first extent */
	uint32_t first;
};

struct restore {
	VAULT_R *r;
	const struct fio *f;
	const struct vault_restore_opts *o;
	struct vault_gen *g;
	const struct tree_manifest *m;
	int rootfd;
	bool root;         /* may set owners */
	uint32_t euid, egid;
	unsigned umask;
	bool odd_target; /* default ACL or setgid: modes and groups of new files are not as asked */

	char **sel; /* tree paths; none: everything */
	size_t nsel;
	uint8_t *plan; /* PLAN_* of each block */

	pthread_mutex_t feed_lock;
	struct walk *walk;
	uint32_t block;
	bool in_block, feed_done;

	pthread_mutex_t lock; /* of everything below, and of the report */
	pthread_cond_t cond;
	struct span *spans;
	unsigned active, running;
	atomic_bool stop;
	atomic_bool sharing; /* other workers are there to take spans */
	struct err fail;
	struct vault_restore_report *rep;
	struct map links; /* hard-link target outside the selection -> path of its first copy */
	atomic_ullong files, bytes, kept, dirs, nlinks, others;
	atomic_ullong owners, xattrs, devices;
};

struct worker {
	struct restore *rs;
	struct vault_ctx *ctx;
	struct arena mem;
	struct tree_entry batch[BATCH_ENTRIES];
	size_t n;
	int dirfd;      /* of the directory used last; rootfd or own */
	struct buf dir; /* its path */
	struct {
		bool used;
		uint64_t tick;
		uint8_t seg[FMT_ID_LEN];
		int code; /* of reading it */
		struct fmt_toc toc;
	} tocs[TOC_CACHE];
	uint64_t tick;
	uint8_t *buf; /* for comparing */
	size_t buf_len;
};

/* ---- restore.c ---- */
/* restore_stopped(rs): Whether another thread failed or the caller asked to stop. */
bool restore_stopped(struct restore *rs);
/* restore_problem(rs, kind, dir, name, lost, why): Write down what could not be done. */
void restore_problem(struct restore *rs, enum restore_kind kind, const char *dir, const char *name,
    uint64_t lost, const char *why);
/* restore_fatal(code): Whether an error of reading the vault ends the restore. */
bool restore_fatal(int code);
/* restore_target_fatal(e): The same for an error of writing the target. */
bool restore_target_fatal(const struct err *e);
MUST int worker_new(struct restore *rs, struct worker **ret, struct err *e);
void worker_free(struct worker *w);

/* ---- restore_feed.c ---- */
MUST int feed_prepare(struct restore *rs, struct err *e);
/* feed_take(rs, w, e): Fill w->batch. 1, or 0 at the end. */
MUST int feed_take(struct restore *rs, struct worker *w, struct err *e);
/* feed_wanted(rs, en): Whether the selection holds an entry. */
bool feed_wanted(const struct restore *rs, const struct tree_entry *en);
/* feed_copy(a, en, out): A deep copy. E_NOMEM. */
MUST int feed_copy(struct arena *a, const struct tree_entry *en, struct tree_entry *out,
    struct err *e);
/* feed_links / feed_dirs: Call ${fn} for every hard link; for every folder, the deepest first. */
typedef int feed_fn(struct worker *w, const struct tree_entry *en, struct err *e);
MUST int feed_links(struct restore *rs, struct worker *w, feed_fn *fn, struct err *e);
MUST int feed_dirs(struct restore *rs, struct worker *w, feed_fn *fn, struct err *e);

/* ---- restore_file.c ---- */
MUST int file_restore(struct worker *w, const struct tree_entry *en, struct err *e);
MUST int file_span(struct worker *w, struct span *s, struct err *e);
/* file_drop(rs, s): A span that is not going to be written. */
void file_drop(struct restore *rs, struct span *s);

/* ---- restore_meta.c ---- */
/* meta_dir(w, en, ret, e): Descriptor of the directory in which an entry belongs, made when
 * missing; valid until the next call. Never through a symbolic link. 1, or 0 when it cannot be
 * reached, which was written down. */
MUST int meta_dir(struct worker *w, const struct tree_entry *en, int *ret, struct err *e);
MUST int meta_mkdir(struct worker *w, const struct tree_entry *en, struct err *e);
MUST int meta_dir_finish(struct worker *w, const struct tree_entry *en, struct err *e);
MUST int meta_special(struct worker *w, const struct tree_entry *en, struct err *e);
MUST int meta_link(struct worker *w, const struct tree_entry *en, struct err *e);
/* meta_finish(w, fd, en, mode, uid, gid, e): Owner, attributes, mode, times of an open file that
 * has
 * ${mode}, ${uid}, ${gid} now. */
MUST int meta_finish(struct worker *w, int fd, const struct tree_entry *en, uint32_t mode,
    uint32_t uid, uint32_t gid, struct err *e);
/* meta_clear(w, dirfd, en, e): Make way for an entry whose name is taken: 1 when the old file was
 * removed, 0 when it stays (and was written down). */
MUST int meta_clear(struct worker *w, int dirfd, const struct tree_entry *en, struct err *e);

#endif
