/* Times are int64 microseconds UTC inside, RFC 3339 outside. */
#ifndef MAMORI_BASE_TIME_H
#define MAMORI_BASE_TIME_H

#include <stdint.h>

#include "base/err.h"

enum { TIME_TEXT = 40 };

#define TIME_SEC INT64_C(1000000)
#define TIME_DAY (INT64_C(86400) * TIME_SEC)

/* time_now_us(): CLOCK_REALTIME. Only daemon/ and cli/ call it; everything below takes the time as
 * a parameter, so that tests own the clock. */
int64_t time_now_us(void);

/* time_mono_us(): CLOCK_MONOTONIC, for durations. */
int64_t time_mono_us(void);

/* time_put(out, us): RFC 3339 with the local offset, whole seconds: 2026-11-22T03:10:00+09:00. */
void time_put(char out[TIME_TEXT], int64_t us);

/* time_put_utc(out, us): RFC 3339 in UTC with microseconds, e.g. 2026-11-22T03:10:00.000000Z. */
void time_put_utc(char out[TIME_TEXT], int64_t us);

/* time_get(s, ret, e): Parse RFC 3339 (offset or Z required, fraction of up to 9 digits read and
 * cut to microseconds), years 1970 to 9999. E_INVAL otherwise. */
MUST int time_get(const char *s, int64_t *ret, struct err *e);

#endif
