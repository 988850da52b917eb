/* mamori vault open REPO GEN DIR --overlay OVERLAY: a generation as a folder to work in, at once,
 * while its data arrives on the local disk. mamori vault hydrate OVERLAY: how far that is. */
#include "cli/vault_mount.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/vault_back.h"
#include "vault/mount.h"
#include "vault/overlay.h"
#include "vault/walk.h"

struct job {
	struct cli *c;
	const char *repo, *gen, *dir, *overlay, *path;
	struct vault_keys keys;
	bool allow_other, lazy;
	struct vault_back back;
};

static int
options(struct job *j, int argc, char **argv)
{
	static const struct option longs[] = {
		{"key", required_argument, NULL, 'k'},
		{"overlay", required_argument, NULL, 'o'},
		{"path", required_argument, NULL, 'p'},
		{"foreground", no_argument, NULL, 'f'},
		{"allow-other", no_argument, NULL, 'a'},
		{"lazy", no_argument, NULL, 'l'},
		{NULL, 0, NULL, 0},
	};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'k' && vault_keys_add(j->c, &j->keys, optarg) == CLI_OK)
			continue;
		else if (o == 'o')
			j->overlay = optarg;
		else if (o == 'p')
			j->path = optarg;
		else if (o == 'f')
			j->back.foreground = true;
		else if (o == 'a')
			j->allow_other = true;
		else if (o == 'l')
			j->lazy = true;
		else
			return -1;
	}
	if (argc - optind != 3 || !j->overlay)
		return -1;
	j->repo = argv[optind];
	j->gen = argv[optind + 1];
	j->dir = argv[optind + 2];
	return 0;
}

static void
on_ready(void *cookie)
{
	struct job *j = cookie;

	if (!j->back.foreground) {
		vault_back_ready(&j->back);
		return;
	}
	cli_json(j->c, json_pack("{s:b,s:s,s:s,s:s}", "ok", 1, "generation", j->back.id, "dir",
	    j->dir, "overlay", j->overlay));
	cli_say(j->c,
	    L(j->c, "世代 %.8s を %s に開きました。もう使えます。データは %s へ順に届きます。終わるときは Ctrl-C。",
		"Generation %.8s is open at %s and can be used now; its data arrives in %s. "
		"Ctrl-C ends it."),
	    j->back.id, j->dir, j->overlay);
	(void)fflush(stdout);
}

static void
on_problem(void *cookie, const char *path, const char *why)
{
	struct job *j = cookie;

	vault_back_problem(&j->back, path, why);
}

static void
on_progress(void *cookie, const struct vault_overlay_state *st)
{
	struct job *j = cookie;
	char here[24], left[24];

	if (!j->back.foreground)
		return;
	cli_progress(j->c, L(j->c, "届いた %s・残り %s", "%s here, %s to come"),
	    cli_bytes(here, st->bytes_here), cli_bytes(left, st->bytes_left));
	if (st->complete)
		cli_progress_end(j->c);
}

/* tree_path(j, gen, ret, e): What the person means by --path, as a path of the generation. */
static int
tree_path(struct job *j, const struct vault_gen *gen, char ***ret, size_t *ret_n, struct err *e)
{
	struct buf b;
	int r;

	buf_init(&b, TREE_MAX_PATH);
	r = walk_resolve(vault_gen_manifest(gen), vault_path_arg(&b, j->path), ret, ret_n, e);
	buf_free(&b);
	if (r == 0 && *ret_n != 1) {
		walk_resolve_free(*ret, *ret_n);
		*ret_n = 0;
		*ret = NULL;
		r = err_set(e, E_INVAL, "%s stands for several folders; name one", j->path);
	}
	return r;
}

static int
serve_generation(struct job *j, struct vault_opened *v, const struct vault_generation *g,
    const char *path)
{
	struct vault_overlay_opts o = {.path = path, .allow_other = j->allow_other,
	    .lazy = j->lazy, .stop_fd = -1, .ready = on_ready, .problem = on_problem,
	    .progress = on_progress, .cookie = j};
	struct err e = {0};
	int r = CLI_OK;

	hex_put(j->back.id, g->id, FMT_ID_LEN);
	o.stop_fd = vault_back_signals();
	if (vault_overlay(v->r, g, j->dir, j->overlay, &o, &e) < 0)
		r = cli_fail(j->c, &e, L(j->c, "世代を開けませんでした",
		    "the generation could not be opened"));
	if (o.stop_fd >= 0)
		(void)close(o.stop_fd);
	return r;
}

static int
serve(struct job *j)
{
	const struct vault_generation *g = NULL;
	struct vault_gen *gen = NULL;
	struct vault_opened v;
	struct err e = {0};
	char **paths = NULL;
	size_t n = 0;
	int r;

	vault_mount_clear(j->dir);
	if (vault_mount_check(j->dir, &e) < 0)
		return cli_fail(j->c, &e, L(j->c, "ここには開けません", "cannot mount there"));
	r = vault_reader(j->c, j->repo, &j->keys, &v);
	if (r != CLI_OK)
		return r;
	r = vault_generation(j->c, &v, j->repo, j->gen, &g, &gen);
	if (r == CLI_OK && j->path && tree_path(j, gen, &paths, &n, &e) < 0)
		r = cli_fail(j->c, &e, L(j->c, "その場所は世代にありません",
		    "that place is not in the generation"));
	vault_gen_close(gen);
	if (r == CLI_OK)
		vault_key_proved(j->c, j->repo, &v, &j->keys, "open");
	if (r == CLI_OK)
		r = serve_generation(j, &v, g, n ? paths[0] : NULL);
	walk_resolve_free(paths, n);
	vault_reader_close(&v);
	return r;
}

int
vault_open_cmd(struct cli *c, int argc, char **argv)
{
	struct job j = {.c = c, .back = {.c = c, .what = "open"}};
	pid_t pid = 0;
	int r;

	if (options(&j, argc, argv) < 0)
		return cli_usage(c, VAULT_OPEN_USAGE);
	r = vault_back_fork(&j.back, &pid);
	if (r <= 0)
		return r < 0 ? -r : serve(&j);
	cli_json(c, json_pack("{s:b,s:s,s:s,s:s,s:i}", "ok", 1, "generation", j.back.id, "dir",
	    j.dir, "overlay", j.overlay, "pid", (int)pid));
	cli_say(c,
	    L(c, "世代 %.8s を %s に開きました。もう使えます。\n"
		 "届きぐあい: mamori vault hydrate %s　終わるとき: fusermount3 -u %s（続きは同じ命令で）",
		"Generation %.8s is open at %s and can be used now.\n"
		"How far: mamori vault hydrate %s   To end: fusermount3 -u %s (the same command "
		"goes on)"),
	    j.back.id, j.dir, j.overlay, j.dir);
	return CLI_OK;
}

/* ---- vault hydrate ---- */

static int
tell(struct cli *c, const char *overlay, const struct vault_overlay_state *st)
{
	char id[2 * FMT_ID_LEN + 1], here[24], left[24];

	hex_put(id, st->gen, FMT_ID_LEN);
	cli_json(c, json_pack("{s:b,s:s,s:I,s:I,s:I,s:I,s:I}", "complete", st->complete,
	    "generation", id, "files_left", (json_int_t)st->files_left, "bytes_left",
	    (json_int_t)st->bytes_left, "bytes_here", (json_int_t)st->bytes_here, "dirs_left",
	    (json_int_t)st->dirs_left, "damaged", (json_int_t)st->damaged));
	if (st->complete)
		cli_say(c,
		    L(c, "すべて届きました（%s）。切り離すには: mamori vault hydrate %s --finish DIR",
			"Everything has arrived (%s). To make it an ordinary folder: "
			"mamori vault hydrate %s --finish DIR"),
		    cli_bytes(here, st->bytes_here), overlay);
	else
		cli_say(c, L(c, "届いた %s・残り %s（わかっている分）・まだ見ていないフォルダ %llu・読めないファイル %llu",
		    "%s here, %s to come (as far as known), %llu folders not looked into, %llu "
		    "damaged files"), cli_bytes(here, st->bytes_here),
		    cli_bytes(left, st->bytes_left), (unsigned long long)st->dirs_left,
		    (unsigned long long)st->damaged);
	return st->complete ? CLI_OK : CLI_NO;
}

int
vault_hydrate_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"finish", required_argument, NULL, 'f'},
	    {NULL, 0, NULL, 0}};
	struct vault_overlay_state st;
	const char *to = NULL;
	struct err e = {0};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o != 'f')
			return cli_usage(c, VAULT_HYDRATE_USAGE);
		to = optarg;
	}
	if (argc - optind != 1)
		return cli_usage(c, VAULT_HYDRATE_USAGE);
	if (!to) {
		if (vault_overlay_look(argv[optind], &st, &e) < 0)
			return cli_fail(c, &e, NULL);
		return tell(c, argv[optind], &st);
	}
	if (vault_overlay_finish(argv[optind], to, &e) < 0) {
		(void)cli_fail(c, &e, L(c, "まだ切り離せません", "it cannot be finished"));
		return CLI_FAIL;
	}
	cli_json(c, json_pack("{s:b,s:s}", "ok", 1, "dir", to));
	cli_say(c, L(c, "ふつうのフォルダになりました: %s", "It is an ordinary folder now: %s"), to);
	return CLI_OK;
}
