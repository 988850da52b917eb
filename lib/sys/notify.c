#include "sys/notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"

int
notify_send(const char *sock, const char *text, struct err *e)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t n = sock ? strlen(sock) : 0;
	ssize_t sent;
	int fd, r = 0;

	if (n == 0)
		return 0;
	if ((sock[0] != '/' && sock[0] != '@') || n < 2 || n >= sizeof(sa.sun_path))
		return err_set(e, E_INVAL, "NOTIFY_SOCKET is not a socket name");
	(void)memcpy(sa.sun_path, sock, n);
	if (sock[0] == '@')
		sa.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, "socket");
	sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&sa,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	if (sent < 0)
		r = err_sys(e, "cannot notify the service manager");
	(void)close(fd);
	return r;
}

int64_t
notify_watchdog_us(const char *usec, const char *pid)
{
	uint64_t us, p;

	if (!usec || num_parse_u64(usec, (uint64_t)(3650 * TIME_DAY), &us, NULL) < 0)
		return 0;
	if (pid && (num_parse_u64(pid, INT32_MAX, &p, NULL) < 0 || p != (uint64_t)getpid()))
		return 0;
	return (int64_t)(us / 2);
}
