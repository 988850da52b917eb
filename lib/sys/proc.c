#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Only async-signal-safe calls between fork and exec. */

static int
set_fds(const struct proc_spec *s, int report)
{
	int src[3] = {s->in, s->out, s->err};

	/* out of the way of 0 to 2 first, so that no dup2 overwrites a later source */
	for (int i = 0; i < 3; i++) {
		if (src[i] < 0)
			src[i] = open("/dev/null", O_RDWR | O_CLOEXEC); /* allow: no file */
		if (src[i] >= 0)
			src[i] = fcntl(src[i], F_DUPFD_CLOEXEC, 10);
		if (src[i] < 0)
			return -1;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(src[i], i) < 0)
			return -1;
	/* whatever a library left open without O_CLOEXEC */
	if (report > 3 && close_range(3, (unsigned)report - 1, 0) < 0)
		return -1;
	return close_range((unsigned)report + 1, ~0U, 0);
}

static void
reset_signals(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	const unsigned long raw[8] = {0};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &sa, NULL); /* fails for KILL and STOP, as it should */
	/* The two that libc keeps for its threads: some parents (make among them) leave them
	 * ignored, and libc's own call refuses to touch them. All zero is the default action. */
	for (int i = 32; i <= 33; i++)
		(void)syscall(SYS_rt_sigaction, i, raw, NULL, (size_t)8);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void
child(const struct proc_spec *s, int report, pid_t parent)
{
	struct rlimit cpu = {s->cpu_seconds, s->cpu_seconds + 10};
	/* execve's signature predates const; it changes nothing */
	union {
		const char *const *c;
		char *const *v;
	} argv, env;
	int sys;

	if (!s->orphan_ok) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127); /* allow: in the child; it died before the line above */
	}
	if (s->own_group && setpgid(0, 0) < 0)
		goto fail;
	if (s->cwd && chdir(s->cwd) < 0)
		goto fail;
	if (set_fds(s, report) < 0)
		goto fail;
	if (s->cpu_seconds && setrlimit(RLIMIT_CPU, &cpu) < 0)
		goto fail;
	if (s->nice) {
		errno = 0;
		if (nice(s->nice) == -1 && errno)
			goto fail;
	}
	(void)umask(077);
	reset_signals();
	argv.c = s->argv;
	env.c = s->env;
	(void)execve(s->path, argv.v, env.v);
fail:
	sys = errno;
	(void)!write(report, &sys, sizeof(sys));
	_exit(127); /* allow: in the child */
}

int
proc_spawn(const struct proc_spec *s, pid_t *ret, struct err *e)
{
	pid_t parent = getpid(), pid;
	int p[2], sys = 0;
	ssize_t n;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	/* above 2, so that setting 0 to 2 cannot hit it */
	if (p[1] <= 2) {
		int high = fcntl(p[1], F_DUPFD_CLOEXEC, 10);

		(void)close(p[1]);
		p[1] = high;
	}
	pid = p[1] < 0 ? -1 : fork();
	if (pid < 0) {
		int r = err_sys(e, "cannot start %s", s->path);

		(void)close(p[0]);
		if (p[1] >= 0)
			(void)close(p[1]);
		return r;
	}
	if (pid == 0)
		child(s, p[1], parent);
	(void)close(p[1]);
	do
		n = read(p[0], &sys, sizeof(sys));
	while (n < 0 && errno == EINTR);
	(void)close(p[0]);
	if (n != 0) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		errno = n == (ssize_t)sizeof(sys) ? sys : EIO;
		return err_sys(e, "cannot start %s", s->path);
	}
	*ret = pid;
	return 0;
}

void
proc_kill(pid_t pid, bool group, int signo)
{
	if (pid <= 1)
		return; /* never 0 (our own group), -1 (everybody) or init */
	(void)kill(group ? -pid : pid, signo);
}

static bool
runnable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int
proc_beside(const char *self, const char *name, char *ret, size_t n, struct err *e)
{
	static const char *const places[] = {
		"", "../libexec/mamori/", "../../bin/", /* installed */
		"daemon/mamorid/", "../daemon/mamorid/", "../../", "../../cli/", /* build tree */
		"daemon/mamori-render/", "../daemon/mamori-render/", /* build tree */
		"daemon/mamori-reaper/", "../daemon/mamori-reaper/", /* build tree */
		"daemon/mamori-vaultd/", "../daemon/mamori-vaultd/", /* build tree */
	};
	const char *slash = strrchr(self, '/');
	int dir = slash ? (int)(slash - self) + 1 : 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int k = snprintf(ret, n, "%.*s%s%s", dir, self, places[i], name);

		if (k > 0 && (size_t)k < n && runnable(ret))
			return 0;
	}
	return err_set(e, E_NOENT, "the program \"%s\" was not found beside %s", name, self);
}
