#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t
clock_us(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * TIME_SEC + ts.tv_nsec / 1000;
}

int64_t
time_now_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t
time_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

void
time_put(char out[TIME_TEXT], int64_t us)
{
	time_t t = (time_t)floor_div(us, TIME_SEC);
	struct tm tm;
	char zone[8];

	(void)localtime_r(&t, &tm);
	(void)strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)strftime(zone, sizeof(zone), "%z", &tm);
	(void)snprintf(out + strlen(out), TIME_TEXT - strlen(out), "%.3s:%.2s", zone, zone + 3);
}

void
time_put_utc(char out[TIME_TEXT], int64_t us)
{
	time_t t = (time_t)floor_div(us, TIME_SEC);
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + strlen(out), TIME_TEXT - strlen(out), ".%06dZ",
	    (int)((us % TIME_SEC + TIME_SEC) % TIME_SEC));
}

/* digits(sp, n, min, max, ret): Exactly ${n} digits within the range; advances *sp. */
static int
digits(const char **sp, int n, int min, int max, int *ret)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		char c = (*sp)[i];

		if (c < '0' || c > '9')
			return -1;
		v = v * 10 + (c - '0');
	}
	*sp += n;
	*ret = v;
	return v < min || v > max ? -1 : 0;
}

static int
lit(const char **sp, char c)
{
	if (**sp != c)
		return -1;
	(*sp)++;
	return 0;
}

int
time_get(const char *s, int64_t *ret, struct err *e)
{
	static const int month_len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const char *p = s;
	int y, mo, d, h, mi, sec, oh = 0, om = 0, leap;
	int64_t frac = 0, unit = TIME_SEC / 10, off;
	struct tm tm = {0};

	if (digits(&p, 4, 1970, 9999, &y) || lit(&p, '-') || digits(&p, 2, 1, 12, &mo) ||
	    lit(&p, '-') || digits(&p, 2, 1, 31, &d))
		goto bad;
	if ((*p != 'T' && *p != 't' && *p != ' '))
		goto bad;
	p++;
	if (digits(&p, 2, 0, 23, &h) || lit(&p, ':') || digits(&p, 2, 0, 59, &mi) ||
	    lit(&p, ':') || digits(&p, 2, 0, 60, &sec))
		goto bad;
	leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	if (d > month_len[mo - 1] + (mo == 2 && leap))
		goto bad;
	if (*p == '.') {
		int n = 0;

		for (p++; *p >= '0' && *p <= '9'; p++, n++, unit /= 10)
			frac += (*p - '0') * unit;
		if (n < 1 || n > 9)
			goto bad;
	}
	if (*p == 'Z' || *p == 'z') {
		off = 0;
		p++;
	} else {
		int sign = *p == '-' ? -1 : 1;

		if (*p != '+' && *p != '-')
			goto bad;
		p++;
		if (digits(&p, 2, 0, 23, &oh) || lit(&p, ':') || digits(&p, 2, 0, 59, &om))
			goto bad;
		off = sign * (oh * 3600 + om * 60);
	}
	if (*p)
		goto bad;
	tm.tm_year = y - 1900;
	tm.tm_mon = mo - 1;
	tm.tm_mday = d;
	tm.tm_hour = h;
	tm.tm_min = mi;
	tm.tm_sec = sec;
	*ret = ((int64_t)timegm(&tm) - off) * TIME_SEC + frac;
	return 0;
bad:
	return err_set(e, E_INVAL, "\"%.40s\" is not a time such as 2026-11-22T03:10:00+09:00", s);
}
