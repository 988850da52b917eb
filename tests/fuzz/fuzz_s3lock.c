/* deps: base crypt vault_s3 */
#include <string.h>

#include "vault/s3_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct map m;
	struct buf b;

	map_init(&m, 1000);
	buf_init(&b, 1 << 20);
	if (s3_lock_parse(p, n, &m, NULL) == 0 && s3_lock_print(&m, 0, &b, NULL) == 0 && b.len > n)
		__builtin_trap();
	map_free(&m);
	buf_free(&b);
	return 0;
}
