/* What the parts of /api/v1 share. */
#ifndef MAMORI_DAEMON_MAMORID_PAGES_API_H
#define MAMORI_DAEMON_MAMORID_PAGES_API_H

#include "mamorid/pages/pages.h"

enum { API_LIMIT = 100, API_LIMIT_MAX = 500 };

/* api_problem(r, status, detail, more, e): RFC 9457, with a title in Japanese or English. ${more}
 * (may be NULL, taken): further members. */
MUST int api_problem(struct req *r, unsigned status, const char *detail, json_t *more,
    struct err *e);
/* api_cursor(r, ret): The place where a page of a list begins, 0 for the first one. E_INVAL: not a
 * cursor of ours. api_cursor_put: one as text. */
enum { API_CURSOR = 48 };
MUST int api_cursor(const struct req *r, int64_t *ret);
void api_cursor_put(int64_t at, char out[API_CURSOR]);
/* api_list(r, items, next, e): {"items":[...],"next":cursor or null}. Takes ${items}. */
MUST int api_list(struct req *r, json_t *items, int64_t next, struct err *e);
/* api_once(r, fn, e): Run ${fn}; a repetition with the same Idempotency-Key gets the same answer
 * and does nothing. */
MUST int api_once(struct req *r, req_fn *fn, struct err *e);

#endif
