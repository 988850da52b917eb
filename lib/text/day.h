/* Days of the calendar as text, YYYY-MM-DD. Pure functions. */
#ifndef MAMORI_TEXT_DAY_H
#define MAMORI_TEXT_DAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { DAY_TEXT = 11 };

/* day_ok(s): Whether ${s} is a day of the calendar from 1868-01-01 to 2199-12-31 in that form. */
bool day_ok(const char *s);

/* day_parse(s, ret): Read what people and spreadsheets write: 2026-04-01, 2026/4/1, 2026.4.1,
 * 20260401, 2026年4月1日, R8.4.1, 令和8年4月1日, 令和元年5月1日 (M T S H R), in full-width digits,
 * too; a time of day behind it is passed over. E_INVAL. */
MUST int day_parse(const char *s, char ret[DAY_TEXT]);

/* day_number(s): Days since 1970-01-01 of a day that is ok. */
int64_t day_number(const char *s);
/* day_put(n, ret): The inverse. Outside the range of day_ok: the nearest day of it. */
void day_put(int64_t n, char ret[DAY_TEXT]);
/* day_add(s, months, days, ret): The months first (the 31st becomes the last day of a shorter
 * month), then the days. */
void day_add(const char *s, int months, int days, char ret[DAY_TEXT]);

/* day_local(us, ret): The local calendar day of a time in microseconds UTC. */
void day_local(int64_t us, char ret[DAY_TEXT]);

/* day_wareki(s, ret, n): 令和8年4月1日 (the first year is 元年). */
void day_wareki(const char *s, char *ret, size_t n);

#endif
