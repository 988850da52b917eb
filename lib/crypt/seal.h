/* Sealing a small secret to a public key: ECIES with an ephemeral ECDH P-256 key (SP 800-56A),
 * HKDF-SHA-256 over the shared secret and both public points, AES-256-GCM. Whoever holds only the
 * public key can seal and cannot open. */
#ifndef MAMORI_CRYPT_SEAL_H
#define MAMORI_CRYPT_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	SEAL_PUB_LEN = 65,  /* uncompressed point */
	SEAL_SECRET_LEN = 32,
	SEAL_KEY_LEN = 32,  /* what is sealed: one 32-byte key */
	SEAL_LEN = SEAL_PUB_LEN + SEAL_KEY_LEN + 16,
};

struct seal_pub;
struct seal_key;
/* seal_pub_new(point, ret, e): E_INVAL when the point is not on the curve. */
MUST int seal_pub_new(const uint8_t point[SEAL_PUB_LEN], struct seal_pub **ret, struct err *e);
void seal_pub_free(struct seal_pub *p);
/* seal_key_new(secret, ret, e): The private key derived from 32 secret bytes: HKDF (info "mamori
 * seal p256 v1") expanded to 48 bytes, big-endian, modulo (group order - 1), plus 1 (FIPS 186-5
 * A.2.1); never zero. E_NOMEM, E_SYS. A key may be used by several threads at once. */
MUST int seal_key_new(const uint8_t secret[SEAL_SECRET_LEN], struct seal_key **ret, struct err *e);
void seal_key_free(struct seal_key *k);
const uint8_t *seal_key_pub(const struct seal_key *k); /* SEAL_PUB_LEN bytes */
/* seal_to(pub, aad, n, key, out, e): Seal one key; ${aad} is bound, not stored. */
MUST int seal_to(const struct seal_pub *pub, const void *aad, size_t n,
    const uint8_t key[SEAL_KEY_LEN], uint8_t out[SEAL_LEN], struct err *e);
/* seal_open(k, aad, n, in, out, e): E_AUTH when it was not sealed to this key or with
 * other ${aad}, or was damaged; then ${out} is not the key. */
MUST int seal_open(const struct seal_key *k, const void *aad, size_t n,
    const uint8_t in[SEAL_LEN], uint8_t out[SEAL_KEY_LEN], struct err *e);

#endif
