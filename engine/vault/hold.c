#include "vault/hold.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "ledger/ledger_fmt.h"
#include "vault/hold_int.h"

/* ---- opening ---- */

/* count_bytes(h, e): What lies in seg/, in the log or not: all of it takes room. */
static int
count_bytes(struct hold *h, struct err *e)
{
	int fd = fio_open(h->f, h->repo->segfd, ".", O_RDONLY | O_DIRECTORY, 0, e);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct stat st;

	if (!d) {
		fio_close(h->f, fd);
		return fd < 0 ? fd : err_set(e, E_NOMEM, "no memory");
	}
	while ((de = readdir(d))) {
		if (fstatat(h->repo->segfd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			h->bytes += (uint64_t)st.st_size;
	}
	(void)closedir(d);
	return 0;
}

int
hold_open(const struct fio *f, const char *name, struct hold **ret, struct err *e)
{
	struct hold *h;
	struct stat st;
	int r;

	if (stat(name, &st) < 0)
		return err_sys(e, "%s", name);
	h = calloc(1, sizeof(*h));
	if (!h)
		return err_set(e, E_NOMEM, "no memory");
	h->f = f;
	(void)pthread_mutex_init(&h->lock, NULL);
	r = repo_open(f, name, &h->repo, e);
	if (r == 0 && h->repo->tmpfd < 0)
		r = err_set(e, E_SYS, "%s: the folder tmp cannot be opened", name);
	if (r == 0)
		r = count_bytes(h, e);
	if (r < 0) {
		hold_close(h);
		return r;
	}
	repo_sweep(h->repo);
	*ret = h;
	return 0;
}

void
hold_close(struct hold *h)
{
	if (!h)
		return;
	repo_close(h->repo);
	(void)pthread_mutex_destroy(&h->lock);
	free(h);
}

int
hold_ident(struct hold *h, struct buf *ret, struct err *e)
{
	return fio_slurp(h->f, h->repo->dirfd, "mamori-vault", ret, e);
}

uint64_t
hold_bytes(struct hold *h)
{
	uint64_t n;

	(void)pthread_mutex_lock(&h->lock);
	n = h->bytes + h->coming;
	(void)pthread_mutex_unlock(&h->lock);
	return n;
}

/* ---- making ---- */

/* drop(f, name): What an interrupted try left: never anything that was acknowledged. */
static void
drop(const struct fio *f, const char *name)
{
	int fd = fio_open(f, AT_FDCWD, name, O_RDONLY | O_DIRECTORY, 0, NULL);

	if (fd < 0)
		return;
	(void)fio_unlink(f, fd, "log/log", NULL);
	(void)fio_unlink(f, fd, "log/head", NULL);
	(void)f->unlink_at(f->ctx, fd, "log", true);
	(void)fio_unlink(f, fd, "mamori-vault", NULL);
	(void)f->unlink_at(f->ctx, fd, "seg", true);
	(void)f->unlink_at(f->ctx, fd, "tmp", true);
	fio_close(f, fd);
	(void)f->unlink_at(f->ctx, AT_FDCWD, name, true);
}

/* only_keys(rec, ...): A new log has its genesis and the keys of writers, nothing else. */
static int
only_keys(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	(void)cookie;
	return rec->type == LEDGER_T_GENESIS || rec->type == LEDGER_T_KEY ? 0 :
	    err_set(e, E_CORRUPT, "a new vault begins with a log that is not new");
}

static int
fill(const struct fio *f, int fd, const struct buf *ident, const void *log, size_t log_n,
    struct err *e)
{
	struct vault_ident id;
	int r = repo_ident_read(ident, &id, e);

	if (r == 0)
		r = ledger_import(f, fd, "log", id.pin, log, log_n, e);
	if (r == 0)
		r = fio_mkdir(f, fd, "seg", 0700, e);
	if (r == 0)
		r = fio_mkdir(f, fd, "tmp", 0700, e);
	if (r == 0)
		r = fio_create(f, fd, "mamori-vault", ident->p, ident->len, 0444, e);
	if (r == 0)
		r = repo_ident_whole(f, fd, e);
	return r == 0 ? fio_sync(f, fd, e) : r;
}

/* proven(f, name, e): What was made opens, and is what a new vault is. */
static int
proven(const struct fio *f, const char *name, struct err *e)
{
	struct repo *repo = NULL;
	int r = repo_open(f, name, &repo, e);

	if (r < 0)
		return r;
	r = repo_sound(repo, e);
	if (r == 0)
		r = ledger_each(repo->log, 0, only_keys, NULL, e);
	repo_close(repo);
	return r;
}

/* same(f, name, ident, e): Whether the repository ${name} is this one. */
static int
same(const struct fio *f, const char *name, const struct buf *ident, struct err *e)
{
	struct buf AUTO(buf_free) there = {0};
	int fd = fio_open(f, AT_FDCWD, name, O_RDONLY | O_DIRECTORY, 0, e), r;

	if (fd < 0)
		return fd;
	buf_init(&there, STORE_MAX_IDENT);
	r = fio_slurp(f, fd, "mamori-vault", &there, e);
	fio_close(f, fd);
	if (r == 0 && there.len == ident->len && memcmp(there.p, ident->p, ident->len) == 0)
		return 0;
	return err_set(e, E_EXIST, "there already is a vault of that name");
}

int
hold_create(const struct fio *f, const char *name, const void *ident, size_t ident_n,
    const void *log, size_t log_n, struct err *e)
{
	struct buf AUTO(buf_free) text = {0};
	char tmp[300];
	int fd, r;

	buf_init(&text, STORE_MAX_IDENT);
	r = buf_put(&text, ident, ident_n, e);
	if (r < 0)
		return r;
	if (faccessat(AT_FDCWD, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return same(f, name, &text, e);
	(void)snprintf(tmp, sizeof(tmp), ".new.%s", name);
	drop(f, tmp);
	r = fio_mkdir(f, AT_FDCWD, tmp, 0700, e);
	if (r < 0)
		return r;
	fd = fio_open(f, AT_FDCWD, tmp, O_RDONLY | O_DIRECTORY, 0, e);
	r = fd < 0 ? fd : fill(f, fd, &text, log, log_n, e);
	fio_close(f, fd);
	if (r == 0)
		r = proven(f, tmp, e);
	if (r == 0)
		r = fio_rename(f, AT_FDCWD, tmp, AT_FDCWD, name, false, e);
	if (r == 0)
		r = fio_sync_dir(f, AT_FDCWD, ".", e);
	else
		drop(f, tmp);
	return r;
}

/* ---- the log ---- */

int
hold_log(struct hold *h, uint64_t from, size_t max, struct buf *ret, struct err *e)
{
	int r;

	(void)pthread_mutex_lock(&h->lock);
	r = ledger_raw(h->repo->log, from, max, ret, e);
	(void)pthread_mutex_unlock(&h->lock);
	return r;
}

static int
refuse(struct err *e, const char *why)
{
	return err_set(e, E_CORRUPT, "the log entry is refused: %s", why);
}

/* there(h, rec, e): The segment a record names was put here, whole, with this root. */
static int
there(struct hold *h, const struct fmt_segment_rec *rec, struct err *e)
{
	uint8_t raw[FMT_HEADER_LEN];
	char name[2 * FMT_ID_LEN + 1];
	struct fmt_footer foot;
	uint64_t size = fmt_seg_size(rec->npages);
	int fd, r;

	hex_put(name, rec->seg, FMT_ID_LEN);
	fd = fio_open(h->f, h->repo->segfd, name, O_RDONLY, 0, e);
	if (fd < 0)
		return fd == E_NOENT ? refuse(e, "its segment was not sent") : fd;
	r = fio_pread_all(h->f, fd, raw, sizeof(raw), size - FMT_HEADER_LEN, e);
	fio_close(h->f, fd);
	if (r == 0)
		r = fmt_footer_get(raw, &foot, e);
	if (r == 0 && (foot.npages != rec->npages || memcmp(foot.seg, rec->seg, FMT_ID_LEN) != 0 ||
	    memcmp(foot.root, rec->root, FMT_HASH_LEN) != 0))
		r = refuse(e, "its segment is another one");
	return r;
}

static int
segment_ok(struct hold *h, const struct ledger_fmt_rec *rec, struct err *e)
{
	struct fmt_segment_rec s;
	int r = fmt_segment_rec_get(rec->payload, rec->payload_len, &s, e);

	if (r < 0)
		return refuse(e, "a segment's entry that makes no sense");
	if (repo_seg(h->repo, s.seg) != REPO_NOSEG)
		return refuse(e, "the segment is in the log already");
	return there(h, &s, e);
}

static int
generation_ok(struct hold *h, const struct ledger_fmt_rec *rec, struct err *e)
{
	struct repo *repo = h->repo;
	struct fmt_snapshot_rec s;
	uint64_t size;
	int r = fmt_snapshot_rec_get(rec->payload, rec->payload_len, &s, e);

	if (r < 0)
		return refuse(e, "a generation's entry that makes no sense");
	for (uint32_t i = 0; i < s.nruns && r == 0; i++) {
		uint32_t end = s.runs[i].first + s.runs[i].count;

		if (end < s.runs[i].first || end > repo->nsegs)
			r = refuse(e, "it needs segments the log lacks");
		for (uint32_t k = s.runs[i].first; r == 0 && k < end; k++) {
			if (hold_stat(h, repo->segs[k].rec.seg, &size, NULL) < 0 ||
			    size != fmt_seg_size(repo->segs[k].rec.npages))
				r = refuse(e, "it needs a segment that is gone");
		}
	}
	for (size_t i = 0; i < repo->ngens && r == 0; i++)
		if (memcmp(repo->gens[i].id, s.id, FMT_ID_LEN) == 0)
			r = refuse(e, "it takes the name of another generation");
	if (r == 0 && repo->keep)
		r = keep_may_commit(repo->keep, s.runs, s.nruns, e);
	fmt_snapshot_rec_free(&s);
	return r;
}

/* signer_ok(h, rec, e): Only a key that the recovery key admitted adds segments and generations;
 * only the recovery key admits one. */
static int
signer_ok(struct hold *h, const struct ledger_fmt_rec *rec, struct err *e)
{
	bool first = memcmp(rec->key_id, h->repo->first_key_id, 8) == 0;

	if (rec->type == LEDGER_T_KEY && first)
		return 0;
	if (rec->type == LEDGER_T_KEY)
		return err_set(e, E_AUTH, "only the recovery key may admit another writer");
	if (!first && !map_get(&h->repo->insiders, rec->key_id, 8))
		return err_set(
		    e, E_AUTH, "the writer's key was not admitted with the recovery key");
	return 0;
}

static int
is_here(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	const struct ledger_fmt_rec *mine = cookie;

	(void)e;
	return rec->seq == mine->seq && memcmp(rec->hash, mine->hash, LEDGER_HASH_LEN) == 0 ? 1 : 2;
}

/* take(h, rec, raw, n, e): With the log held: nobody else appends between the look and the
 * append. */
static int
take(struct hold *h, struct ledger_fmt_rec *rec, const void *raw, size_t n,
    const uint8_t prev[32], struct err *e)
{
	struct ledger_head head;
	int r = repo_refresh(h->repo, e);

	if (r < 0)
		return r;
	head = ledger_head(h->repo->log);
	if (rec->seq <= head.seq) {
		/* the answer to an earlier try may have been lost */
		r = ledger_each(h->repo->log, rec->seq, is_here, rec, e);
		if (r < 0)
			return r;
		return r == 1 ? 0 : err_set(e, E_BUSY, "the log has gone on");
	}
	if (rec->seq != head.seq + 1 || memcmp(prev, head.hash, LEDGER_HASH_LEN) != 0)
		return err_set(e, E_BUSY, "the log is another one than the sender believes");
	r = signer_ok(h, rec, e);
	if (r == 0 && rec->type == FMT_LOG_SEGMENT)
		r = segment_ok(h, rec, e);
	else if (r == 0 && rec->type == FMT_LOG_SNAPSHOT)
		r = generation_ok(h, rec, e);
	else if (r == 0 && rec->type != LEDGER_T_KEY)
		r = refuse(e, "it is of no kind that is known here");
	if (r == 0)
		r = ledger_accept(h->repo->log, raw, n, e);
	return r == 0 ? repo_refresh(h->repo, e) : r;
}

int
hold_commit(struct hold *h, uint64_t seq, const uint8_t prev[32], const void *raw, size_t n,
    uint16_t *ret_kind, struct err *e)
{
	struct ledger_fmt_rec rec;
	int r;

	if (ledger_fmt_rec_get(raw, n, &rec) < 0 || rec.len != n || rec.seq != seq)
		return refuse(e, "it is no entry of a log");
	(void)pthread_mutex_lock(&h->lock);
	r = ledger_hold(h->repo->log, e);
	if (r == 0) {
		r = take(h, &rec, raw, n, prev, e);
		ledger_release(h->repo->log);
	}
	(void)pthread_mutex_unlock(&h->lock);
	*ret_kind = rec.type;
	return r;
}

/* box_key(f, pl, repofd, repo, key, e): The key with which this machine looks after a vault. One is
 * made only where nobody ever did: beside another one's record it would be good for nothing. */
static int
box_key(const struct fio *f, const struct vault_place *pl, int repofd,
    const uint8_t repo[FMT_ID_LEN], bool make, struct keep_key *key, struct err *e)
{
	bool there = faccessat(repofd, KEEP_DIR, F_OK, 0) == 0;
	int r = keep_key_load(f, pl, repo, make && !there, key, e);

	if (r == E_NOENT && there)
		return err_set(e, E_AUTH,
		    "the key with which this machine looked after it (keep.key) is not here");
	return r;
}

int
hold_stamp(const struct fio *f, const char *name, const struct vault_place *pl,
    const struct keep_time *now, struct err *e)
{
	struct vault_open o = {0};
	struct keep_key key;
	struct keep *k = NULL;
	VAULT_R *v = NULL;
	bool doubt = false;
	int fd = -1, r;
	size_t n;

	r = vault_r_open(f, name, &o, &v, e);
	if (r == 0)
		r = fd = fio_open(f, AT_FDCWD, name, O_RDONLY | O_DIRECTORY, 0, e);
	if (r >= 0)
		r = box_key(f, pl, fd, vault_r_ident(v)->repo, true, &key, e);
	if (r == 0)
		r = keep_open(f, fd, vault_r_ident(v), &key, now, &k, e);
	if (r == 0)
		r = keep_catch_up(k, now, v, e);
	if (r > 0) {
		const struct keep_gen *g = keep_gens(k, &n);

		doubt = g[n - 1].doubt != KEEP_SOUND;
	}
	keep_close(k);
	fio_close(f, fd);
	vault_r_close(v);
	explicit_bzero(&key, sizeof(key));
	return r < 0 ? r : doubt;
}

int
hold_clock(const struct fio *f, const char *name, const struct vault_place *pl,
    const struct keep_time *now, struct err *e)
{
	struct keep_state before;
	struct keep_clock c;
	struct vault_ident id;
	struct keep_key key;
	struct keep *k = NULL;
	int fd = -1, r = vault_identify(f, name, &id, e);

	if (r == E_NOENT || r == E_PROTO)
		return 0; /* no vault of ours */
	if (r == 0)
		r = fd = fio_open(f, AT_FDCWD, name, O_RDONLY | O_DIRECTORY, 0, e);
	if (r >= 0)
		r = box_key(f, pl, fd, id.repo, false, &key, e);
	if (r == 0)
		r = keep_open(f, fd, &id, &key, NULL, &k, e);
	if (r == 0) {
		keep_state(k, &before);
		r = keep_clock(k, now, &c, e);
		if (r == 0 && keep_clock_stands(&before.last, &c))
			r = 2;
	}
	keep_close(k);
	fio_close(f, fd);
	explicit_bzero(&key, sizeof(key));
	return r == E_NOENT ? 0 : r;
}

/* ---- what is here ---- */

int
hold_stat(struct hold *h, const uint8_t id[FMT_ID_LEN], uint64_t *ret_size, struct err *e)
{
	char name[2 * FMT_ID_LEN + 1];
	struct stat st;

	hex_put(name, id, FMT_ID_LEN);
	if (fstatat(h->repo->segfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, E_NOENT, "segment %s is missing", name);
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int
hold_list(struct hold *h, uint32_t from, hold_list_fn *fn, void *cookie, struct err *e)
{
	int r;

	(void)pthread_mutex_lock(&h->lock);
	r = repo_refresh(h->repo, e);
	for (uint32_t i = from; r == 0 && i < h->repo->nsegs; i++) {
		const struct fmt_segment_rec *rec = &h->repo->segs[i].rec;
		uint64_t size;

		if (h->repo->keep && keep_seg_leaves(h->repo->keep, i))
			continue;
		if (hold_stat(h, rec->seg, &size, NULL) == 0 && size == fmt_seg_size(rec->npages))
			r = fn(i, rec, cookie);
	}
	(void)pthread_mutex_unlock(&h->lock);
	return r;
}

int
hold_get(struct hold *h, const uint8_t id[FMT_ID_LEN], uint64_t off, void *p, size_t n,
    struct err *e)
{
	char name[2 * FMT_ID_LEN + 1];
	int fd, r;

	hex_put(name, id, FMT_ID_LEN);
	fd = fio_open(h->f, h->repo->segfd, name, O_RDONLY, 0, e);
	if (fd < 0)
		return fd == E_NOENT ? err_set(e, E_NOENT, "segment %s is missing", name) : fd;
	r = fio_pread_all(h->f, fd, p, n, off, e);
	fio_close(h->f, fd);
	return r;
}
