/* Parts that more than one paper has. */
#include <string.h>

#include "report/make_int.h"
#include "report/report.h"

const char *
answer_text(const char *a)
{
	static const char *const words[][2] = {{"yes", "はい"}, {"no", "いいえ"}, {"na", "該当なし"},
	    {"unknown", "わからない"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(a, words[i][0]) == 0)
			return words[i][1];
	return a;
}

/* はい with a tick, いいえ with an empty box, and the day below; "" is left white to be filled in.
 */
static json_t *
round_cell(struct make *m, const json_t *round)
{
	const char *a = get(round, "answer"), *on = short_day(m, get(round, "date"));
	const char *text = say(m, "%s%s%s", answer_text(a), *on ? "\n" : "", on);

	if (strcmp(a, "yes") == 0)
		return cell_check(true, text);
	if (strcmp(a, "no") == 0)
		return cell_check(false, text);
	return cell(*a ? text : "　／");
}

static void
checklist_section(struct make *m, const json_t *section)
{
	const json_t *items = get_list(section, "items"), *it;
	json_t *t;
	size_t i;

	if (!items)
		return;
	if (*get(section, "title"))
		make_heading(m, 2, get(section, "title"));
	t = make_table(m, "番号", 9, "確かめること", 44, "1回目\n（確認した日）", 17, "目標日\n（いいえのとき）", 17,
	    "2回目\n（確認した日）", 17, "Mamori の確かめ", 38, NULL);
	json_array_foreach(items, i, it) {
		const char *reason = get(it, "reason");

		if (json_is_true(json_object_get(it, "declared")))
			reason = say(m, "%s%s申告のみ", reason, *reason ? "\n" : "");
		make_row(m, t, cell(get(it, "ref")), cell(get(it, "text")),
		    round_cell(m, json_object_get(it, "first")),
		    cell(short_day(m, get(it, "target"))),
		    round_cell(m, json_object_get(it, "second")),
		    cell_mark(get(it, "mark"), reason), NULL);
	}
}

static void
checklist(struct make *m, const json_t *list)
{
	const json_t *sections = get_list(list, "sections"), *s;
	size_t i;

	make_section(m, get(list, "title"), WIDE);
	if (*get(list, "edition"))
		make_para(m, say(m, "版: %s", get(list, "edition")));
	make_kv(m, 45, "医療機関名", facility(m, "name"), "記入した人・日", "", NULL);
	if (*get(list, "note"))
		make_para(m, get(list, "note"));
	make_para(m, "はい・いいえと確認した日を書きます。いいえのときは、年度内の目標日を書き、2回目に確かめます。"
		     "文は要約です。正式な文は、その年度の様式を見てください。");
	json_array_foreach(sections, i, s)
		checklist_section(m, s);
}

void
part_checklists(struct make *m)
{
	const json_t *lists = get_list(m->data, "checklists"), *l;
	size_t i;

	json_array_foreach(lists, i, l)
		checklist(m, l);
}

/* A copy of a tree with everything a document can hold; what is too deep or too much is counted. */
static json_t *
tree(struct make *m, const json_t *from, unsigned depth, size_t *left)
{
	const json_t *kids = get_list(from, "children");
	const char *text = get(from, "text");
	json_t *list = json_array();
	size_t n = json_array_size(kids), taken = 0;

	for (; depth + 1 < REPORT_MAX_DEPTH && taken < n && *left > 0; taken++) {
		--*left;
		if (json_array_append_new(list,
			tree(m, json_array_get(kids, taken), depth + 1, left)) < 0)
			m->failed = true;
	}
	if (taken < n)
		text = say(m, "%s%sほか %zu", text, *text ? "\n" : "", n - taken);
	return json_pack("{s:s,s:s,s:o}", "title", or(get(from, "title"), "（名前なし）"), "text", text,
	    "children", list);
}

bool
part_tree(struct make *m, const char *name)
{
	const json_t *root = json_object_get(m->data, name);
	size_t left = REPORT_MAX_NODES / 2 - 1;

	if (!*get(root, "title"))
		return false;
	make_block(m, json_pack("{s:s,s:o}", "type", "tree", "root", tree(m, root, 0, &left)));
	return true;
}

static json_t *
ledger_columns(const json_t *titles)
{
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(titles) && i < 12; i++) {
		const char *s = json_string_value(json_array_get(titles, i));

		(void)json_array_append_new(out, json_string(s ? s : ""));
	}
	return out;
}

static void
ledger(struct make *m, const json_t *l)
{
	const json_t *titles = get_list(l, "columns"), *rows = get_list(l, "rows");
	size_t n = json_array_size(titles) < 12 ? json_array_size(titles) : 12;
	json_t *out = json_array();

	make_section(m, or(get(l, "title"), "台帳"), n > 5 ? WIDE : UPRIGHT);
	if (*get(l, "note"))
		make_para(m, get(l, "note"));
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		json_t *cells = json_array();

		for (size_t k = 0; k < n; k++) {
			const char *s = json_string_value(json_array_get(row, k));

			(void)json_array_append_new(cells, json_string(s ? s : ""));
		}
		if (json_array_append_new(out, cells) < 0)
			m->failed = true;
	}
	make_para(m, say(m, "%zu 件", json_array_size(out)));
	if (n > 0)
		make_block(m, json_pack("{s:s,s:o,s:o}", "type", "table", "columns",
		    ledger_columns(titles), "rows", out));
	else
		json_decref(out);
}

void
part_ledgers(struct make *m)
{
	const json_t *list = get_list(m->data, "ledgers"), *l;
	size_t i;

	json_array_foreach(list, i, l)
		ledger(m, l);
}

void
part_measures(struct make *m)
{
	const json_t *list = get_list(m->data, "measures"), *it;
	size_t i;

	json_array_foreach(list, i, it) {
		const char *minutes = get_number(m, it, "minutes"), *who = get(it, "who");

		make_heading(m, 2, say(m, "%zu. %s", i + 1, get(it, "title")));
		if (*get(it, "why"))
			make_note(m, "なぜ", get(it, "why"), false);
		if (get_list(it, "how")) {
			make_line(m, "手順", "left", 10.5, true);
			make_texts(m, true, get_list(it, "how"));
		}
		if (*minutes || *who)
			make_para(m, say(m, "%s%s%s%s%s", *who ? "だれが: " : "", who, *who && *minutes ? "　" : "",
			    *minutes ? "目安: " : "", *minutes ? say(m, "%s 分", minutes) : ""));
		make_block(m, json_pack("{s:s,s:[{s:s}]}", "type", "checks", "items", "text",
		    "済んだ（日付　　　　　　　名前　　　　　　　　　　）"));
	}
}
