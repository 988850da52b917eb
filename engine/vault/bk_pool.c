/* Worker threads, tasks and slots. */
#include <stdlib.h>
#include <unistd.h>

#include "vault/bk_int.h"

struct sink *
pool_slot_take(struct bk_run *run)
{
	struct sink *s;

	(void)pthread_mutex_lock(&run->qlock);
	while (run->nfree == 0)
		(void)pthread_cond_wait(&run->qslot, &run->qlock);
	/* the slot given back last: a small run then fills one segment, not one a processor */
	s = &run->sinks[run->free_slots[--run->nfree]];
	(void)pthread_mutex_unlock(&run->qlock);
	return s;
}

void
pool_slot_give(struct bk_run *run, struct sink *s)
{
	(void)pthread_mutex_lock(&run->qlock);
	run->free_slots[run->nfree++] = (unsigned)(s - run->sinks);
	(void)pthread_cond_signal(&run->qslot);
	(void)pthread_mutex_unlock(&run->qlock);
}

static int
enqueue(struct bk_run *run, struct batch *b, struct item *it, uint32_t span, bool wait,
    struct err *e)
{
	struct task *t = malloc(sizeof(*t));

	if (!t)
		return err_set(e, E_NOMEM, "no memory");
	*t = (struct task){.batch = b, .item = it, .span = span};
	(void)pthread_mutex_lock(&run->qlock);
	while (wait && run->ntasks >= BK_TASKS)
		(void)pthread_cond_wait(&run->qdone, &run->qlock);
	*run->tail = t;
	run->tail = &t->next;
	run->ntasks++;
	(void)pthread_cond_signal(&run->qmore);
	(void)pthread_mutex_unlock(&run->qlock);
	return 0;
}

int
pool_post(struct bk_run *run, struct batch *b, struct item *it, uint32_t span, struct err *e)
{
	return enqueue(run, b, it, span, true, e);
}

int
pool_requeue(struct bk_run *run, struct batch *b, struct item *it, uint32_t span)
{
	return enqueue(run, b, it, span, false, NULL);
}

void
pool_task_done(struct bk_run *run, struct batch *b)
{
	if (atomic_fetch_sub(&b->left, 1) != 1)
		return;
	(void)pthread_mutex_lock(&run->qlock);
	(void)pthread_cond_broadcast(&run->qdone);
	(void)pthread_mutex_unlock(&run->qlock);
}

void
pool_wait_batch(struct bk_run *run, struct batch *b)
{
	(void)pthread_mutex_lock(&run->qlock);
	while (atomic_load(&b->left) != 0)
		(void)pthread_cond_wait(&run->qdone, &run->qlock);
	(void)pthread_mutex_unlock(&run->qlock);
}

static struct task *
next_task(struct bk_run *run)
{
	struct task *t;

	(void)pthread_mutex_lock(&run->qlock);
	while (!run->head && !run->stop)
		(void)pthread_cond_wait(&run->qmore, &run->qlock);
	t = run->head;
	if (t) {
		run->head = t->next;
		if (!run->head)
			run->tail = &run->head;
		run->ntasks--;
		(void)pthread_cond_broadcast(&run->qdone);
	}
	(void)pthread_mutex_unlock(&run->qlock);
	return t;
}

static void *
worker(void *arg)
{
	struct bk_run *run = arg;
	uint8_t *mem = malloc(BK_MEM);
	struct task *t;
	struct err e;

	if (!mem) {
		(void)err_set(&e, E_NOMEM, "no memory for a reader");
		(void)bk_fail(run, &e);
	}
	while ((t = next_task(run))) {
		struct batch *b = t->batch;

		if (mem && !bk_stopped(run)) {
			if (t->item)
				bk_read_span(run, b, t->item, t->span, mem);
			else
				bk_read_small(run, b, mem);
		}
		free(t);
		pool_task_done(run, b);
	}
	free(mem);
	return NULL;
}

int
pool_start(struct bk_run *run, struct err *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = run->b->threads ? run->b->threads : cpus > 0 ? (unsigned)cpus : 1;

	run->nslots = n > BK_MAX_SLOTS ? BK_MAX_SLOTS : n;
	for (unsigned i = 0; i < run->nslots; i++) {
		run->sinks[i] = (struct sink){.run = run, .kind = FMT_DATA};
		run->free_slots[run->nslots - 1 - i] = i;
	}
	run->nfree = run->nslots;
	for (unsigned i = 0; i < run->nslots * 3; i++) {
		if (pthread_create(&run->threads[i], NULL, worker, run) != 0) {
			if (i >= 1)
				break;
			return err_set(e, E_SYS, "cannot start a thread");
		}
		run->nthreads++;
	}
	return 0;
}

void
pool_stop(struct bk_run *run)
{
	(void)pthread_mutex_lock(&run->qlock);
	run->stop = true;
	(void)pthread_cond_broadcast(&run->qmore);
	(void)pthread_mutex_unlock(&run->qlock);
	for (unsigned i = 0; i < run->nthreads; i++)
		(void)pthread_join(run->threads[i], NULL);
	run->nthreads = 0;
}
