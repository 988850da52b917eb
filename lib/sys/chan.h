/* The protocol between Mamori's processes: one JSON object a message over a SOCK_SEQPACKET socket,
 * at most 64 KiB, optionally with one passed descriptor.
 *
 *   request  {"id": 7, "method": "job.run", "params": {...}}     id and params may be left out
 *   reply    {"id": 7, "ok": true, "result": {...}}
 *            {"id": 7, "ok": false, "error": {"code": "busy", "message": "..."}}
 *
 * A socket's whole protocol is one table. A method outside the table, a message that is not exactly
 * of this form, a descriptor nobody asked for, or a caller who may not: the connection is closed
 * without a word. One request is answered before the next is read, so a client that does not read
 * stops itself. */
#ifndef MAMORI_SYS_CHAN_H
#define MAMORI_SYS_CHAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "sys/loop.h"

enum {
	CHAN_MAX = 65536,     /* bytes of one message */
	CHAN_METHOD_MAX = 63, /* characters of a method's name */
};

enum chan_who {
	CHAN_OWNER, /* root and the user this process runs as */
	CHAN_ANYBODY,
};

struct chan_call {
	const char *method;
	const json_t *params; /* always an object; borrowed */
	uid_t uid;            /* of the peer, from the kernel */
	pid_t pid;
	int fd;          /* passed along, or -1; closed after the call unless set to -1 */
	json_t *result;  /* set by the handler (a new reference), or left NULL: {} */
	void *cookie;
};
/* A handler returns 0, or an error that becomes the reply's code and message. */
typedef int chan_fn(struct chan_call *c, struct err *e);

struct chan_rule {
	const char *method;
	enum chan_who who;
	unsigned when; /* bits of the states in which it may be called; 0: always */
	bool fd;       /* may carry a descriptor */
	chan_fn *fn;
};

struct chan_conf {
	const struct chan_rule *rules;
	size_t nrules;
	void *cookie;
	unsigned max_conns;   /* in all */
	unsigned max_per_uid;
	int64_t idle_us;      /* a connection silent for this long is closed */
	int64_t reply_us;     /* so is one that does not take its reply */
};

struct chan_msg { /* a parsed request; free with chan_msg_free */
	json_t *root;
	const char *method;
	const json_t *params; /* NULL: none */
	int64_t id;           /* -1: none */
};
/* chan_parse(p, n, ret, e): Parse one request. A pure function. E_PROTO with what is wrong. */
MUST int chan_parse(const void *p, size_t n, struct chan_msg *ret, struct err *e);
void chan_msg_free(struct chan_msg *m);

/* chan_listen(path, mode, ret_fd, e): Bind a listening socket; a socket file that nobody listens on
 * any more (a killed process) is replaced. E_BUSY: somebody listens there. E_INVAL: not a path for
 * a socket. Long paths are fine; only the last name has at most 63 bytes. */
MUST int chan_listen(const char *path, mode_t mode, int *ret_fd, struct err *e);

struct chan;
/* chan_serve(l, fd, conf, ret, e): Serve connections of the listening socket ${fd}, which now
 * belongs to the channel. ${conf} is copied, its rules are not. */
MUST int chan_serve(struct loop *l, int fd, const struct chan_conf *conf, struct chan **ret,
    struct err *e);
/* chan_state(c, state): The state bits that rules are compared with; a call in another state is
 * answered "busy". */
void chan_state(struct chan *c, unsigned state);
/* chan_conns(c): How many connections are open. */
unsigned chan_conns(const struct chan *c);
void chan_free(struct chan *c); /* closes everything; NULL is fine */

/* chan_connect(path, ret_fd, e): E_NOENT when nobody listens. */
MUST int chan_connect(const char *path, int *ret_fd, struct err *e);
/* chan_call(fd, method, params, pass, wait_us, ret, e): Ask and wait at most ${wait_us}. ${params}
 * is borrowed (NULL: none), ${pass} is a descriptor to pass or -1. ${ret} (may be NULL) gets a new
 * reference to the result. The other side's error comes back as it was; E_PROTO when it closed the
 * connection or answered nonsense, E_BUSY when it did not answer in time. */
MUST int chan_call(int fd, const char *method, const json_t *params, int pass, int64_t wait_us,
    json_t **ret, struct err *e);

#endif
