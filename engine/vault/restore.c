#include "vault/restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "vault/restore_int.h"
#include "vault/tree_int.h"

enum { MAX_THREADS = 64, LINKS_MAX = 4 << 20 };

/* ---- what the workers share ---- */

bool
restore_stopped(struct restore *rs)
{
	return atomic_load_explicit(&rs->stop, memory_order_relaxed) ||
	    (rs->o->cancel && *rs->o->cancel);
}

bool
restore_fatal(int code)
{
	return code == E_AUTH || code == E_NOMEM || code == E_CANCEL || code == E_LIMIT ||
	    code == E_NET; /* what cannot be reached now is not damaged */
}

bool
restore_target_fatal(const struct err *e)
{
	switch (e->code) {
	case E_NOSPC:
	case E_NOMEM:
	case E_CANCEL:
	case E_LIMIT:
		return true;
	default:
		return e->sys == EIO || e->sys == EROFS || e->sys == EMFILE || e->sys == ENFILE ||
		    e->sys == ENODEV || e->sys == ESTALE;
	}
}

void
restore_problem(struct restore *rs, enum restore_kind kind, const char *dir, const char *name,
    uint64_t lost, const char *why)
{
	struct vault_restore_report *rep = rs->rep;
	size_t n = strlen(dir) + strlen(name) + 2;
	struct restore_problem *p;
	char *path = malloc(n), *text = strdup(why);

	if (path)
		(void)snprintf(path, n, "%s%s%s", dir, *dir ? "/" : "", name);
	(void)pthread_mutex_lock(&rs->lock);
	rep->nproblems++;
	if (path && text && rep->nlisted < RESTORE_MAX_LISTED) {
		p = rep->problems ? rep->problems :
		    calloc(RESTORE_MAX_LISTED, sizeof(*rep->problems));
		rep->problems = p;
		if (p) {
			p[rep->nlisted++] = (struct restore_problem){
				.path = path, .why = text, .lost = lost, .kind = kind};
			path = text = NULL;
		}
	}
	(void)pthread_mutex_unlock(&rs->lock);
	free(path);
	free(text);
}

void
vault_restore_report_free(struct vault_restore_report *rep)
{
	for (size_t i = 0; i < rep->nlisted; i++) {
		free(rep->problems[i].path);
		free(rep->problems[i].why);
	}
	free(rep->problems);
	rep->problems = NULL;
	rep->nlisted = 0;
}

static void
fail(struct restore *rs, const struct err *e)
{
	(void)pthread_mutex_lock(&rs->lock);
	/* a thread that only noticed the stop is not the reason for it */
	if (rs->fail.code == 0 || (rs->fail.code == E_CANCEL && e->code != E_CANCEL))
		rs->fail = *e;
	atomic_store(&rs->stop, true);
	(void)pthread_cond_broadcast(&rs->cond);
	(void)pthread_mutex_unlock(&rs->lock);
}

/* ---- workers ---- */

int
worker_new(struct restore *rs, struct worker **ret, struct err *e)
{
	struct worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_set(e, E_NOMEM, "no memory");
	w->rs = rs;
	w->dirfd = -1;
	buf_init(&w->dir, TREE_MAX_PATH + 1);
	arena_init(&w->mem, BATCH_MEM);
	r = vault_ctx_new(rs->r, 8, &w->ctx, e);
	if (r < 0) {
		worker_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void
worker_free(struct worker *w)
{
	if (!w)
		return;
	if (w->dirfd >= 0 && w->dirfd != w->rs->rootfd)
		fio_close(w->rs->f, w->dirfd);
	for (size_t i = 0; i < TOC_CACHE; i++)
		if (w->tocs[i].used && w->tocs[i].code == 0)
			fmt_toc_free(&w->tocs[i].toc);
	vault_ctx_free(w->ctx);
	arena_free(&w->mem);
	buf_free(&w->dir);
	free(w->buf);
	free(w);
}

static int
one_entry(struct worker *w, const struct tree_entry *en, struct err *e)
{
	switch (en->type) {
	case TREE_FILE:
		return file_restore(w, en, e);
	case TREE_DIR:
		return meta_mkdir(w, en, e);
	default:
		return meta_special(w, en, e);
	}
}

static int
one_batch(struct worker *w, bool *ret_end, struct err *e)
{
	int r = feed_take(w->rs, w, e);

	*ret_end = r == 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < w->n; i++) {
		if (restore_stopped(w->rs))
			return err_set(e, E_CANCEL, "stopped as asked");
		r = one_entry(w, &w->batch[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* run(w): Spans of big files first, else the next batch, until there is neither. */
static void
run(struct worker *w)
{
	struct restore *rs = w->rs;
	struct err e = {0};
	bool end = false;

	(void)pthread_mutex_lock(&rs->lock);
	while (!atomic_load(&rs->stop)) {
		struct span *s = rs->spans;
		int r;

		if (!s && end) {
			if (rs->active == 0)
				break;
			(void)pthread_cond_wait(&rs->cond, &rs->lock);
			continue;
		}
		if (s)
			rs->spans = s->next;
		rs->active++;
		(void)pthread_mutex_unlock(&rs->lock);
		if (s) {
			r = file_span(w, s, &e);
			free(s);
		} else {
			r = one_batch(w, &end, &e);
		}
		if (r < 0)
			fail(rs, &e);
		(void)pthread_mutex_lock(&rs->lock);
		if (--rs->active == 0)
			(void)pthread_cond_broadcast(&rs->cond);
	}
	rs->running--;
	(void)pthread_cond_broadcast(&rs->cond);
	(void)pthread_mutex_unlock(&rs->lock);
}

static void *
worker_main(void *arg)
{
	run(arg);
	return NULL;
}

static void
tell(struct restore *rs)
{
	struct vault_progress p = {
		.files = atomic_load(&rs->files),
		.bytes = atomic_load(&rs->bytes),
		.path = "",
	};

	if (rs->o->progress)
		rs->o->progress(rs->o->cookie, &p);
}

/* watch(rs): Until the last worker ended, ten times a second. */
static void
watch(struct restore *rs)
{
	(void)pthread_mutex_lock(&rs->lock);
	while (rs->running > 0) {
		struct timespec t;

		(void)clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += 100000000;
		if (t.tv_nsec >= 1000000000) {
			t.tv_nsec -= 1000000000;
			t.tv_sec++;
		}
		(void)pthread_cond_timedwait(&rs->cond, &rs->lock, &t);
		(void)pthread_mutex_unlock(&rs->lock);
		tell(rs);
		(void)pthread_mutex_lock(&rs->lock);
	}
	(void)pthread_mutex_unlock(&rs->lock);
}

static unsigned
thread_count(const struct restore *rs)
{
	cpu_set_t set;
	unsigned n = rs->o->threads;

	if (n == 0)
		n = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 2;
	return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n;
}

static int
all_files(struct restore *rs, struct err *e)
{
	pthread_t ids[MAX_THREADS];
	struct worker *w[MAX_THREADS] = {0};
	unsigned n = thread_count(rs), started = 0;
	int r = 0;

	atomic_store(&rs->sharing, n > 1);
	for (unsigned i = 0; i < n && r == 0; i++)
		r = worker_new(rs, &w[i], e);
	for (; started < n && r == 0; started++) {
		(void)pthread_mutex_lock(&rs->lock);
		rs->running++;
		(void)pthread_mutex_unlock(&rs->lock);
		if (pthread_create(&ids[started], NULL, worker_main, w[started]) == 0)
			continue;
		(void)pthread_mutex_lock(&rs->lock);
		rs->running--;
		(void)pthread_mutex_unlock(&rs->lock);
		if (started == 0)
			r = err_set(e, E_NOMEM, "cannot start a thread");
		break;
	}
	watch(rs);
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(ids[i], NULL);
	for (unsigned i = 0; i < n; i++)
		worker_free(w[i]);
	atomic_store(&rs->sharing, false);
	if (r == 0 && rs->fail.code < 0) {
		if (e)
			*e = rs->fail;
		r = rs->fail.code;
	}
	return r;
}

/* after(rs, e): What needs all files: links to them, and the folders' own rights and times. */
static int
after(struct restore *rs, struct err *e)
{
	struct worker *w = NULL;
	int r = worker_new(rs, &w, e);

	if (r == 0)
		r = feed_links(rs, w, meta_link, e);
	if (r == 0)
		r = feed_dirs(rs, w, meta_dir_finish, e);
	worker_free(w);
	return r;
}

/* ---- the target ---- */

static int
must_be_empty(int fd, const char *to, struct err *e)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *de;
	int r = 0;

	if (!d) {
		if (copy >= 0)
			(void)close(copy);
		return err_sys(e, "cannot look into %s", to);
	}
	while (r == 0 && (de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 &&
		    strcmp(de->d_name, "lost+found") != 0)
			r = err_set(e, E_EXIST,
			    "%s is not empty; choose an empty folder, continue an earlier restore "
			    "with --resume, or add to it with --force-into", to);
	(void)closedir(d);
	return r;
}

static unsigned
own_umask(const struct fio *f)
{
	struct buf AUTO(buf_free) b = {0};
	const char *p;
	unsigned v = 0;

	/* umask() itself can only be asked by changing it, for all threads */
	buf_init(&b, 65536);
	if (fio_slurp(f, AT_FDCWD, "/proc/self/status", &b, NULL) < 0 || !buf_cstr(&b, NULL))
		return 0777; /* unknown: every mode is set */
	p = strstr((const char *)b.p, "\nUmask:");
	if (!p)
		return 0777;
	for (p += 7; *p == '\t' || *p == ' ';)
		p++;
	for (; *p >= '0' && *p <= '7'; p++)
		v = v << 3 | (unsigned)(*p - '0');
	return v & 0777;
}

static int
open_target(struct restore *rs, struct err *e)
{
	const char *to = rs->o->to;
	struct buf AUTO(buf_free) path = {0};
	struct stat st;
	const char *p;
	int r = fio_mkdirs(rs->f, to, 0755, e);

	buf_init(&path, TREE_MAX_PATH);
	if (r == 0)
		r = buf_fmt(&path, e, "%s/.", to); /* the target itself may be a link to a folder */
	p = r == 0 ? buf_cstr(&path, e) : NULL;
	if (!p)
		return e ? e->code : E_NOMEM;
	rs->rootfd = fio_open(rs->f, AT_FDCWD, p, O_RDONLY | O_DIRECTORY, 0, e);
	if (rs->rootfd < 0)
		return rs->rootfd;
	if (!rs->o->resume && !rs->o->force_into)
		r = must_be_empty(rs->rootfd, to, e);
	if (r == 0 && fstat(rs->rootfd, &st) < 0)
		r = err_sys(e, "cannot look at %s", to);
	if (r < 0)
		return r;
	rs->euid = geteuid();
	rs->egid = getegid();
	rs->root = rs->euid == 0;
	rs->umask = own_umask(fio_os());
	rs->odd_target = (st.st_mode & S_ISGID) ||
	    fgetxattr(rs->rootfd, "system.posix_acl_default", NULL, 0) > 0;
	return 0;
}

/* ---- all of it ---- */

static int
by_path(const void *a, const void *b)
{
	const struct restore_problem *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static void
count(struct restore *rs)
{
	struct vault_restore_report *rep = rs->rep;

	rep->files = atomic_load(&rs->files);
	rep->dirs = atomic_load(&rs->dirs);
	rep->links = atomic_load(&rs->nlinks);
	rep->others = atomic_load(&rs->others);
	rep->bytes = atomic_load(&rs->bytes);
	rep->kept = atomic_load(&rs->kept);
	rep->owners_skipped = atomic_load(&rs->owners);
	rep->xattrs_skipped = atomic_load(&rs->xattrs);
	rep->devices_skipped = atomic_load(&rs->devices);
	if (rep->nlisted > 0)
		qsort(rep->problems, rep->nlisted, sizeof(*rep->problems), by_path);
}

static void
release(struct restore *rs)
{
	size_t pos = 0;
	void *v;

	while (rs->spans) {
		struct span *s = rs->spans;

		rs->spans = s->next;
		file_drop(rs, s);
	}
	while ((v = map_each(&rs->links, &pos, NULL, NULL)))
		free(v);
	map_free(&rs->links);
	walk_free(rs->walk);
	walk_resolve_free(rs->sel, rs->nsel);
	free(rs->plan);
	fio_close(rs->f, rs->rootfd);
	vault_gen_close(rs->g);
	(void)pthread_cond_destroy(&rs->cond);
	(void)pthread_mutex_destroy(&rs->lock);
	(void)pthread_mutex_destroy(&rs->feed_lock);
}

static int
explain(const struct restore *rs, struct err *e)
{
	if (e->code == E_NOSPC)
		return err_set(e, E_NOSPC, "%.300s is full; what was restored stays. Make room "
		    "there and run the same command again with --resume", rs->o->to);
	if (e->code == E_CANCEL)
		return err_set(e, E_CANCEL, "stopped as asked; what was restored stays. Run the "
		    "same command again with --resume to go on");
	return e->code;
}

int
vault_restore(VAULT_R *r, const struct vault_generation *g, const struct vault_restore_opts *o,
    struct vault_restore_report *ret, struct err *e)
{
	struct restore rs = {.r = r, .o = o, .rep = ret, .rootfd = -1};
	struct err own;
	int x;

	e = e ? e : &own;
	*ret = (struct vault_restore_report){0};
	rs.f = o->fio ? o->fio : fio_os();
	(void)pthread_mutex_init(&rs.lock, NULL);
	(void)pthread_mutex_init(&rs.feed_lock, NULL);
	(void)pthread_cond_init(&rs.cond, NULL);
	map_init(&rs.links, LINKS_MAX);
	if (o->npaths == 0)
		vault_r_eager(r);
	x = vault_gen_open(r, g, &rs.g, e);
	if (x == 0) {
		rs.m = vault_gen_manifest(rs.g);
		x = feed_prepare(&rs, e);
	}
	if (x == 0)
		x = open_target(&rs, e);
	if (x == 0) {
		x = all_files(&rs, e);
		if (x == 0)
			x = after(&rs, e);
		if (x == 0 && syncfs(rs.rootfd) < 0)
			x = err_sys(e, "%s: what was restored could not be written to the disk",
			    o->to);
		if (x < 0)
			x = explain(&rs, e);
	}
	count(&rs);
	tell(&rs);
	release(&rs);
	return x;
}
