/* Base64 (RFC 4648): the standard alphabet with padding, and the one for addresses and cookies
 * without. Pure functions. */
#ifndef MAMORI_BASE_B64_H
#define MAMORI_BASE_B64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* B64_LEN(n): Room for the text of ${n} bytes with its NUL, in either alphabet. */
#define B64_LEN(n) (((n) + 2) / 3 * 4 + 1)

/* b64_put(out, p, n): Standard alphabet, padded. b64_put_url: "-_", no padding. Both end with a
 * NUL. */
void b64_put(char *out, const void *p, size_t n);
void b64_put_url(char *out, const void *p, size_t n);

/* b64_get(out, max, s, n, ret_n): Decode the ${n} characters of ${s}. Only the one spelling that
 * b64_put gives is read. E_INVAL; E_LIMIT: more than ${max} bytes. b64_get_url: as b64_put_url. */
MUST int b64_get(void *out, size_t max, const char *s, size_t n, size_t *ret_n);
MUST int b64_get_url(void *out, size_t max, const char *s, size_t n, size_t *ret_n);

#endif
