/* deps: base crypt */
/* The stored form of a password hash, read from a records database that may be forged. Only the
 * reading: whatever cost it names, nothing is computed here. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypt/pwhash.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct pwhash_cost least = {.scheme = PWHASH_ARGON2ID};
	struct pwhash_cost most = pwhash_default(PWHASH_ARGON2ID);
	char *text = malloc(n + 1);

	if (!text)
		return 0;
	if (n > 0)
		(void)memcpy(text, p, n);
	text[n] = 0;
	most.passes = UINT32_MAX;
	/* What is too old for the least cost is so for the highest. */
	if (pwhash_stale(text, &least) && !pwhash_stale(text, &most))
		abort();
	free(text);
	return 0;
}
