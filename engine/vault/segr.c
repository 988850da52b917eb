/* Reading segments: opened ones are kept in a bounded table shared by all contexts; each context
 * keeps the groups it decompressed last. */
#include "vault/segr.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "vault/remote.h"

enum { MAX_SEGS = 192, CTX_KEYS = 8 };

/* ---- one opened segment ---- */

static int
read_page(const struct seg *s, struct aead *a, uint32_t page, enum fmt_page_type type,
    const uint8_t *sealed, uint8_t *out, struct err *e)
{
	uint8_t nonce[AEAD_NONCE_LEN], aad[FMT_AAD_LEN];
	int r;

	aead_nonce(nonce, page);
	fmt_page_aad(s->id, page, type, aad);
	r = aead_open(a, nonce, aad, sizeof(aad), sealed, FMT_PAGE_LEN, out, e);
	if (r == E_CORRUPT)
		return err_set(e, E_CORRUPT, "segment %s is damaged at page %u", s->name, page);
	return r;
}

int
seg_pread(const struct seg *s, void *p, size_t n, uint64_t off, struct err *e)
{
	return s->rem ? remote_pread(s->rem, s->id, fmt_seg_size(s->npages), off, p, n, e) :
	    fio_pread_all(s->f, s->fd, p, n, off, e);
}

/* fetch_page(s, a, page, type, out, e): A page of the table. What is kept here of a segment
 * elsewhere spares the way; where that does not hold, the segment itself is asked. */
static int
fetch_page(const struct seg *s, struct aead *a, uint32_t page, enum fmt_page_type type,
    uint8_t *out, struct err *e)
{
	uint64_t off = FMT_HEADER_LEN + (uint64_t)page * FMT_PAGE_LEN;
	uint8_t *raw = malloc(FMT_PAGE_LEN);
	int r = E_NOENT;

	if (!raw)
		return err_set(e, E_NOMEM, "no memory");
	if (s->rem && s->fd >= 0) {
		r = fio_pread_all(s->f, s->fd, raw, FMT_PAGE_LEN, off, NULL);
		if (r == 0)
			r = read_page(s, a, page, type, raw, out, NULL);
	}
	if (r < 0) {
		r = seg_pread(s, raw, FMT_PAGE_LEN, off, e);
		if (r < 0 && e)
			(void)err_wrap(e, "segment %s, page %u", s->name, page);
		if (r == 0)
			r = read_page(s, a, page, type, raw, out, e);
	}
	free(raw);
	return r;
}

int
seg_read_toc(const struct seg *s, const uint8_t index_key[32], bool want_chunks,
    struct fmt_toc *ret, struct err *e)
{
	uint8_t key[32];
	struct aead *a = NULL;
	struct fmt_trailer t;
	uint8_t *p = NULL;
	uint32_t pages;
	int r;

	r = repo_toc_key(index_key, s->id, key, e);
	if (r == 0)
		r = aead_new(key, &a, e);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return r;
	p = malloc(FMT_PAGE_DATA);
	r = p ? fetch_page(s, a, s->npages - 1, FMT_PAGE_TRAILER, p, e) :
	    err_set(e, E_NOMEM, "no memory");
	if (r == 0)
		r = fmt_trailer_get(p, s->npages, &t, e);
	if (r == 0) {
		pages = (t.toc_len + FMT_PAGE_DATA - 1) / FMT_PAGE_DATA;
		free(p);
		p = malloc((size_t)(pages ? pages : 1) * FMT_PAGE_DATA);
		if (!p)
			r = err_set(e, E_NOMEM, "no memory");
		for (uint32_t i = 0; r == 0 && i < pages; i++)
			r = fetch_page(s, a, t.toc_page + i, FMT_PAGE_TOC,
			    p + (size_t)i * FMT_PAGE_DATA, e);
		if (r == 0)
			r = fmt_toc_get(p, t.toc_len, t.body_len, want_chunks, ret, e);
	}
	free(p);
	aead_free(a);
	return r;
}

static int
check_size(struct seg *s, const struct vault_seg *vs, struct err *e)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return err_sys(e, "segment %s", s->name);
	if ((uint64_t)st.st_size != fmt_seg_size(vs->rec.npages))
		return err_set(e, E_CORRUPT, "segment %s has %lld bytes instead of %llu", s->name,
		    (long long)st.st_size, (unsigned long long)fmt_seg_size(vs->rec.npages));
	return 0;
}

/* open_far(repo, s, e): Present as far as is known; what is kept of it here is opened, too. */
static int
open_far(const struct repo *repo, struct seg *s, const struct vault_seg *vs, struct err *e)
{
	s->rem = repo->rem;
	if (!remote_has(repo->rem, s->id, fmt_seg_size(s->npages)))
		return err_set(e, E_NOENT, "segment %s is missing", s->name);
	s->fd = fio_open(repo->f, repo->segfd, s->name, O_RDONLY, 0, NULL);
	if (s->fd >= 0 && check_size(s, vs, NULL) < 0) {
		fio_close(s->f, s->fd);
		s->fd = -1;
	}
	s->open = true;
	return 0;
}

int
seg_open(const struct repo *repo, const uint8_t id[FMT_ID_LEN], struct seg *s, struct err *e)
{
	uint32_t no = repo_seg(repo, id);
	int r;

	*s = (struct seg){.f = repo->f, .fd = -1};
	(void)memcpy(s->id, id, FMT_ID_LEN);
	hex_put(s->name, id, FMT_ID_LEN);
	if (no == REPO_NOSEG)
		return err_set(e, E_CORRUPT, "the log does not know segment %s", s->name);
	s->npages = repo->segs[no].rec.npages;
	if (repo->rem)
		return open_far(repo, s, &repo->segs[no], e);
	s->fd = fio_open(repo->f, repo->segfd, s->name, O_RDONLY, 0, e);
	if (s->fd == E_NOENT)
		return err_set(e, E_NOENT, "segment %s is missing", s->name);
	if (s->fd < 0)
		return s->fd;
	s->open = true;
	r = check_size(s, &repo->segs[no], e);
	if (r < 0)
		seg_close(s);
	return r;
}

void
seg_close(struct seg *s)
{
	fio_close(s->f, s->fd);
	s->fd = -1;
	s->open = false;
	fmt_toc_free(&s->toc);
	explicit_bzero(s->body_key, sizeof(s->body_key));
}

/* read_header(s, raw, e): The header; of a segment elsewhere from what is kept here, if that will
 * do. */
static int
read_header(const struct seg *s, uint8_t raw[FMT_HEADER_LEN], struct fmt_header *h, struct err *e)
{
	int r = E_NOENT;

	if (s->rem && s->fd >= 0) {
		r = fio_pread_all(s->f, s->fd, raw, FMT_HEADER_LEN, 0, NULL);
		if (r == 0)
			r = fmt_header_get(raw, h, NULL);
	}
	if (r == 0)
		return 0;
	r = seg_pread(s, raw, FMT_HEADER_LEN, 0, e);
	return r == 0 ? fmt_header_get(raw, h, e) : r;
}

static int
unwrap(const struct repo *repo, const struct seal_key *k, const struct fmt_header *h,
    uint8_t dek[32], struct err *e)
{
	uint8_t aad[2 * FMT_ID_LEN], hash[DIGEST_LEN];

	(void)memcpy(aad, repo->ident.repo, FMT_ID_LEN);
	(void)memcpy(aad + FMT_ID_LEN, h->seg, FMT_ID_LEN);
	digest_sha256(seal_key_pub(k), SEAL_PUB_LEN, hash);
	for (uint16_t i = 0; i < h->nwraps; i++) {
		if (memcmp(h->wraps[i].recipient, hash, 8) == 0)
			return seal_open(k, aad, sizeof(aad), h->wraps[i].sealed, dek, e);
	}
	return err_set(e, E_AUTH, "the segment is not sealed to this key");
}

/* find_dek(r, s, dek, e): From the ring, else with the recovery key from the header. */
static int
find_dek(const struct vault_r *r, const struct seg *s, uint8_t dek[32], struct err *e)
{
	const uint8_t *ringed = ring_get(&r->ring, s->id);
	uint8_t raw[FMT_HEADER_LEN], commit[32];
	struct fmt_header h;
	int x;

	x = read_header(s, raw, &h, e);
	if (x < 0)
		return e ? err_wrap(e, "segment %s", s->name) : x;
	if (memcmp(h.seg, s->id, FMT_ID_LEN) != 0 ||
	    memcmp(h.repo, r->repo->ident.repo, FMT_ID_LEN) != 0)
		return err_set(e, E_CORRUPT, "segment %s: the file is another segment", s->name);
	/* a kept key that does not fit says something about what was kept, not about the segment */
	if (ringed) {
		x = aead_commit(ringed, commit, e);
		if (x < 0)
			return x;
		if (secret_eq(commit, h.key_commit, 32)) {
			(void)memcpy(dek, ringed, 32);
			return 0;
		}
	}
	if (!r->seal)
		return err_set(e, E_AUTH, "reading this needs the recovery key");
	x = unwrap(r->repo, r->seal, &h, dek, e);
	if (x == 0)
		x = aead_commit(dek, commit, e);
	if (x == 0 && !secret_eq(commit, h.key_commit, 32))
		return err_set(e, E_CORRUPT, "segment %s: the data key does not fit", s->name);
	return x;
}

/* announce(r, no): Segment ${no} is being read; the next two of the log are likely to follow. Those
 * after them are announced when it is their turn. */
static void
announce(struct vault_r *r, uint32_t no)
{
	for (uint32_t i = no + 1; no != REPO_NOSEG && i < r->repo->nsegs && i <= no + 2; i++)
		if (!repo_gone(r->repo, i))
			remote_ahead(r->repo->rem, r->repo->segs[i].rec.seg,
			    fmt_seg_size(r->repo->segs[i].rec.npages));
}

static int
load(struct vault_r *r, const uint8_t id[FMT_ID_LEN], struct seg *s, struct err *e)
{
	uint8_t dek[32];
	int x = seg_open(r->repo, id, s, e);

	if (x < 0)
		return x;
	if (s->rem && s->fd < 0) /* its ends are needed first: both on one way */
		remote_ahead(s->rem, id, fmt_seg_size(s->npages));
	if (s->rem && r->eager)
		announce(r, repo_seg(r->repo, id));
	x = find_dek(r, s, dek, e);
	if (x == 0)
		x = repo_body_key(dek, s->id, s->body_key, e);
	explicit_bzero(dek, sizeof(dek));
	if (x == 0)
		x = r->repo->have_index ?
		    seg_read_toc(s, r->repo->index_key, false, &s->toc, e) :
		    err_set(e, E_AUTH, "reading this needs the recovery key");
	if (x < 0)
		seg_close(s);
	return x;
}

/* ---- the shared table ---- */

/* victim(r): A free place in the table, or the one not in use that was used longest ago. */
static int
victim(struct vault_r *r, struct seg **ret, struct err *e)
{
	struct seg *best = NULL;

	if (!r->open)
		r->open = calloc(MAX_SEGS, sizeof(*r->open));
	if (!r->open)
		return err_set(e, E_NOMEM, "no memory for the open segments");
	if (r->nopen < MAX_SEGS) {
		*ret = &r->open[r->nopen++];
		return 0;
	}
	for (uint32_t i = 0; i < r->nopen; i++) {
		if (r->open[i].refs == 0 && (!best || r->open[i].used < best->used))
			best = &r->open[i];
	}
	if (!best)
		return err_set(e, E_LIMIT, "too many segments are in use at once");
	seg_close(best);
	*ret = best;
	return 0;
}

int
segr_get(struct vault_r *r, const uint8_t id[FMT_ID_LEN], struct seg **ret, struct err *e)
{
	struct seg *s = NULL, fresh;
	int x = 0;

	(void)pthread_mutex_lock(&r->lock);
	for (uint32_t i = 0; i < r->nopen && !s; i++) {
		if (r->open[i].open && memcmp(r->open[i].id, id, FMT_ID_LEN) == 0)
			s = &r->open[i];
	}
	if (!s) {
		x = load(r, id, &fresh, e);
		if (x == 0) {
			x = victim(r, &s, e);
			if (x < 0) {
				seg_close(&fresh);
			} else {
				*s = fresh;
				s->serial = ++r->serial;
			}
		}
	}
	if (x == 0) {
		s->refs++;
		s->used = ++r->tick;
		*ret = s;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return x;
}

void
segr_put(struct vault_r *r, struct seg *s)
{
	(void)pthread_mutex_lock(&r->lock);
	s->refs--;
	(void)pthread_mutex_unlock(&r->lock);
}

/* ---- contexts ---- */

struct slot { /* one decompressed group */
	uint64_t serial; /* of the segment, 0 = empty */
	uint32_t off, len;
	uint64_t used;
	uint8_t *p;
};

struct vault_ctx {
	struct vault_r *r;
	struct seg *cur; /* the segment used last, held */
	struct {
		uint64_t serial, used;
		struct aead *a;
	} keys[CTX_KEYS];
	struct slot *slots;
	size_t nslots;
	uint64_t tick;
	uint8_t *raw;   /* sealed pages of one group */
	uint8_t *plain; /* its stored bytes, whole pages */
	ZSTD_DCtx *zctx;
};

/* a stored group of 128 KiB may touch six pages */
enum { GROUP_PAGES = FMT_MAX_GROUP / FMT_PAGE_DATA + 2 };

int
vault_ctx_new(VAULT_R *r, size_t groups, struct vault_ctx **ret, struct err *e)
{
	struct vault_ctx *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(e, E_NOMEM, "no memory");
	c->r = r;
	c->nslots = groups ? groups : 8;
	c->slots = calloc(c->nslots, sizeof(*c->slots));
	c->raw = malloc((size_t)GROUP_PAGES * FMT_PAGE_LEN);
	c->plain = malloc((size_t)GROUP_PAGES * FMT_PAGE_LEN);
	c->zctx = ZSTD_createDCtx();
	if (!c->slots || !c->raw || !c->plain || !c->zctx) {
		vault_ctx_free(c);
		return err_set(e, E_NOMEM, "no memory");
	}
	*ret = c;
	return 0;
}

void
vault_ctx_free(struct vault_ctx *c)
{
	if (!c)
		return;
	if (c->cur)
		segr_put(c->r, c->cur);
	for (int i = 0; i < CTX_KEYS; i++)
		aead_free(c->keys[i].a);
	for (size_t i = 0; c->slots && i < c->nslots; i++)
		free(c->slots[i].p);
	free(c->slots);
	free(c->raw);
	free(c->plain);
	(void)ZSTD_freeDCtx(c->zctx);
	free(c);
}

static int
ctx_seg(struct vault_ctx *c, const uint8_t id[FMT_ID_LEN], struct err *e)
{
	struct seg *s;
	int x;

	if (c->cur && memcmp(c->cur->id, id, FMT_ID_LEN) == 0)
		return 0;
	x = segr_get(c->r, id, &s, e);
	if (x < 0)
		return x;
	if (c->cur)
		segr_put(c->r, c->cur);
	c->cur = s;
	return 0;
}

static int
ctx_key(struct vault_ctx *c, struct aead **ret, struct err *e)
{
	int best = 0;
	struct aead *a;
	int x;

	for (int i = 0; i < CTX_KEYS; i++) {
		if (c->keys[i].a && c->keys[i].serial == c->cur->serial) {
			c->keys[i].used = ++c->tick;
			*ret = c->keys[i].a;
			return 0;
		}
		if (c->keys[i].used < c->keys[best].used)
			best = i;
	}
	x = aead_new(c->cur->body_key, &a, e);
	if (x < 0)
		return x;
	aead_free(c->keys[best].a);
	c->keys[best].a = a;
	c->keys[best].serial = c->cur->serial;
	c->keys[best].used = ++c->tick;
	*ret = a;
	return 0;
}

static const struct fmt_group *
group_at(const struct fmt_toc *t, uint32_t off)
{
	uint32_t lo = 0, hi = t->ngroups;

	if (off >= t->stream_len)
		return NULL;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->groups[mid].off <= off)
			lo = mid;
		else
			hi = mid;
	}
	return &t->groups[lo];
}

/* stored(c, g, ret, e): The stored bytes of a group, authenticated, in c->plain. */
static int
stored(struct vault_ctx *c, const struct fmt_group *g, const uint8_t **ret, struct err *e)
{
	const struct seg *s = c->cur;
	uint32_t first = g->body_off / FMT_PAGE_DATA;
	uint32_t last = (g->body_off + g->clen - 1) / FMT_PAGE_DATA;
	struct aead *a;
	int x;

	if (last - first >= GROUP_PAGES || last >= s->npages)
		return err_set(e, E_CORRUPT, "segment %s: a group does not make sense", s->name);
	x = ctx_key(c, &a, e);
	if (x == 0)
		x = seg_pread(s, c->raw, (size_t)(last - first + 1) * FMT_PAGE_LEN,
		    FMT_HEADER_LEN + (uint64_t)first * FMT_PAGE_LEN, e);
	if (x < 0)
		return e ? err_wrap(e, "segment %s, page %u", s->name, first) : x;
	for (uint32_t i = 0; x == 0 && i <= last - first; i++)
		x = read_page(s, a, first + i, FMT_PAGE_BODY, c->raw + (size_t)i * FMT_PAGE_LEN,
		    c->plain + (size_t)i * FMT_PAGE_DATA, e);
	*ret = c->plain + (g->body_off - first * FMT_PAGE_DATA);
	return x;
}

static int
fill(struct vault_ctx *c, const struct fmt_group *g, struct slot *t, struct err *e)
{
	const uint8_t *p = NULL;
	size_t n;
	int x;

	t->serial = 0;
	if (!t->p) {
		t->p = malloc(FMT_MAX_GROUP);
		if (!t->p)
			return err_set(e, E_NOMEM, "no memory");
	}
	x = stored(c, g, &p, e);
	if (x < 0)
		return x;
	if (g->raw) {
		(void)memcpy(t->p, p, g->ulen);
	} else {
		n = ZSTD_decompressDCtx(c->zctx, t->p, FMT_MAX_GROUP, p, g->clen);
		if (ZSTD_isError(n) || n != g->ulen)
			return err_set(e, E_CORRUPT, "segment %s: a group does not decompress",
			    c->cur->name);
	}
	t->serial = c->cur->serial;
	t->off = g->off;
	t->len = g->ulen;
	return 0;
}

static int
slot_for(struct vault_ctx *c, uint32_t off, struct slot **ret, struct err *e)
{
	struct slot *best = &c->slots[0];
	const struct fmt_group *g;
	int x;

	for (size_t i = 0; i < c->nslots; i++) {
		struct slot *t = &c->slots[i];

		if (t->serial == c->cur->serial && off >= t->off && off - t->off < t->len) {
			t->used = ++c->tick;
			*ret = t;
			return 0;
		}
		if (t->used < best->used)
			best = t;
	}
	g = group_at(&c->cur->toc, off);
	if (!g)
		return err_set(e, E_CORRUPT, "segment %s has no byte %u", c->cur->name, off);
	x = fill(c, g, best, e);
	if (x < 0)
		return x;
	best->used = ++c->tick;
	*ret = best;
	return 0;
}

ssize_t
vault_view(struct vault_ctx *c, const uint8_t seg[FMT_ID_LEN], uint32_t off, const uint8_t **ret,
    struct err *e)
{
	struct slot *t = NULL;
	int x = ctx_seg(c, seg, e);

	if (x == 0)
		x = slot_for(c, off, &t, e);
	if (x < 0)
		return x;
	*ret = t->p + (off - t->off);
	return (ssize_t)(t->len - (off - t->off));
}

int
vault_read(struct vault_ctx *c, const uint8_t seg[FMT_ID_LEN], uint32_t off, void *p, size_t n,
    struct err *e)
{
	uint8_t *out = p;

	while (n > 0) {
		const uint8_t *v;
		ssize_t k = vault_view(c, seg, off, &v, e);
		size_t take;

		if (k < 0)
			return (int)k;
		take = (size_t)k < n ? (size_t)k : n;
		(void)memcpy(out, v, take);
		out += take;
		n -= take;
		off += (uint32_t)take;
	}
	return 0;
}

int
vault_toc(struct vault_ctx *c, const uint8_t seg[FMT_ID_LEN], struct fmt_toc *ret, struct err *e)
{
	struct seg s;
	int x;

	if (!c->r->repo->have_index)
		return err_set(e, E_AUTH, "reading this needs the recovery key");
	x = seg_open(c->r->repo, seg, &s, e);
	if (x < 0)
		return x;
	x = seg_read_toc(&s, c->r->repo->index_key, true, ret, e);
	seg_close(&s);
	return x;
}
