/* Registers on a database of their own. */
#include "register/register.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "tap.h"

static char dir[] = "/tmp/mamori-register-XXXXXX";
static struct db *db;
static struct err e;
static const struct register_who who = {"cli:tester", "2026-11-25", INT64_C(1764000000000000)};

static void
must(int r)
{
	if (r >= 0)
		return;
	printf("# %s\nBail out!\n", e.msg);
	exit(1);
}

static struct db *
open_db(const char *name)
{
	char url[128];
	struct db *d;
	const struct db_step *steps;
	size_t n;

	(void)snprintf(url, sizeof(url), "sqlite:%s/%s", dir, name);
	must(db_open(url, &d, &e));
	steps = db_steps(&n);
	must(db_migrate(d, steps, n, who.now, &e));
	return d;
}

static const char *
str(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static json_t *
get(const char *kind, const char *id)
{
	json_t *o;

	must(register_get(db, register_kind(kind), id, &o, &e));
	return o;
}

static json_t *
values(const char *text)
{
	json_t *o = json_loads(text, 0, NULL);

	if (!o) {
		printf("Bail out! not JSON: %s\n", text);
		exit(1);
	}
	return o;
}

static int
add(const char *kind, const char *id, const char *text, char ret[REGISTER_ID])
{
	json_t *v = values(text);
	int r = register_add(db, register_kind(kind), id, v, &who, ret, NULL, &e);

	json_decref(v);
	return r;
}

static int
set(const char *kind, const char *id, int64_t rev, const char *text, json_t **conflict)
{
	json_t *v = values(text);
	int64_t now;
	int r = register_set(db, register_kind(kind), id, rev, v, &who, &now, conflict, NULL, &e);

	json_decref(v);
	return r < 0 ? r : (int)now;
}

/* -- kinds ------------------------------------------------------------------------------------- */

static void
test_kinds(void)
{
	size_t n;
	const struct register_kind *k = register_kinds(&n);

	OK(n >= 8, "the kinds that are needed now");
	for (size_t i = 0; i < n; i++)
		OK(register_kind(k[i].key) == &k[i] && k[i].nfields > 3 && k[i].nrules > 0,
		    "kind %s", k[i].key);
	OK(register_kind("nothing") == NULL, "a kind that is none");
	EQ_I(register_field(register_kind("person"), "category")->nchoices, 5,
	    "the five categories of people");
	EQ_I(register_field(register_kind("system"), "connection")->nchoices, 6,
	    "the survey's connections, and not known");
}

/* -- what people type -------------------------------------------------------------------------- */

static void
tidy_is(const char *kind, const char *field, const char *in, const char *want)
{
	json_t *v = json_pack("{s:s}", field, in), *out, *problems;
	int r = register_tidy(register_kind(kind), v, true, &out, &problems);

	if (want)
		EQ_S(r == 0 ? str(out, field) : str(json_array_get(problems, 0), "en"), want, in);
	else
		OK(r == E_INVAL && json_array_size(problems) == 1, "%s is refused: %s", in,
		    str(json_array_get(problems, 0), "en"));
	json_decref(v);
	json_decref(out);
	json_decref(problems);
}

static void
test_tidy(void)
{
	static const char torture[] = "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～";

	tidy_is("person", "name", torture, torture);
	tidy_is("person", "name", "\xe3\x80\x80 髙橋\t", "髙橋");
	tidy_is("person", "name", "一行\r\n二行", "一行 二行");
	tidy_is("person", "note", "一行\r\n二行\r三行", "一行\n二行\n三行");
	tidy_is("person", "name", "a\001b", NULL);
	tidy_is("person", "name", "a\xe2\x80\xae" "b", NULL);
	tidy_is("person", "name", "a\xc2\x85" "b", NULL);
	tidy_is("person", "name", "", NULL);
	tidy_is("person", "kana", "", "");
	tidy_is("person", "category", "雇用契約下の事務", "employee");
	tidy_is("person", "category", "employee", "employee");
	tidy_is("person", "category", "Employed Staff", "employee");
	tidy_is("person", "category", "だれか", NULL);
	tidy_is("person", "joined_on", "令和8年4月1日", "2026-04-01");
	tidy_is("person", "joined_on", "きのう", NULL);
	tidy_is("person", "phone", "０３−１２３４ー５６７８", "03-1234-5678");
	tidy_is("person", "phone", "110", "110");
	tidy_is("person", "phone", "なし", NULL);
	tidy_is("person", "email", "ａ＠example.jp", "a@example.jp");
	tidy_is("person", "email", "a@b@c", NULL);
	tidy_is("person", "email", "a b@c", NULL);
	tidy_is("facility", "beds", "１９", "19");
	tidy_is("facility", "beds", "1,200", "1200");
	tidy_is("facility", "beds", "019", "19");
	tidy_is("facility", "beds", "19.0", "19");
	tidy_is("facility", "beds", "19.5", NULL);
	tidy_is("facility", "beds", "-1", NULL);
	tidy_is("facility", "beds", "9999999999", NULL);
	tidy_is("device", "mac", "00-1A-2b-3C-4d-5E", "00:1a:2b:3c:4d:5e");
	tidy_is("device", "mac", "001a.2b3c.4d5e", "00:1a:2b:3c:4d:5e");
	tidy_is("device", "mac", "00:1a:2b:3c:4d", NULL);
	tidy_is("device", "mac", "00:1a:2b:3c:4d:5e:6f", NULL);
	tidy_is("vendor", "does", "画像、電子カルテ/画像", "chart,images");
	tidy_is("vendor", "does", "画像、料理", NULL);
	tidy_is("device", "vendor", "メディ㈱ [ven-0001]", "ven-0001");
	tidy_is("device", "vendor", "メディ㈱ [東京]", "メディ㈱ [東京]");
	tidy_is("device", "nothing", "x", NULL);
}

/* -- life of a record -------------------------------------------------------------------------- */

static void
test_life(void)
{
	char id[REGISTER_ID] = "", id2[REGISTER_ID] = "";
	json_t *o, *list, *was;

	EQ_I(add("person", NULL, "{\"name\":\"髙橋 一郎\",\"category\":\"employee\"}", id), 0,
	    "a person");
	EQ_S(id, "per-0001", "gets the first number");
	EQ_I(add("person", "per-0002", "{\"name\":\"a\",\"category\":\"third\"}", id2), 0,
	    "an id of one's own");
	EQ_I(add("person", "per-0002", "{\"name\":\"a\",\"category\":\"third\"}", id2), E_EXIST,
	    "not twice");
	EQ_I(add("person", NULL, "{\"name\":\"b\",\"category\":\"third\"}", id2), 0, "the next");
	EQ_S(id2, "per-0003", "a number that is free");
	EQ_I(add("person", "A B", "{\"name\":\"b\",\"category\":\"third\"}", id2), E_INVAL,
	    "an id that is none");
	EQ_I(add("person", NULL, "{\"name\":\"b\"}", id2), E_INVAL, "a category is required");

	o = get("person", "per-0001");
	EQ_S(str(json_object_get(o, "next"), "date"), "2026-12-25", "asked again in a month");
	EQ_I(json_integer_value(json_object_get(o, "rev")), 1, "the first revision");
	EQ_I(json_array_size(json_object_get(o, "missing")), 2,
	    "job and agreement are to be filled");
	json_decref(o);

	EQ_I(set("person", "per-0001", 1, "{\"job\":\"事務\",\"trained_on\":\"2026-05-31\"}", NULL),
	    2, "a change");
	EQ_I(
	    set("person", "per-0001", 2, "{\"job\":\"clerk\"}", NULL), 2, "no change, no revision");
	o = get("person", "per-0001");
	EQ_S(str(json_object_get(o, "next"), "date"), "2027-05-31", "a year after the training");
	json_decref(o);
	EQ_I(set("person", "per-0001", 2, "{\"_next\":\"2026-12-01\"}", NULL), 3, "a day by hand");
	o = get("person", "per-0001");
	EQ_S(str(json_object_get(o, "next"), "mode"), "date", "is kept");
	EQ_I(json_object_size(json_object_get(o, "values")), 4, "beside the values");
	json_decref(o);
	EQ_I(set("person", "per-0001", 3, "{\"_next\":\"\",\"_next_none\":\"休職\"}", NULL), 4,
	    "none, because");
	o = get("person", "per-0001");
	EQ_S(str(json_object_get(o, "next"), "why"), "休職", "the reason");
	EQ_S(str(json_object_get(o, "next"), "date"), "", "and no day");
	json_decref(o);
	EQ_I(set("person", "per-0001", 4, "{\"_next_none\":\"\",\"left_on\":\"2026-11-30\"}", NULL),
	    5, "leaves");
	o = get("person", "per-0001");
	EQ_S(str(json_object_get(o, "next"), "why"), "退職", "the rule has a reason");
	json_decref(o);

	must(register_history(db, register_kind("person"), "per-0001", &list, &e));
	EQ_I(json_array_size(list), 5, "five entries of history");
	EQ_S(str(json_array_get(list, 0), "by"), "cli:tester", "who");
	EQ_S(json_string_value(json_array_get(json_object_get(json_object_get(json_array_get(list,
	    0), "changes"), "left_on"), 1)), "2026-11-30", "what");
	json_decref(list);
	must(register_at(db, register_kind("person"), "per-0001", 1, &was, &e));
	OK(json_object_size(was) == 2 && strcmp(str(was, "name"), "髙橋 一郎") == 0,
	    "how it was at first");
	json_decref(was);
	EQ_I(register_at(db, register_kind("person"), "per-0001", 6, &was, &e), E_NOENT,
	    "a revision that is not there");
	EQ_I(set("person", "per-9999", 1, "{}", NULL), E_NOENT, "a record that is not there");
	EQ_I(set("person", "per-0001", 5, "{\"name\":\"\"}", NULL), E_INVAL,
	    "what is required stays");
}

static void
test_conflict(void)
{
	char id[REGISTER_ID];
	json_t *c = NULL, *f;
	size_t i;
	int seen = 0;

	must(add("vendor", "acme", "{\"name\":\"㈱あ\",\"phone\":\"03-1\",\"contact\":\"山\"}", id));
	EQ_I(set("vendor", "acme", 1, "{\"phone\":\"03-2222\"}", NULL), 2, "the first to save");
	EQ_I(set("vendor", "acme", 1, "{\"phone\":\"03-3333\",\"contact\":\"川\"}", &c), E_BUSY,
	    "the second is told");
	EQ_I(json_integer_value(json_object_get(c, "rev")), 2, "what there is now");
	EQ_S(str(c, "by"), "cli:tester", "who it was");
	json_array_foreach(json_object_get(c, "fields"), i, f) {
		if (strcmp(str(f, "field"), "phone") == 0)
			seen += strcmp(str(f, "base"), "03-1") == 0 &&
			    strcmp(str(f, "theirs"), "03-2222") == 0 &&
			    strcmp(str(f, "mine"), "03-3333") == 0;
		if (strcmp(str(f, "field"), "contact") == 0)
			seen += strcmp(str(f, "base"), str(f, "theirs")) == 0 &&
			    strcmp(str(f, "mine"), "川") == 0;
	}
	OK(seen == 2 && json_array_size(json_object_get(c, "fields")) == 2,
	    "the difference, field by field");
	json_decref(c);
	f = get("vendor", "acme");
	EQ_S(str(json_object_get(f, "values"), "phone"), "03-2222", "nothing was written over");
	json_decref(f);
	EQ_I(register_archive(db, register_kind("vendor"), "acme", 1, true, "", &who, &e), E_BUSY,
	    "nor archived from an old page");
}

static void
test_refs(void)
{
	char id[REGISTER_ID];
	json_t *o, *t, *b;
	char words[64];

	EQ_I(add("system", "emr", "{\"name\":\"カルテ\",\"kind\":\"chart\",\"vendor\":\"㈱あ\"}", id), 0,
	    "a reference by title");
	o = get("system", "emr");
	EQ_S(str(json_object_get(o, "values"), "vendor"), "acme", "is kept by id");
	must(register_titles(db, register_kind("system"), o, &t, &e));
	register_show(register_field(register_kind("system"), "vendor"), "acme", t, true, words,
	    sizeof(words));
	EQ_S(words, "㈱あ", "and shown by title");
	json_decref(t);
	json_decref(o);
	EQ_I(add("system", NULL, "{\"name\":\"x\",\"kind\":\"lab\",\"vendor\":\"ない社\"}", id), E_INVAL,
	    "one that leads nowhere");
	must(add("vendor", NULL, "{\"name\":\"同名\"}", id));
	must(add("vendor", NULL, "{\"name\":\"同名\"}", id));
	EQ_I(set("system", "emr", 1, "{\"vendor\":\"同名\"}", NULL), E_INVAL, "one of two");
	must(add("device", NULL, "{\"name\":\"PC-1\",\"kind\":\"pc\",\"systems\":[\"カルテ\",\"emr\"]}", id));
	must(register_backrefs(db, "system", "emr", &b, &e));
	OK(json_array_size(b) == 2 && strcmp(str(json_array_get(b, 0), "title"), "PC-1") == 0,
	    "what refers to it");
	json_decref(b);
}

static void
test_list(void)
{
	struct register_query q = {.state = REGISTER_LIVE};
	const struct register_kind *k = register_kind("contact");
	char id[REGISTER_ID];
	json_t *o, *c;

	must(add("contact", "c10", "{\"name\":\"十番\",\"kind\":\"police\",\"order\":10}", id));
	must(add("contact", "c9", "{\"name\":\"九番 ﾀｶﾊｼ\",\"kind\":\"vendor\",\"order\":9,\"phone\":\"110\"}", id));
	must(add("contact", "c1", "{\"name\":\"100%_\",\"kind\":\"vendor\",\"order\":\"1\"}", id));
	must(register_list(db, k, &q, &o, &e));
	EQ_I(json_integer_value(json_object_get(o, "total")), 3, "all");
	EQ_S(str(json_array_get(json_object_get(o, "records"), 1), "id"), "c9",
	    "numbers sort as numbers");
	json_decref(o);
	q.text = "たかはし";
	must(register_list(db, k, &q, &o, &e));
	EQ_I(json_integer_value(json_object_get(o, "total")), 1, "found in another kana");
	json_decref(o);
	q.text = "0%_";
	must(register_list(db, k, &q, &o, &e));
	EQ_I(json_integer_value(json_object_get(o, "total")), 1, "no wild cards");
	json_decref(o);
	q.text = "%";
	must(register_list(db, k, &q, &o, &e));
	EQ_I(json_integer_value(json_object_get(o, "total")), 1, "a per cent sign is itself");
	json_decref(o);
	q.text = "業者";
	must(register_list(db, k, &q, &o, &e));
	EQ_I(json_integer_value(json_object_get(o, "total")), 2, "by the words of a choice");
	json_decref(o);
	q.text = NULL;
	q.filter[0].field = "kind";
	q.filter[0].value = "vendor";
	q.filter[1].field = "phone";
	q.filter[1].value = "";
	must(register_list(db, k, &q, &o, &e));
	EQ_S(str(json_array_get(json_object_get(o, "records"), 0), "id"), "c1", "two filters");
	json_decref(o);
	q.filter[1].field = NULL;
	q.filter[0].field = "order";
	q.filter[0].value = "9";
	must(register_list(db, k, &q, &o, &e));
	EQ_I(json_integer_value(json_object_get(o, "total")), 1, "a number as people write it");
	json_decref(o);
	q = (struct register_query){.sort = "name", .down = true, .limit = 1, .offset = 1};
	must(register_list(db, k, &q, &o, &e));
	OK(json_array_size(json_object_get(o, "records")) == 1 &&
	    json_integer_value(json_object_get(o, "total")) == 3, "a page");
	json_decref(o);
	q = (struct register_query){.sort = "id; DROP TABLE records"};
	EQ_I(register_list(db, k, &q, &o, &e), E_INVAL, "a field to sort by that is none");
	q = (struct register_query){.filter = {{"note", "x"}}};
	EQ_I(register_list(db, k, &q, &o, &e), E_INVAL, "nor to filter by");
	q = (struct register_query){.attention = "2027-01-01"};
	must(register_list(db, k, &q, &o, &e));
	EQ_I(json_integer_value(json_object_get(o, "total")), 3, "in two months all are overdue");
	json_decref(o);
	must(register_archive(db, k, "c1", 1, true, "番号が変わった", &who, &e));
	q = (struct register_query){0};
	must(register_list(db, k, &q, &o, &e));
	EQ_I(json_integer_value(json_object_get(o, "total")), 2, "archived: not in the list");
	json_decref(o);
	EQ_I(register_archive(db, k, "c1", 2, true, "", &who, &e), E_INVAL, "not twice");
	must(register_archive(db, k, "c1", 2, false, "", &who, &e));
	must(register_counts(db, "2026-11-25", &c, &e));
	size_t i;
	json_array_foreach(c, i, o)
		if (strcmp(str(o, "kind"), "contact") == 0)
			OK(json_integer_value(json_object_get(o, "live")) == 3 &&
			    json_integer_value(json_object_get(o, "attention")) == 2 &&
			    json_integer_value(json_object_get(o, "overdue")) == 0, "counted");
	json_decref(c);
}

static void
test_single(void)
{
	char id[REGISTER_ID];

	EQ_I(add("facility", NULL, "{\"name\":\"ひだまり診療所\",\"beds\":\"19\"}", id), 0, "the facility");
	EQ_S(id, "main", "has one id");
	EQ_I(add("facility", "other", "{\"name\":\"x\"}", id), E_EXIST, "there is one");
	EQ_I(register_archive(db, register_kind("facility"), "main", 1, true, "", &who, &e),
	    E_INVAL, "it stays");
}

static void
test_files(void)
{
	const struct register_kind *k = register_kind("vendor");
	struct state st;
	char path[160], hex[65];
	json_t *list;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/state", dir);
	must(state_open(fio_os(), path, true, &st, &e));
	(void)snprintf(path, sizeof(path), "%s/契約書.txt", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	EQ_I(write(fd, "abc", 3), 3, "a file");
	EQ_I(register_attach(db, &st, k, "acme", fd, "契約書 髙橋.txt", "令和8年4月1日", &who, hex, &e), 0,
	    "is attached");
	EQ_S(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "by its SHA-256");
	EQ_I(register_attach(db, &st, k, "acme", fd, "x", "", &who, hex, &e), E_EXIST, "not twice");
	EQ_I(register_attach(db, &st, k, "none", fd, "x", "", &who, hex, &e), E_NOENT, "to nobody");
	EQ_I(register_attach(db, &st, k, "acme", fd, "", "", &who, hex, &e), E_INVAL, "no name");
	must(register_files(db, k, "acme", &list, &e));
	OK(json_array_size(list) == 1 &&
	    strcmp(str(json_array_get(list, 0), "name"), "契約書 髙橋.txt") == 0 &&
	    strcmp(str(json_array_get(list, 0), "effective"), "2026-04-01") == 0, "shown");
	must(register_detach(db, k, "acme",
	    json_integer_value(json_object_get(json_array_get(list, 0), "id")), "", &who, &e));
	EQ_I(register_detach(db, k, "acme", 1, "", &who, &e), E_NOENT, "gone once");
	json_decref(list);
	must(register_files(db, k, "acme", &list, &e));
	EQ_I(json_array_size(list), 0, "no longer shown");
	json_decref(list);
	must(register_history(db, k, "acme", &list, &e));
	EQ_S(str(json_array_get(list, 0), "how"), "detach", "both stand in the history");
	json_decref(list);
	must(register_at(db, k, "acme", 1, &list, &e));
	EQ_S(str(list, "phone"), "03-1", "and do not hide older values");
	json_decref(list);
	(void)close(fd);
	state_close(&st);
}

/* -- the vault's systems, facts ---------------------------------------------------------------- */

static const char *
outcome(json_t *facts, const char *check, const char *id)
{
	json_t *f;
	size_t i;

	json_array_foreach(facts, i, f)
		if (strcmp(str(f, "check"), check) == 0 && strcmp(str(f, "id"), id) == 0)
			return str(f, "outcome");
	return "(none)";
}

static void
test_protection(void)
{
	json_t *list;
	size_t n = 9;

	must(db_exec(db, "INSERT INTO places (id, repo, name_ja, name_en, at) VALUES ('p', '/r', "
	    "'保管庫', 'vault', 1)", "", &e));
	must(db_exec(db,
	    "INSERT INTO systems (id, name_ja, name_en, kind, paths, place, at) VALUES "
	    "('emr', '電子カルテ', 'charts', 'chart', '[]', 'p', 1), "
	    "('PACS 1', '画像', 'images', 'images', '[]', 'p', 2)",
	    "", &e));
	must(register_adopt(db, &who, &n, &e));
	EQ_I(n, 2, "each system of the vault gets a record");
	must(register_adopt(db, &who, &n, &e));
	EQ_I(n, 0, "once");
	must(register_protection(db, &list, &e));
	OK(json_array_size(list) == 2 && *str(json_array_get(list, 1), "record"), "and is linked");
	json_decref(list);
	must(register_check(db, "2026-11-25", &list, &e));
	EQ_S(outcome(list, "register.system.protected", "PACS 1"), "pass",
	    "the vault's own name in the fact");
	EQ_S(outcome(list, "register.system.connection", "PACS 1"), "unknown", "not asked yet");
	json_decref(list);
}

static void
test_check(void)
{
	struct db *other = db;
	char id[REGISTER_ID];
	json_t *f;

	db = open_db("check.db");
	must(register_check(db, "2026-11-25", &f, &e));
	EQ_S(outcome(f, "register.asset.reviewed", "main"), "unknown", "nothing is not good");
	EQ_S(outcome(f, "register.next.overdue", "main"), "unknown",
	    "nothing is not good here, too");
	EQ_S(outcome(f, "register.facility.manager", "main"), "unknown", "no facility");
	json_decref(f);
	must(add("device", NULL, "{\"name\":\"PC\",\"kind\":\"pc\",\"reviewed_on\":\"2025-11-25\"}",
	    id));
	must(add("device", NULL, "{\"name\":\"old\",\"kind\":\"pc\",\"state\":\"disposed\"}", id));
	must(add("contact", NULL, "{\"name\":\"警察\",\"kind\":\"police\",\"tested_on\":\"2026-05-25\"}", id));
	must(add("vendor", NULL, "{\"name\":\"v\",\"answered_on\":\"2025-11-24\"}", id));
	must(add("person", NULL, "{\"name\":\"p\",\"category\":\"employee\"}", id));
	must(add("medium", NULL,
	    "{\"name\":\"m\",\"kind\":\"usb\",\"state\":\"out\",\"out_due\":\"2026-11-24\"}", id));
	must(add("system", NULL,
	    "{\"name\":\"s\",\"kind\":\"wifi\",\"connection\":\"both\",\"protection\":\"none\"}",
	    id));
	must(add("facility", NULL, "{\"name\":\"f\",\"security_manager\":\"p\"}", id));
	must(register_check(db, "2026-11-25", &f, &e));
	EQ_S(
	    outcome(f, "register.asset.reviewed", "main"), "fail", "a medium and a system are not");
	EQ_S(outcome(f, "register.contact.tested", "main"), "pass", "six months ago to the day");
	EQ_S(outcome(f, "register.vendor.answered", "main"), "fail", "a year and a day");
	EQ_S(outcome(f, "register.person.agreement", "main"), "unknown", "nobody asked");
	EQ_S(outcome(f, "register.medium.returned", "main"), "fail", "a day late");
	EQ_S(outcome(f, "register.system.connection", "sys-0001"), "pass", "declared");
	EQ_S(outcome(f, "register.system.protected", "sys-0001"), "fail", "nothing protects it");
	EQ_S(outcome(f, "register.facility.manager", "main"), "fail", "no deputy");
	EQ_S(outcome(f, "register.next.overdue", "main"), "fail", "the medium's day went by");
	EQ_S(outcome(f, "register.device.support", "main"), "unknown", "no end of support known");
	json_decref(f);
	db_close(db);
	db = other;
}

int
main(void)
{
	char cmd[80];

	if (!mkdtemp(dir))
		return 1;
	db = open_db("register.db");
	test_kinds();
	test_tidy();
	test_life();
	test_conflict();
	test_refs();
	test_list();
	test_single();
	test_files();
	test_protection();
	test_check();
	OK(db_check(db, &e) == 0, "the database is whole");
	db_close(db);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	OK(system(cmd) == 0, "cleared up");
	return tap_done();
}
