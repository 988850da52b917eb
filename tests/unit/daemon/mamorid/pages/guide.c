/* The pages of 点検, asked as the kernel asks them: a whole inspection, a finding, a vendor. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "fault/fio.h"
#include "guide/desk.h"
#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/pages.h"
#include "tap.h"

#define NOW (INT64_C(1795000000) * TIME_SEC) /* 2026-11-18 */
#define TORTURE "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～ <b>&\"'"
#define SHOWN "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～ &lt;b&gt;&amp;"

void
mamorid_log(int level, const char *fmt, ...)
{
	(void)level, (void)fmt;
}

static char dir[] = "/tmp/mamori-pages-XXXXXX";
static struct state st;
static struct facts *facts, *closed;
static struct console c;
static enum identity_answer says = MAY_YES;
static struct buf body;
static char location[300];
static const char *file; /* an upload that comes along, below the state directory */

static enum identity_answer
may(const struct identity_session *s, enum identity_area area, enum identity_verb verb,
    const char *object, int64_t now)
{
	(void)s, (void)area, (void)object, (void)now;
	return verb == VERB_READ ? MAY_YES : says;
}

/* ask(method, path, form): The status of a page; ${form}: name, value ... NULL. */
static unsigned
ask(unsigned method, const char *path, const char *const *form, bool ja)
{
	struct err e = {0};
	struct req r;
	unsigned allow, status;
	char *query;
	int rc;

	req_init(&r, &c);
	r.db = c.db;
	r.method = method;
	r.now = NOW;
	r.ja = ja;
	r.signed_in = true;
	r.s.stage = STAGE_FULL;
	(void)snprintf(r.host, sizeof(r.host), "box:8443");
	(void)snprintf(r.s.account.name, sizeof(r.s.account.name), "院長 " TORTURE);
	(void)snprintf(r.s.account.id, sizeof(r.s.account.id), "a1");
	(void)snprintf(r.path, sizeof(r.path), "%s", path);
	query = strchr(r.path, '?');
	if (query) {
		char *eq = strchr(query, '=');

		*query = 0;
		if (eq && form_add(&r.query, query + 1, (size_t)(eq - query - 1), eq + 1,
		    strlen(eq + 1), NULL) < 0)
			return 0;
	}
	for (; form && *form; form += 2)
		if (form_add(&r.form, form[0], strlen(form[0]), form[1], strlen(form[1]), NULL) < 0)
			return 0;
	if (file) {
		struct upload *u = vec_add(&r.uploads);

		if (!u)
			return 0;
		*u = (struct upload){.field = "file", .name = "証拠 " TORTURE ".txt", .type =
		    "text/plain", .size = strlen(TORTURE)};
		(void)snprintf(u->path, sizeof(u->path), "%s", file);
	}
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
	if (r.flash[0])
		printf("# %s: %s %s\n", path, r.flash, r.flash_it);
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

static void
reading(void)
{
	static const char *const pages[] = {"/guide", "/guide/packs/gl-5.2",
	    "/guide/packs/check-r8",
	    "/guide/packs/check-r8/R8-H-3-2", "/guide/packs/gl-7.0/G7-01", "/guide/practice/backup",
	    "/guide/findings", "/guide/reviews", "/guide/requests", "/guide/requests/new",
	    "/guide/compare"};

	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		EQ_I(get(pages[i]), 200, pages[i]);
		OK(has("</html>") && !has("guide."), "every word is there");
		EQ_I(ask(M_GET, pages[i], NULL, false), 200, "in English");
		OK(has("</html>"), "whole");
	}
	EQ_I(get("/guide/packs/none"), 0, "no such pack");
	EQ_I(get("/guide/packs/check-r8/none"), 0, "no such item");
	EQ_I(get("/guide/practice/none"), 0, "no such practice");
	EQ_I(get("/guide/inspections/9"), 0, "no such inspection");
	EQ_I(get("/guide/inspections/x"), 0, "nor this");
	EQ_I(get("/guide/evidence/1"), 0, "no such evidence");
	(void)get("/guide/packs/check-r8");
	OK(has("name=\"due1\""), "an inspection can be begun");
	says = MAY_NO;
	(void)get("/guide/packs/check-r8");
	OK(!has("name=\"due1\""), "but not by those who only read");
	(void)get("/guide/practice/backup");
	OK(!has("<form method=\"post\" action=\"/guide/"), "nothing to send for them");
	says = MAY_YES;
}

/* upload(): The next request brings a file. */
static void
upload(void)
{
	struct err e;
	int spool = state_dir(&st, "spool", true, &e);

	file = "spool/up-1";
	OK(spool >= 0 && fio_replace(st.f, st.dirfd, file, TORTURE, strlen(TORTURE), 0600, &e) == 0,
	    "a file comes along");
	fio_close(st.f, spool);
}

/* A file that comes with a refused answer is not kept, and that is said. */
static void
refused_file(void)
{
	struct err e;
	int64_t n = 9;

	upload();
	EQ_I(POST("/guide/packs/check-r8/R8-H-1-1", "value", "no", "target", "2020-01-01"), 422,
	    "a day that was, with a file");
	file = NULL;
	OK(has("もう一度選んでください"), "the file must be chosen again");
	OK(db_i64(c.db, "SELECT count(*) FROM guide_proofs", &n, "", &e) == 0 && n == 0,
	    "it was not kept");
}

static void
inspection(void)
{
	const struct guide_pack *p = guide_pack(c.guide, "check-r8");

	EQ_I(POST("/guide/inspections", "pack", "check-r8", "due1", "2026-12-10", "due2",
	    "2028-01-01"),
	    422, "a day of another year");
	OK(has("value=\"2028-01-01\"") && has("今年度のうち") && has("href=\"#f-due2\""),
	    "is refused at its field, and is still there");
	EQ_I(POST("/guide/inspections", "pack", "check-r8", "due1", "2027-02-01", "due2",
	    "2026-12-10"), 422, "the second before the first");
	OK(has("一回目と同じか"), "is refused");
	EQ_I(POST("/guide/inspections", "pack", "check-r8", "due1", "2026-12-10", "due2",
	    "2027-02-01"), 303, "begun");
	EQ_S(location, "/guide/inspections/1", "leads to it");
	EQ_I(get("/guide/inspections/1"), 200, "the task list");
	OK(has("未着手") && has("19 項目のうち 0"), "nothing done yet");
	EQ_I(POST("/guide/packs/check-r8/R8-H-1-1", "value", "", "note", TORTURE), 422,
	    "no answer chosen");
	OK(has(SHOWN) && has("一つ選んでください"), "comes back with the note");
	EQ_I(POST("/guide/packs/check-r8/R8-H-1-1", "value", "no", "note", TORTURE, "expires",
	    "2027-05-05"), 422, "no without a day");
	OK(has(SHOWN) && has("value=\"no\" checked") && has("value=\"2027-05-05\"") &&
	    has("href=\"#f-target\""), "comes back as it was");
	refused_file();
	EQ_I(POST("/guide/packs/check-r8/R8-H-1-1", "value", "no", "target", "2027-01-31", "note",
	    TORTURE), 303, "no, with a day");
	EQ_S(location, "/guide/packs/check-r8/R8-H-2-1", "leads to the next item");
	EQ_I(get("/guide/packs/check-r8/R8-H-1-1"), 200, "the item");
	OK(has(SHOWN) && !has("<b>&"), "the note is shown, and harms nothing");
	EQ_I(POST("/guide/inspections/1/sign", "name", "代わりの " TORTURE), 422, "not complete");
	OK(has("代わりの " SHOWN) && has("まだ答えていない項目が"), "is refused, the name stays");
	c.facts = &closed;
	EQ_I(POST("/guide/inspections/1/sign", "name", "院長"), 409, "the record cannot be opened");
	c.facts = &facts;
	EQ_I(get("/guide/inspections/1/check"), 200, "the answers");
	OK(has("まだ答えていない項目が 18"), "how many are missing");
	for (size_t i = 0; i < p->items; i++) {
		char path[100];

		(void)snprintf(path, sizeof(path), "/guide/packs/check-r8/%s", p->item[i].id);
		if (strcmp(p->item[i].id, "R8-H-1-1") != 0 && POST(path, "value", "yes") != 303)
			OK(false, "answer %s", path);
	}
	EQ_S(location, "/guide/inspections/1", "after the last the list again");
	EQ_I(POST("/guide/inspections/1/sign", "name", "院長 " TORTURE), 303, "signed");
	EQ_S(location, "/guide/inspections/1", "done");
	EQ_I(POST("/guide/packs/check-r8/R8-H-1-1", "value", "yes", "note", TORTURE), 409,
	    "an answer after it was signed");
	OK(has(SHOWN) && !has("<textarea"), "can still be copied");
	EQ_I(get("/guide/inspections/1"), 200, "with its signature");
	OK(has(SHOWN) && has("二回目を始める"), "and the second round");
	EQ_I(POST("/guide/inspections/1/round", "x", ""), 303, "begun");
	EQ_I(POST("/guide/packs/check-r8/R8-H-1-1", "value", "yes"), 303, "now yes");
	EQ_I(get("/guide/practice/self-inspection"), 200, "the practice");
	OK(has("badge green"), "is green: it was measured");
}

static void
working(void)
{
	struct err e;
	int64_t n = 0;

	EQ_I(POST("/guide/practice/usb/say", "value", "yes", "note", TORTURE), 303, "say yes");
	EQ_I(get("/guide/practice/usb"), 200, "the practice");
	OK(has("badge yellow"), "yellow without a paper");
	EQ_I(POST("/guide/practice/usb/say", "value", "", "note", TORTURE), 422, "say nothing");
	OK(has(SHOWN), "the note stays");
	c.facts = &closed;
	EQ_I(POST("/guide/practice/usb/say", "value", "no", "note", TORTURE), 409,
	    "the record cannot be opened");
	c.facts = &facts;
	OK(has(SHOWN) && has("value=\"no\" checked"), "what was typed stays");
	EQ_I(POST("/guide/practice/usb/later", "until", "2026-11-26", "why", " "), 422,
	    "later, without a reason");
	OK(has("value=\"2026-11-26\"") && has("<details open>"), "comes back");
	EQ_I(POST("/guide/practice/usb/later", "until", "2020-01-01", "why", TORTURE), 422,
	    "later was before");
	OK(has(SHOWN) && has("明日から一年"), "the reason stays");
	EQ_I(POST("/guide/practice/usb/later", "until", "2026-11-25", "why", TORTURE), 303,
	    "later");
	EQ_S(location, "/", "with one");
	EQ_I(POST("/guide/findings", "title", TORTURE, "pack", "check-r8", "item", "R8-H-2-9"), 303,
	    "a finding");
	EQ_S(location, "/guide/findings/1", "its page");
	EQ_I(get("/guide/findings/1"), 200, "is there");
	OK(has(SHOWN), "with its title");
	EQ_I(POST("/guide/findings", "title", "二つ目", "detail", TORTURE, "pack", "check-r8", "item",
	    "R8-H-2-9", "owner", "担当者"), 409, "the same item again");
	OK(has(SHOWN) && has("二つ目") && has("担当者") && has("value=\"R8-H-2-9\""),
	    "comes back with all of it");
	EQ_I(POST("/guide/findings", "title", "", "detail", TORTURE), 422, "without a title");
	OK(has(SHOWN) && has("href=\"#f-title\""), "comes back");
	EQ_I(POST("/guide/findings/1/plan", "rev", "1", "plan", TORTURE, "due", "2020-01-01",
	    "owner", "髙橋係"), 422, "a plan for a day that was");
	OK(has(SHOWN) && has("2020-01-01") && has("髙橋係") && has("href=\"#f-due\""), "comes back");
	EQ_I(POST("/guide/findings/1/end", "how", "drop", "why", ""), 422,
	    "given up for no reason");
	OK(has("<details open>"), "comes back open");
	EQ_I(POST("/guide/findings/1/plan", "rev", "1", "plan", "設定する", "due", "2026-12-20"), 303,
	    "a plan");
	EQ_I(POST("/guide/findings/1/plan", "rev", "1", "plan", "別の計画", "due", "2026-12-20"), 409,
	    "of somebody who did not see it");
	OK(has("設定する") && has("別の計画") && has("ほかの人が先に変えた"), "sees both");
	EQ_I(get("/guide/findings/1"), 200, "the first");
	OK(has("設定する") && !has("別の計画"), "stays");
	EQ_I(POST("/guide/findings/1/approve", "rev", "2"), 303, "approved");
	EQ_I(POST("/guide/findings/1/approve", "rev", "1"), 409, "approved before it was seen");
	EQ_I(POST("/guide/reviews", "held", "2026-11-18", "chair", "議長さん", "present", "皆さん",
	    "minutes", TORTURE, "d-1", "postpone"), 422, "put off without a day");
	OK(has(SHOWN) && has("議長さん") && has("皆さん") && has("value=\"postpone\" checked") &&
	    has("href=\"#f-u-1\""), "the minutes come back");
	c.facts = &closed;
	EQ_I(POST("/guide/reviews", "held", "2026-11-18", "chair", "院長", "minutes", TORTURE), 409,
	    "the record cannot be opened");
	c.facts = &facts;
	OK(has(SHOWN), "the minutes come back");
	OK(db_i64(c.db, "SELECT count(*) FROM guide_reviews", &n, "", &e) == 0 && n == 0,
	    "and no review was half kept");
	EQ_I(POST("/guide/reviews", "held", "2026-11-18", "chair", "院長", "minutes", TORTURE, "d-1",
	    "done"), 303, "a review");
	EQ_I(get("/guide/reviews"), 200, "is kept");
	OK(has(SHOWN), "with its minutes");
	EQ_I(get("/guide/findings/1"), 200, "the finding");
	OK(has("済"), "has ended");
	EQ_I(POST("/guide/findings/1/plan", "rev", "1", "plan", TORTURE, "due", "2026-12-20"), 422,
	    "a plan for what has ended");
	OK(has(SHOWN) && !has("<textarea"), "can still be copied");
}

static void
vendor(void)
{
	char token[64] = "", path[100];
	static char full_note[9000];
	struct fault_fio full;
	struct err e;
	const char *at;
	int64_t n = 0;

	EQ_I(POST("/guide/requests", "vendor", "", "practice", "patches", "form", "check-r8-vendor",
	    "due", "2026-12-21"), 422, "nobody");
	OK(has("value=\"patches\" selected") && has("value=\"check-r8-vendor\" checked") &&
	    has("value=\"2026-12-21\""), "what was chosen stays");
	EQ_I(POST("/guide/requests", "vendor", TORTURE, "due", "2020-12-21"), 422,
	    "nothing to ask");
	OK(has(SHOWN) && has("href=\"#f-practice\"") && has("href=\"#f-due\""), "both are said");
	EQ_I(POST("/guide/requests", "vendor", "㈱ABC " TORTURE, "practice", "patches", "form",
	    "check-r8-vendor", "due", "2026-12-20"), 303, "a letter");
	EQ_S(location, "/guide/requests/1", "its page");
	EQ_I(get("/guide/requests/1"), 200, "is there");
	OK(has("㈱ABC " SHOWN), "to whom");
	EQ_I(POST("/guide/requests/1/mail", "to", "髙橋 at example"), 422, "no mail yet");
	OK(has("髙橋 at example") && has("メールの送り方がまだ"), "the address stays");
	EQ_I(POST("/guide/requests/1/link", "x", ""), 200, "a way in");
	at = memmem(body.p, body.len, "/vendor/", 8);
	if (at)
		(void)snprintf(token, sizeof(token), "%.43s", at + 8);
	EQ_I(strlen(token), 43, "shown once");
	EQ_I(get("/guide/requests/1"), 200, "afterwards");
	OK(!has(token), "no more");
	(void)snprintf(path, sizeof(path), "/vendor/%s", token);
	EQ_I(get(path), 200, "the vendor's page");
	OK(has("v-R8-V-2-6"), "with the form");
	EQ_I(POST(path, "v-R8-V-2-6", "no", "n-R8-V-2-6", TORTURE), 422, "without a name");
	OK(has("checked") && has(SHOWN), "what was chosen is still there");
	memset(full_note, 'x', sizeof(full_note) - 1);
	EQ_I(POST(path, "name", "山田", "v-R8-V-2-6", "no", "n-R8-V-2-6", full_note), 422,
	    "more than is taken");
	OK(has("山田") && has("xxxxxxxx"), "is still there");
	upload();
	st.f = fault_fio_init(&full);
	full.only = FF_WRITE;
	full.fail_at = 1;
	full.sys = ENOSPC;
	EQ_I(POST(path, "name", "山田", "v-R8-V-2-6", "no"), 507, "a full disk");
	OK(full.fired && has("山田"), "in the middle of the file; the answer comes back");
	st.f = fio_os();
	EQ_I(get(path), 200, "does not close the way");
	upload(); /* it was removed with the request */
	EQ_I(POST(path, "name", "山田 " TORTURE, "v-R8-V-2-6", "no", "n-R8-V-2-6", TORTURE), 200,
	    "answered");
	file = NULL;
	EQ_I(db_i64(c.db, "SELECT count(*) FROM guide_proofs WHERE about = 'request'", &n, "", &e),
	    0, "the file");
	EQ_I(n, 1, "is evidence, once");
	EQ_I(get(path), 410, "the way is closed");
	EQ_I(get("/vendor/nonsense"), 410, "and so is any other");
	EQ_I(get("/guide/requests/1"), 200, "the request");
	OK(has(SHOWN) && has("返事あり"), "has the answer");
	EQ_I(get("/guide/practice/patches"), 200, "the practice");
	OK(has("badge red"), "is red: the vendor says no");
}

int
main(void)
{
	const struct db_step *steps;
	struct err e = {0};
	char url[100];
	size_t n;

	(void)setenv("TZ", "Asia/Tokyo", 1);
	buf_init(&body, 8 << 20);
	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", dir);
	steps = db_steps(&n);
	OK(state_open(fio_os(), dir, false, &st, &e) == 0 && db_open(url, &c.db, &e) == 0 &&
	    db_migrate(c.db, steps, n, NOW, &e) > 0 &&
	    facts_open(&st, true, NOW, &facts, &e) == 0, "a state");
	c.state = &st;
	c.facts = &facts;
	c.ready = true;
	c.ops.may = may;
	c.host = "box";
	OK(pages_routes(&c.routes, &c.nroutes, &e) == 0, "routes");
	reading();
	inspection();
	working();
	vendor();
	guide_free(c.guide);
	facts_close(facts);
	db_close(c.db);
	state_close(&st);
	buf_free(&body);
	(void)snprintf(url, sizeof(url), "rm -rf '%s'", dir);
	if (system(url) != 0) /* allow: a test's own directory */
		return 1;
	return tap_done();
}
