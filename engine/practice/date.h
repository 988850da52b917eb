/* Simulated time. Day 0 of the practice hospital is 2026-04-01; a stamp is milliseconds since
 * 1970-01-01 00:00 on the hospital's clock (JST). No system clock, no time zone database: pure. */
#ifndef MAMORI_PRACTICE_DATE_H
#define MAMORI_PRACTICE_DATE_H

#include <stdint.h>

#define DATE_DAY_MS INT64_C(86400000)
#define DATE_NONE INT32_MIN /* SS-MIX2 writes "-" for it */

/* date_civil(y, m, d): The day number relative to day 0. */
int32_t date_civil(int y, int m, int d);
/* date_split(day, y, m, d): The inverse. */
void date_split(int32_t day, int *y, int *m, int *d);
/* date_weekday(day): 0 = Sunday. */
int date_weekday(int32_t day);
/* date_stamp(day, ms): The stamp ${ms} after midnight of ${day}. */
int64_t date_stamp(int32_t day, int64_t ms);
/* date_of(stamp): Its day. */
int32_t date_of(int64_t stamp);
/* date_unix(stamp): Seconds since the epoch in UTC, for a file's mtime. */
int64_t date_unix(int64_t stamp);
/* date_put8(out, day): YYYYMMDD; "-" for DATE_NONE. */
void date_put8(char out[9], int32_t day);
/* date_put14, date_put17: YYYYMMDDHHMMSS and the same with milliseconds. */
void date_put14(char out[15], int64_t stamp);
void date_put17(char out[18], int64_t stamp);

#endif
