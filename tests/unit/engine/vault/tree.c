#include <stdlib.h>
#include <time.h>

#include "base/num.h"
#include "tap.h"
#include "vault/tree.h"

static uint8_t seg_a[FMT_ID_LEN], seg_b[FMT_ID_LEN];

static struct tree_entry
file_entry(const char *dir, const char *name)
{
	struct tree_entry en = {.dir = dir, .name = name, .type = TREE_FILE, .mode = 0644,
	    .uid = 1000, .gid = 1000, .mtime = 1700000000, .mtime_ns = 123456789};

	(void)memset(en.fid, 0xf1, sizeof(en.fid));
	return en;
}

static bool
same_extents(const struct tree_entry *a, const struct tree_entry *b)
{
	if (a->nextents != b->nextents)
		return false;
	for (uint32_t i = 0; i < a->nextents; i++) {
		const struct tree_extent *x = &a->extents[i], *y = &b->extents[i];

		if (x->len != y->len || !x->seg != !y->seg)
			return false;
		if (x->seg && (x->off != y->off || memcmp(x->seg, y->seg, FMT_ID_LEN) != 0))
			return false;
	}
	return true;
}

static bool
same_xattrs(const struct tree_entry *a, const struct tree_entry *b)
{
	if (a->nxattrs != b->nxattrs)
		return false;
	for (uint32_t i = 0; i < a->nxattrs; i++)
		if (strcmp(a->xattrs[i].name, b->xattrs[i].name) != 0 ||
		    a->xattrs[i].len != b->xattrs[i].len ||
		    memcmp(a->xattrs[i].value, b->xattrs[i].value, a->xattrs[i].len) != 0)
			return false;
	return true;
}

static bool
same(const struct tree_entry *a, const struct tree_entry *b)
{
	return strcmp(a->dir, b->dir) == 0 && strcmp(a->name, b->name) == 0 &&
	    a->type == b->type && a->flags == b->flags && a->mode == b->mode && a->uid == b->uid &&
	    a->gid == b->gid && a->mtime == b->mtime && a->mtime_ns == b->mtime_ns &&
	    a->size == b->size && a->rdev == b->rdev && !a->target == !b->target &&
	    (!a->target || strcmp(a->target, b->target) == 0) &&
	    memcmp(a->fid, b->fid, TREE_FID_LEN) == 0 && same_extents(a, b) && same_xattrs(a, b);
}

/* ---- every kind of entry, with names that break weak programs ---- */

static char long_name[TREE_MAX_NAME + 1], long_dir[TREE_MAX_PATH + 1];
static const struct tree_extent ext_one[] = {{seg_a, 0, 5}};
static const struct tree_extent ext_next[] = {{seg_a, 5, 4096}, {NULL, 0, UINT64_C(1) << 61},
    {seg_b, FMT_MAX_STREAM - 1, 1}, {NULL, 0, 7}, {seg_a, 4101, 8192}};
static const struct tree_extent ext_hole[] = {{NULL, 0, UINT64_C(50) << 30}};
static const uint8_t acl[] = {2, 0, 0, 0, 1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff};
static const struct tree_xattr xattrs[] = {
	{"system.posix_acl_access", acl, sizeof(acl)},
	{"user.empty", acl, 0},
	{"user.\xe8\xbf\xbd\xe5\x8a\xa0", (const uint8_t *)"\0\xff", 2},
};
static struct tree_entry sample[32];
static size_t nsample;

static struct tree_entry *
add(const char *dir, const char *name, uint8_t type)
{
	struct tree_entry *en = &sample[nsample++];

	*en = file_entry(dir, name);
	en->type = type;
	if (type != TREE_FILE)
		(void)memset(en->fid, 0, sizeof(en->fid));
	return en;
}

static void
data(struct tree_entry *en, const struct tree_extent *x, uint32_t n)
{
	en->extents = x;
	en->nextents = n;
	for (uint32_t i = 0; i < n; i++)
		en->size += x[i].len;
}

static int
by_key(const void *a, const void *b)
{
	const struct tree_entry *x = a, *y = b;

	return tree_key_cmp(x->dir, x->name, y->dir, y->name);
}

static void
make_sample(void)
{
	struct tree_entry *en;

	(void)memset(seg_a, 0xaa, sizeof(seg_a));
	(void)memset(seg_b, 0xbb, sizeof(seg_b));
	(void)memset(long_name, 'n', TREE_MAX_NAME);
	for (size_t i = 0; i < TREE_MAX_PATH; i++)
		long_dir[i] = i % 100 == 99 && i + 1 < TREE_MAX_PATH ? '/' : 'd';
	add("", "srv", TREE_DIR)->mode = 01777;
	data(add("srv", "one", TREE_FILE), ext_one, 1);
	en = add("srv", "pieces", TREE_FILE);
	data(en, ext_next, ARRAY_LEN(ext_next));
	en->flags = TREE_CHANGED | TREE_GRID;
	data(add("srv", "sparse", TREE_FILE), ext_hole, 1);
	add("srv", "empty", TREE_FILE);
	en = add("srv", "unreadable", TREE_FILE);
	en->flags = TREE_UNREADABLE;
	en->size = 12345;
	add("srv", "link", TREE_SYMLINK)->target = "../../etc/passwd\n\xff";
	add("srv", "twin", TREE_HARDLINK)->target = "srv/one";
	add("srv", "fifo", TREE_FIFO);
	add("srv", "sock", TREE_SOCK);
	add("srv", "null", TREE_CHR)->rdev = UINT64_C(1) << 32 | 3;
	add("srv", "disk", TREE_BLK)->rdev = UINT64_C(8) << 32;
	en = add("srv/\xe8\xbf\xbd\xe5\x8a\xa0", "\xe9\xab\x99\xe6\xa9\x8b", TREE_FILE);
	en->xattrs = xattrs;
	en->nxattrs = ARRAY_LEN(xattrs);
	en->mode = 06755;
	add("srv/\xe8\xbf\xbd\xe5\x8a\xa0", "\xf0\xa0\xae\xb7\xe9\x87\x8e", TREE_DIR);
	/* 葛 with a variation selector, and the same without */
	add("srv/x", "\xe8\x91\x9b", TREE_FILE);
	add("srv/x", "\xe8\x91\x9b\xf3\xa0\x84\x80", TREE_FILE);
	add("srv/x", "\xff\xfe not text \x80", TREE_FILE)->mtime = INT64_MIN;
	add("srv/x", "line\nbreak", TREE_FILE)->mtime = INT64_MAX;
	add("srv/x", "-rf", TREE_FILE)->mtime = -1;
	add("srv/x", "...", TREE_FILE);
	add("srv/x", "\x95\x5c", TREE_FILE); /* Shift_JIS whose second byte is a backslash */
	add("srv/x", long_name, TREE_FILE)->uid = UINT32_MAX;
	add("srv/x-y", "after x/...", TREE_DIR)->name = "after x";
	add("srv/x/y", "deeper", TREE_DIR);
	add(long_dir, "bottom", TREE_FILE);
	qsort(sample, nsample, sizeof(sample[0]), by_key);
}

static void
encode(struct buf *out)
{
	struct tree_block *b = NULL;
	struct err e = {0};
	int r = tree_block_new(&b, &e);

	buf_clear(out);
	for (size_t i = 0; i < nsample && r == 0; i++)
		r = tree_block_add(b, &sample[i], &e);
	if (r == 0)
		r = tree_block_end(b, out, &e);
	OK(r == 0, "a block of everything is written (%s)", e.msg);
	tree_block_free(b);
}

static void
test_round_trip(void)
{
	struct tree_read *rd = NULL;
	struct tree_entry en;
	struct err e = {0};
	struct buf b, again;
	size_t good = 0, n = 0;
	int r;

	buf_init(&b, TREE_MAX_BLOCK);
	buf_init(&again, TREE_MAX_BLOCK);
	encode(&b);
	encode(&again);
	OK(b.len == again.len && memcmp(b.p, again.p, b.len) == 0,
	    "the same entries, the same bytes");
	r = tree_read_new(b.p, b.len, &rd, &e);
	while (r >= 0 && (r = tree_read_next(rd, &en, &e)) == 1) {
		if (n < nsample && same(&en, &sample[n]))
			good++;
		else
			printf("# entry %zu (%s) differs\n", n, sample[n].name);
		n++;
	}
	OK(r == 0, "it is read to its end (%s)", e.msg);
	EQ_I(n, nsample, "as many entries come back");
	EQ_I(good, nsample, "each as it was");
	EQ_I(tree_read_next(rd, &en, &e), 0, "the end stays the end");
	tree_read_free(rd);
	buf_free(&b);
	buf_free(&again);
}

/* ---- order ---- */

static void
test_order(void)
{
	static const char *const up[] = {"", "a", "a/a", "a/b", "a/b/c", "a b", "a-b", "a.", "ab",
	    "b", "b/\x01", "b\x01", "\x7f", "\x80", "\xff"};
	unsigned bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(up); i++)
		for (size_t j = 0; j < ARRAY_LEN(up); j++) {
			int c = tree_path_cmp(up[i], strlen(up[i]), up[j], strlen(up[j]));

			if ((c < 0) != (i < j) || (c > 0) != (i > j))
				bad++;
		}
	EQ_I(bad, 0, "directories compare component by component");
	OK(tree_key_cmp("a", "z", "a/a", "a") < 0,
	    "a directory's entries come before its subtrees");
	OK(tree_key_cmp("a", "\xff", "a", "z") > 0, "names compare as bytes");
}

/* ---- what must be refused ---- */

static void
refuse(struct tree_entry en, int want, const char *what)
{
	struct tree_block *b = NULL;
	struct tree_entry first = file_entry("m", "m");
	struct err e = {0};
	struct buf one, two;

	buf_init(&one, TREE_MAX_BLOCK);
	buf_init(&two, TREE_MAX_BLOCK);
	if (tree_block_new(&b, &e) < 0 || tree_block_add(b, &first, &e) < 0)
		OK(false, "the first entry: %s", e.msg);
	EQ_I(tree_block_add(b, &en, &e), want, what);
	if (tree_block_end(b, &one, &e) < 0 || tree_block_add(b, &first, &e) < 0 ||
	    tree_block_end(b, &two, &e) < 0)
		OK(false, "the block afterwards: %s", e.msg);
	if (one.len != two.len || memcmp(one.p, two.p, one.len) != 0)
		OK(false, "a refused entry leaves nothing behind (%s)", what);
	tree_block_free(b);
	buf_free(&one);
	buf_free(&two);
}

static void
test_refuse_fields(void)
{
	static const struct tree_extent far[] = {{seg_a, FMT_MAX_STREAM, 1}},
					none[] = {{seg_a, 0, 0}};
	struct tree_entry en = file_entry("m", "n");
	static struct tree_xattr many[TREE_MAX_XATTRS + 1];

	en.size = 1;
	refuse(en, E_INVAL, "a file with less data than its size");
	en.extents = far;
	en.nextents = 1;
	refuse(en, E_INVAL, "a piece past the end of a segment");
	en.extents = none;
	en.size = 0;
	refuse(en, E_INVAL, "an empty piece");
	en = file_entry("m", "n");
	en.mode = 010000;
	refuse(en, E_INVAL, "type bits in the mode");
	en.mode = 0;
	en.mtime_ns = 1000000000;
	refuse(en, E_INVAL, "a second of nanoseconds");
	en.mtime_ns = 0;
	en.type = TREE_SOCK + 1;
	refuse(en, E_INVAL, "a type of the future");
	en.type = TREE_SYMLINK;
	en.target = "";
	refuse(en, E_INVAL, "a symbolic link to nothing");
	en.type = TREE_HARDLINK;
	en.target = "../up";
	refuse(en, E_INVAL, "a hard link out of the tree");
	en = file_entry("m", "n");
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = (struct tree_xattr){"user.x", acl, 1};
	en.xattrs = many;
	en.nxattrs = ARRAY_LEN(many);
	refuse(en, E_LIMIT, "too many extended attributes");
}

static void
test_refuse(void)
{
	static const char *const dirs[] = {"/", "/m", "m/", "m//n", "m/./n", "m/../n", "..", "."};
	static const char *const names[] = {"", ".", "..", "n/m", "/"};
	char name[TREE_MAX_NAME + 2] = "";

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		refuse(file_entry(dirs[i], "n"), E_INVAL, "a directory that cannot be");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		refuse(file_entry("n", names[i]), E_INVAL, "a name that cannot be");
	(void)memset(name, 'x', TREE_MAX_NAME + 1);
	refuse(file_entry("n", name), E_INVAL, "a name of 256 bytes");
	refuse(file_entry("m", "m"), E_INVAL, "the same entry twice");
	refuse(file_entry("m", "a"), E_INVAL, "a name out of order");
	refuse(file_entry("a", "z"), E_INVAL, "a directory out of order");
	test_refuse_fields();
}

/* One entry may be large; more than that is said, not cut. */
static void
test_scattered(void)
{
	enum { MANY = 3200000 };
	struct tree_extent *x = calloc(MANY, sizeof(*x));
	struct tree_entry en = file_entry("m", "n");
	struct tree_read *rd = NULL;
	struct tree_block *b = NULL;
	struct err e = {0};
	struct buf out;

	buf_init(&out, TREE_MAX_BLOCK);
	for (size_t i = 0; i < MANY; i++)
		x[i] = (struct tree_extent){i % 2 ? seg_a : seg_b,
		    (uint32_t)(i * 40503 % 16000 * 16384), 16384};
	en.extents = x;
	en.nextents = MANY;
	en.size = UINT64_C(16384) * MANY;
	refuse(en, E_LIMIT, "a file in too many pieces");
	en.nextents = 300000;
	en.size = UINT64_C(16384) * en.nextents;
	if (tree_block_new(&b, &e) < 0)
		return;
	EQ_I(tree_block_add(b, &en, &e), 0, "300,000 pieces fit");
	OK(tree_block_full(b), "and close the block");
	EQ_I(tree_block_add(b, &en, &e), E_INVAL, "the same key again");
	en.name = "o";
	EQ_I(tree_block_add(b, &en, &e), E_LIMIT, "a full block takes no more");
	EQ_I(tree_block_end(b, &out, &e), 0, "it is written");
	OK(tree_read_new(out.p, out.len, &rd, &e) == 0 && tree_read_next(rd, &en, &e) == 1 &&
	    en.nextents == 300000 && memcmp(en.extents[299999].seg, seg_a, FMT_ID_LEN) == 0,
	    "and read");
	tree_read_free(rd);
	tree_block_free(b);
	buf_free(&out);
	free(x);
}

/* ---- damage ---- */

static int
drain(const uint8_t *p, size_t n, unsigned *ret_count)
{
	struct tree_read *rd = NULL;
	struct tree_entry en;
	struct err e;
	int r = tree_read_new(p, n, &rd, &e);

	*ret_count = 0;
	while (r >= 0 && (r = tree_read_next(rd, &en, &e)) == 1)
		++*ret_count;
	tree_read_free(rd);
	return r;
}

static void
test_damage(void)
{
	size_t keep = nsample, torn = 0, odd = 0;
	unsigned n;
	struct buf b;

	/* without the very deep one: 65,536 bytes of path, flipped one by one, prove nothing more
	 */
	nsample--;
	for (size_t i = 0; i < nsample; i++)
		if (sample[i].dir == long_dir)
			sample[i] = sample[nsample];
	qsort(sample, nsample, sizeof(sample[0]), by_key);
	buf_init(&b, TREE_MAX_BLOCK);
	encode(&b);
	for (size_t i = 0; i < b.len; i++) {
		uint8_t *cut = malloc(i ? i : 1); /* exact, so that a step past it is seen */

		(void)memcpy(cut, b.p, i);
		if (drain(cut, i, &n) == 0)
			torn++;
		free(cut);
	}
	EQ_I(torn, 0, "no beginning of a block passes for a block");
	for (size_t i = 0; i < b.len; i++)
		for (unsigned v = 1; v < 256; v++) {
			int r;

			b.p[i] ^= (uint8_t)v;
			r = drain(b.p, b.len, &n);
			if (r != 0 && r != E_CORRUPT && r != E_PROTO)
				odd++;
			b.p[i] ^= (uint8_t)v;
		}
	EQ_I(odd, 0, "every change of every byte is read or refused as damage");
	EQ_I(buf_u8(&b, 0, NULL), 0, "one more byte");
	EQ_I(drain(b.p, b.len, &n), E_CORRUPT, "bytes after the end are damage");
	b.p[0]++;
	EQ_I(drain(b.p, b.len, &n), E_PROTO, "a newer version is named as such");
	buf_free(&b);
	nsample = keep;
}

/* The bytes of the format, so that an accidental change of it is noticed. */
static void
test_golden(void)
{
	static const char want[] = "0101" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" "03"
	    "020000" "0003737276" "ed03e807e807" "80c49fd50c" "959aef3a"
	    "2100037372760003" "6f6e65" "00" "959aef3a" "05" "f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1"
	    "01" "2a0000"
	    "33" "0004" "74776f73" "00" "959aef3a" "036f6e65";
	struct tree_entry en[] = {file_entry("", "srv"), file_entry("srv", "one"),
	    file_entry("srv", "twos")};
	char hex[512] = "";
	struct tree_block *b = NULL;
	struct err e = {0};
	struct buf out;
	int r = tree_block_new(&b, &e);

	buf_init(&out, TREE_MAX_BLOCK);
	en[0].type = TREE_DIR;
	en[0].mode = 0755;
	en[1].mode = 0755;
	en[1].extents = ext_one;
	en[1].nextents = 1;
	en[1].size = 5;
	en[2].mode = 0755;
	en[2].type = TREE_SYMLINK;
	en[2].target = "one";
	for (size_t i = 0; i < ARRAY_LEN(en) && r == 0; i++)
		r = tree_block_add(b, &en[i], &e);
	if (r == 0)
		r = tree_block_end(b, &out, &e);
	if (r == 0 && out.len < sizeof(hex) / 2)
		hex_put(hex, out.p, out.len);
	EQ_S(hex, want, "the bytes of version 1");
	tree_block_free(b);
	buf_free(&out);
}

/* ---- borders ---- */

enum { MANY_FILES = 200000 };

/* blocks(skip, keys, max): Cut a long listing without entry ${skip}; the first keys' numbers. */
static size_t
blocks(unsigned skip, uint32_t *firsts, size_t max, size_t *ret_bytes)
{
	struct tree_block *b = NULL;
	struct err e = {0};
	struct buf out;
	size_t n = 0;

	buf_init(&out, 64 << 20);
	if (tree_block_new(&b, &e) < 0)
		return 0;
	for (unsigned i = 0; i < MANY_FILES; i++) {
		char dir[64], name[64];
		struct tree_entry en;
		const struct tree_extent x = {seg_a, i * 100, 100};

		if (i == skip)
			continue;
		(void)snprintf(dir, sizeof(dir), "srv/ssmix/%05u", i / 50);
		(void)snprintf(name, sizeof(name), "OML-%02u.hl7", i % 50);
		en = file_entry(dir, name);
		en.extents = &x;
		en.nextents = 1;
		en.size = 100;
		for (size_t k = 0; k < sizeof(en.fid); k++)
			en.fid[k] = (uint8_t)(i * 2654435761u >> (k % 24));
		if (tree_block_count(b) == 0 && n < max)
			firsts[n++] = i;
		if (tree_block_add(b, &en, &e) < 0) {
			printf("# %s\n", e.msg);
			break;
		}
		if (tree_block_full(b) && tree_block_end(b, &out, &e) < 0)
			break;
	}
	if (tree_block_end(b, &out, &e) < 0)
		n = 0;
	*ret_bytes = out.len;
	tree_block_free(b);
	buf_free(&out);
	return n;
}

static void
test_borders(void)
{
	static uint32_t a[4096], b[4096];
	size_t bytes = 0, n = blocks(UINT32_MAX, a, 4096, &bytes), m, same_n = 0;

	OK(n > 50 && bytes / n > 24 << 10 && bytes / n < 128 << 10,
	    "blocks of about 64 KiB (%zu of %zu bytes, %zu bytes an entry)", n, n ? bytes / n : 0,
	    bytes / MANY_FILES);
	m = blocks(MANY_FILES / 3, b, 4096, &bytes);
	for (size_t i = 0, j = 0; i < n && j < m;) {
		same_n += a[i] == b[j];
		if (a[i] <= b[j])
			i++;
		else
			j++;
	}
	OK(same_n + 3 >= n, "a missing file moves at most a few borders (%zu of %zu stay)", same_n,
	    n);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A million entries; told, not judged: the machine may be busy. */
static void
test_speed(void)
{
	static uint32_t firsts[4096];
	size_t bytes;
	double t = now(), put, get;
	struct buf b;
	unsigned n, total = 0;

	for (int i = 0; i < 5; i++)
		(void)blocks(UINT32_MAX, firsts, 4096, &bytes);
	put = now() - t;
	buf_init(&b, TREE_MAX_BLOCK);
	encode(&b);
	t = now();
	while (total < 1000000) {
		if (drain(b.p, b.len, &n) < 0 || n == 0)
			break;
		total += n;
	}
	get = now() - t;
	OK(total >= 1000000, "a million entries: written in %.2f s, read in %.2f s of CPU", put,
	    get);
	buf_free(&b);
}

/* ---- manifest ---- */

static void
test_manifest_find(const struct tree_manifest *m)
{
	EQ_I(tree_manifest_find(m, "", "a"), 0, "before everything: the first block");
	EQ_I(tree_manifest_find(m, "srv", "mm"), 1, "exactly a first key");
	EQ_I(tree_manifest_find(m, "srv", "zz"), 1, "inside a block");
	EQ_I(tree_manifest_find(m, "zz", "z"), 2, "after everything: the last block");
}

static void
test_manifest(void)
{
	static const char *sources[] = {"/srv", "/var/lib/\xff\n"}, *tops[] = {"srv", "lib"};
	struct tree_ref refs[] = {
		{.dir = "", .name = "lib", .off = 0, .len = 100, .count = 10},
		{.dir = "srv", .name = "mm", .off = 100, .len = TREE_MAX_BLOCK, .count = 20},
		{.dir = "srv/x", .name = "\xf0\xa0\xae\xb7", .off = FMT_MAX_STREAM - 5, .len = 5,
		 .count = 1},
	};
	struct tree_manifest m = {.started = -5, .name = "\xe9\x9b\xbb\xe5\xad\x90", .host = "h",
	    .nsources = 2, .sources = sources, .tops = tops, .nrefs = 3, .refs = refs}, got = {0};
	struct err e = {0};
	struct buf b;
	size_t odd = 0, torn = 0;

	(void)memset(m.id, 7, sizeof(m.id));
	(void)memcpy(refs[0].seg, seg_a, FMT_ID_LEN);
	(void)memcpy(refs[1].seg, seg_b, FMT_ID_LEN);
	(void)memcpy(refs[2].seg, seg_a, FMT_ID_LEN);
	buf_init(&b, 1 << 20);
	OK(tree_manifest_put(&b, &m, &e) == 0, "a manifest is written (%s)", e.msg);
	OK(tree_manifest_get(b.p, b.len, &got, &e) == 0, "and read (%s)", e.msg);
	OK(got.nsources == 2 && got.nrefs == 3 && got.started == -5 &&
	    strcmp(got.sources[1], sources[1]) == 0 && strcmp(got.tops[1], "lib") == 0 &&
	    strcmp(got.name, m.name) == 0 && memcmp(got.id, m.id, FMT_ID_LEN) == 0,
	    "its head is as it was");
	OK(got.refs && memcmp(got.refs[1].seg, seg_b, FMT_ID_LEN) == 0 &&
	    memcmp(got.refs[2].seg, seg_a, FMT_ID_LEN) == 0 && got.refs[1].len == TREE_MAX_BLOCK &&
	    strcmp(got.refs[2].name, refs[2].name) == 0, "its blocks are as they were");
	test_manifest_find(&got);
	tree_manifest_free(&got);
	for (size_t i = 0; i < b.len; i++) {
		if (tree_manifest_get(b.p, i, &got, &e) == 0) {
			torn++;
			tree_manifest_free(&got);
		}
		for (unsigned v = 1; v < 256; v++) {
			int r;

			b.p[i] ^= (uint8_t)v;
			r = tree_manifest_get(b.p, b.len, &got, &e);
			if (r == 0)
				tree_manifest_free(&got);
			else if (r != E_CORRUPT && r != E_PROTO)
				odd++;
			b.p[i] ^= (uint8_t)v;
		}
	}
	EQ_I(torn, 0, "no beginning of a manifest passes for one");
	EQ_I(odd, 0, "every change of every byte is read or refused");
	buf_free(&b);
}

/* ---- file digest ---- */

static void
test_fid(void)
{
	static const uint8_t key[32] = "k";
	uint8_t one[32] = {1}, two[32] = {2}, items[96] = {1}, want[32], spans[2][DIGEST_LEN],
	    got[TREE_FID_LEN];
	struct hmac *h = NULL;
	struct tree_fid *f = NULL;
	struct err e;
	int r;

	if (hmac_new(key, sizeof(key), &h, &e) < 0 || tree_fid_new(h, &f, &e) < 0)
		return;
	r = tree_fid_chunk(f, one, &e);
	r = r ? r : tree_fid_hole(f, 1000, &e);
	r = r ? r : tree_fid_hole(f, 24, &e);
	r = r ? r : tree_fid_chunk(f, two, &e);
	r = r ? r : tree_fid_span(f, spans[0], &e);
	EQ_I(r, 0, "a span of chunk, hole, chunk");
	(void)memcpy(items + 32, "hole", 4);
	items[40 + 1] = 4; /* 1,024, little-endian */
	items[64] = 2;
	hmac_of(h, items, sizeof(items), want);
	EQ_M(spans[0], want, sizeof(want), "is the digest of its items, neighbouring holes merged");
	tree_fid_join(h, (const uint8_t (*)[DIGEST_LEN])spans, 1, got);
	EQ_M(got, want, sizeof(got), "one span is the file");
	r = tree_fid_hole(f, 5, &e);
	r = r ? r : tree_fid_span(f, spans[1], &e);
	EQ_I(r, 0, "a span that is a hole");
	tree_fid_join(h, (const uint8_t (*)[DIGEST_LEN])spans, 2, got);
	hmac_of(h, spans, sizeof(spans), want);
	EQ_M(got, want, sizeof(got), "two spans are joined");
	tree_fid_join(h, NULL, 0, got);
	hmac_of(h, "", 0, want);
	EQ_M(got, want, sizeof(got), "an empty file has a digest too");
	tree_fid_free(f);
	hmac_free(h);
}

int
main(void)
{
	make_sample();
	test_order();
	test_round_trip();
	test_refuse();
	test_scattered();
	test_golden();
	test_borders();
	test_speed();
	test_manifest();
	test_fid();
	test_damage();
	return tap_done();
}
