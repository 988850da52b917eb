/* mamori account: who may sign in to the console, from the machine it runs on. This is the way back
 * in when everything else fails; each change leaves an entry in the access log, a reset a fact. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_state.h"
#include "identity/accesslog.h"
#include "identity/identity.h"

#define USAGE_ADD                                                                                  \
	"mamori account add LOGIN --role director|clerk|staff|zone|vendor|inspector "              \
	"[--name NAME] [--person ID] [--days N] [--object KIND:ID]..."
#define USAGE_ONE(what) "mamori account " what " LOGIN"

struct desk {
	struct cli *c;
	struct state st;
	struct db *db;
	struct identity *id;
};

static int
open_desk(struct cli *c, bool create, struct desk *d)
{
	struct err e;
	int r = cli_records(c, create, &d->st, &d->db);

	d->c = c;
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

/* leave(d, what, account, e): An entry in the access log; who stands at the machine is known to
 * nobody but the machine. */
static int
leave(struct desk *d, const char *what, const char *account, struct err *e)
{
	struct access_entry t = {.account = "console", .source = "console", .result = "ok"};
	struct accesslog *a;
	int r = accesslog_open(&d->st, true, time_now_us(), &a, e);

	if (r < 0)
		return r;
	(void)snprintf(t.what, sizeof(t.what), "%s", what);
	(void)snprintf(t.object, sizeof(t.object), "account:%s", account);
	r = accesslog_add(a, &t, time_now_us(), e);
	accesslog_close(a);
	return r;
}

/* --- list ------------------------------------------------------------------------------------- */

static const char *
state_word(const struct cli *c, const struct identity_account *a)
{
	return a->state == ACCOUNT_INVITED ? L(c, "招待中", "invited")
	    : a->state == ACCOUNT_ACTIVE   ? L(c, "有効", "active")
	                                   : L(c, "停止", "disabled");
}

struct listing {
	struct cli *c;
	json_t *list;
};

static int
on_account(const struct identity_account *a, void *cookie, struct err *e)
{
	static const char *const states[] = {"invited", "active", "disabled"};
	struct listing *l = cookie;
	bool second = a->has_totp || a->passkeys > 0;
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:I, s:I}", "id", a->id,
	    "login", a->login, "name", a->name, "role", identity_role_name(a->role), "state",
	    states[a->state], "person", a->person, "second", second, "codes", (int)a->codes,
	    "last_login", (json_int_t)a->last_login, "valid_until", (json_int_t)a->valid_until);

	if (!o || json_array_append_new(l->list, o) < 0)
		return err_set(e, E_NOMEM, "no memory");
	cli_say(l->c, "%-20s %-10s %-8s %-8s %s", a->login,
	    identity_role_label(a->role, l->c->ja), state_word(l->c, a),
	    second ? L(l->c, "二要素", "2 factors") : "-", a->name);
	return 0;
}

static int
account_list(struct cli *c, int argc, char **argv)
{
	struct listing l = {.c = c, .list = json_array()};
	struct desk d;
	struct err e;
	int r;

	(void)argv;
	if (argc > 1) {
		json_decref(l.list);
		return cli_usage(c, "mamori account list");
	}
	r = open_desk(c, false, &d);
	if (r != CLI_OK) {
		json_decref(l.list);
		return r;
	}
	r = identity_account_each(d.id, on_account, &l, &e) < 0 ? cli_fail(c, &e, NULL) : CLI_OK;
	close_desk(&d);
	if (r == CLI_OK && json_array_size(l.list) == 0)
		cli_say(c, "%s", L(c, "アカウントはまだありません。", "There is no account yet."));
	if (r == CLI_OK)
		cli_json(c, json_pack("{s:O}", "accounts", l.list));
	json_decref(l.list);
	return r;
}

/* --- add -------------------------------------------------------------------------------------- */

static int
add_options(int argc, char **argv, struct identity_new *n, const char *objects[IDENTITY_OBJECTS],
    int64_t now)
{
	static const struct option opts[] = {
		{"role", required_argument, NULL, 'r'}, {"name", required_argument, NULL, 'n'},
		{"person", required_argument, NULL, 'p'}, {"days", required_argument, NULL, 'd'},
		{"object", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0},
	};
	bool has_role = false;
	uint64_t days;
	int o;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (o == 'r' && identity_role_get(optarg, &n->role) == 0)
			has_role = true;
		else if (o == 'n')
			n->name = optarg;
		else if (o == 'p')
			n->person = optarg;
		else if (o == 'd' && num_parse_u64(optarg, 3660, &days, NULL) == 0 && days > 0)
			n->valid_until = now + (int64_t)days * TIME_DAY;
		else if (o == 'o' && n->nobjects < IDENTITY_OBJECTS)
			objects[n->nobjects++] = optarg;
		else
			return -1;
	}
	if (!has_role || argc - optind != 1)
		return -1;
	n->login = argv[optind];
	if (!n->name)
		n->name = n->login;
	n->objects = objects;
	return 0;
}

/* tell(c, account, code): The invitation, once. */
static void
tell(struct cli *c, const char *login, const char *account, const char *code)
{
	cli_say(c, L(c,
	    "%s さんの招待の符号です。今だけ表示します。1週間のうちに、画面の「招待の符号」で使ってください。",
	    "The invitation of %s. It is shown only now. Use it within a week at \"invitation\" on "
	    "the sign-in page."), login);
	cli_say(c, "\n    %s\n", code);
	cli_json(c, json_pack("{s:b, s:s, s:s, s:s}", "ok", 1, "id", account, "login", login,
	    "invite", code));
}

static int
account_add(struct cli *c, int argc, char **argv)
{
	const char *objects[IDENTITY_OBJECTS];
	struct identity_new n = {.ja = c->ja};
	char account[IDENTITY_ID], code[IDENTITY_CODE];
	int64_t now = time_now_us();
	struct desk d;
	struct err e;
	int r;

	if (add_options(argc, argv, &n, objects, now) < 0)
		return cli_usage(c, USAGE_ADD);
	r = open_desk(c, true, &d);
	if (r != CLI_OK)
		return r;
	r = identity_account_add(d.id, now, "console", &n, account, code, &e);
	if (r == 0)
		r = leave(&d, "account.add", account, &e);
	close_desk(&d);
	if (r < 0)
		return cli_fail(c, &e, L(c, "アカウントを作れません", "cannot add the account"));
	tell(c, n.login, account, code);
	return CLI_OK;
}

/* --- reset, disable, enable ------------------------------------------------------------------- */

static int
reset_fact(struct desk *d, const struct identity_account *a, struct err *e)
{
	struct fact fact;
	int r = fact_fill(&fact, "identity", "identity.account.reset", "account", a->id, FACT_PASS,
	    time_now_us(), e);

	if (r < 0)
		return r;
	fact.observed = json_pack("{s:s, s:s}", "login", a->login, "role",
	    identity_role_name(a->role));
	r = facts_record(&d->st, &fact, time_now_us(), NULL, e);
	fact_free(&fact);
	return r;
}

enum change { RESET, DISABLE, ENABLE };

static int
change(struct desk *d, const char *login, enum change what, struct identity_account *a,
    char code[IDENTITY_CODE], struct err *e)
{
	static const char *const words[] = {"account.reset", "account.disable", "account.enable"};
	int64_t now = time_now_us();
	int r = identity_account_find(d->id, login, a, e);

	/* the trace first: a reset that nobody can see must not happen */
	if (r == 0)
		r = leave(d, words[what], a->id, e);
	if (r == 0 && what == RESET)
		r = reset_fact(d, a, e);
	if (r < 0)
		return r;
	return what == RESET ? identity_account_reset(d->id, now, a->id, code, e)
	    : what == DISABLE ? identity_account_disable(d->id, now, a->id, e)
	                      : identity_account_enable(d->id, now, a->id, e);
}

static int
one(struct cli *c, int argc, char **argv, enum change what, const char *usage)
{
	struct identity_account a;
	char code[IDENTITY_CODE];
	struct desk d;
	struct err e;
	int r;

	if (argc != 2 || argv[1][0] == '-')
		return cli_usage(c, usage);
	r = open_desk(c, false, &d);
	if (r != CLI_OK)
		return r;
	r = change(&d, argv[1], what, &a, code, &e);
	close_desk(&d);
	if (r < 0)
		return cli_fail(c, &e, L(c, "変更できません", "cannot change the account"));
	if (what == RESET) {
		tell(c, a.login, a.id, code);
		return CLI_OK;
	}
	cli_say(c, what == DISABLE ? L(c, "%s を停止しました。", "%s is disabled.")
	                           : L(c, "%s を有効に戻しました。", "%s is enabled again."), a.login);
	cli_json(c, json_pack("{s:b, s:s, s:s}", "ok", 1, "id", a.id, "login", a.login));
	return CLI_OK;
}

static int
account_reset(struct cli *c, int argc, char **argv)
{
	return one(c, argc, argv, RESET, USAGE_ONE("reset"));
}

static int
account_disable(struct cli *c, int argc, char **argv)
{
	return one(c, argc, argv, DISABLE, USAGE_ONE("disable"));
}

static int
account_enable(struct cli *c, int argc, char **argv)
{
	return one(c, argc, argv, ENABLE, USAGE_ONE("enable"));
}

/* --- the code in the envelope ----------------------------------------------------------------- */

static int
account_glass(struct cli *c, int argc, char **argv)
{
	char code[IDENTITY_CODE];
	struct desk d;
	struct err e;
	int r;

	(void)argv;
	if (argc > 1)
		return cli_usage(c, "mamori account glass");
	r = open_desk(c, true, &d);
	if (r != CLI_OK)
		return r;
	r = leave(&d, "glass.make", "glass", &e);
	if (r == 0)
		r = identity_glass_make(d.id, time_now_us(), "console", code, &e);
	close_desk(&d);
	if (r < 0)
		return cli_fail(c, &e, L(c, "符号を作れません", "cannot make the code"));
	cli_say(c, "%s",
	    L(c,
	    "非常時の符号です。今だけ表示します。紙に書き、"
	    "封筒に入れて封をし、金庫に入れてください。\n"
	    "だれもサインインできないときに、1時間だけ"
	    "復元と連絡先の画面を開けます。古い符号は使えなくなりました。",
	    "The break-glass code, shown only now. Write it down, seal it in an envelope, and "
	    "put it into the safe.\nWhen nobody can sign in it opens restore and contacts for "
	    "one hour. An older code is void."));
	cli_say(c, "\n    %s\n", code);
	cli_json(c, json_pack("{s:b, s:s}", "ok", 1, "code", code));
	return CLI_OK;
}

int
cmd_account(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"list", account_list, "mamori account list", "サインインできる人", "who may sign in"},
		{"add", account_add, USAGE_ADD, "アカウントを作り、招待の符号を出します",
		    "add an account and print its invitation"},
		{"reset", account_reset, USAGE_ONE("reset"),
		    "パスワードも二要素も消し、新しい招待の符号を出します",
		    "forget password and second factors; a new invitation"},
		{"disable", account_disable, USAGE_ONE("disable"), "停止します", "disable an account"},
		{"enable", account_enable, USAGE_ONE("enable"), "停止を解きます", "enable it again"},
		{"glass", account_glass, "mamori account glass",
		    "非常時の符号を作ります（封筒に入れて金庫へ）", "make the break-glass code"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}
