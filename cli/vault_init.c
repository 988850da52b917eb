#include <errno.h>
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
#include "cli/cli_vault.h"
#include "crypt/secret.h"

#define USAGE                                                                                      \
	"mamori vault init REPO [--recovery-out FILE] [--split FILE1 FILE2 FILE3] "                \
	"[--sheet FILE.html] [--lock-days N] [--no-ring]"

enum {
	MAX_OUT = 2 + 2 * PAPERKEY_SHARES,
	STORE_LOCK_DAYS = 30, /* of a vault in an object store, unless said otherwise */
};

/* A file that carries the key or a share of it. Written before the vault exists, so that no vault
 * is ever without its key, and completed with the vault's id afterwards. */
struct out {
	const char *path;
	int share; /* 0 = the whole key */
	bool html;
	bool made;
};

struct job {
	struct cli *c;
	const char *repo;
	struct out out[MAX_OUT];
	size_t n;
	struct vault_init in;
	uint8_t shares[PAPERKEY_SHARES][PAPERKEY_LEN];
	char fingerprint[9];
	char sheets[PAPERKEY_SHARES][PATH_MAX]; /* names of the pages of shares */
};

static int
put_file(struct job *j, struct out *o, const char *id, bool first, struct err *e)
{
	const uint8_t *key = o->share ? j->shares[o->share - 1] : j->in.secret;
	char made[TIME_TEXT];
	struct buf b;
	int r;

	buf_init(&b, 1 << 20);
	time_put(made, j->in.now);
	if (o->html)
		r = vault_sheet(&b, id, j->fingerprint, key, o->share, made, e);
	else
		r = paperkey_file_put(&b, id, j->fingerprint, key, o->share, e);
	if (r == 0)
		r = first ? fio_create(fio_os(), AT_FDCWD, o->path, b.p, b.len, 0400, e) :
		    fio_replace(fio_os(), AT_FDCWD, o->path, b.p, b.len, 0400, e);
	if (r == 0)
		o->made = true;
	else if (r == E_EXIST)
		r = err_set(e, E_EXIST, "%s is there already; a key is never written over another: "
		    "choose another file with --recovery-out", o->path);
	if (b.p)
		explicit_bzero(b.p, b.cap);
	buf_free(&b);
	return r;
}

static int
put_files(struct job *j, const char *id, bool first, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < j->n && r == 0; i++)
		r = put_file(j, &j->out[i], id, first, e);
	return r;
}

static void
take_back(struct job *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->out[i].made)
			(void)fio_unlink(fio_os(), AT_FDCWD, j->out[i].path, NULL);
}

static int
make(struct job *j, struct state *st, struct vault_ident *id, struct err *e)
{
	struct vault_place place = vault_place_of(st->dirfd);
	struct vault_ident there;
	char hex[2 * FMT_ID_LEN + 1];
	int r = vault_identify_at(fio_os(), j->repo, &place, &there, e);

	if (r == 0)
		return err_set(e, E_EXIST, "%s: there already is a vault; nothing was changed",
		    j->repo);
	if (vault_is_address(j->repo) && r != E_NOENT)
		return r; /* not reached: nothing is made for a place that cannot be had */
	random_fill(j->in.secret, sizeof(j->in.secret));
	paperkey_fingerprint(j->in.secret, j->fingerprint);
	r = paperkey_split(j->in.secret, j->shares, e);
	if (r == 0)
		r = put_files(j, "(not finished)", true, e);
	if (r == 0)
		r = vault_init(fio_os(), j->repo, &place, &j->in, id, e);
	if (r < 0) {
		take_back(j);
		return r;
	}
	hex_put(hex, id->repo, FMT_ID_LEN);
	return put_files(j, hex, false, e);
}

static void
say(struct job *j, const struct vault_ident *id)
{
	struct cli *c = j->c;
	char hex[2 * FMT_ID_LEN + 1];
	json_t *files = json_array();

	hex_put(hex, id->repo, FMT_ID_LEN);
	cli_say(c, L(c, "保管庫を作りました: %s（番号 %s）", "The vault is made: %s (id %s)"), j->repo, hex);
	if (j->in.lock_days)
		cli_say(c, L(c, "世代はそれぞれ %u 日のあいだ、だれにも消せません。",
		    "Nobody can delete a generation for %u days."), j->in.lock_days);
	cli_say(c,
	    L(c, "復旧鍵（指紋 %s）を書き出しました。この鍵がないと、だれも中身を戻せません。",
		"The recovery key (fingerprint %s) was written. Without it nobody can give the "
		"data back."),
	    j->fingerprint);
	for (size_t i = 0; i < j->n; i++) {
		cli_say(c, "  %s", j->out[i].path);
		(void)json_array_append_new(files, json_string(j->out[i].path));
	}
	cli_say(c, "%s", L(c,
	    "次にすること: 印刷して金庫へ。印刷したら、この機械から鍵のファイルを消してください。",
	    "Next: print it, put it into a safe, and remove the key file from this machine."));
	cli_json(c, json_pack("{s:s,s:s,s:o}", "repo_id", hex, "fingerprint", j->fingerprint,
	    "key_files", files));
}

static int
add(struct job *j, const char *path, int share, bool html)
{
	if (j->n == MAX_OUT)
		return 1;
	j->out[j->n++] = (struct out){.path = path, .share = share, .html = html};
	return 0;
}

/* add_sheets(j, path, split): One page for the key; for shares one each, as FILE-1.html and so on,
 * since nobody wants the whole key on one page then. */
static int
add_sheets(struct job *j, const char *path, bool split)
{
	const char *dot = strrchr(path, '.');
	size_t stem = dot && !strchr(dot, '/') ? (size_t)(dot - path) : strlen(path);
	int r = 0;

	if (!split)
		return add(j, path, 0, true);
	if (strlen(path) + 3 > PATH_MAX)
		return 1;
	for (int i = 0; i < PAPERKEY_SHARES && r == 0; i++) {
		(void)snprintf(j->sheets[i], PATH_MAX, "%.*s-%d%s", (int)stem, path, i + 1,
		    path + stem);
		r = add(j, j->sheets[i], i + 1, true);
	}
	return r;
}

static int
options(struct job *j, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {
		{"recovery-out", required_argument, NULL, 'r'},
		{"split", required_argument, NULL, 's'},
		{"sheet", required_argument, NULL, 'p'},
		{"lock-days", required_argument, NULL, 'l'},
		{"no-ring", no_argument, NULL, 'n'},
		{NULL, 0, NULL, 0},
	};
	const char *whole = NULL, *sheet = NULL;
	bool split = false, locks = false;
	uint64_t days;
	int o, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'r') {
			whole = optarg;
		} else if (o == 's') {
			if (split || optind + 1 >= argc)
				return 1;
			split = true;
			r = add(j, optarg, 1, false) | add(j, argv[optind], 2, false) |
			    add(j, argv[optind + 1], 3, false);
			optind += 2;
		} else if (o == 'p') {
			sheet = optarg;
		} else if (o == 'l') {
			r = num_parse_u64(optarg, 36500, &days, e);
			j->in.lock_days = r == 0 ? (uint32_t)days : 0;
			locks = true;
		} else if (o == 'n') {
			j->in.ring = false;
		} else {
			return 1;
		}
	}
	if (r != 0 || optind + 1 != argc)
		return r < 0 ? r : 1;
	j->repo = argv[optind];
	if (!locks && strncmp(j->repo, "s3", 2) == 0 && vault_is_address(j->repo))
		j->in.lock_days = STORE_LOCK_DAYS; /* nothing else keeps it there */
	if (whole || !split)
		r = add(j, whole ? whole : "mamori-recovery-key.txt", 0, false);
	if (sheet)
		r |= add_sheets(j, sheet, split && !whole);
	return r;
}

int
vault_init_cmd(struct cli *c, int argc, char **argv)
{
	struct job *j = secret_new(sizeof(*j), NULL);
	struct vault_ident id;
	struct err e = {0};
	struct state st;
	int r;

	if (!j)
		return CLI_FAIL;
	j->c = c;
	j->in.ring = true;
	j->in.now = time_now_us();
	r = options(j, argc, argv, &e);
	if (r > 0) {
		secret_free(j, sizeof(*j));
		return cli_usage(c, USAGE);
	}
	if (r == 0)
		r = cli_state(c, true, &st);
	if (r == 0) {
		r = make(j, &st, &id, &e);
		state_close(&st);
		if (r == 0) {
			vault_seal(c, j->repo, &id);
			say(j, &id);
		}
	}
	if (r < 0)
		r = cli_fail(c, &e, L(c, "保管庫を作れませんでした", "the vault was not made"));
	secret_free(j, sizeof(*j));
	return r;
}
