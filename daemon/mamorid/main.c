/* mamorid: keeps the records, runs the jobs, seals the facts, shows the console. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "guide/guide.h"
#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/pages.h"
#include "mamorid/runner.h"
#include "sys/notify.h"
#include "sys/proc.h"

enum { STOP_WAIT_S = 25 };

static bool quiet; /* set once, by the options */

/* Under systemd a line begins with its level; a person sees the name. */
void
mamorid_log(int level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (level >= LOG_SAY && quiet)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' '; /* one message, one line */
	if (getenv("JOURNAL_STREAM"))
		(void)fprintf(stderr, "<%d>%s\n", level, text);
	else
		(void)fprintf(stderr, "mamorid: %s\n", text);
}

static void
usage(FILE *out)
{
	(void)fputs(
	    "usage: mamorid [--state DIR] [--listen ADDR:PORT] [--program FILE] "
	    "[--quiet] [--no-send] "
	    "[--version]\n"
	    "  --state DIR         where the data is (default $MAMORI_STATE, else "
	    "/var/lib/mamori)\n"
	    "  --listen ADDR:PORT  the console (default 127.0.0.1, the first free port from 8443)\n"
	    "  --program FILE      the mamori program that jobs run (default: the one beside)\n"
	    "  --quiet             say only what is wrong\n"
	    "  --no-send           mail and webhooks are sent by a timer of its own\n"
	    "  --routes            print the console's table of routes and end\n",
	    out);
}

/* show_routes(): "METHODS PATH" a line, for the test that holds a verdict for each. */
static int
show_routes(void)
{
	const struct route *all;
	char allow[ROUTE_ALLOW];
	struct err e = {0};
	size_t n;

	if (pages_routes(&all, &n, &e) < 0) {
		(void)fprintf(stderr, "mamorid: %s\n", e.msg);
		return 3;
	}
	for (size_t i = 0; i < n; i++) {
		route_allow(all[i].methods, allow);
		(void)printf("%s %s\n", (all[i].methods & M_GET) ? "GET" : allow, all[i].path);
	}
	return 0;
}

/* --- opening -------------------------------------------------------------------------------- */

static int
take_lock(struct mamorid *m, struct err *e)
{
	int run = state_dir(&m->state, "run", true, e);

	if (run < 0)
		return run;
	m->lock_fd = fio_open(m->state.f, run, "mamorid.lock", O_RDWR | O_CREAT, 0600, e);
	fio_close(m->state.f, run);
	if (m->lock_fd < 0)
		return m->lock_fd;
	if (flock(m->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, E_BUSY, "another mamorid already works on %s", m->state_path);
	return 0;
}

static int
open_records(struct mamorid *m, struct err *e)
{
	char url[PATH_MAX + 32];
	size_t n;
	const struct db_step *steps = db_steps(&n);
	int r;

	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", m->state_path);
	r = db_open(url, &m->db, e);
	if (r == 0)
		r = db_migrate(m->db, steps, n, loop_wall(m->l), e);
	if (r > 0)
		mamorid_log(LOG_SAY, "the records database is at schema step %zu", n);
	return r < 0 ? r : 0;
}

/* open_facts(m): Copies must be made even on the day the sealed record is damaged; the status turns
 * red and the facts wait in the records. */
static void
open_facts(struct mamorid *m)
{
	struct err e = {0};

	if (facts_open(&m->state, true, loop_wall(m->l), &m->facts, &e) == 0)
		return;
	m->facts = NULL;
	(void)snprintf(m->facts_error, sizeof(m->facts_error), "%s", e.msg);
	mamorid_log(LOG_ERROR, "the sealed record cannot be opened: %s", e.msg);
}

/* open_people(m, e): Accounts, and the access log. Who looked at what must be recorded; but on the
 * day that log is damaged people still get in, and every page says so. */
static int
open_people(struct mamorid *m, struct err *e)
{
	static char origin[WEB_URL + 260], rp[256];
	struct identity_conf conf = {.origin = origin, .rp = rp};
	struct console *c = &m->console;
	struct err why = {0};
	int r;

	/* passkeys need a name; browsers refuse addresses. localhost is one */
	(void)snprintf(rp, sizeof(rp), "%s", strncmp(m->url, "https://127.0.0.1:", 18) == 0 ||
	        strncmp(m->url, "https://[::1]:", 14) == 0 ? "localhost" : m->host);
	(void)snprintf(origin, sizeof(origin), "https://%s%.*s", rp,
	    (int)strcspn(strrchr(m->url, ':'), "/"), strrchr(m->url, ':'));
	r = identity_open(&m->state, m->db, &conf, &c->id, e);
	if (r < 0)
		return r;
	c->rp = rp;
	c->ops = (struct console_ops){identity_session, identity_session_may, accesslog_add};
	if (accesslog_open(&m->state, true, loop_wall(m->l), &c->log, &why) < 0) {
		mamorid_log(LOG_ERROR, "the access log cannot be opened: %s", why.msg);
		c->log_failed = true;
		c->ops.log = NULL;
	}
	r = identity_account_count(c->id, e);
	c->ready = r > 0;
	if (r == 0)
		setup_code(c);
	return r < 0 ? r : 0;
}

static int
fill_console(struct mamorid *m, struct err *e)
{
	struct console *c = &m->console;
	int r;

	*c = (struct console){.l = m->l, .db = m->db, .state = &m->state, .facts = &m->facts,
	    .host = m->host, .url = m->url, .daemon = m};
	r = open_people(m, e);
	return r < 0 ? r : pages_routes(&c->routes, &c->nroutes, e);
}

static int
open_web(struct mamorid *m, struct err *e)
{
	AUTO(buf_free) struct buf cert = {0};
	AUTO(buf_free) struct buf key = {0};
	int fd = -1, r;

	buf_init(&cert, 16 << 10);
	buf_init(&key, 16 << 10);
	r = web_bind(m->listen, &fd, m->url, e);
	if (r == 0)
		r = mamorid_site(m, &cert, &key, e);
	if (r == 0)
		r = fill_console(m, e);
	if (r == 0)
		r = web_start(m->l, fd, (const char *)cert.p, (const char *)key.p, &m->console,
		    &m->web, e);
	if (r < 0 && fd >= 0)
		(void)close(fd);
	if (key.p)
		explicit_bzero(key.p, key.cap);
	return r;
}

static int
open_socket(struct mamorid *m, struct err *e)
{
	struct chan_conf conf = {.rules = mamorid_rules,
	    .nrules = mamorid_nrules,
	    .cookie = m,
	    .max_conns = 64,
	    .max_per_uid = 32,
	    .idle_us = 60 * TIME_SEC,
	    .reply_us = 10 * TIME_SEC};
	char path[PATH_MAX + 32];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/run/mamorid.sock", m->state_path);
	r = chan_listen(path, 0600, &fd, e);
	if (r < 0)
		return r;
	r = chan_serve(m->l, fd, &conf, &m->chan, e);
	if (r < 0)
		(void)close(fd);
	else
		chan_state(m->chan, 1);
	return r;
}

/* --- living --------------------------------------------------------------------------------- */

static void
on_stop_late(struct loop *l, void *cookie)
{
	(void)cookie;
	mamorid_log(LOG_WARN, "the running job does not end; stopping without it");
	loop_stop(l);
}

static void
on_stop(struct loop *l, int signo, void *cookie)
{
	struct mamorid *m = cookie;

	(void)signo;
	if (m->stopping) {
		loop_stop(l);
		return;
	}
	m->stopping = true;
	chan_state(m->chan, 2);
	(void)!notify_send(getenv("NOTIFY_SOCKET"), "STOPPING=1", NULL);
	loop_arm(m->stop_timer, loop_mono(l) + STOP_WAIT_S * TIME_SEC);
	jobs_stop(m);
}

static void
on_dog(struct loop *l, void *cookie)
{
	struct mamorid *m = cookie;

	(void)!notify_send(getenv("NOTIFY_SOCKET"), "WATCHDOG=1", NULL);
	loop_arm(m->dog_timer, loop_mono(l) + m->dog_us);
}

static int
timers_and_signals(struct mamorid *m, struct err *e)
{
	int64_t dog = notify_watchdog_us(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	int r = loop_add_timer(m->l, -1, on_stop_late, m, &m->stop_timer, e);

	m->dog_us = dog;
	if (r == 0)
		r = loop_add_timer(
		    m->l, dog ? loop_mono(m->l) + dog : -1, on_dog, m, &m->dog_timer, e);
	if (r == 0)
		r = loop_add_signal(m->l, SIGTERM, on_stop, m, NULL, e);
	if (r == 0)
		r = loop_add_signal(m->l, SIGINT, on_stop, m, NULL, e);
	if (r == 0)
		r = loop_add_signal(m->l, SIGHUP, on_stop, m, NULL, e);
	return r;
}

static int
begin(struct mamorid *m, struct err *e)
{
	struct runner_conf runner = {.program = m->program, .state = m->state_path};
	int r = take_lock(m, e);

	if (r == 0)
		r = runner_fork(&runner, &m->runner_fd, &m->runner_pid, e);
	if (r == 0)
		r = loop_new(loop_clock_os(), &m->l, e);
	if (r == 0)
		r = timers_and_signals(m, e);
	if (r == 0)
		r = open_records(m, e);
	if (r < 0)
		return r;
	open_facts(m);
	r = open_web(m, e);
	if (r == 0)
		r = open_socket(m, e);
	if (r == 0)
		r = mamorid_jail(m, e);
	if (r < 0)
		return r;
	mamorid_log(m->jail.level < JAIL_PATHS ? LOG_WARN : LOG_SAY, "%s", m->jail.text);
	return jobs_begin(m, e);
}

/* ready(m): One line on standard output for whoever started us, and the service manager. */
static void
ready(const struct mamorid *m)
{
	json_t *o = json_pack("{s:b, s:s, s:s}", "ready", 1, "url", m->url, "fingerprint",
	    m->fingerprint);
	char text[300], setup[WEB_URL + 32];

	/* the address of the first start is for whoever started us, not for logs */
	(void)snprintf(setup, sizeof(setup), "%ssetup/%s", m->url, m->console.setup);
	if (m->console.setup[0])
		(void)json_object_set_new(o, "setup", json_string(setup));

	(void)json_dumpf(o, stdout, JSON_COMPACT);
	json_decref(o);
	(void)fputc('\n', stdout);
	(void)fflush(stdout);
	(void)snprintf(text, sizeof(text), "READY=1\nSTATUS=%s", m->url);
	(void)!notify_send(getenv("NOTIFY_SOCKET"), text, NULL);
	mamorid_log(LOG_SAY, "console %s  certificate SHA-256 %s", m->url, m->fingerprint);
}

static void
end(struct mamorid *m)
{
	if (m->runner_fd >= 0) {
		(void)close(m->runner_fd); /* the runner ends what it runs, then itself */
		while (waitpid(m->runner_pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	tasks_free(m->tasks);
	sched_free(m->sched);
	chan_free(m->chan);
	web_stop(m->web);
	guide_free(m->console.guide);
	held_free(&m->console);
	identity_close(m->console.id);
	accesslog_close(m->console.log);
	facts_close(m->facts);
	db_close(m->db);
	loop_free(m->l);
	state_close(&m->state);
}

static int
options(struct mamorid *m, int argc, char **argv)
{
	static const struct option opts[] = {{"state", required_argument, NULL, 's'},
	    {"listen", required_argument, NULL, 'l'}, {"program", required_argument, NULL, 'p'},
	    {"quiet", no_argument, NULL, 'q'}, {"no-send", no_argument, NULL, 'n'},
	    {"version", no_argument, NULL, 'v'}, {"routes", no_argument, NULL, 'r'},
	    {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = getenv("MAMORI_STATE");
	int c;

	m->state_path = state && *state ? state : "/var/lib/mamori";
	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		switch (c) {
		case 's':
			m->state_path = optarg;
			break;
		case 'l':
			m->listen = optarg;
			break;
		case 'p':
			(void)snprintf(m->program, sizeof(m->program), "%s", optarg);
			break;
		case 'q':
			quiet = true;
			break;
		case 'n':
			m->no_send = true;
			break;
		case 'v':
			(void)puts("mamorid " MAMORI_VERSION);
			return 0;
		case 'r':
			return show_routes();
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return 2;
	}
	return -1;
}

/* places(m, e): Absolute paths, because jobs do not share our working directory, and the program.
 */
static int
places(struct mamorid *m, char real[PATH_MAX], struct err *e)
{
	static char self[PATH_MAX];
	ssize_t n;
	int r = state_open(fio_os(), m->state_path, true, &m->state, e);

	if (r < 0)
		return r;
	if (!realpath(m->state_path, real))
		return err_sys(e, "%s", m->state_path);
	m->state_path = real;
	/* command lines of tasks name files below it; they must not depend on where we stand */
	(void)snprintf(m->state.path, sizeof(m->state.path), "%s", real);
	if (gethostname(m->host, sizeof(m->host) - 1) < 0 || !m->host[0])
		(void)snprintf(m->host, sizeof(m->host), "localhost");
	if (m->program[0])
		return 0;
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	return proc_beside(n > 0 ? self : "mamorid", "mamori", m->program, sizeof(m->program), e);
}

int
main(int argc, char **argv)
{
	static struct mamorid m = {.lock_fd = -1, .runner_fd = -1};
	static char real[PATH_MAX];
	struct err e = {0};
	int r = options(&m, argc, argv);

	if (r >= 0)
		return r;
	(void)umask(077);
	(void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	tzset();
	r = places(&m, real, &e);
	if (r == 0)
		r = begin(&m, &e);
	if (r == 0) {
		ready(&m);
		r = loop_run(m.l, &e);
	}
	if (r < 0)
		mamorid_log(LOG_ERROR, "%s", e.msg);
	else
		mamorid_log(LOG_SAY, "stopped");
	end(&m);
	return r == E_INVAL ? 2 : r < 0 ? 3 : m.exit_status;
}
