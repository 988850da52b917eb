#include "practice/date.h"
#include "tap.h"

int
main(void)
{
	char d8[9], d14[15], d17[18];
	bool good = true;

	EQ_I(date_civil(2026, 4, 1), 0, "day 0 is 2026-04-01");
	EQ_I(date_weekday(0), 3, "a Wednesday");
	EQ_I(date_civil(1970, 1, 1), -20544, "the epoch");
	EQ_I(date_civil(2024, 3, 1) - date_civil(2024, 2, 28), 2, "a leap year");
	EQ_I(date_civil(1900, 3, 1) - date_civil(1900, 2, 28), 1, "1900 was none");
	for (int32_t day = -50000; day < 4000; day++) {
		int y, m, d;

		date_split(day, &y, &m, &d);
		good = good && date_civil(y, m, d) == day && m >= 1 && m <= 12 && d >= 1 && d <= 31;
		good = good && date_of(date_stamp(day, 0)) == day &&
		    date_of(date_stamp(day, DATE_DAY_MS - 1)) == day;
	}
	OK(good, "every day from 1889 to 2037 there and back");
	date_put8(d8, 0);
	EQ_S(d8, "20260401", "eight digits");
	date_put8(d8, DATE_NONE);
	EQ_S(d8, "-", "no date");
	date_put17(d17, date_stamp(-1, INT64_C(86399999)));
	EQ_S(d17, "20260331235959999", "seventeen digits");
	date_put14(d14, date_stamp(0, 3661000));
	EQ_S(d14, "20260401010101", "fourteen digits");
	date_put17(d17, date_stamp(date_civil(1948, 4, 5), 1));
	EQ_S(d17, "19480405000000001", "before the epoch");
	/* date -d '2026-04-01 00:00 +0900' +%s */
	EQ_I(date_unix(date_stamp(0, 0)), 1774969200, "midnight in Japan as seconds of UTC");
	EQ_I(date_unix(date_stamp(date_civil(1969, 12, 31), 1)), -86400 - 32400, "negative too");
	return tap_done();
}
