/* File contents: a pool of reading contexts, one to a request at a time. */
#include <stdlib.h>
#include <string.h>

#include "vault/mount_int.h"

/* Groups of 128 KiB each context keeps: enough that neighbouring small reads meet what the last one
 * decompressed; with eight contexts 16 MiB in all. */
enum { GROUPS = 16 };

struct mread {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct mread_ctx *ctx;
	unsigned n;
	uint64_t tick;
};

int
mread_new(VAULT_R *r, unsigned threads, struct mread **ret, struct err *e)
{
	struct mread *m = calloc(1, sizeof(*m));
	int x = 0;

	if (m)
		m->ctx = calloc(threads, sizeof(*m->ctx));
	if (!m || !m->ctx) {
		free(m);
		return err_set(e, E_NOMEM, "no memory");
	}
	(void)pthread_mutex_init(&m->lock, NULL);
	(void)pthread_cond_init(&m->freed, NULL);
	m->n = threads;
	for (unsigned i = 0; i < threads && x == 0; i++) {
		x = vault_ctx_new(r, GROUPS, &m->ctx[i].c, e);
		if (x == 0 && (m->ctx[i].buf = malloc(MREAD_MAX)) == NULL)
			x = err_set(e, E_NOMEM, "no memory");
	}
	if (x < 0) {
		mread_free(m);
		return x;
	}
	*ret = m;
	return 0;
}

void
mread_free(struct mread *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->n; i++) {
		vault_ctx_free(m->ctx[i].c);
		free(m->ctx[i].buf);
	}
	free(m->ctx);
	(void)pthread_cond_destroy(&m->freed);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

struct mread_ctx *
mread_take(struct mread *m, uint64_t ino, uint64_t off)
{
	struct mread_ctx *best;

	(void)pthread_mutex_lock(&m->lock);
	for (;;) {
		best = NULL;
		for (unsigned i = 0; i < m->n; i++) {
			struct mread_ctx *x = &m->ctx[i];

			if (x->busy)
				continue;
			if (x->ino == ino && x->end == off) {
				best = x;
				break;
			}
			if (!best || x->used < best->used)
				best = x;
		}
		if (best)
			break;
		(void)pthread_cond_wait(&m->freed, &m->lock);
	}
	best->busy = true;
	best->used = ++m->tick;
	best->ino = ino;
	(void)pthread_mutex_unlock(&m->lock);
	return best;
}

void
mread_give(struct mread *m, struct mread_ctx *x)
{
	(void)pthread_mutex_lock(&m->lock);
	x->busy = false;
	(void)pthread_cond_signal(&m->freed);
	(void)pthread_mutex_unlock(&m->lock);
}

/* piece_at(b, en, off): The piece of the file that holds byte ${off}; pieces are contiguous. */
static uint32_t
piece_at(const struct mtree_ext *x, uint32_t n, uint64_t off)
{
	uint32_t lo = 0, hi = n;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (x[mid].pos <= off)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

int
mread_data(struct mread_ctx *x, const struct mtree_block *b, const struct mtree_entry *en,
    uint64_t off, size_t n, const uint8_t **ret, struct err *e)
{
	const struct mtree_ext *ext = VEC_AT(&b->exts, const struct mtree_ext, en->ext);
	uint32_t i = piece_at(ext, en->next, off);
	size_t done = 0;

	x->end = off + n;
	*ret = x->buf;
	while (done < n) {
		uint64_t at = off + done, skip = at - ext[i].pos;
		uint64_t end = i + 1 < en->next ? ext[i + 1].pos : en->size;
		size_t take = end - at < n - done ? (size_t)(end - at) : n - done;
		const uint8_t *v;
		ssize_t k;

		if (!ext[i].seg) {
			(void)memset(x->buf + done, 0, take);
			done += take;
		} else {
			k = vault_view(x->c, ext[i].seg, (uint32_t)(ext[i].off + skip), &v, e);
			if (k < 0)
				return (int)k;
			if ((size_t)k < take)
				take = (size_t)k;
			if (take == n) { /* all of it in one group: no copy */
				*ret = v;
				return 0;
			}
			(void)memcpy(x->buf + done, v, take);
			done += take;
		}
		if (off + done == end)
			i++;
	}
	return 0;
}
