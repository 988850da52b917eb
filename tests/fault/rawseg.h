/* A segment file with any table of contents, trailer and body one likes, encrypted and hashed as a
 * writer with a valid key would: what a hostile writer can make. */
#ifndef MAMORI_TESTS_FAULT_RAWSEG_H
#define MAMORI_TESTS_FAULT_RAWSEG_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vault/repo_int.h"

struct rawseg {
	uint8_t repo[FMT_ID_LEN], id[FMT_ID_LEN];
	const uint8_t *index_key, *dek;
	const struct seal_pub *to; /* NULL: the header has no wrap */
	uint8_t recipient[8];
	const uint8_t *body, *toc;
	size_t body_len, toc_len;
	const struct fmt_trailer *trailer; /* NULL: the true one */
	struct fmt_segment_rec rec;        /* result: what belongs into the log */
};

static inline void
rawseg_page(int fd, struct aead *a, const struct rawseg *s, uint32_t page, enum fmt_page_type type,
    const uint8_t *p, size_t n, uint8_t *hashes)
{
	static uint8_t plain[FMT_PAGE_DATA], out[FMT_PAGE_LEN];
	uint8_t nonce[AEAD_NONCE_LEN], aad[FMT_AAD_LEN];

	(void)memset(plain, 0, sizeof(plain));
	if (n)
		(void)memcpy(plain, p, n);
	aead_nonce(nonce, page);
	fmt_page_aad(s->id, page, type, aad);
	if (aead_seal(a, nonce, aad, sizeof(aad), plain, FMT_PAGE_DATA, out, NULL) < 0)
		abort();
	digest_sha256(out, FMT_PAGE_LEN, hashes + (size_t)page * FMT_HASH_LEN);
	if (pwrite(fd, out, sizeof(out), FMT_HEADER_LEN + (off_t)page * FMT_PAGE_LEN) < 0)
		abort();
}

static inline uint32_t
rawseg_pages(int fd, struct aead *a, const struct rawseg *s, uint32_t page,
    enum fmt_page_type type, const uint8_t *p, size_t n, uint8_t *hashes)
{
	for (size_t at = 0; at < n; at += FMT_PAGE_DATA)
		rawseg_page(fd, a, s, page++, type, p + at,
		    n - at < FMT_PAGE_DATA ? n - at : FMT_PAGE_DATA, hashes);
	return page;
}

/* rawseg_write(s, fd): The whole file; fills s->rec. Body and table must fit in 100 pages. */
static inline void
rawseg_write(struct rawseg *s, int fd)
{
	static uint8_t hashes[128 * FMT_HASH_LEN], page[FMT_HEADER_LEN], plain[FMT_PAGE_DATA];
	struct fmt_header h = {.kind = FMT_DATA, .nwraps = 0};
	struct fmt_trailer t = {.toc_len = (uint32_t)s->toc_len, .body_len = s->body_len};
	struct fmt_footer f = {0};
	struct aead *body = NULL, *table = NULL;
	uint8_t key[32], aad[2 * FMT_ID_LEN];
	uint32_t n = 0;
	off_t end;

	(void)memset(hashes, 0, sizeof(hashes));
	if (repo_body_key(s->dek, s->id, key, NULL) < 0 || aead_new(key, &body, NULL) < 0 ||
	    repo_toc_key(s->index_key, s->id, key, NULL) < 0 || aead_new(key, &table, NULL) < 0 ||
	    aead_commit(s->dek, h.key_commit, NULL) < 0)
		abort();
	(void)memcpy(h.repo, s->repo, FMT_ID_LEN);
	(void)memcpy(h.seg, s->id, FMT_ID_LEN);
	if (s->to) {
		(void)memcpy(aad, s->repo, FMT_ID_LEN);
		(void)memcpy(aad + FMT_ID_LEN, s->id, FMT_ID_LEN);
		h.nwraps = 1;
		(void)memcpy(h.wraps[0].recipient, s->recipient, 8);
		if (seal_to(s->to, aad, sizeof(aad), s->dek, h.wraps[0].sealed, NULL) < 0)
			abort();
	}
	fmt_header_put(&h, page);
	if (pwrite(fd, page, sizeof(page), 0) < 0)
		abort();
	n = rawseg_pages(fd, body, s, n, FMT_PAGE_BODY, s->body, s->body_len, hashes);
	t.toc_page = n;
	n = rawseg_pages(fd, table, s, n, FMT_PAGE_TOC, s->toc, s->toc_len, hashes);
	fmt_trailer_put(s->trailer ? s->trailer : &t, plain);
	rawseg_page(fd, table, s, n++, FMT_PAGE_TRAILER, plain, sizeof(plain), hashes);
	fmt_root(page, hashes, n, f.root);
	(void)memcpy(f.repo, s->repo, FMT_ID_LEN);
	(void)memcpy(f.seg, s->id, FMT_ID_LEN);
	f.npages = n;
	end = FMT_HEADER_LEN + (off_t)n * FMT_PAGE_LEN;
	if (pwrite(fd, hashes, fmt_hashes_len(n), end) < 0)
		abort();
	fmt_footer_put(&f, page);
	if (pwrite(fd, page, sizeof(page), end + fmt_hashes_len(n)) < 0 ||
	    ftruncate(fd, (off_t)fmt_seg_size(n)) < 0)
		abort();
	s->rec = (struct fmt_segment_rec){.kind = FMT_DATA, .npages = n};
	(void)memcpy(s->rec.seg, s->id, FMT_ID_LEN);
	(void)memcpy(s->rec.root, f.root, FMT_HASH_LEN);
	aead_free(body);
	aead_free(table);
}

#endif
