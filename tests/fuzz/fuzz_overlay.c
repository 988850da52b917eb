/* deps: base crypt vault mount */
/* The journal of an overlay: a head, then records; what is accepted is written back the same. */
#include <stdlib.h>
#include <string.h>

#include "vault/overlay_int.h" /* its codecs are private */

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t repo[FMT_ID_LEN], gen[FMT_ID_LEN], head[OV_HEAD], raw[OV_REC];
	struct ov_rec rec;
	struct err e;

	if (n >= OV_HEAD && ov_head_get(p, repo, gen, &e) == 0) {
		ov_head_put(repo, gen, head);
		if (memcmp(head, p, 12) != 0)
			abort();
	}
	for (size_t i = 0; i + OV_REC <= n; i += OV_REC) {
		if (!ov_rec_get(p + i, i / OV_REC, &rec))
			continue;
		ov_rec_put(&rec, i / OV_REC, raw);
		if (memcmp(raw, p + i, OV_REC) != 0)
			abort();
	}
	return 0;
}
