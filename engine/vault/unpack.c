/* An ordinary vault out of a disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "vault/disk_int.h"
#include "vault/keep.h"

enum { SEG_BYTES = 67084288, MAX_LOG = 1 << 30 };

struct unpack {
	const struct fio *f;
	struct disk *d;
	struct disk_cat cat;
	struct disk_carry *ret;
	struct map at;   /* segment id -> struct disk_seg, borrowed from the catalog */
	struct map bad;  /* segment id -> that it was damaged */
	uint8_t *seg;
	int to;
	uint8_t repo[FMT_ID_LEN];
};

static int
disk_dir(const struct fio *f, const char *path, struct err *e)
{
	int top = repo_place(f, path, e), fd;

	if (top < 0)
		return top;
	fd = fio_open(f, top, DISK_DIR, O_RDONLY | O_DIRECTORY, 0, e);
	fio_close(f, top);
	return fd == E_NOENT ? err_set(e, E_NOENT, "%s: there is no disk copy of Mamori here "
	    "(no folder mamori-disk)", path) : fd;
}

/* by_carry(u, pl, e): Without the recovery key one of this machine's carry keys may fit. */
static int
by_carry(struct unpack *u, const struct vault_place *pl, struct err *e)
{
	int fd = pl ? fio_open(u->f, pl->statefd, "vault", O_RDONLY | O_DIRECTORY, 0, NULL) : -1;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	uint8_t repo[FMT_ID_LEN], carry[DISK_KEY_LEN];
	struct dirent *de;
	int r = E_AUTH;

	if (!dir && fd >= 0)
		fio_close(u->f, fd);
	while (dir && r == E_AUTH && (de = readdir(dir))) {
		if (strlen(de->d_name) != 2 * FMT_ID_LEN ||
		    hex_get(repo, sizeof(repo), de->d_name) < 0 ||
		    disk_carry_key(u->f, pl, repo, false, carry, NULL) < 0)
			continue;
		r = disk_meet(u->d, NULL, carry, e);
	}
	if (dir)
		(void)closedir(dir);
	explicit_bzero(carry, sizeof(carry));
	return r == E_AUTH ? err_set(e, E_AUTH, "no key of this machine opens this disk; the "
	    "recovery key does (--key FILE)") : r;
}

static int
by_secret(struct unpack *u, const uint8_t *secret, struct err *e)
{
	struct seal_key *seal = NULL;
	struct keys_all k;
	int r = keys_derive(secret, &k, e);

	if (r == 0)
		r = seal_key_new(k.seal, &seal, e);
	if (r == 0)
		r = disk_meet(u->d, seal, NULL, e);
	seal_key_free(seal);
	explicit_bzero(&k, sizeof(k));
	return r;
}

static int
fresh_dir(struct unpack *u, const char *to, struct err *e)
{
	struct dirent *de;
	DIR *dir;
	int r = fio_mkdirs(u->f, to, 0700, e);

	if (r < 0)
		return r;
	u->to = repo_place(u->f, to, e);
	if (u->to < 0)
		return u->to;
	dir = opendir(to);
	if (!dir)
		return err_sys(e, "%s", to);
	while (r == 0 && (de = readdir(dir)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			r = err_set(e, E_EXIST, "%s: the folder is not empty", to);
	(void)closedir(dir);
	if (r == 0)
		r = fio_mkdir(u->f, u->to, "seg", 0700, e);
	return r == 0 ? fio_mkdir(u->f, u->to, "tmp", 0700, e) : r;
}

static int
take_log(struct unpack *u, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	int r;

	if (u->cat.log_len == 0 || u->cat.log_len > MAX_LOG || u->cat.ident.len == 0)
		return err_set(e, E_NOENT, "the disk holds no finished copy yet");
	buf_init(&b, MAX_LOG);
	r = buf_reserve(&b, (size_t)u->cat.log_len, e);
	if (r == 0)
		r = disk_read(u->d, u->cat.log_pos, b.p, (size_t)u->cat.log_len, e);
	if (r == 0)
		r = ledger_import(u->f, u->to, "log", NULL, b.p, (size_t)u->cat.log_len, e);
	return r;
}

/* take_keep(u, e): What the box noted. Without it nothing is lost but the knowledge what was
 * removed on purpose and until when generations are locked, so that a broken one is left out. */
static int
take_keep(struct unpack *u, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	struct err why = {0};
	int r;

	if (u->cat.keep_len == 0)
		return 0;
	u->ret->keep_lost = true;
	if (u->cat.keep_len > MAX_LOG)
		return 0;
	buf_init(&b, MAX_LOG);
	r = buf_reserve(&b, (size_t)u->cat.keep_len, e);
	if (r < 0)
		return r;
	r = disk_read(u->d, u->cat.keep_pos, b.p, (size_t)u->cat.keep_len, &why);
	if (r == E_NOMEM)
		return err_set(e, r, "%s", why.msg);
	if (r < 0)
		return 0; /* as a segment that cannot be read */
	r = ledger_import(u->f, u->to, KEEP_DIR, NULL, b.p, (size_t)u->cat.keep_len, &why);
	if (r == E_SYS || r == E_NOSPC || r == E_NOMEM)
		return err_set(e, r, "%s", why.msg);
	u->ret->keep_lost = r < 0;
	return 0;
}

/* one(u, rec, e): Write one segment under tmp/ and give it its name. */
static int
one(struct unpack *u, const struct fmt_segment_rec *rec, struct err *e)
{
	const struct disk_seg *at = map_get(&u->at, rec->seg, FMT_ID_LEN);
	size_t size = (size_t)fmt_seg_size(rec->npages);
	char tmp[64], name[64], hex[2 * FMT_ID_LEN + 1];
	struct err why = {0};
	int fd, r;

	if (!at || at->npages != rec->npages) {
		u->ret->absent++;
		return 0;
	}
	r = disk_read(u->d, at->pos, u->seg, size, &why);
	if (r == E_CORRUPT || r == E_SYS ||
	    (r == 0 && !disk_seg_good(u->seg, rec, u->repo))) {
		if (u->ret->damaged++ == 0)
			(void)memcpy(u->ret->first_bad, rec->seg, FMT_ID_LEN);
		return map_put(&u->bad, rec->seg, FMT_ID_LEN, u, e);
	}
	if (r < 0)
		return err_set(e, r, "%s", why.msg);
	hex_put(hex, rec->seg, FMT_ID_LEN);
	(void)snprintf(tmp, sizeof(tmp), "tmp/%s", hex);
	(void)snprintf(name, sizeof(name), "seg/%s", hex);
	fd = fio_open(u->f, u->to, tmp, O_WRONLY | O_CREAT | O_TRUNC, 0400, e);
	if (fd < 0)
		return fd;
	r = fio_pwrite_all(u->f, fd, u->seg, size, 0, e);
	if (r == 0)
		r = fio_datasync(u->f, fd, e);
	fio_close(u->f, fd);
	if (r == 0)
		r = fio_rename(u->f, u->to, tmp, u->to, name, true, e);
	u->ret->copied++;
	u->ret->copied_bytes += size;
	return r;
}

static int
on_rec(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	struct unpack *u = cookie;
	struct fmt_segment_rec sr;

	if (rec->type != FMT_LOG_SEGMENT ||
	    fmt_segment_rec_get(rec->payload, rec->len, &sr, NULL) < 0)
		return 0;
	return one(u, &sr, e);
}

static int
take_segments(struct unpack *u, struct err *e)
{
	struct ledger *log = NULL;
	const uint8_t *genesis;
	struct fmt_genesis g;
	size_t n;
	int r = 0;

	for (uint32_t i = 0; i < u->cat.nsegs && r == 0; i++)
		r = map_put(&u->at, u->cat.segs[i].id, FMT_ID_LEN, &u->cat.segs[i], e);
	if (r == 0)
		r = ledger_open(u->f, u->to, "log", NULL, &log, e);
	if (r < 0)
		return r;
	genesis = ledger_genesis(log, &n);
	r = fmt_genesis_get(genesis, n, &g, e);
	if (r == 0) {
		(void)memcpy(u->repo, g.repo, FMT_ID_LEN);
		r = ledger_each(log, 0, on_rec, u, e);
	}
	ledger_close(log);
	if (r == 0)
		r = fio_sync_dir(u->f, u->to, "seg", e);
	return r;
}

/* uncount(u, rec): A segment that was removed on purpose is neither copied nor missed. */
static void
uncount(struct unpack *u, const struct fmt_segment_rec *rec, bool was_there)
{
	if (was_there) {
		u->ret->copied--;
		u->ret->copied_bytes -= fmt_seg_size(rec->npages);
	} else if (map_get(&u->bad, rec->seg, FMT_ID_LEN)) {
		u->ret->damaged--;
	} else {
		u->ret->absent--;
	}
}

/* let_go(u, to, e): A disk that was filled before a removal still holds what was removed then. */
static int
let_go(struct unpack *u, const char *to, struct err *e)
{
	struct repo *repo = NULL;
	int r = repo_open(u->f, to, &repo, e);

	for (uint32_t i = 0; r == 0 && i < repo->nsegs; i++) {
		const struct fmt_segment_rec *rec = &repo->segs[i].rec;
		char hex[2 * FMT_ID_LEN + 1];

		if (!repo_gone(repo, i))
			continue;
		hex_put(hex, rec->seg, FMT_ID_LEN);
		r = fio_unlink(u->f, repo->segfd, hex, e);
		if (r == 0 || r == E_NOENT) {
			uncount(u, rec, r == 0);
			r = 0;
		}
	}
	if (r == 0)
		r = fio_sync_dir(u->f, repo->segfd, NULL, e);
	repo_close(repo);
	return r;
}

int
disk_unpack(const struct fio *f, const char *disk, const char *to, const uint8_t *secret,
    const struct vault_place *pl, struct disk_carry *ret, struct err *e)
{
	struct unpack u = {.f = f, .ret = ret, .to = -1};
	int fd, r;

	*ret = (struct disk_carry){.made = false};
	disk_cat_init(&u.cat);
	map_init(&u.at, UINT32_MAX);
	map_init(&u.bad, UINT32_MAX);
	u.seg = malloc(SEG_BYTES);
	fd = u.seg ? disk_dir(f, disk, e) : err_set(e, E_NOMEM, "no memory");
	r = fd < 0 ? fd : disk_new(f, fd, &u.d, e);
	if (r == 0)
		r = secret ? by_secret(&u, secret, e) : by_carry(&u, pl, e);
	if (r == 0)
		r = disk_catalog(u.d, &u.cat, e);
	if (r == 0)
		r = fresh_dir(&u, to, e);
	if (r == 0)
		r = take_log(&u, e);
	if (r == 0)
		r = take_keep(&u, e);
	if (r == 0)
		r = take_segments(&u, e);
	/* the identity last: before it there is no vault */
	if (r == 0)
		r = fio_create(f, u.to, "mamori-vault", u.cat.ident.p, u.cat.ident.len, 0444, e);
	if (r == 0)
		r = let_go(&u, to, e);
	if (u.d)
		(void)memcpy(ret->info.id, u.d->id, DISK_ID_LEN);
	ret->info.segments = u.cat.nsegs;
	ret->info.generations = u.cat.generations;
	ret->info.newest = u.cat.newest;
	fio_close(f, u.to);
	disk_free(u.d);
	disk_cat_free(&u.cat);
	map_free(&u.at);
	map_free(&u.bad);
	free(u.seg);
	return r;
}
