/* deps: base text */
/* The XML of a sheet and of styles. */
#include <stdint.h>
#include <stdlib.h>

#include "text/xlsx.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char one[] = "文字";
	char *list[] = {one};
	struct xlsx_strings s = {.list = {.p = list, .len = 1}};
	struct xlsx_styles y = {0};
	struct table t;

	(void)!xlsx_styles(p, n, &y, NULL);
	table_init(&t);
	(void)!xlsx_sheet(p, n, &s, &y, n & 1, &t, NULL);
	for (size_t i = 0; i < table_rows(&t); i++)
		if (table_row(&t, i)->n > TABLE_MAX_COLS)
			abort();
	table_free(&t);
	xlsx_styles_free(&y);
	return 0;
}
