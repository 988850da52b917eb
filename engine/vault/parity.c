/* Making parity files. */
#include "vault/parity.h"

#include <dirent.h>
#include <fcntl.h>
#include <isa-l/erasure_code.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "vault/parity_int.h"

enum { STEP = 8, STEP_BYTES = STEP * FMT_PAGE_LEN, CLASSES = 13 };

struct make {
	const struct fio *f;
	const struct parity_how *how;
	struct parity_report *ret;
	struct repo *repo;
	int to;
	uint8_t *page[PARITY_DATA]; /* STEP pages each */
	uint8_t *out[PARITY_MORE];
	uint8_t *meta;              /* of one file */
	uint8_t *par_hashes[PARITY_MORE];
	uint8_t tables[32 * PARITY_DATA * PARITY_MORE];
	/* the group that is being filled, one a class */
	struct par_head head[CLASSES];
};

/* there(m, h): Whether both files of exactly these members are there. */
static bool
there(const struct make *m, struct par_head *h)
{
	for (uint8_t w = 0; w < PARITY_MORE; w++) {
		uint8_t raw[FMT_HEADER_LEN];
		struct par_head got;
		char name[64];
		struct stat st;
		int fd;
		bool good;

		h->which = w;
		par_name(h, name);
		fd = fio_open(m->f, m->to, name, O_RDONLY, 0, NULL);
		good = fd >= 0 && fio_pread_all(m->f, fd, raw, sizeof(raw), 0, NULL) == 0 &&
		    par_head_get(raw, &got, NULL) == 0 && fstat(fd, &st) == 0 &&
		    (uint64_t)st.st_size ==
		        FMT_HEADER_LEN + par_meta_len(&got) + (uint64_t)got.npages * FMT_PAGE_LEN;
		fio_close(m->f, fd);
		if (!good || got.n != h->n || memcmp(got.m, h->m, sizeof(h->m)) != 0 ||
		    memcmp(got.repo, h->repo, FMT_ID_LEN) != 0)
			return false;
	}
	return true;
}

/* frames(m, h, fds, e): Open the members and collect what is known to be right about each into the
 * meta part. 1: good; 0: damaged. */
static int
frames(struct make *m, const struct par_head *h, int fds[PARITY_DATA], struct err *e)
{
	uint8_t *at = m->meta;

	for (unsigned i = 0; i < h->n; i++) {
		const struct fmt_segment_rec *rec = &m->repo->segs[h->m[i].no].rec;
		size_t hl = (size_t)rec->npages * FMT_HASH_LEN;
		char name[2 * FMT_ID_LEN + 1];

		hex_put(name, rec->seg, FMT_ID_LEN);
		fds[i] = fio_open(m->f, m->repo->segfd, name, O_RDONLY, 0, e);
		if (fds[i] < 0)
			return fds[i] == E_NOENT ? 0 : fds[i];
		if (fio_pread_all(m->f, fds[i], at, FMT_HEADER_LEN, 0, NULL) < 0 ||
		    fio_pread_all(m->f, fds[i], at + FMT_HEADER_LEN, hl,
		        FMT_HEADER_LEN + (uint64_t)rec->npages * FMT_PAGE_LEN, NULL) < 0 ||
		    !frame_fits(rec, at, at + FMT_HEADER_LEN))
			return 0;
		at += FMT_HEADER_LEN + hl;
	}
	return 1;
}

/* load(m, h, fds, p, n): ${n} pages of every member from page ${p} on, checked; zeros where a
 * member is shorter. 1: good; 0: damaged. */
static int
load(struct make *m, const struct par_head *h, const int fds[PARITY_DATA], uint32_t p, uint32_t n)
{
	const uint8_t *at = m->meta;

	for (unsigned i = 0; i < PARITY_DATA; i++) {
		uint32_t have = 0;
		const uint8_t *hashes = at + FMT_HEADER_LEN;

		if (i < h->n) {
			have = h->m[i].npages > p ? h->m[i].npages - p : 0;
			have = have < n ? have : n;
			at += FMT_HEADER_LEN + (size_t)h->m[i].npages * FMT_HASH_LEN;
		}
		if (have && fio_pread_all(m->f, fds[i], m->page[i], (size_t)have * FMT_PAGE_LEN,
		    FMT_HEADER_LEN + (uint64_t)p * FMT_PAGE_LEN, NULL) < 0)
			return 0;
		for (uint32_t k = 0; k < have; k++) {
			uint8_t sum[FMT_HASH_LEN];

			digest_sha256(m->page[i] + (size_t)k * FMT_PAGE_LEN, FMT_PAGE_LEN, sum);
			if (memcmp(sum, hashes + (size_t)(p + k) * FMT_HASH_LEN, FMT_HASH_LEN) != 0)
				return 0;
		}
		(void)memset(m->page[i] + (size_t)have * FMT_PAGE_LEN, 0,
		    (size_t)(n - have) * FMT_PAGE_LEN);
	}
	return 1;
}

static int
encode(struct make *m, const struct par_head *h, const int fds[PARITY_DATA],
    const int out[PARITY_MORE], struct err *e)
{
	uint64_t base = FMT_HEADER_LEN + par_meta_len(h);

	for (uint32_t p = 0; p < h->npages; p += STEP) {
		uint32_t n = h->npages - p < STEP ? h->npages - p : STEP;
		int r = load(m, h, fds, p, n);

		if (r <= 0)
			return r;
		ec_encode_data((int)(n * FMT_PAGE_LEN), PARITY_DATA, PARITY_MORE, m->tables,
		    m->page, m->out);
		for (unsigned w = 0; w < PARITY_MORE; w++) {
			for (uint32_t k = 0; k < n; k++)
				digest_sha256(m->out[w] + (size_t)k * FMT_PAGE_LEN, FMT_PAGE_LEN,
				    m->par_hashes[w] + (size_t)(p + k) * FMT_HASH_LEN);
			r = fio_pwrite_all(m->f, out[w], m->out[w], (size_t)n * FMT_PAGE_LEN,
			    base + (uint64_t)p * FMT_PAGE_LEN, e);
			if (r < 0)
				return r;
		}
	}
	return 1;
}

/* finish(m, h, w, fd, e): Header and meta of one file; durable, under its name. */
static int
finish(struct make *m, struct par_head *h, unsigned w, int fd, struct err *e)
{
	size_t len = par_meta_len(h), hl = (size_t)h->npages * FMT_HASH_LEN, own = 0;
	uint8_t raw[FMT_HEADER_LEN];
	char name[64], tmp[72];
	int r;

	for (unsigned i = 0; i < h->n; i++)
		own += FMT_HEADER_LEN + (size_t)h->m[i].npages * FMT_HASH_LEN;
	(void)memcpy(m->meta + own, m->par_hashes[w], hl);
	(void)memset(m->meta + own + hl, 0, len - own - hl);
	digest_sha256(m->meta, len, h->sum);
	h->which = (uint8_t)w;
	par_head_put(h, raw);
	r = fio_pwrite_all(m->f, fd, m->meta, len, FMT_HEADER_LEN, e);
	if (r == 0)
		r = fio_pwrite_all(m->f, fd, raw, sizeof(raw), 0, e);
	if (r == 0)
		r = fio_datasync(m->f, fd, e);
	par_name(h, name);
	(void)snprintf(tmp, sizeof(tmp), ".new-%u", w);
	return r < 0 ? r : fio_rename(m->f, m->to, tmp, m->to, name, true, e);
}

/* forget_older(m, h): Files of the same group with fewer members say nothing any more. */
static void
forget_older(struct make *m, struct par_head h)
{
	for (uint8_t n = h.n; n-- > 1;) {
		h.n = n;
		for (uint8_t w = 0; w < PARITY_MORE; w++) {
			char name[64];

			h.which = w;
			par_name(&h, name);
			(void)fio_unlink(m->f, m->to, name, NULL);
		}
	}
}

static int
group(struct make *m, struct par_head *h, struct err *e)
{
	int fds[PARITY_DATA], out[PARITY_MORE] = {-1, -1}, r;

	(void)memset(fds, -1, sizeof(fds));
	(void)memcpy(h->repo, m->repo->ident.repo, FMT_ID_LEN);
	m->ret->groups++;
	m->ret->segments += h->n;
	for (unsigned i = 0; i < h->n; i++)
		m->ret->bytes += fmt_seg_size(h->m[i].npages);
	m->ret->parity_bytes += PARITY_MORE * (FMT_HEADER_LEN + par_meta_len(h) +
	    (uint64_t)h->npages * FMT_PAGE_LEN);
	if (there(m, h))
		return 0;
	r = frames(m, h, fds, e);
	for (unsigned w = 0; w < PARITY_MORE && r > 0; w++) {
		char tmp[32];

		(void)snprintf(tmp, sizeof(tmp), ".new-%u", w);
		out[w] = fio_open(m->f, m->to, tmp, O_RDWR | O_CREAT | O_TRUNC, 0600, e);
		r = out[w] < 0 ? out[w] : 1;
	}
	if (r > 0)
		r = encode(m, h, fds, out, e);
	for (unsigned w = 0; w < PARITY_MORE && r > 0; w++) {
		r = finish(m, h, w, out[w], e);
		r = r == 0 ? 1 : r;
	}
	if (r > 0)
		r = fio_sync(m->f, m->to, e) < 0 ? E_SYS : 1;
	for (unsigned i = 0; i < PARITY_DATA; i++)
		fio_close(m->f, fds[i]);
	for (unsigned w = 0; w < PARITY_MORE; w++)
		fio_close(m->f, out[w]);
	if (r > 0) {
		m->ret->made++;
		forget_older(m, *h);
	} else if (r == 0) {
		m->ret->damaged++;
		m->ret->segments -= h->n;
	}
	return r < 0 ? r : 0;
}

static int
next(struct make *m, struct par_head *h, struct err *e)
{
	uint32_t g = h->group + 1;
	uint8_t cls = h->cls;
	int r = h->n ? group(m, h, e) : 0;

	*h = (struct par_head){.cls = cls, .group = g};
	return r;
}

static int
all(struct make *m, struct err *e)
{
	int r = 0;

	for (uint8_t c = 0; c < CLASSES; c++)
		m->head[c] = (struct par_head){.cls = c};
	for (uint32_t i = 0; i < m->repo->nsegs && r == 0; i++) {
		const struct fmt_segment_rec *rec = &m->repo->segs[i].rec;
		struct par_head *h = &m->head[par_class(rec->npages)];

		h->m[h->n] = (struct par_member){.no = i, .npages = rec->npages};
		(void)memcpy(h->m[h->n].id, rec->seg, FMT_ID_LEN);
		h->npages = rec->npages > h->npages ? rec->npages : h->npages;
		if (++h->n == PARITY_DATA)
			r = next(m, h, e);
		if (m->how->progress)
			m->how->progress(m->how->cookie, i + 1, m->repo->nsegs);
		if (r == 0 && m->how->cancel && *m->how->cancel)
			r = err_set(e, E_CANCEL, "stopped");
	}
	for (uint8_t c = 0; c < CLASSES && r == 0; c++)
		r = next(m, &m->head[c], e);
	return r;
}

static int
room(struct make *m, struct err *e)
{
	uint8_t a[(PARITY_DATA + PARITY_MORE) * PARITY_DATA];
	bool good = true;

	for (unsigned i = 0; i < PARITY_DATA; i++)
		good = (m->page[i] = malloc(STEP_BYTES)) && good;
	for (unsigned w = 0; w < PARITY_MORE; w++) {
		good = (m->out[w] = malloc(STEP_BYTES)) && good;
		good = (m->par_hashes[w] = malloc((size_t)FMT_MAX_PAGES * FMT_HASH_LEN)) && good;
	}
	m->meta = malloc((PARITY_DATA + 1) * (FMT_HEADER_LEN +
	    (size_t)FMT_MAX_PAGES * FMT_HASH_LEN) + 4096);
	if (!good || !m->meta)
		return err_set(e, E_NOMEM, "no memory");
	par_matrix(a);
	ec_init_tables(PARITY_DATA, PARITY_MORE, a + PARITY_DATA * PARITY_DATA, m->tables);
	return 0;
}

int
parity_make(const struct fio *f, const char *repo, const char *to, const struct parity_how *how,
    struct parity_report *ret, struct err *e)
{
	struct make *m = calloc(1, sizeof(*m));
	struct stat a, b;
	int r;

	*ret = (struct parity_report){.groups = 0};
	if (!m)
		return err_set(e, E_NOMEM, "no memory");
	m->f = f;
	m->how = how;
	m->ret = ret;
	m->to = -1;
	r = room(m, e);
	if (r == 0)
		r = repo_open(f, repo, &m->repo, e);
	if (r == 0)
		r = fio_mkdirs(f, to, 0700, e);
	if (r == 0) {
		m->to = repo_place(f, to, e);
		r = m->to < 0 ? m->to : 0;
	}
	if (r == 0) {
		ret->same_device = fstat(m->to, &a) == 0 && fstat(m->repo->dirfd, &b) == 0 &&
		    a.st_dev == b.st_dev;
		r = all(m, e);
	}
	fio_close(f, m->to);
	repo_close(m->repo);
	for (unsigned i = 0; i < PARITY_DATA; i++)
		free(m->page[i]);
	for (unsigned w = 0; w < PARITY_MORE; w++) {
		free(m->out[w]);
		free(m->par_hashes[w]);
	}
	free(m->meta);
	free(m);
	return r;
}
