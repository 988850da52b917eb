/* index10m N: the memory and speed of the index with N chunks (ten million are about a terabyte of
 * large files or 160 GB on the 16 KiB grid). Adds N random ids, then looks N known and N unknown
 * ones up. Lines: name, value, unit. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/num.h"
#include "vault/index.h"

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
make_id(uint64_t n, uint8_t id[FMT_CHUNK_ID_LEN])
{
	for (int i = 0; i < FMT_CHUNK_ID_LEN / 8; i++) {
		uint64_t z = n * 4 + (uint64_t)i + UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		z ^= z >> 31;
		(void)memcpy(id + 8 * i, &z, 8);
	}
}

static long
peak_kib(void)
{
	struct rusage ru;

	return getrusage(RUSAGE_SELF, &ru) == 0 ? ru.ru_maxrss : 0;
}

/* pass(ix, from, n, seg, ret_known): find_or_add of ${n} ids; a negative code on failure. */
static int
pass(struct index *ix, uint64_t from, uint64_t n, uint32_t *seg, uint64_t *ret_known,
    struct err *e)
{
	uint8_t id[FMT_CHUNK_ID_LEN], seg_id[FMT_ID_LEN] = {0};
	uint32_t s, off;

	for (uint64_t i = 0; i < n; i++) {
		int r;

		if (i % 4096 == 0) { /* a segment holds a few thousand chunks */
			uint64_t no = from + i + 1;

			(void)memcpy(seg_id, &no, sizeof(no));
			r = index_segment(ix, seg_id, seg, e);
			if (r < 0)
				return r;
		}
		make_id(from + i, id);
		r = index_find_or_add(
		    ix, id, 16384, *seg, (uint32_t)(i % 4096) * 16384, &s, &off, e);
		if (r < 0)
			return r;
		*ret_known += (uint64_t)r;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct index *ix = NULL;
	struct err e = {0};
	uint64_t n, known = 0;
	uint32_t seg = 0;
	double t0;
	long base;
	int r;

	if (argc != 2 || num_parse_u64(argv[1], 1 << 30, &n, &e) < 0) {
		fprintf(stderr, "usage: index10m N\n");
		return 2;
	}
	base = peak_kib();
	r = index_new_memory(&ix, &e);
	t0 = now();
	if (r == 0)
		r = pass(ix, 0, n, &seg, &known, &e);
	if (r < 0) {
		fprintf(stderr, "index10m: %s\n", e.msg);
		return 1;
	}
	printf("chunks\t%llu\t\n", (unsigned long long)index_count(ix));
	printf("add\t%.0f\tchunks/s\n", (double)n / (now() - t0));
	printf("peak memory\t%.0f\tMiB\n", (double)(peak_kib() - base) / 1024);
	t0 = now();
	r = pass(ix, 0, n, &seg, &known, &e);
	printf("look up\t%.0f\tchunks/s\n", (double)n / (now() - t0));
	if (r < 0 || known != n) {
		fprintf(stderr, "index10m: %llu of %llu found again\n", (unsigned long long)known,
		    (unsigned long long)n);
		return 1;
	}
	index_close(ix, false);
	return 0;
}
