/* The only way in which Mamori writes files that must survive.
 *
 * Every call goes through `struct fio`, a table of the system calls involved, so that a test can
 * fail the n-th write, record the order of operations, or pretend that the power went away.
 * fio_os() is the real thing. File descriptors are real ones in every case. All paths are relative
 * to a directory descriptor. Everything is opened O_CLOEXEC. EINTR is retried and short transfers
 * are completed here and nowhere else.
 *
 * Durable means: data reached fdatasync/fsync, and a new name reached fsync of its directory. */
#ifndef MAMORI_SYS_FIO_H
#define MAMORI_SYS_FIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct fio {
	void *ctx;
	int (*open_at)(void *ctx, int dirfd, const char *path, int flags, mode_t mode);
	int (*close)(void *ctx, int fd);
	ssize_t (*pread)(void *ctx, int fd, void *p, size_t n, off_t off);
	ssize_t (*pwrite)(void *ctx, int fd, const void *p, size_t n, off_t off);
	int (*fdatasync)(void *ctx, int fd);
	int (*fsync)(void *ctx, int fd); /* also of directories */
	int (*ftruncate)(void *ctx, int fd, off_t len);
	int (*rename_at)(void *ctx, int from, const char *a, int to, const char *b, bool replace);
	int (*unlink_at)(void *ctx, int dirfd, const char *path, bool dir);
	int (*mkdir_at)(void *ctx, int dirfd, const char *path, mode_t mode);
};

/* fio_os(): The operating system's own calls; static, never freed. */
const struct fio *fio_os(void);

/* fio_open(f, dirfd, path, flags, mode, e): A descriptor >= 0. O_CLOEXEC and O_NOFOLLOW are added.
 * E_NOENT, E_EXIST, E_NOSPC, E_SYS. */
MUST int fio_open(const struct fio *f, int dirfd, const char *path, int flags, mode_t mode,
    struct err *e);
/* fio_close(f, fd): Close; -1 is fine. Errors of close after a successful sync carry no news. */
void fio_close(const struct fio *f, int fd);
/* fio_pread(f, fd, p, n, off, e): Read up to ${n} bytes; the count is short only at end of file. */
MUST ssize_t fio_pread(const struct fio *f, int fd, void *p, size_t n, uint64_t off, struct err *e);
/* fio_pread_all(...): As above; E_CORRUPT when the file ends early. */
MUST int fio_pread_all(const struct fio *f, int fd, void *p, size_t n, uint64_t off, struct err *e);
/* fio_pwrite_all(f, fd, p, n, off, e): Write all ${n} bytes, or fail (some may be written). */
MUST int fio_pwrite_all(const struct fio *f, int fd, const void *p, size_t n, uint64_t off,
    struct err *e);
MUST int fio_datasync(const struct fio *f, int fd, struct err *e);
MUST int fio_sync(const struct fio *f, int fd, struct err *e);
MUST int fio_truncate(const struct fio *f, int fd, uint64_t len, struct err *e);
/* fio_rename(f, from, a, to, b, replace, e): E_EXIST when ${b} is there and not ${replace}. */
MUST int fio_rename(const struct fio *f, int from, const char *a, int to, const char *b,
    bool replace, struct err *e);
/* fio_unlink(f, dirfd, path, e): Remove a file; the caller may ignore the result. */
int fio_unlink(const struct fio *f, int dirfd, const char *path, struct err *e);
/* fio_mkdir(f, dirfd, path, mode, e): Also succeeds when the directory is already there. */
MUST int fio_mkdir(const struct fio *f, int dirfd, const char *path, mode_t mode, struct err *e);
/* fio_mkdirs(f, path, mode, e): Make an absolute or relative path with all its parents. The names
 * of those that are new are durable on return. */
MUST int fio_mkdirs(const struct fio *f, const char *path, mode_t mode, struct err *e);
/* fio_sync_dir(f, dirfd, path, e): fsync the directory ${path} (NULL: ${dirfd} itself). */
MUST int fio_sync_dir(const struct fio *f, int dirfd, const char *path, struct err *e);

/* fio_replace(f, dirfd, path, p, n, mode, e): Make ${path} contain exactly these bytes, durably:
 * after a crash it holds the old content or the new, never a mixture. */
MUST int fio_replace(const struct fio *f, int dirfd, const char *path, const void *p, size_t n,
    mode_t mode, struct err *e);
/* fio_create(f, dirfd, path, p, n, mode, e): As fio_replace, but E_EXIST when it is there. */
MUST int fio_create(const struct fio *f, int dirfd, const char *path, const void *p, size_t n,
    mode_t mode, struct err *e);
/* fio_slurp(f, dirfd, path, ret, e): Append the whole file to ${ret}; its buf maximum is the limit
 * (E_LIMIT). */
MUST int fio_slurp(const struct fio *f, int dirfd, const char *path, struct buf *ret,
    struct err *e);

#endif
