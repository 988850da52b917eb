#include "text/xlsx.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zip.h>

#include "base/num.h"
#include "tap.h"

static struct err e;

static void
test_formats(void)
{
	static const char *const days[] = {"yyyy-mm-dd", "m/d/yy h:mm", "[$-411]ggge\"年\"m\"月\"d\"日\"",
	    "[h]:mm:ss", "yyyy\"年\"m\"月\"", "mmm", "aaa d", "h:mm AM/PM"};
	static const char *const not[] = {"General", "0.00E+00", "#,##0", "\"day\"0", "@", "[Red]0",
	    "0\\d", "", "[", "\"", "\\", "0;[Red]-0\"days\""};

	for (size_t i = 0; i < ARRAY_LEN(days); i++)
		OK(xlsx_date_format(days[i]), "%s shows days", days[i]);
	for (size_t i = 0; i < ARRAY_LEN(not); i++)
		OK(!xlsx_date_format(not[i]), "\"%s\" does not", not[i]);
}

static void
test_strings(void)
{
	static const char xml[] =
	    "<x:sst xmlns:x='u'><x:si><x:t>髙橋</x:t><x:rPh sb='0' eb='2'><x:t>タカハシ</x:t></x:rPh></x:si>"
	    "<x:si><x:r><x:t>葛&#xE0100;</x:t></x:r><x:r><x:t xml:space='preserve'> 飾</x:t></x:r></x:si>"
	    "<x:si><x:t/></x:si><x:si><x:t>a_x000A_b_x005F_x0041_c_xZZZZ_</x:t></x:si></x:sst>";
	struct xlsx_strings s;

	EQ_I(xlsx_strings(xml, sizeof(xml) - 1, &s, &e), 0, "shared texts");
	EQ_I(s.list.len, 4, "four");
	if (s.list.len == 4) {
		EQ_S(*VEC_AT(&s.list, char *, 0), "髙橋", "without the reading above");
		EQ_S(*VEC_AT(&s.list, char *, 1), "葛󠄀 飾", "joined, variation selector kept");
		EQ_S(*VEC_AT(&s.list, char *, 2), "", "an empty one");
		EQ_S(*VEC_AT(&s.list, char *, 3), "a\nb_x0041_c_xZZZZ_", "escapes");
	}
	xlsx_strings_free(&s);
}

static int
sheet(const char *xml, struct table *t)
{
	static char one[] = "文字", two[] = "二", *list[] = {one, two};
	static uint8_t date[] = {0, 1};
	struct xlsx_strings s = {.list = {.p = list, .len = 2}};
	struct xlsx_styles y = {.date = {.p = date, .len = 2}};

	table_init(t);
	return xlsx_sheet(xml, strlen(xml), &s, &y, false, t, &e);
}

static void
test_sheet(void)
{
	static const char xml[] =
	    "<worksheet><sheetData>"
	    "<row r='2'><c r='B2' t='s'><v>0</v></c><c r='A2'><v>1.0</v></c>"
	    "<c r='C2' s='1'><v>46113</v></c>"
	    "<c r='D2' t='inlineStr'><is><t>内</t><rPh sb='0' eb='1'><t>ウチ</t></rPh></is></c>"
	    "<c r='E2' t='b'><v>1</v></c><c r='F2' t='str'><f>A1</f><v>式</v></c><c r='G2'><v>3.1234567891E10</v></c>"
	    "<c r='H2' s='1'><v>46113.5</v></c><c r='I2'><v>0.1</v></c>"
	    "<c r='J2' s='1'><v>0.75</v></c>"
	    "<c r='K2' t='e'><v>#N/A</v></c><c r='XFD2' s='1'/></row>"
	    "<row r='9'><c><v>7</v></c><c t='s'><v>1</v></c></row></sheetData></worksheet>";
	static const char *const want[] = {"1", "文字", "2026-04-01", "内", "TRUE", "式", "31234567891",
	    "2026-04-01 12:00", "0.1", "18:00", "#N/A"};
	static const char *const bad[] = {"<a><row r='2'/><row r='1'/></a>",
	    "<a><row><c r='1A'><v>1</v></c></row></a>", "<a><row><c t='s'><v>2</v></c></row></a>",
	    "<a><row><c t='s'><v>-1</v></c></row></a>", "<a><row><c>", "",
	    "<!DOCTYPE a [<!ENTITY x 'y'>]><a><row><c><v>&x;</v></c></row></a>",
	    "<a><row r='1'><c r='XFD1'><v>1</v></c></row></a>"};
	struct table t;

	EQ_I(sheet(xml, &t), 0, "a sheet");
	if (table_rows(&t) == 2) {
		for (size_t i = 0; i < ARRAY_LEN(want); i++)
			EQ_S(table_cell(table_row(&t, 0), i), want[i], want[i]);
		EQ_I(table_row(&t, 1)->no, 9, "rows keep their numbers");
		EQ_S(table_cell(table_row(&t, 1), 1), "二", "cells without a place follow each other");
	}
	table_free(&t);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		OK(sheet(bad[i], &t) < 0, "refused: %s", e.msg);
		table_free(&t);
	}
}

/* -- whole files ------------------------------------------------------------------------------- */

static char path[] = "/tmp/mamori-xlsx-XXXXXX";

static int
read_file(struct table *t)
{
	static unsigned char all[8 << 20];
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(all, 1, sizeof(all), f) : 0;

	if (f)
		(void)fclose(f);
	table_init(t);
	return xlsx_read(all, n, NULL, t, &e);
}

static void
test_round(void)
{
	static const char *const texts[] = {"追加", "髙橋", "﨑", "𠮷野", "葛󠄀", "①", "㈱", "ｶﾅ", "～", "=1+1",
	    "0312345678", "a\nb", " space ", "_x0041_", "'x", "<&>\"", "2026-04-01", "R8.4.1"};
	static const char *const list[] = {"はい", "いいえ", NULL};
	static const struct xlsx_column columns[] = {{"守りID", XLSX_TEXT, 0, true, NULL},
	    {"名前", XLSX_TEXT, 20, false, NULL}, {"数", XLSX_NUMBER, 0, false, NULL},
	    {"日", XLSX_DAY, 0, false, NULL}, {"選ぶ", XLSX_TEXT, 0, false, list}};
	struct table t, u;
	char cmd[400];
	int wrong = 0;

	table_init(&t);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		table_begin(&t, i + 1);
		if (table_set(&t, 0, "id", 2, &e) < 0 ||
		    table_set(&t, 1, texts[i], strlen(texts[i]), &e) < 0 ||
		    table_set(&t, 2, i ? "120" : "007", 3, &e) < 0 ||
		    table_set(&t, 3, i ? "2026-04-01" : "1899-01-01", 10, &e) < 0 ||
		    table_end(&t, &e) < 0)
			wrong++;
	}
	EQ_I(xlsx_write(path, "人", columns, ARRAY_LEN(columns), &t, &e), 0, "written");
	EQ_I(read_file(&u), 0, "read");
	EQ_I(table_rows(&u), ARRAY_LEN(texts) + 1, "a heading and every row");
	for (size_t i = 0; i < ARRAY_LEN(texts) && i + 1 < table_rows(&u); i++) {
		const struct table_row *row = table_row(&u, i + 1);

		wrong += strcmp(table_cell(row, 1), texts[i]) != 0;
		if (strcmp(table_cell(row, 1), texts[i]) != 0)
			printf("# %s came back as %s\n", texts[i], table_cell(row, 1));
		wrong += strcmp(table_cell(row, 2), i ? "120" : "007") != 0;
		wrong += strcmp(table_cell(row, 3), i ? "2026-04-01" : "1899-01-01") != 0;
	}
	EQ_I(wrong, 0, "comes back as it was");
	table_free(&t);
	table_free(&u);
	(void)snprintf(cmd, sizeof(cmd),
	    "command -v unzip >/dev/null && command -v xmllint >/dev/null "
	    "|| exit 77; unzip -tq '%s' >/dev/null && unzip -p '%s' xl/worksheets/sheet1.xml | "
	    "xmllint --noout - && unzip -p '%s' xl/sharedStrings.xml | xmllint --noout - && "
	    "unzip -p '%s' xl/worksheets/sheet1.xml | grep -q 'hidden=\"1\"'",
	    path, path, path, path);
	switch (WEXITSTATUS(system(cmd))) {
	case 77:
		SKIP("no unzip or xmllint");
		break;
	case 0:
		OK(true, "unzip and xmllint find nothing wrong; the first column is hidden");
		break;
	default:
		OK(false, "unzip and xmllint");
	}
}

static const char book[] =
    "<workbook xmlns:r='u'><workbookPr date1904='1'/><sheets>"
    "<sheet name='h' state='hidden' r:id='r0'/><sheet name='v' r:id='r1'/></sheets></workbook>";

#define RELS "<Relationships><Relationship Id='r1' Target='worksheets/one.xml'/></Relationships>"

static void
make(const char *sheet_xml, size_t n, const char *strings, const char *workbook)
{
	int err;
	zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &err);
	struct {
		const char *name, *p;
		size_t n;
	} part[] = {{"xl/workbook.xml", workbook, strlen(workbook)},
	    {"xl/_rels/workbook.xml.rels", RELS, strlen(RELS)},
	    {"xl/worksheets/one.xml", sheet_xml, n},
	    {"xl/sharedStrings.xml", strings, strings ? strlen(strings) : 0}};

	for (size_t i = 0; z && i < ARRAY_LEN(part); i++)
		if (part[i].p)
			(void)!zip_file_add(z, part[i].name,
			    zip_source_buffer(z, part[i].p, part[i].n, 0), 0);
	if (!z || zip_close(z) < 0)
		printf("# the test could not make its file\n");
}

static void
test_hostile(void)
{
	static const char one[] = "<w><row><c><v>1</v></c></row></w>";
	size_t big = (size_t)XLSX_MAX_PART + 4096;
	char *bomb = calloc(1, big);
	struct table t;

	make(one, sizeof(one) - 1, NULL, book);
	EQ_I(read_file(&t), 0, "a small file of another program");
	EQ_S(table_cell(table_row(&t, 0), 0), "1", "its cell");
	table_free(&t);
	if (!bomb)
		return;
	(void)memset(bomb, ' ', big);
	make(bomb, big, NULL, book);
	EQ_I(read_file(&t), E_LIMIT, "a zip bomb");
	table_free(&t);
	free(bomb);
	make(one, sizeof(one) - 1,
	    "<!DOCTYPE s [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
	    "<sst><si><t>&b;</t></si></sst>",
	    book);
	EQ_I(read_file(&t), E_CORRUPT, "an entity bomb");
	OK(strstr(e.msg, "document type") != NULL, "is refused before it grows: %s", e.msg);
	table_free(&t);
	make(one, sizeof(one) - 1, NULL, "<workbook/>");
	EQ_I(read_file(&t), E_NOENT, "no sheet");
	table_free(&t);
	make(one, sizeof(one) - 1, NULL, "<workbook");
	EQ_I(read_file(&t), E_CORRUPT, "broken XML");
	table_free(&t);
	table_init(&t);
	EQ_I(xlsx_read("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", 12, NULL, &t, &e), E_PROTO,
	    "an old or locked file");
	EQ_I(xlsx_read("PK\003\004....", 8, NULL, &t, &e), E_CORRUPT, "a torn zip file");
	EQ_I(xlsx_read("name,phone", 10, NULL, &t, &e), E_PROTO, "a CSV file");
	table_free(&t);
}

int
main(void)
{
	int fd = mkstemp(path);

	test_formats();
	test_strings();
	test_sheet();
	test_round();
	test_hostile();
	(void)close(fd);
	(void)unlink(path);
	return tap_done();
}
