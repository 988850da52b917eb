/* Accepting connections, one thread each, within limits. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "mamori-vaultd/vaultd.h"

enum { STACK = 512 << 10 };

bool
vaultd_code(void *cookie, const char *id, uint8_t key[TLS_CODE_KEY])
{
	struct vaultd *v = cookie;
	struct book_code c;
	bool ok;

	(void)pthread_mutex_lock(&v->make);
	ok = book_code(&v->book, id, time_now_us(), &c, NULL) == 0;
	(void)pthread_mutex_unlock(&v->make);
	if (ok)
		(void)memcpy(key, c.key, TLS_CODE_KEY);
	explicit_bzero(&c, sizeof(c));
	return ok;
}

static void *
run(void *arg)
{
	struct start *s = arg;
	struct vaultd *v = s->v;
	struct tls *t = NULL;
	struct err e = {0};
	char why[sizeof(e.msg) + sizeof("no handshake: ")];
	int r = tls_open(v->side, s->fd, VAULTD_SHAKE_MS, &t, &e);

	if (r < 0) {
		(void)snprintf(why, sizeof(why), "no handshake: %s", e.msg);
		if (r != E_NET) /* a line that was cut is no news; who is no machine of ours is */
			vaultd_turned_away(v, s->from, why, time_mono_us());
	} else {
		(void)pthread_mutex_lock(&v->lock);
		v->lines[s->slot] = t;
		(void)pthread_mutex_unlock(&v->lock);
		vaultd_talk(s, t);
	}
	(void)pthread_mutex_lock(&v->lock);
	v->lines[s->slot] = NULL;
	(void)pthread_mutex_unlock(&v->lock);
	tls_close(t);
	if (!s->settled)
		vaultd_settle(v, s->addr);
	(void)pthread_mutex_lock(&v->lock);
	v->busy[s->slot] = false;
	v->nlines--;
	(void)pthread_cond_broadcast(&v->gone);
	(void)pthread_mutex_unlock(&v->lock);
	free(s);
	return NULL;
}

/* address(s, out, text): As 16 bytes and as text. */
static void
address(const struct sockaddr_storage *s, uint8_t out[16], char text[INET6_ADDRSTRLEN])
{
	(void)memset(out, 0, 16);
	(void)snprintf(text, INET6_ADDRSTRLEN, "?");
	if (s->ss_family == AF_INET) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)s;

		(void)memcpy(out, &a->sin_addr, 4);
		(void)inet_ntop(AF_INET, &a->sin_addr, text, INET6_ADDRSTRLEN);
	} else if (s->ss_family == AF_INET6) {
		const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)s;

		(void)memcpy(out, &a->sin6_addr, 8); /* somebody has a /64 for himself */
		out[15] = 6;
		(void)inet_ntop(AF_INET6, &a->sin6_addr, text, INET6_ADDRSTRLEN);
	}
}

/* slot(v, ret): A free place for a connection. With the lock. */
static bool
slot(struct vaultd *v, unsigned *ret)
{
	for (unsigned i = 0; i < VAULTD_MAX_LINES; i++) {
		if (!v->busy[i]) {
			v->busy[i] = true;
			v->nlines++;
			*ret = i;
			return true;
		}
	}
	return false;
}

static void
release(struct vaultd *v, struct start *s)
{
	vaultd_settle(v, s->addr);
	(void)pthread_mutex_lock(&v->lock);
	v->busy[s->slot] = false;
	v->nlines--;
	(void)pthread_mutex_unlock(&v->lock);
	(void)close(s->fd);
	free(s);
}

static void
take(struct vaultd *v, int fd, const struct sockaddr_storage *who, const pthread_attr_t *attr)
{
	struct start *s = calloc(1, sizeof(*s));
	int64_t now = time_mono_us();
	pthread_t thread;
	bool room = false, let;

	if (!s) {
		(void)close(fd);
		return;
	}
	s->v = v;
	s->fd = fd;
	address(who, s->addr, s->from);
	let = vaultd_admit(v, s->addr, s->from, now);
	if (let) {
		(void)pthread_mutex_lock(&v->lock);
		room = slot(v, &s->slot);
		(void)pthread_mutex_unlock(&v->lock);
		if (!room)
			vaultd_turned_away(v, s->from, "all connections are taken", now);
	}
	if (!room) {
		if (let)
			vaultd_settle(v, s->addr);
		(void)close(fd);
		free(s);
	} else if (pthread_create(&thread, attr, run, s) != 0) {
		release(v, s);
	}
}

/* end_all(v): Cut every connection and wait until its thread is gone. */
static void
end_all(struct vaultd *v)
{
	(void)pthread_mutex_lock(&v->lock);
	while (v->nlines > 0) {
		for (unsigned i = 0; i < VAULTD_MAX_LINES; i++)
			if (v->lines[i])
				tls_cut(v->lines[i]);
		(void)pthread_cond_wait(&v->gone, &v->lock);
	}
	(void)pthread_mutex_unlock(&v->lock);
}

int
vaultd_serve(struct vaultd *v, struct err *e)
{
	pthread_attr_t attr;
	int64_t tick = 0;
	int r = 0;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	while (r == 0 && !atomic_load(&v->stop)) {
		struct pollfd p = {.fd = v->fd, .events = POLLIN};
		struct sockaddr_storage who;
		socklen_t n = sizeof(who);
		int fd;

		if (time_mono_us() >= tick) {
			vaultd_clocks(v);
			tick = time_mono_us() + VAULTD_TICK_S * TIME_SEC;
		}
		if (poll(&p, 1, 500) < 0 && errno != EINTR)
			r = err_sys(e, "cannot wait for connections");
		if (r < 0 || !(p.revents & POLLIN))
			continue;
		fd = accept4(v->fd, (struct sockaddr *)&who, &n, SOCK_CLOEXEC);
		if (fd >= 0)
			take(v, fd, &who, &attr);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			(void)poll(NULL, 0, 100); /* some will end */
	}
	(void)pthread_attr_destroy(&attr);
	end_all(v);
	return r;
}
