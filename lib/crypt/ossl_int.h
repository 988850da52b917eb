/* What the files of this folder share about OpenSSL. Not for use elsewhere. */
#ifndef MAMORI_CRYPT_OSSL_INT_H
#define MAMORI_CRYPT_OSSL_INT_H

#include <stdbool.h>

#include "base/err.h"

/* ossl_fail(e, what): E_SYS with OpenSSL's own reason, or E_NOMEM. Empties its error queue, so that
 * no stale error is ever blamed on a later call. */
int ossl_fail(struct err *e, const char *what);
/* ossl_drop(): Empty the queue after a failure that may be an ordinary answer (a bad signature, a
 * point off the curve). True when it was none: memory ran out. */
bool ossl_drop(void);

#endif
