/* Reading files: bytes in, extents and the file digest out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vault/bk_int.h"

int
bk_open_item(const struct item *it)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	const struct timespec wait = {.tv_nsec = 250000000};
	int fd = openat(it->dir->fd, it->real, flags | O_NOATIME); /* allow: a source, read only */

	if (fd < 0 && errno == EPERM)
		fd = openat(it->dir->fd, it->real, flags); /* allow: a source, read only */
	/* a file server's client holds it (a lease): it was told to give it back, and must soon */
	for (int i = 0; fd < 0 && errno == EWOULDBLOCK && i < 240; i++) {
		(void)nanosleep(&wait, NULL);
		fd = openat(it->dir->fd, it->real, flags); /* allow: a source, read only */
	}
	return fd;
}

static int64_t
nanos(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* same(a, b): Whether nothing was written between two looks at a file. */
static bool
same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    nanos(&a->st_mtim) == nanos(&b->st_mtim) &&
	    nanos(&a->st_ctim) == nanos(&b->st_ctim);
}

static void
unreadable(struct bk_run *run, struct item *it, int sys)
{
	char why[128];

	it->failed = true;
	it->flags |= TREE_UNREADABLE;
	it->size = 0;
	ext_free(&it->ext);
	(void)snprintf(why, sizeof(why), "%s", strerrordesc_np(sys) ? strerrordesc_np(sys) : "?");
	bk_problem(run, it, why);
}

/* ---- storing one run of bytes ---- */

struct cutter {
	struct bk_run *run;
	struct sink *sink;
	struct extv *ext;
	struct tree_fid *fid;
	enum chunk_class cl;
	bool anew; /* in one piece, whatever is known of it */
};

static int
put_hole(struct cutter *c, uint64_t len, struct err *e)
{
	int r = ext_add(c->ext, UINT32_MAX, 0, len, e);

	return r < 0 ? r : tree_fid_hole(c->fid, len, e);
}

static int
put_chunk(struct cutter *c, const uint8_t *p, size_t n, struct err *e)
{
	uint8_t id[FMT_CHUNK_ID_LEN];
	uint32_t seg, off;
	int r;

	if (!c->anew && chunk_zero(p, n))
		return put_hole(c, n, e);
	hmac_of(c->run->dedup, p, n, id);
	r = c->anew ? sink_store_anew(c->sink, id, p, n, &seg, &off, e) :
	    sink_store(c->sink, id, p, n, &seg, &off, e);
	if (r < 0)
		return r;
	if (r == 1)
		(void)atomic_fetch_add(&c->run->new_bytes, n);
	r = ext_add(c->ext, seg, off, n, e);
	return r < 0 ? r : tree_fid_chunk(c->fid, id, e);
}

/* cut(c, p, n, pos, last, ret, e): Store whole chunks from ${n} bytes that lie at ${pos} in the
 * file;
 * ${ret} = bytes used. Not ${last}: keep back what might still grow. */
static int
cut(struct cutter *c, const uint8_t *p, size_t n, uint64_t pos, bool last, size_t *ret,
    struct err *e)
{
	size_t used = 0;

	while (used < n) {
		size_t left = n - used, len;
		int r;

		if (!last && left < chunk_max(c->cl))
			break;
		if (c->cl == CHUNK_CLASS_GRID) {
			len = CHUNK_GRID - (size_t)((pos + used) % CHUNK_GRID);
			len = len < left ? len : left;
		} else {
			len = chunk_cut(&c->run->chunker, c->cl, p + used, left);
		}
		r = put_chunk(c, p + used, len, e);
		if (r < 0)
			return r;
		used += len;
	}
	*ret = used;
	return 0;
}

/* ---- small files ---- */

struct small {
	struct item *it;
	uint8_t *p;
	size_t n;
};

/* slurp(it, p, cap, ret, sys): Read a small file, again when it changes meanwhile. 1: it is a small
 * file no longer. */
static int
slurp(struct item *it, uint8_t *p, size_t cap, size_t *ret, int *sys)
{
	struct stat after;

	for (it->tries = 0;; it->tries++) {
		int fd = bk_open_item(it);
		size_t n = 0;
		ssize_t k = 0;

		if (fd < 0 || fstat(fd, &it->st) < 0 || !S_ISREG(it->st.st_mode)) {
			*sys = fd >= 0 && !S_ISREG(it->st.st_mode) ? ESTALE : errno;
			if (fd >= 0)
				(void)close(fd);
			return -1;
		}
		while (n < cap && (k = pread(fd, p + n, cap - n, (off_t)n)) != 0) {
			if (k < 0 && errno == EINTR)
				continue;
			if (k < 0)
				break;
			n += (size_t)k;
			if (n == (size_t)it->st.st_size)
				break;
		}
		*sys = errno;
		if (fstat(fd, &after) < 0)
			after.st_size = -1;
		(void)close(fd);
		if (k < 0)
			return -1;
		*ret = n;
		if (n == (size_t)it->st.st_size && same(&it->st, &after))
			return 0;
		if (after.st_size > BK_SMALL) {
			it->st = after;
			return 1;
		}
		if (it->tries + 1 >= BK_TRIES) {
			it->flags |= TREE_CHANGED;
			return 0;
		}
	}
}

static int
store_small(struct cutter *c, struct small *s, struct err *e)
{
	uint8_t mac[1][DIGEST_LEN];
	struct item *it = s->it;
	size_t used = 0;
	int r = 0;

	it->size = s->n;
	it->ext.n = 0;
	c->ext = &it->ext;
	c->cl = chunk_classify(s->p, s->n < 4096 ? s->n : 4096, s->n, it->was_grid);
	if (c->cl == CHUNK_CLASS_GRID)
		it->flags |= TREE_GRID;
	tree_fid_reset(c->fid);
	if (s->n && s->n <= CHUNK_WHOLE && c->cl != CHUNK_CLASS_GRID)
		r = put_chunk(c, s->p, s->n, e);
	else if (s->n)
		r = cut(c, s->p, s->n, 0, true, &used, e);
	if (r == 0 && s->n)
		r = tree_fid_span(c->fid, mac[0], e);
	if (r == 0)
		tree_fid_join(c->run->dedup, mac, s->n ? 1 : 0, it->fid);
	return r;
}

/* store_all: What was read so far, under one slot. */
static void
store_all(struct bk_run *run, struct small *list, size_t n, struct tree_fid *fid)
{
	struct cutter c = {.run = run, .fid = fid};
	struct err e;

	if (n == 0 || bk_stopped(run))
		return;
	c.sink = pool_slot_take(run);
	for (size_t i = 0; i < n; i++) {
		if (store_small(&c, &list[i], &e) < 0) {
			(void)bk_fail(run, &e);
			break;
		}
	}
	pool_slot_give(run, c.sink);
}

/* again(run, b, it, n, some): Read spans once more: all, or the ${n} that are to be gathered. */
static void
again(struct bk_run *run, struct batch *b, struct item *it, uint32_t n, bool some)
{
	struct err e;

	atomic_store(&it->left, n);
	(void)atomic_fetch_add(&b->left, n);
	for (uint32_t i = 0; i < it->nspans; i++) {
		if (some && !it->spans[i].gather)
			continue;
		it->spans[i].ext.n = 0;
		it->spans[i].got = 0;
		if (pool_requeue(run, b, it, i) == 0)
			continue;
		(void)err_set(&e, E_NOMEM, "no memory");
		(void)bk_fail(run, &e);
		pool_task_done(run, b);
	}
}

static void
restart(struct bk_run *run, struct batch *b, struct item *it)
{
	again(run, b, it, it->nspans, false);
}

/* grown(run, b, it): It has become large since it was looked at: read it in spans. */
static void
grown(struct bk_run *run, struct batch *b, struct item *it)
{
	struct err e;

	it->tries = 0;
	it->size = (uint64_t)it->st.st_size;
	if (bk_plan_spans(it, &e) == 0)
		restart(run, b, it);
	else if (e.code == E_LIMIT)
		unreadable(run, it, EFBIG);
	else
		(void)bk_fail(run, &e);
}

void
bk_read_small(struct bk_run *run, struct batch *b, uint8_t *mem)
{
	struct small list[BK_BATCH_ITEMS];
	struct tree_fid *fid = NULL;
	size_t n = 0, at = 0;
	struct err e;
	int sys, x;

	if (tree_fid_new(run->dedup, &fid, &e) < 0) {
		(void)bk_fail(run, &e);
		return;
	}
	for (uint32_t i = 0; i < b->n && !bk_stopped(run); i++) {
		struct item *it = &b->items[i];
		struct small *s = &list[n];

		if (!it->read || it->spans)
			continue;
		if (BK_MEM - at < BK_SMALL) { /* grew since it was looked at: make room */
			store_all(run, list, n, fid);
			n = at = 0;
			s = &list[0];
		}
		*s = (struct small){.it = it, .p = mem + at};
		x = slurp(it, s->p, BK_SMALL, &s->n, &sys);
		if (x < 0)
			unreadable(run, it, sys);
		else if (x == 1)
			grown(run, b, it);
		if (x != 0)
			continue;
		at += s->n;
		n++;
	}
	store_all(run, list, n, fid);
	tree_fid_free(fid);
}

/* ---- spans of large files ---- */

struct reading {
	struct cutter c;
	int fd;
	struct span *sp;
	uint8_t *mem;
	size_t have;    /* bytes in mem not cut yet */
	uint64_t pos;   /* file position of mem[0] */
	bool sparse;
};

/* next_data(r, pos, end): Where data begins at or after ${pos}, at most ${end}. */
static uint64_t
next_data(const struct reading *r, uint64_t pos, uint64_t end)
{
	off_t d;

	if (!r->sparse)
		return pos;
	d = lseek(r->fd, (off_t)pos, SEEK_DATA);
	if (d < 0)
		return errno == ENXIO ? end : pos;
	if (r->c.cl == CHUNK_CLASS_GRID)
		d -= d % CHUNK_GRID;
	return (uint64_t)d < pos ? pos : (uint64_t)d > end ? end : (uint64_t)d;
}

static uint64_t
data_end(const struct reading *r, uint64_t pos, uint64_t end)
{
	/* ${pos} may lie in a hole, before the data whose grid cell it begins */
	off_t d = r->sparse ? lseek(r->fd, (off_t)pos, SEEK_DATA) : -1;
	off_t h = d < 0 ? -1 : lseek(r->fd, d, SEEK_HOLE);

	return h < 0 || (uint64_t)h > end ? end : (uint64_t)h;
}

static int
drain(struct reading *r, bool last, struct err *e)
{
	size_t used = 0;
	int x = cut(&r->c, r->mem, r->have, r->pos, last, &used, e);

	if (x < 0)
		return x;
	(void)memmove(r->mem, r->mem + used, r->have - used);
	r->have -= used;
	r->pos += used;
	return 0;
}

/* read_data(r, from, to, sys, e): One stretch without holes. 1: the file ended early; E_SYS with
 * *sys set: the source cannot be read. */
static int
read_data(struct reading *r, uint64_t from, uint64_t to, int *sys, struct err *e)
{
	enum { PIECE = 1 << 20 };

	r->have = 0;
	r->pos = from;
	while (from < to && !bk_stopped(r->c.run)) {
		size_t want = to - from < PIECE ? (size_t)(to - from) : PIECE;
		ssize_t k = pread(r->fd, r->mem + r->have, want, (off_t)from);
		int x;

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			*sys = errno;
			return E_SYS;
		}
		if (k == 0)
			break;
		(void)posix_fadvise(r->fd, (off_t)from + k + PIECE, PIECE, POSIX_FADV_WILLNEED);
		r->have += (size_t)k;
		from += (uint64_t)k;
		x = drain(r, from == to, e);
		if (x < 0)
			return x;
	}
	if (from < to) {
		int x = drain(r, true, e);

		return x < 0 ? x : 1;
	}
	return 0;
}

static int
read_span(struct reading *r, uint64_t off, uint64_t end, int *sys, struct err *e)
{
	uint64_t pos = off;
	int x = 0;

	while (pos < end && x == 0) {
		uint64_t data = next_data(r, pos, end), stop;

		if (data > pos) {
			x = put_hole(&r->c, data - pos, e);
			pos = data;
			continue;
		}
		stop = data_end(r, pos, end);
		x = read_data(r, pos, stop, sys, e);
		pos = x == 1 ? r->pos : stop;
	}
	r->sp->got = pos - off;
	return x < 0 ? x : tree_fid_span(r->c.fid, r->sp->mac, e);
}

/* ---- when all spans of a file are done ---- */

/* scatter(v): About how many bytes the pieces take in the list of files. */
static uint64_t
scatter(const struct extv *v)
{
	const struct ext *last = NULL;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < v->n; i++) {
		const struct ext *x = &v->p[i];
		bool on = last && last->seg == x->seg && last->off + last->len == x->off;

		sum += x->seg == UINT32_MAX || on ? 3 : 11;
		last = x->seg == UINT32_MAX ? last : x;
	}
	return sum;
}

/* gather(run, b, it): A file that has been changing here and there for many generations lies in
 * more pieces than the list of files can hold: its worst spans are stored anew, each in one piece.
 * False when there is no need, or it was done before. */
static bool
gather(struct bk_run *run, struct batch *b, struct item *it)
{
	uint64_t max = run->b->max_scatter ? run->b->max_scatter : BK_SCATTER, sum = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < it->nspans; i++)
		sum += scatter(&it->spans[i].ext);
	if (sum <= max || it->gathered)
		return false;
	it->gathered = true;
	for (uint32_t i = 0; i < it->nspans; i++) {
		it->spans[i].gather = scatter(&it->spans[i].ext) > max / it->nspans;
		n += it->spans[i].gather;
	}
	again(run, b, it, n, true);
	return n > 0;
}

static int
join_spans(struct bk_run *run, struct item *it, struct err *e)
{
	uint8_t (*macs)[DIGEST_LEN] = calloc(it->nspans, DIGEST_LEN);
	uint32_t n = 0;
	int r = 0;

	if (!macs)
		return err_set(e, E_NOMEM, "no memory");
	it->size = 0;
	it->ext.n = 0;
	for (uint32_t i = 0; r == 0 && i < it->nspans; i++) {
		struct span *sp = &it->spans[i];

		if (sp->got == 0)
			break;
		for (uint32_t k = 0; r == 0 && k < sp->ext.n; k++)
			r = ext_add(&it->ext, sp->ext.p[k].seg, sp->ext.p[k].off,
			    sp->ext.p[k].len, e);
		(void)memcpy(macs[n++], sp->mac, DIGEST_LEN);
		it->size += sp->got;
		if (sp->got < sp->len)
			break;
	}
	if (r == 0)
		tree_fid_join(run->dedup, macs, n, it->fid);
	free(macs);
	return r;
}

static void
file_done(struct bk_run *run, struct batch *b, struct item *it, int fd)
{
	struct stat now = {0};
	struct err e;

	if (it->failed) {
		unreadable(run, it, it->tries);
		return;
	}
	if (fstat(fd, &now) < 0 || !same(&it->st, &now)) {
		if (++it->tries < BK_TRIES) {
			if (now.st_size == it->st.st_size) {
				it->st = now;
				restart(run, b, it);
				return;
			}
		}
		it->flags |= TREE_CHANGED;
	}
	if (gather(run, b, it))
		return;
	if (join_spans(run, it, &e) < 0)
		(void)bk_fail(run, &e);
}

void
bk_read_span(struct bk_run *run, struct batch *b, struct item *it, uint32_t i, uint8_t *mem)
{
	struct span *sp = &it->spans[i];
	struct reading r = {.sp = sp, .mem = mem};
	struct tree_fid *fid = NULL;
	struct err e;
	int sys = 0, x;

	r.fd = bk_open_item(it);
	if (r.fd < 0) {
		sys = errno;
		it->failed = true;
	}
	r.sparse = it->st.st_blocks < it->st.st_size / 512 && !sp->gather;
	x = tree_fid_new(run->dedup, &fid, &e);
	if (x == 0 && r.fd >= 0) {
		r.c = (struct cutter){.run = run, .ext = &sp->ext, .fid = fid, .cl = it->cl,
		    .anew = sp->gather};
		(void)posix_fadvise(r.fd, (off_t)sp->off, (off_t)sp->len, POSIX_FADV_SEQUENTIAL);
		r.c.sink = pool_slot_take(run);
		x = read_span(&r, sp->off, sp->off + sp->len, &sys, &e);
		pool_slot_give(run, r.c.sink);
		if (sys) {
			it->failed = true;
			x = 0;
		}
	}
	tree_fid_free(fid);
	if (x < 0)
		(void)bk_fail(run, &e);
	if (sys)
		it->tries = sys; /* kept for the message */
	if (atomic_fetch_sub(&it->left, 1) == 1 && !bk_stopped(run))
		file_done(run, b, it, r.fd);
	if (r.fd >= 0)
		(void)close(r.fd);
}
