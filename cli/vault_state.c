/* mamori vault state: what a vault holds, under which policy, and what waits for somebody's word: a
 * request to remove generations, generations in doubt. For people and for pages. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "cli/vault_keep.h"

#define USAGE VAULT_STATE_USAGE

struct look {
	struct cli *c;
	const char *repo;
	struct vault_keys keys;
	json_t *out, *list;
	size_t doubts;
};

static const struct keep_policy_words *
words_of(const struct keep_policy *p)
{
	size_t n;
	const struct keep_policy_words *all = keep_policies(&n);

	for (size_t i = 0; i < n; i++)
		if (keep_policy_same(&all[i].p, p))
			return &all[i];
	return NULL;
}

/* one(l, v, g): A generation with everything that is known; ${v}: NULL where this machine does not
 * look after the vault. */
static void
one(struct look *l, const struct vault_kept *v, const struct vault_generation *g)
{
	const struct keep_gen *k = v ? keep_find(v->k, g->id) : NULL;
	char id[2 * FMT_ID_LEN + 1], text[300];
	json_t *o;

	hex_put(id, g->id, FMT_ID_LEN);
	o = json_pack("{s:s,s:s,s:o,s:I,s:I,s:I,s:o,s:b,s:b,s:b}", "id", id, "name",
	    g->info_ok ? g->info.name : "", "at", vault_time(g->at), "files",
	    (json_int_t)g->info.files, "bytes", (json_int_t)g->info.bytes, "new_bytes",
	    (json_int_t)g->info.new_bytes, "locked_until",
	    vault_time(k ? keep_wall(v->k, k->until) : g->locked_until), "removed",
	    k ? k->removed : g->removed, "verified", k ? k->verified : g->verified, "doubted",
	    k ? k->doubt != KEEP_SOUND : g->doubted);
	if (k && k->doubt != KEEP_SOUND && !k->removed) {
		struct keep_verdict why = keep_verdict_get(k->why);

		l->doubts++;
		(void)json_object_set_new(
		    o, "doubt", json_string(vault_doubt_text(l->c, &why, text)));
		(void)json_object_set_new(o, "follows", json_boolean(k->doubt == KEEP_FOLLOWS));
		cli_say(l->c, "▲ %.8s %s: %s", id, g->info.name, text);
	}
	(void)json_array_append_new(l->list, o);
}

static void
generations(struct look *l, const struct vault_kept *v, const VAULT_R *r)
{
	size_t n;
	const struct vault_generation *g = vault_r_list(r, &n);

	l->list = json_array();
	for (size_t i = 0; i < n; i++)
		one(l, v, &g[i]);
	cli_say(l->c, L(l->c, "世代 %zu 個", "%zu generations"), n);
	(void)json_object_set_new(l->out, "generations", l->list);
}

static json_t *
named(const struct vault_kept *v, const uint8_t id[FMT_ID_LEN])
{
	const struct keep_gen *k = keep_find(v->k, id);
	char hex[2 * FMT_ID_LEN + 1], name[256];

	hex_put(hex, id, FMT_ID_LEN);
	vault_name_of(v, id, name);
	return json_pack(
	    "{s:s,s:s,s:o}", "id", hex, "name", name, "at", vault_time(k ? k->wall : 0));
}

/* request(l, v): What waits to be removed, who is needed, and how long anybody can stop it. */
static void
request(struct look *l, const struct vault_kept *v)
{
	struct cli *c = l->c;
	struct keep_request q;
	const struct keep_policy_words *w;
	json_t *gens, *o;
	int64_t left;
	int days;
	unsigned more;

	if (!keep_pending(v->k, &q)) {
		(void)json_object_set_new(l->out, "pending", json_null());
		return;
	}
	w = words_of(&q.policy);
	left = q.ripe - v->clock.c;
	days = left > 0 ? (int)((left + TIME_DAY - 1) / TIME_DAY) : 0;
	more = q.signed_before || q.approvals >= 2 ? 0 : 2 - q.approvals;
	gens = json_array();
	for (uint32_t i = 0; i < q.ngens; i++)
		(void)json_array_append_new(gens, named(v, q.gens[i]));
	cli_say(c, L(c, "▲ 世代 %u 個の消去が申請されています（決まり: %s、あと %d 日、承認はあと %u 人）",
	    "▲ the removal of %u generations is asked for (policy %s, %d more days, %u more "
	    "approvals)"), q.ngens, q.policy.name, days, more);
	o = json_pack("{s:I,s:s,s:s,s:o,s:o,s:i,s:i,s:i,s:o}", "request", (json_int_t)q.seq,
	    "policy", q.policy.name, "policy_text", w ? L(c, w->ja, w->en) : "", "since",
	    vault_time(q.wall), "due", vault_time(keep_wall(v->k, q.ripe)), "days_left", days,
	    "approvals", (int)q.approvals, "approvals_needed", (int)more, "generations", gens);
	(void)json_object_set_new(l->out, "pending", o);
}

static void
kept(struct look *l, const struct vault_kept *v)
{
	struct cli *c = l->c;
	struct keep_state st;
	const struct keep_policy_words *w;
	json_t *people = json_array();
	const uint8_t *pub;
	const char *name;

	keep_state(v->k, &st);
	w = words_of(&st.policy);
	for (size_t i = 0; keep_people(v->k, i, &pub, &name); i++)
		(void)json_array_append_new(people, json_string(name));
	cli_say(c, L(c, "決まり: %s %s", "policy: %s %s"), st.policy.name,
	    w ? L(c, w->ja, w->en) : "");
	(void)json_object_set_new(l->out, "policy",
	    json_pack("{s:s,s:s,s:b}", "name", st.policy.name, "text", w ? L(c, w->ja, w->en) : "",
		"signed", st.policy_signed));
	(void)json_object_set_new(l->out, "approvers", people);
	(void)json_object_set_new(l->out, "removed", json_integer((json_int_t)st.removed));
	request(l, v);
}

static int
run(struct look *l, const struct state *st)
{
	struct vault_opened o;
	struct vault_kept v;
	char id[2 * FMT_ID_LEN + 1];
	struct err e = {0};
	int r = vault_kept_open(l->c, st->dirfd, l->repo, &v, &e);

	if (r == 0) {
		r = keep_catch_up(v.k, &v.now, v.r, &e);
		if (r >= 0) {
			kept(l, &v);
			generations(l, &v, v.r);
			vault_kept_facts(l->c, &v);
			hex_put(id, v.id.repo, FMT_ID_LEN);
		}
		vault_kept_close(&v);
		if (r < 0)
			return cli_fail(l->c, &e, NULL);
	} else if (r == E_AUTH || r == E_INVAL) {
		/* its own box looks after it: what can be read is shown */
		r = vault_reader(l->c, l->repo, &l->keys, &o);
		if (r != CLI_OK)
			return r;
		generations(l, NULL, o.r);
		hex_put(id, o.id.repo, FMT_ID_LEN);
		vault_reader_close(&o);
	} else {
		return cli_fail(l->c, &e, L(l->c, "保管庫を開けません", "cannot open the vault"));
	}
	(void)json_object_set_new(l->out, "repo_id", json_string(id));
	(void)json_object_set_new(l->out, "doubts", json_integer((json_int_t)l->doubts));
	cli_json(l->c, json_incref(l->out));
	return CLI_OK;
}

int
vault_state_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"key", required_argument, NULL, 'k'}, {0}};
	struct look l = {.c = c};
	struct state st;
	int opt, r;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) == 'k')
		if (vault_keys_add(c, &l.keys, optarg) != CLI_OK)
			return CLI_USAGE;
	if (opt != -1 || optind + 1 != argc)
		return cli_usage(c, USAGE);
	l.repo = argv[optind];
	r = cli_state(c, false, &st);
	if (r != CLI_OK)
		return r;
	l.out = json_object();
	r = run(&l, &st);
	json_decref(l.out);
	state_close(&st);
	return r;
}
