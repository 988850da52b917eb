/* What the files mount*.c share. Private to vault.
 *
 * There is no table of inodes: the number of an inode *is* the place of its entry (tree block and
 * position in it), so that the kernel may remember millions of them at no cost here. */
#ifndef MAMORI_VAULT_MOUNT_INT_H
#define MAMORI_VAULT_MOUNT_INT_H

#include <pthread.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/vec.h"
#include "vault/mount.h"

/* ---- parsed tree blocks (mount_tree.c) ---- */

struct mtree_ext {
	uint64_t pos;       /* in the file; ends where the next one, or the file, does */
	const uint8_t *seg; /* in the block's bytes; NULL: zeros */
	uint32_t off;
};

struct mtree_entry {
	const char *dir, *name, *target;
	uint8_t type, flags;
	uint32_t mode, uid, gid, mtime_ns;
	int64_t mtime;
	uint64_t size, rdev;
	uint32_t ext, next;  /* first and number, in the block's list */
	uint32_t xattr, nxattr;
};

struct mtree_block {
	uint32_t no, refs;
	uint64_t used;
	size_t bytes; /* what it holds of memory, for the limit */
	struct buf raw;
	struct arena text;
	struct vec entries, exts, xattrs;
};

struct mtree;
/* mtree_new(r, g, ret, e): Open generation ${g}. Its parsed blocks take at most about 32 MiB, plus
 * those in use. */
MUST int mtree_new(VAULT_R *r, const struct vault_generation *g, struct mtree **ret, struct err *e);
void mtree_free(struct mtree *t);

/* mtree_get(t, no, ret, e): Block ${no}, held until mtree_put. Any thread. */
MUST int mtree_get(struct mtree *t, uint32_t no, struct mtree_block **ret, struct err *e);
void mtree_put(struct mtree *t, struct mtree_block *b);
uint32_t mtree_blocks(const struct mtree *t);

static inline struct mtree_entry *
mtree_at(const struct mtree_block *b, uint32_t i)
{
	return &((struct mtree_entry *)b->entries.p)[i];
}

/* mtree_seek(t, dir, name, ret, ret_i, e): The first entry not before the key. 1 and a held block,
 * 0 past the end. */
MUST int mtree_seek(struct mtree *t, const char *dir, const char *name, struct mtree_block **ret,
    uint32_t *ret_i, struct err *e);
/* mtree_find(t, dir, name, ret, ret_i, e): The entry with exactly this key, a hard link followed to
 * its file. 1 and a held block, 0 when there is none. */
MUST int mtree_find(struct mtree *t, const char *dir, const char *name, struct mtree_block **ret,
    uint32_t *ret_i, struct err *e);

/* ---- inode numbers ---- */

enum { MTREE_ROOT = 1, MTREE_INDEX_BITS = 24 };

static inline uint64_t
mtree_ino(uint32_t block, uint32_t i)
{
	return ((uint64_t)block << MTREE_INDEX_BITS | i) + 2;
}

/* mtree_inode(t, ino, ret, ret_i, e): The entry of an inode other than the root. E_NOENT. */
MUST int mtree_inode(struct mtree *t, uint64_t ino, struct mtree_block **ret, uint32_t *ret_i,
    struct err *e);
/* mtree_path(en, out, e): Its path ("dir/name") with a NUL into ${out} (cleared first). */
MUST int mtree_path(const struct mtree_entry *en, struct buf *out, struct err *e);

/* ---- reading files (mount_read.c) ---- */

struct mread;
MUST int mread_new(VAULT_R *r, unsigned threads, struct mread **ret, struct err *e);
void mread_free(struct mread *m);

/* A reading context with its buffer, held by one request. */
struct mread_ctx {
	struct vault_ctx *c;
	uint8_t *buf; /* MREAD_MAX bytes */
	uint64_t ino, end, used; /* where it read last, so that a sequential reader gets it again */
	bool busy;
};
enum { MREAD_MAX = 1 << 20 };
struct mread_ctx *mread_take(struct mread *m, uint64_t ino, uint64_t off);
void mread_give(struct mread *m, struct mread_ctx *x);
/* mread_data(x, b, en, off, n, ret, e): A view of the ${n} bytes of a file at ${off}, all inside
 * the file and at most MREAD_MAX; valid while ${x} is held and until its next use. */
MUST int mread_data(struct mread_ctx *x, const struct mtree_block *b, const struct mtree_entry *en,
    uint64_t off, size_t n, const uint8_t **ret, struct err *e);

/* ---- requests (mount_fs.c) ---- */

struct mfs {
	struct mtree *tree;
	struct mread *read;
	const struct vault_generation *gen;
	const struct vault_mount_opts *o;
	pthread_mutex_t lock; /* of reported */
	uint64_t reported[256];
	unsigned nreported;
};
struct fuse_lowlevel_ops;
extern const struct fuse_lowlevel_ops mfs_ops;

#endif
