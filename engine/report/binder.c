/* 立入検査の資料: everything an inspector asks for, in one file, and what is missing with its date.
 */
#include <string.h>

#include "report/make_int.h"

enum { COLOURS = 5 };
static const char *const colours[COLOURS] = {"green", "yellow", "red", "grey", "na"};

struct tally {
	size_t colour[COLOURS], items, declared;
};

typedef void each_fn(void *cookie, const json_t *list, const json_t *item);

static void
each_item(const struct make *m, each_fn *fn, void *cookie)
{
	const json_t *lists = get_list(m->data, "checklists");

	for (size_t i = 0; i < json_array_size(lists); i++) {
		const json_t *l = json_array_get(lists, i), *sections = get_list(l, "sections");

		for (size_t k = 0; k < json_array_size(sections); k++) {
			const json_t *items = get_list(json_array_get(sections, k), "items");

			for (size_t n = 0; n < json_array_size(items); n++)
				fn(cookie, l, json_array_get(items, n));
		}
	}
}

static void
count(void *cookie, const json_t *list, const json_t *it)
{
	struct tally *t = cookie;
	size_t i = 0;

	(void)list;
	while (i < COLOURS && strcmp(get(it, "mark"), colours[i]) != 0)
		i++;
	t->colour[i < COLOURS ? i : 3]++; /* nothing known is grey */
	t->items++;
	t->declared += json_is_true(json_object_get(it, "declared"));
}

static void
cover(struct make *m)
{
	make_section(m, "", NO_TOC);
	make_space(m, 6);
	make_line(m, or(get(m->data, "fiscal"), ""), "center", 14, false);
	make_line(m, "立入検査の資料", "center", 26, true);
	make_line(m, "医療情報システムの安全管理（サイバーセキュリティ）", "center", 13, false);
	make_space(m, 6);
	make_kv(m, 45, "医療機関名", facility(m, "name"), "種別・病床数",
	    say(m, "%s%s%s", facility(m, "type"), *get_number(m, json_object_get(m->data, "facility"), "beds") ? "　病床 " : "",
		get_number(m, json_object_get(m->data, "facility"), "beds")),
	    "所在地", facility(m, "address"), "電話", facility(m, "phone"), "管理者（院長）",
	    facility(m, "director"), "医療情報システム安全管理責任者", facility(m, "responsible"), "この資料の担当",
	    facility(m, "contact"), NULL);
	make_approval(m);
	make_line(m, "目次", "left", 13, true);
	make_block(m, json_pack("{s:s}", "type", "toc"));
}

static void
summary(struct make *m)
{
	static const char *const meaning[COLOURS] = {"確かめられた、または書類がある",
	    "申告だけ、または期限のある計画がある", "できていない", "まだ確かめていない、またはわからない", "この施設には当てはまらない"};
	struct tally t = {0};
	json_t *rows;

	each_item(m, count, &t);
	make_section(m, "まとめ", UPRIGHT);
	make_para(m, say(m, "点検の項目は %zu あります。この表示は、確認できた範囲のものです。灰は「問題がない」ではなく「まだ分からない」です。",
	    t.items));
	rows = make_table(m, "状態", 16, "意味", 60, "項目の数", 16, NULL);
	for (size_t i = 0; i < COLOURS; i++)
		make_row(m, rows, i < 4 ? cell_mark(colours[i], "") : cell("該当なし"), cell(meaning[i]),
		    cell(say(m, "%zu", t.colour[i])), NULL);
	make_para(m, say(m, "このうち、申告だけに頼っている項目は %zu です（「申告だけに頼る項目」に並べています）。", t.declared));
}

struct declared {
	struct make *m;
	json_t *t;
};

static void
declared_row(void *cookie, const json_t *list, const json_t *it)
{
	struct declared *d = cookie;
	const json_t *first = json_object_get(it, "first"), *second = json_object_get(it, "second");
	const json_t *last = *get(second, "answer") ? second : first;

	if (!json_is_true(json_object_get(it, "declared")))
		return;
	make_row(d->m, d->t, cell(get(list, "title")), cell(get(it, "ref")), cell(get(it, "text")),
	    cell(say(d->m, "%s\n%s", answer_text(get(last, "answer")),
		short_day(d->m, get(last, "date")))),
	    NULL);
}

static void
declared(struct make *m)
{
	struct declared d = {.m = m};
	struct tally t = {0};

	each_item(m, count, &t);
	make_section(m, "申告だけに頼る項目", SAME_PAGE);
	if (t.declared == 0) {
		make_para(m, "ありません。");
		return;
	}
	make_para(m, "次の項目は、人の申告のほかに裏付けがありません。測る、または書類を付けると、確かさが上がります。");
	d.t = make_table(m, "点検表", 26, "番号", 10, "項目", 46, "申告", 18, NULL);
	each_item(m, declared_row, &d);
}

static void
vendors(struct make *m)
{
	const json_t *list = get_list(m->data, "vendors"), *v;
	json_t *t;
	size_t i;

	make_section(m, "事業者確認用チェックリストの集まり具合", UPRIGHT);
	t = make_table(m, "事業者", 30, "システム", 30, "状態", 20, "日", 18, NULL);
	json_array_foreach(list, i, v)
		make_row(m, t, cell(get(v, "name")), cell(get(v, "systems")), cell(get(v, "state")),
		    cell(short_day(m, get(v, "date"))), NULL);
}

static void
records(struct make *m)
{
	const json_t *it;
	json_t *t;
	size_t i;

	make_section(m, "規程・研修・見直しの記録", UPRIGHT);
	if (get_list(m->data, "documents")) {
		make_heading(m, 2, "規程と手順");
		t = make_table(m, "名前", 46, "版", 12, "施行した日", 20, "承認した人", 22, NULL);
		json_array_foreach(json_object_get(m->data, "documents"), i, it)
			make_row(m, t, cell(get(it, "title")), cell(get(it, "version")),
			    cell(short_day(m, get(it, "date"))), cell(get(it, "by")), NULL);
	}
	if (get_list(m->data, "training")) {
		make_heading(m, 2, "研修");
		t = make_table(m, "名前", 46, "日", 20, "受けた人", 16, "割合", 16, NULL);
		json_array_foreach(json_object_get(m->data, "training"), i, it)
		    make_row(m, t, cell(get(it, "title")), cell(short_day(m, get(it, "date"))),
			cell(get_number(m, it, "people")), cell(get_number(m, it, "rate")), NULL);
	}
	if (get_list(m->data, "minutes")) {
		make_heading(m, 2, "見直しの会議");
		t = make_table(m, "日", 20, "出た人", 26, "決めたこと", 54, NULL);
		json_array_foreach(json_object_get(m->data, "minutes"), i, it)
		    make_row(m, t, cell(short_day(m, get(it, "date"))), cell(get(it, "members")),
			cell(get(it, "text")), NULL);
	}
}

static void
plan(struct make *m)
{
	const json_t *list = get_list(m->data, "plan"), *p;
	json_t *t;
	size_t i;

	make_section(m, "できていないことの計画", SAME_PAGE);
	if (!list) {
		make_para(m, "期限のある計画はありません。");
		return;
	}
	t = make_table(m, "番号", 10, "何を", 46, "だれが", 16, "いつまでに", 18, "今の様子", 22, NULL);
	json_array_foreach(list, i, p)
		make_row(m, t, cell(get(p, "ref")), cell(get(p, "what")), cell(get(p, "who")),
		    cell(short_day(m, get(p, "due"))), cell(get(p, "state")), NULL);
}

/* The pages that an inspector expects and the data does not have: with a day to make each. */
static void
missing(struct make *m)
{
	static const struct {
		const char *name, *page, *how;
	} want[] = {
	    {"checklists", "チェックリスト（医療機関確認用）", "「点検」で答えると、ここに入ります"},
	    {"contacts", "連絡体制図", "「台帳」の連絡先を入れると、ここに入ります"},
	    {"organisation", "体制図", "院長・責任者・担当を決めて入れます"},
	    {"vendors", "チェックリスト（事業者確認用）", "「業者に頼む」で依頼状を送ります"},
	    {"ledgers", "機器とシステムの台帳", "「台帳」で加えるか、表計算の表を読み込みます"},
	    {"generations", "診療データの写しの一覧", "写しを取る予定を作ります"},
	    {"drills", "復元の訓練の証明", "「訓練」を一度行います"},
	    {"access", "アクセスの記録の見直し", "月に一度、記録を見て残します"},
	    {"documents", "規程と手順の一覧", "運用管理規程を作り、院長が承認します"},
	    {"training", "研修の記録", "年に一度、全員が研修を受けます"},
	    {"minutes", "見直しの会議の記録", "年に一度、見直しの会議を開きます"},
	};
	const char *due = short_day(m, get(m->data, "missing_due"));
	json_t *t = NULL;

	make_section(m, "足りない書類と作る予定", SAME_PAGE);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const json_t *v = json_object_get(m->data, want[i].name);

		if (json_array_size(v) > 0 || *get(v, "title"))
			continue;
		if (!t)
			t = make_table(m, "書類", 38, "どうやって", 50, "いつまでに", 18, "だれが", 16, NULL);
		make_row(m, t, cell(want[i].page), cell(want[i].how), cell(or(due, "　　／　　")), cell(""), NULL);
	}
	if (!t)
		make_para(m, "ありません。この資料に入るべきものは、すべて入っています。");
}

static void
about(struct make *m)
{
	make_section(m, "この資料について", SAME_PAGE);
	make_para(m, "この資料は、施設の機械で動く Mamori が、記録から作りました。測ったもの、申告されたもの、事業者が答えたものを"
		     "分けて書いています。各ページの下の「照合」は、この資料の元になったデータの指紋（SHA-256 の先頭）です。");
	make_sign(m, "確認した日", "管理者（院長）", NULL);
}

int
paper_binder(const json_t *data, const char *now, json_t **ret, struct err *e)
{
	struct make m;

	make_begin(&m, data, "立入検査の資料", now);
	cover(&m);
	summary(&m);
	if (*get(json_object_get(data, "organisation"), "title")) {
		make_section(&m, "体制図", UPRIGHT);
		(void)part_tree(&m, "organisation");
	}
	if (*get(json_object_get(data, "contacts"), "title")) {
		make_section(&m, "連絡体制図", UPRIGHT);
		make_para(&m, "上から順に連絡します。つながらないときは次へ進み、時刻を書きます。");
		(void)part_tree(&m, "contacts");
	}
	part_checklists(&m);
	if (get_list(data, "vendors"))
		vendors(&m);
	part_ledgers(&m);
	part_proofs(&m);
	if (get_list(data, "documents") || get_list(data, "training") || get_list(data, "minutes"))
		records(&m);
	plan(&m);
	declared(&m);
	missing(&m);
	about(&m);
	return make_end(&m, ret, e);
}
