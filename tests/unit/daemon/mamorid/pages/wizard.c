/* The first-run wizard, asked as the kernel asks its pages: eight steps, what is put off, forms
 * that come back, forms that come twice. */
#include "mamorid/wizard.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/num.h"
#include "guide/finding.h"
#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/pages.h"
#include "register/register.h"
#include "tap.h"

#define NOW (INT64_C(1795000000) * TIME_SEC) /* 2026-11-18 */
#define TORTURE "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～"
#define HARD TORTURE " <b>&\"'"
#define SHOWN TORTURE " &lt;b&gt;&amp;"

void
mamorid_log(int level, const char *fmt, ...)
{
	(void)level, (void)fmt;
}

static char dir[] = "/tmp/mamori-wizard-XXXXXX";
static struct state st;
static struct console c;
static struct mamorid d = {.state_path = "/var/lib/mamori"};
static enum identity_answer says = MAY_YES;
static bool vault = true; /* may write in the vault */
static struct identity_account me = {.id = "a1", .name = "院長 " TORTURE, .role = ROLE_DIRECTOR};
static struct buf body;
static char location[300];

static enum identity_answer
may(const struct identity_session *s, enum identity_area area, enum identity_verb verb,
    const char *object, int64_t now)
{
	(void)s, (void)object, (void)now;
	if (area == AREA_VAULT && verb == VERB_WRITE && !vault)
		return MAY_NO;
	return verb == VERB_READ ? MAY_YES : says;
}

/* ask(method, path, form, ja): The status of a page; ${form}: name, value ... NULL. */
static unsigned
ask(unsigned method, const char *path, const char *const *form, bool ja)
{
	struct err e = {0};
	struct req r;
	unsigned allow, status;
	int rc;

	req_init(&r, &c);
	r.db = c.db;
	r.method = method;
	r.now = NOW;
	r.ja = ja;
	r.signed_in = true;
	r.s.stage = STAGE_FULL;
	r.s.fresh_at = NOW;
	r.s.account = me;
	(void)snprintf(r.host, sizeof(r.host), "box:8443");
	(void)snprintf(r.path, sizeof(r.path), "%s", path);
	for (; form && *form; form += 2)
		if (form_add(&r.form, form[0], strlen(form[0]), form[1], strlen(form[1]), NULL) < 0)
			return 0;
	r.route = route_find(c.routes, c.nroutes, method, r.path, &r.id, &allow);
	rc = r.route ? r.route->fn(&r, &e) : E_NOENT;
	buf_clear(&body);
	location[0] = 0;
	for (size_t i = 0; i < r.res.nhead; i++)
		if (strcmp(r.res.head[i].name, "Location") == 0)
			(void)snprintf(location, sizeof(location), "%s", r.res.head[i].value);
	if (rc < 0)
		printf("# %s: %s: %s\n", path, err_name(rc), e.msg);
	if (rc == 0 && buf_put(&body, r.res.body.p, r.res.body.len, &e) < 0)
		rc = e.code;
	status = rc < 0 ? 0 : r.res.status;
	req_free(&r);
	return status;
}

static bool
has(const char *s)
{
	return memmem(body.p, body.len, s, strlen(s)) != NULL;
}

static unsigned
get(const char *path)
{
	return ask(M_GET, path, NULL, true);
}

#define POST(path, ...) ask(M_POST, path, (const char *const[]){__VA_ARGS__, NULL}, true)

static int64_t
number(const char *sql)
{
	int64_t n = -1;

	(void)!db_i64(c.db, sql, &n, "", NULL);
	return n;
}

static const char *
value(const char *kind, const char *id, const char *key)
{
	static char out[2000];
	json_t *rec = NULL;
	const char *s;

	out[0] = 0;
	if (register_get(c.db, register_kind(kind), id, &rec, NULL) == 0) {
		s = json_string_value(json_object_get(json_object_get(rec, "values"), key));
		(void)snprintf(out, sizeof(out), "%s", s ? s : "");
	}
	json_decref(rec);
	return out;
}

static struct wizard
where(void)
{
	struct wizard w = {.done = 99};
	struct err e;

	if (wizard_load(c.db, &w, &e) < 0)
		printf("# %s\n", e.msg);
	return w;
}

/* -- one after the other ----------------------------------------------------------------------- */

static void
reading(void)
{
	char path[40];

	EQ_I(get("/wizard"), 200, "the beginning");
	OK(has("href=\"/wizard/facility\"") && !has("wizard."), "leads to the first step");
	for (size_t i = 0; i < WIZARD_STEPS; i++) {
		(void)snprintf(path, sizeof(path), "/wizard/%s", wizard_key(i));
		EQ_I(get(path), 200, path);
		OK(has("</html>") && !has("wizard."), "every word is there");
		OK(has("aria-current=\"step\""), "and where one is");
		EQ_I(ask(M_GET, path, NULL, false), 200, "in English");
		OK(has("</html>") && !has("wizard."), "whole");
	}
	EQ_I(get("/wizard/done"), 200, "the end");
	EQ_I(get("/wizard/nothing"), 0, "no such step");
	EQ_I(number("SELECT count(*) FROM records"), 0, "looking changes nothing");
	EQ_I(wizard_next(&(struct wizard){.done = 0}, WIZARD_STEPS), 0, "the first is the first");
}

static void
facility(void)
{
	EQ_I(POST("/wizard/facility", "go", "save", "h_name", "", "h_beds", "many"), 422,
	    "a name is needed, a number is a number");
	OK(has("href=\"#f-h_name\"") && has("value=\"many\""), "nothing that was typed is lost");
	EQ_I(where().settled, 0, "and nothing is done");
	EQ_I(POST("/wizard/facility", "go", "save", "h_name", HARD, "h_type", "clinic_beds",
	    "h_beds", "１９", "h_departments", "内科"), 303, "saved");
	EQ_S(location, "/wizard/appointed", "and on");
	EQ_S(value("facility", "main", "name"), HARD, "the name, exactly");
	EQ_S(value("facility", "main", "beds"), "19", "wide digits are digits");
	EQ_I(POST("/wizard/facility", "go", "save", "h_name", HARD, "h_type", "clinic_beds",
	    "h_beds", "１９", "h_departments", "内科"), 303, "the same sent twice");
	EQ_I(number("SELECT rev FROM records WHERE kind = 'facility'"), 1, "changes nothing");
	EQ_I(get("/wizard/facility"), 200, "going back");
	OK(has(SHOWN) && has("name=\"h_rev\" value=\"1\""), "shows what was saved");
	EQ_I(POST("/wizard/facility", "go", "save", "h_id", "main", "h_rev", "1", "h_name", HARD,
	    "h_type", "clinic_beds", "h_beds", "18", "h_departments", "内科"), 303, "a change");
	EQ_I(POST("/wizard/facility", "go", "save", "h_id", "main", "h_rev", "1", "h_name", HARD,
	    "h_type", "clinic_beds", "h_beds", "17", "h_departments", "内科"), 409,
	    "from an old page");
	OK(has("value=\"17\"") && has("18") && has("name=\"h_rev\" value=\"2\""),
	    "both are shown, and saving again is meant");
}

static void
appointed(void)
{
	EQ_I(get("/wizard/appointed"), 200, "who");
	OK(has("value=\"院長 " TORTURE "\""), "the director is known");
	EQ_I(POST("/wizard/appointed", "go", "save", "h_id", "main", "h_rev", "2", "h_who_director",
	    ""), 422, "somebody is the director");
	for (int i = 0; i < 2; i++)
		EQ_I(POST("/wizard/appointed", "go", "save", "h_id", "main", "h_rev", "2",
		    "h_who_director", "院長 𠮷野", "h_who_manager", "院長 𠮷野", "h_who_deputy", "葛󠄀",
		    "h_management", "director"), 303, "appointed");
	EQ_I(number("SELECT count(*) FROM records WHERE kind = 'person'"), 2,
	    "who sits twice is one person, and what is sent twice is there once");
	EQ_S(value("facility", "main", "security_manager"), "per-0001", "by reference");
	EQ_S(value("person", "per-0001", "category"), "statutory", "of a category");
	EQ_S(value("person", "per-0002", "post"), "副担当", "with a post");
}

static void
people(void)
{
	EQ_I(get("/wizard/people"), 200, "everybody");
	OK(has("name=\"p0_id\" value=\"per-0001\"") && has("name=\"p6_name\""),
	    "who is there, and room for five");
	EQ_I(POST("/wizard/people", "go", "more", "p0_id", "per-0001", "p0_rev", "1", "p0_name",
	    "院長 𠮷野", "p1_name", "﨑"), 200, "more rows");
	OK(has("value=\"﨑\"") && has("name=\"p6_name\""), "keep what was typed");
	EQ_I(number("SELECT count(*) FROM records WHERE kind = 'person'"), 2, "and save nothing");
	EQ_I(POST("/wizard/people", "go", "save", "p0_name", "", "p0_job", "nurse"), 422,
	    "work without a name");
	EQ_I(POST("/wizard/people", "go", "save", "p0_name", "誰"), 422, "a name without work");
	OK(has("href=\"#f-p0_category\""), "needs a category");
	EQ_I(POST("/wizard/people", "go", "save", "p0_name", "x", "p0_category", "nobody"), 422,
	    "a category that is none");
	for (int i = 0; i < 2; i++)
		EQ_I(POST("/wizard/people", "go", "save", "p0_id", "per-0001", "p0_rev", "1",
		    "p0_name", "院長 𠮷野", "p0_job", "doctor", "p0_category", "statutory", "p1_id",
		    "per-0002", "p1_rev", "1", "p1_name", "葛󠄀", "p1_job", "nurse", "p1_category",
		    "", "p2_name", TORTURE, "p2_job", "nurse", "p2_category", "", "p3_name",
		    "㈱ｶﾅ", "p3_job", "", "p3_category", "maintenance", "p4_name", "", "p4_job", "",
		    "p4_category", ""), 303, "several at once");
	EQ_I(number("SELECT count(*) FROM records WHERE kind = 'person'"), 4,
	    "each of them once, though sent twice");
	EQ_S(value("person", "per-0003", "name"), TORTURE, "exactly");
	EQ_S(value("person", "per-0003", "category"), "statutory", "a category from the work");
	EQ_S(value("person", "per-0001", "job"), "doctor", "and who was there is completed");
	EQ_S(value("person", "per-0002", "category"), "statutory", "a deputy who is a nurse, too");
	EQ_I(POST("/wizard/people", "go", "save", "p0_id", "per-0002", "p0_rev", "2", "p0_name", "葛󠄀",
	    "p0_job", "", "p0_category", ""), 303, "nothing about the work");
	EQ_S(value("person", "per-0002", "category"), "statutory", "leaves the category alone");
}

static void
systems(void)
{
	EQ_I(get("/wizard/systems"), 200, "cards");
	OK(has("レセコン") && has("name=\"s15_name\""), "of every kind, and others by name");
	OK(has("そのほか 1") && has("そのほか 2") && !has("そのほか 3"), "which can be told apart");
	/* as a browser sends it: with the card's own words */
	EQ_I(POST("/wizard/systems", "go", "save", "s0_skind", "other", "s0_use", "1", "s0_name",
		 "", "s0_card", "そのほか 1", "s1_skind", "other", "s1_name", "名だけ", "s1_card",
		 "そのほか 2"),
	    422, "others need a name, a name needs a tick");
	OK(has("name=\"s0_name\"") && has("そのほか 1: ") && has("そのほか 2: "),
	    "and can still be given one");
	OK(has("href=\"#f-s0_name\"") && has("href=\"#f-s1_use\"") && has("value=\"名だけ\""),
	    "each is told");
	for (int i = 0; i < 2; i++)
		EQ_I(POST("/wizard/systems", "go", "save", "s0_skind", "chart", "s0_use", "1",
		    "s0_connection", "both", "s0_card", "電子カルテ", "s1_skind", "receipt", "s1_use",
		    "1", "s1_connection", "unknown", "s2_skind", "images", "s3_skind", "other",
		    "s3_use", "1", "s3_name", TORTURE, "s3_connection", "none"), 303, "ticked");
	EQ_I(number("SELECT count(*) FROM records WHERE kind = 'system'"), 3,
	    "what is ticked is there, once");
	EQ_S(value("system", "sys-0001", "connection"), "both", "with its connection");
	EQ_S(value("system", "sys-0003", "name"), TORTURE, "and its name");
	EQ_I(get("/wizard/systems"), 200, "again");
	OK(has("name=\"s0_id\" value=\"sys-0001\""), "each card knows its record");
	EQ_I(POST("/wizard/systems", "go", "save", "s0_id", "sys-0003", "s0_rev", "1", "s0_skind",
	    "other", "s0_card", TORTURE), 303, "without its tick");
	EQ_S(value("system", "sys-0003", "connection"), "unused", "it is not used");
}

static void
vendors(void)
{
	EQ_I(get("/wizard/vendors"), 200, "who repairs");
	OK(has("<legend>電子カルテ") && !has("<legend>追加"), "what is in use");
	for (int i = 0; i < 2; i++)
		EQ_I(POST("/wizard/vendors", "go", "save", "v0_id", "sys-0001", "v0_rev", "1",
		    "v0_who", "㈱メディ", "v0_remote", "yes", "v1_id", "sys-0002", "v1_rev", "1",
		    "v1_who", "㈱メディ", "v1_remote", "no"), 303, "one company for both");
	EQ_I(number("SELECT count(*) FROM records WHERE kind = 'vendor'"), 1, "is one");
	EQ_S(value("vendor", "ven-0001", "does"), "receipt,chart", "with all its work");
	EQ_S(value("vendor", "ven-0001", "remote"), "yes", "and connects remotely");
	EQ_S(value("system", "sys-0002", "vendor"), "ven-0001", "each system knows it");
	EQ_I(POST("/wizard/vendors", "go", "save", "v0_id", "sys-9999", "v0_who", "x"), 0,
	    "a system that is none");
}

static void
backup(void)
{
	json_t *list = NULL;
	struct err e;

	EQ_I(get("/wizard/backup"), 200, "copies");
	OK(has("何もありません") && has("<legend>電子カルテ"), "nothing measured, so asked");
	EQ_I(POST("/wizard/backup", "go", "save", "b_id", "main", "b_rev", "3", "b_backup_where",
	    "金庫", "c0_id", "sys-0001", "c0_rev", "2", "c0_protection", "none", "n_system",
	    "sys-0001", "n_path", "srv", "n_place", "new"), 422, "a folder begins with a slash");
	OK(has("href=\"#f-n_path\"") && has("value=\"srv\"") && has("金庫"), "nothing is lost");
	EQ_I(POST("/wizard/backup", "go", "save", "c0_id", "sys-0001", "c0_rev", "2",
	    "c0_protection", "none", "n_system", "sys-0001", "n_path", "/a/../b", "n_place",
	    "new"), 422, "and does not climb");
	for (int i = 0; i < 2; i++)
		EQ_I(POST("/wizard/backup", "go", "save", "b_id", "main", "b_rev", "3",
		    "b_backup_where", "金庫", "b_backup_detached", "no", "b_backup_restored", "unknown",
		    "c0_id", "sys-0001", "c0_rev", "2", "c0_protection", "vendor", "n_system",
		    "sys-0001", "n_path", "/srv/it's", "n_place", "new"), 303, "where no vault is");
	EQ_I(number("SELECT count(*) FROM systems"), 0, "nothing is on the schedule");
	OK(finding_list(c.db, false, &list, &e) == 0 && json_array_size(list) == 1,
	    "but one task is there");
	OK(strstr(json_string_value(json_object_get(json_array_get(list, 0), "plan")),
	    "mamori system add sys-0001 '/srv/it'\\''s' --repo") != NULL,
	    "which names the command, safe for a shell");
	json_decref(list);
	if (db_exec(c.db,
		"INSERT INTO places (id, repo, name_ja, name_en, at) VALUES ('p1', '/vault', "
		"'金庫の箱', 'box', 1)",
		"", &e) < 0)
		printf("# %s\n", e.msg);
	vault = false;
	EQ_I(get("/wizard/backup"), 200, "who may not write in the vault");
	OK(!has("place:p1"), "cannot choose a place");
	EQ_I(POST("/wizard/backup", "go", "save", "c0_id", "sys-0001", "c0_rev", "3",
	    "c0_protection", "vendor", "n_system", "sys-0001", "n_path", "/srv/karte", "n_place",
	    "place:p1"), 422, "nor send one that was not shown");
	OK(has("href=\"#f-n_place\"") && has("value=\"/srv/karte\""), "the form comes back");
	EQ_I(POST("/wizard/backup", "go", "save", "n_system", "sys-0001", "n_path", "/srv/karte",
	    "n_place", "place:p1"), 303, "nor without the rows around it");
	EQ_I(number("SELECT count(*) FROM systems") + number("SELECT count(*) FROM jobs"), 0,
	    "nothing is on the schedule");
	vault = true;
	EQ_I(POST("/wizard/backup", "go", "save", "c0_id", "sys-0001", "c0_rev", "3",
	    "c0_protection", "vendor", "n_system", "sys-0001", "n_path", "/srv/karte", "n_place",
	    "place:p2"), 422, "a place that is not there");
	OK(has("href=\"#f-n_place\"") && has("value=\"/srv/karte\""), "is told at its field");
	EQ_I(POST("/wizard/backup", "go", "save", "c0_id", "sys-0001", "c0_rev", "3",
	    "c0_protection", "vendor", "n_system", "sys-0001", "n_path", "/srv/karte", "n_place",
	    "moon"), 422, "and so is a word that is none");
	EQ_S(value("system", "sys-0001", "protection"), "vendor", "the register stays as it was");
	EQ_I(get("/wizard/backup"), 200, "who may");
	OK(has("value=\"place:p1\"") && has("金庫の箱"), "can");
	for (int i = 0; i < 2; i++)
		EQ_I(POST("/wizard/backup", "go", "save", "c0_id", "sys-0001", "c0_rev", "3",
		    "c0_protection", "vendor", "n_system", "sys-0001", "n_path", "/srv/karte",
		    "n_place", "place:p1"), 303, "where a vault is");
	EQ_I(number("SELECT count(*) FROM systems WHERE id = 'sys-0001' AND paths = "
	    "'[\"/srv/karte\"]'"), 1, "the folder is on the schedule");
	EQ_I(number("SELECT count(*) FROM jobs WHERE kind = 'backup' AND system = 'sys-0001'"), 1,
	    "with its job");
	EQ_S(value("system", "sys-0001", "protection"), "mamori", "and the register says so");
	EQ_I(get("/wizard/backup"), 200, "again");
	OK(has("/vault/systems/sys-0001") && !has("<legend>電子カルテ"), "now it is measured, not asked");
}

static void
contacts(void)
{
	EQ_I(get("/wizard/contacts"), 200, "whom to call");
	OK(has("value=\"院長 𠮷野\"") && has("value=\"㈱メディ\"") && has("警察"),
	    "the house, the vendors, and who helps");
	EQ_I(POST("/wizard/contacts", "go", "save", "k0_name", "x", "k0_kind", "staff", "k0_phone",
	    "電話"), 422, "a number is a number");
	OK(has("value=\"電話\""), "and is not lost");
	for (int i = 0; i < 2; i++)
		EQ_I(POST("/wizard/contacts", "go", "save", "k0_name", "院長 𠮷野", "k0_kind", "staff",
		    "k0_person", "per-0001", "k0_phone", "０９０-1", "k1_name", "㈱メディ", "k1_kind",
		    "vendor", "k1_vendor", "ven-0001", "k1_phone", "03-2", "k2_name", "", "k2_kind",
		    "police", "k2_phone", "", "k3_name", TORTURE, "k3_kind", "insurer", "k3_phone",
		    ""), 303, "kept");
	EQ_I(number("SELECT count(*) FROM records WHERE kind = 'contact'"), 3,
	    "a row without a name is left out, and nothing is there twice");
	EQ_S(value("contact", "cnt-0002", "parent"), "cnt-0001", "the house calls the others");
	EQ_S(value("vendor", "ven-0001", "phone"), "03-2", "the vendor's number is known now");
	EQ_S(value("contact", "cnt-0003", "name"), TORTURE, "exactly");
}

/* -- put off, and signing in ------------------------------------------------------------------- */

static void
put_off(void)
{
	struct wizard w;
	json_t *list = NULL;
	struct err e;

	w = where();
	EQ_I(w.done, 7, "seven are done");
	EQ_I(wizard_next(&w, WIZARD_STEPS), WIZARD_SIGNIN, "one is left");
	EQ_I(get("/"), 200, "today");
	OK(has("はじめての設定の続き（7/8）") && has("href=\"/wizard/signin\""), "says so");
	EQ_I(POST("/wizard/facility", "go", "later"), 303, "what is done");
	EQ_I(where().done, 7, "is not put off");
	EQ_I(POST("/wizard/signin", "go", "save"), 303, "without a second factor");
	EQ_S(location, "/wizard/done", "that was the last");
	w = where();
	EQ_I(w.step[WIZARD_SIGNIN].state, WIZARD_LATER, "it is not done");
	EQ_S(w.step[WIZARD_SIGNIN].due, "2026-12-02", "but due in two weeks");
	EQ_I(POST("/wizard/signin", "go", "later"), 303, "twice");
	OK(finding_list(c.db, false, &list, &e) == 0 && json_array_size(list) == 2, "is one task");
	json_decref(list);
	EQ_I(get("/wizard/done"), 200, "the end");
	OK(has("はじめの一冊") && has("2026-12-02"), "offers the booklet and names what is left");
	EQ_I(get("/"), 200, "today");
	OK(!has("はじめての設定の続き") && has("あとでにした設定") && has("id=\"one\""), "goes on with the checklist");
	(void)!db_exec(c.db, "UPDATE guide_findings SET due = '2026-11-01' WHERE pack = "
	    "'wizard/signin'", "", &e);
	EQ_I(get("/"), 200, "past its day");
	OK(has("期限が過ぎました"), "it comes first");
}

static void
signing_in(void)
{
	json_t *list = NULL;
	struct err e;

	EQ_I(get("/wizard/signin"), 200, "signing in");
	EQ_I(POST("/wizard/signin/invite", "name", "葛󠄀", "login", ""), 422, "a sign-in name");
	OK(has("value=\"葛󠄀\""), "what was typed is there");
	EQ_I(POST("/wizard/signin/invite", "name", "葛󠄀", "login", "tantou"), 200, "invited");
	OK(has("招待の符号です") && has("招待中"), "the code is shown");
	EQ_I(number("SELECT count(*) FROM accounts WHERE login = 'tantou' AND role = 'clerk' AND "
	    "person = 'per-0002'"), 1, "an account of that person");
	EQ_I(POST("/wizard/signin/invite", "name", "葛󠄀", "login", "tantou"), 422, "not twice");
	me.has_totp = true;
	EQ_I(POST("/wizard/signin", "go", "save"), 303, "now");
	EQ_I(where().done, 8, "all are done");
	OK(finding_list(c.db, false, &list, &e) == 0 && json_array_size(list) == 1,
	    "and its task ended by itself");
	json_decref(list);
	EQ_I(get("/wizard/done"), 200, "the end");
	OK(has("八つすべて済みました"), "says so");
}

static void
others(void)
{
	struct err e;

	says = MAY_NO;
	EQ_I(get("/wizard"), 403, "whoever may not write");
	EQ_I(get("/wizard/facility"), 403, "is not led through");
	EQ_I(POST("/wizard/facility", "go", "save", "h_name", "x"), 403, "and cannot save");
	EQ_I(get("/"), 200, "today");
	OK(!has("はじめての設定"), "does not speak of it");
	says = MAY_YES;
	(void)!db_exec(c.db, "DELETE FROM wizard_steps", "", &e);
	EQ_I(POST("/wizard/later", "x", "y"), 303, "all of them");
	EQ_I(where().settled, 8, "can be put off at once");
	EQ_I(where().done, 0, "none of them is done");
	EQ_I(get("/wizard/facility"), 200, "and taken up again");
	OK(has(SHOWN), "with what is there");
}

/* The practice hospital is an example: one may press on. */
static void
practice(void)
{
	struct err e;

	(void)!db_exec(c.db, "UPDATE systems SET practice = 1", "", &e);
	(void)!db_exec(c.db, "DELETE FROM record_values", "", &e);
	(void)!db_exec(c.db, "DELETE FROM record_revs", "", &e);
	(void)!db_exec(c.db, "DELETE FROM records", "", &e);
	(void)!db_exec(c.db, "DELETE FROM wizard_steps", "", &e);
	EQ_I(get("/wizard/facility"), 200, "an example");
	OK(has("value=\"れんしゅう病院\"") && has("value=\"120\""), "is filled in");
	EQ_I(get("/wizard/systems"), 200, "its systems");
	OK(has("name=\"s0_vault\" value=\"sys-0001\"") && has("checked"),
	    "are what the vault copies");
	EQ_I(POST("/wizard/appointed", "go", "save", "h_name", "医院", "h_who_director", "院長"), 303,
	    "the second step before the first");
	EQ_S(value("facility", "main", "name"), "医院", "makes the house");
}

int
main(void)
{
	const struct sched_ops none = {.ctx = NULL};
	const struct identity_conf conf = {.cost = {.memory_kib = 64, .passes = 1, .lanes = 1}};
	struct facts *facts = NULL;
	const struct db_step *steps;
	struct err e = {0};
	char url[100];
	size_t n;

	steps = db_steps(&n);
	buf_init(&body, 8 << 20);
	(void)setenv("TZ", "UTC", 1);
	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", dir);
	if (state_open(fio_os(), dir, true, &st, &e) < 0 || db_open(url, &c.db, &e) < 0 ||
	    db_migrate(c.db, steps, n, 1, &e) < 0 || facts_open(&st, true, NOW, &facts, &e) < 0 ||
	    identity_open(&st, c.db, &conf, &c.id, &e) < 0 ||
	    loop_new(loop_clock_os(), &d.l, &e) < 0 ||
	    sched_new(d.l, c.db, &none, &d.sched, &e) < 0 ||
	    pages_routes(&c.routes, &c.nroutes, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		return 1;
	}
	c.state = &st;
	c.daemon = &d;
	c.facts = &facts;
	c.ready = true;
	c.ops.may = may;
	reading();
	facility();
	appointed();
	people();
	systems();
	vendors();
	backup();
	contacts();
	put_off();
	signing_in();
	others();
	practice();
	guide_free(c.guide);
	sched_free(d.sched);
	loop_free(d.l);
	identity_close(c.id);
	facts_close(facts);
	db_close(c.db);
	state_close(&st);
	buf_free(&body);
	(void)snprintf(url, sizeof(url), "rm -rf '%s'", dir);
	if (system(url) != 0) /* allow: a test's own directory */
		return 1;
	return tap_done();
}
