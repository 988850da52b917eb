#include "base/vec.h"

#include <stdint.h>

#include "fault/alloc.h"
#include "tap.h"

static void
test_add(void)
{
	struct vec v;
	bool ok = true;

	vec_init(&v, sizeof(uint64_t), 1000);
	OK(v.p == NULL && v.len == 0, "nothing is allocated at first");
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t *at = vec_add(&v);

		ok = ok && at && *at == 0;
		if (at)
			*at = i;
	}
	OK(ok && v.len == 1000, "up to the maximum, each one zeroed");
	OK(v.cap == 1000, "and no room beyond");
	OK(vec_add(&v) == NULL && v.len == 1000, "one more is refused");
	for (uint64_t i = 0; i < 1000; i++)
		ok = ok && *VEC_AT(&v, uint64_t, i) == i;
	OK(ok, "everything is where it was put");
	vec_free(&v);
	OK(v.p == NULL && v.len == 0 && v.cap == 0, "empty after free");
	OK(vec_add(&v) != NULL, "and usable");
	vec_free(&v);
	vec_init(&v, 1, 0);
	OK(vec_add(&v) == NULL, "a maximum of none");
	vec_init(&v, SIZE_MAX / 2, 100);
	OK(vec_add(&v) == NULL && v.len == 0, "a size that overflows");
	vec_free(&v);
}

static void
test_no_memory(void)
{
	struct vec v;
	bool ok = true;

	for (unsigned long n = 1; n < 4; n++) {
		vec_init(&v, 4, 1000);
		fault_alloc_arm(n);
		while (v.len < 1000 && vec_add(&v))
			;
		ok = ok && fault_alloc_hit() && v.len == (n == 1 ? 0U : n == 2 ? 16U : 32U);
		ok = ok && vec_add(&v) != NULL; /* memory is back: it goes on */
		vec_free(&v);
	}
	OK(ok, "a failed growth loses nothing");
	EQ_I(fault_alloc_live(), 0, "nothing leaks");
}

int
main(void)
{
	test_add();
	test_no_memory();
	return tap_done();
}
