#include "cli/vault_back.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/utf8.h"

/* wait_ready(b, pid, fd): Until the background process serves, or ends. */
static int
wait_ready(struct vault_back *b, pid_t pid, int fd)
{
	int status = 0;
	ssize_t n;

	do {
		n = read(fd, b->id, sizeof(b->id) - 1);
	} while (n < 0 && errno == EINTR);
	(void)close(fd);
	if (n == (ssize_t)sizeof(b->id) - 1) {
		b->id[n] = 0;
		return 1;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* it has said why, under --json too; saying it twice helps nobody */
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : CLI_FAIL);
}

int
vault_back_fork(struct vault_back *b, pid_t *ret)
{
	struct err e = {0};
	int pipefd[2];
	pid_t pid;

	b->ready_fd = -1;
	if (b->foreground)
		return 0;
	(void)fflush(NULL);
	if (pipe2(pipefd, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		(void)err_sys(&e, "a background process");
		return -cli_fail(b->c, &e, NULL);
	}
	if (pid > 0) {
		(void)close(pipefd[1]);
		*ret = pid;
		return wait_ready(b, pid, pipefd[0]);
	}
	(void)close(pipefd[0]);
	b->ready_fd = pipefd[1];
	return 0;
}

int
vault_back_signals(void)
{
	sigset_t stop;

	/* before any thread is started, so that all of them leave these to the descriptor */
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGINT);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigaddset(&stop, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &stop, NULL);
	return signalfd(-1, &stop, SFD_CLOEXEC);
}

void
vault_back_ready(struct vault_back *b)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		(void)dup2(null, 0);
		(void)dup2(null, 1);
		(void)dup2(null, 2);
		(void)close(null);
	}
	(void)setsid();
	(void)!chdir("/");
	(void)!write(b->ready_fd, b->id, 2 * FMT_ID_LEN);
	(void)close(b->ready_fd);
}

void
vault_back_problem(const struct vault_back *b, const char *path, const char *why)
{
	struct buf shown;
	const char *s = NULL;

	buf_init(&shown, 1 << 20);
	if (utf8_show(&shown, path, strlen(path), NULL) == 0)
		s = buf_cstr(&shown, NULL);
	if (b->foreground)
		fprintf(stderr, "mamori: %s: %s: %s\n", L(b->c, "読めません", "cannot be read"),
		    s ? s : "?", why);
	else
		syslog(LOG_ERR, "vault %s %s: cannot be read: %s: %s", b->what, b->id, s ? s : "?",
		    why);
	buf_free(&shown);
}
