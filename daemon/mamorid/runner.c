#include "mamorid/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/time.h"
#include "base/utf8.h"
#include "mamorid/allow.h"
#include "sys/chan.h"
#include "sys/fio.h"
#include "sys/loop.h"
#include "sys/proc.h"

enum {
	OUT_MAX = 40 << 10,
	KEEP_MAX = 1 << 30, /* bytes of a kept output */
	ERR_MAX = 8 << 10,
	TERM_WAIT_S = 20,
	MAX_SECONDS = 7 * 86400
};

#define PROGRESS "progress: " /* cli_progress writes it so when MAMORI_PROGRESS is set */

struct runner;
struct child { /* pid 0: free */
	struct runner *r;
	int64_t run;
	pid_t pid;
	int status;
	bool ended, late, killed;
	int out, err, keep; /* keep: a file that gets what it prints; -1 */
	uint64_t kept;
	struct loop_src *out_src, *err_src, *timer;
	struct buf out_buf, err_buf;
	bool out_cut;
	int64_t said; /* when progress was last passed on */
};

struct runner {
	const struct runner_conf *conf;
	struct loop *l;
	int sock;
	struct child c[RUNNER_AT_ONCE];
};

/* --- the report ----------------------------------------------------------------------------- */

/* last_line(b): The last line of what a program said on stderr, printable; owned by ${b}. */
static const char *
last_line(struct buf *b)
{
	struct buf show;
	size_t end = b->len, from;

	while (end > 0 && (b->p[end - 1] == '\n' || b->p[end - 1] == '\r'))
		end--;
	/* the advice under a message starts with two spaces; the message is what counts */
	for (;;) {
		for (from = end; from > 0 && b->p[from - 1] != '\n';)
			from--;
		if (from == 0 || end == from || b->p[from] != ' ')
			break;
		end = from - 1;
	}
	if (end == 0)
		return "";
	buf_init(&show, 4 * ERR_MAX + 16);
	if (utf8_show(&show, b->p + from, end - from > 400 ? 400 : end - from, NULL) < 0) {
		buf_free(&show);
		return "";
	}
	buf_free(b);
	*b = show;
	return buf_cstr(b, NULL) ? (const char *)b->p : "";
}

static void
send_json(struct runner *r, json_t *o)
{
	char *s = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	if (!s || strlen(s) > CHAN_MAX || send(r->sock, s, strlen(s), MSG_NOSIGNAL) < 0)
		loop_stop(r->l); /* nobody would know: mamorid sees our end and starts anew */
	free(s);
}

static void
report(struct child *c)
{
	int status = WIFEXITED(c->status) ? WEXITSTATUS(c->status) : -1;
	const char *msg = c->late ? "stopped: it took longer than allowed"
	    : c->killed		   ? "stopped"
	    : c->out_cut	   ? "it printed too much"
	    : status < 0	   ? "it died"
	    : status == 0	   ? ""
				   : last_line(&c->err_buf);
	const char *out = buf_cstr(&c->out_buf, NULL);
	json_t *o;

	if (c->late || c->killed || (c->out_cut && c->keep >= 0))
		status = -1;
	o = json_pack(
	    "{s:I, s:i, s:s}", "run", (json_int_t)c->run, "status", status, "message", msg);
	if (out && utf8_ok(c->out_buf.p, c->out_buf.len))
		(void)json_object_set_new(o, "out", json_string(out));
	send_json(c->r, o);
	buf_clear(&c->out_buf);
	buf_clear(&c->err_buf);
	fio_close(fio_os(), c->keep);
	c->keep = -1;
	c->pid = 0;
	loop_arm(c->timer, -1);
}

static void
maybe_report(struct child *c)
{
	if (c->pid && c->ended && !c->out_src && !c->err_src)
		report(c);
}

/* --- the child ------------------------------------------------------------------------------ */

static void
close_end(struct child *c, bool out)
{
	struct loop_src **s = out ? &c->out_src : &c->err_src;

	loop_del(*s);
	*s = NULL;
	(void)close(out ? c->out : c->err);
	maybe_report(c);
}

static void
on_out(struct loop *l, int fd, uint32_t events, void *cookie)
{
	struct child *c = cookie;
	char tmp[16384];
	ssize_t n = read(fd, tmp, sizeof(tmp));

	(void)l, (void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close_end(c, true);
		return;
	}
	if (c->keep < 0) {
		if (buf_put(&c->out_buf, tmp, (size_t)n, NULL) < 0)
			c->out_cut = true;
		return;
	}
	if (!c->out_cut && (c->kept + (size_t)n > KEEP_MAX ||
	        fio_pwrite_all(fio_os(), c->keep, tmp, (size_t)n, c->kept, NULL) < 0))
		c->out_cut = true;
	c->kept += (size_t)n;
}

/* take_progress(c): Pass the newest line of progress on, at most twice a second, and forget such
 * lines. */
static void
take_progress(struct child *c)
{
	static const size_t k = sizeof(PROGRESS) - 1;
	int64_t now = loop_mono(c->r->l);
	struct buf *b = &c->err_buf;
	size_t at = 0;

	while (at < b->len) {
		const unsigned char *nl = memchr(b->p + at, '\n', b->len - at);
		size_t n = nl ? (size_t)(nl - (b->p + at)) : 0;

		if (!nl)
			break;
		if (n < k || memcmp(b->p + at, PROGRESS, k) != 0) {
			at += n + 1;
			continue;
		}
		if (now - c->said > TIME_SEC / 2 && n - k < 300 && utf8_ok(b->p + at + k, n - k)) {
			c->said = now;
			send_json(c->r, json_pack("{s:I, s:s%}", "run", (json_int_t)c->run,
			    "progress", (const char *)b->p + at + k, n - k));
		}
		(void)memmove(b->p + at, b->p + at + n + 1, b->len - at - n - 1);
		b->len -= n + 1;
	}
}

static void
on_err(struct loop *l, int fd, uint32_t events, void *cookie)
{
	struct child *c = cookie;
	char tmp[4096];
	ssize_t n = read(fd, tmp, sizeof(tmp));

	(void)l, (void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close_end(c, false);
		return;
	}
	if (c->err_buf.len + (size_t)n > ERR_MAX) /* of the errors the last are kept */
		buf_clear(&c->err_buf);
	(void)!buf_put(&c->err_buf, tmp, (size_t)n, NULL);
	take_progress(c);
}

static void
on_child(struct loop *l, pid_t pid, int status, void *cookie)
{
	struct child *c = cookie;

	(void)l;
	c->status = status;
	c->ended = true;
	/* a grandchild that still holds the pipes must not keep the run open */
	proc_kill(pid, true, SIGKILL);
	maybe_report(c);
}

static void
on_deadline(struct loop *l, void *cookie)
{
	struct child *c = cookie;

	if (!c->pid || c->ended)
		return;
	if (!c->late && !c->killed) {
		c->late = true;
		proc_kill(c->pid, true, SIGTERM);
		loop_arm(c->timer, loop_mono(l) + TERM_WAIT_S * TIME_SEC);
		return;
	}
	proc_kill(c->pid, true, SIGKILL);
}

static int
open_pipes(struct child *c, int w[2], struct err *e)
{
	int o[2], x[2];

	if (pipe2(o, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	if (pipe2(x, O_CLOEXEC) < 0) {
		(void)close(o[0]);
		(void)close(o[1]);
		return err_sys(e, "pipe");
	}
	c->out = o[0];
	c->err = x[0];
	w[0] = o[1];
	w[1] = x[1];
	if (loop_add_fd(c->r->l, c->out, EPOLLIN, on_out, c, &c->out_src, e) < 0 ||
	    loop_add_fd(c->r->l, c->err, EPOLLIN, on_err, c, &c->err_src, e) < 0)
		return E_SYS;
	return 0;
}

static int
open_keep(struct child *c, struct err *e)
{
	char path[4200];

	(void)snprintf(path, sizeof(path), "%s/spool/out-%lld", c->r->conf->state,
	    (long long)(c->run < 0 ? -c->run : c->run));
	c->keep = fio_open(fio_os(), AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600, e);
	return c->keep < 0 ? c->keep : 0;
}

static int
spawn(struct child *c, const json_t *o, struct err *e)
{
	const json_t *argv = json_object_get(o, "argv");
	char zone[128] = "";
	/* the time zone is the only thing a job takes over from us */
	const char *const env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8",
	    json_is_true(json_object_get(o, "en")) ? "MAMORI_LANG=en" : "MAMORI_LANG=ja",
	    "MAMORI_PROGRESS=1", getenv("TZ") ? zone : NULL, NULL};
	const char *av[ALLOW_ARGS + 8] = {c->r->conf->program, "--state", c->r->conf->state};
	struct proc_spec spec = {.path = c->r->conf->program, .argv = av, .env = env, .in = -1,
	    .own_group = true, .nice = 5};
	size_t n = 3;
	int w[2] = {-1, -1}, rc;

	if (!json_is_true(json_object_get(o, "raw")))
		av[n++] = "--json";
	(void)snprintf(zone, sizeof(zone), "TZ=%.100s", getenv("TZ") ? getenv("TZ") : "");
	for (size_t i = 0; i < json_array_size(argv); i++)
		av[n++] = json_string_value(json_array_get(argv, i));
	av[n] = NULL;
	rc = json_is_true(json_object_get(o, "keep")) ? open_keep(c, e) : 0;
	if (rc == 0)
		rc = open_pipes(c, w, e);
	if (rc < 0)
		return rc;
	spec.out = w[0];
	spec.err = w[1];
	rc = proc_spawn(&spec, &c->pid, e);
	(void)close(w[0]);
	(void)close(w[1]);
	if (rc == 0)
		rc = loop_add_child(c->r->l, c->pid, on_child, c, NULL, e);
	return rc;
}

/* --- orders --------------------------------------------------------------------------------- */

static void
start(struct runner *r, int64_t run, const json_t *o)
{
	int64_t seconds = json_integer_value(json_object_get(o, "seconds"));
	struct child *c = NULL;
	struct err e = {0};

	for (size_t i = 0; i < RUNNER_AT_ONCE && !c; i++)
		if (!r->c[i].pid)
			c = &r->c[i];
	if (!c) {
		send_json(r, json_pack("{s:I, s:i, s:s}", "run", (json_int_t)run, "status", 127,
		    "message", "too much is running"));
		return;
	}
	c->run = run;
	c->ended = c->late = c->killed = c->out_cut = false;
	c->kept = 0;
	c->said = 0;
	if (seconds < 1 || seconds > MAX_SECONDS)
		seconds = MAX_SECONDS;
	if (allow_argv(r->conf->state, json_object_get(o, "argv")) && spawn(c, o, &e) == 0) {
		loop_arm(c->timer, loop_mono(r->l) + seconds * TIME_SEC);
		return;
	}
	/* reported the same way as a program that failed at once */
	(void)!buf_str(&c->err_buf, e.msg[0] ? e.msg : "not a program the runner may start", NULL);
	c->pid = c->pid ? c->pid : 1;
	c->status = 127 << 8;
	c->ended = true;
	maybe_report(c); /* else when the pipes have been read to their end */
}

static void
stop(struct child *c)
{
	if (c->pid < 2 || c->ended)
		return;
	c->killed = true;
	proc_kill(c->pid, true, SIGTERM);
	loop_arm(c->timer, loop_mono(c->r->l) + TERM_WAIT_S * TIME_SEC);
}

static void
on_order(struct loop *l, int fd, uint32_t events, void *cookie)
{
	struct runner *r = cookie;
	char *msg = malloc(CHAN_MAX);
	ssize_t n = msg ? recv(fd, msg, CHAN_MAX, MSG_DONTWAIT) : 0;
	json_t *o;
	const json_t *run, *which;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		free(msg);
		return;
	}
	o = n > 0 ? json_loadb(msg, (size_t)n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	free(msg);
	if (!o) {
		/* mamorid is gone or talks nonsense */
		for (size_t i = 0; i < RUNNER_AT_ONCE; i++)
			if (r->c[i].pid > 1)
				proc_kill(r->c[i].pid, true, SIGTERM);
		loop_stop(l);
		return;
	}
	run = json_object_get(o, "run");
	which = json_object_get(o, "stop");
	if (run)
		start(r, json_integer_value(run), o);
	else if (which)
		for (size_t i = 0; i < RUNNER_AT_ONCE; i++)
			if (r->c[i].pid && r->c[i].run == json_integer_value(which))
				stop(&r->c[i]);
	json_decref(o);
}

static int
runner_main(const struct runner_conf *conf, int sock)
{
	struct runner r = {.conf = conf, .sock = sock};
	struct err e = {0};

	if (loop_new(loop_clock_os(), &r.l, &e) < 0 ||
	    loop_add_fd(r.l, sock, EPOLLIN, on_order, &r, NULL, &e) < 0)
		return 1;
	for (size_t i = 0; i < RUNNER_AT_ONCE; i++) {
		struct child *c = &r.c[i];

		c->r = &r;
		c->keep = -1;
		buf_init(&c->out_buf, OUT_MAX);
		buf_init(&c->err_buf, ERR_MAX);
		if (loop_add_timer(r.l, -1, on_deadline, c, &c->timer, &e) < 0)
			return 1;
	}
	return loop_run(r.l, &e) < 0;
}

int
runner_fork(const struct runner_conf *conf, int *ret_fd, pid_t *ret_pid, struct err *e)
{
	pid_t parent = getpid(), pid;
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(e, "socketpair");
	pid = fork();
	if (pid < 0) {
		int r = err_sys(e, "cannot start the job runner");

		(void)close(sv[0]);
		(void)close(sv[1]);
		return r;
	}
	if (pid == 0) {
		/* only the socket; and no way to gain anything by what it starts */
		int fd = dup2(sv[1], 3);

		(void)close_range(4, ~0U, 0);
		(void)fcntl(3, F_SETFD, FD_CLOEXEC);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		/* the terminal's Ctrl-C is for mamorid, which then ends the runner */
		(void)sigaction(SIGINT, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
		(void)sigaction(SIGTERM, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
		if (fd != 3 || getppid() != parent)
			_exit(1);
		_exit(runner_main(conf, 3));
	}
	(void)close(sv[1]);
	*ret_fd = sv[0];
	*ret_pid = pid;
	return 0;
}
