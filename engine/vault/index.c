/* allow-files: the index is derived from the segments; in doubt it is thrown away and made again */
#include "vault/index.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "vault/keep.h"
#include "vault/segr.h"

enum {
	SLOT = 18,
	KEY = 12,
	SLACK = 4096, /* slots past the end, so that probing needs no wrap-around */
	HEADER = 4096,
	FIRST_CAP = 16384,
	TOCS = 24, /* tables kept for confirming hits */
	MAX_SEGS = 1 << 20,
};

static const char magic[8] = "MMRIIDX1";

struct head { /* at the start of the file; native layout: the file never leaves the machine */
	char magic[8];
	uint32_t clean;
	uint32_t nsegs;
	uint64_t cap, count;
	uint8_t repo[FMT_ID_LEN];
	uint64_t file_len;
};

struct toc_slot {
	uint32_t seg; /* UINT32_MAX: empty */
	uint64_t used;
	struct fmt_toc toc;
};

struct index {
	pthread_mutex_t lock;
	struct repo *repo;
	const struct vault_place *pl;
	char path[96];    /* "" when in memory */
	int fd;
	uint8_t *map;     /* header, slots */
	size_t map_len;
	uint8_t *ours;    /* bit per slot: written by this run, not found in the file */
	uint64_t cap, count;
	uint8_t (*segs)[FMT_ID_LEN];
	uint32_t nsegs, cap_segs;
	bool *bad; /* of the committed segments: found damaged; NULL when none is */
	uint32_t committed; /* segments below this number are confirmed by their tables */
	struct map seg_no;
	struct toc_slot tocs[TOCS];
	uint64_t tick;
};

/* ---- slots ---- */

static inline uint8_t *
slot(const struct index *ix, uint64_t i)
{
	return ix->map + HEADER + i * SLOT;
}

static inline uint64_t
home(const uint8_t *id, uint64_t cap)
{
	uint64_t h = __builtin_bswap64(le64_get(id));

	return (uint64_t)(((unsigned __int128)h * cap) >> 64);
}

static inline uint64_t
place_get(const uint8_t *s)
{
	return (uint64_t)le32_get(s + KEY) | (uint64_t)le16_get(s + KEY + 4) << 32;
}

static inline void
place_put(uint8_t *s, uint32_t seg, uint32_t off)
{
	uint64_t v = ((uint64_t)(seg + 1) << 28) | off; /* never zero: zero is a free slot */

	le32_put(s + KEY, (uint32_t)v);
	le16_put(s + KEY + 4, (uint16_t)(v >> 32));
}

static size_t
bytes_for(uint64_t cap)
{
	return HEADER + (size_t)(cap + SLACK) * SLOT;
}

/* ---- the file ---- */

static bool
ours(const uint8_t *bits, uint64_t i)
{
	return bits[i / 8] >> (i % 8) & 1;
}

static void
make_ours(struct index *ix, uint64_t i)
{
	ix->ours[i / 8] |= (uint8_t)(1 << (i % 8));
}

static int
map_file(struct index *ix, uint64_t cap, struct err *e)
{
	size_t n = bytes_for(cap);
	void *p;

	if (ftruncate(ix->fd, (off_t)n) < 0)
		return err_sys(e, "cannot make the index");
	/* the space is taken now: writing to a mapped hole of a full disk would kill the process */
	if (ix->path[0] && fallocate(ix->fd, 0, 0, (off_t)n) < 0 && errno != EOPNOTSUPP)
		return err_sys(e, "no room for the index");
	ix->ours = calloc(1, (size_t)((cap + SLACK) / 8 + 1));
	if (!ix->ours)
		return err_set(e, E_NOMEM, "no memory for the index");
	p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, ix->fd, 0);
	if (p == MAP_FAILED)
		return err_sys(e, "cannot map the index");
	ix->map = p;
	ix->map_len = n;
	ix->cap = cap;
	return 0;
}

static int
new_fd(struct index *ix, struct err *e)
{
	char path[128];
	int fd;

	if (!ix->path[0]) {
		fd = memfd_create("mamori-index", MFD_CLOEXEC);
		return fd < 0 ? err_sys(e, "cannot make an index in memory") : fd;
	}
	(void)snprintf(path, sizeof(path), "%s.new", ix->path);
	/* Not emptied here: until it is locked it may be the one that another run is filling.
	 * allow: a derived file that is thrown away when in doubt */
	fd = openat(ix->pl->statefd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? err_sys(e, "cannot make %s", path) : fd;
}

static bool
lock_fd(int fd)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &fl) == 0;
}

static void
take_name(struct index *ix)
{
	char path[128];

	if (!ix->path[0])
		return;
	(void)snprintf(path, sizeof(path), "%s.new", ix->path);
	/* allow: derived file */
	(void)renameat(ix->pl->statefd, path, ix->pl->statefd, ix->path);
}

/* fresh(ix, cap, e): Replace the table by an empty one. */
static int
fresh(struct index *ix, uint64_t cap, struct err *e)
{
	int fd = new_fd(ix, e);
	int r;

	if (fd < 0)
		return fd;
	if (ix->path[0] && !lock_fd(fd)) {
		(void)close(fd);
		return err_set(e, E_BUSY, "the index is in use");
	}
	/* allow: a derived file */
	if (ftruncate(fd, 0) < 0) {
		r = err_sys(e, "cannot empty the index");
		(void)close(fd);
		return r;
	}
	if (ix->map)
		(void)munmap(ix->map, ix->map_len);
	if (ix->fd >= 0)
		(void)close(ix->fd);
	free(ix->ours);
	ix->ours = NULL;
	ix->fd = fd;
	ix->map = NULL;
	ix->count = 0;
	r = map_file(ix, cap, e);
	if (r == 0)
		take_name(ix);
	else if (ftruncate(fd, 0) < 0) /* allow: a derived file; its space is needed elsewhere */
		return r;
	return r;
}

/* fresh_any(ix, cap, e): As fresh, in memory when there is no place for a file. */
static int
fresh_any(struct index *ix, uint64_t cap, struct err *e)
{
	int r = fresh(ix, cap, e);

	if (r < 0 && ix->path[0]) {
		ix->path[0] = 0;
		r = fresh(ix, cap, e);
	}
	return r;
}

static void
insert_at(struct index *ix, uint64_t from, const uint8_t *entry, bool mine)
{
	uint64_t end = ix->cap + SLACK;

	for (uint64_t i = from; i < end; i++) {
		uint8_t *s = slot(ix, i);

		if (place_get(s) == 0) {
			if (mine)
				make_ours(ix, i);
			(void)memcpy(s, entry, SLOT);
			ix->count++;
			return;
		}
	}
}

static int
grow_to(struct index *ix, uint64_t cap, struct err *e)
{
	enum { STEP = 1 << 20 };
	uint8_t *old = ix->map, *old_ours = ix->ours;
	size_t old_len = ix->map_len, dropped = 0;
	uint64_t n = ix->cap + SLACK;
	int old_fd = ix->fd, r;

	ix->map = NULL;
	ix->ours = NULL;
	ix->fd = -1;
	r = fresh_any(ix, cap, e);
	for (uint64_t i = 0; r == 0 && i < n; i++) {
		const uint8_t *s = old + HEADER + i * SLOT;
		size_t here = HEADER + (size_t)i * SLOT;

		/* one that finds no place is forgotten: its chunk is stored again */
		if (place_get(s))
			insert_at(ix, home(s, cap), s, ours(old_ours, i));
		if (here - dropped > 2 * STEP) {
			/* what was read is not needed again; keep the peak low */
			(void)madvise(old + dropped, STEP, MADV_DONTNEED);
			dropped += STEP;
		}
	}
	(void)munmap(old, old_len);
	free(old_ours);
	if (old_fd >= 0)
		(void)close(old_fd);
	return r;
}

/* ---- confirming hits ---- */

static int
toc_of(struct index *ix, uint32_t seg, const struct fmt_toc **ret, struct err *e)
{
	struct toc_slot *best = &ix->tocs[0];
	struct seg s;
	int r;

	for (int i = 0; i < TOCS; i++) {
		struct toc_slot *t = &ix->tocs[i];

		if (t->seg == seg) {
			t->used = ++ix->tick;
			*ret = &t->toc;
			return 0;
		}
		if (t->used < best->used)
			best = t;
	}
	fmt_toc_free(&best->toc);
	best->seg = UINT32_MAX;
	r = seg_open(ix->repo, ix->segs[seg], &s, e);
	if (r < 0)
		return r;
	r = seg_read_toc(&s, ix->repo->index_key, true, &best->toc, e);
	seg_close(&s);
	if (r < 0)
		return r;
	best->seg = seg;
	best->used = ++ix->tick;
	*ret = &best->toc;
	return 0;
}

/* confirm(ix, i, seg, off, id, len): Whether exactly this chunk lies where slot ${i} says. A place
 * in a segment of this run is believed only when this run wrote the slot. A segment that cannot be
 * read confirms nothing: the chunk is stored again, which heals the new generation. */
static bool
confirm(struct index *ix, uint64_t i, uint32_t seg, uint32_t off, const uint8_t *id, uint32_t len)
{
	const struct fmt_toc *t;
	uint32_t lo = 0, hi;

	if (seg >= ix->committed)
		return seg < ix->nsegs && ours(ix->ours, i);
	if (ix->bad && ix->bad[seg])
		return false;
	if (toc_of(ix, seg, &t, NULL) < 0 || t->nchunks == 0)
		return false;
	hi = t->nchunks;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->chunks[mid].off <= off)
			lo = mid;
		else
			hi = mid;
	}
	return t->chunks[lo].off == off && t->chunks[lo].len == len &&
	    memcmp(t->chunks[lo].id, id, FMT_CHUNK_ID_LEN) == 0;
}

/* ---- the table ---- */

static int
make_room(struct index *ix, struct err *e)
{
	uint64_t cap = ix->cap;

	if (ix->count + 1 <= cap - cap / 10)
		return 0;
	return grow_to(ix, cap < 1 << 20 ? cap * 2 : cap + cap / 8, e);
}

/* find_or_add(..., len, ...): As index_find_or_add; ${len} 0: as index_move. */
static int
find_or_add(struct index *ix, const uint8_t *id, uint32_t len, uint32_t seg, uint32_t off,
    uint32_t *ret_seg, uint32_t *ret_off, struct err *e)
{
	uint64_t end;
	int r;

	if (!ix->map) /* another thread failed to make it grow */
		return err_set(e, E_NOMEM, "the index is gone");
	r = make_room(ix, e);
	if (r < 0)
		return r;
	for (;;) {
		end = ix->cap + SLACK;
		for (uint64_t i = home(id, ix->cap); i < end; i++) {
			uint8_t *s = slot(ix, i);
			uint64_t v = place_get(s);
			uint32_t at = (uint32_t)(v & 0xfffffff), no = (uint32_t)(v >> 28) - 1;

			if (v == 0) {
				(void)memcpy(s, id, KEY);
				place_put(s, seg, off);
				make_ours(ix, i);
				ix->count++;
				return 0;
			}
			if (memcmp(s, id, KEY) != 0)
				continue;
			if (len && confirm(ix, i, no, at, id, len)) {
				*ret_seg = no;
				*ret_off = at;
				return 1;
			}
			place_put(s, seg, off);
			make_ours(ix, i);
			return 0;
		}
		/* A run of slots reached the end. In a table that is half empty that is no
		 * accident, but made-up ids: such a chunk is stored and not remembered. */
		if (ix->count < ix->cap / 2)
			return 0;
		r = grow_to(ix, ix->cap + ix->cap / 8 + 1024, e);
		if (r < 0)
			return r;
	}
}

int
index_find_or_add(struct index *ix, const uint8_t id[FMT_CHUNK_ID_LEN], uint32_t len, uint32_t seg,
    uint32_t off, uint32_t *ret_seg, uint32_t *ret_off, struct err *e)
{
	int r;

	if (off >= FMT_MAX_STREAM || seg >= MAX_SEGS - 1)
		return err_set(e, E_LIMIT, "a place past the index's range");
	(void)pthread_mutex_lock(&ix->lock);
	r = find_or_add(ix, id, len, seg, off, ret_seg, ret_off, e);
	(void)pthread_mutex_unlock(&ix->lock);
	return r;
}

int
index_move(struct index *ix, const uint8_t id[FMT_CHUNK_ID_LEN], uint32_t seg, uint32_t off,
    struct err *e)
{
	uint32_t xs, xo;

	return index_find_or_add(ix, id, 0, seg, off, &xs, &xo, e);
}

int
index_find(struct index *ix, const uint8_t id[FMT_CHUNK_ID_LEN], uint32_t len, uint32_t *ret_seg,
    uint32_t *ret_off)
{
	uint64_t end;
	int found = 0;

	(void)pthread_mutex_lock(&ix->lock);
	end = ix->cap + SLACK;
	for (uint64_t i = home(id, ix->cap); ix->map && i < end && !found; i++) {
		const uint8_t *s = slot(ix, i);
		uint64_t v = place_get(s);
		uint32_t at = (uint32_t)(v & 0xfffffff), no = (uint32_t)(v >> 28) - 1;

		if (v == 0)
			break;
		if (memcmp(s, id, KEY) != 0)
			continue;
		if (!confirm(ix, i, no, at, id, len))
			break;
		*ret_seg = no;
		*ret_off = at;
		found = 1;
	}
	(void)pthread_mutex_unlock(&ix->lock);
	return found;
}

uint64_t
index_count(struct index *ix)
{
	return ix->count;
}

/* ---- segments ---- */

static int
add_segment(struct index *ix, const uint8_t id[FMT_ID_LEN], uint32_t *ret, struct err *e)
{
	int r;

	if (ix->nsegs == MAX_SEGS - 1)
		return err_set(e, E_LIMIT, "the vault has more than %d segments", MAX_SEGS);
	if (ix->nsegs == ix->cap_segs) {
		uint32_t cap = ix->cap_segs ? ix->cap_segs * 2 : 256;
		void *p = reallocarray(ix->segs, cap, FMT_ID_LEN);

		if (!p)
			return err_set(e, E_NOMEM, "no memory");
		ix->segs = p;
		ix->cap_segs = cap;
	}
	r = map_put(&ix->seg_no, id, FMT_ID_LEN, (void *)(uintptr_t)(ix->nsegs + 1), e);
	if (r < 0)
		return r;
	(void)memcpy(ix->segs[ix->nsegs], id, FMT_ID_LEN);
	*ret = ix->nsegs++;
	return 0;
}

int
index_segment(struct index *ix, const uint8_t id[FMT_ID_LEN], uint32_t *ret, struct err *e)
{
	int r;

	(void)pthread_mutex_lock(&ix->lock);
	r = add_segment(ix, id, ret, e);
	(void)pthread_mutex_unlock(&ix->lock);
	return r;
}

void
index_seg_id(struct index *ix, uint32_t no, uint8_t out[FMT_ID_LEN])
{
	(void)pthread_mutex_lock(&ix->lock);
	(void)memcpy(out, ix->segs[no], FMT_ID_LEN);
	(void)pthread_mutex_unlock(&ix->lock);
}

uint32_t
index_seg_no(struct index *ix, const uint8_t id[FMT_ID_LEN])
{
	struct seg s;
	uintptr_t n;

	(void)pthread_mutex_lock(&ix->lock);
	n = (uintptr_t)map_get(&ix->seg_no, id, FMT_ID_LEN);
	if (n && ix->bad && n <= ix->committed && ix->bad[n - 1])
		n = 0;
	else if (n && ix->repo && seg_open(ix->repo, id, &s, NULL) < 0)
		n = 0;
	else if (n && ix->repo)
		seg_close(&s);
	(void)pthread_mutex_unlock(&ix->lock);
	return n ? (uint32_t)(n - 1) : UINT32_MAX;
}

uint32_t
index_segments(struct index *ix)
{
	return ix->nsegs;
}

/* absorb(ix, id, e): Enter the chunks of one segment of the log. A damaged segment is skipped: its
 * chunks count as not stored. */
static int
absorb(struct index *ix, const uint8_t id[FMT_ID_LEN], struct err *e)
{
	struct fmt_toc t;
	struct seg s;
	uint32_t no, xs, xo;
	int r = add_segment(ix, id, &no, e);

	if (r < 0)
		return r;
	r = seg_open(ix->repo, id, &s, NULL);
	if (r < 0)
		return 0;
	r = seg_read_toc(&s, ix->repo->index_key, true, &t, NULL);
	seg_close(&s);
	if (r < 0)
		return r == E_NOMEM ? err_set(e, E_NOMEM, "no memory") : 0;
	for (uint32_t i = 0; r >= 0 && i < t.nchunks; i++)
		r = find_or_add(ix, t.chunks[i].id, 0, no, t.chunks[i].off, &xs, &xo, e);
	fmt_toc_free(&t);
	return r < 0 ? r : 0;
}

/* ---- opening ---- */

/* reuse(ix, e): Take the kept file when it is clean and of this repository. 1 = taken. */
static int
reuse(struct index *ix, struct err *e)
{
	struct head h;
	struct stat st;
	uint8_t id[FMT_ID_LEN];
	uint32_t no;
	int r;

	/* allow: a derived file */
	ix->fd = openat(ix->pl->statefd, ix->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (ix->fd < 0)
		return 0;
	if (!lock_fd(ix->fd)) {
		(void)close(ix->fd);
		ix->fd = -1;
		ix->path[0] = 0; /* somebody else works with it: build one in memory */
		return 0;
	}
	if (fstat(ix->fd, &st) < 0 || pread(ix->fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
	    memcmp(h.magic, magic, 8) != 0 || h.clean != 1 || h.nsegs >= MAX_SEGS ||
	    memcmp(h.repo, ix->repo->ident.repo, FMT_ID_LEN) != 0 || h.cap < FIRST_CAP ||
	    h.cap > UINT32_MAX || (uint64_t)st.st_size != h.file_len ||
	    h.file_len != bytes_for(h.cap) + (uint64_t)h.nsegs * FMT_ID_LEN || h.count > h.cap)
		return 0;
	for (uint32_t i = 0; i < h.nsegs; i++) {
		off_t at = (off_t)(bytes_for(h.cap) + (uint64_t)i * FMT_ID_LEN);

		if (pread(ix->fd, id, sizeof(id), at) != (ssize_t)sizeof(id) ||
		    repo_seg(ix->repo, id) == REPO_NOSEG)
			return 0;
		r = add_segment(ix, id, &no, e);
		if (r < 0)
			return r;
	}
	h.clean = 0; /* until the next clean close */
	if (pwrite(ix->fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) || fdatasync(ix->fd) < 0)
		return 0;
	r = map_file(ix, h.cap, e);
	if (r == E_NOMEM)
		return r;
	if (r < 0) {
		ix->path[0] = 0; /* no room to work on the file: build one in memory */
		return 0;
	}
	ix->count = h.count;
	return 1;
}

static void
forget_segments(struct index *ix)
{
	ix->nsegs = 0;
	map_free(&ix->seg_no);
	map_init(&ix->seg_no, MAX_SEGS);
}

static int
one_bad(struct index *ix, const uint8_t id[FMT_ID_LEN], struct err *e)
{
	uintptr_t no = (uintptr_t)map_get(&ix->seg_no, id, FMT_ID_LEN);

	if (!ix->bad)
		ix->bad = calloc(ix->committed ? ix->committed : 1, sizeof(*ix->bad));
	if (!ix->bad)
		return err_set(e, E_NOMEM, "no memory");
	if (no && no <= ix->committed)
		ix->bad[no - 1] = true;
	return 0;
}

/* mark_bad(ix, e): Take over what a scrub found damaged, and what is being removed. */
static int
mark_bad(struct index *ix, struct err *e)
{
	struct buf b;
	int r = distrust_load(ix->repo->f, ix->pl, ix->repo->ident.repo, &b, e);

	for (size_t at = 0; r == 0 && at < b.len; at += FMT_ID_LEN)
		r = one_bad(ix, b.p + at, e);
	for (uint32_t i = 0; r == 0 && ix->repo->keep && i < ix->repo->nsegs; i++) {
		if (keep_seg_leaves(ix->repo->keep, i))
			r = one_bad(ix, ix->repo->segs[i].rec.seg, e);
	}
	buf_free(&b);
	return r;
}

static int
bring_up(struct index *ix, struct err *e)
{
	int r = ix->path[0] ? reuse(ix, e) : 0;

	if (r == 0) {
		forget_segments(ix);
		r = fresh_any(ix, FIRST_CAP, e);
	}
	for (uint32_t i = 0; r >= 0 && ix->repo && i < ix->repo->nsegs; i++) {
		const uint8_t *id = ix->repo->segs[i].rec.seg;

		if (!map_get(&ix->seg_no, id, FMT_ID_LEN))
			r = absorb(ix, id, e);
	}
	ix->committed = ix->nsegs;
	if (r >= 0 && ix->pl && ix->repo)
		r = mark_bad(ix, e);
	return r < 0 ? r : 0;
}

static struct index *
alloc_index(struct err *e)
{
	struct index *ix = calloc(1, sizeof(*ix));

	if (!ix) {
		(void)err_set(e, E_NOMEM, "no memory");
		return NULL;
	}
	(void)pthread_mutex_init(&ix->lock, NULL);
	map_init(&ix->seg_no, MAX_SEGS);
	for (int i = 0; i < TOCS; i++)
		ix->tocs[i].seg = UINT32_MAX;
	ix->fd = -1;
	return ix;
}

int
index_open(struct repo *repo, const struct vault_place *pl, struct index **ret, struct err *e)
{
	struct index *ix = alloc_index(e);
	int r = 0;

	if (!ix)
		return E_NOMEM;
	ix->repo = repo;
	ix->pl = pl;
	if (pl) {
		r = keys_place(pl, repo->ident.repo, ix->path, e);
		(void)snprintf(ix->path + strlen(ix->path), sizeof(ix->path) - strlen(ix->path),
		    "/index");
	}
	if (r == 0)
		r = bring_up(ix, e);
	if (r < 0) {
		index_close(ix, false);
		return r;
	}
	*ret = ix;
	return 0;
}

int
index_new_memory(struct index **ret, struct err *e)
{
	struct index *ix = alloc_index(e);
	int r;

	if (!ix)
		return E_NOMEM;
	r = bring_up(ix, e);
	if (r < 0) {
		index_close(ix, false);
		return r;
	}
	*ret = ix;
	return 0;
}

/* keep(ix): Write the segment table, make everything durable, and only then call it clean. */
static void
keep(struct index *ix)
{
	struct head h = {
		.clean = 1, .nsegs = ix->nsegs, .cap = ix->cap, .count = ix->count,
		.file_len = ix->map_len + (uint64_t)ix->nsegs * FMT_ID_LEN,
	};
	size_t n = (size_t)ix->nsegs * FMT_ID_LEN;

	(void)memcpy(h.magic, magic, 8);
	(void)memcpy(h.repo, ix->repo->ident.repo, FMT_ID_LEN);
	if (n && pwrite(ix->fd, ix->segs, n, (off_t)ix->map_len) != (ssize_t)n)
		return;
	if (fdatasync(ix->fd) < 0 || pwrite(ix->fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		return;
	(void)fdatasync(ix->fd);
}

void
index_close(struct index *ix, bool clean)
{
	if (!ix)
		return;
	if (clean && ix->path[0] && ix->map && ix->repo)
		keep(ix);
	if (ix->map)
		(void)munmap(ix->map, ix->map_len);
	if (ix->fd >= 0)
		(void)close(ix->fd);
	for (int i = 0; i < TOCS; i++)
		fmt_toc_free(&ix->tocs[i].toc);
	free(ix->bad);
	map_free(&ix->seg_no);
	free(ix->segs);
	free(ix->ours);
	(void)pthread_mutex_destroy(&ix->lock);
	free(ix);
}
