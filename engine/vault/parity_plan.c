/* Which parity groups there should be, which files there are, and how far the two are apart. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vault/parity_int.h"

/* ---- the plan ---- */

/* The segments of one class in the order of the log, removed ones counted. */
struct row {
	const struct repo *repo;
	const uint32_t *no; /* by place: the segment's number */
	const uint32_t *up; /* by place: how many before it are there */
	uint32_t n;
	uint8_t cls;
};

static uint32_t
left(const struct row *w, uint32_t at, uint32_t n)
{
	return w->up[at + n] - w->up[at];
}

/* stretch(w, at): How many places from ${at} on are one group. */
static uint32_t
stretch(const struct row *w, uint32_t at)
{
	uint32_t n = PARITY_DATA;

	if (w->n - at < n)
		return w->n - at; /* the last one; it fills up */
	while (at % (2 * n) == 0 && n <= (w->n - at) / 2 && left(w, at, 2 * n) <= PARITY_DATA)
		n *= 2;
	return n;
}

static void
one_group(const struct row *w, uint32_t at, uint32_t n, struct par_plan *p)
{
	struct par_head *h = &p->groups[p->n];

	*h = (struct par_head){.cls = w->cls, .group = at / PARITY_DATA,
	    .thin = left(w, at, n) < n};
	(void)memcpy(h->repo, w->repo->ident.repo, FMT_ID_LEN);
	for (uint32_t i = at; i < at + n; i++) {
		const struct fmt_segment_rec *rec = &w->repo->segs[w->no[i]].rec;
		struct par_member *m = &h->m[h->n];

		if (repo_gone(w->repo, w->no[i]) || h->n == PARITY_DATA)
			continue;
		*m = (struct par_member){.no = w->no[i], .npages = rec->npages};
		(void)memcpy(m->id, rec->seg, FMT_ID_LEN);
		h->npages = rec->npages > h->npages ? rec->npages : h->npages;
		h->n++;
		p->of[w->no[i]] = (uint32_t)p->n + 1;
	}
	p->living += h->n;
	p->n += h->n > 0;
}

/* one_class(repo, cls, no, up, p): ${no}, ${up}: room for all segments. */
static void
one_class(const struct repo *repo, uint8_t cls, uint32_t *no, uint32_t *up, struct par_plan *p)
{
	struct row w = {.repo = repo, .no = no, .up = up, .cls = cls};

	up[0] = 0;
	for (uint32_t i = 0; i < repo->nsegs; i++) {
		if (par_class(repo->segs[i].rec.npages) != cls)
			continue;
		no[w.n] = i;
		up[w.n + 1] = up[w.n] + !repo_gone(repo, i);
		w.n++;
	}
	for (uint32_t at = 0, n; at < w.n; at += n) {
		n = stretch(&w, at);
		one_group(&w, at, n, p);
	}
}

int
par_plan(const struct repo *repo, struct par_plan *ret, struct err *e)
{
	size_t most = repo->nsegs / PARITY_DATA + PAR_CLASSES;
	uint32_t *no = calloc((size_t)repo->nsegs + 1, sizeof(*no));
	uint32_t *up = calloc((size_t)repo->nsegs + 1, sizeof(*up));

	*ret = (struct par_plan){.groups = calloc(most, sizeof(*ret->groups)),
	    .of = calloc((size_t)repo->nsegs + 1, sizeof(*ret->of))};
	if (no && up && ret->groups && ret->of) {
		for (unsigned c = 0; c < PAR_CLASSES; c++)
			one_class(repo, (uint8_t)c, no, up, ret);
		free(no);
		free(up);
		return 0;
	}
	free(no);
	free(up);
	par_plan_free(ret);
	return err_set(e, E_NOMEM, "no memory");
}

void
par_plan_free(struct par_plan *p)
{
	free(p->groups);
	free(p->of);
	*p = (struct par_plan){.n = 0};
}

/* ---- the files ---- */

bool
par_same(const struct par_head *a, const struct par_head *b)
{
	return a->cls == b->cls && a->group == b->group && a->n == b->n && a->thin == b->thin &&
	    memcmp(a->repo, b->repo, FMT_ID_LEN) == 0 && memcmp(a->m, b->m, sizeof(a->m)) == 0;
}

static int
head_of(const struct fio *f, int fd, const char *name, struct par_head *h)
{
	uint8_t raw[FMT_HEADER_LEN];
	int in = fio_open(f, fd, name, O_RDONLY, 0, NULL), r;

	if (in < 0)
		return in;
	r = fio_pread_all(f, in, raw, sizeof(raw), 0, NULL);
	fio_close(f, in);
	return r < 0 ? r : par_head_get(raw, h, NULL);
}

int
par_files(const struct fio *f, int fd, const char *dir, const uint8_t repo[FMT_ID_LEN],
    struct vec *ret, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	int r = 0;

	if (!d)
		return err_sys(e, "%s", dir);
	while (r == 0 && (de = readdir(d))) {
		struct par_head h, *own;
		char name[PAR_NAME];

		if (strncmp(de->d_name, "par-", 4) != 0 || head_of(f, fd, de->d_name, &h) < 0)
			continue;
		par_name(&h, name);
		if (strcmp(name, de->d_name) != 0 || memcmp(h.repo, repo, FMT_ID_LEN) != 0)
			continue;
		own = vec_add(ret);
		if (own)
			*own = h;
		else
			r = err_set(e, E_NOMEM, "no memory for %zu parity files", ret->len);
	}
	(void)closedir(d);
	return r;
}

bool
par_whole(const struct fio *f, int fd, const struct par_head *h)
{
	char name[PAR_NAME];
	struct par_head got;
	struct stat st;

	par_name(h, name);
	return head_of(f, fd, name, &got) == 0 && got.which == h->which && par_same(&got, h) &&
	    fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (uint64_t)st.st_size ==
	        FMT_HEADER_LEN + par_meta_len(h) + (uint64_t)h->npages * FMT_PAGE_LEN;
}

unsigned
par_removed(const struct repo *repo, const struct par_head *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->n; i++) {
		uint32_t no = repo_seg(repo, h->m[i].id);

		n += no != REPO_NOSEG && repo_gone(repo, no);
	}
	return n;
}

/* ---- how the two compare ---- */

/* more(f, repo, fd, h): How many of its group may still be lost, with the file of head ${h} and the
 * other one, as far as each is whole. */
static unsigned
more(const struct fio *f, const struct repo *repo, int fd, const struct par_head *h)
{
	struct par_head other = *h;
	unsigned gone = par_removed(repo, h), have;

	other.which = (uint8_t)(1 - h->which);
	have = (unsigned)par_whole(f, fd, h) + (unsigned)par_whole(f, fd, &other);
	return have > gone ? have - gone : 0;
}

static void
note(const struct repo *repo, const struct par_head *h, unsigned good, uint8_t *best)
{
	for (unsigned i = 0; i < h->n; i++) {
		uint32_t no = repo_seg(repo, h->m[i].id);

		if (no != REPO_NOSEG && best[no] < good + 1)
			best[no] = (uint8_t)(good + 1);
	}
}

int
parity_look(const struct fio *f, const char *repo, const char *dir, struct parity_cover *ret,
    struct err *e)
{
	struct repo *r = NULL;
	struct vec heads;
	uint8_t *best = NULL; /* by segment: 0: unknown; else 1 + how many more may be lost */
	int fd = -1, x = repo_open(f, repo, &r, e);

	*ret = (struct parity_cover){.segments = 0};
	vec_init(&heads, sizeof(struct par_head), PAR_FILES);
	if (x == 0)
		x = fd = repo_place(f, dir, e);
	if (x >= 0)
		x = par_files(f, fd, dir, r->ident.repo, &heads, e);
	if (x == 0 && heads.len == 0)
		x = err_set(e, E_NOENT, "%s: there is no parity of this vault", dir);
	if (x == 0 && !(best = calloc(1, (size_t)r->nsegs + 1)))
		x = err_set(e, E_NOMEM, "no memory");
	for (size_t i = 0; x == 0 && i < heads.len; i++) {
		const struct par_head *h = VEC_AT(&heads, struct par_head, i);

		note(r, h, more(f, r, fd, h), best);
	}
	for (uint32_t i = 0; x == 0 && i < r->nsegs; i++) {
		if (repo_gone(r, i))
			continue;
		ret->segments++;
		ret->full += best[i] > PARITY_MORE;
		ret->none += best[i] == 0;
	}
	ret->weak = ret->segments - ret->full - ret->none;
	free(best);
	vec_free(&heads);
	fio_close(f, fd);
	repo_close(r);
	return x < 0 ? x : 0;
}
