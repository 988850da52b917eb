#include "text/day.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "base/time.h"

#define DAY_FIRST "1868-01-01"
#define DAY_LAST "2199-12-31"

static const struct era {
	const char *letter, *name, *from; /* the first day that bears it */
	int before;                       /* year = before + year of the era */
} eras[] = {
	{"R", "令和", "2019-05-01", 2018},
	{"H", "平成", "1989-01-08", 1988},
	{"S", "昭和", "1926-12-25", 1925},
	{"T", "大正", "1912-07-30", 1911},
	{"M", "明治", "1868-01-25", 1867},
};

static bool
leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int
month_days(int y, int m)
{
	static const int n[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return n[m - 1] + (m == 2 && leap(y));
}

static bool
real(int y, int m, int d)
{
	return y >= 1868 && y <= 2199 && m >= 1 && m <= 12 && d >= 1 && d <= month_days(y, m);
}

static void
put(char ret[DAY_TEXT], int y, int m, int d)
{
	(void)snprintf(ret, DAY_TEXT, "%04u-%02u-%02u", (unsigned)y % 10000, (unsigned)m % 100,
	    (unsigned)d % 100);
}

/* split(s, y, m, d): The numbers of a text that has the form. */
static bool
split(const char *s, int *y, int *m, int *d)
{
	for (int i = 0; i < 10; i++)
		if ((i == 4 || i == 7) ? s[i] != '-' : (s[i] < '0' || s[i] > '9'))
			return false; /* also at the end of a shorter one */
	if (s[10])
		return false;
	*y = (s[0] - '0') * 1000 + (s[1] - '0') * 100 + (s[2] - '0') * 10 + (s[3] - '0');
	*m = (s[5] - '0') * 10 + (s[6] - '0');
	*d = (s[8] - '0') * 10 + (s[9] - '0');
	return true;
}

bool
day_ok(const char *s)
{
	int y, m, d;

	return split(s, &y, &m, &d) && real(y, m, d);
}

/* narrow(s, out, n): Full-width ASCII as half-width; spaces around it gone. False: too long. */
static bool
narrow(const char *s, char *out, size_t n)
{
	size_t k = 0;

	while (*s) {
		const unsigned char *u = (const unsigned char *)s;
		char c = *s;
		size_t step = 1;

		if (u[0] == 0xef && u[1] == 0xbc && u[2] >= 0x81 && u[2] <= 0xbf) {
			c = (char)(0x21 + u[2] - 0x81);
			step = 3;
		} else if (u[0] == 0xe3 && u[1] == 0x80 && u[2] == 0x80) {
			c = ' ';
			step = 3;
		}
		if (k + 1 >= n)
			return false;
		if (c != ' ' || k > 0)
			out[k++] = c;
		s += step;
	}
	while (k > 0 && out[k - 1] == ' ')
		k--;
	out[k] = 0;
	return true;
}

static bool
number(const char **s, int max_digits, int *ret)
{
	int n = 0, k = 0;

	for (; **s >= '0' && **s <= '9' && k < max_digits; k++)
		n = n * 10 + (*(*s)++ - '0');
	*ret = n;
	return k > 0 && !(**s >= '0' && **s <= '9');
}

static bool
word(const char **s, const char *w)
{
	size_t n = strlen(w);

	if (strncmp(*s, w, n) != 0)
		return false;
	*s += n;
	return true;
}

/* year_of(s, y): A year, or an era and its year. */
static bool
year_of(const char **s, int *y)
{
	for (size_t i = 0; i < ARRAY_LEN(eras); i++) {
		bool low = **s == eras[i].letter[0] + ('a' - 'A');

		if (!low && !word(s, eras[i].letter) && !word(s, eras[i].name))
			continue;
		*s += low;
		(void)word(s, ".");
		while (**s == ' ')
			(*s)++;
		if (word(s, "元"))
			*y = 1;
		else if (!number(s, 2, y) || *y < 1)
			return false;
		*y += eras[i].before;
		return true;
	}
	return number(s, 4, y) && *y >= 1000;
}

/* between(s, kanji, ret): One of the marks between the parts; ${sep} must stay the same. */
static bool
between(const char **s, const char *kanji, char *sep)
{
	if (word(s, kanji)) {
		if (*sep && *sep != 'k')
			return false;
		*sep = 'k';
		while (**s == ' ')
			(*s)++;
		return true;
	}
	if (**s != '-' && **s != '/' && **s != '.')
		return false;
	if (*sep && *sep != **s)
		return false;
	*sep = *(*s)++;
	return true;
}

static bool
clock_behind(const char *s)
{
	if (*s == 0)
		return true;
	if (*s != ' ' && *s != 'T')
		return false;
	return strspn(s + 1, "0123456789:.Z+-") == strlen(s + 1);
}

int
day_parse(const char *s, char ret[DAY_TEXT])
{
	char t[64], sep = 0;
	const char *p = t;
	int y, m, d;

	if (!narrow(s, t, sizeof(t)))
		return E_INVAL;
	if (strlen(t) == 8 && strspn(t, "0123456789") == 8) {
		char form[DAY_TEXT];

		(void)snprintf(form, sizeof(form), "%.4s-%.2s-%.2s", t, t + 4, t + 6);
		if (!day_ok(form))
			return E_INVAL;
		(void)memcpy(ret, form, DAY_TEXT);
		return 0;
	}
	if (!year_of(&p, &y) || !between(&p, "年", &sep) || !number(&p, 2, &m) ||
	    !between(&p, "月", &sep) || !number(&p, 2, &d))
		return E_INVAL;
	if (sep == 'k' && !word(&p, "日"))
		return E_INVAL;
	if (!clock_behind(p) || !real(y, m, d))
		return E_INVAL;
	put(ret, y, m, d);
	return 0;
}

/* Howard Hinnant's days-from-civil, for the proleptic Gregorian calendar. */
static int64_t
civil(int y, int m, int d)
{
	int64_t yy = y - (m <= 2), era = yy / 400;
	int64_t yoe = yy - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int64_t
day_number(const char *s)
{
	int y = 1970, m = 1, d = 1;

	(void)split(s, &y, &m, &d);
	return civil(y, m, d);
}

void
day_put(int64_t n, char ret[DAY_TEXT])
{
	int64_t z, era, doe, yoe, doy, mp;

	if (n < day_number(DAY_FIRST))
		n = day_number(DAY_FIRST);
	if (n > day_number(DAY_LAST))
		n = day_number(DAY_LAST);
	z = n + 719468;
	era = z / 146097;
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	put(ret, (int)(yoe + era * 400 + (mp >= 10)), (int)(mp < 10 ? mp + 3 : mp - 9),
	    (int)(doy - (153 * mp + 2) / 5 + 1));
}

void
day_add(const char *s, int months, int days, char ret[DAY_TEXT])
{
	int y = 1970, m = 1, d = 1, k;

	(void)split(s, &y, &m, &d);
	k = y * 12 + (m - 1) + months;
	y = k / 12;
	m = k % 12 + 1;
	if (d > month_days(y, m))
		d = month_days(y, m);
	day_put(civil(y, m, d) + days, ret);
}

void
day_local(int64_t us, char ret[DAY_TEXT])
{
	time_t t = (time_t)(us / TIME_SEC - (us % TIME_SEC < 0));
	struct tm tm;

	if (!localtime_r(&t, &tm))
		(void)memset(&tm, 0, sizeof(tm));
	day_put(civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday ? tm.tm_mday : 1), ret);
}

void
day_wareki(const char *s, char *ret, size_t n)
{
	int y = 1970, m = 1, d = 1;

	(void)split(s, &y, &m, &d);
	for (size_t i = 0; i < ARRAY_LEN(eras); i++) {
		if (strcmp(s, eras[i].from) < 0)
			continue;
		if (y - eras[i].before == 1)
			(void)snprintf(ret, n, "%s元年%d月%d日", eras[i].name, m, d);
		else
			(void)snprintf(ret, n, "%s%d年%d月%d日", eras[i].name, y - eras[i].before,
			    m, d);
		return;
	}
	(void)snprintf(ret, n, "%d年%d月%d日", y, m, d);
}
