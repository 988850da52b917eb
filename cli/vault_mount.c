/* mamori vault mount REPO GEN DIR: a generation as a read-only folder.
 *
 * By default the command returns when the folder answers, and a process in the background serves it
 * until it is unmounted. That process is started before anything is opened, because a reading
 * handle and its threads do not survive a fork. */
#include "cli/vault_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "cli/cli_vault.h"

#include "base/num.h"
#include "base/utf8.h"
#include "vault/mount.h"

struct job {
	struct cli *c;
	const char *repo, *gen, *dir;
	struct vault_keys keys;
	bool foreground, allow_other;
	int ready_fd; /* -1 in the foreground */
	char id[2 * FMT_ID_LEN + 1];
};

static int
options(struct job *j, int argc, char **argv)
{
	static const struct option longs[] = {
		{"key", required_argument, NULL, 'k'},
		{"foreground", no_argument, NULL, 'f'},
		{"allow-other", no_argument, NULL, 'a'},
		{NULL, 0, NULL, 0},
	};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'k' && vault_keys_add(j->c, &j->keys, optarg) == CLI_OK)
			continue;
		else if (o == 'f')
			j->foreground = true;
		else if (o == 'a')
			j->allow_other = true;
		else
			return -1;
	}
	if (argc - optind != 3)
		return -1;
	j->repo = argv[optind];
	j->gen = argv[optind + 1];
	j->dir = argv[optind + 2];
	return 0;
}

/* In the foreground, what a person reads; the background process has no terminal. */
static void
on_ready(void *cookie)
{
	struct job *j = cookie;
	int null;

	if (j->foreground) {
		cli_json(j->c, json_pack("{s:b,s:s,s:s}", "ok", 1, "generation", j->id, "dir",
		    j->dir));
		cli_say(j->c,
		    L(j->c, "世代 %.8s を %s に開きました（読み取り専用）。終わるときは Ctrl-C。",
			"Generation %.8s is open at %s (read-only). Ctrl-C ends it."),
		    j->id, j->dir);
		(void)fflush(stdout);
		return;
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, 0);
		(void)dup2(null, 1);
		(void)dup2(null, 2);
		(void)close(null);
	}
	(void)setsid();
	(void)!chdir("/");
	(void)!write(j->ready_fd, j->id, 2 * FMT_ID_LEN);
	(void)close(j->ready_fd);
}

static void
on_problem(void *cookie, const char *path, const char *why)
{
	struct job *j = cookie;
	struct buf shown;
	const char *s = NULL;

	buf_init(&shown, 1 << 20);
	if (utf8_show(&shown, path, strlen(path), NULL) == 0)
		s = buf_cstr(&shown, NULL);
	if (j->foreground)
		fprintf(stderr, "mamori: %s: %s: %s\n", L(j->c, "読めません", "cannot be read"),
		    s ? s : "?", why);
	else
		syslog(LOG_ERR, "vault mount %s: cannot be read: %s: %s", j->id, s ? s : "?", why);
	buf_free(&shown);
}

/* serve(j): Open, mount, stay until the end. Returns the exit status. */
static int
serve(struct job *j)
{
	struct vault_mount_opts o = {.allow_other = j->allow_other, .stop_fd = -1,
	    .ready = on_ready, .problem = on_problem, .cookie = j};
	const struct vault_generation *g = NULL;
	struct vault_gen *gen = NULL;
	struct vault_opened v;
	struct err e = {0};
	sigset_t stop;
	int r;

	/* before any thread is started, so that all of them leave these to the descriptor */
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGINT);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigaddset(&stop, SIGHUP);
	if (vault_mount_check(j->dir, &e) < 0)
		return cli_fail(j->c, &e, L(j->c, "ここには開けません", "cannot mount there"));
	r = vault_reader(j->c, j->repo, &j->keys, &v);
	if (r != CLI_OK)
		return r;
	r = vault_generation(j->c, &v, j->repo, j->gen, &g, &gen);
	vault_gen_close(gen);
	if (r == CLI_OK) {
		hex_put(j->id, g->id, FMT_ID_LEN);
		(void)sigprocmask(SIG_BLOCK, &stop, NULL);
		o.stop_fd = signalfd(-1, &stop, SFD_CLOEXEC);
		if (vault_mount(v.r, g, j->dir, &o, &e) < 0)
			r = cli_fail(j->c, &e, L(j->c, "世代を開けませんでした",
			    "the generation could not be mounted"));
		if (o.stop_fd >= 0)
			(void)close(o.stop_fd);
	}
	vault_reader_close(&v);
	return r;
}

/* wait_ready(j, pid, fd): Until the background process serves, or ends. */
static int
wait_ready(struct job *j, pid_t pid, int fd)
{
	int status = 0;
	ssize_t n;

	do {
		n = read(fd, j->id, sizeof(j->id) - 1);
	} while (n < 0 && errno == EINTR);
	(void)close(fd);
	if (n == (ssize_t)sizeof(j->id) - 1) {
		j->id[n] = 0;
		cli_json(j->c, json_pack("{s:b,s:s,s:s,s:i}", "ok", 1, "generation", j->id, "dir",
		    j->dir, "pid", (int)pid));
		cli_say(j->c,
		    L(j->c,
			"世代 %.8s を %s に開きました（読み取り専用）。終わるときは: fusermount3 -u %s",
			"Generation %.8s is open at %s (read-only). To end: fusermount3 -u %s"),
		    j->id, j->dir, j->dir);
		return CLI_OK;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* it has said why, under --json too; saying it twice helps nobody */
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : CLI_FAIL);
}

int
vault_mount_cmd(struct cli *c, int argc, char **argv)
{
	struct job j = {.c = c, .ready_fd = -1};
	struct err e = {0};
	int pipefd[2];
	pid_t pid;

	if (options(&j, argc, argv) < 0)
		return cli_usage(c, VAULT_MOUNT_USAGE);
	if (j.foreground)
		return serve(&j);
	(void)fflush(NULL);
	if (pipe2(pipefd, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		(void)err_sys(&e, "a background process");
		return cli_fail(c, &e, NULL);
	}
	if (pid > 0) {
		(void)close(pipefd[1]);
		return wait_ready(&j, pid, pipefd[0]);
	}
	(void)close(pipefd[0]);
	j.ready_fd = pipefd[1];
	return serve(&j);
}
