/* The pages of the registers, called as the kernel calls them, with a stand-in for the session. */
#include "register/register.h"

#include <stdio.h>
#include <stdlib.h>

#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/pages.h"
#include "tap.h"

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
	EQ_I(page(M_POST, "/register/device/import/run", "", "u=../../x&task=1"), E_INVAL,
	    "no file but an upload");
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
	test_many();
	req_free(&r);
	db_close(db);
	state_close(&st);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	OK(system(cmd) == 0, "cleared up");
	return tap_done();
}
