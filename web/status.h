/* The plain status page: HTML without scripts, Japanese and English. */
#ifndef MAMORI_WEB_STATUS_H
#define MAMORI_WEB_STATUS_H

#include <stdbool.h>

#include "base/buf.h"
#include "mamorid/model.h"

struct status_opts {
	bool ja;
	const char *drill_line; /* the one line to type */
	const char *version;
	const char *ledger_error; /* why the sealed record cannot be written; NULL or "": it can */
};

/* status_page(m, o, out, e): Append the whole page. Every text of the model is escaped. E_LIMIT when
 * ${out} is too small, E_NOMEM. */
MUST int status_page(const struct model *m, const struct status_opts *o, struct buf *out,
    struct err *e);

/* status_error(code, ja, out, e): Append a small page for an HTTP error. */
MUST int status_error(int code, bool ja, struct buf *out, struct err *e);

/* status_esc(out, s, e): Append a text so that it means itself in HTML text and in quoted attributes;
 * bytes that are not UTF-8 as \xHH. */
MUST int status_esc(struct buf *out, const char *s, struct err *e);

#endif
