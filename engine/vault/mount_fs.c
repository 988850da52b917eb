/* The requests of the kernel, answered from the tree. Opening a file or folder costs nothing: the
 * kernel is told that there is nothing to open (ENOSYS) and sends inode numbers alone. */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "vault/mount_int.h"

/* A generation never changes, so the kernel may remember everything for ever (a year). */
#define FOREVER 31536000.0

enum { DIR_BUF_MAX = 1 << 20 };

static struct mfs *
self(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static int
errno_of(int code)
{
	switch (code) {
	case E_NOMEM:
		return ENOMEM;
	case E_AUTH:
		return EACCES;
	case E_LIMIT:
		return ENFILE;
	default:
		return EIO;
	}
}

/* report(m, ino, en, why): Tell the owner, once for an inode. */
static void
report(struct mfs *m, uint64_t ino, const struct mtree_entry *en, const char *why)
{
	bool known = false;
	struct buf path;

	if (!m->o->problem)
		return;
	buf_init(&path, TREE_MAX_PATH + TREE_MAX_NAME + 2);
	(void)pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < m->nreported && i < 256; i++)
		known |= m->reported[i] == ino;
	if (!known) {
		m->reported[m->nreported++ % 256] = ino;
		if (en && mtree_path(en, &path, NULL) == 0)
			m->o->problem(m->o->cookie, (const char *)path.p, why);
		else
			m->o->problem(m->o->cookie, "", why);
	}
	(void)pthread_mutex_unlock(&m->lock);
	buf_free(&path);
}

static void
fail(fuse_req_t req, uint64_t ino, const struct mtree_entry *en, int code, const struct err *e)
{
	if (code == E_NOENT && !en) {
		(void)fuse_reply_err(req, ENOENT);
		return;
	}
	report(self(req), ino, en, e->msg);
	(void)fuse_reply_err(req, errno_of(code));
}

static mode_t
type_bits(uint8_t type)
{
	static const mode_t bits[] = {[TREE_FILE] = S_IFREG, [TREE_DIR] = S_IFDIR,
	    [TREE_SYMLINK] = S_IFLNK, [TREE_HARDLINK] = S_IFREG, [TREE_FIFO] = S_IFIFO,
	    [TREE_CHR] = S_IFCHR, [TREE_BLK] = S_IFBLK, [TREE_SOCK] = S_IFSOCK};

	return type < sizeof(bits) / sizeof(bits[0]) ? bits[type] : 0;
}

static void
root_stat(const struct mfs *m, struct stat *st)
{
	*st = (struct stat){.st_ino = MTREE_ROOT, .st_mode = S_IFDIR | 0555, .st_nlink = 1,
	    .st_uid = geteuid(), .st_gid = getegid(), .st_blksize = 4096};
	st->st_mtim.tv_sec = st->st_ctim.tv_sec = st->st_atim.tv_sec =
	    (time_t)(m->gen->info.started / 1000000);
}

static void
entry_stat(const struct mtree_entry *en, uint64_t ino, struct stat *st)
{
	struct timespec t = {.tv_sec = (time_t)en->mtime, .tv_nsec = (long)en->mtime_ns};

	*st = (struct stat){.st_ino = ino, .st_mode = type_bits(en->type) | (en->mode & 07777),
	    .st_nlink = 1, .st_uid = en->uid, .st_gid = en->gid, .st_blksize = 128 << 10,
	    .st_size = (off_t)en->size, .st_atim = t, .st_mtim = t, .st_ctim = t};
	if (en->type == TREE_SYMLINK)
		st->st_size = (off_t)strlen(en->target);
	if (en->type == TREE_DIR)
		st->st_size = 4096;
	if (en->type == TREE_CHR || en->type == TREE_BLK)
		st->st_rdev = makedev((unsigned)(en->rdev >> 32), (unsigned)en->rdev);
	st->st_blocks = (blkcnt_t)((en->size + 511) / 512);
}

/* dir_path(m, ino, ret, e): The path of a folder, "" for the root, NUL-terminated in ${ret}. */
static int
dir_path(struct mfs *m, uint64_t ino, struct buf *ret, struct err *e)
{
	struct mtree_block *b;
	uint32_t i;
	int r;

	if (ino == MTREE_ROOT)
		return buf_u8(ret, 0, e);
	r = mtree_inode(m->tree, ino, &b, &i, e);
	if (r < 0)
		return r;
	r = mtree_path(mtree_at(b, i), ret, e);
	if (r == 0 && mtree_at(b, i)->type != TREE_DIR)
		r = err_set(e, E_INVAL, "not a folder");
	mtree_put(m->tree, b);
	return r;
}

static void
entry_param(const struct mtree_entry *en, uint64_t ino, struct fuse_entry_param *p)
{
	*p = (struct fuse_entry_param){.ino = ino, .attr_timeout = FOREVER,
	    .entry_timeout = FOREVER};
	entry_stat(en, ino, &p->attr);
}

static void
do_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct mfs *m = self(req);
	struct fuse_entry_param p;
	struct mtree_block *b = NULL;
	struct err e;
	struct buf dir;
	uint32_t i = 0;
	int r;

	buf_init(&dir, TREE_MAX_PATH + TREE_MAX_NAME + 2);
	r = dir_path(m, parent, &dir, &e);
	if (r == 0)
		r = mtree_find(m->tree, (const char *)dir.p, name, &b, &i, &e);
	buf_free(&dir);
	if (r == 1 && b) {
		entry_param(mtree_at(b, i), mtree_ino(b->no, i), &p);
		mtree_put(m->tree, b);
		(void)fuse_reply_entry(req, &p);
	} else if (r == 0) { /* the kernel may remember that too */
		p = (struct fuse_entry_param){.entry_timeout = FOREVER};
		(void)fuse_reply_entry(req, &p);
	} else {
		fail(req, parent, NULL, r, &e);
	}
}

static void
do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct mfs *m = self(req);
	struct mtree_block *b;
	struct stat st;
	struct err e;
	uint32_t i;
	int r;

	(void)fi;
	if (ino == MTREE_ROOT) {
		root_stat(m, &st);
	} else {
		r = mtree_inode(m->tree, ino, &b, &i, &e);
		if (r < 0) {
			fail(req, ino, NULL, r, &e);
			return;
		}
		entry_stat(mtree_at(b, i), ino, &st);
		mtree_put(m->tree, b);
	}
	(void)fuse_reply_attr(req, &st, FOREVER);
}

static void
do_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct mfs *m = self(req);
	struct mtree_block *b;
	struct err e;
	uint32_t i;
	int r = mtree_inode(m->tree, ino, &b, &i, &e);

	if (r < 0) {
		fail(req, ino, NULL, r, &e);
		return;
	}
	if (mtree_at(b, i)->type == TREE_SYMLINK)
		(void)fuse_reply_readlink(req, mtree_at(b, i)->target);
	else
		(void)fuse_reply_err(req, EINVAL);
	mtree_put(m->tree, b);
}

static void
do_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	(void)fuse_reply_err(req, ENOSYS); /* from now on the kernel does not ask */
}

static void
do_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct mfs *m = self(req);
	const struct mtree_entry *en;
	struct mread_ctx *x;
	struct mtree_block *b;
	const uint8_t *p;
	struct err e;
	uint32_t i;
	int r = mtree_inode(m->tree, ino, &b, &i, &e);

	(void)fi;
	if (r < 0) {
		fail(req, ino, NULL, r, &e);
		return;
	}
	en = mtree_at(b, i);
	if (en->type != TREE_FILE || off < 0 || (en->flags & TREE_UNREADABLE)) {
		(void)fuse_reply_err(req, en->type == TREE_FILE ? EIO : EINVAL);
	} else if ((uint64_t)off >= en->size || size == 0) {
		(void)fuse_reply_buf(req, NULL, 0);
	} else {
		if (size > MREAD_MAX)
			size = MREAD_MAX;
		if (size > en->size - (uint64_t)off)
			size = (size_t)(en->size - (uint64_t)off);
		x = mread_take(m->read, ino, (uint64_t)off);
		/* Never a short answer: the kernel would take it for the end of the file. */
		r = mread_data(x, b, en, (uint64_t)off, size, &p, &e);
		if (r == 0)
			(void)fuse_reply_buf(req, (const char *)p, size);
		mread_give(m->read, x);
		if (r < 0) {
			report(m, ino, en, e.msg);
			(void)fuse_reply_err(req, errno_of(r));
		}
	}
	mtree_put(m->tree, b);
}

/* ---- listing a folder ---- */

/* Where a listing goes on: 0 ".", 1 "..", else the place of the next entry. */
enum { POS_DOT = 0, POS_DOTDOT = 1, POS_SHIFT = 2 };

struct listing {
	fuse_req_t req;
	struct mfs *m;
	char *buf;
	size_t size, used;
	bool plus;
	uint64_t ino;
};

static bool
list_add(struct listing *l, const char *name, const struct mtree_entry *en, uint64_t ino,
    uint64_t next)
{
	struct fuse_entry_param p = {.attr_timeout = FOREVER, .entry_timeout = FOREVER};
	size_t need, left = l->size - l->used;

	if (en)
		entry_param(en, ino, &p);
	else /* "." and "..": the number and the kind alone */
		p.attr = (struct stat){.st_ino = ino, .st_mode = S_IFDIR};
	if (l->plus)
		need =
		    fuse_add_direntry_plus(l->req, l->buf + l->used, left, name, &p, (off_t)next);
	else
		need =
		    fuse_add_direntry(l->req, l->buf + l->used, left, name, &p.attr, (off_t)next);
	if (need > left)
		return false;
	l->used += need;
	return true;
}

static int
list_one(struct listing *l, const struct mtree_block *b, uint32_t i, uint64_t next, bool *ret_full,
    struct err *e)
{
	const struct mtree_entry *en = mtree_at(b, i);
	struct mtree_block *to;
	uint32_t k;
	int r;

	if (en->type != TREE_HARDLINK) {
		*ret_full = !list_add(l, en->name, en, mtree_ino(b->no, i), next);
		return 0;
	}
	r = mtree_find(l->m->tree, en->dir, en->name, &to, &k, e);
	if (r == 1) {
		*ret_full = !list_add(l, en->name, mtree_at(to, k), mtree_ino(to->no, k), next);
		mtree_put(l->m->tree, to);
	}
	return r < 0 ? r : 0;
}

/* list_from(l, dir, b, i, e): Entries of ${dir} from place ${i} of the held block ${b}, which is
 * put. */
static int
list_from(struct listing *l, const char *dir, struct mtree_block *b, uint32_t i, struct err *e)
{
	struct mtree *t = l->m->tree;
	bool full = false;
	int r = 0;

	while (r == 0 && !full && b) {
		uint32_t no = b->no;

		if (i >= b->entries.len) {
			mtree_put(t, b);
			b = NULL;
			if (no + 1 >= mtree_blocks(t))
				return 0;
			r = mtree_get(t, no + 1, &b, e);
			i = 0;
			continue;
		}
		if (strcmp(mtree_at(b, i)->dir, dir) != 0)
			break;
		r = list_one(
		    l, b, i, ((uint64_t)no << MTREE_INDEX_BITS | (i + 1)) + POS_SHIFT, &full, e);
		i++;
	}
	mtree_put(t, b);
	return r;
}

static int
list(struct listing *l, uint64_t pos, struct err *e)
{
	struct mtree_block *b = NULL;
	struct buf dir;
	uint32_t i = 0;
	int r;

	if (pos == POS_DOT && !list_add(l, ".", NULL, l->ino, POS_DOTDOT))
		return 0;
	if (pos <= POS_DOTDOT && !list_add(l, "..", NULL, MTREE_ROOT, POS_SHIFT))
		return 0;
	buf_init(&dir, TREE_MAX_PATH + TREE_MAX_NAME + 2);
	r = dir_path(l->m, l->ino, &dir, e);
	if (r == 0 && pos <= POS_SHIFT) {
		r = mtree_seek(l->m->tree, (const char *)dir.p, "", &b, &i, e);
	} else if (r == 0) {
		i = (uint32_t)((pos - POS_SHIFT) & ((1U << MTREE_INDEX_BITS) - 1));
		r = mtree_get(l->m->tree, (uint32_t)((pos - POS_SHIFT) >> MTREE_INDEX_BITS), &b, e);
		r = r < 0 ? r : 1;
	}
	if (r == 1)
		r = list_from(l, (const char *)dir.p, b, i, e);
	buf_free(&dir);
	return r;
}

static void
list_reply(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	struct listing l = {.req = req, .m = self(req), .size = size, .plus = plus, .ino = ino};
	struct err e;
	int r;

	if (l.size > DIR_BUF_MAX)
		l.size = DIR_BUF_MAX;
	l.buf = malloc(l.size);
	if (!l.buf || off < 0) {
		free(l.buf);
		(void)fuse_reply_err(req, l.buf ? EINVAL : ENOMEM);
		return;
	}
	r = list(&l, (uint64_t)off, &e);
	if (r == 0 || l.used > 0) /* what comes after the damage fails in the next request */
		(void)fuse_reply_buf(req, l.buf, l.used);
	else
		fail(req, ino, NULL, r == E_NOENT ? E_CORRUPT : r, &e);
	free(l.buf);
}

static void
do_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	list_reply(req, ino, size, off, false);
}

static void
do_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	list_reply(req, ino, size, off, true);
}

/* ---- extended attributes ---- */

static void
xattr_value(fuse_req_t req, const struct mtree_block *b, const struct mtree_entry *en,
    const char *name, size_t size)
{
	for (uint32_t k = 0; k < en->nxattr; k++) {
		const struct tree_xattr *x =
		    VEC_AT(&b->xattrs, const struct tree_xattr, en->xattr + k);

		if (strcmp(x->name, name) != 0)
			continue;
		if (size == 0)
			(void)fuse_reply_xattr(req, x->len);
		else if (size < x->len)
			(void)fuse_reply_err(req, ERANGE);
		else
			(void)fuse_reply_buf(req, (const char *)x->value, x->len);
		return;
	}
	(void)fuse_reply_err(req, ENODATA);
}

static void
xattr_names(fuse_req_t req, const struct mtree_block *b, const struct mtree_entry *en, size_t size)
{
	struct buf names;
	int r = 0;

	buf_init(&names, TREE_MAX_XATTRS * (TREE_MAX_NAME + 1));
	for (uint32_t k = 0; k < en->nxattr && r == 0; k++) {
		const struct tree_xattr *x =
		    VEC_AT(&b->xattrs, const struct tree_xattr, en->xattr + k);

		r = buf_put(&names, x->name, strlen(x->name) + 1, NULL);
	}
	if (r < 0)
		(void)fuse_reply_err(req, ENOMEM);
	else if (size == 0)
		(void)fuse_reply_xattr(req, names.len);
	else if (size < names.len)
		(void)fuse_reply_err(req, ERANGE);
	else
		(void)fuse_reply_buf(req, (const char *)names.p, names.len);
	buf_free(&names);
}

/* ${name} NULL: all names. */
static void
xattr_reply(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct mfs *m = self(req);
	struct mtree_block *b;
	struct err e;
	uint32_t i;
	int r;

	if (ino == MTREE_ROOT) {
		if (name)
			(void)fuse_reply_err(req, ENODATA);
		else if (size == 0)
			(void)fuse_reply_xattr(req, 0);
		else
			(void)fuse_reply_buf(req, NULL, 0);
		return;
	}
	r = mtree_inode(m->tree, ino, &b, &i, &e);
	if (r < 0) {
		fail(req, ino, NULL, r, &e);
		return;
	}
	if (name)
		xattr_value(req, b, mtree_at(b, i), name, size);
	else
		xattr_names(req, b, mtree_at(b, i), size);
	mtree_put(m->tree, b);
}

static void
do_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	xattr_reply(req, ino, name, size);
}

static void
do_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	xattr_reply(req, ino, NULL, size);
}

static void
do_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct fmt_snap_info *i = &self(req)->gen->info;
	struct statvfs s = {.f_bsize = 4096, .f_frsize = 4096, .f_blocks = i->bytes / 4096,
	    .f_files = i->files + i->dirs + i->others, .f_namemax = TREE_MAX_NAME};

	(void)ino;
	(void)fuse_reply_statfs(req, &s);
}

static void
do_init(void *userdata, struct fuse_conn_info *c)
{
	(void)userdata;
	c->max_readahead = MREAD_MAX;
	c->want |= c->capable & (FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS |
	    FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_CACHE_SYMLINKS);
	/* Requests are small and replies come from memory: pipes would only cost calls. */
	c->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

const struct fuse_lowlevel_ops mfs_ops = {
	.init = do_init,
	.lookup = do_lookup,
	.getattr = do_getattr,
	.readlink = do_readlink,
	.open = do_open,
	.opendir = do_open,
	.read = do_read,
	.readdir = do_readdir,
	.readdirplus = do_readdirplus,
	.getxattr = do_getxattr,
	.listxattr = do_listxattr,
	.statfs = do_statfs,
};
