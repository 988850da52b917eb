/* The pages of the console, one table of routes a file; pages.c lists the tables. */
#ifndef MAMORI_DAEMON_MAMORID_PAGES_PAGES_H
#define MAMORI_DAEMON_MAMORID_PAGES_PAGES_H

#include "mamorid/http/http.h"

/* Each table ends with an empty row. */
#define PAGES(name) extern const struct route name##_rows[];
#include "mamorid/pages/list.h"
#undef PAGES

struct console;
/* setup_code(c): A fresh code for the set-up address /setup/CODE. */
void setup_code(struct console *c);

struct task;
struct task_new;
/* page_task(r, n, e): Start long work for whoever asks (owner and language are filled in) and go to
 * its page. The row that calls it has the right and is logged. */
MUST int page_task(struct req *r, struct task_new *n, struct err *e);
/* page_task_own(r, id, ret, e): A task of whoever asks, for the page that it leads to. E_NOENT also
 * for another's. Free with task_free. */
MUST int page_task_own(struct req *r, const char *id, struct task *ret, struct err *e);
/* page_task_words(r, id, ret, e): The command of a task. page_task_word(argv, i): its i-th word, or
 * "". */
MUST int page_task_words(struct req *r, const char *id, json_t **ret, struct err *e);
const char *page_task_word(const json_t *argv, size_t i);

/* pages_routes(ret_n, e): All rows in the order of the tables, checked: a row that writes is not
 * public by oversight, has a verb that writes, and no two rows have the same path and method. The
 * array lives as long as the program. E_INVAL names the row. */
MUST int pages_routes(const struct route **ret, size_t *ret_n, struct err *e);

#endif
