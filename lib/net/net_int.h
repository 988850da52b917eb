/* What the files of this folder share. Not for use elsewhere. */
#ifndef MAMORI_NET_NET_INT_H
#define MAMORI_NET_NET_INT_H

#include "base/err.h"

/* net_fail(e, code, what): ${code} with OpenSSL's own reason, or E_NOMEM; empties its queue. */
int net_fail(struct err *e, int code, const char *what);
/* net_socket(fd, e): Non-blocking, no delay, keep-alive. */
MUST int net_socket(int fd, struct err *e);

#endif
