/* deps: vault vault_parity */
/* The header of a parity file. What is read is written the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vault/parity_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t raw[FMT_HEADER_LEN] = {0}, again[FMT_HEADER_LEN];
	struct par_head h, h2;
	char name[PAR_NAME];
	struct err e;

	/* the sum at the end is made right, so that what comes before it is reached */
	(void)memcpy(raw, p, n < FMT_HEADER_LEN - DIGEST_LEN ? n : FMT_HEADER_LEN - DIGEST_LEN);
	digest_sha256(raw, FMT_HEADER_LEN - DIGEST_LEN, raw + FMT_HEADER_LEN - DIGEST_LEN);
	if (par_head_get(raw, &h, &e) < 0)
		return 0;
	if (par_meta_len(&h) > (PARITY_DATA + 1) * (size_t)(FMT_HEADER_LEN + 70000) + 4096)
		abort();
	par_head_put(&h, again);
	if (par_head_get(again, &h2, &e) < 0 || memcmp(&h, &h2, sizeof(h)) != 0)
		abort();
	par_name(&h, name);
	if (strlen(name) != (h.thin ? 27 : 18))
		abort();
	return 0;
}
