#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "cli/cli_vault.h"
#include "cli/vault_keep.h"
#include "cli/vault_pull.h"

#define USAGE                                                                                      \
	"mamori vault backup REPO PATH... [--name N] [--full] [--level 1-19] [--lock-days N] "     \
	"[--threads N] [--login-file FILE]"

enum { MAX_PULLS = 16 };

enum { SAY_PROBLEMS = 20, KEEP_PROBLEMS = 1000 };

struct job {
	struct cli *c;
	struct vault_backup b;
	uint64_t lock_days;
	bool has_lock;
	const char *repo;
	json_t *unreadable;
	uint64_t nproblems;
	struct buf text;
	const char *login;
	const char **sources; /* with shares replaced by where they are mounted */
	struct pull pulls[MAX_PULLS];
	size_t npulls;
	const volatile int *stop; /* Ctrl-C */
	volatile int vanished; /* a share stopped answering: no half generation */
	volatile int cancel;   /* either */
};

static void
on_progress(void *cookie, const struct vault_progress *p)
{
	struct job *j = cookie;
	char all[24], fresh[24];

	j->cancel |= *j->stop;
	cli_progress(j->c, L(j->c, "%llu ファイル %s（新しく %s）", "%llu files, %s (%s new)"),
	    (unsigned long long)p->files, cli_bytes(all, p->bytes), cli_bytes(fresh, p->new_bytes));
}

static void
on_problem(void *cookie, const char *path, size_t len, const char *why)
{
	struct job *j = cookie;
	struct cli *c = j->c;
	const char *shown = vault_show(&j->text, path, len);

	j->nproblems++;
	if (j->nproblems <= KEEP_PROBLEMS)
		(void)json_array_append_new(j->unreadable,
		    json_pack("{s:s,s:s}", "path", shown, "why", why));
	cli_progress_end(c);
	if (j->nproblems <= SAY_PROBLEMS)
		fprintf(stderr, "%s %s: %s\n", L(c, "読めません:", "cannot read:"), shown, why);
	else if (j->nproblems == SAY_PROBLEMS + 1)
		fprintf(stderr, "%s\n", L(c, "（ほかにもあります）", "(and more)"));
	for (size_t i = 0; i < j->npulls && !j->vanished; i++)
		j->vanished = !pull_alive(&j->pulls[i]);
	j->cancel |= j->vanished | *j->stop;
}

static int
options(struct job *j, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {
	    {"name", required_argument, NULL, 'n'},
	    {"full", no_argument, NULL, 'f'},
	    {"level", required_argument, NULL, 'v'},
	    {"lock-days", required_argument, NULL, 'l'},
	    {"threads", required_argument, NULL, 't'},
	    {"login-file", required_argument, NULL, 'g'},
	    {NULL, 0, NULL, 0},
	};
	uint64_t v;
	int o, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'n') {
			j->b.name = optarg;
		} else if (o == 'f') {
			j->b.full = true;
		} else if (o == 'v') {
			r = num_parse_u64(optarg, 19, &v, e);
			j->b.level = r == 0 ? (int)v : 0;
		} else if (o == 'l') {
			r = num_parse_u64(optarg, 36500, &j->lock_days, e);
			j->has_lock = true;
		} else if (o == 'g') {
			j->login = optarg;
		} else if (o == 't') {
			r = num_parse_u64(optarg, 256, &v, e);
			j->b.threads = r == 0 ? (unsigned)v : 0;
		} else {
			return 1;
		}
	}
	if (r < 0 || argc - optind < 2)
		return r < 0 ? r : 1;
	j->repo = argv[optind++];
	j->b.sources = (const char *const *)argv + optind;
	j->b.nsources = (size_t)(argc - optind);
	return 0;
}

static void
leave_fact(struct job *j, const struct vault_generation *g, double seconds)
{
	char id[2 * FMT_ID_LEN + 1];
	struct fact f;
	struct err e;

	hex_put(id, g->id, FMT_ID_LEN);
	if (fact_fill(&f, "vault", "vault.generation.age", "system", g->info.name, FACT_PASS,
	    time_now_us(), &e) < 0) {
		fprintf(stderr, "mamori: %s\n", e.msg);
		return;
	}
	f.observed = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:f}", "generation", id, "files",
	    (json_int_t)g->info.files, "bytes", (json_int_t)g->info.bytes, "new_bytes",
	    (json_int_t)g->info.new_bytes, "stored_bytes", (json_int_t)g->info.stored_bytes,
	    "unreadable", (json_int_t)g->info.unreadable, "seconds", seconds);
	vault_fact(j->c, &f, true);
}

static int
say(struct job *j, const struct vault_generation *g, double seconds, json_t *doubt)
{
	const struct fmt_snap_info *i = &g->info;
	struct cli *c = j->c;
	char id[2 * FMT_ID_LEN + 1], all[24], fresh[24], stored[24];
	bool whole = i->unreadable == 0;

	hex_put(id, g->id, FMT_ID_LEN);
	cli_say(c,
	    L(c, "世代 %.8s（%s）を保管しました: %llu ファイル %s、新しいもの %s、書き込み %s、%.1f 秒。",
		"Generation %.8s (%s) is kept: %llu files, %s, %s new, %s written, %.1f s."),
	    id, i->name, (unsigned long long)i->files, cli_bytes(all, i->bytes),
	    cli_bytes(fresh, i->new_bytes), cli_bytes(stored, i->stored_bytes), seconds);
	if (i->changed > 0)
		cli_say(c, L(c, "読むあいだに変わり続けたファイルが %llu 個あります（印を付けて保管しました）。",
		    "%llu files kept changing while they were read (kept, and marked)."),
		    (unsigned long long)i->changed);
	if (!whole)
		cli_say(c, L(c, "読めなかったファイルが %llu 個あります。権限やディスクを確かめてください。",
		    "%llu files could not be read. Check their permissions, and the disk."),
		    (unsigned long long)i->unreadable);
	cli_json(c,
	    json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:f,s:I,s:I,s:O,s:o,s:o,s:b}", "generation", id,
		"name", i->name, "files", (json_int_t)i->files, "dirs", (json_int_t)i->dirs,
		"bytes", (json_int_t)i->bytes, "new_bytes", (json_int_t)i->new_bytes,
		"stored_bytes", (json_int_t)i->stored_bytes, "seconds", seconds, "unreadable_files",
		(json_int_t)i->unreadable, "changed_files", (json_int_t)i->changed, "unreadable",
		j->unreadable, "locked_until", vault_time(g->locked_until), "doubt", doubt, "ok",
		whole));
	return whole ? CLI_OK : CLI_NO;
}

/* ---- shares of other machines ---- */

static int
open_shares(struct job *j, const struct state *st, struct err *e)
{
	struct pull_login login = {0};
	struct pull_url url;
	int r = 0;

	j->sources = calloc(j->b.nsources, sizeof(*j->sources));
	if (!j->sources)
		return err_set(e, E_NOMEM, "no memory");
	if (j->login)
		r = pull_login_read(j->login, &login, e);
	for (size_t i = 0; r == 0 && i < j->b.nsources; i++) {
		j->sources[i] = j->b.sources[i];
		if (!pull_is(j->b.sources[i]))
			continue;
		r = j->npulls == MAX_PULLS ? err_set(e, E_LIMIT, "too many shares at once") :
		    pull_url_get(j->b.sources[i], &url, e);
		if (r == 0)
			r = pull_open(st, &url, &login, &j->pulls[j->npulls], e);
		if (r < 0)
			continue;
		j->sources[i] = j->pulls[j->npulls++].dir;
	}
	explicit_bzero(&login, sizeof(login));
	j->b.sources = j->sources;
	j->b.no_inodes = j->npulls > 0;
	return r;
}

static void
close_shares(struct job *j)
{
	for (size_t i = 0; i < j->npulls; i++)
		pull_close(&j->pulls[i]);
	free(j->sources);
}

/* say_share(j): What a share cannot give. */
static void
say_share(struct job *j)
{
	if (j->npulls > 0)
		cli_say(j->c, "%s",
		    L(j->c,
			"共有から写しました。アクセス権(ACL)と代替ストリームは含まれません。\n"
			"開いたままのデータベースは先に書き出してください（man mamori の PULL MODE）。",
			"Copied from a share: without its access lists and alternate streams. "
			"Files of a database that is open may not be usable: dump it first "
			"(PULL MODE in man mamori)."));
}

/* hint(c, place, id, repo): A machine that was set up anew beside its old vault. */
static void
hint(struct cli *c, const struct vault_place *place, const struct vault_ident *id, const char *repo)
{
	struct vault_writer_key key;

	if (!vault_is_address(repo) &&
	    vault_key_load(fio_os(), place, id->repo, &key, NULL) == E_AUTH)
		fprintf(stderr, L(c, "  この機械がこの保管庫に書く機械で、鍵をなくしたときは、金庫の復旧鍵で:\n"
		    "    mamori vault adopt %s --key 復旧鍵のファイル --writer\n",
		    "  If this machine used to write here and lost its keys, take the recovery key "
		    "from the safe:\n    mamori vault adopt %s --key FILE --writer\n"), repo);
	explicit_bzero(&key, sizeof(key));
}

static int
run(struct job *j, struct state *st)
{
	struct vault_place place = vault_place_of(st->dirfd);
	struct vault_generation g = {0};
	struct vault_ident id = {0};
	char host[256] = "";
	struct cli *c = j->c;
	VAULT_W *w = NULL;
	struct err e = {0};
	int64_t start = time_mono_us();
	struct vault_figures figures = {0};
	json_t *doubt;
	double seconds;
	int r;

	j->b.ret_figures = &figures;
	(void)gethostname(host, sizeof(host) - 1);
	j->b.host = host;
	j->b.now = time_now_us();
	if (j->has_lock)
		j->b.lock_until = j->b.now + (int64_t)j->lock_days * TIME_DAY;
	j->b.progress = on_progress;
	j->b.problem = on_problem;
	j->b.cookie = j;
	j->stop = vault_cancel();
	j->b.cancel = j->npulls > 0 ? &j->cancel : j->stop;
	/* of an address opening tells, and each asking costs three ways there and back */
	r = vault_is_address(j->repo) ? 0 : vault_identify(fio_os(), j->repo, &id, &e);
	if (r == 0)
		r = vault_w_open(fio_os(), j->repo, &place, &w, &e);
	if (r == 0) {
		id = *vault_w_ident(w);
		r = vault_w_backup(w, &j->b, &g, &e);
	}
	vault_w_close(w);
	cli_progress_end(c);
	if (j->vanished && r < 0)
		(void)err_set(&e, E_NET, "the share stopped answering half-way");
	if (r < 0) {
		int status = cli_fail(c, &e, L(c, "保管できませんでした。前の世代はそのままです",
		    "no generation was added; the earlier ones are as they were"));

		if (r == E_AUTH)
			hint(c, &place, &id, j->repo);
		return status;
	}
	seconds = (double)(time_mono_us() - start) / 1e6;
	vault_seal(c, j->repo, &id);
	leave_fact(j, &g, seconds);
	doubt = vault_kept_backup(c, st->dirfd, j->repo, &g, &figures);
	r = say(j, &g, seconds, doubt);
	say_share(j);
	free(g.runs);
	return r;
}

int
vault_backup_cmd(struct cli *c, int argc, char **argv)
{
	struct job j = {.c = c};
	struct err e = {0};
	struct state st;
	int r = options(&j, argc, argv, &e);

	if (r > 0)
		return cli_usage(c, USAGE);
	if (r < 0)
		return cli_fail(c, &e, NULL);
	buf_init(&j.text, 1 << 20);
	j.unreadable = json_array();
	r = cli_state(c, false, &st);
	if (r == CLI_OK) {
		r = open_shares(&j, &st, &e) == 0 ? run(&j, &st) :
		    cli_fail(c, &e, L(c, "共有を読めません。何も変わっていません",
			"the share cannot be read; nothing was changed"));
		close_shares(&j);
		state_close(&st);
	}
	json_decref(j.unreadable);
	buf_free(&j.text);
	return r;
}
