/* mamori vault mount REPO GEN DIR: a generation as a read-only folder. */
#include "cli/vault_mount.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/vault_back.h"
#include "vault/mount.h"

struct job {
	struct cli *c;
	const char *repo, *gen, *dir;
	struct vault_keys keys;
	bool allow_other;
	struct vault_back back;
};

static int
options(struct job *j, int argc, char **argv)
{
	static const struct option longs[] = {
		{"key", required_argument, NULL, 'k'},
		{"foreground", no_argument, NULL, 'f'},
		{"allow-other", no_argument, NULL, 'a'},
		{NULL, 0, NULL, 0},
	};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'k' && vault_keys_add(j->c, &j->keys, optarg) == CLI_OK)
			continue;
		else if (o == 'f')
			j->back.foreground = true;
		else if (o == 'a')
			j->allow_other = true;
		else
			return -1;
	}
	if (argc - optind != 3)
		return -1;
	j->repo = argv[optind];
	j->gen = argv[optind + 1];
	j->dir = argv[optind + 2];
	return 0;
}

/* In the foreground, what a person reads; the background process has no terminal. */
static void
on_ready(void *cookie)
{
	struct job *j = cookie;

	if (!j->back.foreground) {
		vault_back_ready(&j->back);
		return;
	}
	cli_json(j->c, json_pack("{s:b,s:s,s:s}", "ok", 1, "generation", j->back.id, "dir",
	    j->dir));
	cli_say(j->c,
	    L(j->c, "世代 %.8s を %s に開きました（読み取り専用）。終わるときは Ctrl-C。",
		"Generation %.8s is open at %s (read-only). Ctrl-C ends it."),
	    j->back.id, j->dir);
	(void)fflush(stdout);
}

static void
on_problem(void *cookie, const char *path, const char *why)
{
	struct job *j = cookie;

	vault_back_problem(&j->back, path, why);
}

/* serve(j): Open, mount, stay until the end. Returns the exit status. */
static int
serve(struct job *j)
{
	struct vault_mount_opts o = {.allow_other = j->allow_other, .stop_fd = -1,
	    .ready = on_ready, .problem = on_problem, .cookie = j};
	const struct vault_generation *g = NULL;
	struct vault_gen *gen = NULL;
	struct vault_opened v;
	struct err e = {0};
	int r;

	vault_mount_clear(j->dir);
	if (vault_mount_check(j->dir, &e) < 0)
		return cli_fail(j->c, &e, L(j->c, "ここには開けません", "cannot mount there"));
	r = vault_reader(j->c, j->repo, &j->keys, &v);
	if (r != CLI_OK)
		return r;
	r = vault_generation(j->c, &v, j->repo, j->gen, &g, &gen);
	vault_gen_close(gen);
	if (r == CLI_OK) {
		hex_put(j->back.id, g->id, FMT_ID_LEN);
		o.stop_fd = vault_back_signals();
		if (vault_mount(v.r, g, j->dir, &o, &e) < 0)
			r = cli_fail(j->c, &e, L(j->c, "世代を開けませんでした",
			    "the generation could not be mounted"));
		if (o.stop_fd >= 0)
			(void)close(o.stop_fd);
	}
	vault_reader_close(&v);
	return r;
}

int
vault_mount_cmd(struct cli *c, int argc, char **argv)
{
	struct job j = {.c = c, .back = {.c = c, .what = "mount"}};
	pid_t pid = 0;
	int r;

	if (options(&j, argc, argv) < 0)
		return cli_usage(c, VAULT_MOUNT_USAGE);
	r = vault_back_fork(&j.back, &pid);
	if (r <= 0)
		return r < 0 ? -r : serve(&j);
	cli_json(c, json_pack("{s:b,s:s,s:s,s:i}", "ok", 1, "generation", j.back.id, "dir", j.dir,
	    "pid", (int)pid));
	cli_say(c,
	    L(c, "世代 %.8s を %s に開きました（読み取り専用）。終わるときは: fusermount3 -u %s",
		"Generation %.8s is open at %s (read-only). To end: fusermount3 -u %s"),
	    j.back.id, j.dir, j.dir);
	return CLI_OK;
}
