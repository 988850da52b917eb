#include <string.h>

#include "base/num.h"
#include "report/read_int.h"

enum { ITEMS_MAX = 2000 };

/* Names in the order of enum report_type. */
static const char types[] =
    "heading para list note kv table checks approval sign lines bars tree qr "
    "toc space page";

static struct report_item *
items(struct in *in, const json_t *o, const char *name, size_t max, struct report_block *b,
    const json_t **ret)
{
	struct report_item *it;
	size_t n;

	*ret = in_array(in, o, name, max, &n);
	b->items = it = in_alloc(in, n, sizeof(*it));
	b->nitems = it ? n : 0;
	for (size_t i = 0; it && i < n; i++)
		it[i].text = it[i].value = "";
	return it;
}

static void
texts(struct in *in, const json_t *o, const char *name, size_t max, struct report_block *b)
{
	const json_t *list;
	struct report_item *it = items(in, o, name, max, b, &list);

	for (size_t i = 0; it && i < b->nitems; i++) {
		size_t was = in_push(in, ".%s[%zu]", name, i);

		it[i].text = in_text(in, json_array_get(list, i));
		in_pop(in, was);
	}
}

static void
heading(struct in *in, const json_t *o, struct report_block *b)
{
	in_only(in, o, "type text level");
	b->text = in_text_of(in, o, "text", true);
	b->n = (unsigned)in_number(in, o, "level", 1, 3, 2);
}

static void
para(struct in *in, const json_t *o, struct report_block *b)
{
	in_only(in, o, "type text align bold size indent");
	b->text = in_text_of(in, o, "text", false);
	b->align = (enum report_align)in_word(in, o, "align", "left center right");
	b->bold = in_bool(in, o, "bold", false);
	b->size = in_number(in, o, "size", 10.5, 28, 10.5);
	b->indent = in_number(in, o, "indent", 0, 80, 0);
}

static void
list(struct in *in, const json_t *o, struct report_block *b)
{
	in_only(in, o, "type items ordered");
	texts(in, o, "items", ITEMS_MAX, b);
	b->bold = in_bool(in, o, "ordered", false);
}

static void
note(struct in *in, const json_t *o, struct report_block *b)
{
	in_only(in, o, "type text title strong");
	b->text = in_text_of(in, o, "text", true);
	b->title = in_text_of(in, o, "title", false);
	b->bold = in_bool(in, o, "strong", false);
}

static void
kv(struct in *in, const json_t *o, struct report_block *b)
{
	const json_t *rows;
	struct report_item *it;

	in_only(in, o, "type rows key_width");
	it = items(in, o, "rows", ITEMS_MAX, b, &rows);
	for (size_t i = 0; it && i < b->nitems; i++) {
		size_t was = in_push(in, ".rows[%zu]", i);
		const json_t *row = json_array_get(rows, i);

		in_only(in, row, "key value");
		it[i].text = in_text_of(in, row, "key", true);
		it[i].value = in_text_of(in, row, "value", false);
		in_pop(in, was);
	}
	b->size = in_number(in, o, "key_width", 15, 100, 45);
}

static void
checks(struct in *in, const json_t *o, struct report_block *b)
{
	const json_t *rows;
	struct report_item *it;

	in_only(in, o, "type items size");
	b->size = in_number(in, o, "size", 10.5, 28, 10.5);
	it = items(in, o, "items", ITEMS_MAX, b, &rows);
	for (size_t i = 0; it && i < b->nitems; i++) {
		size_t was = in_push(in, ".items[%zu]", i);
		const json_t *row = json_array_get(rows, i);

		in_only(in, row, "text checked note");
		it[i].text = in_text_of(in, row, "text", true);
		it[i].value = in_text_of(in, row, "note", false);
		it[i].check = in_bool(in, row, "checked", false) ? REPORT_TICKED : REPORT_BOX;
		in_pop(in, was);
	}
}

static void
approval(struct in *in, const json_t *o, struct report_block *b)
{
	in_only(in, o, "type boxes");
	texts(in, o, "boxes", 6, b);
}

static void
sign(struct in *in, const json_t *o, struct report_block *b)
{
	const json_t *rows;
	struct report_item *it;

	in_only(in, o, "type rows");
	it = items(in, o, "rows", 20, b, &rows);
	for (size_t i = 0; it && i < b->nitems; i++) {
		size_t was = in_push(in, ".rows[%zu]", i);
		const json_t *row = json_array_get(rows, i);

		in_only(in, row, "label value seal");
		it[i].text = in_text_of(in, row, "label", true);
		it[i].value = in_text_of(in, row, "value", false);
		it[i].flag = in_bool(in, row, "seal", false);
		in_pop(in, was);
	}
}

static void
lines(struct in *in, const json_t *o, struct report_block *b)
{
	in_only(in, o, "type count label");
	b->text = in_text_of(in, o, "label", false);
	b->n = (unsigned)in_number(in, o, "count", 1, 40, 3);
}

static void
bars(struct in *in, const json_t *o, struct report_block *b)
{
	const json_t *rows;
	struct report_item *it;
	double most = 0;

	in_only(in, o, "type items max unit");
	b->title = in_text_of(in, o, "unit", false);
	it = items(in, o, "items", 100, b, &rows);
	for (size_t i = 0; it && i < b->nitems; i++) {
		size_t was = in_push(in, ".items[%zu]", i);
		const json_t *row = json_array_get(rows, i);

		in_only(in, row, "label value text own");
		it[i].text = in_text_of(in, row, "label", true);
		it[i].value = in_text_of(in, row, "text", false);
		it[i].number = in_number(in, row, "value", 0, 1e15, 0);
		it[i].flag = in_bool(in, row, "own", false);
		most = it[i].number > most ? it[i].number : most;
		in_pop(in, was);
	}
	b->size = in_number(in, o, "max", 1e-9, 1e15, most > 0 ? most : 1);
	if (most > b->size)
		in_bad(in, E_INVAL, "max: %g is less than the longest bar", b->size);
}

static void
node(struct in *in, const json_t *o, struct report_node *ret, unsigned depth)
{
	const json_t *list = json_object_get(o, "children");
	size_t n = json_array_size(list);
	struct report_node *kids;

	if (depth >= REPORT_MAX_DEPTH || ++in->nodes > REPORT_MAX_NODES || n > REPORT_MAX_NODES) {
		in_bad(in, E_LIMIT, "at most %d boxes, %d levels deep", REPORT_MAX_NODES,
		    REPORT_MAX_DEPTH);
		return;
	}
	in_only(in, o, "title text children");
	if (list && !json_is_array(list))
		in_bad(in, E_INVAL, "children: a list is expected");
	ret->title = in_text_of(in, o, "title", true);
	ret->text = in_text_of(in, o, "text", false);
	ret->children = kids = in_alloc(in, n, sizeof(*kids));
	ret->n = kids ? n : 0;
	for (size_t i = 0; kids && i < n && in->r == 0; i++) {
		size_t was = in_push(in, ".children[%zu]", i);

		node(in, json_array_get(list, i), &kids[i], depth + 1);
		in_pop(in, was);
	}
}

static void
tree(struct in *in, const json_t *o, struct report_block *b)
{
	struct report_node *root = in_alloc(in, 1, sizeof(*root));
	size_t was;

	in_only(in, o, "type root");
	was = in_push(in, ".root");
	if (root)
		node(in, json_object_get(o, "root"), root, 0);
	b->root = root;
	in_pop(in, was);
}

static void
qr(struct in *in, const json_t *o, struct report_block *b)
{
	in_only(in, o, "type data caption size");
	b->text = in_text_of(in, o, "data", true);
	b->title = in_text_of(in, o, "caption", false);
	b->size = in_number(in, o, "size", 15, 80, 25);
	if (strlen(b->text) > REPORT_MAX_QR)
		in_bad(in, E_LIMIT, "data: longer than %d bytes", REPORT_MAX_QR);
}

static void
space(struct in *in, const json_t *o, struct report_block *b)
{
	in_only(in, o, "type mm");
	b->size = in_number(in, o, "mm", 0, 200, 5);
}

static void
bare(struct in *in, const json_t *o, struct report_block *b)
{
	(void)b;
	in_only(in, o, "type");
}

void
in_block(struct in *in, const json_t *o, struct report_block *b)
{
	/* in the order of enum report_type */
	static void (*const readers[])(struct in *, const json_t *, struct report_block *) = {
	    heading, para, list, note, kv, in_table, checks, approval, sign, lines, bars, tree, qr,
	    bare, space, bare};

	_Static_assert(ARRAY_LEN(readers) == REPORT_PAGE + 1, "one reader a type");
	b->text = b->title = "";
	if (in->r == 0 && (!json_is_object(o) || !json_object_get(o, "type")))
		in_bad(in, E_INVAL, "an object with a \"type\" is expected");
	b->type = (enum report_type)in_word(in, o, "type", types);
	if (in->r == 0)
		readers[b->type](in, o, b);
}
