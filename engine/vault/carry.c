/* Copying a vault onto a disk, and an ordinary vault out of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "vault/disk_int.h"
#include "vault/keep.h"
#include "vault/segr.h"

enum { SEG_BYTES = 67084288, COMMIT_BYTES = 1 << 30, MAX_LOG = 1 << 30 };

bool
disk_seg_good(const uint8_t *p, const struct fmt_segment_rec *rec, const uint8_t repo[FMT_ID_LEN])
{
	const uint8_t *hashes = p + FMT_HEADER_LEN + (size_t)rec->npages * FMT_PAGE_LEN;
	struct fmt_header *h = malloc(sizeof(*h));
	struct fmt_footer f;
	uint8_t sum[FMT_HASH_LEN];
	bool good;

	good = h && fmt_header_get(p, h, NULL) == 0 && memcmp(h->seg, rec->seg, FMT_ID_LEN) == 0 &&
	    memcmp(h->repo, repo, FMT_ID_LEN) == 0;
	free(h);
	for (uint32_t i = 0; good && i < rec->npages; i++) {
		digest_sha256(p + FMT_HEADER_LEN + (size_t)i * FMT_PAGE_LEN, FMT_PAGE_LEN, sum);
		good = memcmp(sum, hashes + (size_t)i * FMT_HASH_LEN, FMT_HASH_LEN) == 0;
	}
	if (!good)
		return false;
	fmt_root(p, hashes, rec->npages, sum);
	return memcmp(sum, rec->root, FMT_HASH_LEN) == 0 &&
	    fmt_footer_get(hashes + fmt_hashes_len(rec->npages), &f, NULL) == 0 &&
	    memcmp(f.root, rec->root, FMT_HASH_LEN) == 0;
}

/* ---- opening the disk ---- */

struct carry {
	const struct fio *f;
	const struct disk_how *how;
	struct disk_carry *ret;
	VAULT_R *r;
	struct disk *d;
	struct disk_cat cat;
	struct map have; /* segment id -> there */
	uint8_t *seg;    /* one whole segment */
	uint64_t todo, done, since;
	uint64_t from;   /* first chunk that this run wrote */
};

static int
no_write(struct err *e, const char *disk)
{
	if (e && e->code == E_SYS && e->sys == EROFS)
		return err_set(e, E_SYS, "%s: the disk is read-only (its switch, or how it is "
		    "mounted); nothing was changed", disk);
	return e ? err_wrap(e, "%s", disk) : E_SYS;
}

static int
place(struct carry *c, const char *disk, struct err *e)
{
	int top = repo_place(c->f, disk, e), fd, r;

	if (top < 0)
		return top;
	r = fio_mkdir(c->f, top, DISK_DIR, 0700, e);
	fd = r < 0 ? r : fio_open(c->f, top, DISK_DIR, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd >= 0)
		(void)!fio_sync(c->f, top, NULL); /* not every disk's file system can */
	fio_close(c->f, top);
	return fd < 0 ? no_write(e, disk) : disk_new(c->f, fd, &c->d, e);
}

static int
meet(struct carry *c, const char *disk, struct err *e)
{
	const struct vault_ident *id = vault_r_ident(c->r);
	uint8_t carry[DISK_KEY_LEN];
	int r = disk_carry_key(c->f, c->how->place, id->repo, true, carry, e);

	if (r == 0)
		r = place(c, disk, e);
	if (r < 0)
		return r;
	r = disk_meet(c->d, NULL, carry, e);
	if (r == E_NOENT) {
		r = disk_begin(c->d, c->r->repo->genesis.recovery, carry, e);
		c->ret->made = r == 0;
		r = r < 0 ? no_write(e, disk) : 0;
	}
	explicit_bzero(carry, sizeof(carry));
	if (r == 0)
		r = disk_catalog(c->d, &c->cat, e);
	c->from = c->d->wno;
	return r;
}

/* ---- what there is to do ---- */

static int
plan(struct carry *c, const char *disk, struct err *e)
{
	uint32_t n;
	const struct vault_seg *segs = vault_r_segments(c->r, &n);
	struct statvfs fs;
	uint64_t need;

	for (uint32_t i = 0; i < c->cat.nsegs; i++) {
		int r = map_put(&c->have, c->cat.segs[i].id, FMT_ID_LEN, c, e);

		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!map_get(&c->have, segs[i].rec.seg, FMT_ID_LEN) && !vault_r_gone(c->r, i))
			c->todo += fmt_seg_size(segs[i].rec.npages);
	need = c->todo + c->todo / COMMIT_BYTES * DISK_CHUNK + (uint64_t)n * 1024 +
	    (uint64_t)8 * DISK_CHUNK;
	if (fstatvfs(c->d->fd, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < need)
		return err_set(e, E_NOSPC, "%s: the disk is too full: %llu MB are needed, %llu MB "
		    "are free; what it held is unchanged", disk,
		    (unsigned long long)(need >> 20),
		    (unsigned long long)((uint64_t)fs.f_bavail * fs.f_frsize >> 20));
	return 0;
}

static bool
stopped(const struct carry *c)
{
	return c->how->cancel && *c->how->cancel;
}

static int
commit(struct carry *c, struct err *e)
{
	c->since = 0;
	return disk_commit(c->d, &c->cat, e);
}

/* copy_one(c, rec, e): One segment. What the vault lacks or has damaged is counted, not copied. */
static int
copy_one(struct carry *c, const struct fmt_segment_rec *rec, struct err *e)
{
	struct disk_seg ds = {.npages = rec->npages};
	size_t size = (size_t)fmt_seg_size(rec->npages);
	char name[2 * FMT_ID_LEN + 1];
	struct err why = {0};
	int fd, r;

	hex_put(name, rec->seg, FMT_ID_LEN);
	fd = fio_open(c->f, vault_r_segdir(c->r), name, O_RDONLY, 0, &why);
	if (fd == E_NOENT) {
		c->ret->absent++;
		return 0;
	}
	r = fd < 0 ? fd : fio_pread_all(c->f, fd, c->seg, size, 0, &why);
	fio_close(c->f, fd);
	if (r < 0 || !disk_seg_good(c->seg, rec, vault_r_ident(c->r)->repo)) {
		if (c->ret->damaged++ == 0)
			(void)memcpy(c->ret->first_bad, rec->seg, FMT_ID_LEN);
		return 0;
	}
	(void)memcpy(ds.id, rec->seg, FMT_ID_LEN);
	r = disk_write(c->d, c->seg, size, &ds.pos, e);
	if (r == 0)
		r = disk_cat_add(&c->cat, &ds, e);
	if (r < 0)
		return r;
	c->ret->copied++;
	c->ret->copied_bytes += size;
	c->done += size;
	c->since += size;
	if (c->how->progress)
		c->how->progress(c->how->cookie, c->done, c->todo);
	return c->since >= COMMIT_BYTES ? commit(c, e) : 0;
}

static int
on_later(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	(void)e;
	*(uint64_t *)cookie = rec->offset;
	return 1;
}

/* follows(c, pos, len, b, n, e): 1 when the ${n} bytes of ${b} go on where those on the disk end,
 * which lie at ${pos}; also when there are none, or none that can be read. */
static int
follows(struct carry *c, uint64_t pos, uint64_t len, const struct buf *b, uint64_t n, struct err *e)
{
	struct buf AUTO(buf_free) old = {0};
	struct err why = {0};
	int r;

	if (len == 0 || len > MAX_LOG)
		return 1;
	buf_init(&old, MAX_LOG);
	r = buf_reserve(&old, (size_t)len, e);
	if (r < 0)
		return r;
	r = disk_read(c->d, pos, old.p, (size_t)len, &why);
	if (r == E_NOMEM)
		return err_set(e, r, "%s", why.msg);
	return r < 0 || (len <= n && memcmp(old.p, b->p, (size_t)len) == 0);
}

/* take_log(c, b, ret, e): The log as it is when this run begins, ${ret} bytes of it: all that it
 * names is looked for, what comes later is for the next run. Checked as unpacking will, for opening
 * a vault looks at two signatures only; and what the disk holds must not give way to what nobody
 * can take off it, nor to a vault that was put back to an older state and knows less. */
static int
take_log(struct carry *c, struct buf *b, uint64_t *ret, struct err *e)
{
	struct repo *repo = c->r->repo;
	int r = ledger_raw(repo->log, 0, SIZE_MAX, b, e);
	uint64_t end = b->len;

	if (r == 0)
		r = ledger_each(repo->log, repo->next_seq, on_later, &end, e);
	if (r < 0)
		return r;
	*ret = end < b->len ? end : b->len;
	r = ledger_check(repo->ident.pin, b->p, (size_t)*ret, e);
	if (r < 0)
		return e ? err_wrap(e, "the log of the vault does not hold; what the disk has "
		    "stays") : r;
	r = follows(c, c->cat.log_pos, c->cat.log_len, b, *ret, e);
	return r == 0 ? err_set(e, E_CORRUPT, "the disk knows generations that this vault does "
	    "not, which was put back to an older state; take another disk, or unpack this one") :
	    r < 0 ? r : 0;
}

/* keep_new(c, b, e): 1 when ${b} is a record of locks and removals to be taken: it holds, and goes
 * on where that on the disk ends. */
static int
keep_new(struct carry *c, struct buf *b, struct err *e)
{
	struct keep *k = c->r->repo->keep;
	struct err why = {0};
	int r;

	if (!k)
		return 0;
	r = ledger_raw(keep_ledger(k), 0, SIZE_MAX, b, &why);
	if (r == 0)
		r = ledger_check(NULL, b->p, b->len, &why);
	if (r == E_NOMEM)
		return err_set(e, r, "%s", why.msg);
	return r < 0 ? 0 : follows(c, c->cat.keep_pos, c->cat.keep_len, b, b->len, e);
}

/* copy_keep(c, b, e): What the box noted about it: out of the disk, too, must come what was removed
 * on purpose, up to now. Where it is missing, does not hold or was begun anew the disk keeps what
 * it has. */
static int
copy_keep(struct carry *c, struct buf *b, struct err *e)
{
	uint64_t pos = 0;
	int r;

	buf_clear(b);
	r = keep_new(c, b, e);
	if (r < 0)
		return r;
	c->ret->keep_lost = r == 0 &&
	    (c->r->repo->keep || c->r->repo->keep_why[0] || c->cat.keep_len > 0);
	if (r == 0)
		return 0;
	r = disk_write(c->d, b->p, b->len, &pos, e);
	if (r == 0) {
		c->cat.keep_pos = pos;
		c->cat.keep_len = b->len;
	}
	return r;
}

static int
copy(struct carry *c, const char *repo, struct err *e)
{
	struct buf AUTO(buf_free) log = {0};
	const struct vault_generation *gens;
	uint32_t n;
	const struct vault_seg *segs = vault_r_segments(c->r, &n);
	uint64_t pos, len = 0;
	size_t ngens;
	int fd, r;

	buf_init(&log, MAX_LOG);
	r = take_log(c, &log, &len, e);
	for (uint32_t i = 0; i < n && r == 0; i++) {
		if (stopped(c)) {
			r = commit(c, e);
			return r < 0 ? r
				     : err_set(e, E_CANCEL, "stopped; the next run goes on here");
		}
		if (!map_get(&c->have, segs[i].rec.seg, FMT_ID_LEN) && !vault_r_gone(c->r, i))
			r = copy_one(c, &segs[i].rec, e);
	}
	if (r == 0)
		r = disk_write(c->d, log.p, len, &pos, e);
	if (r == 0) {
		c->cat.log_pos = pos;
		c->cat.log_len = len;
		c->cat.log_records = c->r->repo->next_seq;
		r = copy_keep(c, &log, e);
	}
	if (r < 0)
		return r;
	gens = vault_r_list(c->r, &ngens);
	c->cat.generations = ngens;
	c->cat.newest = ngens ? gens[ngens - 1].at : 0;
	buf_clear(&c->cat.ident);
	fd = repo_place(c->f, repo, e);
	if (fd < 0)
		return fd;
	r = fio_slurp(c->f, fd, "mamori-vault", &c->cat.ident, e);
	fio_close(c->f, fd);
	return r < 0 ? r : commit(c, e);
}

/* prove(c, e): Read back from the disk. Each chunk is sealed, so what opens is what was written. */
static int
prove(struct carry *c, struct err *e)
{
	uint8_t byte;

	for (uint64_t no = c->how->prove ? 0 : c->from; no < c->d->head.next; no++) {
		int r = disk_read(c->d, no * DISK_ROOM, &byte, 1, e);

		if (r < 0)
			return e ? err_wrap(e, "reading back what is on the disk") : r;
		c->ret->proved_bytes += DISK_CHUNK;
		if (stopped(c))
			return err_set(e, E_CANCEL, "stopped while reading back");
	}
	return 0;
}

int
disk_carry(const struct fio *f, const char *repo, const char *disk, const struct disk_how *how,
    struct disk_carry *ret, struct err *e)
{
	struct carry c = {.f = f, .how = how, .ret = ret};
	int r;

	*ret = (struct disk_carry){.made = false};
	disk_cat_init(&c.cat);
	map_init(&c.have, UINT32_MAX);
	c.seg = malloc(SEG_BYTES);
	r = c.seg ? vault_r_open(f, repo, &(struct vault_open){.secret = NULL}, &c.r, e) :
	    err_set(e, E_NOMEM, "no memory");
	if (r == 0)
		r = meet(&c, disk, e);
	if (r == 0)
		r = plan(&c, disk, e);
	if (r == 0)
		r = copy(&c, repo, e);
	if (r == 0)
		r = prove(&c, e);
	if (c.d) {
		(void)memcpy(ret->info.id, c.d->id, DISK_ID_LEN);
		ret->info.bytes = c.d->head.next * DISK_CHUNK;
	}
	ret->info.segments = c.cat.nsegs;
	ret->info.log_records = c.cat.log_records;
	ret->info.generations = c.cat.generations;
	ret->info.newest = c.cat.newest;
	disk_free(c.d);
	disk_cat_free(&c.cat);
	map_free(&c.have);
	vault_r_close(c.r);
	free(c.seg);
	return r;
}
