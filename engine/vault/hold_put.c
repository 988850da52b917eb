/* A segment on its way in: written as it comes, every page hashed, nothing believed. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "vault/hold_int.h"

enum { FLUSH_EVERY = 8 << 20 };

struct hold_put {
	struct hold *h;
	struct fmt_segment_rec rec;
	int fd;
	char name[2 * FMT_ID_LEN + 1]; /* in tmp/ */
	char final[2 * FMT_ID_LEN + 1];
	uint64_t off, size, pages_end, hashes_end;
	struct digest *page;
	uint8_t *hashes; /* of the pages that came */
	uint8_t header[FMT_HEADER_LEN], footer[FMT_HEADER_LEN];
};

static int
other(struct err *e)
{
	return err_set(e, E_CORRUPT, "what arrived is not the segment that was announced");
}

/* have(h, rec, name, e): 1: it is here; 0: it is not; E_EXIST: another one is. */
static int
have(struct hold *h, const struct fmt_segment_rec *rec, const char *name, struct err *e)
{
	uint8_t raw[FMT_HEADER_LEN];
	struct fmt_footer foot;
	struct stat st;
	int fd = fio_open(h->f, h->repo->segfd, name, O_RDONLY, 0, e), r;

	if (fd < 0)
		return fd == E_NOENT ? 0 : fd;
	r = fstat(fd, &st) == 0 && (uint64_t)st.st_size == fmt_seg_size(rec->npages) ?
	    fio_pread_all(h->f, fd, raw, sizeof(raw), (uint64_t)st.st_size - sizeof(raw), NULL) :
	    E_CORRUPT;
	fio_close(h->f, fd);
	if (r == 0 && fmt_footer_get(raw, &foot, NULL) == 0 && foot.npages == rec->npages &&
	    memcmp(foot.root, rec->root, FMT_HASH_LEN) == 0)
		return 1;
	return err_set(e, E_EXIST, "another segment has that name");
}

static int
make_file(struct hold_put *p, struct err *e)
{
	struct hold *h = p->h;
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	uint8_t name[FMT_ID_LEN];
	struct stat st;

	/* a name of its own: a second try while the first one's line hangs is no quarrel */
	random_fill(name, sizeof(name));
	hex_put(p->name, name, sizeof(name));
	p->fd = fio_open(h->f, h->repo->tmpfd, p->name, O_RDWR | O_CREAT | O_EXCL, 0600, e);
	if (p->fd < 0)
		return p->fd;
	(void)fcntl(p->fd, F_OFD_SETLKW, &fl); /* against the sweeper */
	if (fstat(p->fd, &st) < 0 || st.st_nlink == 0)
		return err_set(e, E_BUSY, "the vault's tmp folder is being cleaned");
	/* room for all of it before the first byte is taken; a file system that cannot promise
	 * says so when it is full */
	if (fallocate(p->fd, 0, 0, (off_t)p->size) < 0) {
		(void)err_sys(e, "no room for a segment");
		if (e && e->code == E_NOSPC)
			return E_NOSPC;
	}
	return 0;
}

/* reserve(h, size, max, e): Count it in before it comes. */
static int
reserve(struct hold *h, uint64_t size, uint64_t max, struct err *e)
{
	int r = 0;

	(void)pthread_mutex_lock(&h->lock);
	if (max && h->bytes + h->coming + size > max)
		r = err_set(e, E_NOSPC,
		    "the quota of this vault is used up (%llu MiB); nothing was "
		    "lost",
		    (unsigned long long)(max >> 20));
	else
		h->coming += size;
	(void)pthread_mutex_unlock(&h->lock);
	return r;
}

int
hold_put_begin(struct hold *h, const struct fmt_segment_rec *rec, uint64_t max_bytes,
    struct hold_put **ret, struct err *e)
{
	struct hold_put *p;
	char name[2 * FMT_ID_LEN + 1];
	int r;

	*ret = NULL;
	if (rec->npages < 1 || rec->npages > FMT_MAX_PAGES ||
	    (rec->kind != FMT_DATA && rec->kind != FMT_META))
		return err_set(e, E_INVAL, "there is no segment like that");
	hex_put(name, rec->seg, FMT_ID_LEN);
	r = have(h, rec, name, e);
	if (r != 0)
		return r;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(e, E_NOMEM, "no memory");
	r = reserve(h, fmt_seg_size(rec->npages), max_bytes, e);
	if (r < 0) {
		free(p);
		return r;
	}
	p->h = h;
	p->rec = *rec;
	p->fd = -1;
	(void)memcpy(p->final, name, sizeof(name));
	p->size = fmt_seg_size(rec->npages);
	p->pages_end = FMT_HEADER_LEN + (uint64_t)rec->npages * FMT_PAGE_LEN;
	p->hashes_end = p->pages_end + fmt_hashes_len(rec->npages);
	p->hashes = malloc((size_t)rec->npages * FMT_HASH_LEN);
	r = p->hashes ? digest_new(&p->page, e) : err_set(e, E_NOMEM, "no memory");
	if (r == 0)
		r = make_file(p, e);
	if (r < 0) {
		hold_put_drop(p);
		return r;
	}
	*ret = p;
	return 0;
}

void
hold_put_drop(struct hold_put *p)
{
	if (!p)
		return;
	if (p->fd >= 0) {
		fio_close(p->h->f, p->fd);
		if (p->name[0])
			(void)fio_unlink(p->h->f, p->h->repo->tmpfd, p->name, NULL);
	}
	(void)pthread_mutex_lock(&p->h->lock);
	p->h->coming -= p->size;
	(void)pthread_mutex_unlock(&p->h->lock);
	digest_free(p->page);
	free(p->hashes);
	free(p);
}

/* ---- bytes ---- */

static int
header_done(struct hold_put *p, struct err *e)
{
	struct fmt_header *h = malloc(sizeof(*h));
	int r = h ? fmt_header_get(p->header, h, e) : err_set(e, E_NOMEM, "no memory");

	if (r == 0 && (memcmp(h->seg, p->rec.seg, FMT_ID_LEN) != 0 || h->kind != p->rec.kind ||
	    memcmp(h->repo, p->h->repo->ident.repo, FMT_ID_LEN) != 0))
		r = other(e);
	free(h);
	return r;
}

/* page_bytes(p, q, n): Bytes of pages, within one page. */
static void
page_bytes(struct hold_put *p, const uint8_t *q, size_t n)
{
	uint64_t at = p->off - FMT_HEADER_LEN;

	if (at % FMT_PAGE_LEN == 0)
		digest_reset(p->page);
	digest_add(p->page, q, n);
	if ((at + n) % FMT_PAGE_LEN == 0)
		digest_end(p->page, p->hashes + at / FMT_PAGE_LEN * FMT_HASH_LEN);
}

/* hashes_fit(p, q, n): The hashes as sent are those of the pages that came, then zeros. */
static bool
hashes_fit(const struct hold_put *p, const uint8_t *q, size_t n)
{
	uint64_t at = p->off - p->pages_end, len = (uint64_t)p->rec.npages * FMT_HASH_LEN;

	for (size_t i = 0; i < n; i++) {
		if (q[i] != (at + i < len ? p->hashes[at + i] : 0))
			return false;
	}
	return true;
}

/* part(p, q, n, e): The next bytes as far as they belong to one part of the file: how many. */
static ssize_t
part(struct hold_put *p, const uint8_t *q, size_t n, struct err *e)
{
	uint64_t end = p->off < FMT_HEADER_LEN ? FMT_HEADER_LEN :
	    p->off < p->pages_end ?
	    p->off + FMT_PAGE_LEN - (p->off - FMT_HEADER_LEN) % FMT_PAGE_LEN :
	    p->off < p->hashes_end ? p->hashes_end : p->size;

	if (n > end - p->off)
		n = (size_t)(end - p->off);
	if (p->off < FMT_HEADER_LEN) {
		(void)memcpy(p->header + p->off, q, n);
		if (p->off + n == FMT_HEADER_LEN && header_done(p, e) < 0)
			return e ? e->code : E_CORRUPT;
	} else if (p->off < p->pages_end) {
		page_bytes(p, q, n);
	} else if (p->off < p->hashes_end) {
		if (!hashes_fit(p, q, n))
			return other(e);
	} else {
		(void)memcpy(p->footer + (p->off - p->hashes_end), q, n);
	}
	return (ssize_t)n;
}

int
hold_put_data(struct hold_put *p, const void *bytes, size_t n, struct err *e)
{
	const uint8_t *q = bytes;
	uint64_t start = p->off;
	int r;

	if (n > p->size - p->off)
		return other(e);
	r = fio_pwrite_all(p->h->f, p->fd, bytes, n, p->off, e);
	if (r < 0)
		return r;
	while (n > 0) {
		ssize_t k = part(p, q, n, e);

		if (k < 0)
			return (int)k;
		p->off += (uint64_t)k;
		q += k;
		n -= (size_t)k;
	}
	if (start / FLUSH_EVERY != p->off / FLUSH_EVERY)
		(void)sync_file_range(p->fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* a hint */
	return 0;
}

/* whole(p, e): Everything came and is what was announced. */
static int
whole(struct hold_put *p, struct err *e)
{
	uint8_t root[FMT_HASH_LEN];
	struct fmt_footer f;

	if (p->off != p->size)
		return other(e);
	fmt_root(p->header, p->hashes, p->rec.npages, root);
	if (memcmp(root, p->rec.root, FMT_HASH_LEN) != 0 ||
	    fmt_footer_get(p->footer, &f, NULL) < 0 || f.npages != p->rec.npages ||
	    memcmp(f.root, root, FMT_HASH_LEN) != 0 || memcmp(f.seg, p->rec.seg, FMT_ID_LEN) != 0 ||
	    memcmp(f.repo, p->h->repo->ident.repo, FMT_ID_LEN) != 0)
		return other(e);
	return 0;
}

int
hold_put_end(struct hold_put *p, struct err *e)
{
	struct hold *h = p->h;
	int r = whole(p, e);

	if (r == 0)
		r = fio_datasync(h->f, p->fd, e);
	if (r == 0) {
		r = fio_rename(h->f, h->repo->tmpfd, p->name, h->repo->segfd, p->final, false, e);
		if (r == 0) {
			p->name[0] = 0;
			(void)pthread_mutex_lock(&h->lock);
			h->bytes += p->size;
			(void)pthread_mutex_unlock(&h->lock);
		} else if (r == E_EXIST) { /* a second sender was faster */
			r = have(h, &p->rec, p->final, e) == 1 ? 0 : E_EXIST;
		}
	}
	if (r == 0)
		r = fio_sync(h->f, h->repo->segfd, e);
	hold_put_drop(p);
	return r;
}
