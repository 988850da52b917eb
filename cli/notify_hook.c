/* mamori notify hook: addresses of other programs that are told what happens. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli/notify_cli.h"

#define USAGE_ADD "mamori notify hook add URL [--name TEXT] [--event EVENT]... [--inside]"

struct wish {
	const char *url, *name;
	json_t *kinds;
	bool inside;
};

static int
options(int argc, char **argv, struct wish *w)
{
	static const struct option opts[] = {{"name", required_argument, NULL, 'n'},
	    {"event", required_argument, NULL, 'e'}, {"inside", no_argument, NULL, 'i'},
	    {NULL, 0, NULL, 0}};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (o == 'n')
			w->name = optarg;
		else if (o == 'e')
			(void)json_array_append_new(w->kinds, json_string(optarg));
		else if (o == 'i')
			w->inside = true;
		else
			return -1;
	}
	if (argc - optind != 1)
		return -1;
	w->url = argv[optind];
	return 0;
}

static int
add(struct cli *c, int argc, char **argv)
{
	struct wish w = {.name = "", .kinds = json_array()};
	char id[NOTIFY_ID], secret[NOTIFY_SECRET];
	struct notify_cli x;
	struct err e = {0};
	int r = options(argc, argv, &w) < 0 ? cli_usage(c, USAGE_ADD) : notify_cli_open(c, &x);

	if (r != CLI_OK) {
		json_decref(w.kinds);
		return r;
	}
	r = notify_cli_log(&x, "api.hook.add", "hook:new", "ok", w.url, &e);
	if (r == 0)
		r = notify_hook_add(x.db, &x.st, w.url, w.name, w.kinds, w.inside, "console", x.now,
		    id, secret, &e);
	json_decref(w.kinds);
	if (r == 0) {
		cli_say(c,
		    L(c, "%s を加えました。署名の鍵は今だけ表示します:\n\n    %s\n",
			"%s was added. The key for the signature is shown only now:\n\n    %s\n"),
		    id, secret);
		cli_json(c, json_pack("{s:b,s:s,s:s}", "ok", 1, "id", id, "secret", secret));
		explicit_bzero(secret, sizeof(secret));
	}
	return notify_cli_end(&x, r, &e, "加えられません", "cannot add it");
}

static int
list(struct cli *c, int argc, char **argv)
{
	json_t *all = NULL, *h;
	struct notify_cli x;
	struct err e = {0};
	size_t i;
	int r;

	(void)argv;
	if (argc > 1)
		return cli_usage(c, "mamori notify hook list");
	r = notify_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = notify_hook_list(x.db, &all, &e);
	json_array_foreach(all, i, h)
		cli_say(c, "%s  %s  %s", json_string_value(json_object_get(h, "id")),
		    json_string_value(json_object_get(h, "url")),
		    json_integer_value(json_object_get(h, "off")) ? L(c, "止まっています", "off") : "");
	if (r == 0)
		cli_json(c, json_pack("{s:O}", "hooks", all));
	json_decref(all);
	return notify_cli_end(&x, r, &e, "読めません", "cannot read them");
}

typedef int act_fn(struct notify_cli *x, const char *id, struct err *e);

static int
act(struct cli *c, int argc, char **argv, const char *what, act_fn *fn)
{
	char usage[80], word[64], object[80];
	struct notify_cli x;
	struct err e = {0};
	int r;

	(void)snprintf(usage, sizeof(usage), "mamori notify hook %s ID", what);
	if (argc != 2 || argv[1][0] == '-')
		return cli_usage(c, usage);
	r = notify_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	(void)snprintf(word, sizeof(word), "api.hook.%s", what);
	(void)snprintf(object, sizeof(object), "hook:%.60s", argv[1]);
	r = notify_cli_log(&x, word, object, "ok", "", &e);
	if (r == 0)
		r = fn(&x, argv[1], &e);
	if (r == 0) {
		cli_say(c, "%s", L(c, "しました。", "Done."));
		cli_json(c, json_pack("{s:b,s:s}", "ok", 1, "id", argv[1]));
	}
	return notify_cli_end(&x, r, &e, "できません", "cannot do it");
}

static int
do_revoke(struct notify_cli *x, const char *id, struct err *e)
{
	return notify_hook_revoke(x->db, id, x->now, e);
}

static int
do_on(struct notify_cli *x, const char *id, struct err *e)
{
	return notify_hook_on(x->db, id, e);
}

/* A note that means nothing, sent at once. */
static int
do_test(struct notify_cli *x, const char *id, struct err *e)
{
	struct notify_run run = {0};
	int r = notify_hook_test(x->db, id, x->now, e);

	if (r == 0)
		r = notify_run(x, &run, e);
	if (r == 0 && (run.failed > 0 || run.sent == 0))
		r = err_set(e, E_NET, "%.300s", run.why[0] ? run.why : "another sender is at work");
	return r;
}

static int
revoke(struct cli *c, int argc, char **argv)
{
	return act(c, argc, argv, "revoke", do_revoke);
}

static int
on(struct cli *c, int argc, char **argv)
{
	return act(c, argc, argv, "on", do_on);
}

static int
test(struct cli *c, int argc, char **argv)
{
	return act(c, argc, argv, "test", do_test);
}

int
notify_cmd_hook(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"add", add, USAGE_ADD, "宛て先を加えます（署名の鍵は一度だけ表示）", "add an address; its key is shown once"},
		{"list", list, "mamori notify hook list", "宛て先", "addresses"},
		{"revoke", revoke, "mamori notify hook revoke ID", "やめます", "revoke one"},
		{"on", on, "mamori notify hook on ID", "止まったものを、もう一度動かします", "switch one on again"},
		{"test", test, "mamori notify hook test ID", "試しに送ります", "send a test"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}
