/* A `struct fio` over the real one that writes down every change it is asked for, with its bytes,
 * in the order in which it happened, and can make the k-th call of any kind fail. Safe for the
 * threads of a backup: a call and its entry on the tape are one step.
 *
 * Files are told apart by inode, so what happens to an open file after it was renamed is put down
 * to the right one. tests/fault/replay.h makes from a tape what a disk may hold after a power cut.
 */
#ifndef MAMORI_TESTS_FAULT_TAPE_H
#define MAMORI_TESTS_FAULT_TAPE_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fio.h"

enum tape_kind {
	TAPE_OPEN, TAPE_READ, TAPE_WRITE, TAPE_SYNC, TAPE_DIRSYNC, TAPE_TRUNC, TAPE_RENAME,
	TAPE_UNLINK, TAPE_MKDIR, TAPE_ACK, TAPE_KINDS,
};

struct tape_op {
	enum tape_kind kind; /* TAPE_OPEN: a file came into being */
	int node, dir, dir2; /* numbers of files and directories on the tape */
	char name[96], name2[96];
	uint64_t off, n;
	uint8_t *p;
};

enum { TAPE_MAX = 4096, TAPE_NODES = 2048, TAPE_ALL = -1 };

struct tape {
	struct fio f;
	pthread_mutex_t lock;
	bool on;               /* recording */
	struct tape_op *op;
	int n;
	ino_t ino[TAPE_NODES]; /* node -> inode; node 0 is the top */
	dev_t dev;
	int nodes;
	/* failing */
	unsigned long calls, fail_at; /* 0: never */
	int only;                     /* a kind, or TAPE_ALL */
	int sys; /* errno; 0 with a write: half of it is written, then ENOSPC */
	bool fired;
	enum tape_kind fired_kind;
	int open_fds;
};

static inline int
tape_node(struct tape *t, const struct stat *st, bool fresh)
{
	for (int i = t->nodes; i-- > 0;) {
		if (t->ino[i] != st->st_ino)
			continue;
		if (!fresh)
			return i;
		t->ino[i] = 0; /* the number was used before, by a file that is gone */
	}
	if (!fresh || t->nodes == TAPE_NODES)
		return -1;
	t->ino[t->nodes] = st->st_ino;
	return t->nodes++;
}

/* tape_dir(t, dirfd, path, ret_name): The directory in which ${path} lies, and its last part. */
static inline int
tape_dir(struct tape *t, int dirfd, const char *path, char name[96])
{
	const char *slash = strrchr(path, '/');
	char up[512];
	struct stat st;

	(void)snprintf(up, sizeof(up), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	(void)snprintf(name, 96, "%.95s", slash ? slash + 1 : path);
	if (!*up || fstatat(dirfd, up, &st, 0) < 0)
		return -1;
	return tape_node(t, &st, false);
}

static inline struct tape_op *
tape_note(struct tape *t, enum tape_kind kind)
{
	struct tape_op *o;

	if (t->n == TAPE_MAX)
		abort();
	o = &t->op[t->n++];
	(void)memset(o, 0, sizeof(*o));
	o->kind = kind;
	return o;
}

static inline int
tape_fd(struct tape *t, int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? -1 : tape_node(t, &st, false);
}

/* tape_fails(t, kind): Whether this call is the one. Called with the lock held. */
static inline bool
tape_fails(struct tape *t, enum tape_kind kind)
{
	if (t->only != TAPE_ALL && t->only != (int)kind)
		return false;
	t->calls++;
	if (t->fired || t->fail_at == 0 || t->calls != t->fail_at)
		return false;
	t->fired = true;
	t->fired_kind = kind;
	errno = t->sys ? t->sys : ENOSPC;
	return true;
}

#define TAPE_ENTER(t, kind)                                                                        \
	struct tape *t = ctx;                                                                      \
	(void)pthread_mutex_lock(&t->lock);                                                        \
	if (tape_fails(t, kind)) {                                                                 \
		(void)pthread_mutex_unlock(&t->lock);                                              \
		return -1;                                                                         \
	}

static inline int
tape_open_at(void *ctx, int dirfd, const char *path, int flags, mode_t mode)
{
	struct stat st;
	bool there;
	int fd;
	TAPE_ENTER(t, TAPE_OPEN)

	there = fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
	fd = fio_os()->open_at(NULL, dirfd, path, flags, mode);
	if (fd >= 0)
		t->open_fds++;
	if (fd >= 0 && t->on && !there && fstat(fd, &st) == 0) {
		char name[96];
		int dir = tape_dir(t, dirfd, path, name);

		if (dir >= 0) {
			struct tape_op *o = tape_note(t, TAPE_OPEN);

			o->dir = dir;
			(void)memcpy(o->name, name, sizeof(name));
			o->node = tape_node(t, &st, true);
		}
	}
	(void)pthread_mutex_unlock(&t->lock);
	return fd;
}

static inline int
tape_close(void *ctx, int fd)
{
	struct tape *t = ctx;

	(void)pthread_mutex_lock(&t->lock);
	t->open_fds--;
	(void)pthread_mutex_unlock(&t->lock);
	return fio_os()->close(NULL, fd);
}

static inline ssize_t
tape_pread(void *ctx, int fd, void *p, size_t n, off_t off)
{
	TAPE_ENTER(t, TAPE_READ)

	(void)pthread_mutex_unlock(&t->lock);
	return fio_os()->pread(NULL, fd, p, n, off);
}

static inline ssize_t
tape_pwrite(void *ctx, int fd, const void *p, size_t n, off_t off)
{
	struct tape *t = ctx;
	ssize_t k;
	int node;

	(void)pthread_mutex_lock(&t->lock);
	if (tape_fails(t, TAPE_WRITE)) {
		if (t->sys == 0 && n > 1) { /* half of it fits, the rest is refused next time */
			t->fired = false;
			t->fail_at = t->calls + 1;
			t->sys = ENOSPC;
			n /= 2;
		} else {
			(void)pthread_mutex_unlock(&t->lock);
			return -1;
		}
	}
	k = fio_os()->pwrite(NULL, fd, p, n, off);
	node = t->on && k > 0 ? tape_fd(t, fd) : -1;
	if (node >= 0) {
		struct tape_op *o = tape_note(t, TAPE_WRITE);

		o->node = node;
		o->off = (uint64_t)off;
		o->n = (uint64_t)k;
		o->p = malloc((size_t)k);
		if (!o->p)
			abort();
		(void)memcpy(o->p, p, (size_t)k);
	}
	(void)pthread_mutex_unlock(&t->lock);
	return k;
}

static inline int
tape_any_sync(struct tape *t, int fd)
{
	struct stat st;
	int node;

	if (t->on && fstat(fd, &st) == 0 && (node = tape_node(t, &st, false)) >= 0)
		tape_note(t, S_ISDIR(st.st_mode) ? TAPE_DIRSYNC : TAPE_SYNC)->node = node;
	(void)pthread_mutex_unlock(&t->lock);
	return 0;
}

static inline int
tape_fdatasync(void *ctx, int fd)
{
	TAPE_ENTER(t, TAPE_SYNC)
	return tape_any_sync(t, fd);
}

static inline int
tape_fsync(void *ctx, int fd)
{
	TAPE_ENTER(t, TAPE_DIRSYNC)
	return tape_any_sync(t, fd);
}

static inline int
tape_ftruncate(void *ctx, int fd, off_t len)
{
	int r, node;
	TAPE_ENTER(t, TAPE_TRUNC)

	r = fio_os()->ftruncate(NULL, fd, len);
	node = t->on && r == 0 ? tape_fd(t, fd) : -1;
	if (node >= 0) {
		struct tape_op *o = tape_note(t, TAPE_TRUNC);

		o->node = node;
		o->off = (uint64_t)len;
	}
	(void)pthread_mutex_unlock(&t->lock);
	return r;
}

static inline int
tape_rename_at(void *ctx, int from, const char *a, int to, const char *b, bool replace)
{
	struct stat st;
	int r;
	TAPE_ENTER(t, TAPE_RENAME)

	r = fio_os()->rename_at(NULL, from, a, to, b, replace);
	if (r == 0 && t->on && fstatat(to, b, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		struct tape_op *o = tape_note(t, TAPE_RENAME);

		o->dir = tape_dir(t, from, a, o->name);
		o->dir2 = tape_dir(t, to, b, o->name2);
		o->node = tape_node(t, &st, false);
	}
	(void)pthread_mutex_unlock(&t->lock);
	return r;
}

static inline int
tape_unlink_at(void *ctx, int dirfd, const char *path, bool dir)
{
	int r;
	TAPE_ENTER(t, TAPE_UNLINK)

	r = fio_os()->unlink_at(NULL, dirfd, path, dir);
	if (r == 0 && t->on) {
		struct tape_op *o = tape_note(t, TAPE_UNLINK);

		o->dir = tape_dir(t, dirfd, path, o->name);
	}
	(void)pthread_mutex_unlock(&t->lock);
	return r;
}

static inline int
tape_mkdir_at(void *ctx, int dirfd, const char *path, mode_t mode)
{
	struct stat st;
	int r, sys;
	TAPE_ENTER(t, TAPE_MKDIR)

	r = fio_os()->mkdir_at(NULL, dirfd, path, mode);
	sys = errno;
	if (r == 0 && t->on && fstatat(dirfd, path, &st, 0) == 0) {
		char name[96];
		int up = tape_dir(t, dirfd, path, name);

		if (up >= 0) {
			struct tape_op *o = tape_note(t, TAPE_MKDIR);

			o->dir = up;
			(void)memcpy(o->name, name, sizeof(name));
			o->node = tape_node(t, &st, true);
		}
	}
	(void)pthread_mutex_unlock(&t->lock);
	errno = sys;
	return r;
}

/* tape_init(t): Not recording, nothing fails. Returns the table to hand on. */
static inline const struct fio *
tape_init(struct tape *t)
{
	(void)memset(t, 0, sizeof(*t));
	(void)pthread_mutex_init(&t->lock, NULL);
	t->only = TAPE_ALL;
	t->f = (struct fio){
		.ctx = t, .open_at = tape_open_at, .close = tape_close, .pread = tape_pread,
		.pwrite = tape_pwrite, .fdatasync = tape_fdatasync, .fsync = tape_fsync,
		.ftruncate = tape_ftruncate, .rename_at = tape_rename_at,
		.unlink_at = tape_unlink_at, .mkdir_at = tape_mkdir_at,
	};
	return &t->f;
}

/* tape_arm(t, k, sys): The k-th call from here fails. */
static inline void
tape_arm(struct tape *t, unsigned long k, int sys)
{
	t->calls = 0;
	t->fail_at = k;
	t->sys = sys;
	t->fired = false;
}

/* tape_watch(t, path, name): A directory that was there before the recording: ${name} in the top,
 * or the top itself when ${name} is NULL. */
static inline void
tape_watch(struct tape *t, const char *path, const char *name)
{
	struct stat st;
	struct tape_op *o;

	if (!t->op)
		t->op = calloc(TAPE_MAX, sizeof(*t->op));
	if (!t->op || stat(path, &st) < 0)
		abort();
	t->on = true;
	if (!name) {
		(void)tape_node(t, &st, true);
		return;
	}
	o = tape_note(t, TAPE_MKDIR);
	(void)snprintf(o->name, sizeof(o->name), "%s", name);
	o->node = tape_node(t, &st, true);
	tape_note(t, TAPE_DIRSYNC)->node = 0;
}

/* tape_ack(t): What was done so far was acknowledged. */
static inline void
tape_ack(struct tape *t)
{
	(void)tape_note(t, TAPE_ACK);
}

static inline void
tape_free(struct tape *t)
{
	for (int i = 0; i < t->n; i++)
		free(t->op[i].p);
	free(t->op);
	(void)pthread_mutex_destroy(&t->lock);
}

#endif
