/* Ed25519 signatures (RFC 8032, FIPS 186-5) over OpenSSL 3. */
#ifndef MAMORI_CRYPT_SIGN_H
#define MAMORI_CRYPT_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { SIGN_SEED_LEN = 32, SIGN_PUB_LEN = 32, SIGN_LEN = 64 };

struct signer;
/* signer_new(seed, ret, e): A private key from its 32-byte seed. */
MUST int signer_new(const uint8_t seed[SIGN_SEED_LEN], struct signer **ret, struct err *e);
void signer_free(struct signer *s); /* NULL is fine */
/* signer_pub(s): The public key, valid while ${s} lives. */
const uint8_t *signer_pub(const struct signer *s);
/* signer_sign(s, p, n, out, e): Sign ${n} bytes. */
MUST int signer_sign(struct signer *s, const void *p, size_t n, uint8_t out[SIGN_LEN],
    struct err *e);
/* sign_ok(pub, p, n, sig): Whether the signature holds. False also when there is no memory to find
 * out: what cannot be proven is not believed. */
bool sign_ok(const uint8_t pub[SIGN_PUB_LEN], const void *p, size_t n, const uint8_t sig[SIGN_LEN]);

#endif
