/* The reader of document models: what it accepts, what it refuses and where it says so, dates. */
#include <stdlib.h>

#include "report/report.h"
#include "tap.h"

#define HEAD "\"report\":1,\"title\":\"立入検査の資料\",\"printed_at\":\"2026-11-25T21:00:00+09:00\""
#define KID(n) "{\"title\":\"" n "\",\"children\":["
#define DOC(blocks) "{" HEAD ",\"sections\":[{\"title\":\"一\",\"blocks\":[" blocks "]}]}"

static const char all[] = DOC(
    "{\"type\":\"heading\",\"text\":\"見出し\",\"level\":3},"
    "{\"type\":\"para\",\"text\":\"追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～\",\"align\":\"right\",\"size\":12},"
    "{\"type\":\"list\",\"items\":[\"a\",\"b\"],\"ordered\":true},"
    "{\"type\":\"note\",\"text\":\"x\",\"strong\":true},"
    "{\"type\":\"kv\",\"rows\":[{\"key\":\"k\",\"value\":\"v\"},{\"key\":\"k\"}]},"
    "{\"type\":\"table\",\"columns\":[\"a\",{\"title\":\"b\",\"width\":3,\"align\":\"center\"}],"
    "\"rows\":[[\"1\",{\"text\":\"2\",\"check\":true,\"mark\":\"grey\"}],"
    "{\"height\":12,\"cells\":[null,{\"check\":false,\"align\":\"right\"}]}]},"
    "{\"type\":\"checks\",\"items\":[{\"text\":\"c\",\"checked\":true},{\"text\":\"d\"}]},"
    "{\"type\":\"approval\",\"boxes\":[\"院長\",\"担当\"]},"
    "{\"type\":\"sign\",\"rows\":[{\"label\":\"氏名\",\"seal\":true}]},"
    "{\"type\":\"lines\",\"count\":4},"
    "{\"type\":\"bars\",\"items\":[{\"label\":\"l\",\"value\":3,\"own\":true}],\"unit\":\"%\"},"
    "{\"type\":\"tree\",\"root\":{\"title\":\"院長\",\"children\":[{\"title\":\"担当\",\"text\":\"1\"}]}},"
    "{\"type\":\"qr\",\"data\":\"https://example.jp/\"},{\"type\":\"toc\"},"
    "{\"type\":\"space\",\"mm\":3},{\"type\":\"page\"}");

static void
accepts(void)
{
	struct report r;
	struct err e = {0};
	const struct report_block *b;

	if (!OK(report_read(all, sizeof(all) - 1, &r, &e) == 0, "every block is read (%s)", e.msg))
		return;
	EQ_S(r.lang, "ja", "Japanese unless said otherwise");
	EQ_I(strlen(r.mark), 12, "the mark has twelve digits");
	EQ_I(r.n, 1, "one section");
	EQ_I(r.sections[0].n, REPORT_PAGE + 1, "one block of each type");
	b = r.sections[0].blocks;
	for (unsigned i = 0; i <= REPORT_PAGE; i++)
		OK(b[i].type == i, "block %u has its type", i);
	EQ_I(b[0].n, 3, "level");
	EQ_S(b[1].text, "追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～", "text comes through unchanged");
	OK(b[1].align == REPORT_RIGHT && b[1].size > 11.9, "align and size");
	OK(b[5].ncolumns == 2 && b[5].nrows == 2, "the table has its size");
	OK(b[5].rows[0].cells[1].check == REPORT_TICKED &&
		b[5].rows[0].cells[1].mark == REPORT_GREY &&
		b[5].rows[0].cells[1].align == REPORT_CENTER,
	    "a cell with a ticked box and a mark");
	OK(b[5].rows[1].cells[1].check == REPORT_BOX &&
		b[5].rows[1].cells[0].check == REPORT_NO_BOX &&
		b[5].rows[1].cells[1].align == REPORT_RIGHT && b[5].rows[1].height > 11.9,
	    "a row with a height");
	OK(b[10].size > 2.9 && b[10].items[0].flag, "the longest bar is the scale");
	OK(b[11].root->n == 1 && strcmp(b[11].root->children[0].text, "1") == 0, "a tree");
	report_free(&r);
}

static void
refuses(const char *what, const char *doc, int code, const char *where)
{
	struct report r;
	struct err e = {0};
	int got = report_read(doc, strlen(doc), &r, &e);

	if (!OK(got == code && strstr(e.msg, where), "refused: %s", what))
		printf("#   code %d, message \"%s\"\n", got, e.msg);
	if (got == 0)
		report_free(&r);
}

static void
malformed(void)
{
	refuses("nothing", "", E_INVAL, "JSON");
	refuses("half", "{", E_INVAL, "line 1");
	refuses("a list", "[]", E_INVAL, "object");
	refuses("the same name twice", "{\"report\":1,\"report\":1}", E_INVAL, "JSON");
	refuses("another model", "{\"report\":2}", E_PROTO, "report: 1");
	refuses("no title", "{\"report\":1,\"sections\":[]}", E_INVAL, "title: a text is required");
	refuses("no sections", "{" HEAD ",\"sections\":[]}", E_INVAL, "sections: a list");
	refuses("no time",
	    "{\"report\":1,\"title\":\"t\",\"printed_at\":\"yesterday\",\"sections\":[]}", E_INVAL,
	    "printed_at");
	refuses("a misspelt name", DOC("{\"type\":\"para\",\"txt\":\"a\"}"), E_INVAL,
	    "sections[0].blocks[0]: unknown name \"txt\"");
	refuses("an unknown type", DOC("{\"type\":\"image\"}"), E_INVAL, "blocks[0]: type: one of");
	refuses("no type", DOC("{\"text\":\"a\"}"), E_INVAL, "with a \"type\"");
	refuses("a block that is a text", DOC("\"a\""), E_INVAL, "with a \"type\"");
	refuses("a short row",
	    DOC("{\"type\":\"table\",\"columns\":[\"a\",\"b\"],\"rows\":[[\"1\",\"2\"],[\"1\"]]}"),
	    E_INVAL, "blocks[0].rows[1]: a list of 2 cells");
	refuses("a number for a text", DOC("{\"type\":\"para\",\"text\":5}"), E_INVAL,
	    "blocks[0].text: a text");
	refuses("a cell that is a number",
	    DOC("{\"type\":\"table\",\"columns\":[\"a\"],\"rows\":[[7]]}"), E_INVAL,
	    "rows[0][0]: a text");
	refuses("no columns", DOC("{\"type\":\"table\",\"columns\":[],\"rows\":[]}"), E_INVAL,
	    "columns");
	refuses("too many columns",
	    DOC("{\"type\":\"table\",\"columns\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\","
		"\"\",\"\",\"\",\"\",\"\",\"\"],\"rows\":[]}"),
	    E_LIMIT, "13 entries");
	refuses(
	    "small print", DOC("{\"type\":\"para\",\"text\":\"a\",\"size\":9}"), E_INVAL, "10.5");
	refuses("a bar beyond its scale",
	    DOC("{\"type\":\"bars\",\"max\":2,\"items\":[{\"label\":\"a\",\"value\":3}]}"), E_INVAL,
	    "max");
	refuses("a negative bar",
	    DOC("{\"type\":\"bars\",\"items\":[{\"label\":\"a\",\"value\":-1}]}"), E_INVAL,
	    "items[0]");
	refuses("a tree too deep",
	    DOC("{\"type\":\"tree\",\"root\":" KID("1") KID("2") KID("3") KID("4") KID("5") KID("6")
		KID("7") KID("8") "{\"title\":\"9\"}]}]}]}]}]}]}]}]}}"),
	    E_LIMIT, "8 levels");
	refuses("a tree without a root", DOC("{\"type\":\"tree\"}"), E_INVAL, "root: an object");
	refuses("broken UTF-8", DOC("{\"type\":\"para\",\"text\":\"\xff\"}"), E_INVAL, "JSON");
}

static void
cleaned(void)
{
	static const char doc[] =
	    DOC("{\"type\":\"para\",\"text\":\"a\\r\\nb\\u0007c\\u202ed\\u0085e\\tf\"}");
	struct report r;

	if (!OK(report_read(doc, sizeof(doc) - 1, &r, NULL) == 0,
		"control characters are no reason to fail"))
		return;
	EQ_S(
	    r.sections[0].blocks[0].text, "a\nb c d e f", "they become spaces; a line break stays");
	report_free(&r);
}

static void
limits(void)
{
	size_t n = REPORT_MAX_JSON + 1;
	char *big = malloc(n + 1);
	struct report r;
	struct err e;

	if (!big)
		return;
	(void)memset(big, ' ', n);
	big[n] = 0;
	EQ_I(
	    report_read(big, n, &r, &e), E_LIMIT, "a document beyond the limit is not even parsed");
	(void)memset(big, 'x', n);
	(void)snprintf(big, n,
	    "{" HEAD ",\"sections\":[{\"blocks\":[{\"type\":\"para\",\"text\":\"%0*d\"}]}]}",
	    REPORT_MAX_TEXT + 1, 1);
	EQ_I(report_read(big, strlen(big), &r, &e), E_LIMIT, "a text beyond the limit");
	OK(strstr(e.msg, "sections[0].blocks[0].text") != NULL, "and its place is named");
	free(big);
}

static void
date(const char *in, bool ja, bool clock, const char *want)
{
	struct buf b;

	buf_init(&b, 200);
	if (OK(report_date(&b, in, ja, clock, NULL) == 0, "a day for people"))
		EQ_S(buf_cstr(&b, NULL), want, in);
	buf_free(&b);
}

static void
dates(void)
{
	date("2026-11-25T21:00:00+09:00", true, true, "令和8年11月25日（2026-11-25） 21:00");
	date("2026-11-25", true, true, "令和8年11月25日（2026-11-25）");
	date("2019-05-01", true, false, "令和元年5月1日（2019-05-01）");
	date("2019-04-30", true, false, "平成31年4月30日（2019-04-30）");
	date("1989-01-07", true, false, "昭和64年1月7日（1989-01-07）");
	date("1850-01-07", true, false, "1850年1月7日");
	date("2026-11-25", false, false, "25 November 2026");
	date("", true, true, "");
	date("2026", true, true, "2026");
	date("2026-13-01", true, true, "2026-13-01");
	date("2026-11-2", true, true, "2026-11-2");
	date("来月", true, true, "来月");
}

int
main(void)
{
	accepts();
	malformed();
	cleaned();
	limits();
	dates();
	return tap_done();
}
