#include "base/time.h"

#include <stdlib.h>
#include <time.h>

#include "tap.h"

static void
test_get(void)
{
	static const struct {
		const char *s;
		int64_t us;
	} right[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01T09:00:00+09:00", 0},
		{"1970-01-01T00:00:00+09:00", -INT64_C(32400000000)},
		{"2026-11-22T03:10:00+09:00", INT64_C(1795284600000000)},
		{"2026-11-21t18:10:00z", INT64_C(1795284600000000)},
		{"2026-11-21 18:10:00-00:00", INT64_C(1795284600000000)},
		{"2000-02-29T12:00:00.5Z", INT64_C(951825600500000)},
		{"2000-02-29T12:00:00.123456789Z", INT64_C(951825600123456)},
		{"2016-12-31T23:59:60Z", INT64_C(1483228800000000)},
		{"9999-12-31T23:59:59.999999-23:59", INT64_C(253402387139999999)},
	};
	static const char *const wrong[] = {
		"", "2026", "2026-11-22", "2026-11-22T03:10:00", "2026-11-22T03:10Z",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
		"2026-04-31T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z", "1969-12-31T23:59:59Z", "10000-01-01T00:00:00Z",
		"2026-11-22T24:00:00Z", "2026-11-22T23:60:00Z", "2026-11-22T23:59:61Z",
		"2026-11-22T03:10:00+0900", "2026-11-22T03:10:00+24:00",
		"2026-11-22T03:10:00+09:60",
		"2026-11-22T03:10:00+09:00 ", " 2026-11-22T03:10:00Z", "2026-11-22T03:10:00.Z",
		"2026-11-22T03:10:00.1234567890Z", "2026-11-22X03:10:00Z", "2026/11/22T03:10:00Z",
		"2026-11/22T03:10:00Z", "2026-11-22T03-10:00Z", "2026-11-22T03:10-00Z",
		"2026-1-22T03:10:00Z", "２０２６-11-22T03:10:00Z", "2026-11-22T03:10:00*09:00",
		"2026-11-22T03:10:00+09-00",
	};
	int64_t us = 5;
	struct err e;

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		EQ_I(time_get(right[i].s, &us, &e), 0, right[i].s);
		EQ_I(us, right[i].us, "  its microseconds");
	}
	us = 5;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		OK(time_get(wrong[i], &us, &e) == E_INVAL && us == 5, "refused: \"%s\"", wrong[i]);
}

static void
test_put(void)
{
	char out[TIME_TEXT];
	int64_t us;

	time_put_utc(out, INT64_C(1795284600000000));
	EQ_S(out, "2026-11-21T18:10:00.000000Z", "UTC");
	time_put_utc(out, -1);
	EQ_S(out, "1969-12-31T23:59:59.999999Z", "a microsecond before the epoch");
	time_put_utc(out, 1);
	EQ_S(out, "1970-01-01T00:00:00.000001Z", "one after");
	time_put_utc(out, INT64_MAX);
	OK(strlen(out) < TIME_TEXT, "the end of time fits: %s", out);
	time_put_utc(out, INT64_MIN);
	OK(strlen(out) < TIME_TEXT, "its beginning too: %s", out);

	(void)setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	time_put(out, INT64_C(1795284600000000));
	/* where the zone files are missing, Tokyo is UTC */
	OK(strcmp(out, "2026-11-22T03:10:00+09:00") == 0 ||
		strcmp(out, "2026-11-21T18:10:00+00:00") == 0,
	    "local: %s", out);
	(void)setenv("TZ", "XXX3:30", 1);
	tzset();
	time_put(out, -1);
	EQ_S(out, "1969-12-31T20:29:59-03:30", "west of Greenwich, rounded down");
	time_put(out, INT64_C(1795284600999999));
	OK(time_get(out, &us, NULL) == 0 && us == INT64_C(1795284600000000),
	    "reads what it writes: %s", out);
	time_put(out, INT64_MAX);
	OK(strlen(out) < TIME_TEXT, "the end of time fits: %s", out);
}

static void
test_clocks(void)
{
	int64_t m = time_mono_us(), now = time_now_us();

	OK(time_mono_us() >= m, "the monotonic clock does not go back");
	OK(now > INT64_C(1600000000) * TIME_SEC, "the wall clock counts microseconds");
	EQ_I(TIME_DAY, INT64_C(86400000000), "a day");
}

int
main(void)
{
	test_get();
	test_put();
	test_clocks();
	return tap_done();
}
