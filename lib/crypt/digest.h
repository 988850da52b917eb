/* SHA-256 (FIPS 180-4), HMAC-SHA-256 (FIPS 198-1, RFC 2104), HKDF-SHA-256 (RFC 5869), over
 * OpenSSL 3. All on the CRYPTREC list. */
#ifndef MAMORI_CRYPT_DIGEST_H
#define MAMORI_CRYPT_DIGEST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"

enum { DIGEST_LEN = 32, HMAC_KEY_LEN = 32 };

/* digest_sha256(p, n, out): The digest of ${n} bytes. Cannot fail. */
void digest_sha256(const void *p, size_t n, uint8_t out[DIGEST_LEN]);
/* digest_sha256v(iov, cnt, out): The digest of the concatenation. */
void digest_sha256v(const struct iovec *iov, size_t cnt, uint8_t out[DIGEST_LEN]);

/* An incremental digest. */
struct digest;
MUST int digest_new(struct digest **ret, struct err *e); /* one state, reusable */
void digest_reset(struct digest *d);
void digest_add(struct digest *d, const void *p, size_t n);
void digest_end(struct digest *d, uint8_t out[DIGEST_LEN]); /* then digest_reset before reuse */
void digest_free(struct digest *d); /* NULL is fine */

/* A key prepared once and used for many short messages: the padded inner and outer states are kept,
 * so that one call costs the message plus two compressions. Immutable after creation: any number of
 * threads may use one at the same time. */
struct hmac;
MUST int hmac_new(const uint8_t *key, size_t n, struct hmac **ret, struct err *e);
void hmac_of(const struct hmac *h, const void *p, size_t n, uint8_t out[DIGEST_LEN]);
void hmac_free(struct hmac *h); /* wipes; NULL is fine */

/* kdf_hkdf(ikm, ikm_len, salt, salt_len, info, out, out_len, e): HKDF-SHA-256 with the text ${info}
 * as context; at most 255 * 32 bytes. ${salt} may be NULL with length 0. E_INVAL, E_SYS. */
MUST int kdf_hkdf(const void *ikm, size_t ikm_len, const void *salt, size_t salt_len,
    const char *info, uint8_t *out, size_t out_len, struct err *e);

#endif
