/* The guard: see drill_int.h. Every refusal is tested by tests/unit/engine/vault/drill_guard.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "vault/drill_int.h"

#define MARKER "MARKER"
#define KEPT "KEPT"

enum { MAX_DEPTH = 400, MAX_FOLDERS = 100000 };

static const char marker_text[] =
    "Mamori drill folder. Everything here is a copy and may be deleted.\n"
    "訓練用の写しです。消してもかまいません。\n"
    "Damage here is reversible: AES-256-GCM, key = SHA-256(\"mamori drill, not a secret\" |\n"
    "token), nonce = number of the 1 MiB block of the file plus 2^32 times the file's number.\n"
    "token ";

/* beneath(dirfd, path, flags, mode): Open without leaving ${dirfd}, following no link of any kind
 * and crossing into no other file system; the kernel's own promise, not ours. */
static int
beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW), .mode = mode,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
		RESOLVE_NO_XDEV};
	long fd;

	do {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return (int)fd;
}

static int
refuse(struct err *e, const char *path, const char *why)
{
	return err_set(e, E_AUTH, "drill: refused to touch %.300s: %s", path, why);
}

static int
private_dir(int fd, uid_t uid, const char *name, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "%s", name);
	if (!S_ISDIR(st.st_mode) || st.st_uid != uid || (st.st_mode & 077) != 0)
		return refuse(e, name, "the folder is not ours alone");
	return 0;
}

int
guard_check(const struct guard *g, struct err *e)
{
	char want[sizeof(marker_text) + sizeof(g->token) + 1], got[sizeof(want)];
	struct stat st;
	ssize_t n;
	int fd, r;

	if (fstatat(g->statefd, g->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return refuse(e, g->name, "the drill folder is gone");
	if (!S_ISDIR(st.st_mode) || st.st_dev != g->dev || st.st_ino != g->ino)
		return refuse(e, g->name, "it is another folder now");
	r = private_dir(g->dirfd, g->uid, g->name, e);
	if (r < 0)
		return r;
	if (g->token[0] == 0 || strlen(g->token) != 64)
		return refuse(e, g->name, "this process made no marker");
	fd = beneath(g->dirfd, MARKER, O_RDONLY, 0);
	if (fd < 0)
		return refuse(e, g->name, "the marker is missing");
	n = fio_pread(g->f, fd, got, sizeof(got), 0, NULL);
	r = fstat(fd, &st);
	fio_close(g->f, fd);
	(void)snprintf(want, sizeof(want), "%s%s\n", marker_text, g->token);
	if (r < 0 || !S_ISREG(st.st_mode) || st.st_uid != g->uid || st.st_nlink != 1 ||
	    n != (ssize_t)strlen(want) || memcmp(got, want, (size_t)n) != 0)
		return refuse(e, g->name, "the marker is not the one made in this run");
	return 0;
}

/* ---- paths inside the copy ---- */

static bool
path_ok(const char *path)
{
	const char *p = path;
	size_t n = strlen(path);

	if (n == 0 || n >= 4096 || path[0] == '/')
		return false;
	while (p) {
		size_t k = strcspn(p, "/");

		if (k == 0 || (k == 1 && p[0] == '.') || (k == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p = p[k] ? p + k + 1 : NULL;
	}
	return true;
}

/* parent(g, path, make, ret_leaf, e): A descriptor of the folder that holds ${path}. */
static int
parent(struct guard *g, const char *path, bool make, const char **ret_leaf, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char dir[4096], *p;
	int fd;

	if (!path_ok(path))
		return refuse(e, path, "not a plain path inside the copy");
	*ret_leaf = slash ? slash + 1 : path;
	if (!slash)
		return g->copyfd;
	(void)memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = 0;
	if (g->lastfd >= 0 && strcmp(dir, g->last) == 0)
		return g->lastfd;
	for (p = strchr(dir, '/'); make; p = p ? strchr(p + 1, '/') : NULL) {
		const char *leaf;
		int up = g->copyfd;

		if (p)
			*p = 0;
		leaf = strrchr(dir, '/');
		leaf = leaf ? leaf + 1 : dir;
		if (leaf != dir) {
			dir[leaf - dir - 1] = 0;
			up = beneath(g->copyfd, dir, O_PATH | O_DIRECTORY, 0);
			dir[leaf - dir - 1] = '/';
		}
		if (up >= 0 && mkdirat(up, leaf, 0700) < 0 && errno != EEXIST)
			(void)err_sys(e, "%s", dir);
		if (up >= 0 && up != g->copyfd)
			(void)close(up);
		if (!p)
			break;
		*p = '/';
	}
	fd = beneath(g->copyfd, dir, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return refuse(e, path, strerror(errno));
	if (g->lastfd >= 0)
		(void)close(g->lastfd);
	g->lastfd = fd;
	(void)memcpy(g->last, dir, strlen(dir) + 1);
	return fd;
}

int
guard_folder(struct guard *g, const char *path, struct err *e)
{
	const char *leaf;
	int fd, r = guard_check(g, e);

	if (r < 0)
		return r;
	fd = parent(g, path, true, &leaf, e);
	if (fd < 0)
		return fd;
	if (mkdirat(fd, leaf, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "%s", path);
	return 0;
}

int
guard_make(struct guard *g, const char *path, struct err *e)
{
	const char *leaf;
	int dir, fd, r = guard_check(g, e);

	if (r < 0)
		return r;
	dir = parent(g, path, true, &leaf, e);
	if (dir < 0)
		return dir;
	fd = beneath(dir, leaf, O_WRONLY | O_CREAT | O_EXCL, 0600);
	return fd < 0 ? err_sys(e, "%s", path) : fd;
}

/* The file must be one that this drill made: regular, ours, on our file system, without a second
 * name through which something outside would change too. */
static int
file_ok(const struct guard *g, const struct stat *st, const char *path, struct err *e)
{
	if (!S_ISREG(st->st_mode))
		return refuse(e, path, "not a regular file");
	if (st->st_dev != g->dev)
		return refuse(e, path, "on another file system");
	if (st->st_uid != g->uid)
		return refuse(e, path, "somebody else's file");
	if (st->st_nlink != 1)
		return refuse(e, path, "the file has another name");
	return 0;
}

int
guard_open(struct guard *g, const char *path, struct err *e)
{
	const char *leaf;
	struct stat st;
	int dir, fd, r = guard_check(g, e);

	if (r < 0)
		return r;
	dir = parent(g, path, false, &leaf, e);
	if (dir < 0)
		return dir;
	/* looked at before it is opened for writing: opening a pipe or device would already act */
	if (fstatat(dir, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "%s", path);
	r = file_ok(g, &st, path, e);
	if (r < 0)
		return r;
	fd = beneath(dir, leaf, O_RDWR | O_NONBLOCK, 0);
	if (fd < 0)
		return refuse(e, path, strerror(errno));
	r = fstat(fd, &st) < 0 ? err_sys(e, "%s", path) : file_ok(g, &st, path, e);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

int
guard_unlink(struct guard *g, const char *path, struct err *e)
{
	const char *leaf;
	int dir, fd = guard_open(g, path, e);

	if (fd < 0)
		return fd;
	(void)close(fd);
	dir = parent(g, path, false, &leaf, e);
	return dir < 0 ? dir : fio_unlink(g->f, dir, leaf, e);
}

int
guard_rename(struct guard *g, const char *path, const char *to, struct err *e)
{
	const char *leaf;
	int dir, fd;

	if (!path_ok(to) || strchr(to, '/'))
		return refuse(e, to, "not a plain name");
	fd = guard_open(g, path, e);
	if (fd < 0)
		return fd;
	(void)close(fd);
	dir = parent(g, path, false, &leaf, e);
	return dir < 0 ? dir : fio_rename(g->f, dir, leaf, dir, to, false, e);
}

/* ---- making and removing the folder ---- */

/* empty(f, fd, depth, e): Remove everything below the directory ${fd}, following nothing. Closes
 * it. */
static int
empty(const struct fio *f, int fd, int depth, struct err *e)
{
	DIR *d = depth < MAX_DEPTH ? fdopendir(fd) : NULL;
	struct dirent *en;
	int r = 0;

	if (!d) {
		(void)close(fd);
		return err_set(e, E_LIMIT, "a drill folder is too deep to remove");
	}
	while (r == 0 && (en = readdir(d)) != NULL) {
		int sub;

		/* the marker goes last: a removal that is cut off must be found again */
		if (strcmp(en->d_name, ".") == 0 || strcmp(en->d_name, "..") == 0 ||
		    (depth == 0 && strcmp(en->d_name, MARKER) == 0))
			continue;
		sub = beneath(dirfd(d), en->d_name, O_RDONLY | O_DIRECTORY, 0);
		if (sub < 0 && errno == EACCES && fchmodat(dirfd(d), en->d_name, 0700, 0) == 0)
			sub = beneath(dirfd(d), en->d_name, O_RDONLY | O_DIRECTORY, 0);
		if (sub < 0) {
			r = fio_unlink(f, dirfd(d), en->d_name, e);
			continue;
		}
		(void)fchmod(sub, 0700);
		r = empty(f, sub, depth + 1, e);
		if (r == 0 && f->unlink_at(f->ctx, dirfd(d), en->d_name, true) < 0 &&
		    errno != ENOTEMPTY)
			r = err_sys(e, "%s", en->d_name);
	}
	(void)closedir(d);
	return r;
}

static int
remove_folder(const struct fio *f, int drillfd, const char *n, struct err *e)
{
	char marker[NAME_MAX + 16];
	int r = 0, fd;

	(void)snprintf(marker, sizeof(marker), "%s/%s", n, MARKER);
	/* a folder that is read while it is emptied may hold something after the first pass */
	for (int i = 0; i < 3; i++) {
		fd = beneath(drillfd, n, O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0)
			return err_sys(e, "drill/%s", n);
		r = empty(f, fd, 0, e);
	}
	if (r == 0 && f->unlink_at(f->ctx, drillfd, marker, false) < 0 && errno != ENOENT)
		r = err_sys(e, "drill/%s", marker);
	if (r == 0 && f->unlink_at(f->ctx, drillfd, n, true) < 0)
		r = err_sys(e, "drill/%s", n);
	return r;
}

/* stale(drillfd, n): Whether a drill that no longer runs made this folder and it was not kept. The
 * kernel drops the lock on the marker when a process dies. */
static bool
stale(int drillfd, const char *n)
{
	char head[sizeof(marker_text)];
	struct stat st;
	int dir = beneath(drillfd, n, O_PATH | O_DIRECTORY, 0), fd;
	bool yes = false;

	if (dir < 0)
		return false;
	fd = beneath(dir, MARKER, O_RDONLY, 0);
	if (fd >= 0) {
		yes = flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
		    st.st_uid == geteuid() &&
		    pread(fd, head, sizeof(head) - 1, 0) == (ssize_t)sizeof(head) - 1 &&
		    memcmp(head, marker_text, sizeof(head) - 1) == 0 &&
		    faccessat(dir, KEPT, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
		(void)close(fd);
	}
	(void)close(dir);
	return yes;
}

/* unborn(f, drillfd, n): A drill killed before it wrote its marker left empty folders. Only empty
 * ones can be removed this way, and only when no drill can still be at that point. */
static void
unborn(const struct fio *f, int drillfd, const char *n)
{
	static const char *const parts[] = {"copy", "back"};
	char path[NAME_MAX + 16];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", n, MARKER);
	if (faccessat(drillfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    fstatat(drillfd, n, &st, AT_SYMLINK_NOFOLLOW) < 0 || time(NULL) - st.st_mtime < 600)
		return;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", n, parts[i]);
		(void)f->unlink_at(f->ctx, drillfd, path, true);
	}
	(void)f->unlink_at(f->ctx, drillfd, n, true);
}

static void
sweep(const struct fio *f, int drillfd)
{
	int fd = beneath(drillfd, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *en;

	while (d && (en = readdir(d)) != NULL) {
		uint64_t n;

		if (num_parse_u64(en->d_name, MAX_FOLDERS, &n, NULL) < 0)
			continue;
		if (stale(drillfd, en->d_name))
			(void)remove_folder(f, drillfd, en->d_name, NULL);
		else
			unborn(f, drillfd, en->d_name);
	}
	if (d)
		(void)closedir(d);
}

static int
fresh(struct guard *g, int drillfd, struct err *e)
{
	char n[16];

	for (unsigned i = 1; i <= MAX_FOLDERS; i++) {
		(void)snprintf(n, sizeof(n), "%u", i);
		(void)snprintf(g->name, sizeof(g->name), "drill/%u", i);
		if (mkdirat(drillfd, n, 0700) == 0) {
			g->dirfd = beneath(drillfd, n, O_RDONLY | O_DIRECTORY, 0);
			return g->dirfd < 0 ? err_sys(e, "%s", g->name) : 0;
		}
		if (errno != EEXIST)
			return err_sys(e, "%s", g->name);
	}
	return err_set(e, E_LIMIT, "too many drill folders were kept");
}

static int
furnish(struct guard *g, struct err *e)
{
	uint8_t raw[32];
	struct buf text;
	struct stat st;
	int r;

	if (mkdirat(g->dirfd, "copy", 0700) < 0 || mkdirat(g->dirfd, "back", 0700) < 0 ||
	    fstat(g->dirfd, &st) < 0)
		return err_sys(e, "%s", g->name);
	g->dev = st.st_dev;
	g->ino = st.st_ino;
	random_fill(raw, sizeof(raw));
	hex_put(g->token, raw, sizeof(raw));
	buf_init(&text, 4096);
	r = buf_fmt(&text, e, "%s%s\n", marker_text, g->token);
	if (r == 0)
		r = fio_create(g->f, g->dirfd, MARKER, text.p, text.len, 0600, e);
	buf_free(&text);
	if (r < 0)
		return r;
	g->lockfd = beneath(g->dirfd, MARKER, O_RDONLY, 0);
	g->copyfd = beneath(g->dirfd, "copy", O_RDONLY | O_DIRECTORY, 0);
	g->backfd = beneath(g->dirfd, "back", O_RDONLY | O_DIRECTORY, 0);
	if (g->lockfd < 0 || g->copyfd < 0 || g->backfd < 0 ||
	    flock(g->lockfd, LOCK_EX | LOCK_NB) < 0)
		return err_sys(e, "%s", g->name);
	return guard_check(g, e);
}

int
guard_new(const struct fio *f, int statefd, struct guard *g, struct err *e)
{
	int drillfd, r;

	*g = (struct guard){.f = f, .statefd = statefd, .dirfd = -1, .copyfd = -1, .backfd = -1,
	    .lockfd = -1, .lastfd = -1, .uid = geteuid()};
	if (mkdirat(statefd, "drill", 0700) < 0 && errno != EEXIST)
		return err_sys(e, "STATE/drill");
	drillfd = beneath(statefd, "drill", O_RDONLY | O_DIRECTORY, 0);
	if (drillfd < 0)
		return errno == ENOSYS ?
		    err_set(e, E_SYS, "this kernel has no openat2: a drill cannot be kept safe") :
		    err_sys(e, "STATE/drill");
	r = private_dir(drillfd, g->uid, "STATE/drill", e);
	if (r == 0) {
		sweep(f, drillfd);
		r = fresh(g, drillfd, e);
	}
	if (r == 0) {
		r = furnish(g, e);
		if (r < 0) {
			int x = guard_end(g, false, NULL);

			(void)x; /* the first error counts */
		}
	}
	(void)close(drillfd);
	return r;
}

int
guard_end(struct guard *g, bool keep, struct err *e)
{
	int r = 0, drillfd = -1;

	if (g->dirfd < 0)
		return 0;
	r = guard_check(g, e);
	if (r == 0 && keep)
		r = fio_create(g->f, g->dirfd, KEPT, "", 0, 0600, e);
	if (r == 0 && !keep) {
		drillfd = beneath(g->statefd, "drill", O_RDONLY | O_DIRECTORY, 0);
		r = drillfd < 0 ? err_sys(e, "STATE/drill") :
				  remove_folder(g->f, drillfd, g->name + sizeof("drill/") - 1, e);
	}
	for (int *fd = (int[]){drillfd, g->lastfd, g->copyfd, g->backfd, g->lockfd, g->dirfd, -2};
	     *fd != -2; fd++)
		fio_close(g->f, *fd);
	g->dirfd = g->copyfd = g->backfd = g->lockfd = g->lastfd = -1;
	return r;
}
