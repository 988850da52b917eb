/* Reading one JSON object after another with a place for messages; stays in this folder. The first
 * error is kept in ${in->r}; every call after it does nothing, so that a reader may check once. */
#ifndef MAMORI_REPORT_READ_INT_H
#define MAMORI_REPORT_READ_INT_H

#include "report/report.h"

struct in {
	struct arena *mem;
	struct err *e;
	int r;
	char path[200];
	size_t len;    /* of path */
	size_t blocks, cells, nodes; /* so far */
};

/* in_push(in, fmt, ...): Go down to a place; returns what in_pop needs to come back. */
size_t in_push(struct in *in, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void in_pop(struct in *in, size_t len);
/* in_bad(in, code, fmt, ...): Note an error at the present place, unless there is one. */
void in_bad(struct in *in, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* in_alloc(in, n, size): Zeroed memory, or NULL and an error noted; NULL for nothing, too. */
void *in_alloc(struct in *in, size_t n, size_t size);
/* in_only(in, o, names): ${o} is an object and has no name but those in the space-separated list.
 */
void in_only(struct in *in, const json_t *o, const char *names);
/* in_text(in, v): A text, cleaned; "" for none. ${v} may be NULL or null. */
const char *in_text(struct in *in, const json_t *v);
const char *in_text_of(struct in *in, const json_t *o, const char *name, bool required);
double in_number(struct in *in, const json_t *o, const char *name, double min, double max,
    double otherwise);
bool in_bool(struct in *in, const json_t *o, const char *name, bool otherwise);
/* in_word(in, o, name, words): The position of the value in the space-separated list; 0 when it is
 * missing. */
unsigned in_word(struct in *in, const json_t *o, const char *name, const char *words);
/* in_array(in, o, name, max, ret_n): A non-empty array, or NULL and an error noted. */
const json_t *in_array(struct in *in, const json_t *o, const char *name, size_t max,
    size_t *ret_n);

/* in_block(in, o, b): One block (read_block.c). */
void in_block(struct in *in, const json_t *o, struct report_block *b);
/* in_table(in, o, b): What is special to a table (read_table.c). */
void in_table(struct in *in, const json_t *o, struct report_block *b);

#endif
