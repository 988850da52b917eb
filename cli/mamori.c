/* mamori: everything by hand. One table of subcommands, one file each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#include "base/num.h"

static const struct cli_cmd commands[] = {
	/* one row a command, in the order in which the help shows them */
	{"up", cmd_up, "mamori up [--practice] [--size SIZE] [--listen ADDR:PORT]",
	    "全部を手元で動かします（Ctrl-C で止まります）", "start everything in the foreground; Ctrl-C stops it"},
	{"practice", cmd_practice, "mamori practice [--to DIR] [--size 50M] [--day N] [--seed S]",
	    "練習用の病院（架空の患者データ）を作る・日を進める", "make the practice hospital, or move it on"},
	{"status", cmd_status, "mamori status", "いまの状態を一画面で見ます", "the present state at a glance"},
	{"verify", cmd_verify, "mamori verify [--no-fact]", "封印がすべて正しいか確かめます", "check every seal, offline"},
	{"fact", cmd_fact, "mamori fact list|show|add", "事実を見る・申告します", "read facts, or declare one"},
	{"register", cmd_register,
	    "mamori register kinds|list|show|add|set|archive|history|attach|import|export|check",
	    "台帳: 人・システム・機器・業者などの記録", "registers: people, systems, vendors ..."},
	{"guide", cmd_guide,
	    "mamori guide list|status|next|answer|later|profile|inspect|finding|review|request|...",
	    "点検: チェックリスト・次にやること・業者に頼む", "checklists, what to do next, inspections"},
	{"vault", cmd_vault,
	    "mamori vault init|backup|list|state|restore|open|verify|policy|prune|serve|carry ...",
	    "保管庫: 世代を保管する・戻す・確かめる", "the vault: keep generations, give them back, verify"},
	{"system", cmd_system, "mamori system add|list",
	    "守るシステムを加える・見る", "add or list what is protected on the schedule"},
	{"drill", cmd_drill, "mamori drill ransomware|restore",
	    "訓練: 写しを壊して戻し、比べます", "rehearse on a copy: damage, give back, compare"},
	{"report", cmd_report, "mamori report render|build ...", "紙: 文書を PDF にする",
	    "paper: make PDF documents"},
	{"account", cmd_account, "mamori account list|add|reset|disable|enable|glass",
	    "サインインできる人（この機械の前での最後の手段も）", "who may sign in; the way back in at the machine"},
	{"token", cmd_token, "mamori token add|list|revoke",
	    "他のプログラムの鍵（/api/v1）", "tokens for other programs (/api/v1)"},
	{"identity", cmd_identity, "mamori identity check",
	    "アカウントと操作の記録を確かめます", "check accounts and access log"},
	{"notify", cmd_notify,
	    "mamori notify show|set|test|send|list|retry|digest|request|calendar|hook ...",
	    "知らせ: メール・webhook・予定表", "tell people and programs: mail, webhooks, calendar"},
	{NULL, NULL, NULL, NULL, NULL},
};

static void
help(const struct cli *c, FILE *out)
{
	fprintf(out, "%s\n\n",
	    L(c,
		"mamori – 守り。診療を止めないための道具です。\n\n使い方: mamori [--state DIR] [--json] "
		"[--lang ja|en] 命令 …",
		"mamori – keeps a clinic running through a cyber-attack.\n\n"
		"usage: mamori [--state DIR] "
		"[--json] [--lang ja|en] COMMAND ..."));
	for (const struct cli_cmd *k = commands; k->name; k++)
		fprintf(out, "  %-10s %s\n", k->name, L(c, k->ja, k->en));
	fprintf(out, "\n%s\n",
	    L(c,
		"  --state DIR   データの置き場所（既定: $MAMORI_STATE、なければ /var/lib/mamori）\n"
		"  --json        結果を JSON で一つだけ出します\n"
		"  --lang ja|en  表示のことば\n"
		"  --version     版\n\n"
		"終了状態: 0 できた・正しい  1 できたが答えは「いいえ」  2 使い方の誤り  3 できなかった\n"
		"命令ごとの使い方: mamori 命令 --help",
		"  --state DIR   where the data is (default: $MAMORI_STATE, else /var/lib/mamori)\n"
		"  --json        print one JSON object\n"
		"  --lang ja|en  language\n"
		"  --version     version\n\n"
		"exit status: 0 done and true  1 done, the answer is no  2 wrong usage  "
		"3 could not do it\n"
		"usage of one command: mamori COMMAND --help"));
}

static bool
language(struct cli *c, const char *s)
{
	if (strcmp(s, "ja") != 0 && strcmp(s, "en") != 0)
		return false;
	c->ja = s[0] == 'j';
	return true;
}

static void
defaults(struct cli *c, const char *argv0)
{
	static char self[4096];
	const char *lang = getenv("MAMORI_LANG"), *state = getenv("MAMORI_STATE");
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	c->self = n > 0 ? self : argv0;
	c->state = state && *state ? state : "/var/lib/mamori";
	c->ja = true;
	if (lang && language(c, lang))
		return;
	lang = getenv("LANG");
	if (lang && strncmp(lang, "en", 2) == 0)
		c->ja = false;
}

/* Take "--name VALUE" or "--name=VALUE" at argv[*i]. NULL: it is another option. */
static const char *
value_of(const char *name, int argc, char **argv, int *i, bool *missing)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0)
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (argv[*i][n] != 0)
		return NULL;
	*missing = *i + 1 >= argc || !argv[*i + 1];
	return *missing ? NULL : argv[++*i];
}

struct wish {
	bool help, version;
};

/* Take the options that hold for every command out of argv, wherever they stand. Returns the new
 * argc, or -1. */
static int
globals(struct cli *c, int argc, char **argv, struct wish *w)
{
	bool missing = false;
	int n = 1;

	for (int i = 1; i < argc && argv[i]; i++) {
		const char *v;

		if (strcmp(argv[i], "--") == 0) {
			while (i < argc)
				argv[n++] = argv[i++];
			break;
		}
		if ((v = value_of("--state", argc, argv, &i, &missing)))
			c->state = v;
		else if (!missing && (v = value_of("--lang", argc, argv, &i, &missing)))
			missing = !language(c, v);
		else if (strcmp(argv[i], "--json") == 0)
			c->json = true;
		else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			w->help = true;
		else if (n == 1 && strcmp(argv[i], "--version") == 0)
			w->version = true;
		else
			argv[n++] = argv[i];
		if (missing || (v && *v == 0))
			return -1;
	}
	argv[n] = NULL;
	return n;
}

static int
wrong(struct cli *c, const char *what)
{
	fprintf(stderr, "mamori: %s: %s\n", L(c, "分からない命令です", "unknown command or option"),
	    what);
	fprintf(stderr, "%s\n", L(c, "mamori --help で一覧が出ます。", "mamori --help lists what there is."));
	return CLI_USAGE;
}

static int
run(struct cli *c, int argc, char **argv)
{
	struct wish w = {0};

	argc = globals(c, argc, argv, &w);
	if (argc < 0)
		return cli_usage(c, "mamori [--state DIR] [--json] [--lang ja|en] COMMAND ...");
	if (w.version) {
		cli_json(c, json_pack("{s:s}", "version", MAMORI_VERSION));
		cli_say(c, "mamori %s", MAMORI_VERSION);
		return CLI_OK;
	}
	if (argc < 2) {
		help(c, w.help && !c->json ? stdout : stderr);
		return w.help ? CLI_OK : CLI_USAGE;
	}
	for (const struct cli_cmd *k = commands; k->name; k++) {
		if (strcmp(argv[1], k->name) != 0)
			continue;
		if (!w.help)
			return k->fn(c, argc - 1, argv + 1);
		cli_say(c, "%s\n%s %s", L(c, k->ja, k->en), L(c, "使い方:", "usage:"), k->usage);
		return CLI_OK;
	}
	return wrong(c, argv[1]);
}

int
main(int argc, char **argv)
{
	struct cli c = {0};

	defaults(&c, argc > 0 ? argv[0] : "mamori");
	return cli_end(&c, run(&c, argc, argv));
}
