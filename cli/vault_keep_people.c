/* mamori vault approver: who may approve removals. mamori vault accept: a generation in doubt is
 * good after all. Both need keys that lie with people, not with the machine. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli/cli_state.h"
#include "cli/vault_keep.h"
#include "crypt/secret.h"

struct wish {
	struct cli *c;
	const char *repo, *name, *out, *gen, *pass;
	struct vault_person person;
	struct vault_keys keys;
};

static int
options(struct wish *w, int argc, char **argv, const char *usage)
{
	static const struct option longs[] = {
	    {"name", required_argument, NULL, 'n'},
	    {"out", required_argument, NULL, 'o'},
	    {"key", required_argument, NULL, 'k'},
	    {"approver-key", required_argument, NULL, 'a'},
	    {"passphrase-file", required_argument, NULL, 'p'},
	    {NULL, 0, NULL, 0},
	};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'n')
			w->name = optarg;
		else if (o == 'o')
			w->out = optarg;
		else if (o == 'a')
			w->person.file = optarg;
		else if (o == 'p')
			w->pass = optarg;
		else if (o != 'k')
			return cli_usage(w->c, usage);
		else if (vault_keys_add(w->c, &w->keys, optarg) != CLI_OK)
			return CLI_USAGE;
	}
	if (optind >= argc)
		return cli_usage(w->c, usage);
	w->repo = argv[optind++];
	if (optind < argc)
		w->gen = argv[optind++];
	return optind == argc ? CLI_OK : cli_usage(w->c, usage);
}

static int
root_of(struct wish *w, struct vault_kept *v, struct signer **ret, struct err *e)
{
	uint8_t secret[PAPERKEY_LEN];
	int r = vault_keys_read(w->c, &w->keys, &v->id, secret, e);

	if (r == 0)
		r = keep_root(secret, ret, e);
	explicit_bzero(secret, sizeof(secret));
	return r;
}

/* ---- approver ---- */

static int
add(struct wish *w, struct vault_kept *v, struct err *e)
{
	uint8_t seed[PAPERKEY_LEN];
	struct signer *root = NULL, *person = NULL;
	int r;

	random_fill(seed, sizeof(seed));
	r = root_of(w, v, &root, e);
	if (r == 0)
		r = signer_new(seed, &person, e);
	if (r == 0)
		r = vault_person_make(w->c, w->out, w->pass, &v->id, w->name, seed, e);
	if (r == 0) {
		r = keep_approver(v->k, &v->now, root, signer_pub(person), w->name, true, e);
		if (r < 0)
			(void)fio_unlink(fio_os(), AT_FDCWD, w->out, NULL);
	}
	explicit_bzero(seed, sizeof(seed));
	signer_free(root);
	signer_free(person);
	if (r == 0)
		cli_say(w->c,
		    L(w->c,
			"%s さんを承認者に加えました。鍵 %s は本人だけが持ち、この機械に置いたままにしないでください。",
			"%s may approve now. The key %s is for that person alone; do not "
			"leave it on this machine."),
		    w->name, w->out);
	return r;
}

static int
take_off(struct wish *w, struct vault_kept *v, struct err *e)
{
	const uint8_t *pub = NULL;
	const char *name = "";
	struct signer *root = NULL;
	int r = root_of(w, v, &root, e);
	size_t i = 0;

	while (r == 0 && keep_people(v->k, i++, &pub, &name)) {
		if (strcmp(name, w->name) != 0)
			continue;
		r = keep_approver(v->k, &v->now, root, pub, w->name, false, e);
		signer_free(root);
		return r;
	}
	signer_free(root);
	return r < 0 ? r : err_set(e, E_NOENT, "nobody of the name \"%.60s\" may approve", w->name);
}

static void
list(struct wish *w, struct vault_kept *v)
{
	struct cli *c = w->c;
	json_t *all = json_array();
	const uint8_t *pub;
	const char *name;
	char hex[2 * SIGN_PUB_LEN + 1];
	size_t n = 0;

	for (; keep_people(v->k, n, &pub, &name); n++) {
		hex_put(hex, pub, SIGN_PUB_LEN);
		cli_say(c, "%s  %.8s", name, hex);
		(void)json_array_append_new(all, json_pack("{s:s,s:s}", "name", name, "key", hex));
	}
	if (n < 2)
		cli_say(c, "%s", L(c, "世代を消すには、承認者が二人以上必要です。",
		    "Two approvers are needed before anything can be removed."));
	cli_json(c, json_pack("{s:o}", "approvers", all));
}

int
vault_approver_cmd(struct cli *c, int argc, char **argv)
{
	struct wish w = {.c = c};
	const char *what = argc > 1 ? argv[1] : "";
	bool adding = strcmp(what, "add") == 0, removing = strcmp(what, "remove") == 0;
	struct vault_kept v;
	struct state st;
	struct err e = {0};
	int r;

	if (!adding && !removing && strcmp(what, "list") != 0)
		return cli_usage(c, VAULT_APPROVER_USAGE);
	r = options(&w, argc - 1, argv + 1, VAULT_APPROVER_USAGE);
	if (r != CLI_OK)
		return r;
	if (w.gen || w.person.file || (w.pass && !adding) ||
	    (adding || removing) != (w.name && w.keys.n > 0) || adding != (w.out != NULL))
		return cli_usage(c, VAULT_APPROVER_USAGE);
	r = cli_state(c, false, &st);
	if (r != CLI_OK)
		return r;
	r = vault_kept_open(c, st.dirfd, w.repo, &v, &e);
	if (r == 0) {
		if (adding)
			r = add(&w, &v, &e);
		else if (removing)
			r = take_off(&w, &v, &e);
		if (r == 0)
			list(&w, &v);
		vault_kept_close(&v);
	}
	state_close(&st);
	return r < 0 ? cli_fail(c, &e, NULL) : CLI_OK;
}

/* ---- accept ---- */

static int
accept_one(struct wish *w, struct vault_kept *v, struct err *e)
{
	const struct vault_generation *g;
	const struct keep_gen *k;
	struct signer *by = NULL;
	char id[2 * FMT_ID_LEN + 1];
	uint8_t gen[FMT_ID_LEN];
	int r = vault_r_find(v->r, w->gen, &g, e);

	if (r == 0)
		r = w->person.file ? vault_signer(w->c, &w->person, &v->id, &by, e)
				   : root_of(w, v, &by, e);
	if (r < 0)
		return r;
	(void)memcpy(gen, g->id, FMT_ID_LEN);
	k = keep_find(v->k, gen);
	/* those that follow become good together with the one they follow */
	if (k && k->doubt == KEEP_FOLLOWS)
		(void)memcpy(gen, k->follows, FMT_ID_LEN);
	if (!k || k->doubt == KEEP_SOUND)
		r = err_set(e, E_NOENT, "nothing is in doubt about this generation");
	if (r == 0)
		r = keep_good(v->k, &v->now, gen, by, e);
	signer_free(by);
	if (r < 0)
		return r;
	vault_kept_judged(w->c, v, g->info_ok ? g->info.name : "",
	    w->person.file ? "approver" : "recovery key");
	hex_put(id, gen, FMT_ID_LEN);
	cli_say(w->c, L(w->c, "世代 %.8s と、それに続く世代を、良い世代と認めました。",
	    "Generation %.8s and those that follow it count as good."), id);
	cli_json(w->c, json_pack("{s:s}", "generation", id));
	return 0;
}

int
vault_accept_cmd(struct cli *c, int argc, char **argv)
{
	struct wish w = {.c = c};
	struct vault_kept v;
	struct state st;
	struct err e = {0};
	int r = options(&w, argc, argv, VAULT_ACCEPT_USAGE);

	if (r != CLI_OK)
		return r;
	if (!w.gen || w.name || w.out || (w.keys.n > 0) == (w.person.file != NULL) ||
	    (w.pass && !w.person.file))
		return cli_usage(c, VAULT_ACCEPT_USAGE);
	w.person.pass = w.pass;
	r = cli_state(c, false, &st);
	if (r != CLI_OK)
		return r;
	r = vault_kept_open(c, st.dirfd, w.repo, &v, &e);
	if (r == 0) {
		r = accept_one(&w, &v, &e);
		vault_kept_close(&v);
	}
	state_close(&st);
	return r < 0 ? cli_fail(c, &e, NULL) : CLI_OK;
}
