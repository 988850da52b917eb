#include "practice/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "practice/date.h"

enum { TREE_PATH = 1024 };

/* The position of the last slash before ${n}, or 0. */
static size_t
slash_before(const char *path, size_t n)
{
	while (n > 0 && path[n - 1] != '/')
		n--;
	return n > 0 ? n - 1 : 0;
}

int
tree_mkdirs(struct tree *t, const char *path, struct err *e)
{
	char cut[TREE_PATH];
	size_t n = strlen(path), at;
	int r = 0;

	if (n >= sizeof(cut))
		return err_set(e, E_LIMIT, "a path of %zu bytes", n);
	/* up from the deepest folder until one can be made: most of the way is there already */
	for (at = slash_before(path, n); at > 0; at = slash_before(path, at)) {
		(void)memcpy(cut, path, at);
		cut[at] = 0;
		r = fio_mkdir(t->f, t->fd, cut, 0755, e);
		if (r == 0)
			break;
		if (r != E_NOENT)
			return r;
	}
	if (at == 0)
		return r;
	for (size_t i = at + 1; i < n; i++) {
		if (path[i] != '/')
			continue;
		(void)memcpy(cut, path, i);
		cut[i] = 0;
		r = fio_mkdir(t->f, t->fd, cut, 0755, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int
tree_open(struct tree *t, const char *path, int flags, struct err *e)
{
	int fd = fio_open(t->f, t->fd, path, flags, 0644, e);

	if (fd != E_NOENT || !(flags & O_CREAT))
		return fd;
	fd = tree_mkdirs(t, path, e);
	return fd < 0 ? fd : fio_open(t->f, t->fd, path, flags, 0644, e);
}

int
tree_touch(struct tree *t, int fd, int64_t stamp, struct err *e)
{
	int64_t ms = stamp % 1000;
	struct timespec ts[2];

	(void)t;
	if (ms < 0)
		ms += 1000;
	ts[0].tv_sec = ts[1].tv_sec = date_unix(stamp);
	ts[0].tv_nsec = ts[1].tv_nsec = (long)ms * 1000000;
	return futimens(fd, ts) < 0 ? err_sys(e, "cannot set a file's time") : 0;
}

int
tree_put(struct tree *t, const char *path, const void *p, size_t n, int64_t stamp, struct err *e)
{
	int fd = tree_open(t, path, O_WRONLY | O_CREAT | O_TRUNC, e);
	int r;

	if (fd < 0)
		return fd;
	r = n ? fio_pwrite_all(t->f, fd, p, n, 0, e) : 0;
	if (r == 0)
		r = tree_touch(t, fd, stamp, e);
	fio_close(t->f, fd);
	if (r < 0)
		return err_wrap(e, "%s", path);
	t->files++;
	t->bytes += n;
	return 0;
}

int
tree_rename(struct tree *t, const char *from, const char *to, struct err *e)
{
	struct stat st;
	int r = fio_rename(t->f, t->fd, from, t->fd, to, true, e);

	if (r == E_NOENT && fstatat(t->fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return r;
}
