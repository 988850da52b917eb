/* A vault of vlib.h whose keep ledger runs on a clock of the test's own. */
#ifndef MAMORI_TESTS_FAULT_KEEPLIB_H
#define MAMORI_TESTS_FAULT_KEEPLIB_H

#include "fault/vlib.h"

#include "vault/keep_auth.h"
#include "vault/keep_poison.h"
#include "vault/keep_reap.h"
#include "vault/repo_int.h"

struct kt {
	struct vt *v;
	int fd;
	struct vault_ident id;
	struct keep_key key;
	struct keep *k;
	struct keep_time now;
	struct signer *root, *people[3];
};

static inline void
kt_pass(struct kt *t, double days)
{
	int64_t us = (int64_t)(days * 86400e6);

	t->now.ran += us;
	t->now.up += us;
	t->now.wall += us;
	t->v->now = t->now.wall;
}

/* kt_open(t, f): The ledger, with this box's key. */
static inline int
kt_open(struct kt *t, const struct fio *f, struct err *e)
{
	int r = vault_identify(fio_os(), t->v->repo, &t->id, e);

	if (r == 0)
		r = t->fd = open(t->v->repo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r >= 0)
		r = keep_key_load(f, &t->v->place, t->id.repo, true, &t->key, e);
	return r < 0 ? r : keep_open(f, t->fd, &t->id, &t->key, &t->now, &t->k, e);
}

static inline void
kt_close(struct kt *t)
{
	keep_close(t->k);
	t->k = NULL;
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = -1;
}

/* kt_keys(t): The recovery key's signer and three people. */
static inline void
kt_keys(struct kt *t)
{
	if (keep_root(t->v->secret, &t->root, NULL) < 0)
		vt_die("keys");
	for (int i = 0; i < 3; i++) {
		uint8_t seed[SIGN_SEED_LEN] = {(uint8_t)(i + 1)};

		if (signer_new(seed, &t->people[i], NULL) < 0)
			vt_die("keys");
	}
}

static inline void
kt_keys_free(struct kt *t)
{
	signer_free(t->root);
	for (int i = 0; i < 3; i++)
		signer_free(t->people[i]);
}

/* kt_new(t, v): A vault, its ledger, two approvers. The clock begins an hour ago. */
static inline void
kt_new(struct kt *t, struct vt *v, const struct fio *f)
{
	struct err e = {0};

	*t = (struct kt){.v = v, .fd = -1, .now = {.boot = {7}, .ran = 1000000, .up = 1000000}};
	t->now.wall = v->now;
	kt_keys(t);
	if (vt_init(v, f, &e) < 0 || kt_open(t, f, &e) < 0)
		vt_die(e.msg);
}

/* kt_name_two(t): Two people who may approve. */
static inline int
kt_name_two(struct kt *t, struct err *e)
{
	int r = keep_approver(t->k, &t->now, t->root, signer_pub(t->people[0]), "院長", true, e);

	return r < 0 ? r : keep_approver(t->k, &t->now, t->root, signer_pub(t->people[1]), "髙橋",
	    true, e);
}

/* kt_note(t, g, drilled, e): What a box does after a backup. */
static inline int
kt_note(struct kt *t, const struct vault_generation *g, bool drilled, struct err *e)
{
	const uint8_t hash[32] = {1};
	VAULT_R *r = NULL;
	int x = vault_r_open(fio_os(), t->v->repo, &(struct vault_open){.place = &t->v->place}, &r,
	    e);

	if (x == 0)
		x = keep_catch_up(t->k, &t->now, r, e);
	if (x >= 0 && drilled)
		x = keep_drilled(t->k, &t->now, g->id, true, hash, e);
	vault_r_close(r);
	return x < 0 ? x : 0;
}

/* kt_ask(t, policy, e): Ask for all that may go; the number of them. */
static inline int
kt_ask(struct kt *t, const char *policy, struct err *e)
{
	static uint8_t plan[256], go[256][FMT_ID_LEN];
	const struct keep_policy *p = keep_policy_named(policy);
	struct keep_clock c;
	size_t n, m = 0;
	const struct keep_gen *g;
	uint64_t seq;
	int r = keep_clock(t->k, &t->now, &c, e);

	g = keep_gens(t->k, &n);
	if (r >= 0)
		r = keep_plan(g, n, p, c.c, plan, e);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (plan[i] == KEEP_GOES)
			(void)memcpy(go[m++], g[i].id, FMT_ID_LEN);
	}
	if (r >= 0 && m)
		r = keep_ask(t->k, &t->now, p, (const uint8_t(*)[FMT_ID_LEN])go, m, &seq, e);
	return r < 0 ? r : (int)m;
}

#endif
