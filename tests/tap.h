/* A unit test prints TAP: `ok N - what` or `not ok N - what`, and at the end the plan. tests/run
 * counts them; a program that dies before its plan counts as failed. */
#ifndef MAMORI_TESTS_TAP_H
#define MAMORI_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_bad;

__attribute__((format(printf, 4, 5))) static inline bool
tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		tap_bad++;
		printf("#   at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

#define OK(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define EQ_I(a, b, what)                                                                           \
	do {                                                                                       \
		long long tap_a = (long long)(a), tap_b = (long long)(b);                          \
		if (!OK(tap_a == tap_b, "%s", what))                                               \
			printf("#   got %lld, expected %lld\n", tap_a, tap_b);                     \
	} while (0)
#define EQ_S(a, b, what)                                                                           \
	do {                                                                                       \
		const char *tap_a = (a), *tap_b = (b);                                             \
		if (!OK(tap_a && tap_b && strcmp(tap_a, tap_b) == 0, "%s", what))                  \
			printf("#   got \"%s\", expected \"%s\"\n", tap_a ? tap_a : "(null)",      \
			    tap_b ? tap_b : "(null)");                                             \
	} while (0)
#define EQ_M(a, b, n, what) OK(memcmp((a), (b), (n)) == 0, "%s", what)
#define SKIP(why) printf("ok %d # SKIP %s\n", ++tap_count, why)

static inline int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_bad ? 1 : 0;
}

#endif
