#include "base/buf.h"
#include "report/report.h"

/* Japanese years: the first day of each era as YYYYMMDD. */
static const struct era {
	int from;
	const char *name;
} eras[] = {{20190501, "令和"}, {19890108, "平成"}, {19261225, "昭和"}, {19120730, "大正"}};

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December"};

/* ${n} digits at ${s} as a number, or -1. */
static int
digits(const char *s, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

static int
japanese(struct buf *b, int y, int m, int d, struct err *e)
{
	int day = y * 10000 + m * 100 + d;

	for (size_t i = 0; i < sizeof(eras) / sizeof(eras[0]); i++) {
		int n = y - eras[i].from / 10000 + 1;

		if (day < eras[i].from)
			continue;
		if (n == 1)
			return buf_fmt(b, e, "%s元年%d月%d日（%d-%02d-%02d）", eras[i].name, m, d, y, m, d);
		return buf_fmt(b, e, "%s%d年%d月%d日（%d-%02d-%02d）", eras[i].name, n, m, d, y, m, d);
	}
	return buf_fmt(b, e, "%d年%d月%d日", y, m, d);
}

int
report_date(struct buf *b, const char *s, bool ja, bool clock, struct err *e)
{
	int y, m, d, r;

	/* each part is looked at only when all before it was digits, so never past the end */
	y = digits(s, 4);
	m = y >= 0 && s[4] == '-' ? digits(s + 5, 2) : -1;
	d = m >= 1 && m <= 12 && s[7] == '-' ? digits(s + 8, 2) : -1;
	if (d < 1 || d > 31 || (s[10] != 0 && s[10] != 'T'))
		return buf_str(b, s, e);
	r = ja ? japanese(b, y, m, d, e) : buf_fmt(b, e, "%d %s %d", d, months[m - 1], y);
	if (r == 0 && clock && s[10] == 'T' && digits(s + 11, 2) >= 0 && s[13] == ':' &&
	    digits(s + 14, 2) >= 0)
		r = buf_fmt(b, e, " %.5s", s + 11);
	return r;
}
