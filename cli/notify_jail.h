/* The jail of whoever sends mail and webhooks. It speaks with strangers and holds the password of
 * the mail server, so it reaches nothing else: of the state directory the records, the sealed
 * records and the keys that it uses; the network; what looking up names and checking certificates
 * needs. It starts no program: the letter on paper is made by a helper that was forked before and
 * does only that. */
#ifndef MAMORI_CLI_NOTIFY_JAIL_H
#define MAMORI_CLI_NOTIFY_JAIL_H

#include "sys/jail.h"

/* notify_jail(state, ca, ret, e): Enter. ${state}: the state directory; the records are open.
 * ${ca}: up to two further files to read (authorities), NULL or "" for none. A kernel that lacks a
 * layer gets the others, and ${ret} says so. E_INVAL (the path is too long), E_SYS: half inside,
 * end. */
MUST int notify_jail(const char *state, const char *const ca[2], struct jail_report *ret,
    struct err *e);

/* A helper outside of the jail. ${fn} is its one service: called there for each number with the
 * name that belongs to it. */
enum { NOTIFY_MAKER_NAME = 40 };
struct notify_maker {
	int fd;
	int pid;
};
typedef bool notify_maker_fn(void *cookie, int64_t n, const char *name);
/* notify_maker_start(m, fn, cookie, e): Before the jail, while there is one thread. It ends with
 * this process, or by notify_maker_end. */
MUST int notify_maker_start(struct notify_maker *m, notify_maker_fn *fn, void *cookie,
    struct err *e);
/* notify_maker_ask(m, n, name, seconds): What ${fn} said; false, too, after ${seconds}: then it is
 * not asked again. */
bool notify_maker_ask(struct notify_maker *m, int64_t n, const char *name, int seconds);
void notify_maker_end(struct notify_maker *m);

#endif
