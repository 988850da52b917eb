#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "vault/segr.h"
#include "vault/verify_int.h"

enum { READ_PAGES = 8, AHEAD_PAGES = 64, MAX_CHUNK = 64 << 20 };

struct vseg_worker {
	struct verify *v;
	struct vault_ctx *ctx; /* NULL without a key */
	uint8_t *read;    /* READ_PAGES pages */
	uint8_t *hashes;  /* as stored, padded */
	uint8_t *own;     /* as computed */
	uint8_t *chunk;
	size_t chunk_len;
};

int
vseg_new(struct verify *v, struct vseg_worker **ret, struct err *e)
{
	struct vseg_worker *w = calloc(1, sizeof(*w));
	int r = 0;

	if (!w)
		return err_set(e, E_NOMEM, "no memory");
	w->v = v;
	w->read = malloc((size_t)READ_PAGES * FMT_PAGE_LEN);
	w->hashes = malloc(fmt_hashes_len(FMT_MAX_PAGES));
	w->own = malloc((size_t)FMT_MAX_PAGES * FMT_HASH_LEN);
	if (!w->read || !w->hashes || !w->own)
		r = err_set(e, E_NOMEM, "no memory");
	if (r == 0 && v->o->depth == VERIFY_DEEP)
		r = vault_ctx_new(v->r, 4, &w->ctx, e);
	if (r < 0) {
		vseg_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void
vseg_free(struct vseg_worker *w)
{
	if (!w)
		return;
	vault_ctx_free(w->ctx);
	free(w->read);
	free(w->hashes);
	free(w->own);
	free(w->chunk);
	free(w);
}

/* ---- structure ---- */

static bool
check_header(struct vseg_worker *w, uint32_t i, const uint8_t *raw)
{
	const struct fmt_segment_rec *rec = &w->v->segs[i].rec;
	struct fmt_header *h = malloc(sizeof(*h));
	struct err e;
	bool good = false;

	if (!h)
		return true; /* nothing can be said */
	if (fmt_header_get(raw, h, &e) < 0)
		verify_error(w->v, i, -1, "the header does not hold: %.160s", e.msg);
	else if (memcmp(h->seg, rec->seg, FMT_ID_LEN) != 0 || h->kind != rec->kind ||
	    memcmp(h->repo, vault_r_ident(w->v->r)->repo, FMT_ID_LEN) != 0)
		verify_error(w->v, i, -1, "the file is another segment");
	else
		good = true;
	free(h);
	return good;
}

static bool
check_footer(struct vseg_worker *w, uint32_t i, const uint8_t *raw)
{
	const struct fmt_segment_rec *rec = &w->v->segs[i].rec;
	struct fmt_footer f;
	struct err e;

	if (fmt_footer_get(raw, &f, &e) < 0)
		verify_error(w->v, i, -1, "the footer does not hold: %.160s", e.msg);
	else if (memcmp(f.seg, rec->seg, FMT_ID_LEN) != 0 || f.npages != rec->npages ||
	    memcmp(f.root, rec->root, FMT_HASH_LEN) != 0 ||
	    memcmp(f.repo, vault_r_ident(w->v->r)->repo, FMT_ID_LEN) != 0)
		verify_error(w->v, i, -1, "the footer is another segment's");
	else
		return true;
	return false;
}

static int
read_pages(const struct seg *s, uint32_t page, uint32_t n, uint8_t *p, struct err *e)
{
	return seg_pread(
	    s, p, (size_t)n * FMT_PAGE_LEN, FMT_HEADER_LEN + (uint64_t)page * FMT_PAGE_LEN, e);
}

/* away(v, e): Whether an error says nothing about the segment, because the place cannot be reached
 * or lets nobody read; then the run ends. */
static bool
away(struct verify *v, const struct err *e)
{
	if (e->code != E_NET && e->code != E_AUTH)
		return false;
	(void)pthread_mutex_lock(&v->lock);
	if (v->fail.code == 0)
		v->fail = *e;
	(void)pthread_mutex_unlock(&v->lock);
	atomic_store(&v->stop, true);
	return true;
}

/* soon(s, page): The disk fetches what is read next while this is hashed. */
static void
soon(const struct seg *s, uint32_t page)
{
	if (!s->rem && page % AHEAD_PAGES == 0)
		(void)posix_fadvise(s->fd,
		    FMT_HEADER_LEN + ((off_t)page + (page ? AHEAD_PAGES : 0)) * FMT_PAGE_LEN,
		    (off_t)(page ? 1 : 2) * AHEAD_PAGES * FMT_PAGE_LEN, POSIX_FADV_WILLNEED);
}

/* check_pages(w, s, i, header, fits): The hash of every page, against the stored hashes when these
 * fit the log's root; else against the root itself. */
static void
check_pages(
    struct vseg_worker *w, const struct seg *s, uint32_t i, const uint8_t *header, bool fits)
{
	struct verify *v = w->v;
	const struct fmt_segment_rec *rec = &v->segs[i].rec;
	uint8_t root[FMT_HASH_LEN];
	uint32_t nbad = 0;
	struct err e;

	for (uint32_t p = 0; p < rec->npages && !verify_stopped(v); p += READ_PAGES) {
		uint32_t n = rec->npages - p < READ_PAGES ? rec->npages - p : READ_PAGES;
		bool one_by_one;

		soon(s, p);
		one_by_one = read_pages(s, p, n, w->read, &e) < 0;
		for (uint32_t k = 0; k < n; k++) {
			uint8_t *page = w->read + (size_t)k * FMT_PAGE_LEN;
			size_t at = (size_t)(p + k) * FMT_HASH_LEN;

			if (one_by_one && read_pages(s, p + k, 1, page, &e) < 0) {
				if (away(v, &e))
					return;
				nbad++;
				verify_error(v, i, p + k, "the page cannot be read: %.160s", e.msg);
				continue;
			}
			digest_sha256(page, FMT_PAGE_LEN, w->own + at);
			if (fits && memcmp(w->own + at, w->hashes + at, FMT_HASH_LEN) != 0) {
				nbad++;
				verify_error(v, i, p + k, "the page is damaged");
			}
		}
		atomic_fetch_add_explicit(&v->bytes, (uint64_t)n * FMT_PAGE_LEN,
		    memory_order_relaxed);
		atomic_fetch_add_explicit(&v->pages, n, memory_order_relaxed);
	}
	if (fits || nbad > 0 || verify_stopped(v))
		return;
	fmt_root(header, w->own, rec->npages, root);
	if (memcmp(root, rec->root, FMT_HASH_LEN) == 0)
		verify_error(v, i, -1, "the page hashes are damaged, the data itself is whole");
	else
		verify_error(v, i, -1, "header, hashes or pages are damaged; which cannot be told "
		    "without a key");
}

/* open_seg(v, i, s): Open it; false after writing down why not. */
static bool
open_seg(struct verify *v, uint32_t i, struct seg *s)
{
	const struct fmt_segment_rec *rec = &v->segs[i].rec;
	struct stat st;
	struct err e;

	if (v->r->repo->rem) {
		if (seg_open(v->r->repo, rec->seg, s, &e) == 0)
			return true;
		verify_error(v, i, -1, "%.200s", e.msg);
		return false;
	}
	*s = (struct seg){.f = v->f, .fd = -1, .npages = rec->npages};
	(void)memcpy(s->id, rec->seg, FMT_ID_LEN);
	hex_put(s->name, rec->seg, FMT_ID_LEN);
	s->fd = fio_open(v->f, v->segdir, s->name, O_RDONLY | O_NONBLOCK, 0, &e);
	if (s->fd < 0) {
		verify_error(v, i, -1, s->fd == E_NOENT ? "the segment is missing" :
		    "the segment cannot be opened: %.160s", e.msg);
		return false;
	}
	if (fstat(s->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != fmt_seg_size(rec->npages)) {
		verify_error(v, i, -1, "the segment has %lld bytes instead of %llu",
		    (long long)st.st_size, (unsigned long long)fmt_seg_size(rec->npages));
		seg_close(s);
		return false;
	}
	(void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return true;
}

static bool
check_structure(struct vseg_worker *w, const struct seg *s, uint32_t i)
{
	struct verify *v = w->v;
	const struct fmt_segment_rec *rec = &v->segs[i].rec;
	uint64_t at = FMT_HEADER_LEN + (uint64_t)rec->npages * FMT_PAGE_LEN;
	uint32_t hashes = fmt_hashes_len(rec->npages);
	uint8_t header[FMT_HEADER_LEN], footer[FMT_HEADER_LEN], root[FMT_HASH_LEN];
	struct err e;
	bool good, fits;

	if (seg_pread(s, header, sizeof(header), 0, &e) < 0 ||
	    seg_pread(s, w->hashes, hashes, at, &e) < 0 ||
	    seg_pread(s, footer, sizeof(footer), at + hashes, &e) < 0) {
		if (!away(v, &e))
			verify_error(v, i, -1, "it cannot be read: %.160s", e.msg);
		return false;
	}
	good = check_header(w, i, header);
	good &= check_footer(w, i, footer);
	fmt_root(header, w->hashes, rec->npages, root);
	fits = memcmp(root, rec->root, FMT_HASH_LEN) == 0;
	for (uint32_t k = rec->npages * FMT_HASH_LEN; k < hashes && good; k++)
		if (w->hashes[k] != 0) {
			verify_error(v, i, -1, "the space after the page hashes is not empty");
			good = false;
		}
	atomic_fetch_add_explicit(&v->bytes, sizeof(header) + sizeof(footer) + hashes,
	    memory_order_relaxed);
	if (v->o->depth != VERIFY_STRUCTURE)
		check_pages(w, s, i, header, fits);
	else if (!fits && good)
		verify_error(v, i, -1, "the page hashes do not fit the log");
	return good && fits;
}

/* ---- content ---- */

static int
chunk_room(struct vseg_worker *w, size_t n, struct err *e)
{
	uint8_t *p;

	if (n <= w->chunk_len)
		return 0;
	p = realloc(w->chunk, n);
	if (!p)
		return err_set(e, E_NOMEM, "no memory for a chunk");
	w->chunk = p;
	w->chunk_len = n;
	return 0;
}

/* One error for damage that covers many chunks: the page checks have named the pages already. */
static int
check_chunks(struct vseg_worker *w, uint32_t i, const struct fmt_toc *t, struct err *e)
{
	const uint8_t *seg = w->v->segs[i].rec.seg;
	const struct hmac *h = vault_r_dedup(w->v->r);
	uint8_t id[FMT_CHUNK_ID_LEN];
	char why[200] = "";
	uint32_t nbad = 0, first = 0, last = 0;
	struct verify_error *x;
	int r;

	for (uint32_t k = 0; k < t->nchunks && !verify_stopped(w->v); k++) {
		const struct fmt_chunk *c = &t->chunks[k];

		r = c->len > MAX_CHUNK ? err_set(e, E_CORRUPT, "a chunk that cannot be") :
		    chunk_room(w, c->len, e);
		if (r == 0)
			r = vault_read(w->ctx, seg, c->off, w->chunk, c->len, e);
		if (r == E_NOMEM || r == E_NET)
			return r;
		if (r == E_AUTH) {
			atomic_fetch_add(&w->v->unchecked, 1);
			return 0;
		}
		if (r == 0) {
			hmac_of(h, w->chunk, c->len, id);
			if (memcmp(id, c->id, sizeof(id)) != 0)
				r = err_set(e, E_CORRUPT, "content that is not what its id says");
		}
		if (r == 0)
			continue;
		if (nbad++ == 0) {
			(void)snprintf(why, sizeof(why), "%.190s", e->msg);
			first = k;
		}
		last = k;
	}
	atomic_fetch_add(&w->v->chunks, t->nchunks);
	if (nbad == 0)
		return 0;
	x = verify_error(w->v, i, -1, "%u of %u chunks cannot be read: %.150s", nbad, t->nchunks,
	    why);
	if (x) {
		x->from = t->chunks[first].off;
		x->to = (uint64_t)t->chunks[last].off + t->chunks[last].len;
	}
	return 0;
}

static int
check_content(struct vseg_worker *w, uint32_t i, struct err *e)
{
	struct fmt_toc t;
	int r = vault_toc(w->ctx, w->v->segs[i].rec.seg, &t, e);

	if (r == E_NOMEM || r == E_NET)
		return r;
	if (r < 0) {
		verify_error(w->v, i, -1, "the table of contents cannot be read: %.160s", e->msg);
		return 0;
	}
	r = check_chunks(w, i, &t, e);
	fmt_toc_free(&t);
	return r;
}

int
vseg_check(struct vseg_worker *w, uint32_t i, struct err *e)
{
	struct verify *v = w->v;
	struct seg s;

	if (vault_r_gone(v->r, i) || !open_seg(v, i, &s))
		return 0;
	(void)check_structure(w, &s, i);
	seg_close(&s);
	return w->ctx && !verify_stopped(v) ? check_content(w, i, e) : 0;
}
