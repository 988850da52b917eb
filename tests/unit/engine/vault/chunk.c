/* Where files are cut: pinned for a key, stable when something is inserted, within the limits. */
#include "vault/chunk.h"

#include <stdlib.h>

#include "base/num.h"
#include "fault/vlib.h"
#include "tap.h"

enum { SIZE = 24 << 20 };

static uint8_t *data;
static struct chunker ck;

static size_t
cut_all(const struct chunker *c, enum chunk_class cl, const uint8_t *p, size_t n, size_t *at,
    size_t max)
{
	size_t k = 0, pos = 0;

	while (pos < n && k < max) {
		pos += chunk_cut(c, cl, p + pos, n - pos);
		at[k++] = pos;
	}
	return k;
}

static void
limits(void)
{
	static size_t at[4096];
	const struct {
		enum chunk_class cl;
		size_t min, lo, hi, max;
		const char *name;
	} row[] = {
		{CHUNK_CLASS_DOC, 16 << 10, 48 << 10, 112 << 10, 256 << 10, "documents"},
		{CHUNK_CLASS_LARGE, 256 << 10, 768 << 10, 1792 << 10, 4 << 20, "images"},
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		size_t n = cut_all(&ck, row[i].cl, data, SIZE, at, ARRAY_LEN(at)), last = 0;
		int bad = 0;

		for (size_t k = 0; k + 1 < n; k++) {
			bad += at[k] - last < row[i].min || at[k] - last > row[i].max;
			last = at[k];
		}
		OK(bad == 0 && at[n - 1] == SIZE, "%s: every piece within the limits", row[i].name);
		OK(SIZE / n >= row[i].lo && SIZE / n <= row[i].hi, "%s: %zu bytes on average",
		    row[i].name, SIZE / n);
		EQ_I(chunk_max(row[i].cl), row[i].max, "the longest piece");
		(void)memset(data + SIZE, 0, 1);
	}
	EQ_I(chunk_cut(&ck, CHUNK_CLASS_GRID, data, SIZE), CHUNK_GRID, "the grid is 16 KiB");
	EQ_I(chunk_cut(&ck, CHUNK_CLASS_GRID, data, 100), 100, "and the rest at the end");
	EQ_I(chunk_cut(&ck, CHUNK_CLASS_DOC, data, 1), 1, "one byte is a piece");
}

static void
pinned(void)
{
	static size_t at[4096];
	struct chunker zero, other;
	uint8_t key[32] = {0}, sum[DIGEST_LEN];
	char hex[2 * DIGEST_LEN + 1];
	size_t n, same = 0, m;
	static size_t at2[4096];

	if (chunker_init(&zero, key, NULL) < 0)
		abort();
	n = cut_all(&zero, CHUNK_CLASS_DOC, data, 4 << 20, at, ARRAY_LEN(at));
	for (size_t i = 0; i < n; i++)
		at2[i] = at[i];
	digest_sha256(at, n * sizeof(at[0]), sum);
	hex_put(hex, sum, sizeof(sum));
	EQ_S(hex, "eefc0765c09450c1354520fbb4fda8325e49b54f60c3fe78d4d2e699e166682f",
	    "the cuts of a known key and known bytes");
	key[0] = 1;
	if (chunker_init(&other, key, NULL) < 0)
		abort();
	m = cut_all(&other, CHUNK_CLASS_DOC, data, 4 << 20, at, ARRAY_LEN(at));
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < m; k++)
			same += at2[i] == at[k];
	}
	OK(same <= 3, "another key cuts elsewhere (%zu of %zu equal)", same, n);
}

static void
inserted(void)
{
	static size_t a[4096], b[4096];
	uint8_t *copy = malloc(SIZE + 100);
	size_t n, m, kept = 0;

	if (!copy)
		abort();
	(void)memcpy(copy, data, 3000000);
	(void)memset(copy + 3000000, 0x33, 100);
	(void)memcpy(copy + 3000100, data + 3000000, SIZE - 3000000);
	n = cut_all(&ck, CHUNK_CLASS_DOC, data, SIZE, a, ARRAY_LEN(a));
	m = cut_all(&ck, CHUNK_CLASS_DOC, copy, SIZE + 100, b, ARRAY_LEN(b));
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < m; k++)
			kept += a[i] < 3000000 ? a[i] == b[k] : a[i] + 100 == b[k];
	}
	OK(kept + 8 >= n, "a hundred bytes in the middle: %zu of %zu cuts stay", kept, n);
	free(copy);
}

/* A cut depends only on what is in the piece. */
static void
own_bytes(void)
{
	uint8_t *copy = malloc(1 << 20);
	int bad = 0;

	if (!copy)
		abort();
	for (int i = 0; i < 20; i++) {
		size_t len = chunk_cut(&ck, CHUNK_CLASS_DOC, data + i * 300000, 1 << 20);

		(void)memcpy(copy, data + i * 300000, 1 << 20);
		(void)memset(copy + len, 0xa5, (1 << 20) - len);
		bad += chunk_cut(&ck, CHUNK_CLASS_DOC, copy, 1 << 20) != len;
	}
	EQ_I(bad, 0, "what follows a piece does not move its end");
	free(copy);
}

static void
classes(void)
{
	uint8_t head[4096];
	const struct {
		const char *what, *bytes;
		size_t at, len;
		uint64_t size;
		bool grid;
		enum chunk_class want;
	} row[] = {
		{"a text", "hello", 0, 5, 5000, false, CHUNK_CLASS_DOC},
		{"SQLite", "SQLite format 3", 0, 16, 1 << 17, false, CHUNK_CLASS_GRID},
		{"a tiny SQLite", "SQLite format 3", 0, 16, 8192, false, CHUNK_CLASS_DOC},
		{"Access", "Standard ACE DB", 4, 15, 1 << 20, false, CHUNK_CLASS_GRID},
		{"qcow2", "QFI\xfb", 0, 4, 1 << 30, false, CHUNK_CLASS_GRID},
		{"DICOM, small", "DICM", 128, 4, 500000, false, CHUNK_CLASS_DOC},
		{"DICOM, large", "DICM", 128, 4, 50 << 20, false, CHUNK_CLASS_LARGE},
		{"PDF of whole pages", "%PDF-", 0, 5, 8 << 20, false, CHUNK_CLASS_LARGE},
		{"whole pages", "??", 0, 2, 8 << 20, false, CHUNK_CLASS_GRID},
		{"almost whole pages", "??", 0, 2, (8 << 20) + 1, false, CHUNK_CLASS_DOC},
		{"a gigabyte of something", "??", 0, 2, (1 << 30) + 1, false, CHUNK_CLASS_LARGE},
		{"on the grid before", "??", 0, 2, 100001, true, CHUNK_CLASS_GRID},
		{"on the grid before, tiny now", "??", 0, 2, 100, true, CHUNK_CLASS_DOC},
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		(void)memset(head, 'x', sizeof(head));
		(void)memcpy(head + row[i].at, row[i].bytes, row[i].len);
		EQ_I(chunk_classify(head, sizeof(head), row[i].size, row[i].grid), row[i].want,
		    row[i].what);
	}
	EQ_I(chunk_classify(head, 0, 1, false), CHUNK_CLASS_DOC, "nothing known of the file");
	(void)memset(head, 0, sizeof(head));
	OK(chunk_zero(head, sizeof(head)) && chunk_zero(head, 1) && chunk_zero(head, 0), "zeros");
	head[4095] = 1;
	OK(!chunk_zero(head, sizeof(head)) && chunk_zero(head, 4095), "and one that is not");
}

int
main(void)
{
	uint8_t key[32] = {42};

	data = malloc(SIZE + 1);
	if (!data || chunker_init(&ck, key, NULL) < 0)
		return 99;
	vt_noise(data, SIZE, 3);
	limits();
	pinned();
	inserted();
	own_bytes();
	classes();
	free(data);
	return tap_done();
}
