#include "practice/date.h"

#include <stdio.h>

/* 2026-04-01 counted from 1970-01-01 */
enum { DATE_ZERO = 20544 };

/* Howard Hinnant's days_from_civil. */
static int32_t
days_from_civil(int y, int m, int d)
{
	int era, yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

int32_t
date_civil(int y, int m, int d)
{
	return days_from_civil(y, m, d) - DATE_ZERO;
}

void
date_split(int32_t day, int *ry, int *rm, int *rd)
{
	int32_t z = day + DATE_ZERO + 719468;
	int32_t era = (z >= 0 ? z : z - 146096) / 146097;
	int32_t doe = z - era * 146097;
	int32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int32_t mp = (5 * doy + 2) / 153;

	*rd = doy - (153 * mp + 2) / 5 + 1;
	*rm = mp + (mp < 10 ? 3 : -9);
	*ry = yoe + era * 400 + (*rm <= 2);
}

int
date_weekday(int32_t day)
{
	int w = (int)((day + DATE_ZERO + 4) % 7);

	return w < 0 ? w + 7 : w;
}

int64_t
date_stamp(int32_t day, int64_t ms)
{
	return ((int64_t)day + DATE_ZERO) * DATE_DAY_MS + ms;
}

int32_t
date_of(int64_t stamp)
{
	int64_t d = stamp / DATE_DAY_MS;

	if (stamp % DATE_DAY_MS < 0)
		d--;
	return (int32_t)(d - DATE_ZERO);
}

int64_t
date_unix(int64_t stamp)
{
	int64_t s = stamp / 1000;

	if (stamp % 1000 < 0)
		s--;
	return s - INT64_C(9) * 3600;
}

void
date_put8(char out[9], int32_t day)
{
	int y, m, d;

	if (day == DATE_NONE) {
		(void)snprintf(out, 9, "-");
		return;
	}
	date_split(day, &y, &m, &d);
	(void)snprintf(out, 9, "%04u%02u%02u", (unsigned)y % 10000, (unsigned)m % 100,
	    (unsigned)d % 100);
}

void
date_put17(char out[18], int64_t stamp)
{
	char day[9];
	int64_t ms = stamp % DATE_DAY_MS;

	date_put8(day, date_of(stamp));
	if (ms < 0)
		ms += DATE_DAY_MS;
	(void)snprintf(out, 18, "%.8s%02u%02u%02u%03u", day, (unsigned)(ms / 3600000) % 24,
	    (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
}

void
date_put14(char out[15], int64_t stamp)
{
	char t[18];

	date_put17(t, stamp);
	(void)snprintf(out, 15, "%.14s", t);
}
