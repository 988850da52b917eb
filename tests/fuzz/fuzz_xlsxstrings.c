/* deps: base text */
/* The shared texts of a spreadsheet, and a whole file. */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "text/xlsx.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct xlsx_strings s;
	struct table t;

	(void)!xlsx_strings(p, n, &s, NULL);
	for (size_t i = 0; i < s.list.len; i++)
		if (!*VEC_AT(&s.list, char *, i))
			abort();
	xlsx_strings_free(&s);
	table_init(&t);
	(void)!xlsx_read(p, n, NULL, &t, NULL);
	table_free(&t);
	return 0;
}
