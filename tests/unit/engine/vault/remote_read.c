/* The cache in front of a far place: what comes is what lies there, nothing is fetched twice that
 * was read ahead, and blocks are asked for in the direction in which somebody reads. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "vault/remote.h"

enum { MIB = 1 << 20, SEG = 60 * MIB - 12345, ASKED = 4096, WAIT_MS = 5000 };

static const uint8_t one[FMT_ID_LEN] = {1}, two[FMT_ID_LEN] = {2}, three[FMT_ID_LEN] = {3};

static struct {
	pthread_mutex_t lock;
	struct {
		uint8_t id;
		uint64_t off;
		size_t n;
	} asked[ASKED];
	size_t n;
	atomic_int fail; /* so many reads of segment three go wrong */
} place = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint8_t
byte_at(uint8_t id, uint64_t off)
{
	return (uint8_t)(id * 31 + off * 7 + (off >> 11) + (off >> 20));
}

static int
place_read(struct store *s, const uint8_t id[FMT_ID_LEN], uint64_t off, void *p, size_t n,
    struct err *e)
{
	uint8_t *out = p;

	(void)s;
	if (id[0] == 3 && atomic_fetch_sub(&place.fail, 1) > 0)
		return err_set(e, E_NET, "the line was cut");
	(void)pthread_mutex_lock(&place.lock);
	if (place.n < ASKED) {
		place.asked[place.n].id = id[0];
		place.asked[place.n].off = off;
		place.asked[place.n++].n = n;
	}
	(void)pthread_mutex_unlock(&place.lock);
	for (size_t i = 0; i < n; i++)
		out[i] = byte_at(id[0], off + i);
	return 0;
}

/* times(id, off): How often the block with that byte was fetched; with SIZE_MAX as ${off} any. */
static size_t
times(const uint8_t *id, uint64_t off)
{
	size_t k = 0;

	(void)pthread_mutex_lock(&place.lock);
	for (size_t i = 0; i < place.n; i++)
		k += place.asked[i].id == id[0] && (off == UINT64_MAX ||
		    (place.asked[i].off <= off && off < place.asked[i].off + place.asked[i].n));
	(void)pthread_mutex_unlock(&place.lock);
	return k;
}

/* comes(id, off): Whether it is fetched without anybody reading it. */
static bool
comes(const uint8_t *id, uint64_t off)
{
	for (int i = 0; i < WAIT_MS && times(id, off) == 0; i++)
		(void)usleep(1000);
	return times(id, off) > 0;
}

static bool
good(struct rcache *c, const uint8_t *id, uint64_t off, size_t n)
{
	static _Thread_local uint8_t buf[3 * MIB];
	struct err e;

	if (rcache_read(c, id, SEG, off, buf, n, &e) < 0) {
		printf("# %s\n", e.msg);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (buf[i] != byte_at(id[0], off + i))
			return false;
	return true;
}

static struct rcache *
fresh(void)
{
	static const struct store_ops ops = {.read = place_read};
	static struct store st = {.ops = &ops, .parallel = 24, .may_read = true};
	struct rcache *c = NULL;
	struct err e;

	place.n = 0;
	return rcache_new(&st, &c, &e) < 0 ? NULL : c;
}

static void
bytes(void)
{
	struct rcache *c = fresh();
	struct err e;
	uint8_t b;
	bool all = c != NULL;

	for (int i = 0; i < 40 && all; i++)
		all = good(c, i & 1 ? one : two, (uint64_t)(i * 1234567) % (SEG - 3 * MIB),
		    1 + (size_t)(i * 77777) % (3 * MIB));
	OK(all, "what is read is what lies there, across blocks");
	OK(good(c, one, SEG - 1, 1), "to the last byte");
	EQ_I(rcache_read(c, one, SEG, SEG, &b, 1, &e), E_CORRUPT, "and no further");
	rcache_eager(c);
	all = true;
	for (int i = 0; i < 40 && all; i++)
		all = good(c, i & 1 ? one : two, (uint64_t)(i * 7654321) % (SEG - 3 * MIB),
		    1 + (size_t)(i * 55555) % (3 * MIB));
	OK(all, "also after everything was cut into larger blocks in the middle of it");
	rcache_free(c);
}

static void
directions(void)
{
	struct rcache *c = fresh();

	OK(good(c, one, 0, 100) && good(c, one, 256 << 10, 100) && comes(one, 512 << 10),
	    "somebody who reads on finds the next block on its way");
	OK(good(c, two, 40 * MIB, 100) && good(c, two, 40 * MIB - (256 << 10), 100) &&
	    comes(two, 40 * MIB - (512 << 10)), "and somebody who reads backwards the one before");
	OK(good(c, two, 0, 1) && good(c, two, SEG - 1, 1), "both ends are ends");
	OK(good(c, three, SEG - 1, 1) && good(c, three, SEG - (300 << 10), 1),
	    "from the end of a segment to the table before it");
	(void)usleep(50000);
	EQ_I(times(three, SEG - (900 << 10)), 0, "is no way back through all of it");
	rcache_free(c);
}

static void
ahead(void)
{
	struct rcache *c = fresh();
	bool all = true;

	rcache_eager(c);
	rcache_ahead(c, two, SEG);
	OK(comes(two, 0) && comes(two, SEG - 1), "a segment that is announced comes with its ends");
	OK(comes(two, SEG - SEG / 16), "with what a table of contents may take");
	EQ_I(times(two, SEG / 2), 0, "and not in between");
	for (uint64_t off = 0; off + 4096 <= SEG && all; off += 4096) /* as a restore reads it */
		all = good(c, one, off, 4096);
	for (uint64_t off = 0; off + 4096 <= SEG && all; off += 4096)
		all = good(c, three, off, 4096);
	OK(all, "more than the cache holds goes through it");
	EQ_I(times(one, UINT64_MAX), (SEG + MIB - 1) / MIB, "each block once");
	OK(good(c, two, SEG - 10, 10) && good(c, two, 0, 10), "then its turn comes");
	EQ_I(times(two, SEG - 1), 1, "its end was kept");
	EQ_I(times(two, 0), 1, "so was its beginning");
	rcache_free(c);
}

static void
failing(void)
{
	struct rcache *c = fresh();
	uint8_t b[10];
	struct err e;

	atomic_store(&place.fail, 1);
	EQ_I(rcache_read(c, three, SEG, SEG - 10, b, 10, &e), E_NET, "a cut line is said");
	OK(good(c, three, SEG - 10, 10), "and the next try is one");
	rcache_free(c);
	c = fresh();
	atomic_store(&place.fail, 100);
	rcache_ahead(c, three, SEG);
	for (int i = 0; i < WAIT_MS && atomic_load(&place.fail) > 98; i++)
		(void)usleep(1000);
	(void)usleep(300000); /* until that is noted, also on a busy machine */
	atomic_store(&place.fail, 0);
	OK(good(c, three, SEG - 10, 10) && good(c, three, 0, 10),
	    "what failed when nobody waited is tried again when somebody does");
	rcache_free(c);
}

struct reader {
	struct rcache *c;
	unsigned no;
	bool good;
};

static void *
reader(void *arg)
{
	struct reader *r = arg;

	r->good = true;
	for (unsigned i = 0; i < 60 && r->good; i++) {
		rcache_ahead(r->c, i % 2 ? one : two, SEG);
		r->good = good(r->c, (i + r->no) % 2 ? one : two,
		    (uint64_t)((i + 13 * r->no) * 997 * 1031) % (SEG - MIB), 1 + i * 9999);
	}
	return NULL;
}

static void
together(void)
{
	struct reader r[6];
	pthread_t id[6];
	struct rcache *c = fresh();
	bool all = true;

	for (unsigned i = 0; i < 6; i++) {
		r[i] = (struct reader){.c = c, .no = i};
		if (pthread_create(&id[i], NULL, reader, &r[i]) != 0)
			return (void)OK(false, "no thread");
	}
	rcache_eager(c); /* the size of blocks stays while they count in it */
	for (unsigned i = 0; i < 6; i++) {
		(void)pthread_join(id[i], NULL);
		all = all && r[i].good;
	}
	OK(all, "many at once, while one of them announces that it will read everything");
	rcache_free(c);
}

int
main(void)
{
	bytes();
	directions();
	ahead();
	failing();
	together();
	return tap_done();
}
