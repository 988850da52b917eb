#include "net/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "net/net_int.h"

int
net_addr_get(const char *s, size_t n, struct net_addr *ret, struct err *e)
{
	const char *colon = memrchr(s, ':', n), *host = s;
	size_t hn = colon ? (size_t)(colon - s) : 0, pn = colon ? n - hn - 1 : 0;
	uint64_t port;

	if (hn >= 2 && host[0] == '[' && host[hn - 1] == ']') {
		host++;
		hn -= 2;
	} else if (memchr(s, ':', hn)) {
		hn = 0; /* which colon is meant? */
	}
	if (hn == 0 || hn >= sizeof(ret->host) || pn == 0 || pn >= sizeof(ret->port) ||
	    memchr(s, 0, n))
		return err_set(e, E_INVAL, "\"%.*s\" is not HOST:PORT", (int)(n < 80 ? n : 80), s);
	(void)memset(ret, 0, sizeof(*ret));
	(void)memcpy(ret->host, host, hn);
	(void)memcpy(ret->port, colon + 1, pn);
	for (size_t i = 0; i < hn; i++) {
		unsigned char c = (unsigned char)host[i];

		if (c <= ' ' || c == 127 || c == '/' || c == '@' || c == '[' || c == ']')
			return err_set(
			    e, E_INVAL, "\"%s\" is not the name of a machine", ret->host);
	}
	if (num_parse_u64(ret->port, 65535, &port, NULL) < 0)
		return err_set(e, E_INVAL, "\"%s\" is not a port", ret->port);
	return 0;
}

int
net_socket(int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL), one = 1, idle = 30, every = 10, count = 4;
	unsigned lost = 70000;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(e, "cannot prepare a connection");
	/* what cannot be set here is not a TCP socket (tests), or only slower */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	/* who vanished without a word (power, cable) is given up within a minute or so */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &lost, sizeof(lost));
	return 0;
}

static struct addrinfo *
resolve(const struct net_addr *a, int flags, int *ret_why)
{
	struct addrinfo hint = {.ai_socktype = SOCK_STREAM, .ai_flags = flags}, *list = NULL;

	*ret_why = getaddrinfo(a->host, a->port, &hint, &list);
	return *ret_why == 0 ? list : NULL;
}

/* connect_one(x, ms, ret_errno): A connected socket, or -1. */
static int
connect_one(const struct addrinfo *x, int ms, int *ret_errno)
{
	int fd = socket(x->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t n = sizeof(*ret_errno);
	int r;

	*ret_errno = 0;
	if (fd < 0) {
		*ret_errno = errno;
		return -1;
	}
	if (connect(fd, x->ai_addr, x->ai_addrlen) == 0)
		return fd;
	*ret_errno = errno;
	if (errno == EINPROGRESS) {
		while ((r = poll(&p, 1, ms)) < 0 && errno == EINTR)
			;
		*ret_errno = ETIMEDOUT;
		if (r > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, ret_errno, &n) == 0 &&
		    *ret_errno == 0)
			return fd;
	}
	(void)close(fd);
	return -1;
}

int
net_dial(const struct net_addr *a, int ms, struct err *e)
{
	int why, fd = -1, number = EHOSTUNREACH;
	struct addrinfo *list = resolve(a, AI_ADDRCONFIG | AI_NUMERICSERV, &why);

	if (!list)
		list = resolve(a, AI_NUMERICSERV, &why); /* loopback alone has no "config" */
	if (!list)
		return err_set(e, E_NET, "%.100s: %s", a->host, gai_strerror(why));
	for (const struct addrinfo *x = list; x && fd < 0; x = x->ai_next)
		fd = connect_one(x, ms, &number);
	freeaddrinfo(list);
	if (fd >= 0)
		return fd;
	errno = number;
	(void)err_sys(e, "%.100s port %s", a->host, a->port);
	if (e)
		e->code = E_NET;
	return E_NET;
}

int
net_listen(const struct net_addr *a, struct err *e)
{
	int why, fd = -1, one = 1;
	struct addrinfo *list = resolve(a, AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST, &why);

	if (!list)
		return err_set(e, E_INVAL, "%.100s is not an address of this machine", a->host);
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, list->ai_addr, list->ai_addrlen) < 0 || listen(fd, 64) < 0) {
		(void)err_sys(e, "cannot listen on %.100s port %s", a->host, a->port);
		if (fd >= 0)
			(void)close(fd);
		freeaddrinfo(list);
		return e ? e->code : E_SYS;
	}
	freeaddrinfo(list);
	return fd;
}

unsigned
net_port(int fd)
{
	struct sockaddr_storage s;
	socklen_t n = sizeof(s);

	(void)memset(&s, 0, sizeof(s));
	if (getsockname(fd, (struct sockaddr *)&s, &n) < 0)
		return 0;
	if (s.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&s)->sin_port);
	return s.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&s)->sin6_port) : 0;
}
