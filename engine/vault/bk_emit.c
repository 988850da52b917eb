/* Emitting finished batches in order: tree blocks, the list for the next run, the manifest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "vault/bk_int.h"

void
bk_batch_free(struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];

		for (uint32_t k = 0; k < it->nspans; k++)
			ext_free(&it->spans[k].ext);
		free(it->spans);
		ext_free(&it->ext);
		dirh_put(it->dir);
	}
	free(b->items);
	arena_free(&b->mem);
	free(b);
}

/* need(run, seg, e): This generation needs a segment. */
static int
need(struct bk_run *run, uint32_t seg, struct err *e)
{
	if (seg / 8 >= run->need_cap) {
		uint32_t cap = seg / 8 + 1024;
		uint8_t *p = realloc(run->need, cap);

		if (!p)
			return err_set(e, E_NOMEM, "no memory");
		(void)memset(p + run->need_cap, 0, cap - run->need_cap);
		run->need = p;
		run->need_cap = cap;
	}
	run->need[seg / 8] |= (uint8_t)(1 << (seg % 8));
	return 0;
}

/* ---- blocks ---- */

static int
store_meta(struct bk_run *run, const struct buf *b, struct tree_ref *ref, struct err *e)
{
	uint8_t id[FMT_CHUNK_ID_LEN];
	uint32_t seg, off;
	int r;

	hmac_of(run->dedup, b->p, b->len, id);
	r = sink_store(&run->meta, id, b->p, b->len, &seg, &off, e);
	if (r < 0)
		return r;
	index_seg_id(run->index, seg, ref->seg);
	ref->off = off;
	ref->len = (uint32_t)b->len;
	return need(run, seg, e);
}

static int
end_block(struct bk_run *run, struct err *e)
{
	const char *dir, *name;
	struct tree_ref *ref;
	int r;

	if (tree_block_count(run->block) == 0)
		return 0;
	ref = vec_add(&run->refs);
	if (!ref)
		return err_set(e, E_NOMEM, "no memory");
	tree_block_first(run->block, &dir, &name);
	ref->dir = arena_dup(&run->keys, dir, strlen(dir));
	ref->name = arena_dup(&run->keys, name, strlen(name));
	if (!ref->dir || !ref->name)
		return err_set(e, E_NOMEM, "no memory");
	ref->count = tree_block_count(run->block);
	buf_clear(&run->block_buf);
	r = tree_block_end(run->block, &run->block_buf, e);
	return r < 0 ? r : store_meta(run, &run->block_buf, ref, e);
}

/* ---- one entry ---- */

/* extents(run, it, en, e): The pieces as the tree names them, in the run's scratch memory. */
static int
extents(struct bk_run *run, struct item *it, struct tree_entry *en, struct err *e)
{
	struct arena *mem = &run->scratch;
	struct tree_extent *x;
	uint32_t last_no = UINT32_MAX;
	uint8_t *last = NULL;

	if (it->ext.n == 0)
		return 0;
	arena_reset(mem);
	x = arena_alloc(mem, (size_t)it->ext.n * sizeof(*x));
	if (!x)
		return err_set(e, E_LIMIT, "a file lies in too many pieces");
	for (uint32_t i = 0; i < it->ext.n; i++) {
		const struct ext *p = &it->ext.p[i];

		x[i].off = p->off;
		x[i].len = p->len;
		if (p->seg == UINT32_MAX)
			continue;
		if (p->seg != last_no) {
			int r = need(run, p->seg, e);

			last = arena_alloc(mem, FMT_ID_LEN);
			if (r < 0 || !last)
				return r < 0 ? r : err_set(e, E_NOMEM, "no memory");
			index_seg_id(run->index, p->seg, last);
			last_no = p->seg;
		}
		x[i].seg = last;
	}
	en->extents = x;
	en->nextents = it->ext.n;
	return 0;
}

static int64_t
nanos(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static int
remember(struct bk_run *run, const struct item *it, struct err *e)
{
	struct files_entry f = {
		.dir = it->dir->path, .name = it->name, .ino = it->st.st_ino, .size = it->size,
		.mtime = nanos(&it->st.st_mtim), .ctime = nanos(&it->st.st_ctim),
		.read_at = it->read_at, .flags = it->flags, .xattrs = it->xattrs,
		.nxattrs = it->nxattrs, .ext = it->ext,
	};

	(void)memcpy(f.fid, it->fid, TREE_FID_LEN);
	return files_w_add(run->fw, &f, e);
}

static void
count(struct bk_run *run, const struct item *it)
{
	if (it->type == TREE_FILE) {
		(void)atomic_fetch_add(&run->files, 1);
		(void)atomic_fetch_add(&run->bytes, it->size);
		if (it->flags & TREE_CHANGED)
			(void)atomic_fetch_add(&run->changed, 1);
		if (!it->known)
			run->added++;
		else if (memcmp(it->fid, it->old_fid, TREE_FID_LEN) != 0)
			run->altered++;
		else
			return;
		run->touched_bytes += it->size;
	} else if (it->type == TREE_DIR) {
		run->dirs++;
	} else {
		run->others++;
	}
}

/* ---- names of one file ---- */

static int
set_lost(struct bk_run *run, const char *first, const struct item *it, struct err *e)
{
	char *path, *old;
	int r;

	if (it && asprintf(&path, "%s%s%s", it->dir->path, *it->dir->path ? "/" : "", it->name) < 0)
		return err_set(e, E_NOMEM, "no memory");
	if (!it && !(path = strdup("")))
		return err_set(e, E_NOMEM, "no memory");
	old = map_get(&run->lost, first, strlen(first));
	r = map_put(&run->lost, first, strlen(first), path, e);
	free(r < 0 ? path : old);
	return r;
}

/* follow(run, b, it, e): A name of a file whose first name was not read, or was another file when
 * it was: this name is read instead, and the later ones lead here. */
static int
follow(struct bk_run *run, struct batch *b, struct item *it, struct err *e)
{
	const char *first = it->target, *instead = map_get(&run->lost, first, strlen(first));
	int r;

	if (!instead)
		return 0;
	if (*instead) {
		it->target = arena_dup(&b->mem, instead, strlen(instead));
		return it->target ? 0 : err_set(e, E_NOMEM, "no memory");
	}
	r = bk_late(run, b, it, e);
	if (r == 0 && !bk_stopped(run) && !(it->flags & TREE_UNREADABLE) &&
	    it->st.st_ino == it->ino)
		r = set_lost(run, first, it, e);
	return r;
}

/* note_lost(run, it, e): A first name to which nothing may be linked. */
static int
note_lost(struct bk_run *run, const struct item *it, struct err *e)
{
	char *path;
	int r;

	if (!it->first_name || (!(it->flags & TREE_UNREADABLE) && it->st.st_ino == it->ino))
		return 0;
	if (asprintf(&path, "%s%s%s", it->dir->path, *it->dir->path ? "/" : "", it->name) < 0)
		return err_set(e, E_NOMEM, "no memory");
	r = set_lost(run, path, NULL, e);
	free(path);
	return r;
}

/* ---- one entry, continued ---- */

/* add(run, it, en, e): Into the list. What the list cannot hold is written down and left out, and
 * the rest goes on: one strange file must not end every backup. 1: it was left out. */
static int
add(struct bk_run *run, struct item *it, struct tree_entry *en, struct err *e)
{
	int r = it->type == TREE_FILE ? extents(run, it, en, e) : 0;

	if (r == 0)
		r = tree_block_add(run->block, en, e);
	if (r != E_INVAL && r != E_LIMIT)
		return r;
	bk_problem(run, it, e->msg);
	en->nxattrs = it->nxattrs = 0;
	if (it->type == TREE_FILE) {
		it->flags = en->flags = TREE_UNREADABLE;
		en->size = it->size = en->nextents = 0;
		(void)memset(en->fid, 0, TREE_FID_LEN);
	}
	r = tree_block_add(run->block, en, e);
	return r == E_INVAL || r == E_LIMIT ? 1 : r;
}

static int
emit_item(struct bk_run *run, struct batch *b, struct item *it, struct err *e)
{
	int r = it->type == TREE_HARDLINK ? follow(run, b, it, e) : 0;
	struct tree_entry en = {
		.dir = it->dir->path, .name = it->name, .type = it->type, .flags = it->flags,
		.mode = it->st.st_mode & 07777, .uid = it->st.st_uid, .gid = it->st.st_gid,
		.mtime = it->st.st_mtim.tv_sec, .mtime_ns = (uint32_t)it->st.st_mtim.tv_nsec,
		.target = it->target, .xattrs = it->xattrs, .nxattrs = it->nxattrs,
	};

	if (r < 0 || bk_stopped(run))
		return r;
	if (it->type == TREE_CHR || it->type == TREE_BLK)
		en.rdev = (uint64_t)major(it->st.st_rdev) << 32 | minor(it->st.st_rdev);
	if (it->type == TREE_FILE) {
		en.size = it->size;
		(void)memcpy(en.fid, it->fid, TREE_FID_LEN);
	}
	r = add(run, it, &en, e);
	if (r < 0)
		return e ? err_wrap(e, "%s/%s", en.dir, en.name) : r;
	if (it->type == TREE_FILE && note_lost(run, it, e) < 0)
		return E_NOMEM;
	if (r == 1)
		return 0;
	count(run, it);
	if (it->type == TREE_FILE && !(it->flags & (TREE_CHANGED | TREE_UNREADABLE)))
		r = remember(run, it, e);
	if (r == 0 && tree_block_full(run->block))
		r = end_block(run, e);
	return r;
}

static void
report(struct bk_run *run, const struct item *it)
{
	struct vault_progress p = {
		.files = atomic_load(&run->files), .bytes = atomic_load(&run->bytes),
		.new_bytes = atomic_load(&run->new_bytes), .path = it ? it->name : "",
	};

	if (run->b->progress)
		run->b->progress(run->b->cookie, &p);
}

int
bk_emit_first(struct bk_run *run, struct err *e)
{
	struct batch *b = run->first;
	int r = 0;

	pool_wait_batch(run, b);
	run->first = b->next;
	if (!run->first)
		run->last = &run->first;
	run->in_flight--;
	for (uint32_t i = 0; r == 0 && i < b->n && !bk_stopped(run); i++)
		r = emit_item(run, b, &b->items[i], e);
	report(run, b->n ? &b->items[b->n - 1] : NULL);
	bk_batch_free(b);
	if (r == 0 && bk_stopped(run))
		r = err_set(e, E_CANCEL, "stopped");
	return r;
}

static bool
has_small(const struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->items[i].read && !b->items[i].spans)
			return true;
	}
	return false;
}

int
bk_post(struct bk_run *run, struct batch *b, struct err *e)
{
	bool small = has_small(b);
	unsigned tasks = small;
	int r = 0;

	while (r == 0 && run->in_flight >= BK_IN_FLIGHT)
		r = bk_emit_first(run, e);
	if (r < 0) {
		bk_batch_free(b);
		return r;
	}
	for (uint32_t i = 0; i < b->n; i++)
		tasks += b->items[i].nspans;
	atomic_store(&b->left, tasks);
	*run->last = b;
	run->last = &b->next;
	run->in_flight++;
	if (small)
		r = pool_post(run, b, NULL, 0, e);
	tasks -= r == 0 ? small : 0;
	for (uint32_t i = 0; i < b->n && r == 0; i++) {
		for (uint32_t k = 0; k < b->items[i].nspans && r == 0; k++) {
			r = pool_post(run, b, &b->items[i], k, e);
			tasks -= r == 0;
		}
	}
	/* what could not be posted is not waited for */
	for (; r < 0 && tasks > 0; tasks--)
		pool_task_done(run, b);
	return r;
}

int
bk_emit_all(struct bk_run *run, struct err *e)
{
	int r = 0;

	while (run->first) {
		if (r == 0)
			r = bk_emit_first(run, e);
		else {
			struct batch *b = run->first;

			pool_wait_batch(run, b);
			run->first = b->next;
			bk_batch_free(b);
		}
	}
	run->last = &run->first;
	return r;
}

int
bk_emit_end(struct bk_run *run, struct fmt_snap_info *info, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	struct tree_ref ref;
	int r = end_block(run, e);

	if (r < 0)
		return r;
	buf_init(&b, 48 << 20);
	run->man.refs = run->refs.p;
	run->man.nrefs = (uint32_t)run->refs.len;
	r = tree_manifest_put(&b, &run->man, e);
	if (r == 0)
		r = store_meta(run, &b, &ref, e);
	if (r < 0)
		return r;
	(void)memcpy(info->manifest_seg, ref.seg, FMT_ID_LEN);
	info->manifest_off = ref.off;
	info->manifest_len = ref.len;
	return 0;
}
