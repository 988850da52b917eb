#include "cli/notify_jail.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"

/* -- the jail ---------------------------------------------------------------------------------- */

#define RW (JAIL_READ | JAIL_WRITE)

/* Below the state directory; nothing else there can be opened: no vault, no other key, no other
 * file. The database's helpers are there as long as it is open. */
static const struct jail_path own[] = {
	{"records.db", RW},
	{"records.db-wal", RW},
	{"records.db-shm", RW},
	{"access", RW},
	{"facts", RW},
	{"seals", RW},
	{"spool", RW},
	{"keys", JAIL_LIST},
	{"keys/access.key", JAIL_READ},
	{"keys/access.pub", JAIL_READ},
	{"keys/facts.key", JAIL_READ},
	{"keys/facts.pub", JAIL_READ},
	{"keys/hooks.key", JAIL_READ},
	{"keys/mail.password", JAIL_READ},
};

/* Names, certificates, the time zone, and the modules that the resolver loads when it is asked. */
static const struct jail_path common[] = {
	{"/etc/resolv.conf", JAIL_READ},
	{"/etc/hosts", JAIL_READ},
	{"/etc/host.conf", JAIL_READ},
	{"/etc/nsswitch.conf", JAIL_READ},
	{"/etc/gai.conf", JAIL_READ},
	{"/etc/services", JAIL_READ},
	{"/etc/ld.so.cache", JAIL_READ},
	{"/etc/ssl/certs", JAIL_READ},
	{"/etc/ssl/openssl.cnf", JAIL_READ},
	{"/etc/ca-certificates", JAIL_READ},
	{"/usr/share/ca-certificates", JAIL_READ},
	{"/usr/local/share/ca-certificates", JAIL_READ},
	{"/etc/localtime", JAIL_READ},
	{"/usr/share/zoneinfo", JAIL_READ},
	{"/lib", JAIL_READ},
	{"/lib64", JAIL_READ},
	{"/usr/lib", JAIL_READ},
	{"/dev/urandom", JAIL_READ},
	{"/dev/null", RW},
};

int
notify_jail(const char *state, const char *const ca[2], struct jail_report *ret, struct err *e)
{
	struct jail_path paths[ARRAY_LEN(own) + ARRAY_LEN(common) + 2];
	char text[ARRAY_LEN(own)][PATH_MAX];
	struct jail j = {
		.paths = paths,
		.sets = JAIL_S_FILES | JAIL_S_INET | JAIL_S_THREADS,
		.tcp = true,
		.max_files = 256,
		/* an alarm that goes out from a weaker jail is better than none */
		.min_level = JAIL_BASIC,
	};

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		int n = snprintf(text[i], sizeof(text[i]), "%s/%s", state, own[i].path);

		if (n < 0 || (size_t)n >= sizeof(text[i]))
			return err_set(e, E_INVAL, "the path is too long");
		paths[j.npaths++] = (struct jail_path){text[i], own[i].may};
	}
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		paths[j.npaths++] = common[i];
	for (size_t i = 0; i < 2; i++)
		if (ca[i] && *ca[i])
			paths[j.npaths++] = (struct jail_path){ca[i], JAIL_READ};
	return jail_enter(&j, ret, e);
}

/* -- the helper -------------------------------------------------------------------------------- */

struct ask {
	int64_t n;
	char name[NOTIFY_MAKER_NAME];
};

static void
serve(int fd, notify_maker_fn *fn, void *cookie)
{
	struct ask a;

	for (;;) {
		ssize_t n = recv(fd, &a, sizeof(a), 0);
		uint8_t good;

		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(a))
			_exit(0); /* nobody asks any more */
		a.name[sizeof(a.name) - 1] = 0;
		/* what comes out of the jail may be anything: a number, one name in one folder */
		good = a.n > 0 && a.name[0] && a.name[0] != '.' && !strchr(a.name, '/') &&
		    fn(cookie, a.n, a.name);
		if (send(fd, &good, sizeof(good), MSG_NOSIGNAL) != (ssize_t)sizeof(good))
			_exit(0);
	}
}

int
notify_maker_start(struct notify_maker *m, notify_maker_fn *fn, void *cookie, struct err *e)
{
	pid_t parent = getpid(), pid;
	int s[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
		return err_sys(e, "socketpair");
	pid = fork();
	if (pid < 0) {
		int r = err_sys(e, "fork");

		(void)close(s[0]);
		(void)close(s[1]);
		return r;
	}
	if (pid == 0) {
		(void)close(s[0]);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		serve(s[1], fn, cookie);
	}
	(void)close(s[1]);
	*m = (struct notify_maker){.fd = s[0], .pid = pid};
	return 0;
}

bool
notify_maker_ask(struct notify_maker *m, int64_t n, const char *name, int seconds)
{
	struct ask a = {.n = n};
	struct pollfd p = {.fd = m->fd, .events = POLLIN};
	uint8_t good = 0;

	if (m->pid <= 0 || m->fd < 0)
		return false;
	(void)snprintf(a.name, sizeof(a.name), "%s", name);
	if (send(m->fd, &a, sizeof(a), MSG_NOSIGNAL) != (ssize_t)sizeof(a) ||
	    poll(&p, 1, seconds * 1000) != 1 ||
	    recv(m->fd, &good, sizeof(good), MSG_DONTWAIT) != (ssize_t)sizeof(good)) {
		(void)close(m->fd);
		m->fd = -1;
		return false;
	}
	return good == 1;
}

void
notify_maker_end(struct notify_maker *m)
{
	if (m->pid <= 0)
		return;
	if (m->fd >= 0)
		(void)close(m->fd);
	while (waitpid(m->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*m = (struct notify_maker){.fd = -1};
}
