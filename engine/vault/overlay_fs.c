/* The requests of the kernel: each is passed to the folder `data`, after what it needs was made to
 * be there. Paths come from libfuse below the mount; the kernel has resolved links already.
 * allow-files: the folder belongs to its user, whose calls are passed on as they are */
#define FUSE_USE_VERSION 312
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "vault/overlay_int.h"

struct open_file {
	int fd;
	struct ov_file *f; /* NULL: all of it is here */
};

static struct overlay *
self(void)
{
	return fuse_get_context()->private_data;
}

/* rel(path): As *at() wants it. */
static const char *
rel(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static int
to_errno(const struct err *e)
{
	switch (e->code) {
	case E_NOSPC:
		return -ENOSPC;
	case E_NOMEM:
	case E_LIMIT:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* around(path): The names of the folder that ${path} lies in are there. 0 or -errno. */
static int
around(struct overlay *ov, const char *path)
{
	const char *slash = strrchr(path, '/');
	char up[PATH_MAX];
	size_t n = slash ? (size_t)(slash - path) : 0;
	struct err e;

	if (n >= sizeof(up))
		return -ENAMETOOLONG;
	(void)memcpy(up, path, n);
	up[n] = 0;
	return ov_fill_path(ov, n > 1 ? up + 1 : "", &e) < 0 ? to_errno(&e) : 0;
}

static int
inside(struct overlay *ov, const char *path)
{
	struct err e;
	int r = around(ov, path);

	if (r == 0 && ov_fill_path(ov, path[1] ? path + 1 : "", &e) < 0)
		r = to_errno(&e);
	return r;
}

static struct open_file *
handle(struct fuse_file_info *fi)
{
	return (struct open_file *)(uintptr_t)fi->fh;
}

static int
fs_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	struct overlay *ov = self();
	int r;

	if (fi && handle(fi))
		return fstat(handle(fi)->fd, st) < 0 ? -errno : 0;
	if (!path)
		return -ENOENT;
	r = around(ov, path);
	if (r < 0)
		return r;
	return fstatat(ov->datafd, rel(path), st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int
fs_readlink(const char *path, char *out, size_t n)
{
	ssize_t k = around(self(), path);

	if (k == 0)
		k = readlinkat(self()->datafd, rel(path), out, n - 1);
	if (k < 0)
		return errno ? -errno : -EIO;
	out[k] = 0;
	return 0;
}

/* own(ov, path): What root makes for somebody else belongs to him. */
static int
own(struct overlay *ov, const char *path)
{
	struct fuse_context *c = fuse_get_context();

	if (ov->is_root && (c->uid != 0 || c->gid != 0) &&
	    fchownat(ov->datafd, rel(path), c->uid, c->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* fresh(ov, path): A new file may have the number of an old one. */
static void
fresh(struct overlay *ov, const char *path)
{
	struct stat st;

	if (fstatat(ov->datafd, rel(path), &st, AT_SYMLINK_NOFOLLOW) == 0)
		ov_file_gone(ov, st.st_ino);
}

static int
fs_mknod(const char *path, mode_t mode, dev_t dev)
{
	struct overlay *ov = self();
	int r = around(ov, path);

	if (r < 0)
		return r;
	if (mknodat(ov->datafd, rel(path), mode, dev) < 0)
		return -errno;
	fresh(ov, path);
	return own(ov, path);
}

static int
fs_mkdir(const char *path, mode_t mode)
{
	struct overlay *ov = self();
	int r = around(ov, path);

	if (r < 0)
		return r;
	return mkdirat(ov->datafd, rel(path), mode) < 0 ? -errno : own(ov, path);
}

static int
fs_symlink(const char *target, const char *path)
{
	struct overlay *ov = self();
	int r = around(ov, path);

	if (r < 0)
		return r;
	return symlinkat(target, ov->datafd, rel(path)) < 0 ? -errno : own(ov, path);
}

static int
fs_unlink(const char *path)
{
	struct overlay *ov = self();
	struct stat st;
	int r = around(ov, path);

	if (r < 0)
		return r;
	if (fstatat(ov->datafd, rel(path), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    unlinkat(ov->datafd, rel(path), 0) < 0)
		return -errno;
	if (st.st_nlink == 1)
		ov_file_gone(ov, st.st_ino);
	return 0;
}

static int
fs_rmdir(const char *path)
{
	struct overlay *ov = self();
	int r = inside(ov, path); /* a folder whose names are not here yet is not empty */

	if (r < 0)
		return r;
	return unlinkat(ov->datafd, rel(path), AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int
fs_rename(const char *from, const char *to, unsigned flags)
{
	struct overlay *ov = self();
	struct stat st;
	bool over;
	int r = around(ov, from);

	if (r == 0)
		r = inside(ov, to);
	if (r < 0)
		return r;
	over = fstatat(ov->datafd, rel(to), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_nlink == 1;
	if (renameat2(ov->datafd, rel(from), ov->datafd, rel(to), flags) < 0)
		return -errno;
	if (over && !(flags & RENAME_EXCHANGE))
		ov_file_gone(ov, st.st_ino);
	return 0;
}

static int
fs_link(const char *from, const char *to)
{
	struct overlay *ov = self();
	int r = around(ov, from);

	if (r == 0)
		r = around(ov, to);
	if (r < 0)
		return r;
	return linkat(ov->datafd, rel(from), ov->datafd, rel(to), 0) < 0 ? -errno : 0;
}

static int
fs_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	struct overlay *ov = self();
	int r;

	if (fi && handle(fi))
		return fchmod(handle(fi)->fd, mode) < 0 ? -errno : 0;
	r = around(ov, path);
	if (r < 0)
		return r;
	return fchmodat(ov->datafd, rel(path), mode, 0) < 0 ? -errno : 0;
}

static int
fs_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
	struct overlay *ov = self();
	int r;

	if (fi && handle(fi))
		return fchown(handle(fi)->fd, uid, gid) < 0 ? -errno : 0;
	r = around(ov, path);
	if (r < 0)
		return r;
	return fchownat(ov->datafd, rel(path), uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int
fs_utimens(const char *path, const struct timespec t[2], struct fuse_file_info *fi)
{
	struct overlay *ov = self();
	struct ov_file *f = NULL;
	struct stat st;
	int r = 0;

	if (fi && handle(fi)) {
		if (handle(fi)->f)
			ov_touch(ov, handle(fi)->f);
		return futimens(handle(fi)->fd, t) < 0 ? -errno : 0;
	}
	r = around(ov, path);
	if (r < 0)
		return r;
	if (fstatat(ov->datafd, rel(path), &st, AT_SYMLINK_NOFOLLOW) == 0)
		f = ov_file_get(ov, st.st_ino);
	if (f)
		ov_touch(ov, f);
	ov_file_put(ov, f);
	return utimensat(ov->datafd, rel(path), t, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* ---- open files ---- */

static int
give_handle(struct overlay *ov, int fd, struct fuse_file_info *fi)
{
	struct open_file *h = calloc(1, sizeof(*h));
	struct stat st;

	if (!h || fstat(fd, &st) < 0) {
		free(h);
		(void)close(fd);
		return -ENOMEM;
	}
	h->fd = fd;
	h->f = ov_file_get(ov, st.st_ino);
	if (h->f)
		ov_flow_hot(ov, h->f, fd);
	fi->fh = (uintptr_t)h;
	return 0;
}

static int
fs_open(const char *path, struct fuse_file_info *fi)
{
	struct overlay *ov = self();
	int fd, r = around(ov, path);

	if (r < 0)
		return r;
	fd = ov_open_rw(ov->datafd, rel(path)); /* fetching writes, even for a reader */
	if (fd < 0 && (fi->flags & O_ACCMODE) == O_RDONLY)
		fd = openat(ov->datafd, rel(path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = give_handle(ov, fd, fi);
	if (r == 0 && (fi->flags & O_TRUNC) && (r = ov_resize(ov, handle(fi)->f, fd, 0)) < 0) {
		ov_file_put(ov, handle(fi)->f);
		free(handle(fi));
		(void)close(fd);
	}
	return r;
}

static int
fs_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	struct overlay *ov = self();
	struct stat st;
	int fd, r = around(ov, path);

	if (r < 0)
		return r;
	fd = openat(ov->datafd, rel(path), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    mode & 07777);
	if (fd < 0)
		return errno == EEXIST && !(fi->flags & O_EXCL) ? fs_open(path, fi) : -errno;
	if (fstat(fd, &st) == 0)
		ov_file_gone(ov, st.st_ino); /* it has the number of an old one */
	r = own(ov, path);
	if (r < 0)
		(void)close(fd);
	return r < 0 ? r : give_handle(ov, fd, fi);
}

static int
fs_read(const char *path, char *out, size_t n, off_t off, struct fuse_file_info *fi)
{
	struct overlay *ov = self();
	struct open_file *h = handle(fi);
	struct err e;
	size_t done = 0;
	int r = 0;

	(void)path;
	if (h->f && h->f->have < h->f->n) {
		atomic_fetch_add(&ov->foreground, 1);
		r = ov_need(ov, h->f, h->fd, (uint64_t)off, n, &e);
		atomic_fetch_sub(&ov->foreground, 1);
	}
	if (r < 0)
		return to_errno(&e);
	while (done < n) {
		ssize_t k = pread(h->fd, out + done, n - done, off + (off_t)done);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			break;
		done += (size_t)k;
	}
	return (int)done;
}

static int
fs_write(const char *path, const char *p, size_t n, off_t off, struct fuse_file_info *fi)
{
	(void)path;
	return (int)ov_write(self(), handle(fi)->f, handle(fi)->fd, p, n, (uint64_t)off);
}

static int
fs_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	struct overlay *ov = self();
	struct ov_file *f;
	struct stat st;
	int fd, r;

	if (size < 0)
		return -EINVAL;
	if (fi && handle(fi))
		return ov_resize(ov, handle(fi)->f, handle(fi)->fd, (uint64_t)size);
	r = around(ov, path);
	if (r < 0)
		return r;
	fd = ov_open_rw(ov->datafd, rel(path));
	if (fd < 0)
		return -errno;
	f = fstat(fd, &st) == 0 ? ov_file_get(ov, st.st_ino) : NULL;
	r = ov_resize(ov, f, fd, (uint64_t)size);
	ov_file_put(ov, f);
	(void)close(fd);
	return r;
}

static int
fs_fallocate(const char *path, int mode, off_t off, off_t len, struct fuse_file_info *fi)
{
	struct overlay *ov = self();
	struct open_file *h = handle(fi);
	struct err e;

	(void)path;
	if (mode & ~FALLOC_FL_KEEP_SIZE)
		return -EOPNOTSUPP;
	if (h->f && ov_need(ov, h->f, h->fd, (uint64_t)off, (uint64_t)len, &e) < 0)
		return to_errno(&e);
	return fallocate(h->fd, mode, off, len) < 0 ? -errno : 0;
}

static int
fs_fsync(const char *path, int only_data, struct fuse_file_info *fi)
{
	struct err e;

	(void)path, (void)only_data;
	return ov_save_file(self(), handle(fi)->f, handle(fi)->fd, &e) < 0 ? to_errno(&e) : 0;
}

static int
fs_release(const char *path, struct fuse_file_info *fi)
{
	struct open_file *h = handle(fi);

	(void)path;
	(void)close(h->fd);
	ov_file_put(self(), h->f);
	free(h);
	return 0;
}

/* ---- folders ---- */

static int
fs_opendir(const char *path, struct fuse_file_info *fi)
{
	struct overlay *ov = self();
	int fd, r = inside(ov, path);

	if (r < 0)
		return r;
	fd = openat(ov->datafd, rel(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct open_file *h = calloc(1, sizeof(*h));

	if (!h) {
		(void)close(fd);
		return -ENOMEM;
	}
	h->fd = fd;
	fi->fh = (uintptr_t)h;
	return 0;
}

static int
fs_readdir(const char *path, void *out, fuse_fill_dir_t put, off_t off, struct fuse_file_info *fi,
    enum fuse_readdir_flags flags)
{
	int fd = openat(handle(fi)->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *en;

	(void)path, (void)off, (void)flags;
	if (!d) {
		if (fd >= 0)
			(void)close(fd);
		return -EIO;
	}
	while ((en = readdir(d)) != NULL) {
		struct stat st = {.st_ino = en->d_ino, .st_mode = (mode_t)(en->d_type << 12)};

		if (put(out, en->d_name, &st, 0, 0) != 0)
			break;
	}
	(void)closedir(d);
	return 0;
}

static int
fs_statfs(const char *path, struct statvfs *st)
{
	(void)path;
	return fstatvfs(self()->datafd, st) < 0 ? -errno : 0;
}

/* ---- extended attributes: by /proc, because there are no such calls with a folder ---- */

static int
attr_path(const char *path, char out[PATH_MAX])
{
	int n, r = around(self(), path);

	if (r < 0)
		return r;
	n = snprintf(out, PATH_MAX, "/proc/self/fd/%d/%s", self()->datafd, rel(path));
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int
fs_setxattr(const char *path, const char *name, const char *value, size_t n, int flags)
{
	char at[PATH_MAX];
	int r = attr_path(path, at);

	if (r < 0)
		return r;
	return lsetxattr(at, name, value, n, flags) < 0 ? -errno : 0;
}

static int
fs_getxattr(const char *path, const char *name, char *value, size_t n)
{
	char at[PATH_MAX];
	ssize_t k = attr_path(path, at);

	if (k < 0)
		return (int)k;
	k = lgetxattr(at, name, value, n);
	return k < 0 ? -errno : (int)k;
}

static int
fs_listxattr(const char *path, char *list, size_t n)
{
	char at[PATH_MAX];
	ssize_t k = attr_path(path, at);

	if (k < 0)
		return (int)k;
	k = llistxattr(at, list, n);
	return k < 0 ? -errno : (int)k;
}

static int
fs_removexattr(const char *path, const char *name)
{
	char at[PATH_MAX];
	int r = attr_path(path, at);

	if (r < 0)
		return r;
	return lremovexattr(at, name) < 0 ? -errno : 0;
}

static void *
fs_init(struct fuse_conn_info *c, struct fuse_config *cfg)
{
	cfg->use_ino = 1;
	cfg->readdir_ino = 1;
	cfg->hard_remove = 1;
	cfg->nullpath_ok = 1;
	cfg->auto_cache = 1;
	cfg->attr_timeout = 1;
	cfg->entry_timeout = 1;
	c->max_readahead = MREAD_MAX;
	c->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	return self();
}

const struct fuse_operations ov_ops = {
	.init = fs_init,
	.getattr = fs_getattr,
	.readlink = fs_readlink,
	.mknod = fs_mknod,
	.mkdir = fs_mkdir,
	.unlink = fs_unlink,
	.rmdir = fs_rmdir,
	.symlink = fs_symlink,
	.rename = fs_rename,
	.link = fs_link,
	.chmod = fs_chmod,
	.chown = fs_chown,
	.truncate = fs_truncate,
	.open = fs_open,
	.create = fs_create,
	.read = fs_read,
	.write = fs_write,
	.statfs = fs_statfs,
	.release = fs_release,
	.fsync = fs_fsync,
	.setxattr = fs_setxattr,
	.getxattr = fs_getxattr,
	.listxattr = fs_listxattr,
	.removexattr = fs_removexattr,
	.opendir = fs_opendir,
	.readdir = fs_readdir,
	.releasedir = fs_release,
	.fsyncdir = fs_fsync,
	.utimens = fs_utimens,
	.fallocate = fs_fallocate,
};
