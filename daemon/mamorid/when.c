#include "mamorid/when.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/time.h"

struct when {
	int day; /* 0 = Sunday; -1: every day */
	int hour, min; /* hour -1: every hour */
};

static bool
two(const char *s, int max, int *ret)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*ret = (s[0] - '0') * 10 + (s[1] - '0');
	return *ret <= max;
}

static int
parse(const char *s, struct when *w, struct err *e)
{
	static const char days[] = "sunmontuewedthufrisat";
	const char *p = s;

	w->day = -1;
	if (strncmp(p, "hourly ", 7) == 0) {
		w->hour = -1;
		if (strlen(p) == 9 && two(p + 7, 59, &w->min))
			return 0;
		goto bad;
	}
	if (strncmp(p, "daily ", 6) == 0) {
		p += 6;
	} else if (strncmp(p, "weekly ", 7) == 0 && strlen(p) > 11 && p[10] == ' ') {
		for (int d = 0; d < 7; d++)
			if (strncmp(p + 7, days + 3 * d, 3) == 0)
				w->day = d;
		if (w->day < 0)
			goto bad;
		p += 11;
	} else {
		goto bad;
	}
	if (strlen(p) != 5 || p[2] != ':' || !two(p, 23, &w->hour) || !two(p + 3, 59, &w->min))
		goto bad;
	return 0;
bad:
	return err_set(e, E_INVAL, "\"%.40s\" is not a time such as \"daily 01:30\", "
	    "\"weekly sun 04:00\" or \"hourly 40\"", s);
}

int
when_next(const char *every, int64_t after, int64_t *ret, struct err *e)
{
	time_t t = (time_t)(after / TIME_SEC);
	struct when w = {0};
	struct tm now;
	int r = parse(every, &w, e);

	if (r < 0)
		return r;
	if (!localtime_r(&t, &now))
		return err_set(e, E_INVAL, "a time outside the calendar");
	if (w.hour < 0) {
		int ahead = (w.min + 60 - now.tm_min) % 60;

		*ret = (int64_t)(t - now.tm_sec + (ahead ? ahead : 60) * 60) * TIME_SEC;
		return 0;
	}
	for (int day = 0; day <= 8; day++) {
		/* mktime puts an hour that a clock change skipped right behind the gap */
		struct tm at = {.tm_year = now.tm_year, .tm_mon = now.tm_mon,
		    .tm_mday = now.tm_mday + day, .tm_hour = w.hour, .tm_min = w.min,
		    .tm_isdst = -1};
		time_t u = mktime(&at);

		if (w.day >= 0 && at.tm_wday != w.day)
			continue;
		if ((int64_t)u * TIME_SEC > after) {
			*ret = (int64_t)u * TIME_SEC;
			return 0;
		}
	}
	return err_set(e, E_INVAL, "no next time for \"%.40s\"", every);
}
