#include "sys/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static char inside[] = "/tmp/mamori-jail-XXXXXX";
static char path_in[64];
static struct jail_report rep;

/* Only there in a build that measures coverage. */
__attribute__((weak)) void __gcov_dump(void);

/* in_jail(j, fn): Run ${fn} in a jailed child; its exit status, or 128 + signal. */
static int
in_jail(const struct jail *j, int (*fn)(void))
{
	pid_t pid = fork();
	int st = 0;

	if (pid == 0) {
		struct err e = {0};

		if (jail_enter(j, &rep, &e) < 0) {
			printf("# %s\n", e.msg);
			_exit(99);
		}
		_exit(fn());
	}
	(void)waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

static int
nothing(void)
{
	return 0;
}

static int
file_inside(void)
{
	int fd = open(path_in, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char to[80];

	(void)snprintf(to, sizeof(to), "%s.2", path_in);
	if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) < 0)
		return 1;
	return rename(path_in, to) < 0 || unlink(to) < 0 ? 2 : 0;
}

static int
file_outside(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 && (errno == EACCES || errno == EPERM) ? 0 : 1;
}

static int
file_made_outside(void)
{
	return open("/tmp/mamori-jail-outside", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES
	    ? 0
	    : 1;
}

static int
write_readonly(void)
{
	return open("/usr/share/mamori-x", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES &&
	        open("/usr/share", O_RDONLY | O_DIRECTORY) >= 0
	    ? 0
	    : 1;
}

/* With JAIL_S_READ; the file is there and the paths would allow everything. */
static int
read_only(void)
{
	if (open(path_in, O_RDONLY | O_CLOEXEC) < 0 || open("/", O_RDONLY | O_DIRECTORY) < 0)
		return 1;
	if (open(path_in, O_WRONLY) >= 0 || errno != EPERM)
		return 2;
	if (open(path_in, O_RDONLY | O_TRUNC) >= 0 || open(path_in, O_RDWR | O_APPEND) >= 0)
		return 3;
	if (open(inside, O_RDWR | O_TMPFILE, 0600) >= 0 || errno != EPERM)
		return 4;
	if (unlink(path_in) == 0 || errno != EPERM || rename(path_in, "/tmp/x") == 0)
		return 5;
	return 0;
}

static int
inet_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM ? 0 : 1;
}

static int
unix_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 ? 0 : 1;
}

static int
run_program(void)
{
	(void)execl("/bin/true", "true", (char *)NULL);
	return errno == EPERM || errno == EACCES ? 0 : 1;
}

static int
no_calls(void)
{
	if (syscall(SYS_ptrace, 0, 0, 0, 0) == 0 || errno != EPERM)
		return 1;
	if (chroot("/") == 0 || errno != EPERM)
		return 2;
	return kill(getppid(), 0) == 0 ? 3 : 0;
}

static int
no_caps(void)
{
	struct rlimit rl;
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	int seen = 0;

	if (!f)
		return 9;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "CapEff:", 7) == 0 || strncmp(line, "CapPrm:", 7) == 0)
			seen += strstr(line, "0000000000000000") != NULL;
		if (strncmp(line, "NoNewPrivs:\t1", 13) == 0)
			seen++;
	}
	(void)fclose(f);
	if (getrlimit(RLIMIT_CORE, &rl) < 0 || rl.rlim_max != 0)
		return 8;
	return seen == 3 ? 0 : 1;
}

static void *
thread(void *arg)
{
	return arg;
}

static int
threads(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0 ? 0 : 1;
}

static int
children(void)
{
	pid_t pid = fork();
	int st;

	if (pid == 0)
		(void)execl("/bin/true", "true", (char *)NULL);
	return pid > 0 && waitpid(pid, &st, 0) == pid && st == 0 ? 0 : 1;
}

static int
too_many_files(void)
{
	for (int i = 0; i < 40; i++)
		if (dup(0) < 0)
			return errno == EMFILE ? 0 : 1;
	return 2;
}

int
main(void)
{
	struct jail_path paths[] = {
		{inside, JAIL_READ | JAIL_WRITE}, {"/usr/share", JAIL_READ}, {"/proc", JAIL_READ},
		{"/nonexistent/anywhere", JAIL_READ},
	};
	struct jail_path all[] = {{"/", JAIL_READ | JAIL_WRITE}};
	struct jail_path run[] = {{"/", JAIL_READ | JAIL_EXEC}};
	struct jail j = {.paths = paths, .npaths = 4, .sets = JAIL_S_FILES | JAIL_S_UNIX,
	    .max_files = 32};
	struct jail trap = j, child = j, thr = j, strict = j, look = j;
	struct err e = {0};
	int probe = in_jail(&j, nothing), i;

	if (!mkdtemp(inside))
		abort();
	(void)snprintf(path_in, sizeof(path_in), "%s/f", inside);
	EQ_I(probe, 0, "the jail is entered");
	EQ_I(in_jail(&j, file_inside), 0, "files inside can be made, renamed, removed");
	if (syscall(444, NULL, 0, 1U) >= 1) {
		EQ_I(in_jail(&j, file_outside), 0, "a file outside is refused");
		EQ_I(in_jail(&j, file_made_outside), 0, "none is made outside");
		EQ_I(in_jail(&j, write_readonly), 0, "what may be read may not be written");
	} else {
		SKIP("this kernel has no Landlock");
	}
	EQ_I(in_jail(&j, inet_socket), 0, "an internet socket is refused");
	EQ_I(in_jail(&j, unix_socket), 0, "a local socket is allowed");
	EQ_I(in_jail(&j, run_program), 0, "no other program is run");
	EQ_I(in_jail(&j, no_calls), 0, "ptrace, chroot and kill are refused");
	EQ_I(in_jail(&j, no_caps), 0, "no capabilities, no new privileges, no core");
	EQ_I(in_jail(&j, too_many_files), 0, "the limit of open files holds");
	trap.trap = true;
	EQ_I(in_jail(&trap, inet_socket), 128 + SIGSYS, "with trap a refused call is a signal");
	thr.sets |= JAIL_S_THREADS;
	EQ_I(in_jail(&thr, threads), 0, "threads, where allowed");
	child.sets |= JAIL_S_CHILDREN;
	child.paths = run;
	child.npaths = 1;
	EQ_I(in_jail(&child, children), 0, "children, where allowed");
	look.sets = JAIL_S_READ;
	look.paths = all;
	look.npaths = 1;
	i = open(path_in, O_WRONLY | O_CREAT, 0600);
	EQ_I(in_jail(&look, read_only), 0, "reading only: nothing is made, cut or removed");
	(void)close(i);
	(void)unlink(path_in);
	strict.min_level = (enum jail_level)(JAIL_PATHS + 1);
	EQ_I(in_jail(&strict, nothing), 99, "a jail weaker than demanded is refused");
	/* in this process at last: the report */
	j.paths = all; /* so that a build that measures coverage can still write its files */
	j.npaths = 1;
	OK(jail_enter(&j, &rep, &e) == 0 && rep.level >= JAIL_CALLS && strstr(rep.text, "jail:"),
	    "the level reached is reported");
	printf("# %s\n", rep.text);
	(void)rmdir(inside);
	/* out at once: whoever looks for leaks at the end of main cannot work in here */
	i = tap_done();
	(void)fflush(stdout);
	if (__gcov_dump)
		__gcov_dump();
	_exit(i);
}
