/* Segments on which no new generation may be built. A scrub that finds damage writes them down; the
 * index then proves nothing by them, so their chunks and files are read and stored anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/repo_int.h"

enum { MAX_IDS = 65536 };

static int
list_path(const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN], char out[96],
    struct err *e)
{
	char dir[64];
	int r = keys_place(pl, repo, dir, e);

	if (r == 0)
		(void)snprintf(out, 96, "%s/distrust", dir);
	return r;
}

int
distrust_load(const struct fio *f, const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN],
    struct buf *ret, struct err *e)
{
	char path[96];
	int r;

	buf_init(ret, (size_t)MAX_IDS * FMT_ID_LEN);
	r = list_path(pl, repo, path, e);
	if (r == 0)
		r = fio_slurp(f, pl->statefd, path, ret, e);
	ret->len -= ret->len % FMT_ID_LEN;
	return r == E_NOENT ? 0 : r;
}

static bool
listed(const struct buf *b, const uint8_t id[FMT_ID_LEN])
{
	for (size_t at = 0; at < b->len; at += FMT_ID_LEN) {
		if (memcmp(b->p + at, id, FMT_ID_LEN) == 0)
			return true;
	}
	return false;
}

int
vault_distrust(const struct fio *f, const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN],
    const uint8_t (*ids)[FMT_ID_LEN], size_t n, struct err *e)
{
	struct buf b;
	char path[96];
	size_t old;
	int r = distrust_load(f, pl, repo, &b, e);

	old = b.len;
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!listed(&b, ids[i]))
			r = buf_put(&b, ids[i], FMT_ID_LEN, e);
	}
	if (r == 0 && b.len != old)
		r = list_path(pl, repo, path, e);
	if (r == 0 && b.len != old)
		r = fio_replace(f, pl->statefd, path, b.p, b.len, 0600, e);
	buf_free(&b);
	return r;
}
