/* Between the scheduler and the runner: command lines, results, facts. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mamorid/mamorid.h"
#include "mamorid/runner.h"
#include "mamorid/seal.h"

#define SEAL_RETRY (60 * TIME_SEC)

static void
word(json_t *a, const char *s)
{
	(void)json_array_append_new(a, json_string(s));
}

static void
pair(json_t *a, const char *option, const char *value)
{
	if (*value) {
		word(a, option);
		word(a, value);
	}
}

json_t *
jobs_argv(const struct sched_run *run)
{
	json_t *a = json_array(), *paths, *v;
	bool deep = strcmp(run->kind, "verify-deep") == 0;
	size_t i;

	if (strcmp(run->kind, "backup") == 0) {
		paths = run->paths ? json_loads(run->paths, 0, NULL) : NULL;
		word(a, "vault");
		word(a, "backup");
		word(a, run->repo);
		json_array_foreach(paths, i, v)
			word(a, json_is_string(v) ? json_string_value(v) : "");
		pair(a, "--name", run->system);
		json_decref(paths);
	} else if (strcmp(run->kind, "verify") == 0 || deep) {
		word(a, "vault");
		word(a, "verify");
		word(a, run->repo);
		if (deep) {
			word(a, "--data");
			pair(a, "--key", run->key_file);
		}
	} else if (strcmp(run->kind, "identity-check") == 0 ||
	    strcmp(run->kind, "register-check") == 0) {
		word(a, run->kind[0] == 'i' ? "identity" : "register");
		word(a, "check");
	} else if (strcmp(run->kind, "vault-clock") == 0) {
		word(a, "vault");
		word(a, "clock");
	} else if (strcmp(run->kind, "disk-check") == 0) {
		word(a, "vault");
		word(a, "disk");
		word(a, "check");
	} else if (strcmp(run->kind, "guide-check") == 0) {
		word(a, "guide");
		word(a, "check");
	} else {
		word(a, "drill");
		word(a, "restore");
		pair(a, "--repo", run->repo);
		pair(a, "--key", run->key_file);
		if (strcmp(run->kind, "drill-system") == 0)
			pair(a, "--system", run->system);
		else
			pair(a, "--files", "20");
	}
	return a;
}

/* --- facts ---------------------------------------------------------------------------------- */

static void
seal(struct mamorid *m)
{
	struct err e = {0};
	int r = 1;

	if (!m->facts && facts_open(&m->state, true, loop_wall(m->l), &m->facts, &e) < 0) {
		m->facts = NULL;
		r = -1;
	}
	while (r > 0)
		r = seal_pending(m->db, m->facts, m->host, loop_wall(m->l), &e);
	if (r == 0) {
		m->facts_error[0] = 0;
		return;
	}
	/* the rows wait; the status page says so */
	if (strcmp(m->facts_error, e.msg) != 0)
		mamorid_log(LOG_ERROR, "the sealed record cannot be written: %s", e.msg);
	(void)snprintf(m->facts_error, sizeof(m->facts_error), "%s", e.msg);
	loop_arm(m->seal_timer, loop_mono(m->l) + SEAL_RETRY);
}

static void
on_seal(struct loop *l, void *cookie)
{
	(void)l;
	seal(cookie);
}

static void
on_recorded(void *ctx)
{
	struct mamorid *m = ctx;

	/* from the loop: what called may be inside a transaction's end */
	loop_arm(m->seal_timer, loop_mono(m->l));
}

/* --- the runner ----------------------------------------------------------------------------- */

static void
on_note(void *ctx, const char *text)
{
	(void)ctx;
	mamorid_log(LOG_WARN, "%s", text);
}

int
jobs_tell(struct mamorid *m, json_t *o, struct err *e)
{
	char *s = json_dumps(o, JSON_COMPACT);
	int r = 0;

	json_decref(o);
	if (!s)
		return err_set(e, E_NOMEM, "no memory for an order");
	if (strlen(s) > CHAN_MAX)
		r = err_set(e, E_LIMIT, "the command line is too long");
	else if (send(m->runner_fd, s, strlen(s), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		r = err_sys(e, "the job runner does not listen");
	free(s);
	return r;
}

static int
on_start(void *ctx, const struct sched_run *run, struct err *e)
{
	struct mamorid *m = ctx;
	json_t *o = json_pack("{s:I, s:o, s:I}", "run", (json_int_t)run->id, "argv", jobs_argv(run),
	    "seconds", (json_int_t)(run->deadline_us / TIME_SEC));

	if (!o)
		return err_set(e, E_INVAL, "the job's names are not text");
	mamorid_log(LOG_SAY, "job %s begins", run->job);
	return jobs_tell(m, o, e);
}

static void
on_report(struct loop *l, int fd, uint32_t events, void *cookie)
{
	struct mamorid *m = cookie;
	const struct sched_run *run = sched_running(m->sched);
	char *msg = malloc(CHAN_MAX);
	ssize_t n = msg ? recv(fd, msg, CHAN_MAX, MSG_DONTWAIT) : -1;
	json_t *o;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		free(msg);
		return;
	}
	if (n <= 0) {
		free(msg);
		mamorid_log(LOG_ERROR, "the job runner is gone");
		m->exit_status = 3; /* whoever supervises starts us anew, with a new runner */
		loop_stop(l);
		return;
	}
	o = json_loadb(msg, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
	free(msg);
	if (json_integer_value(json_object_get(o, "run")) < 0) {
		tasks_report(m->tasks, -json_integer_value(json_object_get(o, "run")), o);
	} else if (json_integer_value(json_object_get(o, "run")) == SEND_RUN) {
		send_report(m, o);
	} else if (run && json_object_get(o, "status") &&
	    json_integer_value(json_object_get(o, "run")) == run->id) {
		int status = (int)json_integer_value(json_object_get(o, "status"));

		mamorid_log(status ? LOG_WARN : LOG_SAY, "job %s ended with status %d", run->job,
		    status);
		sched_ended(m->sched, status, json_string_value(json_object_get(o, "out")),
		    json_string_value(json_object_get(o, "message")));
	}
	json_decref(o);
	if (m->stopping && !sched_running(m->sched))
		loop_stop(l);
}

/* --- tasks ---------------------------------------------------------------------------------- */

static int
task_order(void *ctx, json_t *order, struct err *e)
{
	return jobs_tell(ctx, order, e);
}

static void
task_halt(void *ctx, int64_t n)
{
	(void)!jobs_tell(ctx, json_pack("{s:I}", "stop", (json_int_t)-n), NULL);
}

int
jobs_begin(struct mamorid *m, struct err *e)
{
	struct sched_ops ops = {.ctx = m, .start = on_start, .recorded = on_recorded,
	    .note = on_note};
	struct tasks_ops tasks = {.ctx = m, .start = task_order, .stop = task_halt};
	int r = loop_add_timer(m->l, -1, on_seal, m, &m->seal_timer, e);

	if (r == 0)
		r = loop_add_fd(m->l, m->runner_fd, EPOLLIN, on_report, m, &m->runner_src, e);
	if (r == 0)
		r = sched_new(m->l, m->db, &ops, &m->sched, e);
	if (r == 0)
		r = tasks_new(m->l, m->db, &m->state, &tasks, &m->tasks, e);
	if (r == 0)
		r = sched_add_own(m->db, loop_wall(m->l), "identity-check", "daily 06:10", e);
	if (r == 0)
		r = sched_add_own(m->db, loop_wall(m->l), "guide-check", "daily 06:20", e);
	if (r == 0)
		r = sched_add_own(m->db, loop_wall(m->l), "register-check", "daily 06:30", e);
	if (r == 0)
		r = sched_add_own(m->db, loop_wall(m->l), "disk-check", "daily 06:40", e);
	if (r == 0)
		r = sched_add_own(m->db, loop_wall(m->l), "vault-clock", "hourly 40", e);
	if (r == 0)
		r = sched_start(m->sched, e);
	if (r == 0)
		r = send_start(m, e);
	m->console.tasks = m->tasks;
	return r;
}

void
jobs_stop(struct mamorid *m)
{
	const struct sched_run *run = sched_running(m->sched);

	sched_stop(m->sched);
	if (run)
		(void)!jobs_tell(m, json_pack("{s:I}", "stop", (json_int_t)run->id), NULL);
	else
		loop_stop(m->l);
}
