/* A `struct fio` over the real one that records what is asked of it, and fails, shortens or
 *interrupts the operation one chooses. For tests that must show what a full disk, a bad disk or a
 *power cut leaves behind.
 *
 *	struct fault_fio ff;
 *	const struct fio *f = fault_fio_init(&ff);
 *	ff.fail_at = 3; ff.sys = ENOSPC;        the third operation fails
 *	ff.dead = true;                         and everything after it, too (the power is gone)
 */
#ifndef MAMORI_TESTS_FAULT_FIO_H
#define MAMORI_TESTS_FAULT_FIO_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sys/fio.h"

enum fault_fio_op {
	FF_OPEN, FF_CLOSE, FF_READ, FF_WRITE, FF_DATASYNC, FF_SYNC, FF_TRUNCATE, FF_RENAME,
	FF_UNLINK, FF_MKDIR, FF_OPS,
};

struct fault_fio {
	struct fio f;
	unsigned long ops; /* all operations but close, since the last reset */
	unsigned long count[FF_OPS];
	unsigned long fail_at; /* this operation fails; 0: none */
	int only; /* count only this kind towards fail_at; -1: all */
	unsigned long seen;
	int sys;
	bool dead; /* after the failing one, all fail */
	bool fired;
	size_t chunk; /* reads and writes move at most so many bytes; 0: all */
	unsigned interrupt; /* every second read, write, open, truncate is interrupted while > 0 */
	bool interrupted;
	char log[4096]; /* "open a.tmp|write 3|sync|rename a.tmp a|sync|" */
	int open_fds;
};

__attribute__((format(printf, 2, 3))) static inline void
fault_fio_note(struct fault_fio *ff, const char *fmt, ...)
{
	size_t n = strlen(ff->log);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ff->log + n, sizeof(ff->log) - n, fmt, ap);
	va_end(ap);
}

/* Whether this operation must fail; sets errno then. */
static inline bool
fault_fio_now(struct fault_fio *ff, enum fault_fio_op op)
{
	ff->ops++;
	ff->count[op]++;
	if (ff->fired && ff->dead) {
		errno = ff->sys;
		return true;
	}
	if (ff->fail_at == 0 || ff->fired || (ff->only >= 0 && ff->only != (int)op))
		return false;
	if (++ff->seen < ff->fail_at)
		return false;
	ff->fired = true;
	errno = ff->sys;
	return true;
}

static inline bool
fault_fio_interrupt(struct fault_fio *ff)
{
	if (!ff->interrupt)
		return false;
	ff->interrupted = !ff->interrupted;
	if (!ff->interrupted)
		return false;
	ff->interrupt--;
	errno = EINTR;
	return true;
}

static inline int
fault_fio_open(void *ctx, int dirfd, const char *path, int flags, mode_t mode)
{
	struct fault_fio *ff = ctx;
	int fd;

	if (fault_fio_interrupt(ff) || fault_fio_now(ff, FF_OPEN))
		return -1;
	fd = fio_os()->open_at(NULL, dirfd, path, flags, mode);
	ff->open_fds += fd >= 0;
	fault_fio_note(ff, "open|");
	return fd;
}

static inline int
fault_fio_close(void *ctx, int fd)
{
	struct fault_fio *ff = ctx;

	ff->open_fds--;
	ff->count[FF_CLOSE]++;
	return fio_os()->close(NULL, fd);
}

static inline ssize_t
fault_fio_pread(void *ctx, int fd, void *p, size_t n, off_t off)
{
	struct fault_fio *ff = ctx;

	if (fault_fio_interrupt(ff) || fault_fio_now(ff, FF_READ))
		return -1;
	return fio_os()->pread(NULL, fd, p, ff->chunk && n > ff->chunk ? ff->chunk : n, off);
}

static inline ssize_t
fault_fio_pwrite(void *ctx, int fd, const void *p, size_t n, off_t off)
{
	struct fault_fio *ff = ctx;
	ssize_t k;

	if (fault_fio_interrupt(ff) || fault_fio_now(ff, FF_WRITE))
		return -1;
	k = fio_os()->pwrite(NULL, fd, p, ff->chunk && n > ff->chunk ? ff->chunk : n, off);
	fault_fio_note(ff, "write %zd|", k);
	return k;
}

static inline int
fault_fio_datasync(void *ctx, int fd)
{
	struct fault_fio *ff = ctx;

	if (fault_fio_now(ff, FF_DATASYNC))
		return -1;
	fault_fio_note(ff, "datasync|");
	return fio_os()->fdatasync(NULL, fd);
}

static inline int
fault_fio_sync(void *ctx, int fd)
{
	struct fault_fio *ff = ctx;

	if (fault_fio_now(ff, FF_SYNC))
		return -1;
	fault_fio_note(ff, "sync|");
	return fio_os()->fsync(NULL, fd);
}

static inline int
fault_fio_truncate(void *ctx, int fd, off_t len)
{
	struct fault_fio *ff = ctx;

	if (fault_fio_interrupt(ff) || fault_fio_now(ff, FF_TRUNCATE))
		return -1;
	fault_fio_note(ff, "truncate %lld|", (long long)len);
	return fio_os()->ftruncate(NULL, fd, len);
}

static inline int
fault_fio_rename(void *ctx, int from, const char *a, int to, const char *b, bool replace)
{
	struct fault_fio *ff = ctx;

	if (fault_fio_now(ff, FF_RENAME))
		return -1;
	fault_fio_note(ff, "rename %s|", b);
	return fio_os()->rename_at(NULL, from, a, to, b, replace);
}

static inline int
fault_fio_unlink(void *ctx, int dirfd, const char *path, bool dir)
{
	struct fault_fio *ff = ctx;

	if (fault_fio_now(ff, FF_UNLINK))
		return -1;
	fault_fio_note(ff, "unlink|");
	return fio_os()->unlink_at(NULL, dirfd, path, dir);
}

static inline int
fault_fio_mkdir(void *ctx, int dirfd, const char *path, mode_t mode)
{
	struct fault_fio *ff = ctx;

	if (fault_fio_now(ff, FF_MKDIR))
		return -1;
	fault_fio_note(ff, "mkdir %s|", path);
	return fio_os()->mkdir_at(NULL, dirfd, path, mode);
}

/* fault_fio_init(ff): Nothing fails yet, nothing is recorded. Returns the table to hand on. */
static inline const struct fio *
fault_fio_init(struct fault_fio *ff)
{
	(void)memset(ff, 0, sizeof(*ff));
	ff->only = -1;
	ff->sys = EIO;
	ff->f = (struct fio){
		.ctx = ff,
		.open_at = fault_fio_open,
		.close = fault_fio_close,
		.pread = fault_fio_pread,
		.pwrite = fault_fio_pwrite,
		.fdatasync = fault_fio_datasync,
		.fsync = fault_fio_sync,
		.ftruncate = fault_fio_truncate,
		.rename_at = fault_fio_rename,
		.unlink_at = fault_fio_unlink,
		.mkdir_at = fault_fio_mkdir,
	};
	return &ff->f;
}

#endif
