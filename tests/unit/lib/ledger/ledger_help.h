/* Shared by the ledger tests: a directory, fixed keys, small ledgers, whole files in memory. */
#ifndef MAMORI_TESTS_LEDGER_HELP_H
#define MAMORI_TESTS_LEDGER_HELP_H

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

#include "base/num.h"
#include "ledger/ledger.h"
#include "ledger/ledger_fmt.h"

enum { T0 = 1700000000 }; /* seconds; records are a second apart */

struct blob {
	uint8_t *p;
	size_t n;
};

static char help_dir[256];
static int help_fd = -1;

static inline void
help_begin(void)
{
	const char *t = getenv("TMPDIR");

	(void)snprintf(help_dir, sizeof(help_dir), "%s/ledger.XXXXXX", t ? t : "/tmp");
	if (!mkdtemp(help_dir))
		abort();
	help_fd = open(help_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (help_fd < 0)
		abort();
}

static inline void
help_wipe(const char *name)
{
	int d = openat(help_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (d >= 0) {
		(void)unlinkat(d, "log", 0);
		(void)unlinkat(d, "head", 0);
		(void)close(d);
	}
	(void)unlinkat(help_fd, name, AT_REMOVEDIR);
}

static int
help_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static inline void
help_end(void)
{
	(void)close(help_fd);
	(void)nftw(help_dir, help_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline struct signer *
help_signer(uint8_t fill)
{
	uint8_t seed[SIGN_SEED_LEN];
	struct signer *s;

	(void)memset(seed, fill, sizeof(seed));
	if (signer_new(seed, &s, NULL) < 0)
		abort();
	return s;
}

static inline int64_t
help_at(uint64_t i)
{
	return ((int64_t)T0 + (int64_t)i) * 1000000;
}

static inline struct blob
help_read(const char *name, const char *file)
{
	char path[300];
	struct stat st;
	struct blob b;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", name, file);
	fd = openat(help_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	b.n = (size_t)st.st_size;
	b.p = malloc(b.n + 1);
	if (!b.p || read(fd, b.p, b.n) != (ssize_t)b.n)
		abort();
	(void)close(fd);
	return b;
}

static inline void
help_write(const char *name, const char *file, const void *p, size_t n)
{
	char path[300];
	int fd;

	(void)mkdirat(help_fd, name, 0700);
	(void)snprintf(path, sizeof(path), "%s/%s", name, file);
	/* cut afterwards: O_TRUNC makes ext4 write the file out at once, thousands of times */
	fd = openat(help_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n || ftruncate(fd, (off_t)n) < 0)
		abort();
	(void)close(fd);
}

static inline int
help_no_sync(void *ctx, int fd)
{
	(void)ctx, (void)fd;
	return 0;
}

/* The real calls but for the syncs: thousands of ledgers need not reach a disk. */
static inline const struct fio *
help_fast(void)
{
	static struct fio f;

	f = *fio_os();
	f.fdatasync = f.fsync = help_no_sync;
	return &f;
}

/* A ledger with ${n} records, the genesis included, payloads "record N 髙橋". */
static inline void
help_make(const char *name, struct signer *s, uint64_t n)
{
	struct ledger *l;
	struct err e;

	help_wipe(name);
	if (ledger_create(help_fast(), help_fd, name, s, "genesis", 7, help_at(0), &e) < 0 ||
	    ledger_open(help_fast(), help_fd, name, NULL, &l, &e) < 0)
		abort();
	for (uint64_t i = 1; i < n; i++) {
		char text[64];
		int len = snprintf(text, sizeof(text), "record %llu 髙橋", (unsigned long long)i);

		if (ledger_append(l, s, LEDGER_T_USER, text, (size_t)len, help_at(i), NULL, &e) < 0)
			abort();
	}
	ledger_close(l);
}

static inline struct ledger_report
help_verify(const char *name)
{
	struct ledger_report rep = {0};
	struct err e = {0};
	int r = ledger_verify(fio_os(), help_fd, name, NULL, NULL, &rep, &e);

	if (r < 0) {
		rep.ok = false;
		rep.first_bad = UINT64_MAX;
		(void)snprintf(rep.why, sizeof(rep.why), "%.100s %d", e.msg, r);
	}
	return rep;
}

/* Where record ${i} starts in a log. */
static inline size_t
help_offset(const struct blob *log, uint64_t i)
{
	size_t off = LEDGER_FMT_HEADER;

	while (i-- > 0)
		off += le32_get(log->p + off);
	return off;
}

#endif
