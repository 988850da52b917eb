#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_vault.h"
#include "vault/restore.h"

#define USAGE                                                                                      \
	"mamori vault restore REPO GEN --to DIR [--path P]... [--key FILE]... [--resume] "         \
	"[--force-into] [--overwrite] [--threads N]"

enum { MAX_PATHS = 256, SAY_PROBLEMS = 20 };

struct job {
	struct cli *c;
	struct vault_restore_opts o;
	struct vault_keys keys;
	const char *paths[MAX_PATHS];
	struct buf path_bytes[MAX_PATHS];
	size_t npaths;
	const char *repo, *gen;
	uint64_t total_files, total_bytes;
};

static void
on_progress(void *cookie, const struct vault_progress *p)
{
	struct job *j = cookie;
	char done[24], all[24];

	cli_progress(j->c, L(j->c, "%llu / %llu ファイル、%s / %s", "%llu of %llu files, %s of %s"),
	    (unsigned long long)p->files, (unsigned long long)j->total_files,
	    cli_bytes(done, p->bytes), cli_bytes(all, j->total_bytes));
}

static int
option(struct job *j, int o, struct err *e)
{
	uint64_t v;
	int r = 0;

	switch (o) {
	case 't':
		j->o.to = optarg;
		break;
	case 'p':
		if (j->npaths == MAX_PATHS)
			return err_set(e, E_INVAL, "more than %d --path", MAX_PATHS);
		buf_init(&j->path_bytes[j->npaths], 1 << 18);
		j->paths[j->npaths] = vault_path_arg(&j->path_bytes[j->npaths], optarg);
		j->npaths++;
		break;
	case 'k':
		r = vault_keys_add(j->c, &j->keys, optarg) == CLI_OK ? 0 : 1;
		break;
	case 'r':
		j->o.resume = true;
		break;
	case 'f':
		j->o.force_into = true;
		break;
	case 'w':
		j->o.overwrite = true;
		break;
	case 'n':
		r = num_parse_u64(optarg, 256, &v, e);
		j->o.threads = r == 0 ? (unsigned)v : 0;
		break;
	default:
		r = 1;
	}
	return r;
}

static int
options(struct job *j, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {
		{"to", required_argument, NULL, 't'}, {"path", required_argument, NULL, 'p'},
		{"key", required_argument, NULL, 'k'}, {"resume", no_argument, NULL, 'r'},
		{"force-into", no_argument, NULL, 'f'}, {"overwrite", no_argument, NULL, 'w'},
		{"threads", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0},
	};
	int o, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (o = getopt_long(argc, argv, "", longs, NULL)) != -1)
		r = option(j, o, e);
	if (r != 0)
		return r;
	if (argc - optind != 2 || !j->o.to || !*j->o.to)
		return 1;
	j->repo = argv[optind];
	j->gen = argv[optind + 1];
	j->o.paths = j->paths;
	j->o.npaths = j->npaths;
	return 0;
}

/* ---- what could not be done ---- */

static const char *
kind_name(enum restore_kind k)
{
	switch (k) {
	case RESTORE_DAMAGED:
		return "damaged";
	case RESTORE_INWAY:
		return "in_the_way";
	case RESTORE_REFUSED:
		return "refused";
	case RESTORE_UNREAD:
		return "unread";
	default:
		return "list";
	}
}

static const char *
kind_text(struct cli *c, enum restore_kind k)
{
	switch (k) {
	case RESTORE_DAMAGED:
		return L(c, "壊れています", "damaged");
	case RESTORE_INWAY:
		return L(c, "先に別のものがあります", "in the way");
	case RESTORE_REFUSED:
		return L(c, "戻す先に書けません", "not possible there");
	case RESTORE_UNREAD:
		return L(c, "保管したときに読めなかったもの", "was not readable when kept");
	default:
		return L(c, "一覧が壊れています", "list damaged");
	}
}

static json_t *
problems(struct cli *c, const struct vault_restore_report *rep)
{
	json_t *list = json_array();
	struct buf text;

	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < rep->nlisted; i++) {
		const struct restore_problem *p = &rep->problems[i];
		const char *path = vault_show(&text, p->path, strlen(p->path));

		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:I}", "path", path,
		    "kind", kind_name(p->kind), "why", p->why, "lost_bytes",
		    (json_int_t)p->lost));
		if (i < SAY_PROBLEMS)
			fprintf(stderr, "  %s: %s (%s)\n", kind_text(c, p->kind), path, p->why);
	}
	if (rep->nproblems > SAY_PROBLEMS)
		fprintf(stderr, L(c, "  ほかに %llu 件\n", "  and %llu more\n"),
		    (unsigned long long)(rep->nproblems - SAY_PROBLEMS));
	buf_free(&text);
	return list;
}

static void
notes(struct cli *c, const struct vault_restore_report *rep)
{
	if (rep->owners_skipped > 0)
		cli_say(c, L(c, "持ち主を元どおりにできなかったもの: %llu（管理者 root で実行すると戻ります）",
		    "%llu owners could not be set (run as root to get them back)"),
		    (unsigned long long)rep->owners_skipped);
	if (rep->xattrs_skipped > 0)
		cli_say(c, L(c, "付けられなかった拡張属性・ACL: %llu",
		    "%llu extended attributes or ACLs could not be set"),
		    (unsigned long long)rep->xattrs_skipped);
	if (rep->devices_skipped > 0)
		cli_say(c, L(c, "作れなかった装置ファイル: %llu（root が必要です）",
		    "%llu device files need root and were left out"),
		    (unsigned long long)rep->devices_skipped);
}

static int
say(struct job *j, const struct vault_generation *g, const struct vault_restore_report *rep,
    double seconds)
{
	struct cli *c = j->c;
	char id[2 * FMT_ID_LEN + 1], size[24];
	bool good = rep->nproblems == 0;
	json_t *list;

	hex_put(id, g->id, FMT_ID_LEN);
	cli_say(c,
	    L(c,
		"世代 %.8s を %s へ戻しました: %llu ファイル %s、%.1f 秒。一つずつ確かめながら書きました。",
		"Generation %.8s is back in %s: %llu files, %s, %.1f s. Each was verified as "
		"it was written."),
	    id, j->o.to, (unsigned long long)rep->files, cli_bytes(size, rep->bytes), seconds);
	if (rep->kept > 0)
		cli_say(c, L(c, "うち %llu ファイルは前回戻したものを確かめて使いました。",
		    "%llu of them were there from an earlier try and were verified."),
		    (unsigned long long)rep->kept);
	notes(c, rep);
	if (!good)
		fprintf(stderr, L(c, "元どおりにできなかったものが %llu 件あります。\n",
		    "%llu could not be given back as they were.\n"),
		    (unsigned long long)rep->nproblems);
	list = problems(c, rep);
	cli_json(c, json_pack("{s:b,s:s,s:s,s:I,s:I,s:f,s:I,s:I,s:I,s:I,s:I,s:o,s:I,s:I,s:I}", "ok",
	    good, "generation", id, "name", g->info.name, "files", (json_int_t)rep->files, "bytes",
	    (json_int_t)rep->bytes, "seconds", seconds, "dirs", (json_int_t)rep->dirs, "links",
	    (json_int_t)rep->links, "others", (json_int_t)rep->others, "kept",
	    (json_int_t)rep->kept, "problem_count", (json_int_t)rep->nproblems, "problems", list,
	    "owners_skipped", (json_int_t)rep->owners_skipped, "xattrs_skipped",
	    (json_int_t)rep->xattrs_skipped, "devices_skipped", (json_int_t)rep->devices_skipped));
	return good ? CLI_OK : CLI_NO;
}

static int
run(struct job *j)
{
	const struct vault_generation *g;
	struct vault_restore_report rep;
	struct vault_gen *gen;
	struct vault_opened o;
	struct err e;
	int64_t start;
	int r = vault_reader(j->c, j->repo, &j->keys, &o);

	if (r != CLI_OK)
		return r;
	if (j->npaths == 0) /* before anything is fetched the other way */
		vault_r_eager(o.r);
	r = vault_generation(j->c, &o, j->repo, j->gen, &g, &gen);
	if (r != CLI_OK) {
		vault_reader_close(&o);
		return r;
	}
	vault_gen_close(gen);
	j->total_files = g->info.files;
	j->total_bytes = g->info.bytes;
	j->o.progress = on_progress;
	j->o.cookie = j;
	j->o.cancel = vault_cancel();
	start = time_mono_us();
	r = vault_restore(o.r, g, &j->o, &rep, &e);
	cli_progress_end(j->c);
	if (r == 0 && rep.nproblems == 0)
		vault_key_proved(j->c, j->repo, &o, &j->keys, "restore");
	if (r == 0)
		r = say(j, g, &rep, (double)(time_mono_us() - start) / 1e6);
	else
		r = cli_fail(j->c, &e, L(j->c, "戻し終えられませんでした", "the restore did not finish"));
	vault_restore_report_free(&rep);
	vault_reader_close(&o);
	return r;
}

int
vault_restore_cmd(struct cli *c, int argc, char **argv)
{
	struct job *j = calloc(1, sizeof(*j));
	struct err e;
	int r;

	if (!j)
		return CLI_FAIL;
	j->c = c;
	r = options(j, argc, argv, &e);
	if (r == 0)
		r = run(j);
	else
		r = r > 0 ? cli_usage(c, USAGE) : cli_fail(c, &e, NULL);
	for (size_t i = 0; i < j->npaths; i++)
		buf_free(&j->path_bytes[i]);
	free(j);
	return r;
}
