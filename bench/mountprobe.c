/* mountprobe FILE READS SEQ_MIB [SEED]: read latency and throughput of one file, as a program that
 * uses a mounted generation feels them. READS preads of 4 KiB at random aligned places, after that
 * up to SEQ_MIB MiB from the start in 1 MiB reads. The file's pages are dropped from the page cache
 * before each part. One line: mean, p50, p99, max (ms), sequential MB/s. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int
random_reads(int fd, uint64_t size, size_t n, uint64_t seed)
{
	double *ms = calloc(n, sizeof(*ms)), sum = 0;
	char page[4096];

	if (!ms)
		return -1;
	for (size_t i = 0; i < n; i++) {
		uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));
		double t0;

		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z ^= z >> 27;
		t0 = now();
		if (pread(fd, page, sizeof(page), (off_t)(z % (size / 4096) * 4096)) != 4096) {
			free(ms);
			return -1;
		}
		ms[i] = (now() - t0) * 1e3;
		sum += ms[i];
	}
	qsort(ms, n, sizeof(*ms), by_value);
	printf(
	    "%.3f\t%.3f\t%.3f\t%.3f\t", sum / (double)n, ms[n / 2], ms[n - 1 - n / 100], ms[n - 1]);
	free(ms);
	return 0;
}

static int
sequential(int fd, uint64_t max)
{
	static char block[1 << 20];
	uint64_t got = 0;
	double t0 = now();
	ssize_t r;

	while (got < max) {
		r = pread(fd, block, sizeof(block), (off_t)got);
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (uint64_t)r;
	}
	printf("%.0f\n", (double)got / 1e6 / (now() - t0));
	return 0;
}

int
main(int argc, char **argv)
{
	struct stat st;
	uint64_t reads, mib, seed = 1;
	int fd;

	if (argc < 4) {
		fprintf(stderr, "usage: mountprobe FILE READS SEQ_MIB [SEED]\n");
		return 2;
	}
	if (num_parse_u64(argv[2], 10000000, &reads, NULL) < 0 ||
	    num_parse_u64(argv[3], 1 << 20, &mib, NULL) < 0 ||
	    (argc > 4 && num_parse_u64(argv[4], UINT64_MAX, &seed, NULL) < 0))
		return 2;
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < 4096 || reads == 0) {
		fprintf(stderr, "mountprobe: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (random_reads(fd, (uint64_t)st.st_size, (size_t)reads,
		seed) < 0) {
		perror("mountprobe");
		return 1;
	}
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (sequential(fd, mib << 20) < 0) {
		perror("mountprobe");
		return 1;
	}
	return 0;
}
