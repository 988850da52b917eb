/* mamori register: the registers (台帳) by hand. */
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cli/cli_register.h"

#define REG_LIST                                                                                   \
	"mamori register list [KIND] [--text TEXT] [--filter FIELD=VALUE]... [--attention] "       \
	"[--state live|archived|any] [--sort FIELD] [--down] [--limit N] [--offset N]"
#define REG_ADD "mamori register add KIND [--id ID] FIELD=VALUE..."
#define REG_SHOW "mamori register show KIND ID [--at REV]"
#define REG_SET "mamori register set KIND ID [--rev N] FIELD=VALUE..."
#define REG_ARCHIVE "mamori register archive KIND ID [--restore] [--why TEXT]"
#define REG_HISTORY "mamori register history KIND ID"
#define REG_ATTACH "mamori register attach KIND ID FILE [--name NAME] [--day DAY]"
#define REG_KINDS "mamori register kinds [KIND]"

/* -- shared ------------------------------------------------------------------------------------ */

static const char *
user_name(void)
{
	struct passwd *pw = getpwuid(getuid());

	return pw && pw->pw_name ? pw->pw_name : "";
}

int
reg_open(struct cli *c, const char *kind, struct reg *ret)
{
	struct err e = {0};
	int r;

	*ret = (struct reg){.c = c, .st = {.dirfd = -1}};
	ret->k = kind ? register_kind(kind) : NULL;
	if (kind && !ret->k) {
		(void)err_set(&e, E_INVAL, "%.40s: %s", kind, L(c, "この台帳はありません。"
		    "mamori register kinds で一覧が出ます", "no such register; see `mamori register kinds`"));
		return cli_fail(c, &e, NULL);
	}
	r = cli_records(c, true, &ret->st, &ret->db);
	if (r != CLI_OK)
		return r;
	(void)snprintf(ret->name, sizeof(ret->name), "cli:%.60s", user_name());
	ret->who.who = ret->name;
	ret->who.now = time_now_us();
	register_today(ret->who.now, ret->today);
	ret->who.today = ret->today;
	return CLI_OK;
}

void
reg_close(struct reg *r)
{
	db_close(r->db);
	state_close(&r->st);
}

const char *
reg_label(const struct reg *r, const char *field)
{
	const struct register_field *f = register_field(r->k, field);

	if (strcmp(field, "_next") == 0)
		return L(r->c, "次の期日", "next date");
	if (strcmp(field, "_next_none") == 0)
		return L(r->c, "期日のない理由", "why there is no date");
	return f ? L(r->c, f->ja, f->en) : field;
}

static const char *
str(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

int
reg_problems(struct reg *r, json_t *problems, const struct err *e, const char *lead)
{
	json_t *p;
	size_t i;
	int x;

	if (json_array_size(problems) == 0) {
		json_decref(problems);
		return cli_fail(r->c, e, lead);
	}
	fprintf(stderr, "mamori: %s\n", lead);
	json_array_foreach(problems, i, p)
		fprintf(stderr, "  %s (%s): %s\n", reg_label(r, str(p, "field")), str(p, "field"),
		    str(p, L(r->c, "ja", "en")));
	x = CLI_USAGE;
	cli_json(r->c, json_pack("{s:b, s:i, s:o}", "ok", 0, "status", x, "problems", problems));
	return x;
}

/* pairs(argc, argv, from, e): FIELD=VALUE words as an object, or NULL. */
static json_t *
pairs(int argc, char **argv, int from, struct err *e)
{
	json_t *o = json_object();

	for (int i = from; i < argc; i++) {
		const char *eq = strchr(argv[i], '=');
		char key[64];
		json_t *v = eq ? json_string(eq + 1) : NULL;

		if (!v || eq == argv[i] || (size_t)(eq - argv[i]) >= sizeof(key)) {
			(void)err_set(e, E_INVAL, "%.60s: not FIELD=VALUE", argv[i]);
			json_decref(v);
			json_decref(o);
			return NULL;
		}
		(void)snprintf(key, sizeof(key), "%.*s", (int)(eq - argv[i]), argv[i]);
		(void)json_object_set_new(o, key, v);
	}
	return o;
}

static void
print_record(struct reg *r, json_t *record)
{
	json_t *titles = NULL, *next = json_object_get(record, "next");
	json_t *values = json_object_get(record, "values");
	char words[2000];
	struct err e;

	if (register_titles(r->db, r->k, record, &titles, &e) < 0)
		titles = NULL;
	cli_say(r->c, "%s  %s  #%lld%s", str(record, "id"), str(record, "title"),
	    (long long)json_integer_value(json_object_get(record, "rev")),
	    strcmp(str(record, "state"), "archived") == 0 ? L(r->c, " （保管済み）", " (archived)") : "");
	for (size_t i = 0; i < r->k->nfields; i++) {
		const struct register_field *f = &r->k->fields[i];

		if (!*str(values, f->key))
			continue;
		register_show(f, str(values, f->key), titles, r->c->ja, words, sizeof(words));
		cli_say(r->c, "  %s: %s", L(r->c, f->ja, f->en), words);
	}
	if (*str(next, "date"))
		cli_say(r->c, "  %s (%s): %s", L(r->c, "次の期日", "next date"), L(r->c, r->k->next_ja,
		    r->k->next_en), str(next, "date"));
	else
		cli_say(r->c, "  %s: %s", L(r->c, "期日なし", "no next date"), str(next, "why"));
	json_decref(titles);
}

/* -- kinds ------------------------------------------------------------------------------------- */

static const char *
type_name(enum register_type t)
{
	static const char *const names[] = {"text", "long", "kana", "int", "date", "phone", "email",
	    "mac", "id", "choice", "choices", "ref", "refs"};

	return names[t];
}

static json_t *
field_json(const struct register_field *f)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "key", f->key, "type",
	    type_name(f->type), "ja", f->ja, "en", f->en, "required", f->required, "wanted",
	    f->wanted), *choices;

	if (f->ref)
		(void)json_object_set_new(o, "ref", json_string(f->ref));
	if (f->nchoices == 0)
		return o;
	choices = json_array();
	for (size_t i = 0; i < f->nchoices; i++)
		(void)json_array_append_new(choices, json_pack("{s:s, s:s, s:s}", "key",
		    f->choices[i].key, "ja", f->choices[i].ja, "en", f->choices[i].en));
	(void)json_object_set_new(o, "choices", choices);
	return o;
}

static int
register_kinds_cmd(struct cli *c, int argc, char **argv)
{
	size_t n;
	const struct register_kind *k = register_kinds(&n);
	json_t *out = json_array();

	if (argc > 2 || (argc == 2 && !register_kind(argv[1]))) {
		json_decref(out);
		return cli_usage(c, REG_KINDS);
	}
	for (size_t i = 0; i < n; i++) {
		json_t *fields = json_array();

		if (argc == 2 && strcmp(argv[1], k[i].key) != 0) {
			json_decref(fields);
			continue;
		}
		cli_say(c, "%-10s %s", k[i].key, L(c, k[i].ja, k[i].en));
		for (size_t j = 0; j < k[i].nfields; j++) {
			const struct register_field *f = &k[i].fields[j];

			if (argc == 2)
				cli_say(c, "  %-16s %-8s %s%s", f->key, type_name(f->type), L(c,
				    f->ja, f->en), f->required ? " *" : "");
			for (size_t m = 0; argc == 2 && m < f->nchoices; m++)
				cli_say(c, "      %-14s %s", f->choices[m].key,
				    L(c, f->choices[m].ja, f->choices[m].en));
			(void)json_array_append_new(fields, field_json(f));
		}
		(void)json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:o}", "kind", k[i].key,
		    "ja", k[i].ja, "en", k[i].en, "fields", fields));
	}
	cli_json(c, json_pack("{s:o}", "kinds", out));
	return CLI_OK;
}

/* -- list -------------------------------------------------------------------------------------- */

struct list_options {
	struct register_query q;
	char field[REGISTER_FILTERS][64];
	size_t filters;
	bool attention;
};

static bool
list_option(struct list_options *o, int opt, const char *arg)
{
	uint64_t n = 0;
	const char *eq;

	switch (opt) {
	case 't':
		o->q.text = arg;
		return true;
	case 'f':
		eq = strchr(arg, '=');
		if (!eq || o->filters == REGISTER_FILTERS || (size_t)(eq - arg) >= 64)
			return false;
		(void)snprintf(o->field[o->filters], 64, "%.*s", (int)(eq - arg), arg);
		o->q.filter[o->filters].field = o->field[o->filters];
		o->q.filter[o->filters++].value = eq + 1;
		return true;
	case 'a':
		o->attention = true;
		return true;
	case 's':
		o->q.state = strcmp(arg, "archived") == 0 ? REGISTER_ARCHIVED
		    : strcmp(arg, "any") == 0 ? REGISTER_ANY : REGISTER_LIVE;
		return o->q.state != REGISTER_LIVE || strcmp(arg, "live") == 0;
	case 'o':
		o->q.sort = arg;
		return true;
	case 'd':
		o->q.down = true;
		return true;
	case 'l':
	case 'n':
		if (num_parse_u64(arg, REGISTER_MAX_PAGE, &n, NULL) < 0)
			return false;
		*(opt == 'l' ? &o->q.limit : &o->q.offset) = (int64_t)n;
		return true;
	default:
		return false;
	}
}

static int
print_counts(struct reg *r)
{
	json_t *counts, *one;
	struct err e;
	size_t i;

	if (register_counts(r->db, r->today, &counts, &e) < 0)
		return cli_fail(r->c, &e, NULL);
	json_array_foreach(counts, i, one) {
		const struct register_kind *k = register_kind(str(one, "kind"));

		cli_say(r->c, L(r->c, "%-10s %6lld 件  要確認 %lld  期日を過ぎた %lld  %s",
		    "%-10s %6lld records, %lld to look at, %lld overdue  %s"), k->key,
		    (long long)json_integer_value(json_object_get(one, "live")),
		    (long long)json_integer_value(json_object_get(one, "attention")),
		    (long long)json_integer_value(json_object_get(one, "overdue")),
		    L(r->c, k->ja, k->en));
	}
	cli_json(r->c, json_pack("{s:o}", "kinds", counts));
	return CLI_OK;
}

static int
print_list(struct reg *r, const struct register_query *q)
{
	json_t *list, *one;
	struct err e;
	size_t i;

	if (register_list(r->db, r->k, q, &list, &e) < 0)
		return cli_fail(r->c, &e, L(r->c, "台帳を読めません", "cannot read the register"));
	json_array_foreach(json_object_get(list, "records"), i, one) {
		json_t *next = json_object_get(one, "next");

		cli_say(r->c, "%-12s %-10s %s%s", str(one, "id"), *str(next, "date")
		    ? str(next, "date") : "-", str(one, "title"),
		    json_array_size(json_object_get(one, "missing")) ? L(r->c, "  （要確認）", "  (incomplete)")
		                                                     : "");
	}
	cli_say(r->c, L(r->c, "%zu / %lld 件", "%zu of %lld"),
	    json_array_size(json_object_get(list, "records")),
	    (long long)json_integer_value(json_object_get(list, "total")));
	cli_json(r->c, list);
	return CLI_OK;
}

static int
register_list_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {{"text", required_argument, NULL, 't'},
	    {"filter", required_argument, NULL, 'f'}, {"attention", no_argument, NULL, 'a'},
	    {"state", required_argument, NULL, 's'}, {"sort", required_argument, NULL, 'o'},
	    {"down", no_argument, NULL, 'd'}, {"limit", required_argument, NULL, 'l'},
	    {"offset", required_argument, NULL, 'n'}, {0}};
	struct list_options o = {.q = {.limit = 1000}};
	struct reg r;
	int opt, x;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (!list_option(&o, opt, optarg))
			return cli_usage(c, REG_LIST);
	if (argc - optind > 1)
		return cli_usage(c, REG_LIST);
	x = reg_open(c, argv[optind], &r);
	if (x != CLI_OK)
		return x;
	o.q.attention = o.attention ? r.today : NULL;
	x = r.k ? print_list(&r, &o.q) : print_counts(&r);
	reg_close(&r);
	return x;
}

/* -- add, set, show ---------------------------------------------------------------------------- */

static int
register_add_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {{"id", required_argument, NULL, 'i'}, {0}};
	const char *id = NULL;
	char made[REGISTER_ID];
	json_t *values, *problems = NULL, *record;
	struct err e = {0};
	struct reg r;
	int opt, x;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (opt != 'i')
			return cli_usage(c, REG_ADD);
		id = optarg;
	}
	if (argc - optind < 2)
		return cli_usage(c, REG_ADD);
	values = pairs(argc, argv, optind + 1, &e);
	if (!values)
		return cli_fail(c, &e, NULL);
	x = reg_open(c, argv[optind], &r);
	if (x == CLI_OK) {
		const char *lead = L(c, "台帳に加えられませんでした", "the record was not added");

		if (register_add(r.db, r.k, id, values, &r.who, made, &problems, &e) < 0)
			x = reg_problems(&r, problems, &e, lead);
		else if (register_get(r.db, r.k, made, &record, &e) < 0)
			x = cli_fail(c, &e, NULL);
		else {
			print_record(&r, record);
			cli_json(c,
			    json_pack(
				"{s:o, s:s}", "records", json_pack("[o]", record), "id", made));
		}
		reg_close(&r);
	}
	json_decref(values);
	return x;
}

static int
print_conflict(struct reg *r, json_t *conflict)
{
	json_t *f;
	size_t i;

	fprintf(stderr, L(r->c, "mamori: %s さんが先に保存しました（版 %lld、%s）\n",
	    "mamori: %s saved revision %lld before, at %s\n"), str(conflict, "by"),
	    (long long)json_integer_value(json_object_get(conflict, "rev")), str(conflict, "at"));
	json_array_foreach(json_object_get(conflict, "fields"), i, f)
		fprintf(stderr, L(r->c, "  %s: 元「%s」 いま「%s」 あなた「%s」\n",
		    "  %s: was \"%s\", is \"%s\", yours \"%s\"\n"), reg_label(r, str(f, "field")),
		    str(f, "base"), str(f, "theirs"), str(f, "mine"));
	cli_json(
	    r->c, json_pack("{s:b, s:i, s:o}", "ok", 0, "status", CLI_NO, "conflict", conflict));
	return CLI_NO;
}

static int
set_one(struct reg *r, const char *id, int64_t rev, json_t *values)
{
	json_t *record = NULL, *conflict = NULL, *problems = NULL;
	struct err e = {0};
	int64_t now;
	int x;

	if (rev == 0 && register_get(r->db, r->k, id, &record, &e) < 0)
		return cli_fail(r->c, &e, NULL);
	if (record)
		rev = json_integer_value(json_object_get(record, "rev"));
	json_decref(record);
	x = register_set(r->db, r->k, id, rev, values, &r->who, &now, &conflict, &problems, &e);
	if (x == E_BUSY && conflict)
		return print_conflict(r, conflict);
	if (x < 0)
		return reg_problems(r, problems, &e, L(r->c, "変えられませんでした", "nothing was changed"));
	if (register_get(r->db, r->k, id, &record, &e) < 0)
		return cli_fail(r->c, &e, NULL);
	print_record(r, record);
	cli_json(r->c, json_pack("{s:o, s:I}", "records", json_pack("[o]", record), "rev",
	    (json_int_t)now));
	return CLI_OK;
}

/* with_rev(c, argc, argv, name, ret, usage): One numeric option. */
static bool
with_rev(int argc, char **argv, const char *name, uint64_t *ret)
{
	const struct option opts[] = {{name, required_argument, NULL, 'r'}, {0}};
	int opt;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (opt != 'r' || num_parse_u64(optarg, INT32_MAX, ret, NULL) < 0 || *ret == 0)
			return false;
	return true;
}

static int
register_set_cmd(struct cli *c, int argc, char **argv)
{
	struct err e = {0};
	uint64_t rev = 0;
	json_t *values;
	struct reg r;
	int x;

	if (!with_rev(argc, argv, "rev", &rev) || argc - optind < 3)
		return cli_usage(c, REG_SET);
	values = pairs(argc, argv, optind + 2, &e);
	if (!values)
		return cli_fail(c, &e, NULL);
	x = reg_open(c, argv[optind], &r);
	if (x == CLI_OK) {
		x = set_one(&r, argv[optind + 1], (int64_t)rev, values);
		reg_close(&r);
	}
	json_decref(values);
	return x;
}

static int
show_one(struct reg *r, const char *id, int64_t rev)
{
	json_t *record, *files, *back, *old;
	struct err e = {0};

	if (register_get(r->db, r->k, id, &record, &e) < 0)
		return cli_fail(r->c, &e, NULL);
	if (rev > 0) {
		if (register_at(r->db, r->k, id, rev, &old, &e) < 0) {
			json_decref(record);
			return cli_fail(r->c, &e, NULL);
		}
		(void)json_object_set_new(record, "values", old);
		(void)json_object_set_new(record, "rev", json_integer(rev));
	}
	if (register_files(r->db, r->k, id, &files, &e) < 0 ||
	    register_backrefs(r->db, r->k->key, id, &back, &e) < 0) {
		json_decref(record);
		return cli_fail(r->c, &e, NULL);
	}
	print_record(r, record);
	(void)json_object_set_new(record, "files", files);
	(void)json_object_set_new(record, "referred_by", back);
	cli_json(r->c, json_pack("{s:o}", "records", json_pack("[o]", record)));
	return CLI_OK;
}

static int
register_show_cmd(struct cli *c, int argc, char **argv)
{
	uint64_t rev = 0;
	struct reg r;
	int x;

	if (!with_rev(argc, argv, "at", &rev) || argc - optind != 2)
		return cli_usage(c, REG_SHOW);
	x = reg_open(c, argv[optind], &r);
	if (x == CLI_OK) {
		x = show_one(&r, argv[optind + 1], (int64_t)rev);
		reg_close(&r);
	}
	return x;
}

/* -- archive, history, attach ------------------------------------------------------------------ */

static int
register_archive_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {{"restore", no_argument, NULL, 'r'},
	    {"why", required_argument, NULL, 'w'}, {0}};
	const char *why = "";
	bool restore = false;
	struct err e = {0};
	json_t *record;
	struct reg r;
	int opt, x;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (opt == '?')
			return cli_usage(c, REG_ARCHIVE);
		restore = restore || opt == 'r';
		why = opt == 'w' ? optarg : why;
	}
	if (argc - optind != 2)
		return cli_usage(c, REG_ARCHIVE);
	x = reg_open(c, argv[optind], &r);
	if (x != CLI_OK)
		return x;
	if (register_get(r.db, r.k, argv[optind + 1], &record, &e) < 0) {
		x = cli_fail(c, &e, NULL);
	} else {
		if (register_archive(r.db, r.k, argv[optind + 1], json_integer_value(
		    json_object_get(record, "rev")), !restore, why, &r.who, &e) < 0)
			x = cli_fail(c, &e, NULL);
		else
			cli_say(c, "%s: %s", str(record, "title"), restore
			    ? L(c, "一覧に戻しました", "is in the lists again")
			    : L(c, "一覧から外し、保管しました", "was archived"));
		json_decref(record);
		if (x == CLI_OK)
			cli_json(c, json_pack("{s:b, s:s}", "ok", 1, "id", argv[optind + 1]));
	}
	reg_close(&r);
	return x;
}

static int
register_history_cmd(struct cli *c, int argc, char **argv)
{
	json_t *list, *one, *pair;
	struct err e = {0};
	const char *key;
	struct reg r;
	size_t i;
	int x;

	if (argc != 3)
		return cli_usage(c, REG_HISTORY);
	x = reg_open(c, argv[1], &r);
	if (x != CLI_OK)
		return x;
	if (register_history(r.db, r.k, argv[2], &list, &e) < 0) {
		reg_close(&r);
		return cli_fail(c, &e, NULL);
	}
	json_array_foreach(list, i, one) {
		cli_say(c, "#%lld  %.16s  %s  %s",
		    (long long)json_integer_value(json_object_get(one, "rev")), str(one, "at"),
		    str(one, "by"), str(one, "how"));
		json_object_foreach(json_object_get(one, "changes"), key, pair)
			cli_say(c, "    %s: %s → %s", reg_label(&r, key),
			    json_string_value(json_array_get(pair, 0)),
			    json_string_value(json_array_get(pair, 1)));
	}
	cli_json(c, json_pack("{s:o}", "history", list));
	reg_close(&r);
	return CLI_OK;
}

static int
register_attach_cmd(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {{"name", required_argument, NULL, 'n'},
	    {"day", required_argument, NULL, 'd'}, {0}};
	const char *name = NULL, *day = "", *slash;
	char hex[65];
	struct err e = {0};
	struct reg r;
	int opt, x, fd;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (opt == '?')
			return cli_usage(c, REG_ATTACH);
		*(opt == 'n' ? &name : &day) = optarg;
	}
	if (argc - optind != 3)
		return cli_usage(c, REG_ATTACH);
	slash = strrchr(argv[optind + 2], '/');
	name = name ? name : slash ? slash + 1 : argv[optind + 2];
	x = reg_open(c, argv[optind], &r);
	if (x != CLI_OK)
		return x;
	fd = open(argv[optind + 2], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		(void)err_sys(&e, "cannot open %s", argv[optind + 2]);
	if (fd < 0 ||
	    register_attach(r.db, &r.st, r.k, argv[optind + 1], fd, name, day, &r.who, hex, &e) <
		0) {
		x = cli_fail(c, &e, L(c, "ファイルを付けられませんでした", "the file was not attached"));
	} else {
		cli_say(c, L(c, "%s を付けました（%.16s…）", "%s is attached (%.16s...)"), name, hex);
		cli_json(c, json_pack("{s:b, s:s, s:s}", "ok", 1, "sha256", hex, "name", name));
	}
	if (fd >= 0)
		(void)close(fd);
	reg_close(&r);
	return x;
}

int
cmd_register(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"kinds", register_kinds_cmd, REG_KINDS, "台帳の種類と欄", "registers and their fields"},
		{"list", register_list_cmd, REG_LIST, "件数、または一つの台帳の中身", "counts, or the records of one register"},
		{"show", register_show_cmd, REG_SHOW, "一件を全部出します", "one record in full"},
		{"add", register_add_cmd, REG_ADD, "一件加えます", "add a record"},
		{"set", register_set_cmd, REG_SET, "欄を変えます", "change fields"},
		{"archive", register_archive_cmd, REG_ARCHIVE, "一覧から外して保管します（消しません）", "take out of the lists; nothing is deleted"},
		{"history", register_history_cmd, REG_HISTORY, "だれが、いつ、何を変えたか", "who changed what, and when"},
		{"attach", register_attach_cmd, REG_ATTACH, "ファイルを付けます", "attach a file"},
		{"import", register_import_cmd, REG_IMPORT, "CSV・Excel から取り込みます", "take in CSV or a spreadsheet"},
		{"columns", register_columns_cmd, REG_COLUMNS, "取り込みで覚えた列の選び方", "how columns were chosen in imports"},
		{"export", register_export_cmd, REG_EXPORT, "CSV・Excel に書き出します", "write CSV or a spreadsheet"},
		{"check", register_check_cmd, REG_CHECK, "台帳の状態を確かめ、事実として記録します", "record what the registers say as facts"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}
