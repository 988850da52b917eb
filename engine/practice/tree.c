#include "practice/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "practice/date.h"

enum { TREE_PATH = 1024, TREE_DEPTH = 64 };

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

static int
count_dir(int fd, int depth, uint64_t *files, uint64_t *bytes, struct err *e)
{
	DIR *d = fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (!d) {
		r = err_sys(e, "cannot list a folder");
		(void)close(fd);
		return r;
	}
	while (r == 0 && (de = readdir(d))) {
		struct stat st;
		int sub;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (de->d_type == DT_DIR) {
			sub = openat(dirfd(d), de->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (sub < 0)
				r = err_sys(e, "cannot list %s", de->d_name);
			else if (depth == TREE_DEPTH)
				(void)close(sub);
			else
				r = count_dir(sub, depth + 1, files, bytes, e);
			continue;
		}
		if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			r = err_sys(e, "cannot look at %s", de->d_name);
		else if (S_ISDIR(st.st_mode))
			r = err_set(e, E_SYS, "a file system that does not tell types of files");
		else if (S_ISREG(st.st_mode) && (depth > 0 || strcmp(de->d_name, "practice.json") !=
		    0)) {
			(*files)++;
			*bytes += (uint64_t)st.st_size;
		}
	}
	(void)closedir(d);
	return r;
}

int
tree_count(const struct tree *t, uint64_t *files, uint64_t *bytes, struct err *e)
{
	int fd = openat(t->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*files = *bytes = 0;
	return fd < 0 ? err_sys(e, "cannot list the folder") : count_dir(fd, 0, files, bytes, e);
}
