#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "report/make_int.h"
#include "report/report.h"

enum { TEXTS = 16 << 20, TEXT_MAX = 16384 };

const char *
get(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

const json_t *
get_list(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	return json_array_size(v) > 0 ? v : NULL;
}

const char *
get_number(struct make *m, const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	if (json_is_integer(v))
		return say(m, "%lld", (long long)json_integer_value(v));
	if (json_is_real(v))
		return say(m, "%.1f", json_real_value(v));
	return get(o, name);
}

const char *
facility(const struct make *m, const char *name)
{
	return get(json_object_get(m->data, "facility"), name);
}

const char *
or(const char *s, const char *otherwise)
{
	return *s ? s : otherwise;
}

const char *
say(struct make *m, const char *fmt, ...)
{
	char text[TEXT_MAX];
	const char *s;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(text))
		n = (int)utf8_whole(text, sizeof(text) - 1);
	s = arena_dup(&m->mem, text, (size_t)n);
	if (!s)
		m->failed = true;
	return s ? s : "";
}

const char *
day(struct make *m, const char *s)
{
	const char *out = "";
	struct buf b;

	buf_init(&b, 512);
	if (*s && report_date(&b, s, true, false, NULL) == 0 && buf_cstr(&b, NULL))
		out = say(m, "%s", buf_cstr(&b, NULL));
	buf_free(&b);
	return out;
}

const char *
short_day(struct make *m, const char *s)
{
	static const char form[] = "0000-00-00";

	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return s;
	return say(m, "%.4s/%.2s/%.2s", s, s + 5, s + 8);
}

static void
set(struct make *m, json_t *o, const char *name, json_t *v)
{
	if (json_object_set_new(o, name, v) < 0)
		m->failed = true;
}

void
make_begin(struct make *m, const json_t *data, const char *title, const char *now)
{
	static const char *const same[] = {"number", "version", "link"};

	*m = (struct make){.data = data, .doc = json_object(), .sections = json_array()};
	arena_init(&m->mem, TEXTS);
	set(m, m->doc, "report", json_integer(1));
	set(m, m->doc, "title", json_string(title));
	set(m, m->doc, "printed_at", json_string(now));
	set(m, m->doc, "facility", json_string(facility(m, "name")));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		set(m, m->doc, same[i], json_string(get(data, same[i])));
	/* the document holds it, ${m} borrows it */
	set(m, m->doc, "sections", m->sections);
}

int
make_end(struct make *m, json_t **ret, struct err *e)
{
	arena_free(&m->mem);
	if (m->failed) {
		json_decref(m->doc);
		return err_set(e, E_NOMEM, "no memory for the document");
	}
	*ret = m->doc;
	return 0;
}

void
make_section(struct make *m, const char *title, int how)
{
	json_t *s = json_object();

	if (*title)
		set(m, s, "title", json_string(title));
	set(m, s, "landscape", json_boolean(how & WIDE));
	set(m, s, "new_page", json_boolean(!(how & SAME_PAGE)));
	set(m, s, "toc", json_boolean(!(how & NO_TOC)));
	m->blocks = json_array();
	set(m, s, "blocks", m->blocks);
	if (json_array_append_new(m->sections, s) < 0)
		m->failed = true;
	if (m->failed)
		m->blocks = NULL; /* nobody holds it any more */
}

void
make_block(struct make *m, json_t *b)
{
	if (!b || json_array_append_new(m->blocks, b) < 0)
		m->failed = true;
}

void
make_heading(struct make *m, int level, const char *text)
{
	if (*text)
		make_block(
		    m, json_pack("{s:s,s:i,s:s}", "type", "heading", "level", level, "text", text));
}

void
make_para(struct make *m, const char *text)
{
	make_block(m, json_pack("{s:s,s:s}", "type", "para", "text", text));
}

void
make_line(struct make *m, const char *text, const char *align, double size, bool bold)
{
	make_block(m,
	    json_pack("{s:s,s:s,s:s,s:f,s:b}", "type", "para", "text", text, "align", align, "size",
		size, "bold", bold));
}

void
make_note(struct make *m, const char *title, const char *text, bool strong)
{
	make_block(m, json_pack("{s:s,s:s,s:s,s:b}", "type", "note", "title", title, "text", text,
	    "strong", strong));
}

void
make_space(struct make *m, int mm)
{
	make_block(m, json_pack("{s:s,s:i}", "type", "space", "mm", mm));
}

void
make_list(struct make *m, bool ordered, const char *const *items)
{
	json_t *list = json_array();

	for (; *items; items++)
		if (json_array_append_new(list, json_string(*items)) < 0)
			m->failed = true;
	make_block(
	    m, json_pack("{s:s,s:b,s:o}", "type", "list", "ordered", ordered, "items", list));
}

void
make_texts(struct make *m, bool ordered, const json_t *from)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(from); i++) {
		const char *s = json_string_value(json_array_get(from, i));

		if (s && *s && json_array_append_new(list, json_string(s)) < 0)
			m->failed = true;
	}
	if (json_array_size(list) == 0)
		json_decref(list);
	else
		make_block(m,
		    json_pack("{s:s,s:b,s:o}", "type", "list", "ordered", ordered, "items", list));
}

void
make_kv(struct make *m, int width, ...)
{
	json_t *rows = json_array();
	const char *key;
	va_list ap;

	va_start(ap, width);
	while ((key = va_arg(ap, const char *)) != NULL) {
		const char *value = va_arg(ap, const char *);

		if (json_array_append_new(
			rows, json_pack("{s:s,s:s}", "key", key, "value", value)) < 0)
			m->failed = true;
	}
	va_end(ap);
	make_block(m, json_pack("{s:s,s:i,s:o}", "type", "kv", "key_width", width, "rows", rows));
}

void
make_approval(struct make *m)
{
	make_block(m, json_pack("{s:s,s:[s,s,s]}", "type", "approval", "boxes", "院長", "責任者", "担当"));
}

void
make_sign(struct make *m, ...)
{
	json_t *rows = json_array();
	const char *label, *next;
	va_list ap;

	va_start(ap, m);
	for (label = va_arg(ap, const char *); label; label = next) {
		next = va_arg(ap, const char *);
		if (json_array_append_new(
			rows, json_pack("{s:s,s:b}", "label", label, "seal", !next)) < 0)
			m->failed = true;
	}
	va_end(ap);
	make_block(m, json_pack("{s:s,s:o}", "type", "sign", "rows", rows));
}

json_t *
make_table(struct make *m, const char *title, ...)
{
	json_t *columns = json_array(), *rows = json_array();
	va_list ap;

	va_start(ap, title);
	for (; title; title = va_arg(ap, const char *)) {
		int width = va_arg(ap, int);

		if (json_array_append_new(columns,
			json_pack("{s:s,s:i}", "title", title, "width", width)) < 0)
			m->failed = true;
	}
	va_end(ap);
	/* the block holds the rows, the caller borrows them */
	make_block(
	    m, json_pack("{s:s,s:o,s:o}", "type", "table", "columns", columns, "rows", rows));
	return m->failed ? NULL : rows;
}

void
make_row(struct make *m, json_t *table, ...)
{
	json_t *row = json_array(), *c;
	va_list ap;

	va_start(ap, table);
	while ((c = va_arg(ap, json_t *)) != NULL)
		if (json_array_append_new(row, c) < 0)
			m->failed = true;
	va_end(ap);
	if (json_array_append_new(table, row) < 0)
		m->failed = true;
}

json_t *
cell(const char *text)
{
	return json_string(text);
}

json_t *
cell_bold(const char *text)
{
	return json_pack("{s:s,s:b}", "text", text, "bold", 1);
}

json_t *
cell_mark(const char *mark, const char *text)
{
	static const char *const known[] = {"green", "yellow", "red", "grey"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(mark, known[i]) == 0)
			return json_pack("{s:s,s:s}", "mark", mark, "text", text);
	if (strcmp(mark, "na") == 0)
		return json_pack("{s:s++}", "text", "該当なし", *text ? "\n" : "", text);
	/* nothing is known of it: that is grey, never nothing */
	return json_pack("{s:s,s:s}", "mark", "grey", "text", text);
}

json_t *
cell_check(bool ticked, const char *text)
{
	return json_pack("{s:b,s:s}", "check", ticked, "text", text);
}
