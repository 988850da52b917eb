/* Reading a block of tree entries. Everything here may be hostile: each number is bounded before it
 * is used, and memory follows the bytes that are really there. */
#include <stdlib.h>

#include "vault/tree_int.h"

struct tree_read {
	struct rd rd;
	const uint8_t *segs;
	uint32_t nsegs, count, done;
	uint32_t mode, uid, gid;
	int64_t mtime;
	uint32_t ext_seg;
	uint64_t ext_end;
	size_t dir_len, name_len;
	struct tree_extent *extents; /* owned */
	size_t extents_cap;
	struct tree_xattr *xattrs; /* owned, TREE_MAX_XATTRS */
	struct buf names;          /* NUL-terminated xattr names */
	char target[TREE_MAX_TARGET + 1];
	char name[TREE_MAX_NAME + 1];
	char dir[TREE_MAX_PATH + 1]; /* last: most of it is never touched */
};

static int
bad(struct err *e, const char *what)
{
	return err_set(e, E_CORRUPT, "tree block: %s", what);
}

int
tree_read_new(const uint8_t *p, size_t n, struct tree_read **ret, struct err *e)
{
	struct rd rd = rd_init(p, n);
	uint8_t version = rd_u8(&rd);
	uint64_t nsegs = rd_var(&rd), count;
	const uint8_t *segs;
	struct tree_read *r;

	if (rd.bad || n > TREE_MAX_BLOCK)
		return bad(e, "too short or too long");
	if (version != TREE_BLOCK_VERSION)
		return err_set(e, E_PROTO, "tree block: version %u is newer than this program",
		    version);
	if (nsegs > rd_left(&rd) / FMT_ID_LEN)
		return bad(e, "more segments than there are bytes");
	segs = rd_bytes(&rd, (size_t)nsegs * FMT_ID_LEN);
	count = rd_var(&rd);
	if (rd.bad || count > rd_left(&rd))
		return bad(e, "more entries than there are bytes");
	r = malloc(sizeof(*r));
	if (!r)
		return err_set(e, E_NOMEM, "no memory to read a tree block");
	(void)memset(r, 0, offsetof(struct tree_read, target));
	r->rd = rd;
	r->segs = segs;
	r->nsegs = (uint32_t)nsegs;
	r->count = (uint32_t)count;
	r->target[0] = r->name[0] = r->dir[0] = 0;
	buf_init(&r->names, (size_t)TREE_MAX_XATTRS * (TREE_MAX_NAME + 1));
	*ret = r;
	return 0;
}

void
tree_read_free(struct tree_read *r)
{
	if (!r)
		return;
	free(r->extents);
	free(r->xattrs);
	buf_free(&r->names);
	free(r);
}

/* get_rest(rd, s, len, max, ret_from): The inverse of put_rest. ${s} has room for max + 1. */
static bool
get_rest(struct rd *rd, char *s, size_t *len, size_t max, size_t *ret_from)
{
	uint64_t k = rd_var(rd);
	const unsigned char *p;
	size_t n = 0;

	if (rd->bad || k > *len)
		return false;
	p = rd_blob(rd, max - (size_t)k, &n);
	if (!p)
		return false;
	*ret_from = (size_t)k;
	(void)memcpy(s + k, p, n);
	*len = (size_t)k + n;
	s[*len] = 0;
	return true;
}

/* get_dir(r, e): The next directory. Only what follows the shared part can differ, and the writer
 * shares all it can, so the first byte after it decides the order; less sharing is refused. */
static int
get_dir(struct tree_read *r, struct err *e)
{
	size_t old_len = r->dir_len, from;
	struct rd peek = r->rd;
	uint64_t k = rd_var(&peek);
	unsigned char was = !peek.bad && k < old_len ? (unsigned char)r->dir[k] : 0;
	int a, b;

	if (!get_rest(&r->rd, r->dir, &r->dir_len, TREE_MAX_PATH, &from))
		return bad(e, "a directory that cannot be");
	if (!tree_path_ok(r->dir, r->dir_len, from))
		return bad(e, "a directory path that cannot be");
	a = from < r->dir_len ? (r->dir[from] == '/' ? 1 : (unsigned char)r->dir[from] + 1) : 0;
	b = from < old_len ? (was == '/' ? 1 : was + 1) : 0;
	if (r->done > 0 && a <= b)
		return bad(e, "directories are not in order");
	return 0;
}

static int
get_name(struct tree_read *r, bool later, struct err *e)
{
	char old[TREE_MAX_NAME + 1];
	size_t from;

	(void)memcpy(old, r->name, r->name_len + 1);
	if (!get_rest(&r->rd, r->name, &r->name_len, TREE_MAX_NAME, &from) ||
	    !tree_name_ok(r->name, r->name_len))
		return bad(e, "a name that cannot be");
	if (!later && r->done > 0 && strcmp(r->name, old) <= 0)
		return bad(e, "names are not in order");
	return 0;
}

static int
get_owner(struct tree_read *r, struct err *e)
{
	uint64_t mode = rd_var(&r->rd), uid = rd_var(&r->rd), gid = rd_var(&r->rd);

	if (r->rd.bad || mode > TREE_MODE_BITS || uid > UINT32_MAX || gid > UINT32_MAX)
		return bad(e, "a mode or owner that cannot be");
	r->mode = (uint32_t)mode;
	r->uid = (uint32_t)uid;
	r->gid = (uint32_t)gid;
	return 0;
}

static int
get_extent(struct tree_read *r, struct tree_extent *x, struct err *e)
{
	uint64_t v = rd_var(&r->rd), len = v >> EXT_SHIFT, seg, off;

	*x = (struct tree_extent){0};
	if ((v & EXT_KIND) == EXT_LONG) {
		x->len = rd_var(&r->rd);
		if (r->rd.bad || v != EXT_LONG || x->len < EXT_LONG_MIN || x->len > INT64_MAX)
			return bad(e, "a hole that cannot be");
		return 0;
	}
	if ((v & EXT_PAGES) && __builtin_mul_overflow(len, (uint64_t)EXT_PAGE, &len))
		return bad(e, "a piece that is too long");
	if (r->rd.bad || len == 0 || len > INT64_MAX)
		return bad(e, "a piece without length");
	x->len = len;
	if ((v & EXT_KIND) == EXT_HOLE)
		return 0;
	seg = r->ext_seg;
	off = r->ext_end;
	if ((v & EXT_KIND) == EXT_AT) {
		seg = rd_var(&r->rd);
		off = rd_var(&r->rd);
	} else if (off == 0) {
		return bad(e, "a piece that continues nothing");
	}
	if (r->rd.bad || seg >= r->nsegs || off > FMT_MAX_STREAM || len > FMT_MAX_STREAM - off)
		return bad(e, "a piece outside its segment");
	x->seg = r->segs + (size_t)seg * FMT_ID_LEN;
	x->off = (uint32_t)off;
	r->ext_seg = (uint32_t)seg;
	r->ext_end = off + len;
	return 0;
}

static int
room(struct tree_read *r, size_t n, struct err *e)
{
	size_t cap = r->extents_cap ? r->extents_cap : 16;
	void *p;

	if (n <= r->extents_cap)
		return 0;
	while (cap < n)
		cap *= 2;
	p = realloc(r->extents, cap * sizeof(*r->extents));
	if (!p)
		return err_set(e, E_NOMEM, "no memory for %zu pieces of a file", cap);
	r->extents = p;
	r->extents_cap = cap;
	return 0;
}

static int
get_file(struct tree_read *r, struct tree_entry *en, struct err *e)
{
	uint64_t size = rd_var(&r->rd), n, sum = 0;
	const unsigned char *fid = rd_bytes(&r->rd, TREE_FID_LEN);
	int c;

	n = rd_var(&r->rd);
	if (r->rd.bad || size > INT64_MAX || n > rd_left(&r->rd))
		return bad(e, "a file that cannot be");
	c = room(r, (size_t)n, e);
	for (uint64_t i = 0; i < n && c == 0; i++) {
		c = get_extent(r, &r->extents[i], e);
		if (c == 0 && __builtin_add_overflow(sum, r->extents[i].len, &sum))
			return bad(e, "pieces that are too long together");
	}
	if (c < 0)
		return c;
	if (en->flags & TREE_UNREADABLE ? n != 0 : sum != size)
		return bad(e, "pieces that do not make the file");
	en->size = size;
	(void)memcpy(en->fid, fid, TREE_FID_LEN);
	en->extents = r->extents;
	en->nextents = (uint32_t)n;
	return 0;
}

static int
get_target(struct tree_read *r, struct tree_entry *en, struct err *e)
{
	size_t n = 0;
	const unsigned char *p = rd_blob(&r->rd, TREE_MAX_TARGET, &n);

	if (!p || n == 0 || memchr(p, 0, n))
		return bad(e, "a link without a target");
	(void)memcpy(r->target, p, n);
	r->target[n] = 0;
	if (en->type == TREE_HARDLINK && !tree_path_ok(r->target, n, 0))
		return bad(e, "a link whose target cannot be");
	en->target = r->target;
	return 0;
}

static int
get_rdev(struct tree_read *r, struct tree_entry *en, struct err *e)
{
	en->rdev = rd_var(&r->rd);
	return r->rd.bad ? bad(e, "a device without number") : 0;
}

static int
get_by_type(struct tree_read *r, struct tree_entry *en, struct err *e)
{
	switch (en->type) {
	case TREE_FILE:
		return get_file(r, en, e);
	case TREE_SYMLINK:
	case TREE_HARDLINK:
		return get_target(r, en, e);
	case TREE_CHR:
	case TREE_BLK:
		return get_rdev(r, en, e);
	default:
		return 0;
	}
}

static int
get_xattrs(struct tree_read *r, struct tree_entry *en, struct err *e)
{
	uint64_t n = rd_var(&r->rd);
	size_t at[TREE_MAX_XATTRS];
	int c = 0;

	if (r->rd.bad || n == 0 || n > TREE_MAX_XATTRS)
		return bad(e, "extended attributes that cannot be");
	if (!r->xattrs)
		r->xattrs = calloc(TREE_MAX_XATTRS, sizeof(*r->xattrs));
	if (!r->xattrs)
		return err_set(e, E_NOMEM, "no memory for extended attributes");
	buf_clear(&r->names);
	for (size_t i = 0; i < n && c == 0; i++) {
		size_t len = 0;
		const unsigned char *p = rd_blob(&r->rd, TREE_MAX_NAME, &len);

		r->xattrs[i].value = rd_blob(&r->rd, TREE_MAX_XATTR, &r->xattrs[i].len);
		if (!p || len == 0 || memchr(p, 0, len) || !r->xattrs[i].value)
			return bad(e, "an extended attribute that cannot be");
		at[i] = r->names.len;
		c = buf_put(&r->names, p, len, e);
		if (c == 0)
			c = buf_u8(&r->names, 0, e);
	}
	for (size_t i = 0; i < n && c == 0; i++)
		r->xattrs[i].name = (const char *)r->names.p + at[i];
	en->xattrs = r->xattrs;
	en->nxattrs = (uint32_t)n;
	return c;
}

static int
get_key(struct tree_read *r, uint8_t head, struct err *e)
{
	bool same = head & HEAD_SAME_DIR;
	int c = 0;

	if (!same)
		c = get_dir(r, e);
	else if (r->done == 0)
		c = bad(e, "the first entry has no directory");
	return c < 0 ? c : get_name(r, !same, e);
}

static int
get_meta(struct tree_read *r, struct tree_entry *en, uint8_t head, struct err *e)
{
	int c = head & HEAD_SAME_OWNER ? 0 : get_owner(r, e);
	uint64_t ns;

	if (c < 0)
		return c;
	r->mtime = (int64_t)((uint64_t)r->mtime + (uint64_t)tree_unzigzag(rd_var(&r->rd)));
	ns = rd_var(&r->rd);
	if (head & HEAD_FLAGS)
		en->flags = rd_u8(&r->rd);
	if (r->rd.bad || ns > 999999999 || (en->flags & ~TREE_ALL_FLAGS) ||
	    ((head & HEAD_FLAGS) && en->flags == 0))
		return bad(e, "a time or flag that cannot be");
	en->mode = r->mode;
	en->uid = r->uid;
	en->gid = r->gid;
	en->mtime = r->mtime;
	en->mtime_ns = (uint32_t)ns;
	return 0;
}

int
tree_read_next(struct tree_read *r, struct tree_entry *ret, struct err *e)
{
	struct tree_entry en = {0};
	uint8_t head;
	int c;

	if (r->done == r->count)
		return rd_end(&r->rd) ? 0 : bad(e, "bytes after the last entry");
	head = rd_u8(&r->rd);
	en.type = head & HEAD_TYPE;
	if (r->rd.bad || en.type < TREE_FILE || en.type > TREE_SOCK)
		return bad(e, "an entry of no known type");
	c = get_key(r, head, e);
	if (c == 0)
		c = get_meta(r, &en, head, e);
	if (c == 0)
		c = get_by_type(r, &en, e);
	if (c == 0 && (head & HEAD_XATTRS))
		c = get_xattrs(r, &en, e);
	if (c < 0) {
		r->rd.bad = true; /* every later call fails too */
		return c;
	}
	r->done++;
	en.dir = r->dir;
	en.name = r->name;
	*ret = en;
	return 1;
}
