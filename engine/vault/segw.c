#include "vault/segw.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "vault/repo_int.h"

enum {
	OUT_PAGES = 16,          /* written to the file at a time: 512 KiB */
	PROBE = 4096,
	FLUSH_EVERY = 8 << 20,   /* ask the kernel to start writing back */
	NEAR_FULL = FMT_MAX_PAGES - 96,
	MAX_TOC_GROUPS = FMT_MAX_PAGES * FMT_PAGE_DATA / 64,
};

struct segw {
	const struct segw_env *env;
	int fd;
	char name[2 * FMT_ID_LEN + 1];
	bool published;
	struct fmt_header head;
	uint8_t header[FMT_HEADER_LEN];
	uint8_t *dek; /* secret memory, 32 bytes */
	struct aead *body, *table;
	ZSTD_CCtx *zctx;
	/* the stream */
	uint8_t *group; /* plaintext of the open group */
	uint32_t group_len;
	uint32_t noise; /* bytes of groups that did not compress */
	uint32_t stream_len; /* including the open group */
	uint8_t *packed;
	size_t packed_cap;
	/* the body */
	uint8_t *page; /* plaintext of the open page */
	uint32_t page_len;
	uint64_t body_len;
	/* sealed pages not written yet */
	uint8_t *out;
	uint32_t out_pages;
	uint32_t npages; /* sealed so far */
	uint8_t *hashes;
	/* the table */
	uint32_t toc_page;
	struct fmt_toc toc;
	uint32_t cap_groups, cap_chunks;
};

static int
no_memory(struct err *e)
{
	return err_set(e, E_NOMEM, "no memory for a segment");
}

static int
make_keys(struct segw *s, struct err *e)
{
	uint8_t key[32];
	int r;

	s->dek = secret_new(32, e);
	if (!s->dek)
		return E_NOMEM;
	random_fill(s->dek, 32);
	r = repo_body_key(s->dek, s->head.seg, key, e);
	if (r == 0)
		r = aead_new(key, &s->body, e);
	if (r == 0)
		r = repo_toc_key(s->env->index_key, s->head.seg, key, e);
	if (r == 0)
		r = aead_new(key, &s->table, e);
	if (r == 0)
		r = aead_commit(s->dek, s->head.key_commit, e);
	explicit_bzero(key, sizeof(key));
	return r;
}

static int
make_header(struct segw *s, struct err *e)
{
	uint8_t aad[2 * FMT_ID_LEN];
	int r;

	(void)memcpy(aad, s->head.repo, FMT_ID_LEN);
	(void)memcpy(aad + FMT_ID_LEN, s->head.seg, FMT_ID_LEN);
	s->head.nwraps = 1;
	(void)memcpy(s->head.wraps[0].recipient, s->env->recipient, 8);
	r = seal_to(s->env->recovery, aad, sizeof(aad), s->dek, s->head.wraps[0].sealed, e);
	if (r == 0)
		fmt_header_put(&s->head, s->header);
	return r;
}

/* hold(fd): Lock the file against the sweeper of tmp/. False when it was swept in the instant
 * before. A file system without locks has no sweeper either. */
static bool
hold(int fd)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat st;

	(void)fcntl(fd, F_OFD_SETLKW, &fl);
	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static int
make_file(struct segw *s, struct err *e)
{
	const struct segw_env *env = s->env;

	for (int i = 0; i < 3; i++) {
		s->fd = fio_open(env->f, env->tmpfd, s->name, O_RDWR | O_CREAT | O_EXCL, 0600, e);
		if (s->fd < 0)
			return s->fd;
		if (hold(s->fd))
			return 0;
		fio_close(env->f, s->fd);
		s->fd = -1;
	}
	return err_set(e, E_BUSY, "the vault's tmp folder is being cleaned");
}

int
segw_new(const struct segw_env *env, enum fmt_kind kind, struct segw **ret, struct err *e)
{
	struct segw *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return no_memory(e);
	s->env = env;
	s->fd = -1;
	s->head.kind = (uint8_t)kind;
	(void)memcpy(s->head.repo, env->repo, FMT_ID_LEN);
	random_fill(s->head.seg, FMT_ID_LEN);
	hex_put(s->name, s->head.seg, FMT_ID_LEN);
	s->packed_cap = ZSTD_compressBound(FMT_MAX_GROUP);
	s->group = malloc(FMT_MAX_GROUP);
	s->packed = malloc(s->packed_cap);
	s->page = malloc(FMT_PAGE_DATA);
	s->out = malloc((size_t)OUT_PAGES * FMT_PAGE_LEN);
	s->hashes = malloc((size_t)FMT_MAX_PAGES * FMT_HASH_LEN);
	s->zctx = ZSTD_createCCtx();
	r = s->group && s->packed && s->page && s->out && s->hashes && s->zctx ? 0 : no_memory(e);
	if (r == 0) {
		(void)ZSTD_CCtx_setParameter(s->zctx, ZSTD_c_compressionLevel, env->level);
		(void)ZSTD_CCtx_setParameter(s->zctx, ZSTD_c_contentSizeFlag, 0);
		r = make_keys(s, e);
	}
	if (r == 0)
		r = make_header(s, e);
	if (r == 0)
		r = make_file(s, e);
	if (r == 0)
		r = fio_pwrite_all(env->f, s->fd, s->header, FMT_HEADER_LEN, 0, e);
	if (r < 0) {
		segw_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

const uint8_t *
segw_id(const struct segw *s)
{
	return s->head.seg;
}

const uint8_t *
segw_key(const struct segw *s)
{
	return s->dek;
}

uint32_t
segw_noise(const struct segw *s)
{
	return s->noise;
}

uint32_t
segw_off(const struct segw *s)
{
	return s->stream_len;
}

/* ---- pages ---- */

static int
write_out(struct segw *s, struct err *e)
{
	uint64_t off = FMT_HEADER_LEN + (uint64_t)(s->npages - s->out_pages) * FMT_PAGE_LEN;
	size_t n = (size_t)s->out_pages * FMT_PAGE_LEN;
	int r;

	if (n == 0)
		return 0;
	r = fio_pwrite_all(s->env->f, s->fd, s->out, n, off, e);
	if (r < 0)
		return r;
	s->out_pages = 0;
	if (!s->env->passing && (off + n) / FLUSH_EVERY != off / FLUSH_EVERY) {
		/* only a hint: the segment's fdatasync comes at publishing */
		(void)sync_file_range(s->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
	return 0;
}

/* seal_page(s, a, type, plain, e): Encrypt FMT_PAGE_DATA bytes as the next page. */
static int
seal_page(struct segw *s, struct aead *a, enum fmt_page_type type, const uint8_t *plain,
    struct err *e)
{
	uint8_t nonce[AEAD_NONCE_LEN], aad[FMT_AAD_LEN];
	uint8_t *at;
	int r;

	if (s->npages == FMT_MAX_PAGES)
		return err_set(e, E_LIMIT, "a segment overflowed");
	if (s->out_pages == OUT_PAGES) {
		r = write_out(s, e);
		if (r < 0)
			return r;
	}
	at = s->out + (size_t)s->out_pages * FMT_PAGE_LEN;
	aead_nonce(nonce, s->npages);
	fmt_page_aad(s->head.seg, s->npages, type, aad);
	r = aead_seal(a, nonce, aad, sizeof(aad), plain, FMT_PAGE_DATA, at, e);
	if (r < 0)
		return r;
	digest_sha256(at, FMT_PAGE_LEN, s->hashes + (size_t)s->npages * FMT_HASH_LEN);
	s->npages++;
	s->out_pages++;
	return 0;
}

static int
body_put(struct segw *s, const uint8_t *p, size_t n, struct err *e)
{
	while (n > 0) {
		size_t k = FMT_PAGE_DATA - s->page_len < n ? FMT_PAGE_DATA - s->page_len : n;
		int r;

		if (s->page_len == 0 && k == FMT_PAGE_DATA) {
			r = seal_page(s, s->body, FMT_PAGE_BODY, p, e);
			if (r < 0)
				return r;
		} else {
			(void)memcpy(s->page + s->page_len, p, k);
			s->page_len += (uint32_t)k;
		}
		if (s->page_len == FMT_PAGE_DATA) {
			r = seal_page(s, s->body, FMT_PAGE_BODY, s->page, e);
			if (r < 0)
				return r;
			s->page_len = 0;
		}
		p += k;
		n -= k;
		s->body_len += k;
	}
	return 0;
}

/* ---- groups ---- */

/* dense(p, n): Whether a sample of the bytes looks like noise, so that trying to compress is a
 * waste: an entropy estimate over two samples of 4 KiB, above 7.85 bits a byte. */
static bool
dense(const uint8_t *p, size_t n)
{
	uint32_t count[256] = {0};
	size_t total = 0;
	double bits = 0;

	if (n < 2 * PROBE)
		return false;
	for (size_t i = 0; i < PROBE; i++) {
		count[p[i]]++;
		count[p[n - PROBE + i]]++;
		total += 2;
	}
	for (int i = 0; i < 256; i++) {
		if (count[i])
			bits -= count[i] * log2((double)count[i] / (double)total);
	}
	return bits > 7.85 * (double)total;
}

static int
grow(void **p, uint32_t *cap, uint32_t len, size_t elem, struct err *e)
{
	uint32_t n = *cap ? *cap * 2 : 256;
	void *q;

	if (len < *cap)
		return 0;
	q = reallocarray(*p, n, elem);
	if (!q)
		return no_memory(e);
	*p = q;
	*cap = n;
	return 0;
}

static int
flush_group(struct segw *s, struct err *e)
{
	struct fmt_group g = {
		.ulen = s->group_len,
		.off = s->stream_len - s->group_len,
		.body_off = (uint32_t)s->body_len,
	};
	size_t n = 0;
	int r;

	if (s->group_len == 0)
		return 0;
	if (!dense(s->group, s->group_len)) {
		n = ZSTD_compress2(s->zctx, s->packed, s->packed_cap, s->group, s->group_len);
		if (ZSTD_isError(n))
			return err_set(e, E_NOMEM, "cannot compress: %s", ZSTD_getErrorName(n));
	}
	g.raw = n == 0 || n >= s->group_len;
	g.clen = g.raw ? g.ulen : (uint32_t)n;
	r = grow((void **)&s->toc.groups, &s->cap_groups, s->toc.ngroups, sizeof(g), e);
	if (r == 0)
		r = body_put(s, g.raw ? s->group : s->packed, g.clen, e);
	if (r < 0)
		return r;
	s->toc.groups[s->toc.ngroups++] = g;
	s->group_len = 0;
	s->noise += g.raw ? g.ulen : 0;
	return 0;
}

static size_t
toc_bytes(const struct segw *s)
{
	return 16 + (size_t)(s->toc.ngroups + 2) * 7 +
	    (size_t)(s->toc.nchunks + 1) * (FMT_CHUNK_ID_LEN + 4);
}

static uint64_t
pages_for(uint64_t bytes)
{
	return (bytes + FMT_PAGE_DATA - 1) / FMT_PAGE_DATA;
}

bool
segw_fits(const struct segw *s, size_t n)
{
	uint64_t body = s->body_len + s->group_len + n + 1024;
	uint64_t groups = n / FMT_MAX_GROUP + 2;

	return pages_for(body) + pages_for(toc_bytes(s) + groups * 7) + 1 <= FMT_MAX_PAGES &&
	    (uint64_t)s->stream_len + n <= FMT_MAX_STREAM && s->toc.nchunks < FMT_MAX_CHUNKS;
}

int
segw_add(struct segw *s, const uint8_t id[FMT_CHUNK_ID_LEN], const void *p, size_t n,
    uint32_t *ret_off, struct err *e)
{
	const uint8_t *b = p;
	struct fmt_chunk *c;
	size_t left = n;
	int r = grow((void **)&s->toc.chunks, &s->cap_chunks, s->toc.nchunks, sizeof(*c), e);

	if (r < 0)
		return r;
	/* a chunk that fits in one group is not spread over two */
	if (s->group_len && s->group_len + n > FMT_MAX_GROUP) {
		r = flush_group(s, e);
		if (r < 0)
			return r;
	}
	c = &s->toc.chunks[s->toc.nchunks];
	c->off = s->stream_len;
	c->len = (uint32_t)n;
	(void)memcpy(c->id, id, FMT_CHUNK_ID_LEN);
	while (left > 0) {
		size_t k =
		    FMT_MAX_GROUP - s->group_len < left ? FMT_MAX_GROUP - s->group_len : left;

		(void)memcpy(s->group + s->group_len, b, k);
		s->group_len += (uint32_t)k;
		s->stream_len += (uint32_t)k;
		b += k;
		left -= k;
		if (s->group_len == FMT_MAX_GROUP) {
			r = flush_group(s, e);
			if (r < 0)
				return r;
		}
	}
	s->toc.nchunks++;
	*ret_off = c->off;
	return 0;
}

/* ---- the end ---- */

static int
put_table(struct segw *s, struct fmt_trailer *t, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	uint8_t page[FMT_PAGE_DATA];
	int r;

	buf_init(&b, (size_t)FMT_MAX_PAGES * FMT_PAGE_DATA);
	s->toc.stream_len = s->stream_len;
	r = fmt_toc_put(&b, &s->toc, e);
	t->toc_page = s->toc_page = s->npages;
	t->toc_len = (uint32_t)b.len;
	for (size_t at = 0; r == 0 && at < b.len; at += FMT_PAGE_DATA) {
		size_t k = b.len - at < FMT_PAGE_DATA ? b.len - at : FMT_PAGE_DATA;

		(void)memset(page, 0, sizeof(page));
		(void)memcpy(page, b.p + at, k);
		r = seal_page(s, s->table, FMT_PAGE_TOC, page, e);
	}
	return r;
}

static int
put_tail(struct segw *s, uint8_t root[FMT_HASH_LEN], struct err *e)
{
	uint32_t len = fmt_hashes_len(s->npages);
	uint64_t at = FMT_HEADER_LEN + (uint64_t)s->npages * FMT_PAGE_LEN;
	struct fmt_footer f = {.npages = s->npages};
	uint8_t *tail = calloc(1, len + FMT_HEADER_LEN);
	int r;

	if (!tail)
		return no_memory(e);
	fmt_root(s->header, s->hashes, s->npages, root);
	(void)memcpy(f.repo, s->head.repo, FMT_ID_LEN);
	(void)memcpy(f.seg, s->head.seg, FMT_ID_LEN);
	(void)memcpy(f.root, root, FMT_HASH_LEN);
	(void)memcpy(tail, s->hashes, (size_t)s->npages * FMT_HASH_LEN);
	fmt_footer_put(&f, tail + len);
	r = fio_pwrite_all(s->env->f, s->fd, tail, len + FMT_HEADER_LEN, at, e);
	free(tail);
	return r;
}

int
segw_seal(struct segw *s, bool full, struct fmt_segment_rec *rec, struct err *e)
{
	struct fmt_trailer t = {0};
	uint8_t page[FMT_PAGE_DATA];
	uint32_t want;
	int r = flush_group(s, e);

	(void)memset(page, 0, sizeof(page));
	t.body_len = s->body_len;
	if (r == 0 && s->page_len) {
		(void)memset(s->page + s->page_len, 0, FMT_PAGE_DATA - s->page_len);
		r = seal_page(s, s->body, FMT_PAGE_BODY, s->page, e);
	}
	if (r == 0)
		r = put_table(s, &t, e);
	want = full && s->npages >= NEAR_FULL ? FMT_MAX_PAGES : fmt_pad_pages(s->npages + 1);
	while (r == 0 && s->npages + 1 < want)
		r = seal_page(s, s->body, FMT_PAGE_BODY, page, e);
	fmt_trailer_put(&t, page);
	if (r == 0)
		r = seal_page(s, s->table, FMT_PAGE_TRAILER, page, e);
	if (r == 0)
		r = write_out(s, e);
	if (r == 0)
		r = put_tail(s, rec->root, e);
	if (r < 0)
		return r;
	(void)memcpy(rec->seg, s->head.seg, FMT_ID_LEN);
	rec->kind = s->head.kind;
	rec->npages = s->npages;
	return 0;
}

int
segw_publish(struct segw *s, int segfd, struct err *e)
{
	const struct fio *f = s->env->f;
	int r = fio_datasync(f, s->fd, e);

	if (r == 0)
		r = fio_rename(f, s->env->tmpfd, s->name, segfd, s->name, false, e);
	if (r == 0) {
		s->published = true;
		r = fio_sync(f, segfd, e);
	}
	return r;
}

int
segw_fd(const struct segw *s)
{
	return s->fd;
}

void
segw_keep_ends(struct segw *s, int segfd)
{
	const struct fio *f = s->env->f;

	if (fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FMT_HEADER_LEN,
	    (off_t)s->toc_page * FMT_PAGE_LEN) < 0)
		return;
	/* not synced: pages of a table that a power cut loses do not authenticate */
	s->published = fio_rename(f, s->env->tmpfd, s->name, segfd, s->name, false, NULL) == 0;
}

void
segw_free(struct segw *s)
{
	if (!s)
		return;
	if (s->fd >= 0) {
		fio_close(s->env->f, s->fd);
		if (!s->published)
			(void)fio_unlink(s->env->f, s->env->tmpfd, s->name, NULL);
	}
	aead_free(s->body);
	aead_free(s->table);
	secret_free(s->dek, 32);
	(void)ZSTD_freeCCtx(s->zctx);
	fmt_toc_free(&s->toc);
	free(s->hashes);
	free(s->out);
	free(s->page);
	free(s->packed);
	if (s->group)
		explicit_bzero(s->group, FMT_MAX_GROUP);
	free(s->group);
	free(s);
}
