/* deps: base crypt vault */
/* First byte odd: a manifest, else a tree block. What is accepted must survive being written again.
 */
#include <stdlib.h>

#include "vault/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
one_block(const uint8_t *p, size_t n)
{
	struct tree_read *rd = NULL;
	struct tree_block *b = NULL;
	struct tree_entry en;
	struct err e;
	bool writing = true;

	if (tree_read_new(p, n, &rd, &e) < 0)
		return;
	if (tree_block_new(&b, &e) < 0)
		abort();
	while (tree_read_next(rd, &en, &e) == 1) {
		int r = writing ? tree_block_add(b, &en, &e) : 0;

		if (r == E_LIMIT)
			writing = false;
		else if (r < 0)
			abort(); /* the writer refuses what the reader accepts */
	}
	tree_block_free(b);
	tree_read_free(rd);
}

static void
one_manifest(const uint8_t *p, size_t n)
{
	struct tree_manifest m, again;
	struct buf b;
	struct err e;

	if (tree_manifest_get(p, n, &m, &e) < 0)
		return;
	buf_init(&b, 64 << 20);
	(void)tree_manifest_find(&m, "srv", "x");
	if (tree_manifest_put(&b, &m, &e) < 0 || tree_manifest_get(b.p, b.len, &again, &e) < 0 ||
	    again.nrefs != m.nrefs)
		abort();
	tree_manifest_free(&again);
	tree_manifest_free(&m);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n == 0)
		return 0;
	if (p[0] & 1)
		one_manifest(p + 1, n - 1);
	else
		one_block(p + 1, n - 1);
	return 0;
}
