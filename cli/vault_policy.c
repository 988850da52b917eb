/* mamori vault policy: how long generations stay, in plain words. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "cli/vault_keep.h"

struct wish {
	struct cli *c;
	const char *repo, *name;
	struct vault_keys keys;
	struct vault_person people[KEEP_MAX_SIGS];
	size_t npeople;
};

static json_t *
policy_json(const struct keep_policy *p)
{
	return json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "name", p->name, "daily",
	    (int)p->daily, "weekly", (int)p->weekly, "monthly", (int)p->monthly, "yearly",
	    (int)p->yearly, "verified", (int)p->verified, "lock_days", (int)p->lock_days,
	    "wait_days", (int)p->wait_days);
}

static void
show(struct cli *c, struct vault_kept *v)
{
	size_t n;
	const struct keep_policy_words *all = keep_policies(&n);
	json_t *list = json_array(), *now;
	struct keep_state st;

	keep_state(v->k, &st);
	now = policy_json(&st.policy);
	(void)json_object_set_new(now, "signed", json_boolean(st.policy_signed));
	for (size_t i = 0; i < n; i++) {
		cli_say(c, "%s %-11s %s", keep_policy_same(&all[i].p, &st.policy) ? "●" : "○",
		    all[i].p.name, L(c, all[i].ja, all[i].en));
		(void)json_array_append_new(list, policy_json(&all[i].p));
	}
	cli_say(c,
	    L(c, "どの決まりでも、システムごとに復元訓練で確かめた世代を %d つ以上残し、消すときは %d 日以上待ちます。",
		"Under each, at least %d generations of every system that a drill proved stay, and "
		"a removal waits %d days or more."),
	    KEEP_MIN_VERIFIED, KEEP_MIN_WAIT);
	if (st.policy_signed)
		cli_say(c, "%s",
		    L(c, "この決まりは復旧鍵で署名されています。そのつどの承認は要りません。",
			"This policy is signed with the recovery key: removals under it need "
			"no further approval."));
	cli_json(c, json_pack("{s:o,s:o,s:i}", "policy", now, "policies", list, "approvers",
	    (int)st.approvers));
}

/* signers(w, v, by, ret_n, e): Whose keys were given. */
static int
signers(struct wish *w, struct vault_kept *v, struct signer *by[KEEP_MAX_SIGS + 1], size_t *ret_n,
    struct err *e)
{
	uint8_t secret[PAPERKEY_LEN];
	size_t n = 0;
	int r = 0;

	if (w->keys.n > 0) {
		r = vault_keys_read(w->c, &w->keys, &v->id, secret, e);
		if (r == 0)
			r = keep_root(secret, &by[n], e);
		n += r == 0;
		explicit_bzero(secret, sizeof(secret));
	}
	for (size_t i = 0; r == 0 && i < w->npeople; i++) {
		r = vault_signer(w->c, &w->people[i], &v->id, &by[n], e);
		n += r == 0;
	}
	*ret_n = n;
	return r;
}

static int
set(struct wish *w, struct vault_kept *v, struct err *e)
{
	const struct keep_policy *p = keep_policy_named(w->name);
	struct signer *by[KEEP_MAX_SIGS + 1] = {0};
	size_t n = 0;
	int r;

	if (!p)
		return err_set(e, E_INVAL, "there is no policy \"%.40s\"", w->name);
	r = signers(w, v, by, &n, e);
	if (r == 0)
		r = keep_policy_set(v->k, &v->now, p, by, n, e);
	for (size_t i = 0; i < n; i++)
		signer_free(by[i]);
	return r;
}

static int
options(struct wish *w, int argc, char **argv)
{
	static const struct option longs[] = {
	    {"set", required_argument, NULL, 's'},
	    {"key", required_argument, NULL, 'k'},
	    {"approver-key", required_argument, NULL, 'a'},
	    {"passphrase-file", required_argument, NULL, 'p'},
	    {NULL, 0, NULL, 0},
	};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 's')
			w->name = optarg;
		else if (o == 'k' && vault_keys_add(w->c, &w->keys, optarg) != CLI_OK)
			return CLI_USAGE;
		else if (o == 'a' && w->npeople < KEEP_MAX_SIGS)
			w->people[w->npeople++].file = optarg;
		else if (o == 'p' && vault_person_pass(w->people, w->npeople, optarg))
			continue;
		else if (o != 'k')
			return cli_usage(w->c, VAULT_POLICY_USAGE);
	}
	if (optind + 1 != argc || (!w->name && w->keys.n + w->npeople > 0))
		return cli_usage(w->c, VAULT_POLICY_USAGE);
	w->repo = argv[optind];
	return CLI_OK;
}

int
vault_policy_cmd(struct cli *c, int argc, char **argv)
{
	struct wish w = {.c = c};
	struct vault_kept v;
	struct state st;
	struct err e = {0};
	int r = options(&w, argc, argv);

	if (r == CLI_OK)
		r = cli_state(c, false, &st);
	if (r != CLI_OK)
		return r;
	r = vault_kept_open(c, st.dirfd, w.repo, &v, &e);
	if (r == 0) {
		if (w.name)
			r = set(&w, &v, &e);
		if (r == 0)
			show(c, &v);
		if (r == 0 && w.name)
			vault_kept_facts(c, &v);
		vault_kept_close(&v);
	}
	state_close(&st);
	return r < 0 ? cli_fail(c, &e, L(c, "決まりを変えられません", "the policy cannot be changed")) : CLI_OK;
}
