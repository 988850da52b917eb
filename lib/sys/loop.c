#include "sys/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"

enum kind { K_FD, K_TIMER, K_SIGNAL, K_CHILD };
enum { BATCH = 64 };

struct loop_src {
	struct loop *l;
	struct loop_src *prev, *next; /* all sources of the loop */
	enum kind kind;
	bool dead;
	int fd; /* K_FD: the caller's; K_SIGNAL, K_CHILD: ours */
	void *cookie;
	union {
		loop_fd_fn *fd;
		loop_timer_fn *timer;
		loop_signal_fn *signal;
		loop_child_fn *child;
	} fn;
	int signo;
	pid_t pid;
	int64_t at;
	uint64_t order; /* of arming, breaks ties */
	size_t slot;    /* in the heap, when armed */
	bool armed;
};

struct loop {
	struct loop_clock clock;
	int ep;
	struct loop_src *all;   /* living */
	struct loop_src *grave; /* deleted during this step, freed at its end */
	size_t nsrc, ntimer;
	struct loop_src **heap;
	size_t nheap;
	uint64_t order;
	bool stop;
	int depth;
};

static int64_t
os_clock(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * TIME_SEC + ts.tv_nsec / 1000;
}

static int64_t
os_mono(void *ctx)
{
	(void)ctx;
	/* a schedule must notice the time a machine slept */
	return os_clock(CLOCK_BOOTTIME);
}

static int64_t
os_wall(void *ctx)
{
	(void)ctx;
	return os_clock(CLOCK_REALTIME);
}

struct loop_clock
loop_clock_os(void)
{
	return (struct loop_clock){.mono = os_mono, .wall = os_wall};
}

int64_t
loop_mono(const struct loop *l)
{
	return l->clock.mono(l->clock.ctx);
}

int64_t
loop_wall(const struct loop *l)
{
	return l->clock.wall(l->clock.ctx);
}

int
loop_new(struct loop_clock clock, struct loop **ret, struct err *e)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return err_set(e, E_NOMEM, "no memory for an event loop");
	l->clock = clock;
	l->ep = epoll_create1(EPOLL_CLOEXEC);
	if (l->ep < 0) {
		int r = err_sys(e, "epoll_create");

		free(l);
		return r;
	}
	*ret = l;
	return 0;
}

/* --- timers: a binary heap ordered by (at, order) ------------------------------------------- */

static bool
before(const struct loop_src *a, const struct loop_src *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void
heap_set(struct loop *l, size_t i, struct loop_src *s)
{
	l->heap[i] = s;
	s->slot = i;
}

static void
heap_up(struct loop *l, size_t i)
{
	struct loop_src *s = l->heap[i];

	while (i > 0 && before(s, l->heap[(i - 1) / 2])) {
		heap_set(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_set(l, i, s);
}

static void
heap_down(struct loop *l, size_t i)
{
	struct loop_src *s = l->heap[i];

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= l->nheap)
			break;
		if (c + 1 < l->nheap && before(l->heap[c + 1], l->heap[c]))
			c++;
		if (!before(l->heap[c], s))
			break;
		heap_set(l, i, l->heap[c]);
		i = c;
	}
	heap_set(l, i, s);
}

static void
disarm(struct loop_src *s)
{
	struct loop *l = s->l;
	size_t i = s->slot;

	if (!s->armed)
		return;
	s->armed = false;
	l->nheap--;
	if (i == l->nheap)
		return;
	heap_set(l, i, l->heap[l->nheap]);
	heap_up(l, i);
	heap_down(l, l->heap[i]->slot);
}

void
loop_arm(struct loop_src *s, int64_t at)
{
	struct loop *l = s->l;

	if (s->dead || s->kind != K_TIMER)
		return;
	disarm(s);
	if (at < 0)
		return;
	s->at = at;
	s->order = l->order++;
	s->armed = true;
	/* room for every timer was made when it was added */
	heap_set(l, l->nheap, s);
	l->nheap++;
	heap_up(l, s->slot);
}

/* --- sources -------------------------------------------------------------------------------- */

static int
src_new(struct loop *l, enum kind kind, void *cookie, struct loop_src **ret, struct err *e)
{
	struct loop_src *s;

	if (l->nsrc >= LOOP_MAX_SRC)
		return err_set(e, E_LIMIT, "more than %d event sources", LOOP_MAX_SRC);
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, E_NOMEM, "no memory for an event source");
	s->l = l;
	s->kind = kind;
	s->cookie = cookie;
	s->fd = -1;
	s->next = l->all;
	if (l->all)
		l->all->prev = s;
	l->all = s;
	l->nsrc++;
	*ret = s;
	return 0;
}

static void
src_release(struct loop_src *s)
{
	if ((s->kind == K_SIGNAL || s->kind == K_CHILD) && s->fd >= 0)
		(void)close(s->fd);
	free(s);
}

void
loop_del(struct loop_src *s)
{
	struct loop *l;

	if (!s || s->dead)
		return;
	l = s->l;
	disarm(s);
	if (s->kind == K_TIMER)
		l->ntimer--;
	if (s->fd >= 0)
		(void)epoll_ctl(l->ep, EPOLL_CTL_DEL, s->fd, NULL);
	if (s->prev)
		s->prev->next = s->next;
	else
		l->all = s->next;
	if (s->next)
		s->next->prev = s->prev;
	l->nsrc--;
	s->dead = true;
	if (l->depth == 0) {
		src_release(s);
		return;
	}
	/* the batch of events in hand may still point here */
	s->next = l->grave;
	l->grave = s;
}

static int
watch(struct loop_src *s, uint32_t events, struct err *e)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	if (epoll_ctl(s->l->ep, EPOLL_CTL_ADD, s->fd, &ev) < 0)
		return err_sys(e, "cannot watch descriptor %d", s->fd);
	return 0;
}

/* finish(s, r, ret): Hand out a source that was watched, or undo it. */
static int
finish(struct loop_src *s, int r, struct loop_src **ret)
{
	if (r < 0) {
		int fd = s->fd;

		/* not in the epoll set: loop_del must not take another source's entry out */
		s->fd = -1;
		if (fd >= 0 && s->kind != K_FD)
			(void)close(fd);
		loop_del(s);
		return r;
	}
	if (ret)
		*ret = s;
	return 0;
}

int
loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *cookie,
    struct loop_src **ret, struct err *e)
{
	struct loop_src *s;
	int r = src_new(l, K_FD, cookie, &s, e);

	if (r < 0)
		return r;
	s->fd = fd;
	s->fn.fd = fn;
	return finish(s, watch(s, events, e), ret);
}

int
loop_set_events(struct loop_src *s, uint32_t events, struct err *e)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	if (epoll_ctl(s->l->ep, EPOLL_CTL_MOD, s->fd, &ev) < 0)
		return err_sys(e, "cannot watch descriptor %d", s->fd);
	return 0;
}

int
loop_add_timer(struct loop *l, int64_t at, loop_timer_fn *fn, void *cookie, struct loop_src **ret,
    struct err *e)
{
	struct loop_src **heap;
	struct loop_src *s;
	int r;

	heap = reallocarray(l->heap, l->ntimer + 1, sizeof(*heap));
	if (!heap)
		return err_set(e, E_NOMEM, "no memory for a timer");
	l->heap = heap;
	r = src_new(l, K_TIMER, cookie, &s, e);
	if (r < 0)
		return r;
	l->ntimer++;
	s->fn.timer = fn;
	loop_arm(s, at);
	if (ret)
		*ret = s;
	return 0;
}

int
loop_add_signal(struct loop *l, int signo, loop_signal_fn *fn, void *cookie,
    struct loop_src **ret, struct err *e)
{
	struct loop_src *s;
	sigset_t set;
	int r;

	for (s = l->all; s; s = s->next)
		if (s->kind == K_SIGNAL && s->signo == signo)
			return err_set(e, E_EXIST, "signal %d has a handler already", signo);
	r = src_new(l, K_SIGNAL, cookie, &s, e);
	if (r < 0)
		return r;
	s->signo = signo;
	s->fn.signal = fn;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, signo);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return finish(s, err_sys(e, "cannot block signal %d", signo), ret);
	s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd < 0)
		return finish(s, err_sys(e, "signalfd"), ret);
	return finish(s, watch(s, EPOLLIN, e), ret);
}

int
loop_add_child(struct loop *l, pid_t pid, loop_child_fn *fn, void *cookie, struct loop_src **ret,
    struct err *e)
{
	struct loop_src *s;
	int r = src_new(l, K_CHILD, cookie, &s, e);

	if (r < 0)
		return r;
	s->pid = pid;
	s->fn.child = fn;
	s->fd = pidfd_open(pid, 0);
	if (s->fd < 0)
		return finish(s, err_sys(e, "pidfd_open"), ret);
	return finish(s, watch(s, EPOLLIN, e), ret);
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->all)
		loop_del(l->all);
	free(l->heap);
	(void)close(l->ep);
	free(l);
}

/* --- one step ------------------------------------------------------------------------------- */

static int
call_signal(struct loop_src *s)
{
	struct signalfd_siginfo si;
	int n = 0;

	while (!s->dead && read(s->fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		s->fn.signal(s->l, s->signo, s->cookie);
		n++;
	}
	return n;
}

static int
call_child(struct loop_src *s)
{
	loop_child_fn *fn = s->fn.child;
	void *cookie = s->cookie;
	pid_t pid = s->pid;
	int status = 0;
	pid_t got;

	do
		got = waitpid(pid, &status, WNOHANG);
	while (got < 0 && errno == EINTR);
	if (got == 0)
		return 0;
	if (got < 0)
		status = 0xff << 8; /* somebody else reaped it: an unknown end counts as failed */
	loop_del(s);
	fn(s->l, pid, status, cookie);
	return 1;
}

static int
call_fd(struct loop_src *s, uint32_t events)
{
	switch (s->kind) {
	case K_FD:
		s->fn.fd(s->l, s->fd, events, s->cookie);
		return 1;
	case K_SIGNAL:
		return call_signal(s);
	case K_CHILD:
		return call_child(s);
	default:
		return 0;
	}
}

/* due_timers(l): Call what is due now. A timer armed again inside a callback for the same moment
 * waits for the next step, so that a step always ends. */
static int
due_timers(struct loop *l)
{
	int64_t now = loop_mono(l);
	uint64_t last = l->order;
	int n = 0;

	while (l->nheap > 0 && !l->stop) {
		struct loop_src *s = l->heap[0];

		if (s->at > now || s->order >= last)
			break;
		disarm(s);
		s->fn.timer(l, s->cookie);
		n++;
	}
	return n;
}

static int
wait_ms(int64_t us)
{
	if (us < 0)
		return -1;
	us = (us + 999) / 1000; /* up: never spin just before a timer */
	return us > 3600 * 1000 ? 3600 * 1000 : (int)us;
}

/* until_next(l, max_us): Microseconds to the next timer, at most ${max_us}; -1: no end. */
static int64_t
until_next(const struct loop *l, int64_t max_us)
{
	int64_t us;

	if (l->nheap == 0)
		return max_us;
	us = l->heap[0]->at - loop_mono(l);
	if (us < 0)
		us = 0;
	return max_us >= 0 && max_us < us ? max_us : us;
}

static void
bury(struct loop *l)
{
	while (l->grave) {
		struct loop_src *s = l->grave;

		l->grave = s->next;
		src_release(s);
	}
}

int
loop_step(struct loop *l, int64_t max_us, struct err *e)
{
	struct epoll_event ev[BATCH];
	int64_t us = until_next(l, max_us);
	int n, calls = 0;

	n = epoll_wait(l->ep, ev, BATCH, l->clock.pass ? 0 : wait_ms(us));
	if (n < 0 && errno != EINTR)
		return err_sys(e, "epoll_wait");
	if (n == 0 && l->clock.pass && us != 0)
		l->clock.pass(l->clock.ctx, us);
	l->depth++;
	for (int i = 0; i < n; i++) {
		struct loop_src *s = ev[i].data.ptr;

		if (!s->dead)
			calls += call_fd(s, ev[i].events);
	}
	calls += due_timers(l);
	if (--l->depth == 0)
		bury(l);
	return calls;
}

int
loop_run(struct loop *l, struct err *e)
{
	l->stop = false;
	while (!l->stop) {
		int r = loop_step(l, -1, e);

		if (r < 0)
			return r;
	}
	return 0;
}

void
loop_stop(struct loop *l)
{
	l->stop = true;
}
