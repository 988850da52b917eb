#include "vault/verify.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "vault/keep.h"
#include "vault/repo_int.h"
#include "vault/remote.h"
#include "vault/segr.h"
#include "vault/verify_int.h"

enum { MAX_THREADS = 64 };

bool
verify_stopped(struct verify *v)
{
	return atomic_load_explicit(&v->stop, memory_order_relaxed) ||
	    (v->o->cancel && *v->o->cancel);
}

struct verify_error *
verify_error(struct verify *v, uint32_t seg, int64_t page, const char *fmt, ...)
{
	struct vault_verify_report *rep = v->rep;
	struct verify_error *x = NULL;
	va_list ap;

	(void)pthread_mutex_lock(&v->lock);
	rep->nerrors++;
	if (!rep->errors)
		rep->errors = calloc(VERIFY_MAX_ERRORS, sizeof(*rep->errors));
	if (rep->errors && rep->nlisted < VERIFY_MAX_ERRORS)
		x = &rep->errors[rep->nlisted++];
	if (x) {
		x->page = page;
		x->number = seg;
		x->has_seg = seg < v->nsegs;
		if (x->has_seg)
			(void)memcpy(x->seg, v->segs[seg].rec.seg, FMT_ID_LEN);
		va_start(ap, fmt);
		(void)vsnprintf(x->why, sizeof(x->why), fmt, ap);
		va_end(ap);
	}
	(void)pthread_mutex_unlock(&v->lock);
	return x;
}

void
vault_verify_report_free(struct vault_verify_report *rep)
{
	for (size_t i = 0; i < rep->nlisted; i++) {
		struct verify_error *x = &rep->errors[i];

		for (size_t k = 0; k < x->nsystems; k++)
			free(x->systems[k]);
		for (size_t k = 0; k < x->nfiles; k++)
			free(x->files[k]);
		free(x->systems);
		free(x->files);
		free(x->gens);
	}
	free(rep->errors);
	rep->errors = NULL;
	rep->nlisted = 0;
}

/* ---- the log ---- */

/* check_log(v, path, e): 1 when it holds, 0 when not (written down). */
static int
check_log(struct verify *v, const char *path, const struct vault_ident *id, struct err *e)
{
	struct ledger_report log;
	/* of one elsewhere: all of its log was fetched for this */
	int fd = v->r ? fio_open(v->f, vault_r_dir(v->r), ".", O_RDONLY | O_DIRECTORY, 0, e) :
	    repo_place(v->f, path, e);
	int r;

	if (fd < 0)
		return fd;
	r = repo_ident_whole(v->f, fd, e);
	if (r == E_CORRUPT)
		verify_error(v, UINT32_MAX, -1, "%.200s", e->msg);
	if (r == 0 || r == E_CORRUPT)
		r = ledger_verify(v->f, fd, "log", id->pin, v->o->at_least, &log, e);
	fio_close(v->f, fd);
	if (r == E_NOENT || r == E_PROTO || r == E_CORRUPT) {
		verify_error(v, UINT32_MAX, -1, "the log: %.200s", e->msg);
		return 0;
	}
	if (r < 0)
		return r;
	v->rep->log_records = log.records;
	v->rep->head = log.head;
	if (!log.ok)
		verify_error(v, UINT32_MAX, -1, "the log does not hold from entry %llu on: %.150s",
		    (unsigned long long)log.first_bad, log.why);
	return log.ok;
}

static int
on_far(const uint8_t id[FMT_ID_LEN], uint64_t size, void *cookie, struct err *e)
{
	struct verify *v = cookie;

	(void)size, (void)e;
	v->rep->strays += repo_seg(v->r->repo, id) == REPO_NOSEG;
	return 0;
}

/* look_far(v, e): What a place elsewhere holds, against what its log says. */
static int
look_far(struct verify *v, struct err *e)
{
	struct remote *m = v->r->repo->rem;
	int r = remote_learn(m, e);

	if (r == 0)
		r = remote_store(m)->ops->list(remote_store(m), on_far, v, e);
	if (r == 0)
		vault_r_eager(v->r);
	return r;
}

/* check_keep(v, path, id, e): What the box says about the repository. A wrong word in it must not
 * hide: it says until when generations stay, and which absence is no damage. */
static int
check_keep(struct verify *v, const char *path, const struct vault_ident *id, struct err *e)
{
	struct ledger_report rep;
	struct keep *k = NULL;
	int fd = repo_place(v->f, path, e);
	int r;

	if (fd < 0)
		return fd;
	r = keep_open(v->f, fd, id, NULL, NULL, &k, e);
	if (r == 0)
		r = ledger_verify(v->f, fd, KEEP_DIR, NULL, NULL, &rep, e);
	if (r == 0 && !rep.ok)
		r = err_set(e, E_CORRUPT, "entry %llu: %s", (unsigned long long)rep.first_bad,
		    rep.why);
	if (r == 0)
		r = keep_sound(k, e);
	if (r == E_CORRUPT || r == E_PROTO || r == E_AUTH)
		verify_error(v, UINT32_MAX, -1, "the keep ledger: %.200s", e->msg);
	keep_close(k);
	fio_close(v->f, fd);
	return r == E_NOMEM || r == E_SYS ? r : 0;
}

/* strays(v): Files that no log record names. */
static void
strays(struct verify *v)
{
	int copy = openat(v->segdir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct map known;
	struct dirent *de;

	if (!d) {
		if (copy >= 0)
			(void)close(copy);
		return;
	}
	map_init(&known, UINT32_MAX);
	for (uint32_t i = 0; i < v->nsegs; i++)
		if (map_put(&known, v->segs[i].rec.seg, FMT_ID_LEN, v, NULL) < 0)
			break;
	while ((de = readdir(d))) {
		uint8_t id[FMT_ID_LEN];

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (hex_get(id, sizeof(id), de->d_name) < 0 || !map_get(&known, id, sizeof(id)))
			v->rep->strays++;
	}
	map_free(&known);
	(void)closedir(d);
}

/* ---- segments, in parallel ---- */

static void *
run(void *arg)
{
	struct verify *v = arg;
	struct vseg_worker *w = NULL;
	struct err e;
	int r = vseg_new(v, &w, &e);

	while (r == 0 && !verify_stopped(v)) {
		uint32_t i = atomic_fetch_add(&v->next, 1);

		if (i >= v->nsegs)
			break;
		r = vseg_check(w, i, &e);
	}
	vseg_free(w);
	(void)pthread_mutex_lock(&v->lock);
	if (r < 0) {
		v->fail = e;
		atomic_store(&v->stop, true);
	}
	v->running--;
	(void)pthread_cond_broadcast(&v->cond);
	(void)pthread_mutex_unlock(&v->lock);
	return NULL;
}

static void
tell(struct verify *v)
{
	if (v->o->progress)
		v->o->progress(v->o->cookie, atomic_load(&v->bytes), v->all);
}

static void
watch(struct verify *v)
{
	(void)pthread_mutex_lock(&v->lock);
	while (v->running > 0) {
		struct timespec t;

		(void)clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += 100000000;
		t.tv_sec += t.tv_nsec / 1000000000;
		t.tv_nsec %= 1000000000;
		(void)pthread_cond_timedwait(&v->cond, &v->lock, &t);
		(void)pthread_mutex_unlock(&v->lock);
		tell(v);
		(void)pthread_mutex_lock(&v->lock);
	}
	(void)pthread_mutex_unlock(&v->lock);
}

static int
all_segments(struct verify *v, struct err *e)
{
	pthread_t ids[MAX_THREADS];
	cpu_set_t set;
	unsigned n = v->o->threads, started = 0;

	if (n == 0)
		n = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 2;
	n = n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n;
	v->running = n;
	while (started < n && pthread_create(&ids[started], NULL, run, v) == 0)
		started++;
	(void)pthread_mutex_lock(&v->lock);
	v->running -= n - started;
	(void)pthread_mutex_unlock(&v->lock);
	watch(v);
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(ids[i], NULL);
	if (started == 0)
		return err_set(e, E_NOMEM, "cannot start a thread");
	if (v->fail.code < 0) {
		if (e)
			*e = v->fail;
		return v->fail.code;
	}
	return 0;
}

static int
by_segment(const void *a, const void *b)
{
	const struct verify_error *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->page < y->page ? -1 : x->page > y->page;
}

static int
look(struct verify *v, struct err *e)
{
	int r;

	v->segs = vault_r_segments(v->r, &v->nsegs);
	v->gens = vault_r_list(v->r, &v->ngens);
	v->segdir = vault_r_segdir(v->r);
	for (uint32_t i = 0; i < v->nsegs; i++)
		v->all += v->o->depth == VERIFY_STRUCTURE ? 2 * FMT_HEADER_LEN +
		    fmt_hashes_len(v->segs[i].rec.npages) : fmt_seg_size(v->segs[i].rec.npages);
	r = vault_r_far(v->r) ? look_far(v, e) : (strays(v), 0);
	if (r == 0)
		r = all_segments(v, e);
	if (r == 0 && v->o->depth == VERIFY_DEEP)
		r = vtree_check(v, e);
	if (r == 0 && v->rep->nlisted > 0)
		r = vtree_name(v, e);
	if (v->rep->nlisted > 0)
		qsort(v->rep->errors, v->rep->nlisted, sizeof(*v->rep->errors), by_segment);
	if (r == 0 && v->o->cancel && *v->o->cancel)
		r = err_set(e, E_CANCEL, "stopped as asked before everything was looked at");
	return r;
}

/* open_it(v, path, log_ok, e): 0: opened; 1: it cannot be, which was written down. */
static int
open_it(struct verify *v, const char *path, bool log_ok, struct err *e)
{
	const struct vault_verify_opts *o = v->o;
	struct vault_open with = {.secret = o->secret, .place = o->place, .fresh = true};
	int x;

	if (!vault_is_address(path) && o->secret)
		with.place = NULL;
	x = v->r ? 0 : vault_r_open(v->f, path, &with, &v->r, e);
	/* a damaged log is an answer; a wrong key is not */
	if (x == E_CORRUPT || x == E_PROTO || x == E_NOENT) {
		if (log_ok)
			verify_error(v, UINT32_MAX, -1, "%.200s", e->msg);
		return 1;
	}
	return x;
}

static int
judge(struct verify *v, struct err *e)
{
	if (vault_r_sound(v->r, e) < 0)
		verify_error(v, UINT32_MAX, -1, "%.200s", e->msg);
	if (v->r->repo->nwrong)
		verify_error(v, UINT32_MAX, -1,
		    "the keep ledger: a removal names %u segments that must stay, first number %u",
		    v->r->repo->nwrong, v->r->repo->wrong);
	v->key = vault_r_dedup(v->r) != NULL;
	if (v->o->depth == VERIFY_DEEP && !v->key)
		return err_set(e, E_AUTH, "looking at the content needs the recovery key");
	return look(v, e);
}

int
vault_verify(const struct fio *f, const char *path, const struct vault_verify_opts *o,
    struct vault_verify_report *ret, struct err *e)
{
	struct verify v = {.f = f, .o = o, .rep = ret};
	struct vault_ident id;
	struct err own;
	int r, x;

	e = e ? e : &own;
	*ret = (struct vault_verify_report){0};
	r = vault_identify_at(f, path, o->place, &id, e);
	if (r < 0)
		return r;
	(void)pthread_mutex_init(&v.lock, NULL);
	(void)pthread_cond_init(&v.cond, NULL);
	map_init(&v.seen, 1 << 24);
	if (vault_is_address(path))
		r = open_it(&v, path, true, e);
	r = r == 0 ? check_log(&v, path, &id, e) : r;
	if (r >= 0 && !vault_is_address(path)) {
		x = check_keep(&v, path, &id, e);
		r = x < 0 ? x : r;
	}
	if (r >= 0 && (v.r || !vault_is_address(path))) {
		x = open_it(&v, path, r == 1, e);
		r = x == 0 ? judge(&v, e) : x;
	}
	ret->segments = v.nsegs;
	ret->bytes = atomic_load(&v.bytes);
	ret->pages = atomic_load(&v.pages);
	ret->chunks = atomic_load(&v.chunks);
	ret->unchecked = atomic_load(&v.unchecked);
	ret->ok = r == 0 && ret->nerrors == 0;
	vault_r_close(v.r);
	map_free(&v.seen);
	(void)pthread_cond_destroy(&v.cond);
	(void)pthread_mutex_destroy(&v.lock);
	return r < 0 ? r : 0;
}
