/* deps: base crypt */
/* A locked key as it lies on somebody's stick: any bytes. Only the reading: whatever cost it names,
 * nothing is computed here. What is accepted says the same when it is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypt/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct keyfile f = {0}, again = {0};
	struct buf b;
	struct err e;

	if (keyfile_get(p, n, &f, &e) < 0)
		return 0;
	if (!keyfile_is(p, n) || f.cost.memory_kib > 256 * 1024 || f.cost.passes > 10)
		abort();
	buf_init(&b, KEYFILE_MAX);
	if (keyfile_put(&b, &f, &e) < 0 || keyfile_get(b.p, b.len, &again, &e) < 0 ||
	    memcmp(&f, &again, sizeof(f)) != 0)
		abort();
	buf_free(&b);
	return 0;
}
