#include "base/arena.h"

#include <stdint.h>

#include "fault/alloc.h"
#include "tap.h"

static bool
zeroed(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void
test_alloc(void)
{
	struct arena a;
	unsigned char *first = NULL;
	bool ok = true;

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < 2000; i++) {
		size_t n = i % 300;
		unsigned char *p = arena_alloc(&a, n);

		ok = ok && p && ((uintptr_t)p & 15) == 0 && zeroed(p, n);
		if (p)
			(void)memset(p, 0xaa, n);
		first = first ? first : p;
	}
	OK(ok, "aligned and zeroed, over several blocks");
	OK(arena_alloc(&a, 200 * 1024) != NULL, "one larger than a block");
	arena_reset(&a);
	EQ_I(a.used, 0, "nothing is used after a reset");
	first = arena_alloc(&a, 100000);
	OK(first && zeroed(first, 100000), "memory used again is zeroed again");
	arena_free(&a);
	OK(a.head == NULL, "nothing kept after free");
	arena_free(&a);
	arena_reset(&a);
	OK(arena_alloc(&a, 1) != NULL, "usable after free");
	arena_free(&a);
	EQ_I(fault_alloc_live(), 0, "nothing leaks");
}

static void
test_limits(void)
{
	struct arena a;

	arena_init(&a, 100);
	OK(arena_alloc(&a, 96) != NULL, "up to the maximum");
	OK(arena_alloc(&a, 16) == NULL, "not past it");
	OK(arena_alloc(&a, SIZE_MAX) == NULL, "nor around the end of numbers");
	arena_free(&a);
	arena_init(&a, SIZE_MAX);
	OK(arena_alloc(&a, SIZE_MAX - 64) == NULL, "without a maximum neither");
	OK(arena_alloc(&a, SIZE_MAX / 2) == NULL, "more than there is");
	OK(arena_dup(&a, "", SIZE_MAX) == NULL, "a copy that cannot end");
	arena_free(&a);
}

static void
test_dup(void)
{
	struct arena a;

	arena_init(&a, 1000);
	EQ_S(arena_dup(&a, "髙橋あ", 6), "髙橋", "a copy ends with a NUL");
	EQ_S(arena_dup(&a, NULL, 0), "", "of nothing too");
	fault_alloc_arm(1);
	arena_free(&a);
	OK(arena_dup(&a, "x", 1) == NULL && fault_alloc_hit(), "no memory");
	OK(arena_dup(&a, "x", 1) != NULL, "memory again");
	arena_free(&a);
	EQ_I(fault_alloc_live(), 0, "nothing leaks");
}

int
main(void)
{
	test_alloc();
	test_limits();
	test_dup();
	return tap_done();
}
