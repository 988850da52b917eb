/* Reaching another machine, and being reached: TCP with deadlines. */
#ifndef MAMORI_NET_DIAL_H
#define MAMORI_NET_DIAL_H

#include <stddef.h>

#include "base/err.h"

struct net_addr {
	char host[256]; /* a name or a number, without brackets */
	char port[6];
};
/* net_addr_get(s, n, ret, e): "host:port", "1.2.3.4:port", "[::1]:port". E_INVAL. */
MUST int net_addr_get(const char *s, size_t n, struct net_addr *ret, struct err *e);

/* net_dial(a, ms, e): A connected socket; every address of the name is tried. E_NET. */
MUST int net_dial(const struct net_addr *a, int ms, struct err *e);
/* net_listen(a, e): A listening socket. E_SYS, E_INVAL (not an address of this machine). */
MUST int net_listen(const struct net_addr *a, struct err *e);
/* net_port(fd): The port a listening socket got. 0: none. */
unsigned net_port(int fd);

#endif
