/* CP932, the encoding of Japanese Windows (Shift_JIS with the characters of NEC and IBM).
 *
 * Nothing is replaced silently: what cannot be decoded or encoded without loss is an error that
 * says where. */
#ifndef MAMORI_TEXT_JIS_H
#define MAMORI_TEXT_JIS_H

#include "base/buf.h"

struct jis;
/* jis_new(ret, e): A converter; not for several threads at once. E_SYS: this system has no CP932.
 */
MUST int jis_new(struct jis **ret, struct err *e);
void jis_free(struct jis *j); /* NULL is fine */

/* jis_decode(j, p, n, out, ret_at, e): Append ${n} bytes of CP932 as UTF-8. E_INVAL: a byte
 * sequence that is none, at the offset ${ret_at}. */
MUST int jis_decode(struct jis *j, const void *p, size_t n, struct buf *out, size_t *ret_at,
    struct err *e);
/* jis_encode(j, s, n, out, ret_at, e): Append UTF-8 as CP932. E_INVAL: the character at the offset
 * ${ret_at} is not in CP932, or would come back as another one. */
MUST int jis_encode(struct jis *j, const char *s, size_t n, struct buf *out, size_t *ret_at,
    struct err *e);

#endif
