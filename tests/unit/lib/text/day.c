#include "text/day.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/num.h"
#include "base/time.h"
#include "tap.h"

static void
test_parse(void)
{
	static const char *const good[][2] = {
	    {"2026-04-01", "2026-04-01"},
	    {"2026/4/1", "2026-04-01"},
	    {"2026.4.1", "2026-04-01"},
	    {"20260401", "2026-04-01"},
	    {"2026年4月1日", "2026-04-01"},
	    {"２０２６／４／１", "2026-04-01"},
	    {"R8.4.1", "2026-04-01"},
	    {"r8/4/1", "2026-04-01"},
	    {"令和8年4月1日", "2026-04-01"},
	    {"令和元年5月1日", "2019-05-01"},
	    {"Ｈ３１．４．３０", "2019-04-30"},
	    {"昭和64年1月7日", "1989-01-07"},
	    {"S.39.10.10", "1964-10-10"},
	    {"T1.7.30", "1912-07-30"},
	    {"M33.1.1", "1900-01-01"},
	    {" 2026-04-01 00:00:00 ", "2026-04-01"},
	    {"2026-04-01T09:30:00+09:00", "2026-04-01"},
	    {"2024-02-29", "2024-02-29"},
	    {"令和 8年 4月 1日", "2026-04-01"},
	};
	static const char *const bad[] = {"", "2026", "2026-13-01", "2026-02-29", "2025-2-30",
	    "2026/4-1", "26-4-1", "2026-04-01x", "2026年4月1", "R0.1.1", "X8.1.1", "1867-12-31",
	    "2200-01-01", "0", "99999999", "2026-04-01 昼", "R8.4", "令和年1月1日",
	    "2026-04-012026-04-012026-04-012026-04-012026-04-012026-04-01 00:00"};
	char day[DAY_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (OK(day_parse(good[i][0], day) == 0, "%s is a day", good[i][0]))
			EQ_S(day, good[i][1], "the right one");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EQ_I(day_parse(bad[i], day), E_INVAL, bad[i]);
	OK(day_ok("2026-12-31") && !day_ok("2026-1-1") && !day_ok("2026-12-31 ") && !day_ok(""),
	    "the one form");
}

static void
test_numbers(void)
{
	char day[DAY_TEXT];
	int wrong = 0;

	EQ_I(day_number("1970-01-01"), 0, "the first day");
	EQ_I(day_number("2000-03-01"), 11017, "as others count it");
	for (int64_t n = day_number("1868-01-01"); n <= day_number("2199-12-31"); n++) {
		day_put(n, day);
		wrong += !day_ok(day) || day_number(day) != n;
	}
	EQ_I(wrong, 0, "every day there and back");
	day_put(INT64_MAX, day);
	EQ_S(day, "2199-12-31", "the last day");
	day_put(INT64_MIN, day);
	EQ_S(day, "1868-01-01", "the first day of all");
	day_add("2026-01-31", 1, 0, day);
	EQ_S(day, "2026-02-28", "a shorter month");
	day_add("2026-03-31", -1, 0, day);
	EQ_S(day, "2026-02-28", "backwards");
	day_add("2025-12-15", 12, 0, day);
	EQ_S(day, "2026-12-15", "a year");
	day_add("2026-12-31", 0, 1, day);
	EQ_S(day, "2027-01-01", "a day");
	day_add("2024-01-01", -1, 0, day);
	EQ_S(day, "2023-12-01", "over the year's border");
}

static void
test_local(void)
{
	char day[DAY_TEXT], text[64];

	(void)setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	day_local(INT64_C(1764082800) * TIME_SEC - 1, day); /* 2025-11-25T15:00Z */
	EQ_S(day, "2025-11-25", "just before midnight in Tokyo");
	day_local(INT64_C(1764082800) * TIME_SEC, day);
	EQ_S(day, "2025-11-26", "midnight in Tokyo");
	day_wareki("2026-04-01", text, sizeof(text));
	EQ_S(text, "令和8年4月1日", "Reiwa");
	day_wareki("2019-05-01", text, sizeof(text));
	EQ_S(text, "令和元年5月1日", "the first year");
	day_wareki("2019-04-30", text, sizeof(text));
	EQ_S(text, "平成31年4月30日", "the day before");
}

int
main(void)
{
	test_parse();
	test_numbers();
	test_local();
	return tap_done();
}
