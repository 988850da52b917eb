/* 復旧シート for the wall, and 朝礼シート for the morning. */
#include "report/make_int.h"

static void
recovery_systems(struct make *m)
{
	const json_t *list = get_list(m->data, "systems"), *s;
	json_t *t;
	size_t i;

	make_heading(m, 2, "戻す順番と、写しのある場所");
	t = make_table(m, "順", 8, "システム", 22, "写しの場所", 34, "最新の写し", 18, "業者・電話", 30, "目安", 12, "戻せた時刻", 16,
	    NULL);
	json_array_foreach(list, i, s) {
		const char *minutes = get_number(m, s, "minutes"),
			   *order = get_number(m, s, "order");

		make_row(m, t, cell(*order ? order : say(m, "%zu", i + 1)),
		    cell_bold(get(s, "name")), cell(get(s, "place")),
		    cell(short_day(m, get(s, "newest"))),
		    cell(say(m, "%s%s%s", get(s, "vendor"), *get(s, "phone") ? "\n" : "",
			get(s, "phone"))),
		    cell(*minutes ? say(m, "%s分", minutes) : ""), cell("　：　"), NULL);
	}
	for (i = json_array_size(list); i < 3; i++) /* room to write */
		make_row(m, t, cell(""), cell(" "), cell(""), cell(""), cell(""), cell(""), cell("　：　"), NULL);
}

static void
recovery_steps(struct make *m)
{
	static const char *const steps[] = {"写しにつながる線を抜いたか（最初に抜く。被害を受けた機械から離す）",
	    "外への線（インターネット・VPN・遠隔保守）を抜いたか", "きれいな機械（新しく入れた Debian など）を用意し、Mamori を入れる",
	    "復旧鍵の紙を金庫から出す（出した人・時刻を書く）",
	    "世代を見て、被害の前の日を選ぶ:  mamori vault list 保管庫 --key -",
	    "空の場所へ戻す:  mamori vault restore 保管庫 世代 --to /戻す先 --key -",
	    "途中で止まったら、同じ命令に --resume を付けてもう一度行う", "戻した最初のカルテを開き、人の目で確かめる",
	    "業者と院長が「使ってよい」と決めてから、診療に使う", "紙で書いた分を入力し、紙票の数と合わせる"};
	json_t *t;

	make_heading(m, 2, "手順（終わったら印と時刻）");
	t = make_table(m, "すること", 84, "時刻", 16, NULL);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		make_row(m, t, cell_check(false, steps[i]), cell("　　：　　"), NULL);
}

int
paper_recovery(const json_t *data, const char *now, json_t **ret, struct err *e)
{
	const json_t *calls = get_list(data, "calls"), *it;
	struct make m;
	json_t *t;
	size_t i;

	make_begin(&m, data, "復旧シート", now);
	make_section(&m, "復旧シート（電子カルテが開かない・消えた時）", UPRIGHT);
	make_note(&m, "", "あわてて機械を直さないでください。このシートの上から順に進めます。電源は、業者が言うまで切りません。", true);
	recovery_steps(&m);
	recovery_systems(&m);
	make_heading(&m, 2, "復旧鍵の紙がある所");
	if (get_list(data, "key_places"))
		make_texts(&m, false, get_list(data, "key_places"));
	else
		make_block(&m, json_pack("{s:s,s:i}", "type", "lines", "count", 2));
	make_heading(&m, 2, "電話");
	t = make_table(&m, "相手", 30, "電話", 24, "覚え", 34, "かけた時刻", 16, NULL);
	json_array_foreach(calls, i, it)
		make_row(&m, t, cell_bold(get(it, "who")), cell(get(it, "phone")), cell(get(it, "note")), cell("　：　"), NULL);
	for (i = json_array_size(calls); i < 3; i++)
		make_row(&m, t, cell(" "), cell(""), cell(""), cell("　：　"), NULL);
	return make_end(&m, ret, e);
}

static void
action(struct make *m, const json_t *a)
{
	const char *minutes = get_number(m, a, "minutes"), *who = get(a, "who");
	json_t *t;

	if (!*get(a, "title"))
		return;
	make_heading(m, 2, "いまこれ一つ");
	make_line(m, get(a, "title"), "left", 14, true);
	if (*get(a, "why"))
		make_para(m, say(m, "なぜ: %s", get(a, "why")));
	make_texts(m, true, get_list(a, "how"));
	t = make_table(m, "どうしたか", 34, "", 20, "", 26, "", 20, NULL);
	make_row(m, t,
	    cell_check(false, say(m, "やった（%s%s%s%s）", or(who, "名前"), *minutes ? "・目安 " : "", minutes,
		*minutes ? " 分" : "")),
	    cell_check(false, "業者に頼む"), cell_check(false, "あとで（いつ　　　）"), cell_check(false, "わからない"), NULL);
}

int
paper_morning(const json_t *data, const char *now, json_t **ret, struct err *e)
{
	const json_t *pillars = get_list(data, "pillars"), *lists = get_list(data, "lists"), *it;
	struct make m;
	json_t *t;
	size_t i;

	make_begin(&m, data, "朝礼シート", now);
	make_section(&m, say(&m, "朝礼シート　%s", day(&m, now)), UPRIGHT);
	make_line(&m, or(get(data, "sentence"), "今日の様子はまだ分かりません。"), "left", 15, true);
	action(&m, json_object_get(data, "action"));
	if (get_list(data, "also")) {
		make_heading(&m, 3, "今週あと");
		make_texts(&m, false, get_list(data, "also"));
	}
	if (pillars) {
		make_heading(&m, 3, "五つの柱");
		t = make_table(&m, "柱", 18, "様子", 18, "ひとこと", 64, NULL);
		json_array_foreach(pillars, i, it) make_row(&m, t, cell_bold(get(it, "title")),
		    cell_mark(get(it, "mark"), ""), cell(get(it, "text")), NULL);
	}
	if (get_list(data, "good")) {
		make_heading(&m, 3, "順調なこと");
		make_texts(&m, false, get_list(data, "good"));
	}
	json_array_foreach(lists, i, it) {
		if (!get_list(it, "items"))
			continue;
		make_heading(&m, 3, get(it, "title"));
		make_texts(&m, false, get_list(it, "items"));
	}
	make_block(&m, json_pack("{s:s,s:i,s:s}", "type", "lines", "count", 2, "label", "伝えること"));
	return make_end(&m, ret, e);
}
