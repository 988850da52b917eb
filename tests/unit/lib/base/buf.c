#include "base/buf.h"

#include "fault/alloc.h"
#include "tap.h"

static void
test_limits(void)
{
	struct err e;
	struct buf b;

	buf_init(&b, 10);
	EQ_I(b.cap, 0, "nothing is allocated at first");
	EQ_I(buf_put(&b, "0123456789", 10, &e), 0, "exactly the maximum");
	EQ_I(buf_put(&b, "x", 1, &e), E_LIMIT, "one more");
	EQ_I(b.len, 10, "leaves it as it was");
	EQ_M(b.p, "0123456789", 10, "with its bytes");
	EQ_I(buf_put(&b, NULL, 0, &e), 0, "nothing always fits");
	EQ_I(buf_reserve(&b, SIZE_MAX, &e), E_LIMIT, "a sum that overflows");
	OK(buf_cstr(&b, &e) == NULL && e.code == E_LIMIT, "no room for the NUL");
	buf_clear(&b);
	EQ_I(buf_fmt(&b, &e, "%s", "123456789"), 0, "formatted, with its NUL inside the maximum");
	EQ_S(buf_cstr(&b, &e), "123456789", "as a string");
	EQ_I(buf_fmt(&b, &e, "%d", 12), E_LIMIT, "formatted past the maximum");
	EQ_S(buf_cstr(&b, &e), "123456789", "changes nothing");
	buf_clear(&b);
	EQ_I(buf_blob(&b, "0123456789", 10, &e), E_LIMIT,
	    "a blob whose length fits but not its bytes");
	EQ_I(b.len, 0, "leaves no half of it");
	buf_free(&b);
	buf_free(NULL);
	EQ_I(buf_str(&b, "再利用", &e), 0, "usable after free");
	EQ_I(b.len, 9, "three characters");
	buf_free(&b);
	buf_init(&b, SIZE_MAX);
	EQ_I(buf_reserve(&b, SIZE_MAX - 1, &e), E_NOMEM, "more than any machine has");
	OK(b.p == NULL && b.cap == 0, "leaves it empty");
	buf_free(&b);
}

static void
test_grow(void)
{
	struct buf b;
	bool ok = true;

	buf_init(&b, 100000);
	for (uint32_t i = 0; i < 25000; i++)
		ok = ok && buf_u32(&b, i, NULL) == 0;
	OK(ok && b.len == 100000, "grown to its maximum in small steps");
	OK(b.cap <= 100000, "and not beyond");
	EQ_I(buf_u8(&b, 1, NULL), E_LIMIT, "full");
	buf_free(&b);
}

static void
test_codec(void)
{
	static const unsigned char want[] = {
		0x12, 0x34, 0x12, 0x78, 0x56, 0x34, 0x12, /* 8, 16 and 32 bits */
		0xef, 0xcd, 0xab, 0x90, 0x78, 0x56, 0x34, 0x12,
	};
	struct buf b;
	struct rd r;
	int bad = 0;

	buf_init(&b, 1000);
	bad |= buf_u8(&b, 0x12, NULL);
	bad |= buf_u16(&b, 0x1234, NULL);
	bad |= buf_u32(&b, 0x12345678, NULL);
	bad |= buf_u64(&b, 0x1234567890abcdef, NULL);
	OK(bad == 0 && b.len == sizeof(want), "integers");
	EQ_M(b.p, want, sizeof(want), "are little-endian");
	r = rd_init(b.p, b.len);
	EQ_I(rd_left(&r), sizeof(want), "all of it is left");
	EQ_I(rd_u8(&r), 0x12, "u8");
	EQ_I(rd_u16(&r), 0x1234, "u16");
	EQ_I(rd_u32(&r), 0x12345678, "u32");
	EQ_I(rd_u64(&r), 0x1234567890abcdef, "u64");
	OK(rd_end(&r), "nothing is left");
	for (size_t cut = 0; cut < b.len; cut++) {
		r = rd_init(b.p, cut);
		(void)rd_u8(&r), (void)rd_u16(&r), (void)rd_u32(&r), (void)rd_u64(&r);
		bad += !r.bad || rd_end(&r) || rd_left(&r) != 0 || rd_u8(&r) != 0;
	}
	EQ_I(bad, 0, "cut anywhere, it says so, and stays so");
	buf_free(&b);
}

static void
test_var(void)
{
	static const uint64_t values[] = {0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX,
		(1ULL << 63) - 1, 1ULL << 63, UINT64_MAX};
	static const struct {
		const char *bytes;
		size_t n;
		const char *what;
	} wrong[] = {
		{"", 0, "empty"},
		{"\x80", 1, "ends in the middle"},
		{"\x80\x00", 2, "zero written with two bytes"},
		{"\xff\x00", 2, "a padded number"},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, "65 bits"},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01", 11, "eleven bytes"},
	};
	struct buf b;
	bool ok = true;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct rd r;

		buf_init(&b, 10);
		ok = ok && buf_var(&b, values[i], NULL) == 0;
		r = rd_init(b.p, b.len);
		ok = ok && rd_var(&r) == values[i] && rd_end(&r);
		buf_free(&b);
	}
	OK(ok, "variable-length numbers come back");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct rd r = rd_init(wrong[i].bytes, wrong[i].n);

		OK(rd_var(&r) == 0 && r.bad, "refused: %s", wrong[i].what);
	}
}

static void
test_blob(void)
{
	const unsigned char *p;
	struct buf b;
	struct rd r;
	size_t n = 99;

	buf_init(&b, 1000);
	OK(buf_blob(&b, "", 0, NULL) == 0 && buf_blob(&b, "abc", 3, NULL) == 0, "blobs");
	r = rd_init(b.p, b.len);
	p = rd_blob(&r, 10, &n);
	OK(p && n == 0, "an empty one is there, and empty");
	p = rd_blob(&r, 3, &n);
	OK(p && n == 3 && memcmp(p, "abc", 3) == 0 && rd_end(&r), "one as long as allowed");
	r = rd_init(b.p + 1, 4);
	n = 99;
	OK(!rd_blob(&r, 2, &n) && r.bad && n == 99, "longer than allowed");
	r = rd_init(b.p + 1, 3);
	OK(!rd_blob(&r, 3, &n) && r.bad, "longer than what is there");
	r = rd_init("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
	OK(!rd_blob(&r, SIZE_MAX, &n) && r.bad, "a length near 2^64");
	r = rd_init(NULL, 0);
	OK(rd_bytes(&r, 0) != NULL && rd_end(&r), "nothing of nothing");
	OK(!rd_bytes(&r, 1) && r.bad && !rd_bytes(&r, 0), "something of nothing");
	buf_free(&b);
}

static int
build(struct buf *b, struct err *e)
{
	int r = buf_put(b, "abc", 3, e);

	for (int i = 0; i < 600 && r == 0; i++)
		r = buf_fmt(b, e, "%04d", i);
	if (r == 0 && !buf_cstr(b, e))
		r = e->code;
	return r;
}

static void
test_no_memory(void)
{
	unsigned long n = 1;
	struct err e;
	struct buf b;
	bool ok = true;
	int r;

	for (;; n++) {
		long before = fault_alloc_live();

		buf_init(&b, 1 << 20);
		fault_alloc_arm(n);
		r = build(&b, &e);
		if (!fault_alloc_hit())
			break;
		ok = ok && r == E_NOMEM && e.code == E_NOMEM;
		ok = ok && (b.len < 3 || memcmp(b.p, "abc", 3) == 0);
		buf_free(&b);
		ok = ok && fault_alloc_live() == before;
	}
	OK(ok && n > 2, "%lu allocations failed one by one", n - 1);
	EQ_I(r, 0, "then it succeeds");
	EQ_I(b.len, 3 + 2400, "with everything");
	buf_free(&b);
}

int
main(void)
{
	test_limits();
	test_grow();
	test_codec();
	test_var();
	test_blob();
	test_no_memory();
	return tap_done();
}
