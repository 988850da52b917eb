/* Open segments, and the thread that makes finished ones durable. */
#include <stdlib.h>
#include <string.h>

#include "vault/bk_int.h"
#include "vault/remote.h"

static int
hand_over(struct sink *s, bool full, struct err *e)
{
	struct closer *c = &s->run->closer;
	struct closing done = {.seg = s->seg};
	int r = segw_seal(s->seg, full, &done.rec, e);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&c->lock);
	while (c->n == sizeof(c->queue) / sizeof(c->queue[0]) && !bk_stopped(s->run))
		(void)pthread_cond_wait(&c->less, &c->lock);
	if (c->n < sizeof(c->queue) / sizeof(c->queue[0])) {
		c->queue[c->n++] = done;
		s->seg = NULL;
		(void)pthread_cond_signal(&c->more);
	} else {
		r = err_set(e, E_CANCEL, "stopped");
	}
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

int
sink_end(struct sink *s, struct err *e)
{
	if (s->seg && segw_off(s->seg) == 0) {
		/* another slot was faster with the only new chunk; the index named this segment */
		s->run->index_stale = true;
		sink_drop(s);
	}
	return s->seg ? hand_over(s, false, e) : 0;
}

void
sink_drop(struct sink *s)
{
	segw_free(s->seg);
	s->seg = NULL;
}

static int
store(struct sink *s, const uint8_t id[FMT_CHUNK_ID_LEN], const void *p, size_t n, bool anew,
    uint32_t *ret_seg, uint32_t *ret_off, struct err *e)
{
	struct bk_run *run = s->run;
	int r = 0;

	if (s->seg && !segw_fits(s->seg, n))
		r = hand_over(s, true, e);
	if (r == 0 && !s->seg) {
		/* a segment only if something is new: most runs store little */
		if (!anew && index_find(run->index, id, (uint32_t)n, ret_seg, ret_off))
			return 0;
		r = segw_new(&run->env, s->kind, &s->seg, e);
		if (r == 0)
			r = index_segment(run->index, segw_id(s->seg), &s->seg_no, e);
	}
	if (r < 0)
		return r;
	r = anew ? index_move(run->index, id, s->seg_no, segw_off(s->seg), e) :
	    index_find_or_add(run->index, id, (uint32_t)n, s->seg_no, segw_off(s->seg), ret_seg,
	    ret_off, e);
	if (r != 0)
		return r < 0 ? r : 0;
	*ret_seg = s->seg_no;
	r = segw_add(s->seg, id, p, n, ret_off, e);
	return r < 0 ? r : 1;
}

int
sink_store(struct sink *s, const uint8_t id[FMT_CHUNK_ID_LEN], const void *p, size_t n,
    uint32_t *ret_seg, uint32_t *ret_off, struct err *e)
{
	return store(s, id, p, n, false, ret_seg, ret_off, e);
}

int
sink_store_anew(struct sink *s, const uint8_t id[FMT_CHUNK_ID_LEN], const void *p, size_t n,
    uint32_t *ret_seg, uint32_t *ret_off, struct err *e)
{
	return store(s, id, p, n, true, ret_seg, ret_off, e);
}

/* ---- the closer ---- */

/* carry(run, c, e): Make it durable where the repository lies. */
static int
carry(struct bk_run *run, struct closing *c, struct err *e)
{
	struct store *st;
	int r;

	if (!run->repo->rem)
		return segw_publish(c->seg, run->repo->segfd, e);
	st = remote_store(run->repo->rem);
	r = st->ops->put(st, &c->rec, segw_fd(c->seg), run->retain, e);
	return r == 0 ? remote_note(run->repo->rem, c->rec.seg, fmt_seg_size(c->rec.npages), e) :
	    r;
}

/* enter(run, c, e): Its key into the ring, its record into the log. */
static int
enter(struct bk_run *run, struct closing *c, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	int r = 0;

	buf_init(&b, 256);
	/* the ring first: a segment in the log whose key a drill lacks would be the worse order */
	if (run->key->ring)
		r = ring_append(run->f, run->pl, run->repo->ident.repo, c->rec.seg,
		    segw_key(c->seg), e);
	if (r == 0 && run->key->ring)
		r = ring_add(run->ring, c->rec.seg, segw_key(c->seg), e);
	if (r == 0)
		r = fmt_segment_rec_put(&b, &c->rec, e);
	if (r == 0)
		r = repo_append(run->repo, run->signer, FMT_LOG_SEGMENT, b.p, b.len, run->b->now,
		    NULL, e);
	if (r == 0)
		run->stored += fmt_seg_size(c->rec.npages);
	if (r == 0 && c->rec.kind == FMT_DATA) {
		run->packed += segw_off(c->seg);
		run->noise += segw_noise(c->seg);
	}
	return r;
}

static int
publish(struct bk_run *run, struct closing *c, struct err *e)
{
	int r = carry(run, c, e);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&run->closer.log);
	r = enter(run, c, e);
	(void)pthread_mutex_unlock(&run->closer.log);
	if (r == 0 && run->repo->rem)
		segw_keep_ends(c->seg, run->repo->segfd);
	return r;
}

static void *
closer_main(void *arg)
{
	struct bk_run *run = arg;
	struct closer *c = &run->closer;
	struct err e = {0};

	(void)pthread_mutex_lock(&c->lock);
	for (;;) {
		struct closing one;
		bool skip;

		while (c->n == 0 && !c->stop)
			(void)pthread_cond_wait(&c->more, &c->lock);
		if (c->n == 0)
			break;
		one = c->queue[0];
		c->n--;
		(void)memmove(c->queue, c->queue + 1, c->n * sizeof(one));
		c->busy++;
		skip = bk_stopped(run);
		(void)pthread_mutex_unlock(&c->lock);
		if (!skip && publish(run, &one, &e) < 0)
			(void)bk_fail(run, &e);
		segw_free(one.seg);
		(void)pthread_mutex_lock(&c->lock);
		c->busy--;
		(void)pthread_cond_broadcast(&c->less);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

int
closer_start(struct bk_run *run, struct err *e)
{
	struct closer *c = &run->closer;
	unsigned want = 1;

	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_mutex_init(&c->log, NULL);
	(void)pthread_cond_init(&c->more, NULL);
	(void)pthread_cond_init(&c->less, NULL);
	if (run->repo->rem)
		want = remote_store(run->repo->rem)->parallel < CLOSERS ?
		    remote_store(run->repo->rem)->parallel : CLOSERS;
	while (c->nthreads < want &&
	    pthread_create(&c->threads[c->nthreads], NULL, closer_main, run) == 0)
		c->nthreads++;
	return c->nthreads ? 0 : err_set(e, E_SYS, "cannot start a thread");
}

int
closer_flush(struct bk_run *run, struct err *e)
{
	struct closer *c = &run->closer;

	(void)pthread_mutex_lock(&c->lock);
	while (c->n > 0 || c->busy > 0)
		(void)pthread_cond_wait(&c->less, &c->lock);
	(void)pthread_mutex_unlock(&c->lock);
	if (!bk_stopped(run))
		return 0;
	if (!atomic_load(&run->failed))
		return err_set(e, E_CANCEL, "stopped");
	if (e)
		*e = run->err;
	return run->err.code;
}

void
closer_stop(struct bk_run *run)
{
	struct closer *c = &run->closer;

	if (c->nthreads == 0)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->stop = true;
	(void)pthread_cond_broadcast(&c->more);
	(void)pthread_mutex_unlock(&c->lock);
	while (c->nthreads > 0)
		(void)pthread_join(c->threads[--c->nthreads], NULL);
	(void)pthread_mutex_destroy(&c->lock);
	(void)pthread_mutex_destroy(&c->log);
	(void)pthread_cond_destroy(&c->more);
	(void)pthread_cond_destroy(&c->less);
}
