#include "vault/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"

enum {
	FRAME = 256 << 10,
	FRAME_MAX = 64 << 20,
	FRAME_HEAD = 4 + 16,
	FILE_HEAD = 8 + FMT_ID_LEN + 8,
};

static const char magic[8] = "MMRIFLS1";

int
ext_add(struct extv *v, uint32_t seg, uint32_t off, uint64_t len, struct err *e)
{
	struct ext *last = v->n ? &v->p[v->n - 1] : NULL;

	if (last && last->seg == seg && (seg == UINT32_MAX || last->off + last->len == off)) {
		last->len += len;
		return 0;
	}
	if (v->n == v->cap) {
		uint32_t cap = v->cap ? v->cap * 2 : 1;
		void *p = reallocarray(v->p, cap, sizeof(*v->p));

		if (!p)
			return err_set(e, E_NOMEM, "no memory");
		v->p = p;
		v->cap = cap;
	}
	v->p[v->n++] = (struct ext){seg, seg == UINT32_MAX ? 0 : off, len};
	return 0;
}

void
ext_free(struct extv *v)
{
	free(v->p);
	*v = (struct extv){0};
}

/* list_path(pl, repo, system, out): STATE/vault/<id>/files-<digest of the system's name>. */
static int
list_path(const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN], const char *system,
    char out[160], struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	char dir[64], hex[17];
	int r = keys_place(pl, repo, dir, e);

	if (r < 0)
		return r;
	digest_sha256(system, strlen(system), hash);
	hex_put(hex, hash, 8);
	(void)snprintf(out, 160, "%s/files-%s", dir, hex);
	return 0;
}

/* ---- writing ---- */

struct files_w {
	const struct fio *f;
	int dirfd, fd;
	char path[160], tmp[176];
	uint64_t at;
	struct index *ix;
	uint32_t *seg_map; /* index number -> number in the file + 1 */
	uint32_t map_cap, nsegs;
	struct buf defs, body, dir;
	uint32_t ndefs, count;
	bool bad;
};

int
files_w_new(const struct fio *f, const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN],
    const char *system, int64_t started, struct index *ix, struct files_w **ret, struct err *e)
{
	struct files_w *w = calloc(1, sizeof(*w));
	uint8_t head[FILE_HEAD];
	int r;

	if (!w)
		return err_set(e, E_NOMEM, "no memory");
	w->f = f;
	w->dirfd = pl->statefd;
	w->fd = -1;
	w->ix = ix;
	buf_init(&w->defs, FRAME_MAX);
	buf_init(&w->body, FRAME_MAX);
	buf_init(&w->dir, TREE_MAX_PATH + 1);
	r = list_path(pl, repo, system, w->path, e);
	if (r == 0) {
		(void)snprintf(w->tmp, sizeof(w->tmp), "%s.%08x", w->path, arc4random());
		w->fd = fio_open(f, w->dirfd, w->tmp, O_RDWR | O_CREAT | O_EXCL, 0600, e);
		r = w->fd < 0 ? w->fd : 0;
	}
	(void)memcpy(head, magic, 8);
	(void)memcpy(head + 8, repo, FMT_ID_LEN);
	le64_put(head + 8 + FMT_ID_LEN, (uint64_t)started);
	if (r == 0)
		r = fio_pwrite_all(f, w->fd, head, sizeof(head), 0, e);
	if (r < 0) {
		files_w_end(w, false);
		return r;
	}
	w->at = FILE_HEAD;
	*ret = w;
	return 0;
}

static int
seg_number(struct files_w *w, uint32_t no, uint32_t *ret, struct err *e)
{
	uint8_t id[FMT_ID_LEN];
	int r;

	if (no >= w->map_cap) {
		uint32_t cap = no + 256;
		uint32_t *p = reallocarray(w->seg_map, cap, sizeof(*p));

		if (!p)
			return err_set(e, E_NOMEM, "no memory");
		(void)memset(p + w->map_cap, 0, (cap - w->map_cap) * sizeof(*p));
		w->seg_map = p;
		w->map_cap = cap;
	}
	if (!w->seg_map[no]) {
		index_seg_id(w->ix, no, id);
		r = buf_put(&w->defs, id, FMT_ID_LEN, e);
		if (r < 0)
			return r;
		w->ndefs++;
		w->seg_map[no] = ++w->nsegs;
	}
	*ret = w->seg_map[no];
	return 0;
}

static int
flush_frame(struct files_w *w, struct err *e)
{
	struct buf AUTO(buf_free) out = {0};
	uint8_t hash[DIGEST_LEN];
	int r;

	if (w->count == 0)
		return 0;
	buf_init(&out, 2 * (size_t)FRAME_MAX + 64);
	r = buf_reserve(&out, FRAME_HEAD, e);
	out.len = FRAME_HEAD;
	if (r == 0)
		r = buf_var(&out, w->ndefs, e);
	if (r == 0)
		r = buf_put(&out, w->defs.p, w->defs.len, e);
	if (r == 0)
		r = buf_var(&out, w->count, e);
	if (r == 0)
		r = buf_put(&out, w->body.p, w->body.len, e);
	if (r < 0)
		return r;
	le32_put(out.p, (uint32_t)(out.len - FRAME_HEAD));
	digest_sha256(out.p + FRAME_HEAD, out.len - FRAME_HEAD, hash);
	(void)memcpy(out.p + 4, hash, 16);
	r = fio_pwrite_all(w->f, w->fd, out.p, out.len, w->at, e);
	if (r < 0)
		return r;
	w->at += out.len;
	buf_clear(&w->defs);
	buf_clear(&w->body);
	buf_clear(&w->dir);
	w->ndefs = w->count = 0;
	return 0;
}

static int
put_dir(struct files_w *w, const char *dir, struct err *e)
{
	size_t n = strlen(dir);
	int r;

	if (w->count && w->dir.len == n && memcmp(w->dir.p, dir, n) == 0)
		return buf_u8(&w->body, 0, e);
	r = buf_u8(&w->body, 1, e);
	if (r == 0)
		r = buf_blob(&w->body, dir, n, e);
	buf_clear(&w->dir);
	if (r == 0)
		r = buf_put(&w->dir, dir, n, e);
	return r;
}

static int
put_facts(struct files_w *w, const struct files_entry *en, struct err *e)
{
	const uint64_t num[] = {en->ino, en->size, (uint64_t)en->mtime, (uint64_t)en->ctime,
		(uint64_t)en->read_at};
	int r = buf_blob(&w->body, en->name, strlen(en->name), e);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(num); i++)
		r = buf_u64(&w->body, num[i], e);
	if (r == 0)
		r = buf_u8(&w->body, en->flags, e);
	if (r == 0)
		r = buf_put(&w->body, en->fid, TREE_FID_LEN, e);
	if (r == 0)
		r = buf_var(&w->body, en->nxattrs, e);
	for (uint32_t i = 0; r == 0 && i < en->nxattrs; i++) {
		r = buf_blob(&w->body, en->xattrs[i].name, strlen(en->xattrs[i].name), e);
		if (r == 0)
			r = buf_blob(&w->body, en->xattrs[i].value, en->xattrs[i].len, e);
	}
	return r;
}

int
files_w_add(struct files_w *w, const struct files_entry *en, struct err *e)
{
	int r = put_dir(w, en->dir, e);

	if (r == 0)
		r = put_facts(w, en, e);
	if (r == 0)
		r = buf_var(&w->body, en->ext.n, e);
	for (uint32_t i = 0; r == 0 && i < en->ext.n; i++) {
		const struct ext *x = &en->ext.p[i];
		uint32_t no = 0;

		if (x->seg != UINT32_MAX)
			r = seg_number(w, x->seg, &no, e);
		if (r == 0)
			r = buf_var(&w->body, no, e);
		if (r == 0)
			r = buf_var(&w->body, x->off, e);
		if (r == 0)
			r = buf_var(&w->body, x->len, e);
	}
	if (r == 0) {
		w->count++;
		if (w->body.len >= FRAME)
			r = flush_frame(w, e);
	}
	if (r < 0)
		w->bad = true;
	return r;
}

void
files_w_end(struct files_w *w, bool keep)
{
	int r;

	if (!w)
		return;
	r = w->bad || !keep ? -1 : flush_frame(w, NULL);
	/* Not synced on purpose: after a power cut the digests tell whether it is whole. */
	fio_close(w->f, w->fd);
	if (r == 0)
		r = fio_rename(w->f, w->dirfd, w->tmp, w->dirfd, w->path, true, NULL);
	if (r < 0 && w->fd >= 0)
		(void)fio_unlink(w->f, w->dirfd, w->tmp, NULL);
	free(w->seg_map);
	buf_free(&w->defs);
	buf_free(&w->body);
	buf_free(&w->dir);
	free(w);
}

/* ---- reading ---- */

struct files_r {
	const struct fio *f;
	int fd;
	uint64_t at;
	int64_t started;
	struct index *ix;
	uint32_t *segs; /* file number - 1 -> index number or UINT32_MAX */
	uint32_t nsegs, cap_segs;
	struct buf frame;
	struct rd rd;
	uint32_t left; /* entries of the frame not read */
	bool have, end;
	bool met; /* the entry at hand was asked for */
	bool bad; /* damage: the rest was not seen */
	struct files_seen seen;
	struct buf dir, name, text;
	struct tree_xattr xattrs[TREE_MAX_XATTRS];
	struct files_entry en;
};

int
files_r_open(const struct fio *f, const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN],
    const char *system, struct index *ix, struct files_r **ret, struct err *e)
{
	uint8_t head[FILE_HEAD];
	char path[160];
	struct files_r *r;
	int fd, x;

	*ret = NULL;
	x = list_path(pl, repo, system, path, e);
	if (x < 0)
		return x;
	fd = fio_open(f, pl->statefd, path, O_RDONLY, 0, NULL);
	if (fd < 0)
		return 0;
	x = fio_pread_all(f, fd, head, sizeof(head), 0, NULL);
	if (x < 0 || memcmp(head, magic, 8) != 0 || memcmp(head + 8, repo, FMT_ID_LEN) != 0) {
		fio_close(f, fd);
		return 0;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		fio_close(f, fd);
		return err_set(e, E_NOMEM, "no memory");
	}
	r->f = f;
	r->fd = fd;
	r->at = FILE_HEAD;
	r->started = (int64_t)le64_get(head + 8 + FMT_ID_LEN);
	r->ix = ix;
	buf_init(&r->frame, 2 * (size_t)FRAME_MAX + 64);
	buf_init(&r->dir, TREE_MAX_PATH + 1);
	buf_init(&r->name, TREE_MAX_NAME + 1);
	buf_init(&r->text, FRAME_MAX);
	*ret = r;
	return 0;
}

int64_t
files_r_started(const struct files_r *r)
{
	return r->started;
}

static int
add_def(struct files_r *r, const uint8_t *id)
{
	if (r->nsegs == r->cap_segs) {
		uint32_t cap = r->cap_segs ? r->cap_segs * 2 : 64;
		void *p = reallocarray(r->segs, cap, sizeof(*r->segs));

		if (!p)
			return -1;
		r->segs = p;
		r->cap_segs = cap;
	}
	r->segs[r->nsegs++] = index_seg_no(r->ix, id);
	return 0;
}

/* next_frame(r): False at the end or at the first sign of damage: the rest is then read anew. */
static bool
next_frame(struct files_r *r)
{
	uint8_t head[FRAME_HEAD], hash[DIGEST_LEN];
	uint64_t defs;
	uint32_t len;

	if (fio_pread(r->f, r->fd, head, sizeof(head), r->at, NULL) != FRAME_HEAD)
		return false;
	len = le32_get(head);
	buf_clear(&r->frame);
	if (buf_reserve(&r->frame, len, NULL) < 0 ||
	    fio_pread_all(r->f, r->fd, r->frame.p, len, r->at + FRAME_HEAD, NULL) < 0)
		return false;
	digest_sha256(r->frame.p, len, hash);
	if (memcmp(hash, head + 4, 16) != 0)
		return false;
	r->at += FRAME_HEAD + len;
	r->rd = rd_init(r->frame.p, len);
	defs = rd_var(&r->rd);
	for (uint64_t i = 0; i < defs; i++) {
		const uint8_t *id = rd_bytes(&r->rd, FMT_ID_LEN);

		if (!id || add_def(r, id) < 0)
			return false;
	}
	r->left = (uint32_t)rd_var(&r->rd);
	return !r->rd.bad;
}

static bool
text_of(struct rd *rd, struct buf *out, size_t max)
{
	size_t n = 0;
	const unsigned char *p = rd_blob(rd, max, &n);

	buf_clear(out);
	return p && buf_put(out, p, n, NULL) == 0 && buf_cstr(out, NULL);
}

static bool
get_xattrs(struct files_r *r)
{
	uint64_t n = rd_var(&r->rd);
	size_t starts[TREE_MAX_XATTRS];

	if (r->rd.bad || n > TREE_MAX_XATTRS)
		return false;
	buf_clear(&r->text);
	for (uint64_t i = 0; i < n; i++) {
		size_t len = 0, vlen = 0;
		const unsigned char *p = rd_blob(&r->rd, 255, &len);
		const unsigned char *v = p ? rd_blob(&r->rd, TREE_MAX_XATTR, &vlen) : NULL;

		starts[i] = r->text.len;
		if (!v || buf_put(&r->text, p, len, NULL) < 0 || buf_u8(&r->text, 0, NULL) < 0)
			return false;
		r->xattrs[i].value = v;
		r->xattrs[i].len = vlen;
	}
	for (uint64_t i = 0; i < n; i++)
		r->xattrs[i].name = (const char *)r->text.p + starts[i];
	r->en.xattrs = r->xattrs;
	r->en.nxattrs = (uint32_t)n;
	return true;
}

static bool
get_extents(struct files_r *r)
{
	uint64_t n = rd_var(&r->rd);

	r->en.ext.n = 0;
	r->en.usable = true;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t no = rd_var(&r->rd);
		uint64_t off = rd_var(&r->rd);
		uint64_t len = rd_var(&r->rd);
		uint32_t seg = UINT32_MAX;

		if (r->rd.bad || no > r->nsegs || off >= FMT_MAX_STREAM)
			return false;
		if (no) {
			seg = r->segs[no - 1];
			if (seg == UINT32_MAX)
				r->en.usable = false;
		}
		if (ext_add(&r->en.ext, seg, (uint32_t)off, len, NULL) < 0)
			return false;
	}
	return true;
}

static bool
next_entry(struct files_r *r)
{
	const unsigned char *fid;

	while (r->left == 0) {
		struct stat st;

		if (fstat(r->fd, &st) < 0 || (uint64_t)st.st_size > r->at)
			r->bad = true; /* unless a whole frame follows */
		if (!next_frame(r))
			return false;
		r->bad = false;
	}
	r->left--;
	r->bad = true; /* until the whole entry is read */
	if (rd_u8(&r->rd) == 1 && !text_of(&r->rd, &r->dir, TREE_MAX_PATH))
		return false;
	if (!text_of(&r->rd, &r->name, TREE_MAX_NAME))
		return false;
	r->en.dir = buf_cstr(&r->dir, NULL);
	r->en.name = (const char *)r->name.p;
	r->en.ino = rd_u64(&r->rd);
	r->en.size = rd_u64(&r->rd);
	r->en.mtime = (int64_t)rd_u64(&r->rd);
	r->en.ctime = (int64_t)rd_u64(&r->rd);
	r->en.read_at = (int64_t)rd_u64(&r->rd);
	r->en.flags = rd_u8(&r->rd);
	fid = rd_bytes(&r->rd, TREE_FID_LEN);
	if (!fid || !r->en.dir)
		return false;
	(void)memcpy(r->en.fid, fid, TREE_FID_LEN);
	r->bad = !get_xattrs(r) || !get_extents(r);
	return !r->bad;
}

static bool
advance(struct files_r *r)
{
	r->have = next_entry(r);
	r->met = false;
	r->end = !r->have;
	return r->have;
}

/* leave(r, dir, name): Past the entry at hand; ${dir} and ${name}: what is asked for instead. */
static void
leave(struct files_r *r, const char *dir, const char *name)
{
	size_t n = strlen(r->en.name);

	r->seen.all++;
	r->have = false;
	if (r->met)
		return;
	r->seen.gone++;
	r->seen.renamed += strcmp(r->en.dir, dir) == 0 && strncmp(r->en.name, name, n) == 0 &&
	    name[n] == '.';
}

const struct files_entry *
files_r_find(struct files_r *r, const char *dir, const char *name)
{
	while (!r->end) {
		int c;

		if (!r->have && !advance(r))
			return NULL;
		c = tree_key_cmp(r->en.dir, r->en.name, dir, name);
		if (c == 0) {
			r->met = true;
			return &r->en;
		}
		if (c > 0)
			return NULL;
		leave(r, dir, name);
	}
	return NULL;
}

bool
files_r_seen(struct files_r *r, struct files_seen *ret)
{
	while (!r->end && (r->have || advance(r)))
		leave(r, "", "");
	*ret = r->seen;
	return !r->bad;
}

void
files_r_close(struct files_r *r)
{
	if (!r)
		return;
	fio_close(r->f, r->fd);
	free(r->segs);
	buf_free(&r->frame);
	buf_free(&r->dir);
	buf_free(&r->name);
	buf_free(&r->text);
	ext_free(&r->en.ext);
	free(r);
}
