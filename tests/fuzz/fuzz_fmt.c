/* deps: base crypt vault */
/* First byte: which format. What is accepted comes out the same when it is written again. */
#include <stdlib.h>
#include <string.h>

#include "vault/fmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
same(const struct buf *b, const uint8_t *p, size_t n)
{
	if (b->len != n || memcmp(b->p, p, n) != 0)
		abort();
}

static void
fixed(uint8_t which, const uint8_t *p, size_t n)
{
	static uint8_t raw[FMT_PAGE_DATA], out[FMT_PAGE_DATA];
	static struct fmt_header h, again;
	struct fmt_footer f;
	struct fmt_trailer t;
	struct err e;

	(void)memset(raw, 0, sizeof(raw));
	(void)memcpy(raw, p, n < sizeof(raw) ? n : sizeof(raw));
	/* the checksum is not what is tried here */
	if (which < 2)
		digest_sha256(raw, FMT_HEADER_LEN - FMT_HASH_LEN,
		    raw + FMT_HEADER_LEN - FMT_HASH_LEN);
	if (which == 0 && fmt_header_get(raw, &h, &e) == 0) {
		fmt_header_put(&h, out);
		if (fmt_header_get(out, &again, &e) < 0 || memcmp(&h, &again, sizeof(h)) != 0)
			abort();
	} else if (which == 1 && fmt_footer_get(raw, &f, &e) == 0) {
		fmt_footer_put(&f, out);
		if (fmt_footer_get(out, &f, &e) < 0)
			abort();
	} else if (which == 2 && fmt_trailer_get(raw, 2045, &t, &e) == 0) {
		if (t.toc_page >= 2045 || t.toc_len > (uint64_t)2045 * FMT_PAGE_DATA)
			abort();
	}
}

static void
toc(const uint8_t *p, size_t n, bool chunks)
{
	struct fmt_toc t;
	struct err e;
	struct buf b;
	uint32_t at = 0;

	if (n < 4)
		return;
	if (fmt_toc_get(p + 4, n - 4, p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16, chunks, &t,
	    &e) < 0)
		return;
	for (uint32_t i = 0; i < t.ngroups; i++) {
		if (t.groups[i].off != at || t.groups[i].ulen > FMT_MAX_GROUP)
			abort();
		at += t.groups[i].ulen;
	}
	buf_init(&b, 64 << 20);
	if (chunks && fmt_toc_put(&b, &t, &e) < 0)
		abort();
	if (chunks)
		same(&b, p + 4, n - 4);
	buf_free(&b);
	fmt_toc_free(&t);
}

static void
records(uint8_t which, const uint8_t *p, size_t n)
{
	static struct fmt_snap_info info;
	struct fmt_snapshot_rec snap;
	struct fmt_segment_rec seg;
	struct fmt_genesis g;
	struct err e;
	struct buf b;
	int r = -1;

	buf_init(&b, 64 << 20);
	if (which == 5 && fmt_segment_rec_get(p, n, &seg, &e) == 0) {
		r = fmt_segment_rec_put(&b, &seg, &e);
	} else if (which == 6 && fmt_snapshot_rec_get(p, n, &snap, &e) == 0) {
		r = fmt_snapshot_rec_put(&b, &snap, &e);
		fmt_snapshot_rec_free(&snap);
	} else if (which == 7 && fmt_snap_info_get(p, n, &info, &e) == 0) {
		r = fmt_snap_info_put(&b, &info, &e);
	} else if (which == 8 && fmt_genesis_get(p, n, &g, &e) == 0) {
		r = fmt_genesis_put(&b, &g, &e);
	} else {
		return;
	}
	if (r < 0)
		abort();
	same(&b, p, n);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t which;

	if (n == 0)
		return 0;
	which = p[0] % 9;
	p++;
	n--;
	if (which < 3)
		fixed(which, p, n);
	else if (which < 5)
		toc(p, n, which == 4);
	else
		records(which, p, n);
	return 0;
}
