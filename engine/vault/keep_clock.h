/* The compliance clock: how much time has certainly passed for the box. Locks and waiting times run
 * on it, so nobody ends them by setting a clock. Pure functions, except the one that reads.
 *
 * Rules. Between two readings of the same boot it advances by the smaller of what the machine ran
 * (CLOCK_MONOTONIC) and what the wall clock says. When the wall clock and CLOCK_BOOTTIME differ by
 * more than two minutes and a hundredth of the time, somebody set the wall clock (a jump; worth an
 * alarm), and this stretch does not count at all. After a new boot it advances by the time since
 * that boot, at most by what the wall clock says. It never goes back. Time in which the machine
 * was off or asleep does not count, nor time before a shutdown that nobody wrote down, nor time in
 * a boot without a name: a lock can last longer than it says, never shorter. */
#ifndef MAMORI_VAULT_KEEP_CLOCK_H
#define MAMORI_VAULT_KEEP_CLOCK_H

#include "vault/keep_fmt.h"

struct keep_time { /* the machine's own clocks */
	uint8_t boot[KEEP_BOOT_LEN];
	int64_t ran, up, wall;
};

/* keep_time_now(ret): Read them. For daemon/ and cli/. */
void keep_time_now(struct keep_time *ret);

/* keep_clock_next(last, now, ret): The clock at ${now}, given the last reading; true when the wall
 * clock jumped between the two. */
bool keep_clock_next(const struct keep_clock *last, const struct keep_time *now,
    struct keep_clock *ret);

/* keep_clock_stands(last, next): Whether the machine ran for an hour and more, and the clock did
 * not go on: then locks do not come nearer to their end, and nothing will ever be removed. */
bool keep_clock_stands(const struct keep_clock *last, const struct keep_clock *next);

/* keep_clock_follows(last, next): Whether a record may carry ${next} after ${last}: what
 * keep_clock_next yields, or less. */
bool keep_clock_follows(const struct keep_clock *last, const struct keep_clock *next);

#endif
