/* Making parity files. */
#include "vault/parity.h"

#include <fcntl.h>
#include <isa-l/erasure_code.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "vault/parity_int.h"

enum { STEP = 8, STEP_BYTES = STEP * FMT_PAGE_LEN };

#define NONE UINT32_MAX

/* A parity file that was there before. */
struct older {
	uint32_t first; /* the first of its members that is not removed; NONE: none is known */
	uint32_t next;  /* another file with the same first member */
	bool keep;      /* it is one of those that should be, or it went */
};

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
	struct par_plan plan;
	bool *good;                 /* by group: both files are in place */
	struct vec heads;           /* struct par_head: the files that are there */
	struct older *older;        /* one each */
	uint32_t *chain;            /* by segment: the first file whose first member it is */
};

/* there(m, h): Whether both files of exactly these members are there. */
static bool
there(const struct make *m, struct par_head *h)
{
	bool good = true;

	for (uint8_t w = 0; w < PARITY_MORE && good; w++) {
		h->which = w;
		good = par_whole(m->f, m->to, h);
	}
	return good;
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

static void
new_name(unsigned w, char out[32])
{
	(void)snprintf(out, 32, ".new-%u", w);
}

/* finish(m, h, w, fd, e): Header and meta of one file; durable. */
static int
finish(struct make *m, struct par_head *h, unsigned w, int fd, struct err *e)
{
	size_t len = par_meta_len(h), hl = (size_t)h->npages * FMT_HASH_LEN, own = 0;
	uint8_t raw[FMT_HEADER_LEN];
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
	return r == 0 ? fio_datasync(m->f, fd, e) : r;
}

/* name_both(m, h, e): Both files are whole and durable: now they get their names. */
static int
name_both(const struct make *m, struct par_head *h, struct err *e)
{
	int r = 0;

	for (uint8_t w = 0; w < PARITY_MORE && r == 0; w++) {
		char name[PAR_NAME], tmp[32];

		h->which = w;
		par_name(h, name);
		new_name(w, tmp);
		r = fio_rename(m->f, m->to, tmp, m->to, name, true, e);
	}
	return r == 0 ? fio_sync(m->f, m->to, e) : r;
}

/* ---- what newer files make needless ---- */

static void
drop(struct make *m, uint32_t i)
{
	char name[PAR_NAME];

	par_name(VEC_AT(&m->heads, struct par_head, i), name);
	m->ret->dropped += fio_unlink(m->f, m->to, name, NULL) == 0;
	m->older[i].keep = true;
}

/* replaced(m, h): Whether every segment that the file covers, and that is not removed, is covered
 * by what should be there now. A segment that the log does not know is nobody's to judge. */
static bool
replaced(const struct make *m, const struct par_head *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		uint32_t no = repo_seg(m->repo, h->m[i].id);

		if (no == REPO_NOSEG || (m->plan.of[no] && !m->good[m->plan.of[no] - 1]))
			return false;
	}
	return true;
}

/* forget_older(m, h): The group is in place, durably: older files about its members may go. */
static void
forget_older(struct make *m, const struct par_head *h)
{
	for (unsigned k = 0; k < h->n; k++) {
		for (uint32_t i = m->chain[h->m[k].no]; i != NONE; i = m->older[i].next) {
			if (!m->older[i].keep &&
			    replaced(m, VEC_AT(&m->heads, struct par_head, i)))
				drop(m, i);
		}
	}
}

/* look(m, h, o): What is to be known of a file that is there. */
static void
look(const struct make *m, const struct par_head *h, struct older *o)
{
	*o = (struct older){.first = NONE, .next = NONE};
	for (unsigned i = 0; i < h->n && o->first == NONE; i++) {
		uint32_t no = repo_seg(m->repo, h->m[i].id);

		if (no != REPO_NOSEG && m->plan.of[no])
			o->first = no;
	}
	if (o->first != NONE)
		o->keep = par_same(h, &m->plan.groups[m->plan.of[o->first] - 1]);
}

/* find_older(m, dir, e): Which files are there; those that cover nothing any more go at once. */
static int
find_older(struct make *m, const char *dir, struct err *e)
{
	int r = par_files(m->f, m->to, dir, m->repo->ident.repo, &m->heads, e);

	if (r < 0)
		return r;
	m->older = calloc(m->heads.len + 1, sizeof(*m->older));
	m->chain = malloc(((size_t)m->repo->nsegs + 1) * sizeof(*m->chain));
	if (!m->older || !m->chain)
		return err_set(e, E_NOMEM, "no memory");
	for (uint32_t i = 0; i < m->repo->nsegs; i++)
		m->chain[i] = NONE;
	/* names that a run gave which was killed before it could make them durable */
	r = m->heads.len ? fio_sync(m->f, m->to, e) : 0;
	for (uint32_t i = 0; i < m->heads.len && r == 0; i++) {
		const struct par_head *h = VEC_AT(&m->heads, struct par_head, i);
		struct older *o = &m->older[i];

		look(m, h, o);
		if (o->first == NONE && replaced(m, h)) {
			drop(m, i);
		} else if (o->first != NONE) {
			o->next = m->chain[o->first];
			m->chain[o->first] = i;
		}
	}
	return r;
}

/* ---- all groups ---- */

/* make_group(m, h, e): 1: both files are durable; 0: a member is damaged. */
static int
make_group(struct make *m, struct par_head *h, struct err *e)
{
	int fds[PARITY_DATA], out[PARITY_MORE] = {-1, -1}, r;

	(void)memset(fds, -1, sizeof(fds));
	r = frames(m, h, fds, e);
	for (unsigned w = 0; w < PARITY_MORE && r > 0; w++) {
		char tmp[32];

		new_name(w, tmp);
		out[w] = fio_open(m->f, m->to, tmp, O_RDWR | O_CREAT | O_TRUNC, 0600, e);
		r = out[w] < 0 ? out[w] : 1;
	}
	if (r > 0)
		r = encode(m, h, fds, out, e);
	for (unsigned w = 0; w < PARITY_MORE && r > 0; w++) {
		r = finish(m, h, w, out[w], e);
		r = r == 0 ? 1 : r;
	}
	if (r > 0) {
		r = name_both(m, h, e);
		r = r == 0 ? 1 : r;
	}
	for (unsigned i = 0; i < PARITY_DATA; i++)
		fio_close(m->f, fds[i]);
	for (unsigned w = 0; w < PARITY_MORE; w++)
		fio_close(m->f, out[w]);
	return r;
}

static int
group(struct make *m, uint32_t i, struct err *e)
{
	struct par_head *h = &m->plan.groups[i];
	int r = 1;

	m->ret->groups++;
	if (!there(m, h)) {
		r = make_group(m, h, e);
		m->ret->made += r > 0;
	}
	if (r < 0)
		return r;
	if (r == 0) {
		m->ret->damaged++;
		return 0;
	}
	m->good[i] = true;
	forget_older(m, h);
	m->ret->segments += h->n;
	for (unsigned k = 0; k < h->n; k++)
		m->ret->bytes += fmt_seg_size(h->m[k].npages);
	m->ret->parity_bytes += PARITY_MORE * (FMT_HEADER_LEN + par_meta_len(h) +
	    (uint64_t)h->npages * FMT_PAGE_LEN);
	return 0;
}

static int
all(struct make *m, const char *dir, struct err *e)
{
	int r = par_plan(m->repo, &m->plan, e);

	if (r == 0 && !(m->good = calloc(m->plan.n + 1, sizeof(*m->good))))
		r = err_set(e, E_NOMEM, "no memory");
	if (r == 0)
		r = find_older(m, dir, e);
	m->ret->removed = r == 0 ? m->repo->nsegs - m->plan.living : 0;
	for (uint32_t i = 0; i < m->plan.n && r == 0; i++) {
		r = group(m, i, e);
		if (m->how->progress)
			m->how->progress(m->how->cookie, i + 1, m->plan.n);
		if (r == 0 && m->how->cancel && *m->how->cancel)
			r = err_set(e, E_CANCEL, "stopped");
	}
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
	vec_init(&m->heads, sizeof(struct par_head), PAR_FILES);
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
		r = all(m, to, e);
	}
	fio_close(f, m->to);
	repo_close(m->repo);
	par_plan_free(&m->plan);
	vec_free(&m->heads);
	free(m->good);
	free(m->older);
	free(m->chain);
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
