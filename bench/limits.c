/* limits DIR SAMPLE TREE: what this machine can do, measured on the spot, so that every figure of
 * the benchmark can be read beside its physical limit. DIR: where repositories are written (disk
 * rates). SAMPLE: a typical file (compression rates). TREE: a folder of many files (stat and open
 * rates). Lines: name, value, unit. One thread each; best of three. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

enum { MIB = 1 << 20, BIG = 64 * MIB, DISK_MIB = 256, MAX_FILES = 20000 };

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
say(const char *name, double v, const char *unit)
{
	printf("%s\t%.*f\t%s\n", name, v < 10 ? 2 : 0, v, unit);
	(void)fflush(stdout);
}

static double
best(double a, double b)
{
	return a == 0 || b < a ? b : a;
}

static void *
memory(size_t n)
{
	void *p = NULL;

	if (posix_memalign(&p, 4096, n) != 0)
		exit(3);
	(void)memset(p, 0x5a, n);
	return p;
}

static void
do_copy(const char *a, char *b)
{
	double t = 0, t0;

	for (int i = 0; i < 3; i++) {
		t0 = now();
		(void)memcpy(b, a, BIG);
		t = best(t, now() - t0);
	}
	say("memcpy", BIG / t / 1e6, "MB/s");
}

static void
do_sha(const char *a)
{
	double t = 0, t0;
	unsigned char d[32];

	for (int i = 0; i < 3; i++) {
		t0 = now();
		for (int k = 0; k < BIG; k += MIB)
			(void)EVP_Digest(a + k, MIB, d, NULL, EVP_sha256(), NULL);
		t = best(t, now() - t0);
	}
	say("SHA-256", BIG / t / 1e6, "MB/s");
}

static void
do_aes(const char *a, char *b)
{
	static const unsigned char key[32] = "limits", iv[12];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	double t = 0, t0;
	int n;

	if (!c || EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, iv) != 1)
		exit(3);
	for (int i = 0; i < 3; i++) {
		t0 = now();
		for (int k = 0; k < BIG; k += 32768) {
			(void)EVP_EncryptInit_ex(c, NULL, NULL, NULL, iv);
			(void)EVP_EncryptUpdate(c, (unsigned char *)b + k, &n,
			    (const unsigned char *)a + k, 32768);
		}
		t = best(t, now() - t0);
	}
	EVP_CIPHER_CTX_free(c);
	say("AES-256-GCM, 32 KiB", BIG / t / 1e6, "MB/s");
}

static void
do_zstd(const char *a, size_t n, int level)
{
	size_t cap = ZSTD_compressBound(131072), total = 0, blocks = n / 131072;
	char *out = memory(cap * blocks), *back = memory(131072);
	size_t *len = calloc(blocks + 1, sizeof(*len));
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_DCtx *d = ZSTD_createDCtx();
	double t = 0, u = 0, t0;
	char name[64];

	if (!len || !c || !d)
		exit(3);
	for (int i = 0; i < 3; i++) {
		total = 0;
		t0 = now();
		for (size_t k = 0; k < blocks; k++) {
			len[k] =
			    ZSTD_compressCCtx(c, out + k * cap, cap, a + k * 131072, 131072, level);
			total += len[k];
		}
		t = best(t, now() - t0);
		t0 = now();
		for (size_t k = 0; k < blocks; k++)
			(void)ZSTD_decompressDCtx(d, back, 131072, out + k * cap, len[k]);
		u = best(u, now() - t0);
	}
	(void)snprintf(name, sizeof(name), "zstd -%d, 128 KiB, in", level);
	say(name, (double)(blocks * 131072) / t / 1e6, "MB/s");
	(void)snprintf(name, sizeof(name), "zstd -%d, 128 KiB, out", level);
	say(name, (double)(blocks * 131072) / u / 1e6, "MB/s");
	(void)snprintf(name, sizeof(name), "zstd -%d, ratio", level);
	say(name, (double)(blocks * 131072) / (double)total, "");
	ZSTD_freeCCtx(c);
	ZSTD_freeDCtx(d);
	free(len);
	free(out);
	free(back);
}

static void
do_disk(const char *dir, char *a)
{
	char path[4096];
	double t0, t;
	int fd, direct = O_DIRECT;

	(void)snprintf(path, sizeof(path), "%s/limits.tmp", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | direct, 0600);
	if (fd < 0) { /* not every file system knows O_DIRECT */
		direct = 0;
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		exit(3);
	t0 = now();
	for (int i = 0; i < DISK_MIB / 4; i++)
		if (write(fd, a, 4 * MIB) != 4 * MIB)
			exit(3);
	(void)fdatasync(fd);
	say(direct ? "disk write, direct" : "file write", DISK_MIB * 1.048576 / (now() - t0),
	    "MB/s");
	t0 = now();
	for (int i = 0; i < DISK_MIB / 4; i++)
		if (pread(fd, a, 4 * MIB, (off_t)i * 4 * MIB) != 4 * MIB)
			exit(3);
	say(direct ? "disk read, direct" : "file read", DISK_MIB * 1.048576 / (now() - t0), "MB/s");
	(void)close(fd);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	t0 = now();
	for (int i = 0; i < 100; i++)
		if (fd < 0 || write(fd, a, 4096) != 4096 || fdatasync(fd) < 0)
			exit(3);
	t = (now() - t0) / 100;
	say("4 KiB append + fdatasync", t * 1e3, "ms");
	(void)close(fd);
	(void)unlink(path);
}

/* Collects up to MAX_FILES regular files below ${dir}. */
static void
collect(const char *dir, char **list, size_t *n)
{
	DIR *d = opendir(dir);
	struct dirent *en;
	char path[4096];

	while (d && *n < MAX_FILES && (en = readdir(d)) != NULL) {
		if (strcmp(en->d_name, ".") == 0 || strcmp(en->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, en->d_name);
		if (en->d_type == DT_DIR)
			collect(path, list, n);
		else if (en->d_type == DT_REG)
			list[(*n)++] = strdup(path);
	}
	if (d)
		(void)closedir(d);
}

static void
do_files(const char *tree)
{
	static char *list[MAX_FILES];
	static char data[65536];
	double t = 0, u = 0, t0;
	struct stat st;
	size_t n = 0;
	int fd;

	collect(tree, list, &n);
	if (n == 0)
		return;
	for (int i = 0; i < 3; i++) {
		t0 = now();
		for (size_t k = 0; k < n; k++)
			(void)lstat(list[k], &st);
		t = best(t, now() - t0);
		t0 = now();
		for (size_t k = 0; k < n; k++) {
			fd = open(list[k], O_RDONLY | O_CLOEXEC);
			while (fd >= 0 && read(fd, data, sizeof(data)) > 0)
				;
			(void)close(fd);
		}
		u = best(u, now() - t0);
	}
	say("lstat, warm", (double)n / t, "files/s");
	say("open+read+close, warm", (double)n / u, "files/s");
}

int
main(int argc, char **argv)
{
	char *a = memory(BIG), *b = memory(BIG);
	ssize_t n;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: limits DIR SAMPLE TREE\n");
		return 2;
	}
	fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, a, BIG);
	if (n < MIB) {
		fprintf(stderr, "limits: %s: no sample of at least 1 MiB\n", argv[2]);
		return 1;
	}
	(void)close(fd);
	do_copy(a, b);
	do_sha(a);
	do_aes(a, b);
	do_zstd(a, (size_t)n, 1);
	do_zstd(a, (size_t)n, 3);
	do_disk(argv[1], b);
	do_files(argv[3]);
	free(a);
	free(b);
	return 0;
}
