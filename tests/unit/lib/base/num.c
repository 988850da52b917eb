#include "base/num.h"

#include "base/err.h"
#include "tap.h"

static void
test_u64(void)
{
	static const char *const wrong[] = {
		"", " ", "-1", "+1", " 1", "1 ", "1x", "0x10", "1.0", "18446744073709551616",
		"99999999999999999999", "184467440737095516150", "１", "①",
	};
	uint64_t v = 77;
	struct err e;

	OK(num_parse_u64("0", 0, &v, &e) == 0 && v == 0, "zero");
	OK(num_parse_u64("0042", 100, &v, &e) == 0 && v == 42, "leading zeros");
	OK(num_parse_u64("18446744073709551615", UINT64_MAX, &v, &e) == 0 && v == UINT64_MAX,
	    "the largest number");
	OK(num_parse_u64("65535", 65535, &v, &e) == 0 && v == 65535, "exactly the maximum");
	v = 77;
	OK(num_parse_u64("65536", 65535, &v, &e) == E_INVAL && v == 77,
	    "one more than the maximum");
	EQ_S(e.msg, "65536 is more than 65535", "says what is wrong");
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		OK(num_parse_u64(wrong[i], UINT64_MAX, &v, NULL) == E_INVAL && v == 77,
		    "refused: \"%s\"", wrong[i]);
	EQ_I(num_parse_u64(NULL, 1, &v, &e), E_INVAL, "no text at all");
}

static void
test_size(void)
{
	static const char *const wrong[] = {"", "K", "1KB", "1X", "1 K", "-1K", "1.5G", "16777216T",
		"18446744073709551616", "1234567890123456789012345", "+", "1\xcb"};
	static const struct {
		const char *s;
		uint64_t v;
	} right[] = {
		{"0", 0}, {"1", 1}, {"50M", 50ULL << 20}, {"50m", 50ULL << 20}, {"1K", 1024},
		{"3g", 3ULL << 30},
		{"16777215T", 16777215ULL << 40}, {"18446744073709551615", UINT64_MAX},
	};
	uint64_t v = 77;

	for (size_t i = 0; i < ARRAY_LEN(right); i++)
		OK(num_parse_size(right[i].s, &v, NULL) == 0 && v == right[i].v, "%s", right[i].s);
	v = 77;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		OK(num_parse_size(wrong[i], &v, NULL) == E_INVAL && v == 77, "refused: \"%s\"",
		    wrong[i][0] == '1' && wrong[i][1] == '\xcb' ? "1 and a byte" : wrong[i]);
	EQ_I(num_parse_size(NULL, &v, NULL), E_INVAL, "no text at all");
}

static void
test_hex(void)
{
	unsigned char b[256], back[256];
	char text[513];
	bool ok = true;

	for (int i = 0; i < 256; i++)
		b[i] = (unsigned char)i;
	hex_put(text, b, sizeof(b));
	OK(strlen(text) == 512 && memcmp(text, "000102", 6) == 0 &&
		strcmp(text + 506, "fdfeff") == 0,
	    "every byte has two lower-case digits");
	OK(hex_get(back, 256, text) == 0 && memcmp(b, back, 256) == 0, "and comes back");
	OK(hex_get(back, 2, "AbCd") == 0 && back[0] == 0xab && back[1] == 0xcd,
	    "upper case is read");
	OK(hex_get(back, 0, "") == 0, "nothing");
	EQ_I(hex_get(back, 0, "0"), E_INVAL, "something instead of nothing");
	EQ_I(hex_get(back, 2, "abc"), E_INVAL, "an odd number of digits");
	EQ_I(hex_get(back, 2, "ab"), E_INVAL, "too short");
	EQ_I(hex_get(back, 2, "abcde"), E_INVAL, "too long");
	for (int c = 1; c < 256; c++) {
		char s[3] = {'0', (char)c, 0};
		bool digit =
		    (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

		ok = ok && (hex_get(back, 1, s) == 0) == digit;
		s[0] = (char)c;
		s[1] = '0';
		ok = ok && (hex_get(back, 1, s) == 0) == digit;
	}
	OK(ok, "only digits are digits, in both places");
}

static void
test_le(void)
{
	unsigned char b[9] = {0};

	le64_put(b + 1, 0x0102030405060708);
	OK(b[1] == 8 && b[8] == 1, "64 bits at an odd address");
	EQ_I(le64_get(b + 1), 0x0102030405060708, "and back");
	EQ_I(le32_get(b + 1), 0x05060708, "its lower half");
	EQ_I(le16_get(b + 1), 0x0708, "its lowest quarter");
	le32_put(b + 1, 1);
	le16_put(b + 5, 2);
	EQ_M(b, "\0\1\0\0\0\2\0\2\1", 9, "smaller ones touch only their bytes");
}

int
main(void)
{
	test_u64();
	test_size();
	test_hex();
	test_le();
	return tap_done();
}
