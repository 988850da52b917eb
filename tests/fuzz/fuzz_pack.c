/* deps: base crypt sys text ledger db guide */
/* Packs, practices and manifests from outside: refused, or joined to what is there. */
#include <stdint.h>
#include <stdlib.h>

#include "guide/guide.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct guide *g;
	static unsigned used;
	struct guide_manifest m;

	if (g && ++used % 5000 == 0) { /* what is taken stays until the end */
		guide_free(g);
		g = NULL;
	}
	if (!g && guide_new(&g, NULL) < 0)
		abort();
	if (guide_add(g, p, n, GUIDE_OPERATOR, NULL) == 0) {
		size_t count;
		const struct guide_pack *const *all = guide_packs(g, &count);

		for (size_t i = 0; i < count; i++)
			if (!all[i]->item || !all[i]->items || !all[i]->item[0].by)
				abort();
	}
	if (guide_manifest_read(p, n, guide_release_key(), &m, NULL) == 0)
		abort(); /* without the key */
	return 0;
}
