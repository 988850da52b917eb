/* One thread, one loop: descriptors (epoll), timers, signals (signalfd) and ended children (pidfd).
 *
 * The clock is injected. With loop_clock_os() the loop sleeps; with a clock of its own a test lets
 * time jump to the next timer whenever nothing is ready, so that a year of schedules runs in
 * milliseconds. A source stays until loop_del; deleting any source inside any callback is allowed,
 * also the one that is being called. */
#ifndef MAMORI_SYS_LOOP_H
#define MAMORI_SYS_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum { LOOP_MAX_SRC = 4096 }; /* sources of one loop */

struct loop_clock {
	void *ctx;
	int64_t (*mono)(void *ctx); /* microseconds, never backwards, counts while suspended */
	int64_t (*wall)(void *ctx); /* microseconds UTC */
	/* NULL: the loop sleeps in epoll_wait. Else called instead of sleeping when nothing is
	 * ready: let ${us} microseconds pass (-1: there is no timer). */
	void (*pass)(void *ctx, int64_t us);
};

/* loop_clock_os(): CLOCK_BOOTTIME and CLOCK_REALTIME. */
struct loop_clock loop_clock_os(void);

struct loop;
struct loop_src;
typedef void loop_fd_fn(struct loop *l, int fd, uint32_t events, void *cookie);
typedef void loop_timer_fn(struct loop *l, void *cookie);
typedef void loop_signal_fn(struct loop *l, int signo, void *cookie);
/* ${status}: as waitpid gives it. */
typedef void loop_child_fn(struct loop *l, pid_t pid, int status, void *cookie);

/* loop_new(clock, ret, e): A loop without sources. E_SYS, E_NOMEM. */
MUST int loop_new(struct loop_clock clock, struct loop **ret, struct err *e);
/* loop_free(l): Frees all sources too; descriptors stay open, children run on. NULL is fine. */
void loop_free(struct loop *l);

int64_t loop_mono(const struct loop *l);
int64_t loop_wall(const struct loop *l);

/* loop_add_fd(l, fd, events, fn, cookie, ret, e): Call ${fn} while ${fd} is ready (level-triggered
 * EPOLL* bits; EPOLLERR and EPOLLHUP always). The descriptor stays the caller's and must be deleted
 * here before it is closed. ${ret} may be NULL. E_LIMIT, E_SYS, E_NOMEM. */
MUST int loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *cookie,
    struct loop_src **ret, struct err *e);
/* loop_set_events(s, events, e): Change what a descriptor source waits for (0: only errors). */
MUST int loop_set_events(struct loop_src *s, uint32_t events, struct err *e);

/* loop_add_timer(l, at, fn, cookie, ret, e): Call ${fn} once when loop_mono() reaches ${at} (-1:
 * not until loop_arm). Timers due at the same time are called in the order of arming. */
MUST int loop_add_timer(struct loop *l, int64_t at, loop_timer_fn *fn, void *cookie,
    struct loop_src **ret, struct err *e);
/* loop_arm(s, at): Set a timer source again, or stop it with -1. Cannot fail. */
void loop_arm(struct loop_src *s, int64_t at);

/* loop_add_signal(l, signo, fn, cookie, ret, e): Block ${signo} for this thread and deliver it
 * here. It stays blocked after loop_del. E_EXIST when it has a source already. */
MUST int loop_add_signal(struct loop *l, int signo, loop_signal_fn *fn, void *cookie,
    struct loop_src **ret, struct err *e);

/* loop_add_child(l, pid, fn, cookie, ret, e): Wait for the end of one child process, reap it and
 * call ${fn} once; the source is then deleted by the loop. */
MUST int loop_add_child(struct loop *l, pid_t pid, loop_child_fn *fn, void *cookie,
    struct loop_src **ret, struct err *e);

/* loop_del(s): Forget a source. NULL is fine. */
void loop_del(struct loop_src *s);

/* loop_step(l, max_us, e): Handle what is ready; wait at most ${max_us} (-1: until something
 * happens). Returns the number of callbacks made, or negative E_SYS. */
MUST int loop_step(struct loop *l, int64_t max_us, struct err *e);
/* loop_run(l, e): Steps until loop_stop. */
MUST int loop_run(struct loop *l, struct err *e);
void loop_stop(struct loop *l);

#endif
