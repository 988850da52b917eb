/* One-time codes: HOTP (RFC 4226) and TOTP (RFC 6238) with HMAC-SHA-1 and six digits, which is what
 * every authenticator program understands. (HMAC-SHA-1 is still sound; CRYPTREC keeps SHA-1 on its
 * monitored list for such uses.) Pure functions. */
#ifndef MAMORI_CRYPT_OTP_H
#define MAMORI_CRYPT_OTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	OTP_SEED_LEN = 20,  /* bytes, the length that RFC 4226 recommends */
	OTP_STEP_S = 30,
	OTP_DRIFT = 1,      /* steps earlier and later that are taken */
	OTP_BASE32 = 33,    /* text of a seed with its NUL */
};

/* otp_hotp(seed, n, counter, digits): The code of a counter; ${digits} 6 to 8. */
uint32_t otp_hotp(const uint8_t *seed, size_t n, uint64_t counter, unsigned digits);

/* otp_check(seed, now_s, last, code, ret): Whether ${code} (six digits as text, single spaces are
 * passed over) is that of now or of a neighbouring step, and of a step later than ${last}, the one
 * used before: a code counts once. ${ret} is the step it belongs to. All steps are tried whichever
 * fits. E_AUTH. */
MUST int otp_check(const uint8_t seed[OTP_SEED_LEN], int64_t now_s, int64_t last, const char *code,
    int64_t *ret);

/* otp_base32(seed, out): RFC 4648 base32 without padding (20 bytes need none). */
void otp_base32(const uint8_t seed[OTP_SEED_LEN], char out[OTP_BASE32]);

#endif
