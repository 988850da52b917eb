#include "sys/fio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
os_open(void *ctx, int dirfd, const char *path, int flags, mode_t mode)
{
	(void)ctx;
	return openat(dirfd, path, flags, mode);
}

static int
os_close(void *ctx, int fd)
{
	(void)ctx;
	return close(fd);
}

static ssize_t
os_pread(void *ctx, int fd, void *p, size_t n, off_t off)
{
	(void)ctx;
	return pread(fd, p, n, off);
}

static ssize_t
os_pwrite(void *ctx, int fd, const void *p, size_t n, off_t off)
{
	(void)ctx;
	return pwrite(fd, p, n, off);
}

static int
os_fdatasync(void *ctx, int fd)
{
	(void)ctx;
	return fdatasync(fd);
}

static int
os_fsync(void *ctx, int fd)
{
	(void)ctx;
	return fsync(fd);
}

static int
os_ftruncate(void *ctx, int fd, off_t len)
{
	(void)ctx;
	return ftruncate(fd, len);
}

static int
os_rename(void *ctx, int from, const char *a, int to, const char *b, bool replace)
{
	(void)ctx;
	if (replace)
		return renameat(from, a, to, b);
	if (renameat2(from, a, to, b, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* A file system without RENAME_NOREPLACE: link never replaces either. */
	if (linkat(from, a, to, b, 0) != 0)
		return -1;
	return unlinkat(from, a, 0);
}

static int
os_unlink(void *ctx, int dirfd, const char *path, bool dir)
{
	(void)ctx;
	return unlinkat(dirfd, path, dir ? AT_REMOVEDIR : 0);
}

static int
os_mkdir(void *ctx, int dirfd, const char *path, mode_t mode)
{
	(void)ctx;
	return mkdirat(dirfd, path, mode);
}

const struct fio *
fio_os(void)
{
	static const struct fio os = {
		.open_at = os_open,
		.close = os_close,
		.pread = os_pread,
		.pwrite = os_pwrite,
		.fdatasync = os_fdatasync,
		.fsync = os_fsync,
		.ftruncate = os_ftruncate,
		.rename_at = os_rename,
		.unlink_at = os_unlink,
		.mkdir_at = os_mkdir,
	};

	return &os;
}

int
fio_open(const struct fio *f, int dirfd, const char *path, int flags, mode_t mode, struct err *e)
{
	int fd;

	do {
		fd = f->open_at(f->ctx, dirfd, path, flags | O_CLOEXEC | O_NOFOLLOW, mode);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? err_sys(e, "cannot open %s", path) : fd;
}

void
fio_close(const struct fio *f, int fd)
{
	if (fd >= 0)
		(void)f->close(f->ctx, fd);
}

ssize_t
fio_pread(const struct fio *f, int fd, void *p, size_t n, uint64_t off, struct err *e)
{
	size_t done = 0;

	if (off > INT64_MAX - n)
		return err_set(e, E_INVAL, "offset %llu is past any file", (unsigned long long)off);
	while (done < n) {
		ssize_t k = f->pread(f->ctx, fd, (char *)p + done, n - done, (off_t)(off + done));

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, "cannot read at %llu", (unsigned long long)(off + done));
		if (k == 0)
			break;
		done += (size_t)k;
	}
	return (ssize_t)done;
}

int
fio_pread_all(const struct fio *f, int fd, void *p, size_t n, uint64_t off, struct err *e)
{
	ssize_t k = fio_pread(f, fd, p, n, off, e);

	if (k < 0)
		return (int)k;
	if ((size_t)k < n)
		return err_set(e, E_CORRUPT, "the file ends at %llu, %zu bytes too early",
		    (unsigned long long)(off + (size_t)k), n - (size_t)k);
	return 0;
}

int
fio_pwrite_all(const struct fio *f, int fd, const void *p, size_t n, uint64_t off, struct err *e)
{
	size_t done = 0;

	if (off > INT64_MAX - n)
		return err_set(e, E_INVAL, "offset %llu is past any file", (unsigned long long)off);
	while (done < n) {
		ssize_t k = f->pwrite(f->ctx, fd, (const char *)p + done, n - done,
		    (off_t)(off + done));

		if (k < 0 && errno == EINTR)
			continue;
		if (k == 0)
			errno = EIO;
		if (k <= 0)
			return err_sys(e, "cannot write at %llu", (unsigned long long)(off + done));
		done += (size_t)k;
	}
	return 0;
}

int
fio_datasync(const struct fio *f, int fd, struct err *e)
{
	/* Never retried: after a failed fsync the kernel may have dropped the pages. */
	return f->fdatasync(f->ctx, fd) == 0 ? 0 : err_sys(e, "the disk did not take the data");
}

int
fio_sync(const struct fio *f, int fd, struct err *e)
{
	return f->fsync(f->ctx, fd) == 0 ? 0 : err_sys(e, "the disk did not take the data");
}

int
fio_truncate(const struct fio *f, int fd, uint64_t len, struct err *e)
{
	int r;

	do {
		r = f->ftruncate(f->ctx, fd, (off_t)len);
	} while (r < 0 && errno == EINTR);
	return r == 0 ? 0 : err_sys(e, "cannot set the length to %llu", (unsigned long long)len);
}

int
fio_rename(const struct fio *f, int from, const char *a, int to, const char *b, bool replace,
    struct err *e)
{
	return f->rename_at(f->ctx, from, a, to, b, replace) == 0 ? 0 :
	    err_sys(e, "cannot rename %s to %s", a, b);
}

int
fio_unlink(const struct fio *f, int dirfd, const char *path, struct err *e)
{
	return f->unlink_at(f->ctx, dirfd, path, false) == 0 ? 0 :
	    err_sys(e, "cannot remove %s", path);
}

int
fio_mkdir(const struct fio *f, int dirfd, const char *path, mode_t mode, struct err *e)
{
	struct stat st;
	int sys;

	if (f->mkdir_at(f->ctx, dirfd, path, mode) == 0)
		return 0;
	sys = errno;
	if (sys == EEXIST && fstatat(dirfd, path, &st, 0) == 0 && S_ISDIR(st.st_mode))
		return 0;
	errno = sys;
	return err_sys(e, "cannot make the directory %s", path);
}

/* parent(path, out): The directory part of ${path}, "." when there is none. */
static int
parent(const char *path, char out[PATH_MAX], struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (n >= PATH_MAX)
		return err_set(e, E_INVAL, "the path is too long");
	if (!slash)
		(void)memcpy(out, ".", 2);
	else if (n == 0)
		(void)memcpy(out, "/", 2);
	else {
		(void)memcpy(out, path, n);
		out[n] = 0;
	}
	return 0;
}

/* make_lasting(f, path, mode, e): One directory; when it is new, its name is durable on return. */
static int
make_lasting(const struct fio *f, const char *path, mode_t mode, struct err *e)
{
	struct stat st;
	char up[PATH_MAX];
	struct err why;
	bool there = fstatat(AT_FDCWD, path, &st, 0) == 0;
	int r = fio_mkdir(f, AT_FDCWD, path, mode, e);

	if (r < 0 || there)
		return r;
	r = parent(path, up, e);
	if (r < 0)
		return r;
	/* a parent that may not be opened is not ours to sync */
	if (fio_sync_dir(f, AT_FDCWD, up, &why) == 0 || (why.code == E_SYS && why.sys == EACCES))
		return 0;
	if (e)
		*e = why;
	return why.code;
}

int
fio_mkdirs(const struct fio *f, const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];
	size_t n = strlen(path);
	int r;

	if (n == 0 || n >= sizeof(part))
		return err_set(e, E_INVAL, "the path is empty or too long");
	for (size_t i = 1; i <= n; i++) {
		if ((i < n && path[i] != '/') || path[i - 1] == '/')
			continue;
		(void)memcpy(part, path, i);
		part[i] = 0;
		r = make_lasting(f, part, mode, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int
fio_sync_dir(const struct fio *f, int dirfd, const char *path, struct err *e)
{
	int fd, r;

	if (!path)
		return fio_sync(f, dirfd, e);
	fd = fio_open(f, dirfd, path, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0)
		return fd;
	r = fio_sync(f, fd, e);
	fio_close(f, fd);
	return r;
}

static int
put(const struct fio *f, int dirfd, const char *path, const void *p, size_t n, mode_t mode,
    bool replace, struct err *e)
{
	char tmp[PATH_MAX], dir[PATH_MAX];
	int fd, r, len;

	r = parent(path, dir, e);
	if (r < 0)
		return r;
	len = snprintf(tmp, sizeof(tmp), "%s.%08x.tmp", path, arc4random());
	if (len < 0 || (size_t)len >= sizeof(tmp))
		return err_set(e, E_INVAL, "the path is too long");
	fd = fio_open(f, dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL, mode, e);
	if (fd < 0)
		return fd;
	r = fio_pwrite_all(f, fd, p, n, 0, e);
	if (r == 0)
		r = fio_sync(f, fd, e);
	fio_close(f, fd);
	if (r == 0)
		r = fio_rename(f, dirfd, tmp, dirfd, path, replace, e);
	if (r < 0) {
		(void)f->unlink_at(
		    f->ctx, dirfd, tmp, false); /* best effort: a stray .tmp is harmless */
		return r;
	}
	return fio_sync_dir(f, dirfd, dir, e);
}

int
fio_replace(const struct fio *f, int dirfd, const char *path, const void *p, size_t n, mode_t mode,
    struct err *e)
{
	return put(f, dirfd, path, p, n, mode, true, e);
}

int
fio_create(const struct fio *f, int dirfd, const char *path, const void *p, size_t n, mode_t mode,
    struct err *e)
{
	return put(f, dirfd, path, p, n, mode, false, e);
}

int
fio_slurp(const struct fio *f, int dirfd, const char *path, struct buf *ret, struct err *e)
{
	int fd = fio_open(f, dirfd, path, O_RDONLY, 0, e);
	uint64_t off = 0;
	int r = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		size_t want = ret->max - ret->len < 65536 ? ret->max - ret->len + 1 : 65536;
		char piece[65536];
		ssize_t k =
		    fio_pread(f, fd, piece, want < sizeof(piece) ? want : sizeof(piece), off, e);

		if (k <= 0) {
			r = (int)k;
			break;
		}
		r = buf_put(ret, piece, (size_t)k, e);
		explicit_bzero(piece, (size_t)k); /* it may have been a key */
		if (r < 0) {
			(void)err_wrap(e, "%s", path);
			break;
		}
		off += (uint64_t)k;
	}
	fio_close(f, fd);
	return r;
}
