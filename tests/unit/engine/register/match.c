/* Which column is which field: a pure function of the headings, and what is remembered. */
#include "register/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "register/exchange.h"
#include "tap.h"
#include "text/csv.h"

static struct err e;
static struct table t;
static struct register_match m;

static void
read_csv(const char *text)
{
	const struct csv_options o = {.restore = true};
	struct csv_found f;

	table_free(&t);
	table_init(&t);
	if (csv_read(text, strlen(text), &o, &t, &f, &e) < 0)
		printf("Bail out! %s\n", e.msg), exit(1);
}

static int
match(const char *kind, const struct register_said *said)
{
	static const struct register_said none;

	return register_match(register_kind(kind), &t, said ? said : &none, &m, &e);
}

/* was(c): "field how guess" of a column, from 1. */
static const char *
was(size_t c)
{
	static char out[120];

	(void)snprintf(out, sizeof(out), "%s %s %s", m.col[c - 1].field ? m.col[c - 1].field : "-",
	    register_how_name(m.col[c - 1].how), m.col[c - 1].guess ? m.col[c - 1].guess : "-");
	return out;
}

static json_t *
json(const char *text)
{
	json_t *o = json_loads(text, 0, NULL);

	if (!o)
		printf("Bail out! not JSON: %s\n", text), exit(1);
	return o;
}

static void
test_known(void)
{
	read_csv("機器一覧\n機器名,設置場所,購入日（西暦）,担当,メ－カ－,謎,,serial number,ＯＳ\nPC,受付\n");
	EQ_I(match("device", NULL), 0, "a clinic's own list");
	EQ_I((long)m.head, 1, "its heading is the second row");
	EQ_S(was(1), "name alias -", "a synonym");
	EQ_S(was(2), "place alias -", "another");
	EQ_S(was(3), "acquired_on alias -", "with something in brackets");
	EQ_S(was(4), "custodian alias -", "short");
	EQ_S(was(5), "- none -", "a minus is no long vowel: not guessed");
	EQ_S(was(6), "- none -", "nobody knows");
	EQ_S(was(7), "- none -", "an empty heading");
	EQ_S(was(8), "serial exact -", "English");
	EQ_S(was(9), "os alias -", "full width");
	read_csv("名前・管理番号*,【必須】種類,ﾒｰｶｰ,置き 場所,\"型\n番\"\nPC,パソコン\n");
	EQ_I(match("device", NULL), 0, "our own words");
	EQ_S(was(1), "name exact -", "with a mark of required");
	EQ_S(was(2), "kind exact -", "before it");
	EQ_S(was(3), "maker alike -", "half width is a guess");
	EQ_S(was(4), "place alike -", "a space");
	EQ_S(was(5), "model alike -", "a line break in the heading");
	read_csv("製造元,メーカー,機器名,名前・管理番号\nx,y,z,w\n");
	EQ_I(match("device", NULL), 0, "two would do");
	EQ_S(was(1), "- twice maker", "the guess gives way");
	EQ_S(was(2), "maker exact -", "to the exact one behind it");
	EQ_S(was(3), "- twice name", "also the title");
	EQ_S(was(4), "name exact -", "");
	read_csv("電話,電話,会社名\n1,2,3\n");
	EQ_I(match("vendor", NULL), 0, "the same heading twice");
	EQ_S(was(1), "phone exact -", "the first");
	EQ_S(was(2), "- twice phone", "the second is not dropped silently");
}

static void
test_bad(void)
{
	char text[30000], label[64];
	size_t at = 0;

	read_csv("\n");
	EQ_I(match("device", NULL), E_INVAL, "no row at all");
	read_csv("あれ,これ,それ\n1,2\n3\n");
	EQ_I(match("device", NULL), 0, "nothing is known");
	EQ_I((long)m.head, 0, "the widest row is the heading");
	EQ_I(register_match_col(&m, "name"), -1, "and nothing is taken");
	for (int i = 0; i < 10000; i++)
		text[at++] = 'x';
	(void)snprintf(text + at, sizeof(text) - at, ",機\x01器\u202e名,\u200b機器名\ufeff\n1,2,3\n");
	read_csv(text);
	EQ_I(match("device", NULL), 0, "10 kB, controls, directions");
	EQ_S(was(1), "- none -", "too long");
	EQ_S(was(2), "name alias -", "what is hidden is not read");
	EQ_S(was(3), "- twice name", "nor zero width");
	at = 0;
	for (int i = 0; i < 200; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s列%d", i ? "," : "", i);
	(void)snprintf(text + at, sizeof(text) - at, ",機器名\n");
	read_csv(text);
	EQ_I(match("device", NULL), 0, "200 columns");
	EQ_I((long)m.n, 201, "all of them");
	EQ_S(was(201), "name alias -", "the last is the one");
	register_match_label("  a\tb\r\n\u202e\u3000c\x7f 葛󠄀𠮷 ", label, sizeof(label));
	EQ_S(label, "a b c 葛󠄀𠮷", "one line; variants stay");
	register_match_label("髙橋髙橋髙橋", label, 12);
	EQ_S(label, "髙橋…", "cut at a whole character");
	register_match_label("ab\xe3", label, sizeof(label));
	EQ_S(label, "ab", "half a character ends it");
	read_csv("ID,名前・管理番号\nA-1,x\n");
	EQ_I(match("device", NULL), 0, "a number of their own");
	EQ_S(was(1), "- none -", "is not ours");
	read_csv("ID,名前・管理番号\ndev-0001@3,x\n");
	EQ_I(match("device", NULL), 0, "but ours");
	EQ_S(was(1), "_id exact -", "is");
}

static int
said(const char *map, const char *shown, int64_t row)
{
	struct register_said s = {.map = map ? json(map) : NULL,
	    .shown = shown ? json(shown) : NULL, .row = row};
	int r = match("device", &s);

	json_decref(s.map);
	json_decref(s.shown);
	return r;
}

static void
test_said(void)
{
	char shown[600];

	read_csv("題\n機器名,メーカー,製造元,謎,謎\n1,2,3,4,5\n");
	EQ_I(said("{\"製造元\":\"maker\",\"#4\":\"note\",\"#5\":\"serial\"}", NULL, 0), 0,
	    "by heading and by number");
	EQ_S(was(3), "maker chosen -", "what was said wins");
	EQ_S(was(2), "- twice maker", "over the exact one");
	EQ_S(was(4), "note chosen -", "the fourth");
	EQ_S(was(5), "serial chosen -", "of the same heading");
	EQ_I(said("{\"機器名\":\"\"}", NULL, 0), 0, "left out");
	EQ_S(was(1), "- chosen -", "");
	EQ_I(said("{\"謎\":\"note\"}", NULL, 0), E_INVAL, "two columns of this heading");
	EQ_I(said("{\"なし\":\"note\"}", NULL, 0), E_INVAL, "no such heading");
	EQ_I(said("{\"#9\":\"note\"}", NULL, 0), E_INVAL, "no such column");
	EQ_I(said("{\"製造元\":\"frob\"}", NULL, 0), E_INVAL, "no such field");
	EQ_I(said("{\"製造元\":\"note\",\"メーカー\":\"note\"}", NULL, 0), E_INVAL,
	    "one field for two");
	EQ_I(said(NULL, NULL, 3), 0, "another row is the heading");
	EQ_I((long)m.head, 2, "");
	EQ_I(said(NULL, NULL, 77), E_INVAL, "no such row");
	EQ_I(said(NULL, NULL, 0), 0, "as it was");
	(void)snprintf(shown, sizeof(shown), "{\"row\":2,\"heading\":\"%s\",\"columns\":["
	    "{\"column\":1,\"field\":\"name\"},{\"column\":2,\"field\":\"\"},"
	    "{\"column\":3,\"field\":\"maker\"}]}", m.heading);
	EQ_I(said(NULL, shown, 0), 0, "as a trial showed");
	OK(!m.changed, "the headings are the same");
	EQ_S(was(2), "- chosen -", "left out");
	EQ_S(was(3), "maker chosen -", "taken");
	EQ_I(said(NULL, "{\"columns\":[{\"column\":1,\"field\":\"name\"},"
	    "{\"column\":2,\"field\":\"name\"}]}", 0), E_INVAL, "one field for two");
	read_csv("題\n機器名,製造元,メーカー,謎,謎\n1,2,3,4,5\n");
	EQ_I(said(NULL, shown, 0), 0, "columns changed places");
	OK(m.changed, "that is noticed");
	EQ_S(was(3), "maker exact -", "and what was shown is not used");
	EQ_I(said(NULL, "{\"row\":2,\"columns\":[{\"column\":2,\"label\":\"メーカー\",\"field\":"
	    "\"maker\"}]}", 0), 0, "by labels alone");
	OK(m.changed, "it is noticed, too");
	EQ_I(said(NULL, "{\"row\":2,\"columns\":[{\"column\":-5,\"label\":\"x\",\"field\":"
	    "\"\"}]}", 0), 0, "a column that is none");
	OK(m.changed, "changed");
}

/* auto_(db): Match with what is kept. */
static void
kept(struct db *db, const char *map)
{
	struct register_said s = {.map = map ? json(map) : NULL};
	const struct register_kind *k = register_kind("device");

	OK(register_match_kept(db, k, &s.kept, &e) == 0 && match("device", &s) == 0, "matched");
	if (map)
		EQ_I(register_match_keep(db, k, &t, &m, 1, &e), 0, "kept");
	json_decref(s.map);
	json_decref(s.kept);
}

static void
test_kept(struct db *db)
{
	read_csv("機器名,謎,謎,メーカー,置き場所,捨てる\n1,2,3,4,5,6\n");
	kept(db, "{\"機器名\":\"name\",\"#2\":\"serial\",\"#3\":\"note\",\"メーカー\":\"maker\","
	         "\"置き場所\":\"\",\"捨てる\":\"\"}");
	kept(db, NULL);
	EQ_S(was(1), "name kept -", "a guess that was confirmed");
	EQ_S(was(2), "serial kept -", "the first of two");
	EQ_S(was(3), "note kept -", "and the second");
	EQ_S(was(4), "maker exact -", "what is exact anyway is not kept");
	EQ_S(was(5), "- kept -", "left out although it is known");
	EQ_S(was(6), "- kept -", "left out");
	read_csv("機 器名,メーカー,謎\n1,2,3\n");
	kept(db, NULL);
	EQ_S(was(1), "name kept -", "found by its folded heading");
	EQ_S(was(3), "serial kept -", "in another order");
	read_csv("守りID,名前・管理番号,置き場所\ndev-1@1,x,y\n");
	kept(db, NULL);
	EQ_S(was(3), "place exact -", "an export is read as it is");
	kept(db, "{\"置き場所\":\"note\"}");
	read_csv("名前・管理番号,置き場所\nx,y\n");
	kept(db, "{\"置き場所\":\"place\"}");
	kept(db, NULL);
	EQ_S(was(2), "place exact -", "back to the exact one");
	EQ_I(register_match_forget(db, register_kind("device"), &e), 4, "forgotten");
	kept(db, NULL);
	EQ_I(register_match_forget(db, register_kind("device"), &e), 0, "is forgotten");
	EQ_I(db_exec(db, "INSERT INTO settings VALUES ('register.columns.device', '[1', 1)", "",
	         &e), 1, "a setting that is none");
	kept(db, NULL);
	EQ_S(was(2), "place exact -", "does no harm");
}

int
main(void)
{
	static char dir[] = "/tmp/mamori-match-XXXXXX";
	const struct db_step *steps;
	char url[80], cmd[80];
	struct db *db;
	size_t n;

	table_init(&t);
	test_known();
	test_bad();
	test_said();
	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(url, sizeof(url), "sqlite:%s/records.db", dir);
	steps = db_steps(&n);
	if (db_open(url, &db, &e) < 0 || db_migrate(db, steps, n, 1, &e) < 0)
		return 1;
	test_kept(db);
	db_close(db);
	table_free(&t);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	OK(system(cmd) == 0, "cleared up");
	return tap_done();
}
