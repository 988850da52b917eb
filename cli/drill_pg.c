/* A PostgreSQL data directory, started and asked. Runs inside the drill's namespaces, as the user
 * that owns the directory; the server sees no network and takes nothing from the cluster's own
 * settings, which may name files that are not here. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/drill_db.h"

enum { START_S = 900, PART = 1 << 16 };

struct pg {
	const char *dir, *run;
	char bin[PATH_MAX], version[32], user[64];
	pid_t server;
	int in; /* of the next program, -1: nothing */
	char why[400];
	uint64_t bytes; /* of the dump that was read */
	bool amcheck;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
nap(void)
{
	const struct timespec t = {.tv_nsec = 50000000};

	(void)nanosleep(&t, NULL);
}

/* start(argv, in, out): A program; where its input comes from and its output goes (-1: nowhere). */
static pid_t
start(const char *const *argv, int in, int out)
{
	pid_t pid = fork();
	int null;

	if (pid != 0)
		return pid;
	null = open("/dev/null", O_RDWR);
	(void)dup2(in >= 0 ? in : null, 0);
	(void)dup2(out >= 0 ? out : null, 1);
	(void)dup2(out >= 0 ? out : null, 2);
	(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* run(p, argv, ret, n): Run to the end; the first ${n} - 1 bytes of output into ${ret} (may be
 * NULL), all of it counted. Its exit status, or -1. */
static int
run(struct pg *p, const char *const *argv, char *ret, size_t n, uint64_t *ret_bytes)
{
	char part[PART];
	uint64_t total = 0;
	int fd[2], status = 0;
	ssize_t k;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -1;
	pid = start(argv, p->in, fd[1]);
	(void)close(fd[1]);
	while (
	    pid > 0 && ((k = read(fd[0], part, sizeof(part))) > 0 || (k < 0 && errno == EINTR))) {
		size_t room = ret && total < n - 1 ? n - 1 - (size_t)total : 0;

		if (k < 0)
			continue;
		if (room)
			(void)memcpy(ret + total, part, (size_t)k < room ? (size_t)k : room);
		total += (uint64_t)k;
	}
	(void)close(fd[0]);
	if (ret)
		ret[total < n - 1 ? total : n - 1] = 0;
	if (ret_bytes)
		*ret_bytes = total;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
find_version(struct pg *p)
{
	char path[PATH_MAX];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/PG_VERSION", p->dir);
	f = fopen(path, "re");
	if (!f || !fgets(p->version, sizeof(p->version), f))
		p->version[0] = 0;
	if (f)
		(void)fclose(f);
	p->version[strcspn(p->version, "\r\n")] = 0;
	if (p->version[0] == 0 || strspn(p->version, "0123456789.") != strlen(p->version)) {
		(void)snprintf(p->why, sizeof(p->why), "its PG_VERSION cannot be read");
		return false;
	}
	(void)snprintf(p->bin, sizeof(p->bin), "/usr/lib/postgresql/%s/bin", p->version);
	(void)snprintf(path, sizeof(path), "%.4000s/postgres", p->bin);
	if (access(path, X_OK) == 0)
		return true;
	(void)snprintf(p->why, sizeof(p->why),
	    "PostgreSQL %s is not installed here (package postgresql-%s), so it cannot be started",
	    p->version, p->version);
	return false;
}

/* put(p, name, text): A file of settings. */
static bool
put(const struct pg *p, const char *name, const char *text)
{
	char path[PATH_MAX];
	bool ok;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", p->run, name);
	f = fopen(path, "we");
	if (!f)
		return false;
	ok = fputs(text, f) >= 0;
	return fclose(f) == 0 && ok;
}

static bool
settings(struct pg *p)
{
	char path[PATH_MAX];
	FILE *f;

	if (!put(p, "hba.conf", "local all all trust\n") || !put(p, "ident.conf", ""))
		return false;
	(void)snprintf(path, sizeof(path), "%s/pg.conf", p->run);
	f = fopen(path, "we");
	if (!f)
		return false;
	fprintf(f, "data_directory = '%s'\nhba_file = '%s/hba.conf'\nident_file = '%s/ident.conf'\n"
	    "listen_addresses = ''\nunix_socket_directories = '%s'\nautovacuum = off\n"
	    "max_connections = 100\nshared_buffers = 64MB\narchive_mode = off\njit = off\n",
	    p->dir, p->run, p->run, p->run);
	return fclose(f) == 0;
}

/* who(p): The name of the superuser made with the cluster, asked without a server; also replays
 * what the last run left. */
static bool
who(struct pg *p)
{
	static const char question[] = "SELECT rolname FROM pg_authid WHERE oid = 10\n";
	char prog[PATH_MAX + 16], conf[PATH_MAX + 32], out[8192], *at;
	const char *argv[] = {prog, "--single", "-D", p->dir, "-c", conf, "template1", NULL};
	int fd[2];

	(void)snprintf(prog, sizeof(prog), "%s/postgres", p->bin);
	(void)snprintf(conf, sizeof(conf), "config_file=%s/pg.conf", p->run);
	if (pipe2(fd, O_CLOEXEC) < 0)
		return false;
	(void)!write(fd[1], question, strlen(question));
	(void)close(fd[1]);
	p->in = fd[0];
	if (run(p, argv, out, sizeof(out), NULL) != 0) {
		(void)snprintf(p->why, sizeof(p->why), "the server does not start: %.300s", out);
		at = NULL;
	} else if (!(at = strstr(out, "rolname = \""))) {
		(void)snprintf(p->why, sizeof(p->why), "the server gave no answer: %.300s", out);
	}
	(void)close(fd[0]);
	p->in = -1;
	if (!at)
		return false;
	at += strlen("rolname = \"");
	(void)snprintf(p->user, sizeof(p->user), "%.*s", (int)strcspn(at, "\""), at);
	return true;
}

static bool
ask(struct pg *p, const char *db, const char *sql, char *ret, size_t n)
{
	char prog[PATH_MAX + 16];
	const char *argv[] = {prog, "-h", p->run, "-U", p->user, "-d", db, "-AtqXc", sql, NULL};

	(void)snprintf(prog, sizeof(prog), "%s/psql", p->bin);
	return run(p, argv, ret, n, NULL) == 0;
}

static bool
serve(struct pg *p, int64_t begun, int64_t *ret_first)
{
	char prog[PATH_MAX + 16], conf[PATH_MAX + 32], log[PATH_MAX], out[512];
	const char *argv[] = {prog, "-D", p->dir, "-c", conf, NULL};
	int fd, status;

	(void)snprintf(prog, sizeof(prog), "%s/postgres", p->bin);
	(void)snprintf(conf, sizeof(conf), "config_file=%s/pg.conf", p->run);
	(void)snprintf(log, sizeof(log), "%s/log", p->run);
	fd = open(log, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	p->server = start(argv, -1, fd);
	for (int64_t end = now_ms() + START_S * 1000; p->server > 0 && now_ms() < end; nap()) {
		if (waitpid(p->server, &status, WNOHANG) == p->server) {
			ssize_t n = pread(fd, out, sizeof(out) - 1, 0);

			out[n > 0 ? n : 0] = 0;
			(void)snprintf(p->why, sizeof(p->why), "the server stopped: %.300s", out);
			p->server = 0;
			break;
		}
		if (ask(p, "template1", "SELECT count(*) FROM pg_class", out, sizeof(out))) {
			*ret_first = now_ms() - begun;
			(void)close(fd);
			return true;
		}
	}
	if (!p->why[0])
		(void)snprintf(p->why, sizeof(p->why), "the server did not answer in time");
	if (fd >= 0)
		(void)close(fd);
	return false;
}

/* read_all(p): Every row of every table, as text, and every index entry where amcheck is there. */
static bool
read_all(struct pg *p)
{
	char prog[PATH_MAX + 16], out[4096];
	const char *dump[] = {prog, "-h", p->run, "-U", p->user, NULL};
	const char *check[] = {prog, "-h", p->run, "-U", p->user, "--all", "--install-missing",
	    "--heapallindexed", NULL};

	(void)snprintf(prog, sizeof(prog), "%s/pg_dumpall", p->bin);
	/* its messages stand at the end; a dump that says 0 has read everything */
	if (run(p, dump, out, sizeof(out), &p->bytes) != 0) {
		(void)snprintf(p->why, sizeof(p->why),
		    "it cannot be read to the end (pg_dumpall): %.300s",
		    p->bytes < sizeof(out) ? out : "");
		return false;
	}
	(void)snprintf(prog, sizeof(prog), "%s/pg_amcheck", p->bin);
	if (access(prog, X_OK) != 0)
		return true;
	if (run(p, check, out, sizeof(out), NULL) == 0) {
		p->amcheck = true;
		return true;
	}
	if (strstr(out, "not available") || strstr(out, "no relations to check"))
		return true; /* the extension is not installed */
	(void)snprintf(p->why, sizeof(p->why), "pg_amcheck: %.300s", out);
	return false;
}

static void
stop(struct pg *p)
{
	int status;

	if (p->server <= 0)
		return;
	(void)kill(p->server, SIGINT); /* fast */
	for (int i = 0; i < 600; i++, nap())
		if (waitpid(p->server, &status, WNOHANG) == p->server)
			return;
	(void)kill(p->server, SIGKILL);
	(void)waitpid(p->server, &status, 0);
}

json_t *
drill_pg(const char *dir, const char *run_dir)
{
	struct pg p = {.dir = dir, .run = run_dir, .in = -1};
	int64_t begun = now_ms(), first = -1;
	const char *outcome = "fail";
	char path[PATH_MAX];
	json_t *o;

	(void)snprintf(path, sizeof(path), "%s/postmaster.pid", dir);
	(void)unlink(path); /* of the machine it was copied from; this is our own copy */
	if (!find_version(&p))
		outcome = p.bin[0] ? "unknown" : "fail";
	else if (!settings(&p))
		(void)snprintf(p.why, sizeof(p.why), "no room for its settings");
	else if (who(&p) && serve(&p, begun, &first) && read_all(&p))
		outcome = "pass";
	stop(&p);
	o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "kind", "postgresql", "version", p.version,
	    "outcome", outcome, "first_answer_ms", (json_int_t)first, "bytes",
	    (json_int_t)p.bytes, "amcheck", p.amcheck);
	if (o && p.why[0])
		(void)json_object_set_new(o, "detail", json_string(p.why));
	return o;
}
