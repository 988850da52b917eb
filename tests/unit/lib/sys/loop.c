#include "sys/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "tap.h"

struct sim {
	int64_t mono, wall;
	unsigned passes;
};

static int64_t
sim_mono(void *ctx)
{
	return ((struct sim *)ctx)->mono;
}

static int64_t
sim_wall(void *ctx)
{
	return ((struct sim *)ctx)->wall;
}

static void
sim_pass(void *ctx, int64_t us)
{
	struct sim *s = ctx;

	s->passes++;
	if (us < 0)
		us = TIME_SEC;
	s->mono += us;
	s->wall += us;
}

static struct loop *
sim_loop(struct sim *s)
{
	struct loop_clock c = {.ctx = s, .mono = sim_mono, .wall = sim_wall, .pass = sim_pass};
	struct loop *l = NULL;

	if (loop_new(c, &l, NULL) < 0)
		abort();
	return l;
}

struct hourly {
	struct loop_src *src;
	int64_t next, end;
	unsigned n;
};

static void
on_hour(struct loop *l, void *cookie)
{
	struct hourly *h = cookie;

	h->n++;
	h->next += 3600 * TIME_SEC;
	if (h->next > h->end)
		loop_stop(l);
	else
		loop_arm(h->src, h->next);
}

static void
test_year(void)
{
	struct sim s = {.mono = 5, .wall = INT64_C(1700000000) * TIME_SEC};
	struct loop *l = sim_loop(&s);
	struct hourly h = {.next = 3600 * TIME_SEC, .end = 365 * TIME_DAY};
	int64_t t0 = time_mono_us();

	OK(loop_add_timer(l, h.next, on_hour, &h, &h.src, NULL) == 0, "a timer is added");
	OK(loop_run(l, NULL) == 0, "the loop runs");
	EQ_I(h.n, 365 * 24, "a year has 8760 hours");
	EQ_I(s.mono, 365 * TIME_DAY, "the clock stands at the end of the year");
	OK(time_mono_us() - t0 < 5 * TIME_SEC, "a simulated year takes no real time");
	loop_free(l);
}

/* Random arming and deleting against a plain list: the order must be by time, then by arming. */
enum { NT = 300 };
struct rnd {
	struct loop_src *src;
	int64_t at;
	unsigned id;
	bool gone;
};
static unsigned fired[NT], nfired;

static void
on_rnd(struct loop *l, void *cookie)
{
	struct rnd *t = cookie;

	(void)l;
	fired[nfired++] = t->id;
}

static void
test_heap(void)
{
	struct sim s = {0};
	struct loop *l = sim_loop(&s);
	static struct rnd t[NT];
	unsigned seed = 12345, live = 0;
	bool sorted = true;

	for (unsigned i = 0; i < NT; i++) {
		seed = seed * 1103515245 + 12345;
		t[i] = (struct rnd){.id = i, .at = (seed >> 16) % 50};
		if (loop_add_timer(l, t[i].at, on_rnd, &t[i], &t[i].src, NULL) < 0)
			abort();
	}
	for (unsigned i = 0; i < NT; i += 3) {
		loop_del(t[i].src);
		t[i].gone = true;
	}
	for (unsigned i = 1; i < NT; i += 3) {
		t[i].at += 7;
		loop_arm(t[i].src, t[i].at);
	}
	for (unsigned i = 0; i < NT; i++)
		live += !t[i].gone;
	while (s.mono < 100)
		if (loop_step(l, 1, NULL) < 0)
			abort();
	EQ_I(nfired, live, "every living timer fired once");
	for (unsigned i = 1; i < nfired; i++)
		sorted = sorted && t[fired[i - 1]].at <= t[fired[i]].at;
	OK(sorted, "timers fire in the order of their times");
	loop_free(l);
}

static unsigned same[3], nsame;

static void
on_same(struct loop *l, void *cookie)
{
	(void)l;
	same[nsame++] = *(unsigned *)cookie;
}

static void
test_tie(void)
{
	struct sim s = {0};
	struct loop *l = sim_loop(&s);
	unsigned id[3] = {0, 1, 2};

	for (int i = 0; i < 3; i++)
		if (loop_add_timer(l, 10, on_same, &id[i], NULL, NULL) < 0)
			abort();
	while (nsame < 3 && s.mono < 1000)
		(void)!loop_step(l, -1, NULL);
	OK(same[0] == 0 && same[1] == 1 && same[2] == 2, "equal times keep the order of arming");
	loop_free(l);
}

static struct loop_src *self_again;
static unsigned again_n;

static void
on_again(struct loop *l, void *cookie)
{
	(void)cookie;
	again_n++;
	loop_arm(self_again, loop_mono(l));
}

static void
test_no_starving(void)
{
	struct sim s = {0};
	struct loop *l = sim_loop(&s);

	(void)!loop_add_timer(l, 0, on_again, NULL, &self_again, NULL);
	EQ_I(loop_step(l, 0, NULL), 1,
	    "a timer armed for now inside itself waits for the next step");
	EQ_I(loop_step(l, 0, NULL), 1, "and then fires");
	loop_free(l);
}

struct pair {
	struct loop_src *a, *b;
	unsigned calls;
};

static void
on_pair(struct loop *l, int fd, uint32_t events, void *cookie)
{
	struct pair *p = cookie;

	(void)l, (void)fd, (void)events;
	p->calls++;
	loop_del(p->a);
	loop_del(p->b);
	p->a = p->b = NULL;
}

static void
test_delete_inside(void)
{
	struct sim s = {0};
	struct loop *l = sim_loop(&s);
	struct pair p = {0};
	int x[2], y[2];

	if (pipe(x) < 0 || pipe(y) < 0 || write(x[1], "x", 1) != 1 || write(y[1], "y", 1) != 1)
		abort();
	OK(loop_add_fd(l, x[0], EPOLLIN, on_pair, &p, &p.a, NULL) == 0, "watch a pipe");
	OK(loop_add_fd(l, y[0], EPOLLIN, on_pair, &p, &p.b, NULL) == 0, "watch another");
	OK(loop_add_fd(l, y[0], EPOLLIN, on_pair, &p, NULL, NULL) < 0, "twice is refused");
	EQ_I(loop_step(l, 0, NULL), 1, "a source deleted in the same batch is not called");
	EQ_I(loop_step(l, 0, NULL), 0, "nothing is left");
	/* the refused source must not have taken the first one's entry with it */
	EQ_I(p.calls, 1, "one call in all");
	loop_free(l);
	for (int i = 0; i < 2; i++) {
		(void)close(x[i]);
		(void)close(y[i]);
	}
}

static int got_signal;

static void
on_signal(struct loop *l, int signo, void *cookie)
{
	(void)cookie;
	got_signal = signo;
	loop_stop(l);
}

struct kid {
	pid_t pid;
	int status;
	unsigned n;
};

static void
on_child(struct loop *l, pid_t pid, int status, void *cookie)
{
	struct kid *k = cookie;

	k->pid = pid;
	k->status = status;
	k->n++;
	loop_stop(l);
}

static void
test_os(void)
{
	struct loop *l = NULL;
	struct kid k = {0};
	struct err e = {0};
	pid_t pid;
	int64_t t0;

	OK(loop_new(loop_clock_os(), &l, &e) == 0, "a loop on the real clock");
	OK(loop_add_signal(l, SIGUSR1, on_signal, NULL, NULL, &e) == 0, "watch a signal");
	EQ_I(loop_add_signal(l, SIGUSR1, on_signal, NULL, NULL, &e), E_EXIST, "twice is refused");
	(void)kill(getpid(), SIGUSR1);
	OK(loop_run(l, &e) == 0 && got_signal == SIGUSR1, "the signal arrives through the loop");

	pid = fork();
	if (pid == 0)
		_exit(42);
	OK(loop_add_child(l, pid, on_child, &k, NULL, &e) == 0, "watch a child");
	OK(loop_run(l, &e) == 0, "it ends");
	OK(k.pid == pid && WIFEXITED(k.status) && WEXITSTATUS(k.status) == 42, "with its status");
	OK(waitpid(pid, NULL, WNOHANG) < 0, "and was reaped");
	EQ_I(loop_step(l, 0, NULL), 0, "a child is reported once");
	OK(loop_add_child(l, pid, on_child, &k, NULL, &e) < 0, "an unknown child is an error");

	t0 = loop_mono(l);
	EQ_I(loop_step(l, 20000, NULL), 0, "an empty step waits");
	OK(loop_mono(l) - t0 >= 20000, "for as long as it was told");
	loop_free(l);
}

int
main(void)
{
	test_year();
	test_heap();
	test_tie();
	test_no_starving();
	test_delete_inside();
	test_os();
	return tap_done();
}
