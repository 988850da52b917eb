/* Putting segments right: from a second copy, then by parity. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/vec.h"
#include "vault/parity_int.h"

enum { ALL = PARITY_DATA + PARITY_MORE, HASHES = FMT_MAX_PAGES * FMT_HASH_LEN,
	CHOICES = 8 /* groups of parity files that know one segment: of an older run, of this one */
};

/* The group of the segment at hand: its parity files, and what they know about its members. */
struct par_group {
	bool loaded;
	struct par_head h;
	int par[PARITY_MORE];   /* -1: lost, or its head part does not hold */
	uint8_t *meta[PARITY_MORE];
	int data[PARITY_DATA];  /* the members' files, as they are */
	struct seg copy[PARITY_DATA];
};

struct fix {
	const struct fio *f;
	const struct repair_how *how;
	struct repair_report *ret;
	struct repo *repo, *copy;
	int par;            /* folder of parity files, or -1 */
	struct vec heads;   /* struct par_head of every parity file that has a head */
	const struct par_head *choice[CHOICES]; /* for the segment at hand; most helpful first */
	int help[CHOICES];
	unsigned nchoices, at; /* at: the one that is loaded */
	struct par_group g;
	uint8_t *page[ALL]; /* one page each */
	uint8_t *hashes;    /* of the segment at hand */
	uint8_t header[FMT_HEADER_LEN];
};

static bool
page_good(const uint8_t *page, const uint8_t *hashes, uint32_t p)
{
	uint8_t sum[FMT_HASH_LEN];

	digest_sha256(page, FMT_PAGE_LEN, sum);
	return memcmp(sum, hashes + (size_t)p * FMT_HASH_LEN, FMT_HASH_LEN) == 0;
}

static uint64_t
page_off(uint32_t p)
{
	return FMT_HEADER_LEN + (uint64_t)p * FMT_PAGE_LEN;
}

/* ---- the group ---- */

static void
leave_group(struct fix *x)
{
	struct par_group *g = &x->g;

	if (g->loaded) {
		for (unsigned w = 0; w < PARITY_MORE; w++) {
			fio_close(x->f, g->par[w]);
			free(g->meta[w]);
		}
		for (unsigned i = 0; i < PARITY_DATA; i++) {
			fio_close(x->f, g->data[i]);
			if (g->copy[i].open)
				seg_close(&g->copy[i]);
		}
	}
	*g = (struct par_group){.loaded = false};
}

/* par_file(x, g, w): One parity file whose head part holds, or -1. */
static int
par_file(struct fix *x, struct par_group *g, uint8_t w)
{
	uint8_t raw[FMT_HEADER_LEN], sum[DIGEST_LEN];
	struct par_head h = g->h;
	size_t len = par_meta_len(&h);
	char name[PAR_NAME];
	int fd;

	h.which = w;
	par_name(&h, name);
	fd = fio_open(x->f, x->par, name, O_RDONLY, 0, NULL);
	g->meta[w] = malloc(len);
	if (fd >= 0 && g->meta[w] && fio_pread_all(x->f, fd, raw, sizeof(raw), 0, NULL) == 0 &&
	    par_head_get(raw, &h, NULL) == 0 && memcmp(h.m, g->h.m, sizeof(h.m)) == 0 &&
	    fio_pread_all(x->f, fd, g->meta[w], len, FMT_HEADER_LEN, NULL) == 0) {
		digest_sha256(g->meta[w], len, sum);
		if (memcmp(sum, h.sum, sizeof(sum)) == 0)
			return fd;
	}
	fio_close(x->f, fd);
	free(g->meta[w]);
	g->meta[w] = NULL;
	return -1;
}

/* enter_group(x, h): Open the group of a parity file. */
static void
enter_group(struct fix *x, const struct par_head *h)
{
	struct par_group *g = &x->g;

	leave_group(x);
	g->loaded = true;
	(void)memset(g->par, -1, sizeof(g->par));
	(void)memset(g->data, -1, sizeof(g->data));
	g->h = *h;
	for (uint8_t w = 0; w < PARITY_MORE; w++)
		g->par[w] = par_file(x, g, w);
	for (unsigned i = 0; i < g->h.n; i++) {
		char name[2 * FMT_ID_LEN + 1];

		hex_put(name, g->h.m[i].id, FMT_ID_LEN);
		g->data[i] = fio_open(x->f, x->repo->segfd, name, O_RDONLY, 0, NULL);
		if (x->copy && seg_open(x->copy, g->h.m[i].id, &g->copy[i], NULL) < 0)
			g->copy[i].open = false;
	}
}

/* choose(x, h): One more file that knows the segment at hand. Each of a group's files helps with
 * one loss, each removed member of it is one. A run that was killed, or a removal, leaves groups of
 * different ages side by side: they are tried in this order. */
static void
choose(struct fix *x, const struct par_head *h)
{
	int help = 1 - (int)par_removed(x->repo, h);
	unsigned i;

	for (i = 0; i < x->nchoices; i++) {
		if (par_same(x->choice[i], h)) {
			help = ++x->help[i]; /* its other file */
			h = x->choice[i];
			break;
		}
	}
	if (i == x->nchoices && x->nchoices < CHOICES)
		x->nchoices++;
	else if (i == x->nchoices)
		return;
	while (i > 0 && (x->help[i - 1] < help ||
	    (x->help[i - 1] == help && x->choice[i - 1]->n < h->n))) {
		x->choice[i] = x->choice[i - 1];
		x->help[i] = x->help[i - 1];
		i--;
	}
	x->choice[i] = h;
	x->help[i] = help;
}

/* member_frame(g, i, ret_header): What the parity files know about member ${i}: its hashes, or
 * NULL.
 */
static const uint8_t *
member_frame(const struct par_group *g, unsigned i, const uint8_t **ret_header)
{
	const uint8_t *at = g->meta[0] ? g->meta[0] : g->meta[1];

	if (!at)
		return NULL;
	for (unsigned k = 0; k < i; k++)
		at += FMT_HEADER_LEN + (size_t)g->h.m[k].npages * FMT_HASH_LEN;
	*ret_header = at;
	return at + FMT_HEADER_LEN;
}

static const uint8_t *
parity_hashes(const struct par_group *g, unsigned w)
{
	const uint8_t *at = g->meta[w];

	for (unsigned k = 0; at && k < g->h.n; k++)
		at += FMT_HEADER_LEN + (size_t)g->h.m[k].npages * FMT_HASH_LEN;
	return at;
}

static bool
data_page(struct fix *x, unsigned i, uint32_t p, const uint8_t *hashes, uint8_t *out)
{
	struct par_group *g = &x->g;

	if (g->data[i] >= 0 &&
	    fio_pread_all(x->f, g->data[i], out, FMT_PAGE_LEN, page_off(p), NULL) == 0 &&
	    page_good(out, hashes, p))
		return true;
	return g->copy[i].open &&
	    seg_pread(&g->copy[i], out, FMT_PAGE_LEN, page_off(p), NULL) == 0 &&
	    page_good(out, hashes, p);
}

/* by_parity(x, want, p, out): Page ${p} of member ${want} from the others. */
static bool
by_parity(struct fix *x, unsigned want, uint32_t p, uint8_t *out)
{
	struct par_group *g = &x->g;
	bool have[ALL] = {false};

	for (unsigned i = 0; i < PARITY_DATA; i++) {
		const uint8_t *hashes, *header;

		if (i >= g->h.n || p >= g->h.m[i].npages) {
			(void)memset(x->page[i], 0, FMT_PAGE_LEN);
			have[i] = true;
		} else if (i != want && (hashes = member_frame(g, i, &header))) {
			have[i] = data_page(x, i, p, hashes, x->page[i]);
		}
	}
	for (unsigned w = 0; w < PARITY_MORE; w++)
		have[PARITY_DATA + w] = g->par[w] >= 0 &&
		    fio_pread_all(x->f, g->par[w], x->page[PARITY_DATA + w], FMT_PAGE_LEN,
		        FMT_HEADER_LEN + par_meta_len(&g->h) + (uint64_t)p * FMT_PAGE_LEN, NULL) ==
		        0 && page_good(x->page[PARITY_DATA + w], parity_hashes(g, w), p);
	return par_solve(have, x->page, want, out, FMT_PAGE_LEN) == 0;
}

/* ---- one segment ---- */

struct one {
	const struct fmt_segment_rec *rec;
	int own;         /* the file as it is, or -1 */
	bool framed;     /* its own header and hashes hold */
	struct seg copy; /* open where the second copy has it */
	bool looked;     /* for groups that know it */
	int in_group;    /* which member of the one that is loaded; -1: none */
};

/* frame_own(x, o): Header and hashes from some bytes, when they fit the log. */
static bool
frame_own(struct fix *x, const struct one *o)
{
	size_t hl = (size_t)o->rec->npages * FMT_HASH_LEN;

	return o->own >= 0 &&
	    fio_pread_all(x->f, o->own, x->header, FMT_HEADER_LEN, 0, NULL) == 0 &&
	    fio_pread_all(x->f, o->own, x->hashes, hl, page_off(o->rec->npages), NULL) == 0 &&
	    frame_fits(o->rec, x->header, x->hashes);
}

static bool
frame_copy(struct fix *x, const struct one *o)
{
	size_t hl = (size_t)o->rec->npages * FMT_HASH_LEN;

	return o->copy.open && seg_pread(&o->copy, x->header, FMT_HEADER_LEN, 0, NULL) == 0 &&
	    seg_pread(&o->copy, x->hashes, hl, page_off(o->rec->npages), NULL) == 0 &&
	    frame_fits(o->rec, x->header, x->hashes);
}

/* load(x, o, k): Open the ${k}th choice. */
static void
load(struct fix *x, struct one *o, unsigned k)
{
	x->at = k;
	o->in_group = -1;
	enter_group(x, x->choice[k]);
	for (unsigned i = 0; i < x->g.h.n; i++)
		if (memcmp(x->g.h.m[i].id, o->rec->seg, FMT_ID_LEN) == 0 &&
		    x->g.h.m[i].npages == o->rec->npages)
			o->in_group = (int)i;
}

static void
find_choices(struct fix *x, struct one *o)
{
	o->looked = true;
	x->nchoices = 0;
	for (size_t k = 0; k < x->heads.len; k++) {
		const struct par_head *h = VEC_AT(&x->heads, struct par_head, k);

		for (unsigned i = 0; i < h->n; i++)
			if (memcmp(h->m[i].id, o->rec->seg, FMT_ID_LEN) == 0)
				choose(x, h);
	}
	if (x->nchoices)
		load(x, o, 0);
}

/* next_group(x, o, tried): Another group of parity files that may help with the segment: first the
 * one that is loaded, then the others, each once. ${tried}: 0 at first. */
static bool
next_group(struct fix *x, struct one *o, unsigned *tried)
{
	if (!o->looked)
		find_choices(x, o);
	while (*tried < x->nchoices) {
		if ((*tried)++ > 0)
			load(x, o, (x->at + 1) % x->nchoices);
		if (o->in_group >= 0)
			return true;
	}
	return false;
}

static bool
frame_parity(struct fix *x, struct one *o)
{
	for (unsigned tried = 0; next_group(x, o, &tried);) {
		const uint8_t *header;
		const uint8_t *hashes = member_frame(&x->g, (unsigned)o->in_group, &header);

		if (!hashes || !frame_fits(o->rec, header, hashes))
			continue;
		(void)memcpy(x->header, header, FMT_HEADER_LEN);
		(void)memcpy(x->hashes, hashes, (size_t)o->rec->npages * FMT_HASH_LEN);
		return true;
	}
	return false;
}

/* tail(x, rec, out): What follows the pages of a right segment: hashes, padding, footer. */
static size_t
tail(const struct fix *x, const struct fmt_segment_rec *rec, uint8_t *out)
{
	size_t hl = (size_t)rec->npages * FMT_HASH_LEN, all = fmt_hashes_len(rec->npages);
	struct fmt_footer f = {.npages = rec->npages};

	(void)memcpy(f.repo, x->repo->ident.repo, FMT_ID_LEN);
	(void)memcpy(f.seg, rec->seg, FMT_ID_LEN);
	(void)memcpy(f.root, rec->root, FMT_HASH_LEN);
	(void)memcpy(out, x->hashes, hl);
	(void)memset(out + hl, 0, all - hl);
	fmt_footer_put(&f, out + all);
	return all + FMT_HEADER_LEN;
}

/* is_whole(x, o, tl, n): Whether the file is right, byte for byte. */
static bool
is_whole(struct fix *x, const struct one *o, const uint8_t *tl, size_t n)
{
	uint8_t *got = malloc(n);
	struct stat st;
	bool good = got && o->framed && fstat(o->own, &st) == 0 &&
	    (uint64_t)st.st_size == fmt_seg_size(o->rec->npages) &&
	    fio_pread_all(x->f, o->own, got, n, page_off(o->rec->npages), NULL) == 0 &&
	    memcmp(got, tl, n) == 0;

	free(got);
	for (uint32_t p = 0; good && p < o->rec->npages; p++)
		good = fio_pread_all(x->f, o->own, x->page[0], FMT_PAGE_LEN, page_off(p), NULL) ==
		    0 && page_good(x->page[0], x->hashes, p);
	return good;
}

static bool
right_page(struct fix *x, struct one *o, uint32_t p, uint8_t *out)
{
	if (o->own >= 0 && fio_pread_all(x->f, o->own, out, FMT_PAGE_LEN, page_off(p), NULL) == 0 &&
	    page_good(out, x->hashes, p))
		return true;
	if (o->copy.open && seg_pread(&o->copy, out, FMT_PAGE_LEN, page_off(p), NULL) == 0 &&
	    page_good(out, x->hashes, p)) {
		x->ret->from_copy++;
		return true;
	}
	for (unsigned tried = 0; next_group(x, o, &tried);) {
		if (by_parity(x, (unsigned)o->in_group, p, out) && page_good(out, x->hashes, p)) {
			x->ret->from_parity++;
			return true;
		}
	}
	return false;
}

/* write_right(x, o, tl, n, e): The right segment under tmp/, then under its name; the damaged file
 * goes to damaged/. 1: done, 0: a page is lost. */
static int
write_right(struct fix *x, struct one *o, const uint8_t *tl, size_t n, struct err *e)
{
	uint8_t *out = malloc(FMT_PAGE_LEN);
	char hex[2 * FMT_ID_LEN + 1], tmp[64], name[64], old[64];
	int fd, r;

	if (!out)
		return err_set(e, E_NOMEM, "no memory");
	hex_put(hex, o->rec->seg, FMT_ID_LEN);
	(void)snprintf(tmp, sizeof(tmp), "tmp/right-%s", hex);
	(void)snprintf(name, sizeof(name), "seg/%s", hex);
	(void)snprintf(old, sizeof(old), "damaged/%s", hex);
	fd = fio_open(x->f, x->repo->dirfd, tmp, O_RDWR | O_CREAT | O_TRUNC, 0400, e);
	r = fd < 0 ? fd : fio_pwrite_all(x->f, fd, x->header, FMT_HEADER_LEN, 0, e);
	for (uint32_t p = 0; r == 0 && p < o->rec->npages; p++) {
		if (!right_page(x, o, p, out)) {
			fio_close(x->f, fd);
			(void)fio_unlink(x->f, x->repo->dirfd, tmp, NULL);
			free(out);
			return 0;
		}
		r = fio_pwrite_all(x->f, fd, out, FMT_PAGE_LEN, page_off(p), e);
	}
	if (r == 0)
		r = fio_pwrite_all(x->f, fd, tl, n, page_off(o->rec->npages), e);
	if (r == 0)
		r = fio_datasync(x->f, fd, e);
	fio_close(x->f, fd);
	free(out);
	if (r == 0 && o->own >= 0) {
		r = fio_mkdir(x->f, x->repo->dirfd, "damaged", 0700, e);
		if (r == 0)
			r = fio_rename(x->f, x->repo->dirfd, name, x->repo->dirfd, old, true, e);
	}
	if (r == 0)
		r = fio_rename(x->f, x->repo->dirfd, tmp, x->repo->dirfd, name, false, e);
	if (r == 0)
		r = fio_sync(x->f, x->repo->segfd, e);
	return r < 0 ? r : 1;
}

static int
segment(struct fix *x, uint32_t i, struct err *e)
{
	struct one o = {.rec = &x->repo->segs[i].rec, .own = -1, .in_group = -1};
	uint8_t *tl = malloc(fmt_hashes_len(FMT_MAX_PAGES) + FMT_HEADER_LEN);
	char name[2 * FMT_ID_LEN + 1];
	size_t n;
	int r = 0;

	if (!tl)
		return err_set(e, E_NOMEM, "no memory");
	hex_put(name, o.rec->seg, FMT_ID_LEN);
	o.own = fio_open(x->f, x->repo->segfd, name, O_RDONLY, 0, NULL);
	o.framed = frame_own(x, &o);
	n = o.framed ? tail(x, o.rec, tl) : 0;
	x->ret->looked++;
	if (o.framed && is_whole(x, &o, tl, n)) {
		x->ret->whole++;
	} else {
		if (x->copy && seg_open(x->copy, o.rec->seg, &o.copy, NULL) < 0)
			o.copy.open = false;
		if (o.framed || frame_copy(x, &o) || frame_parity(x, &o)) {
			n = tail(x, o.rec, tl);
			r = write_right(x, &o, tl, n, e);
		}
		if (r > 0)
			x->ret->repaired++;
		else if (r == 0 && x->ret->lost++ == 0)
			(void)memcpy(x->ret->first_lost, o.rec->seg, FMT_ID_LEN);
		if (o.copy.open)
			seg_close(&o.copy);
		leave_group(x);
	}
	fio_close(x->f, o.own);
	free(tl);
	return r < 0 ? r : 0;
}

/* ---- the run ---- */

static int
sources(struct fix *x, struct err *e)
{
	const struct repair_how *how = x->how;
	int r = 0;

	if (how->parity) {
		x->par = repo_place(x->f, how->parity, e);
		r = x->par < 0 ? x->par :
		    par_files(x->f, x->par, how->parity, x->repo->ident.repo, &x->heads, e);
	}
	if (r == 0 && how->copy) {
		r = repo_open_at(x->f, how->copy, how->place, false, false, &x->copy, e);
		if (r == 0 && memcmp(x->copy->ident.repo, x->repo->ident.repo, FMT_ID_LEN) != 0)
			r = err_set(e, E_INVAL, "%s: this is not a copy of the same vault",
			    how->copy);
	}
	return r;
}

int
parity_repair(const struct fio *f, const char *repo, const struct repair_how *how,
    struct repair_report *ret, struct err *e)
{
	struct fix *x = calloc(1, sizeof(*x));
	bool good = x != NULL;
	int r;

	*ret = (struct repair_report){.looked = 0};
	if (!x)
		return err_set(e, E_NOMEM, "no memory");
	x->f = f;
	x->how = how;
	x->ret = ret;
	x->par = -1;
	vec_init(&x->heads, sizeof(struct par_head), PAR_FILES);
	for (unsigned i = 0; i < ALL; i++)
		good = (x->page[i] = malloc(FMT_PAGE_LEN)) && good;
	x->hashes = malloc(HASHES);
	r = good && x->hashes ? repo_open(f, repo, &x->repo, e) : err_set(e, E_NOMEM, "no memory");
	if (r == 0)
		r = sources(x, e);
	for (uint32_t i = 0; r == 0 && i < x->repo->nsegs; i++) {
		r = repo_gone(x->repo, i) ? 0 : segment(x, i, e);
		if (how->progress)
			how->progress(how->cookie, i + 1, x->repo->nsegs);
		if (r == 0 && how->cancel && *how->cancel)
			r = err_set(e, E_CANCEL, "stopped");
	}
	fio_close(f, x->par);
	repo_close(x->copy);
	repo_close(x->repo);
	vec_free(&x->heads);
	for (unsigned i = 0; i < ALL; i++)
		free(x->page[i]);
	free(x->hashes);
	free(x);
	return r;
}
