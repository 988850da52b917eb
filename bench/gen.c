/* gen: the made-up data sets of the benchmark, the same on every machine.
 *   gen images DIR MIB SEED          incompressible files of 1 to 20 MiB, MIB in all
 *   gen database FILE MIB SEED       one incompressible file
 *   gen touch FILE PER_MILLE SEED    rewrite that share of its 8 KiB pages, chosen at random */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

enum { BLOCK = 1 << 20, PAGE = 8192 };

static uint64_t state;

static uint64_t
next(void)
{
	uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
fill(void *p, size_t n)
{
	uint64_t v;

	for (size_t i = 0; i + 8 <= n; i += 8) {
		v = next();
		(void)memcpy((char *)p + i, &v, 8);
	}
}

static void
die(const char *what)
{
	fprintf(stderr, "gen: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
random_file(const char *path, uint64_t mib)
{
	static char block[BLOCK];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		die(path);
	for (uint64_t i = 0; i < mib; i++) {
		fill(block, sizeof(block));
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			die(path);
	}
	if (close(fd) < 0)
		die(path);
}

static void
images(const char *dir, uint64_t mib)
{
	char path[4096];

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		die(dir);
	for (uint64_t i = 0; mib > 0; i++) {
		uint64_t n = 1 + next() % 20;

		if (n > mib)
			n = mib;
		(void)snprintf(
		    path, sizeof(path), "%s/image-%05llu.bin", dir, (unsigned long long)i);
		random_file(path, n);
		mib -= n;
	}
}

static void
touch(const char *path, uint64_t per_mille)
{
	static char page[PAGE];
	struct stat st;
	uint64_t pages;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	pages = (uint64_t)st.st_size / PAGE;
	for (uint64_t i = 0; i < pages * per_mille / 1000; i++) {
		fill(page, sizeof(page));
		if (pwrite(fd, page, sizeof(page), (off_t)(next() % pages * PAGE)) != PAGE)
			die(path);
	}
	if (close(fd) < 0)
		die(path);
}

int
main(int argc, char **argv)
{
	uint64_t n;

	if (argc != 5) {
		fprintf(stderr, "usage: gen images|database|touch PATH N SEED\n");
		return 2;
	}
	if (num_parse_u64(argv[3], 1 << 30, &n, NULL) < 0 ||
	    num_parse_u64(argv[4], UINT64_MAX, &state, NULL) < 0)
		return 2;
	if (strcmp(argv[1], "images") == 0)
		images(argv[2], n);
	else if (strcmp(argv[1], "database") == 0)
		random_file(argv[2], n);
	else if (strcmp(argv[1], "touch") == 0)
		touch(argv[2], n);
	else
		return 2;
	return 0;
}
