/* mamori up: all daemons in the foreground, for a trial, for tests, or where there is no systemd.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/up.h"
#include "sys/fio.h"
#include "sys/proc.h"

enum { READY_WAIT_S = 60, STOP_WAIT_S = 40, RESTARTS = 5 };

static const char usage[] =
    "mamori up [--practice] [--size SIZE] [--listen ADDR:PORT]";

extern char **environ;

/* --- children ------------------------------------------------------------------------------- */

static void
on_step(struct loop *l, pid_t pid, int status, void *cookie)
{
	struct up *u = cookie;

	(void)pid;
	u->step = 0;
	u->step_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	loop_stop(l);
}

int
up_step(struct up *u, const char *const *words)
{
	const char *av[16] = {u->c->self, "--state", u->state, "--lang", L(u->c, "ja", "en")};
	/* under --json only the final object belongs on standard output */
	struct proc_spec s = {.path = u->c->self, .argv = av, .env = (const char *const *)environ,
	    .in = -1, .out = u->c->json ? 2 : 1, .err = 2, .own_group = true};
	struct err e = {0};
	size_t n = 5;

	while (*words && n < ARRAY_LEN(av) - 1)
		av[n++] = *words++;
	av[n] = NULL;
	(void)fflush(stdout);
	if (proc_spawn(&s, &u->step, &e) < 0 ||
	    loop_add_child(u->l, u->step, on_step, u, NULL, &e) < 0)
		return cli_fail(u->c, &e, NULL);
	while (u->step)
		if (loop_run(u->l, &e) < 0)
			return cli_fail(u->c, &e, NULL);
	return u->stop ? CLI_FAIL : u->step_status;
}

static void
on_daemon_end(struct loop *l, pid_t pid, int status, void *cookie)
{
	struct up *u = cookie;

	(void)pid;
	u->daemon = 0;
	u->daemon_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (u->step)
		proc_kill(u->step, true, SIGTERM);
	loop_stop(l);
}

static void
on_line(struct loop *l, int fd, uint32_t events, void *cookie)
{
	struct up *u = cookie;
	char tmp[1024];
	ssize_t n = read(fd, tmp, sizeof(tmp));
	json_t *o;

	(void)events;
	if (n < 0 && errno == EINTR)
		return;
	if (n > 0 && buf_put(&u->line, tmp, (size_t)n, NULL) == 0 &&
	    !memchr(u->line.p, '\n', u->line.len))
		return;
	loop_del(u->line_src);
	u->line_src = NULL;
	(void)close(fd);
	o = json_loadb((const char *)u->line.p, u->line.len, 0, NULL);
	if (json_is_true(json_object_get(o, "ready"))) {
		(void)snprintf(u->url, sizeof(u->url), "%s",
		    json_string_value(json_object_get(o, "url")));
		(void)snprintf(u->print, sizeof(u->print), "%s",
		    json_string_value(json_object_get(o, "fingerprint")));
		(void)snprintf(u->setup, sizeof(u->setup), "%s",
		    json_is_string(json_object_get(o, "setup"))
		        ? json_string_value(json_object_get(o, "setup"))
		        : "");
		u->ready = true;
	}
	json_decref(o);
	loop_stop(l);
}

static void
on_late(struct loop *l, void *cookie)
{
	struct up *u = cookie;

	if (u->daemon)
		proc_kill(u->daemon, false, u->stop || !u->ready ? SIGKILL : SIGTERM);
	(void)l;
}

static void
on_signal(struct loop *l, int signo, void *cookie)
{
	struct up *u = cookie;

	(void)signo;
	if (u->stop) { /* asked twice: at once */
		loop_arm(u->late, loop_mono(l));
		return;
	}
	u->stop = true;
	if (u->step)
		proc_kill(u->step, true, SIGTERM);
	if (u->daemon)
		proc_kill(u->daemon, false, SIGTERM);
	loop_arm(u->late, loop_mono(l) + STOP_WAIT_S * TIME_SEC);
	loop_stop(l);
}

/* --- the daemon ----------------------------------------------------------------------------- */

/* start(u): Start mamorid and wait for its word. 0, or an exit status. */
static int
start(struct up *u)
{
	const char *av[10] = {u->program, "--state", u->state, "--program", u->c->self,
	    "--quiet"};
	struct proc_spec s = {.path = u->program, .argv = av, .env = (const char *const *)environ,
	    .in = -1, .err = 2, .own_group = true};
	struct err e = {0};
	int p[2];

	if (u->listen) {
		av[6] = "--listen";
		av[7] = u->listen;
	}
	u->ready = false;
	buf_clear(&u->line);
	if (pipe2(p, O_CLOEXEC) < 0) {
		(void)err_sys(&e, "pipe");
		return cli_fail(u->c, &e, NULL);
	}
	s.out = p[1];
	if (proc_spawn(&s, &u->daemon, &e) < 0 ||
	    loop_add_child(u->l, u->daemon, on_daemon_end, u, NULL, &e) < 0 ||
	    loop_add_fd(u->l, p[0], EPOLLIN, on_line, u, &u->line_src, &e) < 0)
		return cli_fail(u->c, &e, NULL);
	(void)close(p[1]);
	loop_arm(u->late, loop_mono(u->l) + READY_WAIT_S * TIME_SEC);
	while (u->daemon && !u->ready && !u->stop)
		if (loop_run(u->l, &e) < 0)
			return cli_fail(u->c, &e, NULL);
	if (!u->stop)
		loop_arm(u->late, -1);
	if (u->ready || u->stop)
		return CLI_OK;
	fprintf(stderr, "mamori: %s\n", L(u->c,
	    "mamorid が始まりませんでした。理由は上の行にあります。",
	    "mamorid did not start; the reason is in the lines above."));
	return u->daemon_status == CLI_USAGE ? CLI_USAGE : CLI_FAIL;
}

static void
stop(struct up *u)
{
	struct err e = {0};

	if (!u->daemon)
		return;
	if (!u->stop) {
		proc_kill(u->daemon, false, SIGTERM);
		loop_arm(u->late, loop_mono(u->l) + STOP_WAIT_S * TIME_SEC);
		u->stop = true;
	}
	while (u->daemon)
		if (loop_run(u->l, &e) < 0)
			return;
}

static void
announce(struct up *u)
{
	struct cli *c = u->c;
	char drill[PATH_MAX * 2 + 64];

	(void)snprintf(drill, sizeof(drill), "%s --state %s drill ransomware", c->self, u->state);
	if (u->setup[0]) { /* until somebody can sign in only this address works */
		cli_say(c, "%s %s", L(c, "はじめの準備:", "First steps:"), u->setup);
		cli_say(c, "%s", L(c, "  （この住所は一度きりです。ほかの人に見せないでください）",
		    "  (this address works once; show it to nobody else)"));
	} else {
		cli_say(c, "%s %s", L(c, "画面:", "Console:"), u->url);
	}
	cli_say(c, L(c, "  （ブラウザーが証明書を尋ねたら、指紋 SHA-256 %s と見比べてください）",
	    "  (when the browser asks about the certificate, compare SHA-256 %s)"), u->print);
	cli_say(c, "%s\n  %s", L(c, "ランサムウェアの訓練は、別の端末で次の一行を打ってください:",
	    "For the ransomware drill type this line in another terminal:"), drill);
	cli_say(c, "%s", L(c, "止めるには Ctrl-C", "Ctrl-C stops."));
	cli_json(c, json_pack("{s:b, s:s, s:s, s:s, s:s*}", "ready", 1, "url", u->url,
	    "fingerprint", u->print, "drill", drill, "setup", u->setup[0] ? u->setup : NULL));
	(void)fflush(stdout);
}

/* serve(u): Until somebody asks to stop; a daemon that dies is started again, a few times. */
static int
serve(struct up *u)
{
	char again[UP_URL];
	struct err e = {0};
	int r;

	for (unsigned n = 0;; n++) {
		while (u->daemon && !u->stop)
			if (loop_run(u->l, &e) < 0)
				return cli_fail(u->c, &e, NULL);
		if (u->stop)
			return CLI_OK;
		if (n == RESTARTS) {
			fprintf(stderr, "mamori: %s\n", L(u->c, "mamorid が何度も終わりました。やめます。",
			    "mamorid ended again and again; giving up."));
			return CLI_FAIL;
		}
		fprintf(stderr, "mamori: %s\n", L(u->c, "mamorid が終わったので、もう一度始めます。",
		    "mamorid ended; starting it again."));
		/* at the same address */
		(void)snprintf(
		    again, sizeof(again), "%.*s", (int)strcspn(u->url + 8, "/"), u->url + 8);
		u->listen = again;
		(void)sleep(1);
		r = start(u);
		if (r != CLI_OK)
			return r;
	}
}

/* --- beginning ------------------------------------------------------------------------------ */

static int
options(struct up *u, int argc, char **argv)
{
	static const struct option longs[] = {{"practice", no_argument, NULL, 'p'},
	    {"size", required_argument, NULL, 's'}, {"listen", required_argument, NULL, 'l'}, {0}};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (o) {
		case 'p':
			u->practice = true;
			break;
		case 's':
			u->size = optarg;
			break;
		case 'l':
			u->listen = optarg;
			break;
		default:
			return CLI_USAGE;
		}
	}
	return optind < argc || (u->size && !u->practice) ? CLI_USAGE : CLI_OK;
}

static int
already(struct up *u)
{
	json_t *pong = NULL;
	int fd;

	if (up_call(u, "ping", NULL, &pong, NULL) < 0) {
		if (chan_connect(u->sock, &fd, NULL) < 0)
			return CLI_OK;
		(void)close(fd);
	}
	fprintf(stderr, "mamori: %s %s\n  → %s\n",
	    L(u->c, "この場所ではもう動いています:", "it is already running on this state:"),
	    json_string_value(json_object_get(pong, "url"))
	        ? json_string_value(json_object_get(pong, "url"))
	        : u->state,
	    L(u->c, "その画面を開くか、動いているほうを Ctrl-C で止めてください。",
	        "Open that console, or stop the running one with Ctrl-C."));
	json_decref(pong);
	return CLI_FAIL;
}

static int
open_all(struct up *u, struct err *e)
{
	int r = fio_mkdirs(fio_os(), u->c->state, 0700, e);

	if (r == 0 && !realpath(u->c->state, u->state))
		r = err_sys(e, "%s", u->c->state);
	if (r == 0)
		r = proc_beside(u->c->self, "mamorid", u->program, sizeof(u->program), e);
	if (r < 0)
		return r;
	(void)snprintf(u->sock, sizeof(u->sock), "%.*s/run/mamorid.sock", PATH_MAX - 32, u->state);
	buf_init(&u->line, 8192);
	r = loop_new(loop_clock_os(), &u->l, e);
	if (r == 0)
		r = loop_add_timer(u->l, -1, on_late, u, &u->late, e);
	if (r == 0)
		r = loop_add_signal(u->l, SIGINT, on_signal, u, NULL, e);
	if (r == 0)
		r = loop_add_signal(u->l, SIGTERM, on_signal, u, NULL, e);
	if (r == 0)
		r = loop_add_signal(u->l, SIGHUP, on_signal, u, NULL, e);
	return r;
}

int
cmd_up(struct cli *c, int argc, char **argv)
{
	static struct up u; /* paths make it large */
	struct err e = {0};
	int r;

	u = (struct up){.c = c};
	r = options(&u, argc, argv);
	if (r != CLI_OK)
		return cli_usage(c, usage);
	if (open_all(&u, &e) < 0)
		r = cli_fail(c, &e, L(c, "始められません", "cannot begin"));
	if (r == CLI_OK)
		r = already(&u);
	if (r == CLI_OK)
		r = start(&u);
	if (r == CLI_OK && u.practice && !u.stop)
		r = up_practice(&u);
	if (r == CLI_OK && u.ready && !u.stop) {
		announce(&u);
		r = serve(&u);
	}
	if (u.stop)
		cli_say(c, "%s", L(c, "止めています…", "Stopping ..."));
	stop(&u);
	buf_free(&u.line);
	loop_free(u.l);
	return r;
}
