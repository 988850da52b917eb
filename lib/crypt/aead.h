/* AES-256-GCM (NIST SP 800-38D) over OpenSSL 3. A key must be used with each nonce once; every
 * caller makes nonces by counting under a key that is fresh or derived for one object. GCM does not
 * commit to its key; formats that need commitment carry a separate one (see aead_commit). */
#ifndef MAMORI_CRYPT_AEAD_H
#define MAMORI_CRYPT_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { AEAD_KEY_LEN = 32, AEAD_NONCE_LEN = 12, AEAD_TAG_LEN = 16 };

/* A prepared key. Not for use by two threads at once. */
struct aead;
MUST int aead_new(const uint8_t key[AEAD_KEY_LEN], struct aead **ret, struct err *e);
void aead_free(struct aead *a); /* wipes; NULL is fine */

/* aead_seal(a, nonce, aad, aad_len, in, n, out, e): Write ${n} + 16 bytes (ciphertext, tag) to
 * ${out}; ${in} == ${out} is allowed. E_SYS. */
MUST int aead_seal(struct aead *a, const uint8_t nonce[AEAD_NONCE_LEN], const void *aad,
    size_t aad_len, const void *in, size_t n, void *out, struct err *e);
/* aead_open(a, nonce, aad, aad_len, in, n, out, e): ${n} includes the tag; writes ${n} - 16 bytes.
 * E_CORRUPT when the tag does not fit (then ${out} is zeroed), E_SYS. ${in} == ${out} allowed. */
MUST int aead_open(struct aead *a, const uint8_t nonce[AEAD_NONCE_LEN], const void *aad,
    size_t aad_len, const void *in, size_t n, void *out, struct err *e);

/* aead_nonce(out, counter): The nonce of a counter: 4 zero bytes, then ${counter} little-endian. */
void aead_nonce(uint8_t out[AEAD_NONCE_LEN], uint64_t counter);

/* aead_commit(key, out): A 32-byte commitment to ${key} (HKDF, info "mamori commit v1"). */
MUST int aead_commit(const uint8_t key[AEAD_KEY_LEN], uint8_t out[32], struct err *e);

#endif
