/* The writing handle: one backup run from open to commit. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "base/utf8.h"
#include "crypt/secret.h"
#include "vault/bk_int.h"
#include "vault/keep.h"
#include "vault/remote.h"

enum { TRIES = 4 };

struct vault_w {
	const struct fio *f;
	struct vault_place pl;
	struct vault_writer_key key;
	struct repo *repo;
	struct signer *signer;
	struct ring ring;
};

/* ---- what this machine saw last: notices a log that was rolled back ---- */

static int
seen_path(const struct vault_w *w, char out[96], struct err *e)
{
	int r = keys_place(&w->pl, w->repo->ident.repo, out, e);

	if (r == 0)
		(void)snprintf(out + strlen(out), 96 - strlen(out), "/seen");
	return r;
}

struct seen {
	uint64_t seq;
	uint8_t hash[LEDGER_HASH_LEN];
	bool fits;
};

static int
seen_match(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	struct seen *s = cookie;

	(void)e;
	s->fits = rec->seq == s->seq && memcmp(rec->hash, s->hash, LEDGER_HASH_LEN) == 0;
	return 1; /* one record is enough */
}

static int
check_seen(struct vault_w *w, struct err *e)
{
	struct seen s = {0};
	struct buf AUTO(buf_free) b = {0};
	char path[96];
	int r;

	buf_init(&b, 64);
	r = seen_path(w, path, e);
	if (r == 0)
		r = fio_slurp(w->f, w->pl.statefd, path, &b, NULL);
	if (r < 0 || b.len != 8 + LEDGER_HASH_LEN)
		return 0; /* nothing remembered */
	s.seq = le64_get(b.p);
	(void)memcpy(s.hash, b.p + 8, LEDGER_HASH_LEN);
	/* ledger_each reads on first: another writer may have added entries, and noted them as
	 * seen, after this handle was opened */
	r = ledger_each(w->repo->log, s.seq, seen_match, &s, e);
	if (r < 0)
		return r;
	if (!s.fits)
		return err_set(e, E_CORRUPT,
		    "the vault's log is older than what this machine saw, or another one: "
		    "somebody put back an old copy or replaced it");
	return 0;
}

static void
save_seen(struct vault_w *w)
{
	struct ledger_head h = ledger_head(w->repo->log);
	uint8_t b[8 + LEDGER_HASH_LEN];
	char path[96];

	le64_put(b, h.seq);
	(void)memcpy(b + 8, h.hash, LEDGER_HASH_LEN);
	if (seen_path(w, path, NULL) == 0) {
		/* losing it only means that one roll-back less can be noticed */
		if (fio_replace(w->f, w->pl.statefd, path, b, sizeof(b), 0600, NULL) < 0)
			return;
	}
}

/* ---- opening ---- */

void
repo_sweep(struct repo *repo)
{
	int copy = fcntl(repo->tmpfd, F_DUPFD_CLOEXEC, 0);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *de;

	if (!d) {
		if (copy >= 0)
			(void)close(copy);
		return;
	}
	rewinddir(d);
	while ((de = readdir(d))) {
		struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd;

		if (strlen(de->d_name) != 2 * FMT_ID_LEN)
			continue;
		fd = fio_open(repo->f, repo->tmpfd, de->d_name, O_RDWR, 0, NULL);
		if (fd < 0)
			continue;
		if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
			(void)fio_unlink(repo->f, repo->tmpfd, de->d_name, NULL);
		fio_close(repo->f, fd);
	}
	(void)closedir(d);
}

static int
open_writer(struct vault_w *w, const char *path, struct err *e)
{
	int r = repo_open_at(w->f, path, &w->pl, true, false, &w->repo, e);

	if (r == 0)
		r = vault_key_load(w->f, &w->pl, w->repo->ident.repo, &w->key, e);
	if (r == 0 && memcmp(w->key.pin, w->repo->ident.pin, SIGN_PUB_LEN) != 0)
		r = err_set(e, E_AUTH, "%s: the writer key here belongs to another vault", path);
	if (r == 0)
		r = repo_index_key(w->repo, w->key.index, e);
	if (r == 0)
		r = repo_sound(w->repo, e);
	if (r == 0)
		r = check_seen(w, e);
	if (r == 0 && w->repo->tmpfd < 0)
		r = err_set(e, E_SYS, "%s: the folder tmp of the vault cannot be opened", path);
	if (r == 0)
		r = signer_new(w->key.seed, &w->signer, e);
	if (r == 0 && w->key.ring)
		r = ring_load(w->f, &w->pl, w->repo->ident.repo, &w->ring, e);
	if (r == 0 && w->repo->rem)
		r = remote_learn(w->repo->rem, e);
	if (r == 0)
		repo_sweep(w->repo);
	return r;
}

int
vault_w_open(const struct fio *f, const char *path, const struct vault_place *pl, VAULT_W **ret,
    struct err *e)
{
	struct vault_w *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_set(e, E_NOMEM, "no memory");
	w->f = f;
	w->pl = *pl;
	ring_init(&w->ring);
	r = open_writer(w, path, e);
	if (r < 0) {
		vault_w_close(w);
		return r;
	}
	*ret = w;
	return 0;
}

void
vault_w_close(VAULT_W *w)
{
	if (!w)
		return;
	signer_free(w->signer);
	ring_free(&w->ring);
	repo_close(w->repo);
	explicit_bzero(&w->key, sizeof(w->key));
	free(w);
}

const struct vault_ident *
vault_w_ident(const VAULT_W *w)
{
	return &w->repo->ident;
}

/* ---- errors of a run ---- */

int
bk_fail(struct bk_run *run, const struct err *e)
{
	(void)pthread_mutex_lock(&run->lock);
	if (!atomic_load(&run->failed)) {
		run->err = *e;
		atomic_store(&run->failed, 1);
	}
	(void)pthread_mutex_unlock(&run->lock);
	/* whoever waits for room must wake up and see it */
	(void)pthread_mutex_lock(&run->closer.lock);
	(void)pthread_cond_broadcast(&run->closer.less);
	(void)pthread_mutex_unlock(&run->closer.lock);
	return e->code;
}

bool
bk_stopped(struct bk_run *run)
{
	return atomic_load(&run->failed) || (run->b->cancel && *run->b->cancel);
}

void
bk_problem(struct bk_run *run, const struct item *it, const char *why)
{
	char *path;

	(void)atomic_fetch_add(&run->unreadable, 1);
	if (!run->b->problem ||
	    asprintf(&path, "%s%s%s", it->dir->path, *it->dir->path ? "/" : "", it->name) < 0)
		return;
	(void)pthread_mutex_lock(&run->lock);
	run->b->problem(run->b->cookie, path, strlen(path), why);
	(void)pthread_mutex_unlock(&run->lock);
	free(path);
}

/* ---- sources ---- */

struct named {
	char *path, *top;
};

static int
cmp_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->top, ((const struct named *)b)->top);
}

/* top_name(list, n, path): The last component, made different from those already there. */
static char *
top_name(const struct named *list, size_t n, const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	char *top = NULL;

	if (!*base)
		base = "root";
	for (unsigned k = 1; k < 10000; k++) {
		bool taken = false;

		if ((k == 1 ? asprintf(&top, "%s", base) : asprintf(&top, "%s~%u", base, k)) < 0)
			return NULL;
		for (size_t i = 0; i < n && !taken; i++)
			taken = strcmp(list[i].top, top) == 0;
		if (!taken)
			return top;
		free(top);
	}
	return NULL;
}

static int
resolve_sources(const struct vault_backup *b, struct named *list, struct err *e)
{
	for (size_t i = 0; i < b->nsources; i++) {
		const char *slash = strrchr(b->sources[i], '/');
		const char *base = slash ? slash + 1 : b->sources[i];
		char *up, *real;

		/* the last component keeps its name: a link to a folder is followed when it is
		 * opened, any other link is kept as a link */
		if (*base == 0 || strcmp(base, ".") == 0 || strcmp(base, "..") == 0) {
			list[i].path = realpath(b->sources[i], NULL);
		} else {
			up = slash ? strndup(b->sources[i], slash == b->sources[i] ? 1 :
			    (size_t)(slash - b->sources[i])) : strdup(".");
			real = up ? realpath(up, NULL) : NULL;
			if (real && asprintf(&list[i].path, "%s/%s", real[1] ? real : "", base) < 0)
				list[i].path = NULL;
			free(real);
			free(up);
		}
		if (!list[i].path || access(list[i].path, F_OK) != 0) {
			struct stat st;

			if (!list[i].path || lstat(list[i].path, &st) != 0)
				return err_sys(e, "%s", b->sources[i]);
		}
		list[i].top = top_name(list, i, list[i].path);
		if (!list[i].top)
			return err_set(e, E_NOMEM, "no memory");
	}
	qsort(list, b->nsources, sizeof(*list), cmp_named);
	return 0;
}

static int
set_sources(struct bk_run *run, struct err *e)
{
	const struct vault_backup *b = run->b;
	struct named *list = calloc(b->nsources, sizeof(*list));
	const char **paths = (const char **)arena_alloc(&run->keys, b->nsources * sizeof(char *));
	const char **tops = (const char **)arena_alloc(&run->keys, b->nsources * sizeof(char *));
	int r = list && paths && tops ? 0 : err_set(e, E_NOMEM, "no memory");

	if (r == 0)
		r = resolve_sources(b, list, e);
	for (size_t i = 0; r == 0 && i < b->nsources; i++) {
		paths[i] = arena_dup(&run->keys, list[i].path, strlen(list[i].path));
		tops[i] = arena_dup(&run->keys, list[i].top, strlen(list[i].top));
		if (!paths[i] || !tops[i])
			r = err_set(e, E_NOMEM, "no memory");
	}
	for (size_t i = 0; list && i < b->nsources; i++) {
		free(list[i].path);
		free(list[i].top);
	}
	free(list);
	run->man.nsources = (uint32_t)b->nsources;
	run->man.sources = paths;
	run->man.tops = tops;
	return r;
}

/* set_name(b, tops, out): The system's name: as given, else the first source's. Shown on screens,
 * so it must be text. */
static int
set_name(const struct vault_backup *b, const char *top, char out[256], struct err *e)
{
	struct buf AUTO(buf_free) t = {0};
	const char *name = b->name ? b->name : top;
	int r = 0;

	buf_init(&t, 1024);
	if (!utf8_ok(name, strlen(name))) {
		r = utf8_show(&t, name, strlen(name), e);
		name = buf_cstr(&t, e);
	}
	if (r < 0 || !name)
		return err_set(e, E_INVAL, "the name is too long");
	if (!*name || strlen(name) > 255)
		return err_set(e, E_INVAL, "the name must have 1 to 255 bytes");
	(void)memcpy(out, name, strlen(name) + 1);
	return 0;
}

/* ---- a run ---- */

static int
run_open(struct bk_run *run, struct vault_w *w, struct fmt_snap_info *info, struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	int r = set_sources(run, e);

	if (r == 0)
		r = set_name(run->b, run->man.tops[0], info->name, e);
	(void)snprintf(info->host, sizeof(info->host), "%s", run->b->host ? run->b->host : "");
	run->man.name = info->name;
	run->man.host = info->host;
	run->man.started = run->b->now;
	info->started = run->b->now;
	random_fill(run->man.id, FMT_ID_LEN);
	if (r == 0)
		r = seal_pub_new(w->key.recovery, &run->recovery, e);
	if (r == 0)
		r = hmac_new(w->key.dedup, 32, &run->dedup, e);
	if (r == 0)
		r = chunker_init(&run->chunker, w->key.dedup, e);
	if (r == 0)
		r = tree_block_new(&run->block, e);
	digest_sha256(w->key.recovery, SEAL_PUB_LEN, hash);
	run->env = (struct segw_env){
		.f = w->f, .tmpfd = w->repo->tmpfd, .recovery = run->recovery,
		.index_key = w->key.index, .level = run->b->level ? run->b->level : VAULT_LEVEL,
		.passing = w->repo->rem != NULL,
	};
	run->retain = run->b->lock_until;
	if (run->retain == 0 && w->repo->genesis.lock_days)
		run->retain = run->b->now + (int64_t)w->repo->genesis.lock_days * TIME_DAY;
	(void)memcpy(run->env.repo, w->repo->ident.repo, FMT_ID_LEN);
	(void)memcpy(run->env.recipient, hash, 8);
	if (r == 0)
		r = index_open(w->repo, &w->pl, &run->index, e);
	if (r == 0)
		r = files_r_open(w->f, &w->pl, w->repo->ident.repo, info->name, run->index,
		    &run->fr, e);
	if (r == 0)
		r = files_w_new(w->f, &w->pl, w->repo->ident.repo, info->name, run->b->now,
		    run->index, &run->fw, e);
	if (r == 0)
		r = closer_start(run, e);
	if (r == 0)
		r = pool_start(run, e);
	return r;
}

/* runs_of(run, snap, e): The segments this generation needs, as runs of numbers in the log. */
static int
runs_of(struct bk_run *run, struct fmt_snapshot_rec *snap, struct err *e)
{
	struct repo *repo = run->repo;
	uint8_t *bits = calloc(1, repo->nsegs / 8 + 1);
	uint32_t cap = 0;

	if (!bits)
		return err_set(e, E_NOMEM, "no memory");
	for (uint32_t i = 0; i < run->need_cap * 8 && i < index_segments(run->index); i++) {
		uint8_t id[FMT_ID_LEN];
		uint32_t no;

		if (!(run->need[i / 8] & (1 << (i % 8))))
			continue;
		index_seg_id(run->index, i, id);
		no = repo_seg(repo, id);
		if (no == REPO_NOSEG) {
			free(bits);
			return err_set(e, E_CORRUPT, "a needed segment is not in the log");
		}
		bits[no / 8] |= (uint8_t)(1 << (no % 8));
	}
	for (uint32_t i = 0; i < repo->nsegs; i++) {
		if (!(bits[i / 8] & (1 << (i % 8))))
			continue;
		if (snap->nruns && snap->runs[snap->nruns - 1].first +
		    snap->runs[snap->nruns - 1].count == i) {
			snap->runs[snap->nruns - 1].count++;
			continue;
		}
		if (snap->nruns == cap) {
			void *p = reallocarray(snap->runs, cap = cap ? cap * 2 : 16,
			    sizeof(*snap->runs));

			if (!p) {
				free(bits);
				return err_set(e, E_NOMEM, "no memory");
			}
			snap->runs = p;
		}
		snap->runs[snap->nruns++] = (struct fmt_run){i, 1};
	}
	free(bits);
	return 0;
}

/* retain(repo, snap, e): A place elsewhere keeps all that the generation needs as long as it. */
static int
retain(struct repo *repo, const struct fmt_snapshot_rec *snap, struct err *e)
{
	struct store *st = repo->rem ? remote_store(repo->rem) : NULL;
	uint8_t(*ids)[FMT_ID_LEN];
	size_t n = 0, at = 0;
	int r;

	if (!st || !st->ops->retain || snap->retain_until == 0)
		return 0;
	for (uint32_t i = 0; i < snap->nruns; i++)
		n += snap->runs[i].count;
	ids = calloc(n ? n : 1, FMT_ID_LEN);
	if (!ids)
		return err_set(e, E_NOMEM, "no memory");
	for (uint32_t i = 0; i < snap->nruns; i++)
		for (uint32_t k = 0; k < snap->runs[i].count; k++)
			(void)memcpy(ids[at++], repo->segs[snap->runs[i].first + k].rec.seg,
			    FMT_ID_LEN);
	r = st->ops->retain(st, (const uint8_t(*)[FMT_ID_LEN])ids, n, snap->retain_until, e);
	free(ids);
	return r;
}

/* commit(run, w, info, ret, e): Enter the generation in the log. Durable when it returns 0. */
static int
commit(struct bk_run *run, struct vault_w *w, struct fmt_snap_info *info, int64_t now,
    struct vault_generation *ret, struct err *e)
{
	struct fmt_snapshot_rec snap = {.retain_until = run->b->lock_until};
	struct buf AUTO(buf_free) sealed = {0}, b = {0};
	struct ledger_head head;
	int r;

	buf_init(&sealed, 8192);
	buf_init(&b, LEDGER_MAX_PAYLOAD);
	if (snap.retain_until == 0 && w->repo->genesis.lock_days)
		snap.retain_until = now + (int64_t)w->repo->genesis.lock_days * TIME_DAY;
	(void)memcpy(snap.id, run->man.id, FMT_ID_LEN);
	/* from the look at the log and the keep ledger to the append nobody else may do anything */
	r = w->repo->rem ? 0 : ledger_hold(w->repo->log, e);
	if (r < 0)
		return r;
	r = repo_refresh(w->repo, e);
	if (r == 0)
		r = repo_sound(w->repo, e);
	if (r == 0)
		r = runs_of(run, &snap, e);
	if (r == 0 && w->repo->keep)
		r = keep_may_commit(w->repo->keep, snap.runs, snap.nruns, e);
	if (r == 0)
		r = repo_seal_info(w->key.index, snap.id, info, &sealed, e);
	snap.sealed = sealed.p;
	snap.sealed_len = sealed.len;
	if (r == 0)
		r = fmt_snapshot_rec_put(&b, &snap, e);
	if (r == 0)
		r = retain(w->repo, &snap, e);
	if (r == 0)
		r = repo_append(
		    w->repo, w->signer, FMT_LOG_SNAPSHOT, b.p, b.len, now, &head, e);
	if (!w->repo->rem)
		ledger_release(w->repo->log);
	free(snap.runs);
	if (r < 0)
		return r;
	*ret = (struct vault_generation){
		.seq = head.seq, .at = head.at, .locked_until = snap.retain_until, .info_ok = true,
		.info = *info,
	};
	(void)memcpy(ret->id, run->man.id, FMT_ID_LEN);
	return 0;
}

/* figures(run, info): What this run saw, for whoever judges it. Without a list of the last run
 * nothing can be said about changes. */
static void
figures(struct bk_run *run, const struct fmt_snap_info *info)
{
	struct vault_figures *f = run->b->ret_figures;
	struct files_seen seen = {0};

	if (!f)
		return;
	*f = (struct vault_figures){
		.files = info->files, .bytes = info->bytes, .new_bytes = info->new_bytes,
		.packed = run->packed, .noise = run->noise,
	};
	if (!run->fr || !files_r_seen(run->fr, &seen))
		return;
	f->before = seen.all;
	f->added = run->added;
	f->changed = run->altered;
	f->removed = seen.gone;
	f->renamed = seen.renamed;
	f->touched_bytes = run->touched_bytes;
}

static int
run_all(struct bk_run *run, struct vault_w *w, struct fmt_snap_info *info, int64_t mono,
    struct vault_generation *ret, struct err *e)
{
	int64_t now;
	int r = bk_scan(run, e);
	int x = bk_emit_all(run, r == 0 ? e : NULL);

	r = r < 0 ? r : x;
	pool_stop(run);
	if (r == 0)
		r = bk_emit_end(run, info, e);
	for (unsigned i = 0; r == 0 && i < run->nslots; i++)
		r = sink_end(&run->sinks[i], e);
	if (r == 0)
		r = sink_end(&run->meta, e);
	if (r == 0)
		r = closer_flush(run, e);
	if (r < 0)
		return r;
	now = run->b->now + (time_mono_us() - mono);
	info->ended = now;
	info->files = atomic_load(&run->files);
	info->bytes = atomic_load(&run->bytes);
	info->new_bytes = atomic_load(&run->new_bytes);
	info->unreadable = atomic_load(&run->unreadable);
	info->changed = atomic_load(&run->changed);
	info->dirs = run->dirs;
	info->others = run->others;
	info->stored_bytes = run->stored;
	figures(run, info);
	return commit(run, w, info, now, ret, e);
}

static void
run_free(struct bk_run *run, bool good)
{
	size_t pos = 0;
	void *p;

	pool_stop(run);
	closer_stop(run);
	for (unsigned i = 0; i < run->nslots; i++)
		sink_drop(&run->sinks[i]);
	sink_drop(&run->meta);
	for (unsigned i = 0; i < run->closer.n; i++)
		segw_free(run->closer.queue[i].seg);
	files_w_end(run->fw, good);
	files_r_close(run->fr);
	index_close(run->index, good && !run->index_stale);
	tree_block_free(run->block);
	buf_free(&run->block_buf);
	vec_free(&run->refs);
	arena_free(&run->keys);
	while ((p = map_each(&run->hard, &pos, NULL, NULL)))
		free(p);
	map_free(&run->hard);
	for (pos = 0; (p = map_each(&run->lost, &pos, NULL, NULL));)
		free(p);
	map_free(&run->lost);
	arena_free(&run->scratch);
	free(run->need);
	hmac_free(run->dedup);
	seal_pub_free(run->recovery);
	(void)pthread_mutex_destroy(&run->lock);
	(void)pthread_mutex_destroy(&run->qlock);
	free(run);
}

static int
one_try(VAULT_W *w, const struct vault_backup *b, struct vault_generation *ret, struct err *e)
{
	struct fmt_snap_info info = {0};
	int64_t mono = time_mono_us();
	struct err local;
	struct bk_run *run;
	int r;

	run = calloc(1, sizeof(*run));
	if (!run)
		return err_set(e, E_NOMEM, "no memory");
	run->f = w->f;
	run->repo = w->repo;
	run->pl = &w->pl;
	run->key = &w->key;
	run->b = b;
	run->signer = w->signer;
	run->ring = &w->ring;
	run->tail = &run->head;
	run->last = &run->first;
	run->meta = (struct sink){.run = run, .kind = FMT_META};
	(void)pthread_mutex_init(&run->lock, NULL);
	(void)pthread_mutex_init(&run->qlock, NULL);
	(void)pthread_cond_init(&run->qmore, NULL);
	(void)pthread_cond_init(&run->qdone, NULL);
	(void)pthread_cond_init(&run->qslot, NULL);
	vec_init(&run->refs, sizeof(struct tree_ref), 1 << 24);
	arena_init(&run->keys, (size_t)1 << 30);
	buf_init(&run->block_buf, TREE_MAX_BLOCK);
	map_init(&run->hard, 1 << 26);
	map_init(&run->lost, 1 << 26);
	arena_init(&run->scratch, (size_t)1 << 28);

	r = run_open(run, w, &info, &local);
	if (r == 0)
		r = run_all(run, w, &info, mono, ret, &local);
	if (r < 0 && atomic_load(&run->failed))
		local = run->err; /* the cause, not the follow-up */
	else if (r < 0 && b->cancel && *b->cancel)
		(void)err_set(&local, E_CANCEL, "stopped before the generation was complete");
	run_free(run, r == 0);
	if (r < 0) {
		if (e)
			*e = local;
		return local.code;
	}
	/* The generation is durable: what follows is comfort, and its failure changes nothing of
	 * that. A ring that could not be pruned is pruned after the next generation. */
	if (w->key.ring && repo_refresh(w->repo, &local) == 0)
		(void)(ring_prune(w->f, &w->pl, w->repo, &w->ring, &local) < 0);
	save_seen(w);
	return 0;
}

int
vault_w_backup(VAULT_W *w, const struct vault_backup *b, struct vault_generation *ret,
    struct err *e)
{
	int r = E_BUSY;

	if (b->nsources == 0)
		return err_set(e, E_INVAL, "nothing to back up was named");
	/* E_BUSY: meanwhile a removal of segments that this run built on was noted. The next try
	 * knows of it and stores anew what they held; it finds the rest where this one put it. */
	for (int i = 0; r == E_BUSY && i < (w->repo->keep ? TRIES : 1); i++)
		r = one_try(w, b, ret, e);
	return r;
}
