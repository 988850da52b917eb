/* deps: base text crypt db jansson register */
/* Headings of strangers, and what is said about them: up to the first NUL a CSV file, then JSON as
 * a trial prints it ("map" and "kept" beside "columns"). No field has two columns, and what a
 * reading showed is taken again exactly. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "register/match.h"
#include "text/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
sound(const struct register_kind *k, const struct table *t, const struct register_match *m)
{
	char label[40];

	if (m->head >= table_rows(t) || m->n != table_row(t, m->head)->n ||
	    strlen(m->heading) != 64)
		abort();
	for (size_t c = 0; c < m->n; c++) {
		const char *f = m->col[c].field;

		register_match_label(table_cell(table_row(t, m->head), c), label, sizeof(label));
		if (strpbrk(label, "\n\r\t") || strlen(label) >= sizeof(label))
			abort();
		if (f && !register_field(k, f) && strcmp(f, REGISTER_FIELD_ID) != 0)
			abort();
		if (f && register_match_col(m, f) != (int)c)
			abort();
		if (!*register_how_name(m->col[c].how))
			abort();
	}
}

/* again(k, t, m): As a trial's answer. */
static void
again(const struct register_kind *k, const struct table *t, const struct register_match *m)
{
	json_t *list = json_array();
	json_t *shown = json_pack("{s:I, s:s, s:O}", "row", (json_int_t)table_row(t, m->head)->no,
	    "heading", m->heading, "columns", list);
	struct register_said said = {.shown = shown};
	struct register_match *x = calloc(1, sizeof(*x));

	for (size_t c = 0; c < m->n; c++)
		(void)json_array_append_new(list, json_pack("{s:I, s:s}", "column",
		    (json_int_t)(c + 1), "field", m->col[c].field ? m->col[c].field : ""));
	if (!x || register_match(k, t, &said, x, NULL) < 0 || x->changed || x->head != m->head)
		abort();
	for (size_t c = 0; c < m->n; c++)
		if ((x->col[c].field != m->col[c].field) || x->col[c].how != REGISTER_CHOSEN)
			abort();
	free(x);
	json_decref(list);
	json_decref(shown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct csv_options o = {.restore = true};
	const uint8_t *end = memchr(p, 0, n);
	size_t cut = end ? (size_t)(end - p) : n, kinds;
	const struct register_kind *k = register_kinds(&kinds);
	struct register_said said = {0};
	struct register_match *m = calloc(1, sizeof(*m));
	struct csv_found f;
	struct table t;
	json_t *j = cut < n ? json_loadb((const char *)p + cut + 1, n - cut - 1, 0, NULL) : NULL;

	said.shown = json_is_array(json_object_get(j, "columns")) ? j : NULL;
	said.map = json_object_get(j, "map");
	said.kept = json_object_get(j, "kept");
	table_init(&t);
	if (m && csv_read(p, cut, &o, &t, &f, NULL) == 0)
		for (size_t i = 0; i < kinds; i += 3)
			if (register_match(&k[i], &t, &said, m, NULL) == 0) {
				sound(&k[i], &t, m);
				again(&k[i], &t, m);
			}
	table_free(&t);
	json_decref(j);
	free(m);
	return 0;
}
