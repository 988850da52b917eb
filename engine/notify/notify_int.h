/* What the files of this folder share. Not for use elsewhere. */
#ifndef MAMORI_ENGINE_NOTIFY_NOTIFY_INT_H
#define MAMORI_ENGINE_NOTIFY_NOTIFY_INT_H

#include "notify/notify.h"

/* A setting as JSON; an empty object where there is none. notify_setting_put takes ${o}. */
MUST int notify_setting(struct db *db, const char *key, json_t **ret, struct err *e);
MUST int notify_setting_put(struct db *db, const char *key, json_t *o, int64_t now, struct err *e);
db_row_fn notify_on_json; /* cookie: json_t ** */
/* One line of UTF-8 without control characters, shorter than ${max}. */
bool notify_line_ok(const char *s, size_t max);
/* ${prefix} and 24 random hexadecimal digits. */
void notify_random_id(char out[NOTIFY_ID], const char *prefix);

/* -- text.c -- */
/* The mail for alarms: ${raised} and ${over} are arrays as notify_alarms gives them. */
MUST int notify_red_text(struct db *db, const struct notify_mail *m, const json_t *raised,
    const json_t *over, struct buf *out, char subject[400], struct err *e);
/* An answer of the database as an array of objects: names begin with '#' where they are integers.
 */
struct notify_rows {
	const char *const *cols;
	size_t n;
	json_t *list;
};
db_row_fn notify_rows_take;

#endif
