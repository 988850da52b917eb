/* deps: base text */
/* The first bytes of any file: what comes out is printable UTF-8, or nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "text/peek.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct peek k;
	struct buf b;

	buf_init(&b, 1 << 20);
	if (n > 0 && peek(p + 1, n - 1, p[0] & 1, &k, &b, NULL) == 0) {
		if (!k.type || !k.encoding || k.kind > PEEK_OTHER || !utf8_ok(b.p, b.len))
			abort();
		for (size_t i = 0; i < b.len; i++)
			if (b.p[i] < 0x20 && b.p[i] != '\n' && b.p[i] != '\t')
				abort();
	}
	buf_free(&b);
	return 0;
}
