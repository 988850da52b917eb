/* Folders, owners, attributes, links and special files of the target. Every name here comes from
 * the list of files, which is not trusted: it is used relative to a directory that was reached
 * without following a symbolic link, and the last component is never followed either. allow-files:
 * removes what is in the way only when told to; fio has no call for it by descriptor */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "vault/restore_int.h"
#include "vault/tree_int.h"

/* ---- directories ---- */

static int
open_beneath(int rootfd, const char *dir)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, rootfd, dir, &how, sizeof(how));
}

/* step(rs, at, name, e): Open or make one component; never a link. */
static int
step(struct restore *rs, int at, const char *name, struct err *e)
{
	int fd = fio_open(rs->f, at, name, O_RDONLY | O_DIRECTORY, 0, e);

	if (fd == E_NOENT) {
		int r = fio_mkdir(rs->f, at, name, 0700, e);

		return r < 0 ? r : fio_open(rs->f, at, name, O_RDONLY | O_DIRECTORY, 0, e);
	}
	/* an earlier try may have taken the right to enter; it is set again at the end */
	if (fd < 0 && e->sys == EACCES && rs->o->resume &&
	    fchmodat(at, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		fd = fio_open(rs->f, at, name, O_RDONLY | O_DIRECTORY, 0, e);
	return fd;
}

static int
step_by_step(struct restore *rs, const char *dir, struct err *e)
{
	char name[TREE_MAX_NAME + 1];
	int at = rs->rootfd;

	while (*dir) {
		size_t n = strcspn(dir, "/");
		int fd = E_INVAL;

		if (n == 0 || n > TREE_MAX_NAME)
			(void)err_set(e, E_INVAL, "not a path");
		else {
			(void)memcpy(name, dir, n);
			name[n] = 0;
			fd = step(rs, at, name, e);
		}
		if (at != rs->rootfd)
			fio_close(rs->f, at);
		if (fd < 0)
			return fd;
		at = fd;
		dir += n + (dir[n] == '/');
	}
	return at;
}

static int
open_dir(struct restore *rs, const char *dir, struct err *e)
{
	struct stat st;
	int fd;

	if (*dir == 0)
		return rs->rootfd;
	fd = open_beneath(rs->rootfd, dir);
	if (fd < 0)
		fd = step_by_step(rs, dir, e);
	if (fd >= 0 && !rs->root && (rs->o->resume || rs->o->force_into) && fstat(fd, &st) == 0 &&
	    st.st_uid == rs->euid && (st.st_mode & 0700) != 0700)
		(void)fchmod(fd, (st.st_mode & 07777) | 0700);
	return fd;
}

static int
use_dir(struct worker *w, const char *dir, int *ret, struct err *e)
{
	struct restore *rs = w->rs;
	size_t n = strlen(dir);
	int fd;

	if (w->dirfd >= 0 && w->dir.len == n && memcmp(w->dir.p, dir, n + 1) == 0) {
		*ret = w->dirfd;
		return 0;
	}
	if (w->dirfd >= 0 && w->dirfd != rs->rootfd)
		fio_close(rs->f, w->dirfd);
	w->dirfd = -1;
	fd = open_dir(rs, dir, e);
	if (fd < 0)
		return fd;
	buf_clear(&w->dir);
	w->dirfd = fd;
	if (buf_put(&w->dir, dir, n + 1, e) < 0)
		return e->code;
	w->dir.len = n; /* the NUL stays behind it */
	*ret = fd;
	return 0;
}

int
meta_dir(struct worker *w, const struct tree_entry *en, int *ret, struct err *e)
{
	int r = use_dir(w, en->dir, ret, e);

	if (r == 0)
		return 1;
	if (restore_target_fatal(e))
		return r;
	restore_problem(w->rs, RESTORE_INWAY, en->dir, en->name, en->size,
	    e->sys == ELOOP || e->sys == ENOTDIR ?
	    "something that is not a folder stands where its folder should be" : e->msg);
	return 0;
}

/* ---- what an open file gets last ---- */

static void
set_owner(struct worker *w, int fd, const struct tree_entry *en, uint32_t uid, uint32_t gid,
    uint32_t *mode)
{
	struct restore *rs = w->rs;

	if (uid == en->uid && gid == en->gid)
		return;
	if (rs->root && fchown(fd, en->uid, en->gid) == 0)
		return;
	/* the group may be one of ours */
	if (!rs->root && uid == en->uid && fchown(fd, (uid_t)-1, en->gid) == 0)
		return;
	atomic_fetch_add_explicit(&rs->owners, 1, memory_order_relaxed);
	*mode &= ~06000u; /* these rights were meant for another owner */
}

static void
set_xattrs(struct worker *w, int fd, const struct tree_entry *en)
{
	for (uint32_t i = 0; i < en->nxattrs; i++) {
		const struct tree_xattr *x = &en->xattrs[i];

		if (fsetxattr(fd, x->name, x->value, x->len, 0) < 0)
			atomic_fetch_add_explicit(&w->rs->xattrs, 1, memory_order_relaxed);
	}
}

int
meta_finish(struct worker *w, int fd, const struct tree_entry *en, uint32_t mode, uint32_t uid,
    uint32_t gid, struct err *e)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
	    {.tv_sec = en->mtime, .tv_nsec = en->mtime_ns}};
	uint32_t want = en->mode;

	set_owner(w, fd, en, uid, gid, &want);
	set_xattrs(w, fd, en);
	if (mode != want && fchmod(fd, want) < 0)
		restore_problem(w->rs, RESTORE_REFUSED, en->dir, en->name, 0,
		    "its rights could not be set");
	if (futimens(fd, times) < 0) {
		if (errno == ENOSPC || errno == EDQUOT)
			return err_sys(e, "cannot set a time");
		restore_problem(w->rs, RESTORE_REFUSED, en->dir, en->name, 0,
		    "its time could not be set");
	}
	return 0;
}

int
meta_clear(struct worker *w, int dirfd, const struct tree_entry *en, struct err *e)
{
	struct restore *rs = w->rs;
	struct stat st;

	(void)e;
	if (fstatat(dirfd, en->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 1; /* gone again */
	if (S_ISDIR(st.st_mode))
		restore_problem(rs, RESTORE_INWAY, en->dir, en->name, en->size,
		    "a folder of this name is there already and was left alone");
	else if (!rs->o->resume && !rs->o->overwrite)
		restore_problem(rs, RESTORE_INWAY, en->dir, en->name, en->size,
		    "it is there already and was left alone");
	else if (unlinkat(dirfd, en->name, 0) < 0)
		restore_problem(rs, RESTORE_INWAY, en->dir, en->name, en->size,
		    "what is there already cannot be replaced");
	else
		return 1;
	return 0;
}

/* ---- folders ---- */

int
meta_mkdir(struct worker *w, const struct tree_entry *en, struct err *e)
{
	struct stat st;
	int dirfd, r = meta_dir(w, en, &dirfd, e);

	if (r <= 0)
		return r;
	for (int i = 0; i < 2; i++) {
		r = fio_mkdir(w->rs->f, dirfd, en->name, 0700, e); /* fine when there is one */
		if (r == 0 && fstatat(dirfd, en->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !S_ISDIR(st.st_mode)) {
			r = meta_clear(w, dirfd, en, e);
			if (r <= 0)
				return r;
			continue;
		}
		break;
	}
	if (r == 0)
		atomic_fetch_add_explicit(&w->rs->dirs, 1, memory_order_relaxed);
	else if (restore_target_fatal(e))
		return r;
	else
		restore_problem(w->rs, RESTORE_REFUSED, en->dir, en->name, 0, e->msg);
	return 0;
}

int
meta_dir_finish(struct worker *w, const struct tree_entry *en, struct err *e)
{
	struct buf AUTO(buf_free) path = {0};
	struct stat st;
	const char *p;
	int fd, r;

	buf_init(&path, TREE_MAX_TARGET + 1);
	r = buf_fmt(&path, e, "%s%s%s", en->dir, *en->dir ? "/" : "", en->name);
	p = r == 0 ? buf_cstr(&path, e) : NULL;
	if (!p)
		return e->code;
	fd = open_beneath(w->rs->rootfd, p);
	if (fd < 0)
		fd = step_by_step(w->rs, p, e);
	if (fd < 0)
		return restore_target_fatal(e) ? fd : 0; /* was written down when it was made */
	if (fstat(fd, &st) < 0)
		r = err_sys(e, "cannot look at a folder");
	else
		r = meta_finish(w, fd, en, st.st_mode & 07777, st.st_uid, st.st_gid, e);
	fio_close(w->rs->f, fd);
	return r;
}

/* ---- symbolic links, pipes, sockets, devices ---- */

static int
make_special(int dirfd, const struct tree_entry *en)
{
	static const mode_t kinds[] = {[TREE_FIFO] = S_IFIFO, [TREE_CHR] = S_IFCHR,
	    [TREE_BLK] = S_IFBLK, [TREE_SOCK] = S_IFSOCK};
	dev_t dev = makedev((unsigned)(en->rdev >> 32), (unsigned)en->rdev);

	if (en->type == TREE_SYMLINK)
		return symlinkat(en->target, dirfd, en->name);
	return mknodat(dirfd, en->name, kinds[en->type] | 0600, dev);
}

/* by_name(w, dirfd, en): Owner, attributes and times of something that cannot be opened. */
static void
by_name(struct worker *w, int dirfd, const struct tree_entry *en)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
	    {.tv_sec = en->mtime, .tv_nsec = en->mtime_ns}};
	struct restore *rs = w->rs;
	char proc[64 + TREE_MAX_NAME];
	uint32_t mode = en->mode;

	if ((en->uid != rs->euid || en->gid != rs->egid || rs->odd_target) &&
	    fchownat(dirfd, en->name, en->uid, en->gid, AT_SYMLINK_NOFOLLOW) < 0) {
		atomic_fetch_add_explicit(&rs->owners, 1, memory_order_relaxed);
		mode &= ~06000u;
	}
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d/%s", dirfd, en->name);
	for (uint32_t i = 0; i < en->nxattrs; i++)
		if (lsetxattr(proc, en->xattrs[i].name, en->xattrs[i].value, en->xattrs[i].len,
		    0) < 0)
			atomic_fetch_add_explicit(&rs->xattrs, 1, memory_order_relaxed);
	if (en->type != TREE_SYMLINK &&
	    fchmodat(dirfd, en->name, mode, AT_SYMLINK_NOFOLLOW) < 0)
		restore_problem(rs, RESTORE_REFUSED, en->dir, en->name, 0,
		    "its rights could not be set");
	(void)utimensat(dirfd, en->name, times, AT_SYMLINK_NOFOLLOW);
}

int
meta_special(struct worker *w, const struct tree_entry *en, struct err *e)
{
	struct restore *rs = w->rs;
	int dirfd, x, r = meta_dir(w, en, &dirfd, e);

	if (r <= 0)
		return r;
	x = make_special(dirfd, en);
	if (x < 0 && errno == EEXIST) {
		r = meta_clear(w, dirfd, en, e);
		if (r <= 0)
			return r;
		x = make_special(dirfd, en);
	}
	if (x < 0 && errno == EPERM && (en->type == TREE_CHR || en->type == TREE_BLK)) {
		atomic_fetch_add_explicit(&rs->devices, 1, memory_order_relaxed);
		return 0;
	}
	if (x < 0) {
		r = err_sys(e, "cannot make it");
		if (restore_target_fatal(e))
			return r;
		restore_problem(rs, RESTORE_REFUSED, en->dir, en->name, 0, e->msg);
		return 0;
	}
	by_name(w, dirfd, en);
	atomic_fetch_add_explicit(en->type == TREE_SYMLINK ? &rs->nlinks : &rs->others, 1,
	    memory_order_relaxed);
	return 0;
}

/* ---- hard links ---- */

/* copy_instead(w, en, path, e): The first name is not part of this restore, or the target knows no
 * hard links: write the file itself under this name. */
static int
copy_instead(struct worker *w, const struct tree_entry *en, struct err *e)
{
	struct restore *rs = w->rs;
	struct tree_entry found, copy;
	struct walk *walk = NULL;
	const char *name;
	char *dir = strndup(en->target, walk_split(en->target, &name));
	int r = dir ? walk_new(rs->r, rs->g, &walk, e) : err_set(e, E_NOMEM, "no memory");

	if (r == 0)
		r = walk_find(walk, dir, name, &found, e);
	if (r == 0 && found.type != TREE_FILE)
		r = err_set(e, E_CORRUPT, "its first name is not a file");
	if (r == 0)
		r = feed_copy(&w->mem, &found, &copy, e);
	walk_free(walk);
	free(dir);
	if (r < 0) {
		if (restore_fatal(r))
			return r;
		restore_problem(rs, RESTORE_DAMAGED, en->dir, en->name, 0, e->msg);
		return 0;
	}
	copy.dir = en->dir;
	copy.name = en->name;
	return file_restore(w, &copy, e);
}

/* first_of(w, en, ret, e): Where the file of a hard link lies in the target; NULL when it must be
 * written here, and later links to it lead here. */
static int
first_of(struct worker *w, const struct tree_entry *en, const char **ret, struct err *e)
{
	struct restore *rs = w->rs;
	const char *name;
	size_t dn = walk_split(en->target, &name);
	struct tree_entry t = {.type = TREE_FILE, .name = name};
	char *dir = strndup(en->target, dn), *here;
	bool wanted;
	int r;

	if (!dir)
		return err_set(e, E_NOMEM, "no memory");
	t.dir = dir;
	wanted = feed_wanted(rs, &t);
	free(dir);
	*ret = wanted ? en->target : map_get(&rs->links, en->target, strlen(en->target));
	if (*ret)
		return 0;
	here = malloc(strlen(en->dir) + strlen(en->name) + 2);
	if (!here)
		return err_set(e, E_NOMEM, "no memory");
	(void)snprintf(here, strlen(en->dir) + strlen(en->name) + 2, "%s%s%s", en->dir,
	    *en->dir ? "/" : "", en->name);
	r = map_put(&rs->links, en->target, strlen(en->target), here, e);
	if (r < 0)
		free(here);
	return r;
}

/* link_to(w, first, en, e): 1 when it is linked; 0 with errno set when not. */
static int
link_to(struct worker *w, const char *first, const struct tree_entry *en, struct err *e)
{
	const char *name;
	struct stat a, b;
	char *dir = strndup(first, walk_split(first, &name));
	int from, old = -1, dirfd, r = dir ? use_dir(w, dir, &from, e) : E_NOMEM;
	int save;

	free(dir);
	if (r < 0) {
		errno = ENOENT;
		return restore_target_fatal(e) ? r : 0;
	}
	old = fcntl(from, F_DUPFD_CLOEXEC, 0);
	r = old < 0 ? err_sys(e, "no descriptor") : meta_dir(w, en, &dirfd, e);
	if (r == 1) {
		r = linkat(old, name, dirfd, en->name, 0) == 0;
		if (!r && errno == EEXIST) {
			if (fstatat(old, name, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
			    fstatat(dirfd, en->name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
			    a.st_ino == b.st_ino && a.st_dev == b.st_dev)
				r = 1;
			else if (meta_clear(w, dirfd, en, e) == 1)
				r = linkat(old, name, dirfd, en->name, 0) == 0;
			else
				errno = EEXIST;
		}
	} else if (r == 0) {
		errno = EEXIST; /* was written down */
	}
	save = errno;
	if (old >= 0)
		fio_close(w->rs->f, old);
	errno = save;
	return r;
}

int
meta_link(struct worker *w, const struct tree_entry *en, struct err *e)
{
	struct restore *rs = w->rs;
	const char *first = NULL;
	int r = first_of(w, en, &first, e);

	if (r < 0)
		return r;
	if (!first)
		return copy_instead(w, en, e);
	r = link_to(w, first, en, e);
	if (r == 1) {
		atomic_fetch_add_explicit(&rs->nlinks, 1, memory_order_relaxed);
		return 0;
	}
	if (r < 0 || errno == EEXIST)
		return r;
	if (errno == EPERM || errno == EOPNOTSUPP || errno == EMLINK || errno == EXDEV)
		return copy_instead(w, en, e);
	if (errno == ENOSPC || errno == EDQUOT)
		return err_sys(e, "cannot make a link");
	restore_problem(rs, RESTORE_DAMAGED, en->dir, en->name, 0,
	    errno == ENOENT ? "its first name could not be restored" : "it cannot be linked");
	return 0;
}
