/* CBOR (RFC 8949), as much as a passkey sends: definite lengths, no floats, maps and arrays to a
 * small depth. A reader over a bounded cursor; nothing is allocated. */
#ifndef MAMORI_ENGINE_IDENTITY_CBOR_H
#define MAMORI_ENGINE_IDENTITY_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { CBOR_DEPTH = 8 };

enum cbor_kind {
	CBOR_UINT = 0,  /* value is the number */
	CBOR_NINT = 1,  /* the number is -1 - value */
	CBOR_BYTES = 2, /* value is the length; the bytes follow */
	CBOR_TEXT = 3,
	CBOR_ARRAY = 4, /* value items follow */
	CBOR_MAP = 5,   /* value pairs follow */
	CBOR_SIMPLE = 7, /* 20 false, 21 true, 22 null */
	CBOR_BAD = 8,   /* the end, a tag, a float, an indefinite length, an unused form */
};

struct cbor {
	enum cbor_kind kind;
	uint64_t value;
	const unsigned char *p; /* of bytes and text: the content, a view */
};

/* cbor_next(r): The next item's head, and for bytes and text its content. After CBOR_BAD ${r} is
 * bad. Lengths that cannot fit into what is left are CBOR_BAD at once. */
struct cbor cbor_next(struct rd *r);
/* cbor_skip(r): Pass over one whole item. False (and ${r} bad) when it is malformed or deeper than
 * CBOR_DEPTH. */
bool cbor_skip(struct rd *r);
/* cbor_int(c, ret): A whole number that fits in int64_t. */
bool cbor_int(const struct cbor *c, int64_t *ret);
/* cbor_is_text(c, s): Whether it is exactly this text. */
bool cbor_is_text(const struct cbor *c, const char *s);

#endif
