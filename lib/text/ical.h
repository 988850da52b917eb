/* Writing a calendar (RFC 5545): days on which something is due. Pure functions. */
#ifndef MAMORI_TEXT_ICAL_H
#define MAMORI_TEXT_ICAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "text/day.h"

struct ical_item {
	const char *uid;     /* stays the same for the same thing: "register-person-p1@host" */
	const char *day;     /* YYYY-MM-DD; it takes the whole day */
	const char *summary; /* UTF-8 */
	const char *detail;  /* or "" */
	const char *url;     /* or "" */
	int64_t stamp;       /* when this was last changed, microseconds UTC */
	bool todo;           /* a VTODO with a due day instead of a VEVENT */
};

/* ical_begin(b, name, e), ical_item(b, item, e)..., ical_end(b, e): Append a calendar. Lines are
 * folded at 75 bytes, never inside a character; control characters other than the end of a line are
 * left out. E_INVAL (not a day, not UTF-8), E_LIMIT. */
MUST int ical_begin(struct buf *b, const char *name, struct err *e);
MUST int ical_item(struct buf *b, const struct ical_item *item, struct err *e);
MUST int ical_end(struct buf *b, struct err *e);

/* ical_line(b, name, text, e): One content line "NAME:text" with the text escaped, folded. */
MUST int ical_line(struct buf *b, const char *name, const char *text, struct err *e);

#endif
