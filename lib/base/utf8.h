/* UTF-8 (RFC 3629). */
#ifndef MAMORI_BASE_UTF8_H
#define MAMORI_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* utf8_ok(p, n): Whether the ${n} bytes are well-formed UTF-8 (no surrogates, no overlong forms).
 */
bool utf8_ok(const void *p, size_t n);

/* utf8_cut(s, max): How many bytes of the text ${s}, at most ${max}, end with a whole character;
 * for "%.*s", where "%.80s" could leave half of one behind. ${max} is at most INT_MAX. */
int utf8_cut(const char *s, size_t max);

/* utf8_whole(s, n): How many of the ${n} bytes of a text that was cut there are left when half a
 * character at its end goes. */
size_t utf8_whole(const char *s, size_t n);

/* utf8_show(b, p, n, e): Append ${n} bytes of any content as printable UTF-8: well-formed text as
 * it is; anything else, control characters (C0, C1, line and paragraph separators, marks of writing
 * direction) and backslash as \xHH a byte. One-to-one, so that a path of any bytes can be shown and
 * read back. */
MUST int utf8_show(struct buf *b, const void *p, size_t n, struct err *e);

/* utf8_unshow(b, s, e): The inverse of utf8_show. E_INVAL on a broken escape. */
MUST int utf8_unshow(struct buf *b, const char *s, struct err *e);

#endif
