#include "sys/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"

static int
listener(const char *name)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t n = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)memcpy(sa.sun_path, name, n);
	if (name[0] == '@')
		sa.sun_path[0] = 0;
	if (bind(fd, (struct sockaddr *)&sa,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		abort();
	return fd;
}

static void
test_send(const char *name)
{
	int fd = listener(name);
	char got[64] = {0};

	OK(notify_send(name, "READY=1\nSTATUS=動作中", NULL) == 0, "sent to %s",
	    name[0] == '@' ? "an abstract socket" : "a path");
	(void)!recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	EQ_S(got, "READY=1\nSTATUS=動作中", "and arrived whole");
	(void)close(fd);
}

int
main(void)
{
	char dir[] = "/tmp/mamori-notify-XXXXXX", path[64], pid[32], longname[300];
	struct err e = {0};

	if (!mkdtemp(dir))
		abort();
	(void)snprintf(path, sizeof(path), "%s/n", dir);
	test_send(path);
	(void)snprintf(pid, sizeof(pid), "@mamori-test-%d", (int)getpid());
	test_send(pid);
	EQ_I(notify_send(NULL, "READY=1", NULL), 0, "nobody listens: fine");
	EQ_I(notify_send("", "READY=1", NULL), 0, "an empty name: fine");
	EQ_I(notify_send("run/x", "READY=1", &e), E_INVAL, "a relative name is refused");
	(void)memset(longname, 'a', sizeof(longname) - 1);
	longname[0] = '/';
	longname[sizeof(longname) - 1] = 0;
	EQ_I(notify_send(longname, "READY=1", &e), E_INVAL, "a name too long is refused");
	OK(notify_send("/nonexistent/x", "READY=1", &e) < 0, "nobody at the address: an error");
	(void)unlink(path);
	(void)rmdir(dir);

	EQ_I(notify_watchdog_us(NULL, NULL), 0, "no watchdog");
	EQ_I(notify_watchdog_us("30000000", NULL), 15000000, "half the span");
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	EQ_I(notify_watchdog_us("30000000", pid), 15000000, "meant for us");
	EQ_I(notify_watchdog_us("30000000", "1"), 0, "meant for somebody else");
	EQ_I(notify_watchdog_us("3s", NULL), 0, "not a number");
	return tap_done();
}
