/* mamori token: keys for other programs that use the API (/api/v1). */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "identity/accesslog.h"
#include "identity/apitoken.h"

#define USAGE_ADD "mamori token add LOGIN --scope SCOPE... [--name NAME] [--days N]"

enum { DAYS = 365, DAYS_MAX = 400 };

struct desk {
	struct state st;
	struct db *db;
	struct identity *id;
};

static int
open_desk(struct cli *c, struct desk *d)
{
	struct err e;
	int r = cli_records(c, false, &d->st, &d->db);

	if (r != CLI_OK)
		return r;
	if (identity_open(&d->st, d->db, NULL, &d->id, &e) < 0) {
		db_close(d->db);
		state_close(&d->st);
		return cli_fail(c, &e, L(c, "アカウントを開けません", "cannot open the accounts"));
	}
	return CLI_OK;
}

static void
close_desk(struct desk *d)
{
	identity_close(d->id);
	db_close(d->db);
	state_close(&d->st);
}

static int
leave(struct desk *d, const char *what, const char *object, struct err *e)
{
	struct access_entry t = {.account = "console", .source = "console", .result = "ok"};
	struct accesslog *a;
	int r = accesslog_open(&d->st, true, time_now_us(), &a, e);

	if (r < 0)
		return r;
	(void)snprintf(t.what, sizeof(t.what), "%s", what);
	(void)snprintf(t.object, sizeof(t.object), "%s", object);
	r = accesslog_add(a, &t, time_now_us(), e);
	accesslog_close(a);
	return r;
}

struct wish {
	const char *login, *name;
	json_t *scopes;
	uint64_t days;
};

static int
options(int argc, char **argv, struct wish *w)
{
	static const struct option opts[] = {{"scope", required_argument, NULL, 's'},
	    {"name", required_argument, NULL, 'n'}, {"days", required_argument, NULL, 'd'},
	    {NULL, 0, NULL, 0}};
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (o == 's')
			(void)json_array_append_new(w->scopes, json_string(optarg));
		else if (o == 'n')
			w->name = optarg;
		else if (o != 'd' || num_parse_u64(optarg, DAYS_MAX, &w->days, NULL) < 0)
			return -1;
	}
	if (argc - optind != 1 || json_array_size(w->scopes) == 0 || w->days == 0)
		return -1;
	w->login = argv[optind];
	if (!w->name)
		w->name = w->login;
	return 0;
}

static int
add(struct desk *d, const struct wish *w, char text[APITOKEN_LEN], struct err *e)
{
	char object[IDENTITY_OBJECT];
	struct identity_account a;
	int64_t now = time_now_us();
	int r = identity_account_find(d->id, w->login, &a, e);

	if (r < 0)
		return r;
	(void)snprintf(object, sizeof(object), "account:%s", a.id);
	r = leave(d, "token.add", object, e);
	return r < 0 ? r : apitoken_new(d->id, now, a.id, w->name, w->scopes,
	    now + (int64_t)w->days * TIME_DAY, text, e);
}

static int
token_add(struct cli *c, int argc, char **argv)
{
	struct wish w = {.scopes = json_array(), .days = DAYS};
	char text[APITOKEN_LEN];
	struct desk d;
	struct err e;
	int r;

	if (options(argc, argv, &w) < 0) {
		json_decref(w.scopes);
		return cli_usage(c, USAGE_ADD);
	}
	r = open_desk(c, &d);
	if (r == CLI_OK) {
		if (add(&d, &w, text, &e) < 0)
			r = cli_fail(c, &e, L(c, "鍵を作れません", "cannot make the token"));
		close_desk(&d);
	}
	json_decref(w.scopes);
	if (r != CLI_OK)
		return r;
	cli_say(c, "%s", L(c, "プログラムの鍵です。今だけ表示します。",
	    "The token for the program. It is shown only now."));
	cli_say(c, "\n    %s\n", text);
	cli_json(c, json_pack("{s:b, s:s}", "ok", 1, "token", text));
	return CLI_OK;
}

static int
token_list(struct cli *c, int argc, char **argv)
{
	json_t *list = NULL, *o;
	struct desk d;
	struct err e;
	size_t i;
	int r;

	(void)argv;
	if (argc > 1)
		return cli_usage(c, "mamori token list");
	r = open_desk(c, &d);
	if (r != CLI_OK)
		return r;
	if (apitoken_list(d.id, time_now_us(), &list, &e) < 0)
		r = cli_fail(c, &e, NULL);
	close_desk(&d);
	if (r != CLI_OK)
		return r;
	json_array_foreach(list, i, o) {
		char ends[TIME_TEXT];

		time_put(ends, json_integer_value(json_object_get(o, "ends")));
		cli_say(c, "%s  %.10s  %s", json_string_value(json_object_get(o, "id")), ends,
		    json_string_value(json_object_get(o, "name")));
	}
	if (json_array_size(list) == 0)
		cli_say(c, "%s", L(c, "鍵はありません。", "There is no token."));
	cli_json(c, json_pack("{s:o}", "tokens", list));
	return CLI_OK;
}

static int
token_revoke(struct cli *c, int argc, char **argv)
{
	struct desk d;
	struct err e;
	int r;

	if (argc != 2 || argv[1][0] == '-')
		return cli_usage(c, "mamori token revoke ID");
	r = open_desk(c, &d);
	if (r != CLI_OK)
		return r;
	if (leave(&d, "token.revoke", argv[1], &e) < 0 ||
	    apitoken_revoke(d.id, time_now_us(), argv[1], &e) < 0)
		r = cli_fail(c, &e, NULL);
	close_desk(&d);
	if (r != CLI_OK)
		return r;
	cli_say(c, "%s", L(c, "鍵を無効にしました。", "The token is revoked."));
	cli_json(c, json_pack("{s:b, s:s}", "ok", 1, "id", argv[1]));
	return CLI_OK;
}

int
cmd_token(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"add", token_add, USAGE_ADD, "プログラムの鍵を作ります（一度だけ表示）",
		    "make a token for a program; shown once"},
		{"list", token_list, "mamori token list", "使える鍵", "tokens in force"},
		{"revoke", token_revoke, "mamori token revoke ID", "鍵を無効にします",
		    "revoke a token"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}
