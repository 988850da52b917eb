/* Gives a fuzz target every file of its corpus, and simple damage of each, without libFuzzer: so
 * that what a fuzzer once found is tried in every build, by every compiler.
 *
 *   replay-NAME CORPUS...              files or directories; prints TAP
 *   replay-NAME --decode OUT CORPUS... writes the seeds as raw files into OUT (for libFuzzer)
 *
 * A seed named *.hex is hexadecimal text: white space is free, # starts a comment up to the end of
 * the line. Every other file is taken as it is. */
#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tap.h"

enum { SEED_MAX = 1 << 20, DAMAGE_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
/* A target may prepare itself, as under libFuzzer. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static unsigned long seeds, tries, bad_seeds;
static const char *decode_to;
static size_t every = 1; /* bytes between two damages; more where each try is slow */

/* run(p, n): Hand over an exactly sized copy, so that the sanitizers see every step past its end.
 */
static void
run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	if (n)
		(void)memcpy(copy, p, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	tries++;
}

static void
damage(uint8_t *p, size_t n)
{
	static const uint8_t bits[] = {0x01, 0x80, 0xff};
	size_t step = (n / DAMAGE_MAX + 1) * every;

	for (size_t i = 0; i < n; i += step) {
		run(p, i); /* cut short here */
		for (size_t k = 0; k < sizeof(bits); k++) {
			p[i] ^= bits[k];
			run(p, n);
			p[i] ^= bits[k];
		}
	}
}

static int
nibble(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* unhex(p, n): Decode in place; the length, or -1 when it is not hexadecimal text. */
static ssize_t
unhex(uint8_t *p, size_t n)
{
	size_t out = 0;
	int hi = -1;

	for (size_t i = 0; i < n; i++) {
		int v = nibble(p[i]);

		if (p[i] == '#') {
			while (i + 1 < n && p[i + 1] != '\n')
				i++;
		} else if (v < 0 && !strchr(" \t\r\n", p[i])) {
			return -1;
		} else if (v >= 0 && hi < 0) {
			hi = v;
		} else if (v >= 0) {
			p[out++] = (uint8_t)(hi << 4 | v);
			hi = -1;
		}
	}
	return hi < 0 ? (ssize_t)out : -1;
}

static void
write_raw(const char *name, const uint8_t *p, size_t n)
{
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", decode_to, name);
	f = fopen(path, "wb");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0) {
		perror(path);
		exit(3);
	}
}

static void
seed(const char *path)
{
	uint8_t *p = malloc(SEED_MAX);
	FILE *f = fopen(path, "rb");
	size_t len = strlen(path);
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	ssize_t n = p && f ? (ssize_t)fread(p, 1, SEED_MAX, f) : -1;

	if (f)
		(void)fclose(f);
	if (n >= 0 && len > 4 && strcmp(path + len - 4, ".hex") == 0)
		n = unhex(p, (size_t)n);
	if (n < 0) {
		printf("# %s: cannot be read, or is not hexadecimal text\n", path);
		bad_seeds++;
	} else if (decode_to) {
		write_raw(name, p, (size_t)n);
	} else {
		seeds++;
		run(p, (size_t)n);
		damage(p, (size_t)n);
	}
	free(p);
}

static void
walk(const char *path)
{
	struct stat st;
	struct dirent *d;
	DIR *dir;

	if (stat(path, &st) != 0)
		return; /* a target without a corpus yet */
	if (!S_ISDIR(st.st_mode)) {
		seed(path);
		return;
	}
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		char sub[4096];

		if (d->d_name[0] == '.' || strcmp(d->d_name, "README.md") == 0)
			continue;
		(void)snprintf(sub, sizeof(sub), "%s/%s", path, d->d_name);
		walk(sub);
	}
	if (dir)
		(void)closedir(dir);
}

static void
plain(void)
{
	uint8_t b[512] = {0};

	run(b, 0);
	for (int v = 0; v < 256; v++) {
		(void)memset(b, v, sizeof(b));
		run(b, 1);
		run(b, 64);
		run(b, sizeof(b));
	}
	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)i;
	run(b, sizeof(b));
}

int
main(int argc, char **argv)
{
	const char *slow = getenv("MAMORI_TEST_SLOW"); /* of tests/run: sanitizers */
	int i = 1;

	if (slow && *slow >= '2' && *slow <= '9')
		every = (size_t)(*slow - '0');
	if (argc > 2 && strcmp(argv[1], "--decode") == 0) {
		decode_to = argv[2];
		i = 3;
	}
	if (!decode_to && LLVMFuzzerInitialize)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	if (!decode_to)
		plain();
	for (; i < argc; i++)
		walk(argv[i]);
	if (decode_to)
		return bad_seeds ? 1 : 0;
	OK(bad_seeds == 0, "every seed can be read");
	OK(tries > 0, "%lu seeds, %lu inputs survived", seeds, tries);
	return tap_done();
}
