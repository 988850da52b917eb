/* The messages between a vault's client and `mamori vault serve`. Pure functions of bytes.
 *
 * A frame is: u32 length of what follows | u8 kind | body. Requests are answered in their order, so
 * many may be on their way at once. Each request is answered by one frame (OK, DATA or ERR); a PUT
 * is followed by PIECE frames and one END without waiting, and answered after that. There is no
 * request that deletes, overwrites, renames, shortens or sets a time. */
#ifndef MAMORI_VAULT_WIRE_H
#define MAMORI_VAULT_WIRE_H

#include "vault/fmt.h"

enum {
	WIRE_VERSION = 1,
	WIRE_HEAD = 5,
	WIRE_MAX_BODY = (1 << 20) + (64 << 10), /* a log record of the largest size fits */
	WIRE_MAX_FIRST = 4096,   /* body of the first frame of a connection */
	WIRE_MAX_PIECE = 256 << 10,
	WIRE_MAX_NAME = 64,
	WIRE_MAX_TEXT = 400,
	WIRE_LIST_MAX = 32768,   /* segments in one answer */
	WIRE_LIST_ITEM = FMT_ID_LEN + 4,
};

enum wire_kind {
	WIRE_HELLO = 1, /* vmin vmax name -> OK: version time may (2 read, 1 write) blob a: ident */
	WIRE_CREATE = 2, /* blob a: ident, blob b: log -> OK */
	WIRE_LOG = 3, /* seq: first record -> DATA: records */
	WIRE_COMMIT = 4, /* seq prev, blob a: record -> OK */
	WIRE_PUT = 5, /* seg, time: wish for its lock; PIECE... END -> OK */
	WIRE_PIECE = 6, /* bytes */
	WIRE_END = 7,
	WIRE_STAT = 8, /* id -> OK: seq: its size */
	WIRE_LIST = 9, /* seq: number of the first segment in the log -> DATA: items */
	WIRE_GET = 10, /* id seq: offset n: length -> DATA: bytes */
	WIRE_ENROL = 11, /* vmin vmax name: machine, blob a: public key, blob b: repository -> OK:
			    may, blob a: certificate, blob b: authority */
	WIRE_RENEW = 12, /* blob a: public key -> OK: blob a: certificate, blob b: authority */
	WIRE_OK = 64,
	WIRE_DATA = 65,
	WIRE_ERR = 66, /* code, text */
};
enum { WIRE_MAY_WRITE = 1, WIRE_MAY_READ = 2 };

struct wire_msg {
	uint8_t kind;
	uint16_t vmin, vmax;
	uint8_t may;
	int code;              /* of ERR: an E_* value */
	uint64_t seq;
	int64_t time;
	uint32_t n;
	uint8_t id[FMT_ID_LEN];
	uint8_t prev[32];
	struct fmt_segment_rec seg;
	char name[WIRE_MAX_NAME + 1];
	char text[WIRE_MAX_TEXT + 1];
	const uint8_t *a, *b;  /* views */
	size_t an, bn;
};

/* wire_name_ok(s): Whether it can name a repository: letters, digits, '.', '_', '-', 1 to 64 of
 * them, not beginning with '.' or '-'. */
bool wire_name_ok(const char *s);
/* wire_put(b, m, e): Append a whole frame. E_LIMIT. */
MUST int wire_put(struct buf *b, const struct wire_msg *m, struct err *e);
/* wire_head(p, max, ret_kind, ret_len, e): Read the first WIRE_HEAD bytes. E_PROTO: no frame, or
 * its body is longer than ${max}. */
MUST int wire_head(const uint8_t p[WIRE_HEAD], uint32_t max, uint8_t *ret_kind, uint32_t *ret_len,
    struct err *e);
/* wire_get(kind, p, n, ret, e): Read a body. Views into ${p}. E_PROTO. */
MUST int wire_get(uint8_t kind, const uint8_t *p, size_t n, struct wire_msg *ret, struct err *e);

#endif
