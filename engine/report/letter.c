/* 業者への依頼状, with the form to fill in. */
#include "report/make_int.h"

static void
address(struct make *m, const json_t *to)
{
	const char *person = get(to, "person"), *department = get(to, "department");

	make_line(m, or(day(m, get(m->data, "date")), "　　　　年　　月　　日"), "right", 10.5, false);
	make_line(m, say(m, "%s%s", or(get(to, "company"), "　　　　　　　　　　"), *department || *person ? "" : "　御中"),
	    "left", 12, false);
	if (*department)
		make_line(m, say(m, "%s%s", department, *person ? "" : "　御中"), "left", 12, false);
	if (*person)
		make_line(m, say(m, "%s　様", person), "left", 12, false);
	make_line(m,
	    say(m, "%s\n%s\n電話 %s\n医療情報システム安全管理責任者　%s", facility(m, "name"),
		facility(m, "address"), facility(m, "phone"), facility(m, "responsible")),
	    "right", 10.5, false);
}

static void
opening(struct make *m, json_int_t chase)
{
	make_space(m, 4);
	make_line(m, chase > 0 ? say(m, "医療情報システムの安全管理についてのお願い（%lld回目のご連絡）", (long long)chase + 1)
			       : "医療情報システムの安全管理についてのお願い", "center", 15, true);
	make_space(m, 2);
	make_para(m, "拝啓　時下ますますご清栄のこととお喜び申し上げます。日ごろより当院のシステムの運用にお力添えをいただき、"
		     "厚く御礼申し上げます。");
	if (chase > 0)
		make_para(m, "先にお願いした件について、まだお返事をいただけておりません。行き違いの場合は、なにとぞご容赦ください。");
	make_para(m, "さて、当院では、厚生労働省の「医療情報システムの安全管理に関するガイドライン」に沿って点検を行っております。"
		     "その中で、次の項目について、貴社のお力をお借りしたく、お願い申し上げます。");
	make_para(m, say(m, "お忙しいところ恐れ入りますが、%s までにご回答くださいますよう、お願い申し上げます。",
	    or(day(m, get(m->data, "due")), "　　　　年　　月　　日")));
	make_line(m, "敬具", "right", 10.5, false);
	make_line(m, "記", "center", 12, false);
}

static void
enclosure(struct make *m, const json_t *form)
{
	const json_t *items = get_list(form, "items"), *it;
	json_t *t;
	size_t i;

	make_section(m, or(get(form, "title"), "ご回答の用紙"), UPRIGHT);
	make_kv(m, 45, "事業者名", get(json_object_get(m->data, "to"), "company"), "提供しているシステム", "",
	    "記入した方・部署", "", "記入した日", "", NULL);
	make_para(m, "はい・いいえのどちらかに印を付け、いいえのときは、いつまでにできるかと理由を書いてください。当てはまらないときは、"
		     "その理由を備考に書いてください。");
	t = make_table(m, "番号", 10, "項目", 50, "はい", 11, "いいえ", 12, "できる日・備考", 34, NULL);
	json_array_foreach(items, i, it)
		make_row(m, t, cell(get(it, "ref")), cell(get(it, "text")), cell_check(false, ""),
		    cell_check(false, ""), cell(""), NULL);
	make_sign(m, "日付", "責任者の氏名", NULL);
}

int
paper_letter(const json_t *data, const char *now, json_t **ret, struct err *e)
{
	const json_t *item = json_object_get(data, "item"), *form = json_object_get(data, "form");
	json_int_t chase = json_integer_value(json_object_get(data, "chase"));
	const char *link = get(data, "answer_link");
	struct make m;

	make_begin(&m, data, "業者への依頼状", now);
	make_section(&m, "", NO_TOC);
	address(&m, json_object_get(data, "to"));
	opening(&m, chase > 0 && chase < 100 ? chase : 0);
	make_kv(&m, 38, "項目", say(&m, "%s　%s", get(item, "ref"), get(item, "text")), "やさしく言うと", get(item, "plain"),
	    "お願いの理由", get(item, "reason"), "お願いしたいこと", or(get(item, "ask"), "現在の状況と、できる時期をお知らせください。"),
	    "ご回答の期限", day(&m, get(data, "due")), NULL);
	if (*link) {
		make_para(&m, say(&m, "ご回答は、次の番地からもお送りいただけます%s%s%s。",
		    *get(data, "answer_until") ? "（" : "", *get(data, "answer_until") ? day(&m, get(data, "answer_until")) : "",
		    *get(data, "answer_until") ? " まで有効）" : ""));
		make_block(&m,
		    json_pack("{s:s,s:s,s:s,s:i}", "type", "qr", "data", link, "caption", link,
			"size", 26));
	}
	if (get_list(form, "items"))
		make_para(&m, say(&m, "同封: %s", or(get(form, "title"), "ご回答の用紙")));
	make_line(&m, "以上", "right", 10.5, false);
	if (get_list(form, "items"))
		enclosure(&m, form);
	return make_end(&m, ret, e);
}
