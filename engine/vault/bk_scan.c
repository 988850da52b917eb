/* Walking the sources in tree order and deciding what must be read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "vault/bk_int.h"

enum {
	REREAD_DAYS = 30, /* a file that never seems to change is read anyway about once a month */
	RACY_US = 2000000,
	MAX_DEPTH = 4096,        /* levels; each takes a descriptor and some of the stack */
	OTHER_FDS = 64,          /* descriptors for everything but folders and workers */
	MAX_NAMES = 64 << 20,
};

void
dirh_put(struct dirh *d)
{
	if (!d || atomic_fetch_sub(&d->refs, 1) != 1)
		return;
	(void)close(d->fd);
	(void)atomic_fetch_sub(d->open, 1);
	free(d->path);
	free(d);
}

static struct dirh *
dirh_new(struct bk_run *run, int fd, const char *path, struct err *e)
{
	struct dirh *d = malloc(sizeof(*d));
	char *copy = strdup(path);

	if (!d || !copy) {
		free(d);
		free(copy);
		(void)close(fd);
		(void)err_set(e, E_NOMEM, "no memory");
		return NULL;
	}
	d->fd = fd;
	d->path = copy;
	d->open = &run->dirs_open;
	(void)atomic_fetch_add(d->open, 1);
	atomic_init(&d->refs, 1);
	return d;
}

/* ---- batches ---- */

struct scan {
	struct bk_run *run;
	struct batch *cur;
	char xnames[65536];
	uint8_t xvalue[TREE_MAX_XATTR];
	char dents[65536] __attribute__((aligned(8)));
	struct stat repo;
	unsigned depth;
};

static struct batch *
batch_new(struct err *e)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (b) {
		arena_init(&b->mem, 256 << 20);
		b->items = calloc(BK_BATCH_ITEMS, sizeof(*b->items));
		atomic_init(&b->left, 0);
	}
	if (!b || !b->items) {
		free(b);
		(void)err_set(e, E_NOMEM, "no memory");
		return NULL;
	}
	return b;
}

static int
post(struct scan *s, struct err *e)
{
	struct batch *b = s->cur;

	s->cur = NULL;
	return b ? bk_post(s->run, b, e) : 0;
}

static struct item *
new_item(struct scan *s, struct err *e)
{
	if (s->cur && (s->cur->n == BK_BATCH_ITEMS || s->cur->bytes > BK_BATCH_BYTES ||
	    s->cur->mem.used > BK_BATCH_MEM)) {
		if (post(s, e) < 0)
			return NULL;
	}
	if (!s->cur)
		s->cur = batch_new(e);
	return s->cur ? &s->cur->items[s->cur->n] : NULL;
}

/* ---- extended attributes ---- */

static int
add_xattr(struct scan *s, struct item *it, const char *path, const char *name, uint32_t cap)
{
	struct arena *mem = &s->cur->mem;
	ssize_t n = lgetxattr(path, name, s->xvalue, sizeof(s->xvalue));
	struct tree_xattr *x;
	uint8_t *value;

	if (n < 0 || it->nxattrs == cap)
		return 0;
	x = &it->xattrs[it->nxattrs];
	x->name = arena_dup(mem, name, strlen(name));
	value = (uint8_t *)arena_dup(mem, s->xvalue, (size_t)n);
	if (!x->name || !value)
		return -1;
	x->value = value;
	x->len = (size_t)n;
	it->nxattrs++;
	return 0;
}

static int
cmp_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* read_xattrs(s, it, e): Attributes and ACLs, sorted by name so that equal files give equal bytes.
 */
static int
read_xattrs(struct scan *s, struct item *it, struct err *e)
{
	char path[64 + NAME_MAX + 2];
	const char *names[TREE_MAX_XATTRS];
	uint32_t n = 0;
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", it->dir->fd, it->real);
	len = llistxattr(path, s->xnames, sizeof(s->xnames));
	if (len <= 0)
		return 0;
	for (const char *p = s->xnames; p < s->xnames + len && n < TREE_MAX_XATTRS;
	    p += strlen(p) + 1)
		names[n++] = p;
	qsort(names, n, sizeof(names[0]), cmp_name);
	it->xattrs = arena_alloc(&s->cur->mem, n * sizeof(*it->xattrs));
	if (!it->xattrs)
		return err_set(e, E_NOMEM, "no memory");
	for (uint32_t i = 0; i < n; i++) {
		if (add_xattr(s, it, path, names[i], n) < 0)
			return err_set(e, E_NOMEM, "no memory");
	}
	return 0;
}

/* ---- what is known from the last generation ---- */

static int64_t
nanos(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* due(en, now): Whether it is time to read the file although it looks unchanged: after 30 to 40
 * days, spread by inode, which catches forged times and silent damage of the source. */
static bool
due(const struct files_entry *en, int64_t now)
{
	int64_t age = now - en->read_at;

	return age < 0 || age > (REREAD_DAYS + (int64_t)(en->ino % 10)) * TIME_DAY;
}

/* unchanged(s, en, st): Size, both times and inode are the same, and neither time is so close to
 * the last run, or in the future, that a later change could hide behind it. */
static bool
unchanged(const struct scan *s, const struct files_entry *en, const struct stat *st)
{
	const struct vault_backup *b = s->run->b;
	int64_t seen = (files_r_started(s->run->fr) - RACY_US) * 1000;
	int64_t now = b->now * 1000;

	/* a network share has no inodes to speak of: there size and time are all there is, and the
	 * full read every month finds what hides from them */
	return en->usable && !b->full && (b->no_inodes || (en->ino == st->st_ino &&
	    en->ctime == nanos(&st->st_ctim) && en->ctime < seen && en->ctime <= now)) &&
	    en->size == (uint64_t)st->st_size && en->mtime == nanos(&st->st_mtim) &&
	    en->mtime < seen && en->mtime <= now && !due(en, b->now);
}

static int
reuse(struct scan *s, struct item *it, const struct files_entry *en, struct err *e)
{
	struct arena *mem = &s->cur->mem;
	int r = 0;

	it->size = en->size;
	it->flags = en->flags;
	it->read_at = en->read_at;
	(void)memcpy(it->fid, en->fid, TREE_FID_LEN);
	for (uint32_t i = 0; r == 0 && i < en->ext.n; i++)
		r = ext_add(&it->ext, en->ext.p[i].seg, en->ext.p[i].off, en->ext.p[i].len, e);
	if (r < 0 || en->nxattrs == 0)
		return r;
	it->xattrs = arena_alloc(mem, en->nxattrs * sizeof(*it->xattrs));
	for (uint32_t i = 0; it->xattrs && i < en->nxattrs; i++) {
		struct tree_xattr *x = &it->xattrs[i];

		x->name = arena_dup(mem, en->xattrs[i].name, strlen(en->xattrs[i].name));
		x->value = (uint8_t *)arena_dup(mem, en->xattrs[i].value, en->xattrs[i].len);
		x->len = en->xattrs[i].len;
		if (!x->name || !x->value)
			return err_set(e, E_NOMEM, "no memory");
	}
	it->nxattrs = en->nxattrs;
	return it->xattrs ? 0 : err_set(e, E_NOMEM, "no memory");
}

/* ---- regular files ---- */

int
bk_plan_spans(struct item *it, struct err *e)
{
	uint64_t size = (uint64_t)it->st.st_size, step;
	uint8_t head[4096];
	ssize_t n = 0;
	int fd = bk_open_item(it);

	if (fd >= 0) {
		n = pread(fd, head, sizeof(head), 0);
		(void)close(fd);
	}
	it->cl = chunk_classify(head, n > 0 ? (size_t)n : 0, size, it->was_grid);
	step = it->cl == CHUNK_CLASS_GRID ? TREE_SPAN_GRID : TREE_SPAN_CDC;
	if (it->cl == CHUNK_CLASS_GRID)
		it->flags |= TREE_GRID;
	if (size / step >= BK_MAX_SPANS)
		return err_set(e, E_LIMIT, "%s is too large", it->real);
	it->nspans = (uint32_t)((size + step - 1) / step);
	it->spans = calloc(it->nspans + 1, sizeof(*it->spans));
	if (!it->spans) {
		it->nspans = 0;
		return err_set(e, E_NOMEM, "no memory");
	}
	for (uint32_t i = 0; i < it->nspans; i++) {
		it->spans[i].off = i * step;
		it->spans[i].len = size - i * step < step ? size - i * step : step;
	}
	atomic_init(&it->left, it->nspans);
	return 0;
}

static int
hard_link(struct scan *s, struct item *it, struct err *e)
{
	uint64_t key[2] = {it->st.st_dev, it->st.st_ino};
	const char *first;
	char *path;
	int r;

	if (it->st.st_nlink < 2)
		return 0;
	first = map_get(&s->run->hard, key, sizeof(key));
	if (first) {
		it->type = TREE_HARDLINK;
		it->target = arena_dup(&s->cur->mem, first, strlen(first));
		return it->target ? 0 : err_set(e, E_NOMEM, "no memory");
	}
	if (asprintf(&path, "%s%s%s", it->dir->path, *it->dir->path ? "/" : "", it->name) < 0)
		return err_set(e, E_NOMEM, "no memory");
	it->first_name = true;
	r = map_put(&s->run->hard, key, sizeof(key), path, e);
	if (r < 0)
		free(path);
	return r;
}

static int
regular(struct scan *s, struct item *it, struct err *e)
{
	const struct files_entry *en = NULL;
	int r;

	it->type = TREE_FILE;
	r = hard_link(s, it, e);
	if (r < 0 || it->type == TREE_HARDLINK)
		return r;
	if (s->run->fr)
		en = files_r_find(s->run->fr, it->dir->path, it->name);
	it->known = en != NULL;
	if (en)
		(void)memcpy(it->old_fid, en->fid, TREE_FID_LEN);
	if (en && unchanged(s, en, &it->st))
		return reuse(s, it, en, e);
	it->read = true;
	it->read_at = s->run->b->now;
	it->was_grid = en && (en->flags & TREE_GRID);
	it->size = (uint64_t)it->st.st_size;
	r = read_xattrs(s, it, e);
	if (r == 0 && it->st.st_size > BK_SMALL) {
		r = bk_plan_spans(it, e);
		if (r != E_LIMIT)
			return r;
		it->read = false;
		it->size = 0;
		it->flags |= TREE_UNREADABLE;
		bk_problem(s->run, it, "too large");
		return 0;
	}
	s->cur->bytes += it->size + 512;
	return r;
}

static int
link_text(struct scan *s, struct item *it, struct err *e)
{
	char text[PATH_MAX + 1];
	ssize_t n = readlinkat(it->dir->fd, it->real, text, sizeof(text));

	it->type = TREE_SYMLINK;
	if (n <= 0 || n > PATH_MAX) {
		if (n >= 0 || errno != ENOENT)
			bk_problem(s->run, it, "the link cannot be read");
		return 1; /* a link without text cannot be kept */
	}
	it->target = arena_dup(&s->cur->mem, text, (size_t)n);
	return it->target ? 0 : err_set(e, E_NOMEM, "no memory");
}

static int
other(struct scan *s, struct item *it, struct err *e)
{
	switch (it->st.st_mode & S_IFMT) {
	case S_IFDIR:
		it->type = TREE_DIR;
		break;
	case S_IFIFO:
		it->type = TREE_FIFO;
		break;
	case S_IFCHR:
		it->type = TREE_CHR;
		break;
	case S_IFBLK:
		it->type = TREE_BLK;
		break;
	default:
		it->type = TREE_SOCK;
		break;
	}
	return read_xattrs(s, it, e);
}

int
bk_late(struct bk_run *run, struct batch *b, struct item *it, struct err *e)
{
	struct scan *s = calloc(1, sizeof(*s));
	uint8_t none[1][DIGEST_LEN];
	int r;

	if (!s)
		return err_set(e, E_NOMEM, "no memory");
	s->run = run;
	s->cur = b;
	it->type = TREE_FILE;
	it->target = NULL;
	it->read = it->first_name = true;
	it->read_at = run->b->now;
	r = read_xattrs(s, it, e);
	free(s);
	if (r == 0)
		r = bk_plan_spans(it, e);
	if (r < 0)
		return r;
	if (it->nspans == 0)
		tree_fid_join(run->dedup, none, 0, it->fid);
	atomic_store(&b->left, it->nspans);
	for (uint32_t i = 0; i < it->nspans; i++) {
		if (r == 0)
			r = pool_post(run, b, it, i, e);
		if (r < 0)
			pool_task_done(run, b);
	}
	pool_wait_batch(run, b);
	return r;
}

/* add(s, d, real, name, ret, e): Look at one entry and put it into the batch. 0: added; 1: gone. */
static int
add(struct scan *s, struct dirh *d, const char *real, const char *name, struct stat *ret,
    struct err *e)
{
	struct item *it = new_item(s, e);
	int r;

	if (!it)
		return e->code;
	(void)memset(it, 0, sizeof(*it));
	if (fstatat(d->fd, real, &it->st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 1; /* removed while we looked: it is not part of this generation */
		it->dir = d;
		it->name = it->real = real;
		bk_problem(s->run, it, "cannot be looked at");
		return 1;
	}
	it->ino = it->st.st_ino;
	if (strlen(name) > TREE_MAX_NAME) { /* some file systems count characters, not bytes */
		it->dir = d;
		it->name = it->real = name;
		bk_problem(s->run, it, "the name is too long");
		return 1;
	}
	it->name = arena_dup(&s->cur->mem, name, strlen(name));
	it->real = real == name ? it->name : arena_dup(&s->cur->mem, real, strlen(real));
	if (!it->name || !it->real)
		return err_set(e, E_NOMEM, "no memory");
	it->dir = d;
	if (S_ISREG(it->st.st_mode))
		r = regular(s, it, e);
	else if (S_ISLNK(it->st.st_mode))
		r = link_text(s, it, e);
	else
		r = other(s, it, e);
	if (r != 0) {
		free(it->spans);
		ext_free(&it->ext);
		return r;
	}
	(void)atomic_fetch_add(&d->refs, 1);
	*ret = it->st;
	s->cur->n++;
	return 0;
}

/* ---- directories ---- */

struct names {
	char **p;
	size_t n, cap;
};

static void
names_free(struct names *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->p[i]);
	free(v->p);
}

static int
names_add(struct names *v, const char *name, struct err *e)
{
	if (v->n == v->cap) {
		size_t cap = v->cap ? v->cap * 2 : 64;
		void *p = cap > MAX_NAMES ? NULL : reallocarray(v->p, cap, sizeof(*v->p));

		if (!p)
			return err_set(e, E_NOMEM, "no memory for a folder of %zu entries", v->n);
		v->p = p;
		v->cap = cap;
	}
	v->p[v->n] = strdup(name);
	if (!v->p[v->n])
		return err_set(e, E_NOMEM, "no memory");
	v->n++;
	return 0;
}

/* names_once(v): A name that is replaced while a folder is listed may be listed twice. */
static void
names_once(struct names *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++) {
		if (n && strcmp(v->p[n - 1], v->p[i]) == 0)
			free(v->p[i]);
		else
			v->p[n++] = v->p[i];
	}
	v->n = n;
}

/* read_names(s, fd, v, sys, e): The kernel's own call with one buffer for all folders: a tree of
 * charts has three folders a file, and opening a stream for each costs more than reading it. */
static int
read_names(struct scan *s, int fd, struct names *v, int *sys, struct err *e)
{
	int r = 0;

	while (r == 0) {
		ssize_t n = getdents64(fd, s->dents, sizeof(s->dents));

		if (n <= 0) {
			*sys = n < 0 ? errno : 0;
			break;
		}
		for (ssize_t at = 0; at < n && r == 0;) {
			const struct dirent64 *de = (const void *)(s->dents + at);

			at += de->d_reclen;
			if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
				r = names_add(v, de->d_name, e);
		}
	}
	if (v->n)
		qsort(v->p, v->n, sizeof(*v->p), cmp_name);
	names_once(v);
	return r;
}

/* pseudo(fd): File systems that hold no data of anybody. */
static bool
pseudo(int fd)
{
	static const uint32_t types[] = {
		0x9fa0, 0x62656572, 0x1cd1, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163,
		0x73636673, 0xcafe4a11, 0x6165676c, 0x42494e4d, 0xde5e81e4, 0x19800202, 0x958458f6,
		0x62656570, 0x65735543, 0x67596969, 0x6e736673, 0x0187,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if ((uint32_t)fs.f_type == types[i])
			return true;
	}
	return false;
}

/* is_repo(s, st): The vault does not swallow itself. */
static bool
is_repo(const struct scan *s, const struct stat *st)
{
	return st->st_dev == s->repo.st_dev && st->st_ino == s->repo.st_ino;
}

static int scan_dir(struct scan *s, struct dirh *d, struct err *e);

static void
dir_problem(struct scan *s, const char *path, int sys)
{
	const struct vault_backup *b = s->run->b;

	(void)atomic_fetch_add(&s->run->unreadable, 1);
	if (b->problem)
		b->problem(b->cookie, path, strlen(path), strerrordesc_np(sys));
}

/* make_way(s, e): A folder stays open until all that was found in it is emitted. When too many are,
 * emit first. */
static int
make_way(struct scan *s, struct err *e)
{
	struct bk_run *run = s->run;
	int r = 0;

	while (r == 0 && atomic_load(&run->dirs_open) >= run->max_dirs) {
		if (run->in_flight == 0 && !s->cur)
			break; /* all of them are above this one */
		r = run->in_flight == 0 ? post(s, e) : bk_emit_first(run, e);
	}
	return r;
}

/* enter(s, up, real, name, e): Open a directory and walk it. */
static int
enter(struct scan *s, struct dirh *up, const char *real, const char *name, struct err *e)
{
	struct dirh *d;
	char *path;
	int fd, r;

	if (asprintf(&path, "%s%s%s", up->path, *up->path ? "/" : "", name) < 0)
		return err_set(e, E_NOMEM, "no memory");
	if (strlen(path) >= TREE_MAX_PATH || s->depth >= MAX_DEPTH) {
		dir_problem(s, path, ENAMETOOLONG);
		free(path);
		return 0;
	}
	r = make_way(s, e);
	if (r < 0) {
		free(path);
		return r;
	}
	fd = openat(up->fd, real, /* allow: a source, read only */
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		if (errno != ENOENT)
			dir_problem(s, path, errno);
		free(path);
		return 0;
	}
	d = dirh_new(s->run, fd, path, e);
	free(path);
	if (!d)
		return E_NOMEM;
	s->depth++;
	r = scan_dir(s, d, e);
	s->depth--;
	dirh_put(d);
	return r;
}

static int
scan_names(struct scan *s, struct dirh *d, struct names *v, struct err *e)
{
	size_t kept = 0;
	int r = 0;

	/* first all entries; of the names only those of directories are needed after that */
	for (size_t i = 0; i < v->n; i++) {
		struct stat st = {0};
		char *name = v->p[i];

		v->p[i] = NULL;
		if (r >= 0)
			r = bk_stopped(s->run) ? err_set(e, E_CANCEL, "stopped") :
			    add(s, d, name, name, &st, e);
		if (r == 0 && S_ISDIR(st.st_mode) && !is_repo(s, &st))
			v->p[kept++] = name;
		else
			free(name);
	}
	v->n = kept;
	for (size_t i = 0; i < v->n && r >= 0; i++)
		r = enter(s, d, v->p[i], v->p[i], e);
	return r < 0 ? r : 0;
}

static int
scan_dir(struct scan *s, struct dirh *d, struct err *e)
{
	struct names v = {0};
	int sys = 0, r;

	if (pseudo(d->fd))
		return 0;
	r = read_names(s, d->fd, &v, &sys, e);
	if (r == 0 && sys)
		dir_problem(s, d->path, sys);
	if (r == 0)
		r = scan_names(s, d, &v, e);
	names_free(&v);
	return r;
}

/* ---- sources ---- */

/* name_of(path): The last component of a source. Where somebody names a link to a folder, the
 * folder is meant: a generation of nothing but the link would look like a good one. */
static char *
name_of(const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	struct stat st;
	bool link = *base && lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && stat(path, &st) == 0 &&
	    S_ISDIR(st.st_mode);
	char *s;

	return asprintf(&s, "%s%s", *base ? base : ".", link ? "/." : "") < 0 ? NULL : s;
}

/* source(s, i, e): One source: its entry at the top, then below it. */
static int
source(struct scan *s, uint32_t i, struct dirh **ret_up, struct stat *st, struct err *e)
{
	const char *path = s->run->man.sources[i];
	const char *slash = strrchr(path, '/');
	char *up = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	char *real = name_of(path);
	struct dirh *d;
	int fd, r;

	if (!up || !real) {
		free(up);
		free(real);
		return err_set(e, E_NOMEM, "no memory");
	}
	fd = openat(AT_FDCWD, up, /* allow: a source, read only */
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(up);
	d = fd < 0 ? NULL : dirh_new(s->run, fd, "", e);
	if (!d) {
		free(real);
		return fd < 0 ? err_sys(e, "%s", path) : E_NOMEM;
	}
	r = add(s, d, real, s->run->man.tops[i], st, e);
	free(real);
	if (r == 1)
		r = err_set(e, E_NOENT, "%s: it is not there", path);
	if (r < 0) {
		dirh_put(d);
		return r;
	}
	*ret_up = d;
	return 0;
}

/* dir_limit(run): How many folders may be open. */
static unsigned
dir_limit(const struct bk_run *run)
{
	struct rlimit rl;
	rlim_t others = OTHER_FDS + run->nthreads + 2 * run->nslots;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur > 1 << 16)
		return 1 << 16;
	return (unsigned)(rl.rlim_cur > 2 * others ? rl.rlim_cur - others : rl.rlim_cur / 2);
}

int
bk_scan(struct bk_run *run, struct err *e)
{
	uint32_t n = run->man.nsources;
	struct scan *s = calloc(1, sizeof(*s));
	struct dirh **ups = calloc(n, sizeof(struct dirh *));
	struct stat *st = calloc(n, sizeof(*st));
	int r = s && ups && st ? 0 : err_set(e, E_NOMEM, "no memory");

	if (r == 0) {
		s->run = run;
		run->max_dirs = dir_limit(run);
		if (fstat(run->repo->dirfd, &s->repo) < 0)
			r = err_sys(e, "the vault");
	}
	for (uint32_t i = 0; r == 0 && i < n; i++)
		r = source(s, i, &ups[i], &st[i], e);
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		char *real = name_of(run->man.sources[i]);

		if (!real)
			r = err_set(e, E_NOMEM, "no memory");
		else if (S_ISDIR(st[i].st_mode) && !is_repo(s, &st[i]))
			r = enter(s, ups[i], real, run->man.tops[i], e);
		free(real);
	}
	if (r == 0)
		r = post(s, e);
	if (s && s->cur)
		bk_batch_free(s->cur);
	for (uint32_t i = 0; ups && i < n; i++)
		dirh_put(ups[i]);
	free(st);
	free(ups);
	free(s);
	return r;
}
