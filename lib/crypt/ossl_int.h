/* What the files of this folder share about OpenSSL. Not for use elsewhere. */
#ifndef MAMORI_CRYPT_OSSL_INT_H
#define MAMORI_CRYPT_OSSL_INT_H

#include "base/err.h"

/* ossl_fail(e, what): E_SYS with OpenSSL's own reason. Empties its error queue, so that no stale
 * error is ever blamed on a later call. */
int ossl_fail(struct err *e, const char *what);
/* ossl_drop(): Empty the queue after a failure that is an ordinary answer (a bad signature). */
void ossl_drop(void);

#endif
