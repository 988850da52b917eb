#include "text/ical.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "tap.h"

static struct err e;

/* unfold(s, out): Join the folded lines; false when one is longer than 75 bytes or begins inside a
 * character. */
static bool
unfold(const char *s, char *out)
{
	while (*s) {
		const char *end = strstr(s, "\r\n");

		if (!end || end - s > 75 || ((unsigned char)s[*s == ' '] & 0xc0) == 0x80)
			return false;
		(void)memcpy(out, s, (size_t)(end - s));
		out += end - s;
		s = end + 2;
		if (*s == ' ')
			s++, *out = 0;
		else
			*out++ = '\n';
		if (s[-1] == ' ' && ((unsigned char)*s & 0xc0) == 0x80)
			return false;
	}
	*out = 0;
	return true;
}

static void
lines(void)
{
	struct buf b;
	char out[4000], text[700] = "";

	buf_init(&b, 9000);
	EQ_I(ical_line(&b, "SUMMARY", "a;b,c\\d\ne\rf\x01", &e), 0, "a line");
	EQ_S(
	    buf_cstr(&b, &e), "SUMMARY:a\\;b\\,c\\\\d\\nef\r\n", "escaped as RFC 5545 3.3.11 says");
	for (int i = 0; i < 60; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", i % 2 ? "𠮷" :
		    "葛");
	buf_clear(&b);
	EQ_I(ical_line(&b, "SUMMARY", text, &e), 0, "a long one");
	OK(unfold(buf_cstr(&b, &e), out), "folds at 75 bytes, never inside a character");
	EQ_M(out + 8, text, strlen(text), "and comes back");
	EQ_I(ical_line(&b, "SUMMARY", "\xff", &e), E_INVAL, "only UTF-8");
	buf_free(&b);
}

static void
items(void)
{
	struct ical_item it = {.uid = "u-1@box", .day = "2028-02-29", .summary = "追加 髙橋 ㈱", .detail = "",
	    .url = "", .stamp = INT64_C(1700000000) * TIME_SEC};
	struct buf b;

	buf_init(&b, 9000);
	EQ_I(ical_item(&b, &it, &e), 0, "an event");
	EQ_S(buf_cstr(&b, &e), "BEGIN:VEVENT\r\nUID:u-1@box\r\nDTSTAMP:20231114T221320Z\r\n"
	    "DTSTART;VALUE=DATE:20280229\r\nDTEND;VALUE=DATE:20280301\r\nTRANSP:TRANSPARENT\r\n"
	    "SUMMARY:追加 髙橋 ㈱\r\nEND:VEVENT\r\n", "of one whole day");
	buf_clear(&b);
	it.todo = true;
	EQ_I(ical_item(&b, &it, &e), 0, "a task");
	OK(strstr(buf_cstr(&b, &e), "BEGIN:VTODO\r\n") && strstr((const char *)b.p,
	    "DUE;VALUE=DATE:20280229\r\n"), "has a due day");
	it.day = "2027-02-29";
	EQ_I(ical_item(&b, &it, &e), E_INVAL, "not a day");
	buf_clear(&b);
	EQ_I(ical_begin(&b, "守り", &e) + ical_end(&b, &e), 0, "a calendar without anything");
	OK(strncmp(buf_cstr(&b, &e), "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:", 37) == 0 &&
	    strstr((const char *)b.p, "\r\nEND:VCALENDAR\r\n"), "has its shell");
	buf_free(&b);
}

int
main(void)
{
	lines();
	items();
	return tap_done();
}
