#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/report.h"
#include "sys/fio.h"
#include "sys/proc.h"

enum { SAID_MAX = 400, CPU_SECONDS = 90 };

static const char *const argv_render[] = {"mamori-render", NULL};
static const char *const env_render[] = {"LANG=C.UTF-8", "PATH=/nonexistent", NULL};

/* The model in memory that no other program can see or change. */
static int
model_fd(const void *model, size_t n, struct err *e)
{
	int fd = memfd_create("model", MFD_CLOEXEC | MFD_ALLOW_SEALING), r;

	if (fd < 0)
		return err_sys(e, "memory for the document");
	r = fio_pwrite_all(fio_os(), fd, model, n, 0, e);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	return fd;
}

/* Until the child closed its stderr: what it said. E_LIMIT when that took too long. */
static int
listen_to(int fd, char said[SAID_MAX], struct err *e)
{
	size_t len = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		char spill[256];
		ssize_t k;
		int n = poll(&p, 1, REPORT_WAIT_SECONDS * 1000);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, E_LIMIT, "the PDF was not ready after %d seconds",
			    REPORT_WAIT_SECONDS);
		if (len < SAID_MAX - 1)
			k = read(fd, said + len, SAID_MAX - 1 - len);
		else
			k = read(fd, spill, sizeof(spill));
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		len += len < SAID_MAX - 1 ? (size_t)k : 0;
	}
	while (len > 0 && (said[len - 1] == '\n' || (said[len - 1] & 0x80 && len == SAID_MAX - 1)))
		len--;
	said[len] = 0;
	return 0;
}

static int
outcome(int status, const char *said, struct err *e)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return err_set(e, E_SYS, "mamori-render was ended by signal %d%s%s",
		    WTERMSIG(status), *said ? ": " : "", said);
	switch (WEXITSTATUS(status)) {
	case 2:
		return err_set(e, E_INVAL, "%s", said);
	case 4:
		return err_set(e, E_NOENT, "%s", said);
	default:
		return err_set(e, E_SYS, "mamori-render: %s", *said ? said : "no reason given");
	}
}

int
report_render(const char *self, const void *model, size_t n, int out_fd, struct err *e)
{
	struct proc_spec s = {.argv = argv_render, .env = env_render, .cwd = "/", .out = out_fd,
	    .cpu_seconds = CPU_SECONDS};
	char path[4096], said[SAID_MAX] = "";
	int in, p[2], r, status = 0;
	pid_t pid;

	if (n > REPORT_MAX_JSON)
		return err_set(
		    e, E_LIMIT, "the document has %zu bytes; at most %d", n, REPORT_MAX_JSON);
	r = proc_beside(self, "mamori-render", path, sizeof(path), e);
	if (r < 0)
		return r;
	in = model_fd(model, n, e);
	if (in < 0)
		return in;
	if (pipe2(p, O_CLOEXEC) < 0) {
		r = err_sys(e, "pipe");
		(void)close(in);
		return r;
	}
	s.path = path;
	s.in = in;
	s.err = p[1];
	r = proc_spawn(&s, &pid, e);
	(void)close(in);
	(void)close(p[1]);
	if (r == 0) {
		r = listen_to(p[0], said, e);
		if (r < 0)
			proc_kill(pid, false, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (r == 0)
			r = outcome(status, said, e);
	}
	(void)close(p[0]);
	return r;
}
