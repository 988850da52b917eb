/* manifest: u8 version | id[16] | i64 started | blob name | blob host |
 *           var sources, (blob source, blob top)* | var segments, segments * 16 bytes |
 *           var refs, (blob dir, blob name, var segment, var offset, var length, var entries)* */
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "vault/tree_int.h"

enum {
	MAX_TEXT = 4096,
	MAX_SOURCES = 65536,
	MIN_REF = 7, /* bytes of the shortest reference */
	MAX_REFS = 1 << 24,
};

/* table(m, ids, at, e): The segments of all references in the order of their first use, and for
 * each reference its place there. */
static int
table(const struct tree_manifest *m, struct buf *ids, uint32_t *at, struct err *e)
{
	struct map map;
	int r = 0;

	map_init(&map, MAX_REFS);
	for (uint32_t i = 0; i < m->nrefs && r == 0; i++) {
		uintptr_t k = (uintptr_t)map_get(&map, m->refs[i].seg, FMT_ID_LEN);

		if (k == 0) {
			k = ids->len / FMT_ID_LEN + 1;
			r = buf_put(ids, m->refs[i].seg, FMT_ID_LEN, e);
			if (r == 0)
				r = map_put(&map, m->refs[i].seg, FMT_ID_LEN, (void *)k, e);
		}
		at[i] = (uint32_t)k - 1;
	}
	map_free(&map);
	return r;
}

static int
put_refs(struct buf *b, const struct tree_manifest *m, const struct buf *ids, const uint32_t *at,
    struct err *e)
{
	int r = buf_var(b, ids->len / FMT_ID_LEN, e);

	if (r == 0)
		r = buf_put(b, ids->p, ids->len, e);
	if (r == 0)
		r = buf_var(b, m->nrefs, e);
	for (uint32_t i = 0; i < m->nrefs && r == 0; i++) {
		const struct tree_ref *f = &m->refs[i];

		r = buf_blob(b, f->dir, strlen(f->dir), e);
		if (r == 0)
			r = buf_blob(b, f->name, strlen(f->name), e);
		if (r == 0)
			r = buf_var(b, at[i], e);
		if (r == 0)
			r = buf_var(b, f->off, e);
		if (r == 0)
			r = buf_var(b, f->len, e);
		if (r == 0)
			r = buf_var(b, f->count, e);
	}
	return r;
}

static int
put_head(struct buf *b, const struct tree_manifest *m, struct err *e)
{
	int r = buf_u8(b, TREE_MANIFEST_VERSION, e);

	if (r == 0)
		r = buf_put(b, m->id, FMT_ID_LEN, e);
	if (r == 0)
		r = buf_u64(b, (uint64_t)m->started, e);
	if (r == 0)
		r = buf_blob(b, m->name, strlen(m->name), e);
	if (r == 0)
		r = buf_blob(b, m->host, strlen(m->host), e);
	if (r == 0)
		r = buf_var(b, m->nsources, e);
	for (uint32_t i = 0; i < m->nsources && r == 0; i++) {
		r = buf_blob(b, m->sources[i], strlen(m->sources[i]), e);
		if (r == 0)
			r = buf_blob(b, m->tops[i], strlen(m->tops[i]), e);
	}
	return r;
}

int
tree_manifest_put(struct buf *b, const struct tree_manifest *m, struct err *e)
{
	uint32_t *at = calloc(m->nrefs ? m->nrefs : 1, sizeof(*at));
	size_t old = b->len;
	struct buf ids;
	int r = at ? 0 : err_set(e, E_NOMEM, "no memory for a manifest");

	buf_init(&ids, (size_t)MAX_REFS * FMT_ID_LEN);
	if (r == 0 && (strlen(m->name) > MAX_TEXT || strlen(m->host) > MAX_TEXT))
		r = err_set(e, E_LIMIT, "a name of more than %d bytes", MAX_TEXT);
	if (r == 0 && (m->nsources > MAX_SOURCES || m->nrefs > MAX_REFS))
		r = err_set(e, E_LIMIT, "a generation with too many sources or blocks");
	if (r == 0)
		r = table(m, &ids, at, e);
	if (r == 0)
		r = put_head(b, m, e);
	if (r == 0)
		r = put_refs(b, m, &ids, at, e);
	if (r < 0)
		b->len = old;
	buf_free(&ids);
	free(at);
	return r;
}

static int
bad(struct err *e, const char *what)
{
	return err_set(e, E_CORRUPT, "manifest: %s", what);
}

/* unread(rd, e, what): Why text() gave nothing: the bytes, or no memory for them. */
static int
unread(const struct rd *rd, struct err *e, const char *what)
{
	return rd->bad ? bad(e, what) : err_set(e, E_NOMEM, "no memory for a manifest");
}

/* text(a, rd, max): A blob without NUL as a string. NULL with ${rd} bad when it is none, NULL with
 * ${rd} good without memory. */
static const char *
text(struct arena *a, struct rd *rd, size_t max)
{
	size_t n = 0;
	const unsigned char *p = rd_blob(rd, max, &n);

	if (p && memchr(p, 0, n))
		rd->bad = true;
	return p && !rd->bad ? arena_dup(a, p, n) : NULL;
}

static int
get_sources(struct arena *a, struct rd *rd, struct tree_manifest *m, struct err *e)
{
	uint64_t n = rd_var(rd);

	if (rd->bad || n > MAX_SOURCES || n > rd_left(rd) / 2)
		return bad(e, "more sources than there are bytes");
	m->nsources = (uint32_t)n;
	m->sources = arena_alloc(a, (size_t)n * sizeof(*m->sources) + 1);
	m->tops = arena_alloc(a, (size_t)n * sizeof(*m->tops) + 1);
	if (!m->sources || !m->tops)
		return err_set(e, E_NOMEM, "no memory for a manifest");
	for (uint32_t i = 0; i < m->nsources; i++) {
		m->sources[i] = text(a, rd, TREE_MAX_PATH);
		m->tops[i] = text(a, rd, TREE_MAX_PATH);
		if (!m->sources[i] || !m->tops[i])
			return unread(rd, e, "a source that cannot be");
		if (!tree_path_ok(m->tops[i], strlen(m->tops[i]), 0))
			return bad(e, "a source that cannot be");
	}
	return 0;
}

static int
get_ref(struct arena *a, struct rd *rd, const uint8_t *segs, uint64_t nsegs, struct tree_ref *f,
    struct err *e)
{
	uint64_t seg, off, len, count;

	f->dir = text(a, rd, TREE_MAX_PATH);
	f->name = text(a, rd, TREE_MAX_NAME);
	seg = rd_var(rd);
	off = rd_var(rd);
	len = rd_var(rd);
	count = rd_var(rd);
	if (rd->bad || !f->dir || !f->name)
		return unread(rd, e, "a block whose first entry cannot be");
	if (!tree_path_ok(f->dir, strlen(f->dir), 0) ||
	    !tree_name_ok(f->name, strlen(f->name)))
		return bad(e, "a block whose first entry cannot be");
	if (seg >= nsegs || len == 0 || len > TREE_MAX_BLOCK || off > FMT_MAX_STREAM ||
	    len > FMT_MAX_STREAM - off || count == 0 || count > TREE_MAX_BLOCK)
		return bad(e, "a block outside its segment");
	(void)memcpy(f->seg, segs + seg * FMT_ID_LEN, FMT_ID_LEN);
	f->off = (uint32_t)off;
	f->len = (uint32_t)len;
	f->count = (uint32_t)count;
	return 0;
}

static int
get_refs(struct arena *a, struct rd *rd, struct tree_manifest *m, struct err *e)
{
	uint64_t nsegs = rd_var(rd), n;
	const uint8_t *segs;

	if (rd->bad || nsegs > rd_left(rd) / FMT_ID_LEN)
		return bad(e, "more segments than there are bytes");
	segs = rd_bytes(rd, (size_t)nsegs * FMT_ID_LEN);
	n = rd_var(rd);
	if (rd->bad || n > MAX_REFS || n > rd_left(rd) / MIN_REF)
		return bad(e, "more blocks than there are bytes");
	m->nrefs = (uint32_t)n;
	m->refs = arena_alloc(a, (size_t)n * sizeof(*m->refs) + 1);
	if (!m->refs)
		return err_set(e, E_NOMEM, "no memory for a manifest");
	for (uint32_t i = 0; i < m->nrefs; i++) {
		int r = get_ref(a, rd, segs, nsegs, &m->refs[i], e);

		if (r < 0)
			return r;
		if (i > 0 && tree_key_cmp(m->refs[i - 1].dir, m->refs[i - 1].name,
		    m->refs[i].dir, m->refs[i].name) >= 0)
			return bad(e, "blocks are not in order");
	}
	return rd_end(rd) ? 0 : bad(e, "bytes after the end");
}

static int
get_all(struct arena *a, struct rd *rd, struct tree_manifest *m, struct err *e)
{
	uint8_t version = rd_u8(rd);
	const uint8_t *id;
	int r;

	if (rd->bad)
		return bad(e, "it is empty");
	if (version != TREE_MANIFEST_VERSION)
		return err_set(e, E_PROTO, "manifest: version %u is newer than this program",
		    version);
	id = rd_bytes(rd, FMT_ID_LEN);
	m->started = (int64_t)rd_u64(rd);
	m->name = text(a, rd, MAX_TEXT);
	m->host = text(a, rd, MAX_TEXT);
	if (rd->bad || !id || !m->name || !m->host)
		return unread(rd, e, "its head is cut or cannot be");
	(void)memcpy(m->id, id, FMT_ID_LEN);
	r = get_sources(a, rd, m, e);
	return r < 0 ? r : get_refs(a, rd, m, e);
}

int
tree_manifest_get(const uint8_t *p, size_t n, struct tree_manifest *ret, struct err *e)
{
	struct tree_manifest m = {0};
	struct rd rd = rd_init(p, n);
	struct arena *a = malloc(sizeof(*a));
	int r;

	if (!a)
		return err_set(e, E_NOMEM, "no memory for a manifest");
	/* a reference takes about ten times its shortest form, plus rounding */
	arena_init(a, n * 32 + 65536);
	m.mem = a;
	r = get_all(a, &rd, &m, e);
	if (r < 0) {
		arena_free(a);
		free(a);
		return r;
	}
	*ret = m;
	return 0;
}

void
tree_manifest_free(struct tree_manifest *m)
{
	if (!m || !m->mem)
		return;
	arena_free(m->mem);
	free(m->mem);
	*m = (struct tree_manifest){0};
}

uint32_t
tree_manifest_find(const struct tree_manifest *m, const char *dir, const char *name)
{
	uint32_t lo = 0, hi = m->nrefs;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (tree_key_cmp(m->refs[mid].dir, m->refs[mid].name, dir, name) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}
