/* Spreadsheets (Office Open XML). Reading is by libzip and expat under caps and refuses every
 * document type declaration, so that neither a zip bomb nor an entity bomb goes off; a process that
 * serves others still reads in a child. Writing is by libxlsxwriter. */
#ifndef MAMORI_TEXT_XLSX_H
#define MAMORI_TEXT_XLSX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "text/table.h"

enum {
	XLSX_MAX_FILE = 32 << 20,
	XLSX_MAX_PART = 96 << 20, /* bytes of one part when unpacked */
	XLSX_MAX_PARTS = 4096,
	XLSX_MAX_STRINGS = 1000000,
	XLSX_MAX_STYLES = 65536,
	XLSX_MAX_SHEETS = 256,
};

/* xlsx_is(p, n): Whether the bytes begin like a spreadsheet file (a zip file). */
bool xlsx_is(const void *p, size_t n);

/* xlsx_read(p, n, sheet, t, e): Read the sheet of that name, or the first one that is not hidden,
 * into an empty table. Days become YYYY-MM-DD, numbers plain digits, readings above characters
 * (furigana) are left out. E_NOENT (no such sheet), E_PROTO (no spreadsheet, one with a password,
 * or the old .xls), E_CORRUPT, E_LIMIT. */
MUST int xlsx_read(const void *p, size_t n, const char *sheet, struct table *t, struct err *e);

/* The parts, as pure functions of XML, for tests. */
struct xlsx_strings {
	struct arena mem;
	struct vec list; /* of char * */
};
struct xlsx_styles {
	struct vec date; /* of uint8_t: whether cells of this style show days */
};
/* xlsx_strings(p, n, ret, e): xl/sharedStrings.xml; ${ret} is freed by the caller in every case. */
MUST int xlsx_strings(const void *p, size_t n, struct xlsx_strings *ret, struct err *e);
void xlsx_strings_free(struct xlsx_strings *s);
MUST int xlsx_styles(const void *p, size_t n, struct xlsx_styles *ret, struct err *e);
void xlsx_styles_free(struct xlsx_styles *s);
/* xlsx_sheet(p, n, strings, styles, date1904, t, e): xl/worksheets/sheetN.xml. */
MUST int xlsx_sheet(const void *p, size_t n, const struct xlsx_strings *strings,
    const struct xlsx_styles *styles, bool date1904, struct table *t, struct err *e);
/* xlsx_date_format(code): Whether a number format shows days or times. */
bool xlsx_date_format(const char *code);

enum xlsx_type { XLSX_TEXT, XLSX_NUMBER, XLSX_DAY };

struct xlsx_column {
	const char *label;
	enum xlsx_type type;
	double width;            /* in characters */
	bool hidden;
	const char *const *list; /* NULL-terminated choices offered in the cell, or NULL */
};

/* xlsx_write(path, sheet, columns, ncols, t, e): Write a file with one sheet: a heading row that
 * stays in sight, then the rows of ${t}. A cell that is no number or day in a column of that type
 * is written as text. ${path} is written over. E_INVAL, E_SYS. */
MUST int xlsx_write(const char *path, const char *sheet, const struct xlsx_column *columns,
    size_t ncols, const struct table *t, struct err *e);

#endif
