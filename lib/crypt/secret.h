/* Secrets in memory, random bytes, constant-time compare. */
#ifndef MAMORI_CRYPT_SECRET_H
#define MAMORI_CRYPT_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* secret_new(n, e): ${n} zero bytes, locked against swapping where the limits allow and excluded
 * from core dumps, or NULL (E_NOMEM). */
void *secret_new(size_t n, struct err *e);
/* secret_free(p, n): Wipe and give back; NULL is fine. */
void secret_free(void *p, size_t n);
/* secret_eq(a, b, n): Constant-time comparison. */
bool secret_eq(const void *a, const void *b, size_t n);
/* random_fill(p, n): Bytes from the operating system's generator. Cannot fail. */
void random_fill(void *p, size_t n);

#endif
