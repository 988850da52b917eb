/* Long work: rows, order, limits, what is left of it after a crash and after its time. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mamorid/mamorid.h"
#include "mamorid/tasks.h"
#include "tap.h"

void
mamorid_log(int level, const char *fmt, ...)
{
	(void)level, (void)fmt;
}

static char dir[] = "/tmp/mamori-tasks-XXXXXX";
static int64_t wall = 1795284600 * TIME_SEC, mono;
static int64_t started[64], stopped;
static int nstarted;

static int64_t
clock_mono(void *ctx)
{
	(void)ctx;
	return mono;
}

static int64_t
clock_wall(void *ctx)
{
	(void)ctx;
	return wall + mono;
}

static void
clock_pass(void *ctx, int64_t us)
{
	(void)ctx;
	mono += us < 0 ? TIME_SEC : us;
}

static int
on_start(void *ctx, json_t *order, struct err *e)
{
	(void)ctx, (void)e;
	started[nstarted++] = -json_integer_value(json_object_get(order, "run"));
	json_decref(order);
	return 0;
}

static void
on_stop(void *ctx, int64_t n)
{
	(void)ctx;
	stopped = n;
}

static const struct tasks_ops ops = {.start = on_start, .stop = on_stop};
static struct loop *l;
static struct db *db;
static struct state st;

static void
steps(void)
{
	for (int i = 0; i < 8; i++)
		if (loop_step(l, 0, NULL) < 0)
			abort();
}

static int
begin(struct tasks *t, const char *owner, char id[TASK_ID], const char *file)
{
	json_t *argv = json_pack("[s, s]", "register", "check");
	struct task_new n = {.owner = owner, .ja = true, .word = "task.verify", .it = "髙橋 <b>",
	    .argv = argv, .go = "/x", .file = file, .file_name = "a.pdf"};
	int r = task_start(t, &n, id, NULL);

	json_decref(argv);
	return r;
}

static void
report(struct tasks *t, int64_t n, const char *text)
{
	json_t *o = json_loads(text, 0, NULL);

	tasks_report(t, n, o);
	json_decref(o);
}

static const char *
state_of(const char *id)
{
	static char s[900];
	struct task x;

	if (task_get(db, id, &x, NULL) < 0)
		return "?";
	(void)snprintf(
	    s, sizeof(s), "%s|%s|%s|%d", x.state, x.progress, x.message, x.result != NULL);
	task_free(&x);
	return s;
}

static void
test_course(struct tasks *t)
{
	char id[6][TASK_ID];

	for (int i = 0; i < 5; i++)
		if (begin(t, "a", id[i], NULL) < 0)
			abort();
	steps();
	EQ_I(nstarted, TASKS_AT_ONCE, "some run at once");
	EQ_S(state_of(id[0]), "running|||0", "the first");
	EQ_S(state_of(id[4]), "waiting|||0", "the last waits");
	report(t, started[0], "{\"progress\": \"3 / 7\"}");
	EQ_S(state_of(id[0]), "running|3 / 7||0", "progress");
	report(t, started[0], "{\"status\": 0, \"out\": \"{\\\"ok\\\":true}\", \"message\": \"\"}");
	EQ_S(state_of(id[0]), "done|||1", "done with its result");
	report(t, started[0], "{\"status\": 3, \"message\": \"x\"}");
	EQ_S(state_of(id[0]), "done|||1", "what ended stays so");
	steps();
	OK(nstarted == 4, "the next one starts");
	report(t, started[1], "{\"status\": 3, \"message\": \"鍵がありません\"}");
	EQ_S(state_of(id[1]), "failed||鍵がありません|0", "failed, and why");
	OK(task_stop(t, id[2], NULL) == 0 && stopped == started[2], "stopping asks the runner");
	report(t, started[2], "{\"status\": -1, \"message\": \"stopped\"}");
	EQ_S(state_of(id[2]), "stopped||stopped|0", "stopped");
	EQ_I(task_stop(t, "nope", NULL), E_NOENT, "no such task");
}

static void
test_limits(struct tasks *t)
{
	char id[TASK_ID], last[TASK_ID] = "";
	int n = 0;
	json_t *argv = json_pack("[s, s]", "account", "add");
	struct task_new bad = {.owner = "a", .word = "task.verify", .argv = argv};

	EQ_I(task_start(t, &bad, id, NULL), E_INVAL, "only what the runner may start");
	json_decref(argv);
	while (n < 50 && begin(t, "b", id, NULL) == 0) {
		(void)memcpy(last, id, sizeof(last));
		n++;
	}
	EQ_I(n, TASKS_OWNER, "one account cannot fill the queue");
	OK(begin(t, "c", id, NULL) == 0, "another still can");
	OK(task_stop(t, last, NULL) == 0, "stopping one that waits");
	EQ_S(state_of(last), "stopped||stopped|0", "it never starts");
}

static int
count(const struct task *t, void *cookie, struct err *e)
{
	(void)e;
	if (strcmp(t->owner, "c") == 0)
		(*(int *)cookie)++;
	return 0;
}

static void
test_crash(struct tasks **t)
{
	char id[TASK_ID];
	int n = 0;

	OK(task_each(db, "c", 50, count, &n, NULL) == 0 && n == 1, "a list of one's own");
	tasks_free(*t);
	OK(tasks_new(l, db, &st, &ops, t, NULL) == 0, "a new start");
	OK(db_exec(db, "UPDATE tasks SET state = 'stopped', ended = 1 WHERE state = 'waiting'", "",
	       NULL) > 0, "cleared");
	EQ_I(begin(*t, "d", id, NULL), 0, "a task");
	steps();
	EQ_S(state_of(id), "running|||0", "runs: the places of before are free again");
	tasks_free(*t);
	OK(tasks_new(l, db, &st, &ops, t, NULL) == 0, "kill -9 and a new start");
	OK(strncmp(state_of(id), "failed||cut off", 15) == 0, "recorded as cut off");
}

static void
test_expiry(struct tasks *t)
{
	char rel[TASK_FILE], abs[4200], id[TASK_ID];
	struct task x;
	int dirfd = state_dir(&st, "spool", true, NULL);

	task_file(&st, ".pdf", rel, abs, sizeof(abs));
	OK(dirfd >= 0 && fio_replace(st.f, st.dirfd, rel, "x", 1, 0600, NULL) == 0, "a result");
	OK(begin(t, "e", id, rel) == 0, "a task that makes it");
	steps();
	report(t, started[nstarted - 1], "{\"status\": 0, \"message\": \"\"}");
	OK(access(abs, F_OK) == 0 && strncmp(abs, dir, strlen(dir)) == 0, "it is there");
	mono += TASKS_KEEP + 2 * 3600 * TIME_SEC;
	steps();
	OK(access(abs, F_OK) != 0, "a day later it is gone");
	OK(task_get(db, id, &x, NULL) == 0 && x.expires == 0, "and the row says so");
	task_free(&x);
	mono += TASKS_FORGET;
	steps();
	EQ_I(task_get(db, id, &x, NULL), E_NOENT, "a month later the row, too");
	fio_close(st.f, dirfd);
}

/* lies(name, age): A file in the spool, last written ${age} seconds before the loop's now. */
static void
lies(const char *name, int64_t age)
{
	char rel[80];
	struct timespec at[2] = {{.tv_sec = (wall + mono) / TIME_SEC - age}};

	at[1] = at[0];
	(void)snprintf(rel, sizeof(rel), "spool/%s", name);
	if (fio_replace(st.f, st.dirfd, rel, "x", 1, 0600, NULL) < 0 ||
	    utimensat(st.dirfd, rel, at, 0) < 0)
		abort();
}

static bool
there(const char *name)
{
	char rel[80];

	(void)snprintf(rel, sizeof(rel), "spool/%s", name);
	return faccessat(st.dirfd, rel, F_OK, 0) == 0;
}

static void
with_file(struct tasks *t, const char *owner, char id[TASK_ID], const char *name, bool key)
{
	char path[200], pass[210];
	json_t *argv;
	struct task_new n = {.owner = owner, .word = "task.import"};

	(void)snprintf(path, sizeof(path), "%s/spool/%s", dir, name);
	(void)snprintf(pass, sizeof(pass), "%s.pass", path);
	argv = key ? json_pack("[s, s, s, s, s, s, s, s]", "vault", "accept", "/v", "00ff",
	                 "--approver-key", path, "--passphrase-file", pass)
		   : json_pack("[s, s, s, s, s]", "register", "import", "person", path,
		         "--dry-run");
	n.argv = argv;
	if (task_start(t, &n, id, NULL) < 0)
		abort();
	json_decref(argv);
	steps();
}

static void
test_uploads(struct tasks **t)
{
	char id[TASK_ID];

	lies("up-a1", 10);
	lies("up-a1.pass", 10);
	with_file(*t, "f", id, "up-a1", true);
	OK(there("up-a1"), "a key lies there while its command runs");
	report(*t, started[nstarted - 1], "{\"status\": 1, \"message\": \"x\"}");
	OK(!there("up-a1"), "and not a moment longer");
	OK(!there("up-a1.pass"), "nor does the passphrase that was typed with it");
	lies("up-a2", 10);
	lies("up-a2.pass", 10);
	with_file(*t, "g", id, "up-a2", true);
	tasks_free(*t);
	OK(tasks_new(l, db, &st, &ops, t, NULL) == 0 && !there("up-a2"),
	    "nor after a crash while it ran");
	OK(!there("up-a2.pass"), "nor its passphrase");
	lies("up-a2", 4000); /* as if it could not be removed, though the row says that it ended */
	lies("up-b1", 4000);
	lies("up-b2", 3000);
	lies("up-c1", 4000);
	lies("made-1", 4000);
	with_file(*t, "h", id, "up-c1", false);
	report(*t, started[nstarted - 1], "{\"status\": 0, \"message\": \"\"}");
	mono += TIME_SEC;
	tasks_free(*t);
	OK(tasks_new(l, db, &st, &ops, t, NULL) == 0, "a start");
	steps();
	OK(!there("up-a2") && !there("up-b1"), "nobody needs them");
	OK(there("up-b2") && there("made-1"), "too young");
	OK(there("up-c1"), "a trial waits for a word");
	lies("up-d2", 4000);
	with_file(*t, "j", id, "up-d2", true);
	mono += 3600 * TIME_SEC;
	steps();
	OK(!there("up-b2"), "an hour later, without a start");
	OK(there("up-d2"), "but not what a running command reads");
	report(*t, started[nstarted - 1], "{\"status\": 0, \"message\": \"\"}");
	mono += TASKS_KEEP + 2 * 3600 * TIME_SEC;
	steps();
	OK(!there("up-c1"), "the trial is forgotten, and its file with it");
}

int
main(void)
{
	struct loop_clock clock = {.mono = clock_mono, .wall = clock_wall, .pass = clock_pass};
	struct tasks *t = NULL;
	char url[128];
	size_t n;
	const struct db_step *s = db_steps(&n);

	if (!mkdtemp(dir) || state_open(fio_os(), dir, true, &st, NULL) < 0)
		abort();
	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", dir);
	if (db_open(url, &db, NULL) < 0 || db_migrate(db, s, n, 1, NULL) < 0 ||
	    loop_new(clock, &l, NULL) < 0 || tasks_new(l, db, &st, &ops, &t, NULL) < 0)
		abort();
	test_course(t);
	test_limits(t);
	test_crash(&t);
	test_expiry(t);
	test_uploads(&t);
	tasks_free(t);
	loop_free(l);
	db_close(db);
	state_close(&st);
	if (fork() == 0)
		(void)execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
	return tap_done();
}
