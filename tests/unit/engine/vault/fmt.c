/* The formats on disk, pinned byte by byte: a change here is a change of the format, and then the
 * version must change, too. Also the rules of sizes and padding, and bytes that must be refused. */
#include "vault/fmt.h"

#include <stdlib.h>

#include "base/num.h"
#include "tap.h"

static void
seq(uint8_t *p, size_t n, uint8_t from)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(from + i);
}

static void
is_hex(const uint8_t *p, size_t n, const char *want, const char *what)
{
	char *hex = malloc(2 * n + 1);

	if (!hex)
		abort();
	hex_put(hex, p, n);
	if (!OK(strcmp(hex, want) == 0, "%s is as pinned", what))
		printf("#   got %s\n", hex);
	free(hex);
}

/* A long thing is pinned by its digest. */
static void
is_sum(const uint8_t *p, size_t n, const char *want, const char *what)
{
	uint8_t sum[DIGEST_LEN];

	digest_sha256(p, n, sum);
	is_hex(sum, sizeof(sum), want, what);
}

static struct fmt_header
a_header(void)
{
	struct fmt_header h = {.kind = FMT_META, .nwraps = 2};

	seq(h.repo, sizeof(h.repo), 0x10);
	seq(h.seg, sizeof(h.seg), 0x40);
	seq(h.key_commit, sizeof(h.key_commit), 0x80);
	seq((uint8_t *)h.wraps, 2 * sizeof(h.wraps[0]), 1);
	return h;
}

static void
headers(void)
{
	uint8_t raw[FMT_HEADER_LEN], again[FMT_HEADER_LEN];
	struct fmt_header h = a_header(), got;
	int bad = 0;
	struct err e;

	fmt_header_put(&h, raw);
	is_hex(raw, 88, "4d4d5249534547310100001000000000000000001011121314151617"
	    "18191a1b1c1d1e1f404142434445464748494a4b4c4d4e4f02010200"
	    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "a header's start");
	is_sum(raw, sizeof(raw),
	    "145ae68147ec7a2e9883e50aa77efb24beb07f72d9f069ab58c5ca5a4efed8f1", "a header");
	OK(fmt_header_get(raw, &got, &e) == 0 && got.kind == FMT_META && got.nwraps == 2 &&
	    memcmp(&got, &h, sizeof(h)) == 0, "and comes back");
	for (size_t i = 0; i < sizeof(raw); i++) {
		(void)memcpy(again, raw, sizeof(raw));
		again[i] ^= (uint8_t)(1 << i % 8);
		bad += fmt_header_get(again, &got, &e) == 0;
	}
	EQ_I(bad, 0, "no byte of it can change unnoticed");
	raw[8] = 2;
	EQ_I(fmt_header_get(raw, &got, &e), E_PROTO, "a newer version is called newer");
	h.kind = 7;
	fmt_header_put(&h, raw);
	EQ_I(fmt_header_get(raw, &got, &e), E_CORRUPT, "an unknown kind is refused");
}

static void
footers(void)
{
	struct fmt_footer f = {.npages = 77}, got;
	uint8_t raw[FMT_HEADER_LEN], again[FMT_HEADER_LEN];
	int bad = 0;
	struct err e;

	seq(f.repo, sizeof(f.repo), 0x10);
	seq(f.seg, sizeof(f.seg), 0x40);
	seq(f.root, sizeof(f.root), 0xc0);
	fmt_footer_put(&f, raw);
	is_hex(raw, 80, "4d4d5249464f4f5401000000101112131415161718191a1b1c1d1e1f"
	    "404142434445464748494a4b4c4d4e4f4d000000"
	    "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf", "a footer's start");
	OK(fmt_footer_get(raw, &got, &e) == 0 && got.npages == 77, "and comes back");
	for (size_t i = 0; i < sizeof(raw); i++) {
		(void)memcpy(again, raw, sizeof(raw));
		again[i] ^= (uint8_t)(1 << i % 8);
		bad += fmt_footer_get(again, &got, &e) == 0;
	}
	EQ_I(bad, 0, "no byte of it can change unnoticed");
	for (uint32_t n = 0; n <= FMT_MAX_PAGES + 1; n += FMT_MAX_PAGES + 1) {
		f.npages = n;
		fmt_footer_put(&f, raw);
		EQ_I(fmt_footer_get(raw, &got, &e), E_CORRUPT, "no pages, or too many");
	}
}

static void
roots(void)
{
	uint8_t header[FMT_HEADER_LEN], hashes[3 * FMT_HASH_LEN], root[FMT_HASH_LEN];
	uint8_t id[FMT_ID_LEN], aad[FMT_AAD_LEN];

	seq(header, sizeof(header), 0);
	seq(hashes, sizeof(hashes), 5);
	fmt_root(header, hashes, 3, root);
	is_hex(root, sizeof(root),
	    "c43b72c8909ba7a37339576bf6a5531f75f60c315b69a195939bd9b2ed2ebab6", "a root");
	seq(id, sizeof(id), 0x20);
	fmt_page_aad(id, 0x01020304, FMT_PAGE_TRAILER, aad);
	is_hex(aad, sizeof(aad), "202122232425262728292a2b2c2d2e2f0403020103",
	    "what a page is bound to");
}

static void
tables(void)
{
	struct fmt_group groups[2] = {
		{.ulen = 1000, .clen = 300}, {.ulen = 200, .clen = 200, .raw = true},
	};
	struct fmt_chunk chunks[2] = {{.len = 700}, {.len = 500}};
	struct fmt_toc t = {.ngroups = 2, .nchunks = 2, .groups = groups, .chunks = chunks}, got;
	struct fmt_trailer tr = {.toc_page = 1, .toc_len = 76, .body_len = 500}, back;
	uint8_t page[FMT_PAGE_DATA];
	struct buf b;
	struct err e;
	int bad = 0;

	seq(chunks[0].id, FMT_CHUNK_ID_LEN, 0);
	seq(chunks[1].id, FMT_CHUNK_ID_LEN, 100);
	buf_init(&b, 4096);
	if (fmt_toc_put(&b, &t, &e) < 0)
		abort();
	is_hex(b.p, b.len, "010202d00fac029103bc05f403"
	    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	    "6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283", "a table");
	OK(fmt_toc_get(b.p, b.len, 500, true, &got, &e) == 0 && got.stream_len == 1200 &&
	    got.groups[1].off == 1000 && got.groups[1].body_off == 300 && got.groups[1].raw &&
	    !got.groups[0].raw && got.chunks[1].off == 700 && got.chunks[1].len == 500,
	    "and comes back");
	fmt_toc_free(&got);
	for (size_t n = 0; n < b.len; n++) {
		if (fmt_toc_get(b.p, n, 500, true, &got, &e) == 0) {
			fmt_toc_free(&got);
			bad++;
		}
	}
	bad += fmt_toc_get(b.p, b.len, 499, true, &got, &e) == 0;
	bad += fmt_toc_get(b.p, b.len, 501, true, &got, &e) == 0;
	EQ_I(bad, 0, "cut anywhere or with another body it is refused");
	fmt_trailer_put(&tr, page);
	is_hex(page, 24, "4d4d524954524c52010000004c000000f401000000000000", "a trailer");
	OK(fmt_trailer_get(page, 3, &back, &e) == 0 && back.toc_len == 76, "and comes back");
	EQ_I(fmt_trailer_get(page, 2, &back, &e), E_CORRUPT, "a table in the trailer's page");
	tr.body_len = FMT_PAGE_DATA + 1;
	fmt_trailer_put(&tr, page);
	EQ_I(fmt_trailer_get(page, 3, &back, &e), E_CORRUPT, "a body past the table");
	buf_free(&b);
}

static void
records(void)
{
	struct fmt_segment_rec s = {.kind = FMT_DATA, .npages = 2045}, s2;
	struct fmt_run runs[2] = {{3, 4}, {100, 1}};
	uint8_t sealed[5] = {1, 2, 3, 4, 5};
	struct fmt_snapshot_rec r = {.retain_until = 0x0102030405060708, .nruns = 2, .runs = runs,
		.sealed = sealed, .sealed_len = 5}, r2;
	struct buf b;
	struct err e;
	int bad = 0;

	buf_init(&b, 4096);
	seq(s.seg, sizeof(s.seg), 0x30);
	seq(s.root, sizeof(s.root), 0x60);
	if (fmt_segment_rec_put(&b, &s, &e) < 0)
		abort();
	is_hex(b.p, b.len, "01303132333435363738393a3b3c3d3e3f01fd070000"
	    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
	    "a segment's record");
	OK(fmt_segment_rec_get(b.p, b.len, &s2, &e) == 0 && memcmp(&s, &s2, sizeof(s)) == 0,
	    "and comes back");
	for (size_t n = 0; n < b.len; n++)
		bad += fmt_segment_rec_get(b.p, n, &s2, &e) == 0;
	buf_clear(&b);
	seq(r.id, sizeof(r.id), 0x50);
	if (fmt_snapshot_rec_put(&b, &r, &e) < 0)
		abort();
	is_hex(b.p, b.len, "01505152535455565758595a5b5c5d5e5f0807060504030201"
	    "0203045d01050102030405", "a generation's record");
	OK(fmt_snapshot_rec_get(b.p, b.len, &r2, &e) == 0 && r2.nruns == 2 &&
	    r2.runs[1].first == 100 && r2.runs[1].count == 1 && r2.sealed_len == 5,
	    "and comes back");
	fmt_snapshot_rec_free(&r2);
	for (size_t n = 0; n < b.len; n++) {
		if (fmt_snapshot_rec_get(b.p, n, &r2, &e) == 0) {
			fmt_snapshot_rec_free(&r2);
			bad++;
		}
	}
	EQ_I(bad, 0, "cut anywhere they are refused");
	buf_free(&b);
}

static void
descriptions(void)
{
	struct fmt_snap_info i = {.name = "髙橋", .host = "h", .started = 1, .ended = 2, .files = 3,
		.dirs = 4, .others = 5, .bytes = 6, .new_bytes = 7, .stored_bytes = 8,
		.unreadable = 9, .changed = 10, .manifest_off = 11, .manifest_len = 12}, i2;
	struct fmt_genesis g = {.lock_days = 30}, g2;
	struct buf b;
	struct err e;
	int bad = 0;

	buf_init(&b, 4096);
	seq(i.manifest_seg, FMT_ID_LEN, 0x70);
	if (fmt_snap_info_put(&b, &i, &e) < 0)
		abort();
	is_sum(b.p, b.len, "b2dfefd78abe1541e59c9f2a79c7894f277facc690257bb1fb33195e7bf8cc12",
	    "a description");
	EQ_I(b.len, 1 + 7 + 2 + 80 + 16 + 8, "its length");
	OK(fmt_snap_info_get(b.p, b.len, &i2, &e) == 0 && memcmp(&i, &i2, sizeof(i)) == 0,
	    "and comes back");
	for (size_t n = 0; n < b.len; n++)
		bad += fmt_snap_info_get(b.p, n, &i2, &e) == 0;
	buf_clear(&b);
	seq(g.repo, sizeof(g.repo), 1);
	seq(g.recovery, sizeof(g.recovery), 2);
	seq(g.index_commit, sizeof(g.index_commit), 3);
	if (fmt_genesis_put(&b, &g, &e) < 0)
		abort();
	is_sum(b.p, b.len, "82242aa23677a043d6a72f75f0009953ccf9ff5709540b613a75488f64fe799e",
	    "a first entry");
	OK(fmt_genesis_get(b.p, b.len, &g2, &e) == 0 && memcmp(&g, &g2, sizeof(g)) == 0,
	    "and comes back");
	b.p[5] = 2;
	EQ_I(fmt_genesis_get(b.p, b.len, &g2, &e), E_PROTO, "a newer vault is called newer");
	b.p[0] = 'x';
	EQ_I(fmt_genesis_get(b.p, b.len, &g2, &e), E_PROTO, "another ledger is not a vault");
	EQ_I(bad, 0, "cut anywhere they are refused");
	buf_free(&b);
}

static void
sizes(void)
{
	int inverse = 0, twice = 0, big = 0, down = 0, last = 0, much = 0, kinds = 0, other = 0;

	for (uint32_t n = 1; n <= FMT_MAX_PAGES; n++) {
		uint32_t p = fmt_pad_pages(n);

		inverse += fmt_pages_of_size(fmt_seg_size(n)) != n;
		other += fmt_pages_of_size(fmt_seg_size(n) + 1) != 0;
		twice += fmt_pad_pages(p) != p;
		big += p > FMT_MAX_PAGES;
		down += p < n;
		much += n > 1 && (p - n) * 100 > n * 12;
		kinds += (int)p != last;
		last = (int)p;
	}
	EQ_I(inverse, 0, "every size says how many pages");
	EQ_I(other, 0, "and no size between");
	EQ_I(fmt_pages_of_size(0) + fmt_pages_of_size(UINT64_MAX), 0, "nor outside");
	EQ_I(twice, 0, "padding a padded size changes nothing");
	EQ_I(big + down, 0, "padding never shrinks and never passes the maximum");
	EQ_I(much, 0, "padding costs at most 12 percent");
	OK(kinds < 100, "all segments have one of %d sizes", kinds);
	const uint32_t rule[][2] = {{1, 1}, {2, 2}, {3, 3}, {8, 8}, {9, 10}, {17, 18}, {33, 36},
	    {100, 104}, {1000, 1024}, {1025, 1088}, {2000, 2045}, {2045, 2045}};

	for (size_t i = 0; i < ARRAY_LEN(rule); i++)
		EQ_I(fmt_pad_pages(rule[i][0]), rule[i][1], "a row of the padding rule");
	EQ_I(fmt_seg_size(FMT_MAX_PAGES), 67084288, "a full segment is just below 64 MiB");
}

int
main(void)
{
	headers();
	footers();
	roots();
	tables();
	records();
	descriptions();
	sizes();
	return tap_done();
}
