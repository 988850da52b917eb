/* The keep ledger's handle: the box's key, opening, and what it tells. */
#include "vault/keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/secret.h"
#include "vault/keep_int.h"
#include "vault/keep_plan.h"
#include "vault/repo_int.h"

/* ---- the key ---- */

static const char key_head[] = "mamori-keep-key: v1\n";

static int
key_path(const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN], char out[96], struct err *e)
{
	int r = keys_place(pl, repo, out, e);

	if (r == 0)
		(void)snprintf(out + strlen(out), 96 - strlen(out), "/keep.key");
	return r;
}

static int
key_parse(const struct buf *b, const char *path, struct keep_key *k, struct err *e)
{
	enum { HEAD = sizeof(key_head) - 1, HEX = 2 * SIGN_SEED_LEN };
	char hex[HEX + 1];
	int r;

	if (b->len != HEAD + HEX + 1 || memcmp(b->p, key_head, HEAD) != 0)
		return err_set(e, E_PROTO, "%s is not a keep key of this version", path);
	(void)memcpy(hex, b->p + HEAD, HEX);
	hex[HEX] = 0;
	r = hex_get(k->seed, SIGN_SEED_LEN, hex);
	explicit_bzero(hex, sizeof(hex));
	return r < 0 ? err_set(e, E_CORRUPT, "%s is damaged", path) : 0;
}

static int
key_make(const struct fio *f, const struct vault_place *pl, const char *path, struct keep_key *k,
    struct err *e)
{
	char hex[2 * SIGN_SEED_LEN + 1];
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, 256);
	random_fill(k->seed, SIGN_SEED_LEN);
	hex_put(hex, k->seed, SIGN_SEED_LEN);
	r = buf_fmt(&b, e, "%s%s\n", key_head, hex);
	if (r == 0)
		r = keys_place_make(f, pl, k->repo, e);
	if (r == 0)
		r = fio_create(f, pl->statefd, path, b.p, b.len, 0600, e);
	explicit_bzero(hex, sizeof(hex));
	if (b.p)
		explicit_bzero(b.p, b.cap);
	return r;
}

int
keep_key_load(const struct fio *f, const struct vault_place *pl, const uint8_t repo[FMT_ID_LEN],
    bool make, struct keep_key *ret, struct err *e)
{
	struct keep_key k;
	struct buf AUTO(buf_free) b = {0};
	char path[96];
	int r;

	buf_init(&b, 256);
	(void)memcpy(k.repo, repo, FMT_ID_LEN);
	r = key_path(pl, repo, path, e);
	if (r == 0)
		r = fio_slurp(f, pl->statefd, path, &b, e);
	if (r == 0)
		r = key_parse(&b, path, &k, e);
	else if (r == E_NOENT && make) {
		r = key_make(f, pl, path, &k, e);
		if (r == E_EXIST) /* somebody else made it just now */
			return keep_key_load(f, pl, repo, false, ret, e);
	}
	if (b.p)
		explicit_bzero(b.p, b.cap);
	if (r == 0)
		*ret = k;
	explicit_bzero(&k, sizeof(k));
	return r;
}

int
vault_system_tag(const uint8_t index_key[32], const char *name, uint8_t out[KEEP_TAG_LEN],
    struct err *e)
{
	return kdf_hkdf(index_key, 32, name, strlen(name), "mamori keep system v1", out,
	    KEEP_TAG_LEN, e);
}

/* ---- opening ---- */

static int
make(struct keep *k, const struct vault_ident *id, const struct keep_time *now, struct err *e)
{
	struct keep_genesis g = {.at = {.ran = now->ran, .up = now->up, .wall = now->wall}};
	struct buf AUTO(buf_free) b = {0};
	int r;

	buf_init(&b, 512);
	(void)memcpy(g.repo, id->repo, FMT_ID_LEN);
	(void)memcpy(g.root, id->pin, SIGN_PUB_LEN);
	(void)memcpy(g.at.boot, now->boot, KEEP_BOOT_LEN);
	r = keep_genesis_put(&b, &g, e);
	if (r == 0)
		r = ledger_create(k->f, k->repofd, KEEP_DIR, k->signer, b.p, b.len, now->wall, e);
	return r == E_EXIST ? 0 : r; /* made by somebody else just now; opening tells */
}

static int
open_ledger(struct keep *k, const struct vault_ident *id, const struct keep_time *now,
    struct err *e)
{
	int r = ledger_open(k->f, k->repofd, KEEP_DIR, NULL, &k->l, e);

	if (r == E_NOENT && k->signer && now && !k->adopting) {
		r = make(k, id, now, e);
		if (r == 0)
			r = ledger_open(k->f, k->repofd, KEEP_DIR, NULL, &k->l, e);
	}
	return r;
}

static int
begin(struct keep *k, const struct vault_ident *id, struct err *e)
{
	struct keep_genesis g;
	uint8_t hash[DIGEST_LEN];
	const uint8_t *p;
	size_t n;
	int r;

	p = ledger_genesis(k->l, &n);
	r = keep_genesis_get(p, n, &g, e);
	if (r < 0)
		return r;
	if (memcmp(g.repo, id->repo, FMT_ID_LEN) != 0 ||
	    memcmp(g.root, id->pin, SIGN_PUB_LEN) != 0)
		return err_set(e, E_CORRUPT, "the keep ledger belongs to another vault");
	(void)memcpy(k->repo, g.repo, FMT_ID_LEN);
	(void)memcpy(k->root, g.root, SIGN_PUB_LEN);
	digest_sha256(k->root, SIGN_PUB_LEN, hash);
	(void)memcpy(k->root_id, hash, sizeof(k->root_id));
	keep_owned_by(k, ledger_key(k->l));
	k->last = g.at;
	k->next_seq = 1;
	return keep_refresh(k, e);
}

int
keep_open_as(const struct fio *f, int repofd, const struct vault_ident *id,
    const struct keep_key *key, const struct keep_time *now, bool adopting, struct keep **ret,
    struct err *e)
{
	struct keep *k = calloc(1, sizeof(*k));
	int r = 0;

	if (!k)
		return err_set(e, E_NOMEM, "no memory");
	k->f = f;
	k->repofd = repofd;
	k->adopting = adopting;
	vec_init(&k->gens, sizeof(struct keep_gen), KEEP_MAX_KNOWN);
	vec_init(&k->named, sizeof(struct keep_named), KEEP_MAX_NAMED);
	vec_init(&k->people, sizeof(struct keep_person), KEEP_MAX_APPROVERS);
	map_init(&k->by_id, KEEP_MAX_KNOWN);
	k->st.policy = *keep_policy_named(KEEP_POLICY_DEFAULT);
	if (key)
		r = signer_new(key->seed, &k->signer, e);
	if (r == 0)
		r = open_ledger(k, id, now, e);
	if (r == 0)
		r = begin(k, id, e);
	/* whoever made another ledger in its place did not make it with this key */
	if (r == 0 && k->signer && !adopting &&
	    memcmp(k->owner, signer_pub(k->signer), SIGN_PUB_LEN) != 0)
		r = err_set(e, E_AUTH, "another box looks after this vault");
	if (r < 0) {
		keep_close(k);
		return r;
	}
	if (k->signer && now && !adopting && !k->rooted)
		keep_root_in(k, now->wall);
	*ret = k;
	return 0;
}

int
keep_open(const struct fio *f, int repofd, const struct vault_ident *id, const struct keep_key *key,
    const struct keep_time *now, struct keep **ret, struct err *e)
{
	return keep_open_as(f, repofd, id, key, now, false, ret, e);
}

void
keep_close(struct keep *k)
{
	if (!k)
		return;
	ledger_close(k->l);
	signer_free(k->signer);
	vec_free(&k->gens);
	vec_free(&k->people);
	vec_free(&k->named);
	map_free(&k->by_id);
	free(k->ask.gens);
	free(k->going.runs);
	free(k->leaves);
	free(k);
}

int
keep_refresh(struct keep *k, struct err *e)
{
	return ledger_each(k->l, k->next_seq, keep_apply, k, e);
}

int
keep_sound(const struct keep *k, struct err *e)
{
	if (k->nodd == 0)
		return 0;
	return err_set(e, E_CORRUPT, "keep entry %llu: %s", (unsigned long long)k->odd_seq,
	    k->odd_why);
}

struct ledger *
keep_ledger(struct keep *k)
{
	return k->l;
}

/* ---- what is known ---- */

const struct keep_gen *
keep_gens(const struct keep *k, size_t *ret_n)
{
	*ret_n = k->gens.len;
	return k->gens.p;
}

struct keep_gen *
keep_known(const struct keep *k, const uint8_t id[FMT_ID_LEN])
{
	uintptr_t i = (uintptr_t)map_get(&k->by_id, id, FMT_ID_LEN);

	return i ? VEC_AT(&k->gens, struct keep_gen, i - 1) : NULL;
}

const struct keep_gen *
keep_find(const struct keep *k, const uint8_t id[FMT_ID_LEN])
{
	return keep_known(k, id);
}

bool
keep_pending(const struct keep *k, struct keep_request *ret)
{
	return keep_last_request(k, ret) && !ret->cancelled && !ret->executed;
}

bool
keep_last_request(const struct keep *k, struct keep_request *ret)
{
	if (!k->ask.any)
		return false;
	*ret = k->ask.q;
	ret->gens = (const uint8_t(*)[FMT_ID_LEN])k->ask.gens;
	ret->approvals = 0;
	for (unsigned i = 0; i < k->ask.npubs; i++)
		ret->approvals += keep_person(k, k->ask.pubs[i]) != NULL;
	ret->signed_before = k->st.policy_signed &&
	    keep_policy_same(&k->st.policy, &k->ask.q.policy);
	return true;
}

void
keep_state(const struct keep *k, struct keep_state *ret)
{
	*ret = k->st;
	ret->last = k->last;
	ret->approvers = 0;
	for (size_t i = 0; i < k->people.len; i++)
		ret->approvers += VEC_AT(&k->people, struct keep_person, i)->active;
	ret->intent_open = k->going.open;
	ret->rooted = k->rooted;
}

int64_t
keep_wall(const struct keep *k, int64_t c)
{
	int64_t ahead, wall;

	if (__builtin_sub_overflow(c, k->last.c, &ahead) ||
	    __builtin_add_overflow(k->last.wall, ahead, &wall))
		return INT64_MAX;
	return wall;
}

bool
keep_seg_leaves(const struct keep *k, uint32_t no)
{
	return no < k->leaves_n && (k->leaves[no / 8] >> (no % 8) & 1);
}

int
keep_may_commit(struct keep *k, const struct fmt_run *runs, uint32_t n, struct err *e)
{
	int r = keep_refresh(k, e);

	for (uint32_t i = 0; r == 0 && i < n; i++) {
		for (uint32_t s = 0; s < runs[i].count; s++) {
			if (keep_seg_leaves(k, runs[i].first + s))
				return err_set(e, E_BUSY,
				    "a segment that this generation would build on is being "
				    "removed");
		}
	}
	return r;
}
