#include "vault/fmt.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

static const char seg_magic[8] = "MMRISEG1";
static const char foot_magic[8] = "MMRIFOOT";

enum {
	HEADER_FIXED = 8 + 2 + 2 + 4 + 4 + FMT_ID_LEN * 2 + 1 + 1 + 2 + 32,
	WRAP_LEN = 8 + SEAL_LEN,
	SUM_OFF = FMT_HEADER_LEN - FMT_HASH_LEN,
};

_Static_assert(HEADER_FIXED + FMT_MAX_WRAPS * WRAP_LEN <= SUM_OFF, "wraps must fit the header");
_Static_assert(sizeof(struct fmt_wrap) == WRAP_LEN, "no padding in a wrap");

/* ---- header and footer ---- */

static void
put_sum(uint8_t page[FMT_HEADER_LEN])
{
	digest_sha256(page, SUM_OFF, page + SUM_OFF);
}

static int
check_sum(const uint8_t page[FMT_HEADER_LEN], const char *what, struct err *e)
{
	uint8_t sum[FMT_HASH_LEN];

	digest_sha256(page, SUM_OFF, sum);
	if (memcmp(sum, page + SUM_OFF, sizeof(sum)) != 0)
		return err_set(e, E_CORRUPT, "the %s is damaged (checksum)", what);
	return 0;
}

void
fmt_header_put(const struct fmt_header *h, uint8_t out[FMT_HEADER_LEN])
{
	uint8_t *p = out;

	(void)memset(out, 0, FMT_HEADER_LEN);
	(void)memcpy(p, seg_magic, 8);
	le16_put(p + 8, FMT_VERSION);
	le16_put(p + 10, FMT_HEADER_LEN);
	/* 12: compatible flags, 16: incompatible flags, none yet */
	(void)memcpy(p + 20, h->repo, FMT_ID_LEN);
	(void)memcpy(p + 36, h->seg, FMT_ID_LEN);
	p[52] = h->kind;
	p[53] = FMT_ALG_1;
	le16_put(p + 54, h->nwraps);
	(void)memcpy(p + 56, h->key_commit, 32);
	p += HEADER_FIXED;
	(void)memcpy(p, h->wraps, (size_t)h->nwraps * WRAP_LEN);
	put_sum(out);
}

int
fmt_header_get(const uint8_t p[FMT_HEADER_LEN], struct fmt_header *ret, struct err *e)
{
	int r;

	if (memcmp(p, seg_magic, 8) != 0)
		return err_set(e, E_CORRUPT, "the segment header is damaged (magic)");
	if (le16_get(p + 8) != FMT_VERSION || le32_get(p + 16) != 0)
		return err_set(e, E_PROTO,
		    "the segment is of a newer format (version %u, flags %x)", le16_get(p + 8),
		    le32_get(p + 16));
	r = check_sum(p, "segment header", e);
	if (r < 0)
		return r;
	if (p[53] != FMT_ALG_1)
		return err_set(e, E_PROTO, "the segment uses an unknown algorithm %u", p[53]);
	*ret = (struct fmt_header){.kind = p[52], .nwraps = le16_get(p + 54)};
	if (ret->nwraps > FMT_MAX_WRAPS || (ret->kind != FMT_DATA && ret->kind != FMT_META))
		return err_set(e, E_CORRUPT, "the segment header does not make sense");
	(void)memcpy(ret->repo, p + 20, FMT_ID_LEN);
	(void)memcpy(ret->seg, p + 36, FMT_ID_LEN);
	(void)memcpy(ret->key_commit, p + 56, 32);
	(void)memcpy(ret->wraps, p + HEADER_FIXED, (size_t)ret->nwraps * WRAP_LEN);
	return 0;
}

void
fmt_footer_put(const struct fmt_footer *f, uint8_t out[FMT_HEADER_LEN])
{
	(void)memset(out, 0, FMT_HEADER_LEN);
	(void)memcpy(out, foot_magic, 8);
	le16_put(out + 8, FMT_VERSION);
	(void)memcpy(out + 12, f->repo, FMT_ID_LEN);
	(void)memcpy(out + 28, f->seg, FMT_ID_LEN);
	le32_put(out + 44, f->npages);
	(void)memcpy(out + 48, f->root, FMT_HASH_LEN);
	put_sum(out);
}

int
fmt_footer_get(const uint8_t p[FMT_HEADER_LEN], struct fmt_footer *ret, struct err *e)
{
	int r;

	if (memcmp(p, foot_magic, 8) != 0)
		return err_set(e, E_CORRUPT, "the segment footer is damaged (magic)");
	r = check_sum(p, "segment footer", e);
	if (r < 0)
		return r;
	(void)memcpy(ret->repo, p + 12, FMT_ID_LEN);
	(void)memcpy(ret->seg, p + 28, FMT_ID_LEN);
	ret->npages = le32_get(p + 44);
	(void)memcpy(ret->root, p + 48, FMT_HASH_LEN);
	if (ret->npages == 0 || ret->npages > FMT_MAX_PAGES)
		return err_set(e, E_CORRUPT, "the segment footer does not make sense");
	return 0;
}

void
fmt_root(const uint8_t header[FMT_HEADER_LEN], const uint8_t *hashes, uint32_t npages,
    uint8_t out[FMT_HASH_LEN])
{
	static const char label[] = "mamori segment v1";
	uint8_t hh[FMT_HASH_LEN];
	struct iovec iov[3] = {
		{.iov_base = (void *)(uintptr_t)label, .iov_len = sizeof(label)},
		{.iov_base = hh, .iov_len = sizeof(hh)},
		{.iov_base = (void *)(uintptr_t)hashes, .iov_len = (size_t)npages * FMT_HASH_LEN},
	};

	digest_sha256(header, FMT_HEADER_LEN, hh);
	digest_sha256v(iov, 3, out);
}

uint32_t
fmt_hashes_len(uint32_t npages)
{
	return (npages * FMT_HASH_LEN + FMT_HEADER_LEN - 1) / FMT_HEADER_LEN * FMT_HEADER_LEN;
}

uint64_t
fmt_seg_size(uint32_t npages)
{
	return (uint64_t)FMT_HEADER_LEN * 2 + (uint64_t)npages * FMT_PAGE_LEN +
	    fmt_hashes_len(npages);
}

uint32_t
fmt_pages_of_size(uint64_t size)
{
	uint32_t n;

	if (size < fmt_seg_size(1) || size > fmt_seg_size(FMT_MAX_PAGES))
		return 0;
	n = (uint32_t)((size - 2 * FMT_HEADER_LEN) / (FMT_PAGE_LEN + FMT_HASH_LEN));
	for (uint32_t k = n ? n - 1 : 1; k <= n + 1; k++) {
		if (k >= 1 && k <= FMT_MAX_PAGES && fmt_seg_size(k) == size)
			return k;
	}
	return 0;
}

uint32_t
fmt_pad_pages(uint32_t n)
{
	unsigned lg, lglg, drop;
	uint32_t mask, up;

	if (n < 2)
		return 1;
	lg = 31u - (unsigned)__builtin_clz(n);
	lglg = lg ? 32u - (unsigned)__builtin_clz(lg) : 0;
	drop = lg > lglg ? lg - lglg : 0;
	mask = (1u << drop) - 1;
	up = (n + mask) & ~mask;
	return up > FMT_MAX_PAGES ? FMT_MAX_PAGES : up;
}

void
fmt_page_aad(const uint8_t seg[FMT_ID_LEN], uint32_t page, enum fmt_page_type type,
    uint8_t out[FMT_AAD_LEN])
{
	(void)memcpy(out, seg, FMT_ID_LEN);
	le32_put(out + FMT_ID_LEN, page);
	out[FMT_ID_LEN + 4] = (uint8_t)type;
}

/* ---- trailer and table of contents ---- */

static const char trailer_magic[8] = "MMRITRLR";

void
fmt_trailer_put(const struct fmt_trailer *t, uint8_t out[FMT_PAGE_DATA])
{
	(void)memset(out, 0, FMT_PAGE_DATA);
	(void)memcpy(out, trailer_magic, 8);
	le32_put(out + 8, t->toc_page);
	le32_put(out + 12, t->toc_len);
	le64_put(out + 16, t->body_len);
}

int
fmt_trailer_get(const uint8_t p[FMT_PAGE_DATA], uint32_t npages, struct fmt_trailer *ret,
    struct err *e)
{
	uint64_t toc_pages;

	*ret = (struct fmt_trailer){
		.toc_page = le32_get(p + 8),
		.toc_len = le32_get(p + 12),
		.body_len = le64_get(p + 16),
	};
	toc_pages = ((uint64_t)ret->toc_len + FMT_PAGE_DATA - 1) / FMT_PAGE_DATA;
	if (memcmp(p, trailer_magic, 8) != 0 || ret->toc_page >= npages ||
	    toc_pages > npages - 1 - ret->toc_page ||
	    ret->body_len > (uint64_t)ret->toc_page * FMT_PAGE_DATA)
		return err_set(e, E_CORRUPT, "the segment's trailer does not make sense");
	return 0;
}

int
fmt_toc_put(struct buf *b, const struct fmt_toc *t, struct err *e)
{
	int r = buf_u8(b, 1, e);

	if (r == 0)
		r = buf_var(b, t->ngroups, e);
	if (r == 0)
		r = buf_var(b, t->nchunks, e);
	for (uint32_t i = 0; r == 0 && i < t->ngroups; i++) {
		const struct fmt_group *g = &t->groups[i];

		r = buf_var(b, (uint64_t)g->ulen << 1 | g->raw, e);
		if (r == 0 && !g->raw)
			r = buf_var(b, g->clen, e);
	}
	for (uint32_t i = 0; r == 0 && i < t->nchunks; i++)
		r = buf_var(b, t->chunks[i].len, e);
	for (uint32_t i = 0; r == 0 && i < t->nchunks; i++)
		r = buf_put(b, t->chunks[i].id, FMT_CHUNK_ID_LEN, e);
	return r;
}

static int
toc_groups(struct rd *r, uint64_t body_len, struct fmt_toc *t)
{
	uint64_t body = 0, stream = 0;

	for (uint32_t i = 0; i < t->ngroups; i++) {
		struct fmt_group *g = &t->groups[i];
		uint64_t u = rd_var(r);
		uint64_t ulen = u >> 1;
		uint64_t clen = u & 1 ? ulen : rd_var(r);

		if (r->bad || ulen == 0 || ulen > FMT_MAX_GROUP || clen == 0 ||
		    clen > 2 * FMT_MAX_GROUP || clen > body_len - body ||
		    ulen > FMT_MAX_STREAM - stream)
			return -1;
		*g = (struct fmt_group){
			.body_off = (uint32_t)body,
			.clen = (uint32_t)clen,
			.off = (uint32_t)stream,
			.ulen = (uint32_t)ulen,
			.raw = u & 1,
		};
		body += clen;
		stream += ulen;
	}
	t->stream_len = (uint32_t)stream;
	return body == body_len ? 0 : -1;
}

static int
toc_chunks(struct rd *r, struct fmt_toc *t)
{
	uint64_t at = 0;

	for (uint32_t i = 0; i < t->nchunks; i++) {
		uint64_t len = rd_var(r);

		if (r->bad || len == 0 || len > t->stream_len - at)
			return -1;
		t->chunks[i].off = (uint32_t)at;
		t->chunks[i].len = (uint32_t)len;
		at += len;
	}
	for (uint32_t i = 0; i < t->nchunks; i++) {
		const unsigned char *id = rd_bytes(r, FMT_CHUNK_ID_LEN);

		if (!id)
			return -1;
		(void)memcpy(t->chunks[i].id, id, FMT_CHUNK_ID_LEN);
	}
	return rd_end(r) && at == t->stream_len ? 0 : -1;
}

int
fmt_toc_get(const uint8_t *p, size_t n, uint64_t body_len, bool want_chunks, struct fmt_toc *ret,
    struct err *e)
{
	struct rd r = rd_init(p, n);
	struct fmt_toc t = {0};
	uint64_t ng, nc;
	uint8_t version = rd_u8(&r);

	ng = rd_var(&r);
	nc = rd_var(&r);
	/* each group takes at least one byte here, each chunk 33, so the counts are bounded by n */
	if (r.bad || version != 1 || ng > n || ng > FMT_MAX_GROUPS ||
	    nc > n / (FMT_CHUNK_ID_LEN + 1) || nc > FMT_MAX_CHUNKS)
		return err_set(e, E_CORRUPT, "the segment's table of contents is damaged");
	t.ngroups = (uint32_t)ng;
	t.nchunks = (uint32_t)nc;
	t.groups = calloc(ng ? ng : 1, sizeof(*t.groups));
	t.chunks = want_chunks ? calloc(nc ? nc : 1, sizeof(*t.chunks)) : NULL;
	if (!t.groups || (want_chunks && !t.chunks)) {
		fmt_toc_free(&t);
		return err_set(e, E_NOMEM, "no memory for a table of contents");
	}
	if (toc_groups(&r, body_len, &t) < 0 || (want_chunks && toc_chunks(&r, &t) < 0)) {
		fmt_toc_free(&t);
		return err_set(e, E_CORRUPT, "the segment's table of contents is damaged");
	}
	*ret = t;
	return 0;
}

void
fmt_toc_free(struct fmt_toc *t)
{
	free(t->groups);
	free(t->chunks);
	*t = (struct fmt_toc){0};
}

/* ---- log payloads ---- */

int
fmt_segment_rec_put(struct buf *b, const struct fmt_segment_rec *r, struct err *e)
{
	int x = buf_u8(b, 1, e);

	if (x == 0)
		x = buf_put(b, r->seg, FMT_ID_LEN, e);
	if (x == 0)
		x = buf_u8(b, r->kind, e);
	if (x == 0)
		x = buf_u32(b, r->npages, e);
	if (x == 0)
		x = buf_put(b, r->root, FMT_HASH_LEN, e);
	return x;
}

static void
take(struct rd *r, void *out, size_t n)
{
	const unsigned char *p = rd_bytes(r, n);

	if (p)
		(void)memcpy(out, p, n);
}

int
fmt_segment_rec_get(const uint8_t *p, size_t n, struct fmt_segment_rec *ret, struct err *e)
{
	struct rd r = rd_init(p, n);
	uint8_t version = rd_u8(&r);

	take(&r, ret->seg, FMT_ID_LEN);
	ret->kind = rd_u8(&r);
	ret->npages = rd_u32(&r);
	take(&r, ret->root, FMT_HASH_LEN);
	if (version != 1 || !rd_end(&r) || ret->npages == 0 || ret->npages > FMT_MAX_PAGES ||
	    (ret->kind != FMT_DATA && ret->kind != FMT_META))
		return err_set(e, E_CORRUPT, "a segment's entry in the log does not make sense");
	return 0;
}

int
fmt_snapshot_rec_put(struct buf *b, const struct fmt_snapshot_rec *r, struct err *e)
{
	uint32_t next = 0;
	int x = buf_u8(b, 1, e);

	if (x == 0)
		x = buf_put(b, r->id, FMT_ID_LEN, e);
	if (x == 0)
		x = buf_u64(b, (uint64_t)r->retain_until, e);
	if (x == 0)
		x = buf_var(b, r->nruns, e);
	for (uint32_t i = 0; x == 0 && i < r->nruns; i++) {
		x = buf_var(b, r->runs[i].first - next, e);
		if (x == 0)
			x = buf_var(b, r->runs[i].count, e);
		next = r->runs[i].first + r->runs[i].count;
	}
	if (x == 0)
		x = buf_blob(b, r->sealed, r->sealed_len, e);
	return x;
}

static int
get_runs(struct rd *r, struct fmt_snapshot_rec *ret)
{
	uint64_t next = 0;

	for (uint32_t i = 0; i < ret->nruns; i++) {
		uint64_t gap = rd_var(r);
		uint64_t count = rd_var(r);

		if (r->bad || gap > UINT32_MAX || count == 0 || count > UINT32_MAX ||
		    next + gap + count > UINT32_MAX)
			return -1;
		ret->runs[i] = (struct fmt_run){(uint32_t)(next + gap), (uint32_t)count};
		next += gap + count;
	}
	return 0;
}

int
fmt_snapshot_rec_get(const uint8_t *p, size_t n, struct fmt_snapshot_rec *ret, struct err *e)
{
	struct rd r = rd_init(p, n);
	const unsigned char *sealed;
	uint64_t nruns;
	uint8_t version = rd_u8(&r);

	*ret = (struct fmt_snapshot_rec){0};
	take(&r, ret->id, FMT_ID_LEN);
	ret->retain_until = (int64_t)rd_u64(&r);
	nruns = rd_var(&r);
	if (version != 1 || r.bad || nruns > n / 2)
		goto bad;
	ret->nruns = (uint32_t)nruns;
	ret->runs = calloc(nruns ? nruns : 1, sizeof(*ret->runs));
	if (!ret->runs)
		return err_set(e, E_NOMEM, "no memory");
	if (get_runs(&r, ret) < 0)
		goto bad;
	sealed = rd_blob(&r, 1 << 16, &ret->sealed_len);
	if (!sealed || !rd_end(&r))
		goto bad;
	ret->sealed = malloc(ret->sealed_len ? ret->sealed_len : 1);
	if (!ret->sealed) {
		fmt_snapshot_rec_free(ret);
		return err_set(e, E_NOMEM, "no memory");
	}
	(void)memcpy(ret->sealed, sealed, ret->sealed_len);
	return 0;
bad:
	fmt_snapshot_rec_free(ret);
	return err_set(e, E_CORRUPT, "a generation's entry in the log does not make sense");
}

void
fmt_snapshot_rec_free(struct fmt_snapshot_rec *r)
{
	free(r->runs);
	free(r->sealed);
	r->runs = NULL;
	r->sealed = NULL;
	r->nruns = 0;
	r->sealed_len = 0;
}

int
fmt_snap_info_put(struct buf *b, const struct fmt_snap_info *i, struct err *e)
{
	const uint64_t num[] = {
		(uint64_t)i->started, (uint64_t)i->ended, i->files, i->dirs, i->others, i->bytes,
		i->new_bytes, i->stored_bytes, i->unreadable, i->changed,
	};
	int r = buf_u8(b, 1, e);

	if (r == 0)
		r = buf_blob(b, i->name, strnlen(i->name, sizeof(i->name) - 1), e);
	if (r == 0)
		r = buf_blob(b, i->host, strnlen(i->host, sizeof(i->host) - 1), e);
	for (size_t k = 0; r == 0 && k < ARRAY_LEN(num); k++)
		r = buf_u64(b, num[k], e);
	if (r == 0)
		r = buf_put(b, i->manifest_seg, FMT_ID_LEN, e);
	if (r == 0)
		r = buf_u32(b, i->manifest_off, e);
	if (r == 0)
		r = buf_u32(b, i->manifest_len, e);
	return r;
}

static int
take_text(struct rd *r, char out[256])
{
	size_t n = 0;
	const unsigned char *p = rd_blob(r, 255, &n);

	if (!p || memchr(p, 0, n))
		return -1;
	(void)memcpy(out, p, n);
	out[n] = 0;
	return 0;
}

int
fmt_snap_info_get(const uint8_t *p, size_t n, struct fmt_snap_info *ret, struct err *e)
{
	struct rd r = rd_init(p, n);
	uint64_t *num[] = {
		&ret->files, &ret->dirs, &ret->others, &ret->bytes, &ret->new_bytes,
		&ret->stored_bytes, &ret->unreadable, &ret->changed,
	};
	uint8_t version = rd_u8(&r);

	(void)memset(ret, 0, sizeof(*ret));
	if (version != 1 || take_text(&r, ret->name) < 0 || take_text(&r, ret->host) < 0)
		return err_set(e, E_CORRUPT, "a generation's description does not make sense");
	ret->started = (int64_t)rd_u64(&r);
	ret->ended = (int64_t)rd_u64(&r);
	for (size_t k = 0; k < ARRAY_LEN(num); k++)
		*num[k] = rd_u64(&r);
	take(&r, ret->manifest_seg, FMT_ID_LEN);
	ret->manifest_off = rd_u32(&r);
	ret->manifest_len = rd_u32(&r);
	if (!rd_end(&r) || ret->manifest_len > FMT_MAX_STREAM)
		return err_set(e, E_CORRUPT, "a generation's description does not make sense");
	return 0;
}

int
fmt_genesis_put(struct buf *b, const struct fmt_genesis *g, struct err *e)
{
	int r = buf_str(b, "vault", e);

	if (r == 0)
		r = buf_u8(b, FMT_VERSION, e);
	if (r == 0)
		r = buf_put(b, g->repo, FMT_ID_LEN, e);
	if (r == 0)
		r = buf_put(b, g->recovery, SEAL_PUB_LEN, e);
	if (r == 0)
		r = buf_put(b, g->index_commit, 32, e);
	if (r == 0)
		r = buf_u32(b, g->lock_days, e);
	return r;
}

int
fmt_genesis_get(const uint8_t *p, size_t n, struct fmt_genesis *ret, struct err *e)
{
	struct rd r = rd_init(p, n);
	const unsigned char *label = rd_bytes(&r, 5);
	uint8_t version = rd_u8(&r);

	if (!label || memcmp(label, "vault", 5) != 0)
		return err_set(e, E_PROTO, "the log is not a vault's");
	if (version != FMT_VERSION)
		return err_set(e, E_PROTO, "the vault is of a newer format (version %u)", version);
	take(&r, ret->repo, FMT_ID_LEN);
	take(&r, ret->recovery, SEAL_PUB_LEN);
	take(&r, ret->index_commit, 32);
	ret->lock_days = rd_u32(&r);
	if (!rd_end(&r))
		return err_set(e, E_CORRUPT, "the vault's first log entry does not make sense");
	return 0;
}
