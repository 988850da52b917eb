/* Handing a message to a mail server, or a note to another program's address, by libcurl. One
 * message a call; nothing is repeated here. Only the command line links this.
 *
 * Certificates are always verified, no proxy of the environment is used, no redirect is followed.
 * Where a connection really goes is looked at when it is opened, address by address: a name that is
 * pointed elsewhere between two look-ups changes nothing. */
#ifndef MAMORI_POST_POST_H
#define MAMORI_POST_POST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"

enum { POST_LETTER = 24 << 20 }; /* bytes of a letter at most */

struct post_server {
	const char *url;      /* smtp://HOST[:PORT] or smtps://HOST[:PORT] */
	const char *user;     /* "": without signing in */
	const char *password; /* borrowed */
	const char *ca;       /* a file of authorities, or "": the system's */
	bool local;           /* smtp:// without TLS is allowed, and only to this machine */
	int seconds;          /* for all of it; 0: 60 */
};

/* post_fn: Make the letter, only called once the server has taken sender and receiver. */
typedef int post_fn(struct buf *b, void *cookie, struct err *e);

/* post_mail(s, from, to, fn, cookie, e): E_NET (not reached, cut off, or the server asks to come
 * later: try again), E_AUTH (the sign-in or the certificate is wrong, or the server will have
 * nothing from us: try again, somebody must look), E_INVAL (the server will not have this letter or
 * its receiver, now or later), or what ${fn} said. A negative result after all bytes were sent does
 * not prove that the letter was not taken. */
MUST int post_mail(const struct post_server *s, const char *from, const char *to, post_fn *fn,
    void *cookie, struct err *e);

struct post_note {
	const char *url;              /* https://..., or http:// of this machine */
	const char *const *headers;   /* "name: value", ended by NULL */
	const void *p;
	size_t n;
	bool inside;                  /* may lie in a private network or on this machine */
	const char *ca;
	int seconds;                  /* 0: 15 */
};
/* post_note(t, ret_status, e): POST. 0: an answer came, ${ret_status} is its status (a refusal,
 * too). E_NET, E_AUTH (certificate), E_INVAL (the address may not be reached). */
MUST int post_note(const struct post_note *t, long *ret_status, struct err *e);

/* post_private(sa): Whether an address belongs to this machine, a private, shared, link-local,
 * multicast, documentation or otherwise special network, also inside IPv6 (mapped, NAT64, 6to4).
 * post_loopback(sa): this machine itself. Pure functions. */
bool post_private(const struct sockaddr *sa);
bool post_loopback(const struct sockaddr *sa);

#endif
