/* The names of a folder, when somebody first looks into it: real folders, links and special files,
 * and files as holes of their full size. A folder counts as filled only after its names are on the
 * disk; until then nobody can have changed anything in it, so filling it again is harmless.
 * allow-files: see overlay_data.c */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/num.h"
#include "vault/overlay_int.h"

enum { PATH_ROOM = TREE_MAX_PATH + TREE_MAX_NAME + 2, DEEP = 64 };

struct fill {
	struct overlay *ov;
	int fd; /* of the local folder */
	const struct mtree_block *b;
	struct mtree_entry *en;
	uint64_t place;
	unsigned depth;
};

static int fill_ino(struct overlay *ov, int fd, uint64_t ino, unsigned depth, struct err *e);

int
ov_dir_add(struct overlay *ov, uint64_t ino, uint64_t place, struct err *e)
{
	struct ov_dir *d = calloc(1, sizeof(*d)), *old;
	int r;

	if (!d)
		return err_set(e, E_NOMEM, "no memory for the overlay");
	*d = (struct ov_dir){ino, place};
	(void)pthread_mutex_lock(&ov->state);
	old = map_get(&ov->dirs, &ino, sizeof(ino));
	r = map_put(&ov->dirs, &ino, sizeof(ino), d, e);
	if (r == 0 && (!old || old == (void *)&ov_none))
		ov->ndirs++;
	(void)pthread_mutex_unlock(&ov->state);
	if (r < 0)
		free(d);
	else if (old != (void *)&ov_none)
		free(old);
	return r;
}

static bool
unfilled(struct overlay *ov, uint64_t ino, uint64_t *ret_place)
{
	struct ov_dir *d;

	(void)pthread_mutex_lock(&ov->state);
	d = ov->ndirs ? map_get(&ov->dirs, &ino, sizeof(ino)) : NULL;
	if (d == (void *)&ov_none)
		d = NULL;
	if (d)
		*ret_place = d->place;
	(void)pthread_mutex_unlock(&ov->state);
	return d != NULL;
}

static void
filled(struct overlay *ov, uint64_t ino)
{
	struct ov_dir *d;

	(void)pthread_mutex_lock(&ov->state);
	d = map_get(&ov->dirs, &ino, sizeof(ino));
	if (d && d != (void *)&ov_none &&
	    map_put(&ov->dirs, &ino, sizeof(ino), &ov_none, NULL) == 0) {
		ov->ndirs--;
		free(d);
	}
	(void)pthread_mutex_unlock(&ov->state);
}

/* ---- one entry ---- */

/* dress(x, name): Owner, rights, attributes and time of what was just made; the rights last. */
static void
dress(const struct fill *x, const char *name)
{
	const struct mtree_entry *en = x->en;
	struct timespec t[2] = {{.tv_nsec = UTIME_OMIT},
	    {.tv_sec = (time_t)en->mtime, .tv_nsec = (long)en->mtime_ns}};
	mode_t mode = en->mode & 07777;
	char proc[64 + TREE_MAX_NAME];

	if (x->ov->is_root) {
		(void)!fchownat(x->fd, name, en->uid, en->gid, AT_SYMLINK_NOFOLLOW);
	} else if (en->uid != geteuid()) {
		mode &= 01777; /* rights meant for another owner */
	}
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d/%s", x->fd, name);
	for (uint32_t i = 0; i < en->nxattr; i++) {
		const struct tree_xattr *a =
		    VEC_AT(&x->b->xattrs, const struct tree_xattr, en->xattr + i);

		(void)lsetxattr(proc, a->name, a->value, a->len, 0);
	}
	if (en->type != TREE_SYMLINK)
		(void)!fchmodat(x->fd, name,
		    en->type == TREE_DIR && !x->ov->is_root ? mode | 0700 : mode, 0);
	(void)utimensat(x->fd, name, t, AT_SYMLINK_NOFOLLOW);
}

static int
make_dir(struct fill *x, struct err *e)
{
	struct stat st;
	int r;

	if (mkdirat(x->fd, x->en->name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "a folder of the overlay");
	if (fstatat(x->fd, x->en->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "a folder of the overlay");
	dress(x, x->en->name);
	r = ov_dir_add(x->ov, st.st_ino, x->place, e);
	return r < 0 ? r : ov_note(x->ov, OV_DIR, st.st_ino, x->place, 0, e);
}

static int
make_file(struct fill *x, struct err *e)
{
	struct stat st;
	int r, fd = openat(x->fd, x->en->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = ov_open_rw(x->fd, x->en->name);
	if (fd < 0)
		return err_sys(e, "a file of the overlay");
	r = ftruncate(fd, (off_t)x->en->size) < 0 || fstat(fd, &st) < 0 ?
	    err_sys(e, "a file of the overlay") : 0;
	(void)close(fd);
	if (r < 0)
		return r;
	dress(x, x->en->name);
	ov_file_gone(x->ov, st.st_ino); /* an older file had this number */
	r = ov_file_add(x->ov, st.st_ino, x->place, x->en->size, e);
	if (r == 0 && x->en->size > 0)
		r = ov_note(x->ov, OV_FILE, st.st_ino, x->place, x->en->size, e);
	if (r == 0 && (x->en->flags & TREE_UNREADABLE))
		ov_report(x->ov, &(struct ov_file){.place = x->place},
		    "it could not be read when the generation was made");
	return r;
}

/* open_parent(x, path, ret_name, e): The local folder of a path of the generation, filled on the
 * way; -1: outside what is shown. */
static int
open_parent(struct fill *x, const char *path, const char **ret_name, struct err *e)
{
	const char *root = x->ov->root, *p = path;
	size_t n = strlen(root);
	int at = dup(x->ov->datafd);
	struct stat st;

	if (n > 0 && (strncmp(path, root, n) != 0 || path[n] != '/')) {
		(void)close(at);
		return -1;
	}
	for (p += n ? n + 1 : 0; at >= 0;) {
		const char *slash = strchr(p, '/');
		char name[TREE_MAX_NAME + 1];
		int up = at;

		if (fstat(at, &st) < 0 || fill_ino(x->ov, at, st.st_ino, x->depth + 1, e) < 0) {
			(void)close(at);
			return -1;
		}
		*ret_name = p;
		if (!slash)
			return at;
		if ((size_t)(slash - p) > TREE_MAX_NAME) {
			(void)close(at);
			return -1;
		}
		(void)memcpy(name, p, (size_t)(slash - p));
		name[slash - p] = 0;
		at = openat(up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		(void)close(up);
		p = slash + 1;
	}
	return -1;
}

/* make_link(x, e): Another name of a file. Where the first name is not shown here, or was removed
 * meanwhile, this one becomes a file of its own. */
static int
make_link(struct fill *x, struct err *e)
{
	struct mtree_block *b = NULL;
	const char *name = NULL;
	struct fill to = *x;
	uint32_t i = 0;
	int r, up = x->depth < DEEP ? open_parent(x, x->en->target, &name, e) : -1;

	if (up >= 0) {
		r = linkat(up, name, x->fd, x->en->name, 0);
		(void)close(up);
		if (r == 0 || errno == EEXIST)
			return 0;
	}
	r = mtree_find(x->ov->tree, x->en->dir, x->en->name, &b, &i, e); /* follows the link */
	if (r != 1)
		return r < 0 ? r : err_set(e, E_CORRUPT, "a link names nothing");
	to.b = b;
	to.place = mtree_ino(b->no, i);
	struct mtree_entry copy = *mtree_at(b, i);
	copy.name = x->en->name;
	to.en = &copy;
	r = copy.type == TREE_FILE ? make_file(&to, e) : 0;
	mtree_put(x->ov->tree, b);
	return r;
}

static int
make_other(struct fill *x, struct err *e)
{
	static const mode_t kinds[] = {[TREE_FIFO] = S_IFIFO, [TREE_CHR] = S_IFCHR,
	    [TREE_BLK] = S_IFBLK, [TREE_SOCK] = S_IFSOCK};
	const struct mtree_entry *en = x->en;
	int r;

	if (en->type == TREE_SYMLINK)
		r = symlinkat(en->target, x->fd, en->name);
	else if (en->type == TREE_CHR || en->type == TREE_BLK)
		return 0; /* a served folder needs no devices, and they are a way out of it */
	else
		r = mknodat(x->fd, en->name, kinds[en->type] | 0600, 0);
	if (r < 0 && errno != EEXIST)
		return err_sys(e, "a name of the overlay");
	dress(x, en->name);
	return 0;
}

static int
make_entry(struct fill *x, struct err *e)
{
	switch (x->en->type) {
	case TREE_DIR:
		return make_dir(x, e);
	case TREE_FILE:
		return make_file(x, e);
	case TREE_HARDLINK:
		return make_link(x, e);
	default:
		return make_other(x, e);
	}
}

/* ---- one folder ---- */

static int
dir_path(struct overlay *ov, uint64_t place, struct buf *out, struct err *e)
{
	struct mtree_block *b;
	uint32_t i;
	int r;

	if (place == MTREE_ROOT)
		return buf_u8(out, 0, e);
	r = mtree_inode(ov->tree, place, &b, &i, e);
	if (r == 0) {
		r = mtree_path(mtree_at(b, i), out, e);
		mtree_put(ov->tree, b);
	}
	return r;
}

static int
each_entry(struct fill *x, const char *dir, struct err *e)
{
	struct overlay *ov = x->ov;
	struct mtree_block *b = NULL;
	uint32_t i = 0;
	int r = mtree_seek(ov->tree, dir, "", &b, &i, e);

	if (r <= 0)
		return r;
	for (r = 0; r == 0 && b;) {
		uint32_t no = b->no;

		if (i >= b->entries.len) {
			mtree_put(ov->tree, b);
			b = NULL;
			if (no + 1 >= mtree_blocks(ov->tree))
				return 0;
			r = mtree_get(ov->tree, no + 1, &b, e);
			i = 0;
			continue;
		}
		if (strcmp(mtree_at(b, i)->dir, dir) != 0)
			break;
		x->b = b;
		x->en = mtree_at(b, i);
		x->place = mtree_ino(no, i++);
		r = make_entry(x, e);
	}
	mtree_put(ov->tree, b);
	return r;
}

/* fill_ino(ov, fd, ino, depth, e): With the fill lock held. */
static int
fill_ino(struct overlay *ov, int fd, uint64_t ino, unsigned depth, struct err *e)
{
	struct fill x = {.ov = ov, .fd = fd, .depth = depth};
	struct timespec t[2];
	struct stat st;
	struct buf dir;
	uint64_t place;
	int r;

	if (!unfilled(ov, ino, &place))
		return 0;
	buf_init(&dir, PATH_ROOM);
	r = dir_path(ov, place, &dir, e);
	if (r == 0 && fstat(fd, &st) < 0)
		r = err_sys(e, "a folder of the overlay");
	if (r == 0)
		r = each_entry(&x, (const char *)dir.p, e);
	buf_free(&dir);
	if (r == 0) {
		t[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
		t[1] = st.st_mtim;
		(void)futimens(fd, t);
		r = fio_sync(ov->f, fd, e); /* the names, before the word that they are there */
	}
	if (r == 0)
		r = ov_note(ov, OV_FILLED, ino, 0, 0, e);
	if (r == 0)
		r = ov_log_sync(ov, e);
	if (r == 0)
		filled(ov, ino);
	return r;
}

int
ov_fill_fd(struct overlay *ov, int fd, struct err *e)
{
	uint64_t place;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "a folder of the overlay");
	if (!unfilled(ov, st.st_ino, &place))
		return 0;
	atomic_fetch_add(&ov->foreground, 1);
	(void)pthread_mutex_lock(&ov->fill);
	r = fill_ino(ov, fd, st.st_ino, 0, e);
	(void)pthread_mutex_unlock(&ov->fill);
	atomic_fetch_sub(&ov->foreground, 1);
	return r;
}

int
ov_fill_path(struct overlay *ov, const char *path, struct err *e)
{
	int fd, r;
	bool all;

	(void)pthread_mutex_lock(&ov->state);
	all = ov->ndirs == 0;
	(void)pthread_mutex_unlock(&ov->state);
	if (all)
		return 0;
	fd = openat(ov->datafd, *path ? path : ".",
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 :
		    err_sys(e, "a folder of the overlay");
	r = ov_fill_fd(ov, fd, e);
	(void)close(fd);
	return r;
}
