/* deps: vault */
/* The catalog of a removable disk. Whatever is read is written the same; one of the first kind,
 * which says nothing of a keep ledger, with a word that there is none. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vault/disk_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct disk_cat c;
	struct buf b;
	struct err e;

	disk_cat_init(&c);
	buf_init(&b, 1 << 24);
	if (disk_cat_get(p, n, &c, &e) == 0) {
		bool first = p[7] == '1';

		if (disk_cat_put(&b, &c, &e) < 0 || b.len != n + (first ? 16 : 0) ||
		    memcmp(b.p + 8, p + 8, n - 8) != 0)
			abort();
	}
	disk_cat_free(&c);
	buf_free(&b);
	return 0;
}
