/* Writing a block of tree entries. */
#include <stdlib.h>

#include "base/num.h"
#include "vault/tree_int.h"

enum {
	MIN_BLOCK = 16 << 10,
	FIRM_BLOCK = 128 << 10, /* from here on borders are found more easily */
	HARD_BLOCK = 512 << 10,
	END_BLOCK = 1 << 20,
};

struct seg_slot {
	uint32_t index; /* + 1; 0 = free */
};

struct tree_block {
	struct buf body;
	struct buf segs;
	struct buf first, dir, name;
	struct seg_slot *slots;
	size_t nslots; /* a power of two, or 0 */
	uint32_t nsegs, last_seg, count;
	size_t first_dir_len;
	/* what the next entry is told relative to */
	uint32_t mode, uid, gid;
	int64_t mtime;
	uint32_t ext_seg;
	uint64_t ext_end;
};

int
tree_block_new(struct tree_block **ret, struct err *e)
{
	struct tree_block *b = calloc(1, sizeof(*b));

	if (!b)
		return err_set(e, E_NOMEM, "no memory for a tree block");
	buf_init(&b->body, TREE_MAX_BLOCK);
	buf_init(&b->segs, TREE_MAX_BLOCK);
	buf_init(&b->first, TREE_MAX_PATH + TREE_MAX_NAME + 2);
	buf_init(&b->dir, TREE_MAX_PATH + 1);
	buf_init(&b->name, TREE_MAX_NAME + 1);
	*ret = b;
	return 0;
}

void
tree_block_free(struct tree_block *b)
{
	if (!b)
		return;
	buf_free(&b->body);
	buf_free(&b->segs);
	buf_free(&b->first);
	buf_free(&b->dir);
	buf_free(&b->name);
	free(b->slots);
	free(b);
}

static void
reset(struct tree_block *b)
{
	buf_clear(&b->body);
	buf_clear(&b->segs);
	buf_clear(&b->first);
	buf_clear(&b->dir);
	buf_clear(&b->name);
	if (b->slots && b->nsegs > 0)
		(void)memset(b->slots, 0, b->nslots * sizeof(*b->slots));
	b->nsegs = b->last_seg = b->count = 0;
	b->mode = b->uid = b->gid = 0;
	b->mtime = 0;
	b->ext_seg = 0;
	b->ext_end = 0;
}

/* Segment ids are random, so their own bytes are the hash. A hostile repository cannot reach this:
 * only our own writer adds entries. */
static size_t
slot_of(const struct tree_block *b, const uint8_t *seg)
{
	size_t i = le64_get(seg) & (b->nslots - 1);

	while (b->slots[i].index != 0 &&
	    memcmp(b->segs.p + (size_t)(b->slots[i].index - 1) * FMT_ID_LEN, seg, FMT_ID_LEN) != 0)
		i = (i + 1) & (b->nslots - 1);
	return i;
}

static int
grow_slots(struct tree_block *b, struct err *e)
{
	size_t n = b->nslots ? b->nslots * 2 : 64;
	struct seg_slot *p = calloc(n, sizeof(*p));

	if (!p)
		return err_set(e, E_NOMEM, "no memory for %zu segment names", n);
	free(b->slots);
	b->slots = p;
	b->nslots = n;
	for (uint32_t i = 0; i < b->nsegs; i++)
		p[slot_of(b, b->segs.p + (size_t)i * FMT_ID_LEN)].index = i + 1;
	return 0;
}

/* seg_index(b, seg, ret, e): The number of a segment in the block's table, added when new. */
static int
seg_index(struct tree_block *b, const uint8_t *seg, uint32_t *ret, struct err *e)
{
	size_t i;
	int r = 0;

	if (b->last_seg < b->nsegs &&
	    memcmp(b->segs.p + (size_t)b->last_seg * FMT_ID_LEN, seg, FMT_ID_LEN) == 0) {
		*ret = b->last_seg;
		return 0;
	}
	if ((b->nsegs + 1) * (size_t)2 > b->nslots)
		r = grow_slots(b, e);
	if (r < 0)
		return r;
	i = slot_of(b, seg);
	if (b->slots[i].index == 0) {
		r = buf_put(&b->segs, seg, FMT_ID_LEN, e);
		if (r < 0)
			return r;
		b->slots[i].index = ++b->nsegs;
	}
	*ret = b->last_seg = b->slots[i].index - 1;
	return 0;
}

static size_t
shared(const struct buf *old, const char *s, size_t n)
{
	size_t k = 0, max = old->len < n ? old->len : n;

	while (k < max && old->p[k] == (unsigned char)s[k])
		k++;
	return k;
}

/* put_rest(b, old, s, n, e): ${s} relative to ${old}; room is made for remember(). */
static int
put_rest(struct buf *b, struct buf *old, const char *s, size_t n, struct err *e)
{
	size_t k = shared(old, s, n);
	int r = buf_var(b, k, e);

	if (r == 0)
		r = buf_blob(b, s + k, n - k, e);
	if (r == 0 && n > old->len)
		r = buf_reserve(old, n - old->len, e);
	return r;
}

static void
remember(struct buf *old, const char *s, size_t n)
{
	if (n > 0)
		(void)memcpy(old->p, s, n);
	old->len = n;
}

static int
put_extent(struct tree_block *b, const struct tree_extent *x, struct err *e)
{
	bool pages = x->len % EXT_PAGE == 0;
	uint64_t v = pages ? x->len / EXT_PAGE << EXT_SHIFT | EXT_PAGES : x->len << EXT_SHIFT;
	uint32_t seg;
	int r;

	if (!x->seg && x->len >= EXT_LONG_MIN) {
		r = buf_var(&b->body, EXT_LONG, e);
		return r < 0 ? r : buf_var(&b->body, x->len, e);
	}
	if (!x->seg)
		return buf_var(&b->body, v | EXT_HOLE, e);
	r = seg_index(b, x->seg, &seg, e);
	if (r < 0)
		return r;
	if (b->ext_end != 0 && seg == b->ext_seg && x->off == b->ext_end) {
		r = buf_var(&b->body, v | EXT_NEXT, e);
	} else {
		r = buf_var(&b->body, v | EXT_AT, e);
		if (r == 0)
			r = buf_var(&b->body, seg, e);
		if (r == 0)
			r = buf_var(&b->body, x->off, e);
	}
	b->ext_seg = seg;
	b->ext_end = x->off + x->len;
	return r;
}

static int
put_file(struct tree_block *b, const struct tree_entry *en, struct err *e)
{
	int r = buf_var(&b->body, en->size, e);

	if (r == 0)
		r = buf_put(&b->body, en->fid, TREE_FID_LEN, e);
	if (r == 0)
		r = buf_var(&b->body, en->nextents, e);
	for (uint32_t i = 0; i < en->nextents && r == 0; i++)
		r = put_extent(b, &en->extents[i], e);
	return r;
}

static int
put_by_type(struct tree_block *b, const struct tree_entry *en, struct err *e)
{
	switch (en->type) {
	case TREE_FILE:
		return put_file(b, en, e);
	case TREE_SYMLINK:
	case TREE_HARDLINK:
		return buf_blob(&b->body, en->target, strlen(en->target), e);
	case TREE_CHR:
	case TREE_BLK:
		return buf_var(&b->body, en->rdev, e);
	default:
		return 0;
	}
}

static int
put_xattrs(struct buf *b, const struct tree_entry *en, struct err *e)
{
	int r = buf_var(b, en->nxattrs, e);

	for (uint32_t i = 0; i < en->nxattrs && r == 0; i++) {
		r = buf_blob(b, en->xattrs[i].name, strlen(en->xattrs[i].name), e);
		if (r == 0)
			r = buf_blob(b, en->xattrs[i].value, en->xattrs[i].len, e);
	}
	return r;
}

static int
put_owner(struct tree_block *b, const struct tree_entry *en, struct err *e)
{
	int r = buf_var(&b->body, en->mode, e);

	if (r == 0)
		r = buf_var(&b->body, en->uid, e);
	if (r == 0)
		r = buf_var(&b->body, en->gid, e);
	b->mode = en->mode;
	b->uid = en->uid;
	b->gid = en->gid;
	return r;
}

static int
put_entry(struct tree_block *b, const struct tree_entry *en, size_t dlen, struct err *e)
{
	bool same_dir = b->count > 0 && dlen == b->dir.len &&
	    memcmp(b->dir.p ? (const char *)b->dir.p : "", en->dir, dlen) == 0;
	bool same_owner = en->mode == b->mode && en->uid == b->uid && en->gid == b->gid;
	unsigned head = en->type | (same_dir ? HEAD_SAME_DIR : 0) |
	    (same_owner ? HEAD_SAME_OWNER : 0) | (en->nxattrs ? HEAD_XATTRS : 0) |
	    (en->flags ? HEAD_FLAGS : 0);
	int r = buf_u8(&b->body, (uint8_t)head, e);

	if (r == 0 && !same_dir)
		r = put_rest(&b->body, &b->dir, en->dir, dlen, e);
	if (r == 0)
		r = put_rest(&b->body, &b->name, en->name, strlen(en->name), e);
	if (r == 0 && !same_owner)
		r = put_owner(b, en, e);
	if (r == 0)
		r = buf_var(&b->body,
		    tree_zigzag((int64_t)((uint64_t)en->mtime - (uint64_t)b->mtime)), e);
	if (r == 0)
		r = buf_var(&b->body, en->mtime_ns, e);
	b->mtime = en->mtime;
	if (r == 0 && en->flags)
		r = buf_u8(&b->body, en->flags, e);
	if (r == 0)
		r = put_by_type(b, en, e);
	if (r == 0 && en->nxattrs)
		r = put_xattrs(&b->body, en, e);
	return r;
}

static int
check_data(const struct tree_entry *en, struct err *e)
{
	uint64_t sum = 0;
	uint32_t n = en->nextents;

	if (en->size > INT64_MAX)
		return err_set(e, E_INVAL, "tree: a file of more than 2^63 bytes");
	if (en->flags & TREE_UNREADABLE)
		return n == 0 ? 0 : err_set(e, E_INVAL, "tree: data of a file not read");
	for (uint32_t i = 0; i < n; i++) {
		const struct tree_extent *x = &en->extents[i];

		if (x->len == 0 || x->len > INT64_MAX ||
		    (x->seg && (x->off > FMT_MAX_STREAM || x->len > FMT_MAX_STREAM - x->off)) ||
		    __builtin_add_overflow(sum, x->len, &sum))
			return err_set(e, E_INVAL, "tree: a piece outside its segment");
	}
	return sum == en->size ? 0 : err_set(e, E_INVAL, "tree: the pieces do not make the file");
}

/* What the reader refuses must never be written. */
static int
check(const struct tree_block *b, const struct tree_entry *en, size_t dlen, struct err *e)
{
	size_t n = strlen(en->name);
	int c;

	if (!tree_path_ok(en->dir, dlen, 0) || !tree_name_ok(en->name, n))
		return err_set(e, E_INVAL, "tree: not a path for an entry");
	if (en->type < TREE_FILE || en->type > TREE_SOCK || (en->mode & ~TREE_MODE_BITS) != 0 ||
	    (en->flags & ~TREE_ALL_FLAGS) != 0 || en->mtime_ns > 999999999)
		return err_set(e, E_INVAL, "tree: a field out of range");
	if (en->nxattrs > TREE_MAX_XATTRS)
		return err_set(e, E_LIMIT, "more than %d extended attributes", TREE_MAX_XATTRS);
	for (uint32_t i = 0; i < en->nxattrs; i++)
		if (en->xattrs[i].len > TREE_MAX_XATTR || en->xattrs[i].name[0] == 0 ||
		    strlen(en->xattrs[i].name) > TREE_MAX_NAME)
			return err_set(e, E_LIMIT, "an extended attribute that is too large");
	if (en->type == TREE_SYMLINK || en->type == TREE_HARDLINK) {
		size_t t = strlen(en->target);

		if (t == 0 || t > TREE_MAX_TARGET ||
		    (en->type == TREE_HARDLINK && !tree_path_ok(en->target, t, 0)))
			return err_set(e, E_INVAL, "tree: not a target for a link");
	}
	if (b->count > 0) {
		c = tree_path_cmp(en->dir, dlen, b->dir.p ? (const char *)b->dir.p : "",
		    b->dir.len);
		if (c == 0) {
			size_t k = n < b->name.len ? n : b->name.len;

			c = memcmp(en->name, b->name.p, k);
			c = c ? c : (n > b->name.len) - (n < b->name.len);
		}
		if (c <= 0)
			return err_set(e, E_INVAL, "tree: entries are not in order");
	}
	return en->type == TREE_FILE ? check_data(en, e) : 0;
}

/* set_first(b, en, dlen, e): Keep the first key. */
static int
set_first(struct tree_block *b, const struct tree_entry *en, size_t dlen, struct err *e)
{
	int r;

	b->first_dir_len = dlen;
	buf_clear(&b->first);
	r = buf_put(&b->first, en->dir, dlen + 1, e);
	return r < 0 ? r : buf_put(&b->first, en->name, strlen(en->name) + 1, e);
}

/* undo(b, old): Forget what a failed addition wrote. */
static void
undo(struct tree_block *b, const struct tree_block *old)
{
	b->body.len = old->body.len;
	b->segs.len = old->segs.len;
	b->mode = old->mode;
	b->uid = old->uid;
	b->gid = old->gid;
	b->mtime = old->mtime;
	b->ext_seg = old->ext_seg;
	b->ext_end = old->ext_end;
	if (b->nsegs == old->nsegs)
		return;
	b->nsegs = old->nsegs;
	b->last_seg = 0;
	(void)memset(b->slots, 0, b->nslots * sizeof(*b->slots));
	for (uint32_t i = 0; i < b->nsegs; i++)
		b->slots[slot_of(b, b->segs.p + (size_t)i * FMT_ID_LEN)].index = i + 1;
}

int
tree_block_add(struct tree_block *b, const struct tree_entry *en, struct err *e)
{
	struct tree_block old = *b;
	size_t dlen = strlen(en->dir), before = b->body.len + b->segs.len;
	int r = check(b, en, dlen, e);

	if (r < 0)
		return r;
	if (before >= END_BLOCK)
		return err_set(e, E_LIMIT, "tree: the block is full and must be ended");
	/* bounds the work before it is done: a piece takes at least one byte */
	if (en->nextents > TREE_MAX_ENTRY)
		r = E_LIMIT;
	if (r == 0 && b->count == 0)
		r = set_first(b, en, dlen, e);
	if (r == 0)
		r = put_entry(b, en, dlen, e);
	if (r == 0 && b->body.len + b->segs.len - before > TREE_MAX_ENTRY)
		r = E_LIMIT;
	if (r < 0) {
		undo(b, &old);
		return r != E_LIMIT ? r : err_set(e, E_LIMIT,
		    "a file is scattered over too many places (%u pieces); it must be stored anew",
		    en->nextents);
	}
	remember(&b->dir, en->dir, dlen);
	remember(&b->name, en->name, strlen(en->name));
	b->count++;
	return 0;
}

static uint64_t
hash_more(uint64_t h, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

bool
tree_block_full(const struct tree_block *b)
{
	size_t n = b->body.len + b->segs.len;
	uint64_t h, mask;

	if (n < MIN_BLOCK || b->count == 0)
		return false;
	if (n >= END_BLOCK)
		return true;
	h = hash_more(UINT64_C(0xcbf29ce484222325), b->dir.p, b->dir.len);
	h = hash_more(h ^ '/', b->name.p, b->name.len);
	h ^= h >> 32;
	h = h * UINT64_C(0x9e3779b97f4a7c15) >> 32;
	/* an ordinary entry takes about 45 bytes: 1,024 of them are 48 KiB */
	mask = n < FIRM_BLOCK ? 1023 : n < HARD_BLOCK ? 127 : 15;
	return (h & mask) == 0;
}

uint32_t
tree_block_count(const struct tree_block *b)
{
	return b->count;
}

void
tree_block_first(const struct tree_block *b, const char **ret_dir, const char **ret_name)
{
	if (b->count == 0) {
		*ret_dir = *ret_name = "";
		return;
	}
	*ret_dir = (const char *)b->first.p;
	*ret_name = (const char *)b->first.p + b->first_dir_len + 1;
}

int
tree_block_end(struct tree_block *b, struct buf *out, struct err *e)
{
	size_t old = out->len;
	int r = buf_u8(out, TREE_BLOCK_VERSION, e);

	if (r == 0)
		r = buf_var(out, b->nsegs, e);
	if (r == 0)
		r = buf_put(out, b->segs.p, b->segs.len, e);
	if (r == 0)
		r = buf_var(out, b->count, e);
	if (r == 0)
		r = buf_put(out, b->body.p, b->body.len, e);
	if (r < 0) {
		out->len = old;
		return r;
	}
	reset(b);
	return 0;
}
