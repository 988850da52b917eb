/* The pages of the console, one table of routes a file; pages.c lists the tables. */
#ifndef MAMORI_DAEMON_MAMORID_PAGES_PAGES_H
#define MAMORI_DAEMON_MAMORID_PAGES_PAGES_H

#include "mamorid/http/http.h"

/* Each table ends with an empty row. */
extern const struct route status_rows[];

/* pages_routes(ret_n, e): All rows in the order of the tables, checked: a row that writes is not
 * public by oversight, has a verb that writes, and no two rows have the same path and method. The
 * array lives as long as the program. E_INVAL names the row. */
MUST int pages_routes(const struct route **ret, size_t *ret_n, struct err *e);

#endif
