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
#include "sys/chan.h"
#include "sys/loop.h"
#include "sys/proc.h"

enum {
	MAX_ARGS = 64,
	OUT_MAX = 40 << 10,
	ERR_MAX = 8 << 10,
	TERM_WAIT_S = 20,
	MAX_SECONDS = 7 * 86400
};

struct runner {
	const struct runner_conf *conf;
	struct loop *l;
	int sock;
	/* the one child; pid 0: none */
	int64_t run;
	pid_t pid;
	int status;
	bool ended, late, killed;
	int out, err;
	struct loop_src *out_src, *err_src, *timer;
	struct buf out_buf, err_buf;
	bool out_cut;
};

/* --- what may be run ------------------------------------------------------------------------ */

static const struct {
	const char *words[2];
} table[] = {
	{{"vault", "backup"}},
	{{"vault", "verify"}},
	{{"drill", "restore"}},
};

static const char *const options[] = {"--name", "--data", "--key", "--repo", "--files", "--system"};

bool
runner_allowed(const json_t *argv)
{
	size_t n = json_array_size(argv), i;
	bool known = false;

	if (n < 2 || n > MAX_ARGS)
		return false;
	for (i = 0; i < n; i++)
		if (!json_is_string(json_array_get(argv, i)))
			return false;
	for (i = 0; i < ARRAY_LEN(table); i++)
		known = known ||
		    (strcmp(json_string_value(json_array_get(argv, 0)), table[i].words[0]) == 0 &&
		        strcmp(json_string_value(json_array_get(argv, 1)), table[i].words[1]) == 0);
	for (i = 2; known && i < n; i++) {
		const char *s = json_string_value(json_array_get(argv, i));
		bool option = false;

		if (s[0] != '-')
			continue;
		for (size_t k = 0; k < ARRAY_LEN(options); k++)
			option = option || strcmp(s, options[k]) == 0;
		known = option;
	}
	return known;
}

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
report(struct runner *r)
{
	int status = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : -1;
	const char *msg = r->late ? "stopped: it took longer than allowed"
	    : r->killed		   ? "stopped"
	    : r->out_cut	   ? "it printed too much"
	    : status < 0	   ? "it died"
	    : status == 0	   ? ""
				   : last_line(&r->err_buf);
	const char *out = buf_cstr(&r->out_buf, NULL);
	json_t *o;
	char *s;

	if (r->late || r->killed)
		status = -1;
	o = json_pack(
	    "{s:I, s:i, s:s}", "run", (json_int_t)r->run, "status", status, "message", msg);
	if (out && utf8_ok(r->out_buf.p, r->out_buf.len))
		(void)json_object_set_new(o, "out", json_string(out));
	s = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!s || strlen(s) > CHAN_MAX || send(r->sock, s, strlen(s), MSG_NOSIGNAL) < 0)
		loop_stop(r->l); /* nobody would know: mamorid sees our end and starts anew */
	free(s);
	buf_clear(&r->out_buf);
	buf_clear(&r->err_buf);
	r->pid = 0;
	loop_arm(r->timer, -1);
}

static void
maybe_report(struct runner *r)
{
	if (r->pid && r->ended && !r->out_src && !r->err_src)
		report(r);
}

/* --- the child ------------------------------------------------------------------------------ */

static void
drain(struct loop *l, int fd, uint32_t events, void *cookie)
{
	struct runner *r = cookie;
	struct buf *b = fd == r->out ? &r->out_buf : &r->err_buf;
	char tmp[4096];
	ssize_t n = read(fd, tmp, sizeof(tmp));

	(void)l, (void)events;
	if (n > 0 && fd == r->out) {
		if (buf_put(b, tmp, (size_t)n, NULL) < 0)
			r->out_cut = true;
		return;
	}
	if (n > 0) { /* of the errors the last are kept */
		if (b->len + (size_t)n > ERR_MAX)
			buf_clear(b);
		(void)!buf_put(b, tmp, (size_t)n, NULL);
		return;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (fd == r->out) {
		loop_del(r->out_src);
		r->out_src = NULL;
	} else {
		loop_del(r->err_src);
		r->err_src = NULL;
	}
	(void)close(fd);
	maybe_report(r);
}

static void
on_child(struct loop *l, pid_t pid, int status, void *cookie)
{
	struct runner *r = cookie;

	(void)l;
	r->status = status;
	r->ended = true;
	/* a grandchild that still holds the pipes must not keep the run open */
	proc_kill(pid, true, SIGKILL);
	maybe_report(r);
}

static void
on_deadline(struct loop *l, void *cookie)
{
	struct runner *r = cookie;

	if (!r->pid || r->ended)
		return;
	if (!r->late && !r->killed) {
		r->late = true;
		proc_kill(r->pid, true, SIGTERM);
		loop_arm(r->timer, loop_mono(l) + TERM_WAIT_S * TIME_SEC);
		return;
	}
	proc_kill(r->pid, true, SIGKILL);
}

static int
open_pipes(struct runner *r, int w[2], struct err *e)
{
	int o[2], x[2];

	if (pipe2(o, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	if (pipe2(x, O_CLOEXEC) < 0) {
		(void)close(o[0]);
		(void)close(o[1]);
		return err_sys(e, "pipe");
	}
	r->out = o[0];
	r->err = x[0];
	w[0] = o[1];
	w[1] = x[1];
	if (loop_add_fd(r->l, r->out, EPOLLIN, drain, r, &r->out_src, e) < 0 ||
	    loop_add_fd(r->l, r->err, EPOLLIN, drain, r, &r->err_src, e) < 0)
		return E_SYS;
	return 0;
}

static int
spawn(struct runner *r, const json_t *argv, struct err *e)
{
	char zone[128] = "";
	/* the time zone is the only thing a job takes over from us */
	const char *const env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "MAMORI_LANG=ja",
	    getenv("TZ") ? zone : NULL, NULL};
	const char *av[MAX_ARGS + 8] = {r->conf->program, "--state", r->conf->state, "--json"};
	struct proc_spec spec = {.path = r->conf->program, .argv = av, .env = env, .in = -1,
	    .own_group = true, .nice = 5};
	size_t n = 4;
	int w[2] = {-1, -1}, rc;

	(void)snprintf(zone, sizeof(zone), "TZ=%.100s", getenv("TZ") ? getenv("TZ") : "");
	for (size_t i = 0; i < json_array_size(argv); i++)
		av[n++] = json_string_value(json_array_get(argv, i));
	av[n] = NULL;
	rc = open_pipes(r, w, e);
	if (rc < 0)
		return rc;
	spec.out = w[0];
	spec.err = w[1];
	rc = proc_spawn(&spec, &r->pid, e);
	(void)close(w[0]);
	(void)close(w[1]);
	if (rc == 0)
		rc = loop_add_child(r->l, r->pid, on_child, r, NULL, e);
	return rc;
}

/* --- orders --------------------------------------------------------------------------------- */

static void
start(struct runner *r, int64_t run, const json_t *argv, int64_t seconds)
{
	struct err e = {0};

	r->run = run;
	r->pid = 0;
	r->ended = r->late = r->killed = r->out_cut = false;
	if (seconds < 1 || seconds > MAX_SECONDS)
		seconds = MAX_SECONDS;
	if (runner_allowed(argv) && spawn(r, argv, &e) == 0) {
		loop_arm(r->timer, loop_mono(r->l) + seconds * TIME_SEC);
		return;
	}
	/* reported the same way as a program that failed at once */
	(void)!buf_str(&r->err_buf, e.msg[0] ? e.msg : "not a program the runner may start", NULL);
	r->pid = r->pid ? r->pid : 1;
	r->status = 127 << 8;
	r->ended = true;
	maybe_report(r); /* else when the pipes have been read to their end */
}

static void
on_order(struct loop *l, int fd, uint32_t events, void *cookie)
{
	struct runner *r = cookie;
	char *msg = malloc(CHAN_MAX);
	ssize_t n = msg ? recv(fd, msg, CHAN_MAX, MSG_DONTWAIT) : 0;
	json_t *o, *run;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		free(msg);
		return;
	}
	o = n > 0 ? json_loadb(msg, (size_t)n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	free(msg);
	if (!o) {
		/* mamorid is gone or talks nonsense */
		if (r->pid > 1)
			proc_kill(r->pid, true, SIGTERM);
		loop_stop(l);
		return;
	}
	run = json_object_get(o, "run");
	if (run && !r->pid) {
		start(r, json_integer_value(run), json_object_get(o, "argv"),
		    json_integer_value(json_object_get(o, "seconds")));
	} else if (json_object_get(o, "stop") && r->pid > 1 && !r->ended) {
		r->killed = true;
		proc_kill(r->pid, true, SIGTERM);
		loop_arm(r->timer, loop_mono(l) + TERM_WAIT_S * TIME_SEC);
	}
	json_decref(o);
}

static int
runner_main(const struct runner_conf *conf, int sock)
{
	struct runner r = {.conf = conf, .sock = sock};
	struct err e = {0};

	buf_init(&r.out_buf, OUT_MAX);
	buf_init(&r.err_buf, ERR_MAX);
	if (loop_new(loop_clock_os(), &r.l, &e) < 0 ||
	    loop_add_timer(r.l, -1, on_deadline, &r, &r.timer, &e) < 0 ||
	    loop_add_fd(r.l, sock, EPOLLIN, on_order, &r, NULL, &e) < 0)
		return 1;
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
