#include "base/utf8.h"

#include "fault/alloc.h"
#include "tap.h"

#define NAMES "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～"

static void
test_ok(void)
{
	static const struct {
		const char *s;
		bool good;
		const char *what;
	} table[] = {
		{"", true, "nothing"},
		{NAMES, true, "the names that break systems"},
		{"\x7f", true, "DEL"},
		{"\xc2\x80", true, "first of two bytes"},
		{"\xdf\xbf", true, "last of two bytes"},
		{"\xe0\xa0\x80", true, "first of three bytes"},
		{"\xed\x9f\xbf", true, "last before the surrogates"},
		{"\xee\x80\x80", true, "first after the surrogates"},
		{"\xef\xbf\xbf", true, "last of three bytes"},
		{"\xf0\x90\x80\x80", true, "first of four bytes"},
		{"\xf4\x8f\xbf\xbf", true, "U+10FFFF"},
		{"\x80", false, "a continuation alone"},
		{"\xbf", false, "another"},
		{"\xc0\x80", false, "NUL in two bytes"},
		{"\xc1\xbf", false, "overlong, two bytes"},
		{"\xe0\x9f\xbf", false, "overlong, three bytes"},
		{"\xf0\x8f\xbf\xbf", false, "overlong, four bytes"},
		{"\xed\xa0\x80", false, "first surrogate"},
		{"\xed\xbf\xbf", false, "last surrogate"},
		{"\xf4\x90\x80\x80", false, "U+110000"},
		{"\xf5\x80\x80\x80", false, "F5"},
		{"\xff", false, "FF"},
		{"\xe8\xbf", false, "three bytes cut to two"},
		{"\xe8", false, "three bytes cut to one"},
		{"\xf0\xa0\xae", false, "four bytes cut to three"},
		{"\xc3(", false, "no continuation, two bytes"},
		{"\xe8(\x80", false, "no continuation, second of three"},
		{"\xe8\x80(", false, "no continuation, third of three"},
		{"\xf0(\x80\x80", false, "no continuation, second of four"},
		{"\xf0\x90(\x80", false, "no continuation, third of four"},
		{"\xf0\x90\x80(", false, "no continuation, fourth of four"},
		{"\x92\xc7\x89\xc1", false, "Shift_JIS"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		OK(utf8_ok(table[i].s, strlen(table[i].s)) == table[i].good, "%s", table[i].what);
	OK(utf8_ok("a\0b", 3), "a NUL inside is a character");
}

static void
test_cut(void)
{
	static const struct {
		const char *s;
		size_t max;
		int want;
		const char *what;
	} table[] = {
		{"", 0, 0, "nothing of nothing"},
		{"", 9, 0, "much of nothing"},
		{"abc", 9, 3, "all of it"},
		{"abc", 3, 3, "just all of it"},
		{"abc", 2, 2, "ASCII is cut anywhere"},
		{"追加", 6, 6, "just two characters"},
		{"追加", 5, 3, "two thirds of one are left out"},
		{"追加", 4, 3, "one third, too"},
		{"追加", 3, 3, "between two"},
		{"追加", 2, 0, "not even one"},
		{"a𠮷", 4, 1, "four bytes cut to three"},
		{"a𠮷", 5, 5, "four bytes"},
		{"\x80\x80\x80", 2, 0, "what is no text ends, too"},
	};
	int bad = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		EQ_I(utf8_cut(table[i].s, table[i].max), table[i].want, table[i].what);
	for (size_t max = 0; max <= strlen(NAMES) + 1; max++) {
		int n = utf8_cut(NAMES, max);

		bad += n < 0 || (size_t)n > max || !utf8_ok(NAMES, (size_t)n);
	}
	EQ_I(bad, 0, "names cut anywhere stay text");
}

static void
shown(const void *p, size_t n, const char *want, const char *what)
{
	struct buf b, back;
	const char *s;

	buf_init(&b, 1 << 16);
	buf_init(&back, 1 << 16);
	OK(utf8_show(&b, p, n, NULL) == 0, "%s", what);
	s = buf_cstr(&b, NULL);
	EQ_S(s, want, "  is shown so");
	OK(utf8_ok(b.p, b.len), "  which is UTF-8");
	OK(s && utf8_unshow(&back, s, NULL) == 0 && back.len == n &&
	    (n == 0 || memcmp(back.p, p, n) == 0), "  and comes back");
	buf_free(&b);
	buf_free(&back);
}

static void
test_show(void)
{
	shown("", 0, "", "nothing");
	shown(NAMES, strlen(NAMES), NAMES, "names stay as they are");
	shown("a\nb\tc", 5, "a\\x0ab\\x09c", "a line feed and a tab");
	shown("C:\\x41", 6, "C:\\x5cx41", "a backslash that looks like an escape");
	shown("\x92\xc7\x89\xc1", 4, "\\x92\xc7\x89\\xc1",
	    "Shift_JIS (its middle happens to be UTF-8)");
	shown("a\0b", 3, "a\\x00b", "a NUL");
	shown("\x1b[2J", 4, "\\x1b[2J", "a terminal's escape");
	shown("\xc2\x9b""2J", 4, "\\xc2\\x9b2J", "the same in one character (C1)");
	shown("\xc2\xa0\xc2\x9f", 4, "\xc2\xa0\\xc2\\x9f", "no-break space stays, APC does not");
	shown("gpj\xe2\x80\xae.exe", 10, "gpj\\xe2\\x80\\xae.exe", "turning the writing direction");
	shown("\xe2\x81\xa6\xe2\x81\xaa", 6, "\\xe2\\x81\\xa6\xe2\x81\xaa", "an isolate");
	shown("\xe2\x80\xa8\xe2\x80\x94", 6, "\\xe2\\x80\\xa8\xe2\x80\x94",
	    "a line separator, not a dash");
	shown("\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\x90", 9,
	    "\\xe2\\x80\\x8e\\xe2\\x80\\x8f\xe2\x80\x90", "direction marks, not a hyphen");
	shown(
	    "\xe2\x82\xac\xe3\x80\xae", 6, "\xe2\x82\xac\xe3\x80\xae", "neighbours of those marks");
	shown("\x7f", 1, "\\x7f", "DEL");
}

static void
test_every_pair(void)
{
	struct buf b, back;
	int bad = 0;

	buf_init(&b, 64);
	buf_init(&back, 64);
	for (unsigned v = 0; v < 65536; v++) {
		unsigned char raw[3] = {(unsigned char)(v >> 8), (unsigned char)v, 'z'};
		const char *s;

		buf_clear(&b);
		buf_clear(&back);
		bad += utf8_show(&b, raw, 3, NULL) != 0;
		s = buf_cstr(&b, NULL);
		bad += !s || !utf8_ok(b.p, b.len) || utf8_unshow(&back, s, NULL) != 0 ||
		    back.len != 3 || memcmp(back.p, raw, 3) != 0;
	}
	EQ_I(bad, 0, "every pair of bytes comes back");
	buf_free(&b);
	buf_free(&back);
}

static void
test_unshow(void)
{
	static const char *const wrong[] = {"\\", "\\x", "\\x4", "\\y41", "\\xg0", "\\x0g", "a\\"};
	struct buf b;
	struct err e;

	buf_init(&b, 4);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		EQ_I(utf8_unshow(&b, wrong[i], &e), E_INVAL, wrong[i]);
	buf_clear(&b);
	EQ_I(utf8_unshow(&b, "abcde", &e), E_LIMIT, "the buffer's maximum holds");
	EQ_I(utf8_unshow(&b, "\\x41", &e), E_LIMIT, "for escapes too");
	buf_clear(&b);
	EQ_I(utf8_show(&b, "\x01", 1, &e), E_LIMIT, "and for showing (with its NUL)");
	EQ_I(utf8_show(&b, "追加", 6, &e), E_LIMIT, "whole characters only");
	EQ_I(b.len, 3, "the first one fitted");
	buf_free(&b);
	fault_alloc_arm(1);
	EQ_I(utf8_show(&b, "a", 1, &e), E_NOMEM, "no memory to show");
	fault_alloc_arm(1);
	EQ_I(utf8_unshow(&b, "a", &e), E_NOMEM, "no memory to read back");
	fault_alloc_arm(0);
}

static void
test_whole(void)
{
	static const char s[] = "aé追𠮷";
	static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};

	for (size_t n = 0; n < sizeof(s); n++)
		EQ_I(utf8_whole(s, n), want[n], "what is left of a text that was cut");
	EQ_I(utf8_whole("\xa0\xa0\xa0\xa0", 4), 4, "what was no text stays as it is");
}

int
main(void)
{
	test_ok();
	test_cut();
	test_whole();
	test_show();
	test_every_pair();
	test_unshow();
	return tap_done();
}
