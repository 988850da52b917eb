/* Values as people read them. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/time.h"
#include "mamorid/http/tmpl.h"

static int
number(int64_t v, struct buf *out, struct err *e)
{
	char digits[32], text[48];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)v), k = 0;

	for (int i = 0; i < n; i++) {
		text[k++] = digits[i];
		if (digits[i] != '-' && i + 1 < n && (n - 1 - i) % 3 == 0)
			text[k++] = ',';
	}
	return buf_put(out, text, (size_t)k, e);
}

static int
size(double v, struct buf *out, struct err *e)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
	size_t u = 0;

	while (v >= 1000 && u + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1000;
		u++;
	}
	return buf_fmt(out, e, u == 0 || v >= 100 ? "%.0f %s" : "%.1f %s", v, units[u]);
}

static int
span(bool ja, int64_t s, struct buf *out, struct err *e)
{
	static const struct {
		int64_t seconds, below;
		const char *ja, *one, *many;
	} units[] = {{1, 100, "秒", "second", "seconds"}, {60, 5400, "分", "minute", "minutes"},
	    {3600, 129600, "時間", "hour", "hours"}, {86400, INT64_MAX, "日", "day", "days"}};
	size_t u = 0;
	int64_t n;

	s = s < 0 ? 0 : s;
	while (s >= units[u].below)
		u++;
	n = (s + units[u].seconds / 2) / units[u].seconds;
	if (ja)
		return buf_fmt(out, e, "%lld %s", (long long)n, units[u].ja);
	return buf_fmt(out, e, "%lld %s", (long long)n, n == 1 ? units[u].one : units[u].many);
}

static int
ago(bool ja, int64_t us, struct buf *out, struct err *e)
{
	int64_t s = us / TIME_SEC;
	int r;

	if (s > -60 && s < 60)
		return buf_str(out, ja ? "たった今" : "just now", e);
	if (!ja && s < 0) {
		r = buf_str(out, "in ", e);
		return r < 0 ? r : span(ja, -s, out, e);
	}
	r = span(ja, s < 0 ? -s : s, out, e);
	if (r == 0)
		r = buf_str(out, s < 0 ? "後" : ja ? "前" : " ago", e);
	return r;
}

/* wareki(ja, t): The Japanese calendar: Meiji and Taisho are before anybody's records. */
static int
wareki(bool ja, const struct tm *t, struct buf *out, struct err *e)
{
	int y = t->tm_year + 1900, ymd = (y * 100 + t->tm_mon + 1) * 100 + t->tm_mday;
	int from = ymd >= 20190501 ? 2018 : ymd >= 19890108 ? 1988 : ymd >= 19261225 ? 1925 : 0;
	const char *era = from == 2018 ? "令和" : from == 1988 ? "平成" : "昭和";

	if (!ja || !from)
		return buf_fmt(out, e, "%04d-%02d-%02d", y, t->tm_mon + 1, t->tm_mday);
	if (y - from == 1)
		return buf_fmt(out, e, "%s元年%d月%d日", era, t->tm_mon + 1, t->tm_mday);
	return buf_fmt(out, e, "%s%d年%d月%d日", era, y - from, t->tm_mon + 1, t->tm_mday);
}

static int
moment(enum tmpl_fmt fmt, bool ja, int64_t us, struct buf *out, struct err *e)
{
	static const char *const ja_day[] = {"日", "月", "火", "水", "木", "金", "土"};
	static const char *const en_day[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	char text[TIME_TEXT];
	time_t s = (time_t)(us / TIME_SEC);
	struct tm t;

	if (!localtime_r(&s, &t))
		return buf_str(out, "–", e);
	if (fmt == FMT_ISO) {
		time_put(text, us);
		return buf_str(out, text, e);
	}
	if (fmt == FMT_WAREKI)
		return wareki(ja, &t, out, e);
	if (fmt == FMT_TIME)
		return buf_fmt(out, e, "%02d:%02d", t.tm_hour, t.tm_min);
	if (fmt == FMT_DATE)
		return buf_fmt(out, e, ja ? "%d年%d月%d日（%s）" : "%d-%02d-%02d (%s)",
		    t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
		    ja ? ja_day[t.tm_wday] : en_day[t.tm_wday]);
	return buf_fmt(out, e, ja ? "%d年%d月%d日 %02d:%02d" : "%d-%02d-%02d %02d:%02d",
	    t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min);
}

int
tmpl_format(enum tmpl_fmt fmt, bool ja, const json_t *v, int64_t now, struct buf *out,
    struct err *e)
{
	json_int_t i = json_integer_value(v);
	double d = json_number_value(v);

	if (json_is_string(v)) /* what is words already stays so in every format */
		return buf_put(out, json_string_value(v), json_string_length(v), e);
	if (json_is_real(v) && d > -9e18 && d < 9e18)
		i = (json_int_t)d;
	if (!json_is_number(v))
		return json_is_true(v) ? buf_str(out, "true", e) : 0;
	switch (fmt) {
	case FMT_TEXT:
		return json_is_integer(v) ? buf_fmt(out, e, "%lld", (long long)i)
					  : buf_fmt(out, e, "%.10g", d);
	case FMT_NUMBER:
		return number(i, out, e);
	case FMT_SIZE:
		return size(d < 0 ? 0 : d, out, e);
	case FMT_SPAN:
		return span(ja, i, out, e);
	case FMT_AGO:
		return ago(ja, now - i, out, e);
	default:
		return i ? moment(fmt, ja, i, out, e) : buf_str(out, "–", e);
	}
}
