/* mamori system: what the daemon protects on its schedule. The daemon must run: it alone writes the
 * records. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli.h"
#include "crypt/digest.h"
#include "sys/chan.h"

enum { CALL_WAIT_S = 15 };

static const char add_usage[] =
    "mamori system add ID PATH... --repo REPO [--kind chart|images|database|scans|office|other] "
    "[--name NAME] [--name-en NAME]";

static int
call(struct cli *c, const char *method, json_t *params, json_t **ret, struct err *e)
{
	char sock[PATH_MAX + 32];
	int fd, r;

	(void)snprintf(sock, sizeof(sock), "%.*s/run/mamorid.sock", PATH_MAX - 1, c->state);
	r = chan_connect(sock, &fd, e);
	if (r == 0) {
		r = chan_call(fd, method, params, -1, CALL_WAIT_S * TIME_SEC, ret, e);
		(void)close(fd);
	} else if (r == E_NOENT) {
		(void)err_set(e, E_NOENT, "%s", L(c, "守りが動いていません。mamori up で動かしてから、もう一度",
		    "Mamori is not running; start it with `mamori up` and try again"));
	}
	json_decref(params);
	return r;
}

struct add {
	const char *id, *repo, *kind, *ja, *en;
	char place[24];
	char repo_path[PATH_MAX];
	json_t *paths;
};

static int
parse_add(int argc, char **argv, struct add *a)
{
	static const struct option opts[] = {
		{"repo", required_argument, NULL, 'r'}, {"kind", required_argument, NULL, 'k'},
		{"name", required_argument, NULL, 'n'}, {"name-en", required_argument, NULL, 'e'},
		{NULL, 0, NULL, 0},
	};
	int o;

	optind = 0;
	while ((o = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (o == 'r')
			a->repo = optarg;
		else if (o == 'k')
			a->kind = optarg;
		else if (o == 'n')
			a->ja = optarg;
		else if (o == 'e')
			a->en = optarg;
		else
			return -1;
	}
	if (argc - optind < 2 || !a->repo)
		return -1;
	a->id = argv[optind++];
	if (!a->kind)
		a->kind = "other";
	if (!a->ja)
		a->ja = a->en ? a->en : a->id;
	if (!a->en)
		a->en = a->ja;
	return 0;
}

/* resolve(a, n, paths, e): Absolute paths, since the daemon stands elsewhere. */
static int
resolve(struct add *a, int n, char **paths, struct err *e)
{
	char full[PATH_MAX], hex[17];
	uint8_t hash[DIGEST_LEN];

	/* an address of another machine is taken as it is */
	if (strstr(a->repo, "://"))
		(void)snprintf(a->repo_path, sizeof(a->repo_path), "%s", a->repo);
	else if (!realpath(a->repo, a->repo_path))
		return err_sys(e, "%s", a->repo);
	for (int i = 0; i < n; i++) {
		if (!realpath(paths[i], full))
			return err_sys(e, "%s", paths[i]);
		if (json_array_append_new(a->paths, json_string(full)) < 0)
			return err_set(e, E_INVAL, "%s: the path is not UTF-8", paths[i]);
	}
	digest_sha256(a->repo_path, strlen(a->repo_path), hash);
	hex_put(hex, hash, 6);
	(void)snprintf(a->place, sizeof(a->place), "vault-%s", hex);
	return 0;
}

static int
send_add(struct cli *c, struct add *a, struct err *e)
{
	int r = call(c, "place.add", json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", a->place, "repo",
	    a->repo_path, "name_ja", "保管庫", "name_en", "vault", "key_file", ""), NULL, e);

	if (r == 0 || r == E_EXIST)
		r = call(c, "system.add",
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:O}", "id", a->id, "kind", a->kind,
			"name_ja", a->ja, "name_en", a->en, "place", a->place, "practice", 0,
			"paths", a->paths),
		    NULL, e);
	return r;
}

static int
system_add(struct cli *c, int argc, char **argv)
{
	struct add a = {.paths = json_array()};
	struct err e = {0};
	int r;

	if (parse_add(argc, argv, &a) < 0) {
		json_decref(a.paths);
		return cli_usage(c, add_usage);
	}
	r = resolve(&a, argc - optind, argv + optind, &e);
	if (r == 0)
		r = send_add(c, &a, &e);
	json_decref(a.paths);
	if (r < 0)
		return cli_fail(c, &e, L(c, "システムを加えられませんでした",
		    "The system could not be added"));
	cli_say(c, L(c, "%s を加えました。最初の世代をこれから取り、その後は毎晩取ります。",
	    "%s was added. Its first generation is taken now, then every night."), a.ja);
	cli_json(c, json_pack("{s:b, s:s}", "ok", 1, "id", a.id));
	return CLI_OK;
}

static int
system_list(struct cli *c, int argc, char **argv)
{
	json_t *st = NULL, *out, *it;
	struct err e = {0};
	size_t i;

	(void)argv;
	if (argc > 1)
		return cli_usage(c, "mamori system list");
	if (call(c, "status", NULL, &st, &e) < 0)
		return cli_fail(c, &e, NULL);
	out = json_array();
	json_array_foreach(json_object_get(st, "items"), i, it) {
		const char *kind = json_string_value(json_object_get(it, "kind"));

		if (!kind || strcmp(kind, "backup") != 0)
			continue;
		cli_say(c, "%-12s %-8s %s", json_string_value(json_object_get(it, "subject")),
		    json_string_value(json_object_get(it, "state")),
		    json_string_value(json_object_get(it, c->ja ? "name_ja" : "name_en")));
		(void)json_array_append(out, it);
	}
	json_decref(st);
	cli_json(c, json_pack("{s:o}", "systems", out));
	return CLI_OK;
}

int
cmd_system(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"add", system_add, add_usage, "守るシステムを加えます（毎晩の世代と訓練）",
		    "add a system to protect: nightly generations and drills"},
		{"list", system_list, "mamori system list", "守っているシステム", "what is protected"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}
