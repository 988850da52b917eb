/* The reading handle: opening with whatever key there is, the list, and opened generations. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "vault/remote.h"
#include "vault/segr.h"

static int
open_with_secret(struct vault_r *r, const uint8_t *secret, struct err *e)
{
	struct keys_all k;
	int x = keys_derive(secret, &k, e);

	if (x == 0)
		x = repo_index_key(r->repo, k.index, e);
	if (x == 0)
		x = seal_key_new(k.seal, &r->seal, e);
	if (x == 0)
		x = hmac_new(k.dedup, sizeof(k.dedup), &r->dedup, e);
	explicit_bzero(&k, sizeof(k));
	return x;
}

static int
open_with_place(struct vault_r *r, const struct vault_place *pl, struct err *e)
{
	struct vault_writer_key k;
	int x = vault_key_load(r->repo->f, pl, r->repo->ident.repo, &k, e);

	if (x == E_AUTH)
		return 0; /* keyless */
	if (x < 0)
		return x;
	x = repo_index_key(r->repo, k.index, e);
	if (x == 0)
		x = hmac_new(k.dedup, sizeof(k.dedup), &r->dedup, e);
	if (x == 0)
		x = ring_load(r->repo->f, pl, r->repo->ident.repo, &r->ring, e);
	explicit_bzero(&k, sizeof(k));
	return x;
}

int
vault_r_open(const struct fio *f, const char *path, const struct vault_open *o, VAULT_R **ret,
    struct err *e)
{
	struct vault_r *r = calloc(1, sizeof(*r));
	int x;

	if (!r)
		return err_set(e, E_NOMEM, "no memory");
	(void)pthread_mutex_init(&r->lock, NULL);
	ring_init(&r->ring);
	r->cache_bytes = o->cache_bytes ? o->cache_bytes : 32 << 20;
	x = repo_open_at(f, path, o->place, false, o->fresh, &r->repo, e);
	if (x == 0 && o->secret)
		x = open_with_secret(r, o->secret, e);
	else if (x == 0 && o->place && o->place->statefd >= 0)
		x = open_with_place(r, o->place, e);
	if (x < 0) {
		vault_r_close(r);
		return x;
	}
	*ret = r;
	return 0;
}

void
vault_r_close(VAULT_R *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->nopen; i++) {
		if (r->open[i].open)
			seg_close(&r->open[i]);
	}
	free(r->open);
	seal_key_free(r->seal);
	hmac_free(r->dedup);
	ring_free(&r->ring);
	repo_close(r->repo);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

const struct vault_ident *
vault_r_ident(const VAULT_R *r)
{
	return &r->repo->ident;
}

int
vault_r_sound(const VAULT_R *r, struct err *e)
{
	return repo_sound(r->repo, e);
}

const struct vault_generation *
vault_r_list(const VAULT_R *r, size_t *ret_n)
{
	*ret_n = r->repo->ngens;
	return r->repo->gens;
}

const struct hmac *
vault_r_dedup(const VAULT_R *r)
{
	return r->dedup;
}

const struct vault_seg *
vault_r_segments(const VAULT_R *r, uint32_t *ret_n)
{
	*ret_n = r->repo->nsegs;
	return r->repo->segs;
}

uint32_t
vault_r_lock_days(const VAULT_R *r)
{
	return r->repo->genesis.lock_days;
}

bool
vault_r_gone(const VAULT_R *r, uint32_t no)
{
	return repo_gone(r->repo, no);
}

int
vault_r_segdir(const VAULT_R *r)
{
	return r->repo->segfd;
}

int
vault_r_dir(const VAULT_R *r)
{
	return r->repo->dirfd;
}

bool
vault_r_far(const VAULT_R *r)
{
	return r->repo->rem != NULL;
}

void
vault_r_eager(VAULT_R *r)
{
	if (!r->repo->rem)
		return;
	r->eager = true;
	remote_eager(r->repo->rem);
}

const struct fio *
vault_r_fio(const VAULT_R *r)
{
	return r->repo->f;
}

static bool
by_name(const struct vault_generation *g, const char *what)
{
	return g->info_ok && strcmp(g->info.name, what) == 0;
}

int
vault_r_find(const VAULT_R *r, const char *what, const struct vault_generation **ret,
    struct err *e)
{
	const struct vault_generation *found = NULL;
	size_t n = strlen(what);
	char hex[2 * FMT_ID_LEN + 1];

	if (r->repo->ngens == 0)
		return err_set(e, E_NOENT, "the vault holds no generation yet");
	for (size_t i = r->repo->ngens; i-- > 0 && !found;) {
		const struct vault_generation *g = &r->repo->gens[i];

		/* one whose description nobody can read is no help */
		if (g->removed)
			continue;
		if ((strcmp(what, "latest") == 0 && (g->info_ok || !r->repo->have_index)) ||
		    by_name(g, what))
			found = &r->repo->gens[i];
	}
	for (size_t i = 0; !found && n >= 4 && i < r->repo->ngens; i++) {
		hex_put(hex, r->repo->gens[i].id, FMT_ID_LEN);
		if (strncmp(hex, what, n) != 0)
			continue;
		for (size_t k = i + 1; k < r->repo->ngens; k++) {
			hex_put(hex, r->repo->gens[k].id, FMT_ID_LEN);
			if (strncmp(hex, what, n) == 0)
				return err_set(e, E_INVAL,
				    "\"%s\" fits more than one generation; give more digits", what);
		}
		found = &r->repo->gens[i];
	}
	if (!found)
		return err_set(e, E_NOENT, "there is no generation \"%.60s\"", what);
	*ret = found;
	return 0;
}

/* ---- an opened generation ---- */

struct vault_gen {
	struct vault_r *r;
	struct tree_manifest m;
	pthread_mutex_t lock; /* of ctx */
	struct vault_ctx *ctx;
};

static int
load_manifest(struct vault_gen *g, const struct fmt_snap_info *info, struct err *e)
{
	uint8_t *p = malloc(info->manifest_len ? info->manifest_len : 1);
	int x;

	if (!p)
		return err_set(e, E_NOMEM, "no memory for a manifest");
	x = vault_read(g->ctx, info->manifest_seg, info->manifest_off, p, info->manifest_len, e);
	if (x == 0)
		x = tree_manifest_get(p, info->manifest_len, &g->m, e);
	free(p);
	return x;
}

int
vault_gen_open(VAULT_R *r, const struct vault_generation *gen, struct vault_gen **ret,
    struct err *e)
{
	struct vault_gen *g;
	int x;

	if (gen->removed)
		return err_set(e, E_NOENT, "this generation was removed");
	if (!gen->info_ok && r->repo->have_index)
		return err_set(e, E_CORRUPT, "the description of this generation is damaged");
	if (!gen->info_ok)
		return err_set(e, E_AUTH, "reading this needs the recovery key");
	g = calloc(1, sizeof(*g));
	if (!g)
		return err_set(e, E_NOMEM, "no memory");
	g->r = r;
	(void)pthread_mutex_init(&g->lock, NULL);
	x = vault_ctx_new(r, 8, &g->ctx, e);
	if (x == 0)
		x = load_manifest(g, &gen->info, e);
	if (x == 0 && memcmp(g->m.id, gen->id, FMT_ID_LEN) != 0)
		x = err_set(e, E_CORRUPT, "the manifest is another generation's");
	if (x < 0) {
		vault_gen_close(g);
		return x;
	}
	*ret = g;
	return 0;
}

void
vault_gen_close(struct vault_gen *g)
{
	if (!g)
		return;
	tree_manifest_free(&g->m);
	vault_ctx_free(g->ctx);
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
}

const struct tree_manifest *
vault_gen_manifest(const struct vault_gen *g)
{
	return &g->m;
}

int
vault_gen_block(struct vault_gen *g, uint32_t i, struct buf *ret, struct err *e)
{
	const struct tree_ref *ref;
	int x;

	if (i >= g->m.nrefs)
		return err_set(e, E_INVAL, "no such block");
	ref = &g->m.refs[i];
	buf_clear(ret);
	x = buf_reserve(ret, ref->len, e);
	if (x < 0)
		return x;
	(void)pthread_mutex_lock(&g->lock);
	x = vault_read(g->ctx, ref->seg, ref->off, ret->p, ref->len, e);
	(void)pthread_mutex_unlock(&g->lock);
	if (x == 0)
		ret->len = ref->len;
	return x;
}
