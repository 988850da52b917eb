/* What a sender that a stranger took over can and cannot do. */
#include "cli/notify_jail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "tap.h"

static char dir[] = "/tmp/mamori-sender-XXXXXX";
static char ca_file[100];
static struct jail_report rep;
static in_port_t port;
static struct notify_maker maker;

/* Only there in a build that measures coverage. */
__attribute__((weak)) void __gcov_dump(void);

static const char *
at(const char *name)
{
	static char path[2][200];
	static int which;

	which = !which;
	(void)snprintf(path[which], sizeof(path[which]), "%s/%s", dir, name);
	return path[which];
}

static void
put(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1)
		OK(false, "%s", name);
	(void)close(fd);
}

/* in_jail(fn): The exit status of ${fn} in a jailed child. */
static int
in_jail(int (*fn)(void))
{
	const char *const ca[2] = {ca_file, NULL};
	pid_t pid = fork();
	struct err e = {0};
	int st = 0;

	if (pid == 0) {
		int r = notify_jail(dir, ca, &rep, &e) < 0 ? 99 : fn();

		if (r == 99)
			printf("# %s\n", e.msg);
		if (__gcov_dump)
			__gcov_dump();
		_exit(r);
	}
	(void)waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

static int
level(void)
{
	return (int)rep.level;
}

static bool
opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static int
its_own(void)
{
	if (!opens(at("records.db"), O_RDWR) || !opens(at("records.db-wal"), O_RDWR | O_TRUNC))
		return 1;
	if (!opens(at("facts/log"), O_RDWR | O_APPEND) ||
	    !opens(at("facts/new"), O_WRONLY | O_CREAT))
		return 2;
	if (rename(at("facts/new"), at("facts/head")) < 0 || unlink(at("spool/letter.pdf")) < 0)
		return 3;
	if (!opens(at("keys"), O_RDONLY | O_DIRECTORY) ||
	    !opens(at("keys/mail.password"), O_RDONLY))
		return 4;
	return opens(ca_file, O_RDONLY) && opens("/etc/hosts", O_RDONLY) ? 0 : 5;
}

static int
nothing_else(void)
{
	static const char *const others[] = {"/etc/passwd", "/etc/shadow", "/proc/self/environ",
	    "/root", "/home", "/tmp"};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (opens(others[i], O_RDONLY))
			return 1 + (int)i;
	if (opens(at("vault/log"), O_RDONLY) || opens(at("evidence/x"), O_RDONLY))
		return 20;
	if (opens(at("keys/vault.key"), O_RDONLY) || opens(at("keys/mail.password"), O_WRONLY) ||
	    opens(at("keys/new.key"), O_WRONLY | O_CREAT) || unlink(at("keys/facts.key")) == 0)
		return 21;
	if (opens(at("x"), O_WRONLY | O_CREAT) || unlink(at("records.db")) == 0 ||
	    rename(at("facts/log"), at("vault/log")) == 0 || mkdir(at("y"), 0700) == 0)
		return 22;
	return opens("/tmp/mamori-sender-x", O_WRONLY | O_CREAT) || opens(ca_file, O_WRONLY)
	    ? 23
	    : 0;
}

static int
no_program(void)
{
	(void)execl("/bin/true", "true", (char *)NULL);
	return errno == EPERM || errno == EACCES ? 0 : 1;
}

static int
no_local_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM &&
	        kill(getppid(), 0) < 0 && errno == EPERM
	    ? 0
	    : 1;
}

/* Where the kernel can hold that (Landlock ABI 4). */
static int
no_server(void)
{
	const struct sockaddr_in any = {.sin_family = AF_INET};
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return rep.landlock_abi < 4 ||
	        (bind(s, (const struct sockaddr *)&any, sizeof(any)) < 0 && errno == EACCES)
	    ? 0
	    : 1;
}

static void *
look_up(void *ret)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET};
	struct addrinfo *a = NULL;
	int *good = ret;

	*good = getaddrinfo("localhost", "smtp", &hints, &a) == 0 && a;
	if (a)
		freeaddrinfo(a);
	return NULL;
}

/* As libcurl does it: the name in a thread, then the connection. */
static int
network(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = port,
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	pthread_t t;
	int good = 0, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pair[2];

	if (s < 0 || connect(s, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return 1;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 2;
	if (pthread_create(&t, NULL, look_up, &good) != 0 || pthread_join(t, NULL) != 0)
		return 3;
	return good ? 0 : 4;
}

/* -- the helper -------------------------------------------------------------------------------- */

static bool
service(void *cookie, int64_t n, const char *name)
{
	(void)cookie;
	if (n == 7) /* never comes back */
		(void)pause();
	return n == 3 && strcmp(name, "letter.pdf") == 0 && opens("/etc/passwd", O_RDONLY);
}

static int
asks(void)
{
	if (!notify_maker_ask(&maker, 3, "letter.pdf", 30))
		return 1;
	if (notify_maker_ask(&maker, 4, "letter.pdf", 30) ||
	    notify_maker_ask(&maker, -3, "letter.pdf", 30))
		return 2;
	if (notify_maker_ask(&maker, 3, "../letter.pdf", 30) || notify_maker_ask(&maker, 3, "", 30))
		return 3;
	return notify_maker_ask(&maker, 3, "letter.pdf", 30) ? 0 : 4;
}

static void
helper(void)
{
	struct notify_maker stuck;
	struct err e;

	OK(notify_maker_start(&maker, service, NULL, &e) == 0, "a helper");
	EQ_I(in_jail(asks), 0, "answers from outside of the jail, and only what is asked properly");
	notify_maker_end(&maker);
	EQ_I(maker.pid, 0, "it has ended");
	OK(!notify_maker_ask(&maker, 3, "letter.pdf", 1), "nobody answers");
	OK(notify_maker_start(&stuck, service, NULL, &e) == 0, "one that hangs");
	OK(!notify_maker_ask(&stuck, 7, "letter.pdf", 0), "is not waited for");
	OK(!notify_maker_ask(&stuck, 3, "letter.pdf", 30), "and not asked again");
	(void)kill(stuck.pid, SIGKILL);
	notify_maker_end(&stuck);
}

int
main(void)
{
	static const char *const dirs[] = {"access", "facts", "seals", "spool", "keys", "vault",
	    "evidence"};
	static const char *const files[] = {"records.db", "records.db-wal", "records.db-shm",
	    "facts/log", "facts/head", "spool/letter.pdf", "keys/mail.password", "keys/facts.key",
	    "keys/vault.key", "vault/log", "evidence/x"};
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sa);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char cmd[80];

	if (!mkdtemp(dir))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (mkdir(at(dirs[i]), 0700) < 0)
			return 1;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		put(files[i]);
	(void)snprintf(ca_file, sizeof(ca_file), "%s/vault/ca.pem", dir);
	put("vault/ca.pem");
	if (s < 0 || bind(s, (const struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(s, 5) < 0 ||
	    getsockname(s, (struct sockaddr *)&sa, &len) < 0)
		return 1;
	port = sa.sin_port;
	(void)fflush(stdout);
	OK(in_jail(level) >= JAIL_CALLS, "a jail");
	EQ_I(in_jail(its_own), 0, "the sender has what it needs");
	EQ_I(in_jail(network), 0, "and the network");
	EQ_I(in_jail(no_server), 0, "but is nobody's server");
	EQ_I(in_jail(no_program), 0, "it starts no program");
	EQ_I(in_jail(no_local_socket), 0, "speaks to no local service and signals nobody");
	if (in_jail(level) >= JAIL_PATHS) {
		put("spool/letter.pdf");
		EQ_I(in_jail(nothing_else), 0, "no other file, no vault, no other key");
	} else {
		SKIP("this kernel has no list of paths");
	}
	helper();
	(void)close(s);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd) != 0 ? 1 : tap_done(); /* allow: a test's own directory */
}
