#include "sys/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/time.h"

struct conn {
	struct chan *c;
	struct conn *prev, *next;
	int fd;
	uid_t uid;
	pid_t pid;
	struct loop_src *src, *timer;
	char *out; /* a reply that did not fit into the socket yet */
	size_t out_len;
};

struct chan {
	struct loop *l;
	struct chan_conf conf;
	int fd;
	struct loop_src *src;
	struct conn *conns;
	unsigned nconns;
	unsigned state;
};

/* --- messages ------------------------------------------------------------------------------- */

static bool
method_ok(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > CHAN_METHOD_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') && !(i > 0 && strchr("0123456789._-", s[i])))
			return false;
	return true;
}

static int
read_member(struct chan_msg *m, const char *key, const json_t *v, struct err *e)
{
	if (strcmp(key, "method") == 0 && json_is_string(v)) {
		m->method = json_string_value(v);
		return method_ok(m->method) ? 0 : err_set(e, E_PROTO, "not a method name");
	}
	if (strcmp(key, "params") == 0 && json_is_object(v)) {
		m->params = v;
		return 0;
	}
	if (strcmp(key, "id") == 0 && json_is_integer(v) && json_integer_value(v) >= 0) {
		m->id = json_integer_value(v);
		return 0;
	}
	return err_set(e, E_PROTO, "unexpected \"%.60s\" in a message", key);
}

int
chan_parse(const void *p, size_t n, struct chan_msg *ret, struct err *e)
{
	struct chan_msg m = {.id = -1};
	const char *key;
	json_error_t je;
	json_t *v;
	int r = 0;

	if (n > CHAN_MAX)
		return err_set(e, E_PROTO, "a message of more than %d bytes", CHAN_MAX);
	m.root = json_loadb(p, n, JSON_REJECT_DUPLICATES, &je);
	if (!m.root)
		return err_set(e, E_PROTO, "not JSON: %s", je.text);
	if (!json_is_object(m.root)) {
		json_decref(m.root);
		return err_set(e, E_PROTO, "a message is not an object");
	}
	json_object_foreach(m.root, key, v) {
		r = read_member(&m, key, v, e);
		if (r < 0)
			break;
	}
	if (r == 0 && !m.method)
		r = err_set(e, E_PROTO, "a message without a method");
	if (r < 0) {
		json_decref(m.root);
		return r;
	}
	*ret = m;
	return 0;
}

void
chan_msg_free(struct chan_msg *m)
{
	if (m && m->root) {
		json_decref(m->root);
		m->root = NULL;
	}
}

/* take(fd, buf, ret_fd): Receive one message of at most CHAN_MAX bytes. Returns its length, 0 at
 * the end, -1 with errno (EMSGSIZE: too long, or more than one descriptor). */
static ssize_t
take(int fd, char *buf, int *ret_fd)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct iovec iov = {buf, CHAN_MAX};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl,
	    .msg_controllen = sizeof(ctl)};
	struct cmsghdr *cm;
	ssize_t n;

	*ret_fd = -1;
	do
		n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	for (cm = CMSG_FIRSTHDR(&mh); cm; cm = CMSG_NXTHDR(&mh, cm))
		if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS &&
		    cm->cmsg_len == CMSG_LEN(sizeof(int)))
			(void)memcpy(ret_fd, CMSG_DATA(cm), sizeof(int));
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		if (*ret_fd >= 0)
			(void)close(*ret_fd);
		*ret_fd = -1;
		errno = EMSGSIZE;
		return -1;
	}
	return n;
}

static int
give(int fd, const char *p, size_t n, int pass)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl = {0};
	struct iovec iov = {.iov_len = n};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t k;

	(void)memcpy(&iov.iov_base, &p, sizeof(p)); /* sendmsg does not write to it */
	if (pass >= 0) {
		mh.msg_control = &ctl;
		mh.msg_controllen = sizeof(ctl);
		ctl.h.cmsg_level = SOL_SOCKET;
		ctl.h.cmsg_type = SCM_RIGHTS;
		ctl.h.cmsg_len = CMSG_LEN(sizeof(int));
		(void)memcpy(CMSG_DATA(&ctl.h), &pass, sizeof(pass));
	}
	do
		k = sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (k < 0 && errno == EINTR);
	return k < 0 ? -1 : 0;
}

/* --- server --------------------------------------------------------------------------------- */

static void
conn_free(struct conn *k)
{
	struct chan *c = k->c;

	loop_del(k->src);
	loop_del(k->timer);
	if (k->prev)
		k->prev->next = k->next;
	else
		c->conns = k->next;
	if (k->next)
		k->next->prev = k->prev;
	c->nconns--;
	(void)close(k->fd);
	free(k->out);
	free(k);
}

static const struct chan_rule *
find_rule(const struct chan *c, const char *method)
{
	for (size_t i = 0; i < c->conf.nrules; i++)
		if (strcmp(c->conf.rules[i].method, method) == 0)
			return &c->conf.rules[i];
	return NULL;
}

static bool
who_ok(const struct chan_rule *r, uid_t uid)
{
	return r->who == CHAN_ANYBODY || uid == 0 || uid == geteuid();
}

/* reply_text(id, r, result, e): The text of a reply, or NULL without memory. */
static char *
reply_text(int64_t id, int r, json_t *result, const struct err *e)
{
	json_t *o = json_object();
	char *s;

	if (id >= 0)
		(void)json_object_set_new(o, "id", json_integer(id));
	(void)json_object_set_new(o, "ok", json_boolean(r == 0));
	if (r == 0)
		(void)json_object_set_new(
		    o, "result", result ? json_incref(result) : json_object());
	else
		(void)json_object_set_new(o, "error", json_pack("{s:s, s:s+}", "code", err_name(r),
		    "message", e->msg, ""));
	s = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return s;
}

/* answer(k, s): Send the text (owned) or keep it until there is room. False: the connection is
 * gone. */
static bool
answer(struct conn *k, char *s)
{
	struct chan *c = k->c;
	size_t n = s ? strlen(s) : 0;

	if (!s || n > CHAN_MAX)
		goto gone;
	if (give(k->fd, s, n, -1) == 0) {
		free(s);
		loop_arm(k->timer, loop_mono(c->l) + c->conf.idle_us);
		return true;
	}
	if (errno != EAGAIN || loop_set_events(k->src, EPOLLOUT, NULL) < 0)
		goto gone;
	k->out = s;
	k->out_len = n;
	loop_arm(k->timer, loop_mono(c->l) + c->conf.reply_us);
	return true;
gone:
	free(s);
	conn_free(k);
	return false;
}

/* dispatch(k, p, n, fd): Handle one request. False: the connection is gone. */
static bool
dispatch(struct conn *k, const char *p, size_t n, int fd)
{
	struct chan *c = k->c;
	const struct chan_rule *rule;
	struct chan_call call = {.uid = k->uid, .pid = k->pid, .fd = fd, .cookie = c->conf.cookie};
	struct err e = {0};
	struct chan_msg m;
	json_t *none;
	char *s;
	int r;

	if (chan_parse(p, n, &m, NULL) < 0)
		goto close_it;
	rule = find_rule(c, m.method);
	if (!rule || !who_ok(rule, k->uid) || (fd >= 0 && !rule->fd)) {
		chan_msg_free(&m);
		goto close_it;
	}
	none = json_object();
	call.method = rule->method;
	call.params = m.params ? m.params : none;
	if (rule->when && !(rule->when & c->state))
		r = err_set(&e, E_BUSY, "not now");
	else
		r = rule->fn(&call, &e);
	s = reply_text(m.id, r, call.result, &e);
	if (s && strlen(s) > CHAN_MAX) {
		free(s);
		(void)err_set(&e, E_LIMIT, "the answer is longer than a message may be");
		s = reply_text(m.id, E_LIMIT, NULL, &e);
	}
	json_decref(call.result);
	json_decref(none);
	chan_msg_free(&m);
	if (call.fd >= 0)
		(void)close(call.fd);
	return answer(k, s);
close_it:
	if (fd >= 0)
		(void)close(fd);
	conn_free(k);
	return false;
}

static void
on_conn(struct loop *l, int fd, uint32_t events, void *cookie)
{
	struct conn *k = cookie;
	static const int batch = 16; /* then somebody else's turn */
	char buf[CHAN_MAX];

	(void)l;
	if (k->out) {
		char *s = k->out;

		if (events & (EPOLLERR | EPOLLHUP)) {
			conn_free(k);
			return;
		}
		k->out = NULL;
		if (!answer(k, s) || k->out)
			return;
		if (loop_set_events(k->src, EPOLLIN, NULL) < 0)
			conn_free(k);
		return;
	}
	for (int i = 0; i < batch && !k->out; i++) {
		int pass;
		ssize_t n = take(fd, buf, &pass);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			if (pass >= 0)
				(void)close(pass);
			conn_free(k);
			return;
		}
		if (!dispatch(k, buf, (size_t)n, pass))
			return;
	}
}

static void
on_deadline(struct loop *l, void *cookie)
{
	(void)l;
	conn_free(cookie);
}

static unsigned
count_uid(const struct chan *c, uid_t uid)
{
	unsigned n = 0;

	for (const struct conn *k = c->conns; k; k = k->next)
		n += k->uid == uid;
	return n;
}

static void
add_conn(struct chan *c, int fd)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);
	struct conn *k;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    c->nconns >= c->conf.max_conns || count_uid(c, cred.uid) >= c->conf.max_per_uid ||
	    !(k = calloc(1, sizeof(*k)))) {
		(void)close(fd);
		return;
	}
	k->c = c;
	k->fd = fd;
	k->uid = cred.uid;
	k->pid = cred.pid;
	k->next = c->conns;
	if (c->conns)
		c->conns->prev = k;
	c->conns = k;
	c->nconns++;
	if (loop_add_fd(c->l, fd, EPOLLIN, on_conn, k, &k->src, NULL) < 0 ||
	    loop_add_timer(c->l, loop_mono(c->l) + c->conf.idle_us, on_deadline, k, &k->timer,
	        NULL) < 0)
		conn_free(k);
}

static void
on_listen(struct loop *l, int fd, uint32_t events, void *cookie)
{
	struct chan *c = cookie;

	(void)l, (void)events;
	for (int i = 0; i < 16; i++) {
		int k = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (k < 0)
			return;
		add_conn(c, k);
	}
}

/* address(path, sa, ret_dir, e): The kernel takes at most 107 bytes; a longer path is reached
 * through a descriptor of its directory (${ret_dir}, closed by the caller; -1: none). */
static int
address(const char *path, struct sockaddr_un *sa, int *ret_dir, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int n;

	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	*ret_dir = -1;
	if (*path && strlen(path) < sizeof(sa->sun_path)) {
		(void)memcpy(sa->sun_path, path, strlen(path));
		return 0;
	}
	if (!slash || strlen(path) >= sizeof(dir) || strlen(slash) > 64)
		return err_set(e, E_INVAL, "\"%.120s\" is not the path of a socket", path);
	(void)snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	*ret_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return err_sys(e, "cannot reach %s", path);
	n = snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d%s", *ret_dir, slash);
	return n > 0 ? 0 : err_set(e, E_INVAL, "not the path of a socket");
}

static int
bind_at(int fd, const char *path, mode_t mode, struct err *e)
{
	struct sockaddr_un sa;
	int dir, r = address(path, &sa, &dir, e);

	if (r < 0)
		return r;
	(void)unlink(path); /* allow: the socket of a process that was killed */
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(path, mode) < 0 ||
	    listen(fd, 64) < 0)
		r = err_sys(e, "cannot listen on %s", path);
	if (dir >= 0)
		(void)close(dir);
	return r;
}

int
chan_listen(const char *path, mode_t mode, int *ret_fd, struct err *e)
{
	int fd, r = chan_connect(path, &fd, e);

	if (r == 0) {
		(void)close(fd);
		return err_set(e, E_BUSY, "somebody listens on %s already", path);
	}
	if (r == E_INVAL)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, "socket");
	r = bind_at(fd, path, mode, e);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int
chan_serve(struct loop *l, int fd, const struct chan_conf *conf, struct chan **ret,
    struct err *e)
{
	struct chan *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(e, E_NOMEM, "no memory for a channel");
	c->l = l;
	c->conf = *conf;
	c->fd = fd;
	c->state = ~0U;
	r = loop_add_fd(l, fd, EPOLLIN, on_listen, c, &c->src, e);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void
chan_state(struct chan *c, unsigned state)
{
	c->state = state;
}

unsigned
chan_conns(const struct chan *c)
{
	return c->nconns;
}

void
chan_free(struct chan *c)
{
	if (!c)
		return;
	while (c->conns)
		conn_free(c->conns);
	loop_del(c->src);
	(void)close(c->fd);
	free(c);
}

/* --- client --------------------------------------------------------------------------------- */

int
chan_connect(const char *path, int *ret_fd, struct err *e)
{
	struct sockaddr_un sa;
	int dir, fd, r = address(path, &sa, &dir, e);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		r = err_sys(e, "socket");
	} else if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		bool gone = errno == ECONNREFUSED || errno == ENOENT;

		r = err_sys(e, "cannot reach %s", path);
		if (gone && e)
			e->code = E_NOENT;
		r = gone ? E_NOENT : r;
		(void)close(fd);
	}
	if (dir >= 0)
		(void)close(dir);
	if (r == 0)
		*ret_fd = fd;
	return r;
}

static int
code_named(const char *name)
{
	for (int i = -1; i >= E_NET; i--)
		if (name && strcmp(name, err_name(i)) == 0)
			return i;
	return E_PROTO;
}

static int
read_reply(const char *p, size_t n, json_t **ret, struct err *e)
{
	json_t *o = json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);
	json_t *err = json_object_get(o, "error");
	const char *msg = json_string_value(json_object_get(err, "message"));
	int r = 0;

	if (json_is_true(json_object_get(o, "ok"))) {
		if (ret)
			*ret = json_incref(json_object_get(o, "result"));
	} else if (err) {
		r = err_set(e, code_named(json_string_value(json_object_get(err, "code"))), "%s",
		    msg ? msg : "refused");
	} else {
		r = err_set(e, E_PROTO, "an answer that makes no sense");
	}
	json_decref(o);
	return r;
}

static int
wait_for(int fd, short events, int64_t until, struct err *e)
{
	struct pollfd pf = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = until - time_mono_us();
		int k = poll(&pf, 1, left <= 0 ? 0 : (int)((left + 999) / 1000));

		if (k > 0)
			return 0;
		if (k < 0 && errno != EINTR)
			return err_sys(e, "poll");
		if (k == 0 || time_mono_us() >= until)
			return err_set(e, E_BUSY, "no answer in time");
	}
}

int
chan_call(int fd, const char *method, const json_t *params, int pass, int64_t wait_us,
    json_t **ret, struct err *e)
{
	int64_t until = time_mono_us() + wait_us;
	char buf[CHAN_MAX];
	json_t *o, *copy;
	ssize_t n = -1;
	char *s;
	int r, got;

	copy = params ? json_deep_copy(params) : json_object();
	o = json_pack("{s:s, s:o}", "method", method, "params", copy);
	s = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (!s)
		return err_set(e, E_NOMEM, "no memory for a message");
	if (strlen(s) > CHAN_MAX) {
		free(s);
		return err_set(e, E_LIMIT, "a message of more than %d bytes", CHAN_MAX);
	}
	r = wait_for(fd, POLLOUT, until, e);
	if (r == 0 && give(fd, s, strlen(s), pass) < 0)
		r = err_set(e, E_PROTO, "the other side closed the connection");
	free(s);
	if (r == 0)
		r = wait_for(fd, POLLIN, until, e);
	if (r < 0)
		return r;
	n = take(fd, buf, &got);
	if (got >= 0)
		(void)close(got);
	if (n <= 0)
		return err_set(e, E_PROTO, "the other side closed the connection");
	return read_reply(buf, (size_t)n, ret, e);
}
