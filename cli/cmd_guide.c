/* mamori guide: the checklist, what it rests on, and what to do next. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/guide_common.h"

#include "base/num.h"
#include "base/time.h"
#include "guide/survey.h"
#include "register/register.h"
#include "text/csv.h"
#include "text/day.h"

#define USAGE_LIST "mamori guide list"
#define USAGE_STATUS "mamori guide status [--pack P] [--item I] [--practice ID]"
#define USAGE_NEXT "mamori guide next"
#define USAGE_ANSWER                                                                               \
	"mamori guide answer PRACTICE yes|no|na|unknown [--note TEXT] "                            \
	"[--by declared|vendor|imported]"
#define USAGE_LATER "mamori guide later PRACTICE --until DAY --why TEXT"
#define USAGE_PROFILE "mamori guide profile [--none WORD,WORD...]"
#define USAGE_IMPORT "mamori guide import FILE|DIR"
#define USAGE_WORDING "mamori guide wording import PACK FILE.csv"
#define USAGE_COMPARE "mamori guide compare"
#define USAGE_CHECK "mamori guide check"

enum { WORDING_MAX = 4 << 20 };

static const char *
colour(const struct cli *c, const char *name)
{
	for (int i = 0; i < GUIDE_COLOURS; i++)
		if (strcmp(guide_colour_name((enum guide_colour)i), name) == 0)
			return c->ja ? guide_colour_text((enum guide_colour)i).ja
				     : guide_colour_text((enum guide_colour)i).en;
	return name;
}

static int
count(const json_t *counts, const char *what)
{
	return (int)json_integer_value(json_object_get(counts, what));
}

static int
list(struct cli *c, int argc, char **argv)
{
	struct guide_cli x;
	struct err e = {0};
	json_t *packs = NULL, *p;
	size_t i;
	int r;

	(void)argv;
	if (argc != 1)
		return cli_usage(c, USAGE_LIST);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = desk_packs(&x.desk, &packs, &e);
	json_array_foreach(packs, i, p) {
		json_t *n = json_object_get(p, "counts");

		cli_say(c, "%-20s %s  ●%d ▲%d ？%d ■%d －%d  %s%s", guide_cli_text(p, "id"),
		    guide_cli_text(p, "issued"), count(n, "green"), count(n, "yellow"),
		    count(n, "grey"), count(n, "red"), count(n, "na"),
		    guide_cli_words(c, p, "title"),
		    strcmp(guide_cli_text(p, "trust"), "operator") == 0
			? L(c, "（署名なし・院内で取り込み）", " (unsigned, by the operator)")
			: "");
	}
	if (r == 0)
		cli_json(c, json_pack("{s:o}", "packs", packs));
	return guide_cli_end(&x, r, &e, "項目を読めません", "cannot read the packs");
}

/* -- status ------------------------------------------------------------------------------------ */

static void
show_item(struct cli *c, const json_t *it)
{
	const char *words = guide_cli_text(it, "wording");

	if (!*words)
		words = guide_cli_words(c, it, "plain");
	if (!*words)
		words = guide_cli_text(it, c->ja ? "ja" : "en");
	cli_say(c, "%s  %-12s %s", colour(c, guide_cli_text(it, "verdict")),
	    guide_cli_text(it, "ref"), words);
	cli_say(c, "              %s", guide_cli_text(it, c->ja ? "reason" : "reason_en"));
}

static bool
red(const json_t *counts)
{
	return count(counts, "red") > 0;
}

static int
status_pack(struct guide_cli *x, const char *pack, struct err *e)
{
	json_t *o = NULL, *it;
	size_t i;
	bool bad;
	int r = desk_status(&x->desk, pack, &o, e);

	if (r < 0)
		return r;
	cli_say(x->c, "%s", guide_cli_words(x->c, o, "title"));
	if (*guide_cli_words(x->c, o, "note"))
		cli_say(x->c, "%s", guide_cli_words(x->c, o, "note"));
	json_array_foreach(json_object_get(o, "items"), i, it)
		show_item(x->c, it);
	bad = red(json_object_get(o, "counts"));
	cli_json(x->c, o);
	return bad ? CLI_NO : CLI_OK;
}

static void
show_practice(struct cli *c, const json_t *p)
{
	json_t *step;
	size_t i;

	cli_say(c, "%s  %s  [%s]", colour(c, guide_cli_text(p, "verdict")),
	    guide_cli_words(c, p, "title"), guide_cli_text(p, "id"));
	cli_say(c, "    %s", guide_cli_text(p, c->ja ? "reason" : "reason_en"));
	cli_say(c, "    %s %s", L(c, "なぜ:", "Why:"), guide_cli_words(c, p, "why"));
	json_array_foreach(json_object_get(p, "steps"), i, step)
		cli_say(c, "    %zu. %s", i + 1, guide_cli_text(step, c->ja ? "ja" : "en"));
	cli_say(c, L(c, "    %d 分・%s", "    %d minutes, %s"),
	    (int)json_integer_value(json_object_get(p, "minutes")),
	    guide_cli_words(c, p, "who"));
	if (*guide_cli_words(c, p, "ask"))
		cli_say(c, "    %s %s", L(c, "業者に頼む:", "Ask the vendor:"),
		    guide_cli_words(c, p, "ask"));
}

/* Without a pack: every practice. */
static int
status_all(struct guide_cli *x, struct err *e)
{
	json_t *all = NULL, *counts = NULL, *p, *items;
	size_t i;
	bool bad;
	int r = desk_practices(&x->desk, &all, e);

	if (r == 0)
		r = desk_counts(&x->desk, &counts, e);
	if (r < 0) {
		json_decref(all);
		return r;
	}
	json_array_foreach(all, i, p) {
		cli_say(x->c, "%s  %-20s %s", colour(x->c, guide_cli_text(p, "verdict")),
		    guide_cli_text(p, "id"), guide_cli_words(x->c, p, "title"));
		cli_say(x->c, "                           %s",
		    guide_cli_text(p, x->c->ja ? "reason" : "reason_en"));
	}
	bad = red(json_object_get(counts, "overall"));
	items = all;
	cli_json(x->c, json_pack("{s:o,s:o}", "items", items, "counts", counts));
	return bad ? CLI_NO : CLI_OK;
}

static int
status_one(struct guide_cli *x, const char *pack, const char *item, const char *practice,
    struct err *e)
{
	json_t *o = NULL, *p;
	size_t i;
	int r = practice ? desk_practice(&x->desk, practice, &o, e)
			 : desk_item(&x->desk, pack, item, &o, e);

	if (r < 0)
		return r;
	if (practice)
		show_practice(x->c, o);
	else
		show_item(x->c, o);
	json_array_foreach(json_object_get(o, "practice_list"), i, p)
		show_practice(x->c, p);
	r = strcmp(guide_cli_text(o, "verdict"), "red") == 0 ? CLI_NO : CLI_OK;
	cli_json(x->c, o);
	return r;
}

static int
status(struct cli *c, int argc, char **argv)
{
	const char *pack = NULL, *item = NULL, *practice = NULL;
	const struct guide_opt opts[] = {
	    {"pack", &pack, NULL}, {"item", &item, NULL}, {"practice", &practice, NULL}};
	struct guide_cli x;
	struct err e = {0};
	int r;

	if (guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts)) != 1 || (item && !pack) ||
	    (practice && pack))
		return cli_usage(c, USAGE_STATUS);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	if (item || practice)
		r = status_one(&x, pack, item, practice, &e);
	else
		r = pack ? status_pack(&x, pack, &e) : status_all(&x, &e);
	return guide_cli_end(&x, r, &e, "項目を読めません", "cannot read the items");
}

/* -- next -------------------------------------------------------------------------------------- */

static int
next(struct cli *c, int argc, char **argv)
{
	struct guide_cli x;
	struct err e = {0};
	json_t *o = NULL, *p;
	size_t i;
	int r;

	(void)argv;
	if (argc != 1)
		return cli_usage(c, USAGE_NEXT);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = desk_next(&x.desk, true, &o, &e);
	if (r == 0) {
		cli_say(c, "%s", guide_cli_words(c, o, "sentence"));
		if (json_is_object(json_object_get(o, "next")))
			show_practice(c, json_object_get(o, "next"));
		json_array_foreach(json_object_get(o, "more"), i, p)
			cli_say(c, "%s %s [%s]", i ? "  " : L(c, "今週あと", "Also this week:"),
			    guide_cli_words(c, p, "title"), guide_cli_text(p, "id"));
		cli_json(c, o);
	}
	return guide_cli_end(&x, r, &e, "次にやることを決められません", "cannot say what is next");
}

static int
answer(struct cli *c, int argc, char **argv)
{
	const char *note = NULL, *by_text = "declared";
	const struct guide_opt opts[] = {{"note", &note, NULL}, {"by", &by_text, NULL}};
	enum guide_value value = GUIDE_UNKNOWN;
	enum fact_by by = FACT_DECLARED;
	struct guide_cli x;
	struct err e = {0};
	struct fact f;
	int r;

	argc = guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts));
	if (argc != 3 || guide_value_get(argv[2], &value) < 0 || fact_by_get(by_text, &by) < 0 ||
	    by == FACT_MEASURED)
		return cli_usage(c, USAGE_ANSWER);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = desk_say(&x.desk, argv[1], value, note, NULL, by, &x.who, &f, &e);
	if (r == 0)
		r = guide_cli_seal(&x, &f);
	if (r == CLI_OK) {
		cli_say(c, "%s", L(c, "記録しました。", "Recorded."));
		cli_json(c, json_pack("{s:b,s:s,s:s}", "ok", 1, "practice", argv[1], "value",
		    guide_value_name(value)));
	}
	return guide_cli_end(&x, r, &e, "答えを記録できません", "cannot record the answer");
}

static int
later(struct cli *c, int argc, char **argv)
{
	const char *until = NULL, *why = NULL;
	const struct guide_opt opts[] = {{"until", &until, NULL}, {"why", &why, NULL}};
	struct guide_cli x;
	struct err e = {0};
	int r;

	argc = guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts));
	if (argc != 2 || !until || !why)
		return cli_usage(c, USAGE_LATER);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = desk_later(&x.desk, argv[1], until, why, &x.who, &e);
	if (r == 0) {
		cli_say(c, L(c, "%s まで出しません。", "Not before %s."), until);
		cli_json(c, json_pack("{s:b}", "ok", 1));
	}
	return guide_cli_end(&x, r, &e, "延ばせません", "cannot postpone");
}

/* -- profile, import, wording ------------------------------------------------------------------ */

static json_t *
words_of(const char *s)
{
	json_t *list = json_array();

	while (s && *s) {
		size_t n = strcspn(s, ",");

		if (n)
			(void)json_array_append_new(list, json_stringn(s, n));
		s += n + (s[n] == ',');
	}
	return list;
}

static int
profile(struct cli *c, int argc, char **argv)
{
	const char *none = NULL;
	const struct guide_opt opts[] = {{"none", &none, NULL}};
	struct guide_cli x;
	struct err e = {0};
	const char *const *all;
	json_t *words;
	size_t n;
	int r;

	if (guide_cli_opts(argc, argv, opts, ARRAY_LEN(opts)) != 1)
		return cli_usage(c, USAGE_PROFILE);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	words = words_of(none);
	if (none)
		r = desk_profile_set(x.db, words, x.who.now, &e);
	if (r == 0)
		r = desk_begin(&x.desk, x.g, x.db, &x.st, x.list, x.n, x.facility, x.who.now, &e);
	all = desk_conditions(&n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		char word[64];

		(void)snprintf(word, sizeof(word), ",%s,", all[i]);
		cli_say(c, "%-20s %s %s", all[i], strstr(x.desk.none, word) ? L(c, "なし", "no")
		    : L(c, "あり", "yes"), c->ja ? desk_condition_text(all[i]).ja
						   : desk_condition_text(all[i]).en);
	}
	if (r == 0)
		cli_json(c, json_pack("{s:s%,s:s}", "band", &x.desk.profile.band,
		    (size_t)(x.desk.profile.band ? 1 : 0), "none", x.desk.none));
	json_decref(words);
	return guide_cli_end(&x, r, &e, "設定できません", "cannot set the profile");
}

/* A file that the user names, whole. */
static int
read_named(const char *dir, const char *name, size_t max, struct buf *b, struct err *e)
{
	char path[4096], piece[8192];
	ssize_t n;
	int fd, r = 0;

	(void)snprintf(path, sizeof(path), "%s%s%s", dir ? dir : "", dir ? "/" : "", name);
	buf_init(b, max);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "cannot open %s", path);
	while (r == 0 && (n = read(fd, piece, sizeof(piece))) != 0)
		r = n > 0 ? buf_put(b, piece, (size_t)n, e)
		    : errno == EINTR ? 0 : err_sys(e, "cannot read %s", path);
	(void)close(fd);
	return r;
}

static int
import_one(struct guide_cli *x, const char *dir, const char *name, const struct buf *manifest,
    json_t *done, struct err *e)
{
	const char *slash = strrchr(name, '/');
	json_t *o = NULL;
	struct buf b;
	int r = read_named(dir, name, GUIDE_FILE_MAX, &b, e);

	if (r == 0)
		r = desk_import(x->db, &x->st, x->g, slash ? slash + 1 : name, b.p, b.len,
		    manifest ? manifest->p : NULL, manifest ? manifest->len : 0, &x->who, &o, e);
	buf_free(&b);
	if (r < 0)
		return r;
	cli_say(x->c, "%s  %s", guide_cli_text(o, "id"),
	    strcmp(guide_cli_text(o, "trust"), "signed") == 0 ? L(x->c, "署名を確かめました", "signed")
	    : L(x->c, "署名なし・院内で取り込み", "unsigned, by the operator"));
	(void)json_array_append_new(done, o);
	return 0;
}

static int
import_dir(struct guide_cli *x, const char *dir, json_t *done, struct err *e)
{
	struct guide_manifest m;
	struct buf b;
	int r = read_named(dir, "MANIFEST", GUIDE_FILE_MAX, &b, e);

	if (r == 0)
		r = guide_manifest_read(b.p, b.len, guide_release_key(), &m, e);
	for (size_t i = 0; r == 0 && i < m.files; i++) {
		r = import_one(x, dir, m.file[i].name, &b, done, e);
		r = r == E_EXIST ? 0 : r; /* as new as what is here */
	}
	buf_free(&b);
	return r;
}

static int
import(struct cli *c, int argc, char **argv)
{
	struct guide_cli x;
	struct err e = {0};
	json_t *done;
	int r, fd;

	if (argc != 2)
		return cli_usage(c, USAGE_IMPORT);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	done = json_array();
	fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd >= 0 ? import_dir(&x, argv[1], done, &e)
		    : import_one(&x, NULL, argv[1], NULL, done, &e);
	if (fd >= 0)
		(void)close(fd);
	if (r == 0)
		cli_json(c, json_pack("{s:O}", "imported", done));
	json_decref(done);
	return guide_cli_end(&x, r, &e, "取り込めません", "cannot import");
}

/* -- official wording -------------------------------------------------------------------------- */

/* [[item, text] ...] from the first two columns; a heading line is passed over. */
static json_t *
wording_rows(const struct guide_pack *p, const struct table *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < table_rows(t); i++) {
		const struct table_row *row = table_row(t, i);

		if (i == 0 && !guide_item(p, table_cell(row, 0)))
			continue;
		(void)json_array_append_new(list,
		    json_pack("[s,s]", table_cell(row, 0), table_cell(row, 1)));
	}
	return list;
}

static int
wording_read(struct guide_cli *x, const struct guide_pack *p, const char *path, size_t *ret,
    struct err *e)
{
	struct csv_options o = {.restore = true};
	struct csv_found found;
	struct table t;
	struct buf b;
	json_t *rows;
	int r = read_named(NULL, path, WORDING_MAX, &b, e);

	table_init(&t);
	if (r == 0)
		r = csv_read(b.p, b.len, &o, &t, &found, e);
	if (r == 0) {
		rows = wording_rows(p, &t);
		r = desk_wording(x->db, p, rows, &x->who, ret, e);
		json_decref(rows);
	}
	table_free(&t);
	buf_free(&b);
	return r;
}

static int
wording(struct cli *c, int argc, char **argv)
{
	const struct guide_pack *p;
	struct guide_cli x;
	struct err e = {0};
	size_t n = 0;
	int r;

	if (argc != 4 || strcmp(argv[1], "import") != 0)
		return cli_usage(c, USAGE_WORDING);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	p = guide_pack(x.g, argv[2]);
	r = p ? wording_read(&x, p, argv[3], &n, &e)
	      : err_set(&e, E_NOENT, "there is no pack %.60s", argv[2]);
	if (r == 0) {
		cli_say(c, L(c, "%zu 項目の公式の文言を取り込みました。", "Took the official wording of %zu items."), n);
		cli_json(c, json_pack("{s:I}", "items", (json_int_t)n));
	}
	return guide_cli_end(&x, r, &e, "文言を取り込めません", "cannot take the wording");
}

/* -- beside the survey ------------------------------------------------------------------------- */

static json_t *
own_systems(struct guide_cli *x)
{
	struct register_query q = {.limit = 500};
	json_t *o = NULL, *rec, *list = json_array();
	size_t i;

	if (register_list(x->db, register_kind("system"), &q, &o, NULL) < 0)
		return list;
	json_array_foreach(json_object_get(o, "records"), i, rec)
		(void)json_array_append(list, json_object_get(rec, "values"));
	json_decref(o);
	return list;
}

static void
show_table(struct cli *c, const json_t *t)
{
	json_t *row;
	size_t i;

	cli_say(c, "%s – %s", guide_cli_text(t, "title"), guide_cli_text(t, "band"));
	json_array_foreach(json_object_get(t, "rows"), i, row)
		cli_say(c, "  %s %5.1f %%  %s", json_is_true(json_object_get(row, "own")) ? "▶" : "　",
		    json_number_value(json_object_get(row, "pct")), guide_cli_text(row, "label"));
	cli_say(c, "  %s", guide_cli_text(t, "sentence"));
}

static int
compare(struct cli *c, int argc, char **argv)
{
	json_t *survey = NULL, *tables = NULL, *systems, *t;
	struct guide_cli x;
	struct err e = {0};
	size_t i;
	int r;

	(void)argv;
	if (argc != 1)
		return cli_usage(c, USAGE_COMPARE);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	systems = own_systems(&x);
	r = survey_get(&survey, &e);
	if (r == 0)
		r = survey_compare(survey, x.desk.profile.band, systems,
		    x.facility ? guide_cli_text(x.facility, "management") : "", c->ja, &tables, &e);
	json_array_foreach(tables, i, t)
		show_table(c, t);
	if (r == 0) {
		cli_say(c, "%s", guide_cli_words(c, survey, "source"));
		cli_json(c, json_pack("{s:O}", "tables", tables));
	}
	json_decref(tables);
	json_decref(survey);
	json_decref(systems);
	return guide_cli_end(&x, r, &e, "くらべられません", "cannot compare");
}

/* What the guide itself measures; the daemon runs it every day. */
static int
check(struct cli *c, int argc, char **argv)
{
	struct guide_cli x;
	struct err e = {0};
	struct fact f;
	json_t *chases = NULL;
	bool late = false;
	int r;

	(void)argv;
	if (argc != 1)
		return cli_usage(c, USAGE_CHECK);
	r = guide_cli_open(c, &x);
	if (r != CLI_OK)
		return r;
	r = finding_overdue(x.db, &x.who, &f, &e);
	if (r == 0) {
		late = f.outcome == FACT_FAIL;
		r = guide_cli_seal(&x, &f);
	}
	if (r == 0)
		r = request_chases(x.db, x.desk.today, &chases, &e);
	if (r == 0) {
		cli_say(c, "%s", late ? L(c, "期限を過ぎた計画があります。", "A plan is overdue.")
		    : L(c, "期限を過ぎた計画はありません。", "No plan is overdue."));
		if (json_array_size(chases))
			cli_say(c, L(c, "返事を催促する業者が %zu 件あります。", "%zu vendors should be reminded."),
			    json_array_size(chases));
		cli_json(c, json_pack("{s:b,s:o}", "ok", !late, "chases", chases));
		r = late ? CLI_NO : CLI_OK;
	}
	return guide_cli_end(&x, r, &e, "確かめられません", "cannot check");
}

int
cmd_guide(struct cli *c, int argc, char **argv)
{
	static const struct cli_cmd table[] = {
	    {"list", list, USAGE_LIST, "チェックリストとガイドラインを並べます",
		"list guidelines and checklists"},
	    {"status", status, USAGE_STATUS, "どこまで確かめられているかを出します",
		"what is shown, and what is not"},
	    {"next", next, USAGE_NEXT, "次にやること一つと、今週あと二つ",
		"one thing to do next, and two more"},
	    {"answer", answer, USAGE_ANSWER, "取組について答えます",
		"say how it is with a practice"},
	    {"later", later, USAGE_LATER, "理由と日付を決めて延ばします",
		"postpone, with a reason and a day"},
	    {"profile", profile, USAGE_PROFILE, "この施設にないものを決めます",
		"say what this place does not have"},
	    {"inspect", guide_inspect,
		"mamori guide inspect list|open|show|answer|sign|round|upgrade|diff|close",
		"点検: 二回に分けて答え、署名します",
		"inspections: answer in two rounds, and sign"},
	    {"finding", guide_finding, "mamori guide finding list|add|plan|approve|done|drop",
		"見つかった不備と計画", "findings and plans"},
	    {"review", guide_review, "mamori guide review list|add", "見直し会議",
		"management reviews"},
	    {"request", guide_request,
		"mamori guide request list|add|link|sent|chased|answer|close", "業者に頼む",
		"ask a vendor"},
	    {"evidence", guide_evidence, "mamori guide evidence list|add|hide", "根拠の書類",
		"evidence"},
	    {"binder", guide_binder, "mamori guide binder --pdf FILE | --data FILE [--pack P]",
		"立入検査の資料を一冊にします", "the binder for an inspection"},
	    {"first", guide_first, "mamori guide first --pdf FILE | --data FILE [--pack P]",
		"はじめの一冊", "the first booklet"},
	    {"morning", guide_morning, "mamori guide morning --pdf FILE | --data FILE", "朝礼シート",
		"the sheet for the morning meeting"},
	    {"letter", guide_letter, "mamori guide letter REQUEST --pdf FILE | --data FILE",
		"業者への手紙", "the letter of a request"},
	    {"export", guide_export, "mamori guide export --oscal FILE [--pack P]",
		"判定を OSCAL（評価結果）で書き出します", "write verdicts as OSCAL assessment results"},
	    {"import", import, USAGE_IMPORT, "新しい項目を取り込みます", "take in newer packs"},
	    {"wording", wording, USAGE_WORDING, "公式の文言を取り込みます", "take in the official wording"},
	    {"compare", compare, USAGE_COMPARE, "同じ規模の調査と並べます", "beside a survey of the same size"},
	    {"check", check, USAGE_CHECK, "計画の期限を確かめて記録します",
		"record whether plans are overdue"},
	};

	return cli_dispatch(c, table, ARRAY_LEN(table), argc, argv);
}
