/* The catalog of a disk: a pure codec. */
#include <stdlib.h>
#include <string.h>

#include "vault/disk_int.h"

/* The first kind, which said nothing of a keep ledger, is still read. */
static const char magic[8] = {'M', 'M', 'R', 'I', 'D', 'C', 'A', '2'};
static const char first_kind[8] = {'M', 'M', 'R', 'I', 'D', 'C', 'A', '1'};

enum { MAX_SEGS = 1 << 22, MAX_IDENT = 8192, KEEP_WORDS = 16 };

void
disk_cat_init(struct disk_cat *c)
{
	*c = (struct disk_cat){.log_pos = 0};
	buf_init(&c->ident, MAX_IDENT);
}

void
disk_cat_free(struct disk_cat *c)
{
	buf_free(&c->ident);
	free(c->segs);
	c->segs = NULL;
	c->nsegs = c->cap = 0;
}

int
disk_cat_add(struct disk_cat *c, const struct disk_seg *s, struct err *e)
{
	if (c->nsegs >= MAX_SEGS)
		return err_set(e, E_LIMIT, "more segments than a disk can list");
	if (c->nsegs == c->cap) {
		uint32_t cap = c->cap ? c->cap * 2 : 256;
		void *p = reallocarray(c->segs, cap, sizeof(*c->segs));

		if (!p)
			return err_set(e, E_NOMEM, "no memory for %u segments", cap);
		c->segs = p;
		c->cap = cap;
	}
	c->segs[c->nsegs++] = *s;
	return 0;
}

int
disk_cat_put(struct buf *b, const struct disk_cat *c, struct err *e)
{
	int r = buf_put(b, magic, sizeof(magic), e);

	if (r == 0)
		r = buf_blob(b, c->ident.p, c->ident.len, e);
	if (r == 0)
		r = buf_u64(b, c->log_pos, e);
	if (r == 0)
		r = buf_u64(b, c->log_len, e);
	if (r == 0)
		r = buf_u64(b, c->log_records, e);
	if (r == 0)
		r = buf_u64(b, c->generations, e);
	if (r == 0)
		r = buf_u64(b, (uint64_t)c->newest, e);
	if (r == 0)
		r = buf_u32(b, c->nsegs, e);
	for (uint32_t i = 0; i < c->nsegs && r == 0; i++) {
		r = buf_put(b, c->segs[i].id, FMT_ID_LEN, e);
		if (r == 0)
			r = buf_u32(b, c->segs[i].npages, e);
		if (r == 0)
			r = buf_u64(b, c->segs[i].pos, e);
	}
	if (r == 0)
		r = buf_u64(b, c->keep_pos, e);
	return r < 0 ? r : buf_u64(b, c->keep_len, e);
}

int
disk_cat_get(const void *p, size_t n, struct disk_cat *c, struct err *e)
{
	struct rd r = rd_init(p, n);
	const uint8_t *m = rd_bytes(&r, sizeof(magic)), *ident;
	size_t len = 0;
	uint32_t count;
	uint64_t rest;
	bool first;
	int x;

	first = m && memcmp(m, first_kind, sizeof(first_kind)) == 0;
	if (!m || (!first && memcmp(m, magic, sizeof(magic)) != 0))
		return err_set(e, E_PROTO, "the disk's catalog is of another version");
	ident = rd_blob(&r, MAX_IDENT, &len);
	c->log_pos = rd_u64(&r);
	c->log_len = rd_u64(&r);
	c->log_records = rd_u64(&r);
	c->generations = rd_u64(&r);
	c->newest = (int64_t)rd_u64(&r);
	count = rd_u32(&r);
	rest = (uint64_t)count * (FMT_ID_LEN + 12) + (first ? 0 : KEEP_WORDS);
	if (!ident || r.bad || rd_left(&r) != rest)
		return err_set(e, E_CORRUPT, "the disk's catalog makes no sense");
	buf_clear(&c->ident);
	c->nsegs = 0;
	x = buf_put(&c->ident, ident, len, e);
	for (uint32_t i = 0; i < count && x == 0; i++) {
		struct disk_seg s = {.npages = 0};

		(void)memcpy(s.id, rd_bytes(&r, FMT_ID_LEN), FMT_ID_LEN);
		s.npages = rd_u32(&r);
		s.pos = rd_u64(&r);
		if (s.npages == 0 || s.npages > FMT_MAX_PAGES ||
		    s.pos > (uint64_t)DISK_MAX_CHUNKS * DISK_ROOM)
			return err_set(e, E_CORRUPT, "the disk's catalog makes no sense");
		x = disk_cat_add(c, &s, e);
	}
	c->keep_pos = c->keep_len = 0;
	if (x == 0 && !first) {
		c->keep_pos = rd_u64(&r);
		c->keep_len = rd_u64(&r);
	}
	return x;
}
