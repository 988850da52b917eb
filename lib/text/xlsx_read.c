/* The file around the parts of a spreadsheet. */
#include <stdio.h>
#include <string.h>
#include <zip.h>

#include "base/num.h"
#include "text/xlsx_int.h"

bool
xlsx_is(const void *p, size_t n)
{
	return n >= 4 && memcmp(p, "PK\003\004", 4) == 0;
}

/* part(z, name, ret, e): One part unpacked. E_NOENT. The sizes that the file claims are not
 * believed. */
static int
part(zip_t *z, const char *name, struct buf *ret, struct err *e)
{
	zip_int64_t at = zip_name_locate(z, name, ZIP_FL_NOCASE);
	zip_file_t *f = at < 0 ? NULL : zip_fopen_index(z, (zip_uint64_t)at, 0);
	char piece[16384];
	zip_int64_t n = 0;
	int r = 0;

	if (at < 0)
		return err_set(e, E_NOENT, "%s: not in the file", name);
	if (!f)
		return err_set(e, E_CORRUPT, "%s: cannot be unpacked: %s", name, zip_strerror(z));
	while (r == 0 && (n = zip_fread(f, piece, sizeof(piece))) > 0)
		r = buf_put(ret, piece, (size_t)n, e);
	if (r == E_LIMIT)
		r = err_set(e, E_LIMIT, "%s: more than %d MiB when unpacked", name,
		    XLSX_MAX_PART >> 20);
	else if (n < 0)
		r = err_set(e, E_CORRUPT, "%s: damaged", name);
	(void)zip_fclose(f);
	return r;
}

/* -- which sheet ------------------------------------------------------------------------------- */

struct book {
	const char *want; /* NULL: the first one in sight */
	bool found, date1904;
	char rel[256], path[512];
};

static void
book_begin(struct xlsx_xml *x, const char *name, const char **attr)
{
	struct book *b = x->ctx;
	const char *sheet = xlsx_attr(attr, "name"), *state = xlsx_attr(attr, "state");
	const char *flag = xlsx_attr(attr, "date1904"), *rel = NULL;

	if (strcmp(name, "workbookPr") == 0 && flag)
		b->date1904 = strcmp(flag, "1") == 0 || strcmp(flag, "true") == 0;
	if (strcmp(name, "sheet") != 0 || b->found || !sheet)
		return;
	for (const char **a = attr; a[0]; a += 2) /* r:id, not the sheet's own */
		if (strchr(a[0], ':') && strcmp(strchr(a[0], ':'), ":id") == 0)
			rel = a[1];
	if (!rel ||
	    (b->want ? strcmp(sheet, b->want) != 0 : state && strcmp(state, "visible") != 0))
		return;
	b->found = true;
	(void)snprintf(b->rel, sizeof(b->rel), "%s", rel);
}

static void
rels_begin(struct xlsx_xml *x, const char *name, const char **attr)
{
	struct book *b = x->ctx;
	const char *id = xlsx_attr(attr, "Id"), *to = xlsx_attr(attr, "Target");

	if (strcmp(name, "Relationship") != 0 || !id || !to || strcmp(id, b->rel) != 0)
		return;
	if (to[0] == '/')
		(void)snprintf(b->path, sizeof(b->path), "%s", to + 1);
	else
		(void)snprintf(b->path, sizeof(b->path), "xl/%s", to);
}

static void
nothing(struct xlsx_xml *x, const char *name)
{
	(void)x, (void)name;
}

static int
find_sheet(zip_t *z, struct book *b, struct err *e)
{
	struct xlsx_xml x = {.ctx = b, .begin = book_begin, .end = nothing};
	struct buf xml;
	int r;

	buf_init(&xml, 4 << 20);
	r = part(z, "xl/workbook.xml", &xml, e);
	if (r == E_NOENT)
		r = err_set(e, E_PROTO, "this is not a spreadsheet (.xlsx)");
	if (r == 0)
		r = xlsx_xml_run(&x, xml.p, xml.len, "workbook.xml", e);
	if (r == 0 && !b->found)
		r = err_set(e, E_NOENT, "there is no sheet %s", b->want ? b->want : "");
	buf_clear(&xml);
	if (r == 0)
		r = part(z, "xl/_rels/workbook.xml.rels", &xml, e);
	x = (struct xlsx_xml){.ctx = b, .begin = rels_begin, .end = nothing};
	if (r == 0)
		r = xlsx_xml_run(&x, xml.p, xml.len, "workbook.xml.rels", e);
	if (r == 0 && !b->path[0])
		r = err_set(e, E_CORRUPT, "the sheet is not in the file");
	buf_free(&xml);
	return r;
}

/* -- everything -------------------------------------------------------------------------------- */

static int
read_sheet(zip_t *z, const char *sheet, struct table *t, struct err *e)
{
	struct book b = {.want = sheet};
	struct xlsx_strings strings = {0};
	struct xlsx_styles styles = {0};
	struct buf xml;
	int r;

	buf_init(&xml, XLSX_MAX_PART);
	r = find_sheet(z, &b, e);
	if (r == 0) {
		r = part(z, "xl/sharedStrings.xml", &xml, NULL);
		r = r == E_NOENT ? 0 : r < 0 ? part(z, "xl/sharedStrings.xml", &xml, e)
		    : xlsx_strings(xml.p, xml.len, &strings, e);
	}
	buf_clear(&xml);
	if (r == 0) {
		r = part(z, "xl/styles.xml", &xml, e);
		r = r == E_NOENT ? 0 : r < 0 ? r : xlsx_styles(xml.p, xml.len, &styles, e);
	}
	buf_clear(&xml);
	if (r == 0)
		r = part(z, b.path, &xml, e);
	if (r == 0)
		r = xlsx_sheet(xml.p, xml.len, &strings, &styles, b.date1904, t, e);
	buf_free(&xml);
	xlsx_strings_free(&strings);
	xlsx_styles_free(&styles);
	return r;
}

int
xlsx_read(const void *p, size_t n, const char *sheet, struct table *t, struct err *e)
{
	zip_error_t ze;
	zip_source_t *src;
	zip_t *z;
	int r;

	if (n >= 8 && memcmp(p, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) == 0)
		return err_set(e, E_PROTO, "an old .xls file, or one with a password; "
		    "save it as .xlsx without a password");
	if (!xlsx_is(p, n))
		return err_set(e, E_PROTO, "this is not a spreadsheet (.xlsx)");
	if (n > XLSX_MAX_FILE)
		return err_set(e, E_LIMIT, "the file has more than %d MiB", XLSX_MAX_FILE >> 20);
	zip_error_init(&ze);
	src = zip_source_buffer_create(p, n, 0, &ze);
	z = src ? zip_open_from_source(src, ZIP_RDONLY, &ze) : NULL;
	if (!z) {
		r = err_set(e, E_CORRUPT, "the file is damaged: %s", zip_error_strerror(&ze));
		zip_source_free(src);
	} else {
		zip_int64_t parts = zip_get_num_entries(z, 0);

		r = parts > XLSX_MAX_PARTS
		    ? err_set(e, E_LIMIT, "the file has more than %d parts", XLSX_MAX_PARTS)
		    : read_sheet(z, sheet, t, e);
		zip_discard(z);
	}
	zip_error_fini(&ze);
	return r;
}
