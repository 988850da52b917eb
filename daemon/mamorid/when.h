/* When a job is due: "hourly MM", or, in local time, "daily HH:MM" or "weekly DAY HH:MM" (mon ...
 * sun). */
#ifndef MAMORI_DAEMON_MAMORID_WHEN_H
#define MAMORI_DAEMON_MAMORID_WHEN_H

#include <stdint.h>

#include "base/err.h"

/* when_next(every, after, ret, e): The first due time later than ${after} (microseconds UTC), by
 * the local calendar, so that it stays at its hour when clocks change. E_INVAL. */
MUST int when_next(const char *every, int64_t after, int64_t *ret, struct err *e);

#endif
