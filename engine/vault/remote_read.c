/* Reading from far away: blocks of 256 KiB (of 1 MiB when everything will be read), many requests
 * in flight, the next ones asked for before they are needed. What comes is ciphertext; nothing
 * here needs to be trusted. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vault/remote.h"

enum {
	BLOCK = 256 << 10,
	BLOCK_EAGER = STORE_MAX_READ, /* fewer requests, threads woken, and answers paid for */
	CACHE = 96 << 20,
	NBLOCKS = CACHE / BLOCK,
	HUGE_PAGE = 2 << 20,
	NHASH = 1024,
	MAX_FETCHERS = 32,
	EAGER_FETCHERS = 16,
	NTRACKS = 64,        /* segments whose way of being read is remembered */
	AHEAD_MIN = 512 << 10, AHEAD_MAX = 10 << 20, /* bytes */
	AHEAD_EAGER = 4 << 20,
	TAIL_MIN = 128 << 10, /* at the end of a segment lies what is needed first */
	TAIL_PART = 12,       /* its table of contents is seldom more than this part of it */
	UNSEEN = 2,           /* what was read ahead waits so many caches long for its reader */
};

enum state { FREE, WAITING, LOADING, READY, FAILED };

struct block {
	uint8_t id[FMT_ID_LEN];
	uint32_t no, len;
	enum state state;
	bool wanted;        /* somebody waits: goes before what is only read ahead */
	bool seen;          /* somebody had it */
	unsigned pins;
	uint64_t used;      /* the cache's tick then */
	uint64_t asked;     /* how many blocks were asked for then */
	struct block *next; /* in its hash chain */
	uint8_t *p;         /* its place in the cache's memory */
	struct err err;
};

struct track { /* how a segment is being read */
	uint8_t id[FMT_ID_LEN];
	uint32_t next;   /* the block expected next */
	uint32_t window; /* blocks that are asked for ahead */
	uint64_t used;
};

struct rcache {
	struct store *st;
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	size_t block; /* bytes of a block */
	unsigned nblocks;
	uint8_t *mem; /* of all blocks, CACHE bytes from a border of huge pages on */
	void *map;
	struct block blocks[NBLOCKS];
	struct block *hash[NHASH];
	struct track tracks[NTRACKS];
	uint64_t tick, asked;
	unsigned queued, readers;
	bool stop, eager;
	pthread_t threads[MAX_FETCHERS];
	unsigned nthreads, want_threads;
};

static unsigned
slot_of(const uint8_t *id, uint32_t no)
{
	uint32_t h;

	(void)memcpy(&h, id, sizeof(h)); /* ids are random */
	return (h ^ no * 2654435761u) % NHASH;
}

static struct block *
find(struct rcache *c, const uint8_t *id, uint32_t no)
{
	struct block *b = c->hash[slot_of(id, no)];

	while (b && (b->no != no || memcmp(b->id, id, FMT_ID_LEN) != 0))
		b = b->next;
	return b;
}

static void
unlink_block(struct rcache *c, struct block *b)
{
	struct block **at = &c->hash[slot_of(b->id, b->no)];

	while (*at && *at != b)
		at = &(*at)->next;
	if (*at)
		*at = b->next;
	b->state = FREE;
}

/* awaited(c, b): Whether, where everything will be read, it was read ahead, had by nobody yet, and
 * not long ago. Given up, it would be fetched twice. */
static bool
awaited(const struct rcache *c, const struct block *b)
{
	return c->eager && b->state == READY && !b->seen &&
	    c->asked - b->asked < (uint64_t)UNSEEN * c->nblocks;
}

/* goes_first(c, a, b): Whether ${a} is given up rather than ${b}. */
static bool
goes_first(const struct rcache *c, const struct block *a, const struct block *b)
{
	bool wait_a = awaited(c, a), wait_b = awaited(c, b);

	return wait_a != wait_b ? wait_b : a->used < b->used;
}

/* take(c, need): A block to be filled: an empty one, or the one used longest ago that nobody holds.
 * ${need} false: only for reading ahead, so nothing that was read lately is given up. */
static struct block *
take(struct rcache *c, bool need)
{
	struct block *best = NULL;

	for (unsigned i = 0; i < c->nblocks; i++) {
		struct block *b = &c->blocks[i];

		if (b->state == FREE) {
			best = b;
			break;
		}
		if ((b->state == READY || b->state == FAILED) && b->pins == 0 &&
		    (!best || goes_first(c, b, best)))
			best = b;
	}
	if (!best || (!need && best->state == READY &&
	    (c->tick - best->used < c->nblocks / 4 || awaited(c, best))))
		return NULL;
	if (best->state != FREE)
		unlink_block(c, best);
	best->p = c->mem + (size_t)(best - c->blocks) * c->block;
	return best;
}

/* ask(c, id, size, no, need): Put a block into the queue. NULL: no room. */
static struct block *
ask(struct rcache *c, const uint8_t *id, uint64_t size, uint32_t no, bool need)
{
	struct block *b = take(c, need);
	uint64_t off = (uint64_t)no * c->block;
	unsigned slot;

	if (!b)
		return NULL;
	(void)memcpy(b->id, id, FMT_ID_LEN);
	b->no = no;
	b->len = size - off < c->block ? (uint32_t)(size - off) : (uint32_t)c->block;
	b->state = WAITING;
	b->wanted = need;
	b->seen = false;
	b->asked = ++c->asked;
	b->pins = 0;
	b->used = ++c->tick;
	slot = slot_of(id, no);
	b->next = c->hash[slot];
	c->hash[slot] = b;
	c->queued++;
	(void)pthread_cond_signal(&c->work);
	return b;
}

/* next_job(c): The oldest block that somebody waits for, else the oldest one asked for. */
static struct block *
next_job(struct rcache *c)
{
	struct block *best = NULL;

	for (unsigned i = 0; i < c->nblocks; i++) {
		struct block *b = &c->blocks[i];

		if (b->state == WAITING && (!best || b->wanted > best->wanted ||
		    (b->wanted == best->wanted && b->used < best->used)))
			best = b;
	}
	return best;
}

static void *
fetcher(void *arg)
{
	struct rcache *c = arg;

	(void)pthread_mutex_lock(&c->lock);
	for (;;) {
		struct block *b;
		struct err e = {0};
		int r;

		while (c->queued == 0 && !c->stop)
			(void)pthread_cond_wait(&c->work, &c->lock);
		if (c->stop)
			break;
		b = next_job(c);
		if (!b)
			continue;
		c->queued--;
		b->state = LOADING;
		(void)pthread_mutex_unlock(&c->lock);
		r = c->st->ops->read(c->st, b->id, (uint64_t)b->no * c->block, b->p, b->len, &e);
		(void)pthread_mutex_lock(&c->lock);
		b->state = r < 0 ? FAILED : READY;
		b->err = e;
		(void)pthread_cond_broadcast(&c->done);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* memory(c): Huge pages where the kernel has them: everything is written and read here once. */
static bool
memory(struct rcache *c)
{
	size_t past;

	if (c->map)
		return true;
	c->map = mmap(NULL, CACHE + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);
	if (c->map == MAP_FAILED) {
		c->map = NULL;
		return false;
	}
	past = (uintptr_t)c->map % HUGE_PAGE;
	c->mem = (uint8_t *)c->map + (past ? HUGE_PAGE - past : 0);
	(void)madvise(c->mem, CACHE, MADV_HUGEPAGE); /* else ordinary ones */
	return true;
}

/* staff(c, e): Threads are started when reading begins: most handles only look at the log. */
static int
staff(struct rcache *c, struct err *e)
{
	if (!memory(c))
		return err_set(e, E_NOMEM, "no memory to read ahead");
	while (c->nthreads < c->want_threads &&
	    pthread_create(&c->threads[c->nthreads], NULL, fetcher, c) == 0)
		c->nthreads++;
	if (c->nthreads == 0)
		return err_set(e, E_NOMEM, "cannot start a thread");
	c->want_threads = c->nthreads;
	return 0;
}

static struct track *
track_of(struct rcache *c, const uint8_t *id)
{
	struct track *best = &c->tracks[0];

	for (unsigned i = 0; i < NTRACKS; i++) {
		struct track *t = &c->tracks[i];

		if (t->used && memcmp(t->id, id, FMT_ID_LEN) == 0)
			return t;
		if (t->used < best->used)
			best = t;
	}
	*best = (struct track){.window = c->eager ? (uint32_t)(AHEAD_EAGER / c->block) : 0};
	(void)memcpy(best->id, id, FMT_ID_LEN);
	return best;
}

/* read_ahead(c, id, size, no): Block ${no} was asked for; what will follow? Folders are finished
 * from the last to the first, so it may be the one before. */
static void
read_ahead(struct rcache *c, const uint8_t *id, uint64_t size, uint32_t no)
{
	struct track *t = track_of(c, id);
	uint32_t all = (uint32_t)((size + c->block - 1) / c->block);
	uint32_t least = (uint32_t)(AHEAD_MIN / c->block), most = (uint32_t)(AHEAD_MAX / c->block);
	bool up = t->used && no == t->next;
	/* not from the end of a segment to its table of contents */
	bool down = t->used && no + 2 == t->next && t->next != all;

	if (t->used && no + 1 == t->next) { /* the same block again */
		t->used = ++c->tick;
		return;
	}
	t->used = ++c->tick;
	if (up || down)
		t->window = t->window < least || t->window == 0 ? (least ? least : 1) :
		    t->window * 2 < most ? t->window * 2 : most;
	else if (!c->eager)
		t->window = 0;
	t->next = no + 1;
	for (uint32_t i = 1; i <= t->window; i++) {
		uint32_t k = down ? no - i : no + i;

		if (k >= all || (!find(c, id, k) && !ask(c, id, size, k, false)))
			break;
	}
}

/* hold(c, id, size, no, ret, e): A block that is there, pinned. With the lock. */
static int
hold(struct rcache *c, const uint8_t *id, uint64_t size, uint32_t no, struct block **ret,
    struct err *e)
{
	struct block *b = find(c, id, no);

	if (b && b->state == FAILED && b->pins == 0) { /* long ago, when nobody asked */
		unlink_block(c, b);
		b = NULL;
	}
	while (!b) {
		b = ask(c, id, size, no, true);
		if (!b) /* all of them are being filled or held: wait for one */
			(void)pthread_cond_wait(&c->done, &c->lock);
		if (!b)
			b = find(c, id, no);
	}
	b->pins++;
	b->seen = true;
	b->used = ++c->tick;
	read_ahead(c, id, size, no);
	b->wanted = true;
	while (b->state == WAITING || b->state == LOADING)
		(void)pthread_cond_wait(&c->done, &c->lock);
	if (b->state == READY) {
		*ret = b;
		return 0;
	}
	if (e)
		*e = b->err;
	if (--b->pins == 0)
		unlink_block(c, b); /* the next one who wants it tries again */
	(void)pthread_cond_broadcast(&c->done);
	return b->err.code < 0 ? b->err.code : E_NET;
}

int
rcache_read(struct rcache *c, const uint8_t id[FMT_ID_LEN], uint64_t size, uint64_t off, void *p,
    size_t n, struct err *e)
{
	uint8_t *out = p;
	int r = 0;

	if (off > size || n > size - off)
		return err_set(e, E_CORRUPT, "a segment ends early");
	(void)pthread_mutex_lock(&c->lock);
	c->readers++;
	r = staff(c, e);
	while (r == 0 && n > 0) {
		uint32_t no = (uint32_t)(off / c->block), at = (uint32_t)(off % c->block);
		size_t k = c->block - at < n ? c->block - at : n;
		struct block *b = NULL;

		r = hold(c, id, size, no, &b, e);
		(void)pthread_mutex_unlock(&c->lock);
		if (r == 0)
			(void)memcpy(out, b->p + at, k);
		else if (r != E_NET && r != E_NOENT && r != E_AUTH) /* damage elsewhere in it? */
			r = c->st->ops->read(c->st, id, off, out, k, e);
		(void)pthread_mutex_lock(&c->lock);
		if (r < 0)
			break;
		if (b && --b->pins == 0)
			(void)pthread_cond_broadcast(&c->done);
		out += k;
		off += k;
		n -= k;
	}
	c->readers--;
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

/* crowded(c): Whether half of the memory is for what nobody had yet: enough for now. */
static bool
crowded(const struct rcache *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->nblocks; i++) {
		const struct block *b = &c->blocks[i];

		n += awaited(c, b) || ((b->state == WAITING || b->state == LOADING) && !b->wanted);
	}
	return n > c->nblocks / 2;
}

/* both_ends(c, id, size): The header, and what lies at the end. With the lock. */
static void
both_ends(struct rcache *c, const uint8_t *id, uint64_t size)
{
	uint64_t ends = TAIL_MIN + (c->eager ? size / TAIL_PART : 0);
	uint32_t last = size ? (uint32_t)((size - 1) / c->block) : 0;
	uint32_t tail = size > ends ? (uint32_t)((size - ends) / c->block) : 0;

	for (uint32_t no = last; no >= tail && no > 0; no--)
		if (!find(c, id, no))
			(void)ask(c, id, size, no, false);
	if (!find(c, id, 0))
		(void)ask(c, id, size, 0, false);
}

void
rcache_ahead(struct rcache *c, const uint8_t id[FMT_ID_LEN], uint64_t size)
{
	(void)pthread_mutex_lock(&c->lock);
	if (staff(c, NULL) == 0 && !crowded(c))
		both_ends(c, id, size);
	(void)pthread_mutex_unlock(&c->lock);
}

/* coming(c): Whether a block is being filled, or will be. */
static bool
coming(const struct rcache *c)
{
	for (unsigned i = 0; i < c->nblocks; i++)
		if (c->blocks[i].state == WAITING || c->blocks[i].state == LOADING)
			return true;
	return false;
}

/* larger(c): Cut the memory into larger blocks, forgetting what is in the small ones; not while
 * somebody counts in these. */
static void
larger(struct rcache *c)
{
	while (c->readers == 0 && coming(c))
		(void)pthread_cond_wait(&c->done, &c->lock);
	if (c->readers > 0)
		return;
	for (unsigned i = 0; i < c->nblocks; i++)
		if (c->blocks[i].state != FREE)
			unlink_block(c, &c->blocks[i]);
	(void)memset(c->tracks, 0, sizeof(c->tracks));
	c->block = BLOCK_EAGER;
	c->nblocks = CACHE / BLOCK_EAGER;
}

void
rcache_eager(struct rcache *c)
{
	(void)pthread_mutex_lock(&c->lock);
	if (!c->eager) {
		c->eager = true;
		larger(c);
		if (c->nthreads == 0 && c->want_threads > EAGER_FETCHERS)
			c->want_threads = EAGER_FETCHERS;
	}
	(void)pthread_mutex_unlock(&c->lock);
}

int
rcache_new(struct store *st, struct rcache **ret, struct err *e)
{
	struct rcache *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(e, E_NOMEM, "no memory");
	c->st = st;
	c->block = BLOCK;
	c->nblocks = NBLOCKS;
	c->want_threads = st->parallel < 1 ? 1 : st->parallel > MAX_FETCHERS ? MAX_FETCHERS :
	    st->parallel;
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->work, NULL);
	(void)pthread_cond_init(&c->done, NULL);
	*ret = c;
	return 0;
}

void
rcache_free(struct rcache *c)
{
	if (!c)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->stop = true;
	(void)pthread_cond_broadcast(&c->work);
	(void)pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->nthreads; i++)
		(void)pthread_join(c->threads[i], NULL);
	if (c->map)
		(void)munmap(c->map, CACHE + HUGE_PAGE);
	(void)pthread_cond_destroy(&c->work);
	(void)pthread_cond_destroy(&c->done);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}
