/* deps: base mamorid */
/* The fields of a form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "mamorid/http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct form f;

	form_init(&f);
	(void)!form_urlencoded(&f, p, n, NULL);
	for (size_t i = 0; i < f.fields.len; i++) {
		const struct field *x = VEC_AT(&f.fields, struct field, i);

		if (!x->name[0] || strlen(x->name) >= FORM_NAME || strlen(x->value) != x->len ||
		    !utf8_ok(x->value, x->len) || strchr(x->value, '\r'))
			abort();
	}
	form_free(&f);
	return 0;
}
