/* deps: base sys crypt report */
/* A document's model: refused, or every number in it is within what the renderer relies on. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
text(const char *s)
{
	if (!s || strlen(s) > REPORT_MAX_TEXT || !utf8_ok(s, strlen(s)))
		abort();
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 && *s != '\n')
			abort();
}

static size_t
tree(const struct report_node *t, unsigned depth)
{
	size_t n = 1;

	if (depth >= REPORT_MAX_DEPTH)
		abort();
	text(t->title);
	text(t->text);
	for (size_t i = 0; i < t->n; i++)
		n += tree(&t->children[i], depth + 1);
	return n;
}

static void
block(const struct report_block *b)
{
	if (b->type > REPORT_PAGE || b->align > REPORT_RIGHT ||
	    (b->type == REPORT_TREE) != (b->root != NULL))
		abort();
	text(b->text);
	text(b->title);
	for (size_t i = 0; i < b->nitems; i++) {
		text(b->items[i].text);
		text(b->items[i].value);
		if (b->type == REPORT_BARS &&
		    !(b->items[i].number >= 0 && b->items[i].number <= b->size))
			abort();
	}
	for (size_t i = 0; i < b->ncolumns; i++)
		if (!(b->columns[i].width > 0))
			abort();
	for (size_t i = 0; i < b->nrows; i++)
		for (size_t k = 0; k < b->ncolumns; k++)
			text(b->rows[i].cells[k].text);
	if (b->root && tree(b->root, 0) > REPORT_MAX_NODES)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct report r;
	struct err e;

	if (report_read(p, n, &r, &e) < 0) {
		if (e.code >= 0 || e.msg[0] == 0)
			abort();
		return 0;
	}
	for (size_t i = 0; i < r.n; i++)
		for (size_t k = 0; k < r.sections[i].n; k++)
			block(&r.sections[i].blocks[k]);
	report_free(&r);
	return 0;
}
