#include <stdlib.h>

#include "base/num.h"
#include "vault/tree_int.h"

enum { ITEM_LEN = 32, MAX_ITEMS = 8 << 20 };

struct tree_fid {
	const struct hmac *h;
	struct buf items;
	uint64_t hole; /* not written yet, so that neighbours merge */
};

int
tree_fid_new(const struct hmac *h, struct tree_fid **ret, struct err *e)
{
	struct tree_fid *f = calloc(1, sizeof(*f));

	if (!f)
		return err_set(e, E_NOMEM, "no memory for a file digest");
	f->h = h;
	buf_init(&f->items, MAX_ITEMS);
	*ret = f;
	return 0;
}

void
tree_fid_free(struct tree_fid *f)
{
	if (!f)
		return;
	buf_free(&f->items);
	free(f);
}

void
tree_fid_reset(struct tree_fid *f)
{
	buf_clear(&f->items);
	f->hole = 0;
}

static int
flush_hole(struct tree_fid *f, struct err *e)
{
	uint8_t item[ITEM_LEN] = "hole";

	if (f->hole == 0)
		return 0;
	le64_put(item + 8, f->hole);
	f->hole = 0;
	return buf_put(&f->items, item, sizeof(item), e);
}

int
tree_fid_chunk(struct tree_fid *f, const uint8_t id[FMT_CHUNK_ID_LEN], struct err *e)
{
	int r = flush_hole(f, e);

	return r < 0 ? r : buf_put(&f->items, id, FMT_CHUNK_ID_LEN, e);
}

int
tree_fid_hole(struct tree_fid *f, uint64_t len, struct err *e)
{
	if (__builtin_add_overflow(f->hole, len, &f->hole))
		return err_set(e, E_INVAL, "holes that are too long together");
	return 0;
}

int
tree_fid_span(struct tree_fid *f, uint8_t out[DIGEST_LEN], struct err *e)
{
	int r = flush_hole(f, e);

	if (r < 0)
		return r;
	hmac_of(f->h, f->items.p, f->items.len, out);
	tree_fid_reset(f);
	return 0;
}

void
tree_fid_join(const struct hmac *h, const uint8_t (*spans)[DIGEST_LEN], size_t n,
    uint8_t out[TREE_FID_LEN])
{
	uint8_t all[DIGEST_LEN];

	if (n != 1)
		hmac_of(h, spans, n * DIGEST_LEN, all);
	else
		(void)memcpy(all, spans[0], DIGEST_LEN);
	(void)memcpy(out, all, TREE_FID_LEN);
}
