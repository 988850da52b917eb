#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_vault.h"

#define USAGE "mamori vault list REPO [--key FILE]"

static const char *
marks(struct cli *c, const struct vault_generation *g)
{
	if (g->removed)
		return L(c, "  消去済み", "  removed");
	if (g->doubted)
		return L(c, "  ⚠ 疑わしい", "  ! in doubt");
	return g->verified ? L(c, "  ✓ 復元訓練済み", "  ✓ proved by a drill") : "";
}

static void
one(struct cli *c, const struct vault_generation *g, json_t *list)
{
	char id[2 * FMT_ID_LEN + 1], at[TIME_TEXT], until[TIME_TEXT] = "", size[24];
	const struct fmt_snap_info *i = &g->info;

	hex_put(id, g->id, FMT_ID_LEN);
	time_put(at, g->at);
	if (g->locked_until && !g->removed)
		time_put(until, g->locked_until);
	if (!g->info_ok) {
		cli_say(c, "%.8s  %s%s", id, at, marks(c, g));
		(void)json_array_append_new(list,
		    json_pack("{s:s,s:n,s:s,s:n,s:n,s:o,s:b,s:b,s:b}", "id", id, "name", "at", at,
		    "files", "bytes", "locked_until", vault_time(g->locked_until), "removed",
		    g->removed, "doubted", g->doubted, "verified", g->verified));
		return;
	}
	cli_say(c, "%.8s  %s  %-16s %10llu %s %10s%s%s%s", id, at, i->name,
	    (unsigned long long)i->files, L(c, "ファイル", "files"), cli_bytes(size, i->bytes),
	    *until ? L(c, "  固定: ", "  locked until ") : "", until, marks(c, g));
	(void)json_array_append_new(list,
	    json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:o,s:b,s:b,s:b}", "id", id, "name",
		i->name, "host", i->host, "at", at, "files", (json_int_t)i->files, "bytes",
		(json_int_t)i->bytes, "new_bytes", (json_int_t)i->new_bytes, "stored_bytes",
		(json_int_t)i->stored_bytes, "unreadable", (json_int_t)i->unreadable,
		"locked_until", vault_time(g->locked_until), "removed", g->removed, "doubted",
		g->doubted, "verified", g->verified));
}

int
vault_list_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"key", required_argument, NULL, 'k'}, {0}};
	const struct vault_generation *all;
	struct vault_keys keys = {0};
	struct vault_opened o;
	char id[2 * FMT_ID_LEN + 1];
	json_t *list;
	size_t n;
	int opt, r;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) == 'k')
		if (vault_keys_add(c, &keys, optarg) != CLI_OK)
			return CLI_USAGE;
	if (opt != -1 || optind + 1 != argc)
		return cli_usage(c, USAGE);
	r = vault_reader(c, argv[optind], &keys, &o);
	if (r != CLI_OK)
		return r;
	list = json_array();
	all = vault_r_list(o.r, &n);
	for (size_t i = 0; i < n; i++)
		one(c, &all[i], list);
	if (n == 0)
		cli_say(c, "%s", L(c, "世代はまだありません。", "There is no generation yet."));
	else if (!all[n - 1].info_ok)
		cli_say(c, "%s", L(c, "（名前や大きさを見るには鍵が必要です: --key FILE）",
		    "(names and sizes need a key: --key FILE)"));
	hex_put(id, o.id.repo, FMT_ID_LEN);
	cli_json(c, json_pack("{s:s,s:o}", "repo_id", id, "generations", list));
	vault_reader_close(&o);
	return CLI_OK;
}
