/* The content of one file: written around its holes, verified as it comes, or found to be there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/restore_int.h"

enum { PAGE = 4096, SPAN_LEN = 8 << 20 };

/* ---- tables of contents, for damage and for comparing ---- */

/* toc_of(w, seg, ret): The table of a segment with its chunks; its error code when there is none.
 */
static int
toc_of(struct worker *w, const uint8_t *seg, const struct fmt_toc **ret, struct err *e)
{
	size_t best = 0;

	for (size_t i = 0; i < TOC_CACHE; i++) {
		if (w->tocs[i].used && memcmp(w->tocs[i].seg, seg, FMT_ID_LEN) == 0) {
			w->tocs[i].tick = ++w->tick;
			*ret = &w->tocs[i].toc;
			return w->tocs[i].code < 0 ?
			    err_set(e, w->tocs[i].code, "a segment's table cannot be read") : 0;
		}
		if (w->tocs[i].tick < w->tocs[best].tick)
			best = i;
	}
	if (w->tocs[best].used && w->tocs[best].code == 0)
		fmt_toc_free(&w->tocs[best].toc);
	w->tocs[best].used = true;
	w->tocs[best].tick = ++w->tick;
	(void)memcpy(w->tocs[best].seg, seg, FMT_ID_LEN);
	w->tocs[best].code = vault_toc(w->ctx, seg, &w->tocs[best].toc, e);
	*ret = &w->tocs[best].toc;
	return w->tocs[best].code;
}

/* hole_of(w, seg, off, len): How many of the ${len} bytes at ${off} share the damage met there: up
 * to the end of the group, or all when not even the table can be read. */
static uint64_t
hole_of(struct worker *w, const uint8_t *seg, uint64_t off, uint64_t len)
{
	const struct fmt_toc *t;
	uint32_t lo = 0, hi;
	uint64_t end;
	struct err e;

	if (toc_of(w, seg, &t, &e) < 0 || t->ngroups == 0 || off >= t->stream_len)
		return len;
	for (hi = t->ngroups; hi - lo > 1;) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->groups[mid].off <= off)
			lo = mid;
		else
			hi = mid;
	}
	end = (uint64_t)t->groups[lo].off + t->groups[lo].ulen;
	return end > off && end - off < len ? end - off : len;
}

/* ---- writing ---- */

static void
lost(struct rfile *rf, uint64_t n, const char *why)
{
	(void)pthread_mutex_lock(&rf->lock);
	if (rf->lost == 0)
		(void)snprintf(rf->why, sizeof(rf->why), "%.190s", why);
	rf->lost += n;
	(void)pthread_mutex_unlock(&rf->lock);
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* put_data(w, rf, p, n, pos, e): Write, leaving out pages that are all zero. */
static int
put_data(struct worker *w, struct rfile *rf, const uint8_t *p, size_t n, uint64_t pos,
    struct err *e)
{
	size_t from = 0, at = (size_t)(-pos & (PAGE - 1));
	bool tail;
	int r = 0;

	while (n >= PAGE && at <= n - PAGE && r == 0) {
		size_t next = at + PAGE;

		if (p[at] == 0 && is_zero(p + at, PAGE)) {
			if (at > from)
				r = fio_pwrite_all(w->rs->f, rf->fd, p + from, at - from,
				    pos + from, e);
			from = next;
		}
		at = next;
	}
	tail = n > from;
	if (r == 0 && tail)
		r = fio_pwrite_all(w->rs->f, rf->fd, p + from, n - from, pos + from, e);
	if (!rf->shared && tail)
		rf->end = pos + n;
	if (r < 0 && !restore_target_fatal(e)) {
		lost(rf, n, e->msg);
		r = 0;
	}
	return r;
}

/* put_piece(w, rf, x, skip, len, pos, e): ${len} bytes of an extent, from ${skip} on. */
static int
put_piece(struct worker *w, struct rfile *rf, const struct tree_extent *x, uint64_t skip,
    uint64_t len, uint64_t pos, struct err *e)
{
	uint32_t off = x->off + (uint32_t)skip;

	while (len > 0) {
		const uint8_t *p = NULL;
		uint64_t take;
		ssize_t n;
		int r = 0;

		if (restore_stopped(w->rs))
			return err_set(e, E_CANCEL, "stopped as asked");
		n = vault_view(w->ctx, x->seg, off, &p, e);
		if (n < 0) {
			if (restore_fatal((int)n))
				return (int)n;
			take = hole_of(w, x->seg, off, len);
			lost(rf, take, e->msg);
		} else {
			take = (uint64_t)n < len ? (uint64_t)n : len;
			r = put_data(w, rf, p, (size_t)take, pos, e);
			atomic_fetch_add_explicit(&w->rs->bytes, take, memory_order_relaxed);
		}
		if (r < 0)
			return r;
		len -= take;
		pos += take;
		off += (uint32_t)take;
	}
	return 0;
}

/* put_range(w, rf, i, skip, pos, len, e): From byte ${skip} of extent ${i} on. */
static int
put_range(struct worker *w, struct rfile *rf, uint32_t i, uint64_t skip, uint64_t pos,
    uint64_t len, struct err *e)
{
	int r = 0;

	for (; len > 0 && i < rf->en.nextents && r == 0; i++, skip = 0) {
		const struct tree_extent *x = &rf->en.extents[i];
		uint64_t take = x->len - skip < len ? x->len - skip : len;

		if (x->seg)
			r = put_piece(w, rf, x, skip, take, pos, e);
		pos += take;
		len -= take;
	}
	return r;
}

static int
done(struct worker *w, struct rfile *rf, struct err *e)
{
	struct restore *rs = w->rs;
	const struct tree_entry *en = &rf->en;
	uint32_t mode = rs->odd_target ? UINT32_MAX : en->mode & 0777 & ~rs->umask;
	uint32_t gid = rs->odd_target ? UINT32_MAX : rs->egid;
	int r = meta_finish(w, rf->fd, en, mode, rs->euid, gid, e);

	fio_close(rs->f, rf->fd);
	rf->fd = -1;
	if (r < 0)
		return r;
	if (rf->lost)
		restore_problem(rs, RESTORE_DAMAGED, en->dir, en->name, rf->lost, rf->why);
	else
		atomic_fetch_add_explicit(&rs->files, 1, memory_order_relaxed);
	return 0;
}

/* ---- big files: several workers at once ---- */

static void
big_free(struct restore *rs, struct rfile *rf)
{
	fio_close(rs->f, rf->fd);
	arena_free(&rf->mem);
	(void)pthread_mutex_destroy(&rf->lock);
	free(rf);
}

int
file_span(struct worker *w, struct span *s, struct err *e)
{
	struct rfile *rf = s->file;
	uint64_t left = rf->en.size - s->pos;
	int r = put_range(w, rf, s->first, s->skip, s->pos, left < SPAN_LEN ? left : SPAN_LEN, e);

	if (r < 0)
		atomic_store(&w->rs->stop, true);
	if (atomic_fetch_sub(&rf->left, 1) != 1)
		return r;
	/* the last one out; after a failure elsewhere the file is left without its time */
	if (r == 0 && !atomic_load(&w->rs->stop))
		r = done(w, rf, e);
	big_free(w->rs, rf);
	return r;
}

void
file_drop(struct restore *rs, struct span *s)
{
	if (atomic_fetch_sub(&s->file->left, 1) == 1)
		big_free(rs, s->file);
	free(s);
}

/* cut(rs, rf, ret_n): Spans of a file, without those that are holes altogether. NULL: no memory. */
static struct span *
cut(struct rfile *rf, unsigned *ret_n)
{
	struct span *list = NULL, *s;
	uint64_t base = 0, done_to = 0;

	*ret_n = 0;
	for (uint32_t i = 0; i < rf->en.nextents; base += rf->en.extents[i++].len) {
		const struct tree_extent *x = &rf->en.extents[i];
		uint64_t pos = base > done_to ? base : done_to;

		while (x->seg && pos < base + x->len) {
			s = calloc(1, sizeof(*s));
			if (!s)
				break;
			*s = (struct span){.next = list, .file = rf, .pos = pos, .first = i,
			    .skip = pos - base};
			list = s;
			++*ret_n;
			pos += SPAN_LEN;
			done_to = pos;
		}
		if (x->seg && pos < base + x->len)
			break; /* no memory */
		if (i + 1 == rf->en.nextents)
			return list;
	}
	while ((s = list)) {
		list = s->next;
		free(s);
	}
	return NULL;
}

static struct rfile *
big_new(const struct tree_entry *en, int fd, struct err *e)
{
	struct rfile *rf = calloc(1, sizeof(*rf));

	if (!rf)
		return NULL;
	(void)pthread_mutex_init(&rf->lock, NULL);
	arena_init(&rf->mem, 256 << 20);
	rf->fd = -1;
	if (feed_copy(&rf->mem, en, &rf->en, e) < 0) {
		arena_free(&rf->mem);
		(void)pthread_mutex_destroy(&rf->lock);
		free(rf);
		return NULL;
	}
	rf->fd = fd;
	rf->shared = true;
	return rf;
}

/* share(w, en, fd, e): Put the spans of a file where all workers find them. Takes ${fd}. */
static int
share(struct worker *w, const struct tree_entry *en, int fd, struct err *e)
{
	struct restore *rs = w->rs;
	struct rfile *rf = big_new(en, fd, e);
	struct span *list, *last;
	unsigned n;

	if (!rf) {
		fio_close(rs->f, fd);
		return err_set(e, E_NOMEM, "no memory for a large file");
	}
	list = cut(rf, &n);
	if (!list) {
		big_free(rs, rf);
		return err_set(e, E_NOMEM, "no memory for a large file");
	}
	atomic_store(&rf->left, n);
	for (last = list; last->next;)
		last = last->next;
	(void)pthread_mutex_lock(&rs->lock);
	last->next = rs->spans;
	rs->spans = list;
	(void)pthread_cond_broadcast(&rs->cond);
	(void)pthread_mutex_unlock(&rs->lock);
	return 0;
}

/* ---- comparing what is there already ---- */

static int
compare_buf(struct worker *w, size_t n, struct err *e)
{
	uint8_t *p;

	if (n <= w->buf_len)
		return 0;
	p = realloc(w->buf, n);
	if (!p)
		return err_set(e, E_NOMEM, "no memory to compare a file");
	w->buf = p;
	w->buf_len = n;
	return 0;
}

/* zeros(w, fd, pos, len, e): 1 when the range reads as zeros. */
static int
zeros(struct worker *w, int fd, uint64_t pos, uint64_t len, struct err *e)
{
	int r = compare_buf(w, 128 << 10, e);

	while (r == 0 && len > 0) {
		off_t at = lseek(fd, (off_t)pos, SEEK_DATA);
		size_t n = len < (128 << 10) ? (size_t)len : 128 << 10;

		if (at < 0 && errno == ENXIO)
			return 1;
		if (at > (off_t)pos) {
			uint64_t skip = (uint64_t)at - pos;

			if (skip >= len)
				return 1;
			pos += skip;
			len -= skip;
			continue;
		}
		r = fio_pread_all(w->rs->f, fd, w->buf, n, pos, e);
		if (r == 0 && !is_zero(w->buf, n))
			return 0;
		pos += n;
		len -= n;
	}
	return r == 0 ? 1 : 0;
}

/* same_piece(w, fd, x, pos, e): 1 when the file's bytes at ${pos} are the chunks of ${x}. */
static int
same_piece(struct worker *w, int fd, const struct tree_extent *x, uint64_t pos, struct err *e)
{
	const struct hmac *h = vault_r_dedup(w->rs->r);
	const struct fmt_toc *t;
	uint32_t lo = 0, hi;
	uint64_t left = x->len;
	uint8_t id[FMT_CHUNK_ID_LEN];
	int r = toc_of(w, x->seg, &t, e);

	if (r < 0 || !h || t->nchunks == 0)
		return restore_fatal(r) ? r : 0;
	for (hi = t->nchunks; hi - lo > 1;) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->chunks[mid].off <= x->off)
			lo = mid;
		else
			hi = mid;
	}
	if (t->chunks[lo].off != x->off)
		return 0;
	for (; left > 0 && lo < t->nchunks; lo++) {
		uint32_t n = t->chunks[lo].len;

		if (restore_stopped(w->rs))
			return err_set(e, E_CANCEL, "stopped as asked");
		if (n == 0 || n > left)
			return 0;
		r = compare_buf(w, n, e);
		if (r < 0)
			return r;
		if (fio_pread_all(w->rs->f, fd, w->buf, n, pos, e) < 0)
			return 0;
		hmac_of(h, w->buf, n, id);
		if (memcmp(id, t->chunks[lo].id, sizeof(id)) != 0)
			return 0;
		pos += n;
		left -= n;
	}
	return left == 0;
}

/* there(w, dirfd, en, e): 1 when the file is there already, whole; its attributes are set again. */
static int
there(struct worker *w, int dirfd, const struct tree_entry *en, struct err *e)
{
	struct restore *rs = w->rs;
	struct stat st;
	uint64_t pos = 0;
	int fd = fio_open(rs->f, dirfd, en->name, O_RDONLY | O_NONBLOCK, 0, NULL);
	int r = 1;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != en->size ||
	    st.st_mtim.tv_sec != en->mtime || st.st_mtim.tv_nsec != (long)en->mtime_ns)
		r = 0;
	for (uint32_t i = 0; i < en->nextents && r == 1; pos += en->extents[i++].len) {
		const struct tree_extent *x = &en->extents[i];

		r = x->seg ? same_piece(w, fd, x, pos, e) : zeros(w, fd, pos, x->len, e);
	}
	if (r == 1) {
		int x = meta_finish(w, fd, en, st.st_mode & 07777, st.st_uid, st.st_gid, e);

		atomic_fetch_add_explicit(&rs->kept, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&rs->files, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&rs->bytes, en->size, memory_order_relaxed);
		r = x < 0 ? x : 1;
	}
	fio_close(rs->f, fd);
	return r;
}

/* ---- one file ---- */

/* create(w, dirfd, en, ret, e): A new, empty file: 1; 0 when it was written down why not. */
static int
create(struct worker *w, int dirfd, const struct tree_entry *en, int *ret, struct err *e)
{
	enum { HOW = O_WRONLY | O_CREAT | O_EXCL };
	const struct fio *f = w->rs->f;
	int fd = fio_open(f, dirfd, en->name, HOW, en->mode & 0777, e);

	if (fd == E_EXIST) {
		int r = meta_clear(w, dirfd, en, e);

		if (r <= 0)
			return r;
		fd = fio_open(f, dirfd, en->name, HOW, en->mode & 0777, e);
	}
	*ret = fd;
	if (fd >= 0)
		return 1;
	if (restore_target_fatal(e))
		return fd;
	restore_problem(w->rs, RESTORE_REFUSED, en->dir, en->name, en->size, e->msg);
	return 0;
}

static uint64_t
hole_bytes(const struct tree_entry *en)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < en->nextents; i++)
		n += en->extents[i].seg ? 0 : en->extents[i].len;
	return n;
}

/* set_size(w, en, fd, e): 1, or 0 when the target cannot hold it, which is written down. */
static int
set_size(struct worker *w, const struct tree_entry *en, int fd, struct err *e)
{
	int r = fio_truncate(w->rs->f, fd, en->size, e);

	if (r == 0)
		return 1;
	if (restore_target_fatal(e))
		return r;
	restore_problem(w->rs, RESTORE_REFUSED, en->dir, en->name, en->size, e->msg);
	return 0;
}

static int
write_file(struct worker *w, const struct tree_entry *en, int fd, struct err *e)
{
	struct restore *rs = w->rs;
	uint64_t holes = hole_bytes(en);
	bool big = en->size - holes >= BIG_FILE && atomic_load(&rs->sharing);
	struct rfile rf = {.en = *en, .fd = fd};
	int r = 1;

	/* the size first: what is left out stays a hole */
	if (holes > 0 || big)
		r = set_size(w, en, fd, e);
	if (r == 1)
		atomic_fetch_add_explicit(&rs->bytes, holes, memory_order_relaxed);
	if (r == 1 && big)
		return share(w, en, fd, e);
	if (r <= 0) {
		fio_close(rs->f, fd);
		return r;
	}
	(void)pthread_mutex_init(&rf.lock, NULL);
	r = put_range(w, &rf, 0, 0, 0, en->size, e);
	if (r == 0 && holes == 0 && rf.end < en->size)
		r = fio_truncate(rs->f, fd, en->size, e);
	if (r == 0)
		r = done(w, &rf, e);
	else
		fio_close(rs->f, fd);
	(void)pthread_mutex_destroy(&rf.lock);
	return r;
}

int
file_restore(struct worker *w, const struct tree_entry *en, struct err *e)
{
	int dirfd, fd, r;

	if (en->flags & TREE_UNREADABLE) {
		restore_problem(w->rs, RESTORE_UNREAD, en->dir, en->name, en->size,
		    "it could not be read when this generation was made");
		return 0;
	}
	r = meta_dir(w, en, &dirfd, e);
	if (r <= 0)
		return r;
	if (w->rs->o->resume) {
		r = there(w, dirfd, en, e);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	r = create(w, dirfd, en, &fd, e);
	return r <= 0 ? r : write_file(w, en, fd, e);
}
