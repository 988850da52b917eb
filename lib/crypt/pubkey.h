/* Checking signatures made by somebody else's device (passkeys), over OpenSSL 3: ECDSA on P-256 and
 * RSA PKCS#1 v1.5, both with SHA-256. Ed25519 is in crypt/sign.h. */
#ifndef MAMORI_CRYPT_PUBKEY_H
#define MAMORI_CRYPT_PUBKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PUBKEY_RSA_MIN = 256, PUBKEY_RSA_MAX = 512, PUBKEY_EXP_MAX = 4 }; /* bytes */

/* pubkey_p256_ok(point, p, n, sig, sig_len): Whether the DER signature holds; ${point}: 0x04, x, y.
 * False also for a point that is not on the curve, and when there is no memory to find out. */
bool pubkey_p256_ok(const uint8_t point[65], const void *p, size_t n, const uint8_t *sig,
    size_t sig_len);
/* pubkey_p256_valid(point): Whether the point is on the curve. */
bool pubkey_p256_valid(const uint8_t point[65]);
/* pubkey_rsa_ok(mod, mod_len, exp, exp_len, p, n, sig, sig_len): RSA of 2048 to 4096 bits with an
 * odd exponent above 2; big-endian numbers. */
bool pubkey_rsa_ok(const uint8_t *mod, size_t mod_len, const uint8_t *exp, size_t exp_len,
    const void *p, size_t n, const uint8_t *sig, size_t sig_len);

#endif
