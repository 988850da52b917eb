/* Comparing what came back with the reference: every byte, and every recorded property. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "vault/drill_int.h"

enum { PIECE = 1 << 20, MAX_DEPTH = 400 };

struct compare {
	struct digest *sha;
	uint8_t *buf;
	struct buf path, other;
	int backfd; /* back/NO */
	bool xattrs, root;
	size_t nref;
	uint64_t seen, *done, total;
};

static void
lost(struct set *s, const char *path, const char *why)
{
	s->rep->lost++;
	s->sys->lost++;
	set_wrong(s, path, why);
}

static void
different(struct set *s, const char *path, const char *why)
{
	s->rep->different++;
	set_wrong(s, path, why);
}

/* same_bytes(s, c, path, en, ref): The digest of the file that came back, and its size. */
static bool
same_bytes(struct compare *c, int dirfd, const char *path, const struct tree_entry *en,
    const struct ref *ref)
{
	uint8_t sha[DIGEST_LEN];
	uint64_t size = 0;
	ssize_t n = 0;
	int fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return false;
	digest_reset(c->sha);
	while ((n = fio_pread(fio_os(), fd, c->buf, PIECE, size, NULL)) > 0) {
		digest_add(c->sha, c->buf, (size_t)n);
		size += (uint64_t)n;
	}
	(void)close(fd);
	digest_end(c->sha, sha);
	return n == 0 && size == en->size && memcmp(sha, ref->sha, DIGEST_LEN) == 0;
}

static bool
same_target(int dirfd, const char *path, const struct tree_entry *en)
{
	char text[8192];
	ssize_t n = readlinkat(dirfd, path, text, sizeof(text));

	if (strlen(en->target) >= sizeof(text))
		return n == (ssize_t)sizeof(text);
	return n == (ssize_t)strlen(en->target) && memcmp(text, en->target, (size_t)n) == 0;
}

static bool
same_xattrs(struct compare *c, int dirfd, const char *path, const struct tree_entry *en)
{
	char proc[40];
	bool same = true;
	int fd;

	if (en->nxattrs == 0 || !c->xattrs || (en->type != TREE_FILE && en->type != TREE_DIR))
		return true;
	fd = openat(dirfd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	for (uint32_t i = 0; i < en->nxattrs && same; i++) {
		const struct tree_xattr *x = &en->xattrs[i];
		ssize_t n;

		if (!c->root && strncmp(x->name, "user.", 5) != 0)
			continue; /* only root can set the others */
		n = getxattr(proc, x->name, c->buf, PIECE);
		same = n == (ssize_t)x->len && memcmp(c->buf, x->value, x->len) == 0;
	}
	if (fd >= 0)
		(void)close(fd);
	return same;
}

/* kind(st, en): Whether the entry came back as what it was. */
static bool
same_kind(const struct stat *st, const struct tree_entry *en)
{
	static const mode_t kinds[] = {[TREE_FILE] = S_IFREG, [TREE_DIR] = S_IFDIR,
	    [TREE_SYMLINK] = S_IFLNK, [TREE_FIFO] = S_IFIFO, [TREE_CHR] = S_IFCHR,
	    [TREE_BLK] = S_IFBLK, [TREE_SOCK] = S_IFSOCK, [TREE_HARDLINK] = S_IFREG};

	return (st->st_mode & S_IFMT) == kinds[en->type] || en->type == TREE_HARDLINK;
}

static const char *
property(struct compare *c, const struct stat *st, const char *path, const struct tree_entry *en)
{
	struct stat to;

	if (en->type == TREE_HARDLINK) {
		if (fstatat(c->backfd, en->target, &to, AT_SYMLINK_NOFOLLOW) < 0 ||
		    to.st_ino != st->st_ino)
			return "no longer the same file as its other name";
		return NULL;
	}
	if (en->type == TREE_SYMLINK && !same_target(c->backfd, path, en))
		return "the link points elsewhere";
	if (en->type != TREE_SYMLINK && (st->st_mode & 07777) != en->mode)
		return "other permissions";
	if (c->root && (st->st_uid != en->uid || st->st_gid != en->gid))
		return "another owner";
	if (st->st_mtim.tv_sec != en->mtime || (uint32_t)st->st_mtim.tv_nsec != en->mtime_ns)
		return "another time of change";
	return same_xattrs(c, c->backfd, path, en) ? NULL : "other extended attributes";
}

static int
compare_one(struct set *s, uint64_t i, const struct tree_entry *en, void *cookie, struct err *e)
{
	struct compare *c = cookie;
	const struct ref *ref = NULL;
	const char *path, *why;
	struct stat st;
	int r;

	if (!(s->flags[i] & REF_WANTED))
		return 0;
	r = set_path(en, &c->path, e);
	if (r < 0)
		return r;
	path = (const char *)c->path.p;
	if (en->type == TREE_FILE)
		ref = VEC_AT(&s->refs, const struct ref, c->nref++);
	c->seen++;
	if (fstatat(c->backfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (!c->root && (en->type == TREE_CHR || en->type == TREE_BLK))
			c->seen--; /* devices can be made by root alone */
		else if (en->type == TREE_FILE || en->type == TREE_HARDLINK)
			lost(s, path, "did not come back");
		else
			different(s, path, "did not come back");
		return 0;
	}
	why = same_kind(&st, en) ? property(c, &st, path, en) : "came back as another kind";
	if (en->type != TREE_FILE) {
		s->rep->others++;
	} else {
		s->rep->files++;
		s->rep->bytes += en->size;
		s->sys->files++;
		s->sys->bytes += en->size;
		*c->done += en->size;
		if (!(s->flags[i] & REF_SHA) || !same_bytes(c, c->backfd, path, en, ref))
			lost(s, path, "other bytes came back");
	}
	if (why)
		different(s, path, why);
	if (s->o->progress)
		s->o->progress(s->o->cookie, DRILL_COMPARE, *c->done, c->total);
	return 0;
}

/* count(fd, depth, ret): Names below a directory; closes it. */
static void
count(int fd, int depth, uint64_t *ret)
{
	DIR *d = depth < MAX_DEPTH ? fdopendir(fd) : NULL;
	struct dirent *en;

	if (!d) {
		(void)close(fd);
		return;
	}
	while ((en = readdir(d)) != NULL) {
		int sub = -1;

		if (strcmp(en->d_name, ".") == 0 || strcmp(en->d_name, "..") == 0)
			continue;
		(*ret)++;
		if (en->d_type == DT_DIR || en->d_type == DT_UNKNOWN)
			sub = openat(dirfd(d), en->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			count(sub, depth + 1, ret);
	}
	(void)closedir(d);
}

int
compare_set(struct set *s, const char *back, bool xattrs, uint64_t *done, uint64_t total,
    struct err *e)
{
	struct compare c = {.done = done, .total = total, .buf = malloc(PIECE), .xattrs = xattrs,
	    .root = geteuid() == 0};
	uint64_t names = 0;
	int r = c.buf ? digest_new(&c.sha, e) : err_set(e, E_NOMEM, "no memory");
	int again;

	buf_init(&c.path, TREE_MAX_PATH + TREE_MAX_NAME + 2);
	c.backfd = openat(s->g->backfd, back, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r == 0 && c.backfd < 0)
		r = err_sys(e, "what came back");
	if (r == 0)
		r = set_each(s, compare_one, &c, e);
	if (r == 0 && !s->partial && s->rep->left_out == 0) {
		again = openat(c.backfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (again >= 0)
			count(again, 0, &names);
		if (names > c.seen)
			different(s, back, "something came back that was never there");
	}
	if (c.backfd >= 0)
		(void)close(c.backfd);
	digest_free(c.sha);
	buf_free(&c.path);
	free(c.buf);
	return r;
}
