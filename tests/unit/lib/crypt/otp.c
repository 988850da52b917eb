#include "crypt/otp.h"

#include <stdlib.h>

#include "base/num.h"
#include "tap.h"

static const uint8_t *const seed = (const uint8_t *)"12345678901234567890";

/* code(out, step): As an authenticator shows it. */
static const char *
code(char out[16], int64_t step)
{
	(void)snprintf(out, 16, "%06u", otp_hotp(seed, 20, (uint64_t)step, 6));
	return out;
}

static void
test_vectors(void)
{
	/* RFC 4226 appendix D */
	static const uint32_t hotp[] = {755224, 287082, 359152, 969429, 338314, 254676, 287922,
	    162583, 399871, 520489};
	/* RFC 6238 appendix B, SHA-1, eight digits */
	static const struct {
		int64_t t;
		uint32_t code;
	} totp[] = {{59, 94287082}, {1111111109, 7081804}, {1111111111, 14050471},
	    {1234567890, 89005924}, {2000000000, 69279037}, {20000000000, 65353130}};
	char out[OTP_BASE32];

	for (size_t i = 0; i < ARRAY_LEN(hotp); i++)
		EQ_I(otp_hotp(seed, 20, i, 6), hotp[i], "RFC 4226 appendix D");
	for (size_t i = 0; i < ARRAY_LEN(totp); i++)
		EQ_I(otp_hotp(seed, 20, (uint64_t)(totp[i].t / 30), 8), totp[i].code,
		    "RFC 6238 appendix B");
	otp_base32(seed, out);
	EQ_S(out, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "base32");
}

static void
test_window(void)
{
	int64_t now = 1111111111, step = now / 30, hit = 0;
	char c[16];

	OK(otp_check(seed, now, -1, code(c, step), &hit) == 0 && hit == step, "the code of now");
	OK(otp_check(seed, now, -1, code(c, step - 1), &hit) == 0 && hit == step - 1,
	    "a clock that is slow");
	OK(otp_check(seed, now, -1, code(c, step + 1), &hit) == 0 && hit == step + 1,
	    "a clock that is fast");
	EQ_I(otp_check(seed, now, -1, code(c, step - 2), &hit), E_AUTH, "too old");
	EQ_I(otp_check(seed, now, -1, code(c, step + 2), &hit), E_AUTH, "too early");
	EQ_I(otp_check(seed, now, step, code(c, step), &hit), E_AUTH, "the same code twice");
	EQ_I(otp_check(seed, now, step, code(c, step - 1), &hit), E_AUTH,
	    "an older one after a newer one");
	OK(otp_check(seed, now, step, code(c, step + 1), &hit) == 0, "the next one");
	EQ_I(otp_check(seed, 0, -1, code(c, 0), &hit), E_AUTH, "no clock");
}

static void
test_form(void)
{
	static const char *const bad[] = {"", "0", "05047", "0504711", "05047x", "-50471", "+50471",
	    "０５０４７１", "050471\n", "0x5047"};
	int64_t hit;

	OK(otp_check(seed, 1111111111, -1, "050471", &hit) == 0, "six digits");
	OK(otp_check(seed, 1111111111, -1, "050 471", &hit) == 0, "with a space in between");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EQ_I(otp_check(seed, 1111111111, -1, bad[i], &hit), E_AUTH, "not six digits");
}

int
main(void)
{
	test_vectors();
	test_window();
	test_form();
	return tap_done();
}
