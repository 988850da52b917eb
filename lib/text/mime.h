/* Writing a letter of electronic mail: RFC 5322 (headers, dates), 2045 (MIME), 2047 (words of other
 * scripts in headers), 2231 (names of files). Pure functions; nothing is read here.
 *
 * Whatever a stranger may have typed into a name, a subject or an address, the letter has the
 * headers that its maker meant, and no others: text with control characters is refused. */
#ifndef MAMORI_TEXT_MIME_H
#define MAMORI_TEXT_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { MIME_LINE = 76, MIME_ADDR = 255 };

struct mime_file {
	const char *name; /* as the receiver sees it; UTF-8 */
	const char *type; /* "application/pdf" */
	const void *p;
	size_t n;
};

struct mime {
	const char *from, *from_name; /* address; the name may be NULL or "" */
	const char *to;
	const char *reply_to;         /* NULL or "": none */
	const char *subject, *body;   /* UTF-8; lines of the body end with \n */
	const char *id;               /* letters, digits, "-", ".": the same each time it is sent */
	int64_t date;
	const struct mime_file *file; /* one enclosure, or NULL */
};

/* mime_addr_ok(s): Whether ${s} is one plain address, local@domain in ASCII, without a name, a
 * comment or quotes, of at most MIME_ADDR - 1 bytes. */
bool mime_addr_ok(const char *s);

/* mime_write(b, m, e): Append the letter, lines ended by CRLF. E_INVAL names the field that is no
 * address, no UTF-8, or holds a control character; E_LIMIT. */
MUST int mime_write(struct buf *b, const struct mime *m, struct err *e);

/* mime_header(b, name, text, e): Append one header line "NAME: text" with CRLF, folded; what is not
 * plain ASCII becomes encoded words, none of which cuts a character in two. E_INVAL. */
MUST int mime_header(struct buf *b, const char *name, const char *text, struct err *e);

/* mime_date(out, us): "Thu, 26 Nov 2026 09:30:00 +0900", local time. */
enum { MIME_DATE = 96 };
void mime_date(char out[MIME_DATE], int64_t us);

#endif
