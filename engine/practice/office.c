/* The shared folder of the staff: rosters (CSV in CP932, xlsx), letters (text, docx), rules, and
 * the odd things that every shared folder has: a decomposed file name, a name that is not UTF-8,
 * hard and symbolic links, an empty file, a deep path. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "practice/codes.h"
#include "practice/date.h"
#include "practice/names.h"
#include "practice/parts.h"
#include "practice/rng.h"
#include "practice/zip.h"

enum { DOC_MAX = 4 << 20, STAFF_WARD = 24 };

static const char *const lines[] = {
	"本指針は、医療安全のための基本の考え方を定める。", "患者の取り違えを防ぐため、二つの情報で確かめる。",
	"薬剤は、指示書と現物を二人で照合する。", "インシデントは、発生から24時間以内に報告する。",
	"USBメモリは、登録したものだけを使う。", "委員会は、毎月①開催②議事録③周知の順に進める。",
	"ご紹介いただきありがとうございます。", "経過は良好で、内服を続けております。",
	"今後ともよろしくお願い申し上げます。", "連絡先: ㈱仮医療機器 ℡0999-00-0000（9：00～17：00）",
	"髙橋・山﨑・𠮷野・葛󠄀西の各氏に配布。", "ﾘｽｸﾏﾈｼﾞﾒﾝﾄ研修は全職員が対象である。",
};

static const char docx_types[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><Types xmlns=\"http://schemas."
    "openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\""
    "application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" "
    "ContentType=\"application/xml\"/><Override PartName=\"/word/document.xml\" ContentType=\""
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/></Types>";
static const char docx_rels[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><Relationships xmlns=\"http://"
    "schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\""
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" "
    "Target=\"word/document.xml\"/></Relationships>";
static const char xlsx_types[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><Types xmlns=\"http://schemas."
    "openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\""
    "application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" "
    "ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\""
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/><Override "
    "PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"application/vnd.openxmlformats-"
    "officedocument.spreadsheetml.worksheet+xml\"/></Types>";
static const char xlsx_rels[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><Relationships xmlns=\"http://"
    "schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\""
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" "
    "Target=\"xl/workbook.xml\"/></Relationships>";
static const char xlsx_book[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><workbook xmlns=\"http://schemas."
    "openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"http://schemas.openxmlformats.org/"
    "officeDocument/2006/relationships\"><sheets><sheet name=\"勤務表\" sheetId=\"1\" r:id=\"rId1\""
    "/></sheets></workbook>";
static const char xlsx_book_rels[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><Relationships xmlns=\"http://"
    "schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\""
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" "
    "Target=\"worksheets/sheet1.xml\"/></Relationships>";

static int
docx(struct rng *r, const char *title, int paragraphs, int64_t stamp, struct buf *out,
    struct err *e)
{
	AUTO(buf_free) struct buf doc = {0};
	struct zip z;
	int c;

	buf_init(&doc, DOC_MAX);
	c = buf_fmt(&doc, e,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><w:document "
	    "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p>"
	    "<w:r>"
	    "<w:t>%s</w:t></w:r></w:p>", title);
	for (int i = 0; i < paragraphs && c == 0; i++)
		c = buf_fmt(&doc, e, "<w:p><w:r><w:t>第%d条　%s%s（%08x）</w:t></w:r></w:p>", i + 1,
		    lines[rng_below(r, (uint32_t)ARRAY_LEN(lines))],
		    lines[rng_below(r, (uint32_t)ARRAY_LEN(lines))],
		    (unsigned)(rng_next(r) >> 32));
	if (c == 0)
		c = buf_str(&doc, "</w:body></w:document>", e);
	zip_begin(&z, out, stamp);
	if (c == 0)
		c = zip_add(&z, "[Content_Types].xml", docx_types, sizeof(docx_types) - 1, e);
	if (c == 0)
		c = zip_add(&z, "_rels/.rels", docx_rels, sizeof(docx_rels) - 1, e);
	if (c == 0)
		c = zip_add(&z, "word/document.xml", doc.p, doc.len, e);
	return c < 0 ? c : zip_end(&z, e);
}

/* One cell of a duty roster. */
static const char *
duty(struct rng *r)
{
	static const char *const kinds[] = {"日", "日", "日", "準", "深", "休", "休", "研", "有"};

	return kinds[rng_below(r, (uint32_t)ARRAY_LEN(kinds))];
}

static int
roster_csv(struct rng *r, uint32_t ward, int32_t changed, struct buf *text, struct err *e)
{
	int c = buf_fmt(text, e, "%uA病棟 勤務表①,最終変更 %d日目,㈱仮システム\r\n職員番号,氏名", 2 + ward,
	    changed);

	for (int d = 1; d <= 30 && c == 0; d++)
		c = buf_fmt(text, e, ",%d日", d);
	for (uint32_t i = 0; i < STAFF_WARD && c == 0; i++) {
		struct staff s;

		names_staff(100 + ward * STAFF_WARD + i, &s);
		c = buf_fmt(text, e, "\r\n%s,%s %s", s.id, s.family, s.given);
		for (int d = 0; d < 30 && c == 0; d++)
			c = buf_fmt(text, e, ",%s", duty(r));
	}
	return c < 0 ? c : buf_str(text, "\r\n備考,変更は前日17：00～受付,,\r\n", e);
}

static int
roster_xlsx(struct rng *r, uint32_t ward, int64_t stamp, struct buf *out, struct err *e)
{
	AUTO(buf_free) struct buf sheet = {0};
	struct zip z;
	int c;

	buf_init(&sheet, DOC_MAX);
	c = buf_str(&sheet,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><worksheet xmlns"
	    "=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>", e);
	for (uint32_t i = 0; i < STAFF_WARD && c == 0; i++) {
		struct staff s;

		names_staff(100 + ward * STAFF_WARD + i, &s);
		c = buf_fmt(&sheet, e, "<row r=\"%u\"><c t=\"inlineStr\"><is><t>%s %s</t></is></c>",
		    i + 1, s.family, s.given);
		for (int d = 0; d < 30 && c == 0; d++)
			c = buf_fmt(&sheet, e, "<c t=\"inlineStr\"><is><t>%s</t></is></c>",
			    duty(r));
		if (c == 0)
			c = buf_str(&sheet, "</row>", e);
	}
	if (c == 0)
		c = buf_str(&sheet, "</sheetData></worksheet>", e);
	zip_begin(&z, out, stamp);
	if (c == 0)
		c = zip_add(&z, "[Content_Types].xml", xlsx_types, sizeof(xlsx_types) - 1, e);
	if (c == 0)
		c = zip_add(&z, "_rels/.rels", xlsx_rels, sizeof(xlsx_rels) - 1, e);
	if (c == 0)
		c = zip_add(&z, "xl/workbook.xml", xlsx_book, sizeof(xlsx_book) - 1, e);
	if (c == 0)
		c = zip_add(&z, "xl/_rels/workbook.xml.rels", xlsx_book_rels,
		    sizeof(xlsx_book_rels) - 1, e);
	if (c == 0)
		c = zip_add(&z, "xl/worksheets/sheet1.xml", sheet.p, sheet.len, e);
	return c < 0 ? c : zip_end(&z, e);
}

static int
rosters(const struct parts *p, uint32_t ward, int32_t day, struct err *e)
{
	AUTO(buf_free) struct buf text = {0}, out = {0};
	int64_t stamp = date_stamp(day, INT64_C(61200321));
	char path[128];
	struct rng r;
	int c;

	buf_init(&text, DOC_MAX);
	buf_init(&out, DOC_MAX);
	rng_init(&r, rng_hash(p->seed, ward, 0x524f535400000000 + (uint64_t)(day + 1)));
	c = roster_csv(&r, ward, day, &text, e);
	if (c == 0)
		c = enc_cp932(p->enc, (const char *)text.p, text.len, &out, e);
	(void)snprintf(path, sizeof(path), "office/勤務表/2026年度/%uA病棟_勤務表.csv", 2 + ward);
	if (c == 0)
		c = tree_put(p->t, path, out.p, out.len, stamp, e);
	buf_clear(&out);
	if (c == 0)
		c = roster_xlsx(&r, ward, stamp, &out, e);
	(void)snprintf(path, sizeof(path), "office/勤務表/2026年度/%uA病棟_勤務表.xlsx", 2 + ward);
	if (c == 0)
		c = tree_put(p->t, path, out.p, out.len, stamp, e);
	return c;
}

static int
letter(const struct parts *p, uint32_t n, int32_t day, int32_t written, struct err *e)
{
	AUTO(buf_free) struct buf text = {0}, out = {0};
	int64_t stamp;
	char path[200], id[9], when[9];
	struct person w;
	struct rng r;
	uint32_t no;
	int c;

	buf_init(&text, DOC_MAX);
	buf_init(&out, DOC_MAX);
	rng_init(&r, rng_hash(p->seed, n, 0x4c45540000000000 + (uint64_t)(day + 1)));
	stamp = date_stamp(written, (int64_t)rng_range(&r, 30000, 66000) * 1000);
	no = rng_below(&r, p->h->known);
	names_person(p->seed, no, 0, &w);
	names_id(no, id);
	date_put8(when, written);
	if (n % 3 == 0) {
		c = buf_fmt(&text, e, "紹介状\r\n%s %s 様（%s）\r\n", w.family, w.given, id);
		for (int i = 0; i < 12 && c == 0; i++)
			c = buf_fmt(&text, e, "%s\r\n", lines[rng_below(&r,
			    (uint32_t)ARRAY_LEN(lines))]);
		if (c == 0)
			c = enc_cp932(p->enc, (const char *)text.p, text.len, &out, e);
	} else {
		c = docx(&r, w.family, rng_range(&r, 20, 220), stamp, &out, e);
	}
	(void)snprintf(path, sizeof(path), "office/紹介状/%.6s/%s_%s_返書%05u.%s", when, when, id, n,
	    n % 3 == 0 ? "txt" : "docx");
	return c < 0 ? c : tree_put(p->t, path, out.p, out.len, stamp, e);
}

static int
diary(const struct parts *p, int32_t day, struct err *e)
{
	/* a file that only grows; day by day at a known place, so that it can be repeated */
	char line[160];
	int fd = tree_open(p->t, "office/日誌.txt", O_WRONLY | O_CREAT | (day == 0 ? O_TRUNC : 0), e);
	int r;

	if (fd < 0)
		return fd;
	(void)snprintf(line, sizeof(line), "%05d日目　入院 %03u 人　当直: 髙橋　異常なし\n", day,
	    hospital_inpatients(p->h));
	r = fio_pwrite_all(p->t->f, fd, line, strlen(line), (uint64_t)day * strlen(line), e);
	if (r == 0)
		r = tree_touch(p->t, fd, date_stamp(day, INT64_C(75600000)), e);
	fio_close(p->t->f, fd);
	p->t->files++;
	p->t->bytes += strlen(line);
	return r;
}

static int
link_error(const char *what, struct err *e)
{
	return errno == EEXIST ? 0 : err_sys(e, "cannot make the %s in office/", what);
}

/* What a shared folder collects over the years. */
static int
oddities(const struct parts *p, struct err *e)
{
	static const char text[] = "練習用のファイルです。\n";
	static const char *const paths[] = {
		/* decomposed: KA + U+3099 twice, as a Mac writes it */
		"office/共有/カ\xe3\x82\x99イト\xe3\x82\x99ライン_第2版.txt",
		/* 勤務.txt in CP932 */
		"office/共有/\x8b\xce\x96\xb1.txt",
		"office/共有/-rf 注意.txt",
		"office/共有/改行\nあり.txt",
		"office/共有/①㈱髙橋﨑𠮷野葛󠄀ｶﾅ～.txt",
		"office/共有/01/02/03/04/05/06/07/08/09/10/11/12/13/14/15/16/17/18/19/20/深い.txt",
	};
	int64_t stamp = date_stamp(-400, INT64_C(40000999));
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(paths) && r == 0; i++)
		r = tree_put(p->t, paths[i], text, sizeof(text) - 1, stamp, e);
	if (r == 0)
		r = tree_put(p->t, "office/共有/空.txt", "", 0, stamp, e);
	if (r == 0 && linkat(p->t->fd, "office/規程/医療安全管理指針.docx", p->t->fd,
		"office/共有/医療安全管理指針_最新.docx", 0) < 0)
		r = link_error("hard link", e);
	if (r == 0 && symlinkat("../規程", p->t->fd, "office/共有/規程へ") < 0)
		r = link_error("symbolic link", e);
	if (r == 0 && symlinkat("もう無い.txt", p->t->fd, "office/共有/切れたリンク") < 0)
		r = link_error("symbolic link", e);
	return r;
}

static int
rules(const struct parts *p, struct err *e)
{
	static const char *const names[] = {"医療安全管理指針", "情報システム運用管理規程",
		"感染対策マニュアル", "個人情報保護規程", "災害時の行動手順"};
	AUTO(buf_free) struct buf out = {0};
	int r = 0;

	buf_init(&out, DOC_MAX);
	for (size_t i = 0; i < ARRAY_LEN(names) && r == 0; i++) {
		int64_t stamp = date_stamp(-300 + (int32_t)i * 7, INT64_C(36000000));
		char path[120];
		struct rng rng;

		rng_init(&rng, rng_hash(p->seed, i, 0x52554c45));
		buf_clear(&out);
		(void)snprintf(path, sizeof(path), "office/規程/%s.docx", names[i]);
		r = docx(&rng, names[i], 60, stamp, &out, e);
		if (r == 0)
			r = tree_put(p->t, path, out.p, out.len, stamp, e);
	}
	return r;
}

int
office_day(const struct parts *p, int32_t day, struct err *e)
{
	uint64_t start = p->t->bytes;
	int r = 0;

	if (day == 0) {
		r = rules(p, e);
		if (r == 0)
			r = oddities(p, e);
		for (uint32_t w = 0; w < HOSPITAL_WARDS && r == 0; w++)
			r = rosters(p, w, 0, e);
		for (uint32_t n = 0; r == 0 && p->t->bytes - start < p->plan->office; n++)
			r = letter(p, n, 0, -(int32_t)(n % 360), e);
	} else {
		r = rosters(p, (uint32_t)day % HOSPITAL_WARDS, day, e);
		for (uint32_t n = 0; n < 3 && r == 0; n++)
			r = letter(p, n, day, day, e);
	}
	return r < 0 ? r : diary(p, day, e);
}
