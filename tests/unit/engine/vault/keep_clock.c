/* The compliance clock with every trick somebody may play on the machine's own clocks. */
#include "vault/keep_clock.h"

#include "base/time.h"
#include "tap.h"

#define HOUR (3600 * TIME_SEC)
#define T0 (INT64_C(1780000000) * TIME_SEC)

static struct keep_clock last;
static struct keep_time now;

static void
begin(void)
{
	last = (struct keep_clock){.boot = {1}, .ran = HOUR, .up = HOUR, .wall = T0};
	now = (struct keep_time){.boot = {1}, .ran = HOUR, .up = HOUR, .wall = T0};
}

/* pass(ran, asleep, wall): So long it ran, so long it slept, so far went the wall clock. */
static void
pass(int64_t ran, int64_t asleep, int64_t wall)
{
	now.ran += ran;
	now.up += ran + asleep;
	now.wall += wall;
}

static bool
look(void)
{
	bool jump = keep_clock_next(&last, &now, &last);

	return jump;
}

static void
ordinary(void)
{
	begin();
	pass(HOUR, 0, HOUR);
	OK(!look(), "an hour passes without a jump");
	EQ_I(last.c, HOUR, "and counts");
	pass(HOUR, 0, HOUR - 2 * TIME_SEC);
	OK(!look(), "a clock that is set right by two seconds is no jump");
	EQ_I(last.c, 2 * HOUR - 2 * TIME_SEC, "the smaller of both counts");
	pass(0, 0, 0);
	OK(!look() && last.c == 2 * HOUR - 2 * TIME_SEC, "looking twice changes nothing");
	for (int i = 0; i < 24 * 30; i++) {
		pass(HOUR, 0, HOUR);
		(void)look();
	}
	EQ_I(last.c, 2 * HOUR - 2 * TIME_SEC + 30 * TIME_DAY, "thirty days, hour by hour");
}

static void
jumps(void)
{
	begin();
	pass(HOUR, 0, 3653 * TIME_DAY);
	OK(look(), "ten years forward is a jump");
	EQ_I(last.c, 0, "and nothing of it counts, not even the hour");
	pass(HOUR, 0, HOUR);
	OK(!look() && last.c == HOUR, "after it time goes on as before");
	pass(HOUR, 0, -3653 * TIME_DAY);
	OK(look() && last.c == HOUR, "ten years back: frozen for that stretch, never back");
	pass(HOUR, 0, HOUR);
	OK(!look() && last.c == 2 * HOUR, "and on");
	begin();
	for (int i = 0; i < 1000; i++) {
		pass(TIME_SEC, 0, 120 * TIME_SEC);
		(void)look();
	}
	OK(last.c <= 1000 * TIME_SEC, "a thousand small pushes gain nothing over the uptime");
	begin();
	pass(100 * HOUR, 0, 100 * HOUR + 63 * 60 * TIME_SEC);
	OK(look(), "more than a hundredth fast is a jump");
}

static void
off(void)
{
	begin();
	now = (struct keep_time){.boot = {2}, .ran = 60 * TIME_SEC, .up = 60 * TIME_SEC,
	    .wall = T0 + 400 * TIME_DAY};
	OK(!look(), "after a new boot the wall clock may have gone on by any time");
	EQ_I(last.c, 60 * TIME_SEC, "but only the time since that boot counts");
	pass(HOUR, 0, HOUR);
	(void)look();
	EQ_I(last.c, HOUR + 60 * TIME_SEC, "then as ever");
	now = (struct keep_time){.boot = {3}, .ran = 5 * HOUR, .up = 5 * HOUR,
	    .wall = now.wall + 10 * TIME_SEC};
	(void)look();
	EQ_I(last.c, HOUR + 70 * TIME_SEC, "a long uptime is not believed against the wall clock");
	now = (struct keep_time){.boot = {4}, .ran = HOUR, .up = HOUR, .wall = T0};
	OK(look() && last.c == HOUR + 70 * TIME_SEC,
	    "a new boot with an older date: a jump, frozen");
}

static void
asleep(void)
{
	begin();
	pass(HOUR, 9 * HOUR, 10 * HOUR);
	OK(!look(), "a night asleep is no jump");
	EQ_I(last.c, HOUR, "and does not count");
	begin();
	pass(0, 3653 * TIME_DAY, 3653 * TIME_DAY);
	(void)look();
	EQ_I(last.c, 0, "a battery clock set ten years on while asleep gains nothing");
}

static void
nameless(void)
{
	begin();
	now = (struct keep_time){.ran = 9 * HOUR, .up = 9 * HOUR, .wall = T0 + 9 * HOUR};
	(void)look();
	EQ_I(last.c, 0, "a boot without a name does not count");
	pass(HOUR, 0, HOUR);
	(void)look();
	EQ_I(last.c, 0, "nor does anything in it: it might be another boot each time");
}

static void
limits(void)
{
	begin();
	last.wall = INT64_MIN;
	now.wall = INT64_MAX;
	now.ran = INT64_MAX;
	last.ran = INT64_MIN;
	(void)look();
	OK(last.c >= 0, "the ends of the number line do no harm");
	begin();
	last.c = INT64_MAX - 5;
	pass(HOUR, 0, HOUR);
	(void)look();
	EQ_I(last.c, INT64_MAX - 5, "the clock stops at its end and does not wrap");
}

static void
follows(void)
{
	struct keep_clock a, b;

	begin();
	a = b = last;
	b.ran += HOUR;
	b.up += HOUR;
	b.wall += HOUR;
	b.c = HOUR;
	OK(keep_clock_follows(&a, &b), "a true reading follows");
	b.c = HOUR + 1;
	OK(!keep_clock_follows(&a, &b), "one that runs faster than time does not");
	b.c = 5;
	OK(keep_clock_follows(&a, &b), "a slower one does");
	b.c = -1;
	OK(!keep_clock_follows(&a, &b), "one that goes back does not");
	b.wall += 3653 * TIME_DAY;
	b.c = TIME_SEC;
	OK(!keep_clock_follows(&a, &b), "one that counts a jump does not");
}

static void
machine(void)
{
	struct keep_time t = {0}, u = {0};
	static const uint8_t none[KEEP_BOOT_LEN];

	keep_time_now(&t);
	keep_time_now(&u);
	OK(t.wall > T0 / 2 && t.up >= t.ran && u.ran >= t.ran,
	    "the machine's own clocks can be read");
	OK(memcmp(t.boot, none, KEEP_BOOT_LEN) != 0 && memcmp(t.boot, u.boot, KEEP_BOOT_LEN) == 0,
	    "and its boot has a name");
}

int
main(void)
{
	ordinary();
	jumps();
	off();
	asleep();
	nameless();
	limits();
	follows();
	machine();
	return tap_done();
}
