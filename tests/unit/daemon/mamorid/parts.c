/* The parts of mamorid that are functions: command lines, the runner's table, languages, the page,
 * the judgement of age, the sealing of rows. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "mamorid/mamorid.h"
#include "mamorid/model.h"
#include "mamorid/allow.h"
#include "mamorid/seal.h"
#include "tap.h"

static char dir[] = "/tmp/mamori-parts-XXXXXX";

/* jobs.c logs; here nobody listens. */
void
mamorid_log(int level, const char *fmt, ...)
{
	(void)level, (void)fmt;
}

static char *
line(const struct sched_run *run)
{
	json_t *a = jobs_argv(run), *v;
	static char text[2048];
	size_t i;

	text[0] = 0;
	json_array_foreach(a, i, v)(void) snprintf(text + strlen(text), sizeof(text) - strlen(text),
	    "%s%s", i ? " " : "", json_string_value(v));
	OK(allow_argv("/state", a), "the runner may start: %s", text);
	json_decref(a);
	return text;
}

static void
test_argv(void)
{
	char paths[] = "[\"/data/電子カルテ\",\"/data/b c\"]";
	struct sched_run r = {.kind = "backup", .system = "ssmix2", .repo = "/v", .key_file = "/k",
	    .paths = paths};

	EQ_S(line(&r), "vault backup /v /data/電子カルテ /data/b c --name ssmix2", "a copy");
	(void)snprintf(r.kind, sizeof(r.kind), "verify");
	EQ_S(line(&r), "vault verify /v", "the check without a key is given none");
	(void)snprintf(r.kind, sizeof(r.kind), "verify-deep");
	EQ_S(line(&r), "vault verify /v --data --key /k", "the deep one");
	(void)snprintf(r.kind, sizeof(r.kind), "vault-clock");
	EQ_S(line(&r), "vault clock", "the clock");
	(void)snprintf(r.kind, sizeof(r.kind), "disk-check");
	EQ_S(line(&r), "vault disk check", "the disks");
	(void)snprintf(r.kind, sizeof(r.kind), "drill-files");
	EQ_S(line(&r), "drill restore --repo /v --key /k --files 20", "the drill of files");
	(void)snprintf(r.kind, sizeof(r.kind), "drill-system");
	EQ_S(line(&r), "drill restore --repo /v --key /k --system ssmix2", "the drill of a system");
}

static void
test_allowed(void)
{
	static const char *const bad[] = {"[]", "[\"vault\"]", "{}", "null",
	    "[\"vault\",\"prune\"]", "[\"vault\",\"prune\",\"/v\",\"--key\",\"/k\"]",
	    "[\"vault\",\"prune\",\"/v\",\"--approver-key\",\"/stick/key\"]",
	    "[\"vault\",\"prune\",\"/v\",\"--approver-key\",\"/state/keys/facts.key\"]",
	    "[\"vault\",\"accept\",\"/v\",\"1\",\"--key\",\"/k\"]",
	    "[\"vault\",\"disk\",\"add\",\"/d\"]", "[\"vault\",\"policy\",\"/v\"]",
	    "[\"vault\",\"backup\",\"/v\",\"--exec\",\"x\"]",
	    "[\"vault\",\"backup\",1]", "[\"vault\",\"backup\",\"-x\"]", "[\"up\",\"backup\"]",
	    "[\"drill\",\"ransomware\"]", "[\"vault\",\"backup\",\"/v\"]",
	    "[\"vault\",\"backup\",\"v\",\"/a\"]", "[\"vault\",\"backup\",\"/v\",\"a\"]",
	    "[\"vault\",\"backup\",\"/v\",\"/state/keys\"]",
	    "[\"vault\",\"backup\",\"/v\",\"/a/../state/keys\"]",
	    "[\"vault\",\"backup\",\"/v\",\"/a\",\"--name\"]",
	    "[\"vault\",\"backup\",\"/v\",\"/a\",\"--name\",\"-x\"]",
	    "[\"vault\",\"backup\",\"/v\",\"/a\\nb\"]",
	    "[\"vault\",\"verify\",\"/v\",\"/w\"]",
	    "[\"vault\",\"verify\",\"/v\",\"--key\",\"/state/keys/facts.key\"]",
	    "[\"vault\",\"restore\",\"/v\",\"1\",\"--to\",\"/state\"]",
	    "[\"vault\",\"restore\",\"/v\",\"1\",\"--to\",\"/state/keys\"]",
	    "[\"vault\",\"restore\",\"/v\",\"1\",\"--to\",\"/state/spool/../keys\"]",
	    "[\"vault\",\"restore\",\"/v\",\"1\",\"--to\",\"x\"]",
	    "[\"vault\",\"restore\",\"/v\"]", "[\"vault\",\"ls\",\"http://x\",\"1\"]",
	    "[\"report\",\"render\",\"/etc/passwd\",\"--pdf\",\"/state/spool/a\"]",
	    "[\"report\",\"render\",\"/state/spool/a\",\"--pdf\",\"/state/spool/../x\"]",
	    "[\"report\",\"render\",\"/state/spool/a\",\"--pdf\",\"/state/spool/a/b\"]",
	    "[\"register\",\"import\",\"../x\",\"/state/spool/a\"]",
	    "[\"register\",\"import\",\"device\",\"/state/spool/a\","
	    "\"--columns\",\"/etc/passwd\"]",
	    "[\"register\",\"import\",\"device\",\"/state/spool/a\",\"--columns\"]",
	    "[\"register\",\"import\",\"device\",\"/state/spool/a\",\"--map\",\"a=b\"]",
	    "[\"identity\",\"check\",\"x\"]", "[\"account\",\"add\"]", "[\"vault\",\"serve\"]",
	    "[\"notify\",\"set\"]", "[\"notify\",\"test\",\"--to\",\"a@b\"]",
	    "[\"drill\",\"restore\",\"--files\",\"1e9\"]",
	    "[\"drill\",\"restore\",\"--files\",\"9999999999\"]",
	    "[\"vault\",\"prune\",\"/v\"]", "[\"vault\",\"prune\",\"/v\",\"--policy\",\"w\"]",
	    "[\"vault\",\"prune\",\"/v\",\"--policy\",\"w\",\"--approver-key\",\"/state/spool/u\"]",
	    "[\"vault\",\"prune\",\"/v\",\"--policy\",\"w\",\"--request\",\"7\"]",
	    "[\"vault\",\"prune\",\"/v\",\"--request\",\"7\",\"--by\",\"tanaka\"]",
	    "[\"vault\",\"prune\",\"/v\",\"--cancel\",\"--policy\",\"w\",\"--request\",\"7\","
	    "\"--approver-key\",\"/state/spool/u\"]",
	    "[\"vault\",\"accept\",\"/v\",\"1\",\"--approver-key\",\"/state/spool/u\","
	    "\"--passphrase-file\",\"/etc/shadow\"]",
	    "[\"vault\",\"prune\",\"/v\",\"--cancel\",\"--passphrase-file\",\"/state/spool/u\"]"};
	static const char *const good[] = {
	    "[\"notify\",\"send\"]", "[\"notify\",\"test\"]",
	    "[\"vault\",\"backup\",\"/v\",\"/state/practice/ssmix2\"]",
	    "[\"vault\",\"backup\",\"/v\",\"/a\",\"/b c\"]",
	    "[\"vault\",\"backup\",\"mamori://h/x\",\"/a\",\"--name\",\"髙橋\"]",
	    "[\"vault\",\"state\",\"/v\"]", "[\"vault\",\"disk\",\"list\"]",
	    "[\"vault\",\"prune\",\"/v\",\"--cancel\",\"--by\",\"tanaka\",\"--request\",\"7\"]",
	    "[\"vault\",\"prune\",\"/v\",\"--cancel\"]",
	    "[\"vault\",\"prune\",\"/v\",\"--policy\",\"w\",\"--request\",\"7\","
	    "\"--approver-key\",\"/state/spool/u\",\"--by\",\"tanaka\"]",
	    "[\"vault\",\"accept\",\"/v\",\"00ff\",\"--approver-key\",\"/state/spool/up-1\"]",
	    "[\"vault\",\"accept\",\"/v\",\"00ff\",\"--approver-key\",\"/state/spool/up-1\","
	    "\"--passphrase-file\",\"/state/spool/up-2\"]",
	    "[\"vault\",\"ls\",\"/v\",\"latest\"]", "[\"vault\",\"ls\",\"/v\",\"1\",\"葛󠄀/x\"]",
	    "[\"vault\",\"restore\",\"/v\",\"1\",\"--to\",\"/srv/back\",\"--path\",\"a\"]",
	    "[\"vault\",\"restore\",\"/v\",\"1\",\"--to\",\"/state/restored/x\"]",
	    "[\"vault\",\"verify\",\"/v\",\"--key\",\"/state/recovery-key.txt\"]",
	    "[\"report\",\"render\",\"/state/spool/a.json\",\"--pdf\",\"/state/spool/b.pdf\"]",
	    "[\"vault\",\"clock\"]", "[\"vault\",\"disk\",\"check\"]",
	    "[\"register\",\"check\"]",
	    "[\"register\",\"import\",\"device\",\"/state/spool/up-1\",\"--columns\","
	    "\"/state/spool/up-2\",\"--remember\",\"--dry-run\"]"};
	int wrong = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *a = json_loads(bad[i], JSON_DECODE_ANY, NULL);

		if (allow_argv("/state", a)) {
			wrong++;
			printf("# allowed: %s\n", bad[i]);
		}
		json_decref(a);
	}
	EQ_I(wrong, 0, "the runner starts nothing outside its table");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		json_t *a = json_loads(good[i], JSON_DECODE_ANY, NULL);

		OK(allow_argv("/state", a), "allowed: %s", good[i]);
		json_decref(a);
	}
}

static void
test_language(void)
{
	OK(web_lang_ja(NULL, NULL) && web_lang_ja(NULL, "") && web_lang_ja(NULL, "fr,de;q=0.5"),
	    "Japanese unless asked otherwise");
	OK(!web_lang_ja(NULL, "en-US,en;q=0.9,ja;q=0.8"), "the browser's first language");
	OK(web_lang_ja(NULL, "fr, ja;q=0.5, en;q=0.4"), "the first of the two that we speak");
	OK(!web_lang_ja("en", "ja") && web_lang_ja("ja", "en"), "the switch wins");
	OK(web_lang_ja("xx", NULL) && web_lang_ja(NULL, "jam, eng"),
	    "other words are not languages");
}

/* --- judgement ------------------------------------------------------------------------------ */

static int64_t
now_at(const char *text)
{
	int64_t v = 0;

	if (time_get(text, &v, NULL) < 0)
		abort();
	return v;
}

static struct db *
records(int64_t now)
{
	char url[128];
	struct db *db = NULL;
	size_t n;
	const struct db_step *steps = db_steps(&n);

	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", dir);
	if (db_open(url, &db, NULL) < 0 || db_migrate(db, steps, n, now, NULL) < 0)
		abort();
	return db;
}

static void
run_row(struct db *db, const char *job, const char *outcome, int64_t ended, const char *result)
{
	struct err e = {0};

	if (db_exec(db, "INSERT INTO job_runs (job, due, started, ended, outcome, subject, result, "
	        "message) VALUES ($1, $2, $2, $2, $3, 'ssmix2', $4, 'a <b> & \"c\" 髙橋')", "siss",
	        &e, job, ended, outcome, result) != 1) {
		printf("# %s\n", e.msg);
		abort();
	}
}

static struct item
item_of(struct db *db, const char *job, int64_t now)
{
	struct item t = {.light = LIGHT_GREEN};
	struct model m;

	if (model_make(db, NULL, now, &m, NULL) < 0)
		abort();
	for (size_t i = 0; i < m.nitems; i++)
		if (strcmp(m.items[i].job, job) == 0)
			t = m.items[i];
	model_free(&m);
	return t;
}

static bool
is(struct db *db, int64_t now, enum light l, enum reason w)
{
	struct item t = item_of(db, "backup:ssmix2", now);

	if (t.light != l || t.why != w)
		printf("# got %s, reason %d\n", light_name(t.light), (int)t.why);
	return t.light == l && t.why == w;
}

static void
test_judge(struct db *db, int64_t now)
{
	const int64_t hour = 3600 * TIME_SEC;
	struct model m;

	OK(model_make(db, NULL, now, &m, NULL) == 0 && m.overall == LIGHT_GREY && m.nitems == 0,
	    "nothing registered is grey, not green");
	model_free(&m);
	if (db_exec(db, "INSERT INTO places (id, repo, name_ja, name_en, at) VALUES ('p', '/v', "
	        "'保管庫', 'vault', 1)", "", NULL) != 1 || sched_add_place(db, now, "p", false, NULL) < 0 ||
	    db_exec(db, "INSERT INTO systems (id, name_ja, name_en, kind, paths, place, at) VALUES "
	        "('ssmix2', '<script>髙橋', 'x\"&', 'chart', '[]', 'p', 1)", "", NULL) != 1 ||
	    sched_add_system(db, now, "ssmix2", "p", NULL) < 0)
		abort();
	OK(is(db, now, LIGHT_GREY, WHY_NEVER), "never copied: not known");
	OK(item_of(db, "", now).why == WHY_NO_KEY, "no drills without a key: said so");
	run_row(db, "backup:ssmix2", "error", now, NULL);
	OK(is(db, now, LIGHT_RED, WHY_ERROR), "the first copy failed");
	run_row(
	    db, "backup:ssmix2", "pass", now, "{\"files\":7,\"bytes\":2000,\"generation\":\"g1\"}");
	OK(is(db, now + hour, LIGHT_GREEN, WHY_FRESH), "a recent copy");
	OK(is(db, now + 26 * hour, LIGHT_GREEN, WHY_FRESH), "a day and a little");
	OK(is(db, now + 28 * hour, LIGHT_YELLOW, WHY_LATE), "more than a day");
	OK(is(db, now + 52 * hour, LIGHT_RED, WHY_STALE), "more than two days");
	OK(is(db, now - 2 * hour, LIGHT_RED, WHY_STALE), "a copy from the future is not believed");
	run_row(db, "backup:ssmix2", "missed", now, NULL);
	OK(is(db, now + hour, LIGHT_GREEN, WHY_FRESH),
	    "a missed run before a fresh copy changes nothing");
	run_row(db, "backup:ssmix2", "error", now + hour, NULL);
	OK(is(db, now + 2 * hour, LIGHT_YELLOW, WHY_ERROR),
	    "an error while the last copy is fresh");
	run_row(db, "backup:ssmix2", "fail", now + hour, NULL);
	OK(is(db, now + 2 * hour, LIGHT_RED, WHY_FAILED), "the answer no is red at once");
}

/* --- sealing -------------------------------------------------------------------------------- */

struct seen {
	unsigned n, missed, fail, jump;
};

static int
on_fact(const struct fact *f, void *cookie, struct err *e)
{
	struct seen *s = cookie;

	(void)e;
	s->n++;
	s->missed += strcmp(f->check, "vault.generation.missed") == 0 && f->outcome == FACT_FAIL;
	s->fail += strcmp(f->check, "vault.generation.age") == 0 && f->outcome == FACT_FAIL;
	s->jump += strcmp(f->check, "host.clock.jump") == 0;
	return 0;
}

static void
test_seal(struct db *db, int64_t now)
{
	const struct facts_filter any = {0};
	struct facts *fs = NULL;
	struct seen s = {0};
	struct state st;
	struct err e = {0};
	int64_t rows = 0;

	(void)!db_i64(db, "SELECT count(*) FROM job_runs", &rows, "", NULL);
	(void)!db_exec(db,
	    "INSERT INTO events (at, kind, subject, detail) VALUES ($1, 'clock.jump', "
	    "'host', '{\"seconds\":900}')",
	    "i", NULL, now);
	OK(state_open(fio_os(), dir, true, &st, &e) == 0 &&
	        facts_open(&st, true, now, &fs, &e) == 0, "a ledger of facts");
	EQ_I(seal_pending(db, fs, "box", now, &e), rows + 1, "every row becomes a fact");
	EQ_I(seal_pending(db, fs, "box", now, &e), 0, "and only once");
	OK(facts_each(fs, &any, on_fact, &s, NULL, &e) == 0 && s.n == (unsigned)rows + 1,
	    "they are in the ledger");
	EQ_I(s.missed, 1, "a missed run has its own check");
	EQ_I(s.fail, 1, "a failed one too");
	EQ_I(s.jump, 1, "and the clock");
	run_row(db, "backup:ssmix2", "pass", now, "not json");
	EQ_I(seal_pending(db, fs, "box", now, &e), 1,
	    "a result that is no JSON does not hold up the rest");
	facts_close(fs);
	state_close(&st);
}

int
main(void)
{
	int64_t now;
	struct db *db;

	(void)setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	now = now_at("2026-11-22T10:00:00+09:00");
	if (!mkdtemp(dir))
		abort();
	db = records(now);
	test_argv();
	test_allowed();
	test_language();
	test_judge(db, now);
	test_seal(db, now);
	db_close(db);
	if (fork() == 0)
		(void)execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
	return tap_done();
}
