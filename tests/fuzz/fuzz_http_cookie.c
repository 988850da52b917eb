/* deps: base mamorid */
/* A Cookie header. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mamorid/http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = malloc(n + 1), out[44];

	if (!text)
		return 0;
	if (n > 0)
		(void)memcpy(text, p, n);
	text[n] = 0;
	if (form_cookie(text, "__Host-mamori", out, sizeof(out)) &&
	    (strlen(out) >= sizeof(out) || strpbrk(out, " ;,\"\r\n<>&")))
		abort();
	free(text);
	return 0;
}
