/* Making the copy that is damaged later, and the reference it is compared with.
 *
 * The reference is read from the machine itself wherever the file is still as it was backed up, so
 * that the drill does not compare the vault with itself; otherwise from the vault. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/drill_int.h"

enum { PIECE = 1 << 20 };

struct copy {
	struct digest *sha;
	uint8_t *buf;
	struct buf path, src;
	uint64_t *done, total;
	int fd; /* of the file being written */
};

int
copy_entry_data(struct vault_ctx *ctx, const struct tree_entry *en, copy_fn *fn, void *cookie,
    struct err *e)
{
	static const uint8_t zeros[64 << 10];
	uint64_t pos = 0;

	for (uint32_t i = 0; i < en->nextents; i++) {
		const struct tree_extent *x = &en->extents[i];
		uint64_t at = 0;

		while (at < x->len) {
			size_t n =
			    x->len - at < sizeof(zeros) ? (size_t)(x->len - at) : sizeof(zeros);
			const uint8_t *p = zeros;
			int r;

			if (x->seg) {
				ssize_t k = vault_view(ctx, x->seg, (uint32_t)(x->off + at), &p, e);

				if (k < 0)
					return (int)k;
				n = x->len - at < (uint64_t)k ? (size_t)(x->len - at) : (size_t)k;
			}
			r = fn(cookie, p, n, pos + at, e);
			if (r < 0)
				return r;
			at += n;
		}
		pos += x->len;
	}
	return 0;
}

static int
put(void *cookie, const void *p, size_t n, uint64_t off, struct err *e)
{
	struct copy *c = cookie;

	digest_add(c->sha, p, n);
	return fio_pwrite_all(fio_os(), c->fd, p, n, off, e);
}

/* source_path(m, en, out): Where the file was on the machine; false when no source holds it. */
static bool
source_path(const struct tree_manifest *m, const struct tree_entry *en, const char *path,
    struct buf *out)
{
	(void)en;
	for (uint32_t i = 0; i < m->nsources; i++) {
		size_t n = strlen(m->tops[i]);

		if (strncmp(path, m->tops[i], n) != 0 || (path[n] != '/' && path[n] != 0))
			continue;
		buf_clear(out);
		return m->sources[i][0] == '/' && buf_str(out, m->sources[i], NULL) == 0 &&
		    buf_str(out, path + n, NULL) == 0 && buf_u8(out, 0, NULL) == 0;
	}
	return false;
}

static bool
unchanged(int fd, const struct tree_entry *en)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == en->size &&
	    st.st_mtim.tv_sec == en->mtime && (uint32_t)st.st_mtim.tv_nsec == en->mtime_ns;
}

/* from_source(c, en, e): 1: copied from the machine, 0: not there as it was, or an error. */
static int
from_source(struct set *s, struct copy *c, const struct tree_entry *en, const char *path,
    struct err *e)
{
	uint64_t off = 0;
	int src, r = 0;

	if ((en->flags & TREE_CHANGED) ||
	    !source_path(vault_gen_manifest(s->open), en, path, &c->src))
		return 0;
	src = open((const char *)c->src.p, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (src < 0)
		return 0;
	if (!unchanged(src, en)) {
		(void)close(src);
		return 0;
	}
	while (off < en->size && r == 0) {
		ssize_t n = read(src, c->buf, PIECE);

		if (n <= 0)
			break;
		r = put(c, c->buf, (size_t)n, off, e);
		off += (uint64_t)n;
	}
	if (r == 0 && off == en->size && unchanged(src, en))
		r = 1;
	(void)close(src);
	return r;
}

/* The chart that is shown first: one of the standardised storage (SS-MIX2), else any file. */
static void
note_chart(struct set *s, const char *path, uint64_t size)
{
	bool real = strstr(path, "ssmix2/") != NULL || strstr(path, "SSMIX2/") != NULL;

	if (size == 0 || s->chart_real || (s->chart && !real))
		return;
	free(s->chart);
	s->chart = strdup(path);
	s->chart_ref = s->refs.len - 1;
	s->chart_real = real;
}

static int
copy_file(struct set *s, struct copy *c, uint64_t i, const struct tree_entry *en, struct err *e)
{
	struct ref *ref = vec_add(&s->refs);
	const char *rel;
	struct err why;
	int r;

	if (!ref)
		return err_set(e, E_NOMEM, "no memory for the reference");
	c->fd = guard_make(s->g, (const char *)c->path.p, e);
	if (c->fd < 0)
		return c->fd;
	rel = strchr((const char *)c->path.p, '/') + 1;
	digest_reset(c->sha);
	r = from_source(s, c, en, rel, e);
	if (r == 1) {
		s->rep->from_source++;
		r = 0;
	} else if (r == 0) {
		digest_reset(c->sha);
		r = fio_truncate(s->o->f, c->fd, 0, e);
		if (r == 0)
			r = copy_entry_data(walk_ctx(s->walk), en, put, c, &why);
		if (r == E_CORRUPT || r == E_NOENT) { /* damaged in the vault: will count as lost */
			set_wrong(s, rel, why.msg);
			(void)close(c->fd);
			return 0;
		}
		if (r < 0 && e)
			*e = why;
	}
	(void)close(c->fd);
	if (r < 0)
		return r;
	digest_end(c->sha, ref->sha);
	s->flags[i] |= REF_SHA;
	note_chart(s, rel, en->size);
	*c->done += en->size;
	if (s->o->progress)
		s->o->progress(s->o->cookie, DRILL_COPY, *c->done, c->total);
	return 0;
}

static int
copy_one(struct set *s, uint64_t i, const struct tree_entry *en, void *cookie, struct err *e)
{
	struct copy *c = cookie;
	int r;

	if (!(s->flags[i] & REF_WANTED) || (en->type != TREE_FILE && en->type != TREE_DIR))
		return 0; /* links and special files are only given back and compared */
	r = set_copy_path(s, en, &c->path, e);
	if (r < 0)
		return r;
	return en->type == TREE_DIR ? guard_folder(s->g, (const char *)c->path.p, e) :
				      copy_file(s, c, i, en, e);
}

int
copy_set(struct set *s, uint64_t *done, uint64_t total, struct err *e)
{
	struct copy c = {.done = done, .total = total, .buf = malloc(PIECE)};
	int r = c.buf ? digest_new(&c.sha, e) : err_set(e, E_NOMEM, "no memory");

	buf_init(&c.path, TREE_MAX_PATH + TREE_MAX_NAME + 32);
	buf_init(&c.src, 2 * TREE_MAX_PATH);
	if (r == 0)
		r = set_each(s, copy_one, &c, e);
	digest_free(c.sha);
	buf_free(&c.path);
	buf_free(&c.src);
	free(c.buf);
	return r;
}
