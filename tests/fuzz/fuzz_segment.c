/* deps: base crypt vault */
/* A whole segment as a hostile writer could make it: the input gives trailer, table of contents and
 * body, which are encrypted and hashed as they should be, and the segment is then read to its end.
 *
 * Bytes: flags | toc_page u32 toc_len u32 body_len u64 (used when flags & 1) | u16 length of the
 * table | table | body. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "fault/rawseg.h"
#include "vault/segr.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
read_all(struct vault_r *r, struct seg *s)
{
	struct vault_ctx *c = NULL;
	struct fmt_toc toc;
	const uint8_t *view;
	uint32_t off = 0;

	if (seg_read_toc(s, r->repo->index_key, true, &toc, NULL) == 0) {
		for (uint32_t i = 0; i < toc.nchunks; i++) {
			if (toc.chunks[i].len > toc.stream_len - toc.chunks[i].off)
				abort();
		}
		fmt_toc_free(&toc);
	}
	if (seg_read_toc(s, r->repo->index_key, false, &s->toc, NULL) < 0)
		return;
	if (vault_ctx_new(r, 2, &c, NULL) < 0)
		abort();
	while (off < s->toc.stream_len) {
		ssize_t k = vault_view(c, s->id, off, &view, NULL);
		unsigned sum = 0;

		if (k <= 0)
			break;
		for (ssize_t i = 0; i < k; i++)
			sum += view[i];
		if (sum == 0xffffffff || (uint32_t)k > s->toc.stream_len - off)
			abort();
		off += (uint32_t)k;
	}
	if (vault_view(c, s->id, s->toc.stream_len, &view, NULL) >= 0)
		abort(); /* past the end */
	vault_ctx_free(c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct seg places[192];
	static uint8_t dek[32], index_key[32];
	struct fmt_trailer t;
	struct rawseg raw = {.dek = dek, .index_key = index_key};
	struct repo repo = {.have_index = true};
	struct vault_r r = {.repo = &repo, .open = places, .nopen = 1};
	struct seg *s = &places[0];
	size_t toc;

	if (n < 19 || n > 100000)
		return 0;
	t = (struct fmt_trailer){le32_get(p + 1), le32_get(p + 5), le64_get(p + 9)};
	toc = le16_get(p + 17);
	if (toc > n - 19)
		toc = n - 19;
	raw.toc = p + 19;
	raw.toc_len = toc;
	raw.body = p + 19 + toc;
	raw.body_len = n - 19 - toc;
	raw.trailer = p[0] & 1 ? &t : NULL;
	*s = (struct seg){.f = fio_os(), .fd = memfd_create("segment", MFD_CLOEXEC), .serial = 1};
	if (s->fd < 0)
		abort();
	rawseg_write(&raw, s->fd);
	s->npages = raw.rec.npages;
	(void)memcpy(s->name, "fuzz", 5);
	if (repo_body_key(dek, s->id, s->body_key, NULL) < 0)
		abort();
	(void)pthread_mutex_init(&r.lock, NULL);
	read_all(&r, s);
	(void)pthread_mutex_destroy(&r.lock);
	seg_close(s);
	return 0;
}
