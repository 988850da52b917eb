/* mamori vault adopt: this machine looks after a vault whose keeper was lost, by the recovery key's
 * word. Where the machine that wrote to it was lost with it, also that. */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "cli/vault_keep.h"

struct wish {
	struct cli *c;
	const char *repo;
	struct vault_keys keys;
	bool writer;
	/* what was done */
	bool followed, again, begun, wrote;
};

static int
options(struct wish *w, int argc, char **argv)
{
	static const struct option longs[] = {{"key", required_argument, NULL, 'k'},
		{"writer", no_argument, NULL, 'w'}, {0}};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'w')
			w->writer = true;
		else if (o != 'k')
			return cli_usage(w->c, VAULT_ADOPT_USAGE);
		else if (vault_keys_add(w->c, &w->keys, optarg) != CLI_OK)
			return CLI_USAGE;
	}
	if (optind + 1 != argc || w->keys.n == 0)
		return cli_usage(w->c, VAULT_ADOPT_USAGE);
	w->repo = argv[optind];
	return CLI_OK;
}

/* part(id, name, out): A file of this machine about a vault; "": all of it. */
static void
part(const struct vault_ident *id, const char *name, char out[128])
{
	char hex[2 * FMT_ID_LEN + 1];

	hex_put(hex, id->repo, FMT_ID_LEN);
	(void)snprintf(out, 128, "vault/%s%s%s", hex, *name ? "/" : "", name);
}

static void
give_all(const struct state *st, const struct vault_ident *id)
{
	static const char *const names[] = {"", "keep.key", "writer.key", "where"};
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		part(id, names[i], path);
		cli_give(st->dirfd, path);
	}
}

/* succeed(w, st, fd, id, root, e): The key of this machine, made when there is none, becomes the
 * keeper's. A new one that is refused goes again: beside another's record it is good for nothing.
 * After any other error the next try goes on with it. */
static int
succeed(struct wish *w, const struct state *st, int fd, const struct vault_ident *id,
    struct signer *root, struct err *e)
{
	struct vault_place place = {.statefd = st->dirfd};
	struct keep_key key = {0};
	struct keep_time now;
	char path[128];
	int r = keep_key_load(fio_os(), &place, id->repo, false, &key, e);
	bool made = r == E_NOENT;

	keep_time_now(&now);
	if (made)
		r = keep_key_load(fio_os(), &place, id->repo, true, &key, e);
	if (r == 0)
		r = keep_adopt(fio_os(), fd, id, &key, root, &now, e);
	if (r == E_AUTH && made) {
		part(id, "keep.key", path);
		(void)fio_unlink(fio_os(), st->dirfd, path, NULL);
	}
	w->again = r == 1;
	explicit_bzero(&key, sizeof(key));
	return r;
}

static int
follow(struct wish *w, const struct state *st, const char *path, const struct vault_ident *id,
    const uint8_t secret[PAPERKEY_LEN], struct err *e)
{
	struct signer *root = NULL;
	int fd = fio_open(fio_os(), AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, e);
	int r = fd < 0 ? fd : keep_root(secret, &root, e);

	if (r == 0 && memcmp(signer_pub(root), id->pin, SIGN_PUB_LEN) != 0)
		r = err_set(e, E_AUTH, "this is not the recovery key of this vault");
	/* where nobody ever looked after it, whoever opens it next begins */
	w->begun = r == 0 && faccessat(fd, KEEP_DIR, F_OK, 0) < 0;
	if (r == 0 && !w->begun)
		r = succeed(w, st, fd, id, root, e);
	signer_free(root);
	fio_close(fio_os(), fd);
	w->followed = r >= 0 && !w->begun;
	return r < 0 ? r : 0;
}

static void
tell(struct wish *w, const struct vault_kept *v)
{
	struct cli *c = w->c;
	struct keep_state st;
	char id[2 * FMT_ID_LEN + 1];

	hex_put(id, v->id.repo, FMT_ID_LEN);
	keep_state(v->k, &st);
	if (w->again)
		cli_say(c, "%s", L(c, "この保管庫は、もうこの機械が見ています。",
		    "This machine looks after the vault already."));
	else if (w->begun)
		cli_say(c, "%s", L(c, "これからは、この機械が保管庫を見ます。",
		    "From now on this machine looks after the vault."));
	else
		cli_say(c, "%s",
		    L(c,
			"これからは、この機械が保管庫を見ます。消せない期限も、決まりも、承認者も、前のままです。"
			"\n前の鍵で書かれたものは、これからは何の力もありません。",
			"From now on this machine looks after the vault. Locks, policy and "
			"approvers "
			"are as before.\nWhat is written with the key before counts for nothing "
			"from "
			"here on."));
	if (w->wrote)
		cli_say(c, "%s", L(c, "この機械から、また世代を保管できます。",
		    "This machine can keep generations in it again."));
	cli_json(c, json_pack("{s:s,s:b,s:I,s:b}", "repo_id", id, "already", w->again, "keepers",
	    (json_int_t)st.keepers, "writer", w->wrote));
}

static int
run(struct wish *w, const struct state *st, struct err *e)
{
	struct vault_place place = {.statefd = st->dirfd};
	uint8_t secret[PAPERKEY_LEN] = {0};
	char path[PATH_MAX];
	struct vault_ident id;
	struct vault_kept v;
	bool known;
	int r;

	if (vault_is_address(w->repo))
		return err_set(
		    e, E_INVAL, "this vault is elsewhere; do this on the machine that holds it");
	if (!realpath(w->repo, path))
		return err_sys(e, "%s", w->repo);
	r = vault_identify(fio_os(), path, &id, e);
	known = r == 0;
	if (known)
		r = vault_keys_read(w->c, &w->keys, &id, secret, e);
	if (r == 0)
		r = follow(w, st, path, &id, secret, e);
	if (r == 0 && w->writer) {
		r = vault_admit(fio_os(), path, &place, secret, time_now_us(), e);
		w->wrote = r == 0;
	}
	explicit_bzero(secret, sizeof(secret));
	if (r >= 0)
		r = vault_kept_open(w->c, st->dirfd, path, &v, e);
	if (r >= 0)
		w->followed = true;
	if (known)
		give_all(st, &id); /* also what a try that failed half-way made */
	if (r < 0)
		return r;
	r = keep_catch_up(v.k, &v.now, v.r, e);
	if (r >= 0) {
		vault_seal(w->c, path, &id);
		vault_kept_facts(w->c, &v);
		tell(w, &v);
	}
	vault_kept_close(&v);
	return r < 0 ? r : 0;
}

int
vault_adopt_cmd(struct cli *c, int argc, char **argv)
{
	struct wish w = {.c = c};
	struct state st;
	struct err e = {0};
	int r = options(&w, argc, argv);

	if (r == CLI_OK)
		r = cli_state(c, true, &st);
	if (r != CLI_OK)
		return r;
	r = run(&w, &st, &e);
	state_close(&st);
	if (r < 0)
		return cli_fail(c, &e, w.followed
		    ? L(c, "保管庫は引き継ぎましたが、続きができませんでした",
			  "the vault is taken over, but what follows could not be done")
		    : L(c, "この機械はまだ保管庫を見ていません",
			  "this machine does not look after the vault yet"));
	return CLI_OK;
}
