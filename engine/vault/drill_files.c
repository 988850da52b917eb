/* The restore drill: some files at random, or one whole system, are given back and their digests
 * recomputed from the bytes on the disk. The digest (see tree_fid) is over the ids of a file's
 * chunks; where chunks begin is in the segments' tables of contents. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "vault/drill_int.h"

enum { TOCS = 4, FILES_USUAL = 50, FILES_MAX = 2000 };

struct check {
	struct set *s;
	struct tree_fid *fid;
	uint8_t *buf;
	size_t cap;
	struct buf path;
	struct vec spans; /* DIGEST_LEN bytes each */
	struct {
		bool used;
		uint8_t seg[FMT_ID_LEN];
		uint64_t tick;
		struct fmt_toc toc;
	} tocs[TOCS];
	uint64_t tick, done;
	int backfd;
};

static int
toc_of(struct check *c, const uint8_t *seg, const struct fmt_toc **ret, struct err *e)
{
	int best = 0, r;

	for (int i = 0; i < TOCS; i++) {
		if (c->tocs[i].used && memcmp(c->tocs[i].seg, seg, FMT_ID_LEN) == 0) {
			c->tocs[i].tick = ++c->tick;
			*ret = &c->tocs[i].toc;
			return 0;
		}
		if (c->tocs[i].tick < c->tocs[best].tick)
			best = i;
	}
	if (c->tocs[best].used)
		fmt_toc_free(&c->tocs[best].toc);
	c->tocs[best].used = false;
	r = vault_toc(walk_ctx(c->s->walk), seg, &c->tocs[best].toc, e);
	if (r < 0)
		return r;
	(void)memcpy(c->tocs[best].seg, seg, FMT_ID_LEN);
	c->tocs[best].used = true;
	c->tocs[best].tick = ++c->tick;
	*ret = &c->tocs[best].toc;
	return 0;
}

static const struct fmt_chunk *
chunk_at(const struct fmt_toc *t, uint32_t off)
{
	uint32_t lo = 0, hi = t->nchunks;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->chunks[mid].off < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->nchunks && t->chunks[lo].off == off ? &t->chunks[lo] : NULL;
}

static int
end_span(struct check *c, struct err *e)
{
	uint8_t *mac = vec_add(&c->spans);

	if (!mac)
		return err_set(e, E_NOMEM, "no memory");
	return tree_fid_span(c->fid, mac, e);
}

/* one_chunk(c, fd, seg, off, pos, ret_len, e): The id of the chunk at ${off}, from the file's bytes
 * at ${pos}. 1, or 0 when the file has not those bytes. */
static int
one_chunk(struct check *c, int fd, const uint8_t *seg, uint32_t off, uint64_t pos,
    uint32_t *ret_len, struct err *e)
{
	const struct fmt_chunk *k;
	const struct fmt_toc *toc;
	uint8_t id[FMT_CHUNK_ID_LEN];
	int r = toc_of(c, seg, &toc, e);

	if (r < 0)
		return r;
	k = chunk_at(toc, off);
	if (!k)
		return err_set(e, E_CORRUPT, "a piece does not begin at a chunk");
	if (k->len > c->cap) {
		free(c->buf);
		c->buf = malloc(k->len);
		c->cap = c->buf ? k->len : 0;
		if (!c->buf)
			return err_set(e, E_NOMEM, "no memory");
	}
	if (fio_pread(fio_os(), fd, c->buf, k->len, pos, NULL) != (ssize_t)k->len)
		return 0;
	hmac_of(vault_r_dedup(c->s->r), c->buf, k->len, id);
	r = tree_fid_chunk(c->fid, id, e);
	*ret_len = k->len;
	return r < 0 ? r : 1;
}

/* hole(c, fd, pos, len): Whether the file has only zeros there. */
static bool
zeros(int fd, uint64_t pos, uint64_t len)
{
	static const uint8_t none[64 << 10];
	uint8_t got[64 << 10];

	while (len > 0) {
		size_t n = len < sizeof(got) ? (size_t)len : sizeof(got);

		if (fio_pread(fio_os(), fd, got, n, pos, NULL) != (ssize_t)n ||
		    memcmp(got, none, n) != 0)
			return false;
		pos += n;
		len -= n;
	}
	return true;
}

/* pieces(c, fd, en, e): Feed the digest with every piece: 1, or 0 when the bytes are others. */
static int
pieces(struct check *c, int fd, const struct tree_entry *en, struct err *e)
{
	uint64_t span = en->flags & TREE_GRID ? TREE_SPAN_GRID : TREE_SPAN_CDC, pos = 0;
	int r;

	for (uint32_t i = 0; i < en->nextents; i++) {
		const struct tree_extent *x = &en->extents[i];
		uint64_t at = 0;

		while (at < x->len) {
			uint64_t left = span - pos % span, n = x->len - at;
			uint32_t len = 0;

			if (!x->seg) {
				n = n < left ? n : left;
				if (!zeros(fd, pos, n))
					return 0;
				r = tree_fid_hole(c->fid, n, e);
				r = r < 0 ? r : 1;
			} else {
				r = one_chunk(c, fd, x->seg, (uint32_t)(x->off + at), pos, &len, e);
				n = len;
			}
			if (r != 1)
				return r;
			at += n;
			pos += n;
			if (pos % span == 0 && pos < en->size)
				r = end_span(c, e);
			if (r < 0)
				return r;
		}
	}
	return 1;
}

/* same_fid(c, fd, en, e): 1 when the digest of what lies on the disk is the recorded one. */
static int
same_fid(struct check *c, int fd, const struct tree_entry *en, struct err *e)
{
	uint8_t fid[TREE_FID_LEN];
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != en->size)
		return 0;
	tree_fid_reset(c->fid);
	c->spans.len = 0;
	r = pieces(c, fd, en, e);
	if (r == 1 && en->size > 0) {
		r = end_span(c, e);
		r = r < 0 ? r : 1;
	}
	if (r != 1)
		return r;
	tree_fid_join(vault_r_dedup(c->s->r), c->spans.p, c->spans.len, fid);
	return memcmp(fid, en->fid, TREE_FID_LEN) == 0;
}

static int
check_one(struct set *s, uint64_t i, const struct tree_entry *en, void *cookie, struct err *e)
{
	struct check *c = cookie;
	struct err why = {.msg = "other bytes came back"};
	int fd, r;

	if (!(s->flags[i] & REF_WANTED) || en->type != TREE_FILE)
		return 0;
	r = set_path(en, &c->path, e);
	if (r < 0)
		return r;
	fd = openat(c->backfd, (const char *)c->path.p, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? 0 : same_fid(c, fd, en, &why);
	if (fd >= 0)
		(void)close(fd);
	if (r == E_NOMEM || r == E_AUTH) {
		*e = why;
		return r;
	}
	s->rep->files++;
	s->sys->files++;
	s->rep->bytes += en->size;
	s->sys->bytes += en->size;
	c->done += en->size;
	if (r != 1) {
		s->rep->lost++;
		s->sys->lost++;
		set_wrong(s, (const char *)c->path.p, fd < 0 ? "did not come back" : why.msg);
	}
	if (s->o->progress)
		s->o->progress(s->o->cookie, DRILL_COMPARE, c->done, c->done);
	return 0;
}

static int
check_set(struct set *s, struct err *e)
{
	struct check c = {.s = s, .backfd = -1};
	char no[16];
	int r;

	(void)snprintf(no, sizeof(no), "%u", s->no);
	buf_init(&c.path, TREE_MAX_PATH + TREE_MAX_NAME + 2);
	vec_init(&c.spans, DIGEST_LEN, 1 << 24);
	r = vault_r_dedup(s->r) ? tree_fid_new(vault_r_dedup(s->r), &c.fid, e) :
				  err_set(e, E_AUTH, "checking needs a key of the repository");
	if (r == 0) {
		c.backfd = openat(s->g->backfd, no,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = c.backfd < 0 ? err_sys(e, "what came back") : 0;
	}
	if (r == 0)
		r = set_each(s, check_one, &c, e);
	for (int i = 0; i < TOCS; i++) {
		if (c.tocs[i].used)
			fmt_toc_free(&c.tocs[i].toc);
	}
	if (c.backfd >= 0)
		(void)close(c.backfd);
	tree_fid_free(c.fid);
	vec_free(&c.spans);
	buf_free(&c.path);
	free(c.buf);
	return r;
}

/* ---- choosing ---- */

static uint64_t
number(uint64_t seed, uint64_t i)
{
	uint64_t x = seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* from_block(s, b, first, want, ret, e): The first file not chosen yet at or after position ${want}
 * of block ${b}; ${first} is the number of the block's first entry. 1 or 0. */
static int
from_block(struct set *s, uint32_t b, uint64_t first, uint64_t want, struct buf *path,
    struct err *e)
{
	struct tree_entry en;
	uint64_t i = first;
	int r = walk_block(s->walk, b, e);

	while (r == 0 && (r = walk_next(s->walk, &en, e)) == 1) {
		uint64_t no = i++;

		r = 0;
		if (no < want || en.type != TREE_FILE || (s->flags[no] & REF_WANTED) ||
		    (en.flags & TREE_UNREADABLE))
			continue;
		s->flags[no] |= REF_WANTED;
		r = set_want_path(s, &en, path, e);
		return r < 0 ? r : 1;
	}
	return r < 0 ? r : 0;
}

/* choose_files(s, n, ret, e): Up to ${n} files at random, reading only the parts of the list they
 * are in. ${ret}: how many. */
static int
choose_files(struct set *s, uint32_t n, uint32_t *ret, struct err *e)
{
	const struct tree_manifest *m = vault_gen_manifest(s->open);
	struct buf path;
	uint32_t got = 0;
	int r = 0;

	s->partial = true;
	buf_init(&path, TREE_MAX_PATH + TREE_MAX_NAME + 2);
	for (uint64_t t = 0; got < n && t < 4 * (uint64_t)n && s->nentries && r >= 0; t++) {
		uint64_t want = number(s->o->seed + s->no, t) % s->nentries, first = 0;
		uint32_t b = 0;

		while (b + 1 < m->nrefs && first + m->refs[b].count <= want)
			first += m->refs[b++].count;
		r = from_block(s, b, first, want, &path, e);
		got += r == 1;
	}
	buf_free(&path);
	*ret = got;
	return r < 0 ? r : 0;
}

/* choose_all(d, files, e): The same number from every system; what a small one cannot give is taken
 * from the larger ones, so the smallest come first. */
static int
choose_all(struct drill *d, uint32_t files, struct err *e)
{
	bool done[DRILL_MAX_SYSTEMS] = {false};
	size_t n = d->rep->nsystems;
	int r = 0;

	for (size_t left = n; left > 0 && r == 0; left--) {
		uint32_t share = files / (uint32_t)left, got = 0;
		size_t least = n;

		for (size_t i = 0; i < n; i++) {
			if (!done[i] && (least == n || d->sets[i].gen->info.files <
						d->sets[least].gen->info.files))
				least = i;
		}
		done[least] = true;
		r = choose_files(&d->sets[least], share ? share : 1, &got, e);
		files -= got < files ? got : files;
	}
	return r;
}

static int
want_all(struct set *s, uint64_t i, const struct tree_entry *en, void *cookie, struct err *e)
{
	(void)cookie;
	(void)e;
	if (en->type == TREE_FILE && (en->flags & TREE_UNREADABLE))
		s->rep->left_out++;
	else
		s->flags[i] |= REF_WANTED;
	return 0;
}

int
drill_restore(const struct drill_opts *o, struct drill_report *ret, struct err *e)
{
	uint32_t files = o->files ? o->files : FILES_USUAL;
	int64_t start = time_mono_us();
	struct drill d;
	struct err mine;
	bool xattrs;
	int r;

	if (!e)
		e = &mine;
	if (o->whole && !o->system)
		return err_set(e, E_INVAL, "a whole system: say which");
	if (files > FILES_MAX)
		return err_set(e, E_INVAL, "at most %d files; for more restore a whole system",
		    FILES_MAX);
	r = drill_begin(&d, o, ret, e);
	if (r == 0 && !o->whole)
		r = choose_all(&d, files, e);
	for (size_t i = 0; i < ret->nsystems && r == 0 && o->whole; i++)
		r = set_each(&d.sets[i], want_all, NULL, e);
	if (r == 0)
		r = drill_give_back(&d, &xattrs, e);
	ret->seconds = (double)(time_mono_us() - start) / 1e6;
	for (size_t i = 0; i < ret->nsystems && r == 0; i++)
		r = check_set(&d.sets[i], e);
	r = drill_end(&d, r, e);
	ret->ok = r == 0 && ret->lost == 0 && ret->why[0] == 0 && ret->files > 0;
	return r;
}
