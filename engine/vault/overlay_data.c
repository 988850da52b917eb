/* Pieces of files: fetched before they are read, kept once they are written.
 * allow-files: the folder belongs to its user; what must survive of it he syncs himself, and
 * overlay_log.c answers for the journal */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vault/overlay_int.h"

struct ov_file ov_none;

static pthread_mutex_t *
stripe(struct overlay *ov, const struct ov_file *f)
{
	return &ov->stripe[f->ino % OV_STRIPES];
}

/* ---- the table ---- */

static uint32_t
pieces(uint64_t size)
{
	return (uint32_t)((size + OV_BLOCK - 1) / OV_BLOCK);
}

int
ov_file_add(struct overlay *ov, uint64_t ino, uint64_t place, uint64_t size, struct err *e)
{
	struct ov_file *f;
	int r;

	if (size == 0)
		return 0;
	if (size > (uint64_t)UINT32_MAX * OV_BLOCK)
		return err_set(e, E_LIMIT, "a file is too large for an overlay");
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(e, E_NOMEM, "no memory for the overlay");
	*f = (struct ov_file){.ino = ino, .place = place, .size = size, .n = pieces(size),
	    .refs = 1};
	(void)pthread_mutex_lock(&ov->state);
	r = map_put(&ov->files, &ino, sizeof(ino), f, e);
	if (r == 0) {
		ov->nfiles++;
		ov->left += size;
	}
	(void)pthread_mutex_unlock(&ov->state);
	if (r < 0)
		free(f);
	return r;
}

struct ov_file *
ov_file_get(struct overlay *ov, uint64_t ino)
{
	struct ov_file *f;

	(void)pthread_mutex_lock(&ov->state);
	f = map_get(&ov->files, &ino, sizeof(ino));
	if (f == &ov_none)
		f = NULL;
	if (f)
		f->refs++;
	(void)pthread_mutex_unlock(&ov->state);
	return f;
}

void
ov_file_put(struct overlay *ov, struct ov_file *f)
{
	bool last;

	if (!f)
		return;
	(void)pthread_mutex_lock(&ov->state);
	last = --f->refs == 0;
	(void)pthread_mutex_unlock(&ov->state);
	if (!last)
		return;
	free(f->bits);
	free(f->safe);
	free(f);
}

void
ov_file_gone(struct overlay *ov, uint64_t ino)
{
	uint64_t here;
	struct ov_file *f;

	(void)pthread_mutex_lock(&ov->state);
	f = map_get(&ov->files, &ino, sizeof(ino));
	if (f == &ov_none)
		f = NULL;
	/* replacing the value of a key that is there cannot fail */
	if (f && map_put(&ov->files, &ino, sizeof(ino), &ov_none, NULL) == 0) {
		here = (uint64_t)f->have * OV_BLOCK;
		ov->left -= here < f->size ? f->size - here : 0;
		ov->here += here < f->size ? f->size - here : 0;
		ov->nfiles--;
		ov->nlost -= f->lost;
		f->gone = true;
	}
	(void)pthread_mutex_unlock(&ov->state);
	if (!f)
		return;
	(void)!ov_note(ov, OV_WHOLE, ino, 0, 0, NULL); /* else it is noticed as whole later */
	ov_file_put(ov, f);
}

void
ov_report(struct overlay *ov, const struct ov_file *f, const char *why)
{
	struct mtree_block *b;
	struct buf path;
	uint32_t i;

	if (!ov->o->problem)
		return;
	buf_init(&path, TREE_MAX_PATH + TREE_MAX_NAME + 2);
	if (mtree_inode(ov->tree, f->place, &b, &i, NULL) == 0) {
		if (mtree_path(mtree_at(b, i), &path, NULL) == 0)
			ov->o->problem(ov->o->cookie, (const char *)path.p, why);
		mtree_put(ov->tree, b);
	}
	buf_free(&path);
}

/* ---- pieces ---- */

static bool
here(const struct ov_file *f, uint32_t i)
{
	return f->bits && (f->bits[i >> 3] >> (i & 7) & 1);
}

static int
make_bits(struct ov_file *f, struct err *e)
{
	if (f->bits)
		return 0;
	f->bits = calloc(1, f->n / 8 + 1);
	f->safe = calloc(1, f->n / 8 + 1);
	if (f->bits && f->safe)
		return 0;
	free(f->bits);
	free(f->safe);
	f->bits = f->safe = NULL;
	return err_set(e, E_NOMEM, "no memory for the overlay");
}

static uint64_t
piece_len(const struct ov_file *f, uint32_t i)
{
	uint64_t at = (uint64_t)i * OV_BLOCK;

	return f->size - at < OV_BLOCK ? f->size - at : OV_BLOCK;
}

/* mark(ov, f, first, end): With the stripe held. */
static void
mark(struct overlay *ov, struct ov_file *f, uint32_t first, uint32_t end)
{
	uint64_t bytes = 0;

	for (uint32_t i = first; i < end && i < f->n; i++) {
		if (here(f, i))
			continue;
		f->bits[i >> 3] |= (uint8_t)(1U << (i & 7));
		f->have++;
		bytes += piece_len(f, i);
	}
	if (bytes == 0)
		return;
	f->unsafe = true;
	(void)pthread_mutex_lock(&ov->state);
	if (!f->gone) {
		ov->left -= bytes < ov->left ? bytes : ov->left;
		ov->here += bytes;
	}
	(void)pthread_mutex_unlock(&ov->state);
}

static void
keep_time(const struct mtree_entry *en, const struct ov_file *f, int fd)
{
	struct timespec t[2] = {{.tv_nsec = UTIME_OMIT},
	    {.tv_sec = (time_t)en->mtime, .tv_nsec = (long)en->mtime_ns}};

	if (!f->touched)
		(void)futimens(fd, t);
}

/* put_all(fd, p, n, off): As pwrite, whole. */
static int
put_all(int fd, const uint8_t *p, size_t n, uint64_t off)
{
	while (n > 0) {
		ssize_t k = pwrite(fd, p, n, (off_t)off);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		p += k;
		off += (uint64_t)k;
		n -= (size_t)k;
	}
	return 0;
}

/* A piece of zeros is a hole already: it stays one. */
static bool
zeros(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* fetch(ov, f, fd, first, end, e): With the stripe held; the pieces are all missing. */
static int
fetch(struct overlay *ov, struct ov_file *f, int fd, uint32_t first, uint32_t end, struct err *e)
{
	uint64_t off = (uint64_t)first * OV_BLOCK;
	size_t n = (size_t)((end == f->n ? f->size : (uint64_t)end * OV_BLOCK) - off);
	struct mtree_block *b;
	struct mread_ctx *x;
	const uint8_t *p;
	uint32_t i;
	int r = mtree_inode(ov->tree, f->place, &b, &i, e);

	if (r < 0)
		return r;
	x = mread_take(ov->read, f->place, off);
	r = mread_data(x, b, mtree_at(b, i), off, n, &p, e);
	if (r == 0 && !zeros(p, n) && put_all(fd, p, n, off) < 0)
		r = err_sys(e, "writing into the overlay");
	mread_give(ov->read, x);
	if (r == 0) {
		keep_time(mtree_at(b, i), f, fd);
		mark(ov, f, first, end);
	}
	mtree_put(ov->tree, b);
	return r;
}

/* lost(ov, f, why): The vault cannot give a piece of it. */
static void
lost(struct overlay *ov, struct ov_file *f, const char *why)
{
	bool first;

	(void)pthread_mutex_lock(&ov->state);
	first = !f->lost && !f->gone;
	if (first) {
		f->lost = true;
		ov->nlost++;
	}
	(void)pthread_mutex_unlock(&ov->state);
	if (!first)
		return;
	(void)!ov_note(ov, OV_LOST, f->ino, 0, 0, NULL);
	ov_report(ov, f, why);
}

/* clip(ov, f, fd): A file that was made shorter (also before a crash) takes nothing from the
 * generation behind its end. */
static int
clip(struct overlay *ov, struct ov_file *f, int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "a file of the overlay");
	if ((uint64_t)st.st_size < f->size)
		mark(ov, f, pieces((uint64_t)st.st_size), f->n);
	return 0;
}

int
ov_need(struct overlay *ov, struct ov_file *f, int fd, uint64_t off, uint64_t n, struct err *e)
{
	uint32_t i, end;
	int r;

	if (off >= f->size || n == 0)
		return 0;
	if (n > f->size - off)
		n = f->size - off;
	i = (uint32_t)(off / OV_BLOCK);
	end = pieces(off + n);
	(void)pthread_mutex_lock(stripe(ov, f));
	r = make_bits(f, e);
	if (r == 0 && f->have < f->n)
		r = clip(ov, f, fd, e);
	while (r == 0 && i < end) {
		uint32_t k = i + 1;

		if (here(f, i)) {
			i = k;
			continue;
		}
		while (k < end && !here(f, k) && k - i < MREAD_MAX / OV_BLOCK)
			k++;
		r = fetch(ov, f, fd, i, k, e);
		i = k;
	}
	(void)pthread_mutex_unlock(stripe(ov, f));
	if (r == E_CORRUPT || r == E_NOENT || r == E_AUTH)
		lost(ov, f, e->msg);
	return r;
}

void
ov_touch(struct overlay *ov, struct ov_file *f)
{
	bool first;

	(void)pthread_mutex_lock(&ov->state);
	first = !f->touched && !f->gone;
	f->touched = true;
	(void)pthread_mutex_unlock(&ov->state);
	if (first)
		(void)!ov_note(ov, OV_TOUCHED, f->ino, 0, 0, NULL);
}

/* edges(ov, f, fd, off, n): Fetch the pieces that a change of these bytes covers only in part. */
static int
edges(struct overlay *ov, struct ov_file *f, int fd, uint64_t off, uint64_t n)
{
	struct err e;
	int r = 0;

	if (off % OV_BLOCK != 0)
		r = ov_need(ov, f, fd, off, 1, &e);
	if (r == 0 && (off + n) % OV_BLOCK != 0 && off + n < f->size)
		r = ov_need(ov, f, fd, off + n, 1, &e);
	return r == 0 ? 0 : r == E_NOSPC ? -ENOSPC : r == E_NOMEM ? -ENOMEM : -EIO;
}

ssize_t
ov_write(struct overlay *ov, struct ov_file *f, int fd, const void *p, size_t n, uint64_t off)
{
	struct err e;
	int r;

	if (f && f->have < f->n && off < f->size) {
		ov_touch(ov, f);
		r = edges(ov, f, fd, off, n);
		if (r < 0)
			return r;
		/* nobody may fetch a piece between its writing and its mark */
		(void)pthread_mutex_lock(stripe(ov, f));
		r = make_bits(f, &e) < 0 ? -ENOMEM : put_all(fd, p, n, off) < 0 ? -errno : 0;
		if (r == 0)
			mark(ov, f, (uint32_t)(off / OV_BLOCK),
			    off + n >= f->size ? f->n : (uint32_t)((off + n) / OV_BLOCK));
		(void)pthread_mutex_unlock(stripe(ov, f));
		return r < 0 ? r : (ssize_t)n;
	}
	if (f)
		ov_touch(ov, f);
	return put_all(fd, p, n, off) < 0 ? -errno : (ssize_t)n;
}

int
ov_resize(struct overlay *ov, struct ov_file *f, int fd, uint64_t size)
{
	struct err e;
	int r;

	if (!f)
		return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
	ov_touch(ov, f);
	if (size < f->size && size % OV_BLOCK != 0 && ov_need(ov, f, fd, size, 1, &e) < 0)
		return e.code == E_NOSPC ? -ENOSPC : -EIO;
	(void)pthread_mutex_lock(stripe(ov, f));
	r = make_bits(f, &e) < 0 ? -ENOMEM : ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
	if (r == 0 && size < f->size)
		mark(ov, f, pieces(size), f->n);
	(void)pthread_mutex_unlock(stripe(ov, f));
	return r;
}

int
ov_open_rw(int dirfd, const char *name)
{
	int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, fd = openat(dirfd, name, flags);
	struct stat st;

	if (fd >= 0 || errno != EACCES ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid != geteuid())
		return fd;
	/* its own owner may not write it: the right is taken for a moment */
	if (fchmodat(dirfd, name, (st.st_mode & 07777) | 0600, 0) < 0)
		return -1;
	fd = openat(dirfd, name, flags);
	(void)!fchmodat(dirfd, name, st.st_mode & 07777, 0);
	return fd;
}
