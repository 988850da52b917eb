/* From a tape, the states in which a power cut may leave a disk.
 *
 * The model is the strict one: bytes written to a file are safe only after fsync or fdatasync of
 * that file, and a new, changed or removed name only after fsync of its directory. A rename is one
 * step; syncing either directory makes it safe. Everything not safe yet may have reached the disk
 * or not, in any order; a write may arrive with any of its sectors missing. */
#ifndef MAMORI_TESTS_FAULT_REPLAY_H
#define MAMORI_TESTS_FAULT_REPLAY_H

#include "fault/tape.h"
#include "fault/vlib.h"

enum { KEEP = 1, TORN = 2, RP_NAMES = 1024 };

/* What becomes of each operation: dropped (0), kept, or a write of which only some sectors arrive.
 */
struct rp_plan {
	int upto; /* operations before this one happened */
	uint8_t what[TAPE_MAX];
	uint64_t cut[TAPE_MAX];  /* TORN: this many bytes from the start... */
	uint64_t mask[TAPE_MAX]; /* ...or, when not 0, these sectors of 512 bytes (bit i % 64) */
};

struct rp_name {
	int dir, node;
	char name[96];
	bool isdir;
};

struct rp_fs {
	struct rp_name name[RP_NAMES];
	int n;
};

/* rp_durable(t, upto, what): what[j] = KEEP for operations that must have reached the disk; the
 * others before ${upto} are 0. ${lie}: nodes whose syncs do nothing (a bit of TAPE_SYNC,
 * TAPE_DIRSYNC). */
static inline void
rp_durable(const struct tape *t, int upto, unsigned lie, uint8_t *what)
{
	(void)memset(what, 0, (size_t)t->n);
	for (int i = 0; i < upto; i++) {
		const struct tape_op *s = &t->op[i];

		if (s->kind == TAPE_ACK || s->kind == TAPE_SYNC || s->kind == TAPE_DIRSYNC)
			what[i] = KEEP;
		if ((s->kind != TAPE_SYNC && s->kind != TAPE_DIRSYNC) || (lie >> s->kind & 1))
			continue;
		for (int j = 0; j < i; j++) {
			const struct tape_op *o = &t->op[j];
			bool data = o->kind == TAPE_WRITE || o->kind == TAPE_TRUNC;

			if (s->kind == TAPE_SYNC && data && o->node == s->node)
				what[j] = KEEP;
			if (s->kind == TAPE_DIRSYNC && !data && (o->dir == s->node ||
			    (o->kind == TAPE_RENAME && o->dir2 == s->node)))
				what[j] = KEEP;
		}
	}
}

static inline int
rp_find(const struct rp_fs *fs, int dir, const char *name)
{
	for (int i = 0; i < fs->n; i++) {
		if (fs->name[i].dir == dir && strcmp(fs->name[i].name, name) == 0)
			return i;
	}
	return -1;
}

static inline void
rp_set(struct rp_fs *fs, int dir, const char *name, int node, bool isdir)
{
	int i = rp_find(fs, dir, name);

	if (i < 0 && fs->n == RP_NAMES)
		abort();
	if (i < 0)
		i = fs->n++;
	fs->name[i].dir = dir;
	fs->name[i].node = node;
	fs->name[i].isdir = isdir;
	(void)snprintf(fs->name[i].name, sizeof(fs->name[i].name), "%s", name);
}

static inline void
rp_unset(struct rp_fs *fs, int i)
{
	if (i >= 0)
		fs->name[i] = fs->name[--fs->n];
}

static inline bool
rp_isdir(const struct tape *t, int node)
{
	for (int i = 0; i < t->n; i++) {
		if (t->op[i].kind == TAPE_MKDIR && t->op[i].node == node)
			return true;
	}
	return false;
}

/* rp_names(t, plan, fs): The names after the kept operations, in order. */
static inline void
rp_names(const struct tape *t, const struct rp_plan *pl, struct rp_fs *fs)
{
	fs->n = 0;
	for (int i = 0; i < pl->upto; i++) {
		const struct tape_op *o = &t->op[i];
		int at;

		if (!pl->what[i])
			continue;
		if (o->kind == TAPE_OPEN || o->kind == TAPE_MKDIR) {
			rp_set(fs, o->dir, o->name, o->node, o->kind == TAPE_MKDIR);
		} else if (o->kind == TAPE_UNLINK) {
			rp_unset(fs, rp_find(fs, o->dir, o->name));
		} else if (o->kind == TAPE_RENAME) {
			at = rp_find(fs, o->dir, o->name);
			if (at >= 0 && fs->name[at].node == o->node)
				rp_unset(fs, at);
			rp_set(fs, o->dir2, o->name2, o->node, rp_isdir(t, o->node));
		}
	}
}

static inline void
rp_write(int fd, const struct tape_op *o, const struct rp_plan *pl, int i)
{
	enum { SECTOR = 512 };

	if (pl->what[i] == KEEP || o->n == 0) {
		if (pwrite(fd, o->p, o->n, (off_t)o->off) != (ssize_t)o->n)
			vt_die("replay");
		return;
	}
	if (pl->mask[i] == 0) {
		if (pwrite(fd, o->p, pl->cut[i], (off_t)o->off) != (ssize_t)pl->cut[i])
			vt_die("replay");
		return;
	}
	/* the file has its length, some of its sectors are missing */
	for (uint64_t at = 0, k = 0; at < o->n; k++) {
		uint64_t end = (o->off + at) / SECTOR * SECTOR + SECTOR - o->off;

		end = end < o->n ? end : o->n;
		if (pl->mask[i] >> (k % 64) & 1 &&
		    pwrite(fd, o->p + at, end - at, (off_t)(o->off + at)) < 0)
			vt_die("replay");
		at = end;
	}
	struct stat st;

	if (fstat(fd, &st) == 0 && (uint64_t)st.st_size < o->off + o->n &&
	    ftruncate(fd, (off_t)(o->off + o->n)) < 0)
		vt_die("replay");
}

/* rp_hash(t, plan, node): What decides a file's content: which of its writes arrived, and how. */
static inline uint64_t
rp_hash(const struct tape *t, const struct rp_plan *pl, int node, bool *torn)
{
	uint64_t h = 0xcbf29ce484222325 ^ (uint64_t)node;

	*torn = false;
	for (int i = 0; i < pl->upto; i++) {
		const struct tape_op *o = &t->op[i];

		if (o->node != node || !pl->what[i] ||
		    (o->kind != TAPE_WRITE && o->kind != TAPE_TRUNC))
			continue;
		h = (h ^ (uint64_t)i) * 0x100000001b3;
		if (pl->what[i] == TORN) {
			h = (h ^ pl->cut[i]) * 0x100000001b3;
			h = (h ^ pl->mask[i]) * 0x100000001b3;
			*torn = true;
		}
	}
	return h;
}

static inline void
rp_file(const struct tape *t, const struct rp_plan *pl, int node, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		vt_die(name);
	for (int i = 0; i < pl->upto; i++) {
		const struct tape_op *o = &t->op[i];

		if (o->node != node || !pl->what[i])
			continue;
		if (o->kind == TAPE_WRITE)
			rp_write(fd, o, pl, i);
		else if (o->kind == TAPE_TRUNC && ftruncate(fd, (off_t)o->off) < 0)
			vt_die(name);
	}
	(void)close(fd);
}

/* rp_dir: Make directory ${node} and what is below it. Whole segments are linked from ${pool},
 * since nothing ever writes to them again. */
static inline void
rp_dir(const struct tape *t, const struct rp_plan *pl, const struct rp_fs *fs, int node, int dirfd,
    int pool)
{
	for (int i = 0; i < fs->n; i++) {
		const struct rp_name *x = &fs->name[i];
		char key[32];
		bool torn;

		if (x->dir != node)
			continue;
		if (x->isdir) {
			int sub;

			if (mkdirat(dirfd, x->name, 0700) < 0)
				vt_die(x->name);
			sub = openat(dirfd, x->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			rp_dir(t, pl, fs, x->node, sub, pool);
			(void)close(sub);
			continue;
		}
		(void)snprintf(key, sizeof(key), "%016llx",
		    (unsigned long long)rp_hash(t, pl, x->node, &torn));
		if (strlen(x->name) == 2 * FMT_ID_LEN && !torn) {
			if (linkat(pool, key, dirfd, x->name, 0) < 0) {
				rp_file(t, pl, x->node, pool, key);
				if (linkat(pool, key, dirfd, x->name, 0) < 0)
					vt_die(x->name);
			}
			continue;
		}
		rp_file(t, pl, x->node, dirfd, x->name);
	}
}

/* rp_key(t, plan, fs): Two plans with the same key leave the same disk. */
static inline uint64_t
rp_key(const struct tape *t, const struct rp_plan *pl, const struct rp_fs *fs)
{
	uint64_t sum = 0;

	for (int i = 0; i < fs->n; i++) {
		uint64_t h = 0xcbf29ce484222325;
		bool torn;

		for (const char *p = fs->name[i].name; *p; p++)
			h = (h ^ (uint8_t)*p) * 0x100000001b3;
		h = (h ^ (uint64_t)fs->name[i].dir) * 0x100000001b3;
		h ^= rp_hash(t, pl, fs->name[i].node, &torn) * 0x9e3779b97f4a7c15;
		sum += h * (h >> 32 | 1);
	}
	return sum;
}

/* rp_segments(t, plan, fs): As rp_key, of the segments alone. */
static inline uint64_t
rp_segments(const struct tape *t, const struct rp_plan *pl, const struct rp_fs *fs)
{
	static struct rp_fs only;

	only.n = 0;
	for (int i = 0; i < fs->n; i++) {
		if (strlen(fs->name[i].name) == 2 * FMT_ID_LEN && !fs->name[i].isdir)
			only.name[only.n++] = fs->name[i];
	}
	return rp_key(t, pl, &only);
}

#endif
