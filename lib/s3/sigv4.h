/* AWS Signature Version 4: the signature that S3-compatible stores ask for. Pure functions of their
 * arguments: no clock, no network, no global state.
 *
 * Own code, because the signer of the libcurl that Debian 12 has (7.88) does not sort or encode
 * query parameters and cannot sign the headers that an object lock needs. */
#ifndef MAMORI_S3_SIGV4_H
#define MAMORI_S3_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { SIGV4_STAMP = 17, SIGV4_MAX_PAIRS = 32 };

struct sigv4_pair {
	const char *name;
	const char *value;
};

/* One request to be signed. Everything is borrowed. */
struct sigv4 {
	const char *access, *secret; /* the key pair */
	const char *region, *service;
	int64_t at;                  /* microseconds UTC; the x-amz-date header must say the same */
	const char *method;
	const char *path;            /* as bytes, not yet percent-encoded; begins with a slash */
	/* Other services than S3 want the path without "." and ".." and encoded twice. */
	bool plain_path;             /* S3: the path is encoded once and not changed */
	const struct sigv4_pair *query; /* not yet percent-encoded, in any order */
	size_t nquery;
	/* All headers that are sent and can be signed, host among them, in any order; names in any
	 * case. Runs of spaces in values count as one. */
	const struct sigv4_pair *headers;
	size_t nheaders;
	const char *payload;         /* SHA-256 of the body in hexadecimal, or UNSIGNED-PAYLOAD */
};

/* sigv4_stamp(us, out): The time as 20130524T000000Z. Years 1970 to 9999. */
void sigv4_stamp(int64_t us, char out[SIGV4_STAMP]);

/* sigv4_encode(b, s, n, slash, e): Append ${n} bytes percent-encoded as RFC 3986 wants it
 * (unreserved characters stay, digits in upper case); ${slash}: "/" stays, too. */
MUST int sigv4_encode(struct buf *b, const char *s, size_t n, bool slash, struct err *e);

/* sigv4_query(b, query, n, e): Append the canonical query string: encoded, sorted, joined by "&".
 * What is signed and what stands in the address must be the same bytes, so both use this. E_LIMIT
 * past SIGV4_MAX_PAIRS. */
MUST int sigv4_query(struct buf *b, const struct sigv4_pair *query, size_t n, struct err *e);

/* sigv4_canonical(s, b, e): Append the canonical request. E_LIMIT, E_INVAL (no host header). */
MUST int sigv4_canonical(const struct sigv4 *s, struct buf *b, struct err *e);

/* sigv4_to_sign(s, b, e): Append the string to sign. */
MUST int sigv4_to_sign(const struct sigv4 *s, struct buf *b, struct err *e);

/* sigv4_sign(s, b, e): Append the value of the Authorization header. */
MUST int sigv4_sign(const struct sigv4 *s, struct buf *b, struct err *e);

#endif
