/* Inside lib/text only: the one way in which XML of strangers is read. */
#ifndef MAMORI_TEXT_XLSX_INT_H
#define MAMORI_TEXT_XLSX_INT_H

#include <expat.h>

#include "text/xlsx.h"

struct xlsx_xml;
/* Names come without their prefix. attr: name, value, ..., NULL. */
typedef void xlsx_begin_fn(struct xlsx_xml *x, const char *name, const char **attr);
typedef void xlsx_end_fn(struct xlsx_xml *x, const char *name);

struct xlsx_xml {
	void *ctx;
	xlsx_begin_fn *begin;
	xlsx_end_fn *end;
	bool keep;       /* text is being collected */
	struct buf text; /* at most a cell */
	int depth;
	/* when something is wrong */
	int code;
	struct err *e;
	XML_Parser parser;
};

/* xlsx_xml_run(x, p, n, what, e): Read a whole part. E_CORRUPT, E_LIMIT, and what a handler said.
 */
MUST int xlsx_xml_run(struct xlsx_xml *x, const void *p, size_t n, const char *what,
    struct err *e);
/* xlsx_xml_fail(x, r): From a handler: stop with ${r}, whose text is in x->e. */
void xlsx_xml_fail(struct xlsx_xml *x, int r);
const char *xlsx_attr(const char **attr, const char *name); /* NULL: it is not there */

#endif
