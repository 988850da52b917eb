/* The service manager's notification protocol (sd_notify), without its library. */
#ifndef MAMORI_SYS_NOTIFY_H
#define MAMORI_SYS_NOTIFY_H

#include <stdint.h>

#include "base/err.h"

/* notify_send(sock, text, e): Send ${text} ("READY=1\nSTATUS=...") to the socket ${sock}, the value
 * of $NOTIFY_SOCKET (a path, or @ and an abstract name). NULL or "": nobody listens; returns 0
 * without doing anything. E_INVAL (not a socket name), E_SYS. Never blocks. */
MUST int notify_send(const char *sock, const char *text, struct err *e);

/* notify_watchdog_us(usec, pid): How often the manager wants WATCHDOG=1, from the values of
 * $WATCHDOG_USEC and $WATCHDOG_PID (NULL: any process): half of the promised span; 0: not at all.
 */
int64_t notify_watchdog_us(const char *usec, const char *pid);

#endif
