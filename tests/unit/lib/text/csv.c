#include "text/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "tap.h"

static const char *const torture[] = {"追加", "髙橋", "﨑", "𠮷野", "葛󠄀", "①", "㈱", "ｶﾅ", "～", "=1+1",
    "+81-3", "-5", "@x", "'=1", "''-", "'abc", "'", "＝１", "a,b", "say \"x\"", "two\nlines", "\ttab",
    " space ", "=\"0123\"", "0312345678", "日本語;セミ", "表ソ能", "−", "∥", "¢"};

static int
read_text(const char *p, size_t n, struct table *t, struct csv_found *f, struct err *e)
{
	const struct csv_options o = {.restore = true};

	table_init(t);
	return csv_read(p, n, &o, t, f, e);
}

/* is(in, want): A whole file as rows joined with '/' and cells with '|'. */
static void
is(const char *in, const char *want)
{
	struct csv_found f;
	struct err e = {0};
	struct table t;
	char got[400] = "";
	size_t k = 0;

	if (read_text(in, strlen(in), &t, &f, &e) < 0)
		k = (size_t)snprintf(got, sizeof(got), "%s", e.msg);
	for (size_t i = 0; i < table_rows(&t); i++)
		for (size_t c = 0; c < table_row(&t, i)->n; c++)
			k += (size_t)snprintf(got + k, sizeof(got) - k, "%s%s",
			    c ? "|" : i ? "/" : "", table_cell(table_row(&t, i), c));
	EQ_S(got, want, in);
	table_free(&t);
}

static void
test_habits(void)
{
	is("a,b\r\nc,d\r\n", "a|b/c|d");
	is("a,b\nc,d", "a|b/c|d");
	is("a,b\rc,d\r", "a|b/c|d");
	is("\xef\xbb\xbf" "a,b", "a|b");
	is("a\tb\n1\t2,3", "a|b/1|2,3");
	is("a;b\n1;2,3", "a|b/1|2,3");
	is("sep=;\r\na;b", "a|b");
	is("\"a\"\"b\",\"c\nd\"", "a\"b|c\nd");
	is("a\"b,c", "a\"b|c");
	is("\"a\"b,c", "ab|c");
	is("\"never closed,b", "never closed,b");
	is("=\"0123\",1", "0123|1");
	is("\n\n a ,\n,,\nb", " a /b");
	is("'=1,'x,'-", "=1|'x|-");
	is("", "");
	is("\xef\xbb\xbf", "");
}

static void
test_encodings(void)
{
	struct csv_found f;
	struct err e = {0};
	struct table t;

	/* 髙橋,﨑,①㈱,ｶﾅ～ in CP932; the second bytes of 表ソ能 are a backslash */
	static const char sjis[] = "\xfb\xfc\x8b\xb4,\xed\x95,\x87\x40\x87\x8a,\xb6\xc5\x81\x60,"
				   "\x95\x5c\x83\x5c\x94\x5c";
	static const char utf16[] = "\xff\xfe\x42\xd8\xb7\xdf\x09\x00\x31\x00\x0d\x00\x0a\x00";

	if (OK(read_text(sjis, sizeof(sjis) - 1, &t, &f, &e) == 0, "CP932: %s", e.msg)) {
		EQ_I(f.encoding, CSV_CP932, "found out");
		EQ_S(table_cell(table_row(&t, 0), 0), "髙橋", "NEC's ladder Taka");
		EQ_S(table_cell(table_row(&t, 0), 1), "﨑", "IBM's Saki");
		EQ_S(table_cell(table_row(&t, 0), 2), "①㈱", "marks");
		EQ_S(table_cell(table_row(&t, 0), 3), "ｶﾅ～", "half-width kana, and the tilde");
		EQ_S(table_cell(table_row(&t, 0), 4), "表ソ能", "backslashes inside");
	}
	table_free(&t);
	EQ_I(read_text(utf16, sizeof(utf16) - 1, &t, &f, &e), 0, "UTF-16 of a spreadsheet");
	EQ_S(table_cell(table_row(&t, 0), 0), "𠮷", "a character beyond 16 bits");
	EQ_S(table_cell(table_row(&t, 0), 1), "1", "tabs");
	table_free(&t);
	EQ_I(read_text("a,b\nc,\x85\x40x\n", 9, &t, &f, &e), E_INVAL, "bytes that are no text");
	OK(strstr(e.msg, "row 2, column 2: byte 0x85") != NULL, "are named by place: %s", e.msg);
	table_free(&t);
	EQ_I(read_text("a,b\nc,\x81", 7, &t, &f, &e), E_INVAL, "half a character");
	table_free(&t);
	EQ_I(read_text("PK\003\004\0\0,", 7, &t, &f, &e), E_INVAL, "not a text file");
	table_free(&t);
	for (size_t i = 0; i < CSV_ENCODINGS; i++) {
		enum csv_encoding c;

		OK(csv_encoding_get(csv_encoding_name((enum csv_encoding)i), &c) == 0 && c == i,
		    "%s by name", csv_encoding_name((enum csv_encoding)i));
	}
}

static int
write_all(enum csv_encoding c, struct buf *out, struct csv_writer *w, struct err *e)
{
	int r;

	buf_init(out, 1 << 20);
	r = csv_begin(w, out, c, e);
	for (size_t i = 0; i < ARRAY_LEN(torture) && r == 0; i++) {
		r = csv_put(w, torture[i], e);
		if (r == 0)
			r = csv_put(w, "end", e);
		if (r == 0)
			r = csv_line(w, e);
	}
	return r == 0 ? csv_end(w, e) : r;
}

static void
test_round(void)
{
	struct csv_writer w;
	struct csv_found f;
	struct err e = {0};
	struct table t;
	struct buf b;
	int wrong = 0;

	EQ_I(write_all(CSV_UTF8_BOM, &b, &w, &e), 0, "everything in UTF-8");
	EQ_I(read_text((const char *)b.p, b.len, &t, &f, &e), 0, "is read");
	EQ_I(table_rows(&t), ARRAY_LEN(torture), "every row");
	for (size_t i = 0; i < table_rows(&t); i++) {
		const char *got = table_cell(table_row(&t, i), 0);

		wrong += strcmp(got, torture[i]) != 0;
		if (strcmp(got, torture[i]) != 0)
			printf("# %s came back as %s\n", torture[i], got);
	}
	EQ_I(wrong, 0, "comes back as it was");
	EQ_I(f.encoding, CSV_UTF8_BOM, "with its mark");
	table_free(&t);
	buf_free(&b);
	EQ_I(write_all(CSV_CP932, &b, &w, &e), E_INVAL, "not everything fits CP932");
	EQ_I(w.nbad, 4, "four characters do not");
	OK(strstr(e.msg, "𠮷 (U+20BB7, row 4, column 1)") != NULL, "they are named: %s", e.msg);
	OK(strstr(e.msg, "U+E0100") != NULL, "a variation selector, too");
	OK(strstr(e.msg, "U+2212") != NULL, "and one that would come back as another");
	OK(memchr(b.p, '?', b.len) == NULL, "none became a question mark");
	buf_free(&b);
}

static void
test_cp932_round(void)
{
	static const char *const fit[] = {"追加", "髙橋", "﨑", "①", "㈱", "ｶﾅ", "～", "=1", "表ソ能", "a\nb"};
	struct csv_writer w;
	struct csv_found f;
	struct err e = {0};
	struct table t;
	struct buf b;
	int r, wrong = 0;

	buf_init(&b, 1 << 16);
	r = csv_begin(&w, &b, CSV_CP932, &e);
	for (size_t i = 0; i < ARRAY_LEN(fit) && r == 0; i++) {
		r = csv_put(&w, fit[i], &e);
		if (r == 0)
			r = csv_line(&w, &e);
	}
	if (r == 0)
		r = csv_end(&w, &e);
	EQ_I(r, 0, "what is in CP932");
	EQ_I(read_text((const char *)b.p, b.len, &t, &f, &e), 0, "is read");
	for (size_t i = 0; i < ARRAY_LEN(fit); i++)
		wrong += strcmp(table_cell(table_row(&t, i), 0), fit[i]) != 0;
	EQ_I(wrong, 0, "and comes back as it was");
	EQ_I(f.encoding, CSV_CP932, "in CP932");
	table_free(&t);
	buf_free(&b);
}

/* python's csv reads what we write, and we read what it writes. */
static void
test_peer(void)
{
	static const char script[] =
	    "import csv,sys;r=list(csv.reader(open(sys.argv[1],encoding='utf-8-sig',newline='')));"
	    "csv.writer(open(sys.argv[2],'w',encoding='utf-8',newline=''),quoting=csv.QUOTE_ALL,"
	    "lineterminator='\\n').writerows(r)";
	char a[] = "/tmp/mamori-csv-XXXXXX", b[] = "/tmp/mamori-csv-XXXXXX", cmd[600];
	int fa = mkstemp(a), fb = mkstemp(b), wrong = 0;
	struct csv_writer w;
	struct csv_found f;
	struct err e = {0};
	struct table t;
	struct buf out;
	ssize_t n;
	static char in[1 << 16];

	if (fa < 0 || fb < 0 || write_all(CSV_UTF8_BOM, &out, &w, &e) < 0 ||
	    write(fa, out.p, out.len) < 0)
		return;
	(void)snprintf(cmd, sizeof(cmd), "command -v python3 >/dev/null || exit 77; "
	    "python3 -c \"%s\" '%s' '%s'", script, a, b);
	n = system(cmd);
	if (WEXITSTATUS((int)n) == 77) {
		SKIP("no python3");
	} else {
		EQ_I(n, 0, "python reads it");
		n = read(fb, in, sizeof(in));
		EQ_I(read_text(in, n > 0 ? (size_t)n : 0, &t, &f, &e), 0, "we read python's");
		for (size_t i = 0; i < ARRAY_LEN(torture) && i < table_rows(&t); i++)
			wrong += strcmp(table_cell(table_row(&t, i), 0), torture[i]) != 0;
		EQ_I(wrong, 0, "the same texts");
		EQ_I(table_rows(&t), ARRAY_LEN(torture), "all of them");
		table_free(&t);
	}
	buf_free(&out);
	(void)close(fa);
	(void)close(fb);
	(void)unlink(a);
	(void)unlink(b);
}

static void
test_table(void)
{
	struct table t, u;
	struct err e = {0};
	struct buf b;

	table_init(&t);
	table_init(&u);
	table_begin(&t, 7);
	EQ_I(table_set(&t, 2, "髙", 3, &e), 0, "a cell");
	EQ_I(table_set(&t, TABLE_MAX_COLS, "x", 1, &e), E_LIMIT, "too far right");
	EQ_I(table_set(&t, 0, "\xff", 1, &e), E_INVAL, "not text");
	EQ_I(table_end(&t, &e), 0, "a row");
	buf_init(&b, 1 << 20);
	EQ_I(table_pack(&t, &b, &e), 0, "packed");
	EQ_I(table_unpack(&u, b.p, b.len, &e), 0, "and unpacked");
	OK(table_rows(&u) == 1 && table_row(&u, 0)->no == 7 &&
	    strcmp(table_cell(table_row(&u, 0), 2), "髙") == 0 &&
	    strcmp(table_cell(table_row(&u, 0), 0), "") == 0, "the same");
	table_free(&u);
	for (size_t n = 0; n < b.len; n++) {
		table_init(&u);
		if (table_unpack(&u, b.p, n, &e) == 0)
			OK(false, "cut after %zu bytes", n);
		table_free(&u);
	}
	buf_free(&b);
	table_free(&t);
}

int
main(void)
{
	test_habits();
	test_encodings();
	test_round();
	test_cp932_round();
	test_peer();
	test_table();
	return tap_done();
}
