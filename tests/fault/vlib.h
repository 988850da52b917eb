/* A small hospital's files, a vault of them, and a way to say whether a generation is exactly what
 * its sources were: the sum of one digest per entry (path, type, mode, time, size, content), taken
 * once from the file system and once through the reading functions of the vault. */
#ifndef MAMORI_TESTS_FAULT_VLIB_H
#define MAMORI_TESTS_FAULT_VLIB_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "ledger/ledger.h"
#include "vault/vault.h"

enum { VT_PATH = 512, VT_SUM = 32 };

struct vt {
	char top[256];
	char repo[300], state[300], src[300];
	struct vault_place place;
	uint8_t secret[PAPERKEY_LEN];
	int64_t now;
	unsigned threads;
	uint64_t max_scatter;
	/* for vt_check: whether this generation was read before from the same segments; may be NULL
	 */
	bool (*known)(const uint8_t id[FMT_ID_LEN]);
};

static inline void
vt_die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerrordesc_np(errno));
	fflush(stdout);
	_exit(99);
}

static inline int
vt_rm_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return flag == FTW_DP || flag == FTW_D ? rmdir(path) : unlink(path);
}

static inline void
vt_rm(const char *path)
{
	(void)nftw(path, vt_rm_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* vt_base(): Where trees are made: in memory if the machine has such a place, so that a thousand
 * power cuts take seconds. */
static inline const char *
vt_base(void)
{
	const char *tmp = getenv("TMPDIR");

	if (access("/dev/shm", W_OK | X_OK) == 0)
		return "/dev/shm";
	return tmp && *tmp && strlen(tmp) < 200 ? tmp : "/tmp";
}

static inline void
vt_paths(struct vt *v)
{
	(void)snprintf(v->repo, sizeof(v->repo), "%s/repo", v->top);
	(void)snprintf(v->state, sizeof(v->state), "%s/state", v->top);
	(void)snprintf(v->src, sizeof(v->src), "%s/src", v->top);
}

static inline void
vt_state_open(struct vt *v)
{
	v->place.statefd = open(v->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->place.statefd < 0)
		vt_die(v->state);
}

static inline int64_t
vt_clock(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* vt_new(v): Empty directories for a source and a state; no repository yet. */
static inline void
vt_new(struct vt *v)
{
	(void)memset(v, 0, sizeof(*v));
	(void)snprintf(v->top, sizeof(v->top), "%s/mamori-fault.XXXXXX", vt_base());
	if (!mkdtemp(v->top))
		vt_die(v->top);
	vt_paths(v);
	if (mkdir(v->state, 0700) < 0 || mkdir(v->src, 0700) < 0)
		vt_die(v->top);
	vt_state_open(v);
	for (size_t i = 0; i < sizeof(v->secret); i++)
		v->secret[i] = (uint8_t)(i * 7 + 3);
	v->now = vt_clock();
	v->threads = 1;
}

static inline void
vt_free(struct vt *v)
{
	if (v->place.statefd >= 0)
		(void)close(v->place.statefd);
	vt_rm(v->top);
}

/* vt_copy(from, to): A tree of plain files, as cp -a of it. */
static inline void
vt_copy(const char *from, const char *to)
{
	DIR *d = opendir(from);
	struct dirent *de;

	if (mkdir(to, 0700) < 0 || !d)
		vt_die(to);
	while ((de = readdir(d))) {
		char a[VT_PATH * 2], b[VT_PATH * 2];
		struct stat st;
		int in, out;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		(void)snprintf(a, sizeof(a), "%s/%s", from, de->d_name);
		(void)snprintf(b, sizeof(b), "%s/%s", to, de->d_name);
		if (lstat(a, &st) < 0)
			vt_die(a);
		if (S_ISDIR(st.st_mode)) {
			vt_copy(a, b);
			continue;
		}
		in = open(a, O_RDONLY | O_CLOEXEC);
		out = open(b, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 07777);
		if (in < 0 || out < 0)
			vt_die(b);
		while (copy_file_range(in, NULL, out, NULL, 1 << 24, 0) > 0)
			continue;
		(void)close(in);
		(void)close(out);
	}
	(void)closedir(d);
}

/* ---- the source ---- */

static inline uint64_t
vt_rng(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static inline void
vt_noise(uint8_t *p, size_t n, uint64_t seed)
{
	uint64_t s = seed * 0x9e3779b97f4a7c15 + 1;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(vt_rng(&s) >> 24);
}

/* vt_put(v, name, p, n, off): Bytes into a file of the source. */
static inline void
vt_put(const struct vt *v, const char *name, const void *p, size_t n, off_t off)
{
	char path[VT_PATH];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", v->src, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0 || pwrite(fd, p, n, off) != (ssize_t)n)
		vt_die(path);
	(void)close(fd);
}

static inline void
vt_mkdir(const struct vt *v, const char *name)
{
	char path[VT_PATH];

	(void)snprintf(path, sizeof(path), "%s/%s", v->src, name);
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		vt_die(path);
}

enum { VT_BIG = 1300000, VT_PAGES = (1 << 20) + 16384, VT_TEXT = 120000 };

static inline void
vt_text(uint8_t *p, size_t n, unsigned round)
{
	size_t at = 0;

	for (unsigned i = 0; at < n; i++) {
		char line[96];
		int k = snprintf(line, sizeof(line), "%06u,%u,髙橋 花子,アレルギー: ﾍﾟﾆｼﾘﾝ,%u\n", i,
		    i * 37 % 101, i % 64 == 0 ? round : 0);
		size_t take = n - at < (size_t)k ? n - at : (size_t)k;

		(void)memcpy(p + at, line, take);
		at += take;
	}
}

/* vt_source(v, round): The source as it is in a round; a round changes a few things only. */
static inline void
vt_source(const struct vt *v, unsigned round)
{
	static uint8_t mem[VT_BIG];
	char path[VT_PATH], name[64];

	if (round == 0) {
		vt_mkdir(v, "院内");
		vt_mkdir(v, "院内/空");
		vt_put(v, "院内/追加 髙橋.txt", "カルテ\n", 10, 0);
		vt_put(v, "院内/﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～.csv", "a,b\n", 4, 0);
		vt_put(v, "empty", "", 0, 0);
		vt_noise(mem, VT_BIG, 1);
		vt_put(v, "big.bin", mem, VT_BIG, 0);
		vt_noise(mem, VT_PAGES, 2);
		(void)memset(mem + 65536, 0, 262144);
		vt_put(v, "db.pages", mem, VT_PAGES, 0);
		vt_put(v, "sparse", "end", 3, 300000);
		(void)snprintf(path, sizeof(path), "%s/link", v->src);
		if (symlink("院内/追加 髙橋.txt", path) < 0)
			vt_die(path);
	}
	vt_text(mem, VT_TEXT, round);
	vt_put(v, "text.log", mem, VT_TEXT, 0);
	vt_noise(mem, 8192, round + 100);
	vt_put(v, "db.pages", mem, 8192, (off_t)(16384 * (round * 5 % 64)));
	vt_put(v, "big.bin", mem, 100, (off_t)(70000 * (round % 10)));
	(void)snprintf(name, sizeof(name), "院内/new-%u", round);
	vt_put(v, name, mem, 3000 + round, 0);
}

/* ---- the sum over a tree ---- */

static inline void
vt_add(uint8_t sum[VT_SUM], const char *path, uint32_t mode, int64_t mtime, uint64_t size,
    const void *content)
{
	uint8_t d[DIGEST_LEN], num[20];
	struct iovec iov[3] = {
		{(void *)(uintptr_t)path, strlen(path) + 1}, {num, sizeof(num)},
		{(void *)(uintptr_t)content, DIGEST_LEN},
	};
	unsigned carry = 0;

	le32_put(num, mode);
	le64_put(num + 4, (uint64_t)mtime);
	le64_put(num + 12, size);
	digest_sha256v(iov, 3, d);
	for (int i = 0; i < VT_SUM; i++) {
		carry += (unsigned)sum[i] + d[i];
		sum[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

static inline void
vt_sum_file(int dirfd, const char *name, uint8_t out[DIGEST_LEN])
{
	static uint8_t mem[2 << 20];
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : pread(fd, mem, sizeof(mem), 0);

	if (n < 0 || n == (ssize_t)sizeof(mem))
		vt_die(name);
	(void)close(fd);
	digest_sha256(mem, (size_t)n, out);
}

static inline void
vt_sum_dir(int dirfd, const char *path, uint8_t sum[VT_SUM])
{
	DIR *d = fdopendir(dirfd);
	struct dirent *de;

	while (d && (de = readdir(d))) {
		char sub[VT_PATH];
		uint8_t content[DIGEST_LEN] = {0};
		struct stat st;
		uint64_t size = 0;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		(void)snprintf(sub, sizeof(sub), "%s/%.255s", path, de->d_name);
		if (fstatat(dirfd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			vt_die(sub);
		if (S_ISREG(st.st_mode)) {
			size = (uint64_t)st.st_size;
			vt_sum_file(dirfd, de->d_name, content);
		} else if (S_ISLNK(st.st_mode)) {
			char text[VT_PATH];
			ssize_t n = readlinkat(dirfd, de->d_name, text, sizeof(text));

			digest_sha256(text, n < 0 ? 0 : (size_t)n, content);
		}
		vt_add(sum, sub, st.st_mode & (S_IFMT | 07777),
		    (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, size, content);
		if (S_ISDIR(st.st_mode))
			vt_sum_dir(openat(dirfd, de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			    sub, sum);
	}
	(void)closedir(d);
}

/* vt_sum_source(v, out): Of everything below the source. */
static inline void
vt_sum_source(const struct vt *v, uint8_t out[VT_SUM])
{
	int fd = open(v->src, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)memset(out, 0, VT_SUM);
	if (fd < 0)
		vt_die(v->src);
	vt_sum_dir(fd, "src", out);
}

static inline int
vt_content(struct vault_ctx *c, const struct tree_entry *en, struct digest *dg, uint8_t *out,
    struct err *e)
{
	static const uint8_t zeros[65536];

	digest_reset(dg);
	for (uint32_t i = 0; i < en->nextents; i++) {
		const struct tree_extent *x = &en->extents[i];

		for (uint64_t at = 0; at < x->len;) {
			uint64_t take = x->len - at;
			const uint8_t *p = zeros;
			ssize_t n = sizeof(zeros);

			if (x->seg)
				n = vault_view(c, x->seg, x->off + (uint32_t)at, &p, e);
			if (n < 0)
				return (int)n;
			if (n == 0)
				return err_set(e, E_SYS, "a view without bytes");
			take = take < (uint64_t)n ? take : (uint64_t)n;
			digest_add(dg, p, (size_t)take);
			at += take;
		}
	}
	digest_end(dg, out);
	return 0;
}

static inline uint32_t
vt_mode(const struct tree_entry *en)
{
	static const mode_t of[] = {0, S_IFREG, S_IFDIR, S_IFLNK, S_IFREG, S_IFIFO, S_IFCHR,
		S_IFBLK, S_IFSOCK};

	return en->mode | (en->type < ARRAY_LEN(of) ? of[en->type] : 0);
}

static inline int
vt_sum_block(struct vault_ctx *c, const struct buf *b, struct digest *dg, uint8_t sum[VT_SUM],
    struct err *e)
{
	struct tree_read *rd = NULL;
	struct tree_entry en;
	char path[2 * VT_PATH];
	int r = tree_read_new(b->p, b->len, &rd, e);

	while (r >= 0 && (r = tree_read_next(rd, &en, e)) == 1) {
		uint8_t content[DIGEST_LEN] = {0};

		if (!*en.dir)
			continue; /* the source itself */
		(void)snprintf(path, sizeof(path), "%s/%s", en.dir, en.name);
		if (en.type == TREE_FILE)
			r = vt_content(c, &en, dg, content, e);
		else if (en.type == TREE_SYMLINK)
			digest_sha256(en.target, strlen(en.target), content);
		if (r >= 0)
			vt_add(sum, path, vt_mode(&en), en.mtime * 1000000000 + en.mtime_ns,
			    en.type == TREE_FILE ? en.size : 0, content);
	}
	tree_read_free(rd);
	return r;
}

/* vt_sum_gen(r, g, out, e): The same sum of a generation, or the error of whatever could not be
 * read. */
static inline int
vt_sum_gen(VAULT_R *r, const struct vault_generation *g, uint8_t out[VT_SUM], struct err *e)
{
	struct vault_gen *gen = NULL;
	struct vault_ctx *c = NULL;
	struct digest *dg = NULL;
	struct buf b;
	int x = vault_gen_open(r, g, &gen, e);

	(void)memset(out, 0, VT_SUM);
	buf_init(&b, TREE_MAX_BLOCK);
	if (x == 0)
		x = vault_ctx_new(r, 4, &c, e);
	if (x == 0)
		x = digest_new(&dg, e);
	for (uint32_t i = 0; x >= 0 && i < vault_gen_manifest(gen)->nrefs; i++) {
		x = vault_gen_block(gen, i, &b, e);
		if (x == 0)
			x = vt_sum_block(c, &b, dg, out, e);
	}
	buf_free(&b);
	digest_free(dg);
	vault_ctx_free(c);
	vault_gen_close(gen);
	return x < 0 ? x : 0;
}

/* ---- the vault ---- */

static inline int
vt_init(struct vt *v, const struct fio *f, struct err *e)
{
	struct vault_init in = {.ring = true, .now = v->now};
	struct vault_ident id;

	(void)memcpy(in.secret, v->secret, sizeof(in.secret));
	return vault_init(f, v->repo, &v->place, &in, &id, e);
}

static inline int
vt_backup_w(struct vt *v, VAULT_W *w, struct vault_generation *g, struct err *e)
{
	const char *src = v->src;
	struct vault_backup b = {
		.sources = &src, .nsources = 1, .host = "受付", .now = v->now,
		.threads = v->threads, .level = 1, .max_scatter = v->max_scatter,
	};

	return vault_w_backup(w, &b, g, e);
}

/* vt_backup(v, f, g, e): Open, add a generation, close. */
static inline int
vt_backup(struct vt *v, const struct fio *f, struct vault_generation *g, struct err *e)
{
	VAULT_W *w = NULL;
	int r = vault_w_open(f, v->repo, &v->place, &w, e);

	if (r == 0)
		r = vt_backup_w(v, w, g, e);
	vault_w_close(w);
	return r;
}

static inline int
vt_open(const struct vt *v, const struct fio *f, VAULT_R **ret, struct err *e)
{
	return vault_r_open(f, v->repo, &(struct vault_open){.secret = v->secret}, ret, e);
}

/* What the test knows of a generation. */
struct vt_gen {
	uint8_t id[FMT_ID_LEN], sum[VT_SUM];
	bool acked;
};

/* vt_check(v, list, n, why): Every acknowledged generation of the list is there, and every listed
 * one reads back, those of the list exactly as their source was. */
static inline bool
vt_check(const struct vt *v, const struct vt_gen *list, size_t n, char why[600])
{
	VAULT_R *r = NULL;
	struct err e = {0};
	size_t found = 0, want = 0, have = 0;
	bool good = true;

	if (vt_open(v, fio_os(), &r, &e) < 0) {
		(void)snprintf(why, 600, "open: %s", e.msg);
		return false;
	}
	const struct vault_generation *g = vault_r_list(r, &have);

	for (size_t i = 0; i < n; i++)
		want += list[i].acked;
	for (size_t i = 0; i < have && good; i++) {
		uint8_t sum[VT_SUM];
		size_t k = 0;

		while (k < n && memcmp(list[k].id, g[i].id, FMT_ID_LEN) != 0)
			k++;
		if (v->known && v->known(g[i].id)) {
			found += k < n && list[k].acked;
			continue;
		}
		if (vt_sum_gen(r, &g[i], sum, &e) < 0) {
			(void)snprintf(why, 600, "generation %zu: %s", i, e.msg);
			good = false;
		} else if (k < n && memcmp(sum, list[k].sum, VT_SUM) != 0) {
			(void)snprintf(why, 600, "generation %zu is not what was backed up", i);
			good = false;
		}
		found += k < n && list[k].acked;
	}
	vault_r_close(r);
	if (good && found != want) {
		(void)snprintf(why, 600, "%zu of %zu acknowledged generations", found, want);
		good = false;
	}
	return good;
}

/* vt_fds(): How many descriptors this process has open. */
static inline int
vt_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n;
}

#endif
