/* The mirror of a repository that lies elsewhere. */
#include "vault/remote.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

enum { TRIES_BUSY = 200, TRIES_NET = 4, MAX_SEGS = 1 << 26 };

struct remote {
	const struct fio *f;
	struct store *st;
	struct vault_ident ident;
	struct rcache *cache;
	pthread_mutex_t append; /* one record after the other */
	pthread_mutex_t lock;   /* of what the place holds */
	struct map held;        /* segment id -> (void *)pages */
	bool learnt;
	char passing[64];       /* a mirror that goes when this does; "" */
};

const struct store_scheme *
remote_scheme(const struct vault_place *pl, const char *path)
{
	const struct store_scheme *s = pl ? pl->schemes : NULL;

	for (; s && s->prefix; s++)
		if (strncmp(path, s->prefix, strlen(s->prefix)) == 0)
			return s;
	return NULL;
}

int
remote_reach(const struct fio *f, const char *path, const struct vault_place *pl, bool writing,
    struct store **ret, struct err *e)
{
	const struct store_scheme *s = remote_scheme(pl, path);
	struct store_env env = {
	    .f = f,
	    .statefd = pl ? pl->statefd : -1,
	    .writing = writing,
	    .now = pl ? pl->now : NULL,
	    .wait_ms = pl ? pl->wait_ms : 0,
	};

	if (!s)
		return err_set(e, E_INVAL, "%.100s: no such kind of place is known here", path);
	return s->open(path, &env, ret, e);
}

struct store *
remote_store(struct remote *m)
{
	return m->st;
}

/* ---- the mirror's folder ---- */

static int
make_dirs(struct remote *m, int fd, struct err *e)
{
	int r = fio_mkdir(m->f, fd, "seg", 0700, e);

	return r == 0 ? fio_mkdir(m->f, fd, "tmp", 0700, e) : r;
}

/* kept_dir(m, pl, e): STATE/vault/<repo>/mirror, a descriptor. */
static int
kept_dir(struct remote *m, const struct vault_place *pl, struct err *e)
{
	char path[96];
	int r = keys_place(pl, m->ident.repo, path, e);

	if (r == 0)
		r = fio_mkdir(m->f, pl->statefd, "vault", 0700, e);
	if (r == 0)
		r = fio_mkdir(m->f, pl->statefd, path, 0700, e);
	if (r < 0)
		return r;
	(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/mirror");
	r = fio_mkdir(m->f, pl->statefd, path, 0700, e);
	return r < 0 ? r : fio_open(m->f, pl->statefd, path, O_RDONLY | O_DIRECTORY, 0, e);
}

static int
passing_dir(struct remote *m, struct err *e)
{
	const char *t = getenv("TMPDIR");
	int n = snprintf(m->passing, sizeof(m->passing), "%s/mamori.XXXXXX", t ? t : "/tmp");

	if (n < 0 || (size_t)n >= sizeof(m->passing))
		(void)snprintf(m->passing, sizeof(m->passing), "/tmp/mamori.XXXXXX");
	if (!mkdtemp(m->passing)) {
		m->passing[0] = 0;
		return err_sys(e, "cannot make a passing folder");
	}
	return fio_open(m->f, AT_FDCWD, m->passing, O_RDONLY | O_DIRECTORY, 0, e);
}

static void
drop_log(struct remote *m, int fd)
{
	(void)fio_unlink(m->f, fd, "log/log", NULL);
	(void)fio_unlink(m->f, fd, "log/head", NULL);
	(void)m->f->unlink_at(m->f->ctx, fd, "log", true);
}

static void
drop_passing(struct remote *m)
{
	int fd;

	if (!m->passing[0])
		return;
	fd = fio_open(m->f, AT_FDCWD, m->passing, O_RDONLY | O_DIRECTORY, 0, NULL);
	if (fd >= 0) {
		drop_log(m, fd);
		(void)fio_unlink(m->f, fd, "mamori-vault", NULL);
		(void)m->f->unlink_at(m->f->ctx, fd, "seg", true);
		(void)m->f->unlink_at(m->f->ctx, fd, "tmp", true);
		fio_close(m->f, fd);
	}
	(void)m->f->unlink_at(m->f->ctx, AT_FDCWD, m->passing, true);
}

/* ---- the log ---- */

/* fetch_first(m, fd, ret_all, e): Begin the mirror's log with what the place gives. ${ret_all}:
 * that was all there is. */
static int
fetch_first(struct remote *m, int fd, bool *ret_all, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, 2 * STORE_LOG_BATCH);
	r = m->st->ops->log_read(m->st, 0, &b, e);
	if (r == 0 && b.len == 0)
		r = err_set(e, E_CORRUPT, "the log of the vault is missing");
	if (r == 0)
		r = ledger_import(m->f, fd, "log", m->ident.pin, b.p, b.len, e);
	*ret_all = r == 0 && b.len < STORE_LOG_BATCH / 2;
	return r == E_EXIST ? 0 : r; /* somebody else on this machine was faster */
}

int
remote_sync(struct remote *m, struct ledger *log, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	struct ledger_head before, first;
	int r = 0;

	buf_init(&b, 2 * STORE_LOG_BATCH);
	for (;;) {
		before = ledger_head(log);
		buf_clear(&b);
		r = m->st->ops->log_read(m->st, before.seq, &b, e);
		if (r < 0)
			return r;
		if (b.len == 0 || ledger_head_of(b.p, b.len, &first) < 0 ||
		    first.seq != before.seq ||
		    memcmp(first.hash, before.hash, LEDGER_HASH_LEN) != 0)
			return err_set(e, E_CORRUPT,
			    "the vault's log does not continue what this machine saw of it (entry "
			    "%llu): somebody put back an old copy or replaced it",
			    (unsigned long long)before.seq);
		r = ledger_accept(log, b.p, b.len, e);
		if (r < 0)
			return e ? err_wrap(e, "the vault's log") : r;
		if (b.len < STORE_LOG_BATCH / 2)
			return 0;
		if (ledger_head(log).seq == before.seq)
			return 0;
	}
}

/* bring_up(m, fd, e): The mirror's log as the place has it now. */
static int
bring_up(struct remote *m, int fd, struct err *e)
{
	struct ledger *log = NULL;
	struct err why;
	bool all = false;
	int r = ledger_open(m->f, fd, "log", m->ident.pin, &log, &why);

	/* what lies here is a copy: damaged by a power cut or by hand, it is fetched anew. That the
	 * new one is not older than what was seen is known from `seen`. */
	if (r == E_CORRUPT || r == E_PROTO || r == E_AUTH) {
		drop_log(m, fd);
		r = E_NOENT;
	} else if (r < 0 && r != E_NOENT) {
		return e ? (*e = why, r) : r;
	}
	if (r == E_NOENT) {
		r = fetch_first(m, fd, &all, e);
		if (r == 0)
			r = ledger_open(m->f, fd, "log", m->ident.pin, &log, e);
	}
	if (r == 0 && !all)
		r = remote_sync(m, log, e);
	ledger_close(log);
	return r;
}

/* keep_ident(m, fd, text, e): `mamori-vault` in the mirror. */
static int
keep_ident(struct remote *m, int fd, const struct buf *text, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};

	buf_init(&b, STORE_MAX_IDENT);
	if (fio_slurp(m->f, fd, "mamori-vault", &b, NULL) == 0 && b.len == text->len &&
	    memcmp(b.p, text->p, b.len) == 0)
		return 0;
	return fio_replace(m->f, fd, "mamori-vault", text->p, text->len, 0444, e);
}

static int
open_all(struct remote *m, const char *path, const struct vault_place *pl,
    const struct remote_how *how, int *ret_fd, struct err *e)
{
	struct buf AUTO(buf_free) text = {0};
	int fd, r;

	buf_init(&text, STORE_MAX_IDENT);
	r = remote_reach(m->f, path, pl, how->writing, &m->st, e);
	if (r == 0)
		r = m->st->ops->ident(m->st, &text, e);
	if (r == E_NOENT)
		return err_set(e, E_PROTO, "there is no vault yet (mamori vault init makes one)");
	if (r == 0)
		r = repo_ident_read(&text, &m->ident, e);
	if (r < 0)
		return r;
	fd = pl->statefd < 0 || how->fresh ? passing_dir(m, e) : kept_dir(m, pl, e);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	r = make_dirs(m, fd, e);
	if (r == 0)
		r = keep_ident(m, fd, &text, e);
	if (r == 0)
		r = bring_up(m, fd, e);
	return r == 0 ? rcache_new(m->st, &m->cache, e) : r;
}

int
remote_open(const struct fio *f, const char *path, const struct vault_place *pl,
    const struct remote_how *how, struct remote **ret, int *ret_fd, struct err *e)
{
	struct remote *m = calloc(1, sizeof(*m));
	int r, fd = -1;

	if (!m)
		return err_set(e, E_NOMEM, "no memory");
	m->f = f;
	(void)pthread_mutex_init(&m->append, NULL);
	(void)pthread_mutex_init(&m->lock, NULL);
	map_init(&m->held, MAX_SEGS);
	r = open_all(m, path, pl, how, &fd, e);
	if (r < 0) {
		fio_close(f, fd);
		remote_close(m);
		return r;
	}
	*ret = m;
	*ret_fd = fd;
	return 0;
}

void
remote_close(struct remote *m)
{
	if (!m)
		return;
	rcache_free(m->cache);
	if (m->st)
		m->st->ops->close(m->st);
	drop_passing(m);
	map_free(&m->held);
	(void)pthread_mutex_destroy(&m->lock);
	(void)pthread_mutex_destroy(&m->append);
	free(m);
}

/* ---- adding a record ---- */

struct match {
	const struct ledger_head *want;
	bool found;
};

static int
on_match(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	struct match *x = cookie;

	(void)e;
	x->found = rec->seq == x->want->seq &&
	    memcmp(rec->hash, x->want->hash, LEDGER_HASH_LEN) == 0;
	return 1;
}

/* one_try(m, log, s, rec, b, mine, e): 1: it is in the log; 0: try again; negative. */
static int
one_try(struct remote *m, struct ledger *log, struct signer *s, const struct remote_rec *rec,
    struct buf *b, struct ledger_head *mine, struct err *e)
{
	struct ledger_head head = ledger_head(log);
	struct match match = {.want = mine};
	int r, x;

	buf_clear(b);
	r = ledger_compose(log, s, rec->type, rec->payload, rec->n, rec->now, b, e);
	if (r == 0)
		r = ledger_head_of(b->p, b->len, mine);
	if (r < 0)
		return r;
	r = m->st->ops->commit(m->st, mine->seq, head.hash, b->p, b->len, e);
	if (r == 0) {
		r = ledger_accept(log, b->p, b->len, e);
		return r == 0 ? 1 : r;
	}
	if (r != E_BUSY && r != E_NET)
		return r;
	/* somebody else was faster, or nobody knows: the log tells */
	x = remote_sync(m, log, e);
	if (x == 0)
		x = ledger_each(log, mine->seq, on_match, &match, e);
	if (x < 0)
		return x;
	if (match.found)
		return 1;
	return r == E_NET ? E_NET : 0;
}

int
remote_append(struct remote *m, struct ledger *log, struct signer *s,
    const struct remote_rec *rec, struct ledger_head *ret, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	struct ledger_head mine = {0};
	unsigned cut = 0;
	int r = 0;

	buf_init(&b, LEDGER_MAX_PAYLOAD + 4096);
	(void)pthread_mutex_lock(&m->append);
	for (unsigned i = 0; i < TRIES_BUSY && r == 0; i++) {
		r = one_try(m, log, s, rec, &b, &mine, e);
		if (r == E_NET && ++cut < TRIES_NET)
			r = 0;
	}
	(void)pthread_mutex_unlock(&m->append);
	if (r == 0)
		return err_set(e, E_BUSY, "others write to this vault all the time");
	if (r == 1 && ret)
		*ret = mine;
	return r == 1 ? 0 : r;
}

/* ---- what the place holds ---- */

static int
on_held(const uint8_t id[FMT_ID_LEN], uint64_t size, void *cookie, struct err *e)
{
	return remote_note(cookie, id, size, e);
}

int
remote_note(struct remote *m, const uint8_t id[FMT_ID_LEN], uint64_t size, struct err *e)
{
	uint32_t pages = fmt_pages_of_size(size);
	int r;

	if (pages == 0)
		return 0; /* no segment has that size */
	(void)pthread_mutex_lock(&m->lock);
	r = map_put(&m->held, id, FMT_ID_LEN, (void *)(uintptr_t)pages, e);
	(void)pthread_mutex_unlock(&m->lock);
	return r;
}

int
remote_learn(struct remote *m, struct err *e)
{
	int r = m->st->ops->list(m->st, on_held, m, e);

	m->learnt = r == 0;
	return r;
}

bool
remote_has(struct remote *m, const uint8_t id[FMT_ID_LEN], uint64_t size)
{
	uintptr_t pages;

	if (!m->learnt)
		return true;
	(void)pthread_mutex_lock(&m->lock);
	pages = (uintptr_t)map_get(&m->held, id, FMT_ID_LEN);
	(void)pthread_mutex_unlock(&m->lock);
	return pages != 0 && fmt_seg_size((uint32_t)pages) == size;
}

int
remote_pread(struct remote *m, const uint8_t id[FMT_ID_LEN], uint64_t size, uint64_t off, void *p,
    size_t n, struct err *e)
{
	if (!m->st->may_read)
		return err_set(e, E_AUTH, "this machine may add to that vault, not read from it");
	return rcache_read(m->cache, id, size, off, p, n, e);
}

void
remote_ahead(struct remote *m, const uint8_t id[FMT_ID_LEN], uint64_t size)
{
	if (m->st->may_read)
		rcache_ahead(m->cache, id, size);
}

void
remote_eager(struct remote *m)
{
	rcache_eager(m->cache);
}
