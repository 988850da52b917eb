/* deps: base crypt sys ledger */
/* A fact from outside: refused, or read so that its canonical form reads back as itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fact fact, again;
	struct buf a, b;

	if (fact_read(p, n, true, &fact, NULL) < 0)
		return 0;
	buf_init(&a, 2 * FACT_MAX_JSON);
	buf_init(&b, 2 * FACT_MAX_JSON);
	if (fact_write(&a, &fact, NULL) == 0) {
		if (fact_read(a.p, a.len, true, &again, NULL) < 0 ||
		    fact_write(&b, &again, NULL) < 0)
			abort();
		if (a.len != b.len || memcmp(a.p, b.p, a.len) != 0)
			abort();
		fact_free(&again);
	}
	fact_free(&fact);
	buf_free(&a);
	buf_free(&b);
	return 0;
}
