/* What Mamori measured, as an inspector may ask for it. */
#include "report/make_int.h"

static void
generations(struct make *m)
{
	const json_t *list = get_list(m->data, "generations"), *it;
	json_t *t;
	size_t i;

	make_section(m, "診療データの写し（バックアップ）", UPRIGHT);
	make_para(m, "写しは暗号化され、決めた日までは、だれにも消せません。中身は定期の点検と復元の訓練で確かめています。");
	t = make_table(m, "システム", 22, "置き場所", 28, "最新の写し", 18, "世代の数", 12, "消せない期限", 18,
	    "備考", 26, NULL);
	json_array_foreach(list, i, it)
		make_row(m, t, cell(get(it, "system")), cell(get(it, "place")),
		    cell(short_day(m, get(it, "newest"))), cell(get_number(m, it, "count")),
		    cell(short_day(m, get(it, "locked_until"))), cell(get(it, "note")), NULL);
}

static void
certificate(struct make *m, const json_t *d, bool ok)
{
	make_heading(m, 2, say(m, "%sの記録（%s）", or(get(d, "kind"), "復元訓練"), short_day(m, get(d, "date"))));
	make_kv(m, 45, "行った日", day(m, get(d, "date")), "対象のシステム", get(d, "system"), "戻した数",
	    *get_number(m, d, "files") ? say(m, "%s ファイル", get_number(m, d, "files")) : "", "かかった時間",
	    *get_number(m, d, "seconds") ? say(m, "%s 秒", get_number(m, d, "seconds")) : "", "食い違い",
	    *get_number(m, d, "mismatch") ? say(m, "%s 件", get_number(m, d, "mismatch")) : "", "結果",
	    ok ? "すべて元のとおりに戻せた" : "戻せないものがあった", "封印された記録の番号", get(d, "mark"), NULL);
}

static void
drills(struct make *m)
{
	const json_t *list = get_list(m->data, "drills"), *d;
	json_t *t;
	size_t i;

	make_section(m, "訓練の証明", UPRIGHT);
	make_para(m, "訓練は写しに対して行い、元のデータには触れません。戻したものは一文字ずつ比べています。");
	t = make_table(m, "行った日", 20, "訓練", 26, "システム", 26, "結果", 22, NULL);
	json_array_foreach(list, i, d) {
		bool ok = json_is_true(json_object_get(d, "ok"));

		make_row(m, t, cell(short_day(m, get(d, "date"))), cell(get(d, "kind")),
		    cell(get(d, "system")),
		    cell_mark(ok ? "green" : "red", ok ? "戻せた" : "戻せないものがあった"), NULL);
	}
	json_array_foreach(list, i, d)
		certificate(m, d, json_is_true(json_object_get(d, "ok")));
}

static void
access_review(struct make *m)
{
	const json_t *list = get_list(m->data, "access"), *it;
	json_t *t;
	size_t i;

	make_section(m, "アクセスの記録の見直し", UPRIGHT);
	t = make_table(m, "期間", 26, "記録の数", 14, "気づいたこと", 38, "確かめた人", 20, "日", 16, NULL);
	json_array_foreach(list, i, it)
		make_row(m, t, cell(get(it, "period")), cell(get_number(m, it, "entries")),
		    cell(or(get(it, "found"), "なし")), cell(get(it, "by")),
		    cell(short_day(m, get(it, "date"))), NULL);
}

static void
seals(struct make *m)
{
	const json_t *s = json_object_get(m->data, "seals");
	bool ok = json_is_true(json_object_get(s, "ok"));

	make_heading(m, 2, "封印された記録の確かめ");
	make_para(m, "Mamori が測ったことと申告されたことは、後から書き換えると分かる形（ハッシュの鎖と署名）で残しています。");
	make_kv(m, 45, "確かめた日", day(m, get(s, "date")), "記録の数", get_number(m, s, "records"), "結果",
	    ok ? "すべての封印が正しい" : "正しくない封印がある", NULL);
}

void
part_proofs(struct make *m)
{
	if (get_list(m->data, "generations"))
		generations(m);
	if (get_list(m->data, "drills"))
		drills(m);
	if (get_list(m->data, "access"))
		access_review(m);
	if (json_is_object(json_object_get(m->data, "seals"))) {
		if (!get_list(m->data, "access"))
			make_section(m, "記録の確かめ", UPRIGHT);
		seals(m);
	}
}
