#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

/* run(spec, out, n): Run it with its output into a pipe; returns the wait status. */
static int
run(struct proc_spec *s, char *out, size_t n)
{
	int p[2], status = -1;
	pid_t pid;
	size_t len = 0;
	ssize_t k;

	if (pipe2(p, O_CLOEXEC) < 0)
		abort();
	s->out = p[1];
	if (proc_spawn(s, &pid, NULL) < 0) {
		(void)close(p[0]);
		(void)close(p[1]);
		return -1;
	}
	(void)close(p[1]);
	while (len + 1 < n && (k = read(p[0], out + len, n - 1 - len)) > 0)
		len += (size_t)k;
	out[len] = 0;
	(void)close(p[0]);
	(void)waitpid(pid, &status, 0);
	return status;
}

static void
test_clean(void)
{
	const char *const env[] = {"ONLY=追加 髙橋", NULL};
	const char *const argv[] = {"sh", "-c",
	    "ls /proc/self/fd | wc -l; env | grep -v ^PWD= | grep -v ^_=; umask; exit 7", NULL};
	struct proc_spec s = {.path = "/bin/sh", .argv = argv, .env = env, .in = -1, .err = -1};
	int leak = open("/dev/null", O_RDONLY); /* no O_CLOEXEC on purpose */
	char out[400];
	int st;

	(void)signal(SIGTERM, SIG_IGN);
	st = run(&s, out, sizeof(out));
	OK(WIFEXITED(st) && WEXITSTATUS(st) == 7, "the exit status comes back");
	/* 0, 1, 2 and the descriptor ls itself reads */
	OK(strncmp(out, "4\n", 2) == 0, "only three descriptors are inherited");
	OK(strstr(out, "ONLY=追加 髙橋\n") && !strstr(out, "HOME="), "only the given environment");
	OK(strstr(out, "0077\n"), "umask 077");
	(void)close(leak);
}

static void
test_signals(void)
{
	const char *const env[] = {NULL};
	const char *const argv[] = {"sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status", NULL};
	struct proc_spec s = {.path = "/bin/sh", .argv = argv, .env = env, .in = -1, .err = -1};
	sigset_t set;
	char out[400];

	(void)sigfillset(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)run(&s, out, sizeof(out));
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	OK(strstr(out, "SigBlk:\t0000000000000000") && strstr(out, "SigIgn:\t0000000000000000"),
	    "no blocked or ignored signals are inherited");
}

static void
test_missing(void)
{
	const char *const env[] = {NULL};
	const char *const argv[] = {"x", NULL};
	struct proc_spec s = {.path = "/nonexistent/x", .argv = argv, .env = env,
	    .in = -1, .out = -1, .err = -1};
	struct err e = {0};
	pid_t pid = 0;

	EQ_I(proc_spawn(&s, &pid, &e), E_NOENT, "no such program is known at once");
	OK(strstr(e.msg, "/nonexistent/x") != NULL, "and named");
	OK(pid == 0 && waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no child is left");
	s.path = "/etc/passwd";
	OK(proc_spawn(&s, &pid, &e) < 0, "not a program");
	s.path = "/bin/true";
	s.cwd = "/nonexistent";
	OK(proc_spawn(&s, &pid, &e) < 0, "no such folder");
}

static void
test_group(void)
{
	const char *const env[] = {"PATH=/bin:/usr/bin", NULL};
	const char *const argv[] = {"sh", "-c", "sleep 60 & sleep 60", NULL};
	struct proc_spec s = {.path = "/bin/sh", .argv = argv, .env = env,
	    .in = -1, .out = -1, .err = -1, .own_group = true};
	struct pollfd pf = {.events = POLLIN};
	pid_t pid;
	int st = 0, p[2];
	char c;

	if (pipe2(p, O_CLOEXEC) < 0)
		abort();
	s.out = p[1];
	if (proc_spawn(&s, &pid, NULL) < 0)
		abort();
	(void)close(p[1]);
	(void)usleep(100000);
	proc_kill(pid, true, SIGKILL);
	(void)waitpid(pid, &st, 0);
	OK(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL, "the child is killed");
	/* the pipe ends when its last holder, a grandchild, is gone */
	pf.fd = p[0];
	OK(poll(&pf, 1, 5000) == 1 && read(p[0], &c, 1) == 0, "with its whole group");
	(void)close(p[0]);
	proc_kill(0, true, SIGKILL);
	proc_kill(-1, false, SIGKILL);
	OK(true, "never a signal to everybody");
}

/* A process that starts a child and is killed must take the child with it. */
static void
test_parent_death(void)
{
	const char *const env[] = {NULL};
	const char *const argv[] = {"sleep", "60", NULL};
	int p[2];
	pid_t mid, kid = 0;
	bool gone = false;

	if (pipe(p) < 0)
		abort();
	mid = fork();
	if (mid == 0) {
		struct proc_spec s = {.path = "/bin/sleep", .argv = argv, .env = env,
		    .in = -1, .out = -1, .err = -1};

		if (proc_spawn(&s, &kid, NULL) < 0)
			_exit(1);
		(void)!write(p[1], &kid, sizeof(kid));
		(void)pause();
		_exit(0);
	}
	if (read(p[0], &kid, sizeof(kid)) != (ssize_t)sizeof(kid))
		abort();
	(void)kill(mid, SIGKILL);
	(void)waitpid(mid, NULL, 0);
	for (int i = 0; i < 100 && !gone; i++) {
		char path[64], line[512] = {0};
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)kid);
		fd = open(path, O_RDONLY);
		gone = fd < 0;
		if (fd >= 0) {
			(void)!read(fd, line, sizeof(line) - 1);
			(void)close(fd);
			gone = strstr(line, ") Z ") != NULL; /* dead, waiting for init */
		}
		(void)usleep(20000);
	}
	OK(gone, "a child dies with its parent");
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
test_beside(void)
{
	char out[256];
	struct err e = {0};

	OK(proc_beside("/bin/ls", "sh", out, sizeof(out), &e) == 0, "found in the same folder");
	EQ_S(out, "/bin/sh", "its path");
	EQ_I(proc_beside("/bin/ls", "no-such-program", out, sizeof(out), &e), E_NOENT, "not found");
	EQ_I(proc_beside("/bin/ls", "sh", out, 4, &e), E_NOENT, "no room for the path");
}

int
main(void)
{
	test_clean();
	test_signals();
	test_missing();
	test_group();
	test_parent_death();
	test_beside();
	return tap_done();
}
