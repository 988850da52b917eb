/* One thread for what would block the loop: password hashes. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mamorid/http/console.h"

enum { STACK = 512 << 10 };

struct job {
	req_work_fn *fn;
	void *cookie, *tag;
};

struct work {
	struct loop *l;
	work_wake_fn *wake;
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_t thread;
	bool running, stop;
	struct job in[WORK_QUEUE], out[WORK_QUEUE];
	size_t nin, nout, held; /* held: in, being worked on, and out together */
	int fd;
	struct loop_src *src;
};

static void
take(struct job *from, size_t *n)
{
	for (size_t i = 1; i < *n; i++)
		from[i - 1] = from[i];
	(*n)--;
}

static void *
body(void *arg)
{
	struct work *w = arg;
	uint64_t one = 1;

	(void)pthread_mutex_lock(&w->lock);
	for (;;) {
		struct job j;

		while (w->nin == 0 && !w->stop)
			(void)pthread_cond_wait(&w->more, &w->lock);
		if (w->nin == 0)
			break;
		j = w->in[0];
		take(w->in, &w->nin);
		(void)pthread_mutex_unlock(&w->lock);
		j.fn(j.cookie);
		(void)pthread_mutex_lock(&w->lock);
		w->out[w->nout++] = j;
		(void)!write(w->fd, &one, sizeof(one));
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void
on_done(struct loop *l, int fd, uint32_t events, void *cookie)
{
	struct work *w = cookie;
	uint64_t n;

	(void)l, (void)events;
	(void)!read(fd, &n, sizeof(n));
	(void)pthread_mutex_lock(&w->lock);
	while (w->nout > 0) {
		struct job j = w->out[0];

		take(w->out, &w->nout);
		w->held--;
		(void)pthread_mutex_unlock(&w->lock);
		w->wake(w->ctx, j.tag);
		(void)pthread_mutex_lock(&w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
}

int
work_new(struct loop *l, work_wake_fn *wake, void *ctx, struct work **ret, struct err *e)
{
	struct work *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_set(e, E_NOMEM, "no memory for the console");
	w->l = l;
	w->wake = wake;
	w->ctx = ctx;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->more, NULL);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0)
		r = err_sys(e, "eventfd");
	else
		r = loop_add_fd(l, w->fd, EPOLLIN, on_done, w, &w->src, e);
	if (r < 0) {
		work_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

static int
begin(struct work *w, struct err *e)
{
	pthread_attr_t a;
	int rc;

	if (w->running)
		return 0;
	(void)pthread_attr_init(&a);
	(void)pthread_attr_setstacksize(&a, STACK);
	rc = pthread_create(&w->thread, &a, body, w);
	(void)pthread_attr_destroy(&a);
	if (rc) {
		errno = rc;
		return err_sys(e, "no thread for the console");
	}
	w->running = true;
	return 0;
}

int
work_put(struct work *w, req_work_fn *fn, void *cookie, void *job, struct err *e)
{
	int r = begin(w, e);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&w->lock);
	if (w->held < WORK_QUEUE) {
		w->held++;
		w->in[w->nin++] = (struct job){fn, cookie, job};
		(void)pthread_cond_signal(&w->more);
	} else {
		r = err_set(e, E_BUSY, "too many sign-ins at once");
	}
	(void)pthread_mutex_unlock(&w->lock);
	return r;
}

void
work_free(struct work *w)
{
	if (!w)
		return;
	if (w->running) {
		(void)pthread_mutex_lock(&w->lock);
		w->stop = true;
		(void)pthread_cond_signal(&w->more);
		(void)pthread_mutex_unlock(&w->lock);
		(void)pthread_join(w->thread, NULL);
	}
	if (w->src)
		on_done(w->l, w->fd, 0, w);
	loop_del(w->src);
	if (w->fd >= 0)
		(void)close(w->fd);
	(void)pthread_cond_destroy(&w->more);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}
