/* Tree blocks, parsed once and kept while there is room. */
#include <stdlib.h>
#include <string.h>

#include "vault/mount_int.h"

enum { SLOTS = 512, KEEP = 32 << 20 };

struct mtree {
	struct vault_gen *gen;
	const struct tree_manifest *m;
	pthread_mutex_t lock;
	struct mtree_block *slot[SLOTS];
	size_t held; /* bytes of all blocks in slots */
	uint64_t tick;
};

static void
block_free(struct mtree_block *b)
{
	if (!b)
		return;
	buf_free(&b->raw);
	arena_free(&b->text);
	vec_free(&b->entries);
	vec_free(&b->exts);
	vec_free(&b->xattrs);
	free(b);
}

static int
no_memory(struct err *e)
{
	return err_set(e, E_NOMEM, "no memory for a part of the folder list");
}

static int
add_extents(struct mtree_block *b, const struct tree_entry *en, struct mtree_entry *out,
    struct err *e)
{
	uint64_t pos = 0;

	out->ext = (uint32_t)b->exts.len;
	for (uint32_t i = 0; i < en->nextents; i++) {
		struct mtree_ext *x = vec_add(&b->exts);

		if (!x)
			return no_memory(e);
		x->pos = pos;
		x->seg = en->extents[i].seg; /* points into the block's bytes, which stay */
		x->off = en->extents[i].off;
		pos += en->extents[i].len;
	}
	out->next = en->nextents;
	return 0;
}

static int
add_xattrs(struct mtree_block *b, const struct tree_entry *en, struct mtree_entry *out,
    struct err *e)
{
	out->xattr = (uint32_t)b->xattrs.len;
	for (uint32_t i = 0; i < en->nxattrs; i++) {
		struct tree_xattr *x = vec_add(&b->xattrs);

		if (!x)
			return no_memory(e);
		x->name = arena_dup(&b->text, en->xattrs[i].name, strlen(en->xattrs[i].name));
		x->value = en->xattrs[i].value; /* likewise in the block's bytes */
		x->len = en->xattrs[i].len;
		if (!x->name)
			return no_memory(e);
	}
	out->nxattr = en->nxattrs;
	return 0;
}

static int
add_entry(struct mtree_block *b, const struct tree_entry *en, struct err *e)
{
	struct mtree_entry *prev, *out = vec_add(&b->entries);
	int r;

	if (!out)
		return no_memory(e);
	prev = b->entries.len > 1 ? out - 1 : NULL;
	*out = (struct mtree_entry){.type = en->type, .flags = en->flags, .mode = en->mode,
	    .uid = en->uid, .gid = en->gid, .mtime = en->mtime, .mtime_ns = en->mtime_ns,
	    .size = en->size, .rdev = en->rdev};
	if (prev && strcmp(prev->dir, en->dir) == 0)
		out->dir = prev->dir;
	else
		out->dir = arena_dup(&b->text, en->dir, strlen(en->dir));
	out->name = arena_dup(&b->text, en->name, strlen(en->name));
	if (en->target)
		out->target = arena_dup(&b->text, en->target, strlen(en->target));
	if (!out->dir || !out->name || (en->target && !out->target))
		return no_memory(e);
	r = add_extents(b, en, out, e);
	return r < 0 ? r : add_xattrs(b, en, out, e);
}

static int
parse(struct mtree_block *b, struct err *e)
{
	struct tree_read *rd;
	struct tree_entry en;
	int r = tree_read_new(b->raw.p, b->raw.len, &rd, e);

	if (r < 0)
		return r;
	while ((r = tree_read_next(rd, &en, e)) == 1) {
		r = add_entry(b, &en, e);
		if (r < 0)
			break;
	}
	tree_read_free(rd);
	b->bytes = sizeof(*b) + b->raw.cap + b->text.used + b->entries.cap * b->entries.elem +
	    b->exts.cap * b->exts.elem + b->xattrs.cap * b->xattrs.elem;
	return r;
}

static int
load(struct mtree *t, uint32_t no, struct mtree_block **ret, struct err *e)
{
	struct mtree_block *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return no_memory(e);
	b->no = no;
	buf_init(&b->raw, TREE_MAX_BLOCK);
	arena_init(&b->text, 16 * (size_t)TREE_MAX_BLOCK);
	vec_init(&b->entries, sizeof(struct mtree_entry), TREE_MAX_BLOCK);
	vec_init(&b->exts, sizeof(struct mtree_ext), TREE_MAX_BLOCK);
	vec_init(&b->xattrs, sizeof(struct tree_xattr), TREE_MAX_BLOCK);
	r = vault_gen_block(t->gen, no, &b->raw, e);
	if (r == E_NOENT) /* a missing segment is damage; "no such file" would be a lie */
		r = e->code = E_CORRUPT;
	if (r == 0)
		r = parse(b, e);
	if (r < 0) {
		block_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

int
mtree_new(VAULT_R *r, const struct vault_generation *g, struct mtree **ret, struct err *e)
{
	struct mtree *t = calloc(1, sizeof(*t));
	int x;

	if (!t)
		return no_memory(e);
	(void)pthread_mutex_init(&t->lock, NULL);
	x = vault_gen_open(r, g, &t->gen, e);
	if (x < 0) {
		mtree_free(t);
		return x;
	}
	t->m = vault_gen_manifest(t->gen);
	*ret = t;
	return 0;
}

void
mtree_free(struct mtree *t)
{
	if (!t)
		return;
	for (int i = 0; i < SLOTS; i++)
		block_free(t->slot[i]);
	vault_gen_close(t->gen);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

uint32_t
mtree_blocks(const struct mtree *t)
{
	return t->m->nrefs;
}

static struct mtree_block *
cached(struct mtree *t, uint32_t no)
{
	for (int i = 0; i < SLOTS; i++) {
		struct mtree_block *b = t->slot[i];

		if (b && b->no == no) {
			b->refs++;
			b->used = ++t->tick;
			return b;
		}
	}
	return NULL;
}

/* make_room(t, need): A free slot, after dropping what was used longest ago until ${need} more
 * bytes fit the limit; NULL when everything is in use. */
static struct mtree_block **
make_room(struct mtree *t, size_t need)
{
	for (;;) {
		struct mtree_block **empty = NULL, **old = NULL;

		for (int i = 0; i < SLOTS; i++) {
			struct mtree_block **s = &t->slot[i];

			if (!*s)
				empty = s;
			else if ((*s)->refs == 0 && (!old || (*s)->used < (*old)->used))
				old = s;
		}
		if (empty && (t->held + need <= KEEP || !old))
			return empty;
		if (!old)
			return NULL;
		t->held -= (*old)->bytes;
		block_free(*old);
		*old = NULL;
	}
}

int
mtree_get(struct mtree *t, uint32_t no, struct mtree_block **ret, struct err *e)
{
	struct mtree_block *b, *mine = NULL, **place;
	int r;

	if (no >= t->m->nrefs)
		return err_set(e, E_NOENT, "no such part of the folder list");
	(void)pthread_mutex_lock(&t->lock);
	b = cached(t, no);
	(void)pthread_mutex_unlock(&t->lock);
	if (b) {
		*ret = b;
		return 0;
	}
	r = load(t, no, &mine, e);
	if (r < 0 || !mine)
		return r < 0 ? r : no_memory(e);
	(void)pthread_mutex_lock(&t->lock);
	b = cached(t, no); /* somebody else may have been quicker */
	if (!b) {
		place = make_room(t, mine->bytes);
		if (place) {
			b = *place = mine;
			b->refs = 1;
			b->used = ++t->tick;
			t->held += b->bytes;
			mine = NULL;
		}
	}
	(void)pthread_mutex_unlock(&t->lock);
	block_free(mine);
	if (!b)
		return err_set(e, E_LIMIT, "too many parts of the folder list are in use at once");
	*ret = b;
	return 0;
}

void
mtree_put(struct mtree *t, struct mtree_block *b)
{
	if (!b)
		return;
	(void)pthread_mutex_lock(&t->lock);
	b->refs--;
	(void)pthread_mutex_unlock(&t->lock);
}

int
mtree_seek(struct mtree *t, const char *dir, const char *name, struct mtree_block **ret,
    uint32_t *ret_i, struct err *e)
{
	uint32_t no, lo, hi;
	struct mtree_block *b = NULL;
	int r;

	if (t->m->nrefs == 0)
		return 0;
	for (no = tree_manifest_find(t->m, dir, name); no < t->m->nrefs; no++) {
		r = mtree_get(t, no, &b, e);
		if (r < 0 || !b)
			return r;
		lo = 0;
		hi = (uint32_t)b->entries.len;
		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;
			const struct mtree_entry *en = mtree_at(b, mid);

			if (tree_key_cmp(en->dir, en->name, dir, name) < 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo < b->entries.len) {
			*ret = b;
			*ret_i = lo;
			return 1;
		}
		mtree_put(t, b); /* the key would be the first of the next block */
	}
	return 0;
}

static int
find_exact(struct mtree *t, const char *dir, const char *name, struct mtree_block **ret,
    uint32_t *ret_i, struct err *e)
{
	struct mtree_block *b = NULL;
	const struct mtree_entry *en;
	uint32_t i = 0;
	int r = mtree_seek(t, dir, name, &b, &i, e);

	if (r != 1 || !b)
		return r;
	en = mtree_at(b, i);
	if (strcmp(en->dir, dir) != 0 || strcmp(en->name, name) != 0) {
		mtree_put(t, b);
		return 0;
	}
	*ret = b;
	*ret_i = i;
	return 1;
}

/* follow(t, target, ret, ret_i, e): The file that a hard link names. */
static int
follow(struct mtree *t, const char *target, struct mtree_block **ret, uint32_t *ret_i,
    struct err *e)
{
	const char *slash = strrchr(target, '/');
	struct buf dir;
	int r;

	buf_init(&dir, TREE_MAX_PATH + 1);
	r = buf_put(&dir, target, slash ? (size_t)(slash - target) : 0, e);
	if (r == 0)
		r = buf_u8(&dir, 0, e);
	if (r == 0)
		r = find_exact(t, (const char *)dir.p, slash ? slash + 1 : target, ret, ret_i, e);
	buf_free(&dir);
	if (r == 1 && (mtree_at(*ret, *ret_i)->type == TREE_HARDLINK ||
		mtree_at(*ret, *ret_i)->type == TREE_DIR)) {
		mtree_put(t, *ret);
		r = 0;
	}
	return r == 0 ? err_set(e, E_CORRUPT, "a hard link names a file that is not there") : r;
}

int
mtree_find(struct mtree *t, const char *dir, const char *name, struct mtree_block **ret,
    uint32_t *ret_i, struct err *e)
{
	struct mtree_block *b = NULL;
	uint32_t i = 0;
	int r = find_exact(t, dir, name, &b, &i, e);

	if (r != 1 || !b)
		return r;
	if (mtree_at(b, i)->type == TREE_HARDLINK) {
		struct mtree_block *link = b;

		r = follow(t, mtree_at(link, i)->target, &b, &i, e);
		mtree_put(t, link);
		if (r < 0)
			return r;
	}
	*ret = b;
	*ret_i = i;
	return 1;
}

int
mtree_inode(struct mtree *t, uint64_t ino, struct mtree_block **ret, uint32_t *ret_i,
    struct err *e)
{
	uint64_t at = ino - 2, no = at >> MTREE_INDEX_BITS;
	uint32_t i = (uint32_t)(at & ((1U << MTREE_INDEX_BITS) - 1));
	int r;

	if (ino < 2 || no >= t->m->nrefs)
		return err_set(e, E_NOENT, "no such inode");
	r = mtree_get(t, (uint32_t)no, ret, e);
	if (r < 0)
		return r;
	if (i >= (*ret)->entries.len) {
		mtree_put(t, *ret);
		return err_set(e, E_NOENT, "no such inode");
	}
	*ret_i = i;
	return 0;
}

int
mtree_path(const struct mtree_entry *en, struct buf *out, struct err *e)
{
	int r = 0;

	buf_clear(out);
	if (en->dir[0]) {
		r = buf_str(out, en->dir, e);
		if (r == 0)
			r = buf_u8(out, '/', e);
	}
	if (r == 0)
		r = buf_str(out, en->name, e);
	return r < 0 ? r : buf_u8(out, 0, e);
}
