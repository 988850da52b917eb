/* Byte buffers with a stated maximum, and the one cursor through which foreign bytes are read.
 *
 * A `struct buf` cannot grow past the maximum given at buf_init. A `struct rd` is a read-only view
 * with a position; every read is bounds-checked, and after the first failure all later reads fail
 * too, so that a parser may check once at the end. */
#ifndef MAMORI_BASE_BUF_H
#define MAMORI_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
	unsigned char *p; /* owned; NULL while empty */
	size_t len;
	size_t cap;
	size_t max;
};

/* buf_init(b, max): An empty buffer that holds at most ${max} bytes. Allocates nothing. */
void buf_init(struct buf *b, size_t max);

/* buf_free(b): Give the memory back; ${b} stays usable as an empty buffer. NULL is fine. */
void buf_free(struct buf *b);

/* buf_clear(b): Length 0, memory kept. */
static inline void
buf_clear(struct buf *b)
{
	b->len = 0;
}

/* buf_reserve(b, n, e): Room for ${n} more bytes after the present ones. E_LIMIT past the maximum,
 * E_NOMEM. */
MUST int buf_reserve(struct buf *b, size_t n, struct err *e);

/* buf_put(b, p, n, e): Append ${n} bytes. Errors as buf_reserve; then ${b} is unchanged. */
MUST int buf_put(struct buf *b, const void *p, size_t n, struct err *e);
MUST int buf_u8(struct buf *b, uint8_t v, struct err *e);
MUST int buf_u16(struct buf *b, uint16_t v, struct err *e);
MUST int buf_u32(struct buf *b, uint32_t v, struct err *e);
MUST int buf_u64(struct buf *b, uint64_t v, struct err *e);
/* buf_var(b, v, e): LEB128, at most 10 bytes. */
MUST int buf_var(struct buf *b, uint64_t v, struct err *e);
/* buf_blob(b, p, n, e): buf_var length followed by the bytes. */
MUST int buf_blob(struct buf *b, const void *p, size_t n, struct err *e);
/* buf_str(b, s, e): Append the characters of ${s} without its NUL. */
MUST int buf_str(struct buf *b, const char *s, struct err *e);
/* buf_fmt(b, e, fmt, ...): Append formatted text. While it is made there is a NUL behind it, which
 * needs room below the maximum, too. */
MUST int buf_fmt(struct buf *b, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
MUST int buf_vfmt(struct buf *b, struct err *e, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
/* buf_cstr(b, e): The content as a NUL-terminated string (the NUL is not counted in len), or NULL
 * without memory or room for the NUL below the maximum. Owned by ${b}. */
const char *buf_cstr(struct buf *b, struct err *e);

struct rd {
	const unsigned char *p;
	size_t len;
	size_t pos;
	bool bad;
};

/* rd_init(p, n): A cursor over ${n} bytes owned by somebody else. */
static inline struct rd
rd_init(const void *p, size_t n)
{
	return (struct rd){.p = p, .len = n};
}

static inline size_t
rd_left(const struct rd *r)
{
	return r->bad ? 0 : r->len - r->pos;
}

/* rd_bytes(r, n): The next ${n} bytes (a view), or NULL past the end. */
const unsigned char *rd_bytes(struct rd *r, size_t n);
/* Each of these returns 0 past the end and marks ${r} bad. */
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
uint64_t rd_var(struct rd *r);
/* rd_blob(r, max, ret_len): A buf_blob of at most ${max} bytes (a view), or NULL. */
const unsigned char *rd_blob(struct rd *r, size_t max, size_t *ret_len);
/* rd_end(r): True when everything was read and nothing went wrong. */
static inline bool
rd_end(const struct rd *r)
{
	return !r->bad && r->pos == r->len;
}

#define AUTO(fn) __attribute__((cleanup(fn)))

#endif
