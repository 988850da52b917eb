/* deps: base mamorid */
/* An address: whether it is one, whether it fits a page, whether it may be gone to. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "mamorid/http/console.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = malloc(n + 1);
	struct params x;

	if (!text)
		return 0;
	if (n > 0)
		(void)memcpy(text, p, n);
	text[n] = 0;
	if (form_path_ok(text) && (text[0] != '/' || strstr(text, "//") || strstr(text, "/../")))
		abort();
	if (form_path("/a/:id/b/:id", text, &x))
		for (size_t i = 0; i < x.n; i++)
			if (!x.v[i][0] || strchr(x.v[i], '/') || !utf8_ok(x.v[i], strlen(x.v[i])))
				abort();
	if (form_local(text) && (text[0] != '/' || text[1] == '/' || text[1] == '\\'))
		abort();
	(void)gate_host(text, "box");
	free(text);
	return 0;
}
