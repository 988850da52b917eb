/* What the beginning of a file of any origin is, and what it says, for showing to a person. */
#ifndef MAMORI_TEXT_PEEK_H
#define MAMORI_TEXT_PEEK_H

#include <stdbool.h>

#include "base/buf.h"

enum peek_kind { PEEK_TEXT, PEEK_HL7, PEEK_IMAGE, PEEK_OTHER };

struct peek {
	enum peek_kind kind;
	const char *type;     /* a media type, or "" */
	const char *encoding; /* of a text: "UTF-8", "ISO-2022-JP", "CP932"; else "" */
};

const char *peek_kind_name(enum peek_kind k); /* "text" "hl7" "image" "other" */

/* peek(p, n, whole, ret, out, e): Look at the first ${n} bytes of a file, all of it if ${whole}. Of
 * a text, ${out} gets it as UTF-8: lines end with "\n", and control characters have become spaces.
 * A character cut off at the end of what is not whole is left out. A text in none of the three
 * encodings is PEEK_OTHER. E_LIMIT (${out} is too small), E_NOMEM. */
MUST int
peek(const void *p, size_t n, bool whole, struct peek *ret, struct buf *out, struct err *e);

#endif
