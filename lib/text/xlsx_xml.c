/* The XML parts of a spreadsheet. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "text/day.h"
#include "text/xlsx_int.h"

enum { MAX_DEPTH = 64 };

/* -- XML --------------------------------------------------------------------------------------- */

static const char *
local(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

const char *
xlsx_attr(const char **attr, const char *name)
{
	for (; attr[0]; attr += 2)
		if (strcmp(local(attr[0]), name) == 0)
			return attr[1];
	return NULL;
}

void
xlsx_xml_fail(struct xlsx_xml *x, int r)
{
	if (x->code == 0)
		x->code = r;
	(void)XML_StopParser(x->parser, XML_FALSE);
}

static void
on_begin(void *ctx, const char *name, const char **attr)
{
	struct xlsx_xml *x = ctx;

	if (x->code < 0)
		return;
	if (++x->depth > MAX_DEPTH)
		xlsx_xml_fail(x, err_set(x->e, E_LIMIT, "elements are nested too deeply"));
	else
		x->begin(x, local(name), attr);
}

static void
on_end(void *ctx, const char *name)
{
	struct xlsx_xml *x = ctx;

	if (x->code < 0)
		return;
	x->depth--;
	x->end(x, local(name));
}

static void
on_text(void *ctx, const char *s, int n)
{
	struct xlsx_xml *x = ctx;

	if (x->code < 0 || !x->keep)
		return;
	if (buf_put(&x->text, s, (size_t)n, NULL) < 0)
		xlsx_xml_fail(x, err_set(x->e, E_LIMIT, "a cell is longer than %d bytes",
		    TABLE_MAX_CELL));
}

static void
on_doctype(void *ctx, const char *name, const char *sysid, const char *pubid, int internal)
{
	struct xlsx_xml *x = ctx;

	(void)name, (void)sysid, (void)pubid, (void)internal;
	xlsx_xml_fail(x, err_set(x->e, E_CORRUPT, "it declares a document type, which no "
	    "spreadsheet does"));
}

int
xlsx_xml_run(struct xlsx_xml *x, const void *p, size_t n, const char *what, struct err *e)
{
	struct err mine = {0};
	int r = 0;

	x->e = &mine;
	buf_init(&x->text, TABLE_MAX_CELL + 1);
	x->parser = XML_ParserCreate(NULL);
	if (!x->parser)
		return err_set(e, E_NOMEM, "no memory for a parser");
	XML_SetUserData(x->parser, x);
	XML_SetElementHandler(x->parser, on_begin, on_end);
	XML_SetCharacterDataHandler(x->parser, on_text);
	XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
	if (n > XLSX_MAX_PART)
		r = err_set(e, E_LIMIT, "%s: too large", what);
	else if (XML_Parse(x->parser, p, (int)n, XML_TRUE) != XML_STATUS_OK && x->code == 0)
		r = err_set(e, E_CORRUPT, "%s: line %lu: %s", what,
		    (unsigned long)XML_GetCurrentLineNumber(x->parser),
		    XML_ErrorString(XML_GetErrorCode(x->parser)));
	if (x->code < 0)
		r = err_set(e, x->code, "%s: %s", what, mine.msg);
	XML_ParserFree(x->parser);
	buf_free(&x->text);
	return r;
}

/* unescape(b): _x000D_ as the character it stands for, in place. */
static void
unescape(struct buf *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->len;) {
		unsigned char two[2];
		char hex[5];
		unsigned v;

		if (i + 7 <= b->len && b->p[i] == '_' && b->p[i + 1] == 'x' && b->p[i + 6] == '_') {
			(void)memcpy(hex, b->p + i + 2, 4);
			hex[4] = 0;
			for (char *h = hex; *h; h++)
				*h = *h >= 'A' && *h <= 'F' ? (char)(*h + 32) : *h;
			if (hex_get(two, 2, hex) == 0) {
				v = (unsigned)two[0] << 8 | two[1];
				if (v == 0 || v >= 0x80) { /* not used for these */
					b->p[to++] = b->p[i++];
					continue;
				}
				b->p[to++] = (unsigned char)v;
				i += 7;
				continue;
			}
		}
		b->p[to++] = b->p[i++];
	}
	b->len = to;
}

/* -- shared strings ---------------------------------------------------------------------------- */

struct strings {
	struct xlsx_strings *out;
	bool reading; /* inside a reading (furigana) */
	bool item;
};

static void
strings_begin(struct xlsx_xml *x, const char *name, const char **attr)
{
	struct strings *s = x->ctx;

	(void)attr;
	if (strcmp(name, "si") == 0) {
		s->item = true;
		buf_clear(&x->text);
	} else if (strcmp(name, "rPh") == 0) {
		s->reading = true;
	} else if (strcmp(name, "t") == 0) {
		x->keep = s->item && !s->reading;
	}
}

static void
strings_end(struct xlsx_xml *x, const char *name)
{
	struct strings *s = x->ctx;
	char **slot;

	if (strcmp(name, "t") == 0) {
		x->keep = false;
	} else if (strcmp(name, "rPh") == 0) {
		s->reading = false;
	} else if (strcmp(name, "si") == 0 && s->item) {
		s->item = false;
		unescape(&x->text);
		slot = vec_add(&s->out->list);
		if (slot)
			*slot = arena_dup(&s->out->mem, x->text.len ? x->text.p
			    : (const unsigned char *)"", x->text.len);
		if (!slot || !*slot)
			xlsx_xml_fail(x, err_set(x->e, E_LIMIT, "too many texts"));
	}
}

int
xlsx_strings(const void *p, size_t n, struct xlsx_strings *ret, struct err *e)
{
	struct strings s = {.out = ret};
	struct xlsx_xml x = {.ctx = &s, .begin = strings_begin, .end = strings_end};

	arena_init(&ret->mem, TABLE_MAX_BYTES);
	vec_init(&ret->list, sizeof(char *), XLSX_MAX_STRINGS);
	return xlsx_xml_run(&x, p, n, "sharedStrings.xml", e);
}

void
xlsx_strings_free(struct xlsx_strings *s)
{
	arena_free(&s->mem);
	vec_free(&s->list);
}

/* -- styles ------------------------------------------------------------------------------------ */

bool
xlsx_date_format(const char *code)
{
	bool quoted = false;

	for (; *code; code++) {
		if (*code == '"') {
			quoted = !quoted;
		} else if (quoted) {
			continue;
		} else if (*code == '\\' || *code == '_' || *code == '*') {
			if (!code[1])
				break;
			code++;
		} else if (*code == '[') {
			/* [$-411] and [Red] are not days; [h] is a duration */
			while (*code && *code != ']')
				code++;
			if (!*code)
				break;
		} else if (*code == ';') {
			break;
		} else if (strchr("yYdDhHeEgGsS", *code) || *code == 'm' || *code == 'M') {
			/* "General" and the exponent of 0.00E+00 are no days */
			if (strncmp(code, "General", 7) == 0 || strncmp(code, "GENERAL", 7) == 0)
				return false;
			if ((*code == 'E' || *code == 'e') && (code[1] == '+' || code[1] == '-'))
				return false;
			return true;
		}
	}
	return false;
}

static bool
builtin_date(uint64_t id)
{
	return (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) ||
	    (id >= 50 && id <= 58);
}

struct styles {
	struct xlsx_styles *out;
	struct vec days; /* of uint32_t: custom formats that show days */
	bool cells;      /* inside cellXfs */
};

static bool
custom_date(const struct styles *s, uint64_t id)
{
	for (size_t i = 0; i < s->days.len; i++)
		if (*VEC_AT(&s->days, uint32_t, i) == id)
			return true;
	return false;
}

static void
styles_begin(struct xlsx_xml *x, const char *name, const char **attr)
{
	struct styles *s = x->ctx;
	const char *id = xlsx_attr(attr, "numFmtId"), *code = xlsx_attr(attr, "formatCode");
	uint64_t n = 0;

	if (id && num_parse_u64(id, UINT32_MAX, &n, NULL) < 0)
		n = 0;
	if (strcmp(name, "cellXfs") == 0) {
		s->cells = true;
	} else if (strcmp(name, "numFmt") == 0 && code && xlsx_date_format(code)) {
		uint32_t *slot = vec_add(&s->days);

		if (slot)
			*slot = (uint32_t)n;
	} else if (strcmp(name, "xf") == 0 && s->cells) {
		uint8_t *slot = vec_add(&s->out->date);

		if (slot)
			*slot = custom_date(s, n) || builtin_date(n);
		else
			xlsx_xml_fail(x, err_set(x->e, E_LIMIT, "too many styles"));
	}
}

static void
styles_end(struct xlsx_xml *x, const char *name)
{
	struct styles *s = x->ctx;

	if (strcmp(name, "cellXfs") == 0)
		s->cells = false;
}

int
xlsx_styles(const void *p, size_t n, struct xlsx_styles *ret, struct err *e)
{
	struct styles s = {.out = ret};
	struct xlsx_xml x = {.ctx = &s, .begin = styles_begin, .end = styles_end};
	int r;

	vec_init(&ret->date, sizeof(uint8_t), XLSX_MAX_STYLES);
	vec_init(&s.days, sizeof(uint32_t), 4096);
	r = xlsx_xml_run(&x, p, n, "styles.xml", e);
	vec_free(&s.days);
	return r;
}

void
xlsx_styles_free(struct xlsx_styles *s)
{
	vec_free(&s->date);
}

/* -- the sheet --------------------------------------------------------------------------------- */

struct sheet {
	const struct xlsx_strings *strings;
	const struct xlsx_styles *styles;
	bool date1904;
	struct table *t;
	size_t row, col; /* of the present cell, from 0 */
	size_t next_row;
	bool in_row, in_cell, reading, date;
	char type[16];
};

/* column_of(ref, ret): "BC12" is column 54. */
static bool
column_of(const char *ref, size_t *ret)
{
	size_t n = 0;

	for (; *ref >= 'A' && *ref <= 'Z'; ref++) {
		n = n * 26 + (size_t)(*ref - 'A' + 1);
		if (n > 16384)
			return false;
	}
	if (n == 0)
		return false;
	*ret = n - 1;
	return true;
}

/* day_text(s, v, out, n): A serial number as a day, a time of day, or both. */
static void
day_text(const struct sheet *s, double v, char *out, size_t n)
{
	char day[DAY_TEXT];
	double whole = floor(v);
	long minutes = lround((v - whole) * 1440);
	int64_t base = day_number(s->date1904 ? "1904-01-01"
		: whole < 60                  ? "1899-12-31"
					      : "1899-12-30");

	if (minutes >= 1440) {
		whole += 1;
		minutes = 0;
	}
	day_put(base + (int64_t)whole, day);
	if (whole < 1)
		(void)snprintf(out, n, "%02ld:%02ld", minutes / 60, minutes % 60);
	else if (minutes == 0)
		(void)snprintf(out, n, "%s", day);
	else
		(void)snprintf(out, n, "%s %02ld:%02ld", day, minutes / 60, minutes % 60);
}

/* number_text(s, in, out, n): A number as people write it. */
static void
number_text(const struct sheet *s, const char *in, char *out, size_t n)
{
	char *end;
	double v = strtod(in, &end); /* allow: the end is checked below */

	if (*in == 0 || *end != 0 || !isfinite(v)) {
		(void)snprintf(out, n, "%s", in);
		return;
	}
	if (s->date && v >= 0 && v < 2958466)
		day_text(s, v, out, n);
	else if (v == floor(v) && fabs(v) < 1e15)
		(void)snprintf(out, n, "%.0f", v == 0 ? 0.0 : v);
	else
		(void)snprintf(out, n, "%.15g", v);
}

static int
put_cell(struct sheet *s, struct xlsx_xml *x)
{
	char num[400];
	uint64_t i;

	if (x->text.len == 0)
		return 0;
	if (strcmp(s->type, "s") == 0) {
		if (!buf_cstr(&x->text, x->e) ||
		    num_parse_u64((const char *)x->text.p, XLSX_MAX_STRINGS, &i, NULL) < 0 ||
		    i >= s->strings->list.len)
			return err_set(x->e, E_CORRUPT, "row %zu: a text that is not there",
			    s->row + 1);
		const char *text = *VEC_AT(&s->strings->list, char *, i);

		return table_set(s->t, s->col, text, strlen(text), x->e);
	}
	if (strcmp(s->type, "b") == 0)
		return table_set(s->t, s->col, x->text.p[0] == '1' ? "TRUE" : "FALSE",
		    x->text.p[0] == '1' ? 4 : 5, x->e);
	if (strcmp(s->type, "inlineStr") == 0 || strcmp(s->type, "str") == 0) {
		unescape(&x->text);
		return table_set(s->t, s->col, x->text.p, x->text.len, x->e);
	}
	if (strcmp(s->type, "n") != 0 || x->text.len > 300)
		return table_set(s->t, s->col, x->text.p, x->text.len, x->e);
	if (!buf_cstr(&x->text, x->e))
		return E_LIMIT;
	number_text(s, (const char *)x->text.p, num, sizeof(num));
	return table_set(s->t, s->col, num, strlen(num), x->e);
}

static void
begin_row(struct xlsx_xml *x, const char **attr)
{
	struct sheet *s = x->ctx;
	const char *no = xlsx_attr(attr, "r");
	uint64_t n = s->next_row + 1;

	if (no && (num_parse_u64(no, 1048576, &n, NULL) < 0 || n <= s->next_row)) {
		xlsx_xml_fail(x, err_set(x->e, E_CORRUPT, "rows are out of order"));
		return;
	}
	s->row = (size_t)n - 1;
	s->next_row = (size_t)n;
	s->col = 0;
	s->in_row = true;
	table_begin(s->t, (size_t)n);
}

static void
begin_cell(struct xlsx_xml *x, const char **attr)
{
	struct sheet *s = x->ctx;
	const char *ref = xlsx_attr(attr, "r"), *type = xlsx_attr(attr, "t");
	const char *style = xlsx_attr(attr, "s");
	uint64_t i = 0;

	s->in_cell = true;
	if (ref && !column_of(ref, &s->col)) {
		xlsx_xml_fail(x, err_set(x->e, E_CORRUPT, "row %zu: a cell has no place",
		    s->row + 1));
		return;
	}
	(void)snprintf(s->type, sizeof(s->type), "%s", type ? type : "n");
	s->date = style && num_parse_u64(style, XLSX_MAX_STYLES, &i, NULL) == 0 &&
	    i < s->styles->date.len && *VEC_AT(&s->styles->date, uint8_t, i);
	buf_clear(&x->text);
}

static void
sheet_begin(struct xlsx_xml *x, const char *name, const char **attr)
{
	struct sheet *s = x->ctx;

	if (strcmp(name, "row") == 0 && !s->in_row)
		begin_row(x, attr);
	else if (strcmp(name, "c") == 0 && s->in_row && !s->in_cell)
		begin_cell(x, attr);
	else if (strcmp(name, "rPh") == 0)
		s->reading = true;
	else if (s->in_cell && (strcmp(name, "v") == 0 || strcmp(name, "t") == 0))
		x->keep = !s->reading;
}

static void
sheet_end(struct xlsx_xml *x, const char *name)
{
	struct sheet *s = x->ctx;
	int r = 0;

	if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0) {
		x->keep = false;
	} else if (strcmp(name, "rPh") == 0) {
		s->reading = false;
	} else if (strcmp(name, "c") == 0 && s->in_cell) {
		s->in_cell = false;
		r = put_cell(s, x);
		s->col++;
	} else if (strcmp(name, "row") == 0 && s->in_row) {
		s->in_row = false;
		r = table_end(s->t, x->e);
	}
	if (r < 0)
		xlsx_xml_fail(x, r);
}

int
xlsx_sheet(const void *p, size_t n, const struct xlsx_strings *strings,
    const struct xlsx_styles *styles, bool date1904, struct table *t, struct err *e)
{
	struct sheet s = {.strings = strings, .styles = styles, .date1904 = date1904, .t = t};
	struct xlsx_xml x = {.ctx = &s, .begin = sheet_begin, .end = sheet_end};

	return xlsx_xml_run(&x, p, n, "sheet", e);
}
