/* Addresses, the outbox, signatures, alarms and the weekly page. */
#include "notify/notify.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/utf8.h"
#include "tap.h"

#define NOW (INT64_C(1795655860) * TIME_SEC) /* Thursday, 2026-11-26 10:17 JST */
#define TORTURE "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～"

static char dir[] = "/tmp/mamori-notify-XXXXXX";
static struct state st;
static struct db *db;
static struct facts *fs;
static struct err e;

static int64_t
count(const char *sql)
{
	int64_t n = -1;

	return db_i64(db, sql, &n, "", &e) < 0 ? -1 : n;
}

static void
addresses(void)
{
	static const char *const good[] = {"smtp://h", "smtps://mail.example.jp:465",
	    "smtp://127.0.0.1:25", "smtp://[::1]:25", "SMTPS://h"};
	static const char *const bad[] = {"", "h", "http://h", "smtp://", "smtp://u@h",
	    "smtp://u:p@h", "smtp://h/x", "smtp://h:0", "smtp://h:65536",
	    "smtp://h:", "smtp://h:25x", "smtp:// h", "smtp://h\n", "smtp://-h", "smtp://[::1",
	    "smtp://[x]", "smtp://h#x", "smtp://h?x"};
	static const char *const hooks[] = {
	    "https://h", "https://h/p?q=1", "http://localhost:8080/x", "http://[::1]/"};
	static const char *const no_hooks[] = {"http://h/", "http://localhost.example/",
	    "https://u@h/", "https://h@evil/", "https://h/#x", "ftp://h/", "https://h/ x",
	    "https://h\\@x/", "http://127.0.0.1.x/"};
	bool local = false;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		OK(notify_url_smtp(good[i], NULL, &e) == 0, "a mail server: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		OK(notify_url_smtp(bad[i], NULL, &e) == E_INVAL, "no mail server: %zu", i);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		OK(notify_url_hook(hooks[i], &e) == 0, "an address for notes: %s", hooks[i]);
	for (size_t i = 0; i < sizeof(no_hooks) / sizeof(*no_hooks); i++)
		OK(notify_url_hook(no_hooks[i], &e) == E_INVAL, "none: %s", no_hooks[i]);
	OK(notify_url_smtp("smtp://localhost", &local, &e) == 0 && local,
	    "without TLS to this machine");
	OK(notify_url_smtp("smtp://h", &local, &e) == 0 && !local, "never to another");
	OK(notify_url_smtp("smtps://localhost", &local, &e) == 0 && !local, "smtps is always TLS");
	EQ_I(notify_url_base("https://h:8443", &e), 0, "the console");
	EQ_I(notify_url_base("https://h/x", &e), E_INVAL, "has no path");
	EQ_I(notify_url_base("http://h", &e), E_INVAL, "and TLS");
}

static void
settings(void)
{
	struct notify_mail m, n;
	char pw[NOTIFY_PASSWORD];

	EQ_I(notify_mail_get(db, &m, &e), 0, "nothing is set");
	OK(!m.url[0] && m.nto == 0 && m.red && m.digest && m.ja, "as it begins");
	(void)snprintf(m.url, sizeof(m.url), "smtps://mail.example");
	(void)snprintf(m.from, sizeof(m.from), "a@b.example");
	(void)snprintf(m.name, sizeof(m.name), "%s", TORTURE);
	(void)snprintf(m.to[0], NOTIFY_ADDR, "in@clinic.example");
	m.nto = 1;
	EQ_I(notify_mail_set(db, &m, NOW - 30 * TIME_DAY, &e), 0, "set");
	EQ_I(notify_mail_get(db, &n, &e), 0, "read");
	OK(strcmp(n.name, TORTURE) == 0 && n.since == NOW - 30 * TIME_DAY, "as it was set");
	(void)snprintf(m.from, sizeof(m.from), "a@b\r\nBcc: c@d");
	EQ_I(notify_mail_set(db, &m, NOW, &e), E_INVAL, "no header in an address");
	(void)snprintf(m.from, sizeof(m.from), "a@b");
	(void)snprintf(m.name, sizeof(m.name), "a\nb");
	EQ_I(notify_mail_set(db, &m, NOW, &e), E_INVAL, "nor in a name");
	EQ_I(notify_password_get(&st, pw, &e), 0, "no password");
	EQ_S(pw, "", "is none");
	EQ_I(notify_password_set(&st, "pa ss", 5, &e), 0, "one is kept");
	EQ_I(notify_password_get(&st, pw, &e), 0, "and read");
	EQ_S(pw, "pa ss", "as it was");
	EQ_I(notify_password_set(&st, "a\nb", 3, &e), E_INVAL, "no line end in it");
	EQ_I(notify_password_set(&st, NULL, 0, &e), 0, "forgotten");
	EQ_I(notify_password_set(&st, NULL, 0, &e), 0, "twice is fine");
}

/* -- the outbox -------------------------------------------------------------------------------- */

static int64_t got;
static char got_id[NOTIFY_ID];

static int
on_due(const struct notify_msg *m, void *cookie, struct err *err)
{
	(void)cookie, (void)err;
	got = m->n;
	(void)snprintf(got_id, sizeof(got_id), "%s", m->id);
	OK(strcmp(m->subject, "a b") == 0 && strcmp(m->body, "x\ny ") == 0,
	    "control characters are spaces");
	return 0;
}

static int
on_count(const struct notify_msg *m, void *cookie, struct err *err)
{
	(void)m, (void)err;
	(*(int *)cookie)++;
	return 0;
}

static int
due_at(int64_t now)
{
	int n = 0;

	return notify_due(db, now, "mail", on_count, &n, &e) < 0 ? -1 : n;
}

static void
outbox(void)
{
	static const int minutes[] = {1, 5, 15, 60, 120, 240, 480, 720, 720, 720, 720, 720};
	struct notify_new n = {.way = "mail",
	    .target = "a@b",
	    .kind = "test",
	    .subject = "a\nb",
	    .body = "x\ny\r",
	    .once = "k"};
	int64_t now = NOW;
	int r = 0;

	EQ_I(notify_put(db, &n, NOW, &e), 1, "put");
	EQ_I(notify_put(db, &n, NOW, &e), 0, "not twice");
	EQ_I(due_at(NOW - 1), 0, "not yet due");
	EQ_I(notify_due(db, NOW, "mail", on_due, NULL, &e), 0, "due");
	for (int i = 0; i < NOTIFY_TRIES; i++) {
		EQ_I(notify_begin(db, got, now, &e), 0, "a try");
		r = notify_failed(db, got, now, "no\nanswer", false, &e);
		if (r < 0 || i + 1 == NOTIFY_TRIES)
			break;
		OK(notify_pause(i + 1) == minutes[i] * 60 * TIME_SEC, "the pause after try %d",
		    i + 1);
		OK(due_at(now + notify_pause(i + 1) - 1) == 0 &&
			due_at(now + notify_pause(i + 1)) == 1,
		    "and then it is due again");
		now += notify_pause(i + 1);
	}
	EQ_I(r, 1, "after the last try it is given up");
	EQ_I(due_at(now + 90 * TIME_DAY), 0, "for good");
	EQ_I(notify_again(db, got, now, &e), 0, "unless somebody wants it again");
	EQ_I(due_at(now), 1, "then it is due");
	EQ_I(notify_begin(db, got, now, &e), 0, "killed in this try");
	EQ_I(due_at(now + TIME_DAY), 1, "it is not lost");
	EQ_I(count("SELECT tries FROM outbox"), 1, "and was counted");
	EQ_I(notify_sent(db, got, now, &e), 0, "sent");
	EQ_I(due_at(now + TIME_DAY), 0, "is over");
	EQ_I(notify_again(db, got, now, &e), E_NOENT, "and cannot be sent again");
	n.body = "\xff";
	EQ_I(notify_put(db, &n, NOW, &e), E_INVAL, "only text");
	EQ_I(notify_tidy(db, now + 100 * TIME_DAY, &e), 0, "forgotten");
	EQ_I(count("SELECT count(*) FROM outbox"), 0, "after 90 days");
	n.body = "x";
	n.once = NULL;
	for (r = 0; r >= 0 && now < NOW * 2; now++)
		r = notify_put(db, &n, NOW, &e);
	EQ_I(r, E_LIMIT, "there is a limit");
	EQ_I(db_exec(db, "DELETE FROM outbox", "", &e) > 0, 1, "empty");
}

/* fill(way): NOTIFY_WAITING messages of this way, to 20 targets. */
static void
fill(const char *way)
{
	OK(db_exec(db, "WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE "
	    "i < $3) INSERT INTO outbox (id, way, target, kind, body, created, next_at, once) "
	    "SELECT $1 || i, $1, 't' || (i % 20), 'fill', 'x', $2, $2, $1 || i FROM k", "sii", &e,
	    way, NOW, (int64_t)NOTIFY_WAITING) == NOTIFY_WAITING, "a full outbox of %s", way);
}

static void
asking(void)
{
	EQ_I(notify_ask(db, 7, "a@b", "s", "b", 0, "2026-11-26", NOW, &e), 1, "a letter");
	EQ_I(notify_ask(db, 7, "a@b", "s", "b", 0, "2026-11-26", NOW, &e), 0, "once a day");
	EQ_I(db_exec(db, "UPDATE outbox SET gave_up = 5, tries = 12", "", &e), 1, "given up");
	EQ_I(notify_ask(db, 7, "a@b", "s", "b", 0, "2026-11-26", NOW + 9, &e), 1, "asked again");
	EQ_I(due_at(NOW + 9), 1, "it is tried again");
	EQ_I(count("SELECT tries FROM outbox"), 0, "from the start");
	EQ_I(db_exec(db, "UPDATE outbox SET sent = 5", "", &e), 1, "sent");
	EQ_I(notify_ask(db, 7, "a@b", "s", "b", 0, "2026-11-26", NOW, &e), 0, "then no more");
	EQ_I(db_exec(db, "DELETE FROM outbox", "", &e), 1, "empty");
}

/* -- webhooks ---------------------------------------------------------------------------------- */

static void
counted(int all, int off)
{
	int64_t n = -1, m = -1;

	OK(notify_hook_count(db, false, &n, &e) == 0 && n == all, "%d webhooks", all);
	OK(notify_hook_count(db, true, &m, &e) == 0 && m == off, "%d switched off", off);
}

static void
hooks(void)
{
	/* the example of the Standard Webhooks specification */
	static const char body[] = "{\"test\": 2432232314}";
	char sign[NOTIFY_SIGN], id[NOTIFY_ID], secret[NOTIFY_SECRET], again[NOTIFY_SIGN];
	json_t *kinds = json_pack("[s]", "alarm.raised"), *list = NULL;
	struct notify_hook h = {0};
	uint8_t key[64];
	size_t n = 0;

	EQ_I(b64_get(key, sizeof(key), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 32, &n), 0, "a key");
	EQ_I(notify_sign(
		 key, n, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, strlen(body), sign, &e),
	    0, "signing");
	EQ_S(sign,
	    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "as the specification's example");
	EQ_I(notify_hook_add(
		 db, &st, "http://localhost/", "", NULL, false, "a", NOW, id, secret, &e),
	    E_INVAL, "this machine must be allowed on purpose");
	EQ_I(notify_hook_add(db, &st, "https://h/", "a\nb", NULL, false, "a", NOW, id, secret, &e),
	    E_INVAL, "a name is one line");
	EQ_I(
	    notify_hook_add(db, &st, "https://h/", TORTURE, kinds, false, "a", NOW, id, secret, &e),
	    0, "added");
	EQ_I(notify_hook_sign(db, &st, id, "m", 1, "x", 1, sign, &e), 0,
	    "signed with the sealed key");
	EQ_I(b64_get(key, sizeof(key), secret + 6, strlen(secret + 6), &n), 0,
	    "the key that was shown");
	EQ_I(notify_sign(key, n, "m", 1, "x", 1, again, &e), 0, "signs");
	EQ_S(sign, again, "the same");
	EQ_I(notify_hook_event(db, "drill.result", json_object(), NULL, "a", NOW, &e), 0,
	    "not wanted");
	EQ_I(count("SELECT count(*) FROM outbox"), 0, "not put");
	EQ_I(notify_hook_event(db, "alarm.raised", json_object(), NULL, "a", NOW, &e), 0, "wanted");
	EQ_I(notify_hook_event(db, "alarm.raised", json_object(), NULL, "a", NOW, &e), 0, "again");
	EQ_I(count("SELECT count(*) FROM outbox"), 1, "put once");
	EQ_I(notify_hook_off(db, id, NOW, "no answer", &e), 0, "switched off");
	EQ_I(notify_hook_event(db, "alarm.raised", json_object(), NULL, "b", NOW, &e), 0, "then");
	EQ_I(count("SELECT count(*) FROM outbox"), 1, "nothing more is put");
	EQ_I(notify_hook_get(db, id, &h, &e), 0, "it can be looked at");
	EQ_S(h.name, TORTURE, "its name");
	counted(1, 1);
	EQ_I(notify_hook_test(db, id, NOW, &e), 0, "a test is put");
	EQ_I(count("SELECT count(*) FROM outbox WHERE kind = 'test' AND way = 'hook' AND "
		   "body LIKE '{\"type\":\"test\",\"timestamp\":\"2026-%\",\"data\":{}}'"),
	    1, "as the manual says");
	notify_hook_free(&h);
	EQ_I(notify_hook_revoke(db, id, NOW, &e), 0, "revoked");
	EQ_I(notify_hook_get(db, id, &h, &e), E_NOENT, "it is gone");
	EQ_I(notify_hook_test(db, id, NOW, &e), E_NOENT, "and not tested");
	counted(0, 0);
	OK(notify_hook_sign(db, &st, id, "m", 1, "x", 1, sign, &e) < 0, "its key, too");
	EQ_I(notify_hook_list(db, &list, &e), 0, "the list");
	EQ_I(json_array_size(list), 0, "is empty");
	json_decref(list);
	json_array_append_new(kinds, json_string("no.event"));
	EQ_I(notify_hook_add(db, &st, "https://h/", "", kinds, false, "a", NOW, id, secret, &e),
	    E_INVAL, "no such event");
	json_decref(kinds);
}

/* -- alarms ------------------------------------------------------------------------------------ */

static void
say(const char *check, const char *id, enum fact_outcome o, enum fact_by by, int64_t at)
{
	struct fact f;

	if (fact_fill(&f, "test", check, "system", id, o, at, &e) < 0 ||
	    (f.by = by, facts_add(fs, &f, at, NULL, &e)) < 0)
		OK(false, "the test's own fact: %s", e.msg);
	fact_free(&f);
}

static void
watch(void)
{
	int64_t now = NOW;

	OK(db_exec(db, "DELETE FROM outbox", "", &e) >= 0, "empty");
	say("vault.generation.age", "emr", FACT_PASS, FACT_MEASURED, now);
	say("vault.scrub", "emr", FACT_FAIL, FACT_DECLARED, now);
	say("register.next.overdue", "all", FACT_FAIL, FACT_MEASURED, now);
	EQ_I(notify_watch(db, fs, now, &e), 0, "look");
	EQ_I(count("SELECT count(*) FROM alarms"), 0,
	    "what is said, and what takes weeks, is no alarm");
	now += TIME_DAY;
	say("vault.restore.drill", "emr", FACT_FAIL, FACT_MEASURED, now);
	EQ_I(notify_watch(db, fs, now, &e), 0, "a drill that failed");
	EQ_I(count("SELECT count(*) FROM alarms WHERE cleared = 0 AND why = 'fail'"), 1, "is one");
	EQ_I(count("SELECT count(*) FROM outbox WHERE kind = 'state.red'"), 1, "told by mail");
	EQ_I(notify_watch(db, fs, now + 1, &e), 0, "again");
	EQ_I(count("SELECT count(*) FROM outbox"), 1, "once");
	say("vault.restore.drill", "emr", FACT_PASS, FACT_MEASURED, now + 2);
	EQ_I(notify_watch(db, fs, now + 3, &e), 0, "over");
	EQ_I(count("SELECT count(*) FROM outbox WHERE kind = 'state.over'"), 1, "told, too");
	say("vault.restore.drill", "emr", FACT_FAIL, FACT_MEASURED, now + 4);
	EQ_I(notify_watch(db, fs, now + 5, &e), 0, "once more");
	EQ_I(count("SELECT count(*) FROM outbox"), 2, "is not told within a day");
	EQ_I(notify_watch(db, fs, now + TIME_DAY + 6, &e), 0, "still so a day later");
	EQ_I(count("SELECT count(*) FROM outbox"), 3, "is told");
	now += TIME_DAY + 10 * TIME_SEC;
	EQ_I(notify_watch(db, fs, now, &e), 0, "no copy for two days");
	EQ_I(count("SELECT count(*) FROM alarms WHERE why = 'stale' AND cleared = 0"), 1,
	    "is an alarm");
	EQ_I(count("SELECT count(*) FROM outbox"), 3, "told after two hours");
	EQ_I(notify_watch(db, fs, now + 7300 * TIME_SEC, &e), 0, "two hours later");
	EQ_I(count("SELECT count(*) FROM outbox"), 4, "told");
	say("vault.generation.age", "emr", FACT_ERROR, FACT_MEASURED, now + 7301 * TIME_SEC);
	EQ_I(notify_watch(db, fs, now + 7302 * TIME_SEC, &e), 0, "a copy that could not be made");
	EQ_I(count("SELECT count(*) FROM alarms WHERE why = 'stale' AND cleared = 0"), 1,
	    "does not mend it");
	now += TIME_DAY;
	say("vault.generation.missed", "pacs", FACT_FAIL, FACT_MEASURED, now);
	EQ_I(notify_watch(db, fs, now, &e), 0, "a copy that was missed");
	EQ_I(count("SELECT count(*) FROM alarms WHERE why = 'missed' AND cleared = 0"), 1,
	    "is an alarm");
	say("vault.generation.age", "pacs", FACT_PASS, FACT_MEASURED, now + 1);
	EQ_I(notify_watch(db, fs, now + 2, &e), 0, "made up at once");
	EQ_I(count("SELECT count(*) FROM alarms WHERE why = 'missed' AND cleared = 0"), 0,
	    "it is over");
	EQ_I(count("SELECT count(*) FROM alarms WHERE why = 'missed' AND told > 0"), 0,
	    "and nobody was told");
}

/* One way that is full does not shut up the other, and what could not be put is told later. */
static void
full(void)
{
	int64_t now = NOW + 20 * TIME_DAY;

	OK(db_exec(db, "DELETE FROM outbox", "", &e) >= 0, "empty");
	fill("hook");
	say("vault.scrub", "full", FACT_FAIL, FACT_MEASURED, now);
	EQ_I(notify_watch(db, fs, now, &e), 0, "red while no webhook answers");
	EQ_I(count("SELECT count(*) FROM outbox WHERE way = 'mail' AND kind = 'state.red'"), 1,
	    "is told by mail");
	EQ_I(count("SELECT told FROM alarms WHERE subject = 'full' AND cleared = 0"), 1, "told");
	OK(db_exec(db, "DELETE FROM outbox", "", &e) >= 0, "empty");
	fill("mail");
	say("vault.scrub", "more", FACT_FAIL, FACT_MEASURED, now + 1);
	EQ_I(notify_watch(db, fs, now + 2, &e), 0, "red while no mail goes out");
	EQ_I(count("SELECT told FROM alarms WHERE subject = 'more' AND cleared = 0"), 0,
	    "is not told yet");
	OK(db_exec(db, "DELETE FROM outbox", "", &e) > 0, "empty again");
	EQ_I(notify_watch(db, fs, now + 3, &e), 0, "then");
	EQ_I(count("SELECT count(*) FROM outbox WHERE kind = 'state.red'"), 1, "it is put");
	EQ_I(count("SELECT told FROM alarms WHERE subject = 'more' AND cleared = 0"), 1,
	    "and told");
	OK(db_exec(db, "DELETE FROM outbox", "", &e) > 0, "empty for the rest");
}

static void
many_findings(void)
{
	char id[NOTIFY_ID], secret[NOTIFY_SECRET];
	json_t *kinds = json_pack("[s]", "finding.opened");
	int64_t now = NOW + 40 * TIME_DAY;

	EQ_I(notify_watch(db, NULL, now, &e), 0, "a look before");
	EQ_I(notify_hook_add(db, &st, "https://h/", "", kinds, false, "a", now, id, secret, &e), 0,
	    "a webhook for findings");
	json_decref(kinds);
	EQ_I(db_exec(db, "WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE "
	    "i < 250) INSERT INTO guide_findings (title, severity, state, due, at, who) "
	    "SELECT 'f', 2, 'open', '', 1, 'a' FROM k", "", &e), 250, "250 findings at once");
	EQ_I(notify_watch(db, NULL, now, &e), 0, "look");
	EQ_I(count("SELECT count(*) FROM outbox WHERE kind = 'finding.opened'"), 250,
	    "each is told");
}

/* Titles of any length, cut where they must be, stay text. */
static void
long_titles(void)
{
	static const char kana[] = "あいうえおかきくけこさしすせそたちつてとなにぬねの"
				   "はひふへほまみむめもやゆよらりるれろわをんがぎぐげござじず"; /* 60 */
	struct buf b;
	struct notify_mail m;
	json_t *list = NULL, *v;
	char title[1200] = "";
	size_t i, bad = 0;

	for (i = 0; i < 6; i++)
		(void)snprintf(title + strlen(title), sizeof(title) - strlen(title), "%s", kana);
	OK(db_exec(db, "INSERT INTO guide_findings (title, severity, state, due, at, who) VALUES "
	    "($1, 2, 'open', '2026-11-28', 1, 'a'), ($2, 2, 'open', '2026-11-29', 1, 'a')", "ss",
	    &e, kana, title) == 2, "long titles");
	EQ_I(notify_mail_get(db, &m, &e), 0, "settings");
	buf_init(&b, NOTIFY_BODY);
	EQ_I(notify_digest(db, fs, &m, NOW, &b, &e), 0, "the week's words");
	OK(utf8_ok(b.p, b.len), "are text");
	OK(strstr(buf_cstr(&b, &e), "2026-11-28  改善の計画: あいう"), "with the title");
	buf_free(&b);
	EQ_I(notify_dates(db, "2026-11-01", "2026-12-31", true, &list, &e), 0, "the calendar");
	json_array_foreach(list, i, v)
		bad += !json_string_value(json_object_get(v, "title"));
	OK(json_array_size(list) >= 2 && bad == 0, "has them, too");
	json_decref(list);
	OK(db_exec(db, "DELETE FROM outbox", "", &e) >= 0, "empty");
	EQ_I(notify_weekly(db, fs, NOW + TIME_SEC, &e), 1, "and the page is put");
}

static void
weekly(void)
{
	struct buf b;
	struct notify_mail m;
	char day[11];
	int64_t mon;
	size_t lines = 0;

	mon = notify_week(NOW, day);
	EQ_S(day, "2026-11-23", "Monday of a Thursday");
	OK(notify_week(mon - 1, day) == mon - 7 * TIME_DAY && strcmp(day, "2026-11-16") == 0,
	    "a moment before half past eight it is last week");
	EQ_I(notify_week(mon, day) == mon, 1, "then this");
	EQ_I(notify_weekly(db, fs, NOW, &e), 1, "the weekly page is put");
	EQ_I(notify_weekly(db, fs, NOW + 1, &e), 0, "once");
	EQ_I(notify_weekly(db, fs, NOW + 7 * TIME_DAY, &e), 1, "a week later another");
	OK(db_exec(db,
	       "INSERT INTO guide_findings (title, severity, state, due, at, who) VALUES ($1, 2, "
	       "'open', '2026-11-30', 1, 'a'), ('old', 2, 'open', '2026-01-01', 1, 'a')",
	       "s", &e, TORTURE) == 2,
	    "what is due");
	EQ_I(notify_mail_get(db, &m, &e), 0, "settings");
	buf_init(&b, NOTIFY_BODY);
	EQ_I(notify_digest(db, fs, &m, NOW, &b, &e), 0, "its words");
	OK(strstr(buf_cstr(&b, &e), "2026-11-30  改善の計画: " TORTURE), "due soon");
	OK(strstr((const char *)b.p, "2026-01-01  改善の計画: old"), "overdue");
	for (size_t i = 0; i < b.len; i++)
		lines += b.p[i] == '\n';
	OK(lines <= 40, "on one screen: %zu lines", lines);
	buf_free(&b);
}

int
main(void)
{
	char url[200];
	const struct db_step *steps;
	size_t n;

	(void)setenv("TZ", "JST-9", 1);
	tzset();
	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", dir);
	steps = db_steps(&n);
	if (db_open(url, &db, &e) < 0 || db_migrate(db, steps, n, 1, &e) < 0 ||
	    state_open(fio_os(), dir, false, &st, &e) < 0 ||
	    facts_open(&st, true, NOW - TIME_DAY, &fs, &e) < 0) {
		printf("# %s\n", e.msg);
		return 1;
	}
	addresses();
	settings();
	outbox();
	asking();
	hooks();
	watch();
	full();
	weekly();
	long_titles();
	many_findings();
	facts_close(fs);
	state_close(&st);
	db_close(db);
	(void)snprintf(url, sizeof(url), "rm -rf %s", dir);
	return tap_done() + (system(url) != 0); /* allow: the test's own folder */
}
