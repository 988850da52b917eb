/* The pages of the registers, called as the kernel calls them, with a stand-in for the session. */
#include "register/register.h"

#include <stdio.h>
#include <stdlib.h>

#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/pages.h"
#include "mamorid/tasks.h"
#include "register/exchange.h"
#include "tap.h"
#include "text/csv.h"

void
mamorid_log(int level, const char *fmt, ...)
{
	(void)level, (void)fmt;
}

static char dir[] = "/tmp/mamori-pages-XXXXXX";
static struct console c;
static struct state st;
static struct db *db;
static struct err e;
static bool people = true;

static enum identity_answer
may(const struct identity_session *s, enum identity_area area, enum identity_verb verb,
    const char *object, int64_t now)
{
	(void)s, (void)verb, (void)object, (void)now;
	return area == AREA_PEOPLE && !people ? MAY_NO : MAY_YES;
}

static struct req r;
static const char *attach; /* the path of a file that comes with the next form */

/* page(method, path, query, form): The answer's status, or the error's code. */
static int
page(unsigned method, const char *path, const char *query, const char *form)
{
	const struct route *all;
	unsigned allow;
	size_t n;
	int rc;

	req_free(&r);
	req_init(&r, &c);
	r.method = method;
	r.db = db;
	r.ja = true;
	r.signed_in = true;
	r.now = INT64_C(1764000000000000);
	(void)snprintf(r.path, sizeof(r.path), "%s", path);
	(void)snprintf(r.query_text, sizeof(r.query_text), "%s", query);
	(void)snprintf(r.s.account.id, sizeof(r.s.account.id), "acc-1");
	if (pages_routes(&all, &n, &e) < 0 ||
	    form_urlencoded(&r.query, query, strlen(query), &e) < 0 ||
	    form_urlencoded(&r.form, form, strlen(form), &e) < 0)
		return -100;
	if (attach) {
		struct upload *u = vec_add(&r.uploads);

		*u = (struct upload){.type = "text/csv", .size = 1, .kept = true};
		(void)snprintf(u->field, sizeof(u->field), "file");
		(void)snprintf(u->name, sizeof(u->name), "機器一覧.csv");
		(void)snprintf(u->path, sizeof(u->path), "%s", attach);
		attach = NULL;
	}
	r.route = route_find(all, n, method, path, &r.id, &allow);
	if (!r.route)
		return 404;
	rc = r.route->fn(&r, &e);
	return rc < 0 ? rc : (int)r.res.status;
}

static bool
shows(const char *text)
{
	return r.res.body.len > 0 && memmem(r.res.body.p, r.res.body.len, text, strlen(text));
}

static const char *
location(void)
{
	for (size_t i = 0; i < r.res.nhead; i++)
		if (strcmp(r.res.head[i].name, "Location") == 0)
			return r.res.head[i].value;
	return "";
}

static void
begin(void)
{
	char url[100];
	const struct db_step *steps;
	size_t n;

	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", dir);
	steps = db_steps(&n);
	if (db_open(url, &db, &e) < 0 || db_migrate(db, steps, n, 1, &e) < 0 ||
	    state_open(fio_os(), dir, true, &st, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	c.db = db;
	c.state = &st;
	c.ops.may = may;
	req_init(&r, &c);
}

static void
test_life(void)
{
	EQ_I(page(M_GET, "/register", "", ""), 200, "tiles");
	OK(shows("端末・機器") && shows("/register/device"), "of every register");
	EQ_I(page(M_GET, "/register/device", "", ""), 200, "an empty list");
	EQ_I(page(M_GET, "/register/nothing", "", ""), E_NOENT, "no such register");
	EQ_I(page(M_GET, "/register/vendor/new", "", ""), 200, "a form");
	OK(shows("name=\"f_name\"") && shows("name=\"m_does\""), "with its fields");
	EQ_I(page(M_POST, "/register/vendor", "",
	    "f_name=%E3%88%B1%3Cb%3E%20%F0%A0%AE%B7%E9%87%8E%20%E8%91%9B%F3%A0%84%80&f_remote=yes&"
	    "m_does=1&f_does=chart&f_does=images"), 303, "added");
	EQ_S(location(), "/register/vendor/ven-0001", "and shown");
	EQ_I(page(M_GET, "/register/vendor/ven-0001", "", ""), 200, "the record");
	OK(shows("㈱&lt;b&gt; 𠮷野 葛󠄀"), "its name, escaped and whole");
	OK(!shows("<b>"), "nothing runs");
	OK(shows("電子カルテ、画像"), "two choices");
	EQ_I(page(M_POST, "/register/vendor", "", "f_name=&f_email=x"), 422, "what is wrong");
	OK(shows("href=\"#f-f_name\"") && shows("value=\"x\""), "is said, and nothing is lost");
	EQ_I(page(M_GET, "/register/vendor/ven-0001/edit", "", ""), 200, "the form again");
	OK(shows("name=\"rev\" value=\"1\""), "knows its revision");
	EQ_I(page(M_GET, "/register/vendor", "q=%E8%91%9B&c=&sort=-name", ""), 200, "found");
	OK(shows("ven-0001") && shows("descending"), "and sorted");
	EQ_I(page(M_GET, "/register/vendor", "sort=frob&page=99", ""), 200,
	    "nonsense is passed over");
	EQ_I(page(M_GET, "/register/vendor/ven-9999", "", ""), E_NOENT, "no such record");
}

static void
test_two(void)
{
	EQ_I(page(M_POST, "/register/vendor/ven-0001", "", "rev=1&f_phone=03-1111"), 303,
	    "the first saves");
	EQ_I(page(M_POST, "/register/vendor/ven-0001", "",
	    "rev=1&f_phone=03-2222&f_contact=%E5%B1%B1"), 409, "the second sees a difference");
	OK(shows("03-1111") && shows("03-2222") && shows("name=\"rev\" value=\"2\""),
	    "both values");
	EQ_I(page(M_POST, "/register/vendor/ven-0001", "",
	    "rev=2&f_phone=03-2222&pick_phone=theirs&f_contact=%E5%B1%B1&pick_contact=mine"), 303,
	    "and chooses");
	EQ_I(page(M_GET, "/register/vendor/ven-0001", "", ""), 200, "the record");
	OK(shows("<dd>03-1111") && shows("<dd>山"), "as chosen");
	/* what whoever typed did not touch is no conflict */
	EQ_I(page(M_POST, "/register/vendor/ven-0001", "", "rev=3&f_phone=03-9999"), 303, "again");
	EQ_I(page(M_POST, "/register/vendor/ven-0001", "", "rev=3&f_phone=03-1111"), 409,
	    "an old page without a change of its own");
	OK(shows("変えていません"), "says so");
	EQ_I(page(M_POST, "/register/vendor/ven-0001/archive", "", "rev=4&to=archived"), 303,
	    "archived");
	EQ_I(page(M_GET, "/register/vendor", "", ""), 200, "the list");
	OK(!shows("ven-0001"), "without it");
	EQ_I(page(M_GET, "/register/vendor", "state=archived", ""), 200, "the archived ones");
	OK(shows("ven-0001"), "have it");
}

static void
test_rights(void)
{
	EQ_I(page(M_POST, "/register/person", "", "f_name=a&f_category=employee"), 303, "a person");
	EQ_I(page(M_GET, "/people", "", ""), 200, "people");
	people = false;
	EQ_I(page(M_GET, "/register/person", "", ""), E_AUTH, "people are an area of their own");
	EQ_I(page(M_GET, "/register/person/per-0001", "", ""), E_AUTH, "each of them");
	EQ_I(page(M_POST, "/register/person/per-0001", "", "rev=1&f_name=b"), E_AUTH, "to write");
	EQ_I(page(M_POST, "/register/person/export", "", "form=csv"), E_AUTH, "to take out");
	people = true;
}

static void
test_map(void)
{
	EQ_I(page(M_GET, "/register/map", "", ""), 200, "no systems yet");
	OK(!shows("<svg class=\"chart\""), "no picture");
	(void)page(M_POST, "/register/system", "",
	    "f_name=%E3%82%AB%E3%83%AB%E3%83%86&f_kind=chart&"
	    "f_connection=both&f_protection=none");
	EQ_I(page(M_GET, "/register/map", "", ""), 200, "a picture");
	OK(shows("<svg class=\"chart\"") && shows("class=\"wire\""), "with lines");
	OK(shows("<caption>"), "and a table");
	EQ_I(page(M_GET, "/register/device/import", "", ""), 200, "a page to take in files");
	EQ_I(
	    page(M_POST, "/register/device/import", "", ""), 303, "no file: said on the same page");
	EQ_I(page(M_POST, "/register/device/import/1/run", "", ""), E_NOENT, "nothing but a trial");
}

/* --- columns of somebody else's file ---------------------------------------------------------- */

static struct loop *l;
static struct tasks *tasks;

static int
on_start(void *ctx, json_t *order, struct err *err)
{
	(void)ctx, (void)err;
	json_decref(order);
	return 0;
}

static void
on_stop(void *ctx, int64_t n)
{
	(void)ctx, (void)n;
}

static json_t *argv;
static int64_t task_n;

static int
take_task(const struct db_row *row, void *cookie, struct err *err)
{
	(void)cookie, (void)err;
	json_decref(argv);
	task_n = db_col_i64(row, 0);
	argv = json_loads(db_col_text(row, 1), 0, NULL);
	return 0;
}

/* arg(name): What follows an option of the last task, "" for a flag, or NULL. */
static const char *
arg(const char *name)
{
	for (size_t i = 4; i < json_array_size(argv); i++)
		if (strcmp(json_string_value(json_array_get(argv, i)), name) == 0) {
			const char *s = json_string_value(json_array_get(argv, i + 1));

			return s ? s : "";
		}
	return NULL;
}

static void
put(const char *path, const char *text)
{
	if (fio_replace(st.f, st.dirfd, path, text, strlen(text), 0600, &e) < 0)
		printf("Bail out! %s\n", e.msg), exit(1);
}

/* slurp(path): Below the state or absolute. The caller frees. */
static char *
slurp(const char *path)
{
	struct buf b;
	char *s;

	buf_init(&b, 1 << 20);
	if (fio_slurp(st.f, st.dirfd, path, &b, &e) < 0 || buf_u8(&b, 0, &e) < 0)
		printf("Bail out! %s\n", e.msg), exit(1);
	s = strdup((const char *)b.p);
	buf_free(&b);
	return s;
}

/* runner(): What `mamori register import` does with the last task. */
static void
runner(void)
{
	const struct register_who who = {"t", "2026-11-25", INT64_C(1764000000000000)};
	const struct csv_options o = {.restore = true};
	struct register_import how = {.dry = false};
	struct csv_found found;
	struct table t;
	char path[64], *text, *cols;
	json_t *res;

	if (db_each(db, "SELECT n, argv FROM tasks ORDER BY n DESC LIMIT 1", take_task, NULL, "",
		&e) < 0 || !argv)
		printf("Bail out! no task\n"), exit(1);
	how.mode = strcmp(arg("--conflict"), "update") == 0 ? REGISTER_UPDATE : REGISTER_STOP;
	how.dry = arg("--dry-run") != NULL;
	how.keep = arg("--remember") != NULL;
	cols = arg("--columns") ? slurp(arg("--columns")) : NULL;
	how.shown = cols ? json_loads(cols, 0, NULL) : NULL;
	how.fill = json_object_get(how.shown, "fill");
	text = slurp(json_string_value(json_array_get(argv, 3)));
	table_init(&t);
	if (csv_read(text, strlen(text), &o, &t, &found, &e) < 0 ||
	    register_import(db, register_kind(json_string_value(json_array_get(argv, 2))), &t,
		&how, &who, &res, &e) < 0)
		printf("Bail out! %s\n", e.msg), exit(1);
	table_free(&t);
	free(text);
	free(cols);
	json_decref(how.shown);
	text = json_dumps(res, 0);
	json_decref(res);
	(void)snprintf(path, sizeof(path), "spool/out-%lld", (long long)task_n);
	put(path, text);
	free(text);
	if (db_exec(db, "UPDATE tasks SET state = 'done', ended = 1 WHERE n = $1", "i", &e,
		task_n) < 0)
		printf("Bail out! %s\n", e.msg), exit(1);
}

static char where[300], task[64];

/* follow(): Let the task end that the last page began, and look at its page. */
static int
follow(void)
{
	(void)snprintf(where, sizeof(where), "%s", location());
	(void)snprintf(task, sizeof(task), "%.60s", strrchr(where, '/') + 1);
	if (page(M_GET, where, "", "") != 200 || !shows("meter"))
		return -102; /* it is not over */
	runner();
	return page(M_GET, where, "", "");
}

/* post(kind, id, what, form): Of a trial. */
static int
post(const char *kind, const char *id, const char *what, const char *form)
{
	char path[200];

	(void)snprintf(path, sizeof(path), "/register/%s/import/%s/%s", kind, id, what);
	return page(M_POST, path, "", form);
}

static int
columns(const char *fields)
{
	return post("device", task, "columns", fields);
}

static void
test_columns_form(void)
{
	put("spool/up-1", "機器一覧,,,,\n機器名,製造元,メーカー,<b>①㈱ｶﾅ,\n"
	    "髙橋 𠮷野 葛󠄀,A,B,=1+1,\n");
	attach = "spool/up-1";
	EQ_I(page(M_POST, "/register/device/import", "", ""), 303, "a file");
	EQ_I(follow(), 200, "read on trial");
	OK(!arg("--columns") && arg("--dry-run"), "its columns are found");
	OK(shows("<details class=\"columns\" open>"), "they are asked about");
	OK(shows("A列「機器名」") && shows("▲ 推測です。値の例: 髙橋 𠮷野 葛󠄀"), "a guess is marked");
	OK(shows("D列「&lt;b&gt;①㈱ｶﾅ」") && shows("？ わからない見出し"), "so is what nobody knows");
	OK(shows("▲ ほかの列も「メーカー」のようです"), "and what another column has");
	OK(shows("「種類」の列がありません（1 行で要ります）"), "what is missing has a name");
	OK(shows("<option value=\"name\" selected>名前・管理番号（必須）"), "preset");
	OK(!shows("name=\"c5\""), "an empty column is not asked about");
	OK(!shows("/run\""), "nothing can be taken in yet");
	EQ_I(columns("head=2&c1=place&c2=maker&c3=maker&c4=note&fill_kind=pc"), 422, "wrong");
	OK(shows("B列とC列の両方を「メーカー」にはできません") && shows("href=\"#f-c3\""), "twice");
	OK(shows("「名前・管理番号」がどの列かを選んでください"), "and without a name");
	OK(shows("<option value=\"place\" selected>") &&
	    shows("<option value=\"note\" selected>") &&
	    shows("<option value=\"pc\" selected>"), "every choice is still there");
	EQ_I(columns("head=2&c1=name&c2=frob"), E_INVAL, "a field that is none");
	EQ_I(columns("head=1&c1=name"), 303, "another row is the heading");
	EQ_I(follow(), 200, "");
	OK(!arg("--remember"), "what was chosen for the other row is not kept");
	OK(shows("「名前・管理番号」の列がありません。"), "nothing is known there");
	EQ_I(columns("head=2&c1=name"), 303, "back again");
	EQ_I(follow(), 200, "");
}

static void
test_columns_run(void)
{
	const char *cols;
	char first[64], *text;

	EQ_I(columns("head=2&c1=name&c2=&c3=maker&c4=note&fill_kind=pc"), 303, "chosen");
	EQ_I(follow(), 200, "read again");
	cols = arg("--columns");
	OK(cols && strstr(cols, "/spool/up-") && arg("--remember"), "as a file, remembered");
	OK(shows("選んだとおり") && shows("/run\"") && !shows("columns\" open"), "in order");
	(void)snprintf(first, sizeof(first), "%s", task);
	EQ_I(post("vendor", first, "run", "mode=stop"), E_NOENT, "of this register");
	EQ_I(post("vendor", first, "columns", ""), E_NOENT, "");
	EQ_I(post("device", first, "run", "mode=stop"), 303, "taken in");
	OK(follow() == 200 && shows("取り込みました。"), "done");
	text = slurp(arg("--columns"));
	OK(strstr(text, "\"heading\"") && strstr(text, "\"fill\""), "with what the trial showed");
	free(text);
	EQ_I(page(M_GET, "/register/device", "q=%E2%91%A0", ""), 200, "");
	EQ_I(page(M_GET, "/register/device/dev-0001", "", ""), 200, "the record");
	OK(shows("髙橋 𠮷野 葛󠄀") && shows("=1+1") && shows("パソコン"), "exactly");
	/* the same list, with one more column and the first value changed */
	put("spool/up-1", "機器名,製造元,メーカー,<b>①㈱ｶﾅ\n髙橋 𠮷野 葛󠄀,A,C,=1+1\n新しい,A,C,\n");
	EQ_I(post("device", first, "run", "mode=stop"), 303, "another file in its place");
	EQ_I(follow(), 200, "");
	OK(shows("試したときと違います") && !shows("取り込みました"), "is noticed");
	attach = "spool/up-1";
	EQ_I(page(M_POST, "/register/device/import", "", ""), 303, "again");
	EQ_I(follow(), 200, "");
	OK(shows("前に選んだとおり") && shows("同じものがもうあるようです"), "nothing is asked twice");
	OK(shows("「種類」の列がありません（1 行で要ります）"), "but for the new row");
	EQ_I(page(M_GET, "/register/device/import", "", ""), 200, "what is remembered");
	OK(shows("「機器名」 → 名前・管理番号") && shows("「製造元」 → 取り込まない"), "is shown");
	EQ_I(page(M_POST, "/register/device/import/forget", "", ""), 303, "and forgotten");
	EQ_I(page(M_GET, "/register/device/import", "", ""), 200, "");
	OK(!shows("import/forget"), "all of it");
	people = false;
	EQ_I(page(M_POST, "/register/person/import/forget", "", ""), E_AUTH, "not of people");
	EQ_I(post("person", first, "columns", ""), E_AUTH, "");
	people = true;
	EQ_I(post("device", "1", "columns", ""), E_NOENT, "no task");
	if (fio_unlink(st.f, st.dirfd, "spool/up-1", &e) < 0)
		printf("Bail out! %s\n", e.msg), exit(1);
	EQ_I(columns("head=2&c1=name"), E_NOENT, "its file is gone");
	EQ_I(page(M_GET, where, "", ""), 200, "what it said is still shown");
	OK(!shows("/columns\"") && !shows("/run\""), "and leads nowhere");
}

static void
test_columns(void)
{
	static const struct tasks_ops ops = {.start = on_start, .stop = on_stop};

	if (loop_new(loop_clock_os(), &l, &e) < 0 || tasks_new(l, db, &st, &ops, &tasks, &e) < 0)
		printf("Bail out! %s\n", e.msg), exit(1);
	c.tasks = tasks;
	if (fio_mkdir(st.f, st.dirfd, "spool", 0700, &e) < 0)
		printf("Bail out! %s\n", e.msg), exit(1);
	test_columns_form();
	test_columns_run();
	json_decref(argv);
	tasks_free(tasks);
	loop_free(l);
	c.tasks = NULL;
}

static void
test_many(void)
{
	const struct register_who who = {"t", "2026-11-25", 1};
	char id[REGISTER_ID], name[40];
	int64_t t, worst = 0;

	for (int i = 0; i < 300; i++) {
		json_t *v;

		(void)snprintf(name, sizeof(name), "PC-%04d", i);
		v = json_pack("{s:s, s:s}", "name", name, "kind", "pc");
		if (register_add(db, register_kind("device"), NULL, v, &who, id, NULL, &e) < 0)
			printf("# %s\n", e.msg);
		json_decref(v);
	}
	for (int i = 1; i < 7; i++) {
		char q[40];

		(void)snprintf(q, sizeof(q), "page=%d", i);
		t = time_mono_us();
		if (page(M_GET, "/register/device", q, "") != 200)
			worst = INT64_MAX;
		t = time_mono_us() - t;
		worst = t > worst ? t : worst;
	}
	OK(shows("PC-0299") && !shows("PC-0001"), "the last page");
	OK(worst < 2 * TIME_SEC, "quick enough");
}

int
main(void)
{
	char cmd[80];

	if (!mkdtemp(dir))
		return 1;
	begin();
	test_life();
	test_two();
	test_rights();
	test_map();
	test_columns();
	test_many();
	req_free(&r);
	db_close(db);
	state_close(&st);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	OK(system(cmd) == 0, "cleared up");
	return tap_done();
}
