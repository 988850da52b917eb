/* Many records from one form: all or none, twice is once, nobody's change is lost. */
#include "register/register.h"

#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

#define TORTURE "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～"

static struct db *db;
static const struct register_who who = {.who = "acc-1", .today = "2026-11-26",
    .now = INT64_C(1764000000000000)};
static json_t *ids, *problems;
static struct err e;
static int afters;

static int
after(struct db *d, void *cookie, struct err *er)
{
	(void)d;
	afters++;
	return cookie ? err_set(er, E_NOSPC, "no") : 0;
}

/* batch(text, fail): The result of saving the items in ${text}. */
static int
batch(const char *text, bool fail)
{
	json_t *items = json_loads(text, 0, NULL);
	int r;

	json_decref(problems);
	json_decref(ids);
	ids = json_array();
	r = items
	    ? register_batch(db, items, &who, after, fail ? &afters : NULL, ids, &problems, &e)
	    : -999;
	json_decref(items);
	return r;
}

static int64_t
count(const char *kind)
{
	int64_t n = -1;

	(void)!db_i64(db, "SELECT count(*) FROM records WHERE kind = $1", &n, "s", NULL, kind);
	return n;
}

static const char *
value(const char *kind, const char *id, const char *key)
{
	static char out[2000];
	json_t *rec = NULL;

	out[0] = 0;
	if (register_get(db, register_kind(kind), id, &rec, NULL) == 0)
		(void)snprintf(out, sizeof(out), "%s", json_string_value(json_object_get(
		    json_object_get(rec, "values"), key)) ? json_string_value(json_object_get(
		    json_object_get(rec, "values"), key)) : "");
	json_decref(rec);
	return out;
}

#define PEOPLE \
	"[{\"kind\":\"person\",\"same\":[],\"values\":{\"name\":\"" TORTURE \
	"\",\"category\":\"statutory\"}}," \
	"{\"kind\":\"person\",\"same\":[],\"values\":{\"name\":\"田中\",\"category\":\"employee\"}}," \
	"{\"kind\":\"person\",\"same\":[],\"values\":{\"name\":\"田中\",\"category\":\"employee\"}}," \
	"{\"kind\":\"facility\",\"values\":{\"name\":\"医院\",\"director\":\"@0\",\"security_manager\":\"@1\"}}]"

static void
test_new(void)
{
	EQ_I(batch(PEOPLE, true), E_NOSPC, "the end of the transaction fails");
	EQ_I(count("person"), 0, "then nothing is there");
	EQ_I(batch(PEOPLE, false), 0, "four records");
	EQ_I(count("person"), 3, "two of one name are two");
	EQ_S(value("person", "per-0001", "name"), TORTURE, "the name, exactly");
	EQ_S(value("facility", "main", "director"), "per-0001", "one refers to another");
	EQ_S(value("facility", "main", "security_manager"), "per-0002", "each to its own");
	EQ_I(batch(PEOPLE, false), 0, "the same once more");
	EQ_I(count("person"), 3, "is not there twice");
	EQ_S(json_string_value(json_array_get(ids, 2)), "per-0003", "and is known again");
	EQ_I(batch("[{\"kind\":\"person\",\"values\":{\"name\":\"@0\",\"category\":\"third\"}}]",
		 false),
	    0, "a name that looks like a reference");
	EQ_S(value("person", "per-0004", "name"), "@0", "is a name");
	EQ_I(
	    batch("[{\"kind\":\"contract\",\"values\":{\"name\":\"x\",\"vendor\":\"@7\"}}]", false),
	    E_INVAL, "a reference to what comes later");
	EQ_I(batch("[{\"kind\":\"nothing\",\"values\":{}}]", false), E_NOENT, "no such register");
}

static void
test_wrong(void)
{
	EQ_I(
	    batch("[{\"kind\":\"person\",\"values\":{\"name\":\"良い\",\"category\":\"employee\"}},"
		  "{\"kind\":\"person\",\"values\":{\"name\":\"\",\"category\":\"nobody\"}}]",
		false),
	    E_INVAL, "one of two is wrong");
	EQ_I(count("person"), 4, "neither is kept");
	EQ_I(json_array_size(problems), 2, "both faults are named");
	EQ_I(json_integer_value(json_object_get(json_array_get(problems, 0), "item")), 1,
	    "with the item");
	afters = 0;
	(void)batch("[{\"kind\":\"person\",\"values\":{\"name\":\"\"}}]", false);
	EQ_I(afters, 0, "what ends the transaction is not reached");
}

static void
test_change(void)
{
	EQ_I(batch("[{\"kind\":\"person\",\"id\":\"per-0002\",\"rev\":1,\"values\":{\"name\":\"田中\",\"job\":\"nurse\"}}]", false), 0,
	    "a change");
	EQ_S(value("person", "per-0002", "job"), "nurse", "is there");
	EQ_I(batch("[{\"kind\":\"person\",\"id\":\"per-0002\",\"rev\":1,\"values\":{\"name\":\"田中\",\"job\":\"nurse\"}}]", false), 0,
	    "the old form sent again");
	EQ_I(batch("[{\"kind\":\"person\",\"id\":\"per-0002\",\"rev\":1,\"values\":{\"name\":\"中田\",\"job\":\"\"}}]", false), 0,
	    "from an old form another field");
	EQ_S(value("person", "per-0002", "job"), "nurse", "leaves the newer one alone");
	EQ_S(value("person", "per-0002", "name"), "中田", "and changes its own");
	EQ_I(batch("[{\"kind\":\"person\",\"id\":\"per-0002\",\"rev\":1,"
	    "\"values\":{\"job\":\"clerk\"}}]", false), E_BUSY, "the same field from an old form");
	EQ_S(json_string_value(json_object_get(json_array_get(problems, 0), "code")), "changed",
	    "is told");
	EQ_S(value("person", "per-0002", "job"), "nurse", "and not done");
	EQ_I(batch("[{\"kind\":\"person\",\"id\":\"per-0002\",\"fill\":true,\"values\":{\"name\":\"別\",\"phone\":\"０３-1\"}}]", false), 0,
	    "filling gaps");
	EQ_S(value("person", "per-0002", "phone"), "03-1", "fills what is empty");
	EQ_S(value("person", "per-0002", "name"), "中田", "and nothing else");
	EQ_I(
	    batch(
		"[{\"kind\":\"person\",\"id\":\"per-9999\",\"rev\":1,\"values\":{\"name\":\"x\"}}]",
		false),
	    E_NOENT, "no such record");
	EQ_I(batch("[{\"kind\":\"facility\",\"values\":{\"name\":\"改名\"}}]", false), 0, "the only one of its kind");
	EQ_S(value("facility", "main", "director"), "per-0001", "is changed, not replaced");
}

static void
test_many(void)
{
	json_t *items = json_array(), *p = NULL, *out = json_array();

	for (int i = 0; i <= REGISTER_BATCH; i++)
		(void)json_array_append_new(items, json_pack("{s:s, s:{s:s}}", "kind", "vendor",
		    "values", "name", "x"));
	EQ_I(register_batch(db, items, &who, NULL, NULL, out, &p, &e), E_LIMIT, "there is a limit");
	json_decref(items);
	json_decref(out);
}

int
main(void)
{
	char dir[] = "/tmp/mamori-batch-XXXXXX", url[100];
	const struct db_step *steps;
	size_t n;

	steps = db_steps(&n);
	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", dir);
	if (db_open(url, &db, &e) < 0 || db_migrate(db, steps, n, 1, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		return 1;
	}
	test_new();
	test_wrong();
	test_change();
	test_many();
	json_decref(problems);
	json_decref(ids);
	db_close(db);
	(void)snprintf(url, sizeof(url), "rm -rf '%s'", dir);
	OK(system(url) == 0, "cleared up"); /* allow: a test's own directory */
	return tap_done();
}
