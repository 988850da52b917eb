#include "mamorid/sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "mamorid/when.h"
#include "tap.h"

struct sim {
	int64_t mono, wall;
};

static int64_t
sim_mono(void *ctx)
{
	return ((struct sim *)ctx)->mono;
}

static int64_t
sim_wall(void *ctx)
{
	return ((struct sim *)ctx)->wall;
}

static void
sim_pass(void *ctx, int64_t us)
{
	struct sim *s = ctx;

	if (us < 0)
		us = TIME_SEC;
	s->mono += us;
	s->wall += us;
}

static struct sim clk;
static struct loop *l;
static struct db *db;
static struct sched *s;
static unsigned started, refuse;
static char last_job[SCHED_NAME], last_system[SCHED_NAME];
static int answer; /* exit status of every run */
static int64_t took;
static bool hang;
static struct loop_src *end_timer;

static void
on_end(struct loop *lp, void *cookie)
{
	(void)lp, (void)cookie;
	sched_ended(s, answer, answer < 2 ? "{\"ok\":true}" : NULL, "");
}

static int
start_run(void *ctx, const struct sched_run *run, struct err *e)
{
	(void)ctx;
	if (refuse)
		return err_set(e, E_NOENT, "no such program");
	started++;
	(void)snprintf(last_job, sizeof(last_job), "%s", run->job);
	(void)snprintf(last_system, sizeof(last_system), "%s", run->system);
	if (!hang)
		loop_arm(end_timer, loop_mono(l) + took);
	return 0;
}

static int64_t
at(const char *text)
{
	int64_t v = 0;

	if (time_get(text, &v, NULL) < 0)
		abort();
	return v;
}

static int64_t
count(const char *sql)
{
	int64_t v = -1;
	struct err e = {0};

	if (db_i64(db, sql, &v, "", &e) < 0)
		printf("# %s\n", e.msg);
	return v;
}

static void
run_until(int64_t wall)
{
	while (clk.wall < wall)
		if (loop_step(l, wall - clk.wall, NULL) < 0)
			abort();
}

static void
boot(void)
{
	struct loop_clock c = {.ctx = &clk, .mono = sim_mono, .wall = sim_wall, .pass = sim_pass};
	struct sched_ops ops = {.start = start_run};
	struct err e = {0};

	if (loop_new(c, &l, &e) < 0 || sched_new(l, db, &ops, &s, &e) < 0 ||
	    loop_add_timer(l, -1, on_end, NULL, &end_timer, &e) < 0 || sched_start(s, &e) < 0) {
		printf("# %s\n", e.msg);
		abort();
	}
}

static void
power_off(void)
{
	sched_free(s);
	loop_free(l);
	clk.mono = 7 * TIME_SEC; /* a new boot */
}

static void
setup(const char *path, int64_t now)
{
	struct err e = {0};
	char url[128];
	size_t n;
	const struct db_step *steps = db_steps(&n);
	static const char *const names[] = {"ssmix2", "images", "database", "scans", "office"};

	(void)snprintf(url, sizeof(url), "sqlite:%s", path);
	clk = (struct sim){.mono = 100 * TIME_SEC, .wall = now};
	started = 0;
	took = 60 * TIME_SEC;
	answer = 0;
	refuse = 0;
	hang = false;
	if (db_open(url, &db, &e) < 0 || db_migrate(db, steps, n, now, &e) < 0 ||
	    db_exec(db, "INSERT INTO places (id, repo, name_ja, name_en, key_file, at) VALUES "
	        "('p', '/r', '保管庫', 'vault', '/k', 1)", "", &e) < 0 ||
	    sched_add_place(db, now, "p", true, &e) < 0)
		abort();
	for (int i = 0; i < 5; i++)
		if (db_exec(db,
			"INSERT INTO systems (id, name_ja, name_en, kind, paths, place, at) "
			"VALUES ($1, '髙橋', 'x', 'other', '[\"/d\"]', 'p', 1)",
			"s", &e, names[i]) < 0 ||
		    sched_add_system(db, now, names[i], "p", &e) < 0)
			abort();
}

static void
teardown(void)
{
	sched_free(s);
	loop_free(l);
	db_close(db);
}

static void
test_when(void)
{
	static const char *const bad[] = {"", "daily", "daily 1:30", "daily 24:00", "daily 01:60",
	    "daily 01:30 ", "weekly 01:30", "weekly foo 01:30", "hourly 00:00", "daily -1:30"};
	int64_t t = 0;
	int wrong = 0;

	OK(when_next("daily 01:30", at("2026-11-22T10:00:00+09:00"), &t, NULL) == 0 &&
	        t == at("2026-11-23T01:30:00+09:00"), "tomorrow");
	OK(when_next("daily 01:30", at("2026-11-22T01:29:59+09:00"), &t, NULL) == 0 &&
	        t == at("2026-11-22T01:30:00+09:00"), "today");
	OK(when_next("daily 01:30", at("2026-11-22T01:30:00+09:00"), &t, NULL) == 0 &&
	        t == at("2026-11-23T01:30:00+09:00"), "strictly later");
	OK(when_next("hourly 40", at("2026-11-22T04:40:30+09:00"), &t, NULL) == 0 &&
	    t == at("2026-11-22T05:40:00+09:00"), "every hour");
	OK(when_next("hourly 05", at("2026-11-22T23:04:59+09:00"), &t, NULL) == 0 &&
	    t == at("2026-11-22T23:05:00+09:00"), "within the hour");
	OK(when_next("weekly sun 04:00", at("2026-11-22T04:00:00+09:00"), &t, NULL) == 0 &&
	        t == at("2026-11-29T04:00:00+09:00"), "next Sunday");
	OK(when_next("weekly sat 22:00", at("2026-12-30T04:00:00+09:00"), &t, NULL) == 0 &&
	        t == at("2027-01-02T22:00:00+09:00"), "over the end of the year");
	OK(when_next("daily 23:00", at("2028-02-28T23:30:00+09:00"), &t, NULL) == 0 &&
	        t == at("2028-02-29T23:00:00+09:00"), "a leap day");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (when_next(bad[i], 0, &t, NULL) != E_INVAL) {
			wrong++;
			printf("# accepted \"%s\"\n", bad[i]);
		}
	EQ_I(wrong, 0, "malformed times are refused");
	(void)setenv("TZ", "Europe/Berlin", 1);
	tzset();
	/* 02:30 does not exist on 29 March 2026 */
	OK(when_next("daily 02:30", at("2026-03-28T12:00:00+01:00"), &t, NULL) == 0 &&
	        t > at("2026-03-29T01:00:00+01:00") && t <= at("2026-03-29T03:30:00+02:00"),
	    "an hour that a clock change skips is not lost");
	(void)setenv("TZ", "Asia/Tokyo", 1);
	tzset();
}

static void
test_year(const char *path)
{
	setup(path, at("2026-01-01T10:00:00+09:00"));
	boot();
	run_until(clk.wall + 9 * 60 * TIME_SEC);
	EQ_I(started, 5, "the first backups run right away, one after the other");
	run_until(at("2027-01-01T10:00:00+09:00"));
	EQ_I(count("SELECT count(*) FROM job_runs WHERE outcome = 'missed'"), 0,
	    "a year without a missed run");
	EQ_I(count("SELECT count(*) FROM job_runs WHERE job = 'backup:ssmix2'"), 366,
	    "a backup every day and the first one");
	EQ_I(count("SELECT count(*) FROM job_runs WHERE job = 'drill-system:p'"), 52,
	    "a whole system every week");
	EQ_I(count("SELECT count(DISTINCT subject) FROM job_runs WHERE job = 'drill-system:p'"), 5,
	    "in rotation over all systems");
	EQ_I(count("SELECT max(n) - min(n) FROM (SELECT count(*) AS n FROM job_runs WHERE "
	           "job = 'drill-system:p' GROUP BY subject)"), 1, "evenly");
	EQ_I(count("SELECT count(*) FROM job_runs a JOIN job_runs b ON b.id > a.id AND "
	           "b.started < a.ended"), 0, "never two at once");
	EQ_I(count("SELECT count(*) FROM events"), 0, "no clock event");
	teardown();
}

static void
test_missed(const char *path)
{
	setup(path, at("2026-01-01T10:00:00+09:00"));
	boot();
	run_until(at("2026-01-01T12:00:00+09:00"));
	power_off();
	clk.wall = at("2026-01-04T12:00:00+09:00"); /* three nights off */
	boot();
	EQ_I(count("SELECT count(*) FROM job_runs WHERE outcome = 'missed' AND "
	           "job = 'backup:ssmix2'"), 3, "three missed nights are three missed runs");
	EQ_I(count("SELECT count(*) FROM job_runs WHERE outcome = 'missed' AND "
	           "job = 'drill-system:p'"), 1, "the weekly drill was missed once");
	started = 0;
	run_until(clk.wall + 3600 * TIME_SEC);
	EQ_I(started, 9, "then each job of those runs once");
	EQ_I(count("SELECT count(*) FROM job_runs WHERE sealed = 0 AND outcome IS NOT NULL"),
	    count("SELECT count(*) FROM job_runs"), "every row waits for its fact");
	power_off();
	clk.wall = at("2027-01-04T12:00:00+09:00"); /* a year in the cupboard */
	boot();
	EQ_I(count("SELECT count(*) FROM job_runs WHERE outcome = 'missed' AND "
	           "job = 'backup:ssmix2'"), 3 + SCHED_MISSED, "the number of rows has a limit");
	teardown();
}

static void
test_late_start(const char *path)
{
	setup(path, at("2026-01-01T10:00:00+09:00"));
	boot();
	run_until(at("2026-01-01T12:00:00+09:00"));
	power_off();
	clk.wall = at("2026-01-02T01:50:00+09:00"); /* twenty minutes late */
	boot();
	started = 0;
	run_until(clk.wall + 600 * TIME_SEC);
	EQ_I(count("SELECT count(*) FROM job_runs WHERE outcome = 'missed'"), 0,
	    "a little late is not missed");
	EQ_I(started, 5, "it just runs");
	teardown();
}

static void
test_sleep(const char *path)
{
	setup(path, at("2026-01-01T10:00:00+09:00"));
	boot();
	run_until(at("2026-01-01T12:00:00+09:00"));
	/* asleep: both clocks go on, nobody looks */
	clk.mono += 2 * TIME_DAY;
	clk.wall += 2 * TIME_DAY;
	run_until(clk.wall + 3600 * TIME_SEC);
	EQ_I(count("SELECT count(*) FROM job_runs WHERE outcome = 'missed' AND "
	           "job = 'backup:ssmix2'"), 2, "a machine asleep has missed its runs");
	EQ_I(count("SELECT count(*) FROM events"), 0, "its clock did not jump");
	teardown();
}

static void
test_clock(const char *path)
{
	setup(path, at("2026-01-01T10:00:00+09:00"));
	boot();
	run_until(at("2026-01-01T12:00:00+09:00"));
	clk.wall += 4 * 60 * TIME_SEC;
	run_until(clk.wall + 120 * TIME_SEC);
	EQ_I(count("SELECT count(*) FROM events"), 0, "four minutes are nothing");
	clk.wall += 10 * 60 * TIME_SEC;
	run_until(clk.wall + 120 * TIME_SEC);
	EQ_I(count("SELECT count(*) FROM events WHERE kind = 'clock.jump'"), 1,
	    "ten minutes are an event");
	/* a dead clock battery: ten years ahead, then corrected */
	clk.wall = at("2036-01-01T10:00:00+09:00");
	run_until(clk.wall + 7200 * TIME_SEC);
	clk.wall = at("2026-01-02T00:00:00+09:00");
	started = 0;
	(void)!loop_step(l, 60 * TIME_SEC, NULL);
	run_until(at("2026-01-03T00:00:00+09:00"));
	OK(started >= 7, "after a clock that ran ahead the next night's jobs run (%u)", started);
	EQ_I(count("SELECT count(*) FROM jobs WHERE next_due > 1767920400000000"), 0,
	    "nothing stays planned for another decade");
	teardown();
}

static void
test_errors(const char *path)
{
	setup(path, at("2026-01-01T10:00:00+09:00"));
	boot();
	run_until(at("2026-01-01T12:00:00+09:00"));
	EQ_I(sched_now(s, "no-such-job", NULL), E_NOENT, "an unknown job");
	answer = 3;
	started = 0;
	OK(sched_now(s, "backup:ssmix2", NULL) == 0, "a job by hand");
	run_until(at("2026-01-01T20:00:00+09:00"));
	EQ_I(started, 1 + SCHED_TRIES, "an error is tried again, a few times");
	EQ_I(count("SELECT count(*) FROM job_runs WHERE outcome = 'error' AND exit_status = 3"),
	    1 + SCHED_TRIES, "and recorded each time");
	answer = 1;
	started = 0;
	OK(sched_now(s, "verify:p", NULL) == 0, "another");
	run_until(at("2026-01-01T22:00:00+09:00"));
	EQ_I(started, 1, "an answer \"no\" is an answer, not repeated");
	EQ_I(count("SELECT count(*) FROM job_runs WHERE outcome = 'fail' AND job = 'verify:p'"), 1,
	    "and recorded");
	refuse = 1;
	OK(sched_now(s, "verify:p", NULL) == 0, "a program that is missing");
	run_until(clk.wall + 120 * TIME_SEC);
	EQ_I(count("SELECT count(*) FROM job_runs WHERE outcome = 'error' AND job = 'verify:p' AND "
	           "message = 'no such program'"), 1, "is recorded with its reason");
	teardown();
}

static void
test_cut_off(const char *path)
{
	setup(path, at("2026-01-01T10:00:00+09:00"));
	boot();
	run_until(at("2026-01-01T12:00:00+09:00"));
	hang = true;
	if (sched_now(s, "drill-system:p", NULL) < 0)
		abort();
	run_until(clk.wall + 60 * TIME_SEC);
	OK(sched_running(s) && strcmp(last_system, "database") == 0,
	    "a drill of a system is running");
	power_off(); /* kill -9: nothing is told to anybody */
	clk.wall += 60 * TIME_SEC;
	hang = false;
	boot();
	EQ_I(count("SELECT count(*) FROM job_runs WHERE ended IS NULL"), 0, "no run stays open");
	EQ_I(count("SELECT count(*) FROM job_runs WHERE message LIKE 'cut off%'"), 1,
	    "it is recorded as cut off");
	last_system[0] = 0;
	run_until(clk.wall + 300 * TIME_SEC);
	EQ_S(last_system, "database", "and the same system is drilled again");
	teardown();
}

int
main(void)
{
	char dir[] = "/tmp/mamori-sched-XXXXXX", path[64];
	void (*const tests[])(const char *) = {test_year, test_missed, test_late_start, test_sleep,
	    test_clock, test_errors, test_cut_off};

	(void)setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	if (!mkdtemp(dir))
		abort();
	test_when();
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%zu.db", dir, i);
		tests[i](path);
	}
	if (fork() == 0)
		(void)execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
	return tap_done();
}
