/* Makes the n-th allocation of the code under test fail. For a test program that is linked with
 * alloc_wrap (tests/meson.build): one row with that as its fourth element.
 *
 *	for (unsigned long n = 1; fault_alloc_arm(n), r = code(), fault_alloc_hit(); n++)
 *		... r must be E_NOMEM and nothing may leak ...
 *
 * Not armed, everything is allocated as usual. fault_alloc_live() counts what is not yet freed. */
#ifndef MAMORI_TESTS_FAULT_ALLOC_H
#define MAMORI_TESTS_FAULT_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t k, size_t n);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t k, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t k, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t k, size_t n);
void __wrap_free(void *p);

static unsigned long fault_alloc_left; /* 0: not armed */
static bool fault_alloc_fired;
static long fault_alloc_balance;

static inline void
fault_alloc_arm(unsigned long n)
{
	fault_alloc_left = n;
	fault_alloc_fired = false;
}

/* fault_alloc_hit(): Whether the failure happened since the last arm; disarms. */
static inline bool
fault_alloc_hit(void)
{
	fault_alloc_left = 0;
	return fault_alloc_fired;
}

static inline long
fault_alloc_live(void)
{
	return fault_alloc_balance;
}

static bool
fault_alloc_now(void)
{
	if (fault_alloc_left == 0 || --fault_alloc_left > 0)
		return false;
	fault_alloc_fired = true;
	return true;
}

static void *
fault_alloc_count(void *p)
{
	fault_alloc_balance += p ? 1 : 0;
	return p;
}

void *
__wrap_malloc(size_t n)
{
	return fault_alloc_now() ? NULL : fault_alloc_count(__real_malloc(n));
}

void *
__wrap_calloc(size_t k, size_t n)
{
	return fault_alloc_now() ? NULL : fault_alloc_count(__real_calloc(k, n));
}

void *
__wrap_realloc(void *p, size_t n)
{
	void *q = fault_alloc_now() ? NULL : __real_realloc(p, n);

	return p ? q : fault_alloc_count(q);
}

void *
__wrap_reallocarray(void *p, size_t k, size_t n)
{
	void *q = fault_alloc_now() ? NULL : __real_reallocarray(p, k, n);

	return p ? q : fault_alloc_count(q);
}

void
__wrap_free(void *p)
{
	fault_alloc_balance -= p ? 1 : 0;
	__real_free(p);
}

#endif
