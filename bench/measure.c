/* measure [--cold] [--cwd DIR] OUT COMMAND...: run a command and write one line to OUT:
 *   wall seconds, user seconds, system seconds, peak memory (KiB), exit status, load average
 * Times and memory include children that were waited for (wait4). --cold first drops the page cache
 * (root only). The command's own output goes where ours goes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int
drop_caches(void)
{
	int fd, r;

	sync();
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	r = write(fd, "3\n", 2) == 2 ? 0 : -1;
	(void)close(fd);
	return r;
}

int
main(int argc, char **argv)
{
	const char *cwd = NULL;
	double load[3] = {0}, t0, wall;
	struct rusage ru;
	int i = 1, status, code, cold = 0;
	pid_t pid;
	FILE *out;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--cold") == 0)
			cold = 1;
		else if (strcmp(argv[i], "--cwd") == 0 && i + 1 < argc)
			cwd = argv[++i];
		else
			break;
	}
	if (argc - i < 2) {
		fprintf(stderr, "usage: measure [--cold] [--cwd DIR] OUT COMMAND...\n");
		return 2;
	}
	if (cold && drop_caches() < 0) {
		fprintf(stderr, "measure: cannot drop the page cache (not root?)\n");
		return 3;
	}
	(void)getloadavg(load, 3);
	t0 = now();
	pid = fork();
	if (pid < 0)
		return 3;
	if (pid == 0) {
		if (cwd && chdir(cwd) < 0)
			_exit(126);
		(void)execvp(argv[i + 1], argv + i + 1);
		fprintf(stderr, "measure: %s: %s\n", argv[i + 1], strerror(errno));
		_exit(127);
	}
	while (wait4(pid, &status, 0, &ru) < 0)
		if (errno != EINTR)
			return 3;
	wall = now() - t0;
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	out = fopen(argv[i], "we");
	if (!out)
		return 3;
	fprintf(out, "%.3f\t%.2f\t%.2f\t%ld\t%d\t%.2f\n", wall, seconds(ru.ru_utime),
	    seconds(ru.ru_stime), ru.ru_maxrss, code, load[0]);
	return fclose(out) == 0 ? code : 3;
}
